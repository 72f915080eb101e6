"""The messages of chapter 16 behind the four adapters: the same result in each, and no model without its encoder."""

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from companion import scale
from companion.runner import MODULES, run_in

MONTHS = ["2013-02", "2013-03"]
OPTIONS = {"window": 1}
TOOLS = [tool for tool in MODULES if tool != "plain"]
STEPS = ["ingest", "validate", "featurize", "train", "evaluate", "decide"]


@pytest.fixture(scope="module", autouse=True)
def told() -> Any:
    """When a test runs, and not when all are collected; the steps for every process that is started here."""
    scale.set_up()
    from chapter_16 import by_month

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLIGHTDELAY_STEPS", str(by_month.STEPS))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from chapter_16 import by_month

    return by_month.deal(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("plain")
    return run_in("plain", MONTHS, store=folder / "store", state=folder, data=data, **OPTIONS)


@pytest.mark.parametrize("tool", TOOLS)
def test_parity(tool: str, data: Path, plain: list[dict[str, Any]], tmp_path: Path) -> None:
    """Two months in order in one store: digest, metrics and decision are those of plain Python."""
    found = run_in(tool, MONTHS, store=tmp_path / "store", state=tmp_path, data=data, **OPTIONS)
    for month, here, there in zip(MONTHS, found, plain, strict=True):
        assert here["evaluation"]["digest"] == there["evaluation"]["digest"], month
        assert here["evaluation"] == there["evaluation"], month
        assert here["decision"] == there["decision"], month


def test_they_are_the_messages_and_have_a_champion(plain: list[dict[str, Any]]) -> None:
    from chapter_16 import weights

    assert [run["evaluation"]["encoder"] for run in plain] == [weights.SUMS["model.safetensors"][:12]] * 2
    assert plain[0]["decision"]["decision"] == "promote"
    assert plain[1]["decision"]["champion_before"] == plain[0]["decision"]["version"]


def test_the_functions_ask_for_the_same_as_those_of_the_flights() -> None:
    for step in STEPS:
        flights, mail = (
            getattr(import_module(f"{place}.{step}"), step)
            for place in ("flightdelay.steps", "chapter_16.steps")
        )
        assert flights.__code__ is not mail.__code__
        assert list(inspect.signature(flights).parameters) == list(inspect.signature(mail).parameters), step


def test_the_steps_are_others_only_where_the_environment_says_so() -> None:
    from chapter_16 import by_month

    code = "import flightdelay.steps.evaluate as e, flightdelay.baseline as b; print(e.__file__, b.__file__, sep='\\n')"
    for steps in (by_month.STEPS, None):
        environment = {name: text for name, text in os.environ.items() if name != "FLIGHTDELAY_STEPS"}
        environment |= {"FLIGHTDELAY_STEPS": str(steps)} if steps else {}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        evaluate, baseline = (Path(line).parent for line in done.stdout.splitlines())
        assert evaluate == (steps or baseline / "steps"), done.stderr


def features_of(encoder: str, sign: int) -> Any:
    """Return a table like that of `featurize`, by an encoder of 14 numbers."""
    import numpy as np
    import pandas as pd

    from chapter_16.steps.validate import DESKS

    months = ["2013-01", "2013-02", "2013-03"]
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        [(f"m{n:04}", months[n // 84], DESKS[n % 14]) for n in range(252)], columns=["id", "month", "intent"]
    )
    drawn = sign * (np.eye(14)[np.arange(252) % 14] + random.normal(0, 0.2, (252, 14)))
    return pd.concat([rows, pd.DataFrame(drawn, columns=[f"{encoder}-{n:03}" for n in range(14)])], axis=1)


def test_a_champion_of_another_encoder_is_refused_and_stays(tmp_path: Path) -> None:
    from chapter_16.steps import decide, evaluate, train
    from flightdelay.errors import StoreError
    from flightdelay.store import Store

    store, digests = Store(tmp_path / "store"), {}
    for encoder, sign in (("a" * 12, 1), ("b" * 12, -1)):
        features = features_of(encoder, sign)
        model = train.train(features, "2013-02")
        found = evaluate.evaluate(features, model, "2013-02")
        digests[encoder] = found["digest"]
        if sign == 1:
            assert decide.decide(features, model, found, store)["decision"] == "promote"
        probabilities = evaluate.predict(model, evaluate.month_rows(features, "2013-02"))
        digests[sign] = evaluate.digest("", probabilities)
    assert digests[1] == digests[-1]
    assert digests["a" * 12] != digests["b" * 12], "equal probabilities of two encoders have one version"
    model = train.train(features, "2013-03")
    champion = store.champion()
    with pytest.raises(
        StoreError, match=r"champion of 2013-02 was made with the encoder aaaaaaaaaaaa, and .* bbbb"
    ):
        decide.decide(features, model, evaluate.evaluate(features, model, "2013-03"), store)
    assert (store.champion(), store.months()) == (champion, ["2013-02"])


def test_the_cost_and_a_desk_decide() -> None:
    from chapter_16.steps import decide

    cheap, dear = ({"cost_per_100_messages": cost} for cost in (60.0, 61.0))
    assert decide._objections(cheap, dear) == []  # type: ignore[arg-type]
    assert "costs 1.0 more" in decide._objections(dear, cheap)[0]  # type: ignore[arg-type]
    assert "saves 0.0" in decide._objections(dear, dear)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("intent", "love_letter", "one of the fourteen desks"),
        ("text", "  ", "not empty"),
        ("text", "twin", "text"),
        ("id", "m0000", "id"),
    ],
)
def test_a_broken_month_is_refused_in_a_sentence(column: str, value: str, said: str) -> None:
    import pandas as pd

    from chapter_16.steps.ingest import Raw
    from chapter_16.steps.validate import DESKS, validate
    from flightdelay.errors import ValidationError

    rows = [
        (f"m{n:04}", f"2013-0{1 + n % 2}", "twin" if n == 3 else f"text {n}", DESKS[0]) for n in range(20)
    ]
    messages = pd.DataFrame(rows, columns=["id", "month", "text", "intent"])
    encoder = pd.DataFrame({"path": ["x"], "sha256": ["0" * 64]})
    assert validate(Raw(messages, encoder), "2013-02").messages is messages
    messages.loc[7, column] = value
    with pytest.raises(ValidationError, match=said) as caught:
        validate(Raw(messages, encoder), "2013-02")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ValidationError, match="2013-03 has no rows"):
        validate(Raw(messages.drop(7), encoder), "2013-03")


def test_an_encoder_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    import pandas as pd

    from chapter_16.steps.featurize import featurize
    from chapter_16.steps.ingest import Raw
    from flightdelay.errors import DataFileError

    (tmp_path / "model.safetensors").write_bytes(b"other")
    encoder = pd.DataFrame({"path": [str(tmp_path / "model.safetensors")], "sha256": ["0" * 64]})
    with pytest.raises(DataFileError, match="has changed since it was ingested"):
        featurize(Raw(pd.DataFrame(), encoder))
