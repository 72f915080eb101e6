# %% [markdown]
# # 05.3 · Schedules and backfills: what a retraining is worth
#
# About 35 minutes · 1 GB of memory · no cluster
#
# The first two notebooks made runs that may be started for any month, on any day. So everything is in place for a
# model that learns anew every month. Here you ask the data whether that helps. Airflow has done its part; this
# notebook runs without it.
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
# ## 1. Is it worth it to learn anew?
#
# Three histories compete from April to December, each month judged on flights that none of them has seen:
#
# - **frozen**: learned once, from January to March, and never again;
# - **recent**: learned anew each month, from the three months before it;
# - **all**: learned anew each month, from everything before it.
#
# **Bet first.** In how many of the nine months is the log loss of *recent* higher (worse) than that of *frozen*,
# the model that is never retrained, by 0.001 or more? And who wins December: all, frozen or recent?

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
# Compare with care. *Frozen* learned from January to March: it is a **winter model**. Of its flights 23% were
# late; of those from September to November, from which *recent* learned for December, 16%. So where *frozen* does
# well in November and December, two things are mixed: that it was never retrained, and that it knows winter and
# no autumn. A model that was frozen in another season might have lost. One year of data cannot separate the two.
#
# With that in mind: in May, November and December, **both ways of learning anew were worse than this model that
# was never retrained**, *recent* in December by far (.656 against .602), *all* there by only .003. From June to
# August it is the other way round, by up to .056. In the mean of the nine months *all* (.504) is better than
# *recent* (.515) and *frozen* (.519). On 1 December, all that one had was the months before: *all* had won each of
# them from June to October, and lost November.
#
# What does this do to one flight? UA 1037 of 12 September, 147 minutes late in the end, asked two hours before:

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
# The desk offers a later connection from 20% on, so with each of the three it does. But the frozen model, which
# has never seen a summer evening, is just above the line (.23), and the two that learned from the summer are sure
# (.85 and .79). One flight says nothing about a policy; the table does.
#
# December is the month in which the business needs the model most. What went wrong there?

# %%
december = year[year["month"] == "2013-12"].set_index("model")
shown = december[["late", "mean_probability", "auc", "log_loss"]]
print(shown.rename(columns={"mean_probability": "expected late"}).round(3).to_string())
autumn = year[(year["month"] > "2013-08") & (year["model"] == "all")].set_index("month")
print("\n" + autumn[["late", "auc"]].rename(columns={"auc": "auc of all"}).round(3).to_string())

# %% [markdown]
# Read it column by column. A third of the flights were late. *All* expected 23%, *recent* 19%: it had learned
# from three quiet months, and expected a fourth. But look at the AUC: for *all* it is .693, higher than in
# October (.687) and November (.676). **The ranking is fine and the level is wrong.** A flight that is riskier
# than another is still recognised; all of them are riskier than they were.
#
# That can be tested. Move all predictions of a model up or down by the same amount of log-odds, until their
# mean is the share that was late. The order stays as it is, so the AUC does too. What becomes of the log loss?
# (This is a diagnosis after the fact: it uses December's labels, which nobody had.)

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
# The same is seen when the flights are sorted into bands by what a model expected, and each band is asked how
# many of its flights were late. A model that is **calibrated** lies on the diagonal.

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
# All points lie above the diagonal: in each band, of each model, more flights were late than it expected, for
# *frozen* by 9 or 10 points, for *all* by 7 to 11, and for *recent* by 12 to 15. It is the level again, and not
# only at the end where the risky flights are.
#
# With its level put right, *recent* (.595) is even better than the frozen model as it is (.602). Between the two
# lay .054; with both levels right it is .019. So about two thirds of what *recent* lost by was the level, and the
# rest a worse order: its AUC is lower too. Judged by AUC, *all* had a better December than October or November, and
# the desk that offers later connections from 20% on acts on the level.
#
# **What may you conclude?** That a retraining is a candidate and not an improvement, and has to earn its
# place. Not that it is better to leave a model alone: the frozen one had learned from the right season. Nor that
# December always does this: there is one December in the data. Whether flights were late
# *because it was December* or because the world had changed, one year cannot say; a model that has seen a
# December before might know. Nor does "all history" always win.
#
# ## Exercise 5.4: What was it worth?
#
# The table `year` above has a row for each month and model. Write the function that returns the months in
# which the policy `candidate` did **worse than never retraining**, in order. Worse means that the
# probabilities were worse: a higher log loss, by at least 0.001 (the smallest difference that this book's
# promotion rule takes seriously). The rows of `year` may come in any order.


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
# The evaluation keeps a drift index for each column: how far the month's flights lie from those learned
# from. By custom 0.25 means "has moved". "When it has moved, retrain" is a common rule. **Bet first:** in how
# many of the nine months would an alarm at 0.25 have gone off?

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
# In all nine. What moves is the weather: the index sees that June is warmer than winter. In June and July it is
# largest, and there learning anew helps most. In May it is nearly as large, in December it is moderate, and in
# both learning anew does a little harm. So the index answers "is the input as before?", and not "is the model still
# right?", much less "would a new one be better?". An alarm that always rings is switched off. Use drift as a
# reason to **look**, at the level above all: the last column compares the share of flights that were late with
# the share that the model *all* expected, in percentage points, and needs labels. The finished DAG does just that:
# it writes down what moved, and asks somebody to look where the level is off by more than five points.
#
# ## 3. Labels that come late
#
# Here the label is there when the plane has landed. A loan needs a year to default. Turn the switch: labels
# arrive **three months late**. On 1 July, the flights up to the end of March have labels. So the model for
# July is the one that could be had for April: you need not train anything.
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
# (May is the first month for which a model exists: it learned from January.) The delay costs most from June to
# August, where only winter and spring are known, and in December it costs nothing, on the contrary: the model
# that has not seen the autumn yet does not expect December to be like it. That is luck, of the same kind as the
# frozen model's.
#
# The delay has a second price that this table hides. A challenger can only be *judged* when labels are there.
# With three months of delay, July's contest between champion and challenger is decided in November.
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
# Is it the trees? Put your own estimator in the place of this logistic regression, and see whether *recent*
# loses December with it too.

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
# 1. You judged **a retraining** by its figures. Recent months lost to a frozen winter model in three months of
#    nine, and in December it was mostly the level that was wrong.
# 2. You learned only from **what was known**: the months whose labels were complete.
#
# ## Clean-up
#
# There is nothing to stop. `make reset` removes the folders of state of this chapter's notebooks.
#
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks". All of this ran as processes of your machine, with
# your Python and your disk. Chapter 06 packs a step into a container, so that it runs elsewhere, and shows what it
# takes along and what it leaves behind.
