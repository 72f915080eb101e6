"""Run a learner's step in processes of its own: undisturbed, watched by a reader, and killed at every write.

`trials` is called in a fresh process (exercise 2.4). Each run of the step is a fork of it, so that a kill is real
and costs little. Where a run can be killed is found out by one that is not: `Points` notes the folder at each line
of the learner's code and before each call that opens, renames or removes a file or starts a program. What it notes
is what a kill at that point leaves. Where the folder then changes, further runs are killed by the system as soon as
a file grows beyond a part of its size. This reaches every write, also that of a copy, of a library in C or of a
program like cp, which inherits the limit. Nothing depends on time.
"""

import csv
import datetime
import gc
import io
import json
import os
import resource
import shutil
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import cloudpickle
import pandas as pd

MONTH = "2013-09"
AT_WORK = "one more run's first half"  # in the neighbour of another month
# Name and content of each file of a folder.
Files = dict[str, str]
Action = Callable[[], None]

# What Python says before it happens, so that a run can be killed before it.
FILE_EVENTS = {"os.rename", "os.remove", "os.link", "os.symlink", "os.truncate", "os.mkdir"}
PROGRAM_EVENTS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec"}
# Code below these folders is not the learner's.
LIBRARIES = (
    *{os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    str(Path(__file__).resolve().parents[2]),
    "<frozen",
)
# A loop changes the folder often; so many of its changes are enough, spread over the run.
MOST_CHANGES = 12
# Seconds of work, and of waiting, after which a run counts as endless. A right answer takes a hundredth.
MOST_WORK, MOST_WAITING = 60, 600


def predictions(correction: float = 0.0) -> pd.DataFrame:
    """Make 400 predictions; a correction changes each."""
    rows = range(400)
    return pd.DataFrame(
        {
            "carrier": [("AA", "B6", "DL", "UA")[row % 4] for row in rows],
            # In no order, and with a fourth decimal that is rounded up or down.
            "flight": [100 + row * 39 % 400 for row in rows],
            "probability": [(row * 37 % 900) / 1000 + (0.0002, 0.0007)[row % 2] + correction for row in rows],
        }
    )


def files(folder: Path) -> Files:
    """Return name and text of each file below the folder; a lock is not a result.

    In a CSV file neither the kind of line ends nor quotes count, nor whether the last line has an end.
    """
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(folder)): plain_text(path.read_bytes(), path.suffix) for path in found}


def plain_text(content: bytes, suffix: str = ".csv") -> str:
    """Return the text of a file, that of a CSV file as plain as it can be written."""
    text = content.decode(errors="replace")
    if suffix != ".csv":
        return text
    try:
        return "\n".join(",".join(row) for row in csv.reader(io.StringIO(text)) if row)
    except csv.Error:
        return text


class Points:
    """Note the folder at each point of a run at which it may be killed, or set a limit at one of them.

    Parameters
    ----------
    folder
        What to note.
    at, limit
        The number of the point, from 0, and what to do there. Then nothing is noted.
    """

    def __init__(self, folder: Path, at: int = -1, limit: Action | None = None) -> None:
        self.folder, self.at, self.limit = folder, at, limit
        self.number = -1
        self.noted: list[Files] = []
        self.busy = False

    def start(self, lines: bool = True) -> None:
        """Begin to count: the calls, and the lines of the learner's code."""
        sys.addaudithook(self._audit)
        if lines:
            sys.settrace(self._trace)

    def _reach(self) -> None:
        if self.busy:
            return
        self.busy = True
        self.number += 1
        if self.limit is None:
            self.noted.append(files(self.folder))
        elif self.number == self.at:
            self.limit()
        self.busy = False

    def _audit(self, event: str, given: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS | PROGRAM_EVENTS or (event == "open" and _writes(given)):
            self._reach()

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "call" and frame.f_code.co_filename.startswith(LIBRARIES):
            return None
        if event == "line":
            self._reach()
        return self._trace


def _spread(many: list[int]) -> list[int]:
    """Return the first, the last, and some between them."""
    last = len(many) - 1
    return (
        [many[each * last // (MOST_CHANGES - 1)] for each in range(MOST_CHANGES)]
        if last >= MOST_CHANGES
        else many
    )


def _writes(given: tuple[Any, ...]) -> bool:
    """Say whether the arguments of an audit event "open" are those of a write."""
    return bool((given[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or any(
        letter in (given[1] or "") for letter in "wax+"
    )


def _watch(path: Path, seen: list[str | None]) -> None:
    """Let this process look at a file after each call of a function, as a reader would: whole, a part or gone."""
    last: list[Any] = ["never looked"]

    def look(*_: Any) -> None:
        try:
            state = os.stat(path)
            now = (state.st_ino, state.st_size, state.st_mtime_ns)
            if now == last[0]:
                return
            content = plain_text(path.read_bytes())
        except FileNotFoundError:
            now, content = None, None
        last[0] = now
        if content not in seen:
            seen.append(content)

    sys.setprofile(look)


def die_beyond(size: int) -> Action:
    """Let the system kill this process, or a program that it starts, when a file grows beyond `size` bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def _another_day() -> None:
    """Move this process's clock to 2031, as far as Python code can see."""

    class Date(datetime.date):
        @classmethod
        def today(cls) -> "Date":
            return cls(2031, 1, 5)

    class DateTime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "DateTime":
            return cls(2031, 1, 5, tzinfo=tz)

        @classmethod
        def today(cls) -> "DateTime":
            return cls(2031, 1, 5)

    real_strftime, later = time.strftime, datetime.datetime(2031, 1, 5).timetuple()
    datetime.date, datetime.datetime = Date, DateTime  # type: ignore[misc]
    time.time = lambda: 1_925_337_600.0
    time.localtime = time.gmtime = lambda seconds=None: later
    time.strftime = lambda form, when=later: real_strftime(form, when)
    for name in ("now", "today"):
        setattr(pd.Timestamp, name, staticmethod(lambda tz=None: pd.Timestamp(2031, 1, 5, tz=tz)))


def _note_writes_outside(folder: Path, noted: list[str]) -> None:
    """Let this process note the first file outside of `folder` that it opens for writing, or renames."""
    inside = os.path.realpath(folder) + os.sep

    def hook(event: str, given: tuple[Any, ...]) -> None:
        writes = event == "os.rename" or (event == "open" and _writes(given))
        if noted or not writes or not isinstance(given[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(given[0]))
        if not f"{path}{os.sep}".startswith((inside, "/dev/")):  # tempfile opens the folder itself
            noted.append(path)

    sys.dont_write_bytecode = True  # a module that the function imports is no result
    sys.addaudithook(hook)


class _Runs:
    """The runs of one function, each in a fork of this process and in a folder of its own."""

    def __init__(self, job: Path) -> None:
        self.job = job
        self.function = cloudpickle.loads(job.read_bytes())
        self.tables = {correction: predictions(correction) for correction in (0.0, 0.05)}
        self.numbers = count()
        gc.freeze()  # the forks share what is there

    def folder(self, like: Path | None = None) -> Path:
        """Make a folder: empty, or with what another one holds."""
        made = self.job.parent / f"trial-{next(self.numbers)}"
        if like is None:
            made.mkdir()
        else:
            shutil.copytree(like, made)
        return made

    def call(
        self,
        folder: Path,
        month: str = MONTH,
        correction: float = 0.0,
        before: Action = lambda: None,
        noted: list[Any] | None = None,
    ) -> str:
        """Call the function after `before`, and fill `noted` as the fork filled it; return its error, if any."""
        answer = self.job.with_suffix(".json")
        answer.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            self._in_the_fork(folder, month, correction, before, noted, answer)
        _, status = os.waitpid(process, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU):
            return "no end: it runs on and on"
        if not answer.exists():  # killed
            return ""
        error, found = json.loads(answer.read_text())
        if noted is not None:
            noted[:] = found
        return str(error).replace(f"{folder}/", "")

    def _in_the_fork(
        self,
        folder: Path,
        month: str,
        correction: float,
        before: Action,
        noted: list[Any] | None,
        answer: Path,
    ) -> None:
        error = ""
        signal.alarm(MOST_WAITING)
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_WORK, MOST_WORK))
        try:
            before()
            self.function(self.tables[correction], month, folder)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
        finally:
            sys.settrace(None)
            sys.setprofile(None)
            # The limit of a kill that did not come may cut this file: it is whole or not there for the parent.
            found = json.dumps([error, noted or []])
            part = answer.with_suffix(".part")
            try:
                if part.write_text(found) == len(found):
                    part.replace(answer)
            finally:
                os._exit(0)


def trials(job: Path) -> None:
    """Run the function in `job` undisturbed, twice, on another day, watched and killed; print what was left."""
    runs = _Runs(job)
    once = runs.folder()
    found: dict[str, Any] = {"error": runs.call(once), "once": files(once), "kills": [], "seen": []}
    if found["error"]:
        print("\n" + json.dumps(found))  # on a line of its own, whatever the function printed
        return
    published = runs.folder(like=once)
    where, outside = runs.folder(), []  # type: ignore[var-annotated]
    runs.call(where, before=lambda: _note_writes_outside(where, outside), noted=outside)
    found["outside"] = outside
    found["error_twice"] = runs.call(once)
    found["twice"] = files(once)
    runs.call(once, correction=0.05)
    found["corrected"] = files(once)
    other = runs.folder()
    runs.call(other, "2013-08")
    (other / ".2013-08.csv.part").write_text(AT_WORK)  # another run has just begun with August again
    runs.call(other)
    found["two_months"] = files(other)
    other = runs.folder()
    runs.call(other, before=_another_day)
    found["another_day"] = files(other)
    again = found["twice"] == found["another_day"] == found["once"] and not found["error_twice"]
    file = published / f"{MONTH}.csv"
    if again and file.exists():
        for start in (None, published):
            found["seen"].append([start is not None, _seen(runs, start)])
            found["kills"] += [
                [moment, start is not None, *rest] for moment, *rest in _kills(runs, start, file)
            ]
    print("\n" + json.dumps(found))  # on a line of its own, whatever the function printed


def _seen(runs: _Runs, start: Path | None) -> list[str | None]:
    """Return what a reader saw of the month's file during a run, one after the other; None where it was not there."""
    where, seen = runs.folder(like=start), []  # type: ignore[var-annotated]
    runs.call(where, correction=0.05, before=lambda: _watch(where / f"{MONTH}.csv", seen), noted=seen)
    return seen


def _kills(runs: _Runs, start: Path | None, file: Path) -> Iterator[list[Any]]:
    """Kill a run at each point and in each way; give the moment, what was left, the next run's error and files."""
    where = runs.folder(like=start)
    points = Points(where)
    runs.call(where, correction=0.05, before=points.start, noted=points.noted)
    noted: list[Files] = [*points.noted, files(where)]
    changes = [number for number in range(len(noted) - 1) if noted[number] != noted[number + 1]]
    size = file.stat().st_size
    for number in _spread(changes):
        where = _made(runs.folder(), noted[number])
        again = runs.call(where, correction=0.05)
        yield ["between two calls", noted[number], again, files(where)]
        for moment, part in {
            "in the middle of a write": size // 2,
            "just before the end of a write": size - 5,
        }.items():
            where = runs.folder(like=start)
            runs.call(where, correction=0.05, before=Points(where, number, die_beyond(part)).start)
            left = files(where)
            again = runs.call(where, correction=0.05)
            yield [moment, left, again, files(where)]


def _made(folder: Path, content: Files) -> Path:
    """Fill a folder."""
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
