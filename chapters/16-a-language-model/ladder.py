"""Measure four ways to tell intents apart: ``python -m chapter_16.ladder``.

Each rung learns from so many examples of each intent, drawn by a seed from ``messages/learn.csv``, and is judged on
``messages/judge.csv``. What is in ``ladder.json`` already is not run again, so that a run may be stopped, or given a
few minutes at a time: ``--minutes 10``, ``--rung adapter``. ``--fresh`` begins anew.
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from chapter_16 import adapter, encoder, weights
from chapter_16.counting import examples as drawn
from chapter_16.counting import model
from chapter_16.frozen import head
from chapter_16.mail import messages
from companion.environment import repository
from flightdelay.files import write_atomically

HERE = Path(__file__).parent
LADDER = HERE / "ladder.json"
EXAMPLES = (1, 2, 4, 8, 16, 32)
SEEDS = (0, 1, 2, 3, 4)


def embedded(texts: list[str], base: encoder.Weights) -> tuple[np.ndarray, float]:
    """Return the vectors of texts and the CPU seconds for one; kept in ``build/``, so that each is computed once."""
    key = hashlib.sha256("\n".join([weights.SUMS["model.safetensors"], *texts]).encode()).hexdigest()
    path = repository() / "build" / "vectors" / f"{key}.npz"
    if not path.exists():
        began, file = time.process_time(), io.BytesIO()
        vectors = encoder.encode(texts, base)
        np.savez(file, vectors=vectors, seconds=(time.process_time() - began) / len(texts))
        write_atomically(path, file.getvalue())
    with np.load(path) as kept:
        return kept["vectors"], float(kept["seconds"])


class Messages:
    """The messages with the vectors of the frozen encoder."""

    def __init__(self) -> None:
        self.learn, self.judge = messages("learn"), messages("judge")
        self.weights = weights.load()
        self.intents = sorted(self.learn["intent"].unique())
        vectors, self.seconds_a_text = embedded([*self.learn["text"], *self.judge["text"]], self.weights)
        self.learn_vectors, self.judge_vectors = np.split(vectors, [len(self.learn)])
        self.numbers, self.wanted = (
            part["intent"].map(self.intents.index).to_numpy() for part in (self.learn, self.judge)
        )


def by_counting(mail: Messages, rows: np.ndarray, seed: int) -> np.ndarray:
    """TF-IDF and a logistic regression, as in the first sitting."""
    counts = model().fit(mail.learn["text"].iloc[rows], mail.numbers[rows])
    return np.asarray(counts.predict(mail.judge["text"]))


def by_class_means(mail: Messages, rows: np.ndarray, seed: int) -> np.ndarray:
    """The intent whose mean vector is the nearest, by cosine."""
    means = adapter.class_means(mail.learn_vectors[rows], mail.numbers[rows])
    return np.asarray(mail.judge_vectors @ means.T).argmax(1)


def by_logistic_head(mail: Messages, rows: np.ndarray, seed: int) -> np.ndarray:
    """A logistic regression on the vectors of the frozen encoder."""
    fitted = head().fit(mail.learn_vectors[rows], mail.numbers[rows])
    return np.asarray(fitted.predict(mail.judge_vectors))


def by_adapter(mail: Messages, rows: np.ndarray, seed: int) -> np.ndarray:
    """An adapter and a head, trained together."""
    begun = adapter.begin(mail.learn_vectors[rows], mail.numbers[rows], seed)
    texts = list(mail.learn["text"].iloc[rows])
    trained, _ = adapter.train(begun, texts, mail.numbers[rows], mail.weights, seed)
    return adapter.predict(list(mail.judge["text"]), mail.weights, trained)


Rung = Callable[[Messages, np.ndarray, int], np.ndarray]
RUNGS: dict[str, Rung] = {
    "counting": by_counting,
    "class means": by_class_means,
    "logistic head": by_logistic_head,
    "adapter": by_adapter,
}


def measured(mail: Messages, rung: str, examples: int, seed: int) -> dict[str, Any]:
    """Run one rung once; `hits` has a 1 for each message of the judging part that is told rightly."""
    rows = drawn(mail.learn, examples, seed).index.to_numpy()
    began = time.process_time()
    hits = RUNGS[rung](mail, rows, seed) == mail.wanted
    seconds = time.process_time() - began
    if rung in ("class means", "logistic head"):  # their vectors were there already
        seconds += mail.seconds_a_text * (len(rows) + len(hits))
    return {
        "rung": rung,
        "examples": examples,
        "seed": seed,
        "accuracy": round(float(hits.mean()), 4),
        "cpu_seconds": round(seconds, 2),
        "hits": "".join(str(int(hit)) for hit in hits),
    }


def begun() -> dict[str, Any]:
    """Return a ladder without runs: the machine, its load, and the sums of what is measured."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    return {
        "date": str(date.today()),
        "machine": machine,
        "base": weights.SUMS["model.safetensors"],
        "runs": [],
    }


def done_in(found: dict[str, Any]) -> set[tuple[str, int, int]]:
    """Return rung, examples and seed of each run of a ladder."""
    return {(run["rung"], run["examples"], run["seed"]) for run in found["runs"]}


def keep(found: dict[str, Any]) -> None:
    """Write a ladder, and in it what is missing."""
    done = done_in(found)
    wanted = itertools.product(RUNGS, EXAMPLES, SEEDS)
    found["not_run"] = [
        f"{rung}, {n} examples, seed {seed}" for rung, n, seed in wanted if (rung, n, seed) not in done
    ]
    write_atomically(LADDER, (json.dumps(found, indent=1) + "\n").encode())


def main() -> None:
    """Run what is missing, and write after each run."""
    parser = argparse.ArgumentParser(prog="python -m chapter_16.ladder", description=__doc__)
    parser.add_argument("--rung", choices=RUNGS, help="only this one")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--fresh", action="store_true", help=f"forget what {LADDER.name} has")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    ladder = (
        begun() if options.fresh or not LADDER.exists() else json.loads(LADDER.read_text(encoding="utf-8"))
    )
    done = done_in(ladder)
    mail = Messages()
    for rung, seed, examples in itertools.product([options.rung] if options.rung else RUNGS, SEEDS, EXAMPLES):
        if (rung, examples, seed) in done or time.monotonic() > end:
            continue
        run = measured(mail, rung, examples, seed)
        print({name: value for name, value in run.items() if name != "hits"}, flush=True)
        ladder["runs"].append(run)
        keep(ladder)


if __name__ == "__main__":
    main()
