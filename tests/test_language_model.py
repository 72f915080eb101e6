"""Chapter 16: the encoder gives what its makers publish, an adapter belongs to one base, the ladder is what was run."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chapter_16.mail import messages
from companion import scale

# From the documentation of sentence-transformers (README, and "semantic textual similarity"): the cosines of these
# three under all-MiniLM-L6-v2, and their Manhattan distances.
PUBLISHED = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
COSINES = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]
DISTANCES = [[0.0, 12.6269, 20.2167], [12.6269, 0.0, 20.1288], [20.2167, 20.1288, 0.0]]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """When a test runs, and not when all are collected: then every other chapter's tests would wait for it."""
    scale.set_up()


@pytest.fixture(scope="module")
def loaded(installed: None) -> dict[str, Any]:
    from chapter_16 import weights

    return weights.load()


def test_the_encoder_gives_the_published_figures(loaded: dict[str, Any]) -> None:
    from chapter_16 import encoder

    vectors = encoder.encode(PUBLISHED, loaded)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors @ vectors.T, COSINES, atol=6e-5)
    apart = np.abs(vectors[:, None] - vectors[None]).sum(-1)
    np.testing.assert_allclose(apart, DISTANCES, atol=6e-5)


def test_a_vector_does_not_depend_on_the_texts_beside_it(loaded: dict[str, Any]) -> None:
    from chapter_16 import encoder

    beside = [*PUBLISHED, "where is my bag? " * 30, "", "hm " * 400]
    vectors = encoder.encode(beside, loaded)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(beside, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text], loaded)[0], vector, atol=1e-5)
    assert encoder.encode([], loaded).shape == (0, 384)


def test_a_long_text_is_cut_off_and_one_text_alone_is_refused(loaded: dict[str, Any]) -> None:
    from chapter_16 import encoder

    ids, mask = encoder.tokens(["hm " * 400])
    assert ids.shape == mask.shape == (1, encoder.LONGEST)
    with pytest.raises(TypeError, match="A list of texts"):
        encoder.encode("where is my bag?", loaded)


def test_the_constants_are_those_of_the_model() -> None:
    from chapter_16 import encoder, weights

    folder = weights.folder()
    config = json.loads((folder / "config.json").read_text())
    assert (config["num_hidden_layers"], config["num_attention_heads"]) == (encoder.LAYERS, encoder.HEADS)
    assert (config["layer_norm_eps"], config["hidden_act"]) == (encoder.EPSILON, "gelu")
    assert json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"] == encoder.LONGEST
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    assert [name for name, used in pooling.items() if used is True] == ["pooling_mode_mean_tokens"]
    assert "Apache-2.0" in (folder / "NOTICE").read_text()


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chapter_16 import weights

    changed = tmp_path / "model.safetensors"
    shutil.copy(weights.folder() / "model.safetensors", changed)
    with changed.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00")
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    with pytest.raises(weights.WeightsError, match="has the SHA-256 sum"):
        weights.load()
    changed.unlink()
    with pytest.raises(weights.WeightsError, match="is not there: remove the package"):
        weights.load()


def test_without_the_package_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from chapter_16 import weights

    monkeypatch.setattr(weights, "PACKAGE", "no-such-package")
    with pytest.raises(weights.WeightsError, match="not installed: make scale"):
        weights.folder()


TEXTS = ["where is my bag?", "bag not here", "which seat do I have?", "a window seat please"]
NUMBERS = np.array([0, 0, 1, 1])


def test_an_adapter_begins_by_changing_nothing_and_learns(
    loaded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chapter_16 import adapter, encoder

    before = {name: array.copy() for name, array in loaded.items()}
    begun = adapter.begin(encoder.encode(TEXTS, loaded), NUMBERS)
    changed = adapter.merged(loaded, begun)
    assert all(np.array_equal(changed[name], array) for name, array in loaded.items())
    monkeypatch.setattr(adapter, "EPOCHS", 4)
    trained, losses = adapter.train(begun, TEXTS, NUMBERS, loaded)
    assert losses[-1] < losses[0]
    assert all(np.array_equal(before[name], array) for name, array in loaded.items())
    changed = adapter.merged(loaded, trained)
    differing = {name for name in loaded if not np.array_equal(changed[name], loaded[name])}
    assert differing == {f"{name}.weight" for name in adapter.CHANGED}
    assert adapter.predict(TEXTS, loaded, trained).tolist() == NUMBERS.tolist()


def test_an_adapter_is_read_with_its_base_only(loaded: dict[str, Any], tmp_path: Path) -> None:
    from chapter_16 import adapter, encoder

    begun = adapter.begin(encoder.encode(TEXTS, loaded), NUMBERS)
    adapter.save(begun, tmp_path / "adapter.safetensors", "a" * 64, ["bag", "seat"])
    again, intents = adapter.load(tmp_path / "adapter.safetensors", "a" * 64)
    assert intents == ["bag", "seat"]
    assert begun.keys() == again.keys()
    assert all(np.array_equal(begun[name], again[name]) for name in begun)
    with pytest.raises(
        adapter.AdapterError, match="was trained on weights with the SHA-256 sum aaaaaaaaaaaa…"
    ):
        adapter.load(tmp_path / "adapter.safetensors", "b" * 64)


def test_the_ladder_is_that_of_the_messages_and_the_weights() -> None:
    from chapter_16 import ladder, weights

    kept = json.loads(ladder.LADDER.read_text())
    assert kept["base"] == weights.SUMS["model.safetensors"]
    judged = len(messages("judge"))
    for run in kept["runs"]:
        assert run["rung"] in ladder.RUNGS
        assert len(run["hits"]) == judged
        assert run["accuracy"] == round(run["hits"].count("1") / judged, 4)
    names = [(run["rung"], run["examples"], run["seed"]) for run in kept["runs"]]
    assert len(names) == len(set(names))
