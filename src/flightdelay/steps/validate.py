"""Step 2: refuse a month that is not what we believe it is."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from flightdelay.errors import ValidationError
from flightdelay.months import MONTHS, months_before
from flightdelay.steps.ingest import KEY, Raw

AIRPORTS = ["EWR", "JFK", "LGA"]
TIMES = "datetime64[ms, UTC]"


def _clock(times: pd.Series) -> pd.Series:
    return times.between(0, 2400) & (times % 100 < 60)


CLOCK = pa.Check(_clock, error="a clock time written HHMM, such as 1745")


def _between(low: float, high: float) -> pa.Check:
    return pa.Check.between(low, high, error=f"between {low:g} and {high:g}")


FLIGHTS = pa.DataFrameSchema(
    {
        "time_hour": pa.Column(TIMES),
        "carrier": pa.Column(str, pa.Check.str_length(2, 2, error="a carrier's code of two characters")),
        "flight": pa.Column("int32", pa.Check.gt(0, error="a flight number above 0")),
        "year": pa.Column("int32", pa.Check.eq(2013, error="the year 2013")),
        "month": pa.Column("int32", _between(1, 12)),
        "day": pa.Column("int32", _between(1, 31)),
        "sched_dep_time": pa.Column("int32", CLOCK),
        "sched_arr_time": pa.Column("int32", CLOCK),
        "origin": pa.Column(str, pa.Check.isin(AIRPORTS, error=f"one of {', '.join(AIRPORTS)}")),
        "dest": pa.Column(str, pa.Check.str_length(3, 3, error="an airport's code of three letters")),
        "distance": pa.Column("int32", _between(1, 10_000)),
        "dep_time": pa.Column(float, CLOCK, nullable=True),
        "dep_delay": pa.Column(float, _between(-120, 2_000), nullable=True),
        "arr_delay": pa.Column(float, _between(-180, 2_000), nullable=True),
    },
    strict=True,
)
WEATHER = pa.DataFrameSchema(
    {
        "origin": pa.Column(str, pa.Check.isin(AIRPORTS, error=f"one of {', '.join(AIRPORTS)}")),
        "time_hour": pa.Column(TIMES),
        "temp": pa.Column(float, _between(-60, 130), nullable=True),
        "dewp": pa.Column(float, _between(-80, 100), nullable=True),
        "humid": pa.Column(float, _between(0, 100), nullable=True),
        "wind_dir": pa.Column(float, _between(0, 360), nullable=True),
        "wind_speed": pa.Column(float, pa.Check.ge(0, error="0 or more"), nullable=True),
        "wind_gust": pa.Column(float, pa.Check.ge(0, error="0 or more"), nullable=True),
        "precip": pa.Column(float, _between(0, 10), nullable=True),
        "pressure": pa.Column(float, _between(850, 1100), nullable=True),
        "visib": pa.Column(float, _between(0, 100), nullable=True),
    },
    strict=True,
)


def validate(raw: Raw, month: str, window: int | None = None) -> Raw:
    """Check both tables against their schemas and return them unchanged.

    Parameters
    ----------
    raw : Raw
        Flights and weather as `ingest` brings them.
    month : str
        The month to judge on.
    window : int, optional
        As for `ingest`: each month of the window must have flights.

    Returns
    -------
    Raw
        The same tables.

    Raises
    ------
    ValidationError
        If a column is missing, superfluous or of the wrong type, a value breaks its rule, a flight is there
        twice, a flight stands in the wrong month, or a month has no flights. The message names the
        table, row, column and rule.
    """
    for name, schema, table in (("flights", FLIGHTS, raw.flights), ("weather", WEATHER, raw.weather)):
        try:
            schema.validate(table, lazy=True)
        except SchemaErrors as error:
            raise _refusal(name, table, error.failure_cases) from None
    flights, weather = raw.flights, raw.weather
    once = ~weather.duplicated(["origin", "time_hour"])
    if not once.all():
        row = int(once.to_numpy().argmin())
        raise schema_error(
            "weather", f"{_row(weather, row)} is there twice", "one observation per airport and hour"
        )
    local = flights["time_hour"].dt.tz_convert("America/New_York")
    clock_hour = flights["sched_dep_time"] // 100
    for column, right, rule in (
        ("time_hour", local.dt.hour.eq(clock_hour), "the hour of sched_dep_time, in UTC"),
        ("month", local.dt.month.eq(flights["month"]), "the month of time_hour, in New York's time"),
        ("flight", ~flights.duplicated(KEY), "each flight once (same carrier, number and hour)"),
    ):
        if not right.all():
            row = int(right.to_numpy().argmin())
            value = flights[column].iloc[row]
            raise schema_error("flights", f"{_row(flights, row)}, column {column} is {value!s}", rule)
    present = set(flights["month"].unique())
    for needed in (*months_before(month, window), month):
        if MONTHS.index(needed) + 1 not in present:
            raise schema_error("flights", f"{needed} has no rows", "a month has flights")
    return raw


def _row(table: pd.DataFrame, row: int) -> str:
    found = table.iloc[row]
    if "flight" in table:
        return f"row {row} ({found['carrier']} {found['flight']}, {found['time_hour']:%Y-%m-%d %H:%M} UTC)"
    return f"row {row} ({found['origin']}, {found['time_hour']:%Y-%m-%d %H:%M} UTC)"


def schema_error(table: str, where: str, rule: str) -> ValidationError:
    """Return the refusal of a table: where it breaks which rule, and what that means for the run."""
    return ValidationError(
        f"The table {table} breaks its schema: {where}, and the rule is: {rule}. "
        "The run stops here and the champion stays; mend or replace the month, then run it again."
    )


def _refusal(name: str, table: pd.DataFrame, failures: pd.DataFrame) -> ValidationError:
    # A wrong or missing column explains the wrong values below it, so it comes first.
    failures = failures.sort_values("index", na_position="first", kind="stable")
    first = failures.iloc[0]
    more = f" ({len(failures)} places break a rule; this is the first)" if len(failures) > 1 else ""
    if pd.notna(first["index"]):
        where = f"{_row(table, int(first['index']))}, column {first['column']} is {first['failure_case']}"
        return schema_error(name, where + more, str(first["check"]))
    check = str(first["check"])
    if check == "column_in_dataframe":
        return schema_error(name, f"column {first['failure_case']} is missing", "all columns are there")
    if check == "column_in_schema":
        return schema_error(name, f"column {first['failure_case']} is not known", "no other columns")
    if check.startswith("dtype"):
        wanted = check.removeprefix("dtype('").removesuffix("')")
        return schema_error(
            name, f"column {first['column']} has the type {first['failure_case']}", f"type {wanted}"
        )
    return schema_error(name, f"column {first['column']} has {first['failure_case']}{more}", check)
