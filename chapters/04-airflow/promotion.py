"""Tasks of the DAG promotion, which the third notebook wires: a DAG file may take them from a package."""

from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import task

from chapter_04.weather_service import pages


@task
def airports():
    """Name the airports of a month."""
    return ["EWR", "JFK", "LGA"]


@task(retries=3, retry_delay=0)
def fetch(origin, params=None):
    """Get an airport's weather; the file is whole, whichever try succeeds."""
    import pandas as pd

    path = Path(params["folder"]) / f"{params['month']}-{origin}.csv"
    part = path.with_suffix(".part")
    pd.concat(pages(origin, params["month"])).to_csv(part, index=False)
    part.replace(path)
    return str(path)


@task
def judge(arrived, params=None):
    """Run the pipeline of chapter 02, and return its decision."""
    from flightdelay.pipelines import in_plain_python

    store, sample = Path(params["store"]), params["sample"]
    return in_plain_python.run(params["month"], sample=sample, store=store).decision["decision"]


def keep_champion():
    """Make the task that does nothing: kept, on purpose."""
    return EmptyOperator(task_id="keep_champion")
