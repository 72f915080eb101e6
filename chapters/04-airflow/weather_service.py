"""A weather service out there: it answers in pages, and hangs up in the middle as often as it is told to.

It stands for whatever a task calls and does not own. What it tells are the real observations of ``data/``; its
misbehaviour is kept in files beside Airflow's database, since every task may run in a process of its own.

A DAG file may import this module at its top: what takes long is imported when somebody asks.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flightdelay.errors import ValidationError
from flightdelay.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["origin", "time_hour", "temp", "humid", "wind_speed", "precip", "visib"]
ROWS_OF_A_PAGE = 200


def _orders(origin: str) -> Path:
    # A file for each airport: the tasks of three airports may ask at the same time.
    return Path(os.environ["AIRFLOW_HOME"]) / f"weather-service-{origin}.json"


def misbehave(origin: str, hang_ups: int = 0, broken: bool = False) -> None:
    """Order what happens to those who ask for an airport.

    Parameters
    ----------
    origin : str
        The airport; the others are served as before.
    hang_ups : int
        How many of the next calls end after the first page.
    broken : bool
        Whether the observations hold a value that cannot be.
    """
    write_atomically(_orders(origin), json.dumps({"hang_ups": hang_ups, "broken": broken}).encode())


def pages(origin: str, month: str) -> "Iterator[pd.DataFrame]":
    """Yield an airport's hourly observations of a month, 200 rows at a time.

    Parameters
    ----------
    origin : str
        ``EWR``, ``JFK`` or ``LGA``.
    month : str
        Such as ``2013-09``.

    Raises
    ------
    ConnectionError
        After the first page, while the service has orders to hang up.
    """
    from flightdelay.data import load

    orders = json.loads(_orders(origin).read_text()) if _orders(origin).exists() else {}
    rows = load("weather", [month], COLUMNS).query("origin == @origin").reset_index(drop=True)
    if orders.get("broken"):
        rows.loc[ROWS_OF_A_PAGE + 7, "humid"] = 250.0
    for first in range(0, len(rows), ROWS_OF_A_PAGE):
        if first and orders.get("hang_ups"):
            misbehave(origin, orders["hang_ups"] - 1, orders["broken"])
            raise ConnectionError(f"the weather service hung up after {first} rows of {origin}")
        yield rows[first : first + ROWS_OF_A_PAGE]


def download(origin: str, month: str, folder: str) -> str:
    """Write an airport's month to ``<month>-<origin>.csv`` in the folder, and return the path of that file."""
    import pandas as pd

    path = Path(folder) / f"{month}-{origin}.csv"
    pd.concat(pages(origin, month)).to_csv(path, index=False)
    return str(path)


def refuse_impossible(page: "pd.DataFrame") -> None:
    """Raise a ValidationError for the first row whose humidity cannot be."""
    impossible = page[~page["humid"].between(0, 100) & page["humid"].notna()]
    if len(impossible):
        row = impossible.iloc[0]
        raise ValidationError(
            f"The weather of {row['origin']} breaks its contract: row {impossible.index[0]}, column humid is "
            f"{row['humid']:g}, and the rule is: between 0 and 100. The month is refused; ask for it again "
            "when the service has mended it."
        )
