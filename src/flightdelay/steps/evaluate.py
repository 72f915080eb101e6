"""Step 5: judge on a month that the model has not seen."""

import hashlib
from typing import TypedDict

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline

from flightdelay.baseline import baseline_probabilities
from flightdelay.drift import drift
from flightdelay.steps.featurize import FEATURES
from flightdelay.steps.ingest import KEY

# The decision: a passenger with a connection, told "probably late", is offered a later one.
# A needless offer costs one unit, a missed connection four.
COST_NEEDLESS_OFFER = 1
COST_MISSED_CONNECTION = 4
# With calibrated probabilities the cheapest rule is to offer from this probability on (Elkan, IJCAI 2001).
OFFER_FROM = COST_NEEDLESS_OFFER / (COST_NEEDLESS_OFFER + COST_MISSED_CONNECTION)

CALIBRATION_BINS = 10
FEWEST_FLIGHTS_OF_A_SLICE = 200


class Metrics(TypedDict):
    """How good a set of probabilities is."""

    auc: float
    log_loss: float
    brier: float
    cost_per_1000_flights: float
    mean_probability: float


class Slice(TypedDict):
    """The metrics on a part of the month."""

    column: str
    value: str
    flights: int
    late_rate: float
    auc: float
    log_loss: float
    mean_probability: float


class CalibrationBin(TypedDict):
    """Flights with similar probabilities: how many were really late?"""

    flights: int
    mean_probability: float
    late_rate: float


class Evaluation(TypedDict):
    """What `evaluate` returns; all of it can be written as JSON."""

    month: str
    learned_from: list[str]
    rows_learned_from: int
    rows_judged: int
    late_rate_learned_from: float
    late_rate: float
    challenger: Metrics
    baseline: Metrics
    calibration: list[CalibrationBin]
    slices: list[Slice]
    drift: dict[str, float]
    digest: str


def measure(late: pd.Series, probabilities: np.ndarray) -> Metrics:
    """Compute AUC, log loss, Brier score, mean probability and the cost of acting on the probabilities.

    Parameters
    ----------
    late : Series
        1 for a late flight, 0 for the others.
    probabilities : ndarray
        The probability to be late, one per flight.
    """
    offered = probabilities >= OFFER_FROM
    was_late = late.to_numpy() == 1
    cost = (
        COST_NEEDLESS_OFFER * (offered & ~was_late).sum()
        + COST_MISSED_CONNECTION * (~offered & was_late).sum()
    )
    return {
        "auc": float(roc_auc_score(late, probabilities)),
        "log_loss": float(log_loss(late, probabilities)),
        "brier": float(brier_score_loss(late, probabilities)),
        "cost_per_1000_flights": float(1000 * cost / len(late)),
        "mean_probability": float(probabilities.mean()),
    }


def calibration(late: pd.Series, probabilities: np.ndarray) -> list[CalibrationBin]:
    """Group the flights into ten bins of equal size by probability and compare with what happened."""
    rows = pd.DataFrame({"p": probabilities, "late": late.to_numpy()})
    bins = rows.groupby(pd.qcut(rows["p"], CALIBRATION_BINS, duplicates="drop"), observed=True)
    return [
        {
            "flights": len(rows),
            "mean_probability": float(rows["p"].mean()),
            "late_rate": float(rows["late"].mean()),
        }
        for _, rows in bins
    ]


def slices(flights: pd.DataFrame, probabilities: np.ndarray) -> list[Slice]:
    """Measure by carrier, origin and hour of departure; small slices and those of one class are left out."""
    parts = {
        "carrier": flights["carrier"],
        "origin": flights["origin"],
        "hour": (flights["departure_minute"] // 60).astype(int).astype(str).str.zfill(2),
    }
    found: list[Slice] = []
    for column, values in parts.items():
        for value, rows in flights.groupby(values).indices.items():
            late = flights["late"].iloc[rows]
            if len(rows) < FEWEST_FLIGHTS_OF_A_SLICE or late.nunique() < 2:
                continue
            metrics = measure(late, probabilities[rows])
            found.append(
                {
                    "column": column,
                    "value": str(value),
                    "flights": len(rows),
                    "late_rate": float(late.mean()),
                    "auc": metrics["auc"],
                    "log_loss": metrics["log_loss"],
                    "mean_probability": metrics["mean_probability"],
                }
            )
    return found


def digest(probabilities: np.ndarray) -> str:
    """Return the SHA-256 sum of the probabilities, written with 6 decimals, a line each."""
    return hashlib.sha256("\n".join(f"{p:.6f}" for p in probabilities).encode()).hexdigest()


def month_rows(features: pd.DataFrame, month: str) -> pd.DataFrame:
    """Return the flights of one month in the order of their key."""
    return features[features["month"] == month].sort_values(KEY, kind="stable", ignore_index=True)


def predict(model: Pipeline, flights: pd.DataFrame) -> np.ndarray:
    """Return the model's probability to be late, shape (len(flights),)."""
    return np.asarray(model.predict_proba(flights[FEATURES])[:, 1])


def evaluate(features: pd.DataFrame, model: Pipeline, month: str) -> Evaluation:
    """Judge the challenger and the baseline on the flights of `month`.

    Parameters
    ----------
    features : DataFrame
        The table of `featurize`: the months learned from and `month`.
    model : Pipeline
        The fitted challenger.
    month : str
        The month to judge on.

    Returns
    -------
    Evaluation
        Metrics of both, calibration, slices, drift and the digest of the challenger's probabilities.
    """
    history, flights = features[features["month"] < month], month_rows(features, month)
    probabilities = predict(model, flights)
    return {
        "month": month,
        "learned_from": sorted(history["month"].unique()),
        "rows_learned_from": len(history),
        "rows_judged": len(flights),
        "late_rate_learned_from": float(history["late"].mean()),
        "late_rate": float(flights["late"].mean()),
        "challenger": measure(flights["late"], probabilities),
        "baseline": measure(flights["late"], baseline_probabilities(history, flights)),
        "calibration": calibration(flights["late"], probabilities),
        "slices": slices(flights, probabilities),
        "drift": drift(history, flights, FEATURES),
        "digest": digest(probabilities),
    }
