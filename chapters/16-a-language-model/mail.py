"""The passengers' messages of this chapter, each part read by its sum."""

from pathlib import Path

import pandas as pd

from companion.errors import SentenceError
from flightdelay.files import sha256

FOLDER = Path(__file__).parent / "messages"


class MailError(SentenceError):
    """A file of the messages is missing, damaged or altered."""


def messages(part: str) -> pd.DataFrame:
    """Return the messages of a part, ``learn`` or ``judge``.

    Returns
    -------
    DataFrame
        A row for each message: ``id``, ``text`` and ``intent``, all of them texts.

    Raises
    ------
    MailError
        If the file is not there, or its bytes are not those of ``SHA256SUMS``.
    """
    path = FOLDER / f"{part}.csv"
    restore = f"restore it: git checkout chapters/{FOLDER.parent.name}/{FOLDER.name}"
    try:
        sums = dict(
            reversed(line.split())
            for line in (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        )
        if sha256(path) != sums.get(path.name):
            raise MailError(f"{path.name} is not the file that SHA256SUMS names; {restore}")
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise MailError(f"{error.filename} cannot be read ({error.strerror}); {restore}") from error
