"""Checks of chapter 03: what a cache skips, lineage, a key for bytes, and the stage of a model."""

import contextlib
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from unittest import mock
from uuid import uuid4

import cloudpickle

from companion.check.verdict import NO_BODY, Verdict, exercise, right, wrong

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
    """Return a chain, one artifact of a list, the book's own, where features are taken thrice, and namesakes."""
    raw = _artifact("raw", "ingest")
    features = _artifact("features", "featurize", _artifact("valid", "validate", raw))
    challenger = _artifact("challenger", "train", features)
    evaluation = _artifact("evaluation", "evaluate", features, challenger)
    decision = _artifact("decision", "decide", features, challenger, evaluation)
    # One input that is a list, its elements of different origin.
    several = _artifact("total", "add", _artifact("part_1", "split", raw))
    other = _artifact("part_2", "split", _artifact("corrections", "ingest"))
    several.step.inputs["input_0"] += [other, _artifact("part_3", "split", raw)]
    report = _artifact("report", "write", several, evaluation)
    # Two versions of one name: what the second was made from is not what the first was made from.
    early = _artifact("flights", "ingest", _artifact("archive", "unpack"))
    late = _artifact("flights", "ingest", _artifact("delivery", "receive"))
    both = _artifact("comparison", "compare", early, late)
    return [challenger, several, decision, report, raw, both]


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
        if set(names) & {"ingest", "validate", "featurize", "train", "evaluate", "split", "add"}:
            return wrong("These are names of steps. What was it made *from*: which artifacts did they take?")
        direct = {one.name for several in artifact.step.inputs.values() for one in several}
        if set(names) == direct and direct != wanted:
            return wrong(
                f"For {artifact.name} it finds what the last step took, {', '.join(sorted(direct))}, and stops there. "
                "What were those made from?"
            )
        missing = sorted(wanted - set(names))
        if missing and artifact.name == "comparison":
            return wrong(
                f"For {artifact.name} it misses {missing[0]}. It was made from two artifacts called flights, two "
                "versions with different origins: a name that was met before is not yet an artifact that was met."
            )
        if missing:
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


def _deliver(folder: Path, content: bytes, time: int = 1_380_000_000) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{MONTH}.parquet"
    path.write_bytes(content)
    os.utime(path, (time, time))


def _delivery(rows: int, compression: Literal["zstd", "snappy"]) -> bytes:
    """Return some flights of the month as the bytes of a Parquet file."""
    from flightdelay.data import load

    content = io.BytesIO()
    load("flights", [MONTH]).head(rows).to_parquet(content, index=False, compression=compression)
    return content.getvalue()


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
    small = _delivery(10, "zstd")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _deliver(folder / "one", small)
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
        return (
            _changes_by_itself(answer, folder, small, first)
            or _misses_a_change(answer, folder / "one", small)
            or _changes_with_the_process(answer, folder, small, first)
            or right("Same bytes, same text; one byte more or less, another one. Now the path may lie.")
        )


def _changes_by_itself(
    answer: Callable[[str, Path], Any], folder: Path, content: bytes, first: Any
) -> Verdict | None:
    if answer(MONTH, folder / "one") != first:
        return wrong("Called twice on the same file it gives two texts, so nothing would ever be skipped.")
    _deliver(folder / "copy", content, 1_390_000_000)
    if answer(MONTH, folder / "copy") != first:
        return wrong(
            "A copy of the same bytes in another folder, or with another date, gives another text: neither path "
            "nor date is what the step depends on."
        )
    (folder / "one" / "2013-10.parquet").write_bytes(_delivery(11, "zstd"))
    if answer("2013-10", folder / "one") == first:
        return wrong("October's file has the text of September's: which month's file is read?")
    if answer(MONTH, folder / "one") != first:
        return wrong(
            "October has arrived beside it, and September's text is another one. That errs on the safe side (each new "
            "month loads all the others again); what is asked for depends on this one file."
        )
    return None


def _changes_with_the_process(
    answer: Callable[[str, Path], Any], folder: Path, content: bytes, first: Any
) -> Verdict | None:
    # Asked last, since a new Python takes seconds.
    _deliver(folder / "one", content)
    if _in_another_process(answer, folder) != first:
        return wrong(
            "In another Python it gives another text for the same file: `hash()` is different in each process."
        )
    return None


def _altered(content: bytes, position: int, *changes: int) -> bytes:
    """Return the content with the bytes from `position` on combined with `changes` by XOR."""
    new = bytearray(content)
    for place, change in enumerate(changes, start=position):
        new[place] ^= change
    return bytes(new)


def _other_files(small: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield files that differ from `small` and from each other, each with what it is."""
    yield _delivery(9, "zstd"), "with a flight less"
    yield _delivery(10, "snappy"), "with the same rows, compressed in another way,"
    for end in (b" ", b"\n", b"\r\n", b"\0"):
        yield small + end, f"with {end!r} at its end"
        yield end + small, f"with {end!r} before it"
    yield small[:-1], "without its last byte"
    yield small.replace(b"\0", b"\n", 1), "with a line more"
    yield small.replace(b"\0", b"\r\n", 1), "with a line more, ended as on Windows,"
    # Each byte of a file's ends, where formats keep their marks, and of the rest one in eleven.
    for place in sorted({*range(64), *range(0, len(small), 11), *range(len(small) - 256, len(small))}):
        yield _altered(small, place, 1), f"with byte {place} changed"
    # Longer than any part of a file that somebody would read to save time.
    large = small + hashlib.shake_128(b"September").digest(3_000_000)
    yield large, "of three megabytes"
    for place in (70_000, 1_000_003, 2_222_222, len(large) - 70_000, len(large) - 1):
        yield _altered(large, place, 1), f"of three megabytes with byte {place} changed"
    for share in (0.13, 0.29, 0.5, 0.61, 0.83):
        place = int(len(large) * share)
        yield _altered(large, place, 1), f"of three megabytes with byte {place} changed"
    # What checksums do not see: two bytes that change places, +1 -2 +1 (Adler-32), CRC-32's own polynomial.
    double = small + bytes([0x10, 0x20, 0x10, 0x20, 0x10]) + small
    yield double, "of twice the rows"
    for changes in ((0x30, 0x30), (0x01, 0x3E, 0x01), (0x41, 0x06, 0x71, 0xDB, 0x01)):
        yield _altered(double, len(small), *changes), f"of twice the rows with {len(changes)} bytes changed"


def _misses_a_change(answer: Callable[[str, Path], Any], folder: Path, small: bytes) -> Verdict | None:
    """Say which two files have the same text, or None."""
    seen = {answer(MONTH, folder): "as it was delivered"}
    for content, what in _other_files(small):
        _deliver(folder, content)
        try:
            text = answer(MONTH, folder)
        except Exception as error:
            return wrong(
                f"For a file {what} it ends in {type(error).__name__}: it reads the table. A text that stands for the "
                "bytes can be had of any file."
            )
        if text in seen and "compressed" in what:
            return wrong(
                "The same rows in a file of other bytes have the same text, so it is the rows that you compare. How "
                "they are read may change with the reader; the bytes are asked for."
            )
        if text in seen:
            return wrong(
                f"A file {what} has the text of one {seen[text]}: the month's old rows would come out of the cache."
            )
        seen[text] = what
    return None


# --- 3.4: champion and challenger as stages ----------------------------------------------------------------


class _Versions:
    """The versions of one model, which keep the rule of ZenML: one version in a stage."""

    def __init__(self) -> None:
        self.all: list[_Version] = []
        self.model = _Record(id=uuid4(), name="flight-delay")

    def new(self) -> "_Version":
        self.all.append(_Version(self, len(self.all) + 1))
        return self.all[-1]

    def stages(self) -> dict[int, str | None]:
        return {version.number: version.stage for version in self.all}

    # What ZenML's client is asked for, with its names of parameters.

    def get_model_version(
        self, model_name_or_id: Any = None, model_version_name_or_number_or_id: Any = None, **others: Any
    ) -> "_Version":
        asked = getattr(model_version_name_or_number_or_id, "value", model_version_name_or_number_or_id)
        for version in reversed(self.all):
            if asked in (None, "latest", version.id, version.name, version.number, version.stage):
                return version
        raise KeyError(f"There is no version or stage {asked!r} of the model.")

    def list_model_versions(self, *names: Any, stage: Any = None, **others: Any) -> Any:
        wanted = getattr(stage, "value", stage)
        return _Record(items=[version for version in self.all if wanted in (None, version.stage)])

    def update_model_version(
        self,
        model_name_or_id: Any,
        version_name_or_id: Any,
        stage: Any = None,
        force: bool = False,
        **others: Any,
    ) -> "_Version":
        version = self.get_model_version(model_name_or_id, version_name_or_id)
        version.set_stage(stage, force)
        return version


class _Version:
    """One version, as ZenML's client shows it."""

    def __init__(self, versions: _Versions, number: int) -> None:
        self._versions, self.model = versions, versions.model
        self.id, self.number, self.name = uuid4(), number, str(number)
        self.stage: str | None = None

    def set_stage(self, stage: Any, force: bool = False) -> None:
        stage = getattr(stage, "value", stage)
        if stage not in ("none", "staging", "production", "archived", "latest"):
            raise ValueError(f"`{stage}` is not a valid model stage.")
        for other in self._versions.all:
            if other is not self and other.stage == stage and stage in ("staging", "production"):
                if not force:
                    raise RuntimeError(
                        f"Model version {other.number} is in {stage}, but `force` flag is False."
                    )
                other.stage = "archived"
        self.stage = stage


@contextlib.contextmanager
def _known_to_zenmls_client(versions: _Versions) -> Iterator[None]:
    """Let ZenML's client answer for these versions: an answer may ask it for the one that holds a stage."""
    from zenml.client import Client

    def instead(own: Callable[..., Any]) -> Callable[..., Any]:
        return lambda client, *given, **named: own(*given, **named)

    with contextlib.ExitStack() as patched:
        for name in ("get_model_version", "list_model_versions", "update_model_version"):
            patched.enter_context(mock.patch.object(Client, name, instead(getattr(versions, name))))
        yield


# It begins with a promotion, so that a function which does nothing then is one without a body.
YEAR = ["promote", "keep", "keep", "promote", "promote", "keep"]


@exercise
def ex_3_4(answer: Callable[[dict[str, Any], Any], Any]) -> Verdict:
    """Promote to production, keep in staging, archive what was there."""
    if not callable(answer):
        return wrong("The answer is a function of the decision and the version; write its body.")
    versions = _Versions()
    with _known_to_zenmls_client(versions):
        for month, word in enumerate(YEAR, start=2):
            version, before = versions.new(), versions.stages()
            decision = {
                "decision": word,
                "reasons": ["as decided"],
                "version": f"2013-{month:02}-0a1b2c3d4e5f",
            }
            try:
                returned = answer(decision, version)
            except RuntimeError as error:
                if "force" in str(error):
                    return wrong(
                        "When a second version comes to a stage, the one that holds it is in the way, and the month "
                        "ends in an error: which argument archives it first?"
                    )
                raise
            except ValueError as error:
                return wrong(f"{error} The stages are staging, production and archived.")
            except TypeError as error:
                if "subscript" in str(error):
                    return wrong("The decision is a dict: its key 'decision' holds the word.")
                raise
            if month == 2 and version.stage is None and returned is None:
                return NO_BODY
            if version.stage is None and returned is not None:
                return wrong(
                    f"It returns {returned!r}, and the version has no stage yet: call `set_stage` of the version."
                )
            if misplaced := _misplaced(word, version, before, versions.stages()):
                return misplaced
    return right("The stage says who answers; the numbers of the versions stay as a history.")


def _misplaced(
    word: str, version: _Version, before: dict[int, str | None], after: dict[int, str | None]
) -> Verdict | None:
    """Say what is wrong with the stages after a month, or None."""

    def holders(stages: dict[int, str | None], stage: str) -> list[int]:
        return [number for number, held in stages.items() if held == stage]

    if word == "keep" and version.stage == "production":
        return wrong(
            "A version that was decided to be kept back is in production: the newest is not the best."
        )
    if word == "keep" and holders(after, "production") != holders(before, "production"):
        return wrong("A month without promotion took the champion out of production.")
    if word == "keep" and version.stage != "staging":
        return wrong(
            f"A version that is kept back belongs to staging, where people find it; this one is {version.stage}."
        )
    if word == "promote" and version.stage != "production":
        return wrong(
            f"The version was promoted and is not the one in production; it is {version.stage}: look at the "
            "decision's word."
        )
    if word == "promote" and any(after[number] != "archived" for number in holders(before, "production")):
        return wrong("The version that was in production before is not archived.")
    if word == "promote" and holders(after, "staging") != holders(before, "staging"):
        return wrong(
            "A promotion took the version that waited in staging out of it: the new version was there on its way, and "
            "pushed it out. Give each version its one stage."
        )
    return None
