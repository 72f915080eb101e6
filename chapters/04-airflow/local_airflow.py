"""An Airflow for one notebook, without a scheduler: its database, runs of its DAGs, and questions to the database."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from IPython.utils.capture import capture_output


def prepare(state: Path) -> tuple[Path, Path]:
    """Make Airflow's database, and return two folders: that of the DAGs, and one for the files of the tasks.

    Raises
    ------
    RuntimeError
        If Airflow cannot make its database; the text is Airflow's own.
    """
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    os.environ["AIRFLOW__LOGGING__COLORED_CONSOLE_LOG"] = "False"
    dags, files = state / "airflow" / "dags", state / "files"
    dags.mkdir(parents=True, exist_ok=True)
    files.mkdir(exist_ok=True)
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    made = subprocess.run(migrate, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise RuntimeError(made.stderr.strip().splitlines()[-1])
    return dags, files


def run(dag_id: str, **params: Any) -> tuple[str, list[str]]:
    """Run a DAG of the folder with `dag.test()` and print its tasks.

    Returns
    -------
    tuple
        The run's id, and the errors that its log names.
    """
    with capture_output() as log:
        from airflow.dag_processing.dagbag import DagBag  # after `prepare` has said how it logs

        dag = DagBag().dags[dag_id]
        ran = dag.test(run_conf=params)
    print(f"{dag_id}: {ran.state}")
    written = list(dag.task_dict)  # the order in which the file names them
    for task in sorted(ran.get_task_instances(), key=lambda t: (written.index(t.task_id), t.map_index)):
        name = task.task_id if task.map_index < 0 else f"{task.task_id} [{task.map_index}]"
        print(f"  {name:13} {task.state:16} tries: {task.try_number}")
    lines = log.stdout.splitlines()
    return ran.run_id, [line for line in lines if "Error: " in line or "Exception: " in line]


def database(question: str, *values: Any) -> list[Any]:
    """Ask Airflow's database, without changing it; each ? in the question stands for a value."""
    address = (Path(os.environ["AIRFLOW_HOME"]) / "airflow.db").as_uri()
    with sqlite3.connect(f"{address}?mode=ro", uri=True) as connection:
        return connection.execute(question, values).fetchall()
