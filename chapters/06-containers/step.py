"""Be one of the six steps: what it needs lies in ``/in``, what it makes goes to ``/out``.

The third notebook starts it in six containers, as ``python3 /steps/step.py 2013-09 train``. It knows no other
path, and no other step.
"""

import json
import os
import sys
from pathlib import Path

import pandas as pd

from flightdelay.steps.decide import decide
from flightdelay.steps.evaluate import evaluate
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import Raw, ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate
from flightdelay.store import Store, dump_model, load_model

GIVEN, MADE = Path("/in"), Path("/out")


def run(month: str, step: str) -> None:
    """Read what this step needs, call it, and write what it made."""
    if step in ("train", "evaluate", "decide"):
        features = pd.read_parquet(GIVEN / "features")
    if step in ("evaluate", "decide"):
        model = load_model((GIVEN / "challenger").read_bytes())

    if step == "ingest":
        ingest(month, sample=20_000).write(MADE / "raw")
    elif step == "validate":
        validate(Raw.read(GIVEN / "raw"), month).write(MADE / "valid")
    elif step == "featurize":
        featurize(Raw.read(GIVEN / "valid")).to_parquet(MADE / "features")
    elif step == "train":
        (MADE / "challenger").write_bytes(dump_model(train(features, month)))
    elif step == "evaluate":
        (MADE / "evaluation").write_text(json.dumps(evaluate(features, model, month)))
    elif step == "decide":
        evaluation = json.loads((GIVEN / "evaluation").read_text())
        print(decide(features, model, evaluation, Store(MADE / "store"))["decision"])
        print(evaluation["digest"])


if __name__ == "__main__":
    os.umask(0)  # so that you can delete what user 10001 wrote
    run(*sys.argv[1:])
