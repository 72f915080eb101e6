"""``python -m companion.progress_report``: what a reader has done so far, or each learner of a class."""

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion.environment import work_folder
from companion.errors import SentenceError
from companion.progress import COLUMNS, NAME, ProgressError, exercises_of, read, row_of, sitting_of


@dataclass(frozen=True)
class Learner:
    """A person, and what is noted of their work: a row for each sitting that they began."""

    name: str
    rows: list[dict[str, Any]]


def learner(name: str, path: Path) -> Learner:
    """Return what a file of notes says.

    Raises
    ------
    ProgressError
        As `read`; and if the notes are of another book.
    """
    begun = [(sitting_of(key), record) for key, record in sorted(read(path).items())]
    return Learner(name, [row_of(sitting, exercises_of(sitting), record) for sitting, record in begun])


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text for a person, with their sums."""
    lines = ["sitting   exercises solved   bets won   minutes   stated"]
    for row in rows:
        solved, won = f"{row['solved']} of {row['exercises']}", f"{row['won']} of {row['bets']}"
        lines.append(f"{row['sitting']:<9}{solved:>17}{won:>11}{row['minutes']:>10}{row['stated']:>9}")
    minutes = sum(row["minutes"] for row in rows)
    return "\n".join([*lines, f"{len(rows)} sittings begun, {minutes / 60:.1f} hours."])


def of_a_class(folder: Path) -> list[Learner]:
    """Return the learners of a folder: a folder for each, with the notes in it or in its ``work/``.

    Raises
    ------
    ProgressError
        If nobody's notes are there, or as `learner`.
    """
    found = sorted({*folder.glob(f"*/{NAME}"), *folder.glob(f"*/work/{NAME}")})
    if not found:
        raise ProgressError(
            f"There is no */{NAME} and no */work/{NAME} in {folder}: ask everybody for the file work/{NAME} of their "
            "copy, and put each into a folder with that person's name."
        )
    return [learner(path.relative_to(folder).parts[0], path) for path in found]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.progress_report", description="What was done so far."
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FOLDER", help="of a class, with a folder for each learner"
    )
    options = parser.parse_args(arguments)
    try:
        if options.csv is not None:
            learners = of_a_class(options.csv)
            writer = csv.DictWriter(sys.stdout, ("learner", *COLUMNS), lineterminator="\n")
            writer.writeheader()
            for each in learners:
                writer.writerows({"learner": each.name} | row for row in each.rows)
            return 0
        rows = learner("", work_folder() / NAME).rows
    except SentenceError as error:
        print(f"progress: {error}", file=sys.stderr)
        return 1
    if rows:
        print(table(rows))
        print(f"Kept in work/{NAME}, on this machine alone. A pause of more than ten minutes counts as ten.")
    else:
        print(
            "Nothing is noted yet: make lab opens the notebooks, and what you do in them is noted from then on."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
