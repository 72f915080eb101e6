"""Two months that run at the same time give what they give one after the other, in every tool.

Each run waits before it trains until the other one is there, too: both have handed on their features by then,
and what they share without knowing would be mixed up.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from companion import airflow_services, runner
from companion.airflow_services import start
from companion.environment import repository
from companion.runner import MODULES, run_in
from flightdelay.store import Store

MONTHS = ["2013-04", "2013-11"]
SAMPLE = 5000
PATIENCE = 600  # seconds; it is there so that a failure ends, and no verdict depends on it

# Makes `train` wait for the other run. In a sitecustomize.py, so that it is there in every process of a tool.
MEET = """
import importlib.util, pathlib, sys, time

class Meet:
    def find_spec(self, name, path=None, target=None):
        if name != "flightdelay.steps.train":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        def with_waiting(module):
            execute(module)
            train = module.train
            def met(features, month, *more):
                folder, until = pathlib.Path({folder!r}), time.monotonic() + {patience}
                (folder / month).touch()
                while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
                    time.sleep(0.1)
                return train(features, month, *more)
            module.train = met
        spec.loader.exec_module = with_waiting
        return spec

sys.meta_path.insert(0, Meet())
"""


@pytest.fixture(scope="module")
def one_after_the_other(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digest of each month."""
    folder = tmp_path_factory.mktemp("plain")
    found = run_in("plain", MONTHS, store=folder / "store", state=folder, sample=SAMPLE)
    return {each["evaluation"]["month"]: each["evaluation"]["digest"] for each in found}


@pytest.fixture
def met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the runs of this test wait for each other; the folder where each says that it is there."""
    (tmp_path / "path").mkdir()
    (tmp_path / "met").mkdir()
    text = MEET.format(folder=str(tmp_path / "met"), patience=PATIENCE)
    (tmp_path / "path" / "sitecustomize.py").write_text(text)
    # The book's own environment leaves out what a shell says of Python, so it is added there.
    for module, name in ((runner, "environment_in"), (airflow_services, "environment_of")):
        monkeypatch.setattr(module, name, _with_path(getattr(module, name), str(tmp_path / "path")))
    return tmp_path / "met"


def _with_path(own: Callable[..., dict[str, str]], path: str) -> Callable[..., dict[str, str]]:
    def environment(*given: Any) -> dict[str, str]:
        found = own(*given)
        return found | {"PYTHONPATH": os.pathsep.join(filter(None, [path, found.get("PYTHONPATH")]))}

    return environment


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("tool", [tool for tool in MODULES if tool != "airflow"])
def test_two_processes_of_one_tool(
    tool: str, met: Path, one_after_the_other: dict[str, str], tmp_path: Path
) -> None:
    """Both with the same state and the same store."""
    where: dict[str, Any] = {"store": tmp_path / "store", "state": tmp_path / "state", "sample": SAMPLE}
    if tool == "zenml":
        # Its database is there before, as for whoever has used it once: two at once would both begin to make it.
        (met / "somebody").touch()
        run_in(tool, ["2013-02"], **where)
        for name in names(met):
            (met / name).unlink()
    with ThreadPoolExecutor() as both:
        found = list(both.map(lambda month: run_in(tool, [month], **where)[0], MONTHS))
    assert names(met) == MONTHS
    assert {
        each["evaluation"]["month"]: each["evaluation"]["digest"] for each in found
    } == one_after_the_other


def test_two_runs_of_the_dag_under_a_scheduler(
    met: Path, one_after_the_other: dict[str, str], tmp_path: Path
) -> None:
    """As `make airflow` shows it: triggered with a month and nothing else that says where files go."""
    runs = "dags/flight_delay/dagRuns"
    with start(tmp_path / "home", repository() / "dags") as airflow:
        _wait_for(lambda: "flight_delay" in [dag["dag_id"] for dag in airflow.api("dags")["dags"]])
        airflow.api("dags/flight_delay", "PATCH", {"is_paused": False})
        for month in MONTHS:
            asked = {"logical_date": None, "conf": {"month": month, "sample": SAMPLE}}
            airflow.api(runs, "POST", asked)
        _wait_for(lambda: all(run["state"] in ("success", "failed") for run in airflow.api(runs)["dag_runs"]))
        ended = [run["state"] for run in airflow.api(runs)["dag_runs"]]
    assert ended == ["success", "success"]
    assert names(met) == MONTHS
    store = Store(tmp_path / "home" / "flight_delay" / "store")
    assert {
        month: store.run(month)["evaluation"]["digest"] for month in store.months()
    } == one_after_the_other


def _wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.5)
