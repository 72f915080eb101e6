"""Two estimators of the pipeline's contract (chapter 02) whose `fit` starts processes: one model each.

What a worker does stands in `xgboost_worker.py` and `network_worker.py`.
"""

import contextlib
import io
import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from chapter_15.launch import launch

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
# Seconds that workers wait for one another; imports take long on a busy machine.
PATIENCE = 300


class TrainingError(RuntimeError):
    """One of the workers did not finish."""


@contextlib.contextmanager
def tracker(workers: int) -> Iterator[str]:
    """Run XGBoost's tracker, which tells ranks where the others are; yield the arguments of their communicator."""
    from xgboost.core import XGBoostError
    from xgboost.tracker import RabitTracker

    meeting_place = RabitTracker(n_workers=workers, host_ip=LOOPBACK, timeout=PATIENCE)
    meeting_place.start()
    try:
        yield json.dumps({**meeting_place.worker_args(), "dmlc_timeout": PATIENCE})
    finally:
        with contextlib.suppress(XGBoostError):  # it complains of ranks that broke; these have said why
            meeting_place.free()


class _OnMany(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What both have in common: how many workers there are, and how they are started."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def _run(self, worker: str, folder: Path, address: str) -> None:
        """Start the workers; what they print is shown where one of them fails."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            ended = launch(Path(shutil.copy(HERE / worker, folder)), address, world_size=self.workers)
        if set(ended.values()) != {"finished"}:
            print(said.getvalue(), end="")
            raise TrainingError(f"The training on {self.workers} workers broke: {ended}.")
        self.classes_ = np.array([0, 1])


class XGBoostOnMany(_OnMany):
    """XGBoost, its rows dealt to `workers` processes that meet at its tracker."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train on all workers; the model is what rank 0 has saved."""
        with tempfile.TemporaryDirectory() as folder, tracker(self.workers) as address:
            for rank in range(self.workers):
                part = slice(rank, None, self.workers)
                np.savez(Path(folder) / f"share-{rank}.npz", X=np.asarray(X)[part], late=np.asarray(y)[part])
            self._run("xgboost_worker.py", Path(folder), address)
            self.model_ = (Path(folder) / "model.json").read_text()
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities of both classes."""
        import xgboost

        late = xgboost.Booster(model_file=bytearray(self.model_.encode())).inplace_predict(np.asarray(X))
        return np.column_stack([1 - late, late])


class NetworkOnMany(_OnMany):
    """A small network in JAX; `workers` processes, which meet by gloo, take a part of each batch."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train on all workers; the model is what rank 0 has saved."""
        with tempfile.TemporaryDirectory() as folder, socket.socket() as door:
            np.savez(Path(folder) / "rows.npz", X=np.asarray(X), late=np.asarray(y))
            door.bind((LOOPBACK, 0))
            port = door.getsockname()[1]
            door.close()
            self._run("network_worker.py", Path(folder), f"{LOOPBACK}:{port}")
            with np.load(Path(folder) / "model.npz") as saved:
                self.layers_ = [saved[name] for name in saved.files]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities of both classes; it needs NumPy only."""
        hidden = np.asarray(X)
        for weights, bias in zip(self.layers_[::2], self.layers_[1::2], strict=True):
            out = hidden @ weights + bias
            hidden = np.maximum(out, 0)
        late = 1 / (1 + np.exp(-out[:, 0]))
        return np.column_stack([1 - late, late])
