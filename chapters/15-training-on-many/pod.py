"""What each Pod of 15.3 runs: find the other workers, take a share of the rows, train, say which model came out.

The training itself is `train.py`, beside which it is started. On one process, without any cluster:
``DMLC_TASK_ID=0 DMLC_NUM_WORKER=1 python -m chapter_15.pod``.
"""

import hashlib
import os
import pickle
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from chapter_15.matrix import encoder, two_months
from chapter_15.meeting import meet
from flightdelay.files import write_atomically

Run = dict[str, Any]  # step, weights, intercept
# After so many steps rank 0 saves the run; and from which step on the Pod counts as ready.
OFTEN, AT_WORK = 20, 45


def digest(run: Run) -> str:
    """Return a short sum of a model: of all its numbers, to six decimals."""
    numbers = np.append(run["weights"], run["intercept"]).round(6) + 0.0  # no -0.0
    return hashlib.sha256(numbers.tobytes()).hexdigest()[:12]


def main() -> None:
    """Be one rank."""
    from train import train  # type: ignore[import-not-found]  # the reader's

    rank, world_size = int(os.environ["DMLC_TASK_ID"]), int(os.environ["DMLC_NUM_WORKER"])

    def say(text: str) -> None:
        print(f"rank {rank} | {text}", flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to stop"))
    threadpool_limits(1)
    january, _ = two_months("2013-02")
    X, late = encoder().fit_transform(january), january["late"].to_numpy(dtype=float)
    share = slice(rank, None, world_size)
    say(f"{len(late[share]):,} of {len(late):,} rows, waits for the others")
    all_reduce = meet(rank, world_size)

    run: Run = {"step": 0, "weights": np.zeros(X.shape[1]), "intercept": 0.0}
    saved = Path(os.environ["STORE"]) / "run" if "STORE" in os.environ else None
    if saved and saved.exists():
        run = pickle.loads(saved.read_bytes())
    say(f"begins at step {run['step']}")
    if all_reduce(run["step"]) != world_size * run["step"]:
        sys.exit(f"rank {rank} | the others begin at another step: they read another checkpoint")

    def after_step(run: Run) -> None:
        time.sleep(float(os.environ.get("PAUSE", "0")))
        if run["step"] == AT_WORK and "READY" in os.environ:
            Path(os.environ["READY"]).touch()
        if run["step"] % OFTEN == 0 and rank == 0:
            if saved:
                saved.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(saved, pickle.dumps(run))
            say(f"step {run['step']}{' saved' if saved else ''}")

    run = train(X[share], late[share], run, all_reduce, after_step)
    say(f"{run['step']} steps, model {digest(run)}")


if __name__ == "__main__":
    try:
        main()
    except ConnectionError as error:
        sys.exit(f"rank {os.environ['DMLC_TASK_ID']} | {error}")
