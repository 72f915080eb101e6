"""The checks of chapter 16: interval, twins, threshold; weights, means; adapters, memory; cost, version, drift."""

import hashlib
import itertools
import pickle
import reprlib
import tempfile
import unittest.mock
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

# --- 16.1: an accuracy with an interval ------------------------------------------------------------------------


def _judged(share: float, seed: int) -> np.ndarray:
    """Return 400 messages, each sorted rightly or not, with exactly that share of right ones."""
    first = np.arange(400) < round(400 * share)
    return np.random.default_rng(seed).permutation(first)


SHARES = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9)


@exercise
def ex_16_1(answer: Callable[..., Any]) -> Verdict:
    """An interval that holds 95% of the accuracies of equally many messages drawn anew."""
    if is_stub(answer):
        return NO_BODY
    if not callable(answer):
        return wrong("The answer is a function that takes right; write its body.")
    sides = []
    for seed, share in enumerate(SHARES):
        try:
            said = answer(_judged(share, seed))
        except Exception as error:
            return wrong(f"Given 400 messages, {_stops(error)}")
        try:
            low, high = (_number(end) for end in said)
        except (TypeError, ValueError):
            return wrong(
                f"It returns {reprlib.repr(said)}; wanted are two numbers, the lower and the upper end."
            )
        hint = _of_place(share, low, high)
        if hint:
            return wrong(hint)
        half = 1.96 * np.sqrt(share * (1 - share) / 400)
        sides.append(((share - low) / half, (high - share) / half))
    hint = _of_width(np.array(sides))
    if hint:
        return wrong(hint)
    return right("224 messages leave room for 5 points up and 5 down; write the interval beside the figure.")


def _number(value: Any) -> float:
    """Return a number that is one already; nan and a text that looks like a number are refused."""
    if isinstance(value, str) or np.isnan(value):
        raise ValueError(value)
    return float(value)


def _stops(error: BaseException) -> str:
    """Say that the learner's function raised an error."""
    return f"your function stops with {type(error).__name__}: {error}"


def _of_place(share: float, low: float, high: float) -> str:
    """Say what is wrong with where an interval lies, or nothing."""
    if high > 2:
        return f"For an accuracy of {share} it ends at {high:.3g}: accuracies lie between 0 and 1."
    if low > high:
        return (
            f"It begins at {low:.3f} and ends at {high:.3f}: the lower end comes first, then the upper one."
        )
    if high - low < 1e-9:
        return "It has no width: are all draws the same? They are drawn with replacement, each time others."
    if low <= share <= high:
        return ""
    lies = f"The accuracy is {share}, and it lies outside of the interval from {low:.3f} to {high:.3f}."
    if low <= 1 - share <= high:
        return f"{lies} Is it the share of the wrong ones?"
    if high < share:
        return f"{lies} All of it is too low: do the ends that you ask for run from 0 to 1, or to 100?"
    return f"{lies} Is it made of what the function is given?"


def _of_width(sides: np.ndarray) -> str:
    """Say what is wrong with intervals, given how far they reach down and up, in right halves; or nothing."""
    ratios, (down, up) = sides.mean(axis=1), sides.mean(axis=0)
    ratio, first, last = ratios.mean(), ratios[:2].mean(), ratios[-2:].mean()
    wide = f"It is {ratio:.2f} times as wide as it has to be"
    if ratio > 3:
        return (
            f"{wide}: that is how much single messages differ, or a few of them, and not an accuracy of all."
        )
    # A trend goes one way; few draws make ratios that go up and down.
    if last > 1.25 * first and (np.diff(ratios) > 0).all():
        return (
            f"For an accuracy of {SHARES[0]} it is {ratios[0]:.2f} times as wide as it has to be, for {SHARES[-1]} "
            f"{ratios[-1]:.2f} times: the better the model, the less the accuracy of another draw may differ."
        )
    if last < 0.8 * first and (np.diff(ratios) < 0).all():
        return f"{wide}, and too narrow most where the model is good: is a variance taken for a standard deviation?"
    if ratio < 0.6:
        return (
            f"{wide}. One standard error is not 95%; and as many messages are drawn as there are, not more."
        )
    if ratio < 0.92:
        return f"{wide}: 95% are wanted, 2.5% are left out at each end, of a thousand draws."
    if ratio > 1.08:
        return f"{wide}. Does it hold more than 95%? Are as many drawn?"
    if abs(up - down) > 0.4:
        return (
            f"It reaches {down:.1f} times as far down as it has to, and {up:.1f} times as far up: 2.5% are left out at "
            "each end."
        )
    return ""


# --- 16.2: twins ---------------------------------------------------------------------------------------------------

Pairs = list[tuple[int, int]]


def _chains() -> Pairs:
    """Return the pairs of 32 chains of five among 240 rows, in no order at all."""
    random = np.random.default_rng(0)
    chains = random.permutation(240)[:160].reshape(32, 5)
    pairs = [tuple(random.permutation(pair).tolist()) for row in chains for pair in itertools.pairwise(row)]
    return [pairs[each] for each in random.permutation(len(pairs))]


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
    "chains of five among messages without a twin": (240, _chains()),
}


@exercise
def ex_16_2(answer: Callable[..., Any]) -> Verdict:
    """No message on one side has a twin on the other one, also by way of a third."""
    if is_stub(answer):
        return NO_BODY
    if not callable(answer):
        return wrong("The answer is a function of the number of rows and the twins; write its body.")
    for name, (rows, twins) in BOXES.items():
        try:
            said = answer(rows, list(twins))
        except Exception as error:
            return wrong(f"With {name}: {_stops(error)}")
        try:
            parts = [[*part] for part in said]
            if any(isinstance(row, bool | np.bool_) for part in parts for row in part):
                return wrong("It returns True and False; wanted are the numbers of the rows.")
            learn, judge = ([_row(row) for row in part] for part in parts)
        except (TypeError, ValueError):
            return wrong(
                f"It returns {reprlib.repr(said)}; wanted are two lists of row numbers, to learn and to judge."
            )
        hint = _of_parts(learn, judge, rows, twins)
        if hint:
            return wrong(f"With {name}: {hint}")
    return right("Who has a twin is dealt with it: the judging part holds nothing that was learned by heart.")


def _row(value: Any) -> int:
    """Return a row's number, which may be a float without a fraction."""
    if _number(value) != int(value):
        raise ValueError(value)
    return int(value)


def _of_parts(learn: list[int], judge: list[int], rows: int, twins: Pairs) -> str:
    """Say what is wrong with two parts, or nothing."""
    dealt = learn + judge
    if set(dealt) - set(range(rows)):
        return (
            f"there is no row {min(set(dealt) - set(range(rows)))}; they are numbered from 0 to {rows - 1}."
        )
    if len(dealt) < rows and len(set(dealt)) == len(dealt):
        rule = "Real mail has twins, too: keep them" if twins else "Each row is in exactly one of them"
        return f"{rows - len(dealt)} messages are in neither part. {rule}."
    if len(set(dealt)) < len(dealt):
        return f"{len(dealt) - len(set(dealt))} messages are in both parts, or twice in one."
    beside = {row: "learn" for row in learn} | {row: "judge" for row in judge}
    for one, other in twins:
        if beside[one] != beside[other]:
            return (
                f"rows {one} and {other} are twins, and one is learned from while the other one is judged on."
            )
    if not 0.15 * rows <= len(judge) <= 0.4 * rows:
        swapped = 0.15 * rows <= len(learn) <= 0.4 * rows
        return f"{len(judge)} of {rows} messages are judged on; about a quarter is wanted." + (
            " Does the part to learn from come first?" if swapped else ""
        )
    return ""


# --- 16.3: a threshold ---------------------------------------------------------------------------------------------

Sorted = tuple[np.ndarray, np.ndarray, float, float]


def _sorted(
    seed: int, rows: int, share: Callable[[np.ndarray], np.ndarray], person: float, wrong: float
) -> Sorted:
    """Return how sure a model was of each message, whether it was right, and what the two outcomes cost."""
    random = np.random.default_rng(seed)
    sure = np.round(random.uniform(0.1, 0.6, rows), 3)
    return sure, random.uniform(size=rows) < share(sure), person, wrong


def _nearly_sure() -> Sorted:
    """Return a model that is sure by 0.9 or more of each message, and sorted rightly from 0.9996 on."""
    random = np.random.default_rng(6)
    nines = random.uniform(1, 5, 300)
    return 1 - 10**-nines, random.uniform(size=300) < np.where(nines < 3.4, 0.4, 0.98), 1, 5


CASES: dict[str, Sorted] = {
    "A model that says less than it knows": _sorted(1, 500, lambda sure: 1 - 2 * (0.6 - sure) ** 2, 1, 10),
    "A model that says more than it knows": _sorted(2, 500, lambda sure: 1.6 * sure, 1, 4),
    "A model that is always right": _sorted(3, 200, lambda sure: np.ones(len(sure)), 1, 10),
    "A model that is wrong most often": _sorted(4, 200, lambda sure: 0.3 * sure, 1, 6),
    "A person that costs as much as a mistake": _sorted(5, 300, lambda sure: sure, 1, 1),
    "A model that is sure of nearly everything": _nearly_sure(),
    "Many messages of which it is equally sure": (
        np.repeat([0.9, 0.7, 0.5], [3, 11, 9]),
        np.repeat([True, False, True, False], [12, 2, 7, 2]),
        1,
        5,
    ),
    "A model that is wholly sure, and wrong": (
        np.array([1.0, 0.4, 1.0]),
        np.array([False, True, False]),
        1,
        3,
    ),
    "One message, wrong": (np.array([0.5]), np.array([False]), 1, 3),
    "One message, right": (np.array([0.5]), np.array([True]), 1, 3),
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
    if not callable(answer):
        return wrong("The answer is a function of sure, right, person and wrong; write its body.")
    for name, (sure, is_right, person, mistake) in CASES.items():
        try:
            said = answer(sure.copy(), is_right.copy(), person, mistake)
        except Exception as error:
            return wrong(f"{name}: {_stops(error)}")
        try:
            threshold = _number(said)
        except (TypeError, ValueError):
            return wrong(f"It returns {reprlib.repr(said)}; wanted is one number, the threshold.")
        tried = [*np.unique(sure), np.inf]
        best = min(tried, key=lambda each: cost(sure, is_right, person, mistake, each))
        just_above = np.nextafter(threshold, np.inf)
        least, mine, next_one = (
            cost(sure, is_right, person, mistake, each) for each in (best, threshold, just_above)
        )
        if mine > least + 1e-9 * len(sure):
            other = "sending all of them to a person" if best == np.inf else f"one of {best:.8g}"
            at_it = best < np.inf and next_one == least
            hint = " Does the model sort those that are as sure as the threshold?" if at_it else ""
            return wrong(f"{name}: a threshold of {threshold:.8g} costs {mine:g}, {other} {least:g}.{hint}")
    return right("The cost is counted on messages, so the model may say less than it knows, or more.")


# --- 16.4: only these bytes, and only numbers ------------------------------------------------------------------------


class Runs:
    """A pickle that leaves a trace where somebody loads it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.touch, (self.trace,)


FILES = ("weights.safetensors", "weights", "weights.pkl", "weights.pt", "weights.bin", "weights.npz")


def _in_place_of_an_error(answer: Callable[..., Any], path: Path, judged: str) -> str:
    """Say what an answer returns for a file that it has to refuse; nothing where it raises an error."""
    try:
        found = answer(path, judged)
    except (Exception, SystemExit):
        return ""
    if isinstance(found, Mapping) and found:
        return (
            "an error is wanted, and arrays come back. Is the sum compared, all of it, and that of all bytes?"
        )
    return f"an error is wanted, and {reprlib.repr(found)} comes back."


def _of_arrays(found: Any, arrays: dict[str, np.ndarray]) -> str:
    """Say what is wrong with the arrays out of a file, or nothing."""
    if not isinstance(found, Mapping):
        return f"It returns {reprlib.repr(found)}; wanted are the arrays by name."
    if set(found) != set(arrays):
        return f"The names are {reprlib.repr([*found])}, and those in the file {[*arrays]}."
    for name, array in arrays.items():
        one = np.asarray(found[name])
        if (one.dtype, one.shape) != (array.dtype, array.shape):
            return (
                f"{name!r} comes back as {one.dtype} of the shape {one.shape}; in the file it is {array.dtype} of the "
                f"shape {array.shape}."
            )
        if not np.array_equal(one, array):
            return f"In {name!r} other numbers come back."
    return ""


def _harmful(trace: Path) -> dict[str, bytes]:
    """Return contents that leave a trace where they are run."""
    text = f"__import__('pathlib').Path({str(trace)!r}).touch()".encode()
    listed = text + b" or {'head': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}"
    return {
        "A pickle": pickle.dumps(Runs(trace)),
        "A text in Python": text,
        "A list of names that is Python and no JSON": len(listed).to_bytes(8, "little") + listed + bytes(4),
    }


def _of_sums(answer: Callable[..., Any], path: Path, whole: bytes, judged: str) -> str:
    """Say where other bytes or another sum are let through, or nothing."""
    for place, of in ((len(whole) - 1, "The last byte"), (len(whole) // 2, "A byte in the middle")):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        if instead := _in_place_of_an_error(answer, path, judged):
            return f"{of} of the file is another one: {instead}"
    path.write_bytes(whole)
    sums = {
        "has only the first twelve digits in common with that of the file": judged[:12] + 52 * "0",
        "differs from that of the file in its first digit": f"{int(judged[0], 16) ^ 1:x}{judged[1:]}",
        "differs from that of the file in its last digit": f"{judged[:-1]}{int(judged[-1], 16) ^ 1:x}",
        "has the digits of that of the file in another order": judged[::-1],
        "is the first 16 digits of that of the file": judged[:16],
        "is longer than that of the file by two digits": judged + "00",
        "is an empty text": "",
    }
    for what, other in sums.items():
        if instead := _in_place_of_an_error(answer, path, other):
            return f"The judged sum {what}: {instead}"
    return ""


@exercise
def ex_16_4(answer: Callable[..., Any]) -> Verdict:
    """Weights are read only where they have the sum, and nothing in them is run."""
    if is_stub(answer):
        return NO_BODY
    import safetensors.numpy  # comes with `make scale`, which the first sitting does not need

    random = np.random.default_rng(4)
    # More than a mebibyte, so that the sum of a first piece is another one; and not of one type.
    drawn = {name: random.normal(size=(400, 500)) for name in ("head", "table")}
    arrays = {
        "head": drawn["head"].astype(np.float32),
        "ids": np.arange(30, dtype=np.int32).reshape(1, 30),
        "scale": drawn["head"][0].astype(np.float16),
        "table": drawn["table"].astype(np.float32),
    }
    whole = safetensors.numpy.save(arrays)
    judged = hashlib.sha256(whole).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            path = Path(folder, name)
            path.write_bytes(whole)
            called = (
                ""
                if name == FILES[0]
                else f"The same file is now called {name}, and a name promises nothing. "
            )
            try:
                found = answer(path, judged)
            except (Exception, SystemExit) as error:
                return wrong(
                    f"{called}The SHA-256 sum of all bytes of the file is the one that is given, and {_stops(error)}"
                )
            if hint := _of_arrays(found, arrays):
                return wrong(f"{called}{hint}")
        if hint := _of_sums(answer, Path(folder, FILES[0]), whole, judged):
            return wrong(hint)
        trace = Path(folder, "trace")
        for name, (what, content) in itertools.product(FILES, _harmful(trace).items()):
            path = Path(folder, name)
            path.write_bytes(content)
            for which, sum_of_it in (
                ("another", judged),
                ("the judged", hashlib.sha256(content).hexdigest()),
            ):
                instead = _in_place_of_an_error(answer, path, sum_of_it)
                if trace.exists():
                    return wrong(
                        f"{what} with {which} sum, called {name}, was run: it has left a file behind."
                    )
                if instead:
                    return wrong(f"{what} is no safetensors file: {instead}")
    return right("The sum says that these are the bytes, the format that bytes are all there is.")


# --- 16.5: the nearest mean ---------------------------------------------------------------------------------------


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


# How far the vectors of an intent are scattered, and how many there are: they differ in both.
SCATTER = {
    "refund_status": (0.1, 60),
    "baggage_lost": (1.2, 12),
    "delay_status": (0.6, 30),
    "baggage_damaged": (1.6, 8),
    "rebook": (0.5, 1),
}


def _vectors() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors in no order, their intents, and the vectors that are asked about."""
    random = np.random.default_rng(5)
    centres = dict(zip(SCATTER, _of_length_one(random.normal(size=(5, 12)) + 1), strict=True))
    intents = random.permutation([name for name, (_, size) in SCATTER.items() for _ in range(size)])
    vectors = _of_length_one(
        np.stack([centres[name] + SCATTER[name][0] * random.normal(size=12) for name in intents])
    )
    return vectors, intents, _of_length_one(random.normal(size=(300, 12)) + 0.7)


def _means(vectors: np.ndarray, intents: np.ndarray) -> np.ndarray:
    return np.stack([vectors[intents == name].mean(axis=0) for name in np.unique(intents)])


@exercise
def ex_16_5(answer: Callable[..., Any]) -> Verdict:
    """Each vector gets the intent whose mean has the largest cosine with it."""
    if is_stub(answer):
        return NO_BODY
    vectors, intents, asked = _vectors()
    # A table's column is what the notebook has at hand, an array what others expect: either will do.
    for type_of_intents in (np.array, pd.Series):
        given = vectors.copy(), type_of_intents(intents), asked.copy()
        try:
            returned = answer(*given)
            break
        except Exception as error:
            stops = _stops(error)
    else:
        return wrong(f"With 12 numbers in each vector and five intents {stops}")
    if isinstance(returned, str) or not isinstance(returned, Iterable):
        return wrong(f"It returns {returned!s:.60}; wanted is an intent for each vector.")
    said = [str(each) for each in returned]
    if len(said) != len(asked):
        return wrong(f"It returns {len(said)} answers for {len(asked)} vectors.")
    if unknown := [each for each in said if each not in SCATTER]:
        return wrong(f"It returns {unknown[0]!r}; wanted is the name of an intent for each vector.")
    hint = _of_means(np.array(said), vectors, intents, asked)
    if hint:
        return wrong(hint)
    if not (
        np.allclose(given[0], vectors) and np.array_equal(given[1], intents) and np.allclose(given[2], asked)
    ):
        return wrong("The intents are right, but your function changes the arrays that it is given.")
    return right("A class is one vector, and sorting is one product: there is nothing to fit.")


def _of_means(said: np.ndarray, vectors: np.ndarray, intents: np.ndarray, asked: np.ndarray) -> str:
    """Name the likely mistake behind intents that are not those of the nearest means, or nothing."""
    names, counts = np.unique(intents, return_counts=True)
    means = _means(vectors, intents)
    cosines = asked @ _of_length_one(means).T
    wanted = names[cosines.argmax(axis=1)]
    if np.array_equal(said, wanted):
        return ""
    if len(set(said)) == 1:
        return f"All vectors get the same intent, {said[0]}."
    likely = {
        "Is each mean brought back to length one? A scattered class has a short one.": asked @ means.T,
        "The distance to a mean that is shorter than one is not the cosine.": -(
            (asked[:, None] - means) ** 2
        ).sum(axis=2),
        "That is the farthest mean.": -cosines,
        "A sum is the longer the larger its class is. Is it brought back to length one?": asked
        @ (means * counts[:, None]).T,
        "Is each mean brought to length one, or each column of their table?": asked
        @ (means / np.linalg.norm(means, axis=0)).T,
    }
    for hint, scores in likely.items():
        if np.array_equal(said, names[scores.argmax(axis=1)]):
            return hint
    if np.array_equal(said, intents[(asked @ vectors.T).argmax(axis=1)]):
        return "That is the nearest single message; the mean of its class is asked for."
    if len(set(zip(wanted, said, strict=True))) == len(set(wanted)):
        return (
            "The vectors of one mean all get one name, and not its own. Do the means and the names of the intents "
            "stand in the same order?"
        )
    return (
        f"{np.mean(said == wanted):.0%} of the vectors get the intent of the nearest mean. Is each mean that of all "
        "rows of its intent, and does nothing but the cosine decide?"
    )


# --- 16.6: what an adapter does ----------------------------------------------------------------------------


def _near(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=0, atol=1e-5))


@exercise
def ex_16_6(answer: Callable[..., Any]) -> Verdict:
    """A matrix with a thin change added, and the old one untouched."""
    if is_stub(answer):
        return NO_BODY
    random = np.random.default_rng(16)
    for rows, columns, rank, scale in ((6, 6, 2, 0.5), (5, 7, 3, 2.0), (8, 3, 1, -1.5), (40, 30, 12, 0.25)):
        matrix, down, up = (
            random.normal(size=shape).astype(np.float32)
            for shape in ((rows, columns), (rank, columns), (rows, rank))
        )
        before = matrix.copy(), down.copy(), up.copy()
        try:
            found = answer(matrix, down, up, scale)
        except (TypeError, ValueError) as error:  # JAX says TypeError of shapes that do not fit
            return wrong(
                f"A matrix of {rows} rows and {columns} columns, rank {rank}: {error}. Which product of `up` and "
                "`down` has the matrix's shape?"
            )
        if found is None:
            return wrong("It returns nothing: return the changed matrix.")
        if not all(map(np.array_equal, before, (matrix, down, up))):
            return wrong(
                "What was given is changed: the encoder's own matrix has to stay, so return a new one."
            )
        if verdict := _of_change(np.asarray(found), (matrix, down, up, scale)):
            return wrong(verdict)
    return right(
        "Any shape, any rank; what was trained stays thin, and the encoder's own numbers stay as they are."
    )


def _of_change(found: np.ndarray, given: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> str:
    """Say what is wrong with a changed matrix, or nothing."""
    matrix, down, up, scale = given
    product = up @ down
    if _near(found, matrix + scale * product):
        return ""
    mistakes = {
        "This is the change alone: add it to the matrix.": scale * product,
        "The change is added as it is: `scale` times it is wanted.": matrix + product,
        "The change is taken away instead of added.": matrix - scale * product,
        "`scale` multiplies the matrix, too: only the change is scaled.": scale * (matrix + product),
        "`scale` multiplies the matrix: it belongs to the change.": scale * matrix + product,
        "The change is divided by the rank: `scale` is all that it is multiplied by.": (
            matrix + scale / len(down) * product
        ),
        "Of the rank only a part is used: take all columns of `up` and all rows of `down`.": (
            matrix + scale * up[:, :8] @ down[:8]
        ),
        "It is the matrix as it was: nothing is added.": matrix,
        "The change is multiplied by the matrix: it is added.": matrix * scale * product,
    }
    for hint, mistake in mistakes.items():
        if _near(found, mistake):
            return hint
    if found.shape != matrix.shape:
        return f"Its shape is {found.shape}, and that of the matrix is {matrix.shape}."
    if matrix.shape[0] == matrix.shape[1] and _near(found, matrix + scale * product.T):
        return "The change lies on its side: rows and columns are swapped."
    return (
        "The shape is right and the numbers are not: matrix + scale · (up times down), a product of matrices."
    )


# --- 16.7: better, worse, or no telling --------------------------------------------------------------------

Hits = tuple[np.ndarray, np.ndarray]


def _hits(
    both: int,
    only_one: int,
    only_other: int,
    same_seeds: bool = True,
    seeds: int = 5,
    messages: int = 300,
) -> Hits:
    """Return hits of two ways, shape (seeds, messages) each: so many messages that both tell rightly, or only one does.

    Where the seeds are not the same, each of them has other messages in these parts.
    """
    random = np.random.default_rng([both, only_one, only_other])
    one, other = np.zeros((2, seeds, messages), dtype=int)
    order = random.permutation(messages)
    for seed in range(seeds):
        order = order if same_seeds else random.permutation(messages)
        first, second, third = np.cumsum([both, only_one, only_other])
        one[seed, order[:second]] = 1
        other[seed, np.r_[order[:first], order[second:third]]] = 1
    return one, other


def _one_seed_of_five() -> Hits:
    """Return hits where 60 messages are told by one way under one seed of five, and 12 by the other under all."""
    one, other = _hits(178, 0, 12)
    free = np.random.default_rng(7).permutation(np.flatnonzero(one.sum(0) + other.sum(0) == 0))
    for seed in range(5):
        one[seed, free[12 * seed : 12 * seed + 12]] = 1
    return one, other


def _cases() -> list[tuple[str, Hits, str]]:
    """Return what is wanted, the hits of two ways, and what a mistake in it means."""
    no_chance = (
        "A difference of a fifth of the messages is no chance. Is it how much single messages differ, and not their "
        "mean?"
    )
    chance = "15 messages for and 12 against is what chance does, too, under however many seeds."
    paired = (
        "One way tells 9 of 300 messages more rightly, and none less, whatever the seed. Both are judged on the "
        "same messages: draw these for both, as many as there are, and look at the differences."
    )
    not_five_times = (
        "300 messages under five seeds are not 1,500 messages: here all seeds agree, and 15 messages against 8 "
        "decide. Draw whole messages, with all their seeds."
    )
    all_seeds = (
        "Here each seed by itself leaves it open, and the five together do not. Is the mean of a message's five "
        "differences taken, and are these drawn?"
    )
    one_in_five = (
        "60 messages are told by the one way under one seed of five, and 12 by the other under all five: on average "
        "that is a tie. A message counts by the share of its seeds."
    )
    return [
        (
            "no telling",
            _hits(240, 0, 0),
            "Two ways that agree on every message are neither better nor worse.",
        ),
        ("better", _hits(150, 80, 20, same_seeds=False), no_chance),
        ("worse", _hits(150, 20, 80, same_seeds=False), no_chance),
        ("no telling", _one_seed_of_five(), one_in_five),
        ("no telling", _hits(200, 15, 12, same_seeds=False), chance),
        ("better", _hits(150, 9, 0), paired),
        ("worse", _hits(150, 0, 9), paired),
        ("no telling", _hits(270, 15, 8), not_five_times),
        ("no telling", _hits(270, 8, 15), not_five_times),
        ("better", _hits(150, 40, 26, same_seeds=False), all_seeds),
        (
            "no telling",
            _hits(100, 80, 62),
            "Where 80 messages are for it and 62 against, six points of a hundred may be chance: no limit holds for "
            "all.",
        ),
        (
            "no telling",
            _hits(200, 2, 0),
            "Two messages for it and none against: one draw in seven holds neither of them.",
        ),
        (
            "no telling",
            _hits(30, 15, 8, seeds=1, messages=60),
            "Here are 60 messages under one seed: are as many drawn as there are?",
        ),
    ]


# Messages for the first way and against it, of 300 under the same seeds: 0 lies about 1.7 standard errors from the
# difference, and about 2.3.
INSIDE, OUTSIDE = ((67, 48), (74, 54), (57, 40)), ((63, 39), (78, 52), (62, 40))


def _of_95(answer: Callable[..., Any]) -> str:
    """Say what is wrong with the share that an interval holds, or nothing; few draws may err in one of three."""
    for more, fewer in (("better", "worse"), ("worse", "better")):
        for pairs, wanted in ((INSIDE, "no telling"), (OUTSIDE, more)):
            given = [pair if more == "better" else pair[::-1] for pair in pairs]
            said = [_in_words(answer(*_hits(120, *pair))) for pair in given[:2]]
            if wanted in said and said != [wanted, wanted]:
                said.append(_in_words(answer(*_hits(120, *given[2]))))
            if said.count(wanted) == 2:
                continue
            if fewer in said:
                return f"It says {fewer!r} where {wanted!r} is wanted: are the draws enough, some thousand?"
            if wanted == "no telling":
                return (
                    f"It says {more!r} where 0 is 1.7 standard errors away: an interval of 90% leaves it out, one of "
                    "95% does not. 2.5% are left out at each end."
                )
            return (
                "It says 'no telling' where 0 is 2.3 standard errors away: that interval holds more than 95%. Are 2.5% "
                "left out at each end, and as many messages drawn as there are?"
            )
    return ""


def _in_words(said: Any) -> str:
    """Return one of the three answers, or nothing for another one."""
    words = said.strip().casefold() if isinstance(said, str) else ""
    return words if words in ("better", "worse", "no telling") else ""


@exercise
def ex_16_7(answer: Callable[..., Any]) -> Verdict:
    """An interval of the difference, by drawing messages."""
    if is_stub(answer):
        return NO_BODY
    for wanted, (one, other), hint in _cases():
        found = answer(one.copy(), other.copy())
        said = _in_words(found)
        if not said:
            return wrong(f'It returns {reprlib.repr(found)}; wanted is "better", "worse" or "no telling".')
        if {said, wanted} == {"better", "worse"}:
            return wrong(
                f"It says {said!r} where the first way is the other of the two: which difference is taken?"
            )
        if said != wanted:
            return wrong(f"It says {said!r} where {wanted!r} is wanted. {hint}")
    hint = _of_95(answer)
    if hint:
        return wrong(hint)
    return right(
        "The same messages for both, all seeds of a message together: now a tie may be called a tie."
    )


# --- 16.8: what a training holds ---------------------------------------------------------------------------


@exercise
def ex_16_8(answer: Callable[..., Any]) -> Verdict:
    """Gigabytes of a training, for any model."""
    if is_stub(answer):
        return NO_BODY
    # The first one tells the mistakes apart: at 16 bits some of them come to the same.
    cases = ((1e9, 3e8, 4), (0, 7e9, 16), (7e9, 20e6, 4), (7e9, 20e6, 16), (7e9, 0, 16), (1e9, 3e8, 8))
    for frozen, trained, bits in cases:
        wanted = (frozen * bits / 8 + trained * 16) / 1e9
        said = answer(frozen, trained, bits)
        try:
            found = float(said)
        except (TypeError, ValueError):
            return wrong(f"It returns {reprlib.repr(said)}; wanted is one number, the gigabytes.")
        if abs(found - wanted) <= max(0.002 * wanted, 0.05):  # to one decimal is enough
            continue
        what = f"{frozen:,.0f} frozen numbers of {bits} bits and {trained:,.0f} trained ones"
        for hint, mistake in _of_memory(frozen, trained, bits).items():
            if abs(found - mistake) <= 0.002 * mistake:
                return wrong(f"{what}: {hint}")
        return wrong(
            f"{what}: it says {found:.4g}. How many bytes is a frozen number, and how many a trained one?"
        )
    return right(
        "112 GB for all of seven billion, 14.3 with an adapter, 3.8 on 4 bits: the optimiser is what costs."
    )


def _of_memory(frozen: float, trained: float, bits: float) -> dict[str, float]:
    """Map each likely mistake to the gigabytes that it gives."""
    weights = frozen * bits / 8
    return {
        "these are bytes; a gigabyte is 10⁹ of them.": weights + trained * 16,
        "this is 1,024³ bytes to the gigabyte; 10⁹ is asked for.": (weights + trained * 16) / 1024**3,
        "a frozen number has `bits` bits, whatever the trained ones have.": (frozen * 2 + trained * 16) / 1e9,
        "a byte has eight bits.": (frozen * bits + trained * 16) / 1e9,
        "the optimiser's two numbers are missing.": (weights + trained * 8) / 1e9,
        "of a trained number's parts one of four bytes is missing.": (weights + trained * 12) / 1e9,
        "the gradient is missing.": (weights + trained * 14) / 1e9,
        "a trained number is more than its weight.": (weights + trained * 2) / 1e9,
        "the trained numbers are missing.": weights / 1e9,
        "a trained number is more than one number of `bits` bits.": (frozen + trained) * bits / 8 / 1e9,
        "the trained numbers' own 16 bits do not depend on `bits`.": (weights + trained * (14 + bits / 8))
        / 1e9,
        "the trained numbers are counted twice: once as frozen ones.": (weights + trained * (16 + bits / 8))
        / 1e9,
        "the trained numbers come on top of the frozen ones.": (weights + trained * (16 - bits / 8)) / 1e9,
        "a frozen number needs no gradient.": (frozen * (bits / 8 + 2) + trained * 16) / 1e9,
        "4 bits are half a byte: it is rounded to a whole one.": (frozen * -(-bits // 8) + trained * 16)
        / 1e9,
        "the frozen numbers are missing (4 bits are half a byte, and `4 // 8` is 0).": trained * 16 / 1e9,
        "a frozen number needs no gradient and no optimiser.": (frozen + trained) * 16 / 1e9,
    }


# --- 16.9: what a rule costs ---------------------------------------------------------------------------------


def _told(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of five desks for each message, quarters and fifths among them, and its own desk."""
    random = np.random.default_rng(seed)
    surest = random.choice([0.3, 0.5, 0.75, 0.8, 0.9, 0.99], rows)
    probabilities = np.repeat((1 - surest)[:, None] / 4, 5, axis=1)
    said = random.integers(5, size=rows)
    probabilities[np.arange(rows), said] = surest
    is_right = random.uniform(size=rows) < surest
    return probabilities, np.where(is_right, said, (said + random.integers(1, 5, rows)) % 5)


# Messages, and what a reading and a wrong desk cost.
PRICES = ((300, 1, 5), (240, 1, 4), (130, 2, 4), (90, 3, 60), (80, 1, 1), (60, 3, 2))


@exercise
def ex_16_9(answer: Callable[..., Any]) -> Verdict:
    """What 100 messages cost where the model sorts those of which it is sure enough."""
    if is_stub(answer):
        return NO_BODY
    for seed, (rows, reading, mistake) in enumerate(PRICES):
        probabilities, wanted = _told(seed, rows)
        said = answer(probabilities.copy(), wanted.copy(), reading, mistake)
        try:
            found = _number(said)
        except (TypeError, ValueError):
            return wrong(f"It returns {reprlib.repr(said)}; wanted is one number, the cost of 100 messages.")
        where = f"{rows} messages, a reading at {reading}, a wrong desk at {mistake}"
        right_cost, *mistakes = _costs(probabilities, wanted, reading, mistake).items()
        if abs(found - right_cost[1]) < 1e-6:
            continue
        for hint, cost in mistakes:
            if abs(found - cost) < 1e-6:
                return wrong(f"{where}: {hint}")
        return wrong(f"{where}: it says {found:.6g}, and 100 messages cost {right_cost[1]:.6g}.")
    return right("The price of a mistake sets the threshold, so another price is another model in use.")


def _costs(probabilities: np.ndarray, wanted: np.ndarray, reading: float, mistake: float) -> dict[str, float]:
    """Map each likely mistake to the cost that it gives; the first one is the right cost."""
    surest, is_wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != wanted

    def cost(by_model: np.ndarray) -> float:
        return float(100 * (reading * ~by_model + mistake * (by_model & is_wrong)).mean())

    enough = 1 - reading / mistake
    own = cost(surest >= enough)
    return {
        "": own,
        "this is the cost of one message.": own / 100,
        "this is the cost of all of them; 100 are asked for.": own * len(wanted) / 100,
        "it sorts from reading/wrong on. At which probability of a mistake does a mistake cost a reading?": cost(
            surest >= reading / mistake
        ),
        "0.8 belongs to one pair of prices; here are others.": cost(surest >= 0.8),
        "does the model sort those that are exactly as sure as is enough?": cost(surest > enough),
        "all of the mistakes cost, also where a person reads.": float(
            100 * (reading * (surest < enough) + mistake * is_wrong).mean()
        ),
        "the readings are missing.": float(100 * mistake * ((surest >= enough) & is_wrong).mean()),
        "this is the cost where the model sorts everything.": cost(surest >= 0),
        "this is the cost where a person reads everything.": cost(surest > 1),
    }


# --- 16.10: a version that names its encoder -----------------------------------------------------------------


@exercise
def ex_16_10(answer: Callable[..., Any]) -> Verdict:
    """One version for one month, encoder and table of probabilities, and another one for another."""
    if is_stub(answer):
        return NO_BODY
    random = np.random.default_rng(10)
    # Not near the middle between two numbers of six decimals, so that a rounding is one.
    table = (random.integers(1, 999_999, size=(112, 14)) + 0.2) / 1e6
    encoders = [hashlib.sha256(name).hexdigest() for name in (b"one", b"other")]

    def version(month: str = "2013-03", encoder: str = encoders[0], probabilities: np.ndarray = table) -> Any:
        return answer(month, encoder, probabilities.copy())

    said = version()
    if not isinstance(said, str) or not said.startswith("2013-03") or "/" in said or len(said) > 255:
        return wrong(
            f"It returns {reprlib.repr(said)}; wanted is a text that begins with the month and names a folder."
        )
    if version() != said:
        return wrong(
            "Asked the same twice, it gives two versions: a run that is repeated has to find its own."
        )
    with unittest.mock.patch("builtins.hash", return_value=42):
        if version() != said:
            return wrong("hash() of a text is another number in the next process: take a sum that stays.")
    swapped, other, last = table.copy(), table.copy(), table.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    other[61, 7] += 2e-6
    last[-1, 7] += 2e-6
    if version(probabilities=table + 1e-8) != said:
        return wrong("In the eighth decimal two machines differ, and it gives another version for that.")
    for what, another in {
        "another encoder": version(encoder=encoders[1]),
        "another month": version(month="2013-04"),
        "a probability that is larger by 0.000002": version(probabilities=other),
        "one in the last row that is larger by 0.000002": version(probabilities=last),
        "the same probabilities for other messages": version(probabilities=swapped),
    }.items():
        if another == said:
            return wrong(f"With {what} it gives the same version.")
    named = {version(encoder=hashlib.sha256(bytes([number])).hexdigest()) for number in range(100)}
    if len(named) < 100:
        return wrong(f"A hundred encoders get {len(named)} versions: too few letters tell them apart.")
    if any("/" in each for each in named):
        return wrong("For some encoders there is a / in it, and that cannot be part of a folder's name.")
    return right(
        "Equal answers by another encoder are another version: the model file fits only one of them."
    )


# --- 16.11: have the texts moved? -----------------------------------------------------------------------------

# Rows learned from, rows of the month, how far its vectors are scattered, and how far their mean has moved.
MAIL = {
    "A small month of the same mail": (300, 25, 1.0, 0.0),
    "A large month of the same mail": (300, 250, 0.3, 0.0),
    "A month whose mean has moved a little": (400, 300, 0.1, 0.03),
    "A small month of other mail": (300, 25, 1.0, 0.8),
}
REPEATED = 20


@exercise
def ex_16_11(answer: Callable[..., Any]) -> Verdict:
    """An alarm where a month is further away than chance brings it, and seldom else."""
    if is_stub(answer):
        return NO_BODY
    for name, (of_history, of_month, scatter, moved) in MAIL.items():
        alarms = 0
        for seed in range(REPEATED):
            random = np.random.default_rng([11, of_month, seed])
            rows = random.normal(0, scatter, (of_history + of_month, 12)) + np.linspace(0, 1, 12)
            rows[of_history:] += moved
            said = answer(rows[:of_history].copy(), rows[of_history:].copy())
            if not isinstance(said, bool | np.bool_):
                return wrong(f"It returns {reprlib.repr(said)}; wanted is True or False.")
            alarms += bool(said)
        where = f"{name}, drawn {REPEATED} times: {alarms} alarms."
        if not moved and alarms > 4:
            return wrong(
                f"{where} By chance about one is due. Are the draws as large as the month and the history are?"
            )
        if moved and alarms < REPEATED - 2:
            return wrong(f"{where} Nearly all are due. How far do draws from all rows together come?")
    return right("It says that the texts have moved, and not whether the model is worse for it.")
