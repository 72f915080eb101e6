"""Step 1: bring the months in."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from flightdelay.data import DATA, load
from flightdelay.errors import MonthError
from flightdelay.months import MONTHS, months_before

KEY = ["time_hour", "carrier", "flight"]
FLIGHT_COLUMNS = [*KEY, "year", "month", "day", "sched_dep_time", "sched_arr_time", "origin", "dest"]
FLIGHT_COLUMNS += ["distance", "dep_time", "dep_delay", "arr_delay"]
WEATHER_COLUMNS = ["origin", "time_hour", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"]
WEATHER_COLUMNS += ["precip", "pressure", "visib"]

SMALLEST_SAMPLE = 1000


class Raw(NamedTuple):
    """What `ingest` brings: two tables as they were recorded."""

    flights: pd.DataFrame
    weather: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write both tables as Parquet files into `folder`, which is made where needed."""
        folder.mkdir(parents=True, exist_ok=True)
        self.flights.to_parquet(folder / "flights.parquet")
        self.weather.to_parquet(folder / "weather.parquet")

    @classmethod
    def read(cls, folder: Path) -> "Raw":
        """Read back what `write` wrote."""
        return cls(pd.read_parquet(folder / "flights.parquet"), pd.read_parquet(folder / "weather.parquet"))


def ingest(month: str, window: int | None = None, sample: int | None = None, data: Path = DATA) -> Raw:
    """Load the flights and the weather that a run of one month needs.

    Parameters
    ----------
    month : str
        The month to judge on, ``2013-02`` to ``2013-12``.
    window : int, optional
        How many months before it to learn from; all of them by default.
    sample : int, optional
        Keep at most this many (1000 or more) of the flights to learn from, drawn the same way each time.
        The flights of `month` itself always stay complete: a judgement on few flights is mostly noise.
    data : Path
        The data folder.

    Returns
    -------
    Raw
        Flights (a row each, sorted by their key) and hourly weather at their airports. The weather starts
        a month earlier, because the first flights of a month need the last observations of the one before.

    Raises
    ------
    MonthError
        If the month, window or sample cannot be run.
    DataFileError
        If a data file is missing or damaged.
    """
    learn_from = months_before(month, window)
    if sample is not None and sample < SMALLEST_SAMPLE:
        raise MonthError(
            f"A sample of {sample} flights is too small to learn from: choose {SMALLEST_SAMPLE} or more, "
            "or leave it out to learn from all."
        )
    history = load("flights", learn_from, FLIGHT_COLUMNS, data)
    if sample is not None and sample < len(history):
        history = history.sort_values(KEY, kind="stable").sample(sample, random_state=0)
    current = load("flights", [month], FLIGHT_COLUMNS, data)
    flights = pd.concat([history, current]).sort_values(KEY, kind="stable", ignore_index=True)
    first = MONTHS.index(learn_from[0])
    weather = load("weather", MONTHS[max(first - 1, 0) : MONTHS.index(month) + 1], WEATHER_COLUMNS, data)
    return Raw(flights, weather)
