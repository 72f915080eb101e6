"""The commands on the cards of chapters 03 and 04 work as they are printed, from the repository's folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_cards import commands

from companion.environment import repository, tool_environment

ROOT = repository()
CARDS = {chapter: commands(chapter) for chapter in ("03", "04")}
# A pipeline in the place where the notebook of chapter 03 has its own.
A_RUN = """
from zenml import pipeline, step

@step
def answer() -> int:
    return 42

@pipeline
def of_the_evening():
    answer()

of_the_evening()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the repository, as far as the cards need it, in a folder with a name that has to be quoted."""
    copy = tmp_path / "my course 100% ü"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "dags", copy / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


def run(command: str, folder: Path, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(folder / "src")}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_each_card_has_three() -> None:
    assert {name: len(found) for name, found in CARDS.items()} == {"03": 3, "04": 3}


@pytest.mark.parametrize("command", [each for found in CARDS.values() for each in found])
def test_a_command_of_a_card(command: str, folder: Path, tmp_path: Path) -> None:
    if command.startswith("make "):  # what these do is tested where they are made
        said = run(f"{command} --dry-run", folder, tmp_path)
    elif "zenml" in command:
        state = folder / "work" / "state" / "03" / "run-2"
        state.mkdir(parents=True)
        (state / "evening.py").write_text(A_RUN)
        environment = {**os.environ, **tool_environment(state), "ZENML_CUSTOM_SOURCE_ROOT": str(state)}
        subprocess.run([sys.executable, "evening.py"], env=environment, cwd=state, check=True)
        (folder / "work" / "state" / "03" / "run-3").mkdir()
        said = run(f"COLUMNS=200 {command}", folder, tmp_path)
        assert "of_the_evening" in said.stdout
    else:
        said = run(command, folder, tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    home = tmp_path / "home"
    left = {path.name for path in home.rglob("*")} if home.exists() else set()
    assert not left & {"airflow", "zenml"}, "something was written to the reader's own folders"
