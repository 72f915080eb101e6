"""Where the model is worse: carriers, airports and hours of one month."""

import pandas as pd
from matplotlib.figure import Figure

from companion.report.drawing import LOOKS, QUIET, RULE, plot, sheet
from companion.report.words import Plot, Section, expectation, furthest_off, listing, with_miss

TITLES = {"carrier": "carrier", "origin": "airport", "hour": "hour"}
COLUMNS = {
    "flights": ("Flights", "{:,}"),
    "late_rate": ("Really late", "{:.1%}"),
    "mean_probability": ("Expected", "{:.1%}"),
    "auc": ("AUC", "{:.3f}"),
    "log_loss": ("Log loss", "{:.3f}"),
}
# The slices of each column.
Groups = dict[str, pd.DataFrame]


def section(month: pd.Series) -> Section:
    """Return the section; it is empty if the month has no slice of enough flights."""
    if not month["slices"]:
        return Section()
    rows = with_miss(pd.DataFrame(month["slices"]))
    rows["title"] = rows["column"].map(TITLES)
    rows["name"] = rows["title"] + " " + rows["value"]
    rows = rows.set_index("name").rename_axis("Slice")
    # The worst first, but the hours in the order of the day.
    groups = {
        title: found.sort_values("value" if title == "hour" else "auc")
        for title in TITLES.values()
        if len(found := rows[rows["title"] == title])
    }
    ordered = pd.concat(groups.values())
    text = pd.DataFrame({name: ordered[key].map(form.format) for key, (name, form) in COLUMNS.items()})
    plots = [_auc(month, groups), _shares(month, rows, groups)]
    return Section(plots, tables={f"Slices of {month.name}": text})


def _auc(month: pd.Series, groups: Groups) -> Plot:
    worst = [rows.sort_values("auc").iloc[0] for rows in groups.values()]
    named = [f"{row.name} ({row['auc']:.3f}, {row['flights']:,} flights)" for row in worst]
    figure = _dots(groups, {"all history": "auc"}, "AUC (0.5: guessing, 1: perfect)", "{x:.2f}")
    for axes in figure.axes:
        line = axes.axvline(month["auc"], color=QUIET, linestyle="--", linewidth=1.5, label="all flights")
    figure.legend(handles=[line], loc="outside upper left")
    title = f"{month.name}: the model ranks worst at {listing(named)}."
    detail = f"Over all flights its AUC is {month['auc']:.3f}."
    return plot(title, detail, figure, "A row for each slice and an upright line for all flights.")


def _shares(month: pd.Series, rows: pd.DataFrame, groups: Groups) -> Plot:
    few, many = (rows["miss"] < 0).sum(), (rows["miss"] > 0).sum()
    title = f"{month.name}: the model expects too {'few' if few > many else 'many'} late flights in "
    title += f"{max(few, many)} of {len(rows)} slices."
    widest = furthest_off(rows)
    detail = f"The gap is widest at {widest.name}: {expectation(widest)}."
    series = {"arrive late": "late_rate", "expected": "mean_probability"}
    figure = _dots(groups, series, "share of the slice's flights", "{x:.0%}")
    figure.axes[0].set_xlim(left=0)
    figure.legend(handles=figure.axes[0].lines, loc="outside upper left", ncols=2)
    shows = "A row for each slice with two marks: the flights that arrive late and what the model expects."
    return plot(title, detail, figure, shows)


def _dots(groups: Groups, series: dict[str, str], axis: str, tick: str) -> Figure:
    """Draw a row for each slice and a mark for each series; two are joined."""
    figure = sheet(90 + sum(30 + 19 * len(rows) for rows in groups.values()))
    heights = [len(rows) + 0.5 for rows in groups.values()]
    parts = figure.subplots(len(groups), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, rows) in zip(parts, groups.items(), strict=True):
        if len(series) == 2:
            axes.hlines(rows["value"], *(rows[column] for column in series.values()), color=RULE, linewidth=4)
        for name, column in series.items():
            axes.plot(rows[column], rows["value"], **LOOKS[name] | {"linestyle": ""}, label=name)
        axes.grid(axis="y", visible=False)
        axes.set_title(title, weight="bold")
        axes.margins(y=0.6 / len(rows))
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(tick)
    axes.set_xlabel(axis)
    return figure
