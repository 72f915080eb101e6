"""The errors that a person is meant to read: one sentence that says what, where and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FlightDelayError(Exception):
    """Base of all errors of this package; its text is one clear sentence."""


class MonthError(FlightDelayError):
    """The month, window or sample that was asked for cannot be run."""


class DataFileError(FlightDelayError):
    """A file of the data folder is missing, damaged or altered."""


class ValidationError(FlightDelayError):
    """A month breaks the schema; nothing after validation runs and the champion stays."""


class StoreError(FlightDelayError):
    """The model store cannot be read or written."""


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusals (full disk, read-only folder) into a `StoreError` that names `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"Cannot use the model store {path}: {reason}. Nothing half-written was left and the champion is "
            "unchanged; free some space or choose a folder that you may write to, then run the month again."
        ) from error
