"""Wrong answers to the exercises of chapter 17, each a mistake that somebody makes, and right ones in other styles."""

import math

import numpy as np
import pandas as pd
from prometheus_client import Counter, Gauge
from scipy.special import xlogy
from sklearn.metrics import log_loss

from flightdelay.steps.featurize import WEATHER

# --- 17.1 ---


def _counting(
    is_missing=lambda flight, name: flight.get(name) is None,
    columns=WEATHER,
    kind=Counter,
    per_answer=False,
    from_the_start=True,
    suffix="",
):
    def answer(registry):
        flights = kind(f"flights{suffix}", "Flights.", ["version"], registry=registry)
        expected = kind(f"expected_late{suffix}", "Expected.", ["version"], registry=registry)
        missing = kind(f"weather_missing{suffix}", "Missing.", ["column"], registry=registry)
        for column in columns if from_the_start else ():
            missing.labels(column)

        def seen(version, asked, probabilities):
            flights.labels(version).inc(1 if per_answer else len(asked))
            expected.labels(version).inc(sum(probabilities))
            for flight in asked:
                for column in columns:
                    if is_missing(flight, column):
                        missing.labels(column).inc()

        return seen

    return answer


def of_one_version(registry):
    flights = Counter("flights", "Flights.", registry=registry)
    expected = Counter("expected_late", "Expected.", registry=registry)

    def seen(version, asked, probabilities):
        flights.inc(len(asked))
        expected.inc(sum(probabilities))

    return seen


def by_destination(registry):
    flights = Counter("flights", "Flights.", ["version", "dest"], registry=registry)

    def seen(version, asked, probabilities):
        for flight in asked:
            flights.labels(version, flight["dest"]).inc()

    return seen


def the_last_answer(registry):
    """Set gauges to what the last answer had."""
    flights = Gauge("flights_total", "Flights.", ["version"], registry=registry)

    def seen(version, asked, probabilities):
        flights.labels(version).set(len(asked))

    return seen


def returns_nothing(registry):
    Counter("flights", "Flights.", ["version"], registry=registry)


def in_one_table_for_all(registry):
    """Sum up by hand, with one line for each metric."""
    flights = Counter("flights_total", "Flights.", ["version"], registry=registry)
    expected = Counter("expected_late_total", "Expected.", ["version"], registry=registry)
    missing = Counter("weather_missing_total", "Missing.", ["column"], registry=registry)
    series = {column: missing.labels(column=column) for column in WEATHER}

    def seen(version, asked, probabilities):
        flights.labels(version=version).inc(len(probabilities))
        table = pd.DataFrame(asked, columns=WEATHER)
        for column, number in table.isna().sum().items():
            series[column].inc(float(number))
        expected.labels(version=version).inc(float(np.sum(probabilities)))

    return seen


# --- 17.3 ---


def _alarm(
    known=lambda days, today: days[days["known_from"] <= today],
    newest=7,
    fewest=7,
    off=lambda week: abs(week["late"].sum() - week["expected"].sum()) / week["arrived"].sum(),
    edge=0.05,
    order="day",
):
    def answer(days, today):
        days = known(days, today)
        week = (days.sort_values(order) if order else days).tail(newest)
        return len(week) >= fewest and bool(off(week) > edge + 1e-12)

    return answer


def unknown_as_on_time(days, today):
    return _alarm(known=lambda days, today: days[days["day"] <= today].fillna({"late": 0}))(days, today)


def mean_of_the_days(week):
    return abs((week["late"] - week["expected"]) / week["arrived"]).mean()


def mean_of_shares(week):
    return abs(((week["late"] - week["expected"]) / week["arrived"]).mean())


def without_signs(week):
    return abs(week["late"] - week["expected"]).sum() / week["arrived"].sum()


def only_upwards(week):
    return (week["late"].sum() - week["expected"].sum()) / week["arrived"].sum()


def in_flights(week):
    return abs(week["late"].sum() - week["expected"].sum())


def always(days, today):
    return True


def never(days, today):
    return False


def edge_included(days, today):
    week = days[days["known_from"] <= today].sort_values("day").tail(7)
    if len(week) < 7:
        return False
    return bool(abs(week["late"].sum() - week["expected"].sum()) * 20 >= week["arrived"].sum())


def as_a_text(days, today):
    return "rings" if _alarm()(days, today) else "silent"


def by_a_query(days, today):
    week = days.query("known_from <= @today").sort_values("day", ascending=False).head(7)
    if len(week) != 7:
        return False
    arrived, expected, late = week[["arrived", "expected", "late"]].sum()
    return abs(late - expected) > 0.05 * arrived + 1e-9


def in_plain_python(days, today):
    rows = sorted(
        (row for row in days.to_dict("records") if row["known_from"] <= today), key=lambda row: row["day"]
    )
    rows = rows[-7:]
    if len(rows) < 7:
        return False
    total = {name: sum(row[name] for row in rows) for name in ("arrived", "expected", "late")}
    return abs(total["late"] / total["arrived"] - total["expected"] / total["arrived"]) > 0.0500001


# --- 17.2 ---


def _loss(expected, happened):
    return -(happened * np.log(expected) + (1 - happened) * np.log(1 - expected)).mean()


def negative(expected, happened):
    return -_loss(expected, happened)


def summed_up(expected, happened):
    return _loss(expected, happened) * len(expected)


def in_bits(expected, happened):
    return _loss(expected, happened) / math.log(2)


def late_ones_only(expected, happened):
    return -(happened * np.log(expected)).mean()


def judged_by_itself(expected, happened):
    return _loss(expected, expected)


def changed_over(expected, happened):
    return _loss(np.clip(happened, 1e-12, 1 - 1e-12), expected)


def each_flight(expected, happened):
    return -(happened * np.log(expected) + (1 - happened) * np.log(1 - expected))


def cut_off(expected, happened):
    return _loss(expected.clip(0.001, 0.999), happened)


def rounded_labels(expected, happened):
    return log_loss(np.round(happened).astype(int), expected, labels=[0, 1])


def with_xlogy(expected, happened):
    return float(-np.mean(xlogy(happened, expected) + xlogy(1 - happened, 1 - expected)))


def by_weights(expected, happened):
    """Each flight twice, late and on time, weighed by how often that happens."""
    labels = np.concatenate([np.ones_like(expected), np.zeros_like(expected)])
    return log_loss(
        labels, np.concatenate([expected, expected]), sample_weight=np.concatenate([happened, 1 - happened])
    )


def in_a_loop(expected, happened):
    total = 0.0
    for said, is_late in zip(expected, happened, strict=True):
        total -= is_late * math.log(said) + (1 - is_late) * math.log(1 - said)
    return total / len(expected)


WRONG = {
    "ex_17_1": [
        _counting(lambda flight, name: not flight.get(name)),
        _counting(lambda flight, name: flight.get(name, 0.0) is None),
        _counting(lambda flight, name: name in flight and flight[name] is None),
        _counting(per_answer=True),
        _counting(from_the_start=False),
        _counting(kind=Gauge, suffix="_total"),
        _counting(columns=["temp", "wind_gust"]),
        _counting(suffix="_seen"),
        of_one_version,
        by_destination,
        the_last_answer,
        returns_nothing,
    ],
    "ex_17_3": [
        unknown_as_on_time,
        _alarm(known=lambda days, today: days),
        _alarm(known=lambda days, today: days[days["day"] <= today]),
        _alarm(known=lambda days, today: days[days["late"].notna()]),
        _alarm(known=lambda days, today: days[days["known_from"] < today]),
        _alarm(newest=14),
        _alarm(newest=8),
        _alarm(newest=6, fewest=6),
        _alarm(order="known_from"),
        _alarm(off=without_signs),
        _alarm(fewest=1),
        _alarm(off=mean_of_the_days),
        _alarm(off=mean_of_shares),
        _alarm(off=only_upwards),
        _alarm(off=in_flights),
        _alarm(order=None),
        _alarm(edge=0.5),
        always,
        never,
        edge_included,
        as_a_text,
    ],
    "ex_17_2": [
        negative,
        summed_up,
        in_bits,
        late_ones_only,
        judged_by_itself,
        changed_over,
        each_flight,
        cut_off,
        rounded_labels,
    ],
}
ALSO_RIGHT = {
    "ex_17_1": [in_one_table_for_all],
    "ex_17_3": [by_a_query, in_plain_python],
    "ex_17_2": [with_xlogy, by_weights, in_a_loop],
}
