"""Step 3: only what is known two hours before scheduled departure."""

import pandas as pd

from flightdelay.steps.ingest import KEY, WEATHER_COLUMNS, Raw

HOURS_AHEAD = 2
LATE_MINUTES = 15
# A row of the weather is named after its hour and made of all reports until minute 51 of it (data/README.md),
# so it is known when that hour is over, and not before.
WEATHER_COMPLETE = pd.Timedelta(hours=1)
# A row that was complete longer ago says little about the departure; the model is told "unknown" instead.
OLDEST_WEATHER = pd.Timedelta(hours=6)
# One observation of February reports 1048 mph. Wind that no station survives counts as not observed.
STRONGEST_WIND = 200

CATEGORIES = ["carrier", "origin", "dest"]
WEATHER = [column for column in WEATHER_COLUMNS if column not in ("origin", "time_hour")]
NUMBERS = ["departure_minute", "arrival_minute", "weekday", "distance", *WEATHER]
FEATURES = [*CATEGORIES, *NUMBERS]


def _minute_of_day(clock: pd.Series) -> pd.Series:
    return (clock // 100 * 60 + clock % 100).astype("float64")


def featurize(raw: Raw) -> pd.DataFrame:
    """Turn flights and weather into one table of features and label.

    A cancelled or diverted flight has no arrival delay, so it has no label: it is left out of learning and
    judging, and not counted as on time. The weather is the latest row of the airport that was complete at the
    moment of the prediction.

    Parameters
    ----------
    raw : Raw
        Validated flights and weather.

    Returns
    -------
    DataFrame
        One row per flight that arrived, sorted by its key. Columns: the key (``time_hour``, the scheduled
        hour in UTC, ``carrier``, ``flight``), ``month`` (``2013-09``), the features of `FEATURES` (minutes
        since midnight, local time; weekday 0 = Monday; miles; the weather in the units of its source) and
        ``late`` (1 if it arrived more than 15 minutes late).
    """
    flights = raw.flights
    # Stable sort by a unique key: the order in which rows arrive must not matter.
    flights = flights[flights["arr_delay"].notna()].sort_values(KEY, kind="stable", ignore_index=True)
    departure = flights["time_hour"] + pd.to_timedelta(flights["sched_dep_time"] % 100, unit="min")
    known_at = (departure - pd.Timedelta(hours=HOURS_AHEAD)).astype(flights["time_hour"].dtype)

    weather = raw.weather.sort_values(["time_hour", "origin"], kind="stable")
    weather["known_at"] = (weather["time_hour"] + WEATHER_COMPLETE).astype(known_at.dtype)
    for column in ("wind_speed", "wind_gust"):
        weather[column] = weather[column].where(weather[column] <= STRONGEST_WIND)
    asked = pd.DataFrame({"known_at": known_at, "origin": flights["origin"]}).sort_values(
        "known_at", kind="stable"
    )
    seen = pd.merge_asof(
        asked.reset_index(names="row"),
        weather,
        on="known_at",
        by="origin",
        direction="backward",
        tolerance=OLDEST_WEATHER,
    ).sort_values("row", ignore_index=True)

    month = flights["year"].astype(str) + "-" + flights["month"].astype(str).str.zfill(2)
    columns = {
        **{name: flights[name] for name in ["time_hour", "flight"]},
        "month": month,
        **{name: flights[name] for name in CATEGORIES},
        "departure_minute": _minute_of_day(flights["sched_dep_time"]),
        "arrival_minute": _minute_of_day(flights["sched_arr_time"]),
        "weekday": pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_week.astype("float64"),
        "distance": flights["distance"].astype("float64"),
        **{name: seen[name] for name in WEATHER},
        "late": (flights["arr_delay"] > LATE_MINUTES).astype("int8"),
    }
    return pd.DataFrame(columns)
