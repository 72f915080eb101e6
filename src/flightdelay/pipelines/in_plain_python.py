"""The pipeline in plain Python: six calls in a row."""

from collections.abc import Sequence
from pathlib import Path

from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline

from flightdelay.data import DATA
from flightdelay.result import RunResult
from flightdelay.steps.decide import decide
from flightdelay.steps.evaluate import evaluate
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate
from flightdelay.store import Store


def run(
    month: str,
    window: int | None = None,
    sample: int | None = None,
    *,
    store: Path,
    data: Path = DATA,
    estimator: ClassifierMixin | Pipeline | None = None,
    trusted: Sequence[str] = (),
) -> RunResult:
    """Learn from the months before `month`, judge on it, decide, and return what was found.

    Parameters
    ----------
    month, window, sample, data
        See `flightdelay.steps.ingest.ingest`.
    store : Path
        The folder of models and decisions; months run in order in it, since the champion depends on the
        months before.
    estimator : scikit-learn classifier, optional
        A model of your own (see `flightdelay.steps.train.train`).
    trusted : sequence of str, optional
        The types in your own model that the store may load (see `flightdelay.store.load_model`).

    Returns
    -------
    RunResult
        The evaluation and the decision.

    Raises
    ------
    FlightDelayError
        One sentence: MonthError, DataFileError, ValidationError or StoreError. The champion is unchanged.
    """
    raw = ingest(month, window, sample, data)
    valid = validate(raw, month, window)
    features = featurize(valid)
    model = train(features, month, estimator)
    evaluation = evaluate(features, model, month)
    decision = decide(features, model, evaluation, Store(store, trusted))
    return RunResult(evaluation, decision)
