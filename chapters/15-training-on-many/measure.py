"""Measure what a second process costs and brings: ``python -m chapter_15.measure``.

On a machine that does nothing else. Prints the figures of this machine; with ``--keep`` they replace ``figures.json``
beside this file, which the notebook shows.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from chapter_15.launch import launch
from chapter_15.matrix import encoder, two_months
from chapter_15.on_many import NetworkOnMany, XGBoostOnMany
from flightdelay.steps.featurize import CATEGORIES, featurize
from flightdelay.steps.ingest import ingest

FIGURES = Path(__file__).with_name("figures.json")
# January once, and ten times.
TIMES = (1, 10)
REPEATS = 2
WORKER = """
import time
import numpy as np
from chapter_15.logistic import gradient
from chapter_15.pipes import rank, receive, send, world_size

def all_reduce(mine):
    total = passing = mine
    for _ in range(world_size - 1):
        send(passing, "gradient")
        passing = receive("gradient")
        total = total + passing
    return total

share = np.load(f"share-{rank}.npz")
X, late = share["X"], share["late"]
weights, intercept = np.zeros(X.shape[1]), 0.0
all_reduce(0)  # the clock starts when all are there
begin = time.perf_counter()
for _ in range(100):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    weights = weights - 0.5 * all_reduce(by_weight) / world_size
    intercept = intercept - 0.5 * all_reduce(by_intercept) / world_size
if rank == 0:
    open("seconds", "w").write(str(time.perf_counter() - begin))
"""


def by_hand(folder: Path) -> dict[str, Any]:
    """Return the seconds of 100 steps of the logistic regression, by one worker and by two."""
    january, _ = two_months("2013-02")
    X = encoder().fit_transform(january)
    late = january["late"].to_numpy(dtype=float)
    (folder / "worker.py").write_text(WORKER)
    found: dict[str, Any] = {"rows": [times * len(late) for times in TIMES]}
    for name, world_size in {"one_worker": 1, "two_workers": 2}.items():
        found[name] = []
        for times in TIMES:
            for rank in range(world_size):
                part = slice(rank, None, world_size)
                share = {"X": np.tile(X, (times, 1))[part], "late": np.tile(late, times)[part]}
                np.savez(folder / f"share-{rank}.npz", **share)
            found[name].append(_fastest(folder, world_size))
    return found


def _fastest(folder: Path, world_size: int) -> dict[str, float]:
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        launch(folder / "worker.py", world_size=world_size)
        whole = time.perf_counter() - begin
        seconds.append((float((folder / "seconds").read_text()), whole))
    steps, whole = min(seconds)
    return {"steps": round(steps, 2), "all": round(whole, 2)}


def libraries() -> dict[str, dict[str, float]]:
    """Return the seconds of a `fit` on April and May, by one worker and by two, with the start of the processes."""
    features = featurize(ingest("2013-06", window=2))
    history = features[features["month"] < "2013-06"]
    X = encoder(CATEGORIES).fit_transform(history)
    found: dict[str, dict[str, float]] = {}
    for name, model in {"xgboost": XGBoostOnMany, "network": NetworkOnMany}.items():
        found[name] = {}
        for workers, words in {1: "one_worker", 2: "two_workers"}.items():
            seconds = []
            for _ in range(REPEATS):
                begin = time.perf_counter()
                model(workers).fit(X, history["late"])
                seconds.append(time.perf_counter() - begin)
            found[name][words] = round(min(seconds), 1)
    return found


def main() -> None:
    """Measure, print, and keep where it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m chapter_15.measure", description=__doc__)
    parser.add_argument("--keep", action="store_true", help=f"write {FIGURES.name}")
    keep = parser.parse_args().keep
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        figures = {"by_hand": by_hand(Path(folder)), "libraries": libraries()}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before"
    text = json.dumps({"date": str(date.today()), "machine": machine, **figures}, indent=1) + "\n"
    print(text, end="")
    if keep:
        FIGURES.write_text(text)


if __name__ == "__main__":
    main()
