"""The checks of chapter 16: an interval, messages dealt without twins, a threshold; weights and class means."""

import hashlib
import pickle
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

# --- 16.1: an accuracy with an interval ------------------------------------------------------------------------


def _judged(share: float, seed: int) -> np.ndarray:
    """Return 400 messages, each told rightly or not, with exactly that share of right ones."""
    told = np.arange(400) < round(400 * share)
    return np.random.default_rng(seed).permutation(told)


@exercise
def ex_16_1(answer: Callable[..., Any]) -> Verdict:
    """An interval that holds 95% of the accuracies of equally many messages drawn anew."""
    if is_stub(answer):
        return NO_BODY
    ratios = []
    for seed, share in enumerate((0.6, 0.7, 0.75, 0.8, 0.85, 0.9)):
        said = answer(_judged(share, seed))
        try:
            low, high = (float(end) for end in said)
        except (TypeError, ValueError):
            return wrong(f"It returns {said!r}; wanted are two numbers, the lower and the upper end.")
        if high > 1.5:
            return wrong(f"For an accuracy of {share} it ends at {high:.3g}: accuracies lie between 0 and 1.")
        if not low <= share <= high:
            return wrong(
                f"The accuracy is {share}, and it lies outside of the interval from {low:.3f} to {high:.3f}."
            )
        half = 1.96 * np.sqrt(share * (1 - share) / 400)
        if max(abs(share - low - half), abs(high - share - half)) > 0.5 * half:
            ratios.append((high - low) / (2 * half))
            break
        ratios.append((high - low) / (2 * half))
    hint = _of_width(float(np.mean(ratios)))
    return (
        wrong(hint)
        if hint
        else right(
            "224 messages leave room for 5 points up and 5 down; write the interval beside the figure."
        )
    )


def _of_width(ratio: float) -> str:
    """Say what is wrong with an interval that is so many times as wide as a right one, or nothing."""
    if ratio < 0.01:
        return "It has no width: messages that are drawn anew are drawn with replacement."
    if ratio < 0.6:
        return (
            f"It is {ratio:.1f} times as wide as it has to be. One standard error is not 95%; and as many messages are "
            "drawn as there are, not more."
        )
    if ratio < 0.92:
        return (
            f"It is {ratio:.2f} times as wide as it has to be: 95% are wanted, 2.5% are left out at each end."
        )
    if ratio > 3:
        return (
            f"It is {ratio:.0f} times too wide: that is how much single messages differ, or a few of them, and not an "
            "accuracy of all."
        )
    if ratio > 1.08:
        return (
            f"It is {ratio:.2f} times as wide as it has to be. Does it hold more than 95%? Are as many drawn?"
        )
    return ""


# --- 16.2: twins ---------------------------------------------------------------------------------------------------

Pairs = list[tuple[int, int]]
# Rows, and the pairs of them that are nearly the same message.
BOXES: dict[str, tuple[int, Pairs]] = {
    "no twins": (60, []),
    "pairs": (60, [(row, row + 30) for row in range(30)]),
    "pairs, the later one first": (60, [(row + 30, row) for row in range(30)]),
    "chains, their links in any order": (
        60,
        [
            pair
            for first in range(0, 60, 4)
            for pair in ((first, first + 1), (first + 2, first + 3), (first + 1, first + 2))
        ],
    ),
    "stars": (60, [(first + 4, first + each) for first in range(0, 60, 5) for each in range(4)]),
}


@exercise
def ex_16_2(answer: Callable[..., Any]) -> Verdict:
    """No message on one side has a twin on the other one, also by way of a third."""
    if is_stub(answer):
        return NO_BODY
    for name, (rows, twins) in BOXES.items():
        said = answer(rows, list(twins))
        try:
            learn, judge = ([int(row) for row in part] for part in said)
        except (TypeError, ValueError):
            return wrong(f"It returns {said!r}; wanted are two lists of row numbers, to learn and to judge.")
        hint = _of_parts(learn, judge, rows, twins)
        if hint:
            return wrong(f"With {name}: {hint}")
    return right("Who has a twin is dealt with it: the judging part holds nothing that was learned by heart.")


def _of_parts(learn: list[int], judge: list[int], rows: int, twins: Pairs) -> str:
    """Say what is wrong with two parts, or nothing."""
    dealt = learn + judge
    if set(dealt) - set(range(rows)):
        return (
            f"there is no row {min(set(dealt) - set(range(rows)))}; they are numbered from 0 to {rows - 1}."
        )
    if len(dealt) < rows and len(set(dealt)) == len(dealt):
        return f"{rows - len(dealt)} messages are in neither part. Real mail has twins, too: keep them."
    if len(set(dealt)) < len(dealt):
        return f"{len(dealt) - len(set(dealt))} messages are in both parts, or twice in one."
    beside = {row: "learn" for row in learn} | {row: "judge" for row in judge}
    for one, other in twins:
        if beside[one] != beside[other]:
            return (
                f"rows {one} and {other} are twins, and one is learned from while the other one is judged on."
            )
    if not 0.15 * rows <= len(judge) <= 0.4 * rows:
        return f"{len(judge)} of {rows} messages are judged on; about a quarter is wanted."
    return ""


# --- 16.3: a threshold ---------------------------------------------------------------------------------------------

Told = tuple[np.ndarray, np.ndarray, float, float]


def _told(
    seed: int, rows: int, share: Callable[[np.ndarray], np.ndarray], person: float, wrong: float
) -> Told:
    """Return how sure a model was of each message, whether it was right, and what the two outcomes cost."""
    random = np.random.default_rng(seed)
    sure = np.round(random.uniform(0.1, 0.6, rows), 3)
    return sure, random.uniform(size=rows) < share(sure), person, wrong


CASES: dict[str, Told] = {
    "A model that says less than it knows": _told(1, 500, lambda sure: 1 - 2 * (0.6 - sure) ** 2, 1, 10),
    "A model that says more than it knows": _told(2, 500, lambda sure: 1.6 * sure, 1, 4),
    "A model that is always right": _told(3, 200, lambda sure: np.ones(len(sure)), 1, 10),
    "A model that is wrong most often": _told(4, 200, lambda sure: 0.3 * sure, 1, 6),
    "A person that costs as much as a mistake": _told(5, 300, lambda sure: sure, 1, 1),
    "One message, wrong": (np.array([0.5]), np.array([False]), 1, 3),
}


def cost(sure: np.ndarray, right: np.ndarray, person: float, wrong: float, threshold: float) -> float:
    """Return what a threshold costs in all: a person below it, and mistakes from it on."""
    sorted_by_model = sure >= threshold
    return float(person * (~sorted_by_model).sum() + wrong * (sorted_by_model & ~right).sum())


@exercise
def ex_16_3(answer: Callable[..., Any]) -> Verdict:
    """The threshold that costs least, on the messages that it is given."""
    if is_stub(answer):
        return NO_BODY
    for name, (sure, told, person, mistake) in CASES.items():
        said = answer(sure.copy(), told.copy(), person, mistake)
        try:
            threshold = float(said)
        except (TypeError, ValueError):
            return wrong(f"It returns {said!r}; wanted is one number, the threshold.")
        if np.isnan(threshold):
            return wrong(f"{name}: it returns no number (nan).")
        tried = [*np.unique(sure), np.inf]
        best = min(tried, key=lambda each: cost(sure, told, person, mistake, each))
        least, mine = (cost(sure, told, person, mistake, each) for each in (best, threshold))
        if mine > least + 0.01 * person * len(sure):
            other = "sending all of them to a person" if best == np.inf else "another one"
            return wrong(
                f"{name}: a threshold of {threshold:.3f} costs {mine:g} for {len(sure)} messages, {other} {least:g}."
            )
    return right("The cost is counted on messages, so the model may say less than it knows, or more.")


# --- 16.4: only these bytes, and only numbers ------------------------------------------------------------------------


class Runs:
    """A pickle that leaves a trace where somebody loads it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.touch, (self.trace,)


def _refuses(answer: Callable[..., Any], path: Path, judged: str) -> bool:
    """Say whether an answer raises an error."""
    try:
        answer(path, judged)
    except Exception:
        return True
    return False


@exercise
def ex_16_4(answer: Callable[..., Any]) -> Verdict:
    """Weights are read only where they have the sum, and nothing in them is run."""
    if is_stub(answer):
        return NO_BODY
    import safetensors.numpy  # comes with `make scale`, which the first sitting does not need

    random = np.random.default_rng(4)
    arrays = {name: random.normal(size=(50, 40)).astype(np.float32) for name in ("head", "table")}
    with tempfile.TemporaryDirectory() as folder:
        path, trace = Path(folder, "weights"), Path(folder, "trace")
        whole = safetensors.numpy.save(arrays)
        judged = hashlib.sha256(whole).hexdigest()
        path.write_bytes(whole)
        found = answer(path, judged)
        if not isinstance(found, Mapping) or set(found) != set(arrays):
            return wrong("For the file that was judged it does not return its arrays by name.")
        if not all(np.array_equal(found[name], array) for name, array in arrays.items()):
            return wrong("For the file that was judged it returns other numbers.")
        for place, of in ((len(whole) - 1, "The last byte"), (len(whole) // 2, "A byte in the middle")):
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(changed)
            if not _refuses(answer, path, judged):
                return wrong(
                    f"{of} of the file is another one, and no error is raised. Is the sum that of all bytes?"
                )
        path.write_bytes(whole)
        if not _refuses(answer, path, judged[:12] + 52 * "0"):
            return wrong(
                "The first twelve digits are those that were judged, the others are not: no error is raised."
            )
        harmful = pickle.dumps(Runs(trace))
        for name, sum_of_it in (("other", judged), ("judged", hashlib.sha256(harmful).hexdigest())):
            path.write_bytes(harmful)
            refused = _refuses(answer, path, sum_of_it)
            if trace.exists():
                return wrong(f"A pickle with the {name} sum was run: it has left a file behind.")
            if not refused:
                return wrong("A pickle is no safetensors file, and no error is raised.")
    return right("The sum says that these are the bytes, the format that bytes are all there is.")


# --- 16.5: the nearest mean ---------------------------------------------------------------------------------------


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _nearest_mean(vectors: np.ndarray, intents: np.ndarray, asked: np.ndarray) -> np.ndarray:
    names = np.unique(intents)
    means = _of_length_one(np.stack([vectors[intents == name].mean(axis=0) for name in names]))
    return np.asarray(names[(asked @ means.T).argmax(axis=1)])


@exercise
def ex_16_5(answer: Callable[..., Any]) -> Verdict:
    """Each vector gets the intent whose mean has the largest cosine with it."""
    if is_stub(answer):
        return NO_BODY
    random = np.random.default_rng(5)
    # One class lies close together and another one is scattered; they differ in size and do not come in order.
    scatter = {"refund": (0.1, 60), "baggage": (1.2, 12), "delay": (0.6, 30), "seat": (1.6, 8)}
    centres = dict(zip(scatter, _of_length_one(random.normal(size=(4, 12)) + 1), strict=True))
    intents = random.permutation([name for name, (_, size) in scatter.items() for _ in range(size)])
    vectors = _of_length_one(
        np.stack([centres[name] + scatter[name][0] * random.normal(size=12) for name in intents])
    )
    asked = _of_length_one(random.normal(size=(300, 12)) + 0.7)
    wanted = _nearest_mean(vectors, intents, asked)
    said = [str(each) for each in answer(vectors.copy(), intents.copy(), asked.copy())]
    if len(said) != len(asked):
        return wrong(f"It returns {len(said)} answers for {len(asked)} vectors.")
    if not set(said) <= set(scatter):
        return wrong(f"It returns {said[0]!r}; wanted is the name of an intent for each vector.")
    same = float(np.mean(np.array(said) == wanted))
    if same < 1:
        return wrong(_of_means(np.array(said), vectors, intents, asked, same))
    return right("A class is one vector, and sorting is one product: there is nothing to fit.")


def _of_means(
    said: np.ndarray, vectors: np.ndarray, intents: np.ndarray, asked: np.ndarray, same: float
) -> str:
    """Name the likely mistake behind intents that are not those of the nearest means."""
    names = np.unique(intents)
    means = np.stack([vectors[intents == name].mean(axis=0) for name in names])
    away = ((asked[:, None] - means) ** 2).sum(axis=2)
    likely = {
        "Is each mean brought back to length one? A scattered class has a short one.": (
            asked @ means.T
        ).argmax(axis=1),
        "The distance to a mean that is shorter than one is not the cosine.": away.argmin(axis=1),
        "That is the farthest mean.": (asked @ _of_length_one(means).T).argmin(axis=1),
    }
    for hint, picks in likely.items():
        if np.array_equal(said, names[picks]):
            return hint
    if np.array_equal(said, intents[(asked @ vectors.T).argmax(axis=1)]):
        return "That is the nearest single message; the mean of its class is asked for."
    return (
        f"{same:.0%} of the vectors get the intent of the nearest mean. Do the means and the names of the intents "
        "stand in the same order?"
    )
