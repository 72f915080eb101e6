"""What the sittings of this chapter hand on: the labelled flights, the model, and how it is judged.

`labelled_flights`, `fit` and `judge` are those that sitting 1 builds, cell by cell.
"""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from flightdelay.data import load
from flightdelay.months import MONTHS
from flightdelay.steps.featurize import WEATHER, featurize
from flightdelay.steps.ingest import FLIGHT_COLUMNS, WEATHER_COLUMNS, Raw

WORDS = ["carrier", "origin", "dest"]
TIMETABLE = [*WORDS, "departure_minute", "arrival_minute", "weekday", "distance"]


def labelled_flights() -> pd.DataFrame:
    """Return the flights of the year that have a label, with `late` and the columns of `TIMETABLE`.

    They are sorted by a key that no two share. Minutes count from midnight, weekday 0 is Monday.
    """
    flights = load("flights", MONTHS)
    arrived = flights[flights["arr_delay"].notna()]
    labelled = arrived.sort_values(["time_hour", "carrier", "flight"], ignore_index=True)
    labelled["late"] = (labelled["arr_delay"] > 15).astype("int8")
    date = pd.to_datetime(labelled[["year", "month", "day"]])
    labelled["weekday"] = date.dt.day_of_week.astype(float)
    for name, clock in {"departure_minute": "sched_dep_time", "arrival_minute": "sched_arr_time"}.items():
        labelled[name] = (labelled[clock] // 100 * 60 + labelled[clock] % 100).astype(float)
    return labelled


def features_of_the_year() -> pd.DataFrame:
    """Return the labelled flights, each with the latest row of the weather that was complete in time.

    At the end of sitting 2 you compare such a table, made by hand, with that of `featurize`: they are the same.
    """
    raw = Raw(load("flights", MONTHS, FLIGHT_COLUMNS), load("weather", MONTHS, WEATHER_COLUMNS))
    return labelled_flights().join(featurize(raw)[WEATHER])


def fit(table: pd.DataFrame, columns: list[str]) -> Pipeline:
    """Learn the label `late` from these columns; the words come first, as categories."""
    numbers = [column for column in columns if column not in WORDS]
    code = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = make_column_transformer((code, WORDS), ("passthrough", numbers))
    boost = HistGradientBoostingClassifier(
        categorical_features=[0, 1, 2], early_stopping=False, random_state=0
    )
    return make_pipeline(encode, boost).fit(table[columns], table["late"])


def judge(
    table: pd.DataFrame, columns: list[str], learn: pd.Series, test: pd.Series
) -> tuple[pd.Series, float]:
    """Learn from some rows; return the probabilities for others, and their AUC."""
    p = fit(table[learn], columns).predict_proba(table[test])[:, 1]
    return pd.Series(p, table.index[test]), roc_auc_score(table.loc[test, "late"], p)
