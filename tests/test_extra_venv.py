"""The environments beside `.venv`: made once, again for another lock, and never left half made."""

from pathlib import Path

import pytest

from companion import extra_venv as module
from companion.bootstrap import CannotBootstrap
from companion.extra_venv import ExtraVenvError, extra_venv


def test_without_a_network_nothing_half_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements-own.txt").write_text("one==0.98.0\n")

    def run(command: list[str], environ: dict[str, str]) -> None:
        (tmp_path / ".venv-own").mkdir()

    def fetch(command: list[str], environ: dict[str, str]) -> None:
        raise CannotBootstrap("The packages could not be fetched: no connection to the package index.")

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "fetch", fetch)
    with pytest.raises(ExtraVenvError, match="no connection to the package index"):
        extra_venv(tmp_path, "own", "2 packages")
    assert not (tmp_path / ".venv-own").exists()


def test_the_environment_is_made_once_and_again_for_another_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements-own.txt"
    lock.write_text("one==0.98.0\n")
    called: list[str] = []

    def run(command: list[str], environ: dict[str, str]) -> None:
        called.append("sync" if "sync" in command else "venv")
        (tmp_path / ".venv-own").mkdir(exist_ok=True)

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "fetch", run)
    for _ in range(2):
        assert extra_venv(tmp_path, "own", "2 packages") == tmp_path / ".venv-own" / "bin"
    assert called == ["venv", "sync"]
    lock.write_text("one==0.99.0\n")
    extra_venv(tmp_path, "own", "2 packages")
    assert called == ["venv", "sync"] * 2
