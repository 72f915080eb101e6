"""What chapters 14 to 16 add to .venv: once, one at a time, and a sentence where it cannot be. Nothing is fetched."""

import json
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from companion import doctor, environment, scale
from companion.bootstrap import NETWORK, CannotBootstrap
from companion.scale import ScaleError, set_up

LOCK = "duckdb==2.0.0 ; sys_platform != 'win32' \\\n    --hash=sha256:0\nelsewhere==1.0 ; sys_platform == 'win32'\n"


class Installer:
    """In place of uv: keeps what it was asked, and says that all is there from then on."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.environ: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.fails: BaseException | None = None
        self.seconds = 0.0

    def fetch(self, command: list[str], environ: dict[str, str]) -> None:
        self.asked.append(command)
        self.environ = environ
        time.sleep(self.seconds)
        if self.fails:
            raise self.fails
        self.versions["duckdb"] = "2.0.0"


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    made = Installer()
    (tmp_path / "requirements-scale.txt").write_text(LOCK)
    monkeypatch.setattr(scale, "fetch", made.fetch)
    monkeypatch.setattr("companion.packages.installed", lambda name: made.versions.get(name))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return made


def test_it_is_installed_once_and_says_the_same_both_times(
    tmp_path: Path, installer: Installer, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(tmp_path)
    first = capsys.readouterr().out
    set_up(tmp_path)
    assert capsys.readouterr().out == first, "stored outputs are compared"
    assert first.startswith("DuckDB 2.0.0. In .venv from now on; the first time: about ")
    assert first.count("\n") == 1
    (command,) = installer.asked
    assert {"--require-hashes", "--no-deps"} <= set(command)
    assert command[-1] == str(tmp_path / "requirements-scale.txt")


def test_another_version_is_replaced(tmp_path: Path, installer: Installer) -> None:
    installer.versions["duckdb"] = "1.9"
    assert scale.missing(tmp_path) == ["duckdb 1.9"]
    set_up(tmp_path)
    assert scale.missing(tmp_path) == []


def test_two_notebooks_at_once_install_once(tmp_path: Path, installer: Installer) -> None:
    installer.seconds = 0.5
    notebooks = [threading.Thread(target=set_up, args=(tmp_path,)) for _ in range(2)]
    for notebook in notebooks:
        notebook.start()
    for notebook in notebooks:
        notebook.join()
    assert len(installer.asked) == 1
    assert scale.missing(tmp_path) == []


def test_one_that_was_killed_is_made_anew(tmp_path: Path, installer: Installer) -> None:
    installer.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        set_up(tmp_path)
    installer.fails = None
    installer.versions["duckdb"] = "2.0.0"  # as far as it came
    assert scale.missing(tmp_path) == ["a set-up that did not end"]
    set_up(tmp_path)
    assert ["--reinstall" in command for command in installer.asked] == [False, True]
    assert scale.missing(tmp_path) == []


def test_without_a_network_it_is_one_sentence(
    tmp_path: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installer.fails = CannotBootstrap(NETWORK)
    with pytest.raises(ScaleError, match="no connection to the package index") as raised:
        set_up(tmp_path)
    assert raised.value._render_traceback_() == [f"ScaleError: {NETWORK}"]
    monkeypatch.setattr(scale, "set_up", lambda: (_ for _ in ()).throw(raised.value))
    assert scale.main() == 1
    assert capsys.readouterr().err == NETWORK + "\n"


def test_a_full_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ScaleError, match="need 2 GB of disk"):
        set_up(tmp_path)
    assert installer.asked == []


def test_without_its_lock_it_says_how_to_get_it(tmp_path: Path, installer: Installer) -> None:
    (tmp_path / "requirements-scale.txt").unlink()
    with pytest.raises(ScaleError, match=r"git checkout requirements-scale\.txt"):
        scale.missing(tmp_path)


def test_the_proxy_of_a_company_is_used_though_no_tool_sees_it(
    tmp_path: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.delenv(environment.SET_ASIDE, raising=False)
    inside = environment.environment_in(tmp_path)
    assert "HTTPS_PROXY" not in inside
    again = json.loads(inside[environment.SET_ASIDE])
    assert again["HTTPS_PROXY"] == "http://proxy.invalid:3128"
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv(environment.SET_ASIDE, inside[environment.SET_ASIDE])  # as in the lab's kernels
    assert environment.environment_in(tmp_path)[environment.SET_ASIDE] == inside[environment.SET_ASIDE]
    set_up(tmp_path)
    assert installer.environ["HTTPS_PROXY"] == "http://proxy.invalid:3128"


def test_doctor_says_whether_it_is_there(tmp_path: Path, installer: Installer) -> None:
    finding = doctor.check_scale(tmp_path)
    assert not finding.ok
    assert finding.detail == "not there yet: duckdb missing"
    assert finding.fix.startswith("make scale")
    installer.versions["duckdb"] = "2.0.0"
    assert doctor.check_scale(tmp_path).detail == "DuckDB 2.0.0"
    missing = doctor.conclusion({doctor.BOOK: [], doctor.SCALE: [finding]})
    assert missing.startswith("The book runs here")
