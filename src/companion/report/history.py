"""Which history to learn from: all months, the last three, or never again."""

import math

import pandas as pd

from companion.report.drawing import lines, plot
from companion.report.words import Plot, Section, by_model, listing, table

# Metrics closer than this are those of one and the same model.
SAME = 1e-6
DRAWN = ["baseline", "frozen", "last 3 months", "all history"]


def section(year: pd.DataFrame) -> Section:
    """Return the section on the models' histories."""
    auc, losses = by_model(year, "auc"), by_model(year, "log_loss")
    known = year["late_rate"].map(_entropy)
    return Section(
        [_ranking(auc[DRAWN]), _losses(losses[DRAWN])],
        _note(losses[DRAWN]),
        {
            "AUC by month": table(auc, "{:.3f}"),
            "Log loss by month": table(losses.assign(**{"share only": known}), "{:.3f}"),
        },
    )


def _entropy(share: float) -> float:
    """Return the log loss of whoever knows the month's share of late flights and nothing else."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)


def _differing(metric: pd.DataFrame) -> pd.DataFrame:
    """Return the months in which all of these models exist and are not one and the same."""
    known = metric.dropna()
    return known[known.max(axis="columns") - known.min(axis="columns") > SAME]


def _worse(losses: pd.DataFrame, one: str, other: str) -> tuple[list[str], int]:
    """Return the months in which `one` has the higher log loss, and in how many months the two differ."""
    months = _differing(losses[[one, other]])
    return list(months.index[months[one] > months[other]]), len(months)


def _ranking(auc: pd.DataFrame) -> Plot:
    months = _differing(auc[["all history", "last 3 months", "frozen"]])
    best = months.eq(months.max(axis="columns"), axis="index").sum()
    best = best.sort_values(ascending=False, kind="stable")
    title, detail = "In no month do the three models have different AUCs.", ""
    if len(months):
        first, second, third = best.index
        title = f"“{first.capitalize()}” has the highest AUC in {best[first]} of {len(months)} months."
        detail = f"“{second.capitalize()}” has it in {best[second]} and “{third}” in {best[third]}; "
        detail += "months in which the three are one and the same model do not count."
    return plot(title, detail, *lines(auc, "AUC (0.5: guessing, 1: perfect)", "{x:.2f}", "{:.3f}"))


def _losses(losses: pd.DataFrame) -> Plot:
    title, detail = "“Last 3 months” and “frozen” have the same log loss in every month.", ""
    worse, months = _worse(losses, "last 3 months", "frozen")
    if months:
        title = f"better than never learning again in all {months} months."
        if worse:
            title = f"worse than never learning again in {len(worse)} of {months} months ({listing(worse)})."
        title = f"Log loss: learning from the last 3 months is {title}"
    worse, months = _worse(losses, "last 3 months", "all history")
    if months:
        detail = f"better than learning from all history in all {months} months."
        if worse:
            detail = f"worse than learning from all history in {len(worse)} of {months} months."
        detail = f"It is {detail}"
    excess = losses.sub(losses["all history"], axis="index")
    axis = "log loss minus that of all history (above 0: worse)"
    return plot(title, detail, *lines(excess, axis, "{x:+.2f}", "{:+.3f}"))


def _note(losses: pd.DataFrame) -> str:
    last = losses.iloc[-1].dropna().sort_values()
    ranked = ", ".join(f"{name} {loss:.3f}" for name, loss in last.items())
    text = f"Log loss in {last.name}, from best to worst: {ranked}."
    behind, months = _worse(losses, "all history", "baseline")
    if behind:
        text += f" All history is worse than the baseline in {len(behind)} of {months} months ({listing(behind)})."
    return text
