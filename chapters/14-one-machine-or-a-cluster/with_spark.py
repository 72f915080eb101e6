"""Steps 1 to 3 by Spark: `flightdelay`'s ingest, validate and featurize by the same contract, in SQL.

Spark has to run (`chapter_14.spark_here.start`). Nothing is read before `validate` counts or `featurize` writes.
"""

from pathlib import Path
from typing import Any, NamedTuple

from chapter_14 import spark_here
from flightdelay.steps.featurize import CATEGORIES, HOURS_AHEAD, LATE_MINUTES, STRONGEST_WIND, WEATHER
from flightdelay.steps.ingest import FLIGHT_COLUMNS, KEY, WEATHER_COLUMNS
from flightdelay.steps.validate import CLOCK, FLIGHTS, schema_error
from flightdelay.steps.validate import WEATHER as OBSERVATIONS

OLDEST_HOURS = 6
# Spark's public functions have no as-of join. So both tables become one, in the order of time: first the rows that say
# something, then those that ask. A window carries the latest row of the weather down to each question. Wherever an
# airport's rows are sorted, the question finds the answer just above it.
SEEN = f"""
WITH board AS (
    SELECT *, unix_seconds(time_hour) + 3600 AS known_at FROM (SELECT * EXCEPT (wind_speed, wind_gust),
    CASE WHEN wind_speed <= {STRONGEST_WIND} THEN wind_speed END AS wind_speed,
    CASE WHEN wind_gust <= {STRONGEST_WIND} THEN wind_gust END AS wind_gust FROM {{weather}})
), asked AS (
    SELECT *, unix_seconds(time_hour) + sched_dep_time % 100 * 60 - {HOURS_AHEAD} * 3600 AS asked_at
    FROM {{flights}} WHERE arr_delay IS NOT NULL
), both AS (
    SELECT origin, known_at AS at, 0 AS asks, struct(*) AS row, NULL AS of FROM board
    UNION ALL SELECT origin, asked_at, 1, NULL, struct(*) FROM asked
), carried AS (
    SELECT at, asks, of, last(row) IGNORE NULLS OVER (
        PARTITION BY origin ORDER BY at, asks ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS seen FROM both
)"""
# A question without a row stays; too old a row is blanked after it has been found.
YOUNG = ", ".join(
    f"CASE WHEN at - seen.known_at <= {OLDEST_HOURS} * 3600 THEN seen.{name} END AS {name}"
    for name in WEATHER
)
FEATURES = f"""{SEEN}
SELECT
    of.time_hour, of.flight, format_string('%04d-%02d', of.year, of.month) AS month,
    {", ".join(f"of.{name}" for name in CATEGORIES)},
    CAST(of.sched_dep_time DIV 100 * 60 + of.sched_dep_time % 100 AS DOUBLE) AS departure_minute,
    CAST(of.sched_arr_time DIV 100 * 60 + of.sched_arr_time % 100 AS DOUBLE) AS arrival_minute,
    CAST(weekday(make_date(of.year, of.month, of.day)) AS DOUBLE) AS weekday,
    CAST(of.distance AS DOUBLE) AS distance,
    {YOUNG},
    CAST(of.arr_delay > {LATE_MINUTES} AS TINYINT) AS late
FROM carried WHERE asks = 1 ORDER BY {", ".join(KEY)}
"""


class Tables(NamedTuple):
    """What `ingest` names: two data frames of Spark, of which nothing has been read yet."""

    flights: Any
    weather: Any


def ingest(folder: Path) -> Tables:
    """Name the files of a folder with ``flights/*.parquet`` and ``weather/*.parquet``, and the columns of each."""
    read = spark_here.start().read
    return Tables(
        read.parquet(str(folder / "flights")).select(*FLIGHT_COLUMNS),
        read.parquet(str(folder / "weather")).select(*WEATHER_COLUMNS),
    )


def _in_sql(column: str, check: Any) -> str:
    """Return a rule of the pipeline's own schema as a condition in SQL."""
    said = check.statistics
    return {
        CLOCK.name: lambda: f"{column} BETWEEN 0 AND 2400 AND {column} % 100 < 60",
        "in_range": lambda: f"{column} BETWEEN {said['min_value']} AND {said['max_value']}",
        "greater_than": lambda: f"{column} > {said['min_value']}",
        "greater_than_or_equal_to": lambda: f"{column} >= {said['min_value']}",
        "equal_to": lambda: f"{column} = {said['value']}",
        "isin": lambda: f"{column} IN ({', '.join(repr(each) for each in said['allowed_values'])})",
        "str_length": lambda: f"length({column}) = {said['min_value']}",
    }[check.name]()


# The rules of the pipeline's validate that look at two columns of a row; its session keeps times in UTC.
LOCAL = "from_utc_timestamp(time_hour, 'America/New_York')"
OF_TWO_COLUMNS = {
    ("time_hour", "the hour of sched_dep_time, in UTC"): f"hour({LOCAL}) != sched_dep_time DIV 100",
    ("month", "the month of time_hour, in New York's time"): f"month({LOCAL}) != month",
}


def _rules(schema: Any) -> dict[tuple[str, str], str]:
    """Return, for each column and rule of a schema, what is true of a row that breaks it."""
    broken = {}
    for name, column in schema.columns.items():
        if not column.nullable:
            broken[name, "a value is there"] = f"{name} IS NULL"
        for check in column.checks:
            # NaN is a value to Spark, and larger than all others.
            broken[name, check.error] = f"NOT ({_in_sql(name, check)})"
    return broken


def validate(tables: Tables) -> Tables:
    """Check both tables against the rules of the pipeline's own schemas, in one reading of each.

    Raises
    ------
    ValidationError
        If a row breaks a rule, or is there twice. The message names table, column, rule and how many rows.
    """
    session = spark_here.start()
    for name, table, schema, key in (
        ("flights", tables.flights, FLIGHTS, KEY),
        ("weather", tables.weather, OBSERVATIONS, ["origin", "time_hour"]),
    ):
        rules = _rules(schema) | (OF_TWO_COLUMNS if name == "flights" else {})
        counts = ", ".join(f"count_if({broken})" for broken in rules.values())
        found = session.sql(f"SELECT {counts} FROM {{table}}", table=table).first()
        for (column, rule), rows in zip(rules, found, strict=True):
            if rows:
                raise schema_error(name, f"column {column} has {rows} such rows", rule)
        twice = table.groupBy(*key).count().where("count > 1").count()
        if twice:
            raise schema_error(name, f"{twice} keys are there twice", f"once: {', '.join(key)}")
    return tables


def features(tables: Tables) -> Any:
    """Return the query for the features of two tables, a data frame of Spark."""
    return spark_here.start().sql(FEATURES, **tables._asdict())


def featurize(folder: Path, result: Path) -> None:
    """Read the flights and the weather of a folder, and write the features.

    Parameters
    ----------
    folder
        With ``flights/*.parquet`` and ``weather/*.parquet``.
    result
        What to write: with Spark it is a folder of Parquet files, which pandas reads like a file.
    """
    features(ingest(folder)).write.mode("overwrite").parquet(str(result))


def start() -> None:
    """Start Spark in one process of this machine, for `chapter_14.measure`."""
    spark_here.start("local[2]", driver_mb=2_000)
