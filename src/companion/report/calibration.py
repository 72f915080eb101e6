"""Calibration: are the probabilities of a month right?"""

import pandas as pd
from scipy.stats import binomtest

from companion.report.drawing import BLUE, QUIET, plot, sheet
from companion.report.words import Plot, Section, expectation, listing


def section(months: pd.DataFrame) -> Section:
    """Return the section with a plot and a table for each of these months."""
    plots, tables = [], {}
    for name, month in months.iterrows():
        groups = pd.DataFrame(month["calibration"])
        late = (groups["late_rate"] * groups["flights"]).round().astype(int)
        tests = [binomtest(*counts) for counts in zip(late, groups["flights"], strict=True)]
        groups[["low", "high"]] = [tuple(test.proportion_ci(method="wilson")) for test in tests]
        plots.append(_plot(month, groups))
        percent = groups.map("{:.1%}".format)
        tables[f"Calibration in {name}"] = pd.DataFrame(
            {
                "Group": range(1, len(groups) + 1),
                "Flights": groups["flights"].map("{:,}".format),
                "Probability given": percent["mean_probability"],
                "Really late": percent["late_rate"],
                "95% interval": percent["low"] + " to " + percent["high"],
            }
        ).set_index("Group")
    return Section(plots, tables=tables)


def _plot(month: pd.Series, groups: pd.DataFrame) -> Plot:
    given, late, low, high = (groups[name] for name in ("mean_probability", "late_rate", "low", "high"))
    counts = {"more": (low > given).sum(), "less": (high < given).sum()}
    beyond = [f"{word} often than the model says in {count}" for word, count in counts.items() if count]
    title = f"{month.name}: flights are late "
    if beyond:
        title += f"{listing(beyond)} of {len(groups)} groups, beyond the 95% interval."
    else:
        title += f"as often as the model says in all {len(groups)} groups, within the 95% interval."
    figure = sheet(380)
    axes = figure.subplots()
    axes.axline((0, 0), slope=1, color=QUIET, linestyle="--", linewidth=1.5)
    axes.errorbar(given, late, yerr=[late - low, high - late], color=BLUE, fmt="o", markersize=6)
    end = 1.05 * max(high.max(), given.max())
    axes.set(xlim=(0, end), ylim=(0, end), xlabel="probability given, mean of the group")
    axes.set_title("really late, share of the group")
    axes.annotate("above the diagonal: too few expected", (0.02, 0.94), xycoords="axes fraction")
    axes.annotate("below it: too many expected", (0.98, 0.03), xycoords="axes fraction", ha="right")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    shows = "A mark for each group: the share of late flights over the probability given, with a diagonal."
    return plot(title, f"In all, {expectation(month)}.", figure, shows)
