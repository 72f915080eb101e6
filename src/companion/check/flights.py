"""A table of flights as the checks need it: with all columns of the data, and delays that they choose."""

from collections.abc import Sequence

import pandas as pd


def flights_table(departure: Sequence[float], arrival: Sequence[float]) -> pd.DataFrame:
    """Make flights with these delays, in the columns and the types of the data.

    Parameters
    ----------
    departure, arrival
        Delays of departure and arrival in minutes, one of each for a flight; NaN where there was none. Without an
        arrival delay a flight has no arrival time and no air time, without a departure delay no departure time.

    Returns
    -------
    DataFrame
        One row per flight, an hour after the one before; no two have the same key or flight number. The fourth
        has no tailnum.
    """
    number = pd.Series(range(len(departure)), dtype="int32")
    left, landed = pd.Series(departure, dtype="float64"), pd.Series(arrival, dtype="float64")
    first = pd.Timestamp("2013-09-12 10:30", tz="America/New_York")
    planned = (first + pd.to_timedelta(number, unit="h")).dt.as_unit("ms")
    clock = (100 * planned.dt.hour + planned.dt.minute).astype("int32")
    columns = {
        "year": planned.dt.year,
        "month": planned.dt.month,
        "day": planned.dt.day,
        "dep_time": clock.astype("float64").where(left.notna()),
        "sched_dep_time": clock,
        "dep_delay": left,
        "arr_time": clock.add(15).astype("float64").where(landed.notna()),
        "sched_arr_time": clock.add(15).astype("int32"),
        "arr_delay": landed,
        "carrier": "UA",
        "flight": (461 + 37 * number).astype("int32"),
        "tailnum": ("N" + (77001 + 59 * number).astype(str) + "X").where(number != 3),
        "origin": "EWR",
        "dest": "ORD",
        "air_time": pd.Series(110.0, number).where(landed.notna()),
        "distance": pd.Series(719, number, dtype="int32"),
        "hour": planned.dt.hour,
        "minute": planned.dt.minute,
        "time_hour": planned.dt.floor("h").dt.tz_convert("UTC"),
    }
    return pd.DataFrame(columns)
