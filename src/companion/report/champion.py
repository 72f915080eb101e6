"""Champion and challenger, and what acting on a model costs."""

import pandas as pd

from companion.report.drawing import BLUE, INK, lines, plot, sheet
from companion.report.words import Plot, Section, by_model, listing, table
from flightdelay.steps.evaluate import COST_MISSED_CONNECTION, COST_NEEDLESS_OFFER


def section(year: pd.DataFrame) -> Section:
    """Return the section on promotions: each month's challenger, its opponent, and the reasons."""
    losses, promoted = by_model(year, "log_loss"), year["decision"] == "promote"
    met = losses["champion"].notna()
    opponent = losses["champion"].where(met, losses["baseline"])
    reigning = year.index.to_series().where(promoted).ffill().shift()
    text = table(
        pd.DataFrame({"challenger's log loss": losses["all history"], "opponent's log loss": opponent}),
        "{:.4f}",
    )
    text["Opponent"] = reigning.radd("challenger of ").where(met & reigning.notna(), "baseline")
    text["Decision"] = promoted.map({True: "promoted", False: "not promoted"})
    text["Why"] = year["reasons"].map("; ".join)
    gains = opponent - losses["all history"]
    return Section([_gains(gains, promoted)], tables={"Challenger and opponent by month": text})


def _gains(gains: pd.Series, promoted: pd.Series) -> Plot:
    title = f"The challenger is promoted in {promoted.sum()} of {len(gains)} months"
    title += "." if promoted.all() else f" and not in {listing(gains.index[~promoted])}."
    lower, detail = gains.index[~promoted & (gains > 0)], ""
    if len(lower):
        detail = f"In {listing(lower)} its log loss is lower than its opponent's and yet not enough."
    figure = sheet(320)
    axes = figure.subplots()
    months = gains.index.str[:3]
    for which, words, fill in ((promoted, "promoted", BLUE), (~promoted, "not promoted", "none")):
        axes.bar(months, gains.where(which), color=fill, edgecolor=BLUE, linewidth=2, label=words)
    axes.axhline(0, color=INK, linewidth=1)
    axes.grid(axis="x", visible=False)
    axes.set_title("log loss of the opponent minus the challenger's (above 0: better)")
    axes.yaxis.set_major_formatter("{x:+.2f}")
    figure.legend(loc="outside lower left", ncols=2)
    return plot(
        title, detail, figure, "A bar for each month: by how much the challenger's log loss is lower."
    )


def cost(year: pd.DataFrame) -> Section:
    """Return the section on cost: each model's beside the better of two rules that need none."""
    costs = by_model(year, "cost_per_1000_flights").drop(columns="all history")
    late = 1000 * year["late_rate"]
    rules = pd.DataFrame(
        {"nobody": COST_MISSED_CONNECTION * late, "everybody": COST_NEEDLESS_OFFER * (1000 - late)}
    )
    costs["no model"] = rules.min(axis="columns")
    text = table(costs, "{:.0f}")
    text["No model"] += rules.idxmin(axis="columns").map(" (offer to {})".format)
    known = costs.dropna()
    plots = [_cost(known)] if len(known) else []
    return Section(plots, tables={"Cost in units per 1,000 flights by month": text})


def _cost(costs: pd.DataFrame) -> Plot:
    means = costs.drop(columns="no model").mean().sort_values()
    ranked = ", ".join(f"{name} {mean:.0f}" for name, mean in means.items())
    first, last = costs.index[0], costs.index[-1]
    title = f"Cost per 1,000 flights, mean of the months {first} to {last}: {ranked}."
    dearer = costs.index[costs["champion"] > costs["no model"]]
    detail = "The champion costs no more than the better rule without a model in any month."
    if len(dearer):
        detail = f"The champion costs more than the better rule without a model in {listing(dearer)}."
    drawn = costs[["no model", "baseline", "last 3 months", "frozen", "champion"]]
    return plot(title, detail, *lines(drawn, "cost in units per 1,000 flights", "{x:.0f}", "{:.0f}"))
