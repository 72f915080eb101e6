"""Step 6: does the challenger replace the champion? The only step that changes the world."""

from typing import Any, TypedDict

import pandas as pd

from flightdelay.errors import StoreError
from flightdelay.store import Store

from .evaluate import Evaluation, Metrics, measure, month_rows, predict, slices
from .featurize import encoder_of

SMALLEST_GAIN = 1.0
MOST_WRONG_LETTERS_MORE = 2


class Decision(TypedDict):
    """What `decide` returns and the store keeps for the month."""

    decision: str
    reasons: list[str]
    version: str
    champion_before: str | None
    champion_after: str | None
    champion: Metrics | None


def decide(features: pd.DataFrame, model: Any, evaluation: Evaluation, store: Store) -> Decision:
    """Compare challenger and champion on the same messages, promote or keep, and record it.

    The rule, fixed before any result was seen. The opponent is the champion of the months before, or a person who
    reads everything where there is none. The challenger is promoted if, on the month's messages,

    1. acting on it costs at least one reading less per 100 messages than acting on the opponent, and
    2. it puts no more than two wrong letters more than the champion on the table of any desk.

    Raises
    ------
    StoreError
        If the store cannot be read or written, or the champion was made with another encoder.
    """
    month = evaluation["month"]
    messages = month_rows(features, month)
    with store.locked():
        before = store.champion(before=month)
        champion = None if before is None else _probabilities(before, messages, evaluation["encoder"], store)
        metrics = None if champion is None else measure(messages["intent"], champion)
        reasons = _objections(evaluation["challenger"], metrics or evaluation["baseline"])
        if champion is not None:
            own, theirs = (slices(messages["intent"], each) for each in (predict(model, messages), champion))
            for desk, other in zip(own, theirs, strict=True):
                more = desk["sent_wrongly"] - other["sent_wrongly"]
                if more > MOST_WRONG_LETTERS_MORE:
                    reasons.append(f"{desk['desk']} gets {more} wrong letters more than by the champion")
        promote = not reasons
        version = store.save(model, evaluation)
        decision: Decision = {
            "decision": "promote" if promote else "keep",
            "reasons": reasons
            or ["cheaper than the opponent on the month's messages, and no desk is worse off"],
            "version": version,
            "champion_before": before,
            "champion_after": version if promote else before,
            "champion": metrics,
        }
        store.record(evaluation, decision)
    return decision


def _probabilities(version: str, messages: pd.DataFrame, encoder: str, store: Store) -> Any:
    """Return what the champion says of the messages, if their vectors are of the kind that it has learned from."""
    champion = store.load(version)
    made_with = encoder_of(list(champion.feature_names_in_))
    if made_with != encoder:
        raise StoreError(
            f"The champion of {version[:7]} was made with the encoder {made_with}, and these vectors come from "
            f"{encoder}: no figure compares the two. Restore that encoder, or begin a store of its own for the new one."
        )
    return predict(champion, messages)


def _objections(challenger: Metrics, opponent: Metrics) -> list[str]:
    gain = opponent["cost_per_100_messages"] - challenger["cost_per_100_messages"]
    if gain >= SMALLEST_GAIN:
        return []
    return [
        f"acting on it costs {-gain:.1f} more per 100 messages"
        if gain < 0
        else f"acting on it saves {gain:.1f} per 100 messages, where {SMALLEST_GAIN:g} is asked"
    ]
