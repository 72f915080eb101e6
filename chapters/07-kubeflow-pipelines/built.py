"""What the first two notebooks build before the reader's eyes, and the later ones use again.

The three components stand in the notebooks too, word for word; a test compares them.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output

IMAGE = "pipelines-for-humans/python:0.1.0"
component = dsl.component(base_image=IMAGE, install_kfp_package=False)


@component
def late_share(month: str, airport: str) -> float:
    """Return the share of an airport's flights that arrived more than 15 minutes late."""
    from flightdelay.data import load

    print("counting the flights of", airport)
    flights = load("flights", [month], ["origin", "arr_delay"]).dropna()
    return round(float((flights.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


@component
def load_month(month: str, flights: Output[Dataset]) -> None:
    """Make a file of the month's flights."""
    from flightdelay.data import load

    table = load("flights", [month], ["origin", "carrier", "flight", "arr_delay"])
    table.to_parquet(flights.path)
    flights.metadata["rows"] = len(table)


@component
def share_of(flights: Input[Dataset], airport: str) -> float:
    """Return the same share as `late_share`, from a file."""
    import pandas as pd

    table = pd.read_parquet(flights.path).dropna()
    return round(float((table.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


def compiled(pipeline: Any, folder: Path) -> dict[str, Any]:
    """Compile a pipeline into a folder and return what the file says, as a dict."""
    path = folder / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    found: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    return found


def started(log: Any) -> list[str]:
    """Return the tasks that were started, in order, from what `%%capture log` kept."""
    return re.findall(r"Executing task \S*?'([\w-]+)'", log.stdout)
