"""The checks of chapter 15: a step of all workers, dealt rows, a stopped run; one model or two; TrainJobs."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from chapter_15 import trainjobs, trials
from chapter_15.logistic import gradient
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

# --- 15.1: one step of all workers -------------------------------------------------------------------------

RATE = 0.5


class Meeting:
    """An all-reduce of threads: it ends when all have come, and breaks when one of them will not come."""

    def __init__(self, world_size: int) -> None:
        self.world_size = world_size
        self.changed = threading.Condition()
        self.brought: dict[int, Any] = {}
        self.totals: list[Any] = []
        self.left = 0
        self.broken = False

    def all_reduce(self, rank: int, mine: Any) -> Any:
        """Return the sum of what all ranks bring, in the order of their ranks."""
        with self.changed:
            meeting = len(self.totals)
            self.brought[rank] = mine
            if len(self.brought) == self.world_size:
                total = self.brought[0]
                for other in range(1, self.world_size):
                    total = total + self.brought[other]
                self.totals.append(total)
                self.brought = {}
            self._see_whether_it_breaks()
            self.changed.wait_for(lambda: len(self.totals) > meeting or self.broken)
            if len(self.totals) > meeting:
                return self.totals[meeting]
            raise ConnectionError("another rank did not come")

    def leave(self) -> None:
        """Say that one rank calls no more."""
        with self.changed:
            self.left += 1
            self._see_whether_it_breaks()

    def _see_whether_it_breaks(self) -> None:
        self.broken = self.left > 0 and len(self.brought) + self.left == self.world_size
        self.changed.notify_all()


def _together(answer: Callable[..., Any], shares: list[tuple[Any, Any]], start: Any) -> tuple[list[Any], str]:
    """Let one thread for each share call the answer; return what came back and the first error."""
    meeting = Meeting(len(shares))
    found: list[Any] = [None] * len(shares)
    errors: list[str] = []

    def work(rank: int) -> None:
        try:
            weights, intercept = start
            X, late = shares[rank]
            found[rank] = answer(
                weights.copy(),
                intercept,
                X.copy(),
                late.copy(),
                RATE,
                lambda mine: meeting.all_reduce(rank, mine),
            )
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        finally:
            meeting.leave()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own = [error for error in errors if "another rank did not come" not in error]
    return found, (own or errors or [""])[0]


def _pair(value: Any) -> tuple[np.ndarray, float] | None:
    """Return weights and intercept as numbers, or None where that is not what came back."""
    try:
        weights, intercept = value
        return np.asarray(weights, dtype=float).reshape(4), float(intercept)
    except (TypeError, ValueError):
        return None


def _near(one: Any, other: Any) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=5e-7))


@exercise
def ex_15_1(answer: Callable[..., Any]) -> Verdict:
    """All ranks hold what one process would hold."""
    if is_stub(answer):
        return NO_BODY
    random = np.random.default_rng(15)
    X, weights, intercept = random.normal(size=(90, 4)), random.normal(size=4), 0.3
    late = (X[:, 0] + random.normal(size=90) > 0.5).astype(float)
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    wanted = weights - RATE * by_weight, intercept - RATE * by_intercept
    for cuts in ((30,), (20, 70)):
        shares = list(zip(np.split(X, cuts), np.split(late, cuts), strict=True))
        found, error = _together(answer, shares, (weights, intercept))
        if "another rank did not come" in error:
            return wrong("One rank calls all_reduce where another does not, and would wait for it for ever.")
        if error:
            return wrong(f"With {len(shares)} workers it ends with {error}.")
        pairs = [_pair(each) for each in found]
        if None in pairs:
            return wrong("Return two things: the new weights, an array like the old, and the new intercept.")
        verdict = _of_step(pairs, wanted, shares, (weights, intercept))
        if verdict:
            return wrong(verdict)
    return right("Two workers and three, with shares of any size, hold the model of one process.")


def _of_step(pairs: list[Any], wanted: Any, shares: list[tuple[Any, Any]], start: Any) -> str:
    """Say what is wrong with what the ranks hold after the step, or nothing."""
    weights, intercept = start
    same = [_near(pair[0], wanted[0]) for pair in pairs], [_near(pair[1], wanted[1]) for pair in pairs]
    if all(map(all, same)):
        return ""
    if all(same[0]):
        return "The weights are right on all workers and the intercept is not: it has a gradient, too."
    if not all(_near(pairs[0][0], pair[0]) for pair in pairs):
        return (
            "After the step the workers hold different weights: something of it is still each worker's own."
        )
    means = [gradient(weights, intercept, *share)[0] for share in shares]
    moved = (weights - pairs[0][0]) / RATE
    if _near(moved, sum(means) / len(means)):
        return (
            "All workers agree, on a mean of means: a row of a small share counts more than one of a large."
        )
    if _near(moved, sum(means)):
        return "The gradients are summed and not averaged: with more workers, each step gets longer."
    if _near(moved, -(weights - wanted[0]) / RATE):
        return "The step goes uphill: the gradient says where the loss grows."
    rows = [len(share[1]) for share in shares]
    if _near(moved, sum(n * mean for n, mean in zip(rows, means, strict=True))):
        return "A sum over all rows, not divided by their number: the step is as many times too long."
    return "All workers agree, but not with one process that has all rows. By what is the sum divided?"


# --- 15.2: the rows of an epoch ----------------------------------------------------------------------------


def _dealt(answer: Callable[..., Any], rows: int, world_size: int, epoch: int) -> list[list[int]]:
    return [
        [int(row) for row in answer(rows, rank, world_size, epoch)]
        # Backwards: no rank may rely on another one's call before its own.
        for rank in reversed(range(world_size))
    ][::-1]


@exercise
def ex_15_2(answer: Callable[..., Any]) -> Verdict:
    """Each row goes to one rank, in an order that all ranks know and that changes."""
    if is_stub(answer):
        return NO_BODY
    if answer(8, 0, 2, 0) is None:
        return wrong("It returns nothing: return the rows of this rank.")
    for rows, world_size in ((1000, 2), (1001, 2), (1001, 3), (7, 1)):
        for epoch in (0, 1, 2):
            verdict = _of_deal(_dealt(answer, rows, world_size, epoch), rows)
            if verdict:
                return wrong(f"{rows} rows, {world_size} workers, epoch {epoch}: {verdict}")
    first, again, second = (_dealt(answer, 1000, 2, epoch) for epoch in (0, 0, 1))
    if first != again:
        return wrong("Asked twice, it deals differently: two workers would not deal alike.")
    if [set(part) for part in first] == [set(part) for part in second]:
        return wrong("Each rank gets the same rows in every epoch: who gets which has to change.")
    if any(part in (sorted(part), sorted(part, reverse=True)) for part in first):
        return wrong("A rank gets its rows in the order of the table: shuffle before you deal.")
    return right("Each row once in an epoch, in a new order each time, and nobody had to ask anybody.")


def _of_deal(parts: list[list[int]], rows: int) -> str:
    """Say what is wrong with how the rows of an epoch are dealt, or nothing."""
    dealt = [row for part in parts for row in part]
    strange = set(dealt) - set(range(rows))
    missing = len(set(range(rows)) - set(dealt))
    twice = len(dealt) - len(set(dealt))
    if strange:
        return f"there is no row {min(strange)}; they are numbered from 0 to {rows - 1}."
    if twice and missing:
        return f"{missing} rows go to nobody and {twice} to two workers. Do all of them shuffle alike?"
    if missing:
        return f"{missing} rows go to nobody."
    if twice:
        return f"{twice} rows are used twice."
    sizes = [len(part) for part in parts]
    if max(sizes) - min(sizes) > 1:
        return f"one worker gets {max(sizes)} rows and another one {min(sizes)}: the others wait for it."
    return ""


# --- 15.3: a run that may be stopped -----------------------------------------------------------------------


@exercise
def ex_15_3(answer: Callable[..., Any]) -> Verdict:
    """A run that was stopped, or killed in the middle of a write, ends like one that was left alone."""
    if is_stub(answer):
        return NO_BODY
    with tempfile.TemporaryDirectory() as folder:
        said = trials.tried(answer, Path(folder)) or _killed(answer, Path(folder))
    return (
        wrong(said) if said else right("Stopped, killed in the middle of a write, resumed: the same weights.")
    )


def _killed(answer: Callable[..., Any], folder: Path) -> str:
    """Say how the answer fares in a process that is killed; a kernel cannot be forked safely."""
    job = folder / "answer"
    job.write_bytes(cloudpickle.dumps(answer))
    done = subprocess.run(
        [sys.executable, "-m", "chapter_15.trials", str(job)], capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        return f"It ends with {(done.stderr.strip().splitlines() or ['an error'])[-1]}."
    return str(json.loads(done.stdout.strip().splitlines()[-1]))


# --- 15.4: the same model ----------------------------------------------------------------------------------


class Model:
    """A model whose probability of being late is the first column of its rows, changed by a function."""

    def __init__(self, change: Callable[[np.ndarray], np.ndarray] = lambda late: late) -> None:
        self.change = change

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return the probabilities of both classes."""
        late = self.change(np.asarray(rows, dtype=float)[:, 0])
        return np.column_stack([1 - late, late])

    def predict(self, rows: Any) -> np.ndarray:
        """Return the likelier class."""
        return (self.predict_proba(rows)[:, 1] > 0.5).astype(int)


def _two_changed(late: np.ndarray) -> np.ndarray:
    """Change two of many rows, so that their mean stays."""
    changed = late.copy()
    changed[100:101] += 0.001
    changed[200:201] -= 0.001
    return changed


OTHERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "One row in a thousand has another probability, and it says True: look at every row.": _two_changed,
    "Two models rank the rows alike and give other probabilities, and it says True.": lambda late: late**1.01,
    "The probabilities are the same numbers at other rows, and it says True.": lambda late: late[::-1],
    "All probabilities differ by 0.00001, and it says True: six decimals are asked for.": lambda late: (
        late + 1e-5
    ),
    "All probabilities differ by some millionths, and it says True: six decimals are asked for.": lambda late: (
        late * (1 + 5e-6)
    ),
    "All probabilities are lower by 0.001, and it says True: a difference may be negative.": lambda late: (
        late - 1e-3
    ),
}


@exercise
def ex_15_4(answer: Callable[..., Any]) -> Verdict:
    """The same probability for each row, to six decimals."""
    if is_stub(answer):
        return NO_BODY
    rows = np.random.default_rng(4).uniform(0.1, 0.9, size=(1000, 2))
    said = answer(Model(), Model(), rows)
    if not isinstance(said, bool | np.bool_):
        return wrong(f"It returns {type(said).__name__}; wanted is True or False.")
    for other in (Model(), Model(lambda late: late + 1e-12)):
        if not answer(Model(), other, rows):
            return wrong(
                "Two models that differ in the twelfth digit are another model for it: allow for that."
            )
    for hint, change in OTHERS.items():
        if answer(Model(), Model(change), rows):
            return wrong(hint)
    return right("Every row counts, and six decimals: neither rank nor class nor mean can stand in for them.")


# --- 15.5: who has to come ---------------------------------------------------------------------------------

WHO = {
    "DMatrix(X, late)": ("all", "Section 3 has shown what becomes of a DMatrix that one rank makes alone."),
    "train(rules, rows)": ("all", "Each cut of a tree is made on the sums of all ranks."),
    "model.eval(rows)": ("all", "A metric over all rows needs those of the other ranks."),
    "model.save_model(file)": (
        "one",
        "All ranks hold the same model: whom would one have to ask to save it?",
    ),
    "print(step)": ("one", "A line in the log asks nobody for anything."),
}


def _picked(answer: Any, wanted: dict[str, tuple[str, str]], offered: set[str]) -> str:
    """Say what is wrong with a dict of picks, or nothing."""
    if not isinstance(answer, dict):
        return f"A dict is asked for, with a pick for each of {', '.join(wanted)}."
    missing = [name for name in wanted if answer.get(name) in (None, ...)]
    if missing:
        return f"There is no pick for {missing[0]}."
    for name, (pick, hint) in wanted.items():
        mine = str(answer[name]).strip().casefold()
        if mine not in offered:
            return f"{answer[name]!r} is not offered; pick one of {', '.join(sorted(offered))}."
        if mine != pick:
            return f"{name}: {hint}"
    return ""


@exercise
def ex_15_5(answer: Any) -> Verdict:
    """Which calls are meetings."""
    hint = _picked(answer, WHO, {"all", "one"})
    return (
        wrong(hint) if hint else right("What depends on rows that lie elsewhere is a meeting of all ranks.")
    )


# --- 15.6: what for ----------------------------------------------------------------------------------------

PICKS = {
    "monthly": ("leave it", "What would be gained, in a year, by whom?"),
    "search": ("side by side", "Does one of the 200 trainings need anything from another one?"),
    "slow": ("one machine well", "What is there already and does nothing?"),
    "rows": (
        "distribute",
        "Where would the rows lie, if one model has to see all of them?",
    ),
}


@exercise
def ex_15_6(answer: Any) -> Verdict:
    """What one distributes for, and for what not."""
    hint = _picked(answer, PICKS, {"leave it", "one machine well", "side by side", "distribute"})
    return (
        wrong(hint)
        if hint
        else right("One of four needs a ring: the one whose rows, or whose work, no single machine holds.")
    )


# --- 15.7: three workers -----------------------------------------------------------------------------------


@exercise
def ex_15_7(answer: Any) -> Verdict:
    """A TrainJob of three workers, and their model."""
    try:
        job, log = trainjobs.read(answer, "three", "by-hand")
        trainjobs.check_workers(job, 3)
        return right(
            f"{trainjobs.check_log(log, 'three', 3)} One number was changed, and no line of the function."
        )
    except trainjobs.Refused as refused:
        return wrong(str(refused))


# --- 15.8: two workers that could not begin ----------------------------------------------------------------


def _rule_of(job: dict[str, Any]) -> str:
    """Say what still keeps two workers apart, or nothing."""
    for patch in job["spec"].get("runtimePatches") or []:
        template = ((patch.get("trainingRuntimeSpec") or {}).get("template") or {}).get("spec") or {}
        for each in template.get("replicatedJobs") or []:
            pods = (((each.get("template") or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
            rule = (pods.get("affinity") or {}).get("podAntiAffinity") or {}
            for term in rule.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
                if term.get("topologyKey") == "kubernetes.io/hostname":
                    return "It still requires that two of these Pods are never on one node, and there is one node."
    return ""


@exercise
def ex_15_8(answer: Any) -> Verdict:
    """A training of two workers that fits on one node."""
    try:
        job, log = trainjobs.read(answer, "apart", "by-hand")
        trainjobs.check_workers(job, 2)
        kept = "" if trainjobs.MODEL.search(log) else _rule_of(job)
        if kept:
            return wrong(kept)
        shows = trainjobs.check_log(log, "apart", 2)
    except trainjobs.Refused as refused:
        return wrong(str(refused))
    why = str(answer.get("why") or "").casefold()
    if "affinity" not in why:
        return wrong(
            'Under "why" goes what the event FailedScheduling says of the node: which rule did it not match?'
        )
    return right(f"{shows} A training that stands still without an error: look for the Pod that is Pending.")


# --- 15.9: a worker is lost, and the steps are kept ---------------------------------------------------------


@exercise
def ex_15_9(answer: Any) -> Verdict:
    """A training that goes on where it was when a worker is lost."""
    try:
        job, log = trainjobs.read(answer, "kept", "with-a-store")
        trainjobs.check_workers(job, 2)
        hint = _store_of(job)
        if hint:
            return wrong(hint)
        shows = trainjobs.check_log(log, "kept", 2)
    except trainjobs.Refused as refused:
        return wrong(str(refused))
    begun = {int(step) for _, step in trainjobs.BEGUN.findall(log)}
    if trainjobs.MODEL.search(log) and max(begun, default=0) == 0:
        return wrong(
            "In this log both begin with step 0: no worker was lost, or it was lost before anything was saved. Take "
            "rank 1 away when the Pods are ready, and read the log after the end."
        )
    if trainjobs.MODEL.search(log) and max(begun) >= 100:
        return wrong(
            "It began at its end: the claim still held the run before. Delete TrainJob and claim, then again."
        )
    since = f" They went on with step {max(begun)}." if begun else ""
    return right(f"{shows}{since} The operator brings back processes, the claim brings back steps.")


def _store_of(job: dict[str, Any]) -> str:
    """Say what is wrong with the folder that keeps the run, or nothing."""
    given = {each.get("name"): each.get("value") for each in job["spec"]["trainer"].get("env") or []}
    store = given.get("STORE")
    if store is None:
        return "No STORE stands in its env, so nothing is saved."
    if Path("/scratch") in (Path(str(store)), *Path(str(store)).parents):
        return "/scratch is an emptyDir: it belongs to one Pod. What does the new Pod of rank 1 find there?"
    if Path("/store") not in (Path(str(store)), *Path(str(store)).parents):
        return (
            f"{store!r} lies on the container's own disk, if anywhere: what outlives a Pod lies on the claim."
        )
    return ""
