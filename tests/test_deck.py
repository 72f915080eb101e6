"""The slides hold each chapter's pictures with their words, and need nothing beside them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from authoring import deck
from companion.chapters import Chapter, chapters

ROOT = Path(__file__).parents[1]


class Seen(HTMLParser):
    """What a deck's file holds: tags that were opened, closed, and all attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("img", "meta", "br", "hr"):
            self.open.append(tag)
        self.sources += [str(given[name]) for name in ("src", "href") if name in given]
        if tag == "img":
            self.alts.append(str(given.get("alt", "")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("chapter", chapters(ROOT), ids=lambda chapter: chapter.number)
def test_a_deck_is_whole(chapter: Chapter) -> None:
    parts = deck.slides(chapter)
    seen = Seen(deck.page("a", parts))
    assert seen.open == []
    assert all(each.startswith(("data:image/svg+xml", "index.html")) for each in seen.sources)
    pictures = re.findall(r"\]\(\S+\.svg\)$", (chapter.folder / "README.md").read_text(), re.MULTILINE)
    assert len(seen.alts) == len(pictures)
    assert all(len(alt) > 40 for alt in seen.alts)
    headings = [part.heading.lower() for part in parts]
    assert headings[0].endswith(chapter.title.lower())
    assert headings[-1].endswith("card")
    assert any("words" in heading for heading in headings)


def test_decks_are_written_with_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chapters").symlink_to(ROOT / "chapters")
    monkeypatch.setattr(deck, "repository", lambda: tmp_path)
    assert deck.main() == 0
    assert "build/deck/index.html" in capsys.readouterr().out
    listed = Seen((tmp_path / "build" / "deck" / "index.html").read_text()).sources
    assert len(listed) == len(chapters(ROOT)) + 1
    assert all((tmp_path / "build" / "deck" / each).is_file() for each in listed)
