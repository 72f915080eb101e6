"""The book's wiring: what each of the six steps needs (exercise 2.2, solved)."""

from flightdelay.steps.decide import decide
from flightdelay.steps.evaluate import evaluate
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate

STEPS = {  # artifact: (the step that makes it, the names of its inputs)
    "decision": (decide, ["features", "challenger", "evaluation", "store"]),
    "evaluation": (evaluate, ["features", "challenger", "month"]),
    "challenger": (train, ["features", "month"]),
    "features": (featurize, ["valid"]),
    "valid": (validate, ["raw", "month", "window"]),
    "raw": (ingest, ["month", "window", "sample"]),
}
