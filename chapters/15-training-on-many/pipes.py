"""Who am I, and a pipe to the next rank and from the one before: for programs that `chapter_15.launch` starts."""

import contextlib
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])

_to_next: Any = Connection(int(os.environ["TO_NEXT"]), readable=False)
_from_previous: Any = Connection(int(os.environ["FROM_PREVIOUS"]), writable=False)
_next, _previous = (rank + 1) % world_size, (rank - 1) % world_size
_early: dict[str, list[Any]] = {}  # what has come and was not asked for yet
_notes = Path(os.environ["NOTES"])
_note = _notes / f"waits-{rank}"
(_notes / f"here-{rank}").touch()
# A shorter wait is no news.
SOON = 0.5


def send(value: Any, of: str) -> None:
    """Send a value to the next rank, with a word for what it is of.

    Raises
    ------
    ConnectionError
        If that rank has ended.
    """
    try:
        _to_next.send((of, value))
    except OSError:
        raise ConnectionError(f"rank {_next} is gone") from None


def receive(of: str) -> Any:
    """Wait for the value with this word from the rank before, and return it; others that come are kept for later.

    Raises
    ------
    ConnectionError
        If that rank has ended.
    """
    while not _early.get(of):
        with _noted(f"waits for the {of} of rank {_previous}"):
            try:
                word, value = _from_previous.recv()
            except (EOFError, OSError):
                raise ConnectionError(f"rank {_previous} is gone") from None
        _early.setdefault(word, []).append(value)
    return _early[of].pop(0)


@contextlib.contextmanager
def _noted(what: str) -> Iterator[None]:
    """Leave a note for the launcher while this rank waits for more than a moment."""
    if _from_previous.poll(SOON):
        yield
        return
    _note.write_text(what)
    try:
        yield
    finally:
        _note.unlink()
