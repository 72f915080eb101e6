"""Step 3 by DuckDB: `flightdelay.steps.featurize` in SQL, from files to a file, by the same contract."""

from pathlib import Path

import duckdb

from flightdelay.steps.featurize import CATEGORIES, HOURS_AHEAD, LATE_MINUTES, STRONGEST_WIND, WEATHER
from flightdelay.steps.ingest import KEY

OLDEST_HOURS = 6
# Seconds since 1970 in place of times: no time zone can come between, and no file has to be fetched for it.
ASKED = f"""
SELECT *, epoch_ms(time_hour) // 1000 + sched_dep_time % 100 * 60 - {HOURS_AHEAD} * 3600 AS asked_at
FROM read_parquet($flights) WHERE arr_delay IS NOT NULL
"""
BOARD = f"""
SELECT * REPLACE (
    CASE WHEN wind_speed <= {STRONGEST_WIND} THEN wind_speed END AS wind_speed,
    CASE WHEN wind_gust <= {STRONGEST_WIND} THEN wind_gust END AS wind_gust
), epoch_ms(time_hour) // 1000 + 3600 AS known_at
FROM read_parquet($weather)
"""
# The latest row that was known. LEFT: a flight without one stays. Too old a row is blanked after it has been found:
# were it left out before, an older one could not be found in its place, but neither could this one be.
SEEN = ", ".join(
    f"CASE WHEN asked_at - known_at <= {OLDEST_HOURS} * 3600 THEN board.{name} END AS {name}"
    for name in WEATHER
)
FEATURES = f"""
SELECT
    asked.time_hour, flight, format('{{:04d}}-{{:02d}}', year, month) AS month,
    {", ".join(f"asked.{name}" for name in CATEGORIES)},
    CAST(sched_dep_time // 100 * 60 + sched_dep_time % 100 AS DOUBLE) AS departure_minute,
    CAST(sched_arr_time // 100 * 60 + sched_arr_time % 100 AS DOUBLE) AS arrival_minute,
    CAST(isodow(make_date(year, month, day)) - 1 AS DOUBLE) AS weekday,
    CAST(distance AS DOUBLE) AS distance,
    {SEEN},
    CAST(arr_delay > {LATE_MINUTES} AS TINYINT) AS late
FROM ({ASKED}) AS asked ASOF LEFT JOIN ({BOARD}) AS board
ON asked.origin = board.origin AND asked.asked_at >= board.known_at
ORDER BY {", ".join(f"asked.{name}" for name in KEY)}
"""


def featurize(folder: Path, result: Path, memory_mb: int = 2_000) -> None:
    """Read the flights and the weather of a folder, and write the features.

    Parameters
    ----------
    folder
        With ``flights/*.parquet`` and ``weather/*.parquet``.
    result
        The Parquet file to write.
    memory_mb
        What DuckDB may take for its tables; what does not fit goes to disk, beside the result.
    """
    with duckdb.connect(
        config={"memory_limit": f"{memory_mb}MB", "temp_directory": f"{result}.spilled"}
    ) as database:
        files = {name: str(folder / name / "*.parquet") for name in ("flights", "weather")}
        query = FEATURES.replace("$flights", f"'{files['flights']}'").replace(
            "$weather", f"'{files['weather']}'"
        )
        database.execute(f"COPY ({query}) TO '{result}' (FORMAT parquet)")
