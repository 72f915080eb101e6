# %% [markdown]
# # 05.3 · Schedules and backfills: what a retraining is worth
#
# About 35 minutes · 1 GB of memory · no cluster
#
# The first two notebooks made runs that may be started for any month, on any day. So a model can be trained anew every
# month. Here you ask the data whether that helps. This notebook runs without Airflow.
#
# You will
#
# 1. judge **a retraining** by its figures;
# 2. learn only from **what was known** on the day, also when labels arrive three months late.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. A cell below the bet compares.

# %%
import companion

state = companion.workspace("05-3")

# %% [markdown]
# ## 1. Is it worth it to retrain?
#
# Three policies are compared from April to December; each month they are judged on flights that none of their models
# has seen:
#
# - **frozen**: learned once, from January to March, and never again;
# - **recent**: retrained each month, from the three months before it;
# - **all**: retrained each month, from everything before it.
#
# **Bet first.** In how many of the nine months is the log loss of *recent* higher (worse) than that of *frozen*, the
# model that is never retrained, by 0.001 or more? And which of them is best in December: all, frozen or recent?

# %%
my_bet = None  # {"recent worse than frozen": a whole number, "best in December": "all", "frozen" or "recent"}

# %%
from flightdelay.months import MONTHS
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train

features = featurize(ingest("2013-12"))  # all flights of the year, not a sample


def learn(months):
    """Fit the book's model on these months."""
    return train(features[features["month"].isin(months)], month="2014-01")


# %%
# For each month from February on, the model that learned from all months before it.
all_history = {month: learn(MONTHS[:number]) for number, month in enumerate(MONTHS) if number >= 1}

# %%
import pandas as pd

from flightdelay.steps.evaluate import measure, month_rows, predict

rows = []
for number, month in enumerate(MONTHS[3:], start=3):
    flights = month_rows(features, month)
    models = {
        "frozen": all_history["2013-04"],  # January to March
        "recent": learn(MONTHS[number - 3 : number]),
        "all": all_history[month],
    }
    for name, model in models.items():
        found = measure(flights["late"], predict(model, flights))
        rows.append({"month": month, "model": name, "late": flights["late"].mean(), **found})

# %%
year = pd.DataFrame(rows)
loss = year.pivot(index="month", columns="model", values="log_loss")[["frozen", "recent", "all"]]
print(loss.assign(best=loss.idxmin(axis=1)).round(3).to_string())
print("\nmean of the nine months\n" + loss.mean().round(3).to_string())

# %%
worse = int((loss["recent"] >= loss["frozen"] + 0.001).sum())
companion.compare_bet(
    my_bet, {"recent worse than frozen": worse, "best in December": loss.loc["2013-12"].idxmin()}
)

# %% alt="Log loss by month of 2013, a line each for the histories frozen, recent and all."
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.2))
for name, style in (("frozen", "o-"), ("recent", "s--"), ("all", "^:")):
    axes.plot([month[5:] for month in loss.index], loss[name], style, label=name)
axes.set(xlabel="month of 2013", ylabel="log loss (lower is better)", title="Three histories, nine months")
axes.legend()
plt.show()
for name in ("recent", "all"):
    print(name, "worse than frozen in", *loss.index[loss[name] >= loss["frozen"] + 0.001])
winter, recent = features["month"].isin(MONTHS[:3]), features["month"].isin(MONTHS[8:11])
print(f"late, January to March: {features.loc[winter, 'late'].mean():.0%}")
print(f"late, September to November: {features.loc[recent, 'late'].mean():.0%}")

# %% [markdown]
# (In April all three are the same model: they learned from the same three months. The last column names the
# first of them.)
#
# Compare them with care. *Frozen* learned from January to March, so it is a **winter model**. Of its flights 23% were
# late; of those from September to November, from which *recent* learned for December, 16%. So when *frozen* does well
# in November and December, there are two possible reasons: it was never retrained, and it knows winter and no autumn. A
# model that was frozen in another season might be worse. One year of data cannot separate the two reasons.
#
# In May, November and December, **both ways of retraining were worse than this model that was never retrained**: in
# December, *recent* by a lot (.656 against .602), *all* by only .003. From June to August it is the other way round, by
# up to .056. In the mean of the nine months *all* (.504) is better than *recent* (.515) and *frozen* (.519). On 1
# December you would know only the months before: *all* had been better than *frozen* in each month from June to
# October, and worse in November.
#
# See what the three say about one flight, two hours before departure: UA 1037 of 12 September, which was 147 minutes
# late in the end.

# %%
ours = month_rows(features, "2013-09").query("carrier == 'UA' and flight == 1037")
ours = ours[ours["time_hour"] == "2013-09-12 23:00Z"]
of_september = {
    "frozen": all_history["2013-04"],
    "recent": learn(MONTHS[5:8]),
    "all": all_history["2013-09"],
}
for name, model in of_september.items():
    print(f"{name:7} expects it late with probability {predict(model, ours)[0]:.2f}")

# %% [markdown]
# The desk offers a later connection from 20% on, so it makes the offer with each of the three. But the frozen model,
# which has never seen a summer evening, is just above that threshold (.23), and the two that learned from the summer
# are nearly sure (.85 and .79). One flight says nothing about a policy; only the table does.
#
# December is the month in which the business needs the model most. Look at what went wrong there.

# %%
december = year[year["month"] == "2013-12"].set_index("model")
shown = december[["late", "mean_probability", "auc", "log_loss"]]
print(shown.rename(columns={"mean_probability": "expected late"}).round(3).to_string())
autumn = year[(year["month"] > "2013-08") & (year["model"] == "all")].set_index("month")
print("\n" + autumn[["late", "auc"]].rename(columns={"auc": "auc of all"}).round(3).to_string())

# %% [markdown]
# Read it column by column. A third of the flights were late. *All* expected 23%, *recent* 19%: it had learned from
# three quiet months, and expected one more. But look at the AUC: for *all* it is .693, higher than in October (.687)
# and November (.676). **The ranking is right and the level is wrong.** The models still recognise which flight is
# riskier than another, but all flights are riskier than before.
#
# That can be tested. Move all predictions of a model up or down by the same amount of log-odds, until their mean is the
# share that was late. The order stays as it is, and so does the AUC. Watch the log loss. (You can do this only
# afterwards: it uses December's labels, which nobody had in December.)

# %%
from scipy.optimize import brentq
from scipy.special import expit, logit


def with_right_level(late, probabilities):
    """Shift the log-odds by one number so that as many are expected late as were."""
    shift = brentq(lambda by: expit(logit(probabilities) + by).mean() - late.mean(), -5, 5)
    return expit(logit(probabilities) + shift)


# %%
flights = month_rows(features, "2013-12")
for name, model in models.items():  # the models of the last month of the loop, December
    probabilities = predict(model, flights)
    levelled = measure(flights["late"], with_right_level(flights["late"], probabilities))
    before = measure(flights["late"], probabilities)
    print(
        f"{name:7} log loss {before['log_loss']:.3f}, at the right level {levelled['log_loss']:.3f};",
        f"AUC {before['auc']:.3f} and {levelled['auc']:.3f}",
    )

# %% [markdown]
# You see the same if you sort the flights into bands by what a model expected, and count for each band how many of its
# flights were late. A model that is **calibrated** lies on the diagonal.

# %% alt="December in five bands: share late by expected share, a line for each model, and a diagonal."
figure, axes = plt.subplots(figsize=(4.5, 4))
axes.plot([0, 0.8], [0, 0.8], color="grey", linewidth=1, label="calibrated")
for (name, model), style in zip(models.items(), ("o-", "s--", "^:"), strict=True):
    expected = predict(model, flights)
    bands = pd.DataFrame({"expected": expected, "late": flights["late"]}).groupby(pd.qcut(expected, 5)).mean()
    axes.plot(bands["expected"], bands["late"], style, label=name)
    print(f"{name:7}", "  ".join(f"{row.expected:.0%} -> {row.late:.0%}" for row in bands.itertuples()))
axes.set(xlabel="expected share late", ylabel="share late", title="December, in five bands")
axes.legend()
plt.show()

# %% [markdown]
# All points lie above the diagonal: in each band, of each model, more flights were late than it expected, for *frozen*
# by 9 or 10 points, for *all* by 7 to 11, and for *recent* by 12 to 15. So the level is wrong everywhere, not only for
# the risky flights.
#
# With its level corrected, *recent* (.595) is even better than the frozen model as it is (.602). The difference between
# the two was .054; with both levels corrected it is .019. So the level explains about two thirds of the difference, and
# a worse order explains the rest: the AUC of *recent* is lower too. Judged by AUC, *all* was better in December than in
# October or November; but the desk, which offers later connections from 20% on, acts on the level.
#
# **What you may conclude:** a retrained model is only a candidate, and its figures have to show that it is better. You
# may not conclude that it is better never to retrain, since the frozen model had learned from the right season. You may
# not conclude that every December is like this, since the data has only one. One year cannot say whether flights were
# late *because it was December* or because something had changed for good. And "all history" is not always the best
# either.
#
# ## Exercise 5.4: What was it worth?
#
# The table `year` above has a row for each month and model. Write the function that returns the months in which the
# policy `candidate` did **worse than never retraining**, in order. Worse means that the probabilities were worse: the
# log loss is higher by at least 0.001 (the smallest difference that counts in this book's promotion rule). The rows of
# `year` may come in any order.


# %%
def answer(year: pd.DataFrame, candidate: str) -> list[str]:
    """Return the months in which retraining made it worse than the frozen model."""
    ### BEGIN SOLUTION
    loss = year.pivot(index="month", columns="model", values="log_loss")
    return sorted(loss.index[loss[candidate] >= loss["frozen"] + 0.001])
    ### END SOLUTION


# %%
from companion import check

check.ex_5_4(answer)

# %% [markdown]
# ## 2. An alarm for drift
#
# The evaluation keeps a drift index for each column: how far the month's flights lie from those learned from. By
# convention, 0.25 means that the column has moved. A common rule is: "When a column has moved, retrain." **Bet first:**
# in how many of the nine months would an alarm at 0.25 have gone off?

# %%
my_bet = None  # a whole number

# %%
from flightdelay.drift import drift
from flightdelay.steps.featurize import FEATURES

alarms = 0
for number, month in enumerate(MONTHS[3:], start=3):
    history, flights = features[features["month"].isin(MONTHS[:number])], month_rows(features, month)
    moved = drift(history, flights, FEATURES)
    column, index = next(iter(moved.items()))
    gain = loss.loc[month, "frozen"] - loss.loc[month, "all"]
    expected = year.query("month == @month and model == 'all'")["mean_probability"].item()
    late, alarms = flights["late"].mean(), alarms + (index > 0.25)
    print(f"{month}  most moved {column} ({index:.1f})  retraining gained {gain:+.3f}", end="  ")
    print(f"late {late:.0%}, expected {expected:.0%}: {100 * (late - expected):+.0f} points")

# %%
companion.compare_bet(my_bet, alarms)

# %% [markdown]
# It would have gone off in all nine. The columns that move are those of the weather: the index shows that June is
# warmer than winter. It is largest in June and July, where retraining helps most. It is nearly as large in May and
# moderate in December, and in both retraining does a little harm. So the index says whether the input is as before. It
# does not say whether the model is still right, nor whether a new one would be better. And people switch off an alarm
# that goes off every month. Use drift as a reason to **look**, at the level above all: the last column compares the
# share of flights that were late with the share that the model *all* expected, in percentage points, and needs labels.
# The finished DAG does this: it writes down which columns moved, and asks somebody to look where the level is off by
# more than five points.
#
# ## 3. Labels that come late
#
# Here the label is known when the plane has landed. For a loan it can take a year until a default is known. So assume
# that labels arrive **three months late**. On 1 July, the flights up to the end of March have labels. So the model for
# July is the one that was trained for April: you need not train anything.
#
# **Bet first:** what does that cost, in log loss, on average?

# %%
my_bet = None  # a difference in log loss, with three decimals

# %%
LABELS_LATE = 3  # months; 0 gives the table above
waited = {}
for number, month in enumerate(MONTHS[4:], start=4):
    flights, known = month_rows(features, month), all_history[MONTHS[number - LABELS_LATE]]
    waited[month] = measure(flights["late"], predict(known, flights))["log_loss"]
compared = pd.DataFrame({"labels at once": loss["all"], "three months late": waited}).dropna()
compared["cost"] = compared["three months late"] - compared["labels at once"]
print(compared.round(3).to_string())
print(f"\nmean cost {compared['cost'].mean():.3f}")

# %%
companion.compare_bet(my_bet, round(float(compared["cost"].mean()), 3))

# %% [markdown]
# (May is the first month for which a model exists: it learned from January.) The delay costs most from June to August,
# where only winter and spring are known. In December the delay even helps: the model has not seen the autumn yet, and
# so it does not expect December to be like it. That is luck, as it was with the frozen model.
#
# The delay has a second cost, which this table does not show. A challenger can be *judged* only when labels are there.
# With a delay of three months, champion and challenger of July are compared in November.
#
# ## Exercise 5.5: No rows of the future
#
# Write the function that returns the rows which a model may learn from, for a run that judges `month`, when
# the labels of a month are complete `labels_late` months after its end. With 0, the months before `month`;
# with 1, the month right before it is not complete yet. `features` has the column `month`, in any order of
# rows; it may hold months later than `month`. When nothing is left, raise a `MonthError` that names the month.

# %%
from flightdelay.errors import MonthError


def answer(features: pd.DataFrame, month: str, labels_late: int) -> pd.DataFrame:
    """Return the rows whose labels are known when the run of `month` learns."""
    ### BEGIN SOLUTION
    last = pd.Period(month) - 1 - labels_late
    known = features[features["month"] <= str(last)]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet: labels come {labels_late} months late.")
    return known
    ### END SOLUTION


# %%
check.ex_5_5(answer)

# %% [markdown]
# ## Optional: bring your own model
#
# Perhaps the trees are the reason. Put your own estimator in the place of this logistic regression, and see whether
# *recent* is worse in December with it, too.

# %%
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flightdelay.steps.featurize import CATEGORIES, NUMBERS

numbers = make_pipeline(SimpleImputer(), StandardScaler())
columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), (numbers, NUMBERS))

# %%
flights = month_rows(features, "2013-12")
for name, months in (("frozen", MONTHS[:3]), ("recent", MONTHS[8:11])):
    own = make_pipeline(columns, LogisticRegression(max_iter=300))
    own = train(features[features["month"].isin(months)], month="2014-01", estimator=own)
    found = measure(flights["late"], predict(own, flights))
    print(f"{name:7} log loss {found['log_loss']:.2f}, expected late {found['mean_probability']:.0%}")

# %% [markdown]
# ## Recap
#
# 1. You judged **a retraining** by its figures. A model of recent months was worse than a frozen winter model in three
#    months of nine, and in December mostly its level was wrong.
# 2. You learned only from **what was known**: the months whose labels were complete.
#
# ## Clean-up
#
# There is nothing to stop. `make reset` removes the folders of state of this chapter's notebooks.
#
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks". All of this ran as processes of your machine, with
# your Python and your disk. Chapter 06 packs a step into a container, so that it runs elsewhere, and shows what the
# container contains and what it does not.
