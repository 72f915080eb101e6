"""The pipeline as a DAG run: what a refused month and a kill leave behind.

``dag.test()`` runs the tasks in its own process, so a kill ends the run with it; that a single task is killed
and retried needs a scheduler.
"""

import ast
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_months_and_validation import replace
from test_store import tree

from authoring import build
from companion.environment import repository, tool_environment
from flightdelay.pipelines import in_plain_python
from flightdelay.store import Store

# Runs the DAG once; says the states and tries of its tasks. May be killed when a task has done its work.
ONE_RUN = """
import functools, json, os, signal, sys
from airflow.dag_processing.dagbag import DagBag
job = json.loads(sys.argv[1])
dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["flight_delay"]
if job["kill_after"]:
    task = dag.get_task(job["kill_after"])
    call = task.python_callable
    @functools.wraps(call)  # Airflow looks at the signature
    def killed(*args, **named):
        call(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    task.python_callable = killed
ran = dag.test(run_conf=job["conf"])
states = {each.task_id: [str(each.state), each.try_number] for each in ran.get_task_instances()}
print("STATES", json.dumps([str(ran.state), states]))
"""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow with an empty database; one for all tests, since it takes long to make."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, **tool_environment(home)}
    environment["AIRFLOW__CORE__DAGS_FOLDER"] = str(repository() / "dags")
    environment["AIRFLOW__LOGGING__COLORED_CONSOLE_LOG"] = "False"
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture
def run(
    migrated: dict[str, str], small_data: Path, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def one(month: str, kill_after: str = "") -> subprocess.CompletedProcess[str]:
        artifacts = tmp_path / "artifacts"
        artifacts.mkdir(exist_ok=True)
        given = {"month": month, "store": str(tmp_path / "store"), "data": str(small_data)}
        job = {"conf": {**given, "artifacts": str(artifacts)}, "kill_after": kill_after}
        command = [sys.executable, "-c", ONE_RUN, json.dumps(job)]
        return subprocess.run(command, env=migrated, capture_output=True, text=True, check=False)

    return one


def states(finished: subprocess.CompletedProcess[str]) -> tuple[str, dict[str, list[object]]]:
    [line] = [line for line in finished.stdout.splitlines() if line.startswith("STATES ")]
    state, tasks = json.loads(line.removeprefix("STATES "))
    return state, tasks


def test_a_refused_month_stops_its_run_and_leaves_everything_as_it_was(
    run: Callable[..., subprocess.CompletedProcess[str]],
    small_data: Path,
    rewrite: Callable[..., None],
    tmp_path: Path,
    migrated: dict[str, str],
) -> None:
    store = tmp_path / "store"
    in_plain_python.run("2013-02", store=store, data=small_data)
    before, champion = tree(store), Store(store).champion()
    rewrite("flights/2013-03.parquet", replace("arr_delay", 99_999))
    finished = run("2013-03")
    state, tasks = states(finished)
    assert state == "failed"
    assert tasks["ingest"] == ["success", 1]
    assert tasks["validate"] == ["failed", 1], "a refused month is not tried again"
    later = {name: task for name, task in tasks.items() if name not in ("ingest", "validate")}
    assert later == {name: ["upstream_failed", 0] for name in ("featurize", "train", "evaluate", "decide")}
    assert "column arr_delay is 99999" in finished.stdout
    assert "between -180 and 2000" in finished.stdout
    assert tree(store) == before
    assert Store(store).champion() == champion
    # Where the UI looks.
    with sqlite3.connect(Path(migrated["AIRFLOW_HOME"]) / "airflow.db") as database:
        asked = "select state from task_instance where task_id = 'validate' order by start_date desc limit 1"
        assert database.execute(asked).fetchone() == ("failed",)


def test_killed_after_it_has_decided_and_run_again(
    run: Callable[..., subprocess.CompletedProcess[str]], small_data: Path, tmp_path: Path
) -> None:
    """The store is written, Airflow does not know it yet: the worst moment. (In training: test_adapters.)"""
    killed = run("2013-02", kill_after="decide")
    assert killed.returncode == -9, killed.stdout[-2000:] + killed.stderr[-2000:]
    assert Store(tmp_path / "store").months() == ["2013-02"]
    state, tasks = states(run("2013-02"))
    assert state == "success"
    assert {name: task[0] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    in_plain_python.run("2013-02", store=tmp_path / "undisturbed", data=small_data)
    assert tree(tmp_path / "store") == tree(tmp_path / "undisturbed")


def dag_files(lesson: Path) -> dict[str, str]:
    """The DAG files of a solved lesson: cells that are written to files, and answers that are texts of files."""
    found = {}
    for number, cell in enumerate(build.notebooks_of(lesson)["solution"].cells):
        first, _, rest = cell.source.partition("\n")
        if cell.cell_type != "code" or "airflow" not in cell.source:
            continue
        if first.startswith("%%writefile"):
            found[f"cell_{number}.py"] = rest
        elif cell.source.startswith("answer = "):
            found[f"answer_{number}.py"] = ast.literal_eval(cell.source.removeprefix("answer = "))
    return found


def test_ruff_finds_nothing_of_an_older_airflow_in_the_lessons(tmp_path: Path) -> None:
    chapter = repository() / "chapters" / "04-airflow"
    lessons = sorted(chapter.glob("[1-4]-*.py"))
    files = {f"{lesson.stem}_{name}": text for lesson in lessons for name, text in dag_files(lesson).items()}
    assert len(files) > 10
    files |= {path.name: path.read_text() for path in chapter.glob("[a-z]*.py")}
    assert "promotion.py" in files
    old = "from airflow.decorators import dag\n\n\n@dag(schedule_interval='@daily')\ndef old(): ...\n"
    for name, text in (files | {"old.py": old}).items():
        (tmp_path / name).write_text(text)
    rules = ["check", "--isolated", "--select", "AIR", "--output-format", "concise"]
    command = [sys.executable, "-m", "ruff", *rules, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "old.py:4:6: AIR301" in said
    assert [line for line in said.splitlines() if ".py:" in line and "old.py" not in line] == []


def test_reading_the_dags_loads_nothing_that_takes_long() -> None:
    """The book keeps the rule that exercise 4.1 asks for: Airflow reads these files every half minute."""
    heavy = ["numpy", "pandas", "pyarrow", "sklearn", "skops"]
    code = (
        "import runpy, sys\n"
        "before = set(sys.modules)\n"
        "for path in sys.argv[1:]: runpy.run_path(path)\n"
        f"print(sorted(set({heavy!r}) & (set(sys.modules) - before)))"
    )
    files = sorted((repository() / "dags").glob("*.py"))
    assert len(files) == 2
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
