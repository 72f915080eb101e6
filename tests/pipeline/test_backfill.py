"""dags/flight_delay_monthly.py under a real scheduler: backfills that are repeated, doubled, refused and killed."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from companion import airflow_ui
from companion.airflow_services import Services, start
from companion.environment import repository
from flightdelay.data import DATA
from flightdelay.files import sha256
from flightdelay.pipelines import in_plain_python
from flightdelay.store import Store

DAG = "flight_delay_monthly"
SAMPLE = 6000
MONTHS = ["2013-02", "2013-03", "2013-04"]


def wait_for(what: Callable[[], Any], seconds: float = 300) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    shutil.copy(repository() / "dags" / f"{DAG}.py", folder / "dags")
    with start(folder / "state" / "airflow", folder / "dags") as services:  # as `make airflow` does
        services.wait_for_dag(DAG)
        yield services


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of plain Python, months in order."""
    store = tmp_path_factory.mktemp("plain")
    for month in MONTHS:
        in_plain_python.run(month, sample=SAMPLE, store=store)
    return store


def create(airflow: Services, first: str, last: str, **params: Any) -> "subprocess.CompletedProcess[str]":
    """Ask for a backfill by the real command."""
    conf = json.dumps({"sample": SAMPLE} | params)
    return subprocess.run(
        [
            *("airflow", "backfill", "create", "--dag-id", DAG, "--max-active-runs", "1"),
            *("--from-date", f"{first}-01", "--to-date", f"{last}-01", "--dag-run-conf", conf),
            *("--reprocess-behavior", "completed"),
        ],
        env=airflow.environment,
        capture_output=True,
        text=True,
    )


def finish(airflow: Services) -> dict[str, dict[str, Any]]:
    """Wait for the backfill and return the task of each month."""

    def over() -> bool:
        runs = airflow.api(f"dags/{DAG}/dagRuns")["dag_runs"]
        return all(run["state"] in {"success", "failed"} for run in runs)

    airflow.wait_until(over, "The end of the runs")
    # Airflow itself sees only twice a minute that a backfill is over, and refuses the next one until then.
    for backfill in airflow.api(f"backfills?dag_id={DAG}&active=true")["backfills"]:
        if backfill["completed_at"] is None:
            airflow.api(f"backfills/{backfill['id']}/cancel", "PUT")
    return tasks(airflow)


def tasks(airflow: Services) -> dict[str, dict[str, Any]]:
    """Return the task of each month that has a run."""
    found = airflow.api(f"dags/{DAG}/dagRuns/~/taskInstances")["task_instances"]
    return {task["logical_date"][:7]: task for task in found}


def backfill(airflow: Services, first: str, last: str, **params: Any) -> dict[str, dict[str, Any]]:
    created = create(airflow, first, last, **params)
    assert created.returncode == 0, created.stderr
    return finish(airflow)


def decisions(store: Path) -> dict[str, Any]:
    return {month: Store(store).run(month) for month in Store(store).months()}


def sums(folder: Path) -> dict[str, str]:
    """Return the sums of all models and decisions."""
    files = [*folder.glob("models/*/*"), *folder.glob("runs/*")]
    return {str(path.relative_to(folder)): sha256(path) for path in files}


@pytest.fixture(scope="module")
def backfilled(airflow: Services, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("backfilled")
    found = backfill(airflow, MONTHS[0], MONTHS[-1], store=str(store))
    assert {month: found[month]["state"] for month in MONTHS} == dict.fromkeys(MONTHS, "success")
    return store


def test_a_backfill_decides_as_plain_python_does(backfilled: Path, plain: Path) -> None:
    assert decisions(backfilled) == decisions(plain)
    promoted = {run["decision"]["decision"] for run in decisions(plain).values()}
    assert promoted == {"promote", "keep"}  # else champions would be of no account here


def test_a_second_backfill_changes_nothing(airflow: Services, backfilled: Path) -> None:
    files = [backfilled / "runs" / f"{month}.json" for month in MONTHS]
    before, written = sums(backfilled), [file.stat().st_mtime_ns for file in files]
    backfill(airflow, MONTHS[0], MONTHS[-1], store=str(backfilled))
    again = [file.stat().st_mtime_ns for file in files]
    assert all(now > then for now, then in zip(again, written, strict=True))  # it really ran
    assert again == sorted(again)
    assert sums(backfilled) == before


def test_each_month_is_looked_at_by_the_second_dag(backfilled: Path) -> None:
    checks = backfilled / "checks"
    wait_for(lambda: {path.stem for path in checks.glob("*.json")} >= set(MONTHS))
    april = json.loads((checks / "2013-04.json").read_text())
    evaluation = decisions(backfilled)["2013-04"]["evaluation"]
    gap = evaluation["late_rate"] - evaluation["challenger"]["mean_probability"]
    moved = [column for column, index in evaluation["drift"].items() if index > 0.25]
    assert april == {"moved": moved, "gap": round(gap, 3), "look": abs(gap) > 0.05}


def test_two_backfills_at_once_do_no_harm(airflow: Services, plain: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = create(airflow, MONTHS[0], MONTHS[1], store=str(store))
    assert first.returncode == 0, first.stderr
    # Another process works on the same months in the same store meanwhile.
    script = (
        "import sys; from pathlib import Path; from flightdelay.pipelines.in_plain_python import run\n"
        f"for month in {MONTHS[:2]}: run(month, sample={SAMPLE}, store=Path(sys.argv[1]))"
    )
    beside = subprocess.Popen([sys.executable, "-c", script, str(store)])
    second = create(airflow, MONTHS[0], MONTHS[1], store=str(store))
    assert second.returncode != 0
    assert "There can be only one running backfill per Dag" in second.stderr
    assert beside.wait(120) == 0
    found = finish(airflow)
    assert [found[month]["state"] for month in MONTHS[:2]] == ["success", "success"]
    reference = decisions(plain)
    assert decisions(store) == {month: reference[month] for month in MONTHS[:2]}
    assert not list(store.rglob("*.part"))


def log_of(airflow: Services, task: dict[str, Any]) -> str:
    path = f"dags/{DAG}/dagRuns/{task['dag_run_id']}/taskInstances/judge/logs/{task['try_number']}"
    return json.dumps(airflow.api(path.replace("+", "%2B")))


def test_a_refused_month_fails_with_its_reason(airflow: Services, plain: Path, tmp_path: Path) -> None:
    data = shutil.copytree(DATA, tmp_path / "data")
    name = "flights/2013-04.parquet"
    table = pq.read_table(data / name)
    flights = table.to_pandas()
    flights.loc[17, "origin"] = "BOS"
    pq.write_table(pa.Table.from_pandas(flights, table.schema, preserve_index=False), data / name)
    manifest = json.loads((data / "manifest.json").read_text())
    manifest["files"][name]["sha256"] = sha256(data / name)
    (data / "manifest.json").write_text(json.dumps(manifest))
    store = shutil.copytree(plain, tmp_path / "store")
    (store / "runs" / "2013-04.json").unlink()
    before, champion = sums(store), Store(store).champion()
    tries = tasks(airflow).get("2013-04", {"try_number": 0})["try_number"]
    task = backfill(airflow, "2013-04", "2013-04", store=str(store), data=str(data))["2013-04"]
    assert (task["state"], task["try_number"]) == ("failed", tries + 1)  # it is not tried again
    said = log_of(airflow, task)
    assert "column origin is BOS" in said
    assert "one of EWR, JFK, LGA" in said
    assert (sums(store), Store(store).champion()) == (before, champion)


def test_a_killed_task_is_tried_again(airflow: Services, plain: Path, tmp_path: Path) -> None:
    store = shutil.copytree(plain, tmp_path / "store")
    (store / "runs" / "2013-04.json").unlink()
    assert create(airflow, "2013-04", "2013-04", store=str(store)).returncode == 0

    def running() -> Any:
        return next(
            (each for each in tasks(airflow).values() if each["state"] == "running" and each["pid"]), None
        )

    task = wait_for(running)
    os.kill(task["pid"], signal.SIGKILL)
    after = finish(airflow)["2013-04"]
    assert after["state"] == "success"
    assert after["try_number"] == task["try_number"] + 1
    assert decisions(store) == decisions(plain)


def test_a_run_by_hand_is_refused(airflow: Services) -> None:
    asked = subprocess.run(
        ["airflow", "dags", "trigger", DAG], env=airflow.environment, capture_output=True, text=True
    )
    assert asked.returncode != 0
    assert "does not allow manual runs" in asked.stderr


def test_the_commands_of_the_card_work_as_printed(airflow: Services) -> None:
    page = (repository() / "chapters" / "05-schedules-and-backfills" / "README.md").read_text()
    commands = re.findall(r"^(\.venv/bin/python -m companion\.airflow_ui .*)$", page, re.MULTILINE)
    assert len(commands) == 3
    home = Path(airflow.environment["AIRFLOW_HOME"])
    environment = os.environ | {"COMPANION_WORK": str(home.parents[1])}
    for command in commands:
        words = shlex.split(command.replace(".venv/bin/python", shlex.quote(sys.executable)))
        done = subprocess.run(words, cwd=repository(), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "--dry-run" in words:
            assert "2013-12-01" in done.stdout
        else:  # a run of a month has begun, so nothing holds the backfill up; the months themselves take long
            airflow.wait_until(lambda: "running" in states(airflow), "A running month")
            for backfill in airflow.api(f"backfills?dag_id={DAG}")["backfills"]:
                if backfill["completed_at"] is None:
                    airflow.api(f"backfills/{backfill['id']}/cancel", "PUT")
            airflow.wait_until(lambda: states(airflow) <= {"success", "failed"}, "The end of the month")


def states(airflow: Services) -> set[str]:
    return {run["state"] for run in airflow.api(f"dags/{DAG}/dagRuns")["dag_runs"]}


def test_without_an_airflow_the_commands_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    assert airflow_ui.command(["dags", "list"]) == 1
    assert capsys.readouterr().err.startswith(
        "airflow: There is no Airflow yet: start it in another terminal"
    )
