"""A release is a change of a manifest: the version that it pins, and its notes on the month (built in 09.1)."""

import re
from pathlib import Path


def release(manifest: Path, version: str) -> None:
    """Pin a version in a manifest; ``kubectl apply`` makes it so."""
    text = re.sub(r"2013-\d\d-\w+", version, manifest.read_text(encoding="utf-8"))
    manifest.write_text(re.sub(r"2013-\d\d(?!-)", version[:7], text), encoding="utf-8")
