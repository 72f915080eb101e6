"""The checks of chapter 15: a step of all workers, dealt rows, a stopped run; one model or two; TrainJobs."""

import copyreg
import functools
import itertools
import json
import operator
import os
import posixpath
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from chapter_15 import fences, trainjobs
from chapter_15.logistic import gradient
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from companion.recorded.selectors import selector

# --- 15.1: one step of all workers -------------------------------------------------------------------------

RATE = 0.3  # not that of the lesson


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
        def all_reduce(mine: Any, of: str = "gradient") -> Any:  # as the lesson's ring has it
            return meeting.all_reduce(rank, mine)

        try:
            weights, intercept = start
            X, late = shares[rank]
            found[rank] = answer(
                weights.copy(),
                intercept,
                X.copy(),
                late.copy(),
                RATE,
                all_reduce,
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
    for rows, cuts in ((80, (30,)), (90, (20, 70))):
        by_weight, by_intercept = gradient(weights, intercept, X[:rows], late[:rows])
        wanted = weights - RATE * by_weight, intercept - RATE * by_intercept
        shares = list(zip(np.split(X[:rows], cuts), np.split(late[:rows], cuts), strict=True))
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
    times = moved / (weights - wanted[0]) * RATE
    if np.ptp(times) < 1e-6:
        return f"The step is {times[0]:.2f} times as long as wanted: what is it divided by, and is it times `rate`?"
    return "All workers agree, but not with one process that has all rows. By what is the sum divided?"


# --- 15.2: the rows of an epoch ----------------------------------------------------------------------------


# A pickle has a cached function by its name, and another process does not know the notebook's names.
copyreg.pickle(type(functools.cache(print)), lambda cached: (functools.cache, (cached.__wrapped__,)))


def _elsewhere(trial: str, *given: Any) -> str:
    """Return what a trial in a process of its own says, a sentence or nothing; a kernel cannot be forked safely."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "given"
        job.write_bytes(cloudpickle.dumps(given))
        done = subprocess.run(
            [sys.executable, "-m", "chapter_15.trials", trial, str(job)],
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"PYTHONHASHSEED": "15"},  # that of no other process, or by chance
        )
    if done.returncode:
        return (
            f"In a process of its own it ends with {(done.stderr.strip().splitlines() or ['an error'])[-1]}."
        )
    return str(json.loads(done.stdout.strip().splitlines()[-1]))


def _dealt(answer: Callable[..., Any], rows: int, world_size: int, epoch: int) -> list[list[int]]:
    return [
        [operator.index(row) for row in answer(rows, rank, world_size, epoch)]
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
    for rows, world_size in ((1000, 2), (1001, 2), (1000, 3), (1001, 3), (7, 1)):
        for epoch in (0, 1, 2):
            try:
                parts = _dealt(answer, rows, world_size, epoch)
            except TypeError as error:
                return wrong(f"Row numbers are wanted, whole numbers to take rows with ({error}).")
            if verdict := _of_deal(parts, rows):
                return wrong(f"{rows} rows, {world_size} workers, epoch {epoch}: {verdict}")
    first, again = (_dealt(answer, 1000, 2, 0) for _ in range(2))
    if first != again:
        return wrong("Asked twice, it deals differently: two workers would not deal alike.")
    if any(part in (sorted(part), sorted(part, reverse=True)) for part in first):
        return wrong("A rank gets its rows in the order of the table: shuffle before you deal.")
    if verdict := _of_epochs({epoch: set(_dealt(answer, 1000, 2, epoch)[0]) for epoch in EPOCHS}):
        return wrong(verdict)
    if verdict := _elsewhere("deals", answer, 1000, first):
        return wrong(verdict)
    return right("Each row once in an epoch, in a new order each time, and nobody had to ask anybody.")


EPOCHS = (*range(13), 20, 100)


def _of_epochs(parts: dict[int, set[int]]) -> str:
    """Say whether rank 0's 500 of 1,000 rows are shuffled anew in each epoch; by chance, 250 of two are the same."""
    for one, other in itertools.combinations(parts, 2):
        both = len(parts[one] & parts[other])
        if both == 500:
            return f"In epochs {one} and {other} each rank gets the same rows: who gets which has to change."
        if not 150 < both < 350:
            return (
                f"Rank 0 has {both} of its 500 rows in epochs {one} and {other}: shuffle anew for each epoch."
            )
    return ""


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
    said = _elsewhere("resumes", answer)
    return (
        wrong(said) if said else right("Stopped, killed in the middle of a write, resumed: the same weights.")
    )


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


def _changed(**rows: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that adds something to some rows: ``_changed(row_3=0.1)``."""

    def change(late: np.ndarray) -> np.ndarray:
        changed = late.copy()
        for name, by in rows.items():
            row = int(name.removeprefix("row_"))
            changed[row : row + 1] += by  # the answer may ask for a part of the rows
        return changed

    return change


ROWS = 1500
SAME: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Two equal models are two for it.": lambda late: late,
    "Two models that differ in the twelfth digit are another model for it: allow for that.": lambda late: (
        late + 1e-12
    ),
    "All probabilities differ by 0.0000004, less than 0.0000005, and it says False: compare the difference itself, "
    "neither rounded nor as a share.": lambda late: late - 4e-7,
}
OTHERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "One row in a thousand has another probability, and it says True: look at every row.": _changed(
        row_500=0.001, row_700=-0.001
    ),
    "The last row's probability differs by 0.00001, and it says True: look at every row, not at a mean.": _changed(
        **{f"row_{ROWS - 1}": 1e-5}
    ),
    "Two models rank the rows alike and give other probabilities, and it says True.": lambda late: late**1.01,
    "The probabilities are the same numbers at other rows, and it says True.": lambda late: late[::-1],
    "All probabilities differ by 0.00001, and it says True: six decimals are asked for.": lambda late: (
        late + 1e-5
    ),
    "All probabilities differ by some millionths, and it says True: six decimals are asked for.": lambda late: (
        late * (1 + 5e-6)
    ),
    "All probabilities differ by 0.0000007, and it says True: 0.0000005 is the limit.": lambda late: (
        late + 7e-7
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
    rows = np.random.default_rng(4).uniform(0.1, 0.9, size=(ROWS, 2))
    for wanted, models in ((True, SAME), (False, OTHERS)):
        for hint, change in models.items():
            said = answer(Model(), Model(change), rows)
            if not isinstance(said, bool | np.bool_):
                return wrong(
                    f"It returns {said!r} for {'the same' if wanted else 'another'} model; wanted is {wanted}."
                )
            if said != wanted:
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


def _as_dict(answer: Any, names: list[str]) -> dict[str, Any]:
    """Return picks by name: of a dict, a Series, pairs, or a list in the order of the names."""
    picks = list(answer.items() if hasattr(answer, "items") else answer)
    if len(picks) == len(names) and all(isinstance(pick, str) for pick in picks):
        picks = list(zip(names, picks, strict=True))
    return {str(name).strip().casefold(): pick for name, pick in picks}


def _picked(answer: Any, wanted: dict[str, tuple[str, str]], offered: set[str]) -> str:
    """Say what is wrong with picks, or nothing."""
    try:
        picks = _as_dict(answer, list(wanted))
    except (TypeError, ValueError):
        return f"A dict is asked for, with a pick for each of {', '.join(wanted)}."
    for name, (pick, hint) in wanted.items():
        mine = picks.get(name.casefold())
        if mine in (None, ...):
            return f"There is no pick for {name}."
        if str(mine).strip().casefold() not in offered:
            return f"{mine!r} is not offered; pick one of {', '.join(sorted(offered))}."
        if str(mine).strip().casefold() != pick:
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


# What a rule can find on the Pods of `apart`, but for their numbers, and on the node.
POD = {
    "jobset.sigs.k8s.io/jobset-name": "apart",
    "jobset.sigs.k8s.io/replicatedjob-name": "node",
    "batch.kubernetes.io/job-name": "apart-node-0",
    "job-name": "apart-node-0",
    "trainer.kubeflow.org/trainjob-ancestor-step": "trainer",
}
NODE = {"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch"}
OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def _keeps_apart(term: dict[str, Any]) -> bool:
    """Say whether a term of an anti-affinity is about two Pods of `apart` on one node."""
    chosen = term.get("labelSelector")  # none at all chooses no Pod, an empty one chooses all
    if chosen is None or term.get("topologyKey") not in NODE or set(term) > {"labelSelector", "topologyKey"}:
        return False
    parts = [f"{key}={value}" for key, value in (chosen.get("matchLabels") or {}).items()]
    for each in chosen.get("matchExpressions") or []:
        values = ",".join(each.get("values") or [])
        parts.append(OPERATORS[each["operator"]].format(key=each["key"], values=values))
    return selector(",".join(parts), "")({"metadata": {"labels": POD}})


def _rule_of(job: dict[str, Any]) -> str:
    """Say what still keeps two workers apart, or nothing."""
    for patch in job["spec"].get("runtimePatches") or []:
        template = ((patch.get("trainingRuntimeSpec") or {}).get("template") or {}).get("spec") or {}
        for each in template.get("replicatedJobs") or []:
            pods = (((each.get("template") or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
            rule = (pods.get("affinity") or {}).get("podAntiAffinity") or {}
            required = rule.get("requiredDuringSchedulingIgnoredDuringExecution") or []
            preferred = rule.get("preferredDuringSchedulingIgnoredDuringExecution") or []
            terms = [*required, *(each.get("podAffinityTerm") or {} for each in preferred)]
            if not all("topologyKey" in each for each in terms) or not all(
                "weight" in each for each in preferred
            ):
                return (
                    "Each term has a topologyKey, and a preferred one a weight: the cluster refuses others."
                )
            if any(map(_keeps_apart, required)):
                return (
                    "It still requires that two of these Pods are never on one node, and there is one node."
                )
    return ""


@exercise
def ex_15_8(answer: Any) -> Verdict:
    """A training of two workers that fits on one node."""
    try:
        job, log = trainjobs.read(answer, "apart", "by-hand")
        trainjobs.check_workers(job, 2)
        kept = _rule_of(job)
        if kept:
            return wrong(kept)
        shows = trainjobs.check_log(log, "apart", 2)
    except trainjobs.Refused as refused:
        return wrong(str(refused))
    if not re.search(r"anti[\W_]*affinity", str(answer.get("why") or ""), re.IGNORECASE):
        return wrong(
            'Under "why" goes what the event FailedScheduling says of the node: which rule did it not match? (An '
            "affinity alone would bring Pods together.)"
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
    begun = {int(step) for step in dict(trainjobs.BEGUN.findall(log)).values()}  # the last of each rank
    if trainjobs.MODEL.search(log) and max(begun, default=0) == 0:
        return wrong(
            "In this log both begin with step 0: no worker was lost, or it was lost before anything was saved. Take "
            "rank 1 away when the Pods are ready, and read the log after the end."
        )
    if len(begun) > 1:
        return wrong("In this log the ranks begin at different steps: do all of them read one checkpoint?")
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
    path = posixpath.normpath(posixpath.join("/mine", store))  # where the program is started
    folder = path.lstrip("/").partition("/")[0]
    if folder == "scratch":
        return "/scratch is an emptyDir: it belongs to one Pod. What does the new Pod of rank 1 find there?"
    if folder != "store":
        return (
            f"{store!r} lies on the container's own disk, if anywhere: what outlives a Pod lies on the claim."
        )
    return ""


# --- 15.10 and 15.11: two workers that could not meet --------------------------------------------------------


@exercise
def ex_15_10(answer: Any) -> Verdict:
    """Between which two, at which port, and which object forbids it."""
    hint = fences.check_found(answer)
    return (
        wrong(hint) if hint else right("Rank 1 knocks at a port that the policy of the house does not name.")
    )


@exercise
def ex_15_11(answer: Any) -> Verdict:
    """A policy that lets the workers of one training meet, and nobody else in."""
    try:
        return right(
            f"{fences.check_mended(answer)} Nobody else got in, and no line of the training changed."
        )
    except trainjobs.Refused as refused:
        return wrong(str(refused))
