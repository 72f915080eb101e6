"""Run a learner's DAG file with the real ``dag.test()``, many of them in one process of its own.

Airflow takes a quarter of a minute to import and to make its database, so the process is started once and then
given one file after another: ``try_out`` is what a check calls. The kernel of the notebook stays as it is.
"""

import atexit
import builtins
import contextlib
import functools
import inspect
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest import mock

from companion.check.verdict import KILLED, NoVerdict, too_long
from companion.workspace import environment_in, repository

MINUTES = 10  # for one file; then there is no verdict, since it may be the machine that takes long
TOO_LATE = signal.SIGVTALRM  # what ends the process then; nobody else sends it
SLEEPS = 10_000  # no sleep takes time here; a file that has slept so often waits for what never comes


def try_out(text: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Read a DAG file as Airflow does, run its DAG some times and say what happened.

    Parameters
    ----------
    text : str
        The DAG file.
    runs : sequence of dict
        For each run ``conf``, its parameters, ``service``, the orders to the weather service by airport, and
        ``hand_on``, by task the number of an earlier run: it returns what it returned there, and does nothing
        else; the current folder is then another one. The parameter ``folder`` is added: a folder that is new for
        each file.

    Returns
    -------
    dict
        ``error`` (why the file cannot be read, or ""), ``dags``, ``imports`` and ``data_read`` (at parse time),
        ``tasks`` (settings by name) and ``runs``: for each run ``state``, ``instances``, ``xcom`` (name, length and
        value), ``files`` (of the folder), ``written`` (names that were opened for writing, moved to from another
        folder, or got other content in place), ``reasons``, ``globals`` (names outside their functions that tasks
        changed), ``moved`` (whether a task changed the current folder), ``folder``, ``sleeps`` and ``waits``: for
        each task the seconds that Airflow would wait after each try, on average. Or only ``error``, where the file
        stopped the process or waits without end.

    Raises
    ------
    NoVerdict
        If the file takes very long, or if the process was killed from outside.
    """
    process, end = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"text": text, "runs": [dict(run) for run in runs]}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    except BaseException:  # Ctrl-C: the answer to this file would be taken for that to the next one
        end()
        raise
    if answer:
        return dict(json.loads(answer))
    status = process.wait()
    end()
    if status == -TOO_LATE:
        raise NoVerdict(too_long(MINUTES * 60))
    if status == -signal.SIGKILL:
        raise NoVerdict(KILLED)
    return {"error": "it ends the process that runs it"}


@functools.cache
def _process() -> "tuple[subprocess.Popen[str], Callable[[], None]]":
    """Start the process; give it and the function that ends it with all that it has started."""
    folder = tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)
    quiet = {"AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-m", "companion.check.dags"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder.name,
        env=environment_in(Path(folder.name)) | quiet,
        start_new_session=True,
    )

    def end() -> None:
        _process.cache_clear()
        atexit.unregister(end)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        folder.cleanup()

    atexit.register(end)
    return process, end


class Limits:
    """Ends this process, and what it has started, when its parent is gone or a file takes too long.

    A thread, since Airflow uses the system's alarm for limits of its own and then clears it.
    """

    def __init__(self) -> None:
        self.parent = os.getppid()
        self._sleep = time.sleep  # before it is replaced
        self.start_anew()
        threading.Thread(target=self._watch, daemon=True).start()

    def start_anew(self) -> None:
        """Begin the time that a run may take afresh."""
        self.ends = time.monotonic() + MINUTES * 60

    def _watch(self) -> None:
        while os.getppid() == self.parent and time.monotonic() < self.ends:
            self._sleep(0.5)
        os.killpg(0, TOO_LATE if os.getppid() == self.parent else signal.SIGKILL)


class Endless(BaseException):
    """The learner's file waits for what never comes."""


class _Watch:
    """What the learner's file imports, reads and sleeps while it is watched."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.parsing = False
        self.imports: list[str] = []
        self.data_read: list[str] = []
        self.sleeps = 0
        self.endless = False
        self.written: set[str] = set()
        self.waits: dict[tuple[str, int, int], float] = {}
        self.airflows_own: Any = None  # TaskInstance.next_retry_datetime
        self.read_back: Any = None  # the DAG, as a scheduler reads it from the database
        self._import = builtins.__import__
        data = str(repository() / "data") + os.sep

        def hook(event: str, given: tuple[Any, ...]) -> None:
            if event == "shutil.move":  # from another folder it is perhaps a copy: a disk may lie in between
                source, target = (os.path.abspath(os.fsdecode(name)) for name in given)
                if os.path.isdir(target):
                    target = os.path.join(target, os.path.basename(source))
                if os.path.commonpath([source, os.path.dirname(target)]) != os.path.dirname(target):
                    self.written.add(target)
            if event != "open" or isinstance(given[0], int):
                return
            name = os.path.abspath(os.fsdecode(given[0]))
            if self.parsing and name.startswith(data):
                self.data_read.append(Path(name).name)
            if given[2] & (os.O_WRONLY | os.O_RDWR):
                self.written.add(name)

        sys.addaudithook(hook)

    def imported(self, name: str, globals: Any = None, *rest: Any, **named: Any) -> Any:
        if self.parsing and (globals or {}).get("__file__") == self.path:
            self.imports.append(name)
        return self._import(name, globals, *rest, **named)

    def sleep(self, seconds: float) -> None:
        frame: FrameType | None = sys._getframe(1)
        self.sleeps += bool(frame and frame.f_code.co_filename == self.path)
        if self.sleeps > SLEEPS:
            self.endless = True
            raise Endless

    def retry_at(self, instance: Any) -> Any:
        """Note how long Airflow would wait after this try, on average, and let the next one begin at once.

        Airflow spreads the waits by the run's date; the average over many dates does not depend on today's.
        """
        asked = {"task": self.read_back.get_task(instance.task_id), "log": instance.log}
        for name in ("retry_delay_override", "end_date", "try_number", "dag_id", "task_id"):
            asked[name] = getattr(instance, name)
        waits = [
            self.airflows_own(SimpleNamespace(**asked, logical_date=date)) - instance.end_date
            for date in range(500)
        ]
        key = (instance.task_id, instance.map_index, instance.try_number)
        self.waits[key] = sum(wait.total_seconds() for wait in waits) / len(waits)
        return instance.end_date

    @contextlib.contextmanager
    def parse(self) -> Iterator[None]:
        self.imports.clear()
        self.data_read.clear()
        self.parsing = True
        with mock.patch("builtins.__import__", self.imported):
            yield
        self.parsing = False


def _serve() -> None:
    """Answer the files that come line by line, until the parent is gone."""
    limits = Limits()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.db import upgradedb

    upgradedb()
    home = Path(os.environ["AIRFLOW_HOME"])
    (home / "dags").mkdir()
    watch = _Watch(home / "dags" / "exercise.py")
    # No retry waits, however long the learner lets it wait: the waits are computed, not sat through.
    watch.airflows_own = TaskInstance.next_retry_datetime
    now = mock.patch.object(TaskInstance, "next_retry_datetime", lambda self: watch.retry_at(self))
    for number, line in enumerate(sys.stdin):
        limits.start_anew()
        watch.sleeps, watch.endless = 0, False
        with now, mock.patch.object(time, "sleep", watch.sleep), contextlib.suppress(Endless):
            answer = _answer(json.loads(line), watch, home / f"folder-{number}")
        if watch.endless:
            answer = {"error": "it does not come to an end: it sleeps again and again"}
        limits.ends = float("inf")  # until the next file
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(job: dict[str, Any], watch: _Watch, folder: Path) -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    folder.mkdir()
    path = Path(watch.path)
    path.write_text(job["text"])
    with watch.parse():
        bag = DagBag(path.parent)
    error = next(iter(bag.import_errors.values()), "")
    found: dict[str, Any] = {"error": error.strip().split("\n")[-1], "dags": sorted(bag.dags)}
    found |= {"imports": list(watch.imports), "data_read": list(watch.data_read), "runs": []}
    if error or len(bag.dags) != 1:
        return found
    [dag] = bag.dags.values()
    found["tasks"] = {task.task_id: _settings(task) for task in dag.tasks}
    watch.read_back = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    returned: list[dict[str, Any]] = []  # by run and task
    for run in job["runs"]:
        with _handing_on(dag, run.get("hand_on", {}), returned):
            found["runs"].append(_run(dag, run, watch, folder))
    return found


def _settings(task: Any) -> dict[str, Any]:
    return {
        "retries": task.retries,
        "delay": task.retry_delay.total_seconds(),
        "backoff": float(task.retry_exponential_backoff),
        "mapped": bool(task.is_mapped),
        "trigger_rule": str(task.trigger_rule),
        "upstream": sorted(task.upstream_task_ids),
    }


@contextlib.contextmanager
def _handing_on(dag: Any, again: dict[str, int], returned: list[dict[str, Any]]) -> Iterator[None]:
    """Keep what each task returns in this run, and let those of `again` return what they did in an earlier one."""
    returned.append({})
    own = {task.task_id: task.python_callable for task in dag.tasks if hasattr(task, "python_callable")}

    def wrap(name: str, call: Any) -> Any:
        @functools.wraps(call)  # Airflow looks at the signature
        def kept(*given: Any, **named: Any) -> Any:
            value = returned[again[name]].get(name) if name in again else call(*given, **named)
            returned[-1][name] = value
            return value

        return kept

    for name, call in own.items():
        dag.get_task(name).python_callable = wrap(name, call)
    yield
    for name, call in own.items():
        dag.get_task(name).python_callable = call


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return for each file of the folder which one it is and when it was written to."""
    found = {str(path): path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def _run(dag: Any, run: dict[str, Any], watch: _Watch, folder: Path) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from chapter_04.weather_service import misbehave

    for origin in ("EWR", "JFK", "LGA"):
        misbehave(origin, **run.get("service", {}).get(origin, {}))
    before, watch.sleeps = _fingerprint(_globals_of(dag)), 0
    watch.written.clear()
    watch.waits.clear()
    home, contents = os.getcwd(), _contents(folder)
    if "hand_on" in run:  # as in a process of its own
        os.chdir(tempfile.mkdtemp(dir=folder.parent))
    here = os.getcwd()
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        ran = dag.test(run_conf={**run["conf"], "folder": str(folder)})
    moved = os.getcwd() != here
    os.chdir(home)
    for name, (number, time_written) in _contents(folder).items():
        if name in contents and contents[name][0] == number and contents[name][1] != time_written:
            watch.written.add(name)  # the same file with other content: a program of its own may have done it
    waits: dict[str, list[float]] = {}
    for (task_id, _, _), seconds in sorted(watch.waits.items()):
        waits.setdefault(task_id, []).append(seconds)
    with create_session() as session:
        rows = session.scalars(select(XComModel).where(XComModel.run_id == ran.run_id)).all()
        xcom = [[row.task_id, len(str(row.value)), str(row.value)[:300]] for row in rows]
    return {
        "state": str(ran.state),
        "instances": [
            [each.task_id, each.map_index, str(each.state), each.try_number]
            for each in ran.get_task_instances()
        ],
        "xcom": xcom,
        "files": {
            str(path.relative_to(folder)): path.read_text(errors="replace")
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
        "reasons": [
            line for line in log.getvalue().splitlines() if "Error: " in line or "Exception: " in line
        ],
        "globals": sorted(
            name for name, mark in _fingerprint(_globals_of(dag)).items() if before.get(name) != mark
        ),
        "moved": moved,
        "folder": str(folder),
        "sleeps": watch.sleeps,
        "waits": waits,
        "written": sorted(watch.written),
    }


def _globals_of(dag: Any) -> dict[str, Any]:
    """Return what the tasks' functions share: what one leaves there, another process never sees."""
    shared: dict[str, Any] = {}
    for task in dag.tasks:
        function = getattr(task, "python_callable", None) or getattr(task, "partial_kwargs", {}).get(
            "python_callable"
        )
        if function is not None:
            own = inspect.unwrap(function)  # below the wrapper of `_handing_on`
            shared |= getattr(own, "__globals__", {})
            with contextlib.suppress(TypeError, ValueError):  # no function, or a name that got no value
                shared |= inspect.getclosurevars(own).nonlocals
    return shared


def _fingerprint(space: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (id(value), len(value) if isinstance(value, list | dict | set) else 0)
        for name, value in space.items()
        if not name.startswith("__")
    }


if __name__ == "__main__":
    _serve()
