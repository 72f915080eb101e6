"""The dashboard's command: what it shows, and what it says where it cannot. The server itself is not started here:
its packages are another environment."""

import contextlib
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from companion import zenml_dashboard
from companion.ports import free_port
from companion.zenml_dashboard import DashboardError, newest_state, serve


def a_run(root: Path, number: int, statements: str) -> Path:
    """Make the folder of a run of a notebook, with a database that these SQL statements have filled."""
    state = root / "work" / "state" / "03" / f"run-{number}"
    store = state / "zenml" / "local_stores" / "default_zen_store"
    store.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(store / "zenml.db")) as database:
        database.executescript(statements)
    return state


def test_it_shows_the_newest_folder_in_which_a_pipeline_ran(tmp_path: Path) -> None:
    """Not the one of a notebook that was begun again, nor one whose database is still being made."""
    root = tmp_path / "my course 100% ü"
    table = "create table pipeline_run (id text);"
    a_run(root, 9, table + "insert into pipeline_run values ('an old one');")
    tenth = a_run(root, 10, table + "insert into pipeline_run values ('the evening before');")
    a_run(root, 11, table)
    a_run(root, 12, "")
    (root / "work" / "state" / "03" / "run-13").mkdir()
    assert newest_state(root) == tenth


def test_without_a_run_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zenml_dashboard, "ROOT", tmp_path)
    assert zenml_dashboard.main() == 1
    assert capsys.readouterr().err == (
        "There is nothing to show yet: run a notebook of chapter 03 first (make lab), then start this again.\n"
    )


def test_a_taken_port_is_avoided() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_a_server_that_ends_at_once_is_named_with_its_log(tmp_path: Path) -> None:
    program = tmp_path / "zenml"
    program.write_text("#!/bin/sh\necho no such database\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(DashboardError, match=r"did not come up: the reason is at the end of .*dashboard.log"):
        serve(program, tmp_path, free_port(0))
    assert (tmp_path / "dashboard.log").read_text() == "no such database\n"


def test_ctrl_c_ends_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "zenml"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o755)

    def interrupted(url: str) -> bool:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(zenml_dashboard, "_is_up", interrupted)
    with pytest.raises(KeyboardInterrupt):
        serve(program, tmp_path, free_port(0))
    pid = (tmp_path / "pid").read_text().strip()
    assert subprocess.run(["kill", "-0", pid], capture_output=True).returncode != 0
