"""Which month a scheduled run is for (exercise 9.3)."""

from datetime import UTC, datetime, timedelta


def month_of(scheduled):
    """Return the month before the scheduled time, such as "2013-10"."""
    if scheduled is None:
        raise ValueError("Nobody scheduled this run, and MONTH does not say which month it is for.")
    time = datetime.fromisoformat(scheduled).astimezone(UTC)
    return f"2013-{(time.replace(day=1) - timedelta(days=1)).month:02}"
