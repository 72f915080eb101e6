"""A logistic regression by its gradient. NumPy only: every worker imports this when it starts."""

import numpy as np


def probabilities(weights: np.ndarray, intercept: float, X: np.ndarray) -> np.ndarray:
    """Return the probability to be late, one for each row of `X`."""
    result: np.ndarray = 1 / (1 + np.exp(-(X @ weights + intercept)))
    return result


def gradient(
    weights: np.ndarray, intercept: float, X: np.ndarray, late: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the slope of the log loss, the **mean** over these rows, for the weights and for the intercept."""
    error = probabilities(weights, intercept, X) - late
    return X.T @ error / len(late), float(error.mean())
