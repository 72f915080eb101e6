"""The pipeline in ZenML: each step's output becomes a typed, stored artifact."""

from pathlib import Path
from typing import Annotated, Any, cast

import pandas as pd
from zenml import pipeline, step

from flightdelay.data import DATA, check_files
from flightdelay.files import sha256
from flightdelay.result import RunResult
from flightdelay.steps import decide as deciding
from flightdelay.steps import evaluate as evaluating
from flightdelay.steps import featurize as featurizing
from flightdelay.steps import ingest as ingesting
from flightdelay.steps import train as training
from flightdelay.steps import validate as validating
from flightdelay.store import Store, dump_model, load_model

Flights = Annotated[pd.DataFrame, "flights"]
Weather = Annotated[pd.DataFrame, "weather"]


# The cache sees parameters, not files. The manifest lists the sums of all files, so its own stands for them.
@step
def ingest(
    month: str, window: int | None, sample: int | None, data: str, manifest_sha256: str
) -> tuple[Flights, Weather]:
    flights, weather = ingesting.ingest(month, window, sample, Path(data))
    return flights, weather


@step
def validate(
    flights: pd.DataFrame, weather: pd.DataFrame, month: str, window: int | None
) -> tuple[Annotated[pd.DataFrame, "valid_flights"], Annotated[pd.DataFrame, "valid_weather"]]:
    flights, weather = validating.validate(ingesting.Raw(flights, weather), month, window)
    return flights, weather


@step
def featurize(flights: pd.DataFrame, weather: pd.DataFrame) -> Annotated[pd.DataFrame, "features"]:
    return featurizing.featurize(ingesting.Raw(flights, weather))


@step
def train(features: pd.DataFrame, month: str) -> Annotated[bytes, "challenger"]:
    return dump_model(training.train(features, month))


@step
def evaluate(
    features: pd.DataFrame, challenger: bytes, month: str
) -> Annotated[dict[str, Any], "evaluation"]:
    return dict(evaluating.evaluate(features, load_model(challenger), month))


@step(enable_cache=False)  # it changes the store, so it has to run even if its inputs are known
def decide(
    features: pd.DataFrame, challenger: bytes, evaluation: dict[str, Any], store: str
) -> Annotated[dict[str, Any], "decision"]:
    found = cast(evaluating.Evaluation, evaluation)
    return dict(deciding.decide(features, load_model(challenger), found, Store(Path(store))))


@pipeline
def flight_delay(
    month: str, window: int | None, sample: int | None, store: str, data: str, manifest_sha256: str
) -> None:
    flights, weather = ingest(month, window, sample, data, manifest_sha256)
    flights, weather = validate(flights, weather, month, window)
    features = featurize(flights, weather)
    challenger = train(features, month)
    evaluation = evaluate(features, challenger, month)
    decide(features, challenger, evaluation, store)


def run(
    month: str, window: int | None = None, sample: int | None = None, *, store: Path, data: Path = DATA
) -> RunResult:
    """Run one month in ZenML; parameters and result as in plain Python.

    Raises
    ------
    Exception
        If a step failed: its own error or, from a notebook, ZenML's RuntimeError; the run keeps the reason.
    """
    check_files([], data)
    flight_delay(month, window, sample, str(store), str(data), sha256(data / "manifest.json"))
    return RunResult.of(month, store)
