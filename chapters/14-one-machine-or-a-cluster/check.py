"""Checks of chapter 14: what an engine gave is compared, not how it was asked."""

import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chapter_14.tables import ASKED, decisions_and_weather
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.steps.ingest import ingest

# --- 14.1: the as-of join ---

HOUR = pd.Timedelta(hours=1)


def _edges() -> tuple[pa.Table, pa.Table]:
    """Return decisions at the edges: on the minute, too old by one, before all, with a null in the latest row.

    On the day on which New York's clocks go back, at 06:00 UTC, so that times without their zone differ.
    """

    def at(text: str) -> pd.Timestamp:
        return pd.Timestamp("2013-11-03", tz="UTC") + pd.Timedelta(f"{text}:00")

    nothing = (None, None, None)
    rows = [
        ("EWR", "03:00", 60.0, 20.0, 0.0),
        ("EWR", "04:00", 61.0, None, 0.1),
        ("EWR", "05:00", None, None, 0.2),
        ("EWR", "14:00", 70.0, 30.0, 0.3),
        ("JFK", "05:00", 50.0, None, 0.4),
        ("JFK", "07:00", 51.0, 21.0, None),
        ("JFK", "16:00", 52.0, 22.0, 0.5),
        ("JFK", "17:00", *nothing),
        ("JFK", "21:00", 53.0, 23.0, 0.6),
    ]
    asked = {
        "EWR": "06:00 05:59 12:00 12:01 12:59 13:00 03:59 14:40 15:00 05:59",
        "JFK": "06:00 05:30 08:30 15:00 18:10 25:10",
        "LGA": "15:00",
    }
    weather = pd.DataFrame(
        [(origin, at(name), *values) for origin, name, *values in rows],
        columns=["origin", "time_hour", *ASKED],
    )
    moments = [(origin, at(text)) for origin, texts in asked.items() for text in texts.split()]
    decisions = pd.DataFrame(moments, columns=["origin", "decided_at"])
    decisions.insert(0, "row", range(7, 7 + len(moments)))
    unit = "datetime64[ms, UTC]"
    tables = decisions.astype({"decided_at": unit}), weather.astype({"time_hour": unit})
    # Neither comes in the order of time, and nobody said that it would.
    one, other = (
        pa.Table.from_pandas(table.sample(frac=1, random_state=1), preserve_index=False) for table in tables
    )
    return one, other


def _june() -> tuple[pa.Table, pa.Table]:
    """Return the lesson's tables, with one decision in twenty: a join by airport alone, filtered later, fits, too."""
    decisions, weather = decisions_and_weather(ingest("2013-06", window=1))
    return decisions.take(list(range(0, decisions.num_rows, 20))), weather


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


def _zeros(decisions: pa.Table, weather: pa.Table) -> pd.DataFrame:
    return _joined(decisions, weather).fillna(0)


MISTAKES: dict[str, Callable[[pa.Table, pa.Table], pd.DataFrame]] = {
    "This is the row at its name. When the clock shows 17:30, the row called 17:00 is still being made: when is it "
    "complete?": lambda d, w: _joined(d, w, pd.Timedelta(0)),
    "Some rows are of later than the decision: the nearest row may be one of the future.": lambda d, w: (
        _joined(d, w, direction="nearest")
    ),
    "The rows are of later than the decision. Which way does the join look?": lambda d, w: _joined(
        d, w, direction="forward"
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
    "Six hours and 59 minutes are more than six hours; counted in whole hours they are six.": lambda d, w: (
        _joined(d, w, tolerance=pd.Timedelta(hours=6, minutes=59))
    ),
    "From when do you count the six hours: from the row's name, or from when it was complete?": lambda d, w: (
        _joined(d, w, tolerance=pd.Timedelta(hours=7))
    ),
    "A row that is complete at this very minute may be used.": lambda d, w: _joined(
        d, w, allow_exact_matches=False
    ),
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
    return kept.astype("float64")


def _latest(decisions: pa.Table, weather: pa.Table) -> pd.Series:
    """Say of each decision's latest row whether it is whole, has a null, or is not there."""
    board = weather.to_pandas()
    board["temp"] = board[ASKED].isna().any(axis="columns").astype(float)
    found = _joined(decisions, pa.Table.from_pandas(board, preserve_index=False))["temp"]
    return found.map({0.0: "whole", 1.0: "null"}).fillna("none")


ONLY_WHERE: dict[str, set[str]] = {
    "Where the latest row is too old, or there is none, all three are null; some of yours have a value.": {
        "none"
    },
    "Yours differ where the latest row has a null: it was filled, or the row was left out and an older one taken. What "
    "is null stays null, and belongs to its row.": {"null"},
}


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
    if not given["row"].equals(wanted["row"]):
        return wrong(
            "The numbers in the column row are not those of the decisions: keep them, and do not count anew."
        )
    for hint, mistake in MISTAKES.items():
        if given.equals(_ordered(mistake(decisions, weather))):
            return wrong(hint)
    differs = ~(given.eq(wanted) | (given.isna() & wanted.isna())).all(axis="columns")
    if np.allclose(given, wanted, atol=0.06, equal_nan=True):
        return wrong("The rows are the right ones, but their values are rounded. Give them as they are.")
    for hint, those in ONLY_WHERE.items():
        if set(_latest(decisions, weather)[differs]) <= those:
            return wrong(hint)
    if given.where(wanted.notna()).equals(wanted):
        return wrong("What is missing was filled. What is null stays null.")
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
    edges = _edges()
    problem = _join_problem(answer, *edges)
    if problem and not _join_problem(answer, edges[0].sort_by("decided_at"), edges[1].sort_by("time_hour")):
        return wrong("Right only where both tables come in the order of time. Who says that they do?")
    problem = problem or _join_problem(answer, *_june())
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
    small, large = (
        {"rows": r, "seconds": s, "peak_mb": m} for r, s, m in zip(rows, seconds, mb, strict=True)
    )
    return small, large


# A start-up of 20 s makes the first one look as if time broke first; the second holds its memory. In the last but one
# a start-up takes most of the patience; in the last one the rows lie between the two that were measured.
CASES = (
    (_case((1e6, 10e6), (22, 40), (900, 4_500)), 8_000, 60, "memory", 1e6 + (8_000 - 900) / 400 * 1e6),
    (_case((1e6, 10e6), (22, 40), (900, 4_500)), 64_000, 60, "time", 20e6),
    (_case((2e6, 6e6), (10, 50), (2_000, 2_000)), 4_000, 600, "time", 61e6),
    (_case((2e6, 6e6), (10, 50), (2_400, 2_100)), 4_000, 290, "time", 30e6),
    (_case((1e6, 4e6), (30, 30), (500, 2_000)), 3_000, 31, "memory", 6e6),
    (_case((1e6, 4e6), (30, 27), (500, 2_000)), 3_000, 31, "memory", 6e6),
    (
        _case((327_346, 3_273_460), (3, 21), (400, 2_000)),
        3_000,
        100,
        "memory",
        327_346 + 2_600 / 1_600 * 2_946_114,
    ),
    (_case((1e6, 10e6), (50, 59), (100, 3_100)), 20_000, 70, "time", 21e6),
    (_case((1e6, 10e6), (22, 40), (900, 4_500)), 2_500, 60, "memory", 5e6),
)


@exercise
def ex_14_2(answer: Callable[..., Any]) -> Verdict:
    """What breaks first, from two measurements."""
    if not callable(answer):
        return wrong("A function is asked for, which gets two measurements and two limits.")
    if is_stub(answer):
        return NO_BODY
    for (small, large), memory, patience, what, rows in CASES:
        case = f"{_said(small)} and {_said(large)}, with {memory:,} MB and {patience} s"
        try:
            found = answer(dict(small), dict(large), memory, patience)
        except ZeroDivisionError:
            return wrong(f"{case}: a division by zero. What does not grow never breaks.")
        if not isinstance(found, tuple | list) or len(found) != 2 or found[0] not in ("memory", "time"):
            return wrong('Return a pair: "memory" or "time", and the number of rows.')
        if (
            np.ndim(found[1]) > 0
            or not isinstance(found[1], Real | np.ndarray)
            or isinstance(found[1], bool)
            or not math.isfinite(found[1])
        ):
            return wrong(f"{case}: the second of the pair is a number of rows, not {found[1]!r}.")
        if found[0] != what:
            why = _why(small, large, memory, patience, found[0], float(found[1]))
            return wrong(f"{case}: {what} breaks first, not {found[0]}.{why}")
        if not math.isclose(float(found[1]), rows, rel_tol=0.01):
            return wrong(
                f"{case}: {what} breaks, but not at {float(found[1]):,.0f} rows. Does your line go through both?"
            )
    return right(
        "Two measurements give a line, and the line a number of rows; what has to be paid once is no part of its slope."
    )


def _said(measured: Mapping[str, float]) -> str:
    return f"{measured['rows']:,.0f} rows in {measured['seconds']:g} s and {measured['peak_mb']:,g} MB"


def _why(
    small: Mapping[str, float],
    large: Mapping[str, float],
    memory: float,
    patience: float,
    said: str,
    rows: float,
) -> str:
    name, limit = ("peak_mb", memory) if said == "memory" else ("seconds", patience)
    grown = (large[name] - small[name]) / (large["rows"] - small["rows"])
    if grown <= 0:
        return " What does not grow never breaks."
    if math.isclose(rows, small["rows"] + (limit - small[name]) / grown, rel_tol=0.01):
        return " Yours breaks there, but the other one breaks at fewer rows."
    through_nought = (
        min(m["rows"] * memory / m["peak_mb"] for m in (small, large)),
        min(m["rows"] * patience / m["seconds"] for m in (small, large)),
    )
    if (through_nought[0] < through_nought[1]) == (said == "memory"):
        return " Is the start-up multiplied, too? The line does not begin at nought."
    return f" Along the line, at how many rows is {limit:,} reached?"


# --- 14.3: workers that find the code ---

# It notes who has called it, beside the place at which it was written: a copy of it may have travelled.
CLOCK = """
import os
from pathlib import Path

def minutes(clock):
    import ray

    who = "elsewhere"
    if os.getpid() == {notebook}:
        who = "notebook"
    elif ray.is_initialized() and ray.get_runtime_context().get_worker_id() != {driver!r}:
        who = "worker"
    if Path({folder!r}).is_dir():
        Path({folder!r}, f"by-{{who}}").touch()
    return clock // 100 * 60 + clock % 100 + {more}
"""
CLOCKS = [1030, 5, 2359, 5]
MORE = (1000, 2000)  # minutes that the clock.py of each of the two folders adds


def _minutes(more: int) -> list[int]:
    """Return what the clock.py that adds so much says of the clock times."""
    return [clock // 100 * 60 + clock % 100 + more for clock in CLOCKS]


@contextmanager
def _left_as_it_was() -> Iterator[None]:
    """Undo what an answer does to this process's imports and environment."""
    path, known, environ = list(sys.path), sys.modules.get("clock"), dict(os.environ)
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.pop("clock", None)
        if known is not None:
            sys.modules["clock"] = known
        os.environ.clear()
        os.environ.update(environ)


def _in_a_folder(answer: Callable[..., Any], folder: Path, more: int) -> Any | Verdict:
    """Return what an answer says on a folder whose `minutes` says so much more, or why it says nothing."""
    import ray

    folder.mkdir()
    driver = ray.get_runtime_context().get_worker_id()
    text = CLOCK.format(notebook=os.getpid(), driver=driver, folder=str(folder), more=more)
    (folder / "clock.py").write_text(text, encoding="utf-8")
    try:
        with _left_as_it_was():
            return answer(folder, list(CLOCKS))
    except (ray.exceptions.RayError, ImportError) as error:
        if "No module named 'clock'" in str(error):
            return wrong(
                "Somewhere there is still no module named 'clock'. Who looks for it, in which process, and what was "
                "that process told of the folder?"
            )
        return wrong(f"A worker ended with: {str(error).strip().splitlines()[-1]}")
    except (ValueError, TypeError) as error:
        if "at the job level" in str(error) or "`py_module` must be a string" in str(error):
            return wrong(
                "Ray packs files when it starts, for all tasks of a program: a single task cannot bring py_modules or "
                "a working_dir of this machine along. What can one tell a task's worker?"
            )
        raise


def _worker_problem(found: Any, folder: Path, more: int) -> Verdict | None:
    """Say what is wrong with what an answer said on a folder, and with who was asked."""
    import ray

    if isinstance(found, ray.ObjectRef) or (
        isinstance(found, Sequence) and any(isinstance(each, ray.ObjectRef) for each in found)
    ):
        return wrong("These are receipts. Who waits for the results?")
    if not isinstance(found, list | tuple | np.ndarray) or len(found) != len(CLOCKS):
        return wrong(f"Return a list with a result for each of the {len(CLOCKS)} clock times.")
    of_others = [minutes for other in MORE if other != more for minutes in _minutes(other)]
    if any(each in of_others for each in found):
        return wrong(
            "The answer is asked about one folder after the other, and gave the minutes of one before. A worker lives "
            "on after its task and keeps what it has imported."
        )
    called = {path.name.removeprefix("by-") for path in folder.glob("by-*")}
    if not called:
        return wrong(
            "The clock.py of the folder was never asked; the minutes come from somewhere else. What a process has "
            "imported once it does not read again, nor does a worker."
        )
    if "notebook" in called:
        return wrong(
            "The minutes were computed in the notebook's own process. Which call is to be done by a worker?"
        )
    if "elsewhere" in called:
        return wrong("The minutes were computed in another process, but in none of Ray's workers.")
    if list(found) != _minutes(more):
        return wrong(
            f"For {CLOCKS} the folder's clock.py says {_minutes(more)}, in this order; you say {list(found)}."
        )
    return None


@exercise
def ex_14_3(answer: Callable[..., Any]) -> Verdict:
    """A module of a folder, found by workers: another one than the notebook has, of the same name."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a folder and a list of clock times.")
    if is_stub(answer):
        return NO_BODY
    from chapter_14 import ray_here

    with tempfile.TemporaryDirectory() as place:
        for number, more in enumerate(MORE):
            ray_here.start()
            folder = Path(place).resolve() / f"code_{number}"
            found = _in_a_folder(answer, folder, more)
            problem = found if isinstance(found, Verdict) else _worker_problem(found, folder, more)
            if problem:
                return problem
    return right(
        "The folder's own clock.py was asked, in processes that were not this one. On a cluster that folder would "
        "have to be on each machine, or in its image."
    )


# --- 14.4: the rate by the rule ---

# One holds nothing that arrived, and the blocks are of different length. 15 is not late. More than 20 rows, since
# `take` gives so many.
DELAYS: tuple[list[float | None], ...] = (
    [5.0, None, 20.0, 16.0, 15.0, -3.0, None],
    [None, None],
    [90.0, None, -20.0, 30.0, 15.0, 14.0, 0.0, 2.0, 31.0, -7.0, 1.0],
    [44.0, 3.0, None, 17.0, 12.0, -1.0, 60.0],
)


def _counts(delays: Sequence[float | None]) -> tuple[int, int, int]:
    """Return how many flights there are, how many arrived, and how many of those were late."""
    arrived = [each for each in delays if each is not None]
    return len(delays), len(arrived), sum(each > 15 for each in arrived)


def _rate_problem(found: Any) -> Verdict | None:
    names = ("scheduled", "arrived", "late")
    if not isinstance(found, Mapping) or not set(names) <= set(found):
        return wrong(f"Return a dict with {', '.join(names)}.")
    try:
        given = [float(found[name]) for name in names]
    except (TypeError, ValueError):
        return wrong("Each of the three is a number: one, for the whole dataset.")
    everything = [each for block in DELAYS for each in block]
    scheduled, arrived, late = _counts(everything)
    if given[0] != scheduled:
        why = " Flights without an arrival delay were scheduled, too." if given[0] < scheduled else ""
        return wrong(f"{scheduled} flights are in the dataset, and you count {given[0]:g} as scheduled.{why}")
    if given[1] == scheduled:
        return wrong(
            "What is missing still counts as a flight that arrived. It is null in some blocks, NaN in others."
        )
    if given[1] != arrived:
        return wrong(
            f"{arrived} of the {scheduled} flights have an arrival delay; you say that {given[1]:g} arrived."
        )
    if math.isclose(given[2], late / arrived, rel_tol=1e-7):  # that of a float32
        return None
    blocks = [_counts(block) for block in DELAYS]
    at_15 = sum(each is not None and each >= 15 for each in everything)
    mistakes = {
        "That is the share of all scheduled flights: those that did not arrive count as on time.": late
        / scheduled,
        "That is the mean of the blocks' rates. Blocks are of different length.": float(
            np.mean([block[2] / block[1] for block in blocks if block[1]])
        ),
        "That is the mean of the blocks' rates, and one block has none.": float(
            np.mean([block[2] / max(block[1], 1) for block in blocks])
        ),
        "15 minutes are not more than 15 minutes.": at_15 / arrived,
        "That is a number of flights; a share is asked for.": late,
        "That is in percent; a share lies between 0 and 1.": 100 * late / arrived,
        "That is the share of those that were on time.": 1 - late / arrived,
        "What is missing counts as late.": (late + scheduled - arrived) / scheduled,
    }
    for hint, mistake in mistakes.items():
        if math.isclose(given[2], mistake, rel_tol=1e-9):
            return wrong(hint)
    if abs(given[2] - late / arrived) < 0.006:
        return wrong("The share is rounded. Give it as it is.")
    return wrong(f"{late} of the {arrived} that arrived were late; you say a share of {given[2]:.4f}.")


@exercise
def ex_14_4(answer: Callable[..., Any]) -> Verdict:
    """Scheduled, arrived and late of datasets with null, with NaN, and with a block in which nothing arrived."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a dataset.")
    if is_stub(answer):
        return NO_BODY
    from chapter_14 import ray_here

    ray_here.start()
    import ray

    tables = [pa.table({"arr_delay": pa.array(block, pa.float64())}) for block in DELAYS]
    frames = [pd.DataFrame({"arr_delay": block}, dtype="float64") for block in DELAYS]
    for flights in (ray.data.from_arrow(tables), ray.data.from_pandas(frames)):
        try:
            problem = _rate_problem(answer(flights))
        except ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return wrong(
                f"A worker ended with: {lines[-1]} Does a block come as you think it does, also an empty one?"
            )
        if problem:
            return problem
    return right(
        "The rule stands in the code now, and gives the same in blocks of any kind; what it leaves out is counted."
    )


# --- 14.5: from which trial on ---

# Trials, workers, start, extra, and the seconds from which on workers pay.
SEARCHES = (
    (6, 2, 8.5, 1.0, 11.5 / 3),
    (7, 2, 8.0, 1.0, 12 / 3),
    (6, 2, 9.0, 0.0, 9 / 3),
    (100, 16, 60.0, 2.0, 74 / 93),
    (8, 8, 30.0, 4.0, 34 / 7),
    (5, 8, 30.0, 4.0, 34 / 4),
    (6, 1, 8.0, 1.0, math.inf),
    (6, 1, 0.0, 0.0, math.inf),
    (1, 4, 8.0, 1.0, math.inf),
    (10, 4, 0.0, 0.0, 0.0),
)


def _search_mistakes(trials: int, workers: int, start: float, extra: float) -> dict[str, float]:
    rounds = math.ceil(trials / workers)

    def ratio(paid: float, saved: float) -> float:
        return paid / saved if saved else math.inf

    return {
        "An odd trial out needs a round of its own: how many rounds are there, in whole numbers?": ratio(
            start + trials / workers * extra, trials - trials / workers
        ),
        "An odd trial out needs a round of its own, and you left it out.": ratio(
            start + trials // workers * extra, trials - trials // workers
        ),
        "Where the trials divide evenly, there is no round more.": ratio(
            start + (trials // workers + 1) * extra, trials - trials // workers - 1
        ),
        "The extra is paid by each trial, but those of one round pay it at the same time.": ratio(
            start + trials * extra, trials - rounds
        ),
        "The extra of each trial is missing, or paid only once.": ratio(start, trials - rounds),
        "The extra is paid in each round, and not only once.": ratio(start + extra, trials - rounds),
        "The start is paid once, and not in each round.": ratio(rounds * (start + extra), trials - rounds),
        "The start is missing.": ratio(rounds * extra, trials - rounds),
        "That is what the workers take beside the trials; how much does each second per trial win back?": start
        + rounds * extra,
        "Compare both ways in all their seconds: the loop's are trials times t.": ratio(
            start + rounds * extra, trials
        ),
    }


@exercise
def ex_14_5(answer: Callable[..., Any]) -> Verdict:
    """The length of a trial from which on workers are faster than a loop."""
    if not callable(answer):
        return wrong("A function is asked for, which gets trials, workers, start and extra.")
    if is_stub(answer):
        return NO_BODY
    refused: dict[str, bool] = {}
    for trials, workers, start, extra, wanted in SEARCHES:
        several = "trial" if trials == 1 else "trials", "worker" if workers == 1 else "workers"
        case = f"{trials} {several[0]}, {workers} {several[1]}, {start:g} s of start and {extra:g} s extra"
        try:
            found = answer(trials, workers, start, extra)
        except ZeroDivisionError:
            return wrong(
                f"{case}: a division by zero. Where nothing runs at the same time, workers never pay."
            )
        if np.ndim(found) or isinstance(found, bool) or not isinstance(found, Real | Decimal | np.ndarray):
            return wrong(f"{case}: a number of seconds is asked for, not {found!r}.")
        mistakes = _search_mistakes(trials, workers, start, extra)
        same = {hint for hint, value in mistakes.items() if _close(float(found), value)}
        refused = {hint: refused.get(hint, True) and hint in same for hint in mistakes}
        if not _close(float(found), wanted):
            hint = next((hint for hint, always in refused.items() if always), "")
            if not hint and abs(float(found) - wanted) < 1 and _close(float(found), round(float(found), 2)):
                hint = "It is near: do not round, and do not search in steps."
            if wanted == math.inf:
                hint = "Here nothing runs at the same time, so the loop is never slower: what then?"
            said = "never" if wanted == math.inf else f"from {wanted:.3g} s per trial on"
            return wrong(f"{case}: workers pay {said}; you say {float(found):.3g}. {hint}")
    return right(
        "What is paid once, and in each round, against what the loop does one after the other. Whole rounds: one trial "
        "too many costs as much as a full round."
    )


def _close(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


# --- 14.6 to 14.9: Spark ---


def _by_spark(answer: Callable[..., Any], *given: Any) -> Any | Verdict:
    """Return what an answer makes, with a data frame of Spark as pandas; what Spark refuses is a hint."""
    from chapter_14 import spark_here

    spark_here.start()
    from pyspark.errors import PySparkException

    try:
        found = answer(*given)
        return found.toPandas() if hasattr(found, "toPandas") else found
    except PySparkException as error:
        lines = [line.strip() for line in str(error).split("JVM stacktrace")[0].splitlines() if line.strip()]
        if "maxResultSize" in str(error):
            return wrong(
                "Spark refuses: that is more than the driver may collect. Which of it has to come to this process?"
            )
        python = "Traceback" in str(error)
        return wrong(f"Spark ended with: {lines[-1 if python else 0][:200]}")


@exercise
def ex_14_6(answer: Callable[..., Any]) -> Verdict:
    """The as-of join of 14.1 by Spark."""
    if not callable(answer):
        return wrong("A function is asked for, which gets two data frames of Spark.")
    if is_stub(answer):
        return NO_BODY
    from chapter_14 import spark_here

    spark = spark_here.start()
    for tables in (_edges(), _june()):
        frames = [spark.createDataFrame(table) for table in tables]
        found = _by_spark(answer, *frames)
        if isinstance(found, Verdict):
            return found
        if not isinstance(found, pd.DataFrame):
            return wrong("Return the data frame of Spark, with a row for each decision.")
        problem = _join_problem(lambda *_: found, *tables)  # noqa: B023 (called at once)
        if problem:
            return problem
    return right(
        "Each decision has its row, and Spark was told what an as-of join is: one order of time, or one group for each "
        "airport. Either way an airport's rows meet in one task."
    )


MOST = 3_000
# Rows for each key; what is missing is a key, too.
KEYS = {"on time": 21_000, None: 7_000, "late": 900, "never": 1}


def _keyed() -> pd.DataFrame:
    rows = [(key, float(number % 40)) for key, many in KEYS.items() for number in range(many)]
    return pd.DataFrame(rows, columns=["key", "value"]).sample(frac=1, random_state=1, ignore_index=True)


def _counter(folder: str, notebook: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return `counted`, which notes how many rows it got, in which process, and of how many keys."""

    def counted(part: pd.DataFrame) -> pd.DataFrame:
        import os
        import uuid
        from pathlib import Path

        keys = part["key"].nunique(dropna=False)
        Path(folder, f"{len(part)} {keys} {int(os.getpid() == notebook)} {uuid.uuid4()}").touch()
        late = int((part["value"] > 15).sum())
        return part[["key"]].head(1).assign(rows=len(part), late=late)

    return counted


def _sums_problem(found: Any) -> Verdict | None:
    names = ["key", "rows", "late"]
    if not isinstance(found, pd.DataFrame) or not set(names) <= set(found):
        return wrong("Return a data frame of Spark with the columns key, rows and late.")
    said, table = (each.assign(key=each["key"].fillna("null")) for each in (found[names], _keyed()))
    if said["key"].duplicated().any():
        return wrong("A key has several rows in your result. Who adds up what the parts gave?")
    wanted = table.assign(late=table["value"] > 15).groupby("key")["late"].agg(rows="size", late="sum")
    lacking = sorted(set(wanted.index) - set(said["key"]))
    if lacking:
        return wrong(f"The result has no row for the key {lacking[0]}. A null is a key, too.")
    given = said.set_index("key").astype(float)
    for name in names[1:]:
        for key, number in wanted[name].items():
            if given.loc[key, name] != number:
                return wrong(
                    f"Of the key {key} {number:,} are {name}, and you say {given.loc[key, name]:,.0f}."
                )
    return None


@exercise
def ex_14_7(answer: Callable[..., Any]) -> Verdict:
    """A function for each key, of which no call gets too many rows."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a data frame, counted, its schema and most.")
    if is_stub(answer):
        return NO_BODY
    from chapter_14 import spark_here

    table = spark_here.start().createDataFrame(_keyed(), "key string, value double")
    with tempfile.TemporaryDirectory() as folder:
        counted = _counter(folder, os.getpid())
        found = _by_spark(answer, table, counted, "key string, rows long, late long", MOST)
        calls = [list(map(int, path.name.split()[:3])) for path in Path(folder).iterdir()]
    if isinstance(found, Verdict):
        return found
    problem = _sums_problem(found)
    if problem:
        return problem
    if any(here for _, _, here in calls):
        return wrong(
            "counted was called in the notebook's own process. Who has it called by Spark's workers?"
        )
    if sum(rows for rows, _, _ in calls) < sum(KEYS.values()):
        return wrong(
            "The sums are right, but counted did not get all rows: it is your own function that has to run."
        )
    if any(keys > 1 for _, keys, _ in calls):
        return wrong("A call of counted got rows with several keys. By what is the table grouped?")
    largest = max(rows for rows, _, _ in calls)
    if largest > MOST:
        return wrong(
            f"A call of counted got {largest:,} rows, and most is {MOST:,}. Into how many parts is the largest key "
            "cut? Parts that are cut at random are not equal."
        )
    return right(
        "The largest key was cut, and its parts were added up: now a hundred workers would find work. It holds for "
        "what can be added up."
    )


class _Killed(BaseException):
    """In place of the end of a process."""


def _left_half(answer: Callable[..., Any], rows: pd.DataFrame, folder: Path) -> bool:
    """Let an attempt die while it writes, and say whether something that is half written is found."""

    def dies(table: Any, where: Any, *_: Any, **__: Any) -> None:
        if hasattr(where, "write"):
            where.write(b"PAR1")
        else:
            Path(where).write_bytes(b"PAR1")
        raise _Killed

    with mock.patch.object(pq, "write_table", dies), suppress(_Killed):
        answer(7, rows, folder)
    return any(path.stat().st_size < 12 for path in folder.glob("*.parquet"))


def _two_at_once(answer: Callable[..., Any], rows: pd.DataFrame, folder: Path) -> None:
    """Let a second attempt begin and end while the first one has written, and has not ended yet."""
    write = pq.write_table

    def and_another(*given: Any, **options: Any) -> None:
        write(*given, **options)
        with mock.patch.object(pq, "write_table", write):
            answer(7, rows, folder)

    with mock.patch.object(pq, "write_table", and_another):
        answer(7, rows, folder)


def _numbers_in(folder: Path) -> list[int]:
    """Return what stands in the files of a folder; nothing where one of them cannot be read."""
    try:
        return sorted(number for path in folder.glob("*.parquet") for number in pd.read_parquet(path)["id"])
    except pa.ArrowInvalid:
        return []


def _with_tasks_that_fail(answer: Callable[..., Any], folder: str) -> Callable[..., Any]:
    def write(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas
        from pyspark import TaskContext

        task = TaskContext.get()
        rows = pandas.concat(list(parts), ignore_index=True)
        answer(task.partitionId(), rows, folder)
        if task.attemptNumber() == 0 and task.partitionId() % 2:
            raise RuntimeError("This task was ended after it had written.")
        yield rows

    return write


@exercise
def ex_14_8(answer: Callable[..., Any]) -> Verdict:
    """Writing that may be done twice: an attempt that dies, two at once, tasks of Spark that fail."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a partition's number, its rows and a folder.")
    if is_stub(answer):
        return NO_BODY
    rows = pd.DataFrame({"id": range(30)})
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, name) for name in ("died", "at-once", "spark")]
        for folder in folders:
            folder.mkdir()
        if _left_half(answer, rows, folders[0]):
            return wrong(
                "An attempt died while it wrote, and its half of a file is found under a name *.parquet."
            )
        answer(7, rows, folders[0])
        if _numbers_in(folders[0]) != list(range(30)):
            return wrong(
                "After an attempt that died, and a second one, the folder does not have each row once."
            )
        try:
            _two_at_once(answer, rows, folders[1])
        except FileNotFoundError:
            return wrong("Two attempts at the same time were in each other's way: they wrote under one name.")
        if _numbers_in(folders[1]) != list(range(30)):
            return wrong("Two attempts wrote at the same time, and the folder does not have each row once.")
        from chapter_14 import spark_here

        numbers = spark_here.start().range(40, numPartitions=4)
        job = numbers.mapInPandas(_with_tasks_that_fail(answer, str(folders[2])), "id long")
        found = _by_spark(lambda: job)
        if isinstance(found, Verdict):
            return found
        kept = _numbers_in(folders[2])
    if len(kept) > len(set(kept)):
        return wrong("Two of four tasks were done again, and their rows are there twice.")
    if kept != list(range(40)):
        return wrong(
            f"Four tasks wrote 40 rows, and {len(kept)} are there. Has each partition a name of its own?"
        )
    return right(
        "A name for each partition, and a file that is whole or not there: a task may be done again as often as it "
        "likes. So does Spark's own write."
    )


WIDE_ROWS = 3_000_000
WIDE = (
    "id",
    "xxhash64(id) AS a",
    "xxhash64(id, 1) AS b",
    "CASE WHEN id % 10 > 0 THEN double(id % 97) END AS delay",
)


def _files_problem(folder: Path) -> Verdict | None:
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
    if not files:
        return wrong("There is no Parquet file in the folder.")
    if len(files) != 4:
        return wrong(
            f"The table lies in {len(files)} files; four are asked for. Each task that writes makes one."
        )
    written = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
    if written != WIDE_ROWS:
        return wrong(f"{written:,} rows were written, and the table has {WIDE_ROWS:,}.")
    if not {"id", "a", "b", "delay"} <= set(pq.ParquetFile(files[0]).schema_arrow.names):
        return wrong("The files do not have all columns of the table.")
    return None


@exercise
def ex_14_9(answer: Callable[..., Any]) -> Verdict:
    """A table that is too large for the driver: four files, and two numbers."""
    if not callable(answer):
        return wrong("A function is asked for, which gets a data frame of Spark and a folder.")
    if is_stub(answer):
        return NO_BODY
    from chapter_14 import spark_here

    table = spark_here.start().range(0, WIDE_ROWS, 1, 6).selectExpr(*WIDE)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "table"
        found = _by_spark(answer, table, folder)
        if isinstance(found, Verdict):
            return found
        problem = _files_problem(folder)
    if problem:
        return problem
    try:
        rows, mean = map(float, found)
    except (TypeError, ValueError):
        return wrong("Return two numbers: how many rows there are, and the mean of delay.")
    numbers = np.arange(WIDE_ROWS)
    delays = (numbers % 97)[numbers % 10 > 0]
    if rows != WIDE_ROWS:
        why = " Those without a delay are rows, too." if rows == len(delays) else ""
        return wrong(f"The table has {WIDE_ROWS:,} rows; you say {rows:,.0f}.{why}")
    if math.isclose(mean, delays.sum() / WIDE_ROWS, rel_tol=1e-9):
        return wrong("In your mean, what is missing counts as 0.")
    if not math.isclose(mean, delays.mean(), rel_tol=1e-9):
        return wrong(f"The mean of delay is not {mean:.4f}. Of which rows is it, and is it rounded?")
    return right("The executors wrote, each its part; what came through the driver were two numbers.")
