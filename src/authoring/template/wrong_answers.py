"""Wrong answers to the exercise of chapter 99, each a mistake that somebody makes, and right ones in other styles."""

import pandas as pd


def counts_missing_as_punctual(flights: pd.DataFrame) -> float:
    return float((flights["arr_delay"] > 15).mean())


def takes_the_limit_for_late(flights: pd.DataFrame) -> float:
    return float((flights["arr_delay"].dropna() >= 15).mean())


def counts_instead_of_sharing(flights: pd.DataFrame) -> int:
    return int((flights["arr_delay"] > 15).sum())


def by_a_query(flights: pd.DataFrame) -> float:
    arrived = flights.query("arr_delay == arr_delay")
    return len(arrived.query("arr_delay > 15")) / len(arrived)


WRONG = {"ex_99_1": [counts_missing_as_punctual, takes_the_limit_for_late, counts_instead_of_sharing]}
ALSO_RIGHT = {"ex_99_1": [by_a_query]}
