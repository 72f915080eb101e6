"""Start the watched service as a process of this machine, ask it hour by hour, and read what it counted."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from companion.errors import SentenceError
from companion.ports import free_port, open_here
from flightdelay.steps.featurize import FEATURES

PATIENCE = 600  # seconds until the process has imported what it needs, on a busy machine


_running: "list[subprocess.Popen[bytes]]" = []  # at most one


def start(store: Path, version: str) -> str:
    """Serve a version and return its address; a service that was started before is ended.

    It ends with this process at the latest, and an interrupted cell leaves it alone.

    Raises
    ------
    SentenceError
        If it ends or stays silent.
    """
    stop()
    port = free_port()
    command = [sys.executable, "-m", "chapter_17.watched", str(store), version, str(port)]
    # A closed pipe ends it. A group of its own, since Jupyter interrupts the whole group of the kernel.
    _running.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))
    return _ready(_running[0], f"http://127.0.0.1:{port}")


def stop() -> None:
    """End the service."""
    while _running:
        process = _running.pop()
        process.terminate()
        process.communicate()


def _ready(process: "subprocess.Popen[bytes]", address: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with open_here(f"{address}/readyz", timeout=30):
                return address
        except OSError:
            time.sleep(0.2)
    raise SentenceError("The service did not get ready: look at what it printed, then run this cell again.")


def _body(request: urllib.request.Request | str) -> bytes:
    try:
        with open_here(request, timeout=PATIENCE) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        raise
    except OSError:
        raise SentenceError("No service answers any more: run the cell that starts it again.") from None


def ask(address: str, flights: pd.DataFrame) -> list[float]:
    """Return the service's probabilities for flights with the columns of `FEATURES`; NaN is sent as null."""
    body = flights[FEATURES].to_json(orient="records", double_precision=15).encode()
    headers = {"Content-Type": "application/json"}
    answer = _body(urllib.request.Request(f"{address}/predict", body, headers))
    return list(json.loads(answer)["probabilities"])


def scrape(address: str) -> str:
    """Return the text of `/metrics`, as Prometheus would read it."""
    return _body(f"{address}/metrics/").decode()


def samples(text: str) -> dict[str, float]:
    """Return what a scraped text says, by name and labels: ``weather_missing_total{column=temp}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def replay(address: str, flights: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Ask about each flight in the hour of its decision, and scrape at the end of each day.

    Parameters
    ----------
    address : str
        Of the service.
    flights : DataFrame
        Rows of `featurize` in the order of time.

    Returns
    -------
    tuple of Series and DataFrame
        The probability of each flight; and by how much each counter grew, a row for each day of New York.
    """
    days = flights["time_hour"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d")
    answered: list[pd.Series] = []
    scraped = {"": samples(scrape(address))}
    for day, of_day in flights.groupby(days, sort=True):
        for _, of_hour in of_day.groupby("time_hour", sort=True):
            answered.append(pd.Series(ask(address, of_hour), index=of_hour.index))
        scraped[day] = samples(scrape(address))
    return pd.concat(answered), pd.DataFrame(scraped).T.fillna(0).diff().iloc[1:]
