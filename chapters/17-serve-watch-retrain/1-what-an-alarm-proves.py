# %% [markdown]
# # 17.1 · Watching a model in use: what an alarm proves
#
# About 45 minutes · 1 GB of memory · no cluster
#
# The model answers all day, and nobody looks. So somebody puts a board beside it, and an alarm on the board. Here you
# count what goes through the service, replay December against it, hour by hour, and ask of each alarm what it proves:
# that the input moved, that the model thinks it is unsure, or that it is wrong.
#
# You will
#
# 1. **count** what a service is asked and answers, so that a monitor can read it (exercise 17.1);
# 2. say what a log loss that is **estimated without labels** takes for granted (exercise 17.2);
# 3. **replace an alarm** that always rings by one that says something, of labels that come late (exercise 17.3).
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. A cell below the bet compares.

# %%
import companion

state = companion.workspace("17-1")

# %% [markdown]
# ## 1. A service that counts
#
# It is the end of August, and a model has learned from January to August (from a sample of 40,000 flights, to be
# quick). It goes into a store; from September on it is in use and is never exchanged in this notebook.

# %%
from flightdelay.steps.evaluate import evaluate, month_rows, predict
from flightdelay.steps.featurize import WEATHER, featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.store import Store

learned = featurize(ingest("2013-09", sample=40_000))
model = train(learned, "2013-09")
store = Store(state / "store")
with store.locked():
    version = store.save(model, evaluate(learned, model, "2013-09"))
learned = learned[learned["month"] < "2013-09"]
print("learned from", len(learned), "flights of", learned["month"].min(), "to", learned["month"].max())

# %% [markdown]
# The months in which it is used, with all their flights. What was late in them is in the table, too; for the model it
# is the future.

# %%
months = ["2013-09", "2013-10", "2013-11", "2013-12"]
used = featurize(ingest("2013-12", window=3))
december = month_rows(used, "2013-12")
print(used["month"].value_counts().sort_index().to_string())

# %% [markdown]
# The service is that of chapter 09, `flightdelay.serve`, here as a process of this machine. Around it lies a shell of
# a few lines, [`watched.py`](../chapters/17-serve-watch-retrain/watched.py). It lets each question and each answer
# through as they are, and counts. What it counted it tells to anybody who asks for `/metrics`.
#
# The first hour of December goes to it, then its counters are read. (Starting a process takes some seconds.)

# %%
from prometheus_client import Counter  # for exercise 17.1

from chapter_17.service import ask, scrape, start

address = start(state / "store", version)
first_hour = december[december["time_hour"] == december["time_hour"].min()]
answers = ask(address, first_hour)
text = scrape(address)
print(len(answers), "flights were asked about; of what it counted, some lines:\n")
for line in text.splitlines():
    if line.startswith(("# TYPE", "probability_bucket", "weather")) and "created" not in line:
        print(line)

# %% [markdown]
# That is all that a monitor wants: a text of names and numbers, asked for again and again, every fifteen seconds or
# so. Prometheus reads it and keeps it as **series**. Three kinds of words in it:
#
# - a **counter** only grows. When the process starts anew it is 0 again, and whoever reads it sees that from the fall
#   (so no counter is ever read as it is: one asks by how much it grew in an hour);
# - a **gauge** is set, and may fall: a temperature, a number of Pods;
# - a **histogram** is several counters, each of how many values lay at or below an edge (`le`).
#
# What stands in braces is a **label**, no label of machine learning: `column="temp"` and `column="precip"` are two
# series of one name. Each value of a label makes a series that is kept for weeks, so a label has few values, all known
# before. A flight's number is none.
#
# The two series that you do not see, `flights_total` and `expected_late_total`, have the label `version`. The first
# counts the flights, the second sums up their probabilities. One divided by the other is the share that the model
# expects to be late.
#
# ## Exercise 17.1: Count it yourself
#
# Write `answer(registry)`. It makes three counters in the registry and returns a function
# `seen(version, flights, probabilities)`, which is called with each answer: `flights` is a list of dicts as they were
# sent (a client sends `None` for a column that it does not know, or leaves the column out), `probabilities` a list as
# long.
#
# | name when read | label | it counts |
# |---|---|---|
# | `flights_total` | `version` | flights |
# | `expected_late_total` | `version` | their probabilities, summed up |
# | `weather_missing_total` | `column`, those of `WEATHER` | flights of which this column was not known |
#
# Each column of `WEATHER` has a series from the start, at 0: of a series that does not exist nobody can say whether
# nothing is missing or nothing is counted.
# [`Counter`](https://prometheus.github.io/client_python/instrumenting/counter/) takes a name (without `_total`: it adds
# that), a text, a list of labels, and `registry=registry`. Then `.labels(…).inc(…)`.


# %%
def answer(registry):
    """Make three counters, and return the function that feeds them."""
    ### BEGIN SOLUTION
    flights = Counter("flights", "Flights asked about.", ["version"], registry=registry)
    expected = Counter("expected_late", "Their probabilities.", ["version"], registry=registry)
    missing = Counter("weather_missing", "Flights without it.", ["column"], registry=registry)
    columns = {name: missing.labels(name) for name in WEATHER}

    def seen(version, asked, probabilities):
        flights.labels(version).inc(len(asked))
        expected.labels(version).inc(sum(probabilities))
        for name in columns:
            columns[name].inc(sum(flight.get(name) is None for flight in asked))

    return seen
    ### END SOLUTION


# %%
from companion import check

check.ex_17_1(answer)

# %% [markdown]
# ## 2. December, hour by hour
#
# Now the whole month. For each hour in which flights leave, the service is asked about them, as the call centre would
# have done two hours before; at the end of each day its counters are read.

# %%
from chapter_17.service import replay

said, grown = replay(address, december)  # what was answered; by how much each counter grew in a day
print("same as the model itself:", bool((abs(said - predict(model, december)) < 0.000002).all()))
board = grown[[f"flights_total{{version={version}}}", "weather_missing_total{column=temp}"]].copy()
board.columns = ["flights", "without temp"]
board["expected late"] = (grown[f"expected_late_total{{version={version}}}"] / board["flights"]).round(2)
print(board.iloc[-5:].astype({"flights": int, "without temp": int}).to_string())

# %% [markdown]
# That is a board. It shows that the service is asked, what it says, and on 31 December that no flight had weather (the
# data ends a day early; section 6 comes back to that). Does it show that the service is *right*? Nothing on it comes
# from a flight that has landed.
#
# ## 3. An alarm that always rings
#
# The usual next step is an alarm on **drift**: the input has moved away from what the model learned from. The book's
# index is that of credit scoring, the population stability index (PSI); above 0.25 something "has moved". For the
# temperature, by month:

# %%
from flightdelay.drift import population_stability_index

psi = {m: population_stability_index(learned["temp"], month_rows(used, m)["temp"]) for m in months}
print("\n".join(f"{month}  PSI of temp {value:.1f}" for month, value in psi.items()))

# %% [markdown]
# Seven to twelve times the limit, in every month (in chapter 05 the largest index lay above it in all nine months). A
# month's temperatures lie close together, those of a year do not: one month *never* looks like January to August. So
# the alarm rings because of how it was made.
#
# A colleague mends it: compare each month with the month before, and not with everything.
#
# **Bet first.** In how many of the four months does the alarm at 0.25 still ring?

# %%
my_bet = None  # a whole number, from 0 to 4

# %%
before = {"2013-09": "2013-08", **dict(zip(months[1:], months, strict=False))}
august = featurize(ingest("2013-08", window=1))
every = {"2013-08": month_rows(august, "2013-08"), **{m: month_rows(used, m) for m in months}}
psi_to_before = {
    month: population_stability_index(every[other]["temp"], every[month]["temp"])
    for month, other in before.items()
}
print("\n".join(f"{month}  PSI to the month before {value:.1f}" for month, value in psi_to_before.items()))
companion.compare_bet(my_bet, sum(value > 0.25 for value in psi_to_before.values()))

# %% [markdown]
# In all four; November lies at nine times the limit. Seasons move from month to month, and the index is made to see
# that.
#
# And it proves little when it rings. "The input is not as before" is true of every autumn; whether the model is wrong
# there is another question. An alarm that rings in every month is switched off within a quarter, and then it is
# switched off in December, too.
#
# ## 4. Log loss without labels
#
# Is there a figure that speaks of the model and needs no labels? One is offered by tools that watch models. The idea: a
# probability says itself how often it will be wrong. Told "20% late", you expect one such flight in five to be late;
# so you can work out the log loss that you expect, flight by flight, before any has landed. Nothing but the service's
# own answers is needed:

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss


def estimated(p):
    """Return the log loss to expect if what the model says is right."""
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean())


used["p"] = predict(model, used)
by_month = used.groupby("month").agg(
    expected=("p", "mean"), late=("late", "mean"), estimated=("p", estimated)
)
print(by_month[["expected", "estimated"]].round(3).to_string())

# %% [markdown]
# That is all that could be known in December. The labels come later: then the real log loss is worked out.
#
# **Bet first.** In which of the four months is the real log loss higher (worse) than the estimate?

# %%
my_bet = None  # a list of months in order, such as ["2013-09", "2013-12"]

# %%
by_month["real"] = [log_loss(rows["late"], rows["p"]) for _, rows in used.groupby("month")]
print(by_month.round(3).to_string())
companion.compare_bet(my_bet, list(by_month.index[by_month["real"] > by_month["estimated"]]))

# %% [markdown]
# Only in December. From September to November the estimate was too high, by .03 to .09; in December it was too low by
# .11. Look at its column alone: .466, .469, .495, .489. It says that November is the worst month and December is a
# little better. Two columns explain it: in autumn far fewer flights were late than the model expected, in December far
# more. The estimate cannot see that, since it asks the model about itself.
#
# ## Exercise 17.2: What is taken for granted
#
# Write the body of `answer(expected, happened)`. Both are arrays of a probability for each flight: what the model said,
# and how often such a flight really is late. Return the mean log loss that the model's answers are then to be expected
# to have. (`expected` lies between 0 and 1, without the two; `happened` may be 0 or 1.)


# %%
def answer(expected, happened):
    """Return the log loss to expect of `expected`, where flights are late with probability `happened`."""
    ### BEGIN SOLUTION
    return float(-(happened * np.log(expected) + (1 - happened) * np.log(1 - expected)).mean())
    ### END SOLUTION


# %%
check.ex_17_2(answer)

# %% [markdown]
# Now the truth of December, put into that place: the odds of each flight times one factor, so that as many are late as
# were. (The share that was late is known only now.)

# %%
from scipy.optimize import brentq
from scipy.special import expit, logit

p, late = used.loc[used["month"] == "2013-12", "p"].to_numpy(), by_month.loc["2013-12", "late"]
factor = brentq(lambda by: expit(logit(p) + by).mean() - late, -5, 5)
truth = expit(logit(p) + factor)
steps = {
    "estimated": estimated(p),
    "with the level that came": float(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()),
    "real": by_month.loc["2013-12", "real"],
}
print("\n".join(f"{name:25} {value:.3f}" for name, value in steps.items()))

# %% [markdown]
# Of the .112 between the estimate and the truth, .080 are the level: a model that says 25% where 33% are late. The rest
# is what it says of single flights. A log loss without labels is a figure of *how unsure the model is*. It is worth
# watching, under that name. (There are better estimates, which are first calibrated on months with labels. They take
# for granted that nothing has changed since.)
#
# ## 5. Labels, late
#
# So there is no way around labels. In this story the airlines send a table of arrivals, and a day's delays are in it 30
# days later. What can be watched then is the **level**: of the flights of a week, how many were late, and how many did
# the model expect? Chapter 05's DAG asks somebody to look where the two are more than five points apart.

# %%
local = used["time_hour"].dt.tz_convert("America/New_York").dt.tz_localize(None)
days = used.groupby(local.dt.strftime("%Y-%m-%d").rename("day")).agg(
    arrived=("late", "size"), expected=("p", "sum"), late=("late", "sum")
)
days = days.reset_index()
days["known_from"] = (pd.to_datetime(days["day"]) + pd.Timedelta(days=30)).dt.strftime("%Y-%m-%d")
print(days.iloc[90:93].round(1).to_string(index=False))

# %% [markdown]
# ## Exercise 17.3: An alarm that says something
#
# Write `answer(days, today)`: True if the alarm rings on the day `today`, else False. `days` has the columns above, in
# any order of rows. It may hold labels that nobody had on `today`, or NaN for them. Take the **newest seven days whose
# labels are known** on `today` (on `known_from` they are). The alarm rings if, of all flights of these days, the share
# that was late and the share that was expected are **more than five points** apart, in either direction. With fewer
# than seven such days it is silent.


# %%
def answer(days: pd.DataFrame, today: str) -> bool:
    """Say whether the alarm of the level rings."""
    ### BEGIN SOLUTION
    week = days[days["known_from"] <= today].sort_values("day").tail(7)
    if len(week) < 7:
        return False
    return bool(abs(week["late"].sum() - week["expected"].sum()) > 0.05 * week["arrived"].sum())
    ### END SOLUTION


# %%
check.ex_17_3(answer)

# %% [markdown]
# **The next cell holds the book's way. Stop here until yours is right.** Four alarms, on every day from 7 September on,
# of the seven days before it. "At once" is the level with the labels of the same evening: nobody has them; it is the
# truth that the others are held against.

# %%
week = days[["arrived", "expected", "late"]].rolling(7).sum()
day_of = local.dt.strftime("%Y-%m-%d")
temp = [used.loc[day_of.isin(days["day"][n - 6 : n + 1]), "temp"] for n in range(6, len(days))]
off = (week["late"] - week["expected"]).abs() / week["arrived"]
daily = used.groupby(day_of)["p"].agg(lambda p: estimated(p) * len(p))
guess = daily.rolling(7).sum().to_numpy() / week["arrived"]
alarms = pd.DataFrame({"day": days["day"], "at once": off > 0.05, "30 days late": (off > 0.05).shift(30)})
alarms["PSI of temp"] = [False] * 6 + [population_stability_index(learned["temp"], t) > 0.25 for t in temp]
alarms["estimate"] = guess > 1.1 * estimated(predict(model, learned))  # a tenth above what was learned from
alarms = alarms.set_index("day").iloc[6:].fillna(False).astype(bool)

# %% alt="Four rows of marks over the days from September to December, one for each alarm: a mark where it rings."
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(9, 2.2), layout="constrained")
when = pd.to_datetime(alarms.index)
for row, name in enumerate(alarms):
    axes.plot(when[alarms[name]], [row] * int(alarms[name].sum()), "|", markersize=14)
    first = next((day for day in alarms.index[alarms[name]] if day >= "2013-12"), "never")
    print(f"{name:13} rings on {alarms[name].sum():3} of {len(alarms)} days; from December on first: {first}")
axes.set(yticks=range(4), yticklabels=list(alarms), ylim=(-0.5, 3.5), title="When each alarm rings")
plt.show()

# %% [markdown]
# Read the rows from the top.
#
# - The **estimate** rings on four days of 116: two in November, two in December, and on no other day of December.
# - The **PSI** rings on all of them.
# - The level **at once** rings on 82 days, and each time rightly: in that week the probabilities were off. From
#   September to November the model expects too many late flights, which costs needless offers; in December too few,
#   which costs missed connections. An alarm that rings on 82 days is not to be silenced. It was to be *answered*, on 7
#   October, when it could first ring.
# - **30 days late**, the same alarm rings in December, too. What does it say there?

# %%
gap = ((week["late"] - week["expected"]) / week["arrived"]).set_axis(days["day"])
for name, signed in (("at once", gap), ("30 days late", gap.shift(30))):
    rings = signed[signed.index >= "2013-12"]
    few, many = int((rings > 0.05).sum()), int((rings < -0.05).sum())
    print(f"{name:13} in December: too few expected on {few} days, too many on {many}")

# %% [markdown]
# It says the opposite of what is true on that day. Its labels are November's, when the model expected too many. Who
# answers it in December by lowering the level makes December worse. So write into the alarm what it proves: **"in the
# week up to 8 November the level was too high"**, with the dates, and never "the model is too high".
#
# ## 6. An alarm that should have rung
#
# One alarm needs no labels and no judgement: is the input there at all? `weather_missing_total` counts what was not
# known, and on 31 December it told. Suppose that on 12 December the weather feed breaks down, and all of the day's
# flights are asked about without weather. A client sends null where it knows nothing, as the service asks for. Another
# client's language has no null for its numbers, and sends 0.0.

# %%
twelfth = december[december["time_hour"].dt.tz_convert("America/New_York").dt.day == 12]
for name, value in (("weather", None), ("null", float("nan")), ("0.0", 0.0)):
    sent = twelfth if value is None else twelfth.assign(**dict.fromkeys(WEATHER, value))
    answered, grown_by = replay(address, sent)
    missing = grown_by["weather_missing_total{column=temp}"].sum() / len(sent)
    said_late, loss = answered.mean(), log_loss(twelfth["late"], answered)
    print(f"{name:7}: without temp {missing:4.0%}, expected late {said_late:.2f}, log loss {loss:.3f}")
print(f"late on that day: {twelfth['late'].mean():.2f}")

# %% [markdown]
# With null the model is told "unknown": it expects 32% late where 22% were, and is worse than with weather.
# With 0.0 it is told of a day at zero degrees, without visibility and without air. It says that 70% will be late, is
# sure of it, and is twice as bad.
#
# **Symptom:** none on the board of missing values: with 0.0 it is calm, calmer than on a good day. **Evidence:** a
# pressure of 0.0 in what was sent. **Cause:** a missing value was written as a number. **Fix:** the service refuses
# what no weather can be, by the schema that the pipeline has had since chapter 02, and counts what it refused:

# %%
from flightdelay.steps.validate import WEATHER as SCHEMA

for name in WEATHER:
    rule = SCHEMA.columns[name].checks[0]
    if not rule(pd.Series([0.0])).check_passed:
        print(f"{name} is never 0.0; the rule: {rule.error}")

# %% [markdown]
# Of nine columns only one gives it away. Zero degrees, no rain and no wind are weather. So a rule on values finds such
# a client by luck; a contract in which a number may be null keeps it away.
#
# ## 7. The same two alarms, as rules
#
# A monitor evaluates rules again and again. In Prometheus they are a file,
# [`alerts.yml`](../chapters/17-serve-watch-retrain/alerts.yml); two of its lines:
#
# ```yaml
# expr: increase(weather_missing_total{column="temp"}[6h]) > 0.05 * scalar(sum(increase(flights_total[6h])))
# expr: abs(late_flights - expected_late_flights) > 0.05 * labelled_flights
# ```
#
# `increase` asks by how much a counter grew, and knows of restarts. In the file, `for` below each says how long it has
# to last before somebody is called. A series that is not there gives no alarm: before the first labels have come, the
# second is silent.
#
# Rules are code, and this code runs when nobody looks. So it has tests, in
# [`alerts-test.yml`](../chapters/17-serve-watch-retrain/alerts-test.yml): made-up series, and when which alarm has to
# ring. They were run with `promtool` 2.42.0 on Debian 12, and `make test` runs them wherever `promtool` is installed
# (Debian's package `prometheus` brings it). In a terminal, in the chapter's folder:
#
# ```sh
# promtool test rules alerts-test.yml
# ```
#
# The series of the second rule do not come from the service. Whoever reads the table of arrivals sets them, as gauges,
# when a new day has come.
#
# ## Recap
#
# 1. You **counted** what a service is asked and answers: few labels, a series from the start, a zero that is a value.
# 2. You said what a log loss **estimated without labels** takes for granted: that the model is right.
# 3. You **replaced an alarm** that always rings by one of labels, which is late, and says something when it rings.
#
# **It transfers.** Whether a loan defaults is known after a year. Until then a board shows applicants who are not as
# before, and scores that are sure of themselves. Ask of each figure on it whether anything in it comes from a loan that
# was repaid or not.
#
# ## Optional: bring your own model
#
# Put your model in place of `model`. Is its estimate nearer to the real log loss? A model that is calibrated on the
# months learned from has the same estimate problem in a month whose level has changed.
#
# ## Clean-up

# %%
from chapter_17.service import stop

stop()

# %% [markdown]
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebook".
