"""``make site``: the book as a site to read, in ``build/site``, with an EPUB of the same pages in it.

This module puts the pages, the executed notebooks and what they link to into ``build/site-source``, as Sphinx wants
them; the folder ``site_theme`` beside it has Sphinx's settings and the look. Nothing is executed but the tour, where
``build/tour.html`` is not there, and nothing needs a network once ``.venv-site`` is made.
"""

import argparse
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from authoring.readme import how_tested
from companion.bootstrap import PYTHON_SETTINGS, ROOT
from companion.chapters import Chapter, ChapterError, Sitting, chapters
from companion.errors import SentenceError
from companion.extra_venv import extra_venv
from flightdelay.files import locked

SIZE = "84 packages, 360 MB on disk"
THEME = Path(__file__).with_name("site_theme")
EPUB = "pipelines-for-humans.epub"
REPORT = "tour-report.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The pages beside the chapters, under their headings in the side bar.
BESIDE = {
    "Beside the chapters": (
        "docs/glossary.md",
        "docs/troubleshooting.md",
        "docs/where-it-runs.md",
        "cluster-setup/README.md",
        "docs/two-tools-on-the-cluster/README.md",
        "data/README.md",
        "chapters/16-a-language-model/messages/README.md",
    ),
    "For teachers and writers": (
        "docs/instructor-guide.md",
        "CONTRIBUTING.md",
        "docs/writing.md",
        "CHANGELOG.md",
        ".github/CODE_OF_CONDUCT.md",
        ".github/SECURITY.md",
    ),
}
LANGUAGES = {".py": "python", ".cff": "yaml", ".yaml": "yaml", ".json": "json", ".toml": "toml"}
CODE = re.compile(r"(^(?P<fence>`{3,}).*?^(?P=fence)|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^()\s#]+)(#[^()\s]*)?\)")
KUBERNETES_WORD = re.compile(r"^\*\*([\w ]+)\*\*: (.+)$", re.MULTILINE)
OTHER_WORD = re.compile(r"^- \*([\w -]+)\*: (.+)$", re.MULTILINE)
# In an output: pandas' style, which is no XML, and links to what runs on the reader's machine.
STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)
OWN_MACHINE = re.compile(r'<a href="http://localhost[^>]*>(.*?)</a>', re.DOTALL)
# Where the other words of the glossary are used, and words of Kubernetes that are mostly plain English in a lesson.
CHAPTERS_WITH_OTHER_WORDS = ("14", "15", "16", "17")
FIRST_WITH_KUBERNETES = "06"
PLAIN = {"digest", "driver", "label", "log", "request", "run"}


class SiteError(SentenceError):
    """The site cannot be built."""


def page_of(path: str) -> str:
    """Return where a page of the repository lies in the site's source; empty if it is no page.

    Examples
    --------
    >>> page_of("solutions/04-2-tries.ipynb")
    'notebooks/04-2-tries.ipynb'
    >>> page_of("chapters/04-airflow/README.md")
    'chapters/04-airflow/index.md'
    """
    if re.fullmatch(r"(?:notebooks|solutions)/[\w-]+\.ipynb", path):
        return "notebooks/" + posixpath.basename(path)
    if posixpath.basename(path) == "README.md":
        return posixpath.join(posixpath.dirname(path), "index.md")
    return (
        path.lstrip(".") if path.endswith(".md") else ""
    )  # Sphinx and web servers may pass over a hidden folder


class Source:
    """The folder that Sphinx reads, as it fills.

    Attributes
    ----------
    folder
        Where it is.
    files
        What pages link to that is no page: files and folders of the repository, each of which gets a page.
    origins
        By the name of a page, without suffix, the file of the repository in which a reader's mend belongs.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.files: set[str] = set()
        self.origins: dict[str, str] = {}

    def add(self, page: str, text: str, origin: str = "") -> None:
        """Write a page; with `origin`, one that a reader may mend."""
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if origin:
            self.origins[page.rpartition(".")[0]] = origin

    def linked(self, text: str, origin: str, page: str) -> str:
        """Return Markdown with the links of a file of the repository as they are on its page.

        Raises
        ------
        SiteError
            If a link leads nowhere.
        """

        def target(link: re.Match[str]) -> str:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
            if not (self.root / path).exists():
                raise SiteError(f"{origin} links to {link[1]}, which is not there.")
            if path.endswith((".svg", ".png")):
                place = path
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / path, self.folder / path)
            elif not (place := page_of(path)):
                self.files.add(path)
                place = file_page(path, (self.root / path).is_dir())
            return f"]({posixpath.relpath(place, posixpath.dirname(page))}{link[2] or ''})"

        parts = CODE.split(text)
        # Of three parts, one is text, one is code, and one the code's fence.
        return "".join(
            LINK.sub(target, part).replace("<br>", "<br/>") if number % 3 == 0 else part
            for number, part in enumerate(parts)
            if number % 3 < 2
        )

    def add_files(self) -> None:
        """Write a page for each linked file and folder, and one that lists them."""
        done: set[str] = set()
        while left := sorted(self.files - done):
            path = self.root / left[0]
            done.add(left[0])
            if path.is_dir():
                inside = sorted(each for each in path.iterdir() if each.suffix in LANGUAGES)
                self.files |= {each.relative_to(self.root).as_posix() for each in inside}
                lines = [f"- [`{each.name}`]({each.name}.md)" for each in inside]
                text = f"# `{left[0]}/`\n\n" + "\n".join(lines)
            else:
                text = shown(left[0], path.read_text(encoding="utf-8"))
            self.add(file_page(left[0], path.is_dir()), "---\nnosearch: true\n---\n" + text, left[0])
        pages = [file_page(each, (self.root / each).is_dir()) for each in sorted(done)]
        entries = [posixpath.relpath(page, "files").removesuffix(".md") for page in pages]
        about = "# Files\n\nThe files of the repository that the pages and notebooks name."
        self.add("files/index.md", f"{about}\n\n{toctree('', entries, hidden=False)}")


def file_page(path: str, is_folder: bool) -> str:
    """Return the page that shows a file or a folder."""
    return "files/" + path.lstrip(".") + ("/index.md" if is_folder else ".md")


def shown(path: str, text: str) -> str:
    """Return a page with the whole text of a file, highlighted."""
    fence = "`" * (max((len(ticks) for ticks in re.findall("`{3,}", text)), default=2) + 1)
    language = LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return f"# `{path}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def toctree(caption: str, pages: Iterable[str], hidden: bool = True) -> str:
    """Return the Markdown that gives these pages their place in the side bar and in the order of reading."""
    options = [":maxdepth: 1", *([":hidden:"] * hidden), *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *options, "", *pages, "```", ""])


def sitting_page(learner: NotebookNode, solved: NotebookNode) -> NotebookNode:
    """Return the learner's notebook as a page, with each solution, closed.

    A solution stands below its check, with what both printed in the solved notebook.
    """
    page: NotebookNode = nbformat.v4.new_notebook(metadata=learner.metadata)
    page.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    solution = None
    for cell, other in zip(learner.cells, solved.cells, strict=True):
        cell.metadata = {"mystnb": {"image": {"alt": alt(cell)}}} if alt(cell) else {}
        for output in [*cell.get("outputs", []), *other.get("outputs", [])]:
            if html := output.get("data", {}).get("text/html"):
                output.data["text/html"] = OWN_MACHINE.sub(r"\1", STYLE.sub("", html))
        page.cells.append(cell)
        if cell.source != other.source:
            solution = other
        elif solution and cell.source.rpartition("\n")[2].startswith("check.ex_"):
            solution.source += f"\n\n{other.source}"
            solution.outputs += other.outputs
            titles = {"code_prompt_show": "A solution", "code_prompt_hide": "A solution"}
            solution.metadata = {"tags": ["hide-cell"], "mystnb": titles}
            solution.id = f"{solution.id}-solved"
            page.cells.append(solution)
            solution = None
    return page


def alt(cell: NotebookNode) -> str:
    """Return what a cell's picture shows, in words: the lesson says it, or the picture's own title; else nothing."""
    for output in cell.get("outputs", []):
        drawing = output.get("data", {}).get("image/svg+xml", "")
        if found := re.search(r"<title[^>]*>(.*?)</title>", drawing, re.DOTALL):
            return " ".join(found[1].split())
    return str(cell.metadata.get("alt", ""))


def introduction(chapter: Chapter, sitting: Sitting) -> str:
    """Return the box below the title of a sitting: where it stands, how it was run, and how to do it."""
    number = chapter.sittings.index(sitting) + 1
    page = f"[{chapter.number} · {chapter.title}](../chapters/{chapter.folder.name}/index.md)"
    return (
        f"```{{admonition}} Sitting {number} of {len(chapter.sittings)} of {page}\n:class: note sitting\n\n"
        f"How it was run: {how_tested(chapter)}. To do it yourself, start `make lab` and open `{sitting.notebook}`. "
        "Below each exercise is a solution, closed until you open it.\n```\n"
    )


def glossary_words(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the glossary's words of Kubernetes, and its other ones, each with its sentence in Markdown."""
    return dict(KUBERNETES_WORD.findall(text)), dict(OTHER_WORD.findall(text))


def glossary_page(text: str) -> str:
    """Return the glossary with its words as Sphinx's, so that each can be linked to."""

    def block(pattern: re.Pattern[str], found: str) -> str:
        words = [f"{word}\n  {said}\n" for word, said in pattern.findall(found)]
        return "```{glossary}\n" + "\n".join(words) + "```\n"

    text = re.sub(
        r"(?:^\*\*[\w ]+\*\*: .+\n\n?)+", lambda m: block(KUBERNETES_WORD, m[0]) + "\n", text, flags=re.M
    )
    return re.sub(r"(?:^- \*[\w -]+\*: .+\n)+", lambda m: block(OTHER_WORD, m[0]), text, flags=re.M)


def words_on(chapter: Chapter | None, kubernetes: Iterable[str], other: Iterable[str]) -> list[str]:
    """Return the words of the glossary that open on the pages of a chapter; None: on a guide beside the chapters.

    A word with a capital within (CronJob) means Kubernetes' wherever it stands; one with a capital in front (Job) from
    the chapter on that brings images; one without (volume) only where a sitting is on a cluster.
    """
    late = chapter is None or chapter.number >= FIRST_WITH_KUBERNETES
    on_cluster = chapter is not None and any(sitting.namespaces for sitting in chapter.sittings)
    found = [
        word
        for word in kubernetes
        if word not in PLAIN
        if re.search("[a-z][A-Z]|[A-Z]{2}", word) or (late if word[0].isupper() else on_cluster)
    ]
    if chapter and chapter.number in CHAPTERS_WITH_OTHER_WORDS:
        found += [word for word in other if word not in PLAIN]
    return found


def repository_address(environ: Mapping[str, str], remote: str) -> str:
    """Return where the repository is on the web: the workflow knows it, else git's `remote`; empty if neither does.

    Examples
    --------
    >>> repository_address({}, "git@git.example.org:group/book.git")
    'https://git.example.org/group/book'
    """
    if name := environ.get("GITHUB_REPOSITORY"):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    found = re.fullmatch(
        r"(?:https://(?:[^@/]+@)?|(?:ssh://)?git@)([\w.-]+)[:/]([\w./-]+?)(?:\.git)?/?", remote
    )
    return f"https://{found[1]}/{found[2]}" if found else ""


def home_page(readme: str, known: list[Chapter]) -> str:
    """Return the README as the site's first page, with what only the site has and the order of reading."""
    here = (
        "## On this site\n\nEach chapter has a page to read and one to four sittings, which are notebooks as they ran. "
        "To do them yourself, clone the repository as above.\n\n```{only} not epub\n"
        f'<ul><li><a href="{EPUB}">The whole site as an EPUB</a>, to read without a network.</li>'
        f'<li><a href="{REPORT}">The report of a tour</a>, as <code>make tour</code> leaves it.</li></ul>\n```\n\n'
    )
    trees = [toctree("Chapters", [f"chapters/{chapter.folder.name}/index" for chapter in known])]
    trees += [
        toctree(caption, [page_of(path).removesuffix(".md") for path in pages])
        for caption, pages in BESIDE.items()
    ]
    trees.append(toctree("The code", ["files/index"]))
    return readme.replace("## The map\n", f"{here}## The map\n", 1) + "\n" + "\n".join(trees)


def assemble(root: Path, folder: Path, repository: str) -> None:
    """Fill an empty folder with all that Sphinx reads.

    Parameters
    ----------
    root
        The repository.
    folder
        Where to write.
    repository
        Its address on the web, for the links to mend a page; may be empty.

    Raises
    ------
    SiteError, ChapterError
        If a page links to what is not there, or a chapter's folder is not in order.
    """
    source, known = Source(root, folder), chapters(root)
    kubernetes, other = glossary_words((root / "docs/glossary.md").read_text(encoding="utf-8"))
    words: dict[str, list[str]] = {}

    def text_of(path: str) -> str:
        return source.linked((root / path).read_text(encoding="utf-8"), path, page_of(path))

    source.add("index.md", home_page(text_of("README.md"), known), "README.md")
    for path in (path for paths in BESIDE.values() for path in paths):
        page = page_of(path)
        is_glossary = path == "docs/glossary.md"
        source.add(page, glossary_page(text_of(path)) if is_glossary else text_of(path), path)
        if not is_glossary:
            words[page.removesuffix(".md")] = words_on(None, kubernetes, other)
    for chapter in known:
        of_chapter = words_on(chapter, kubernetes, other)
        path = f"chapters/{chapter.folder.name}/README.md"
        names = [sitting.notebook for sitting in chapter.sittings]
        sittings = toctree("", [f"../../notebooks/{name}" for name in names])
        source.add(page_of(path), f"{text_of(path)}\n{sittings}", path)
        for name in (page_of(path).removesuffix(".md"), *(f"notebooks/{name}" for name in names)):
            words[name] = of_chapter
        for sitting in chapter.sittings:
            _add_sitting(source, chapter, sitting)
    source.add_files()
    for file in THEME.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    data = {
        "version": project["version"],
        "repository": repository,
        "origins": source.origins,
        "glossary": {word: plain(said) for word, said in (kubernetes | other).items()},
        "words": words,
    }
    (folder / "site.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


def _add_sitting(source: Source, chapter: Chapter, sitting: Sitting) -> None:
    name = f"{sitting.notebook}.ipynb"
    learner, solved = (
        nbformat.read(source.root / folder / name, as_version=4) for folder in ("notebooks", "solutions")
    )
    page = sitting_page(learner, solved)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = source.linked(cell.source, f"notebooks/{name}", f"notebooks/{name}")
    title, _, rest = page.cells[0].source.partition("\n")
    page.cells[0].source = f"{title}\n\n{introduction(chapter, sitting)}{rest}"
    origin = sitting.lesson.relative_to(source.root).as_posix()
    source.add(f"notebooks/{name}", nbformat.writes(page), origin)


def plain(said: str) -> str:
    """Return a sentence of the glossary without Markdown."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)|[`*]", r"\1", said)


def tour_report(root: Path) -> Path:
    """Return the report of the last tour; where there is none, take the tour.

    Raises
    ------
    SiteError
        If the tour fails.
    """
    report = root / "build" / "tour.html"
    if not report.exists():
        print("There is no report of a tour yet, which the site shows: make tour, some minutes.", flush=True)
        if subprocess.run([sys.executable, "-m", "companion.tour"], cwd=root).returncode:
            raise SiteError("The tour failed, and the site shows its report: make tour says why.")
    return report


def sphinx(programs: Path, builder: str, source: Path, target: Path) -> None:
    """Run Sphinx, to whom every warning is an error.

    Raises
    ------
    SiteError
        If it has one; what it says is printed.
    """
    shutil.rmtree(target, ignore_errors=True)
    # What was read for one builder serves the next.
    options = ["--fail-on-warning", "--quiet", "--jobs", "2", "--doctree-dir", str(source / ".doctrees")]
    environ = {name: value for name, value in os.environ.items() if name not in PYTHON_SETTINGS}
    command = [str(programs / "python"), "-m", "sphinx", "--builder", builder, *options]
    if subprocess.run([*command, str(source), str(target)], env=environ).returncode:
        raise SiteError("The site was not built: Sphinx says above what is wrong in which page.")


def browser() -> str:
    """Return the Chromium that is installed.

    Raises
    ------
    SiteError
        If there is none.
    """
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise SiteError(
        "The site is tested in a real browser, and there is no Chromium on PATH: install it (Debian: sudo apt install "
        "chromium), then make test-site."
    )


def build_site(programs: Path) -> Path:
    """Build the site and return its folder.

    Parameters
    ----------
    programs
        The folder of programs of ``.venv-site``.

    Raises
    ------
    SiteError, ChapterError
        If a page is not in order, or Sphinx has a warning.
    """
    build = ROOT / "build"
    source, site = build / "site-source", build / "site"
    report = tour_report(ROOT)
    git = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    repository = repository_address(
        os.environ, subprocess.run(git, capture_output=True, text=True).stdout.strip()
    )
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    assemble(ROOT, source, repository)
    sphinx(programs, "epub", source, build / "site-epub")
    sphinx(programs, "html", source, site)
    shutil.copy(build / "site-epub" / EPUB, site)
    shutil.copy(report, site / REPORT)
    if not repository:
        print(
            "No page has a link to mend it: this clone does not know its repository on the web (git remote)."
        )
    return site


def main(arguments: list[str] | None = None) -> int:
    """Build the site, and with ``--test`` try it in a browser; 1 after one sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m authoring.site", description="Build the site.")
    parser.add_argument("--test", action="store_true", help="then test it in Chromium")
    options = parser.parse_args(arguments)
    try:
        chromium = browser() if options.test else ""
        with locked(ROOT / "build" / "site-lock"):
            programs = extra_venv(ROOT, "site", SIZE)
            site = build_site(programs)
            print(
                f"The site is in {site.relative_to(ROOT)}: open {site.relative_to(ROOT) / 'index.html'}.",
                flush=True,
            )
            if not options.test:
                return 0
            # Without conftest.py, which wants the book's packages.
            suite = ["-q", "--noconftest", "tests/site_in_a_browser.py"]
            command = [str(programs / "python"), "-m", "pytest", *suite]
            return subprocess.run(command, cwd=ROOT, env={**os.environ, "CHROMIUM": chromium}).returncode
    except (SentenceError, ChapterError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
