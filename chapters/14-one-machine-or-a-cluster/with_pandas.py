"""Step 3 as the pipeline has it, `flightdelay.steps.featurize`, from files to a file."""

from pathlib import Path

import pandas as pd

from flightdelay.steps import featurize as step
from flightdelay.steps.ingest import Raw


def featurize(folder: Path, result: Path) -> None:
    """Read the flights and the weather of a folder, and write the features.

    Parameters
    ----------
    folder
        With ``flights/*.parquet`` and ``weather/*.parquet``.
    result
        The Parquet file to write.
    """
    raw = Raw(pd.read_parquet(folder / "flights"), pd.read_parquet(folder / "weather"))
    step.featurize(raw).to_parquet(result)
