"""A real Airflow comes up, does its work on this machine alone, and goes with everything that it started."""

import configparser
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import psutil
import pytest

from companion import airflow_services, airflow_ui, causes
from companion.airflow_services import AirflowServicesError, Services, start

DAG = """
import subprocess
from airflow.sdk import CronDataIntervalTimetable, dag, task
from pendulum import datetime

@task
def note(data_interval_start=None):
    # Longer than the test, and in a session of its own, as Airflow's bash tasks are.
    subprocess.Popen(["sleep", "900"], start_new_session=True)
    with open(__file__ + ".txt", "a") as file:
        file.write(f"{data_interval_start:%Y-%m}\\n")
    subprocess.run(["sleep", "900"])

@dag(schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"), start_date=datetime(2013, 2, 1),
     end_date=datetime(2013, 12, 1), catchup=False, is_paused_upon_creation=False)
def noting():
    note()

noting()
"""

START = """
import sys
from pathlib import Path
from companion.airflow_services import start
start(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def wait_for(what: Callable[[], object], seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[psutil.Process]:
    """What a killed guard leaves: its record, and a process of its session that no parent knows any more."""
    code = "import subprocess; print(subprocess.Popen(['sleep', '900'], stdout=subprocess.DEVNULL).pid)"
    guard = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    created = psutil.Process(guard.pid).create_time()
    left = psutil.Process(int(guard.communicate()[0]))
    record = {"guard": guard.pid, "created": created, "caller": guard.pid, "url": ""}
    (tmp_path / "airflow" / "services").mkdir(parents=True)
    (tmp_path / "airflow" / "services" / "guard.json").write_text(json.dumps(record))
    yield left
    if alive([left]):
        left.kill()


def status_of_login(airflow: Services, password: str) -> int:
    body = json.dumps({"username": airflow.user, "password": password}).encode()
    request = urllib.request.Request(f"{airflow.url}/auth/token", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def status_of(airflow: Services, path: str, token: str) -> int:
    request = urllib.request.Request(
        f"{airflow.url}/api/v2/{path}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def expired(airflow: Services) -> str:
    """Return the login of `airflow` as Airflow would have made it two days ago."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(Path(airflow.environment["AIRFLOW_HOME"]) / "airflow.cfg")
    secret = settings["api_auth"]["jwt_secret"]
    algorithm = jwt.get_unverified_header(airflow._token)["alg"]
    claims = jwt.decode(airflow._token, options={"verify_signature": False})
    claims |= {name: claims[name] - 2 * 24 * 3600 for name in ("exp", "iat", "nbf") if name in claims}
    return jwt.encode(claims, secret, algorithm)


# One test, since tests are shared out among processes and a start is what takes long.
def test_a_real_airflow_from_start_to_stop(
    tmp_path: Path, taken: int, orphan: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    dags.mkdir()
    with monkeypatch.context() as shell:  # what a data scientist's shell may say of the company's Airflow
        shell.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://nobody@nowhere.invalid/airflow")
        shell.setenv("AIRFLOW_HOME", "/nowhere")
        shell.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        airflow = start(home, dags, taken)
    with airflow:
        # What a killed one left is gone, and a port that is taken was avoided.
        assert alive([orphan]) == []
        assert not airflow.url.endswith((f":{taken}", ":8080"))

        # It is on this machine alone and asks for its password.
        guard = json.loads((airflow.logs / "guard.json").read_text())["guard"]
        listening = [
            connection.laddr.ip
            for process in descendants(guard)
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}
        assert status_of_login(airflow, airflow.password) == 201
        assert status_of_login(airflow, "wrong") == 401

        # Asked for again by the same process it is given back; another process is refused in one sentence.
        assert start(home, dags) is airflow
        with pytest.raises(
            AirflowServicesError, match=f"You have started an Airflow in {home} with the DAGs of"
        ):
            start(home, tmp_path)
        another = subprocess.run(
            [sys.executable, "-c", START, str(home), str(dags)], capture_output=True, text=True, timeout=300
        )
        assert f"An Airflow is already running in {home}, at {airflow.url}: use that" in another.stderr
        assert f"(it belongs to process {os.getpid()})" in another.stderr
        assert airflow.running

        # A file that cannot be read is said with its reason; once it is mended, its DAG comes.
        (dags / "noting.py").write_text("import pandulum\n" + DAG)
        with pytest.raises(AirflowServicesError) as caught:
            airflow.wait_for_dag("noting")
        assert str(caught.value) == (
            "The DAG noting will not come: noting.py cannot be read (ModuleNotFoundError: No module named 'pandulum')."
        )
        (dags / "noting.py").write_text(DAG)
        airflow.wait_for_dag("noting")
        # An old version is not taken for the new one.
        (dags / "noting.py").write_text(DAG.replace("2013, 12, 1", "2013, 11, 1"))
        airflow.wait_for_dag("noting")
        assert airflow.api("dags/noting/details")["end_date"].startswith("2013-11-01")
        with pytest.raises(AirflowServicesError, match="The DAG none did not come within 3 s, and"):
            airflow.wait_until(lambda: None, "The DAG none", patience=3)

        # A login that has expired is renewed; what does not exist does not come into being by that.
        airflow._token = expired(airflow)
        assert status_of(airflow, "dags/noting", airflow._token) == 401
        assert airflow.api("dags/noting")["dag_id"] == "noting"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            airflow.api("dags/nothing")

        # The real command backfills it.
        asked = ["--dag-id", "noting", "--from-date", "2013-03-01", "--to-date", "2013-03-01"]
        subprocess.run(["airflow", "backfill", "create", *asked], env=airflow.environment, check=True)
        noted = dags / "noting.py.txt"
        wait_for(lambda: noted.exists() and noted.read_text() == "2013-03\n")

        # It takes a running task and what that has started along.
        wait_for(lambda: len([p for p in descendants(guard) if p.name() == "sleep"]) == 2)
        processes = [psutil.Process(guard), *descendants(guard)]
        airflow.stop()
        assert alive(processes) == []
        assert not airflow.running
        for ask in (lambda: airflow.api("dags"), lambda: airflow.wait_for_dag("noting")):
            with pytest.raises(AirflowServicesError, match="This Airflow has ended"):
                ask()


def in_a_process(folder: Path) -> subprocess.Popen[str]:
    """Start `make airflow` for the DAGs and the state of `folder`, and wait until its parts are there."""
    (folder / "dags").mkdir()
    code = (
        "import sys; from pathlib import Path; from companion import airflow_ui as ui\n"
        f"ui.repository = lambda: Path({str(folder)!r})\nsys.exit(ui.main())"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(lambda: any("scheduler" in " ".join(p.cmdline()) for p in alive(descendants(caller.pid))))
    return caller


def test_it_goes_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    caller = in_a_process(tmp_path)
    processes = descendants(caller.pid)
    assert len(processes) >= 4
    caller.kill()
    caller.communicate(timeout=60)
    wait_for(lambda: alive(processes) == [], seconds=30)


def test_make_airflow_can_be_stopped_at_any_time(tmp_path: Path) -> None:
    caller = in_a_process(tmp_path)
    processes = descendants(caller.pid)
    caller.send_signal(signal.SIGTERM)
    said = caller.communicate(timeout=60)[0]
    assert caller.returncode == 0
    assert said.endswith("Stopped before it was ready.\n")
    assert alive(processes) == []


def test_a_database_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "airflow.db").write_text("This is not a database, whatever its name says. " * 100)
    with pytest.raises(AirflowServicesError) as caught:
        start(tmp_path, tmp_path)
    assert "Airflow did not start: its database could not be made; the last it said" in str(caught.value)
    assert str(tmp_path / "services" / "migrate.log") in str(caught.value)


@pytest.mark.parametrize("words", causes.AIRFLOW)
def test_a_known_cause_is_named(words: str, tmp_path: Path) -> None:
    log = tmp_path / "scheduler.log"
    log.write_text(f"Traceback\nSomeError: {words.upper()}\nand more\n")
    sentence = airflow_services._sentence("its scheduler ended", log)
    assert sentence == (
        f"Airflow did not start: its scheduler ended; {causes.AIRFLOW[words]} (all of it is in {log})."
    )


def test_what_make_airflow_cannot_do_it_says_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(airflow_ui, "repository", lambda: tmp_path)
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path / "work"))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert airflow_ui.main() == 1
        assert capsys.readouterr().err == (
            f"airflow: There is no folder {tmp_path / 'dags'} for the DAG files: make it first.\n"
        )
        (tmp_path / "dags").mkdir()
        (tmp_path / "work").write_text("a file where the folder belongs")
        assert airflow_ui.main() == 1
        assert "airflow: Airflow cannot keep its state in" in capsys.readouterr().err
    finally:
        signal.signal(signal.SIGTERM, before)
