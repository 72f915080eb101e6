"""Checks of chapter 02: a rule of the contract, the wiring, the runner, and a step that survives a kill."""

import contextlib
import datetime
import json
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from companion.check.flights import flights_table
from companion.check.kill import AT_WORK, MONTH, Files, predictions
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.errors import ValidationError

# --- 2.1: a rule of the contract ---------------------------------------------------------------------------


# What stands in a sentence beside the rule: grammar, and words that blame without saying what has to hold.
NO_RULE = {
    *(
        "a",
        "an",
        "and",
        "at",
        "by",
        "for",
        "in",
        "is",
        "of",
        "on",
        "the",
        "to",
        "with",
        "here",
        "this",
        "has",
        "was",
    ),
    *(
        "row",
        "rows",
        "index",
        "line",
        "flight",
        "flights",
        "column",
        "columns",
        "value",
        "values",
        "arr",
        "delay",
    ),
    *(
        "bad",
        "broken",
        "error",
        "failed",
        "fails",
        "illegal",
        "incorrect",
        "invalid",
        "not",
        "ok",
        "allowed",
        "wrong",
    ),
    *("breaks", "break", "violates", "rule", "contract", "validation", "please", "fix", "problem", "found"),
}


def _month(broken: Sequence[int] = (), delay: float = 0.0) -> pd.DataFrame:
    """Return 15 flights, of which those at 0, 9 and 12 are cancelled; the broken ones arrive with this delay."""
    nothing = float("nan")
    departure = [nothing, 48.0, -3.0, 5.0, 0.0, 1.0, -7.0, 30.0, 2.0, nothing, 0.0, 4.0, nothing, 9.0, -1.0]
    # A diverted flight, one on the minute, early and late ones.
    arrival = [
        nothing,
        48.0,
        -12.0,
        nothing,
        0.0,
        3.0,
        -22.0,
        21.0,
        5.0,
        nothing,
        1.0,
        8.0,
        nothing,
        2.0,
        -4.0,
    ]
    table = flights_table(departure, arrival)
    table.index = pd.Index([100 + 7 * position for position in range(len(table))])
    table.loc[table.index[list(broken)], "arr_delay"] = delay
    return table


@exercise
def ex_2_1(answer: Callable[[pd.DataFrame], Any]) -> Verdict:
    """A rule that refuses flights which arrived without having departed."""
    if not callable(answer):
        return wrong("The answer is a function that takes the flights; write its body.")
    if is_stub(answer):
        return NO_BODY
    good = _month()
    try:
        returned = answer(good.copy())
    except ValidationError as error:
        return wrong(_why_a_good_month_was_refused(str(error), good))
    if isinstance(returned, bool | np.bool_):
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
    for broken in ((9, 12), (12,), (0,), (0, 9, 12)):
        for delay in (0.0, -9.0, 31.0):
            if refused := _not_refused(answer, broken, delay):
                return refused
    filled = _month((9, 12))
    try:
        answer(filled.assign(dep_delay=filled["dep_delay"].fillna(0)))
    except ValidationError:
        pass
    else:
        return wrong(
            "A month whose cancelled flights have a dep_delay of 0 as well still passes: that they never departed is "
            "to be seen from dep_time."
        )
    return right(
        "A cancelled flight can no longer be counted as on time, and the sentence says where to look."
    )


def _why_a_good_month_was_refused(sentence: str, good: pd.DataFrame) -> str:
    named = good[[_is_named(good, position, sentence) for position in range(len(good))]]
    if (named["dep_time"].notna() & named["arr_delay"].isna()).any():
        return (
            "It refuses a good month: a diverted flight has departed and has no arrival delay, and that is "
            "the truth. The rule is about the other direction."
        )
    if (named["arr_delay"] == 0).any():
        return "It refuses a good month: a flight that departed may arrive on the minute, with 0."
    if named["dep_time"].isna().any():
        return (
            "It refuses a good month: an empty arrival delay is no mistake where the flight never departed."
        )
    return (
        "It refuses a good month, in which some flights were cancelled (no dep_time, no arr_delay), one was diverted "
        "(a dep_time, no arr_delay) and one arrived on the minute."
    )


def _is_named(table: pd.DataFrame, position: int, sentence: str) -> bool:
    """Say whether a sentence names this row: by its index, its position or its flight number."""
    numbers = {str(table.index[position]), str(position), str(table["flight"].iloc[position])}
    return bool(numbers & set(re.findall(r"\d+", sentence)))


def _not_refused(
    answer: Callable[[pd.DataFrame], Any], broken: tuple[int, ...], delay: float
) -> Verdict | None:
    """Say what is wrong where the cancelled flights at these positions arrive with this delay, or None."""
    bad = _month(broken, delay)
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
            f"The bad month ends in a {type(error).__name__} ({error}), which looks like a bug in the step: "
            "raise a ValidationError."
        )
    else:
        if isinstance(returned, pd.DataFrame) and len(returned) < len(bad):
            return wrong("The bad rows are dropped without a word, so nobody will ever ask the supplier why.")
        if isinstance(returned, bool | np.bool_) or returned is None:
            return wrong(
                "A bad month is answered with a value, which nobody looks at: raise a ValidationError."
            )
        if delay:
            return wrong(
                f"A delay of 0 is refused, but a month whose cancelled flights arrive with {delay:g} still passes: "
                "who never departed has no delay at all, whatever its value."
            )
        if len(broken) == 1:
            return wrong(f"A month in which only row {bad.index[broken[0]]} breaks the rule still passes.")
        return wrong("A month whose cancelled flights arrive with a delay of 0 still passes.")
    good = bad.drop(bad.index[list(broken)])
    numbers = set(re.findall(r"\d+", sentence))
    for row, flight in zip(good.index, good["flight"], strict=True):
        if str(row) in numbers or str(flight) in numbers:
            return wrong(f"The sentence names row {row}, flight {flight}, which keeps the rule.")
    if not any(_is_named(bad, position, sentence) for position in broken):
        return wrong("The month is refused, but the sentence does not say which row or flight to look at.")
    if not re.search(r"arr(ival)?[\W_]*delay", sentence, re.IGNORECASE):
        return wrong("The month is refused and the row is named, but not the column that breaks the rule.")
    words = set(re.findall(r"[^\W\d_]{2,}(?:_[^\W\d]+)*", sentence.casefold())) - {"arr_delay", "arrival"}
    names = {
        str(value).casefold() for value in bad[["carrier", "origin", "dest", "tailnum"]].to_numpy().ravel()
    }
    if not words - names - NO_RULE:
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
        if isinstance(inputs, str) or not isinstance(inputs, Iterable):
            return wrong(f"The inputs of {name} are a list of names, even where there is only one.")
        if not all(isinstance(needed, str) for needed in inputs):
            return wrong(
                f"The inputs of {name} are names alone: leave the step out, and put no list into the list."
            )
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
    return right("Nobody wrote down the order of the steps, and it follows from this: that is a DAG.")


# --- 2.3: the runner ---------------------------------------------------------------------------------------

WORK = 5  # seconds of this process's own work, on any machine; a right answer takes a thousandth


class Endless(BaseException):
    """The learner's loop has no end; no ``except Exception`` of theirs may catch it."""


@contextlib.contextmanager
def _with_an_end() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, WORK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


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

    # Neither the order of writing nor the alphabet is an order to run in. "note" is made, and it is None; "tip" is
    # given, and it is None; "music" needs nothing, and nobody needs "coat".
    steps = {
        "thanks": (step("thanks", lambda note, guests: (note, guests)), ["note", "guests"]),
        "reply": (step("reply", lambda tip, note: (tip, note)), ["tip", "note"]),
        "note": (step("note", lambda guests: None), ["guests"]),
        "music": (step("music", lambda: 0), []),
        "bill": (step("bill", lambda price, guests, tax: (price - guests) * tax), ["price", "guests", "tax"]),
        "price": (step("price", lambda guests, day: 10 * guests + day), ["guests", "day"]),
        "dinner": (step("dinner", lambda bill, price: bill / price), ["bill", "price"]),
        "guests": (step("guests", lambda day: day + 1), ["day"]),
    }
    given = {"day": 2, "tax": 2, "tip": None, "coat": "blue"}
    wanted: dict[str, Any] = given | {
        "guests": 3,
        "price": 32,
        "bill": 58,
        "dinner": 58 / 32,
        "note": None,
        "music": 0,
    }
    wanted |= {"thanks": (None, 3), "reply": (None, None)}
    my_steps, my_given = dict(steps), dict(given)
    try:
        with _with_an_end():
            made = answer(my_steps, my_given)
    except Endless:
        return wrong(
            "It goes round and round on this small wiring and never comes to an end: what makes its loop stop?"
        )
    except RecursionError:
        return wrong("It calls itself without end: where does it stop asking for inputs?")
    except KeyError as error:
        if str(error.args[0]) in given:
            return wrong(
                f"{error} is given, no step makes it: it has to be neither run nor looked up among the steps."
            )
        if error.args[0] not in steps:
            return wrong(
                f"It asks for {error}, which is neither in `steps` nor in `given`: the check hands over another wiring "
                "than the book's, so take all names from the arguments."
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
            "A step was called with the wrong number of inputs, or in another form than asked: it gets its inputs in "
            "their order, without names."
        )
    if made is None:
        return wrong("The function returns nothing yet: end its body with `return`, and all that was made.")
    if not isinstance(made, Mapping):
        return wrong(
            "Return all that was made, as a dict of names and artifacts, not the last artifact alone."
        )
    if len(calls) > len(set(calls)):
        twice = next(name for name in calls if calls.count(name) > 1)
        return wrong(
            f"The step {twice} ran {calls.count(twice)} times: an artifact is made once, kept, and given to each step "
            "that needs it, also where it is None."
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
    if refused := _without_an_input(answer):
        return refused
    if not _same_as_plain(answer):
        return wrong(
            "The small example is right, but with the six real steps something else comes out than it should."
        )
    return right("Your runner makes each artifact once, after what it needs, and ran the six real steps too.")


def _without_an_input(runner: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Verdict | None:
    """Run a wiring of which an input is neither made nor given; say what is wrong where that passes."""
    got: list[Any] = []
    try:
        with _with_an_end():
            runner({"bread": (lambda *inputs: got.extend(inputs), ["dough"])}, {"salt": 1})
    except Endless:
        return wrong(
            "Where an input is neither made nor given it waits for it round and round, and never comes to an end. Stop "
            "with an error."
        )
    except Exception:
        return None
    if got:
        return wrong(
            f"An input that nobody made or gave is {got[0]!r} for the step, which goes on with it: a forgotten month "
            "would pass as an empty one. Stop with an error."
        )
    return wrong("An input that nobody made or gave is left out without a word, and the run looks finished.")


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


def _text(table: pd.DataFrame, month: str = MONTH) -> str:
    lines = ["month,carrier,flight,probability"]
    lines += [f"{month},{row.carrier},{row.flight},{row.probability:.3f}" for row in table.itertuples()]
    return "\n".join(lines)


def _try(answer: Callable[..., Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        job = Path(temporary) / "answer.pickle"
        job.write_bytes(cloudpickle.dumps(answer))
        script = "import sys, companion.check.kill as kill; kill.trials(kill.Path(sys.argv[1]))"
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(job)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
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
    if found["error"]:
        return wrong(f"It stops with {found['error']}.")
    today = datetime.date.today()
    dates = {today.isoformat(), today.strftime("%Y%m%d"), today.strftime("%d.%m.%Y"), today.strftime("%Y-%m")}
    if any(date in text for date in dates for text in (*once, *once.values())):
        return wrong(
            "Today's date is in the result, so tomorrow the same run gives another one: month is the date it knows."
        )
    if name not in once:
        there = ", ".join(once) or ("a file outside of it" if found["outside"] else "nothing")
        return wrong(f"After one run the folder has no {name}; there is {there}.")
    if once[name] != whole:
        return wrong(
            f"After one undisturbed run {name} is not what is asked: {_first_difference(once[name], whole)}. Compare "
            "columns and rows, their order, and the decimals (0.2 is written 0.200)."
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


def _first_difference(text: str, asked: str) -> str:
    pairs = zip_longest(text.split("\n"), asked.split("\n"))
    number, (there, wanted) = next(each for each in enumerate(pairs, 1) if each[1][0] != each[1][1])
    if wanted is None:
        return f"it has a line {number}, {there!r}, where the file should end"
    return f"its line {number} is {there!r}, and {wanted!r} is asked" if there else f"it has no line {number}"


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
        predictions(), "2013-08"
    ):
        return wrong(
            "Publishing September harms August's file: a step changes its own output and nothing else."
        )
    if found["two_months"].get(".2013-08.csv.part") != AT_WORK:
        return wrong(
            "Publishing September removes the neighbour of August's file, and another run may be writing it at that "
            "moment: clear up what is of the own month, and nothing else."
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
    whole, corrected = _text(predictions()), _text(predictions(0.05))
    refused = (
        _without_a_kill(found, whole)
        or _after_a_kill(found, corrected, published=False)
        or _replaced(found, whole, corrected)
        or _after_a_kill(found, corrected, published=True)
        or _for_a_reader(found, whole, corrected)
    )
    if refused:
        return refused
    for moment, _, _, _, after in found["kills"]:
        if set(after) != {f"{MONTH}.csv"}:
            return wrong(
                f"Killed {moment} and run again, a temporary file stays in the folder for ever: let the "
                "second run find and overwrite what the first one left."
            )
    return right(
        "Killed at any moment and run again, it leaves what an undisturbed run leaves: this step may be retried."
    )


def _for_a_reader(found: dict[str, Any], whole: str, corrected: str) -> Verdict | None:
    """Judge what somebody finds who opens the month's file after a kill, or during a run."""
    name = f"{MONTH}.csv"
    left = [
        (f"Killed {moment}", published, files.get(name)) for moment, published, files, _, _ in found["kills"]
    ]
    during = [
        ("In the middle of a run", published, seen)
        for published, all_seen in found["seen"]
        for seen in all_seen
    ]
    for when, published, seen in (*left, *during):
        if published and seen is None:
            return wrong(f"{when}, the file that had been published is gone: for a moment there is none.")
        if seen not in (None, whole, corrected):
            holds = "holds a part" if seen else "is empty"
            return wrong(
                f"{when}, {name} {holds}. A second run mends it, but whoever reads in between takes it for the whole. "
                "Which line gives the file its final name, and are all bytes written by then? (A copy is a write, too.)"
            )
    return None
