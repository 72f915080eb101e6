"""Recorded commands: answered without a cluster, and never by the wrong answer."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pytest
from test_harness import run_harness

from authoring import build
from companion import replay

# Stands in for an engine: it says what it was asked, and the pod is ready from the second question on.
DOCKER = """#!/bin/sh
case "$*" in
  "--version") echo "Docker version 29.1.0, build 360952c" ;;
  *"-f -"*) echo "read: $(cat)" ;;
  "get pod") if [ -e "$0.asked" ]; then echo Running; else echo Pending; touch "$0.asked"; fi ;;
  *) echo "asked: $*"; echo "about $*" >&2; exit 3 ;;
esac
"""


def tools(folder: Path) -> Path:
    """Make a folder for PATH with what a shell needs and no command that is recorded."""
    (folder / "tools").mkdir()
    for tool in ("sh", "cat", "touch"):
        (folder / "tools" / tool).symlink_to(str(shutil.which(tool)))
    return folder / "tools"


class Shell:
    """Runs commands as the cells of a notebook would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recording = folder / "12-test.learner.json"
        self.path = [str(tools(folder))]
        (folder / "real").mkdir()
        (folder / "real" / "docker").write_text(DOCKER)
        (folder / "real" / "docker").chmod(0o755)

    def start(self, commands: str) -> "Shell":
        """Begin a run of the notebook; to record, there is a real command."""
        real = [str(self.folder / "real")] if commands == "record" else []
        self.work = self.folder / commands
        with mock.patch.dict(
            os.environ,
            PATH=os.pathsep.join(real + self.path),
            COMPANION_COMMANDS=commands,
            COMPANION_RECORDING=str(self.recording),
            COMPANION_WORK=str(self.work),
        ):
            replay.install()
            self.environment = dict(os.environ)
        return self

    def __call__(self, *command: str, cell: str = "c1-1", stdin: str | None = None) -> tuple[str, str, int]:
        done = subprocess.run(
            command,
            env={**self.environment, "COMPANION_CELL": cell},
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=30,
        )
        return done.stdout, done.stderr, done.returncode

    def commands(self) -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = json.loads(self.recording.read_text())["commands"]
        return known


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_replay_gives_what_was_recorded_without_the_real_command(shell: Shell) -> None:
    shell.start("record")
    asked = ("docker", "get", "nodes")
    recorded = shell(*asked)
    assert recorded == ("asked: get nodes\n", "about get nodes\n", 3)
    recording = json.loads(shell.recording.read_text())
    assert recording["versions"] == {"docker": "Docker version 29.1.0, build 360952c"}
    assert recording["date"].startswith("20")

    shell.start("replay")
    assert shutil.which("docker", path=shell.environment["PATH"].partition(os.pathsep)[2]) is None
    assert shell(*asked) == recorded
    assert replay.misses(str(shell.work)) == []


def test_a_miss_is_said_and_logged(shell: Shell) -> None:
    shell.start("record")("docker", "get", "nodes")
    shell.start("replay")
    for asked, cell in ((("docker", "get", "pods"), "c1-1"), (("docker", "get", "nodes"), "c2-1")):
        out, said, code = shell(*asked, cell=cell)
        assert (out, code) == ("", 127)
        assert f'No recording answers "{" ".join(asked)}" in 12-test.learner' in said
    assert len(replay.misses(str(shell.work))) == 2


def test_the_last_answer_of_a_poll_repeats(shell: Shell) -> None:
    shell.start("record")
    assert [shell("docker", "get", "pod")[0] for _ in range(2)] == ["Pending\n", "Running\n"]
    shell.start("replay")
    polled = [shell("docker", "get", "pod")[0] for _ in range(4)]
    assert polled == ["Pending\n", "Running\n", "Running\n", "Running\n"]


def test_a_cell_that_is_run_again_gets_its_last_answer(shell: Shell) -> None:
    shell.start("record")
    for cell in ("c1-1", "c1-2"):
        shell("docker", "get", "pod", cell=cell)
    shell.start("replay")
    answers = [shell("docker", "get", "pod", cell=f"c1-{run}")[0] for run in (1, 2, 3)]
    assert answers == ["Pending\n", "Running\n", "Running\n"]
    assert shell("docker", "get", "pod", cell="c10-1")[2] == 127


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that makes a machine with these engines, and a repository with a recording of docker."""
    recordings = tmp_path / "chapters" / "06-test" / "recordings"
    recordings.mkdir(parents=True)
    recording = {"versions": {"docker": "docker version 9.9"}, "date": "2026-11-25", "commands": []}
    (recordings / "1-test.learner.json").write_text(json.dumps(recording))
    monkeypatch.setattr(replay, "repository", lambda: tmp_path)
    for variable in ("WORK", "COMMANDS", "RECORDING"):
        monkeypatch.setenv(f"COMPANION_{variable}", "")  # so that it is as before afterwards
        monkeypatch.delenv(f"COMPANION_{variable}")

    def make(**engines: str) -> Path:
        for name, script in engines.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{tools(tmp_path)}")
        return tmp_path

    return make


def test_a_learner_without_an_engine_gets_the_recording_and_is_told(learner: Callable[..., Path]) -> None:
    root = learner(docker="exit 1")
    says = replay.for_a_learner("06-1")
    assert "There is no docker that answers on this machine" in says
    assert "a recording: 2026-11-25, Podman 9.9." in says  # which calls itself docker where it was called so
    assert os.environ["COMPANION_RECORDING"] == str(
        root / "chapters" / "06-test" / "recordings" / "1-test.learner.json"
    )
    first = os.environ["COMPANION_WORK"]
    assert Path(first).parent == root / "work" / "state" / "06"
    replay.install()
    done = subprocess.run(["docker", "ps"], capture_output=True, text=True)
    assert done.returncode == 127
    assert done.stderr == (
        "There is no recorded answer to this line, since its cell, or a file that it reads, is new or was changed. "
        "With an engine it would run; make doctor says what is missing.\n"
    )
    replay.for_a_learner("06-1")
    assert os.environ["COMPANION_WORK"] != first  # each kernel begins to count anew


@pytest.mark.parametrize(
    ("said", "made_by"),
    [
        ("docker version 4.3.1", "Podman 4.3.1"),
        ("Docker version 29.0.1, build eedd969", "Docker version 29.0.1, build eedd969"),
    ],
)
def test_podman_is_told_from_docker(said: str, made_by: str) -> None:
    assert replay._made_by(said) == made_by


@pytest.mark.parametrize("docker", [{}, {"docker": "exit 1"}], ids=["no docker", "one that does not answer"])
def test_where_podman_answers_docker_starts_it(learner: Callable[..., Path], docker: dict[str, str]) -> None:
    learner(podman='echo "podman was asked $*"', **docker)
    assert "podman runs" in replay.for_a_learner("06-1")
    assert "COMPANION_COMMANDS" not in os.environ
    assert subprocess.check_output(["docker", "ps"], text=True) == "podman was asked ps\n"


def test_with_an_engine_or_without_a_recording_nothing_is_changed(learner: Callable[..., Path]) -> None:
    root = learner(docker="exit 0")
    assert replay.for_a_learner("06-1") == replay.for_a_learner("07-1") == ""
    assert not (root / "work").exists()
    assert "COMPANION_COMMANDS" not in os.environ


def test_standard_input_counts_only_where_it_is_asked_for(shell: Shell) -> None:
    shell.start("record")
    assert shell("docker", "apply", "-f", "-", stdin="kind: Pod")[0] == "read: kind: Pod\n"
    shell("docker", "get", "nodes", stdin="not read")
    shell.start("replay")
    assert shell("docker", "apply", "-f", "-", stdin="kind: Pod")[0] == "read: kind: Pod\n"
    assert shell("docker", "apply", "-f", "-", stdin="kind: Job")[2] == 127
    assert shell("docker", "get", "nodes", stdin="something else")[2] == 3


@pytest.mark.parametrize("flag", ["-f", "--filename"])
def test_the_content_of_files_counts_and_the_work_folder_does_not(shell: Shell, flag: str) -> None:
    def apply(text: str) -> int:
        pod = shell.work / "pod.yaml"
        pod.write_text(text + f"\n# from {shell.work}")
        return shell("docker", "apply", flag, str(pod))[2]

    shell.start("record")
    assert apply("kind: Pod") == 3
    assert shell.commands()[0]["command"] == ["docker", "apply", flag, "work/pod.yaml"]
    assert str(shell.folder) not in shell.recording.read_text()
    shell.start("replay")
    assert apply("kind: Pod") == 3
    assert apply("kind: Job") == 127


def test_a_folder_of_files_counts(shell: Shell) -> None:
    (shell.folder / "manifests").mkdir()
    (shell.folder / "manifests" / "pod.yaml").write_text("kind: Pod")
    shell.start("record")("docker", "apply", "--filename=manifests")
    shell.start("replay")
    assert shell("docker", "apply", "--filename=manifests")[2] == 3
    (shell.folder / "manifests" / "job.yaml").write_text("kind: Job")
    assert shell("docker", "apply", "--filename=manifests")[2] == 127


def test_two_commands_at_once_are_both_counted(shell: Shell) -> None:
    shell.start("record")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shell("docker", "get", "nodes"), range(8)))
    assert sorted(known["occurrence"] for known in shell.commands()) == list(range(1, 9))


@pytest.fixture
def notebook_of_commands(
    miniature: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """Build 91-command from its recording, which was made with a real docker; here there is none."""
    monkeypatch.setenv("PATH", str(tools(tmp_path)))
    assert shutil.which("docker") is None
    root = miniature("91-command")
    build.build(build.sittings(root)[0], root)
    return root


@pytest.mark.skipif(sys.platform == "darwin", reason="outputs are not compared there")
def test_a_real_recording_passes_and_each_alteration_fails(notebook_of_commands: Path) -> None:
    root = notebook_of_commands
    notebook = nbformat.read(root / "notebooks" / "91-1-command.ipynb", as_version=4)
    version, failing = (cell.outputs[0].text for cell in notebook.cells[2:])
    assert version.startswith("Docker version ")
    assert failing == "unknown flag: --not-a-flag\nexit code 125\n"

    recorded = build.sittings(root)[0].recording("learner").read_text()

    def under_another_name(number: int, recording: str) -> None:
        folder = root / "chapters" / f"{number}-command"
        shutil.copytree(root / "chapters" / "91-command", folder)
        (folder / "recordings" / "1-command.learner.json").write_text(recording)
        nbformat.write(notebook, root / "notebooks" / f"{number}-1-command.ipynb")

    # The same notebook under other names: with an altered recording, …
    under_another_name(92, recorded.replace("build", "Build"))
    # … with a cell that was changed but asks the same, …
    notebook.cells[2].source = "!docker --version  # and why not"
    under_another_name(93, recorded)
    # … and with a cell that hides what it asks.
    notebook.cells[2].source = "%%capture\n!docker get nodes"
    notebook.cells[2].outputs = []
    under_another_name(94, recorded)

    code, text, failed = run_harness(root)
    assert code == 1, text
    assert failed == {
        "notebooks.91-1-command": set(),
        "solutions.91-1-command": set(),
        "notebooks.92-1-command": {"Cell 1"},
        "notebooks.93-1-command": {"Cell 1", "commands"},
        "notebooks.94-1-command": {"commands"},
    }
    assert 'No recording answers "docker get nodes" in 1-command.learner' in text


def test_a_build_stops_at_a_miss(notebook_of_commands: Path) -> None:
    [sitting] = build.sittings(notebook_of_commands)
    lesson = sitting.lesson
    lesson.write_text(lesson.read_text().replace("docker --version", "docker --version --output=json"))
    with pytest.raises(build.BuildError, match="docker --version --output=json"):
        build.build(sitting, notebook_of_commands)


def test_a_bet_in_a_recorded_cell_is_answered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    own = 'my_bet = None  # "Running" or "Pending"?\n\n!docker get pod'
    cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell(own)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "12-1-test.ipynb")
    monkeypatch.setattr(replay, "repository", lambda: tmp_path)
    monkeypatch.setenv("COMPANION_RECORDING", str(tmp_path / "12-x" / "recordings" / "1-test.learner.json"))
    monkeypatch.setenv("COMPANION_COMMANDS", "lab")
    assert replay.without_bet('my_bet = "Pending"\n\n!docker get pod') == own
    changed = 'my_bet = "Pending"\n\n!docker get pods'
    assert replay.without_bet(changed) == changed
    assert replay.without_bet("x = 1") == "x = 1"
    monkeypatch.setenv("COMPANION_COMMANDS", "replay")
    assert replay.without_bet('my_bet = "Pending"\n\n!docker get pod').startswith('my_bet = "Pending"')
