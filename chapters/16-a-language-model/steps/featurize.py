"""Step 3: each text becomes a row of numbers, by an encoder that stands still."""

from pathlib import Path

import pandas as pd
import safetensors.numpy

from flightdelay.errors import DataFileError
from flightdelay.files import sha256

from .ingest import Raw


def featurize(raw: Raw) -> pd.DataFrame:
    """Turn texts into vectors.

    Parameters
    ----------
    raw : Raw
        Validated messages, and where the encoder lies.

    Returns
    -------
    DataFrame
        A row for each message, sorted by its ``id``, with ``month``, ``intent`` and the 384 numbers of the vector.
        The names of these columns begin with the sum of the encoder, so that no model that has learned from other
        weights fits them.

    Raises
    ------
    DataFileError
        If the encoder at its place is not the one that was ingested.
    """
    from chapter_16.encoder import encode  # JAX takes long to import, and the later steps do without

    path, sum_ = raw.encoder.loc[0, "path"], raw.encoder.loc[0, "sha256"]
    if sha256(Path(path)) != sum_:
        raise DataFileError(
            f"The encoder {path} has changed since it was ingested: restore it, or run the month again."
        )
    messages = raw.messages.sort_values("id", ignore_index=True)
    vectors = encode(list(messages["text"]), safetensors.numpy.load_file(path)).astype(float)
    names = [f"{sum_[:12]}-{number:03}" for number in range(vectors.shape[1])]
    return pd.concat([messages[["id", "month", "intent"]], pd.DataFrame(vectors, columns=names)], axis=1)


def columns_of(features: pd.DataFrame) -> list[str]:
    """Return the names of the columns with the vector."""
    return [name for name in features if name not in ("id", "month", "intent")]


def encoder_of(columns: list[str]) -> str:
    """Return the beginning of the encoder's sum, out of the names of such columns."""
    return columns[0].split("-")[0]
