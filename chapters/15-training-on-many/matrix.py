"""The book's features as a matrix of numbers, for models that want one."""

from collections.abc import Sequence

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flightdelay.steps.featurize import NUMBERS, featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.validate import validate

# The destination is left out: a hundred columns more would show nothing more.
NAMES = ["carrier", "origin"]


def two_months(month: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features of the month before `month`, to learn from, and of `month`, to judge on."""
    features = featurize(validate(ingest(month, window=1), month, window=1))
    return features[features["month"] < month], features[features["month"] == month]


def encoder(names: Sequence[str] = NAMES) -> Pipeline:
    """Return what turns features into a matrix: a column for each name, gaps filled, numbers of one scale."""
    by_name = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer((by_name, list(names)), (numbers, NUMBERS))
