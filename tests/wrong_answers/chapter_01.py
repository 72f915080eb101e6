"""Plausible wrong answers to the exercises of chapter 01."""

import pandas as pd

from flightdelay.months import MONTHS


def missing_is_on_time(flights):
    return (flights["arr_delay"] > 15).mean()


def missing_filled_with_zero(flights):
    return (flights["arr_delay"].fillna(0) > 15).mean()


def missing_is_late(flights):
    return (~(flights["arr_delay"] <= 15)).mean()


def fifteen_is_late(flights):
    return (flights["arr_delay"].dropna() >= 15).mean()


def departure_instead_of_arrival(flights):
    return (flights["dep_delay"].dropna() > 15).mean()


def only_cancelled_left_out(flights):
    return (flights.loc[flights["dep_time"].notna(), "arr_delay"] > 15).mean()


def a_count(flights):
    return (flights["arr_delay"] > 15).sum()


def a_percentage(flights):
    return 100 * (flights["arr_delay"].dropna() > 15).mean()


def a_column(flights):
    return flights["arr_delay"] > 15


def all_that_lack_anything_left_out(flights):
    return (flights.dropna()["arr_delay"] > 15).mean()


def a_table_from_above(flights):
    return 0.237


def the_right_number_by_chance(flights):
    return 0.5


TIMETABLE = ["carrier", "flight", "origin", "dest", "distance", "sched_dep_time", "sched_arr_time"]
EVENING = ["carrier", "origin", "dest", "departure_minute", "weather_at_20_the_evening_before"]
PLAN = {
    "features": EVENING,
    "learn_from": list(MONTHS[:9]),
    "judge_on": "2013-10",
    "measures": ["auc", "expected_and_real_late_share", "cost_per_1000_flights"],
}

WRONG = {
    "ex_1_1": [
        missing_is_on_time,
        missing_filled_with_zero,
        missing_is_late,
        fifteen_is_late,
        departure_instead_of_arrival,
        only_cancelled_left_out,
        a_count,
        a_percentage,
        a_column,
        all_that_lack_anything_left_out,
        a_table_from_above,
        the_right_number_by_chance,
        0.235,
    ],
    "ex_1_2": [
        [*TIMETABLE, "dep_delay"],
        [*TIMETABLE, "dep_time"],
        [*TIMETABLE, "arr_time"],
        [*TIMETABLE, "arr_delay"],
        [*TIMETABLE, "air_time"],
        [*TIMETABLE, "tailnum"],
        ["carrier", "origin", "dest"],
        TIMETABLE[1:],
        pd.Index([*TIMETABLE, "dep_delay"]),
        [*TIMETABLE, "weather"],
        "carrier",
    ],
    "ex_1_3": [0.5, 0.2, 2 / 6, 6 / 8, 25, 4, 0.1, "0.25"],
    "ex_1_4": [
        PLAN | {"features": [*EVENING, "dep_delay"]},
        PLAN | {"features": [*EVENING, "air_time"]},
        PLAN | {"features": [*EVENING, "weather_at_departure"]},
        PLAN | {"features": [*EVENING, "weather_2_hours_before"]},
        PLAN | {"features": [*EVENING, "late_share_of_route_in_october"]},
        PLAN | {"features": [*EVENING, "delay_of_the_aircraft_on_the_morning_of_the_flight"]},
        PLAN | {"features": ["carrier"]},
        PLAN | {"features": "carrier"},
        PLAN | {"features": [*EVENING, "wind"]},
        PLAN | {"judge_on": "a random tenth"},
        PLAN | {"judge_on": 0.1},
        PLAN | {"judge_on": "2013-09"},
        PLAN | {"judge_on": ["2013-10"]},
        PLAN | {"judge_on": "2014-10"},
        PLAN | {"learn_from": "random 80%"},
        PLAN | {"learn_from": 0.9},
        PLAN | {"learn_from": []},
        PLAN | {"learn_from": "2013-09"},
        PLAN | {"learn_from": [1, 2, 3]},
        PLAN | {"learn_from": ["2012-09"]},
        PLAN | {"learn_from": list(MONTHS[:10])},
        PLAN | {"learn_from": [month for month in MONTHS if month != "2013-10"]},
        PLAN | {"measures": ["auc"]},
        PLAN | {"measures": ["auc", "accuracy"]},
        PLAN | {"measures": ["accuracy", "expected_and_real_late_share", "cost_per_1000_flights"]},
        PLAN | {"measures": ["log_loss", "cost_per_1000_flights"]},
        PLAN | {"measures": ["auc", "log_loss"]},
        PLAN | {"measures": ["auc", "cost_per_1000_flights"]},
        PLAN | {"measures": []},
        {"features": EVENING},
        EVENING,
    ],
}
