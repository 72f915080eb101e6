"""What the sections share: their parts, months and lists in words, a metric by month and model."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

# In the order of the tables, with what stands before their metrics in the columns of `by_month`.
MODELS = {
    "all history": "",
    "last 3 months": "recent.",
    "frozen": "frozen.",
    "champion": "champion.",
    "baseline": "baseline.",
}


@dataclass(frozen=True)
class Plot:
    """A plot with its finding: the title says it, the detail says more."""

    title: str
    detail: str
    svg: Markup


@dataclass(frozen=True)
class Section:
    """Plots, a note below them, and tables of text by their captions."""

    plots: Sequence[Plot] = ()
    note: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def by_month(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the months of tour.json by their names; the column ``frozen.auc`` is the frozen model's AUC."""
    year = pd.json_normalize(rows)
    return with_miss(year.set_index(pd.to_datetime(year["month"]).dt.month_name()))


def with_miss(rows: pd.DataFrame) -> pd.DataFrame:
    """Add by how many percentage points the model expects too many late flights, as printed."""
    late, expected = ((100 * rows[name]).round(1) for name in ("late_rate", "mean_probability"))
    return rows.assign(miss=expected - late)


def furthest_off(rows: pd.DataFrame) -> pd.Series:
    """Return the row in which the model's expectation is furthest from what happened."""
    return rows.sort_values("miss", key=abs, kind="stable").iloc[-1]


def expectation(row: pd.Series) -> str:
    """Say how many flights are late, how many the model expects, and how far that is off."""
    off = f"{abs(row['miss']):.1f} percentage points too {'many' if row['miss'] > 0 else 'few'}"
    verdict = off if abs(row["miss"]) >= 0.05 else "as many"
    return (
        f"{row['late_rate']:.1%} of the flights arrive late and the model expects {row['mean_probability']:.1%}, "
        f"{verdict}"
    )


def by_model(year: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric with a row per month and a column per model, NaN where there was no such model."""
    found = year.reindex(columns=[before + metric for before in MODELS.values()])
    return found.set_axis(list(MODELS), axis="columns").astype(float)


def table(numbers: pd.DataFrame, form: str) -> pd.DataFrame:
    """Return numbers by month as text."""
    text = numbers.map(lambda number: "–" if math.isnan(number) else form.format(number))
    return text.rename(columns=str.capitalize).rename_axis("Month")


def listing(items: Iterable[str], singular: str = "", plural: str = "") -> str:
    """Return ``a, b and c``, and after it one of two verbs."""
    *first, last = items
    text = f"{', '.join(first)} and {last}" if first else last
    return f"{text} {plural if first else singular}".strip()
