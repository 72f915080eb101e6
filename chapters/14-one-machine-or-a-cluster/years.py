"""The year of flights several times over: as many rows as one likes, of which the answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flightdelay.data import DATA, load
from flightdelay.files import locked
from flightdelay.months import MONTHS
from flightdelay.steps.ingest import FLIGHT_COLUMNS, WEATHER_COLUMNS

# 53 weeks: weekdays stay what they are, no flight has the key of another one, and the gap of six days is longer than
# the six hours for which a row of the weather is believed. So each copy has the features of the year itself.
DAYS = 7 * 53


def moved(table: pa.Table, copy: int) -> pa.Table:
    """Return a table of flights or of the weather, moved by 53 weeks for each copy before it."""

    def replace(name: str, values: pa.Array) -> None:
        nonlocal table
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, values.cast(table.schema.types[at]))

    if "day" in table.column_names:
        days = pd.to_datetime(table.select(["year", "month", "day"]).to_pandas()).to_numpy("datetime64[D]")
        later = pa.array(days + np.timedelta64(copy * DAYS, "D"))
        for part in (pc.year, pc.month, pc.day):
            replace(part.__name__, part(later))
    replace("time_hour", pc.add(table["time_hour"], pa.scalar(copy * DAYS * 86_400_000, pa.duration("ms"))))
    return table


def years(folder: Path, number: int, data: Path = DATA) -> Path:
    """Make a data folder of so many years, with a file for each, where it is not there yet.

    Parameters
    ----------
    folder
        Where such folders are kept.
    number
        How many times the year.
    data
        The folder with the year itself.

    Returns
    -------
    Path
        A folder with ``flights/000.parquet`` …, ``weather/000.parquet`` …
    """
    made = folder / f"{number}-years"
    with locked(folder):
        if not (made / "done").exists():
            for name, columns in (("flights", FLIGHT_COLUMNS), ("weather", WEATHER_COLUMNS)):
                table = pa.Table.from_pandas(load(name, MONTHS, columns, data), preserve_index=False)
                (made / name).mkdir(parents=True, exist_ok=True)
                for copy in range(number):
                    pq.write_table(moved(table, copy), made / name / f"{copy:03}.parquet")
            (made / "done").touch()
    return made
