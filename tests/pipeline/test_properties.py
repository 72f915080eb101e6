"""What must hold for any data, tried on data that hypothesis makes up from the real flights."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from flightdelay.steps.evaluate import digest, evaluate, month_rows, predict
from flightdelay.steps.featurize import FEATURES, OLDEST_WEATHER, WEATHER, WEATHER_COMPLETE, featurize
from flightdelay.steps.ingest import KEY, Raw, ingest
from flightdelay.steps.train import train

MONTH = "2013-03"
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def raw(small_data_source: Path) -> Raw:
    return ingest(MONTH, data=small_data_source)


@pytest.fixture(scope="module")
def features(raw: Raw) -> pd.DataFrame:
    return featurize(raw)


def departure(flights: pd.DataFrame) -> pd.Series:
    return flights["time_hour"] + pd.to_timedelta(flights["sched_dep_time"] % 100, unit="min")


# The last minute of its hour that a row of the weather holds, by the script that made the source (data/README.md).
LAST_REPORT = pd.Timedelta(minutes=51)


@settings(few, max_examples=60)
@given(flight=st.integers(0, 10_000), minute=st.integers(0, 59), seed=st.integers(0, 2**32 - 1))
def test_nothing_known_after_the_prediction_changes_a_feature(
    raw: Raw, flight: int, minute: int, seed: int
) -> None:
    """Everything recorded after the moment of prediction is replaced by noise: the features stay.

    To the minute: a row of the weather is noise as soon as one of its reports is younger than the prediction,
    whatever minute of the hour that falls on.
    """
    rng = np.random.default_rng(seed)
    flights = raw.flights[raw.flights["arr_delay"].notna()].reset_index(drop=True)
    row = flight % len(flights)
    flights.loc[row, "sched_dep_time"] = flights.loc[row, "sched_dep_time"] // 100 * 100 + minute
    moment = departure(flights).iloc[row] - pd.Timedelta(hours=2)
    noisy = raw.weather.copy()
    later = noisy["time_hour"] + LAST_REPORT > moment
    noisy.loc[later, WEATHER] = rng.uniform(0, 100, (later.sum(), len(WEATHER)))
    changed = flights.copy()
    for column in ("dep_time", "dep_delay"):
        changed[column] = rng.uniform(0, 1000, len(changed))
    changed["arr_delay"] = rng.uniform(-50, 500, len(changed))
    key = flights.loc[row, KEY].to_list()

    def of(table: Raw) -> pd.Series:
        rows = featurize(table)
        return rows.loc[(rows[KEY] == key).all(axis=1), FEATURES].iloc[0]

    pd.testing.assert_series_equal(of(Raw(flights, raw.weather)), of(Raw(changed, noisy)))


def test_the_noise_of_the_test_above_would_be_seen(raw: Raw) -> None:
    """The weather that is known does reach the features: without this the test above could not fail."""
    changed = raw.weather.assign(temp=raw.weather["temp"] + 1)
    before, after = featurize(raw)["temp"], featurize(Raw(raw.flights, changed))["temp"]
    assert (after.dropna() == before.dropna() + 1).all()


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_is_irrelevant(raw: Raw, features: pd.DataFrame, seed: int) -> None:
    shuffled = Raw(
        raw.flights.sample(frac=1, random_state=seed), raw.weather.sample(frac=1, random_state=seed)
    )
    pd.testing.assert_frame_equal(featurize(shuffled), features)


@settings(few, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_row_of_the_future_reaches_the_model(features: pd.DataFrame, seed: int) -> None:
    """Whatever stands in the rows of the month and later, and in whatever order: the same model."""
    rng = np.random.default_rng(seed)
    changed = features.copy()
    future = changed["month"] >= "2013-02"
    changed.loc[future, "late"] = rng.integers(0, 2, future.sum(), dtype="int8")
    changed.loc[future, "distance"] = rng.uniform(0, 5000, future.sum())
    changed = changed.sample(frac=1, random_state=seed)
    asked = month_rows(features, MONTH)
    first, second = (predict(train(table, "2013-02"), asked) for table in (features, changed))
    assert digest(first) == digest(second)


def test_the_month_itself_is_not_learned_from(features: pd.DataFrame) -> None:
    seen = train(features, MONTH, DummyClassifier(strategy="prior"))
    history = features[features["month"] < MONTH]
    assert seen.class_prior_[1] == pytest.approx(history["late"].mean())


def test_the_same_input_gives_the_same_result(features: pd.DataFrame) -> None:
    first, second = (evaluate(features, train(features, MONTH), MONTH) for _ in range(2))
    assert first == second


@few
@given(sample=st.integers(1000, 1290))
def test_a_sample_is_a_part_and_always_the_same(small_data_source: Path, raw: Raw, sample: int) -> None:
    first, second = (ingest(MONTH, sample=sample, data=small_data_source).flights for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    judged = (raw.flights["month"] == 3).sum()
    assert len(first) == sample + judged
    assert (first["month"] == 3).sum() == judged
    assert len(first.merge(raw.flights, on=KEY)) == len(first)


def test_weather_is_the_latest_complete_row_and_not_older_than_six_hours(
    raw: Raw, features: pd.DataFrame
) -> None:
    flights = raw.flights[raw.flights["arr_delay"].notna()].reset_index(drop=True)
    moments = departure(flights) - pd.Timedelta(hours=2)
    for row in range(0, len(flights), 97):
        known = raw.weather[
            (raw.weather["origin"] == flights["origin"][row])
            & (raw.weather["time_hour"] + WEATHER_COMPLETE <= moments[row])
            & (raw.weather["time_hour"] + WEATHER_COMPLETE >= moments[row] - OLDEST_WEATHER)
        ].sort_values("time_hour")
        found = features["temp"][row]
        assert np.isnan(found) if known.empty else found == known["temp"].iloc[-1]


def test_cancelled_and_diverted_flights_carry_no_label(raw: Raw, features: pd.DataFrame) -> None:
    assert len(features) == raw.flights["arr_delay"].notna().sum() < len(raw.flights)
