"""Checks of chapter 10: each judges a lab, the evidence and the live cluster (`chapter_10.labs`)."""

from collections.abc import Callable
from typing import Any

from companion.check.verdict import Verdict, exercise, wrong


def _check(number: int) -> Callable[[Any], None]:
    def judge(answer: Any) -> Verdict:
        from chapter_10 import labs  # it loads the cluster's settings, which only this chapter needs
        from companion.cluster.shell import ClusterError

        try:
            return labs.judge(number, answer)
        except ClusterError as error:
            return wrong(str(error))

    judge.__name__ = f"ex_10_{number}"
    return exercise(judge)


for _number in range(1, 11):  # exercise 10.3 is lab 3; the labs after the tenth have no exercise
    globals()[f"ex_10_{_number}"] = _check(_number)
