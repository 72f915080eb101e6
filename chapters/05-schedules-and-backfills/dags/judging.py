"""The task of the monthly DAG; each time it succeeds, it tells what it found."""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import Asset, task

STATE = Path(__file__).parents[1]
JUDGED = Asset("flight-delay-month-judged")


@task(outlets=[JUDGED], retries=2, retry_delay=timedelta(seconds=5))
def judge(data_interval_start=None, outlet_events=None):
    """Run the plain pipeline for the month that begins where the data interval begins."""
    from flightdelay.pipelines.in_plain_python import run

    month = f"{data_interval_start:%Y-%m}"
    found = run(month, sample=6000, store=STATE / "store", data=STATE / "data").evaluation
    expected = found["challenger"]["mean_probability"]
    outlet_events[JUDGED].extra = {"month": month, "late": found["late_rate"], "expected": expected}
