"""The four adapters: the same six steps, the same result, and safe to kill."""

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest

from companion import runner
from companion.environment import repository
from companion.runner import MODULES, RunFailedError, run_in

MONTHS = ["2013-02", "2013-03", "2013-04"]
OPTIONS = {"sample": 6000}
TOOLS = [tool for tool in MODULES if tool != "plain"]
STEPS = ["ingest", "validate", "featurize", "train", "evaluate", "decide"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("plain")
    return run_in("plain", MONTHS, store=folder / "store", state=folder, **OPTIONS)


@pytest.mark.parametrize("tool", TOOLS)
def test_parity(tool: str, plain: list[dict[str, Any]], tmp_path: Path) -> None:
    """Three months in order in one store: digest, metrics and decision are those of plain Python."""
    found = run_in(tool, MONTHS, store=tmp_path / "store", state=tmp_path, **OPTIONS)
    for month, here, there in zip(MONTHS, found, plain, strict=True):
        assert here["evaluation"]["digest"] == there["evaluation"]["digest"], month
        assert here["evaluation"] == there["evaluation"], month
        assert here["decision"] == there["decision"], month


def test_the_months_of_the_parity_test_have_a_champion_to_compare_with(plain: list[dict[str, Any]]) -> None:
    assert plain[-1]["decision"]["champion_before"] is not None


# Kills the process once, when it begins to grow its twentieth tree of a hundred.
KILL_IN_TRAINING = """
import importlib.util, os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "sklearn.ensemble._hist_gradient_boosting.grower":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), watch(module.TreeGrower))
        return spec

def watch(grower):
    grow, grown = grower.grow, []
    def watched(self):
        grown.append(self)
        if len(grown) == 20 and os.path.exists({flag!r}):
            os.remove({flag!r})
            os.kill(os.getpid(), signal.SIGKILL)
        return grow(self)
    grower.grow = watched

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("tool", ["plain", *TOOLS])
def test_killed_in_the_middle_of_training_and_run_again(
    tool: str, plain: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = tmp_path / "kill-once"
    flag.touch()
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(KILL_IN_TRAINING.format(flag=str(flag)))
    # The book's own environment leaves out what a shell says of Python, so it is added there.
    own = runner.environment_in
    path = {"PYTHONPATH": str(tmp_path / "path")}
    monkeypatch.setattr(runner, "environment_in", lambda folder: own(folder) | path)
    store, state = tmp_path / "store", tmp_path / "state"
    with pytest.raises(RunFailedError):
        run_in(tool, MONTHS[:1], store=store, state=state, **OPTIONS)
    assert not flag.exists(), "nothing was killed in training: the run failed for another reason"
    assert not store.exists(), "a run that never came to its decision wrote to the store"
    [again] = run_in(tool, MONTHS[:1], store=store, state=state, **OPTIONS)
    assert again["evaluation"] == plain[0]["evaluation"]
    assert again["decision"] == plain[0]["decision"]


@pytest.mark.parametrize("tool", ["plain", *TOOLS])
def test_a_damaged_month_stops_the_run_with_its_reason(tool: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(repository() / "data", data)
    path = data / "flights" / "2013-02.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    store = tmp_path / "store"
    with pytest.raises(RunFailedError):
        run_in(tool, MONTHS[:1], store=store, state=tmp_path / "state", data=data, **OPTIONS)
    assert "2013-02.parquet is damaged" in (tmp_path / "state" / "output.log").read_text()
    assert not store.exists()


def test_outside_the_pipelines_nothing_imports_an_orchestrator() -> None:
    package = repository() / "src" / "flightdelay"
    for path in package.rglob("*.py"):
        if path.parent.name == "pipelines":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in ("zenml", "airflow", "kfp", "companion"), f"{path}: {name}"
                assert not name.startswith("flightdelay.pipelines") or path.name == "__main__.py", path


@pytest.mark.parametrize("module", MODULES.values())
def test_an_adapter_wires_the_six_steps_and_nothing_else(module: str) -> None:
    path = repository() / "src" / (module.replace(".", "/") + ".py")
    defined = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    steps = [] if module.endswith("plain_python") else [*STEPS, "flight_delay"]
    assert defined == [*steps, "run"]
