"""Step 6: does the challenger replace the champion? The only step that changes the world."""

from typing import TypedDict

import pandas as pd
from sklearn.pipeline import Pipeline

from flightdelay.steps.evaluate import Evaluation, Metrics, measure, month_rows, predict
from flightdelay.store import Store

SMALLEST_GAIN = 0.001
LARGEST_LOSS_OF_AN_ORIGIN = 0.01


class Decision(TypedDict):
    """What `decide` returns and the store keeps for the month."""

    decision: str
    reasons: list[str]
    version: str
    champion_before: str | None
    champion_after: str | None
    champion: Metrics | None


def decide(features: pd.DataFrame, model: Pipeline, evaluation: Evaluation, store: Store) -> Decision:
    """Compare challenger and champion on the same flights, promote or keep, and record it.

    The rule, fixed before any result was seen. The opponent is the champion of the months before, or the
    baseline where there is none. The challenger is promoted if, on the month's flights,

    1. its log loss is at least 0.001 lower than the opponent's,
    2. acting on it costs no more than acting on the opponent, and
    3. at no origin is its log loss more than 0.01 higher than the champion's.

    The champion of a month is looked up in the months *before* it, so that running a month again gives the
    same decision.

    Parameters
    ----------
    features : DataFrame
        The table of `featurize`.
    model : Pipeline
        The challenger.
    evaluation : Evaluation
        What `evaluate` said of it.
    store : Store
        Where models and decisions are kept.

    Returns
    -------
    Decision
        ``promote`` or ``keep``, and the reasons.

    Raises
    ------
    StoreError
        If the store cannot be read or written.
    """
    month = evaluation["month"]
    flights = month_rows(features, month)
    with store.locked():
        before = store.champion(before=month)
        champion = None if before is None else predict(store.load(before), flights)
        metrics = None if champion is None else measure(flights["late"], champion)
        reasons = _objections(evaluation["challenger"], metrics or evaluation["baseline"])
        if champion is not None:
            challenger = predict(model, flights)
            for origin, rows in flights.groupby("origin").indices.items():
                late = flights["late"].iloc[rows]
                loss = measure(late, challenger[rows])["log_loss"] - measure(late, champion[rows])["log_loss"]
                if loss > LARGEST_LOSS_OF_AN_ORIGIN:
                    reasons.append(f"at {origin} its log loss is {loss:.4f} higher than the champion's")
        promote = not reasons
        version = store.save(model, evaluation)
        decision: Decision = {
            "decision": "promote" if promote else "keep",
            "reasons": reasons or [_merit(before)],
            "version": version,
            "champion_before": before,
            "champion_after": version if promote else before,
            "champion": metrics,
        }
        store.record(evaluation, decision)
    return decision


def _merit(champion: str | None) -> str:
    if champion is None:
        return "better than the baseline on the month's flights, and no dearer"
    return (
        "better than the champion on the month's flights, no dearer, "
        f"and at no origin more than {LARGEST_LOSS_OF_AN_ORIGIN} worse"
    )


def _objections(challenger: Metrics, opponent: Metrics) -> list[str]:
    gain = opponent["log_loss"] - challenger["log_loss"]
    dearer = challenger["cost_per_1000_flights"] - opponent["cost_per_1000_flights"]
    found = []
    if gain < 0:
        found.append(f"its log loss is {-gain:.4f} higher than the opponent's")
    elif gain < SMALLEST_GAIN:
        found.append(
            f"its log loss is only {gain:.4f} lower than the opponent's, where {SMALLEST_GAIN} is asked"
        )
    if dearer > 0:
        found.append(f"acting on it costs {dearer:.1f} more per 1000 flights")
    return found
