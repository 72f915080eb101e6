"""Run an engine's `featurize` in a process of its own, with a limit, and say what it took: seconds and memory.

``python -m chapter_14.measure`` makes the two tables of the chapter, ``make bench-scale``; with ``engines`` behind it
only that of the first and the third notebook, with ``search`` that of the second: a search over settings, and a
group-by.
"""

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from companion.environment import repository
from flightdelay.files import write_atomically

ENGINES = ("pandas", "duckdb", "polars", "ray", "spark")
SIZES = (1, 10, 40, 100)
LOOK_EVERY = 0.02  # seconds
TABLE = Path(__file__).with_name("measured.json")
SEARCH = Path(__file__).with_name("measured-search.json")
MOST_MB = 8_000  # of `make bench-scale`


def memory_of(process: psutil.Process) -> float:
    """Return what a process and those that it has started hold in memory now, in megabytes."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return total / 1e6


def watched(command: Sequence[str], memory_mb: float, patience: float) -> dict[str, Any]:
    """Run a command until it ends, holds too much memory or takes too long; return what it printed, and its end.

    Returns
    -------
    dict
        What the command printed as JSON, with ``peak_mb`` and ``ended``: ``"done"``, ``"memory"`` or ``"time"``.
    """
    started = time.monotonic()
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    peak, ended = 0.0, "done"
    try:
        process = psutil.Process(running.pid)
        while running.poll() is None and ended == "done":
            peak = max(peak, memory_of(process))
            ended = (
                "memory" if peak > memory_mb else "time" if time.monotonic() - started > patience else "done"
            )
            time.sleep(LOOK_EVERY)
    except psutil.NoSuchProcess:
        pass
    finally:  # Ctrl-C too: nothing stays
        if running.poll() is None:
            for each in (*psutil.Process(running.pid).children(recursive=True), running):
                each.kill()
        said = running.communicate()[0]
    if ended == "done" and running.returncode:
        raise RuntimeError(f"{command[-1]} ended with code {running.returncode}; its last words stand above.")
    return {**(json.loads(said) if ended == "done" else {}), "peak_mb": round(peak), "ended": ended}


def flights_in(folder: Path) -> int:
    """Return how many flights a folder of `chapter_14.years.years` holds."""
    return sum(pq.ParquetFile(path).metadata.num_rows for path in (folder / "flights").glob("*.parquet"))


def measure(engine: str, folder: Path, memory_mb: float = 3_000, patience: float = 600) -> dict[str, Any]:
    """Make the features of a folder by an engine, in a process of its own.

    Parameters
    ----------
    engine
        One of `ENGINES`.
    folder
        As `chapter_14.years.years` makes it.
    memory_mb, patience
        Where to stop it: megabytes, and seconds.

    Returns
    -------
    dict
        ``rows``, the flights in the folder; ``start_seconds`` until all is imported and an engine with processes
        of its own has started them, ``seconds`` from files to file, ``peak_mb``, ``ended`` (see `watched`).
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        command = [
            sys.executable,
            "-m",
            "chapter_14.measure",
            engine,
            str(folder),
            str(Path(place) / "features.parquet"),
        ]
        return {"rows": flights_in(folder), **watched(command, memory_mb, patience)}


def machine() -> dict[str, Any]:
    """Say on what is measured, and how busy it is now."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} on {platform.machine()}",
        "load before": round(os.getloadavg()[0], 1),
    }


def engines() -> dict[str, Any]:
    """Measure every engine at every size."""
    from chapter_14.years import years

    found = {"machine": machine(), "limit_mb": MOST_MB, "rows": []}
    for number in SIZES:
        folder = years(repository() / "build" / "scale", number)
        for engine in ENGINES:
            row = {"years": number, "engine": engine, **measure(engine, folder, MOST_MB, 3_600)}
            print(json.dumps(row), flush=True)
            found["rows"].append(row)
    return found


def searches() -> dict[str, Any]:
    """Measure the search in each way at each length of a trial, and the group-by."""
    from chapter_14.search import LENGTHS, WAYS

    found = {"machine": machine(), "search": []}
    for length in LENGTHS:
        for way in WAYS:
            said = watched([sys.executable, "-m", "chapter_14.search", way, length], MOST_MB, 3_600)
            total = round(said["start_seconds"] + said["seconds"], 2)
            row = {"trial": length, "way": way, "total_seconds": total, **said}
            print(json.dumps(row), flush=True)
            found["search"].append(row)
    found["group_by"] = watched([sys.executable, "-m", "chapter_14.group_by"], MOST_MB, 3_600)["rows"]
    return found


def main() -> int:
    """Measure one engine once, where it is named, else all of them at all sizes, and the search."""
    if len(sys.argv) > 2:
        _once(*sys.argv[1:])
        return 0
    from companion import scale, spark

    scale.set_up()
    tables = {"engines": ("bench-scale", engines), "search": ("bench-search", searches)}
    for wanted in sys.argv[1:] or tables:
        name, measured = tables[wanted]
        if wanted == "engines":
            spark.set_up()
        text = json.dumps(measured(), indent=1)
        write_atomically(repository() / "build" / f"{name}.json", f"{text}\n".encode())
    return 0


def _once(engine: str, folder: str, result: str) -> None:
    module = importlib.import_module(f"chapter_14.with_{engine}")
    getattr(module, "start", lambda: None)()  # of an engine that has processes of its own
    begun = time.time()
    module.featurize(Path(folder), Path(result))
    seconds = time.time() - begun
    print(
        json.dumps(
            {"start_seconds": round(begun - psutil.Process().create_time(), 2), "seconds": round(seconds, 2)}
        )
    )


if __name__ == "__main__":
    sys.exit(main())
