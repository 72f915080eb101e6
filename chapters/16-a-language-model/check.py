"""The checks of chapter 16: an interval, messages dealt without twins, a threshold; weights and class means."""

import itertools
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

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


def _stops(error: Exception) -> str:
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
