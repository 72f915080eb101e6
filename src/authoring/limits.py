"""A sitting has an end: at most 45 cells, and no code cell longer than 15 lines (``make lint``)."""

import sys
from pathlib import Path

from authoring.build import notebooks_of, sittings
from companion.chapters import Sitting
from companion.environment import repository

CELLS, LINES = 45, 15


def beyond(sitting: Sitting) -> list[str]:
    """Say, a sentence each, what of the solved notebook is longer than a sitting may be."""
    cells = notebooks_of(sitting.lesson)["solution"].cells
    where = f"chapters/{sitting.folder.name}/{sitting.name}.py"
    found = []
    if len(cells) > CELLS:
        found.append(f"{where} has {len(cells)} cells, {CELLS} are a sitting: split it.")
    for number, cell in enumerate(cells, 1):
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > LINES:
            first = cell.source.splitlines()[0]
            found.append(f'{where}, cell {number}, "{first}", has {lines} lines; a reader follows {LINES}.')
    return found


def problems(root: Path) -> list[str]:
    """Say, a sentence each, what of a repository's lessons is too long."""
    return [line for sitting in sittings(root) for line in beyond(sitting)]


def main() -> int:
    """Print what is too long; return 1 if there is any."""
    found = problems(repository())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
