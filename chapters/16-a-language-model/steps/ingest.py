"""Step 1: bring the months in, and say which encoder belongs to them."""

import json
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from flightdelay.data import DATA, check_files, load
from flightdelay.months import months_before

ENCODER = "encoder/model.safetensors"


class Raw(NamedTuple):
    """What `ingest` brings: the messages, and where the encoder lies, with its sum (one row)."""

    messages: pd.DataFrame
    encoder: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write both tables as Parquet files into `folder`, which is made where needed."""
        folder.mkdir(parents=True, exist_ok=True)
        self.messages.to_parquet(folder / "messages.parquet")
        self.encoder.to_parquet(folder / "encoder.parquet")

    @classmethod
    def read(cls, folder: Path) -> "Raw":
        """Read back what `write` wrote."""
        return cls(pd.read_parquet(folder / "messages.parquet"), pd.read_parquet(folder / "encoder.parquet"))


def ingest(month: str, window: int | None = None, sample: int | None = None, data: Path = DATA) -> Raw:
    """Load the messages that a run of one month needs, and the sum of the encoder's weights.

    The encoder is 91 MB, so it stays where it is: what goes from step to step is its place, and its sum.

    Parameters
    ----------
    month, window
        As for the flights: the month to judge on, and how many months before it to learn from.
    sample : int, optional
        Keep at most this many of the messages to learn from, drawn the same way each time.
    data : Path
        A folder that `chapter_16.by_month.deal` has made.

    Raises
    ------
    MonthError
        If the month or the window cannot be run.
    DataFileError
        If a file is missing or damaged, one of the encoder among them.
    """
    history = load("messages", months_before(month, window), folder=data)
    if sample is not None and sample < len(history):
        history = history.sort_values("id").sample(sample, random_state=0)
    messages = pd.concat([history, load("messages", [month], folder=data)])
    check_files([ENCODER], data)
    known = json.loads((data / "manifest.json").read_text())["files"]
    encoder = pd.DataFrame({"path": [str(data / ENCODER)], "sha256": [known[ENCODER]["sha256"]]})
    return Raw(messages.sort_values("id", ignore_index=True), encoder)
