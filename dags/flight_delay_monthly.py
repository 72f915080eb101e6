"""The pipeline month by month: each run works on the month that its data interval covers (chapter 05).

Airflow reads this file again and again, so what takes long to import is imported inside the tasks.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import Asset, CronDataIntervalTimetable, dag, task
from airflow.sdk.exceptions import AirflowFailException

from flightdelay.location import DATA

# Other DAGs may wait for it; the one below does.
JUDGED = Asset("flight-delay-month-judged")
# Beside Airflow's own state, so that each Airflow has a store of its own.
STORE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "store"
# From this difference on between the share of late flights and the share that the model expected.
LARGEST_GAP = 0.05


@task(outlets=[JUDGED], retries=2, retry_delay=timedelta(seconds=5), max_active_tis_per_dag=1)
def judge(params: Any = None, outlet_events: Any = None, data_interval_start: Any = None) -> str:
    """Run the plain pipeline for the month that begins where the data interval begins."""
    from flightdelay.errors import DataFileError, MonthError, ValidationError
    from flightdelay.pipelines.in_plain_python import run

    if data_interval_start is None:  # a run of `dag.test()`, say
        raise AirflowFailException(
            "This run has no data interval, so it does not know its month: start it by `airflow backfill create`."
        )
    month, store = f"{data_interval_start:%Y-%m}", Path(params["store"])
    try:
        result = run(month, sample=params["sample"], store=store, data=Path(params["data"]))
    except (DataFileError, MonthError, ValidationError) as error:
        # The data or the month has to be mended first: a retry would be refused again.
        raise AirflowFailException(str(error)) from error
    found = result.evaluation
    gap = found["late_rate"] - found["challenger"]["mean_probability"]
    outlet_events[JUDGED].extra = {"month": month, "store": str(store), "gap": gap, "drift": found["drift"]}
    return result.decision["decision"]


@task
def look(triggering_asset_events: Any = None) -> None:
    """Write what moved, and whether it did harm, to ``checks/<month>.json`` in the store."""
    from flightdelay.files import write_atomically

    for event in triggering_asset_events[JUDGED]:  # several months, where they were judged quickly
        month, gap = event.extra["month"], event.extra["gap"]
        moved = [column for column, index in event.extra["drift"].items() if index > 0.25]
        check = {"moved": moved, "gap": round(gap, 3), "look": abs(gap) > LARGEST_GAP}
        path = Path(event.extra["store"]) / "checks" / f"{month}.json"
        write_atomically(path, json.dumps(check).encode())


@dag(
    schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
    # The first and the last month that can be judged. `start_date` and `end_date` bound where intervals start.
    start_date=pendulum.datetime(2013, 2, 1),
    end_date=pendulum.datetime(2013, 12, 1),
    catchup=False,  # nothing starts by itself: months are asked for by a backfill,
    is_paused_upon_creation=False,  # which would wait for a paused DAG
    max_active_runs=1,  # a month needs the champion of the month before (a backfill has an option of its own)
    # The interval of a run triggered by hand is the last month before today, which this data does not have.
    allowed_run_types=["scheduled", "backfill"],
    params={"store": str(STORE), "data": str(DATA), "sample": None},
)
def flight_delay_monthly() -> None:
    """Judge one month."""
    judge()


@dag(schedule=[JUDGED], catchup=False, is_paused_upon_creation=False, max_active_runs=1)
def flight_delay_drift() -> None:
    """Look at each month that was judged."""
    look()


flight_delay_monthly()
flight_delay_drift()
