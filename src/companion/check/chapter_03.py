"""Checks of chapter 03: what a cache skips, lineage, a key for bytes, and the stage of a model."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import cloudpickle

from companion.check._verdict import NO_BODY, Verdict, exercise, right, wrong

# --- 3.1: what is skipped ----------------------------------------------------------------------------------

STEPS = ["load", "late_shares", "worst"]
RUNS = {
    "nothing": [],
    "minutes": ["late_shares", "worst"],
    "comment in late_shares": ["late_shares"],
    "comment in load": ["load", "late_shares"],
    "helper": [],
    "bytes": [],
}


@exercise
def ex_3_1(answer: Mapping[str, list[str]]) -> Verdict:
    """Which steps run after which change (section 4 of the lesson runs all six)."""
    if not isinstance(answer, Mapping) or set(answer) != set(RUNS):
        return wrong(f"The answer is a dict with these keys: {', '.join(RUNS)}.")
    given: dict[str, set[str]] = {}
    for change, steps in answer.items():
        if isinstance(steps, str) or not isinstance(steps, list | tuple | set):
            return wrong(f"For {change!r} a list is asked for, even where one step runs or none.")
        if unknown := [step for step in steps if step not in STEPS]:
            return wrong(f"{unknown[0]!r} is no step of this pipeline: {', '.join(STEPS)}.")
        given[change] = set(steps)
    if all(given[change] == set(STEPS) for change in RUNS if change != "nothing"):
        return wrong("If everything ran after every change, there would be no need of a cache.")
    if given["nothing"]:
        return wrong("Nothing has changed, so each key is one that has been seen.")
    if "load" in given["minutes"]:
        return wrong("`load` runs with other minutes? Neither its text nor its parameters know of them.")
    if given["minutes"] != {"late_shares", "worst"}:
        return wrong(
            "With other minutes `late_shares` has another parameter, and the shares that it makes are others, too: "
            "who takes them?"
        )
    for change, step in (("comment in late_shares", "late_shares"), ("comment in load", "load")):
        if step not in given[change]:
            return wrong(
                f"For {change!r}: that a comment changes no number is known to you. What is compared is the text."
            )
    if "load" in given["comment in late_shares"]:
        return wrong("A comment in `late_shares` is behind `load`; a key never looks ahead.")
    if "late_shares" not in given["comment in load"]:
        return wrong(
            "`load` makes a new DataFrame with the same rows. How are inputs compared that are no plain values?"
        )
    for change in ("comment in late_shares", "comment in load"):
        if "worst" in given[change]:
            return wrong(
                f"For {change!r}: `worst` takes a dict, the new one is equal to the old one, and dicts are compared by "
                "content."
            )
    if given["helper"]:
        return wrong(
            "For 'helper': the numbers ought to change, yes. But whose text is in the key, and does `share_late` stand "
            "in it?"
        )
    if given["bytes"]:
        return wrong("For 'bytes': `load` is given a path, which is a text. Who would have read the file?")
    return right("Twice it does too much, which costs time, and twice too little, which costs trust.")


# --- 3.2: lineage ------------------------------------------------------------------------------------------


class _Record:
    """What ZenML's client shows has attributes, and can be an element of a set (a SimpleNamespace cannot)."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def _artifact(name: str, maker: str, *inputs: Any) -> Any:
    """Make an artifact as ZenML's client shows it: with the step that made it, and that step's inputs."""
    taken = {f"input_{number}": [one] for number, one in enumerate(inputs)}
    return _Record(
        id=uuid4(), name=name, step=_Record(id=uuid4(), name=maker, inputs=taken, outputs={}), version="1"
    )


def _made_of(artifact: Any) -> set[str]:
    names = set()
    for several in artifact.step.inputs.values():
        for one in several:
            names |= {one.name} | _made_of(one)
    return names


def _lineages() -> list[Any]:
    """Return a chain, one artifact of a list, and the book's own, where features are taken three times."""
    raw = _artifact("raw", "ingest")
    features = _artifact("features", "featurize", _artifact("valid", "validate", raw))
    challenger = _artifact("challenger", "train", features)
    evaluation = _artifact("evaluation", "evaluate", features, challenger)
    decision = _artifact("decision", "decide", features, challenger, evaluation)
    several = _artifact("total", "add", _artifact("part_1", "split", raw))
    several.step.inputs["input_0"].append(_artifact("part_2", "split", raw))
    return [challenger, several, decision, raw]


@exercise
def ex_3_2(answer: Callable[[Any], Any]) -> Verdict:
    """All artifacts upstream."""
    if not callable(answer):
        return wrong("The answer is a function that takes an artifact; write its body.")
    for artifact in _lineages():
        wanted = _made_of(artifact)
        try:
            found = answer(artifact)
        except RecursionError:
            return wrong("It never stops: does it go from an artifact to itself?")
        except AttributeError as error:
            return wrong(f"Something was asked for what it does not have ({error}); look at `made_by` again.")
        if found is None:
            return NO_BODY
        if not isinstance(found, set | frozenset | list | tuple):
            return wrong(f"A set of names is asked for, and a {type(found).__name__} came back.")
        names = [one if isinstance(one, str) else str(getattr(one, "name", "")) for one in found]
        if any(not isinstance(one, str) for one in found):
            return wrong("The names of the artifacts are asked for, not the artifacts themselves.")
        if artifact.name in names:
            return wrong(f"{artifact.name} is in its own list; it was not made from itself.")
        if set(names) & {"ingest", "validate", "featurize", "train", "evaluate", "split"}:
            return wrong("These are names of steps. What was it made *from*: which artifacts did they take?")
        direct = {one.name for several in artifact.step.inputs.values() for one in several}
        if set(names) == direct and direct != wanted:
            return wrong(
                f"For {artifact.name} it finds what the last step took, {', '.join(sorted(direct))}, and stops there. "
                "What were those made from?"
            )
        if missing := sorted(wanted - set(names)):
            return wrong(
                f"For {artifact.name} it misses {missing[0]}: follow every input, also where a list has more than one."
            )
        if extra := sorted(set(names) - wanted):
            return wrong(f"For {artifact.name} it finds {extra[0]}, from which it was not made.")
        if isinstance(found, list | tuple) and len(names) > len(set(names)):
            return wrong("What is reached on two ways is in the list twice: a set is asked for.")
    return right("From a number in a report back to the file it began with, without asking anybody.")


# --- 3.3: a parameter that stands for the bytes ------------------------------------------------------------

MONTH = "2013-09"


def _deliver(folder: Path, content: bytes, time: int) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{MONTH}.parquet"
    path.write_bytes(content)
    os.utime(path, (time, time))


def _in_another_process(function: Callable[..., Any], folder: Path) -> Any:
    """Call the function as tomorrow's run will: in a new Python, which hashes texts in its own way."""
    job, result = folder / "job.pickle", folder / "result.pickle"
    job.write_bytes(cloudpickle.dumps((function, MONTH, folder / "one")))
    code = (
        "import sys, cloudpickle\n"
        "function, month, folder = cloudpickle.load(open(sys.argv[1], 'rb'))\n"
        "open(sys.argv[2], 'wb').write(cloudpickle.dumps(function(month, folder)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", code, str(job), str(result)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["the process ended without a word"])[-1])
    return cloudpickle.loads(result.read_bytes())


@exercise
def ex_3_3(answer: Callable[[str, Path], Any]) -> Verdict:
    """A text that changes exactly when the bytes do."""
    if not callable(answer):
        return wrong("The answer is a function of month and folder; write its body.")
    large = hashlib.shake_128(b"September").digest(300_000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _deliver(folder / "one", large, 1_380_000_000)
        _deliver(folder / "copy", large, 1_390_000_000)
        first = answer(MONTH, folder / "one")
        if first is None:
            return NO_BODY
        if not isinstance(first, str | int):
            kind = type(first).__name__
            return wrong(
                f"A parameter is a short text, and a {kind} came back: the parameter stands for the bytes, it does not "
                "hold them."
            )
        if len(str(first)) > 1000:
            return wrong("That is the file itself, as a text; a parameter is short.")
        if answer(MONTH, folder / "one") != first:
            return wrong(
                "Called twice on the same file it gives two texts, so nothing would ever be skipped."
            )
        if _in_another_process(answer, folder) != first:
            return wrong(
                "In another Python it gives another text for the same file: `hash()` is different in each process."
            )
        if answer(MONTH, folder / "copy") != first:
            return wrong(
                "A copy of the same bytes in another folder, or with another date, gives another text: neither path "
                "nor date is what the step depends on."
            )
        (folder / "one" / "2013-10.parquet").write_bytes(b"October")
        if answer(MONTH, folder / "one") != first:
            return wrong(
                "Another month has arrived beside it, and the text of this one is another: one file is meant."
            )
        swapped = large[1::-1] + large[2:]
        _deliver(folder / "one", swapped, 1_380_000_000)
        if answer(MONTH, folder / "one") == first:
            return wrong(
                "Two bytes changed places and the text is the same: adding bytes up is no proof of their order."
            )
        for position, place in ((len(large) - 1, "last"), (len(large) // 2, "middle"), (0, "first")):
            changed = bytearray(large)
            changed[position] ^= 1
            _deliver(folder / "one", bytes(changed), 1_380_000_000)
            if answer(MONTH, folder / "one") == first:
                return wrong(
                    f"The {place} byte of the file was changed, size and date are the same, and so is the text: the "
                    "month's old rows would come out of the cache."
                )
    return right("Same bytes, same text; one byte more or less, another one. Now the path may lie.")


# --- 3.4: champion and challenger as stages ----------------------------------------------------------------


class _Versions:
    """The versions of one model, which keep the rule of ZenML: one version in a stage."""

    def __init__(self) -> None:
        self.stages: dict[int, str | None] = {}

    def new(self) -> "_Version":
        number = len(self.stages) + 1
        self.stages[number] = None
        return _Version(self, number)


class _Version:
    def __init__(self, versions: _Versions, number: int) -> None:
        self._versions, self.number = versions, number

    @property
    def stage(self) -> str | None:
        return self._versions.stages[self.number]

    def set_stage(self, stage: Any, force: bool = False) -> None:
        stage = getattr(stage, "value", stage)
        if stage not in ("none", "staging", "production", "archived", "latest"):
            raise ValueError(f"`{stage}` is not a valid model stage.")
        stages = self._versions.stages
        holders = [number for number, held in stages.items() if held == stage and number != self.number]
        if holders and stage in ("staging", "production"):
            if not force:
                raise RuntimeError(f"Model version {holders[0]} is in {stage}, but `force` flag is False.")
            stages[holders[0]] = "archived"
        stages[self.number] = stage


# It begins with a promotion, so that a function which does nothing then is one without a body.
YEAR = ["promote", "keep", "keep", "promote", "promote", "keep"]


@exercise
def ex_3_4(answer: Callable[[dict[str, Any], Any], Any]) -> Verdict:
    """Promote to production, keep in staging, archive what was there."""
    if not callable(answer):
        return wrong("The answer is a function of the decision and the version; write its body.")
    versions = _Versions()
    production = None
    for month, word in enumerate(YEAR, start=2):
        version = versions.new()
        decision = {"decision": word, "reasons": ["as decided"], "version": f"2013-{month:02}-0a1b2c3d4e5f"}
        before = dict(versions.stages)
        try:
            answer(decision, version)
        except RuntimeError as error:
            if "force" in str(error):
                return wrong(
                    "When a second version comes to a stage, the one that holds it is in the way, and the month ends "
                    "in an error: which argument archives it first?"
                )
            raise
        except ValueError as error:
            return wrong(f"{error} The stages are staging, production and archived.")
        except TypeError as error:
            if "subscript" in str(error):
                return wrong("The decision is a dict: its key 'decision' holds the word.")
            raise
        if versions.stages == before and len(before) == 1:
            return NO_BODY
        if word == "promote":
            production = version.number
        now = [number for number, stage in versions.stages.items() if stage == "production"]
        if word == "keep" and version.number in now:
            return wrong(
                "A version that was decided to be kept back is in production: the newest is not the best."
            )
        if word == "keep" and production is not None and now != [production]:
            return wrong("A month without promotion took the champion out of production.")
        if word == "keep" and version.stage != "staging":
            return wrong(
                f"A version that is kept back belongs to staging, where people find it; this one is {version.stage}."
            )
        if word == "promote" and now != [version.number]:
            return wrong(
                f"The version was promoted and is not the one in production; it is {version.stage}: look at the "
                "decision's word."
            )
    return right("The stage says who answers; the numbers of the versions stay as a history.")
