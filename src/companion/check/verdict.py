"""What a check can say, in exactly one line: not answered yet, right, or wrong with a hint.

A chapter's checks stand in its ``check.py``::

    from companion.check.verdict import Verdict, exercise, right, wrong

    @exercise
    def ex_1_1(answer: float) -> Verdict:
        if answer > 0.85:
            return wrong("This good only with dep_delay, which nobody knows two hours before departure.")
        return right("Without the leak the model ranks three pairs of flights in four.")

``@exercise`` says "not answered yet" for None, and turns an error that the check raises on a strange answer
into a hint. A hint names the likely mistake, never the solution.
"""

import contextlib
import dis
import functools
import io
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from companion import progress

RIGHT_MARK, WRONG_MARK, NOT_ANSWERED_MARK = "✅", "❌", "…"
SOLVED: set[str] = set()  # the exercises that were solved in this kernel


class NoVerdict(Exception):
    """A check could not find out what it has to know; the text is one clear sentence, and not about the answer."""


@dataclass(frozen=True)
class Verdict:
    """A mark and the sentence behind it."""

    mark: str
    text: str


# Also for a check that finds the stub inside the learner's function.
NOT_ANSWERED = Verdict(NOT_ANSWERED_MARK, "not answered yet. Replace None above, then run both cells.")

NO_BODY = Verdict(NOT_ANSWERED_MARK, "not answered yet. Write the function's body, then run both cells.")


KILLED = "no verdict: the process was killed; close what fills the memory and run this cell again."


def too_long(seconds: float) -> str:
    """Say that an answer was given up on: it may wait without end, and it may be the machine that takes long."""
    given = f"{seconds / 60:g} minutes" if seconds > 60 else "a minute"
    return (
        f"no verdict: running this took longer than {given} on this machine. Does it wait for "
        "something? If not, close what keeps the machine busy and run this cell again."
    )


def is_stub(answer: Any) -> bool:
    """Say whether the body of a learner's function is still the line ``return None``."""
    code = getattr(answer, "__code__", None)
    if code is None or code.co_names or len(code.co_varnames) > code.co_argcount + code.co_kwonlyargcount:
        return False
    # Nothing but None is loaded: no call, no other value.
    return all(each.argval is None for each in dis.get_instructions(code) if each.opname.startswith("LOAD_"))


def right(shows: str) -> Verdict:
    """Accept the answer and say what it shows."""
    return Verdict(RIGHT_MARK, f"right. {shows}")


def wrong(hint: str) -> Verdict:
    """Refuse the answer with a hint that names the likely mistake."""
    return Verdict(WRONG_MARK, f"not yet. {hint}")


def exercise(check: Callable[[Any], Verdict]) -> Callable[[Any], None]:
    """Make a check of a function ``ex_N_M`` that judges an answer: it prints its verdict in one line."""
    _, chapter, number = check.__name__.split("_")

    @functools.wraps(check)
    def say(answer: Any) -> None:
        if answer is None:
            verdict = NOT_ANSWERED
        else:
            try:
                # A function that a learner wrote may print or warn; the verdict stays one line.
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    verdict = check(answer)
            except NoVerdict as reason:
                verdict = Verdict(NOT_ANSWERED_MARK, str(reason))
            except subprocess.TimeoutExpired as reason:  # of a process in which a check runs the answer
                verdict = Verdict(NOT_ANSWERED_MARK, too_long(reason.timeout))
            except Exception as error:
                verdict = wrong(
                    f"This answer, a {type(answer).__name__}, could not be checked "
                    f"({type(error).__name__}: {error}); read again what kind of value is asked for."
                )
        print(" ".join(f"{verdict.mark} Exercise {chapter}.{number}: {verdict.text}".split()))
        if verdict.mark == RIGHT_MARK:
            SOLVED.add(f"{chapter}.{number}")
        if verdict.mark != NOT_ANSWERED_MARK:
            progress.answered(f"{chapter}.{number}", verdict.mark == RIGHT_MARK)

    return say
