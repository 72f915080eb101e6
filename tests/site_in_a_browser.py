"""``make test-site``: the built site in a real browser, as people with a mouse, a keyboard, a phone or no eyes have it.

It runs in ``.venv-site``, which has Playwright and axe-core and nothing of the book's packages, so that ``make test``
leaves it out (its name does not begin with ``test_``).
"""

import functools
import json
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "build" / "site"))
SOURCE = ROOT / "build" / "site-source"
DATA = json.loads((SOURCE / "site.json").read_text(encoding="utf-8"))
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith(("_static/", "search."))]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
SITTINGS = [page for page in PAGES if page.startswith("notebooks/")]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
# WCAG 2.1, A and AA: contrast, alt texts, names of buttons and links, order of headings in landmarks …
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "preload": False,  # what it loads once more, it takes for beside the page
}
# What is wider than the window, and in nothing that moves by itself.
WIDE = """[...document.querySelectorAll("body *")].filter(each => {
    if (each.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let box = each; box !== document.body; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== "visible") return false;
    return true;
}).map(each => each.outerHTML.slice(0, 150)).slice(0, 5)"""
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the site below a folder, as GitHub Pages does."""
    handler = functools.partial(Quiet, directory=str(SITE.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{SITE.name}/"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser, address: str) -> Iterator[Page]:
    """Open an empty tab, to which everything but the site itself is closed; at the end nothing may be amiss."""
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    amiss: list[str] = []

    def route(request: Route) -> None:
        if request.request.url.startswith((address, "data:")):
            request.continue_()
        else:
            amiss.append(f"asks {request.request.url}")
            request.abort()

    page.route("**/*", route)
    page.on("console", lambda said: amiss.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on("response", lambda got: amiss.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    yield page
    context.close()
    assert amiss == []


def violations(tab: Page) -> list[str]:
    found = tab.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_and_can_be_read_by_everybody(name: str, tab: Page, address: str) -> None:
    tab.goto(address + name)
    expect(tab.locator("h1:visible")).to_have_count(1)
    for picture in tab.locator("img").all():
        alt = (picture.get_attribute("alt") or "").strip()
        assert len(alt) > 10, picture.get_attribute("src")
        assert not alt.endswith((".svg", ".png")), alt
        assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0
    tab.add_script_tag(content=AXE)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert violations(tab) == [], scheme
    tab.set_viewport_size(PHONE)
    width = tab.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], tab.evaluate(WIDE)


class Links(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.targets += [each for key in ("href", "src") if (each := found.get(key))]
        self.targets += [f"#{each}"] if (each := found.get("popovertarget")) else []
        self.ids += [each for key in ("id", "name") if (each := found.get(key))]


def test_no_link_is_dead() -> None:
    read = {page: Links(SITE / page) for page in [*PAGES, "search.html"]}
    dead = []
    for page, links in read.items():
        for target in links.targets:
            parts = urlsplit(urljoin(f"/{page}", target))
            path = unquote(parts.path).removeprefix("/")
            if parts.scheme or parts.netloc:
                dead += [f"{page}: {target}"] if parts.hostname == "localhost" else []
                continue
            there = path in read or (SITE / path).is_file()
            if not there or (
                path in read and parts.fragment and unquote(parts.fragment) not in read[path].ids
            ):
                dead.append(f"{page}: {target}")
    assert dead == []


def words_of(page: str) -> set[str]:
    text = re.sub(r"<[^>]+>", " ", (SITE / page).read_text(encoding="utf-8").partition("<article")[2])
    return set(re.findall(r"\b[a-z]{7,}\b", text))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_search_finds_a_word_of_each_chapter(chapter: str, tab: Page, address: str) -> None:
    """The longest word that only this chapter's page has, among the chapters' pages."""
    elsewhere = set().union(*(words_of(page) for page in CHAPTERS if page != chapter))
    word = max(sorted(words_of(chapter) - elsewhere), key=len)
    tab.goto(f"{address}search.html?q={word}")
    expect(tab.locator(f'#search-results a[href*="{chapter}"]').first).to_be_visible(timeout=30_000)


def test_the_search_is_a_key_away(tab: Page, address: str) -> None:
    tab.goto(address)
    tab.keyboard.press("Control+k")
    tab.keyboard.type("backfill")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("search.html"))
    expect(tab.locator('#search-results a[href*="05-"]').first).to_be_visible(timeout=30_000)


def test_by_next_one_reads_all_sittings_in_their_order(tab: Page, address: str) -> None:
    seen, here = [], "index.html"
    while here.startswith(("index", "chapters", "notebooks")):
        tab.goto(address + here)
        seen.append(here)
        here = urlsplit(tab.locator("a.right-next").evaluate("link => link.href")).path.removeprefix(
            f"/{SITE.name}/"
        )
        back = tab.locator("a.left-prev")
        if len(seen) > 1:
            assert back.evaluate("link => link.href").endswith(seen[-2])
    assert [page for page in seen if page in SITTINGS] == SITTINGS
    assert [page for page in seen if page in CHAPTERS] == CHAPTERS


@pytest.mark.parametrize("name", SITTINGS)
def test_each_exercise_has_its_solution_closed(name: str, tab: Page, address: str) -> None:
    notebook = json.loads((ROOT / name).with_suffix(".ipynb").read_text(encoding="utf-8"))
    checks = re.findall(
        r"^check\.ex_", "\n".join("".join(cell["source"]) for cell in notebook["cells"]), re.MULTILINE
    )
    tab.goto(address + name)
    solutions = tab.locator("details.above-input")
    expect(solutions).to_have_count(len(checks))
    for solution in solutions.all():
        assert solution.get_attribute("open") is None
        expect(solution.locator("pre").first).to_be_hidden()


def test_a_keyboard_is_enough(tab: Page, address: str) -> None:
    tab.goto(f"{address}notebooks/08-1-one-training.html")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")  # the first stop leads past the side bar
    assert tab.evaluate("location.hash") == "#main-content"
    reached = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.className || document.activeElement.tagName"))
        tab.evaluate(
            "Object.assign(window, { at: document.activeElement, style: getComputedStyle(document.activeElement) })"
        )
        seen = tab.evaluate(
            "at === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none'"
        )
        assert seen, tab.evaluate("at.outerHTML")
    assert {"word", "SUMMARY"} <= reached
    solution = tab.locator("details.above-input").first
    solution.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(solution.locator("pre").first).to_be_visible()


def test_a_word_opens_where_it_is_used(tab: Page, address: str) -> None:
    tab.goto(f"{address}notebooks/08-1-one-training.html")
    word = tab.locator("button.word", has_text="Job").first
    card = tab.locator("#term-Job-card")
    expect(card).to_be_hidden()
    word.focus()
    tab.keyboard.press("Enter")
    expect(card).to_be_visible()
    expect(card).to_contain_text("Job: ")
    near, far = word.bounding_box(), card.bounding_box()
    assert near
    assert far
    assert abs(far["y"] - near["y"]) < 300
    tab.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(word).to_be_focused()
    tab.set_viewport_size(PHONE)
    word.click()
    expect(card).to_be_in_viewport(ratio=1)


def test_light_and_dark_are_a_click_apart_and_stay(tab: Page, address: str) -> None:
    tab.goto(address)
    theme = tab.locator("html")
    for mode in ("dark", "light", "dark"):
        tab.get_by_label("Color mode").click()
        tab.locator(f"button.theme-change-button[data-mode={mode}]").click()
        expect(theme).to_have_attribute("data-theme", mode)
    tab.goto(address + SITTINGS[0])
    expect(theme).to_have_attribute("data-theme", "dark")


def test_a_page_leads_to_the_file_that_mends_it() -> None:
    for name in (page for page in PAGES if page.removesuffix(".html") in DATA["origins"]):
        origin, known = DATA["origins"][name.removesuffix(".html")], DATA["repository"]
        assert (ROOT / origin).exists()
        mend = [link for link in Links(SITE / name).targets if re.search(r"/edit/main/|/issues/new\?", link)]
        assert len(mend) == (2 if known else 0), name
        assert not known or mend[0] == f"{known}/edit/main/{origin}"


def test_the_epub_is_whole() -> None:
    """Each page is XML that a reader's device can parse, and no link leads out of the book but to the web."""
    [book] = SITE.glob("*.epub")
    with zipfile.ZipFile(book) as epub:
        assert epub.testzip() is None
        names = set(epub.namelist())
        pages = {name: ElementTree.fromstring(epub.read(name)) for name in names if name.endswith(".xhtml")}
        spine = re.findall(r'href="([^"]+\.xhtml)"', epub.read("content.opf").decode())
    for page in [*CHAPTERS, *SITTINGS]:
        assert page.replace(".html", ".xhtml") in spine
    dead = [
        f"{name}: {target}"
        for name, page in pages.items()
        for element in page.iter()
        if (target := element.get("src") or element.get("href") or "") and not urlsplit(target).scheme
        if urlsplit(urljoin(name, target)).path not in names
    ]
    assert dead == []
