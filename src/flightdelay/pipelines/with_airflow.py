"""The pipeline in Airflow: tasks hand each other paths, because XCom is for small values.

Airflow reads this module again and again, so what takes long to import is imported inside the tasks.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, task

from flightdelay.location import DATA

if TYPE_CHECKING:
    from flightdelay.result import RunResult

# Beside Airflow's own state; a task's current folder is nobody's in particular.
STATE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "flight_delay"
PATHS = {"store": str(STATE / "store"), "data": str(DATA), "artifacts": str(STATE / "runs")}


@task
def ingest(params: Any = None, run_id: Any = None) -> str:
    from flightdelay.steps.ingest import ingest

    # A folder for each run: two months may run at once. The tasks behind this one write beside what they read.
    path = Path(params["artifacts"]) / run_id / "raw"
    ingest(params["month"], params["window"], params["sample"], Path(params["data"])).write(path)
    return str(path)


@task
def validate(raw: str, params: Any = None) -> str:
    from flightdelay.steps.ingest import Raw
    from flightdelay.steps.validate import validate

    path = Path(raw).with_name("valid")
    validate(Raw.read(Path(raw)), params["month"], params["window"]).write(path)
    return str(path)


@task
def featurize(valid: str) -> str:
    from flightdelay.steps.featurize import featurize
    from flightdelay.steps.ingest import Raw

    path = Path(valid).with_name("features.parquet")
    featurize(Raw.read(Path(valid))).to_parquet(path)
    return str(path)


@task
def train(features: str, params: Any = None) -> str:
    import pandas as pd

    from flightdelay.steps.train import train
    from flightdelay.store import dump_model

    path = Path(features).with_name("challenger.skops")
    path.write_bytes(dump_model(train(pd.read_parquet(features), params["month"])))
    return str(path)


@task
def evaluate(features: str, challenger: str, params: Any = None) -> dict[str, Any]:
    import pandas as pd

    from flightdelay.steps.evaluate import evaluate
    from flightdelay.store import load_model

    return dict(
        evaluate(pd.read_parquet(features), load_model(Path(challenger).read_bytes()), params["month"])
    )


@task
def decide(features: str, challenger: str, evaluation: Any, params: Any = None) -> str:
    import pandas as pd

    from flightdelay.steps.decide import decide
    from flightdelay.store import Store, load_model

    model = load_model(Path(challenger).read_bytes())
    return decide(pd.read_parquet(features), model, evaluation, Store(Path(params["store"])))["decision"]


@dag(schedule=None, params={"month": "2013-09", "window": None, "sample": None, **PATHS})
def flight_delay() -> None:
    """Wire the six tasks."""
    features = featurize(validate(ingest()))
    challenger = train(features)
    decide(features, challenger, evaluate(features, challenger))


def run(
    month: str, window: int | None = None, sample: int | None = None, *, store: Path, data: Path = DATA
) -> "RunResult":
    """Run one month as a DAG run, without a scheduler; parameters and result as in plain Python.

    Airflow's database has to be there (``airflow db migrate``), and ``AIRFLOW__CORE__DAGS_FOLDER`` has to
    name the repository's ``dags/``.

    Raises
    ------
    RuntimeError
        If a task failed; its own message is in the output above.
    """
    from airflow.dag_processing.dagbag import DagBag

    from flightdelay.result import RunResult

    with tempfile.TemporaryDirectory() as artifacts:
        given = {"month": month, "window": window, "sample": sample, "store": str(store), "data": str(data)}
        found = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["flight_delay"]
        finished = found.test(run_conf={**given, "artifacts": artifacts})
        failed = [task.task_id for task in finished.get_task_instances() if task.state == "failed"]
    if failed:
        raise RuntimeError(
            f"The Airflow task {failed[0]} failed for {month}: its message is in the output above."
        )
    return RunResult.of(month, store)
