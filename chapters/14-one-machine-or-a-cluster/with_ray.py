"""Step 3 by Ray: `flightdelay.steps.featurize` in a task for each month, from files to a file, by the same contract.

Ray has to run (`chapter_14.ray_here.start`).
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import ray

from chapter_14 import ray_here
from flightdelay.steps import featurize as step
from flightdelay.steps.ingest import Raw

# A month's first flights need weather of the month before: the oldest row that is believed, by its name.
BEFORE = step.OLDEST_WEATHER + step.WEATHER_COMPLETE + pd.Timedelta(hours=step.HOURS_AHEAD)


@ray.remote
def features_of(folder: Path, year: int, month: int) -> pa.Table:
    """Read one month's flights and its weather, and return its features."""
    flights = pd.read_parquet(folder / "flights", filters=[("year", "==", year), ("month", "==", month)])
    first, last = flights["time_hour"].min() - BEFORE, flights["time_hour"].max()
    weather = pd.read_parquet(
        folder / "weather", filters=[("time_hour", ">=", first), ("time_hour", "<=", last)]
    )
    return pa.Table.from_pandas(step.featurize(Raw(flights, weather)), preserve_index=False)


def featurize(folder: Path, result: Path) -> None:
    """Read the flights and the weather of a folder, and write the features.

    Parameters
    ----------
    folder
        With ``flights/*.parquet`` and ``weather/*.parquet``.
    result
        The Parquet file to write.
    """
    months = pd.read_parquet(folder / "flights", columns=["year", "month"]).drop_duplicates()
    # In the order of time, which is that of the key: no row of a month comes before one of the month before it.
    ordered = sorted(months.itertuples(index=False, name=None))
    coming = [features_of.remote(folder, year, month) for year, month in ordered]
    tables = (ray.get(each) for each in coming)
    first = next(tables)
    with pq.ParquetWriter(result, first.schema) as file:
        file.write_table(first)
        for table in tables:
            file.write_table(table)


def start() -> None:
    """Start Ray in this process, for `chapter_14.measure`."""
    ray_here.start()
