"""Each line of `make doctor`, with the condition that turns it."""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from companion import doctor, findings, programs, trial
from companion.cluster import preflight, settings
from companion.findings import Finding

Script = Callable[[str, str], None]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return a function that puts a shell script on a PATH which holds nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)

    return make


@pytest.fixture(params=["Linux", "macOS", "WSL2"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    monkeypatch.setattr(platform, "system", lambda: "Darwin" if name == "macOS" else "Linux")
    release = "5.15-microsoft-standard-WSL2" if name == "WSL2" else "6.1"
    monkeypatch.setattr(platform, "release", lambda: release)
    return name


def test_the_book_runs_where_its_tests_run() -> None:
    book = doctor.examine()["The book"]
    assert [finding for finding in book if not finding.ok and finding.name not in ("disk", "memory")] == []


def test_it_is_plain_where_nobody_looks_and_ends_with_what_to_do() -> None:
    done = subprocess.run([sys.executable, "-m", "companion.doctor"], capture_output=True, text=True)
    assert "\033" not in done.stdout
    assert done.stderr == ""
    assert (done.returncode == 0) == ("The book runs here: make tour" in done.stdout)
    assert "The cluster chapters, 08 to 12 (optional)" in done.stdout


def test_a_lack_has_its_fix_and_fails_the_book_only(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = (
        Finding("disk", True, "fine"),
        Finding("kind", False, "not installed", "Get it."),
    )
    text = findings.report([good, bad])
    assert "OK     disk" in text
    assert "LACKS  kind" in text
    assert "Fix: Get it." in text
    assert doctor.conclusion({"The book": [good], "The cluster": [bad]}).startswith("The book runs here")
    assert doctor.conclusion({"The book": [bad]}) == "The book does not run here yet: see kind."
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[1;31mLACKS" in findings.report([bad])


@pytest.mark.parametrize("ok", [True, False])
def test_the_exit_code_is_that_of_the_book(ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"The book": [Finding("a", ok, "")], "The cluster": [Finding("b", False, "")]}
    monkeypatch.setattr(doctor, "examine", lambda: found)
    assert doctor.main([]) == (0 if ok else 1)


def test_windows_is_sent_to_wsl2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    (finding,) = doctor.examine()["The book"]
    assert not finding.ok
    assert "wsl --install" in finding.fix


def test_the_systems_are_told_apart(system: str) -> None:
    assert findings.system_name() == system
    assert findings.check_system().ok


def test_an_unsuitable_python_lacks(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    finding = doctor.check_python()
    assert not finding.ok
    assert ("brew" if system == "macOS" else "apt") in finding.fix


def test_packages_that_differ_from_the_lock_are_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# made\nrich==0.0.1 ; sys_platform != 'win32' \\\n    --hash=sha256:0\n    # via book\n"
        "no-such-package==1.0\nelsewhere==1.0 ; sys_platform == 'win32'\n"
    )
    finding = doctor.check_lock(tmp_path)
    assert not finding.ok
    assert f"rich {doctor.installed('rich')}, no-such-package missing" in finding.detail
    assert "elsewhere" not in finding.detail


def test_a_missing_lock_lacks(tmp_path: Path) -> None:
    assert "git checkout" in doctor.check_lock(tmp_path).fix


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.TOOLS, "no-such-package", "Nothing")
    finding = doctor.check_tools()
    assert not finding.ok
    assert "Nothing missing" in finding.detail


@pytest.mark.parametrize("name", ["kfp.py", "zenml.py", "airflow.py", "airflow/__init__.py"])
def test_a_file_that_hides_a_tool_is_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    finding = doctor.check_shadows([Path("/"), tmp_path, tmp_path])
    assert not finding.ok
    assert finding.detail.count(str(path)) == 1


def test_it_really_hides_the_tool_and_doctor_still_speaks(tmp_path: Path) -> None:
    (tmp_path / "kfp.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "companion.doctor"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert f"imported in place of the real tool: {tmp_path / 'kfp.py'}" in done.stdout


@pytest.mark.parametrize("name", ["AIRFLOW_CONN_BANK", "ZENML_STORE_URL", "ZENML_SERVER"])
def test_settings_of_another_tool_in_the_shell_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "https://bank.example")
    finding = doctor.check_shell(doctor.ROOT)
    assert finding.ok, "companion.workspace leaves them out"
    assert name in finding.detail
    assert "bank.example" not in finding.detail  # it may be a secret


@pytest.mark.parametrize("place", [".", "clone", "clone/work"])
def test_a_zen_folder_here_or_above_is_found(place: str, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    (root / "work").mkdir(parents=True)
    assert doctor.check_zen_folder(root).ok
    (tmp_path / place / ".zen").mkdir()
    finding = doctor.check_zen_folder(root)
    assert not finding.ok
    assert str((tmp_path / place / ".zen").resolve()) in finding.fix


def test_what_a_killed_airflow_left_is_found(tmp_path: Path) -> None:
    assert doctor.check_left_behind(tmp_path).ok
    code = "import subprocess; print(subprocess.Popen(['sleep', '900'], stdout=subprocess.DEVNULL).pid)"
    guard = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    left = int(guard.communicate()[0])
    services = tmp_path / "work" / "state" / "05" / "run-1" / "airflow" / "services"
    services.mkdir(parents=True)
    try:
        (services / "guard.json").write_text(json.dumps({"guard": guard.pid}))
        finding = doctor.check_left_behind(tmp_path)
        assert not finding.ok
        assert finding.fix == f"kill -9 {left}"
    finally:
        os.kill(left, signal.SIGKILL)
    until = time.monotonic() + 30  # a signal is sent at once, and heeded a moment later
    while not doctor.check_left_behind(tmp_path).ok and time.monotonic() < until:
        time.sleep(0.05)
    assert doctor.check_left_behind(tmp_path).ok


def test_the_disk_of_windows_lacks_and_only_there(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "{}"))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda **_: contextlib.nullcontext("/tmp"))
    finding = doctor.check_folder(Path("/mnt/c/Users/me/book"))
    assert ("SQLite" in finding.detail) == (system == "WSL2")
    assert "SQLite" not in doctor.check_folder(doctor.ROOT).detail


def test_what_the_chapters_do_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder whose name means something to a shell, to Airflow's configuration and to a URL."""
    root = tmp_path / "my course 100% ü's"
    finding = doctor.check_folder(root)
    assert finding.ok, finding.detail
    for name in (*trial.CELLS, *trial.PROGRAMS, "a database"):
        assert name in finding.detail
    assert list((root / "work" / "state").iterdir()) == []


def test_a_program_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        trial, "PROGRAMS", {"Python": ("python", "-c", "print(1, flush=True); raise SystemExit('no name')")}
    )
    assert trial.wait_for(trial.start_programs()) == {"Python": "no name"}
    answers = {"a file": "", "Airflow": "The user has no name"}
    done = subprocess.CompletedProcess([], 0, json.dumps(answers))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    finding = doctor.check_folder(tmp_path)
    assert not finding.ok
    assert finding.detail == "not everything works here. Airflow: The user has no name"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written to: Permission denied" in doctor.check_folder(tmp_path).detail


def test_a_package_on_pythonpath_is_named_and_the_environment_not_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pandas").mkdir()
    (tmp_path / "pandas" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = doctor.check_shadows([])
    assert not finding.ok
    assert str(tmp_path / "pandas" / "__init__.py") in finding.detail
    assert "PYTHONPATH" in finding.fix


def test_disk_and_memory_are_compared_with_what_is_needed(tmp_path: Path, system: str) -> None:
    assert findings.check_disk(tmp_path, 0).ok
    assert findings.check_memory(0).ok
    assert not findings.check_disk(tmp_path, 10**18).ok
    lacking = findings.check_memory(10**18)
    assert not lacking.ok
    assert (".wslconfig" in lacking.fix) == (system == "WSL2")


def test_no_engine_lacks(script: Script, system: str) -> None:
    finding = findings.check_engine()
    assert not finding.ok
    assert finding.detail == "neither docker nor podman"
    assert ("apt" in finding.fix) == (system == "Linux")


def test_an_engine_that_does_not_answer_lacks(script: Script) -> None:
    script("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    finding = findings.check_engine()
    assert not finding.ok
    assert finding.detail == "docker is installed, its engine does not answer"


def test_an_engine_that_hangs_lacks(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    script("docker", "exec /bin/sleep 60")
    monkeypatch.setattr(programs, "PATIENCE", 0.3)
    assert not findings.check_engine().ok


def test_podman_stands_in_for_docker(script: Script) -> None:
    script("docker", "exit 1")
    script("podman", "echo 5.2.0")
    assert findings.check_engine() == Finding("container engine", True, "podman 5.2.0")


def test_commands_of_the_cluster(script: Script, system: str) -> None:
    missing = findings.check_command("kind", ("version",), "See the page.")
    assert not missing.ok
    assert missing.fix == ("brew install kind" if system == "macOS" else "See the page.")
    script("kind", "echo kind v0.32.0")
    assert findings.check_command("kind", ("version",), "").detail == "kind v0.32.0"
    script("kind", "exit 1")
    assert "does not start" in findings.check_command("kind", ("version",), "").detail


def test_doctor_and_preflight_give_one_judgement(
    script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script("kubectl", """echo '{"clientVersion": {"major": "1", "minor": "32", "gitVersion": "v1.32.4"}}'""")
    script("kind", "echo kind v0.1.0")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(settings, "KUBECONFIG", tmp_path / "none")
    assert doctor.examine_cluster()[:-2] == doctor.examine_cluster(made=False)
    found = {finding.name: finding for finding in doctor.examine_cluster()}
    assert found["kubectl"] == preflight.check_kubectl(settings.NODE_IMAGE)
    assert not found["kubectl"].ok
    assert "1.32" in found["kubectl"].detail
    assert not found["kind"].ok
    assert "recorded" in found["processor"].fix
