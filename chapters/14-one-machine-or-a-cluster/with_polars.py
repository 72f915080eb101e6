"""Step 3 by Polars: `flightdelay.steps.featurize` as one lazy query, from files to a file, by the same contract."""

from pathlib import Path

import polars as pl

from flightdelay.steps.featurize import CATEGORIES, HOURS_AHEAD, LATE_MINUTES, STRONGEST_WIND, WEATHER
from flightdelay.steps.ingest import KEY


def minute_of_day(clock: str) -> pl.Expr:
    """Return a clock time written HHMM as minutes since midnight."""
    return (pl.col(clock) // 100 * 60 + pl.col(clock) % 100).cast(pl.Float64)


def board(weather: pl.LazyFrame) -> pl.LazyFrame:
    """Return the weather with the moment at which each row was known, sorted by it."""
    wind = [
        pl.when(pl.col(name) <= STRONGEST_WIND).then(pl.col(name)).alias(name)
        for name in ("wind_speed", "wind_gust")
    ]
    known_at = (pl.col("time_hour") + pl.duration(hours=1)).alias("known_at")
    return weather.with_columns(known_at, *wind).drop("time_hour").sort("known_at")


def features(flights: pl.LazyFrame, weather: pl.LazyFrame) -> pl.LazyFrame:
    """Return the query; nothing is read before it is collected."""
    asked_at = (
        pl.col("time_hour")
        + pl.duration(minutes=pl.col("sched_dep_time") % 100)
        - pl.duration(hours=HOURS_AHEAD)
    )
    asked = flights.filter(pl.col("arr_delay").is_not_null()).with_columns(known_at=asked_at).sort("known_at")
    seen = asked.join_asof(
        board(weather),
        on="known_at",
        by="origin",
        strategy="backward",
        tolerance="6h",
        check_sortedness=False,
    )
    return seen.sort(KEY).select(
        "time_hour",
        "flight",
        pl.format("{}-{}", "year", pl.col("month").cast(pl.String).str.zfill(2)).alias("month"),
        *CATEGORIES,
        minute_of_day("sched_dep_time").alias("departure_minute"),
        minute_of_day("sched_arr_time").alias("arrival_minute"),
        (pl.date("year", "month", "day").dt.weekday() - 1).cast(pl.Float64).alias("weekday"),
        pl.col("distance").cast(pl.Float64),
        *WEATHER,
        (pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int8).alias("late"),
    )


def featurize(folder: Path, result: Path) -> None:
    """Read the flights and the weather of a folder, and write the features.

    Parameters
    ----------
    folder
        With ``flights/*.parquet`` and ``weather/*.parquet``.
    result
        The Parquet file to write.
    """
    flights, weather = (pl.scan_parquet(folder / name / "*.parquet") for name in ("flights", "weather"))
    features(flights, weather).sink_parquet(result)
