"""What a reader gets who asks: a second hint, and after the verdict "right" the book's solution."""

import itertools
import json
import re
import tomllib

from companion import progress
from companion.check import verdict
from companion.environment import repository


def hint(chapter: int, number: int) -> None:
    """Print the second hint for an exercise, from ``hints.toml`` in the folder of its chapter."""
    hints: dict[str, str] = {}
    for path in repository().glob(f"chapters/{chapter:02}-*/hints.toml"):
        hints = tomllib.loads(path.read_text(encoding="utf-8"))
    print(hints.get(f"ex_{chapter}_{number}", f"There is no exercise {chapter}.{number} with a second hint."))


def solution(chapter: int, number: int) -> None:
    """Print the book's solution of an exercise that is solved."""
    exercise, asked = f"{chapter}.{number}", re.compile(rf"check\.ex_{chapter}_{number}\(")
    cells: list[str] = []
    for path in sorted(repository().glob(f"solutions/{chapter:02}-*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        code = ["".join(each["source"]) for each in notebook["cells"] if each["cell_type"] == "code"]
        cells += [before for before, source in itertools.pairwise(code) if asked.search(source)]
    if not cells:
        print(f"There is no exercise {exercise} with a solution.")
    elif exercise in verdict.SOLVED or progress.solved(exercise):
        print(f"# The book's solution of exercise {exercise}:\n{cells[0]}")
    else:
        print(
            f"Exercise {exercise} is not solved yet: check.hint_{chapter}_{number}() gives another hint. "
            "Who wants to look all the same finds the solved notebook in solutions/."
        )
