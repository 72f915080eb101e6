# %% [markdown]
# # 01.1 · The model: a label, and columns that are known in time
#
# About 40 minutes · 1 GB of memory · no cluster
#
# This chapter takes one question from raw tables to a judged model: *will this flight arrive more than 15 minutes
# late?* Every later chapter runs this same model, so it has to be right before that. It takes four sittings. Each is a
# notebook that runs by itself, so you can stop after any of them. In this one you get to a first model.
#
# You will
#
# 1. build a label, and decide what happens to flights that have none;
# 2. tell the columns that are known at the hour of the decision from those that only seem to be.
#
# Some cells ask you to **bet first**: write what you expect in place of `None`, then run the cell below it. That cell
# says what you bet and what it was. Nothing else depends on the bet. You remember a number better when you have first
# predicted it.

# %%
import companion

companion.workspace("01-1")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from companion import check
from flightdelay.data import load
from flightdelay.months import MONTHS

plt.rcParams.update({"figure.figsize": (8, 3), "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. One flight, one decision
#
# It is Thursday, 12 September 2013, 17:30. A passenger has a seat on UA 1037 from Newark (EWR) to Los Angeles
# (LAX), which is to leave at 19:30, and a connection to catch in Los Angeles. If the flight is probably late,
# the airline wants to say so **now**, two hours before departure, and offer a later connection.
#
# This flight comes back in every chapter. Here is the row that the table has about it.

# %%
flights = load("flights", MONTHS)
is_ours = (flights["carrier"] == "UA") & (flights["flight"] == 1037)
is_ours &= (flights["month"] == 9) & (flights["day"] == 12)
flights[is_ours].T.set_axis(["UA 1037"], axis="columns")

# %% [markdown]
# Clock times are those of the airport, written HHMM: `1930` is 19:30 in Newark, `111` is 1:11 in Los Angeles. Only
# `time_hour`, the scheduled hour of departure, is in UTC: 23:00 there is 19:00 in Newark. Delays are in minutes. The
# flight left more than two hours late, and landed in the middle of the night.
#
# Look at the row again as somebody who stands at the counter at 17:30. At least five of its cells have not happened
# yet. A table does not say *when* each cell was filled in. You have to find out.
#
# A prediction can be wrong in two ways, and they do not cost the same:
#
# | | the flight is on time | the flight is late |
# |---|---|---|
# | **offer made** | a needless offer: **1** | right: 0 |
# | **no offer** | right: 0 | a missed connection: **4** |
#
# The unit is one needless offer. The numbers are an agreement with the people who pay, made before the first
# model is fitted. In your own project, ask for them first: without them nobody can say which model is better.
#
# ## 2. The label, and the flights without one
#
# *Late* means: arrives more than 15 minutes after schedule. That looks like one line of pandas. Before you
# trust it, count the flights for which `arr_delay` is missing.

# %%
missing = flights["arr_delay"].isna()
never_left = flights["dep_time"].isna()
print(f"flights                       {len(flights):7,}")
print(f"no arrival delay              {missing.sum():7,}")
print(f"  never left (cancelled)      {(missing & never_left).sum():7,}")
print(f"  left, but no arrival delay  {(missing & ~never_left).sum():7,}")

# %% [markdown]
# Those that left and have no arrival delay were mostly diverted to another airport. One of them used the same aircraft
# as our flight, some hours earlier. See which label the one line of pandas gives to it.

# %%
same_aircraft = flights["tailnum"].eq("N77518") & flights["month"].eq(9) & flights["day"].eq(12)
shown = flights.loc[same_aircraft, ["flight", "dest", "sched_dep_time", "dep_time", "arr_time", "arr_delay"]]
shown.assign(late=shown["arr_delay"] > 15)

# %% [markdown]
# UA 1695 to Houston left almost four hours late and has no arrival in the table. It must have come back, since the same
# aircraft leaves Newark again at 21:45, as our flight. `NaN > 15` is `False`, so the one line calls UA 1695 **on
# time**, without an error or a warning.
#
# It would be harmless if these labels were missing by pure chance. Check whether they are: take the hours in which an
# airport lost at least three flights, and look at the flights that did arrive in those same hours.

# %%
lost = missing.groupby([flights["origin"], flights["time_hour"]]).transform("sum")
kind_of_hour = np.where(lost >= 3, "3 or more without label", "fewer than 3 without label")
groups = flights.assign(late=flights["arr_delay"] > 15, missing=missing).groupby(kind_of_hour)
total, unlabelled, late_ones = groups.size(), groups["missing"].sum(), groups["late"].sum()
pd.DataFrame(
    {
        "flights": total,
        "without label": unlabelled,
        "late, of those with label": (late_ones / (total - unlabelled)).round(2),
        "late, if missing is on time": (late_ones / total).round(2),
    }
)

# %% [markdown]
# More than half of the missing labels lie in the bad hours, and there the other flights were late more than twice as
# often as elsewhere: 0.61 against 0.22. If you call the missing ones on time, the share in the bad hours comes out at
# 0.46, and a model learns that bad hours are less bad than they are.
#
# So the rule of this book is: **a flight without an arrival delay has no label; it is left out of learning and
# of judging, and the number left out is reported.** This has a price too. The model says nothing about
# cancellations, and a passenger whose flight is cancelled misses the connection all the same. That is a second
# question, which would need a second model.
#
# > **It transfers.** A rejected applicant for a loan has no repayment record either. To call them "repaid" is the
# > same mistake.
#
# ## Exercise 1.1: The share of late flights
#
# Write the body of `answer`: it gets a table with the columns of `flights` and returns the share of late flights
# (a number from 0 to 1) by the rule above. Late means *more than* 15 minutes.


# %%
def answer(flights: pd.DataFrame) -> float:
    """Return the share of late flights."""
    ### BEGIN SOLUTION
    arr_delay = flights["arr_delay"].dropna()
    return (arr_delay > 15).mean()
    ### END SOLUTION


# %%
check.ex_1_1(answer)

# %% [markdown]
# From here on, `labelled` holds the flights that have a label, in a fixed order: sorted by a key that no two flights
# share. With the order fixed, the same code gives the same model every time.
#
# ## 3. Look before you fit
#
# Two questions decide how the model has to be judged. Does lateness change **during the day**? Then the
# timetable alone says something. Does it change **during the year**? Then a model that learned in one season is
# used in another.

# %% alt="Two plots. Left: a bar of late flights, in percent, for each month. Right: a line by hour of departure."
labelled = flights[~missing].sort_values(["time_hour", "carrier", "flight"], ignore_index=True)
labelled["late"] = (labelled["arr_delay"] > 15).astype("int8")
print(f"{len(labelled):,} flights with a label, {labelled['late'].mean():.1%} of them late")

by_month = 100 * labelled.groupby("month")["late"].mean()
by_hour = 100 * labelled.groupby("hour")["late"].mean()
figure, (left, right) = plt.subplots(1, 2, sharey=True, layout="constrained")
left.bar(by_month.index, by_month, color=["tab:orange" if m in (9, 12) else "tab:blue" for m in range(1, 13)])
left.set(xlabel="month of 2013", ylabel="late flights, %", title="By month", xticks=range(1, 13))
right.plot(by_hour.index, by_hour, marker="o", color="tab:blue")
right.set(xlabel="scheduled hour of departure", title="By hour", xticks=range(5, 24, 3))
plt.show()
for name, shares in {"month": by_month, "hour": by_hour}.items():
    print(f"{name:7}", *[f"{value:3}" for value in shares.index])
    print("late, %", *[f"{value:3.0f}" for value in shares])

# %% [markdown]
# Left, there is a bar for each month. September (orange) is the calmest month and December (orange) the worst. Right, a
# line climbs, with small dips, from 5:00 to its highest point at 21:00, and falls after that. One likely reason for the
# climb: a late aircraft is late for its next flight too.
#
# Keep the left plot in mind. The calm months and the bad ones have the same columns, the same airports and the
# same carriers. What differs is how often the label is 1.
#
# ## 4. The chapter breaks: a model that is too good
#
# Now the model: gradient-boosted trees. They take numbers as they are and missing values too. The three columns
# of words are turned into codes first.
#
# A second function, `judge`, learns from some rows and judges on others, which is all that this chapter does from here
# on. Its measure is the most common one, the **AUC**: draw one late flight and one on time; the AUC is how often the
# late one got the higher probability. Guessing reaches 0.5, a perfect order 1.

# %%
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

WORDS = ["carrier", "origin", "dest"]


# %%
def fit(table: pd.DataFrame, columns: list[str]):
    """Learn the label `late` from these columns; the words come first, as categories."""
    numbers = [column for column in columns if column not in WORDS]
    code = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = make_column_transformer((code, WORDS), ("passthrough", numbers))
    boost = HistGradientBoostingClassifier(
        categorical_features=[0, 1, 2], early_stopping=False, random_state=0
    )
    return make_pipeline(encode, boost).fit(table[columns], table["late"])


# %%
def judge(table: pd.DataFrame, columns: list[str], learn: pd.Series, test: pd.Series):
    """Learn from some rows; return the probabilities for others, and their AUC."""
    p = fit(table[learn], columns).predict_proba(table[test])[:, 1]
    return pd.Series(p, table.index[test]), roc_auc_score(table.loc[test, "late"], p)


# %% [markdown]
# We learn from January to August and judge on September and October, all of them: there is no need for a sample,
# since one fit takes seconds. The timetable gives the first features; `dep_delay` is in the table, so in it goes.

# %%
date = pd.to_datetime(labelled[["year", "month", "day"]])
labelled["weekday"] = date.dt.day_of_week.astype(float)
for name, clock in {"departure_minute": "sched_dep_time", "arrival_minute": "sched_arr_time"}.items():
    labelled[name] = (labelled[clock] // 100 * 60 + labelled[clock] % 100).astype(float)
TIMETABLE = [*WORDS, "departure_minute", "arrival_minute", "weekday", "distance"]

until_august, autumn = labelled["month"] <= 8, labelled["month"].isin([9, 10])
with_delay = [*TIMETABLE, "dep_delay"]
too_good, too_good_auc = judge(labelled, with_delay, until_august, autumn)
print(f"learned from {until_august.sum():,} flights, judged on {autumn.sum():,}")
print(f"AUC {too_good_auc:.2f}")

# %% [markdown]
# **Symptom.** A first attempt, without any care, that good. Many notebooks end here and are shown to a manager.
#
# **Bet first.** At 17:30 the column `dep_delay` of a flight at 19:30 is empty: it has not left. Give the model what is
# really known at the counter. Which AUC do you expect?

# %%
my_bet = None  # a number from 0.5 to 1, with two decimals

# %%
at_the_counter = labelled["dep_delay"].mask(autumn)  # nobody knows it yet
blind, blind_auc = judge(labelled.assign(dep_delay=at_the_counter), with_delay, until_august, autumn)
print(f"AUC of the model in the notebook   {too_good_auc:.2f}")
print(f"AUC of the model at the counter    {blind_auc:.2f}")
companion.compare_bet(my_bet, round(float(blind_auc), 2))

# %% [markdown]
# Four more figures help to see why.

# %%
was_late = labelled.loc[autumn, "late"]
print(f"AUC of dep_delay alone, no model   {roc_auc_score(was_late, labelled.loc[autumn, 'dep_delay']):.2f}")
never_auc = judge(labelled, TIMETABLE, until_august, autumn)[1]
print(f"AUC of a model that never saw it   {never_auc:.2f}")
print(f"share of flights really late       {was_late.mean():.2f}")
print(f"mean probability at the counter    {blind.mean():.2f}")

# %% [markdown]
# **Evidence.** One column, without any model, ranks as well as the whole model: 0.90 and 0.91. When it is missing at
# the hour of use, the model is little better than guessing. No error is raised: the model accepts an empty cell,
# although it has never learned from one. The last two lines show that it also expects far too few late flights, since
# no feature that it relies on says "late" any more.
#
# **Cause.** `dep_delay` becomes known when the aircraft leaves the gate, two hours *after* the decision. In the
# table it sits next to the carrier's code as if both had always been there. This is called **leakage**:
# information from after the decision, used to make it.
#
# **Fix.** Learn without it. That is the fair comparison: a model that never saw `dep_delay` reaches 0.67 at the
# counter, where the one that relied on it reaches 0.56.
#
# The rule behind the fix is to ask of each column: *when is it filled in?* For one column the documentation does not
# say it, so ask the data.

# %%
no_tailnum = flights["tailnum"].isna()
print("flights without a tailnum          ", no_tailnum.sum())
print("of these, flights that really left ", (no_tailnum & ~never_left).sum())

# %% [markdown]
# The aircraft's registration `tailnum` sounds like something known for weeks. But it is missing **only** for flights
# that never left. So at least some of these cells were filled in, or left empty, afterwards. We do not know what the
# system would have shown two hours before. If you do not know when a column is filled in, do not use it.
#
# ## Exercise 1.2: What is known two hours before?
#
# Give the list of **all** names in `columns_offered` that you may use for the decision at two hours before
# scheduled departure.

# %%
columns_offered = ["carrier", "flight", "origin", "dest", "tailnum", "distance", "sched_dep_time", "dep_time"]
columns_offered += ["dep_delay", "sched_arr_time", "arr_time", "arr_delay", "air_time"]
### BEGIN SOLUTION
answer = ["carrier", "flight", "origin", "dest", "distance", "sched_dep_time", "sched_arr_time"]
### END SOLUTION

# %%
check.ex_1_2(answer)

# %% [markdown]
# ## 5. What the next sittings take over
#
# They begin with the table and the two functions that you built here, and import them from
# [`model.py`](../chapters/01-the-model/model.py) in the folder of this chapter. It has the same lines. The next cell
# checks that its table and its AUC are the same.

# %%
from chapter_01 import model

print("the same table:", labelled.equals(model.labelled_flights()))
print("the same AUC:  ", model.judge(labelled, TIMETABLE, until_august, autumn)[1] == never_auc)

# %% [markdown]
# ## Recap
#
# 1. You built the label, and left out the flights that have none: a missing label does not mean on time, and most of
#    them are missing in the bad hours (exercise 1.1).
# 2. You asked of each column when it is filled in; `dep_delay` made a model that was great in the notebook and
#    poor at the counter (exercise 1.2).
#
# This notebook wrote no file, so there is nothing to clean up.
#
# ## What comes next
#
# [Sitting 2](01-2-rows-of-weather.ipynb) adds the weather, and asks of each *row* what you have asked of each column.
# There you find a leak that an earlier version of this book had.
