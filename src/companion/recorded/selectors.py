"""Label and field selectors, as they stand in an address."""

import re
from collections.abc import Callable
from typing import Any

from companion.recorded.objects import Object

Test = Callable[[Object], bool]


class SelectorError(ValueError):
    """A selector cannot be read; the text says which part."""


def selector(labels: str, fields: str) -> Test:
    """Return what says whether an object is meant by a label selector and a field selector.

    Raises
    ------
    SelectorError
        If one of them cannot be read.
    """
    tests = [_label(part) for part in re.split(r",(?![^()]*\))", labels) if part.strip()]
    tests += [_field(part) for part in fields.split(",") if part.strip()]
    return lambda thing: all(test(thing) for test in tests)


def _label(part: str) -> Test:
    part = part.strip()
    among = re.fullmatch(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)", part)
    if among:
        values = {each.strip() for each in among[3].split(",")}
        wanted = among[2] == "in"
        return lambda thing: (_labels(thing).get(among[1]) in values) is wanted
    equal = re.fullmatch(r"([^=!\s]+)\s*(==?|!=)\s*([^=\s]*)", part)
    if equal:
        wanted = equal[2] != "!="
        return lambda thing: (_labels(thing).get(equal[1]) == equal[3]) is wanted
    if re.fullmatch(r"!?[\w./-]+", part):
        name, wanted = part.removeprefix("!"), not part.startswith("!")
        return lambda thing: (name in _labels(thing)) is wanted
    raise SelectorError(f"unable to parse requirement: {part!r}")


def _labels(thing: Object) -> dict[str, str]:
    return thing.get("metadata", {}).get("labels") or {}


def _field(part: str) -> Test:
    found = re.fullmatch(r"([\w.]+)(==?|!=)(.*)", part.strip())
    if not found:
        raise SelectorError(f"invalid selector: {part!r}; can't understand it")
    path, wanted, value = found[1].split("."), found[2] != "!=", found[3]

    def test(thing: Object) -> bool:
        there: Any = thing
        for step in path:
            there = there.get(step) if isinstance(there, dict) else None
        text = "" if there is None else str(there).lower() if isinstance(there, bool) else str(there)
        return (text == value) is wanted

    return test
