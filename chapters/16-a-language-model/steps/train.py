"""Step 4: learn from the months before."""

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from .featurize import columns_of

# The larger, the surer are the probabilities, and a rule that is written in probabilities needs some that mean what
# they say. Tried on the months of `chapter_16.by_month`: with the second sitting's 10 the model sorts none of February.
C = 1000


def train(
    features: pd.DataFrame, month: str, estimator: ClassifierMixin | Pipeline | None = None
) -> ClassifierMixin | Pipeline:
    """Fit the challenger on the messages before `month`; those of `month` and later are not looked at."""
    history = features[features["month"] < month].sort_values("id")
    model = LogisticRegression(C=C, max_iter=2000) if estimator is None else estimator
    return model.fit(history[columns_of(features)], history["intent"])
