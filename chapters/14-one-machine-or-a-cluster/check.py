"""Checks of chapter 14: what an engine gave is compared, not how it was asked."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from chapter_14.tables import ASKED, decisions_and_weather
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.steps.ingest import ingest

# --- 14.1: the as-of join ---

HOUR = pd.Timedelta(hours=1)


def _edges() -> tuple[pa.Table, pa.Table]:
    """Return decisions at the edges: on the minute, too old by one, before all, with a null in the latest row."""

    def at(text: str) -> pd.Timestamp:
        return pd.Timestamp(f"2013-06-03 {text}", tz="UTC")

    names = ["03:00", "04:00", "05:00", "14:00"]
    weather = pd.DataFrame(
        {
            "origin": ["EWR"] * 4 + ["JFK"],
            "time_hour": [*map(at, names), at("05:00")],
            "temp": [60.0, 61.0, None, 70.0, 50.0],
            "wind_gust": [20.0, None, None, 30.0, None],
            "precip": [0.0, 0.1, 0.2, 0.3, 0.4],
        }
    )
    moments = [
        "06:00",
        "05:59",
        "12:00",
        "12:01",
        "03:59",
        "14:40",
        "15:00",
        "05:59",
        "06:00",
        "05:30",
        "15:00",
    ]
    origins = ["EWR"] * 8 + ["JFK", "JFK", "LGA"]
    decisions = pd.DataFrame(
        {"row": range(len(moments)), "origin": origins, "decided_at": [*map(at, moments)]}
    )
    decisions = decisions.sample(frac=1, random_state=0)
    unit = "datetime64[ms, UTC]"
    tables = decisions.astype({"decided_at": unit}), weather.astype({"time_hour": unit})
    return tuple(pa.Table.from_pandas(table, preserve_index=False) for table in tables)


def _joined(
    decisions: pa.Table, weather: pa.Table, known_after: pd.Timedelta = HOUR, **options: Any
) -> pd.DataFrame:
    """Join as the pipeline does; the options are those of `merge_asof`, for mistakes."""
    board = weather.to_pandas()
    board["known_at"] = (board["time_hour"] + known_after).astype(board["time_hour"].dtype)
    asked = (
        decisions.to_pandas()
        .rename(columns={"decided_at": "known_at"})
        .sort_values("known_at", kind="stable")
    )
    found = pd.merge_asof(
        asked,
        board.sort_values("known_at", kind="stable"),
        on="known_at",
        by="origin",
        **{"tolerance": pd.Timedelta(hours=6), **options},
    )
    return found[["row", *ASKED]].sort_values("row", ignore_index=True)


def _filled(decisions: pa.Table, weather: pa.Table) -> pd.DataFrame:
    board = weather.to_pandas().sort_values("time_hour", kind="stable")
    board[ASKED] = board.groupby("origin")[ASKED].ffill()
    return _joined(decisions, pa.Table.from_pandas(board, preserve_index=False))


def _zeros(decisions: pa.Table, weather: pa.Table) -> pd.DataFrame:
    return _joined(decisions, weather).fillna(0)


MISTAKES: dict[str, Callable[[pa.Table, pa.Table], pd.DataFrame]] = {
    "This is the row at its name. When the clock shows 17:30, the row called 17:00 is still being made: when is it "
    "complete?": lambda d, w: _joined(d, w, pd.Timedelta(0)),
    "Some rows are of later than the decision: the nearest row may be one of the future.": lambda d, w: (
        _joined(d, w, direction="nearest")
    ),
    "The nearest row by its name: it may be one of the future.": lambda d, w: _joined(
        d, w, pd.Timedelta(0), direction="nearest"
    ),
    "Some weather is a day old. Say how old the latest row may be.": lambda d, w: _joined(
        d, w, tolerance=None
    ),
    "Where the hour before has no row, an older one may be used, up to six hours; you took none.": lambda d, w: (
        _joined(d, w, tolerance=pd.Timedelta(minutes=59))
    ),
    "Complete six hours before is still young enough, a minute more is not: from when do you count?": lambda d, w: (
        _joined(d, w, tolerance=pd.Timedelta(hours=5))
    ),
    "From when do you count the six hours: from the row's name, or from when it was complete?": lambda d, w: (
        _joined(d, w, tolerance=pd.Timedelta(hours=7))
    ),
    "A row that is complete at this very minute may be used.": lambda d, w: _joined(
        d, w, allow_exact_matches=False
    ),
    "The latest row has nulls, and yours has values: an older row was taken for what this one does not say.": _filled,
    "What is missing has become 0: no gust and a gust that nobody reported are two things.": _zeros,
}


def _as_pandas(found: Any) -> pd.DataFrame | None:
    """Turn what an engine gives into pandas: a query of DuckDB, a frame of Polars (lazy or not), Arrow, pandas."""
    for method in ("collect", "df", "to_pandas", "read_all"):
        if not isinstance(found, pd.DataFrame) and hasattr(found, method):
            found = getattr(found, method)()
    if isinstance(found, pa.Table):
        found = found.to_pandas()
    return found if isinstance(found, pd.DataFrame) else None


def _ordered(found: pd.DataFrame) -> pd.DataFrame:
    kept = found[["row", *ASKED]].sort_values("row", kind="stable", ignore_index=True)
    return kept.astype({"row": "int64", **dict.fromkeys(ASKED, "float64")})


def _join_problem(answer: Callable[..., Any], decisions: pa.Table, weather: pa.Table) -> Verdict | None:
    found = _as_pandas(answer(decisions, weather))
    if found is None:
        return wrong(
            "Return the table: a query of DuckDB, a frame of Polars or an Arrow table, not a list or None."
        )
    lacking = [name for name in ("row", *ASKED) if name not in found]
    if lacking:
        return wrong(
            f"The result lacks the column {lacking[0]}; it has {', '.join(map(str, found.columns))}."
        )
    given, wanted = _ordered(found), _ordered(_joined(decisions, weather))
    if len(given) < len(wanted):
        lost = len(wanted) - len(given)
        return wrong(
            f"{lost} of {len(wanted)} decisions have vanished. What does your join do with one that finds nothing?"
        )
    if len(given) > len(wanted):
        return wrong(f"{len(wanted)} decisions have {len(given)} rows: some found more than the latest row.")
    if given.equals(wanted):
        return None
    for hint, mistake in MISTAKES.items():
        if given.equals(_ordered(mistake(decisions, weather))):
            return wrong(hint)
    differs = ~(given.eq(wanted) | (given.isna() & wanted.isna())).all(axis="columns")
    row = int(np.flatnonzero(differs)[0])
    asked = decisions.to_pandas().set_index("row").loc[given["row"].iloc[row]]
    return wrong(
        f"{differs.sum()} of {len(wanted)} decisions have other weather; the first is that of {asked['origin']} at "
        f"{asked['decided_at']:%d %B %H:%M} UTC. Which row of its airport was the latest complete one?"
    )


@exercise
def ex_14_1(answer: Callable[..., Any]) -> Verdict:
    """The as-of join by another engine, on made edges and on June."""
    if not callable(answer):
        return wrong("A function is asked for, which gets the two tables.")
    if is_stub(answer):
        return NO_BODY
    for tables in (_edges(), decisions_and_weather(ingest("2013-06", window=1))):
        problem = _join_problem(answer, *tables)
        if problem:
            return problem
    return right(
        "Each decision has its row, backward, complete, at most six hours old; what is missing is missing still. This "
        "is the part of featurize that differs from engine to engine."
    )


# --- 14.2: what breaks first ---


def _case(
    rows: Sequence[float], seconds: Sequence[float], mb: Sequence[float]
) -> tuple[dict[str, float], dict[str, float]]:
    small, large = ({"rows": r, "seconds": s, "mb": m} for r, s, m in zip(rows, seconds, mb, strict=True))
    return small, large


# A start-up of 20 s makes the first one look as if time broke first; the second holds its memory.
CASES = (
    (_case((1e6, 10e6), (22, 40), (900, 4_500)), 8_000, 60, "memory", 1e6 + (8_000 - 900) / 400 * 1e6),
    (_case((1e6, 10e6), (22, 40), (900, 4_500)), 64_000, 60, "time", 20e6),
    (_case((2e6, 6e6), (10, 50), (2_000, 2_000)), 4_000, 600, "time", 61e6),
    (_case((2e6, 6e6), (10, 50), (2_400, 2_100)), 4_000, 90, "time", 10e6),
    (_case((1e6, 4e6), (30, 30), (500, 2_000)), 3_000, 31, "memory", 6e6),
    (
        _case((327_346, 3_273_460), (3, 21), (400, 2_000)),
        3_000,
        100,
        "memory",
        327_346 + 2_600 / 1_600 * 2_946_114,
    ),
)


@exercise
def ex_14_2(answer: Callable[..., Any]) -> Verdict:
    """What breaks first, from two measurements."""
    if not callable(answer):
        return wrong("A function is asked for, which gets two measurements and two limits.")
    if is_stub(answer):
        return NO_BODY
    for (small, large), memory, patience, what, rows in CASES:
        found = answer(dict(small), dict(large), memory, patience)
        if not isinstance(found, tuple | list) or len(found) != 2:
            return wrong('Return a pair: "memory" or "time", and the number of rows.')
        case = f"{_said(small)} and {_said(large)}, with {memory:,} MB and {patience} s"
        if found[0] != what:
            return wrong(
                f"{case}: {what} breaks first, not {found[0]!r}.{_why(small, large, memory, patience, found[0])}"
            )
        if (
            isinstance(found[1], bool)
            or not isinstance(found[1], int | float | np.number)
            or not math.isfinite(found[1])
        ):
            return wrong(f"{case}: the second of the pair is a number of rows, not {found[1]!r}.")
        if not math.isclose(float(found[1]), rows, rel_tol=0.01):
            return wrong(
                f"{case}: {what} breaks, but not at {found[1]:,.0f} rows. Does your line go through both?"
            )
    return right(
        "Two measurements give a line, and the line a number of rows; what has to be paid once is no part of its slope."
    )


def _said(measured: Mapping[str, float]) -> str:
    return f"{measured['rows']:,.0f} rows in {measured['seconds']:g} s and {measured['mb']:,g} MB"


def _why(
    small: Mapping[str, float], large: Mapping[str, float], memory: float, patience: float, said: Any
) -> str:
    name, limit = ("mb", memory) if said == "memory" else ("seconds", patience)
    if large[name] <= small[name]:
        return " What does not grow never breaks."
    through_nought = (
        min(m["rows"] * memory / m["mb"] for m in (small, large)),
        min(m["rows"] * patience / m["seconds"] for m in (small, large)),
    )
    if (through_nought[0] < through_nought[1]) == (said == "memory"):
        return " Is the start-up multiplied, too? The line does not begin at nought."
    return f" Along the line, at how many rows is {limit:,} reached?"
