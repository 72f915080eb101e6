"""Try a resumable run (exercise 15.3): stop it, kill it in a process of its own, and say what is wrong.

The training is a small one, in which each step depends on all that a run holds. Stopped means that `advance` raises;
killed means that the system ends the process when a file grows beyond half of a whole checkpoint.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

Run = dict[str, Any]
UNTIL, STOP = 12, 5


class StoppedError(Exception):
    """The machine was taken away."""


class Training:
    """Steps that are counted, and that end with `StoppedError` before a step, where one is named."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.steps: list[int] = []

    def advance(self, run: Run) -> Run:
        """Take one step; the run that was given stays as it is."""
        step = run["step"]
        if step == self.stop:
            raise StoppedError
        self.steps.append(step)
        pull = np.random.default_rng(step).normal(size=50) - 0.1 * run["weights"]
        velocity = 0.9 * run["velocity"] + 0.1 * pull
        return {"step": step + 1, "weights": run["weights"] + velocity, "velocity": velocity}


def begin() -> Run:
    """Return the run before its first step."""
    return {"step": 0, "weights": np.ones(50), "velocity": np.zeros(50)}


def alone() -> np.ndarray:
    """Return the weights of a run that nobody stops."""
    training, run = Training(), begin()
    for _ in range(UNTIL):
        run = training.advance(run)
    weights: np.ndarray = run["weights"]
    return weights


def same(run: Any) -> bool:
    """Say whether a run ended with the weights of one that was left alone."""
    return bool(np.allclose(run["weights"], alone(), rtol=0, atol=5e-7))


Answer = Callable[..., Any]


def tried(answer: Answer, folder: Path) -> str:
    """Return what is wrong with the answer, a sentence, or nothing."""
    whole = folder / "whole"
    whole.mkdir()
    training = Training()
    run = answer(begin(), UNTIL, training.advance, whole / "checkpoint", 0)
    if not isinstance(run, dict) or "weights" not in run:
        return "It has to return the run, a dict with the weights, when it has reached the step."
    if training.steps != list(range(UNTIL)) or not same(run):
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
            return f"Called again, it took the steps {training.steps}; wanted are {STOP} to {UNTIL - 1}."
        if not same(run):
            return "The resumed run ends with other weights: does the file hold all that a step depends on?"
    file.write_bytes((file.parent.parent / "whole" / "checkpoint").read_bytes())
    training = Training()
    run = answer(begin(), UNTIL, training.advance, file, 0)
    if training.steps or not same(run):
        return "A run that has reached its step and is called again has nothing left to do."
    return ""


def killed(answer: Answer, folder: Path) -> str:
    """Kill the run in the middle of a write of rank 0, where an older checkpoint is there; call it again."""
    where = folder / "killed"
    where.mkdir()
    file = where / "checkpoint"
    _until_stopped(answer, Training(STOP), file, rank=0)
    size = file.stat().st_size
    process = os.fork()
    if process == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
            answer(begin(), UNTIL, Training().advance, file, 0)
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    training = Training()
    try:
        run = answer(begin(), UNTIL, training.advance, file, 0)
    except Exception as error:
        return (
            f"Killed in the middle of a write and called again, it ends with {type(error).__name__}: {error}."
        )
    if training.steps[:1] == [0]:
        return "Killed in the middle of a write, it began at step 0: the older checkpoint was gone."
    return "" if same(run) else "Killed in the middle of a write and resumed, it ends with other weights."


def _until_stopped(answer: Answer, training: Training, file: Path, rank: int) -> None:
    try:
        answer(begin(), UNTIL, training.advance, file, rank)
    except StoppedError:
        return


def main() -> None:
    """Kill the answer in the file that the command line names: ``python -m chapter_15.trials FILE``."""
    job = Path(sys.argv[1])
    said = killed(cloudpickle.loads(job.read_bytes()), job.parent)
    print("\n" + json.dumps(said))  # on a line of its own, whatever the answer printed


if __name__ == "__main__":
    main()
