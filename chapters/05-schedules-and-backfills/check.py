"""Checks of chapter 05: the month of a run, what a correction touches, the year, a retraining, late labels."""

import datetime
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pandas as pd
import pendulum

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.errors import MonthError
from flightdelay.months import MONTHS

FIRST, LAST = MONTHS[1], MONTHS[-1]

# --- 5.1: the month of a run -------------------------------------------------------------------------------


def _context(start: tuple[int, int], end: tuple[int, int], logical: tuple[int, int, int]) -> dict[str, Any]:
    """Return what Airflow hands a task, as far as it is about time."""
    moments = {
        "data_interval_start": pendulum.datetime(*start, 1),
        "data_interval_end": pendulum.datetime(*end, 1),
        "logical_date": pendulum.datetime(*logical),
    }
    run_after = max(moments["data_interval_end"], moments["logical_date"])
    run = SimpleNamespace(run_id=f"backfill__{run_after.isoformat()}", run_after=run_after, **moments)
    words = {"ds": f"{moments['logical_date']:%Y-%m-%d}", "ts": moments["logical_date"].isoformat()}
    return {**moments, **words, "dag_run": run, "run_id": run.run_id, "params": {}}


@exercise
def ex_5_1(answer: Callable[[dict[str, Any]], Any]) -> Verdict:
    """The month in which the data interval starts."""
    if not callable(answer):
        return wrong("The answer is a function that takes the context; write its body.")
    if is_stub(answer):
        return NO_BODY
    # One run for each month, since not all months are of one length, and years end; then one by hand.
    firsts = [(2013, month) for month in range(1, 13)] + [(2014, 1), (2016, 2)]
    runs = {
        f"{year}-{month:02d}": _context((year, month), (year + month // 12, month % 12 + 1), (year, month, 1))
        for year, month in firsts
    }
    runs = {name: runs[name] for name in sorted(runs, key=lambda name: name != "2013-03")}
    runs["2013-05, by hand"] = _context((2013, 5), (2013, 6), (2013, 6, 17))  # on 17 June
    today = datetime.date.today()
    for name, context in runs.items():
        month, by_hand = name[:7], "by hand" in name
        try:
            found = answer(context)
        except KeyError as error:
            return wrong(f"The context has no key {error}; the three that matter stand in the exercise.")
        except (AttributeError, TypeError) as error:
            if "'dict' object has no attribute" in str(error):
                return wrong('The context is a dict: its values are had by key, context["…"].')
            raise
        if found is None:
            return wrong("The function returns nothing: end its body with `return`.")
        if not isinstance(found, str):
            return wrong(
                f"It returns a {type(found).__name__}: the pipeline takes a month as text, such as 2013-03."
            )
        if found == month:
            continue
        if found.startswith(str(today.year)) or found.startswith(str(today.year - 1)):
            return wrong(
                "It asks the clock. A backfill of March runs today, and would be told that it is about today."
            )
        if found[:7] == month:
            return wrong(
                f"It returns {found!r}, a day or a moment: the pipeline takes a month, such as 2013-03."
            )
        if by_hand:
            return wrong(
                "Right for scheduled runs, but a run triggered by hand on 17 June, whose interval is May, is told "
                f"{found}: a logical date need not be where the interval starts."
            )
        if found[5:] == month[5:]:
            return wrong(f"The run about {month} is told {found}: the year is part of the interval, too.")
        if found[:7] in (_moved(month, 1), _moved(month, -1)) and month != "2013-03":
            return wrong(
                f"Right for March, but the run about {month} is told {found}: do you count days? Months have 28 to 31 "
                "of them, and the interval starts with the month."
            )
        interval = f"The run whose interval goes from 1 {_name(month)} to the end of {_name(month)}"
        if found[:7] == _moved(month, 1):
            return wrong(
                f"{interval} is told {found}: off by one month. Which end of the interval belongs to the month?"
            )
        if found[:7] == _moved(month, -1):
            return wrong(
                f"{interval} is told {found}, a month too early: is something taken off its start, or is the start, "
                "midnight in UTC, turned into another time zone?"
            )
        return wrong(
            f"The run about {month} is told {found}; the month is written as in 2013-03."
            if month == "2013-03"
            else f"Right for March, but the run about {month} is told {found}: take year and month, both, from the "
            "moment where the interval starts."
        )
    with _clock_of("America/New_York"):
        found = answer(runs["2013-03"])
    if found != "2013-03":
        return wrong(
            f"On a machine that keeps New York's time the run about 2013-03 is told {found}: the moments are in UTC, "
            "and the month has to be the same on every machine. Take it from the moment as it is."
        )
    return right("Scheduled, backfilled or by hand, on any day: the run is about where its interval starts.")


@contextmanager
def _clock_of(zone: str) -> Iterator[None]:
    """Let this process keep the local time of another place."""
    try:
        with mock.patch.dict(os.environ, TZ=zone):
            time.tzset()
            yield
    finally:
        time.tzset()


def _moved(month: str, by: int) -> str:
    return str(pd.Period(month) + by)


def _name(month: str) -> str:
    return f"{pd.Period(month).strftime('%B')}"


# --- 5.2: what has to run again ----------------------------------------------------------------------------


@exercise
def ex_5_2(answer: Callable[[str, int | None], Any]) -> Verdict:
    """The month and all that follow, whatever the window."""
    if not callable(answer):
        return wrong("The answer is a function of the corrected month and the window; write its body.")
    if is_stub(answer):
        return NO_BODY
    for corrected, window in (
        ("2013-03", None),
        ("2013-10", None),
        ("2013-12", None),
        ("2013-01", None),
        ("2013-03", 3),
        ("2013-01", 1),
    ):
        wanted = [month for month in MONTHS[1:] if month >= corrected]
        found = answer(corrected, window)
        if found is None:
            return wrong("The function returns nothing: end its body with `return`, and a list of months.")
        if isinstance(found, str) or not isinstance(found, Iterable):
            return wrong(f"Return a list of months, not a {type(found).__name__}.")
        unordered = isinstance(found, (set, frozenset))
        found = list(found)
        if found == wanted and not unordered:
            continue
        asked = f"{corrected} corrected, window {window}"
        if set(found) == set(wanted) and not unordered:
            return wrong(
                f"{asked}: these are the right months in the wrong order. Each needs the champion of the one before."
            )
        if set(found) == set(wanted):
            return wrong(
                "A set has no order, and the order matters: each month needs the champion of the one before."
            )
        if MONTHS[0] in found:
            return wrong(
                "January has data but no run: there is no month before it to learn from, so it is refused."
            )
        if unknown := [month for month in found if month not in MONTHS]:
            return wrong(f"{asked}: {unknown[0]!r} is no month of 2013, written as in 2013-03.")
        if earlier := [month for month in found if month < corrected]:
            return wrong(
                f"{asked}: {earlier[0]} was over before; it learned nothing from {corrected} and was not judged on it."
            )
        if corrected != MONTHS[0] and corrected not in found:
            return wrong(
                f"{asked}: the month itself is missing. It is judged, and decided, on its own flights."
            )
        if window is None and len(found) <= 1:
            return wrong(
                f"{asked}: only the month itself. The months after it learned from the old {corrected}, and keep what "
                "they found: nothing turns red, and the store contradicts itself."
            )
        if window is not None:
            return wrong(
                f"{asked}: {wanted[-1]} learns from no corrected month, right. But against which champion is it "
                "decided, and who decided that one? Follow it back."
            )
        return wrong(f"{asked}: {sorted(set(wanted) - set(found))[0]} is missing, and it depends on it.")
    return right(
        "The window bounds what a month learns from, not what it depends on: champions follow each other."
    )


# --- 5.3: the year, and September again --------------------------------------------------------------------


@exercise
def ex_5_3(answer: Mapping[str, Any]) -> Verdict:
    """A backfill of the year, and one of what a correction touches."""
    if not isinstance(answer, Mapping) or set(answer) != {"year", "corrected"}:
        return wrong('The answer is a dict with two pictures of the store: {"year": …, "corrected": …}.')
    year, corrected = answer["year"], answer["corrected"]
    if not all(isinstance(picture, Mapping) for picture in (year, corrected)):
        return wrong("Each picture is what `look()` returns; call it right after the backfill.")
    for name, picture in (("year", year), ("corrected", corrected)):
        if missing := [month for month in MONTHS[1:] if month not in picture]:
            ends = {FIRST: "the first", LAST: "the last"}.get(missing[0] if len(missing) == 1 else "")
            more = (
                f" It is {ends} of the year, so look at the dates: they are those on which intervals start, and both "
                "count."
                if ends
                else " Did its run fail, or was the picture taken too early?"
            )
            return wrong(
                f"The picture {name!r} lacks {missing[0]}" + (" and more." if missing[1:] else ".") + more
            )
    if all(corrected[month]["written"] <= year[month]["written"] for month in MONTHS[1:]) and any(
        corrected[month]["written"] < year[month]["written"] for month in MONTHS[1:]
    ):
        return wrong(
            "The picture 'corrected' was taken before the picture 'year': its files are older. Are they swapped?"
        )
    again = [month for month in MONTHS[1:] if corrected[month]["written"] != year[month]["written"]]
    disorder = _out_of_order(year, MONTHS[1:])
    if disorder:
        return wrong(
            f"In the picture of the year {disorder[1]} was decided before {disorder[0]}. Months that had run were left "
            "alone, or ran side by side: which two options of the backfill settle that?"
        )
    september = "2013-09"
    if september not in again:
        return wrong(
            "September was not run again between the pictures. By default a backfill leaves alone what has a run, and "
            "says nothing."
        )
    old, new = (picture[september]["result"][0]["late_rate"] for picture in (year, corrected))
    if old == new:
        return wrong(
            "September ran again and found the same: the corrected file did not arrive between the pictures."
        )
    if left := [month for month in MONTHS[1:] if month > september and month not in again]:
        return wrong(
            f"September is corrected, {left[0]} is as it was: it learned from the old September. What depends on a "
            "month has to run again too (exercise 5.2)."
        )
    if disorder := _out_of_order(corrected, [month for month in MONTHS if month >= september]):
        return wrong(
            f"After the correction {disorder[1]} was decided before {disorder[0]}, whose champion is its opponent: the "
            "months have to run in order, one at a time."
        )
    changed = [month for month in MONTHS[1:8] if corrected[month]["result"] != year[month]["result"]]
    if changed:
        return wrong(f"{changed[0]} comes before September and has another result: what else was changed?")
    return right(
        "Eleven months in order, then September and its three dependents, and nothing else has another result."
        + (" (The months before it need not have run again; it did no harm.)" if again[0] < september else "")
    )


def _out_of_order(picture: Mapping[str, Any], months: Iterable[str]) -> tuple[str, str] | None:
    """Return two neighbours of which the later was decided first, or against another champion than was left."""
    for before, after in pairwise(months):
        left = picture[before]["result"][1]["champion_after"]
        met = picture[after]["result"][1]["champion_before"]
        if picture[after]["written"] <= picture[before]["written"] or left != met:
            return before, after
    return None


# --- 5.4: what a retraining was worth ----------------------------------------------------------------------


def _year() -> pd.DataFrame:
    """Return a made-up year in which log loss, AUC and cost disagree, with its rows in disorder."""
    rows = []
    for number, month in enumerate(MONTHS[3:]):
        frozen = 0.45 + 0.01 * number
        losses = {
            "frozen": frozen,
            # Worse in June, September and October; in July too little to be taken seriously.
            "recent": frozen + (-0.02, 0.0, 0.03, 0.0004, -0.01, 0.05, 0.002, -0.03, -0.0002)[number],
            # Worse in April and December.
            "all": frozen + (0.004, -0.01, 0.0, -0.02, -0.03, 0.0006, -0.01, -0.02, 0.01)[number],
        }
        for name, loss in losses.items():
            better = (number % 2 == 0) == (name == "frozen")
            rows.append(
                {
                    "month": month,
                    "model": name,
                    "late": 0.2,
                    "auc": 0.7 if better else 0.65,
                    "log_loss": loss,
                    "brier": 0.15 if better else 0.16,
                    "cost_per_1000_flights": 560.0 if (number % 3 == 0) == (name == "recent") else 500.0,
                    "mean_probability": 0.2 if better else 0.25,
                }
            )
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def _rounded(year: pd.DataFrame, candidate: str) -> list[str]:
    """Return what comes out where the losses are rounded to three digits first."""
    wide = year.pivot(index="month", columns="model", values="log_loss").round(3)
    return list(wide.index[(wide[candidate] - wide["frozen"]).round(6) >= 0.001])


@exercise
def ex_5_4(answer: Callable[[pd.DataFrame, str], Any]) -> Verdict:
    """The months in which a policy did worse than no retraining."""
    if not callable(answer):
        return wrong("The answer is a function of the table and the policy's name; write its body.")
    if is_stub(answer):
        return NO_BODY
    given = _year()
    wanted = {"recent": ["2013-06", "2013-09", "2013-10"], "all": ["2013-04", "2013-12"]}
    said = {}
    for candidate in wanted:
        table = given.copy()
        found = answer(table, candidate)
        if found is None:
            return wrong("The function returns nothing: end its body with `return`, and a list of months.")
        if isinstance(found, (str, int, float)) or not isinstance(found, Iterable):
            return wrong(f"Return the months as a list, not a {type(found).__name__}.")
        said[candidate] = list(found)
    if said == wanted:
        return right(
            "In the book's year that is May, November and December, for the recent months and for all of them alike."
        )
    recent = said["recent"]
    wide = given.pivot(index="month", columns="model")

    def differs(column: str, sign: int) -> list[str]:
        return list(wide.index[sign * (wide[column]["recent"] - wide[column]["frozen"]) > 1e-6])

    if sorted(recent) == differs("auc", -1):
        return wrong(
            "These are the months with a lower AUC. It judges the order of the flights; a wrong level, as in December, "
            "it cannot see."
        )
    if sorted(recent) == differs("cost_per_1000_flights", 1):
        return wrong("These are the months with a higher cost; asked is which probabilities were worse.")
    if recent == ["2013-05", "2013-11", "2013-12"]:
        return wrong("These are months of the table above, not of the one that was given.")
    if said == {name: _rounded(given, name) for name in wanted}:
        return wrong(
            "The log losses are rounded before they are compared, as the table prints them: then 0.0006 passes for "
            "0.001. Round what is shown, and not what is judged."
        )
    if {name: sorted(months) for name, months in said.items()} == wanted:
        return wrong("The right months, in another order than that of the year.")
    if said["recent"] == said["all"]:
        return wrong("Both policies get the same months: what does `candidate` change?")
    if sorted(recent) == differs("log_loss", 1):
        return wrong("A difference of 0.0004 is counted as worse; 0.001 is the least that counts.")
    if sorted(recent) == differs("log_loss", -1) or "2013-05" in recent or "2013-04" in recent:
        return wrong(
            "A higher log loss is the worse one, and equal is not worse; these months include better or equal ones."
        )
    if sorted(recent) == wanted["recent"] and said["all"] != wanted["all"]:
        return wrong("Right for recent, but not for all: is the policy's name fixed in the body?")
    return wrong(
        "On a small table of its own the check finds other months: compare the candidate's log loss with the frozen "
        "model's, month by month; the rows may come in any order."
    )


# --- 5.5: no rows of the future ----------------------------------------------------------------------------


def _features() -> pd.DataFrame:
    """Return four flights of each month, in disorder: one without a temperature, two that are alike."""
    rows = [
        {"flight": 100 * number + row, "month": month, "temp": temp, "late": row % 2}
        for number, month in enumerate(MONTHS)
        for row, temp in ((0, 50.0), (1, None), (2, 60.0), (2, 60.0))
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=1)


@exercise
def ex_5_5(answer: Callable[[pd.DataFrame, str, int], Any]) -> Verdict:
    """The rows whose labels are known."""
    if not callable(answer):
        return wrong("The answer is a function of features, month and delay; write its body.")
    if is_stub(answer):
        return NO_BODY
    asked_for = [("2013-09", 0), ("2013-09", 3), ("2013-09", 1), ("2013-12", 6), ("2013-02", 0)]
    # Months are counted and not days, in each month and with each delay.
    asked_for += [(month, late) for month in MONTHS[1:] for late in range(MONTHS.index(month))]
    for month, late in asked_for:
        given = _features()
        wanted = MONTHS[: MONTHS.index(month) - late]
        asked = f"Run of {month}, labels {late} months late"
        table = given.copy()
        try:
            found = answer(table, month, late)
        except MonthError:
            return wrong(
                f"{asked}: it finds nothing to learn from, but {wanted[0]} to {wanted[-1]} is known."
            )
        if refused := _rows(found, given, asked, month, list(wanted)):
            return refused
        if not table.equals(given):
            return wrong(
                f"{asked}: the rows are right, but the table that was given is another one now. Its caller needs it "
                "whole, for the month that is judged: return a selection, and drop nothing in place."
            )
    # A month that was never delivered is a month all the same.
    given = _features().query("month != '2013-07'")
    asked = "A table without 2013-07, run of 2013-09, labels 3 months late"
    if refused := _rows(answer(given.copy(), "2013-09", 3), given, asked, "2013-09", list(MONTHS[:5])):
        return refused
    # In January nothing is known, whatever the delay. In the last ones a slice such as MONTHS[: 1 - 3] begins to
    # count from the other end.
    for month, late in (("2013-04", 3), ("2013-01", 0), ("2013-01", 1), ("2013-02", 1), ("2013-02", 3)):
        try:
            found = answer(_features(), month, late)
        except MonthError as error:
            if month in str(error):
                continue
            return wrong("With nothing to learn from, the MonthError does not name the month.")
        except Exception as error:
            return wrong(
                f"Run of {month}, labels {late} months late: nothing is known yet, and it ends in a "
                f"{type(error).__name__}, which looks like a bug: raise a MonthError."
            )
        if isinstance(found, pd.DataFrame) and len(found):
            return wrong(
                f"Run of {month}, labels {late} months late: no label is known yet, and still there are rows of "
                f"{found['month'].min()} to learn from."
            )
        return wrong(
            f"Run of {month}, labels {late} months late: nothing is left, and the empty table goes on to the training. "
            "Raise a MonthError."
        )
    return right(
        "What a model may learn from depends on the day on which it learns, not on what is on disk today."
    )


def _rows(found: Any, given: pd.DataFrame, asked: str, month: str, wanted: list[str]) -> Verdict | None:
    """Say what is wrong with the rows that were returned, or None."""
    if found is None:
        return wrong("The function returns nothing: end its body with `return`.")
    if not isinstance(found, pd.DataFrame):
        return wrong(f"Return the rows, a DataFrame, not a {type(found).__name__}.")
    if list(found.columns) != list(given.columns):
        return wrong("Rows are asked for, with the columns as they were.")
    if found["month"].dtype != given["month"].dtype:
        return wrong(
            f"{asked}: the column month is of another type now ({found['month'].dtype}). Rows are asked for, as they "
            "were; convert a copy of the column."
        )
    months = sorted(found["month"].unique())
    if late := [each for each in months if each > month]:
        return wrong(
            f"{asked}: rows of {late[0]} are among them, rows of the future. That the file has them today does not "
            "mean that the run could have had them."
        )
    if month in months:
        return wrong(f"{asked}: it learns from {month} itself, the month on which it will be judged.")
    if beyond := [each for each in months if each not in wanted]:
        return wrong(f"{asked}: the labels of {beyond[0]} are not complete on 1 {_name(month)}.")
    if months != wanted:
        lost = next(each for each in wanted if each not in months)
        return wrong(
            f"{asked}: {lost} is missing, although its labels are known; all that is known is asked for."
        )
    if len(found) < given["month"].isin(wanted).sum():
        return wrong(
            f"{asked}: the months are right, but some of their rows are missing. A value that is missing, or a second "
            "row with the same values, is no reason to leave one out here."
        )
    if sorted(found["flight"]) != sorted(given["flight"][given["month"].isin(wanted)]):
        return wrong(f"{asked}: the months are right, but not each row of theirs is there once.")
    return None
