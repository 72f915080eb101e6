"""The checks of chapter 17."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.steps.featurize import FEATURES, WEATHER

# --- 17.1: what went through ---


def _flight(**known: float | None) -> dict[str, Any]:
    flight: dict[str, Any] = {name: 1.0 for name in FEATURES}
    return {**flight, "carrier": "UA", "origin": "EWR", "dest": "LAX", **known}


# Version, flights, probabilities: a zero is a value, as a column that is not sent at all is none.
WITHOUT_GUST = {name: value for name, value in _flight().items() if name != "wind_gust"}
ANSWERS: tuple[tuple[str, list[dict[str, Any]], list[float]], ...] = (
    ("2013-09-a", [_flight(precip=0.0, wind_dir=0.0), _flight(temp=None, wind_gust=None)], [0.25, 0.5]),
    ("2013-09-a", [_flight(wind_gust=None), _flight(), WITHOUT_GUST], [0.125, 0.25, 0.125]),
    ("2013-09-a", [], []),
    ("2013-10-b", [_flight(temp=None)], [0.5]),
)
FLIGHTS = {"2013-09-a": 5.0, "2013-10-b": 1.0}
EXPECTED = {"2013-09-a": 1.25, "2013-10-b": 0.5}
MISSING = {**dict.fromkeys(WEATHER, 0.0), "temp": 2.0, "wind_gust": 3.0}


def _counted(registry: CollectorRegistry, name: str, label: str, values: Any) -> dict[str, float | None]:
    return {value: registry.get_sample_value(name, {label: value}) for value in values}


def _count_problem(registry: CollectorRegistry) -> str | None:
    flights = _counted(registry, "flights_total", "version", FLIGHTS)
    if all(value is None for value in flights.values()):
        names = sorted({sample.name for family in registry.collect() for sample in family.samples})
        said = f"; it has {', '.join(names[:4])}" if names else ", and nothing at all"
        return f"The registry has no flights_total with the label version alone{said}."
    if flights == {"2013-09-a": 3.0, "2013-10-b": 1.0}:
        return "flights_total counts the answers. Flights are asked for: an answer holds several, or none."
    if flights != FLIGHTS:
        return f"{FLIGHTS} flights were answered, by version, and flights_total says {flights}."
    expected = _counted(registry, "expected_late_total", "version", FLIGHTS)
    if expected != EXPECTED:
        return (
            f"The probabilities, summed up by version, are {EXPECTED}; expected_late_total says {expected}."
        )
    missing = _counted(registry, "weather_missing_total", "column", WEATHER)
    if missing["precip"] or missing["wind_dir"]:
        return "No rain is 0.0, wind from the north is 0 degrees: a zero was observed, and you count it as missing."
    if any(value is None for value in missing.values()):
        absent = [name for name, value in missing.items() if value is None]
        return (
            f"{len(absent)} columns of WEATHER have no series in weather_missing_total, such as {absent[0]}: nothing "
            "was missing there yet. How is a board to tell that from a counter that does not work?"
        )
    if missing["wind_gust"] == MISSING["wind_gust"] - 1:
        return (
            "One flight was sent without the column wind_gust, and not with a null in it. It is missing too."
        )
    if missing != MISSING:
        found = {name: value for name, value in missing.items() if value != MISSING[name]}
        return (
            f"temp was missing 2 times, wind_gust 3 times, nothing else; weather_missing_total says {found}."
        )
    return None


@exercise
def ex_17_1(answer: Callable[..., Any]) -> Verdict:
    """A function that counts answers in a registry, fed with answers of two versions."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a registry.")
    if is_stub(answer):
        return NO_BODY
    registry, other = CollectorRegistry(), CollectorRegistry()
    seen, unused = answer(registry), answer(other)
    if not callable(seen) or not callable(unused):
        return wrong("Your function returns no function that could be called with each answer.")
    for version, flights, probabilities in ANSWERS:
        seen(version, flights, probabilities)
    problem = _count_problem(registry)
    if problem:
        return wrong(problem)
    if other.get_sample_value("flights_total", {"version": "2013-09-a"}):
        return wrong("A second registry, in which nothing was seen, has the flights of the first.")
    kinds = {family.name: family.type for family in registry.collect()}
    if any(kinds.get(name) != "counter" for name in ("flights", "expected_late", "weather_missing")):
        return wrong(
            "These only grow, so each is a Counter: what reads them can then tell that it began anew."
        )
    return right("However many flights: a label has few values, all known before, and never a flight's own.")


# --- 17.3: an alarm of labels that come late ---


def _days(first: str, rows: list[tuple[int, float, int]], known_after: int = 30) -> pd.DataFrame:
    """Return a table of days: arrived, expected, late of each."""
    start = pd.Timestamp(first)
    return pd.DataFrame(
        [
            {
                "day": f"{start + pd.Timedelta(days=number):%Y-%m-%d}",
                "arrived": arrived,
                "expected": expected,
                "late": float(late),
                "known_from": f"{start + pd.Timedelta(days=number + known_after):%Y-%m-%d}",
            }
            for number, (arrived, expected, late) in enumerate(rows)
        ]
    )


CALM, OFF, UNDER = (100, 20.0, 20), (100, 20.0, 40), (100, 20.0, 5)
TWO_WEEKS = _days("2013-11-01", [CALM] * 14)
TURNED = _days("2013-11-01", [CALM] * 7 + [OFF] * 7)
ENDED = _days("2013-11-01", [OFF] * 7 + [CALM] * 7)
# One day of few flights, all of them late: its share is large, and it weighs little.
FEW = _days("2013-11-01", [CALM] * 6 + [(2, 0.2, 2)])
# Five points exactly: 35 of 700.
EDGE = _days("2013-11-01", [(100, 20.0, 25)] * 7)
GAP = _days("2013-11-01", [OFF] * 7 + [CALM] * 3)
GAP.loc[2:, "known_from"] = "2014-02-01"
LATER = _days("2013-11-01", [OFF] * 8)
LATER.loc[3, "known_from"] = "2014-02-01"
UNDERSHOT = _days("2013-11-01", [CALM] * 7 + [UNDER] * 7)
# A day that is off by itself: as the first of seven it counts, before the newest seven not, even if its label is new.
BAD = (100, 20.0, 90)
FIRST_OF_SEVEN = _days("2013-11-01", [BAD] + [CALM] * 6)
BEFORE_SEVEN = _days("2013-11-01", [BAD] + [CALM] * 7)
BEFORE_SEVEN.loc[0, "known_from"] = "2014-01-10"
UP_AND_DOWN = _days("2013-11-01", [(100, 20.0, 30), (100, 20.0, 10)] * 3 + [CALM])
# Table, today, whether it rings, what is wrong where the answer says otherwise.
RINGS: tuple[tuple[pd.DataFrame, str, bool, str], ...] = (
    (TWO_WEEKS, "2013-12-31", False, "In a week in which 20 in 100 were expected and came, nothing is off."),
    (TURNED, "2013-12-31", True, "In the newest week 40 in 100 were late where 20 were expected."),
    (
        TURNED,
        "2013-12-07",
        False,
        "On 7 December the labels of the bad week are not there yet: they are known from 8 December on.",
    ),
    (TWO_WEEKS, "2013-11-20", False, "No label is known on that day. Unknown is not 'on time'."),
    (ENDED, "2013-12-31", False, "The newest week is calm again: older days do not count any more."),
    (ENDED, "2013-12-07", True, "On 7 December the newest seven known days were off by 20 points."),
    (
        UNDERSHOT,
        "2013-12-31",
        True,
        "5 in 100 were late where 20 were expected: a level can be off downwards.",
    ),
    (FEW, "2013-12-31", False, "Compare shares of the whole week: a day of two flights weighs little."),
    (EDGE, "2013-12-31", False, "Five points exactly are not more than five points."),
    (GAP, "2014-01-15", False, "Only two days are known there: not a week."),
    (LATER, "2014-01-15", True, "Seven days are known, with a gap: the newest seven whose labels are known."),
    (
        FIRST_OF_SEVEN,
        "2014-01-15",
        True,
        "Of seven known days the first is off by 70 points, the week by ten.",
    ),
    (
        BEFORE_SEVEN,
        "2014-01-15",
        False,
        "The newest seven days are calm; the eighth day back is not asked for.",
    ),
    (UP_AND_DOWN, "2014-01-15", False, "Days above and below cancel out: over the seven days as many came."),
)


@exercise
def ex_17_3(answer: Callable[..., Any]) -> Verdict:
    """Whether the alarm rings: known labels only, the newest seven days, both directions, any order of rows."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a table of days and today.")
    if is_stub(answer):
        return NO_BODY
    for days, today, rings, why in RINGS:
        had = days.copy()
        had.loc[had["known_from"] > today, "late"] = np.nan  # as the table was on that day
        for table in (days, had, days.iloc[::-1], had.sample(frac=1, random_state=3)):
            found = answer(table.reset_index(drop=True), today)
            if not isinstance(found, bool | np.bool_):
                return wrong(f"Return True or False, not {found!r}.")
            if bool(found) != rings:
                order = "" if table is days or table is had else " (Rows may come in any order.)"
                return wrong(f"{why} Your alarm {'rings' if found else 'is silent'} there.{order}")
    return right(
        "It rings where the level is off, as soon as that can be known; where nothing is known it is silent."
    )


# --- 17.2: what is taken for granted ---

EXPECTED_P = np.array([0.1, 0.2, 0.5, 0.9995, 0.3])
HAPPENED = (
    EXPECTED_P,
    np.array([0.2, 0.3, 0.6, 0.9, 0.4]),
    np.array([1.0, 0.0, 1.0, 1.0, 0.0]),
    np.array([0.05, 0.1, 0.3, 0.7, 0.2]),
)


def _loss(expected: np.ndarray, happened: np.ndarray) -> float:
    return float(-(happened * np.log(expected) + (1 - happened) * np.log1p(-expected)).mean())


def _loss_mistakes(expected: np.ndarray, happened: np.ndarray) -> dict[str, float]:
    inside = np.clip(happened, 1e-12, 1 - 1e-12)
    loss = _loss(expected, happened)
    return {
        "That is the negative: a loss is 0 at best and grows.": -loss,
        "That is a sum; the mean of the flights is asked for.": loss * len(expected),
        "That is in bits. The book's log loss uses the natural logarithm.": loss / math.log(2),
        "A flight that is on time costs something, too: the second half of the formula is missing.": float(
            -(happened * np.log(expected)).mean()
        ),
        "The two are changed over: the logarithm is that of what the model said.": _loss(inside, expected),
        "That takes for granted that what happens is what the model said; `happened` has no say in it.": _loss(
            expected, expected
        ),
        "That is the loss of a model that knows `happened`. Ours said `expected`.": _loss(inside, inside),
        "That decides for each flight whether it is late. Half a chance counts half.": _loss(
            expected, np.round(happened)
        ),
    }


@exercise
def ex_17_2(answer: Callable[..., Any]) -> Verdict:
    """The log loss to expect, for several truths."""
    if not callable(answer):
        return wrong("A function is asked for, which gets two arrays.")
    if is_stub(answer):
        return NO_BODY
    refused: dict[str, bool] = {}
    wrong_case = None
    for happened in HAPPENED:
        wanted, found = _loss(EXPECTED_P, happened), answer(EXPECTED_P.copy(), happened.copy())
        if np.ndim(found) or isinstance(found, bool) or not isinstance(found, Real | np.ndarray):
            return wrong(f"One number is asked for, the mean of all flights, not {found!r}.")
        if not math.isfinite(float(found)):
            return wrong(
                "Where a flight is certain to be late or on time, it gives no number: 0 times log 0?"
            )
        mistakes = _loss_mistakes(EXPECTED_P, happened)
        refused = {
            hint: refused.get(hint, True) and math.isclose(float(found), value, rel_tol=1e-6)
            for hint, value in mistakes.items()
        }
        if not math.isclose(float(found), wanted, rel_tol=1e-6):
            wrong_case = wrong_case or (happened, wanted, float(found))
    if wrong_case is None:
        return right(
            "With `expected` in both places it is the estimate without labels: the model judged by itself."
        )
    hint = next((hint for hint, always in refused.items() if always), "")
    happened, wanted, given = wrong_case
    return wrong(
        f"Said {EXPECTED_P.tolist()}, happened {happened.tolist()}: {wanted:.4f}, not {given:.4f}. {hint}"
    )
