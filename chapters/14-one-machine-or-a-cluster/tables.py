"""The two tables of exercise 14.1, what a month's features are made of, and whether two engines made the same."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from flightdelay.steps.featurize import HOURS_AHEAD, STRONGEST_WIND
from flightdelay.steps.ingest import Raw, ingest

ASKED = ["temp", "wind_gust", "precip"]


def month_folder(folder: Path, month: str) -> Path:
    """Write what a run of a month and the one before needs as an engine reads it; return the folder."""
    made = folder / month
    for name, table in zip(("flights", "weather"), ingest(month, window=1), strict=True):
        (made / name).mkdir(parents=True, exist_ok=True)
        table.to_parquet(made / name / "000.parquet", index=False)
    return made


def decisions_and_weather(raw: Raw) -> tuple[pa.Table, pa.Table]:
    """Return a row for each decision, with its moment, and the weather in three columns, as Arrow tables.

    What is missing is null in them, as in the Parquet files, and never NaN.
    """
    flights = raw.flights[raw.flights["arr_delay"].notna()].reset_index(drop=True)
    departure = flights["time_hour"] + pd.to_timedelta(flights["sched_dep_time"] % 100, unit="min")
    decided_at = (departure - pd.Timedelta(hours=HOURS_AHEAD)).astype(flights["time_hour"].dtype)
    decisions = pd.DataFrame({"row": flights.index, "origin": flights["origin"], "decided_at": decided_at})
    weather = raw.weather[["origin", "time_hour", *ASKED]].copy()
    weather["wind_gust"] = weather["wind_gust"].where(weather["wind_gust"] <= STRONGEST_WIND)
    tables = [pa.Table.from_pandas(table, preserve_index=False) for table in (decisions, weather)]
    return tables[0], tables[1]


def same_columns(one: Path, other: Path) -> list[str]:
    """Name the columns that are the same in two files of features: every row, every value, every missing one."""
    first, second = pd.read_parquet(one), pd.read_parquet(other)
    if len(first) != len(second) or list(first) != list(second):
        return []
    return [name for name in first if first[name].equals(second[name].astype(first[name].dtype))]
