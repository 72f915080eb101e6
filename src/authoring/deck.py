"""``python -m authoring.deck``: slides of each chapter, from its page: its pictures, its words, its traps and its card.

One file a chapter, in ``build/deck``, that needs nothing beside it: arrow keys, space or a click go on, a print has a
slide a page.
"""

import base64
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt

from companion.chapters import Chapter, chapters
from companion.environment import repository
from flightdelay.files import write_atomically

TEMPLATE = Path(__file__).with_name("deck.html")
SHOWN = re.compile(r"(the )?words|what people get wrong|(the )?card$", re.IGNORECASE)
PICTURE = re.compile(r"^!\[(.+?)\]\((\S+\.svg)\)$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Slide:
    """A heading, and HTML below it."""

    heading: str
    content: str


def slides(chapter: Chapter) -> list[Slide]:
    """Return the slides of a chapter, in the order of its page."""
    lengths = " + ".join(str(sitting.minutes) for sitting in chapter.sittings)
    first = f"<p>You are able to {chapter.able_to}.</p><p>{lengths} minutes in the notebooks</p>"
    found = [Slide(f"{chapter.number} · {chapter.title}", first)]
    page = (chapter.folder / "README.md").read_text(encoding="utf-8")
    for part in re.split(r"^#{2,3} ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        found += [Slide(heading, _figure(chapter.folder / path, alt)) for alt, path in PICTURE.findall(text)]
        if SHOWN.match(heading):
            # A link leads nowhere where only this file is.
            rest = LINK.sub(r"\1", PICTURE.sub("", text))
            found.append(Slide(heading, f'<div class="scroll" tabindex="0">{MARKDOWN.render(rest)}</div>'))
    return found


def _figure(path: Path, alt: str) -> str:
    """Return a picture with its words, closed: for whoever speaks, or does not see it."""
    picture = base64.b64encode(path.read_bytes()).decode()
    escaped = MARKDOWN.renderInline(alt)
    words = re.sub(r"<[^>]+>", "", escaped).replace('"', "&quot;")
    return (
        f'<figure><img alt="{words}" src="data:image/svg+xml;base64,{picture}"></figure>'
        f"<details><summary>In words</summary>{escaped}</details>"
    )


def page(title: str, parts: list[Slide]) -> str:
    """Return the file of a deck."""
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(title=title, slides=parts)


def main() -> int:
    """Write all decks, and a list of them."""
    root = repository()
    folder = root / "build" / "deck"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        links = []
        for chapter in chapters(root):
            parts = slides(chapter)
            write_atomically(folder / f"{chapter.number}.html", page(parts[0].heading, parts).encode())
            links.append(
                f'<li><a href="{chapter.number}.html">{parts[0].heading}</a>: {len(parts)} slides</li>'
            )
        contents = Slide("Pipelines for Humans", f'<ul class="scroll">{"".join(links)}</ul>')
        write_atomically(folder / "index.html", page("Decks", [contents]).encode())
    except OSError as error:
        print(f"deck: cannot write {error.filename or folder} ({error.strerror}).", file=sys.stderr)
        return 1
    print(f"{len(links)} decks: open {(folder / 'index.html').relative_to(root)} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
