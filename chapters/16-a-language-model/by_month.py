"""Deal the messages to months: what a pipeline that runs each month needs, and what this collection does not have.

No message has a date. They are dealt in an order that a seed gives, eight of each intent to each of four months, so
that no month differs from another one by anything but chance. That is half of them: a month takes seconds then.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from chapter_16 import weights
from chapter_16.mail import messages
from flightdelay.files import sha256, write_atomically
from flightdelay.months import MONTHS

STEPS = Path(__file__).parent / "steps"
DEALT = MONTHS[:4]
OF_EACH = 8


def dealt() -> pd.DataFrame:
    """Return messages with the month that each is dealt to: columns ``id``, ``month``, ``text``, ``intent``."""
    every = pd.concat([messages("learn"), messages("judge")])
    shuffled = every.sample(frac=1, random_state=0).groupby("intent").head(OF_EACH * len(DEALT))
    number = shuffled.groupby("intent").cumcount() // OF_EACH
    found = shuffled.assign(month=np.array(DEALT)[number])
    return found[["id", "month", "text", "intent"]].sort_values("id", ignore_index=True)


def deal(folder: Path, encoder: Path | None = None) -> Path:
    """Make a data folder like that of the flights: files by month, the encoder, and a manifest of their sums.

    Parameters
    ----------
    folder : Path
        The folder; made where needed.
    encoder : Path, optional
        Other weights than those of the package: a file of safetensors.

    Returns
    -------
    Path
        The folder.
    """
    (folder / "messages").mkdir(parents=True, exist_ok=True)
    (folder / "encoder").mkdir(exist_ok=True)
    for month, rows in dealt().groupby("month"):
        rows.to_parquet(folder / "messages" / f"{month}.parquet", index=False)
    link = folder / "encoder" / "model.safetensors"
    link.unlink(missing_ok=True)
    link.symlink_to(encoder or weights.folder() / link.name)
    names = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))
    write_atomically(folder / "manifest.json", _manifest(folder, names))
    return folder


def _manifest(folder: Path, names: list[str]) -> bytes:
    files = {name: {"sha256": sha256(folder / name)} for name in names}
    return (json.dumps({"files": files}, indent=1) + "\n").encode()
