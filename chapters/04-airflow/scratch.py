"""Tasks of the DAG scratch: a folder that is there for one run only. Its file has the third, which removes it."""

from pathlib import Path

from airflow.sdk import setup, task


@setup
def make(params=None):
    """Make the folder."""
    path = Path(params["folder"]) / "scratch"
    path.mkdir()
    return str(path)


@task
def work(path):
    """Fail half-way."""
    raise MemoryError(f"too large for this machine, with {path[-7:]} half full")
