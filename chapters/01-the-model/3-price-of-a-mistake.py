# %% [markdown]
# # 01.3 · The model: what a mistake costs
#
# About 40 minutes · 1 GB of memory · no cluster
#
# A model gives probabilities. In this sitting you compare them with what a plain table can do, take them into another
# month, and turn them into actions that have a price.
#
# You will
#
# 1. turn the costs of two mistakes into a threshold, the probability from which you act (exercise 1.4).
#
# Once you **bet first**, in place of `None`; nothing else depends on it.

# %%
import companion

companion.workspace("01-3")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from companion import check
from flightdelay.steps.featurize import FEATURES

plt.rcParams.update({"figure.figsize": (8, 3), "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. A baseline, then the model
#
# Sitting 2 ended with a table: the flights that have a label, each with the features of the timetable and the latest
# row of the weather that was complete two hours before. [`model.py`](../chapters/01-the-model/model.py) makes it
# again, in seconds. Learn from January to August and judge on September and October, as before.

# %%
from chapter_01.model import features_of_the_year, judge

features = features_of_the_year()
until_august, autumn = features["month"] <= 8, features["month"].isin([9, 10])
late_in_autumn = features.loc[autumn, "late"]
p_autumn, auc_autumn = judge(features, FEATURES, until_august, autumn)
print(f"learned from {until_august.sum():,} flights, judged on {autumn.sum():,}: AUC {auc_autumn:.3f}")

# %% [markdown]
# Before you believe a model, compare it with a plain table: *how often was this route late at this hour?* A few flights
# say little about a route, so each route and hour is counted as if it had 50 more flights with the overall share of
# late ones.


# %%
def baseline(history: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """The share of late flights per origin, destination and hour, pulled towards the overall share."""
    key, overall = ["origin", "dest", "hour"], history["late"].mean()
    groups = history.groupby(key)["late"].agg(["sum", "count"])
    share = ((groups["sum"] + 50 * overall) / (groups["count"] + 50)).rename("share")
    return table[key].join(share, on=key)["share"].fillna(overall)


# %%
in_autumn = {
    "same number for all": pd.Series(features.loc[until_august, "late"].mean(), late_in_autumn.index),
    "baseline": baseline(features[until_august], features[autumn]),
    "model": p_autumn,
}
for name, p in in_autumn.items():
    print(
        f"{name:20} AUC {roc_auc_score(late_in_autumn, p):.2f}   log loss {log_loss(late_in_autumn, p):.3f}"
    )

# %% [markdown]
# **Log loss** looks at the probability itself, not only at the order: a probability near 0 or 1 that turns out wrong
# adds most. Lower is better. In log loss, the baseline covers about a third of the distance from one number for all to
# the model, without weather and without trees. The distance between the last two lines is what the model adds.
#
# ## 2. A worse month
#
# Retrain before December, as you would in use: learn from January to November, judge on December. Compare the result
# with September and October, judged with the model from above.
#
# **Bet first.** December is the worst month of the year for flights. Is it also the worst for the model? How is its
# AUC, compared with autumn's: about equal (no more than 0.02 apart), higher or lower?

# %%
my_bet = None  # "about equal", "higher" or "lower"

# %%
december = features["month"] == 12
p_december, auc_december = judge(features, FEATURES, features["month"] < 12, december)
gap = auc_december - auc_autumn
companion.compare_bet(my_bet, "about equal" if abs(gap) <= 0.02 else "higher" if gap > 0 else "lower")

# %% [markdown]
# The AUC answers one question. Ask another one: how many flights does the model expect to be late (that is the mean of
# its probabilities), and how many are really late?

# %%
judged = {
    "September, October": pd.DataFrame({"p": p_autumn, "late": late_in_autumn}),
    "December": pd.DataFrame({"p": p_december, "late": features.loc[december, "late"]}),
}
for name, period in judged.items():
    print(f"{name:19} AUC {roc_auc_score(period['late'], period['p']):.2f}", end="   ")
    print(f"expected late {period['p'].mean():.0%}   really late {period['late'].mean():.0%}")

# %% [markdown]
# The AUC shows no difference. It measures only the *order*, and the order is as good as before. But in autumn the model
# expects far more late flights than there are, and in December far fewer: of every hundred, ten more are late than it
# said.
#
# To see it at every level, put the flights into ten groups of equal size, from the lowest probability to the
# highest, and compare each group with what happened. This is **calibration**.

# %% alt="Calibration of two periods: share really late by mean probability, in ten groups, and a diagonal."
figure, axis = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
axis.plot([0, 0.8], [0, 0.8], color="grey", linestyle="--", label="what was said is what happened")
for (name, period), mark in zip(judged.items(), ("o-", "s-"), strict=True):
    tenths = period.groupby(pd.qcut(period["p"], 10), observed=True).mean()
    axis.plot(tenths["p"], tenths["late"], mark, label=name)
    print(f"{name}\n  said    ", *[f"{x:.2f}" for x in tenths["p"]])
    print("  happened", *[f"{x:.2f}" for x in tenths["late"]])
axis.set(xlabel="mean probability of the group", ylabel="share really late", title="Calibration")
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# The points should lie on the dashed line. Autumn lies below it: in every group, the model expects more late flights
# than there were. December lies above it everywhere. Both curves *rise*, and the AUC measures nothing else.
#
# There is no error in the code. The model learned from months that were not like these. One year of data cannot say
# whether December is always so (season) or whether something changed (drift). Later chapters come back to this
# question.
#
# ## 3. From a probability to an action
#
# A needless offer costs 1 and a missed connection 4. Say the flight is late with probability *p*. An offer then costs
# (1 − *p*) × 1 on average, and no offer costs *p* × 4. The two are equal at *p* = 1 / (1 + 4) = 0.2. So make the offer
# from 0.2 on. Note two things: the threshold comes from the **costs**, not from the data; and it is right only if a
# probability of 0.2 *means* 0.2.
#
# Compare what it costs per 1000 flights to act on the model with three ways of acting without one. The two costs are
# written in one place of the repository and imported from there.


# %%
from flightdelay.steps.evaluate import COST_MISSED_CONNECTION, COST_NEEDLESS_OFFER


def cost(late: pd.Series, offered: pd.Series) -> float:
    """Return what a rule costs per 1000 flights, in needless offers."""
    needless, missed = offered & (late == 0), ~offered & (late == 1)
    return 1000 * (COST_NEEDLESS_OFFER * needless + COST_MISSED_CONNECTION * missed).mean()


# %%
judged["September, October"]["baseline"] = in_autumn["baseline"]
judged["December"]["baseline"] = baseline(features[features["month"] < 12], features[december])
costs = {
    name: {
        "offer to nobody": cost(period["late"], period["p"] > 1),
        "offer to everybody": cost(period["late"], period["p"] >= 0),
        "baseline, from 0.2 on": cost(period["late"], period["baseline"] >= 0.2),
        "model, from 0.2 on": cost(period["late"], period["p"] >= 0.2),
    }
    for name, period in judged.items()
}
pd.DataFrame(costs).round().astype(int)

# %% [markdown]
# Autumn: the model is the cheapest of the four, and the baseline costs more than doing nothing. December: with an AUC
# as good as before, acting on the model **costs more than offering a later connection to everybody**, which needs no
# model at all. So a good AUC alone does not say that a model saves money.
#
# Could another threshold have helped? Try all of them.

# %% alt="Cost per 1000 flights by the threshold of an offer, a curve for each period, and a line at 0.2."
figure, axis = plt.subplots(layout="constrained")
thresholds, best = np.arange(0, 61, 2) / 100, {}
for (name, period), style in zip(judged.items(), ("-", "--"), strict=True):
    line = [cost(period["late"], period["p"] >= threshold) for threshold in thresholds]
    axis.plot(thresholds, line, style, label=name)
    best[name] = thresholds[np.argmin(line)]
    print(f"{name:19} cheapest from {best[name]:.2f} on: {min(line):.0f}")
offered = judged["December"]["p"] >= best["September, October"]
print(f"December, with autumn's best threshold: {cost(judged['December']['late'], offered):.0f}")
axis.axvline(0.2, color="grey", linewidth=1, label="0.2, from the costs")
axis.set(xlabel="offer from this probability on", ylabel="cost per 1000 flights", ylim=(400, 1400))
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# The two curves have their lowest points on opposite sides of 0.2: autumn further right, December further left. You
# know this only afterwards. The last line is the cost in December with the threshold that was cheapest in autumn. A
# tuned threshold does not help; better probabilities would. But one year of data cannot give them for December, since
# there is no earlier December to learn from. Chapter 05 at least notices the problem.
#
# ## Exercise 1.4: Another price
#
# A hotel voucher is given when the last flight of the evening is probably late. A needless voucher costs 2, a passenger
# stranded without one costs 6. The probabilities are calibrated. From which probability on should you give the voucher?

# %%
### BEGIN SOLUTION
answer = 2 / (2 + 6)
### END SOLUTION

# %%
check.ex_1_4(answer)

# %% [markdown]
# ## 4. Slices: good on average, for whom?
#
# One number for all flights hides which group has the mistakes. Look at September and October by carrier and by hour of
# departure. Groups of fewer than 1000 flights are left out, since their AUC would be noise. That is a limit: it drops
# the small carriers, and the first and the last hours of the day.


# %%
def slices(column: str) -> pd.DataFrame:
    """Flights, expected and real share of late ones, and AUC, per value of a column."""
    table = judged["September, October"].join(features[[column]]).groupby(column)
    table = table.filter(lambda part: len(part) >= 1000).groupby(column)
    return pd.DataFrame(
        {
            "flights": table.size(),
            "expected": table["p"].mean().round(2),
            "late": table["late"].mean().round(2),
            "auc": table[["late", "p"]].apply(lambda part: roc_auc_score(part["late"], part["p"])).round(2),
        }
    )


# %%
slices("carrier").sort_values("auc")

# %% alt="Two lines by scheduled hour of departure: the expected share of late flights, and the real one."
hour_slices = slices("hour")
figure, axis = plt.subplots(layout="constrained")
axis.plot(hour_slices.index, hour_slices["expected"], "o-", label="expected")
axis.plot(hour_slices.index, hour_slices["late"], "s--", label="really late")
axis.set(xlabel="scheduled hour of departure", ylabel="share of late flights", ylim=(0, None))
axis.legend(frameon=False)
plt.show()
print("hour    ", *[f"{hour:4}" for hour in hour_slices.index])
print("expected", *[f"{share:.2f}" for share in hour_slices["expected"]])
print("late    ", *[f"{share:.2f}" for share in hour_slices["late"]])
print("gap     ", *[f"{gap:.2f}" for gap in hour_slices["expected"] - hour_slices["late"]])

# %% [markdown]
# For every carrier in the table the model expects more late flights than there are, but the gap is not the same, and
# the AUC differs too. Where the gap is large, more passengers are offered a later connection that they do not need.
# Here a slice is a company; in lending it is a group of people, and then it is a question of fairness.
#
# By hour, the expected line lies above the real one everywhere. The expected share climbs, with small dips, until the
# evening; the real one climbs until 15:00 and then stays near one fifth. So the gap is small in the morning and widest
# in the evening: there this model expects far too many late flights.
#
# And the passenger of UA 1037?

# %%
is_ua1037 = (features["carrier"] == "UA") & (features["flight"] == 1037)
is_ua1037 &= (features["month"] == 9) & (features["day"] == 12)
ua1037 = features.index[is_ua1037][0]
print(f"UA 1037 at 17:30: late with probability {p_autumn[ua1037]:.2f}")
print("from 0.2 on an offer is made:", bool(p_autumn[ua1037] >= 0.2))
print(f"it arrived {features.loc[ua1037, 'arr_delay']:.0f} minutes late")
features.loc[ua1037, FEATURES].to_frame("what the model saw of it")

# %% [markdown]
# The offer was made and it was right. One flight proves nothing, but here you can check by hand what the model
# saw: the timetable, and the weather in the row of 16:00 of sitting 2, without the rain and without the departure
# delay.
#
# ## Recap
#
# 1. You turned two costs into a threshold, and saw that it is right only if the probabilities are: December had a good
#    AUC, and acting on the model cost more than "offer to everybody" (exercise 1.4).
#
# On the way you compared the model with a table of shares, and looked at slices, since one number for all flights hides
# which group has the mistakes. This notebook wrote no file, so there is nothing to clean up.
#
# ## What comes next
#
# [Sitting 4](01-4-plan-of-an-evaluation.ipynb) asks on which flights a model is judged, and lets you plan it for a
# decision that is not in these notebooks.
