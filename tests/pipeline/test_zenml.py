"""What ZenML keeps of a refused month and of a killed one, and that its cache knows the bytes of the data.

That a killed run ends in the same result in every tool is tested in test_adapters.py, too.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from companion import tool_environment
from flightdelay.pipelines import in_plain_python
from flightdelay.result import RunResult

# Runs the months given, one after the other, and prints what ZenML's client knows of all runs.
PROGRAM = """
import json, os, sys
from pathlib import Path
from zenml.client import Client
from flightdelay.pipelines import with_zenml
from flightdelay.steps import train as training
if "KILL_IN_TRAINING" in os.environ:
    training.train = lambda *taken: os.kill(os.getpid(), 9)
store, data, *months = sys.argv[1:]
for month in months:
    try:
        with_zenml.run(month, store=Path(store), data=Path(data))
    except Exception:
        pass  # kept by ZenML, and shown below
found = []
for run in Client().list_pipeline_runs(sort_by="asc:created").items:
    run = Client().get_pipeline_run(run.id)
    steps = {name: step.status.value for name, step in run.steps.items()}
    causes = [step.exception_info.traceback for step in run.steps.values() if step.exception_info]
    found.append({"status": run.status.value, "steps": steps, "causes": causes})
print("RUNS " + json.dumps(found))
"""


@pytest.fixture
def run_months(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    def run(store: Path, data: Path, *months: str, killed: bool = False) -> list[dict[str, Any]]:
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, store, data, *months],
            env={**os.environ, **tool_environment(state), **({"KILL_IN_TRAINING": "1"} if killed else {})},
            cwd=state,
            capture_output=True,
            text=True,
        )
        if killed:
            assert done.returncode == -signal.SIGKILL, done.stderr
            return []
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.split("RUNS ", 1)[1])

    return run


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def at_27_15(flights: pa.Table) -> pa.Table:
    times = [2715, *flights["sched_dep_time"].to_pylist()[1:]]
    position = flights.schema.get_field_index("sched_dep_time")
    return flights.set_column(position, flights.schema.field(position), pa.array(times, pa.int32()))


def test_a_refused_month_is_failed_with_its_reason_and_a_mended_one_is_taken(
    run_months: Callable[..., list[dict[str, Any]]], rewrite: Callable[..., None], small_data: Path
) -> None:
    store, march = small_data.parent / "store", "flights/2013-03.parquet"
    in_plain_python.run("2013-02", store=store, data=small_data)
    good, before = (small_data / march).read_bytes(), files(store)
    rewrite(march, at_27_15)
    [refused, again] = run_months(store, small_data, "2013-03", "2013-03")
    assert refused["status"] == again["status"] == "failed"
    assert refused["steps"] == {"ingest": "completed", "validate": "failed"}
    assert again["steps"] == {"ingest": "cached", "validate": "failed"}
    assert "column sched_dep_time is 2715" in refused["causes"][0]
    assert files(store) == before

    (small_data / march).write_bytes(good)
    rewrite(march, lambda flights: flights)
    mended = run_months(store, small_data, "2013-03")[-1]
    assert mended["status"] == "completed"
    assert set(mended["steps"].values()) == {"completed"}


def test_a_run_killed_by_the_system_goes_on_from_the_cache_and_ends_in_the_same_state(
    run_months: Callable[..., list[dict[str, Any]]], small_data: Path
) -> None:
    store, undisturbed = small_data.parent / "store", small_data.parent / "undisturbed"
    plain = in_plain_python.run("2013-02", store=undisturbed, data=small_data)
    run_months(store, small_data, "2013-02", killed=True)
    assert files(store) == {}
    [killed, again] = run_months(store, small_data, "2013-02")
    # Nobody was left to write down the end of the killed run.
    assert killed["status"] == killed["steps"]["train"] == "running"
    assert again["status"] == "completed"
    assert {name for name, status in again["steps"].items() if status == "cached"} == {
        "ingest",
        "validate",
        "featurize",
    }
    assert RunResult.of("2013-02", store) == plain
