"""Plausible wrong answers to the exercises of chapter 01."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
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


def very_early_is_late(flights):
    return (flights["arr_delay"].dropna().abs() > 15).mean()


def rounded_to_one_decimal(flights):
    return round((flights["arr_delay"].dropna() > 15).mean(), 1)


def rounded_to_three_decimals(flights):
    return round(float((flights["arr_delay"].dropna() > 15).mean()), 3)


def the_share_on_time(flights):
    return (flights["arr_delay"].dropna() <= 15).mean()


def right_for_one_table_only(flights):
    return (flights["arr_delay"].head(17) > 15).mean()


def a_text(flights):
    return str((flights["arr_delay"].dropna() > 15).mean())


def only_without_arrival_time_left_out(flights):
    return (flights.loc[flights["arr_time"].notna(), "arr_delay"] > 15).mean()


def mean_of_the_months(flights):
    labelled = flights.dropna(subset=["arr_delay"])
    return (labelled["arr_delay"] > 15).groupby(labelled["month"]).mean().mean()


def the_first_month_only(flights):
    labelled = flights.dropna(subset=["arr_delay"])
    return (labelled["arr_delay"] > 15).groupby(labelled["month"]).mean().iloc[0]


# --- also right ---


def in_32_bits(flights):
    return np.float32((flights["arr_delay"].dropna() > 15).mean())


def counts_by_another_column(flights):
    labelled = flights[flights["arr_delay"].notna()]
    return len(labelled[labelled["arr_delay"] > 15]) / labelled["flight"].count()


def without_doubles_of_the_key(flights):
    labelled = flights[flights["arr_delay"].notna()].drop_duplicates(["time_hour", "carrier", "flight"])
    return (labelled["arr_delay"] > 15).mean()


def by_query(flights):
    return len(flights.query("arr_delay > 15")) / len(flights.query("arr_delay == arr_delay"))


def with_a_column_late(flights):
    flights = flights.sort_values(["time_hour", "carrier", "flight"]).dropna(subset=["arr_delay"])
    flights["late"] = (flights["arr_delay"] > 15).astype("int8")
    return flights["late"].mean()


def by_numpy(flights):
    delay = flights["arr_delay"].to_numpy()
    return np.mean(delay[~np.isnan(delay)] > 15)


def by_value_counts(flights):
    return flights["arr_delay"].dropna().gt(15).value_counts(normalize=True)[True]


# --- 1.3: the row that may be used ---


def the_row_at_its_name(moment, names):
    return names[names <= moment].iloc[-1]


def the_row_at_its_name_by_floor(moment, names):
    return moment.floor("h")


def merged_on_the_name(moment, names):
    asked = pd.DataFrame({"time_hour": [moment]})
    return pd.merge_asof(asked, names.to_frame().assign(row=names), on="time_hour")["row"].iloc[0]


def the_nearest_row(moment, names):
    return names.iloc[(names - moment).abs().argmin()]


def the_row_of_the_departure(moment, names):
    return moment.floor("h") + pd.Timedelta(hours=2)


def complete_after_half_an_hour(moment, names):
    return names[names + pd.Timedelta(minutes=30) <= moment].iloc[-1]


def complete_after_50_minutes(moment, names):
    return names[names + pd.Timedelta(minutes=50) <= moment].iloc[-1]


def complete_after_90_minutes(moment, names):
    return names[names + pd.Timedelta(minutes=90) <= moment].iloc[-1]


def complete_after_two_hours(moment, names):
    return names[names + pd.Timedelta(hours=2) <= moment].iloc[-1]


def forgets_the_sharp_hour(moment, names):
    return names[names + pd.Timedelta(hours=1) < moment].iloc[-1]


def forgets_that_hours_are_missing(moment, names):
    return moment.floor("h") - pd.Timedelta(hours=1)


def forgets_midnight(moment, names):
    return moment.replace(hour=moment.hour - 1, minute=0)


def the_first_of_all_complete(moment, names):
    return names[names + pd.Timedelta(minutes=51) <= moment].iloc[0]


def the_last_of_all(moment, names):
    return names.iloc[-1]


def all_complete_rows(moment, names):
    return names[names + pd.Timedelta(minutes=51) <= moment]


def a_number_of_a_row(moment, names):
    return int((names + pd.Timedelta(minutes=51) <= moment).sum()) - 1


def of_the_notebooks_own_table(moment, names):
    return pd.Timestamp("2013-09-12 20:00", tz="UTC")


# also right


def complete_when_the_hour_is_over(moment, names):
    return names[names + pd.Timedelta(hours=1) <= moment].max()


def complete_at_minute_51(moment, names):
    return max(name for name in names if name + pd.Timedelta("51min") <= moment)


def by_searchsorted(moment, names):
    return names[names.searchsorted(moment - pd.Timedelta(minutes=51), side="right") - 1]


def merged_on_complete(moment, names):
    board = pd.DataFrame({"time_hour": names, "known_at": names + pd.Timedelta(hours=1)})
    asked = pd.DataFrame({"known_at": [moment]}).astype(board.dtypes["known_at"])
    return pd.merge_asof(asked, board, on="known_at")["time_hour"]


def by_the_minute(moment, names):
    last = moment.floor("h") - pd.Timedelta(hours=1 if moment.minute < 51 else 0)
    return names[names <= last].iloc[-1]


def as_numpy(moment, names):
    return names.to_numpy(dtype="datetime64[ns]")[(names + pd.Timedelta(hours=1) <= moment).to_numpy()][-1]


def in_another_time_zone(moment, names):
    local = names.dt.tz_convert("America/New_York")
    return local[local + pd.Timedelta(minutes=51) <= moment].iloc[-1]


def as_a_row(moment, names):
    return names.to_frame()[names + pd.Timedelta(minutes=55) <= moment].tail(1)


TIMETABLE = ["carrier", "flight", "origin", "dest", "distance", "sched_dep_time", "sched_arr_time"]
EVENING = ["carrier", "origin", "dest", "departure_minute", "weather_row_called_19_the_evening_before"]
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
        only_without_arrival_time_left_out,
        mean_of_the_months,
        the_first_month_only,
        a_count,
        a_percentage,
        a_column,
        all_that_lack_anything_left_out,
        a_table_from_above,
        the_right_number_by_chance,
        very_early_is_late,
        rounded_to_one_decimal,
        rounded_to_three_decimals,
        the_share_on_time,
        right_for_one_table_only,
        a_text,
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
    "ex_1_3": [
        the_row_at_its_name,
        the_row_at_its_name_by_floor,
        merged_on_the_name,
        the_nearest_row,
        the_row_of_the_departure,
        complete_after_half_an_hour,
        complete_after_50_minutes,
        complete_after_90_minutes,
        complete_after_two_hours,
        forgets_the_sharp_hour,
        forgets_that_hours_are_missing,
        forgets_midnight,
        the_first_of_all_complete,
        the_last_of_all,
        all_complete_rows,
        a_number_of_a_row,
        of_the_notebooks_own_table,
        "16:00",
    ],
    "ex_1_4": [0.5, 0.2, 2 / 6, 6 / 8, 25, 4, 0.1, "0.25"],
    "ex_1_5": [
        PLAN | {"features": [*EVENING, "dep_delay"]},
        PLAN | {"features": [*EVENING, "air_time"]},
        PLAN | {"features": [*EVENING, "weather_row_called_20_the_evening_before"]},
        PLAN | {"features": [*EVENING, "weather_row_complete_2_hours_before_departure"]},
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

ALSO_RIGHT = {
    "ex_1_1": [
        in_32_bits,
        counts_by_another_column,
        without_doubles_of_the_key,
        by_query,
        with_a_column_late,
        by_numpy,
        by_value_counts,
    ],
    "ex_1_2": [tuple(TIMETABLE), pd.Index(TIMETABLE), np.array(TIMETABLE), set(TIMETABLE), TIMETABLE[::-1]],
    "ex_1_3": [
        complete_when_the_hour_is_over,
        complete_at_minute_51,
        by_searchsorted,
        merged_on_complete,
        by_the_minute,
        as_numpy,
        in_another_time_zone,
        as_a_row,
    ],
    "ex_1_4": [0.25, 1 / 4, np.float64(0.25), np.float32(0.25), Fraction(1, 4), Decimal("0.25")],
    "ex_1_5": [
        PLAN | {"features": set(EVENING), "learn_from": tuple(MONTHS[:9])},
        PLAN | {"features": ["carrier", "weekday", "late_share_of_route_in_months_before"]},
        PLAN | {"learn_from": ["2013-09"]},
        PLAN | {"learn_from": np.array(MONTHS[:9]), "judge_on": np.str_("2013-10")},
        PLAN | {"measures": ["cost_per_1000_flights", "expected_and_real_late_share"]},
        PLAN | {"measures": {"log_loss", "auc", "cost_per_1000_flights", "expected_and_real_late_share"}},
    ],
}
