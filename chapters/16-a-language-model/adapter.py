"""LoRA in plain JAX: a small change of a large model's weights, trained while these stand still.

After E. Hu and others, "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685). A matrix W of the
encoder becomes W + SCALE · up · down, where `up` and `down` are thin: together RANK rows and RANK columns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from chapter_16.encoder import LAYERS, Weights, encode, forward, tokenizer, tokens
from companion.errors import SentenceError

RANK, SCALE = 8, 2.0
CHANGED = [f"encoder.layer.{n}.attention.self.{part}" for n in range(LAYERS) for part in ("query", "value")]
BATCH, EPOCHS = 14, 10
RATE = {"adapter": 1e-3, "head": 1e-2}

# By name: `….down` and `….up` for each of CHANGED, `head.weight` (384, intents), `head.bias` (intents,).
Adapter = Mapping[str, Any]


class AdapterError(SentenceError):
    """An adapter does not belong to these weights."""


def class_means(vectors: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the mean vector of each class, of length 1: shape (classes, 384). Classes are numbered from 0."""
    means = np.stack([vectors[numbers == each].mean(0) for each in range(numbers.max() + 1)])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True))


def begin(vectors: np.ndarray, numbers: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Return an untrained adapter: it changes nothing yet, and its head knows the mean of each class.

    Parameters
    ----------
    vectors
        What the encoder makes of the texts, shape (texts, 384).
    numbers
        The class of each text: whole numbers from 0, each of them at least once.
    seed
        For what is drawn.
    """
    random, means = np.random.default_rng(seed), class_means(vectors, numbers)
    begun = {"head.weight": 10 * means.T, "head.bias": np.zeros(len(means))}
    for name in CHANGED:
        begun[f"{name}.down"] = random.normal(0, 1 / np.sqrt(384), (RANK, 384))
        begun[f"{name}.up"] = np.zeros((384, RANK))  # so that the first step begins at the encoder as it is
    return {name: jnp.asarray(array, jnp.float32) for name, array in begun.items()}


def merged(weights: Weights, adapter: Adapter) -> dict[str, Any]:
    """Return the weights as the adapter changes them; the ones that were given stay as they are."""
    changed = {
        f"{name}.weight": weights[f"{name}.weight"] + SCALE * adapter[f"{name}.up"] @ adapter[f"{name}.down"]
        for name in CHANGED
    }
    return {**weights, **changed}


@jax.jit
@jax.value_and_grad
def _loss(
    adapter: Adapter, weights: Weights, ids: jax.Array, mask: jax.Array, numbers: jax.Array
) -> jax.Array:
    vectors = forward(merged(weights, adapter), ids, mask)
    shares = jax.nn.log_softmax(vectors @ adapter["head.weight"] + adapter["head.bias"])
    return -jnp.take_along_axis(shares, numbers[:, None], axis=1).mean()


@jax.jit
def _adam(adapter: Adapter, slopes: Adapter, mean: Adapter, square: Adapter, step: int, left: float) -> Any:
    """Take one step of Adam (D. Kingma, J. Ba, 2015), the shorter the less of the training is left."""
    mean = {name: 0.9 * mean[name] + 0.1 * slope for name, slope in slopes.items()}
    square = {name: 0.999 * square[name] + 0.001 * slope**2 for name, slope in slopes.items()}

    def moved(name: str) -> jax.Array:
        rate = left * RATE["head" if name.startswith("head.") else "adapter"]
        long = jnp.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
        return adapter[name] - rate * mean[name] / (1 - 0.9**step) / long

    return {name: moved(name) for name in adapter}, mean, square


def train(
    adapter: Adapter, texts: Sequence[str], numbers: np.ndarray, weights: Weights, seed: int = 0
) -> tuple[dict[str, Any], list[float]]:
    """Train an adapter; the weights of the encoder stand still.

    Parameters
    ----------
    adapter
        As `begin` returns it.
    texts, numbers
        What to learn from, and the class of each text.
    weights
        As `chapter_16.weights.load` gives them.
    seed
        For the order of the batches.

    Returns
    -------
    dict, list of float
        The trained adapter, and the mean loss of each of the EPOCHS.
    """
    frozen = {name: jnp.asarray(array) for name, array in weights.items()}
    # Texts of a length share a batch: JAX compiles for each shape, and little is computed for filling.
    order = np.argsort([len(each.ids) for each in tokenizer().encode_batch(list(texts))], kind="stable")
    rows = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
    batches = [(*tokens([texts[row] for row in part]), numbers[part]) for part in rows]
    random, steps, history = np.random.default_rng(seed), EPOCHS * len(batches), []
    mean = square = {name: jnp.zeros_like(array) for name, array in adapter.items()}
    trained, step = dict(adapter), 0
    for _ in range(EPOCHS):
        losses = []
        for batch in random.permutation(len(batches)):
            loss, slopes = _loss(trained, frozen, *batches[batch])
            step += 1
            trained, mean, square = _adam(trained, slopes, mean, square, step, 1 - (step - 1) / steps)
            losses.append(float(loss))
        history.append(float(np.mean(losses)))
    return trained, history


def predict(texts: Sequence[str], weights: Weights, adapter: Adapter) -> np.ndarray:
    """Return the class of each text, whole numbers of shape (len(texts),)."""
    vectors = encode(texts, merged(weights, adapter))
    return np.asarray(vectors @ adapter["head.weight"] + adapter["head.bias"]).argmax(1)


def save(adapter: Adapter, path: Path, base: str, intents: Sequence[str]) -> None:
    """Write an adapter to a safetensors file, with what it is worth nothing without.

    Parameters
    ----------
    adapter
        As `train` returns it.
    path
        The file.
    base
        The SHA-256 sum of the weights that it was trained on.
    intents
        The names of the classes, in the order of their numbers.
    """
    arrays = {name: np.asarray(array) for name, array in adapter.items()}
    safetensors.numpy.save_file(arrays, path, {"base": base, "intents": "\n".join(intents)})


def load(path: Path, base: str) -> tuple[dict[str, Any], list[str]]:
    """Read an adapter and the names of its classes.

    Parameters
    ----------
    path
        A file of `save`.
    base
        The SHA-256 sum of the weights that it is to change.

    Raises
    ------
    AdapterError
        If it was trained on other weights.
    """
    with safetensors.safe_open(path, "numpy") as file:
        about = file.metadata() or {}
    if about.get("base") != base:
        raise AdapterError(
            f"{path.name} was trained on weights with the SHA-256 sum {about.get('base', 'unknown')[:12]}…, and these "
            f"have {base[:12]}…. Take the weights that it was trained on, or train it anew."
        )
    return dict(safetensors.numpy.load_file(path)), about["intents"].split("\n")
