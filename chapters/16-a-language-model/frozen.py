"""What can be done with the vectors of a frozen encoder, and how well it is known how good that is."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid


def by_class_means(vectors: np.ndarray, intents: Any, asked: np.ndarray) -> np.ndarray:
    """Return for each row of `asked` the intent whose mean vector has the largest cosine with it.

    `vectors` are those of the examples, with their `intents` in the same order; all rows have length one.
    """
    found = NearestCentroid().fit(vectors, intents)
    means = found.centroids_ / np.linalg.norm(found.centroids_, axis=1, keepdims=True)
    return np.asarray(found.classes_[(asked @ means.T).argmax(axis=1)])


def head() -> LogisticRegression:
    """Return the logistic regression that learns intents from vectors; its settings were not tuned."""
    return LogisticRegression(C=10, max_iter=2000)


def interval(values: np.ndarray) -> str:
    """Write the mean of `values`, one for each message, with an interval that holds 95% of a thousand draws."""
    rows = np.random.default_rng(0).integers(len(values), size=(1000, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"
