"""Backfill this chapter's DAG, and see what became of its store: what two of the sittings do again and again."""

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from companion.airflow_services import Services
from flightdelay.pipelines import in_plain_python
from flightdelay.store import Store

DAG = "flight_delay_monthly"


def runs(services: Services, dag: str = DAG) -> dict[str, dict[str, Any]]:
    """Return all runs of a DAG by name, in the order of their months."""
    found = services.api(f"dags/{dag}/dagRuns?order_by=logical_date&limit=100")["dag_runs"]
    return {run["dag_run_id"]: run for run in found}


def end_of(services: Services, name: str) -> str | None:
    """Return when a run of the DAG ended, or None while it has not."""
    end: str | None = runs(services)[name]["end_date"]
    return end


def backfill(services: Services, first: str, last: str, *options: str) -> None:
    """Type the command, wait for its runs, and print a line for each of them and how many ran."""
    command = f"airflow backfill create --dag-id {DAG} --max-active-runs 1".split()
    command += ["--from-date", f"{first}-01", "--to-date", f"{last}-01", *options]
    print("$", *command)
    ended = {name: run["end_date"] for name, run in runs(services).items()}
    subprocess.run(command, env=services.environment, check=True)
    asked = [
        name for name, run in runs(services).items() if name not in ended or run["end_date"] != ended[name]
    ]
    for name in asked:
        services.wait_until(partial(end_of, services, name), f"The end of {name}")
        run = runs(services)[name]
        print(f"{name}  {run['data_interval_start'][:7]}  {run['state']}", flush=True)
    print(f"{len(asked)} of {len(runs(services))} runs ran")
    latest = max(each["id"] for each in services.api(f"backfills?dag_id={DAG}")["backfills"])
    with suppress(HTTPError):  # its end was noticed already
        services.api(f"backfills/{latest}/cancel", "PUT")


Result = tuple[dict[str, Any], dict[str, Any]]  # what a run found, and what it decided


def results(store: Path) -> dict[str, Result]:
    """Return for each month what its run found and decided."""
    found = {month: Store(store).run(month) for month in Store(store).months()}
    return {month: (run["evaluation"], run["decision"]) for month, run in found.items()}


def in_order(months: Iterable[str], store: Path, data: Path) -> dict[str, Result]:
    """Run months one after the other in plain Python; return the results of the store."""
    for month in months:
        in_plain_python.run(month, sample=6000, store=store, data=data)
    return results(store)


def look(store: Path) -> dict[str, dict[str, Any]]:
    """Take a picture of a store: for each month the result, and when its file was written."""
    return {
        month: {"result": result, "written": (store / "runs" / f"{month}.json").stat().st_mtime_ns}
        for month, result in results(store).items()
    }


def compare(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Print for each month what happened to its decision between two pictures, and return it."""
    touched = {}
    for month, now in after.items():
        was = before.get(month, {"written": None, "result": None})
        touched[month] = "not touched" if now["written"] == was["written"] else "written again"
        same = "same result" if now["result"] == was["result"] else "ANOTHER RESULT"
        print(f"{month}: {touched[month]}, {same}")
    return touched
