"""Checks of chapter 01: the label, columns and rows known in time, a threshold, the plan of an evaluation."""

import datetime
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from companion.check.flights import flights_table
from companion.check.verdict import NO_BODY, NOT_ANSWERED, Verdict, exercise, is_stub, right, wrong
from flightdelay.months import MONTHS

# What the departure and the flight itself fill in, by the moment at which that happens.
AFTER_DEPARTURE = {
    "dep_time": "the aircraft leaves the gate",
    "dep_delay": "the aircraft leaves the gate",
    "arr_time": "the aircraft has landed",
    "arr_delay": "the aircraft has landed",
    "air_time": "the aircraft has landed",
}
KNOWN_TWO_HOURS_BEFORE = {
    *("carrier", "flight", "origin", "dest", "distance", "sched_dep_time", "sched_arr_time"),
}
LATE = 15  # minutes
CLOSE = 1e-7  # a share in float32 is as good
NEEDLESS_VOUCHER, STRANDED = 2, 6
KNOWN_THE_EVENING_BEFORE = {
    *("carrier", "origin", "dest", "departure_minute", "weekday", "distance"),
    *("weather_row_called_19_the_evening_before", "late_share_of_route_in_months_before"),
}
JUDGED = "2013-10"
MEASURES = {"accuracy", "auc", "log_loss", "expected_and_real_late_share", "cost_per_1000_flights"}


def _label_tables() -> list[pd.DataFrame]:
    """Two tables with all columns of the flights, other ones in each.

    In the first are a flight that is exactly 15 minutes late, one that is more than 15 minutes early, a cancelled
    one, a diverted one that has an arrival time, and one that has a label and no aircraft. It spans two months.
    """
    nothing = float("nan")
    delays = {  # of departure and arrival, in minutes
        "first": [
            *[
                (0.0, -10.0),
                (-5.0, 0.0),
                (30.0, 15.0),
                (22.0, -2.0),
                (40.0, 35.0),
                (10.0, 16.0),
                (16.0, 20.0),
            ],
            *[(90.0, 85.0), (-4.0, -31.0), (-8.0, -18.0), (18.0, 4.0), (25.0, 90.0), (-2.0, 5.0)],
            *[(1.0, 9.0), (-3.0, -6.0), (0.0, -9.0), (-1.0, -25.0), (nothing, nothing), (232.0, nothing)],
        ],
        "second": [
            (20.0, 25.0),
            (1.0, 2.0),
            (5.0, -20.0),
            (nothing, nothing),
            (0.0, 15.0),
            (7.0, -1.0),
            (2.0, 1.0),
        ],
    }
    first, second = (flights_table(*zip(*pairs, strict=True)) for pairs in delays.values())
    diverted = first["dep_time"].notna() & first["arr_delay"].isna()
    first.loc[diverted, "arr_time"] = 1215.0  # many have one: the time at which they came back
    later = first.index >= 10
    first.loc[later, "month"] += 1
    first.loc[later, "time_hour"] += pd.Timedelta(days=30)
    return [first, second]


@exercise
def ex_1_1(answer: Callable[[pd.DataFrame], Any]) -> Verdict:
    """The share of late flights: only flights with a label count."""
    if not callable(answer):
        return wrong(
            "A function is asked for: leave the line that begins with 'def answer' and write its body."
        )
    if is_stub(answer):
        return NO_BODY
    table, other = _label_tables()
    found, found_in_other = answer(table.copy()), answer(other.copy())
    if found is None:
        return NOT_ANSWERED
    if isinstance(found, str) or not hasattr(found, "__float__"):
        return wrong(f"The function should return one number, and it returned a {type(found).__name__}.")
    try:
        share, share_in_other = float(found), float(found_in_other)
    except (TypeError, ValueError):
        return wrong("The function should return one number, and it returned several or none.")
    truth, truth_in_other = ((each["arr_delay"].dropna() > LATE).mean() for each in (table, other))
    if math.isclose(share, truth, abs_tol=CLOSE) and math.isclose(
        share_in_other, truth_in_other, abs_tol=CLOSE
    ):
        return right("The flights without a label are neither late nor on time; they are not counted at all.")
    if share == share_in_other:
        return wrong(
            "It gives the same number for two different tables: use the argument, not a table from above."
        )
    if math.isclose(share, truth, abs_tol=CLOSE):
        return wrong(
            "It is right for one table and not for a shorter one: does it count on a number of rows?"
        )
    return wrong(_why_not(share, table, truth))


def _why_not(share: float, table: pd.DataFrame, truth: float) -> str:
    """Return the hint for a share that is not that of the table."""
    delay, left = table["arr_delay"], table["dep_delay"]
    without_label = (
        "You divided by all flights: a comparison with a missing value is False, so they pass as on time."
    )
    hints: list[tuple[float, str]] = [
        ((delay > LATE).mean(), without_label),
        (
            ((delay > LATE) | delay.isna()).mean(),
            "Flights without an arrival delay were counted as late; nobody knows that either.",
        ),
        (
            (table.dropna()["arr_delay"] > LATE).mean(),
            "You left out flights that lack something else, too; only arr_delay decides whether a flight has a label.",
        ),
        ((delay.dropna() >= LATE).mean(), "Look at a flight that arrives exactly 15 minutes after schedule."),
        ((delay >= LATE).mean(), "Look at a flight that arrives exactly 15 minutes after schedule."),
        (
            (delay[table["dep_time"].notna()] > LATE).mean(),
            "Cancelled flights are out, but a flight can leave, and even have an arr_time, without ever getting an "
            "arrival delay.",
        ),
        (
            (delay.dropna() > LATE).groupby(table["month"]).mean().mean(),
            "That is the mean of the months' shares: a month with few flights counts as much as one with many.",
        ),
        ((left > LATE).mean(), "Late is a matter of the arrival here, and you looked at the departure."),
        (
            (left.dropna() > LATE).mean(),
            "Late is a matter of the arrival here, and you looked at the departure.",
        ),
        ((delay.dropna().abs() > LATE).mean(), "A flight that arrives half an hour early is not late."),
        ((delay.abs() > LATE).mean(), without_label),
        ((delay.dropna() > 0).mean(), "Late means more than 15 minutes, not more than none."),
        (100 * truth, "The share is a number from 0 to 1, not a percentage."),
        (1 - truth, "That is the share of the flights that are on time."),
        *(
            (round(truth, digits), "The share is right and then rounded: return it as it is.")
            for digits in range(7)
        ),
    ]
    for value, hint in hints:
        if math.isclose(share, value, abs_tol=CLOSE):
            return hint
    if share > 1:
        return "That looks like a count; the share is a number from 0 to 1."
    return f"On a table of {len(table)} flights it is another share; ask which flights you divide by."


@exercise
def ex_1_2(answer: list[str]) -> Verdict:
    """The columns of the table of flights that are known two hours before departure."""
    names = _names(answer)
    if names is None:
        return wrong('A list of column names is asked for, such as ["carrier", "origin"].')
    late = [name for name in AFTER_DEPARTURE if name in names]
    if late:
        return wrong(
            f"{late[0]} is filled in when {AFTER_DEPARTURE[late[0]]}: not two hours before departure."
        )
    if "tailnum" in names:
        return wrong(
            "tailnum: look again at which flights have none. Was that cell filled in before the flight?"
        )
    unknown = sorted(names - KNOWN_TWO_HOURS_BEFORE)
    if unknown:
        return wrong(f"{unknown[0]!r} is not one of the columns offered.")
    forgotten = len(KNOWN_TWO_HOURS_BEFORE - names)
    if forgotten:
        more = "1 more column is" if forgotten == 1 else f"{forgotten} more columns are"
        return wrong(
            f"Nothing in your list leaks, but {more} in the timetable weeks before; "
            "being too careful costs quality as well."
        )
    return right("All of these come from the timetable; the rest is written down during or after the flight.")


# A row of the weather is made of the reports until this minute of its hour.
LAST_REPORT = pd.Timedelta(minutes=51)
HOUR = pd.Timedelta(hours=1)


def _names_of_rows() -> pd.Series:
    """The hours of two days, in UTC, of which some are missing."""
    # Not of 2013: an answer that looks at the notebook's own table finds other rows.
    hours = pd.Series(pd.date_range("2014-02-11", "2014-02-12 23:00", freq="h", tz="UTC", unit="ms"))
    gaps = hours.dt.day.eq(12) & hours.dt.hour.isin([13, 14])
    return hours[~gaps].reset_index(drop=True).rename("time_hour")


@exercise
def ex_1_3(answer: Callable[[pd.Timestamp, pd.Series], Any]) -> Verdict:
    """The latest row of the weather that is complete at the moment of the decision."""
    if not callable(answer):
        return wrong(
            "A function is asked for: leave the line that begins with 'def answer' and write its body."
        )
    if is_stub(answer):
        return NO_BODY
    names = _names_of_rows()
    minutes = [30, 1, 0, 15, 49, 50, 51, 55, 59]  # half past first, and 1 before 0: the hints that say most
    hours = ("12 17", "12 00", "11 09", "12 12", "12 13", "12 14", "12 15")
    clock = [f"2014-02-{hour}:{minute:02}" for hour in hours for minute in minutes]
    waits = False
    for moment in pd.DatetimeIndex(clock, tz="UTC").as_unit("ms"):  # the unit of names, or merge_asof refuses
        try:
            returned = answer(moment, names.copy())
        except Exception as error:
            return wrong(f"At {moment:%H:%M} it stops with {type(error).__name__}: {error}.")
        if returned is None:
            return NOT_ANSWERED
        found = _moment(returned)
        if found is None:
            return wrong(
                f"One time from names is asked for, a Timestamp; it returned a {type(returned).__name__}."
            )
        if hint := _not_this_row(found, moment, names):
            return wrong(hint)
        waits |= found != names[names + LAST_REPORT <= moment].iloc[-1]
    if waits:
        return right(
            "Of every row that it returns, the last report is there at the decision. It waits some minutes longer than "
            "needed, after minute 51: that costs a little, and is no leak."
        )
    return right(
        "Of every row that it returns, the last report is there at the decision, and no newer row is complete."
    )


def _not_this_row(found: pd.Timestamp, moment: pd.Timestamp, names: pd.Series) -> str:
    """Say what is wrong with the row that was chosen, or nothing."""
    # Two right answers in the last minutes of an hour: complete at minute 51, or when the hour is over.
    allowed = {names[names + wait <= moment].iloc[-1] for wait in (LAST_REPORT, HOUR)}
    if found in allowed:
        return ""
    if found not in set(names):
        if found.year == 2013:
            return "It returns a time of 2013: use the argument names, not the table from above."
        return (
            f"At {moment:%H:%M} it returns {found:%H:%M}, and names has no such row: some hours are missing."
        )
    if found > moment:
        return f"At {moment:%H:%M} it returns the row called {found:%H:%M}, which has not even begun."
    if found + LAST_REPORT > moment:
        return (
            f"At {moment:%H:%M} it returns the row called {found:%H:%M}: that one is made of reports until "
            f"{found + LAST_REPORT:%H:%M}."
        )
    if moment.minute == 0 and found + 2 * HOUR == moment:
        return (
            f"At {moment:%H:%M} sharp it returns the row called {found:%H:%M}, and the one after it is just complete: "
            "is it < or <=?"
        )
    newest = max(allowed)
    return (
        f"At {moment:%H:%M} it returns the row called {found:%H:%M}: no leak, but that of {newest:%H:%M} is complete "
        "as well, and newer."
    )


def _moment(value: Any) -> pd.Timestamp | None:
    """Return what a learner returned as a time in UTC, also where it is the only value of a table; or None."""
    if isinstance(value, pd.DataFrame) and "time_hour" in value:
        value = value["time_hour"]
    if hasattr(value, "tolist") and not isinstance(value, str) and getattr(value, "size", 1) == 1:
        value = (
            value.iloc[0]
            if hasattr(value, "iloc")
            else value.ravel()[0]
            if hasattr(value, "ravel")
            else value
        )
    if not isinstance(value, str | datetime.datetime | np.datetime64):
        return None
    try:
        moment = pd.Timestamp(value)
    except ValueError:
        return None
    if pd.isna(moment):
        return None
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")


@exercise
def ex_1_4(answer: float) -> Verdict:
    """The threshold that follows from two costs."""
    if isinstance(answer, bool | str) or not hasattr(answer, "__float__"):
        return wrong("One number from 0 to 1 is asked for.")
    answer = float(answer)

    def is_(value: float) -> bool:
        return math.isclose(answer, value, abs_tol=0.005)

    if math.isclose(answer, NEEDLESS_VOUCHER / (NEEDLESS_VOUCHER + STRANDED), abs_tol=1e-6):
        return right(
            "From one stranded passenger in four on the voucher pays: three needless ones (3×2) cost what "
            "one stranded passenger costs (6)."
        )
    if answer > 1:
        return wrong("A probability lies between 0 and 1; is this a percentage or a cost?")
    if is_(0.2):
        return wrong("That is the threshold of the later connection; this decision has other costs.")
    if is_(0.5):
        return wrong("One half would be right if both mistakes cost the same.")
    if is_(NEEDLESS_VOUCHER / STRANDED):
        return wrong(
            "You divided one cost by the other; compare what giving and not giving cost *on average*."
        )
    if is_(STRANDED / (NEEDLESS_VOUCHER + STRANDED)):
        return wrong(
            "The costs are the wrong way round: the more a stranded passenger costs, the sooner you give."
        )
    return wrong("Write down the mean cost of giving and that of not giving, with p, and set them equal.")


@exercise
def ex_1_5(answer: dict[str, Any]) -> Verdict:
    """The plan of an evaluation for a decision on the evening before."""
    wanted = ("features", "learn_from", "judge_on", "measures")
    if not isinstance(answer, Mapping) or set(answer) != set(wanted):
        return wrong(f"A dict with exactly these entries is asked for: {', '.join(wanted)}.")
    return (
        _features(answer["features"])
        or _split(answer["learn_from"], answer["judge_on"])
        or _measures(answer["measures"])
        or right(
            "Nothing in the plan is later than 20:00, the months judged on lie ahead of those learned from, "
            "and its measures can say what the model would have cost."
        )
    )


def _features(features: Any) -> Verdict | None:
    names = _names(features)
    if names is None:
        return wrong("features: a list of names from features_offered is asked for.")
    late = [name for name in AFTER_DEPARTURE if name in names]
    if late:
        return wrong(f"features: {late[0]} is filled in when {AFTER_DEPARTURE[late[0]]}, on the next day.")
    for name, hint in {
        "weather_row_complete_2_hours_before_departure": (
            "two hours before belongs to another decision; this one has an hour of its own"
        ),
        "weather_row_called_20_the_evening_before": "at 20:00 that row has just begun, and it runs until 20:51",
        "delay_of_the_aircraft_on_the_morning_of_the_flight": "that morning comes after the decision",
        "late_share_of_route_in_october": "it is computed from the very labels that you judge on",
    }.items():
        if name in names:
            return wrong(f"features, {name}: {hint}.")
    unknown = sorted(names - KNOWN_THE_EVENING_BEFORE)
    if unknown:
        return wrong(f"features: {unknown[0]!r} is not one of features_offered.")
    if len(names) < 3:
        return wrong("features: nothing leaks, but fewer than three features are a thin plan.")
    return None


def _split(learn_from: Any, judge_on: Any) -> Verdict | None:
    if judge_on != JUDGED:
        if isinstance(judge_on, str) and judge_on in MONTHS:
            return wrong(f"judge_on: the crew desk asked for another month than {judge_on}.")
        if _is_share(judge_on):
            return wrong(
                "judge_on: a part of the flights, drawn at random, has twins among those learned from; "
                "give one month, written like 2013-05."
            )
        if _names(judge_on) is not None:
            return wrong("judge_on: one month is asked for, as a string and not in a list.")
        return wrong("judge_on: one month of the year is asked for, as a string written like 2013-05.")
    if isinstance(learn_from, str) and learn_from in MONTHS:
        return wrong("learn_from: a list is asked for, also for a single month: put it in brackets.")
    if _is_share(learn_from):
        return wrong(
            "learn_from: a list of months is asked for; a share of the flights, drawn at random, is no rehearsal."
        )
    months = _names(learn_from)
    if months is None:
        return wrong('learn_from: a list of months is asked for, each a string such as "2013-05".')
    if not months:
        return wrong("learn_from: the list is empty, and a model has to learn from something.")
    if not months <= set(MONTHS):
        strange = min(months - set(MONTHS))
        return wrong(f"learn_from: {strange!r} is no month of the year, written like 2013-05.")
    if JUDGED in months:
        return wrong(
            "learn_from: the month that you judge on is among those learned from; "
            "that is the same mistake as the random split."
        )
    if max(months) > JUDGED:
        return wrong(f"learn_from: {max(months)} had not happened when these flights left.")
    return None


def _measures(measures: Any) -> Verdict | None:
    names = _names(measures)
    if not names or not names <= MEASURES:
        return wrong("measures: a list of names from measures_offered is asked for.")
    if names == {"auc"}:
        return wrong("measures: the AUC sees only the order; December had a good one too.")
    if "accuracy" in names:
        return wrong(
            "measures: accuracy counts both mistakes alike, and here one costs six times the other; "
            "saying 'on time' to everybody would look good."
        )
    if "cost_per_1000_flights" not in names:
        return wrong("measures: from these nobody can read what the decision costs.")
    if "expected_and_real_late_share" not in names:
        return wrong(
            "measures: none of these tells you whether the probabilities are too high or too low; "
            "log loss gets worse in both cases and does not say which."
        )
    return None


def _is_share(answer: Any) -> bool:
    """Say whether this is a share of the flights (0.2) or words about one ("a random tenth")."""
    if isinstance(answer, str):
        return "random" in answer.lower() or "%" in answer
    return isinstance(answer, float)


def _names(answer: Any) -> set[str] | None:
    """Return the names as a set, or None if this is not a collection of strings."""
    if hasattr(answer, "tolist"):  # an array, or what pandas makes of one
        answer = answer.tolist()
    if not isinstance(answer, (list, tuple, set)) or not all(isinstance(name, str) for name in answer):
        return None
    return set(answer)
