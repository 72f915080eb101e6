"""A search over settings of the pipeline's model, judged on a month that comes later, in four ways.

``python -m chapter_14.search WAY LENGTH`` runs one in a process of its own, for `chapter_14.measure`.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from flightdelay.steps.evaluate import measure, month_rows, predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import gradient_boosting, train

MONTH = "2013-06"  # to judge on
SETTINGS = [
    {"learning_rate": rate, "max_leaf_nodes": leaves} for rate in (0.03, 0.1, 0.3) for leaves in (7, 31)
]
WAYS = ("loop", "joblib", "tasks", "tune")
# How long a trial is: from how many flights it learns, and how many trees it makes.
LENGTHS = {
    "short": {"flights": 4_000, "trees": 50},
    "medium": {"flights": 40_000, "trees": 200},
    "long": {"flights": 130_000, "trees": 600},
}


def table(flights: int) -> pd.DataFrame:
    """Return the features to learn from, at most so many flights of the months before, and those of June."""
    return featurize(ingest(MONTH, sample=flights))


def trial(features: pd.DataFrame, setting: dict[str, Any], trees: int) -> float:
    """Train the pipeline's model with one setting on the months before June; return its log loss in June."""
    model = gradient_boosting()
    model.set_params(
        **{f"histgradientboostingclassifier__{name}": value for name, value in setting.items()},
        histgradientboostingclassifier__max_iter=trees,
    )
    judged = month_rows(features, MONTH)
    return measure(judged["late"], predict(train(features, MONTH, model), judged))["log_loss"]


def by_loop(features: pd.DataFrame, trees: int) -> list[float]:
    """One after the other, in this process."""
    return [trial(features, setting, trees) for setting in SETTINGS]


def by_joblib(features: pd.DataFrame, trees: int) -> list[float]:
    """In two processes of this machine."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=2)(delayed(trial)(features, setting, trees) for setting in SETTINGS))


def by_tasks(features: pd.DataFrame, trees: int) -> list[float]:
    """As tasks of Ray, which has to run; the table goes into the object store once."""
    import ray

    stored = ray.put(features)
    task = ray.remote(trial)
    found: list[float] = ray.get([task.remote(stored, setting, trees) for setting in SETTINGS])
    return found


def by_tune(features: pd.DataFrame, trees: int, folder: Path) -> list[float]:
    """By Ray Tune, which keeps each trial's result below `folder`."""
    # A library that Tune imports, now or when it runs, counts the days of the Python in use.
    warnings.filterwarnings("ignore", "You are using a Python version", FutureWarning)
    from ray import tune

    def report(config: dict[str, Any], features: pd.DataFrame) -> None:
        tune.report({"log_loss": trial(features, config["setting"], trees)})

    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new one prints boxes,
    quiet = tune.CLIReporter()  # and the old one's for notebooks clears what the cell has printed
    tuner = tune.Tuner(
        tune.with_parameters(report, features=features),
        param_space={"setting": tune.grid_search(SETTINGS)},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, progress_reporter=quiet),
    )
    results = tuner.fit()
    found = {json.dumps(each.config["setting"]): each.metrics["log_loss"] for each in results}
    return [found[json.dumps(setting)] for setting in SETTINGS]


def best(scores: list[float]) -> dict[str, Any]:
    """Return the setting with the smallest log loss."""
    return SETTINGS[scores.index(min(scores))]


def run(way: str, features: pd.DataFrame, trees: int, folder: Path) -> list[float]:
    """Search in one of `WAYS`; return the log loss of each of `SETTINGS`. Tune keeps its results below `folder`."""
    if way == "tune":
        return by_tune(features, trees, folder)
    return {"loop": by_loop, "joblib": by_joblib, "tasks": by_tasks}[way](features, trees)


def main(way: str, length: str) -> None:
    """Search once, and print as JSON what it took; Ray's start, where it is needed, is named by itself."""
    features, trees = table(LENGTHS[length]["flights"]), LENGTHS[length]["trees"]
    begun = time.perf_counter()
    if way in ("tasks", "tune"):
        from chapter_14 import ray_here

        ray_here.start()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scores = run(way, features, trees, Path(folder))
        ended = time.perf_counter()
    said = {"start_seconds": round(started - begun, 2), "seconds": round(ended - started, 2)}
    print(json.dumps({**said, "scores": scores}))


if __name__ == "__main__":
    main(*sys.argv[1:])
