"""The checks of all exercises: ``from companion import check``, then ``check.ex_1_2(answer)``.

Each prints one line and returns nothing. The checks of a chapter are loaded when the first of them is used.
"""

import importlib.util
import re
from collections.abc import Callable
from typing import Any


def __getattr__(name: str) -> Callable[[Any], None]:
    found = re.fullmatch(r"ex_(\d+)_\d+", name)
    chapter = f"chapter_{int(found[1]):02}" if found else ""
    if chapter and importlib.util.find_spec(chapter):
        check: Callable[[Any], None] | None = getattr(importlib.import_module(f"{chapter}.check"), name, None)
        if check is not None:
            return check
    raise AttributeError(
        f"There is no check {name!r}; they are called ex_<chapter>_<number>, such as ex_1_1."
    )
