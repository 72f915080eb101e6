"""The checks of chapter 99."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

# Early, exactly on the limit, late, very late; and one that never arrived.
FLIGHTS = pd.DataFrame(
    {"carrier": ["AA", "AA", "UA", "UA", "DL"], "arr_delay": [-60.0, 15.0, 16.0, 90.0, None]}
)


@exercise
def ex_99_1(answer: Callable[[pd.DataFrame], Any]) -> Verdict:
    """The share of late flights among those that arrived."""
    if is_stub(answer):
        return NO_BODY
    share = answer(FLIGHTS.copy())
    if share == 0.5:
        return right("Two of the four that arrived were late; the fifth cannot be judged.")
    if share == 0.4:
        return wrong("A flight without an arrival was counted as punctual: leave it out before you compare.")
    if share == 0.75:
        return wrong("A flight that is exactly 15 minutes late, or very early, was counted as late.")
    return wrong(f"Of five flights four arrived and two of these were late, but your function gives {share}.")
