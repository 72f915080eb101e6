"""Engines that a killed kernel has left running: each is noted while it runs, and ended at the next start."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import psutil

from flightdelay.files import write_atomically


def runs(pid: int, started: float) -> bool:
    """Say whether this process is still the one that was started then."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1
    except psutil.Error:
        return False


def note(records: Path, folder: Path, **more: float) -> None:
    """Note an engine that this process has started, with its folder and what else finds it again."""
    kept = {"driver": os.getpid(), "started": psutil.Process().create_time(), "folder": str(folder), **more}
    write_atomically(records / f"{os.getpid()}.json", json.dumps(kept).encode())


def end(records: Path, remove: Callable[[Path], None]) -> int:
    """Give each record whose process is gone to `remove`, and no other; return how many there were."""
    left = 0
    for record in sorted(records.glob("*.json")):
        kept = json.loads(record.read_text(encoding="utf-8"))
        if not runs(kept["driver"], kept["started"]):
            remove(record)
            left += 1
    return left
