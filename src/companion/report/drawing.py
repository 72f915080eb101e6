"""Plots in the page: SVG whose text stays text and whose colours are the page's, in light and in dark."""

import re
from io import StringIO
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from companion.report.words import Plot

# In light and in dark. A drawing is made in the light ones, which then become variables of the page.
COLOURS = {
    "page": ("#ffffff", "#14181d"),
    "ink": ("#1b1f23", "#e6e9ed"),
    "quiet": ("#59636e", "#a4adb8"),
    "rule": ("#d5dae0", "#353d47"),
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#c44e00", "#ff9248"),
    "green": ("#00805d", "#35c79b"),
    "grey": ("#6e7781", "#98a2ad"),
}
PAGE, INK, QUIET, RULE, BLUE, ORANGE, GREEN, GREY = (light for light, _ in COLOURS.values())
LOOKS: dict[str, dict[str, Any]] = {
    "arrive late": {"color": INK, "marker": "o"},
    "expected": {"color": BLUE, "marker": "o"},
    "all history": {"color": BLUE, "marker": "o"},
    "champion": {"color": BLUE, "marker": "o"},
    "last 3 months": {"color": ORANGE, "marker": "s"},
    "frozen": {"color": GREEN, "marker": "D", "linestyle": "--"},
    "baseline": {"color": GREY, "marker": "^", "linestyle": ":"},
    "no model": {"color": INK, "marker": "v", "linestyle": "-."},
}
STYLE = {
    **dict.fromkeys(("axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), RULE),
    **dict.fromkeys((f"axes.spines.{side}" for side in ("left", "right", "top")), False),
    **dict.fromkeys(("xtick.major.size", "xtick.minor.size", "ytick.major.size"), 0),
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "font.size": 13,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.handletextpad": 0.5,
    "legend.labelspacing": 0.8,
    "lines.linewidth": 2.25,
    "lines.markeredgecolor": PAGE,
    "lines.markersize": 8,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "xtick.labelsize": 12,
}


def sheet(height: float) -> Figure:
    """Return an empty figure, as wide as all of them; the height is in the page's pixels."""
    return Figure(figsize=(480 / 72, height / 72))


def plot(title: str, detail: str, figure: Figure, shows: str) -> Plot:
    """Return a figure with its finding; those who do not see it hear the finding and what the plot shows."""
    words = " ".join(f"{title} {detail} {shows} The numbers are in the section's table.".split())
    file = StringIO()
    # The ids within a drawing are made from this salt: they differ from plot to plot and not from run to run.
    with rc_context({"svg.hashsalt": words}):
        figure.savefig(
            file,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    drawn = re.sub(r' id="[\w.]+_\d+"', "", file.getvalue())
    drawn = drawn[drawn.index("<g") :]
    for name, (light, _) in COLOURS.items():
        drawn = drawn.replace(light, f"var(--{name})")
    width, height = 72 * figure.get_size_inches()
    head = Markup('<svg role="img" aria-label="{}" viewBox="0 0 {:.0f} {:.0f}">').format(words, width, height)
    return Plot(title, detail, head + Markup(drawn))


def lines(series: pd.DataFrame, axis: str, tick: str, value: str) -> tuple[Figure, str]:
    """Draw a line over the months for each column, the last on top, and a key with the last month's values.

    `tick` and `value` are the formats of the axis and of the key. What the figure shows is returned beside it.
    """
    series = series.dropna(axis="columns", how="all")
    figure = sheet(320)
    axes = figure.subplots()
    drawn = {name: axes.plot(series.index.str[:3], series[name], **LOOKS[str(name)])[0] for name in series}
    ends = series.ffill().iloc[-1].sort_values(ascending=False)
    key = [f"{name}\n{value.format(end)}".replace("-", "−") for name, end in ends.items()]
    axes.legend(
        [drawn[name] for name in ends.index],
        key,
        title=f"In {ends.name}",
        alignment="left",
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
    axes.grid(axis="x", visible=False)
    axes.set_title(axis)
    axes.yaxis.set_major_formatter(tick)
    values = ", ".join(key).replace("\n", " ")
    return figure, f"A line over the months for each series. In {ends.name}: {values}."
