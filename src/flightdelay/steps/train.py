"""Step 4: learn from the months before."""

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from flightdelay.steps.featurize import CATEGORIES, FEATURES, NUMBERS


def gradient_boosting() -> Pipeline:
    """Return the unfitted model: gradient-boosted trees on the columns of `FEATURES`.

    No early stopping: it holds out rows by their position, so that the order of the rows would change the
    model. A category that was never seen becomes -1, which the trees treat as missing.
    """
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), CATEGORIES),
        ("passthrough", NUMBERS),
    )
    boost = HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORIES))), early_stopping=False, random_state=0
    )
    return make_pipeline(encode, boost)


def train(
    features: pd.DataFrame, month: str, estimator: ClassifierMixin | Pipeline | None = None
) -> Pipeline:
    """Fit the challenger on the flights before `month`; rows of `month` and later are not looked at.

    Parameters
    ----------
    features : DataFrame
        The table of `featurize`, in any order of rows.
    month : str
        The month that the model will be judged on.
    estimator : scikit-learn classifier, optional
        Any classifier with ``predict_proba`` that takes the columns of `FEATURES`; `gradient_boosting` by
        default.

    Returns
    -------
    Pipeline or classifier
        The fitted estimator.
    """
    history = features[features["month"] < month].sort_values(
        ["time_hour", "carrier", "flight"], kind="stable"
    )
    model = gradient_boosting() if estimator is None else estimator
    return model.fit(history[FEATURES], history["late"])
