"""Drift over the year: late flights and what the model expects, and how far the columns move."""

import pandas as pd

from companion.report.drawing import BLUE, ORANGE, QUIET, lines, plot, sheet
from companion.report.words import Plot, Section, expectation, furthest_off, listing, table

COLUMNS = {
    "arrival_minute": "arrival time",
    "departure_minute": "departure time",
    "dest": "destination",
    "dewp": "dew point",
    "humid": "humidity",
    "precip": "rain and snow",
    "temp": "temperature",
    "visib": "visibility",
    "wind_dir": "wind direction",
    "wind_gust": "gusts",
    "wind_speed": "wind speed",
}
# The custom of credit scoring for the population stability index (see flightdelay.drift).
STABLE, MOVED = 0.1, 0.25


def section(year: pd.DataFrame) -> Section:
    """Return the section on drift."""
    shares = year[["late_rate", "mean_probability"]].set_axis(["arrive late", "expected"], axis="columns")
    index = year.filter(regex=r"^drift\.").rename(columns=lambda name: name.removeprefix("drift."))
    index = index.rename(columns=COLUMNS)
    index = index[index.max().sort_index().sort_values(ascending=False, kind="stable").index]
    moves = table(index.set_axis(index.index.str[:3]), "{:.2f}").T.rename_axis("Column")
    off = {"Expected minus late, percentage points": year["miss"].map("{:+.1f}".format)}
    return Section(
        [_late_share(year, shares), _stability(index)],
        tables={
            "Share of late flights and mean probability by month": table(shares, "{:.1%}").assign(**off),
            "Population stability index of each column by month": moves,
        },
    )


def _late_share(year: pd.DataFrame, shares: pd.DataFrame) -> Plot:
    last, widest = year.iloc[-1], furthest_off(year)
    detail = f"The gap is widest in {widest.name}: {expectation(widest)}."
    if widest.name == last.name:
        detail = "No other month has a wider gap."
    figure, shows = lines(shares, "share of the month's flights", "{x:.0%}", "{:.1%}")
    figure.axes[0].set_ylim(bottom=0)
    return plot(f"In {last.name} {expectation(last)}.", detail, figure, shows)


def _stability(index: pd.DataFrame) -> Plot:
    highest = index.max()
    still, first, last = list(highest.index[highest < STABLE]), highest.index[0], index.index[-1]
    title = f"{(highest > MOVED).sum()} of {len(highest)} columns move beyond {MOVED} in at least one month."
    detail = f"{first.capitalize()} moves furthest: {highest.iloc[0]:.2f} in {index[first].idxmax()}."
    if still:
        detail += f" Below {STABLE} all year: {listing(still)}."
    figure = sheet(90 + 19 * len(highest))
    axes = figure.subplots()
    for name, values in index.clip(lower=0.001).iterrows():
        look = {"color": ORANGE, "marker": "s"} if name == last else {"color": BLUE, "alpha": 0.45}
        axes.scatter(
            values, list(values.index), s=40, linewidth=0, label=name if name == last else "", **look
        )
    for value, words, side in ((STABLE, "← stable ", "right"), (MOVED, " moved →", "left")):
        axes.axvline(value, color=QUIET, linestyle="--", linewidth=1.5)
        axes.annotate(words, (value, 1.01), xycoords=axes.get_xaxis_transform(), ha=side)
    axes.set(xscale="log", xlabel="population stability index (left edge: 0.001 or less)")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.invert_yaxis()
    figure.legend(loc="outside upper left")
    shows = f"A row for each column and a mark for each month, on a logarithmic scale; {last} stands out."
    return plot(title, detail, figure, shows)
