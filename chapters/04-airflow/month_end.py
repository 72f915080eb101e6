"""Tasks of the DAG month_end, without arrows: the reader draws them in exercise 4.4."""

from airflow.sdk import task

from chapter_04.promotion import keep_champion

__all__ = ["airports", "announce", "close", "keep_champion", "report"]


@task
def airports(params=None):
    """Return the airports that the run is asked for."""
    return params["airports"]


@task
def report(origin):
    """Report on one airport."""
    if len(origin) != 3:
        raise ValueError(f"{origin} is no airport")
    return f"report of {origin}"


@task
def announce():
    """Say that there is a new champion."""
    return "a new champion"


@task
def close():
    """Close the month."""
    return "closed"
