# %% [markdown]
# # 01.4 · The model: plan an evaluation
#
# About 30 minutes · 1 GB of memory · no cluster
#
# So far you judged on *later months*. In this sitting you find out why. Then you plan an evaluation of your own, and
# read a list of what these notebooks still lack before anybody could rely on them. The rest of the book works through
# that list.
#
# You will
#
# 1. plan an evaluation (features, split and measures) for a decision that is not in these notebooks (exercise 1.5).
#
# Once you **bet first**, in place of `None`; nothing else depends on it.

# %%
import companion

companion.workspace("01-4")

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from companion import check
from flightdelay.months import MONTHS
from flightdelay.steps.featurize import FEATURES

# %% [markdown]
# ## 1. Which flights to judge on
#
# The table and the model are those of the sittings before, from [`model.py`](../chapters/01-the-model/model.py):
# flights that have a label, with the timetable and the latest complete row of the weather. Take the ten months from
# January to October.

# %%
from chapter_01.model import features_of_the_year, judge

features = features_of_the_year()
ten_months = features[features["month"] <= 10]
print(f"{len(ten_months):,} flights with a label in ten months")

# %% [markdown]
# In the sittings before, September and October were held out. Most tutorials hold out a random tenth or fifth of the
# rows.
#
# **Bet first.** The same features, the same model, January to October. One fifth of the flights, drawn at random,
# is held out. How is the AUC, compared with that of later months: equal (to two decimals), higher or lower?

# %%
my_bet = None  # "equal", "higher" or "lower"

# %%
day = pd.to_datetime(ten_months[["year", "month", "day"]])
draw = np.random.default_rng(0)
some_days = draw.choice(day.unique(), size=60, replace=False)
held_out = {
    "random flights": pd.Series(draw.random(len(ten_months)) < 0.2, ten_months.index),
    "random whole days": day.isin(some_days),
    "later months": ten_months["month"] >= 9,
}

# %%
airport_hour = pd.MultiIndex.from_frame(ten_months[["origin", "time_hour"]])
p_of_split, auc_of_split = {}, {}
for name, test in held_out.items():
    p_of_split[name], auc_of_split[name] = judge(ten_months, FEATURES, ~test, test)
    twins = airport_hour[test].isin(airport_hour[~test]).mean()
    print(f"{name:18} AUC {auc_of_split[name]:.2f}   with a twin: {twins:4.0%}")
gap = round(auc_of_split["random flights"], 2) - round(auc_of_split["later months"], 2)
companion.compare_bet(my_bet, "equal" if not gap else "higher" if gap > 0 else "lower")

# %% [markdown]
# *With a twin* is the share of judged flights for which the model has **learned from** a flight of the same airport and
# hour. With random rows, that is practically all of them. They share one row of weather, down to the last decimal, and
# one thunderstorm. The model recognises the hour and remembers how it ended. The flights of tomorrow have no twins.
#
# Hold out whole days of the same ten months: there are no twins any more, and the AUC has already fallen about half of
# the way from the first line to the last.
#
# But be fair to the random split: the three lines judge **different flights**, and some months may be harder to rank
# than others. So take only the flights of September and October that the random split held out, and ask both models
# about these same flights.

# %%
in_both = p_of_split["random flights"].index.intersection(p_of_split["later months"].index)
print(f"{len(in_both):,} flights of September and October, held out by both splits")
for name in ("random flights", "later months"):
    auc = roc_auc_score(features.loc[in_both, "late"], p_of_split[name][in_both])
    print(f"model of the split {name:15} AUC {auc:.3f}")

# %% [markdown]
# On the same flights, the model that has learned from the rest of September and October is better by 0.03. That part of
# the gap is false: in use, no model can have learned from those months yet. The other part is that autumn is harder to
# rank than the whole year: the same model that reached 0.77 over all ten months reaches 0.73 here. So a report of 0.77
# promises more than the model can do in use.
#
# **A test set is a rehearsal of the use**: a model that is used on later flights is judged on later flights.
#
# ## Exercise 1.5: Plan an evaluation
#
# A new decision, so that nothing can be copied from above. Every evening **at 20:00** the crew desk looks at the
# flights of the **next day** and decides which ones get a standby crew. A needless standby costs 1, a late flight
# without one costs 6. You are to show, for **October 2013**, what a model would have been worth.
#
# Fill in a dict with four entries:
#
# - `"features"`: three or more names from `features_offered` that you would use;
# - `"learn_from"`: a list of months, such as `["2013-05", "2013-06"]`;
# - `"judge_on"`: one month;
# - `"measures"`: the names from `measures_offered` that you would report. The crew desk asks whether the model pays,
#   and, if it does not, in which direction it is wrong. Leave out a measure that looks good even if no standby
#   crew is ever called. (`accuracy` is the share of flights for which "late" or "on time" was said correctly.)

# %%
features_offered = ["carrier", "origin", "dest", "departure_minute", "weekday", "distance", "dep_delay"]
features_offered += ["air_time", "weather_row_complete_2_hours_before_departure"]
features_offered += ["weather_row_called_20_the_evening_before", "weather_row_called_19_the_evening_before"]
features_offered += ["late_share_of_route_in_months_before", "late_share_of_route_in_october"]
features_offered += ["delay_of_the_aircraft_on_the_morning_of_the_flight"]
measures_offered = ["accuracy", "auc", "log_loss", "expected_and_real_late_share", "cost_per_1000_flights"]
### BEGIN SOLUTION
answer = {
    "features": [
        *("carrier", "origin", "dest", "departure_minute"),
        *("weather_row_called_19_the_evening_before", "late_share_of_route_in_months_before"),
    ],
    "learn_from": [month for month in MONTHS if month < "2013-10"],
    "judge_on": "2013-10",
    "measures": ["auc", "expected_and_real_late_share", "cost_per_1000_flights"],
}
### END SOLUTION

# %%
check.ex_1_5(answer)

# %% [markdown]
# ## 2. What is wrong with these notebooks
#
# The model is judged with care. As a *product*, no notebook is good enough for a single working day. Here is a small
# proof. This cell makes a table, and the next one drops its longest flights, a usual bit of cleaning.

# %%
kept = features[["distance", "late"]]

# %%
kept = kept[kept["distance"] < kept["distance"].quantile(0.95)]
print(f"{len(kept):,} flights")

# %% [markdown]
# And this is the same cell, run once more, as it often happens:

# %%
kept = kept[kept["distance"] < kept["distance"].quantile(0.95)]
print(f"{len(kept):,} flights")

# %% [markdown]
# Nothing failed, and yet the table is a different one. What a notebook computes depends on which cells you ran, in
# which order and how often. The notebook shows none of that.
#
# This is the whole list, with the chapter that repairs each point. A *contract* is a stated rule about what one part
# hands to the next, checked at each run:
#
# | what is wrong | what it does | repaired in |
# |---|---|---|
# | no contracts between the parts | a column changes its unit, and the model goes on | 02 |
# | hidden state, run order | two colleagues get two results | 02 |
# | half-written files | the next step reads them as if they were complete | 02 |
# | nothing records which data made which model | half a year later nobody can explain a prediction | 03 |
# | everything runs again each time | you change a title and wait for an hour | 03 |
# | the first failure ends it | the network fails for a second, and the whole night is lost | 04 |
# | no schedule | it runs when you remember it | 05 |
# | nobody notices a bad month | December passes with a good AUC | 05 |
# | one person's laptop | your Python, your folder, your holidays | 06 |
# | one machine | the next step needs memory that it does not have | 07 to 09, 11 |
# | nobody is told when it breaks, and there is no evidence | the cause is guessed | 10 |
# | no release, no way back | a worse model replaces a better one | 12 |
#
# A better model repairs none of this. Tools that you do not know yet repair all of it, and chapter 13 asks which of
# them *you* need.
#
# ## Recap
#
# 1. You planned an evaluation for another decision: its hour, its months, its measures (exercise 1.5).
#
# To check yourself: explain to a colleague, without this page, why a random tenth is not a test set. This notebook
# wrote no file, so there is nothing to clean up.
#
# ## What comes next
#
# This was the last sitting of the chapter. Its [page](../chapters/01-the-model/README.md), with the diagram of what is
# known when, goes on below "After the notebooks". [Chapter 02](../chapters/02-the-pipeline/README.md) takes exactly
# this code apart into six steps, and kills one of them in the middle of a write.
