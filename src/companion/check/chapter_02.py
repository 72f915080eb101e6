"""Checks of chapter 02: a rule of the contract, the wiring, the runner, and a step that survives a kill."""

import datetime
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd

from companion.check._verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.errors import ValidationError

MONTH = "2013-09"
Files = dict[str, str]


# --- 2.1: a rule of the contract ---------------------------------------------------------------------------


def _september() -> pd.DataFrame:
    """Return an early, a late, a cancelled, a diverted and a punctual flight, in that order."""
    return pd.DataFrame(
        {
            "carrier": ["AA", "B6", "UA", "DL", "WN"],
            "flight": [1141, 725, 461, 2003, 3550],
            "origin": ["JFK", "JFK", "LGA", "LGA", "EWR"],
            "dep_time": [540.0, 1210.0, float("nan"), 1455.0, 1620.0],
            "arr_delay": [-12.0, 48.0, float("nan"), float("nan"), 0.0],
        },
        index=[17, 23, 42, 58, 61],
    )


@exercise
def ex_2_1(answer: Callable[[pd.DataFrame], Any]) -> Verdict:
    """A rule that refuses flights which arrived without having departed."""
    if not callable(answer):
        return wrong("The answer is a function that takes the flights; write its body.")
    if is_stub(answer):
        return NO_BODY
    good = _september()
    try:
        returned = answer(good.copy())
    except ValidationError as error:
        if "2003" in str(error):
            return wrong(
                "It refuses a good month: a diverted flight has departed and has no arrival delay, and that is "
                "the truth. The rule is about the other direction."
            )
        if "3550" in str(error) or "61" in str(error):
            return wrong("It refuses a good month: a flight that departed may arrive on the minute, with 0.")
        return wrong(
            "It refuses a good month: an empty arrival delay is no mistake where the flight never departed."
        )
    if isinstance(returned, bool):
        return wrong(
            "True and False do not stop a run, and do not say where to look. Raise, or return the table."
        )
    if returned is None:
        return wrong(
            "The function returns nothing for a good month, so the next step would get None: end its body with "
            "`return flights`."
        )
    if not isinstance(returned, pd.DataFrame) or not returned.equals(good):
        return wrong("A good month comes back changed. A contract refuses or lets pass; it never repairs.")
    for delay in (0.0, -9.0, 31.0):
        if refused := _not_refused(answer, good, delay):
            return refused
    return right(
        "A cancelled flight can no longer be counted as on time, and the sentence says where to look."
    )


def _not_refused(answer: Callable[[pd.DataFrame], Any], good: pd.DataFrame, delay: float) -> Verdict | None:
    """Say what is wrong where cancelled flights arrive with this delay, or None."""
    # Rows 42 and 99 break the rule; row 42 is the first.
    bad = pd.concat([good, good.loc[[42]].assign(flight=3737).set_axis([99])])
    bad.loc[[42, 99], "arr_delay"] = delay
    try:
        returned = answer(bad.copy())
    except ValidationError as error:
        sentence = str(error)
    except AssertionError:
        return wrong(
            "`assert` disappears under `python -O`, and nobody knows its error: raise a ValidationError."
        )
    except Exception as error:
        return wrong(
            f"The bad month ends in a {type(error).__name__}, which looks like a bug in the step: "
            "raise a ValidationError."
        )
    else:
        if isinstance(returned, pd.DataFrame) and len(returned) < len(bad):
            return wrong("The bad rows are dropped without a word, so nobody will ever ask the supplier why.")
        if delay:
            return wrong(
                f"A delay of 0 is refused, but a month whose cancelled flights arrive with {delay:g} still passes: "
                "who never departed has no delay at all, whatever its value."
            )
        return wrong("A month whose cancelled flights arrive with a delay of 0 still passes.")
    if "42" not in sentence and "461" not in sentence:
        return wrong("The month is refused, but the sentence does not say which row or flight to look at.")
    if "arr_delay" not in sentence:
        return wrong("The month is refused and the row is named, but not the column that breaks the rule.")
    if len(sentence.split()) < 8:
        return wrong("Row and column are named, but not the rule: say what has to hold.")
    return None


# --- 2.2: the wiring ---------------------------------------------------------------------------------------

NEEDS = {
    "raw": ["month", "window", "sample"],
    "valid": ["raw", "month", "window"],
    "features": ["valid"],
    "challenger": ["features", "month"],
    "evaluation": ["features", "challenger", "month"],
    "decision": ["features", "challenger", "evaluation", "store"],
}


@exercise
def ex_2_2(answer: Mapping[str, list[str]]) -> Verdict:
    """The inputs of the six steps."""
    if not isinstance(answer, Mapping) or set(answer) != set(NEEDS):
        return wrong(f"The answer is a dict with these keys: {', '.join(NEEDS)}.")
    known = {*NEEDS, "month", "window", "sample", "store"}
    for name, inputs in answer.items():
        if isinstance(inputs, str):
            return wrong(f"The inputs of {name} are a list of names, even where there is only one.")
        unknown = [needed for needed in inputs if needed not in known]
        if "data" in unknown or "estimator" in unknown:
            return wrong("data and estimator have defaults that fit; leave them out.")
        if {"model", "raw_valid", "evaluate", "train", "featurize", "validate", "ingest"} & set(unknown):
            return wrong(
                f"{unknown[0]} in the inputs of {name} is no artifact here: use the names of the keys."
            )
        if unknown:
            return wrong(f"Nobody makes or gives {unknown[0]!r}, which {name} asks for.")
    if all(name not in answer["raw"] for name in ("month", "window", "sample")):
        return wrong("ingest needs no artifact, but it does not guess the month either: what is it given?")
    if "raw" in answer["features"] and "valid" not in answer["features"]:
        return wrong(
            "featurize takes the raw tables past the contract: a refused month would be learned from."
        )
    names = list(NEEDS)
    for before, name in pairwise(names):
        made = [needed for needed in answer[name] if needed in NEEDS]
        if made == [before] and len([needed for needed in NEEDS[name] if needed in NEEDS]) > 1:
            return wrong(
                f"That is a queue, each step with what the one before made. The step that makes {name} cannot do its "
                "work with that alone: read its parameters again."
            )
    for name, inputs in answer.items():
        superfluous = [needed for needed in inputs if needed not in NEEDS[name]]
        if superfluous:
            return wrong(
                f"The step that makes {name} has no parameter for {superfluous[0]}: a step gets what it needs, "
                "not all that was made before it."
            )
        missing = [needed for needed in NEEDS[name] if needed not in inputs]
        if missing:
            return wrong(
                f"An input of {name} is missing: a step has no other way to get at it than its parameters."
            )
        if list(inputs) != NEEDS[name]:
            return wrong(f"The inputs of {name} are all there, but the step takes them in another order.")
    return right("The order of the steps stands nowhere, and follows from this: that is a DAG.")


# --- 2.3: the runner ---------------------------------------------------------------------------------------


@exercise
def ex_2_3(answer: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Verdict:
    """A runner: any order of writing, each step once, inputs by name."""
    if not callable(answer):
        return wrong("The answer is a function that takes steps and given; write its body.")
    if is_stub(answer):
        return NO_BODY
    calls: list[str] = []

    def step(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any) -> Any:
            calls.append(name)
            return work(*inputs)

        return call

    # Neither the order of writing nor the alphabet is an order to run in.
    steps = {
        "bill": (step("bill", lambda price, guests, tax: (price - guests) * tax), ["price", "guests", "tax"]),
        "price": (step("price", lambda guests, day: 10 * guests + day), ["guests", "day"]),
        "dinner": (step("dinner", lambda bill, price: bill / price), ["bill", "price"]),
        "guests": (step("guests", lambda day: day + 1), ["day"]),
    }
    given = {"day": 2, "tax": 2}
    wanted = {"day": 2, "tax": 2, "guests": 3, "price": 32, "bill": 58, "dinner": 58 / 32}
    my_steps, my_given = dict(steps), dict(given)
    try:
        made = answer(my_steps, my_given)
    except RecursionError:
        return wrong("It calls itself without end: where does it stop asking for inputs?")
    except KeyError as error:
        if str(error.args[0]) in given:
            return wrong(
                f"{error} is given, no step makes it: it has to be neither run nor looked up among the steps."
            )
        return wrong(
            f"A step was called before {error} was made, or an input was not found. The order in which the steps were "
            "written down is no order to run in."
        )
    except TypeError as error:
        if "unhashable" in str(error):
            if any(
                Path(frame.filename).stem == "graphlib" for frame in traceback.extract_tb(error.__traceback__)
            ):
                return wrong(
                    "The sorter wants a dict of names and lists of needs, without the functions: in `steps` each name "
                    "leads to a pair of both."
                )
            return wrong("A whole list was used as a name: look up each of a step's inputs by itself.")
        return wrong(
            f"A step was called with the wrong number of inputs, or in another form than asked ({error})."
        )
    if made is None:
        return wrong("The function returns nothing yet: end its body with `return`, and all that was made.")
    if not isinstance(made, dict):
        return wrong(
            "Return all that was made, as a dict of names and artifacts, not the last artifact alone."
        )
    if len(calls) > len(set(calls)):
        twice = next(name for name in calls if calls.count(name) > 1)
        return wrong(
            f"The step {twice} ran {calls.count(twice)} times, once for each step that needs it: an artifact is "
            "made once and kept."
        )
    if missing := [name for name in steps if name not in made]:
        return wrong(f"The artifact {missing[0]} is not in what came back.")
    if missing := [name for name in given if name not in made]:
        return wrong(
            f"What the steps made is there, but {missing[0]}, which was given, is not: all that was given and made is "
            "asked for."
        )
    if my_given != given or my_steps != steps:
        changed = "steps" if my_given == given else "given"
        return wrong(
            f"It changes `{changed}`, which belongs to the caller: who starts a second run with it gets what the first "
            "one left. Work on a copy."
        )
    if any(made[name] != wanted[name] for name in wanted):
        return wrong(
            "Every step ran, but a result is wrong: each input has to stand where the list of its names says."
        )
    if not _same_as_plain(answer):
        return wrong(
            "The small example is right, but the six real steps give another digest than plain Python."
        )
    return right("Your runner ran the six real steps too, and the digest is that of plain Python.")


def _same_as_plain(runner: Callable[[dict[str, Any], dict[str, Any]], Any]) -> bool:
    """Run February with the learner's runner and in plain Python, and compare the digests."""
    # Not above: the other checks do not need scikit-learn, and one of them runs in many processes.
    from flightdelay.pipelines import in_plain_python
    from flightdelay.steps import decide, evaluate, featurize, ingest, train, validate
    from flightdelay.store import Store

    work = (
        decide.decide,
        evaluate.evaluate,
        train.train,
        featurize.featurize,
        validate.validate,
        ingest.ingest,
    )
    wiring = {name: (step, NEEDS[name]) for name, step in zip(reversed(NEEDS), work, strict=True)}
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary)
        plain = in_plain_python.run("2013-02", sample=2_000, store=store / "plain")
        given = {"month": "2013-02", "window": None, "sample": 2_000, "store": Store(store / "runner")}
        return bool(runner(wiring, given)["evaluation"]["digest"] == plain.digest)


# --- 2.4: kill in mid-write, run again ---------------------------------------------------------------------


def _predictions(correction: float = 0.0) -> pd.DataFrame:
    rows = range(400)
    return pd.DataFrame(
        {
            "carrier": [("AA", "B6", "DL", "UA")[row % 4] for row in rows],
            "flight": [100 + row for row in rows],
            "probability": [(row * 37 % 900) / 1000 + correction for row in rows],
        }
    )


def _text(predictions: pd.DataFrame, month: str = MONTH) -> str:
    lines = ["month,carrier,flight,probability"]
    lines += [f"{month},{row.carrier},{row.flight},{row.probability:.3f}" for row in predictions.itertuples()]
    return "\n".join(lines) + "\n"


def _files(folder: Path) -> Files:
    """Return name and text of each file below the folder; a lock is not a result."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {
        str(path.relative_to(folder)): path.read_text(errors="replace").replace("\r\n", "\n")
        for path in found
    }


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
    time.strftime = lambda form, when=later: real_strftime(form, when)


def _die_at_byte(limit: int) -> None:
    """Let the system kill this process when a file of it grows beyond `limit` bytes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _die_at_rename() -> None:
    """Let this process kill itself just before it renames a file."""
    sys.addaudithook(lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == "os.rename" else None)


def _note_writes_outside(folder: Path, noted: Path) -> None:
    """Let this process note the first file outside of `folder` that it opens for writing, or renames."""
    inside = os.path.realpath(folder) + os.sep
    flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    seen: list[str] = []

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            writes = bool((given[2] or 0) & flags) or any(letter in (given[1] or "") for letter in "wax+")
        else:
            writes = event == "os.rename"
        if seen or not writes or not isinstance(given[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(given[0]))
        if not path.startswith((inside, "/dev/")):
            seen.append(path)  # first, since the next line opens a file itself
            noted.write_text(path)

    sys.dont_write_bytecode = True  # a module that the function imports is no result
    sys.addaudithook(hook)


def _call(job: Path, folder: Path, month: str, correction: float, before: Callable[[], None]) -> str:
    """Call the learner's function in a process of its own; return its error, if it raised one."""
    complaint = job.with_suffix(".error")
    complaint.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        signal.alarm(20)
        try:
            before()
            cloudpickle.loads(job.read_bytes())(_predictions(correction), month, folder)
        except BaseException as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            complaint.write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    return complaint.read_text().replace(f"{folder}/", "") if complaint.exists() else ""


def _trials(job: Path) -> None:
    """Run the function in `job` undisturbed, twice, on another day and killed; print what was left, as JSON."""
    counter = iter(range(1000))

    def folder() -> Path:
        made = job.parent / f"trial-{next(counter)}"
        made.mkdir()
        return made

    def run(where: Path, month: str = MONTH, correction: float = 0.0, before: Any = lambda: None) -> str:
        return _call(job, where, month, correction, before)

    once = folder()
    error = run(once)
    noted = job.with_suffix(".outside")
    where = folder()
    run(where, before=lambda: _note_writes_outside(where, noted))
    found: dict[str, Any] = {"error": error, "once": _files(once)}
    found["outside"] = noted.read_text() if noted.exists() else ""
    found["error_twice"] = run(once)
    found["twice"] = _files(once)
    run(once, correction=0.05)
    found["corrected"] = _files(once)
    other = folder()
    run(other, "2013-08")
    run(other)
    found["two_months"] = _files(other)
    other = folder()
    run(other, before=_another_day)
    found["another_day"] = _files(other)
    size = len(_text(_predictions()))
    kills: dict[str, Callable[[], None]] = {
        "in the middle of the write": lambda: _die_at_byte(size // 2),
        "just before the last byte": lambda: _die_at_byte(size - 1),
        "before the rename": _die_at_rename,
    }
    found["kills"] = []
    for moment, kill in kills.items():
        for published in (False, True):
            other = folder()
            if published:
                run(other)
            run(other, correction=0.05, before=kill)
            left = _files(other)
            again = run(other, correction=0.05)
            found["kills"].append([moment, published, left, again, _files(other)])
    print(json.dumps(found))


def _try(answer: Callable[..., Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        job = Path(temporary) / "answer.pickle"
        job.write_bytes(cloudpickle.dumps(answer))
        script = (
            "import sys, companion.check.chapter_02 as chapter; chapter._trials(chapter.Path(sys.argv[1]))"
        )
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(job)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=temporary,
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _without_a_kill(found: dict[str, Any], whole: str) -> Verdict | None:
    """Judge what was left by undisturbed runs."""
    name = f"{MONTH}.csv"
    once: Files = found["once"]
    today = datetime.date.today()
    dates = {today.isoformat(), today.strftime("%Y%m%d"), today.strftime("%d.%m.%Y"), today.strftime("%Y-%m")}
    if found["error"]:
        return wrong(f"It stops with {found['error']}.")
    if any(date in text for date in dates for text in (*once, *once.values())):
        return wrong(
            "Today's date is in the result, so tomorrow the same run gives another one: month is the date it knows."
        )
    if name not in once:
        there = ", ".join(once) or ("a file outside of it" if found["outside"] else "nothing")
        return wrong(f"After one run the folder has no {name}; there is {there}.")
    if once[name] != whole:
        first = (once[name].splitlines() or ["an empty file"])[0]
        return wrong(
            f"After one undisturbed run {name} is not what is asked (its first line: {first}); compare columns, "
            "their order, and the decimals (0.2 is written 0.200)."
        )
    if found["another_day"] != once:
        return wrong(
            "On another day the same inputs give another result: the clock is an input that no parameter names."
        )
    if found["error_twice"]:
        return wrong(f"The second run stops with {found['error_twice']}: running again has to be harmless.")
    if len(found["twice"].get(name, "")) > len(whole):
        return wrong("After two runs rows are doubled: what is appended twice is there twice.")
    if set(once) != {name}:
        return wrong(
            "Beside the month's file there are others. One that says 'done' can be there while the file is not."
        )
    if found["outside"]:
        return wrong(
            "It writes a file outside the folder. That may be another file system, and from one to another a move is "
            "a copy, which a kill cuts in two: the neighbour belongs into the same folder."
        )
    return None


def _after_a_kill(found: dict[str, Any], corrected: str, published: bool) -> Verdict | None:
    """Judge what a run leaves that follows a killed one, where a file was there before, or none."""
    for moment, was_published, _, error, after in found["kills"]:
        text = after.get(f"{MONTH}.csv", "")
        if was_published != published or (text == corrected and not error):
            continue
        if error:
            return wrong(f"Killed {moment} and run again, it stops with {error}.")
        if len(text) > len(corrected):
            return wrong(
                f"Killed {moment} and run again, the file holds rows twice: it went on where a part lay."
            )
        return wrong(
            f"Killed {moment} and run again, the file is still a part, and counts as done because it is there."
        )
    return None


def _replaced(found: dict[str, Any], whole: str, corrected: str) -> Verdict | None:
    """Judge runs with corrected predictions and with another month."""
    name = f"{MONTH}.csv"
    if found["corrected"].get(name) == whole:
        return wrong(
            "Corrected predictions never arrive: that a file is there does not say that it is the right one."
        )
    if found["corrected"].get(name) != corrected:
        return wrong("After a run with corrected predictions the file is a mixture of the old and the new.")
    if found["two_months"].get(name) != whole or found["two_months"].get("2013-08.csv") != _text(
        _predictions(), "2013-08"
    ):
        return wrong(
            "Publishing September harms August's file: a step changes its own output and nothing else."
        )
    return None


@exercise
def ex_2_4(answer: Callable[[pd.DataFrame, str, Path], None]) -> Verdict:
    """A step that may be killed at any moment and run again."""
    if not callable(answer):
        return wrong("The answer is a function that takes predictions, month and folder; write its body.")
    if is_stub(answer):
        return NO_BODY
    found = _try(answer)
    whole, corrected = _text(_predictions()), _text(_predictions(0.05))
    name = f"{MONTH}.csv"
    refused = (
        _without_a_kill(found, whole)
        or _after_a_kill(found, corrected, published=False)
        or _replaced(found, whole, corrected)
        or _after_a_kill(found, corrected, published=True)
    )
    if refused:
        return refused
    for moment, published, left, _, _ in found["kills"]:
        seen = left.get(name)
        if published and seen is None:
            return wrong(
                f"Killed {moment}, the file that had been published is gone: for a moment there is none."
            )
        if seen not in (None, whole, corrected):
            return wrong(
                f"Killed {moment}, {name} holds a part. A second run mends it, but whoever reads in between takes "
                "the part for the whole."
            )
    for moment, _, _, _, after in found["kills"]:
        if set(after) != {name}:
            return wrong(
                f"Killed {moment} and run again, a temporary file stays in the folder for ever: let the "
                "second run find and overwrite what the first one left."
            )
    return right(
        "Killed at any moment and run again, it leaves what an undisturbed run leaves: this step may be retried."
    )
