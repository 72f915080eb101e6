"""Try a learner's function in a process of its own, and say what is wrong with it.

A resumable run (exercise 15.3) is stopped and killed. The training is a small one, in which each step depends on all
that a run holds. Stopped means that `advance` raises; killed means that the system ends the process, before a step or
in the middle of any of its writes. Dealt rows (exercise 15.2) have to be those of another process.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

Run = dict[str, Any]
UNTIL, STOP = 12, 5
# Calls of one step's save that change files, twice each; a right answer makes a few.
MOST_CALLS = 40
NOT_REACHED = 3


class StoppedError(Exception):
    """The machine was taken away."""


class FaultError(Exception):
    """What is wrong with the answer, a sentence."""


class Training:
    """Steps that are counted; before the one named `stop` it ends with `StoppedError`, or is killed."""

    def __init__(self, stop: int | None = None, by: signal.Signals | None = None) -> None:
        self.stop = stop
        self.by = by
        self.steps: list[int] = []

    def advance(self, run: Run) -> Run:
        """Take one step; the run that was given stays as it is."""
        step = run["step"]
        if step == self.stop:
            if self.by:
                os.kill(os.getpid(), self.by)
            raise StoppedError
        if len(self.steps) > 2 * UNTIL:
            raise FaultError(
                f"After {len(self.steps)} steps it still goes on: does `step` grow in the run it has?"
            )
        self.steps.append(step)
        pull = np.random.default_rng(step).normal(size=50) - 0.1 * run["weights"]
        velocity = 0.9 * run["velocity"] + 0.1 * pull
        return {"step": step + 1, "weights": run["weights"] + velocity, "velocity": velocity}


def begin() -> Run:
    """Return the run before its first step."""
    return {"step": 0, "weights": np.ones(50), "velocity": np.zeros(50)}


def alone(until: int) -> np.ndarray:
    """Return the weights of a run that nobody stops."""
    training, run = Training(), begin()
    for _ in range(until):
        run = training.advance(run)
    weights: np.ndarray = run["weights"]
    return weights


def same(run: Any, until: int = UNTIL) -> bool:
    """Say whether a run ended with the weights of one that was left alone."""
    if not isinstance(run, dict) or "weights" not in run:
        raise FaultError(
            "Every rank has to return the run, a dict with the weights, when it has reached the step."
        )
    return bool(np.allclose(run["weights"], alone(until), rtol=0, atol=5e-7))


Answer = Callable[..., Any]


def tried(answer: Answer, folder: Path) -> str:
    """Return what is wrong with the answer, a sentence, or nothing."""
    whole = folder / "whole"
    whole.mkdir()
    training = Training()
    run = answer(begin(), UNTIL, training.advance, whole / "checkpoint", 0)
    if not same(run) or training.steps != list(range(UNTIL)):
        return f"Left alone, it took the steps {training.steps}; wanted are 0 to {UNTIL - 1}, once each."
    if not (whole / "checkpoint").is_file():
        return "Rank 0 went through all steps, and the file of the checkpoint is not there."
    return stopped(answer, folder)


def stopped(answer: Answer, folder: Path) -> str:
    """Stop the run before a step, and call it again."""
    where = folder / "stopped"
    where.mkdir()
    file = where / "checkpoint"
    other = Training(STOP)
    _until_stopped(answer, other, file, rank=1)
    if left := sorted(path.name for path in where.iterdir()):
        return f"Rank 1 wrote {left[0]}: two writers of one file disturb each other, so only rank 0 saves."
    _until_stopped(answer, Training(STOP), file, rank=0)
    if not file.is_file():
        return f"Stopped before step {STOP}, it has saved nothing yet: save after each step."
    kept = file.read_bytes()
    for rank in (0, 1):
        file.write_bytes(kept)
        training = Training()
        run = answer(begin(), UNTIL, training.advance, file, rank)
        again = [step for step in training.steps if step < STOP]
        if again and rank == 1:
            return f"Resumed, rank 1 took step {again[0]} again: all ranks go on from the file of rank 0."
        if again:
            return f"Stopped before step {STOP} and called again, it took step {again[0]} a second time."
        if training.steps != list(range(STOP, UNTIL)):
            return f"Called again, rank {rank} took the steps {training.steps}; wanted are {STOP} to {UNTIL - 1}."
        if not same(run):
            return "The resumed run ends with other weights: does the file hold all that a step depends on?"
    file.write_bytes((file.parent.parent / "whole" / "checkpoint").read_bytes())
    training = Training()
    run = answer(begin(), UNTIL, training.advance, file, 0)
    if training.steps or not same(run):
        return "A run that has reached its step and is called again has nothing left to do."
    return ""


def killed(answer: Answer, folder: Path) -> str:
    """Kill rank 0 before a step, and in the middle of each write of a step; call it again."""
    before = folder / "killed"
    before.mkdir()
    file = before / "checkpoint"
    _fork(lambda: answer(begin(), UNTIL, Training(STOP, signal.SIGKILL).advance, file, 0))
    if not file.is_file():
        return f"Killed before step {STOP}, it has saved nothing yet: nobody who is killed can save on the way out."
    for number in range(MOST_CALLS):
        where = Path(shutil.copytree(before, folder / f"killed-{number}"))
        reached = _killed_at(number, answer, where / "checkpoint")
        if said := _again(answer, where / "checkpoint"):
            return said
        if not reached:
            break
    return ""


def _killed_at(number: int, answer: Answer, file: Path) -> bool:
    """Take one step in a fork that dies in a write after so many calls that change files; say if it made these."""
    from companion.check.kill import Points, die_beyond

    size = file.stat().st_size

    def one_step() -> int:
        # First half of a file, then half of what a step adds to one that grows.
        points = Points(file.parent, number // 2, die_beyond(int(size * (0.5, 1.1)[number % 2])))
        points.start(lines=False)
        answer(begin(), STOP + 1, Training().advance, file, 0)
        return 0 if points.number >= number // 2 else NOT_REACHED

    return _fork(one_step) != NOT_REACHED


def _again(answer: Answer, file: Path) -> str:
    """Call the answer after a kill, and say what is wrong."""
    training = Training()
    try:
        run = answer(begin(), STOP + 2, training.advance, file, 0)
    except Exception as error:
        return (
            f"Killed in the middle of a write and called again, it ends with {type(error).__name__}: {error}."
        )
    if training.steps[:1] == [0]:
        return "Killed in the middle of a write, it began at step 0: the older checkpoint was gone."
    if training.steps and training.steps[0] < STOP:
        return f"Killed before step {STOP} and called again, it took step {training.steps[0]} a second time."
    return (
        ""
        if same(run, STOP + 2)
        else "Killed in the middle of a write and resumed, it ends with other weights."
    )


def _fork(work: Callable[[], Any]) -> int:
    """Run something in a fork of this process; return its exit code, or less than 0 where it was killed."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            code = work() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _until_stopped(answer: Answer, training: Training, file: Path, rank: int) -> None:
    try:
        answer(begin(), UNTIL, training.advance, file, rank)
    except StoppedError:
        return
    except FaultError:
        raise
    except Exception as error:
        raise FaultError(
            f"Rank {rank}, called where there is no file yet, ends with {type(error).__name__}: {error}."
        ) from None


def resumes(answer: Answer, folder: Path) -> str:
    """Return what is wrong with a resumable run, a sentence, or nothing."""
    try:
        return tried(answer, folder) or killed(answer, folder)
    except FaultError as fault:
        return str(fault)


def deals(answer: Answer, rows: int, parts: list[list[int]], _: Path) -> str:
    """Say whether this process, at another time, deals as the one in which the parts were made."""
    time.time = lambda: 0.0
    again = [[int(row) for row in answer(rows, rank, len(parts), 0)] for rank in range(len(parts))]
    return (
        ""
        if again == parts
        else ("Asked in another process, it deals differently: what of it do two workers not have in common?")
    )


def main() -> None:
    """Make the trial that the command line names: ``python -m chapter_15.trials resumes FILE``."""
    trial, job = {"resumes": resumes, "deals": deals}[sys.argv[1]], Path(sys.argv[2])
    said = trial(*cloudpickle.loads(job.read_bytes()), job.parent)
    print("\n" + json.dumps(said))  # on a line of its own, whatever the answer printed


if __name__ == "__main__":
    main()
