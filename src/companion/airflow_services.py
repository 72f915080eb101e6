"""A real Airflow of one's own: scheduler, DAG processor and API server, on this machine alone.

``start`` is what to call::

    with start(state / "airflow", state / "dags") as airflow:
        subprocess.run(["airflow", "backfill", "create", …], env=airflow.environment, check=True)

All processes belong to a guard, ``python -m companion.airflow_services``, that leads a session of its own. The
guard ends them when it is told to, when one of them ends by itself, and when the process that called ``start``
is gone, however it went. Should the guard itself be killed, the next ``start`` in the same home finds what it
left behind by the guard's session.
"""

import atexit
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import psutil  # type: ignore[import-untyped]
from filelock import FileLock, Timeout

from companion.causes import AIRFLOW, cause_in
from companion.environment import environment_in
from companion.errors import SentenceError
from companion.ports import free_port, open_here
from flightdelay.files import write_atomically

COMPONENTS = {
    "api-server": ("api-server",),
    # Without its log server, which listens on every network; the task's log is read from the file anyway.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
# As the health endpoint names them, with the time of their last sign of life.
HEALTH = {"scheduler": "latest_scheduler_heartbeat", "dag_processor": "latest_dag_processor_heartbeat"}
CONFIG = Path(__file__).parent / "airflow_config"
READY_WITHIN = 1800  # seconds; half a minute as a rule, three on a machine with much else to do
COMES_WITHIN = 900  # seconds; for what nothing says that it cannot come
GRACE = 5  # seconds to end by themselves; a scheduler would wait for its tasks without end

_started: dict[Path, "Services"] = {}  # by home, what this process has started and not stopped


class AirflowServicesError(SentenceError):
    """Airflow cannot be started, or does not do what it is asked for; the text is one clear sentence."""


class Services:
    """A running Airflow; it stops with ``stop``, at the end of a ``with``, or with this process.

    Attributes
    ----------
    url : str
        Where the user interface and the API answer.
    user, password : str
        What the user interface asks for.
    environment : dict of str to str
        For commands such as ``airflow backfill create``: the whole environment, with this Airflow's settings
        and with its ``airflow`` first on the PATH.
    logs : Path
        The folder with what each process printed.
    """

    def __init__(self, guard: "subprocess.Popen[str]", home: Path, environment: dict[str, str]) -> None:
        self._guard = guard
        self._home = home
        self._dags = Path(environment["AIRFLOW__CORE__DAGS_FOLDER"])
        self.url = environment["AIRFLOW__API__BASE_URL"]
        self.environment = environment
        self.logs = home / "services"
        self.user = "admin"
        passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
        self.password: str = passwords[self.user]
        self._token = ""
        atexit.register(self.stop)

    @property
    def running(self) -> bool:
        """Whether all processes are there."""
        return self._guard.poll() is None

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask Airflow's REST API, as in ``api("dags/flight_delay/dagRuns")``, and return what its JSON says.

        Raises
        ------
        urllib.error.HTTPError
            If Airflow refuses.
        AirflowServicesError
            If it has ended.
        """
        url = f"{self.url}/api/v2/{path}"
        try:
            self._token = self._token or self._log_in()
            try:
                return _ask(url, method, body, self._token)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                self._token = self._log_in()  # the old login has expired, by default after a day
                return _ask(url, method, body, self._token)
        except urllib.error.HTTPError:
            raise
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(3 * GRACE)  # where a part has ended, it is about to end the others
            self._must_run()
            raise

    def wait_until(self, what: Callable[[], Any], awaited: str, patience: float = COMES_WITHIN) -> Any:
        """Ask for something once a second until it is there, and return it.

        Parameters
        ----------
        what : callable
            What gives nothing, or something false, until it is there.
        awaited : str
            What is waited for, as the subject of a sentence.
        patience : float, optional
            After so many seconds the wait ends in any case.

        Raises
        ------
        AirflowServicesError
            If a DAG file cannot be read, if Airflow has ended, or if the time is over.
        """
        until = time.monotonic() + patience
        while True:
            self._must_run()
            if broken := self._broken_files():
                raise AirflowServicesError(f"{awaited} will not come: {broken}.")
            if found := what():
                return found
            if time.monotonic() > until:
                raise AirflowServicesError(
                    f"{awaited} did not come within {patience:.0f} s, and Airflow does not say why: "
                    f"look at {self.url} (user {self.user}, password {self.password}), then run this again."
                )
            time.sleep(1)

    def wait_for_dag(self, name: str) -> None:
        """Wait until Airflow has read a DAG from its file as that is now.

        Raises
        ------
        AirflowServicesError
            As `wait_until`; the sentence then has the reason for which the file cannot be read.
        """

        def read() -> bool:
            try:
                dag = self.api(f"dags/{name}")
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                return False
            file = Path(dag["fileloc"])
            return file.exists() and _moment(dag["last_parsed_time"]) > file.stat().st_mtime

        self.wait_until(read, f"The DAG {name}")

    def _log_in(self) -> str:
        login = {"username": self.user, "password": self.password}
        return str(_ask(f"{self.url}/auth/token", "POST", login)["access_token"])

    def _must_run(self) -> None:
        if not self.running:
            raise AirflowServicesError(
                f"This Airflow has ended ({self.logs} says why): start it again, by the cell that did."
            )

    def _broken_files(self) -> str:
        """Say why DAG files cannot be read, or nothing; what was found before the last change does not count."""
        changed = max((path.stat().st_mtime for path in self._dags.glob("**/*.py")), default=0.0)
        reasons = [
            f"{Path(error['filename']).name} cannot be read ({error['stack_trace'].strip().splitlines()[-1]})"
            for error in self.api("importErrors")["import_errors"]
            if _moment(error["timestamp"]) > changed
        ]
        return " and ".join(reasons)

    def stop(self) -> None:
        """End all processes and wait until they are gone; the second time, do nothing."""
        atexit.unregister(self.stop)
        if _started.get(self._home) is self:
            del _started[self._home]
        _end_guard(self._guard)

    def __enter__(self) -> "Services":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(home: Path, dags: Path, port: int = 0) -> Services:
    """Start an Airflow and wait until it is ready: half a minute on two idle cores.

    Parameters
    ----------
    home : Path
        Where Airflow keeps its database, settings and logs; made where needed, kept afterwards.
    dags : Path
        The folder with the DAG files; a new or changed file is seen after some seconds.
    port : int, optional
        Where to listen on 127.0.0.1; by default, or where it is taken, a free port.

    Returns
    -------
    Services
        The running Airflow: the one that this process has already started in `home`, where there is one.

    Raises
    ------
    AirflowServicesError
        If another process, or this one with another folder of DAGs, runs an Airflow in `home`, or if it does
        not come up.
    """
    home, dags = home.resolve(), dags.resolve()
    if (mine := _started.get(home)) and mine.running:
        if mine.environment["AIRFLOW__CORE__DAGS_FOLDER"] == str(dags):
            return mine
        raise AirflowServicesError(
            f"You have started an Airflow in {home} with the DAGs of "
            f"{mine.environment['AIRFLOW__CORE__DAGS_FOLDER']}: stop that one first."
        )
    if not dags.is_dir():
        raise AirflowServicesError(f"There is no folder {dags} for the DAG files: make it first.")
    try:
        (home / "services").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AirflowServicesError(
            f"Airflow cannot keep its state in {home} ({error.strerror}): make room, or make the folder writable."
        ) from error
    environment = environment_of(home, dags, free_port(port))
    _started[home] = Services(_start_guard(home, environment), home, environment)
    return _started[home]


def _start_guard(home: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """Start a guard and wait until it says that its Airflow is ready."""
    log_file = home / "services" / "guard.log"
    with log_file.open("a") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "companion.airflow_services", str(home), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            cwd=home,
            start_new_session=True,
        )
    assert guard.stdout is not None
    try:
        said = guard.stdout.readline().strip()
    except BaseException:  # Ctrl-C while it starts
        _end_guard(guard)
        raise
    if said != "ready":
        _end_guard(guard)
        raise AirflowServicesError(said or _sentence("its guard ended", log_file))
    return guard


def _ask(url: str, method: str, body: Any, token: str = "") -> Any:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, content, headers, method=method)
    with open_here(request, READY_WITHIN) as response:
        return json.load(response)


def _moment(written: str | None) -> float:
    """Read a moment of Airflow's API, in seconds as files have them; no moment is before all files."""
    return datetime.fromisoformat(written).timestamp() if written else 0.0


def environment_of(home: Path, dags: Path, port: int) -> dict[str, str]:
    """Return the whole environment of an Airflow in `home`, without what the user's shell says of another one."""
    url = f"http://127.0.0.1:{port}"
    mine = environment_in(home.parent)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # On a busy machine a writer may wait longer for another one than SQLite's 5 s; see also the file
        # airflow_local_settings.py in CONFIG.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        # Where tasks report to: without these two they would look for port 8080.
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        # On a busy machine the API server may take longer to answer a task than the default 5 s.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # The default asks the network for this machine's full name, which can take seconds.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # A new DAG file is seen in seconds, not after five minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
        # macOS ends a process that forks after it has used Objective-C, as every task does.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        "PYTHONPATH": str(CONFIG),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), mine.get("PATH", os.defpath)]),
        # Warnings of Airflow's own libraries, which a learner can do nothing about.
        "PYTHONWARNINGS": "ignore",
    }
    return mine | settings


def _sentence(what: str, log: Path) -> str:
    """Say in one sentence what happened, why as far as the log tells, and where to read on."""
    text = log.read_text(errors="replace") if log.exists() else ""
    why = cause_in(text, AIRFLOW)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    why = why or (f"the last it said was: {lines[-1][:200]}" if lines else "it said nothing")
    return f"Airflow did not start: {what}; {why} (all of it is in {log})."


def _end_guard(guard: "subprocess.Popen[str]") -> None:
    """Let a guard end its processes, and do it here if it cannot."""
    guard.terminate()
    try:
        guard.wait(3 * GRACE)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()
    _kill_all(guard.pid)
    if guard.stdout:
        guard.stdout.close()


def left_behind(home: Path) -> list[int]:
    """List the processes of an Airflow in `home` whose guard was killed; the next ``start`` there ends them."""
    record = home / "services" / "guard.json"
    before = json.loads(record.read_text()) if record.exists() else None
    if before is None or psutil.pid_exists(before["guard"]):
        return []
    return sorted(process.pid for process in _belonging_to(before["guard"]))


def _belonging_to(leader: int) -> list[psutil.Process]:
    """List the processes of a session except its leader, and their children in sessions of their own.

    A session keeps its number when the leader is gone; a process id alone would tell nothing then.
    """
    found: set[psutil.Process] = set()
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                process = psutil.Process(pid)
                found |= {process, *process.children(recursive=True)}
        except (OSError, psutil.Error):  # gone meanwhile, or somebody else's
            continue
    return [process for process in found if process.pid != leader and _alive(process.pid)]


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_all(leader: int) -> None:
    """Kill what belongs to a session until nothing does: a process may start another at the last moment."""
    until = time.monotonic() + GRACE
    while (processes := _belonging_to(leader)) and time.monotonic() < until:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=1)


class Guard:
    """The process that starts the parts of Airflow, watches them and ends them."""

    def __init__(self, home: Path, caller: int) -> None:
        self.home = home
        self.caller = caller
        self.logs = home / "services"
        self.record = self.logs / "guard.json"
        self.lock = FileLock(self.logs / ".lock")
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.told_to_stop = False

    def run(self) -> None:
        """Start Airflow, say so in one line, and watch until it has to end."""
        signal.signal(signal.SIGTERM, self._stop)
        try:
            self._take_home()
            self._start()
            print("ready", flush=True)
            while not self._unwanted() and not self._ended():
                time.sleep(0.3)
        except AirflowServicesError as error:
            print(error, flush=True)
        finally:
            self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.told_to_stop = True

    def _unwanted(self) -> bool:
        return self.told_to_stop or os.getppid() != self.caller

    def _ended(self) -> list[str]:
        return [name for name, part in self.parts.items() if part.poll() is not None]

    def _take_home(self) -> None:
        """Take the lock of the home, which the system frees when this process ends, and clear what is left."""
        before: dict[str, Any] = json.loads(self.record.read_text()) if self.record.exists() else {}
        # Whoever started the other one is gone: so it is about to end.
        patience = 0 if not before or _alive(before["caller"]) else 60
        try:
            self.lock.acquire(timeout=patience)
        except Timeout:
            raise AirflowServicesError(
                f"An Airflow is already running in {self.home}, at {before.get('url', 'an unknown address')}: "
                f"use that one, or stop it first (it belongs to process {before.get('caller', '?')})."
            ) from None
        if before and not _is_another(before):
            _kill_all(before["guard"])
        me = psutil.Process()
        url = os.environ["AIRFLOW__API__BASE_URL"]
        record = {"guard": me.pid, "created": me.create_time(), "caller": self.caller, "url": url}
        write_atomically(self.record, json.dumps(record).encode())

    def _start(self) -> None:
        """Make the database, start the parts and wait for their first signs of life."""
        began = datetime.now(UTC)
        self._launch("migrate", "db", "migrate")
        self._wait(began, lambda: bool(self._ended()))
        if self.parts.pop("migrate").returncode != 0:
            raise AirflowServicesError(_sentence("its database could not be made", self.logs / "migrate.log"))
        # Readers and the writer no longer lock each other out; it stays so in the file.
        with contextlib.closing(sqlite3.connect(self.home / "airflow.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")
        for name, command in COMPONENTS.items():
            self._launch(name, *command)
        self._wait(began, lambda: bool(self._ended()) or self._healthy(began))
        for name in self._ended():
            raise AirflowServicesError(_sentence(f"its {name} ended", self.logs / f"{name}.log"))

    def _wait(self, began: datetime, done: Callable[[], bool]) -> None:
        while not done():
            if self._unwanted():
                raise AirflowServicesError("Airflow was stopped while it started.")
            if (datetime.now(UTC) - began).total_seconds() > READY_WITHIN:
                raise AirflowServicesError(
                    f"Airflow did not start within {READY_WITHIN} s: the machine may be too busy or short of "
                    f"memory; close other programs and start again (what it said is in {self.logs})."
                )
            time.sleep(0.3)

    def _launch(self, name: str, *command: str) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self.parts[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _healthy(self, since: datetime) -> bool:
        """Whether every part has given a sign of life since then: an earlier Airflow's do not count."""
        url = os.environ["AIRFLOW__API__BASE_URL"] + "/api/v2/monitor/health"
        try:
            with open_here(url, 5) as response:
                health = json.load(response)
        except (OSError, ValueError):
            return False
        seen = [health[part][when] for part, when in HEALTH.items()]
        return all(when and datetime.fromisoformat(when) >= since for when in seen)

    def _end(self) -> None:
        """Ask the parts to end, and kill what is left of them and of their tasks after a while."""
        for part in self.parts.values():
            part.terminate()
        until = time.monotonic() + GRACE
        while len(self._ended()) < len(self.parts) and time.monotonic() < until:
            time.sleep(0.1)
        _kill_all(os.getpid())


def _is_another(record: dict[str, Any]) -> bool:
    """Whether the number of that guard now belongs to another process."""
    try:
        return bool(psutil.Process(record["guard"]).create_time() != record["created"])
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    Guard(Path(sys.argv[1]), int(sys.argv[2])).run()
