"""What goes into the site, before Sphinx reads it; the built site is tested in a browser (``make test-site``)."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from authoring import site
from companion.chapters import chapters
from companion.extra_venv import ExtraVenvError

ROOT = site.ROOT
CHAPTERS = chapters(ROOT)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site source")
    site.assemble(ROOT, folder, "https://git.example.org/group/book")
    return folder


def test_every_page_of_the_repository_is_in_the_site(source: Path) -> None:
    expected = {f"notebooks/{path.name}" for path in ROOT.glob("notebooks/*.ipynb")}
    expected |= {f"chapters/{chapter.folder.name}/index.md" for chapter in CHAPTERS}
    expected |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")}
    assert expected <= {path.relative_to(source).as_posix() for path in source.rglob("*")}


def test_every_link_of_a_page_leads_to_a_page_or_a_picture_of_the_site(source: Path) -> None:
    dead = []
    for path in [*source.rglob("*.md"), *source.rglob("*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        for link in site.LINK.finditer(site.CODE.sub("", text)):
            if not (path.parent / link[1]).is_file():
                dead.append(f"{path.relative_to(source)}: {link[1]}")
    assert dead == []


def test_the_order_of_reading_has_every_page_once(source: Path) -> None:
    listed = []
    for path in source.rglob("*.md"):
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            names = [line for line in block.splitlines() if line and line[0] != ":"]
            listed += [(path.parent / name).resolve() for name in names]
    pages = [path.with_suffix("") for path in [*source.rglob("*.md"), *source.rglob("*.ipynb")]]
    assert sorted(listed) == sorted({*pages} - {source / "index"})


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(site.SiteError, match=r"docs/a\.md links to gone\.md, which is not there"):
        site.Source(tmp_path, tmp_path / "site").linked("[a](gone.md)", "docs/a.md", "docs/a.md")


def test_links_are_those_of_the_page_and_code_stays(tmp_path: Path) -> None:
    source = site.Source(ROOT, tmp_path)
    text = (
        "[a](../02-the-pipeline/README.md#why), [`b`](../../solutions/01-1-label-and-columns.ipynb), [c](#d)"
    )
    code = "\n```sh\n[x](gone)\n```\n`[y](gone)` and [it](../../src/flightdelay/files.py)"
    there = source.linked(text + code, "chapters/01-the-model/README.md", "chapters/01-the-model/index.md")
    expected = (
        "[a](../02-the-pipeline/index.md#why), [`b`](../../notebooks/01-1-label-and-columns.ipynb), [c](#d)"
    )
    code = code.replace("../../src/flightdelay/files.py", "../../files/src/flightdelay/files.py.md")
    assert there == expected + code
    assert source.files == {"src/flightdelay/files.py"}


def test_a_solution_stands_closed_below_its_check_with_what_it_printed() -> None:
    def notebook(answer: str, verdict: str) -> nbformat.NotebookNode:
        html = '<style scoped>x</style>\n<a href="http://localhost:8081/#/runs">Run details</a>.'
        output = nbformat.v4.new_output("stream", text=verdict)
        details = nbformat.v4.new_output("display_data", data={"text/html": html})
        cells = [
            nbformat.v4.new_markdown_cell("# T", id="0"),
            nbformat.v4.new_code_cell(answer, id="a"),
            nbformat.v4.new_code_cell("check.ex_1_1(answer)", id="b", outputs=[output, details]),
            nbformat.v4.new_code_cell("print(1)", id="c"),
        ]
        return nbformat.v4.new_notebook(cells=cells)

    page = site.sitting_page(notebook("answer = None", "not yet"), notebook("answer = 3", "right"))
    assert [cell.source for cell in page.cells] == [
        "# T",
        "answer = None",
        "check.ex_1_1(answer)",
        "answer = 3\n\ncheck.ex_1_1(answer)",
        "print(1)",
    ]
    solution = page.cells[3]
    assert solution.metadata["tags"] == ["hide-cell"]
    for cell, verdict in ((page.cells[2], "not yet"), (solution, "right")):
        assert cell.outputs[0].text == verdict
        assert cell.outputs[1].data["text/html"] == "Run details."  # there is no such page on the web
    nbformat.validate(page)


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_every_drawing_says_what_it_shows(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            assert len(site.alt(cell)) > 10, cell.source


def test_words_open_where_they_mean_the_glossary_s() -> None:
    kubernetes, other = site.glossary_words((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    by_number = {chapter.number: site.words_on(chapter, kubernetes, other) for chapter in CHAPTERS}
    assert "CronJob" in by_number["02"]
    assert not {"Job", "volume", "lazy"} & set(by_number["02"])
    assert {"Job", "volume"} <= set(by_number["08"])
    assert {"lazy", "rank"} <= set(by_number["15"])
    assert not any(site.PLAIN & set(words) for words in by_number.values())
    page = site.glossary_page((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    assert "\nPod\n  one or more containers" in page
    assert not re.search(r"^\*\*\w+\*\*: ", page, re.MULTILINE)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://git.example.org/group/book.git", "https://git.example.org/group/book"),
        ("https://me:word@git.example.org/group/book", "https://git.example.org/group/book"),
        ("ssh://git@git.example.org/group/book.git", "https://git.example.org/group/book"),
        ("git@git.example.org:group/book.git", "https://git.example.org/group/book"),
        ("/home/me/book", ""),
        ("", ""),
    ],
)
def test_the_repository_is_that_of_the_remote(remote: str, expected: str) -> None:
    assert site.repository_address({}, remote) == expected
    workflow = {"GITHUB_SERVER_URL": "https://git.example.org", "GITHUB_REPOSITORY": "a/b"}
    assert site.repository_address(workflow, remote) == "https://git.example.org/a/b"


def test_without_a_browser_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert site.main(["--test"]) == 1
    assert re.fullmatch(
        r"The site is tested in a real browser, and there is no Chromium.*\n", capsys.readouterr().err
    )


def test_without_a_network_the_sentence_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_network(*_: object) -> Path:
        raise ExtraVenvError("The packages could not be fetched.")

    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "extra_venv", no_network)
    assert site.main([]) == 1
    assert capsys.readouterr().err == "The packages could not be fetched.\n"
