"""A model record: what a model was made from and how it was judged, for whoever has to let it go.

``python -m flightdelay.record 2013-09 --store work/store --image-id sha256:… --author …`` prints it as JSON.

Nothing in it is typed by hand but the last three entries, which the store cannot know: the image, the author,
and the revision of the code. The probabilities are computed again, from the model file as it lies in the store
and from the data as it lies on disk: a record that only repeats what the training said proves nothing.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from flightdelay.data import DATA
from flightdelay.errors import FlightDelayError
from flightdelay.files import sha256
from flightdelay.months import MONTHS
from flightdelay.steps.evaluate import Metrics, digest, measure, month_rows, predict, slices
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.validate import validate
from flightdelay.store import Store


class SliceRecord(TypedDict):
    """The log loss of both models on a part of the month; None where there was no champion."""

    column: str
    value: str
    flights: int
    challenger: float
    champion: float | None


class ModelRecord(TypedDict):
    """What `model_record` returns; all of it can be written as JSON."""

    version: str
    month: str
    learned_from: list[str]
    rows_learned_from: int
    rows_judged: int
    model_sha256: str
    data: dict[str, str]
    metrics: dict[str, Metrics | None]
    slices: list[SliceRecord]
    same_probabilities: bool
    champion_before: str | None
    decision: str
    reasons: list[str]
    image_id: str
    revision: str
    author: str


def data_files(learned_from: Sequence[str], month: str) -> list[str]:
    """Return the data files, below the data folder, that a run of `month` read."""
    months = [*learned_from, month]
    first = MONTHS.index(months[0])
    weather = MONTHS[max(first - 1, 0) : MONTHS.index(month) + 1]
    return [f"flights/{name}.parquet" for name in months] + [f"weather/{name}.parquet" for name in weather]


def model_record(
    month: str, store: Path, data: Path = DATA, *, image_id: str, author: str, revision: str
) -> ModelRecord:
    """Return the record of the model that the run of `month` proposed.

    Parameters
    ----------
    month : str
        A month that has a decision in the store.
    store : Path
        The model store.
    data : Path
        The data folder.
    image_id : str
        Digest of the image that ran, not its tag.
    author : str
        Who made the change.
    revision : str
        Revision of the code, such as a git commit.

    Raises
    ------
    StoreError
        If the month has no decision, or a model is missing, damaged or not trusted.
    DataFileError
        If a data file is missing or damaged.
    """
    known = Store(store)
    run = known.run(month)
    evaluation, decision = run["evaluation"], run["decision"]
    # The history has no say in the probabilities of this month, so one month of it is enough.
    flights = month_rows(featurize(validate(ingest(month, window=1, data=data), month, 1)), month)
    version, before = decision["version"], decision["champion_before"]
    challenger = predict(known.load(version), flights)
    champion = None if before is None else predict(known.load(before), flights)
    opposite = {
        (each["column"], each["value"]): each["log_loss"]
        for each in ([] if champion is None else slices(flights, champion))
    }
    return {
        "version": version,
        "month": month,
        "learned_from": evaluation["learned_from"],
        "rows_learned_from": evaluation["rows_learned_from"],
        "rows_judged": len(flights),
        "model_sha256": sha256(known.root / "models" / version / "model.skops"),
        "data": {name: sha256(data / name) for name in data_files(evaluation["learned_from"], month)},
        "metrics": {
            "challenger": measure(flights["late"], challenger),
            "champion": None if champion is None else measure(flights["late"], champion),
            "baseline": evaluation["baseline"],
        },
        "slices": [
            {
                "column": each["column"],
                "value": each["value"],
                "flights": each["flights"],
                "challenger": each["log_loss"],
                "champion": opposite.get((each["column"], each["value"])),
            }
            for each in slices(flights, challenger)
        ],
        "same_probabilities": digest(challenger) == evaluation["digest"],
        "champion_before": before,
        "decision": decision["decision"],
        "reasons": decision["reasons"],
        "image_id": image_id,
        "revision": revision,
        "author": author,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the record of one month as JSON and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flightdelay.record", description="Print a model record.")
    parser.add_argument("month", help="the month that the model was judged on")
    parser.add_argument("--store", type=Path, default=Path("work/store"), help="(default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DATA, help="data folder (default: the repository's)")
    for name, meaning in (
        ("image-id", "digest of the image that ran"),
        ("author", "who made the change"),
        ("revision", "revision of the code"),
    ):
        parser.add_argument(f"--{name}", required=True, help=meaning)
    given = vars(parser.parse_args(arguments))
    try:
        print(json.dumps(model_record(**given), indent=1))
    except FlightDelayError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
