"""The checks of all exercises: ``from companion import check``, then ``check.ex_1_2(answer)``.

Each prints one line and returns nothing. The checks of a chapter are loaded when the first of them is used.
``check.hint_1_2()`` prints a second hint, and ``check.solution_1_2()`` the book's solution of a solved exercise.
"""

import functools
import importlib.util
import re
from collections.abc import Callable
from typing import Any


def __getattr__(name: str) -> Callable[..., None]:
    asked = re.fullmatch(r"(hint|solution)_(\d+)_(\d+)", name)
    if asked:
        further = importlib.import_module("companion.check.further")
        return functools.partial(getattr(further, asked[1]), int(asked[2]), int(asked[3]))
    found = re.fullmatch(r"ex_(\d+)_\d+", name)
    chapter = f"chapter_{int(found[1]):02}" if found else ""
    if chapter and importlib.util.find_spec(chapter):
        check: Callable[[Any], None] | None = getattr(importlib.import_module(f"{chapter}.check"), name, None)
        if check is not None:
            return check
    raise AttributeError(
        f"There is no check {name!r}; they are called ex_<chapter>_<number>, such as ex_1_1."
    )
