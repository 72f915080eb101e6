"""Make the folder of a new chapter, which already passes the tests: ``python -m authoring.new_chapter 20-our-own``."""

import argparse
import re
import shutil
import sys
from pathlib import Path

from authoring import build
from companion.bootstrap import link_chapters
from companion.chapters import chapters
from companion.environment import repository
from companion.errors import SentenceError

TEMPLATE = Path(__file__).with_name("template")
# The template is a whole chapter, of this number.
NUMBER = "99"


class NewChapterError(SentenceError):
    """The folder cannot be made; the text is one clear sentence."""


def make(name: str, root: Path) -> Path:
    """Make ``chapters/<name>/`` from the template; return the folder.

    Raises
    ------
    NewChapterError
        If `name` is not of the form ``NN-name``, or its number is taken.
    """
    if not re.fullmatch(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*", name):
        raise NewChapterError(
            f"A chapter is called by two digits and a name in small letters, such as 20-our-own, not {name!r}."
        )
    number = name[:2]
    taken = [chapter.folder.name for chapter in chapters(root) if chapter.number == number]
    if taken:
        raise NewChapterError(f"The number {number} is taken by chapters/{taken[0]}: choose another one.")
    folder = root / "chapters" / name
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        for before in ("ex_", "xercise "):  # an exercise is called 5.1, and its chapter 05
            text = text.replace(f"{before}{NUMBER}", f"{before}{int(number)}")
        path.write_text(text.replace(NUMBER, number), encoding="utf-8")
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m authoring.new_chapter", description="Make a new chapter."
    )
    parser.add_argument("name", help="such as 20-our-own")
    name = parser.parse_args(arguments).name
    root = repository()
    try:
        folder = make(name, root)
    except (NewChapterError, OSError) as error:
        print(f"new chapter: {error}", file=sys.stderr)
        return 1
    link_chapters(Path(sys.prefix))
    print(f"Made chapters/{folder.name}. Building its notebooks …", flush=True)
    return build.main([folder.name])


if __name__ == "__main__":
    sys.exit(main())
