"""The months of the story: 2013-01 to 2013-12, of which the first can only be learned from."""

from flightdelay.errors import MonthError

MONTHS = tuple(f"2013-{number:02d}" for number in range(1, 13))


def months_before(month: str, window: int | None = None) -> tuple[str, ...]:
    """Return the months that a run of `month` learns from, oldest first.

    Parameters
    ----------
    month : str
        The month to judge on, ``2013-02`` to ``2013-12``.
    window : int, optional
        How many months before it to learn from; all of them by default.

    Raises
    ------
    MonthError
        If the month is not one of the story's, is January, or has fewer months before it than `window`.
    """
    if month not in MONTHS:
        raise MonthError(
            f"There is no data for the month {month!r}: choose one from 2013-02 to 2013-12, such as 2013-09."
        )
    if month == MONTHS[0]:
        raise MonthError(
            "January 2013 has no month before it to learn from: choose a month from 2013-02 to 2013-12."
        )
    before = MONTHS[: MONTHS.index(month)]
    if window is None:
        return before
    if not 1 <= window <= len(before):
        raise MonthError(
            f"A window of {window} months does not fit {month}: it has {len(before)} before it, "
            f"so choose a window from 1 to {len(before)}, or leave it out to learn from all of them."
        )
    return before[-window:]
