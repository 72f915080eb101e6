"""What a reader has done: exercises solved, bets won, minutes spent.

It is kept in ``work/progress.json``, on this machine, and never sent anywhere. Only notebooks in which a person
works are noted: JupyterLab names the notebook to its kernel, VS Code too. `companion.progress_report` shows it.
"""

import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

from companion.chapters import Sitting, chapters
from companion.environment import repository, work_folder
from companion.errors import SentenceError

NAME = "progress.json"
# Who stays away longer from a notebook does something else.
LONGEST_PAUSE = 10 * 60
COLUMNS = ("sitting", "exercises", "solved", "tries", "bets", "won", "minutes", "stated")


class ProgressError(SentenceError):
    """What was noted cannot be read; the text is one clear sentence."""


class Notes:
    """What is noted of the sitting in this kernel.

    Parameters
    ----------
    sitting
        Chapter and notebook, such as ``03-1``.

    Raises
    ------
    ProgressError
        If this book has no such sitting.
    """

    def __init__(self, sitting: str) -> None:
        self._sitting = sitting_of(sitting)
        self._asked = exercises_of(self._sitting)  # read once, and not after each cell
        self._cell, self._bets = "", 0
        self._seen = time.monotonic()
        self._failed = False

    def answered(self, exercise: str, right: bool) -> None:
        """Note a verdict; who was right once stays so."""

        def note(record: dict[str, Any]) -> None:
            told = record["exercises"].setdefault(exercise, {"tries": 0, "right": False})
            if not told["right"]:
                told["tries"] += 1
                told["right"] = right

        self._change(note)

    def bet(self, won: bool | None) -> None:
        """Note the next bet of the cell, None where none was placed. Only the first counts: then the result is seen."""
        self._bets += 1
        key = f"{hashlib.sha256(self._cell.encode()).hexdigest()[:12]}-{self._bets}"
        if won is not None:
            self._change(lambda record: record["bets"].setdefault(key, won))

    def before_cell(self, info: Any) -> None:
        """Remember which cell runs."""
        self._cell, self._bets = str(info.raw_cell), 0

    def after_cell(self, _: Any) -> None:
        """Add the time since the cell before, and say it once when all exercises of the sitting are solved."""
        now = time.monotonic()
        spent, self._seen = min(now - self._seen, LONGEST_PAUSE) / 60, now
        ended = []

        def note(record: dict[str, Any]) -> None:
            record["minutes"] = round(record["minutes"] + spent, 2)
            row = row_of(self._sitting, self._asked, record)
            if row["solved"] == row["exercises"] > 0 and not record["ended"]:
                record["ended"] = True
                ended.append(row)

        self._change(note)
        for row in ended:
            print(
                f"All {row['exercises']} exercises of {self._sitting.key} are solved · "
                f"{row['won']} of {row['bets']} bets won · {row['minutes']} minutes, {row['stated']} stated. "
                "The book's solutions: check.solution_N_M()."
            )

    def _change(self, change: Any) -> None:
        """Change what is noted; where that fails, say so once and let the notebook go on."""
        from flightdelay.files import locked, write_atomically  # a package that make doctor may not have yet

        path = work_folder() / NAME
        try:
            with locked(path.parent):
                noted = read(path)
                change(noted.setdefault(self._sitting.key, _nothing()))
                write_atomically(path, json.dumps(noted, indent=1, sort_keys=True).encode())
        except (ProgressError, OSError) as error:
            if not self._failed:
                print(f"Your progress is not noted: {error}")
            self._failed = True


_notes: list[Notes] = []


def begin(sitting: str) -> None:
    """Note from now on what is done in this kernel's notebook, where a person works in it."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if (
        shell is None
        or _notes
        or not ("JPY_SESSION_NAME" in os.environ or "__vsc_ipynb_file__" in shell.user_ns)
    ):
        return
    try:
        notes = Notes(sitting)
    except ProgressError as error:
        print(f"Your progress is not noted: {error}")
        return
    _notes.append(notes)
    shell.events.register("pre_run_cell", notes.before_cell)
    shell.events.register("post_run_cell", notes.after_cell)


def answered(exercise: str, right: bool) -> None:
    """Note the verdict on an exercise such as ``3.2``."""
    for notes in _notes:
        notes.answered(exercise, right)


def bet(won: bool | None) -> None:
    """Note a bet, None where none was placed."""
    for notes in _notes:
        notes.bet(won)


def solved(exercise: str) -> bool:
    """Say whether an exercise such as ``3.2`` was solved in a notebook that is noted."""
    noted = read(work_folder() / NAME)
    return any(each["exercises"].get(exercise, {}).get("right") for each in noted.values())


def read(path: Path) -> dict[str, Any]:
    """Return what is noted, by sitting; nothing yet where there is no file.

    Raises
    ------
    ProgressError
        If the file cannot be read, or is not what this module writes.
    """
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        if all(each.keys() == _nothing().keys() for each in noted.values()):
            return dict(noted)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ProgressError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, AttributeError):
        pass
    raise ProgressError(f"{path} is damaged: move it away, and a new one begins.")


def _nothing() -> dict[str, Any]:
    return {"minutes": 0.0, "exercises": {}, "bets": {}, "ended": False}


def sitting_of(key: str) -> Sitting:
    """Return a sitting such as ``03-1``.

    Raises
    ------
    ProgressError
        If this book has none of that name.
    """
    found = [each for chapter in chapters(repository()) for each in chapter.sittings if each.key == key]
    if not found:
        raise ProgressError(f"There is no sitting {key} in this book.")
    return found[0]


def exercises_of(sitting: Sitting) -> set[str]:
    """Return the exercises of a sitting, such as ``3.2``."""
    text = sitting.lesson.read_text(encoding="utf-8")
    return {f"{chapter}.{number}" for chapter, number in re.findall(r"check\.ex_(\d+)_(\d+)\(", text)}


def row_of(sitting: Sitting, asked: set[str], record: dict[str, Any]) -> dict[str, Any]:
    """Return what is noted of a sitting with these exercises as the values of `COLUMNS`: counts, and minutes."""
    told = {name: each for name, each in record["exercises"].items() if name in asked}
    values = (
        sitting.key,
        len(asked),
        sum(each["right"] for each in told.values()),
        sum(each["tries"] for each in told.values()),
        len(record["bets"]),
        sum(record["bets"].values()),
        round(record["minutes"]),
        sitting.minutes,
    )
    return dict(zip(COLUMNS, values, strict=True))
