"""Texts without what only this machine has: paths, and addresses in memory."""

import re
import sys
import sysconfig
import tempfile
from pathlib import Path

from companion.environment import repository


def path_patterns(work: str) -> dict[str, str]:
    """Return the regular expressions, with what replaces them, that take this machine out of a text.

    The notebook's folder `work` (``COMPANION_WORK``) reads ``work``, a path inside the repository is relative
    to it, and a memory address is ``0x…``. Nothing here matches a bare number.
    """
    places = {
        work: "work",
        str(repository()): ".",
        sys.prefix: ".venv",
        sysconfig.get_path("stdlib"): "<python>",
        str(Path.home()): "~",
        tempfile.gettempdir(): "<temp>",
        "/tmp": "<temp>",
    }
    places = {str(Path(path).resolve()): name for path, name in places.items()} | places
    patterns = {}
    for path, name in sorted(places.items(), key=lambda place: -len(place[0])):  # inner folders first
        if name == "<temp>":
            patterns[re.escape(path) + r"/[\w.-]+"] = name  # what lies there has a random name
        elif path != "/":
            patterns[re.escape(path) + r"/(?=[\w.<])"] = "" if name == "." else f"{name}/"
            patterns[re.escape(path) + r"(?![\w.-])"] = name
    patterns[r"\b0x[0-9a-fA-F]{8,}\b"] = "0x…"
    return patterns


def without_paths(text: str, work: str) -> str:
    """Return `text` without what only this machine has; see `path_patterns`."""
    for pattern, replacement in path_patterns(work).items():
        text = re.sub(pattern, replacement, text)
    return text
