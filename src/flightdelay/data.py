"""Read the year of flights, month by month, and notice a file that is missing or damaged."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flightdelay.errors import DataFileError
from flightdelay.files import sha256
from flightdelay.location import DATA as DATA

FLIGHTS_SCHEMA = pa.schema(
    {
        "year": pa.int32(),
        "month": pa.int32(),
        "day": pa.int32(),
        "dep_time": pa.int32(),
        "sched_dep_time": pa.int32(),
        "dep_delay": pa.int32(),
        "arr_time": pa.int32(),
        "sched_arr_time": pa.int32(),
        "arr_delay": pa.int32(),
        "carrier": pa.string(),
        "flight": pa.int32(),
        "tailnum": pa.string(),
        "origin": pa.string(),
        "dest": pa.string(),
        "air_time": pa.int32(),
        "distance": pa.int32(),
        "hour": pa.int32(),
        "minute": pa.int32(),
        "time_hour": pa.timestamp("ms", tz="UTC"),
    }
)
WEATHER_SCHEMA = pa.schema(
    {
        "origin": pa.string(),
        "year": pa.int32(),
        "month": pa.int32(),
        "day": pa.int32(),
        "hour": pa.int32(),
        "temp": pa.float64(),
        "dewp": pa.float64(),
        "humid": pa.float64(),
        "wind_dir": pa.float64(),
        "wind_speed": pa.float64(),
        "wind_gust": pa.float64(),
        "precip": pa.float64(),
        "pressure": pa.float64(),
        "visib": pa.float64(),
        "time_hour": pa.timestamp("ms", tz="UTC"),
    }
)


def _advice(folder: Path, name: str) -> str:
    if folder == Path(__file__).resolve().parents[2] / "data":
        return f"Restore it with `git checkout -- data/{name}` or remake it with `make data`."
    return "Restore it from a copy of the repository's data folder."


def check_files(names: Sequence[str], folder: Path = DATA) -> None:
    """Compare files of the data folder with the SHA-256 sums of its ``manifest.json``.

    Parameters
    ----------
    names : sequence of str
        Paths below `folder`, such as ``flights/2013-03.parquet``.
    folder : Path
        The data folder.

    Raises
    ------
    DataFileError
        If the manifest or a file is missing, or a file is not the one that the manifest names.
    """
    manifest = folder / "manifest.json"
    try:
        known = json.loads(manifest.read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFileError(
            f"The data folder {folder} has no readable manifest.json. {_advice(folder, 'manifest.json')}"
        ) from error
    for name in names:
        path = folder / name
        if name not in known:
            listed = sorted(each for each in known if Path(each).parent == Path(name).parent)
            there = f"it lists {listed[0]} to {listed[-1]}" if listed else "it lists none of that kind"
            raise DataFileError(f"{manifest} does not list {name}: {there}.")
        if not path.is_file():
            raise DataFileError(f"The data file {path} is missing. {_advice(folder, name)}")
        if sha256(path) != known[name]["sha256"]:
            raise DataFileError(
                f"The data file {path} is damaged: its SHA-256 sum is not that of the manifest. "
                f"{_advice(folder, name)}"
            )


def check_all(folder: Path = DATA) -> int:
    """Check every file that the manifest names and return how many there are (see `check_files`)."""
    check_files([], folder)
    names = list(json.loads((folder / "manifest.json").read_text())["files"])
    check_files(names, folder)
    return len(names)


def load(
    table: str, months: Sequence[str] = (), columns: Sequence[str] | None = None, folder: Path = DATA
) -> pd.DataFrame:
    """Load a table of the data folder after checking its sums.

    Parameters
    ----------
    table : str
        ``flights`` or ``weather`` (these come by month), ``planes``, ``airports`` or ``airlines``.
    months : sequence of str
        The months to load, in the order wanted; empty for a table that has no months.
    columns : sequence of str, optional
        The columns to load; all by default.
    folder : Path
        The data folder.

    Returns
    -------
    DataFrame
        One row per flight, hourly observation, plane, airport or airline.

    Raises
    ------
    DataFileError
        See `check_files`.
    """
    names = [f"{table}/{month}.parquet" for month in months] or [f"{table}.parquet"]
    check_files(names, folder)
    parts = [pq.read_table(folder / name, columns=columns) for name in names]
    rows: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return rows
