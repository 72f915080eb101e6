"""The monthly DAG of this chapter: the first notebook writes it line by line."""

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag
from judging import judge


@dag(
    schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
    start_date=pendulum.datetime(2013, 2, 1),
    end_date=pendulum.datetime(2013, 12, 1),
    catchup=False,
    is_paused_upon_creation=False,
)
def flight_delay_monthly():
    """Judge the month before the run."""
    judge()


flight_delay_monthly()
