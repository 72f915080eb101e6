"""The forward pass of MiniLM in JAX: from texts to vectors of unit length.

A BERT of six layers, as ``config.json`` beside the weights says, with the pooling of sentence-transformers: the mean of
the tokens' vectors. ``tests/test_language_model.py`` holds it against figures that the makers of the model publish.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

from chapter_16 import weights as on_disk

LAYERS, HEADS, EPSILON = 6, 12, 1e-12
# Tokens of a text that are read, as sentence_bert_config.json says; the rest of a longer one is cut off.
LONGEST = 256
BATCH = 32

Weights = Mapping[str, Any]


@functools.cache
def tokenizer() -> Tokenizer:
    """Return what cuts a text into numbered pieces of words."""
    found = Tokenizer.from_file(str(on_disk.checked(on_disk.folder() / "tokenizer.json")))
    found.enable_truncation(LONGEST)
    found.no_padding()
    return found


def tokens(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Cut texts into tokens.

    Returns
    -------
    ids : ndarray of int32, shape (texts, length)
        The number of each token. All rows are filled up to one length, a multiple of 32: JAX compiles for each shape.
    mask : ndarray of float32, shape (texts, length)
        1 where there is a token, 0 where there is filling.
    """
    cut = [each.ids for each in tokenizer().encode_batch(list(texts))]
    length = -(-max(map(len, cut)) // 32) * 32
    ids, mask = np.zeros((len(cut), length), np.int32), np.zeros((len(cut), length), np.float32)
    for row, numbers in enumerate(cut):
        ids[row, : len(numbers)], mask[row, : len(numbers)] = numbers, 1
    return ids, mask


def _dense(weights: Weights, name: str, x: jax.Array) -> jax.Array:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(weights: Weights, name: str, x: jax.Array) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return scaled * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]


def _attention(weights: Weights, name: str, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Let each token take from the others what it asks for: a mean of their values, weighed by query and key."""
    rows, length, width = x.shape

    def heads(part: str) -> jax.Array:
        found = _dense(weights, f"{name}.self.{part}", x).reshape(rows, length, HEADS, width // HEADS)
        return found.transpose(0, 2, 1, 3)

    asked = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)
    share = jax.nn.softmax(jnp.where(mask[:, None, None, :] > 0, asked, -jnp.inf))
    taken = (share @ heads("value")).transpose(0, 2, 1, 3).reshape(rows, length, width)
    return _dense(weights, f"{name}.output.dense", taken)


def forward(weights: Weights, ids: jax.Array, mask: jax.Array) -> jax.Array:
    """Return the vectors of texts that are cut into tokens.

    Parameters
    ----------
    weights
        As `chapter_16.weights.load` gives them.
    ids, mask
        As `tokens` gives them, shape (texts, length); at least one token in each row.

    Returns
    -------
    Array of float32, shape (texts, 384)
        Each of length 1, so that a product of two is their cosine.
    """
    table = "embeddings.{}_embeddings.weight"
    x = weights[table.format("word")][ids] + weights[table.format("position")][: ids.shape[1]]
    x = _norm(weights, "embeddings", x + weights[table.format("token_type")][0])
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        attended = _attention(weights, f"{layer}.attention", x, mask)
        x = _norm(weights, f"{layer}.attention.output", x + attended)
        hidden = jax.nn.gelu(_dense(weights, f"{layer}.intermediate.dense", x), approximate=False)
        x = _norm(weights, f"{layer}.output", x + _dense(weights, f"{layer}.output.dense", hidden))
    mean = (x * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    return mean / jnp.linalg.norm(mean, axis=1, keepdims=True)


_compiled = jax.jit(forward)


def encode(texts: Sequence[str], weights: Weights) -> np.ndarray:
    """Return the vectors of texts.

    Parameters
    ----------
    texts
        A list; one text alone is refused, since its letters would be taken for texts.
    weights
        As `chapter_16.weights.load` gives them, or changed by an adapter.

    Returns
    -------
    ndarray of float32, shape (len(texts), 384)
        Each of length 1. A text's vector does not depend on the texts beside it, but for the last digit.
    """
    if isinstance(texts, str):
        raise TypeError("A list of texts is asked for, and this is one text: encode([text], weights)")
    on_device = {name: jnp.asarray(array) for name, array in weights.items()}
    # Texts of a length go together, so that little is computed for filling.
    order = np.argsort([len(each.ids) for each in tokenizer().encode_batch(list(texts))], kind="stable")
    vectors = np.empty((len(texts), 384), np.float32)
    for begin in range(0, len(order), BATCH):
        rows = order[begin : begin + BATCH]
        batch = [texts[row] for row in rows] + [""] * (BATCH - len(rows))
        vectors[rows] = np.asarray(_compiled(on_device, *tokens(batch)))[: len(rows)]
    return vectors
