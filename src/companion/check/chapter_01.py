"""Checks of chapter 01: the label, what is known in time, a threshold, and the plan of an evaluation."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from companion.check._verdict import NOT_ANSWERED, Verdict, exercise, right, wrong
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
NEEDLESS_VOUCHER, STRANDED = 2, 6
KNOWN_THE_EVENING_BEFORE = {
    *("carrier", "origin", "dest", "departure_minute", "weekday", "distance"),
    *("weather_at_20_the_evening_before", "late_share_of_route_in_months_before"),
}
JUDGED = "2013-10"
MEASURES = {"accuracy", "auc", "log_loss", "expected_and_real_late_share", "cost_per_1000_flights"}


def _label_table() -> pd.DataFrame:
    """Ten flights: four late, four not (one by exactly 15 minutes), a cancelled and a diverted one."""
    nothing = float("nan")
    return pd.DataFrame(
        {
            "dep_time": [600.0, 700, 800, 900, 1000, 1100, 1200, 1300, nothing, 1815],
            "dep_delay": [0.0, -5, 30, 2, 40, 10, 16, 90, nothing, 232],
            "arr_delay": [-10.0, 0, 15, 3, 35, 16, 20, 85, nothing, nothing],
            "air_time": [100.0, 90, 80, 70, 60, 50, 40, 30, nothing, nothing],
            # A flight with a label that lacks something else.
            "tailnum": ["N1", "N2", "N3", "N4", None, "N6", "N7", "N8", None, "N10"],
        }
    )


@exercise
def ex_1_1(answer: Callable[[pd.DataFrame], Any]) -> Verdict:
    """The share of late flights: only flights with a label count."""
    if not callable(answer):
        return wrong(
            "A function is asked for: leave the line that begins with 'def answer' and write its body."
        )
    table = _label_table()
    found = answer(table.copy())
    if found is None:
        return NOT_ANSWERED
    if not isinstance(found, (int, float)) and not hasattr(found, "__float__"):
        return wrong(f"The function should return one number, and it returned a {type(found).__name__}.")
    share, delay = float(found), table["arr_delay"]
    more = pd.concat([table, table.iloc[[7]]], ignore_index=True)
    if float(answer(more)) == share:
        return wrong(
            "It gives the same number for two different tables: use the argument, not a table from above."
        )

    def is_(value: float) -> bool:
        return math.isclose(share, value, abs_tol=1e-9)

    if is_((delay.dropna() > 15).mean()):
        return right("The flights without a label are neither late nor on time; they are not counted at all.")
    if is_((delay > 15).mean()):
        return wrong(
            "You divided by all flights: a comparison with a missing value is False, so they pass as on time."
        )
    if is_(((delay > 15) | delay.isna()).mean()):
        return wrong("Flights without an arrival delay were counted as late; nobody knows that either.")
    if is_((table.dropna()["arr_delay"] > 15).mean()):
        return wrong(
            "You left out every flight that lacks anything at all; only arr_delay decides whether it has a label."
        )
    if is_((delay.dropna() >= 15).mean()) or is_((delay >= 15).mean()):
        return wrong("Look at a flight that arrives exactly 15 minutes after schedule.")
    if is_((delay[table["dep_time"].notna()] > 15).mean()):
        return wrong(
            "Cancelled flights are out, but a flight can leave and still never get an arrival delay."
        )
    if is_((table["dep_delay"] > 15).mean()) or is_((table["dep_delay"].dropna() > 15).mean()):
        return wrong("Late is a matter of the arrival here, and you looked at the departure.")
    if is_(100 * (delay.dropna() > 15).mean()):
        return wrong("The share is a number from 0 to 1, not a percentage.")
    if share > 1:
        return wrong("That looks like a count; the share is a number from 0 to 1.")
    return wrong("On a table of ten flights it is another share; ask which flights you divide by.")


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
        return wrong(f"{unknown[0]!r} is not one of the candidates.")
    forgotten = len(KNOWN_TWO_HOURS_BEFORE - names)
    if forgotten:
        more = "1 more candidate is" if forgotten == 1 else f"{forgotten} more candidates are"
        return wrong(
            f"Nothing in your list leaks, but {more} in the timetable weeks before; "
            "being too careful costs quality as well."
        )
    return right("All of these come from the timetable; the rest is written down during or after the flight.")


@exercise
def ex_1_3(answer: float) -> Verdict:
    """The threshold that follows from two costs."""
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return wrong("One number from 0 to 1 is asked for.")

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
            "The costs are the wrong way round: the dearer a stranded passenger, the sooner you give."
        )
    return wrong("Write down the mean cost of giving and that of not giving, with p, and set them equal.")


@exercise
def ex_1_4(answer: dict[str, Any]) -> Verdict:
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
        return wrong("features: a list of names from candidates is asked for.")
    late = [name for name in AFTER_DEPARTURE if name in names]
    if late:
        return wrong(f"features: {late[0]} is filled in when {AFTER_DEPARTURE[late[0]]}, on the next day.")
    for name, hint in {
        "weather_at_departure": "that weather is not observed before tomorrow; name the hour of this decision",
        "weather_2_hours_before": "two hours before belongs to another decision; this one has an hour of its own",
        "delay_of_the_aircraft_on_the_morning_of_the_flight": "that morning comes after the decision",
        "late_share_of_route_in_october": "it is computed from the very labels that you judge on",
    }.items():
        if name in names:
            return wrong(f"features, {name}: {hint}.")
    unknown = sorted(names - KNOWN_THE_EVENING_BEFORE)
    if unknown:
        return wrong(f"features: {unknown[0]!r} is not one of the candidates.")
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
            "that is the random split in another dress."
        )
    if max(months) > JUDGED:
        return wrong(f"learn_from: {max(months)} had not happened when these flights left.")
    return None


def _measures(measures: Any) -> Verdict | None:
    names = _names(measures)
    if not names or not names <= MEASURES:
        return wrong("measures: a list of names from measures is asked for.")
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
