"""Step 5: judge on a month that the model has not seen."""

import hashlib
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from .featurize import columns_of, encoder_of
from .validate import DESKS

# The decision: the model sends a message to a desk, or a person reads it. A reading costs one unit, a wrong desk five.
COST_READING = 1
COST_WRONG_DESK = 5
# With calibrated probabilities the cheapest rule is to sort from this probability on (C. K. Chow, 1970).
SORT_FROM = 1 - COST_READING / COST_WRONG_DESK

DRAWS = 200


class Metrics(TypedDict):
    """How good a table of probabilities is, a row for each message and a column for each desk."""

    auc: float
    log_loss: float
    accuracy: float
    sorted: float
    cost_per_100_messages: float


class Slice(TypedDict):
    """What happens at one desk: its messages, those sent to it, and those that do not belong there."""

    desk: str
    messages: int
    right: float
    sent: int
    sent_wrongly: int


class Evaluation(TypedDict):
    """What `evaluate` returns; all of it can be written as JSON."""

    month: str
    learned_from: list[str]
    rows_learned_from: int
    rows_judged: int
    encoder: str
    challenger: Metrics
    baseline: Metrics
    slices: list[Slice]
    drift: dict[str, float]
    digest: str


def measure(wanted: pd.Series, probabilities: np.ndarray) -> Metrics:
    """Compute the metrics; the AUC is the mean over the desks of "this desk or another one"."""
    surest, said = probabilities.max(axis=1), np.array(DESKS)[probabilities.argmax(axis=1)]
    by_model, is_right = surest >= SORT_FROM, said == wanted.to_numpy()
    cost = COST_READING * (~by_model).sum() + COST_WRONG_DESK * (by_model & ~is_right).sum()
    aucs = [
        roc_auc_score(wanted == desk, probabilities[:, number])
        for number, desk in enumerate(DESKS)
        if (wanted == desk).any()
    ]
    return {
        "auc": float(np.mean(aucs)),
        "log_loss": float(log_loss(wanted, probabilities, labels=DESKS)),
        "accuracy": float(is_right.mean()),
        "sorted": float(by_model.mean()),
        "cost_per_100_messages": float(100 * cost / len(wanted)),
    }


def slices(wanted: pd.Series, probabilities: np.ndarray) -> list[Slice]:
    """Look at each desk: how many of its messages are told rightly, and what the model sends to it."""
    said = np.array(DESKS)[probabilities.argmax(axis=1)]
    by_model = probabilities.max(axis=1) >= SORT_FROM
    found: list[Slice] = []
    for desk in DESKS:
        own, sent = (wanted == desk).to_numpy(), by_model & (said == desk)
        found.append(
            {
                "desk": desk,
                "messages": int(own.sum()),
                "right": float((said[own] == desk).mean()) if own.any() else 0.0,
                "sent": int(sent.sum()),
                "sent_wrongly": int((sent & ~own).sum()),
            }
        )
    return found


def drift(history: pd.DataFrame, month: pd.DataFrame) -> dict[str, float]:
    """Return how far apart the mean vectors lie, and how far they do for 19 of 20 draws by chance from all rows."""

    def apart(rows: np.ndarray) -> float:
        means = vectors[rows[: len(month)]].mean(axis=0), vectors[rows[len(month) :]].mean(axis=0)
        return float(np.linalg.norm(means[0] - means[1]))

    vectors = pd.concat([month, history]).to_numpy(dtype=float)
    random = np.random.default_rng(0)
    by_chance = [apart(random.permutation(len(vectors))) for _ in range(DRAWS)]
    return {"distance": apart(np.arange(len(vectors))), "by_chance": float(np.percentile(by_chance, 95))}


def digest(encoder: str, probabilities: np.ndarray) -> str:
    """Return the SHA-256 sum of the encoder's sum and of the probabilities with 6 decimals, a line each."""
    lines = [encoder, *(" ".join(f"{p:.6f}" for p in row) for row in probabilities)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def month_rows(features: pd.DataFrame, month: str) -> pd.DataFrame:
    """Return the messages of one month in the order of their ids."""
    return features[features["month"] == month].sort_values("id", ignore_index=True)


def predict(model: Any, messages: pd.DataFrame) -> np.ndarray:
    """Return the probability of each desk, shape (len(messages), 14); a desk that was never learned has 0."""
    known = pd.DataFrame(model.predict_proba(messages[columns_of(messages)]), columns=model.classes_)
    return known.reindex(columns=DESKS, fill_value=0.0).to_numpy()


def evaluate(features: pd.DataFrame, model: Any, month: str) -> Evaluation:
    """Judge the challenger on the messages of `month`; the baseline is a person who reads all of them.

    Returns
    -------
    Evaluation
        Metrics of both, what happens at each desk, drift, the encoder, and the digest that the version is made of.
    """
    history, messages = features[features["month"] < month], month_rows(features, month)
    columns, wanted = columns_of(features), messages["intent"]
    probabilities = predict(model, messages)
    shares = history["intent"].value_counts(normalize=True).reindex(DESKS, fill_value=0).to_numpy()
    return {
        "month": month,
        "learned_from": sorted(history["month"].unique()),
        "rows_learned_from": len(history),
        "rows_judged": len(messages),
        "encoder": encoder_of(columns),
        "challenger": measure(wanted, probabilities),
        "baseline": measure(wanted, np.tile(shares, (len(messages), 1))),
        "slices": slices(wanted, probabilities),
        "drift": drift(history[columns], messages[columns]),
        "digest": digest(encoder_of(columns), probabilities),
    }
