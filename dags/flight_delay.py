"""What Airflow reads: the DAG itself is wired in the package."""

from flightdelay.pipelines.with_airflow import flight_delay

flight_delay()
