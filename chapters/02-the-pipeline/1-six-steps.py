# %% [markdown]
# # 02.1 · The pipeline: six steps, a contract, and who needs what
#
# About 45 minutes · 1 GB of memory · no cluster
#
# Chapter 01 ended with a list of what is wrong with a notebook as a product. Here the same code moves out of the
# notebook, as six steps. You call them by hand, write a rule that the data has to pass, and write down what each step
# needs. In the second notebook you write a runner for them, in about 20 lines; in the third you kill that runner.
#
# You will
#
# 1. write a rule of a **contract**, which stops a bad month with a sentence that somebody can act on;
# 2. connect ("wire") the six real steps by **what each one needs**.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("02-1")

# %% [markdown]
# ## 1. Six steps, and what goes between them
#
# A **step** is a function: inputs, outputs, nothing else. These are the six of this book. (`inspect.signature`
# reads a function's parameters without calling it.) Look at the names in the parentheses.

# %%
import inspect

from flightdelay.steps.decide import decide
from flightdelay.steps.evaluate import evaluate
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate

for step in (ingest, validate, featurize, train, evaluate, decide):
    signature = inspect.signature(step)
    print(f"{step.__name__}({', '.join(signature.parameters)}) -> {signature.return_annotation.__name__}")

# %% [markdown]
# All that a step knows stands there. `window` is the number of earlier months to learn from; `None`, the book's
# default, means all of them. `sample` keeps only so many of the flights to learn from; here 20,000, so that a run takes
# a second or two.
#
# What one step makes and another takes is an **artifact**: the raw tables (`Raw` holds flights and weather), the
# features, a fitted model, an evaluation, a decision. Five steps only return something. `decide` also takes a `store`
# and writes to it: it is the only step that changes something outside the run.
#
# Call the first three by hand, and follow one flight through them: UA 1037 of chapter 01, Newark to Los
# Angeles, 12 September 2013, 19:30.

# %%
raw = ingest("2013-09", sample=20_000)
valid = validate(raw, "2013-09")
features = featurize(valid)


def our_flight(table):
    there = (table["carrier"] == "UA") & (table["flight"] == 1037)
    # The scheduled hour in UTC: 19:00 in New York.
    return table[there & (table["time_hour"] == "2013-09-12 23:00Z")].iloc[0]


print(our_flight(valid.flights)[["origin", "dest", "sched_dep_time", "dep_delay", "arr_delay"]].to_string())
print()
print(our_flight(features)[["month", "departure_minute", "weekday", "wind_speed", "late"]].to_string())

# %% [markdown]
# Above is the flight as it was recorded: it left and arrived more than two hours late. Below is what the model is given
# two hours before departure, and the label. `dep_delay` is gone, because nobody knows it in time (chapter 01).
#
# ### Bet first: the same cell, run again
#
# Somebody wants a model of recent flights only, and adds a step that keeps the flights of the last 30 days. You run the
# notebook on 1 October, from top to bottom and without an error; and, to be sure, again on 20 October. Neither its code
# nor its data has changed. Which flights does the second run keep?

# %%
my_bet = None  # "other flights" or "the same flights"

# %%
import pandas as pd


def last_30_days(flights):
    return flights[flights["time_hour"] > today - pd.Timedelta(days=30)]


kept = []
for day in ("2013-10-01", "2013-10-20"):
    today = pd.Timestamp(day, tz="UTC")  # in place of the real clock, which you cannot set
    kept.append(last_30_days(raw.flights))
    print(f"run on {day}: {len(kept[-1]):6,} flights")
companion.compare_bet(my_bet, "the same flights" if kept[0].equals(kept[1]) else "other flights")

# %% [markdown]
# Look at the two counts. Both runs went from top to bottom without an error, and still they are two different
# experiments: the clock is an **input that no parameter names**. Other such inputs are a variable of an earlier cell,
# the current folder, the newest file in it, and a random seed that nobody set. The remedy is always the same: make it a
# parameter. That is why a run is told its `month`, and why September can still be run next year.
#
# ## 2. The contract: a bad month is refused before it is used
#
# A model trains on nearly anything without complaint. So the second step compares the tables with a
# **schema**: columns, types, ranges, keys. Break one on purpose. The supplier changes `sched_dep_time` from
# clock time (1745) to minutes since midnight (1065) and tells nobody. Read the sentence.

# %%
from flightdelay.errors import ValidationError
from flightdelay.steps.ingest import Raw

changed = raw.flights.copy()
clock = changed["sched_dep_time"]
changed["sched_dep_time"] = (clock // 100 * 60 + clock % 100).astype("int32")
try:
    validate(Raw(changed, raw.weather), "2013-09")
except ValidationError as error:
    print(error)

# %% [markdown]
# The sentence names table, row, flight and column, the value that stands there, the number of such places, the rule
# that is broken, and what happens next: no training, and no new champion. You could send it to the supplier as it is.
# Every time was changed, and only a part breaks the rule, because many minutes since midnight happen to look like a
# clock time: 17:45 became 1065, and no hour has a minute 65, but 7:10 became 430, which could be half past four.
#
# The next delivery has another change: the supplier fills every empty `arr_delay` with 0, "so that there are no
# gaps". **Bet first:** what becomes of this month?

# %%
my_bet = None  # "it is refused" or "it passes"

# %%
filled = Raw(raw.flights.assign(arr_delay=raw.flights["arr_delay"].fillna(0)), raw.weather)
try:
    validate(filled, "2013-09")
    companion.compare_bet(my_bet, "it passes")
except ValidationError as error:
    companion.compare_bet(my_bet, "it is refused")
    print(error)

# %% [markdown]
# To understand the result, count the flights that had no arrival delay, and compare what the model gets of September,
# as recorded and filled.

# %%
# The recorded table has the month as a number, beside the year; the features have both in one text.
gaps = raw.flights.query("month == 9 and arr_delay.isna()")
never_left = int(gaps["dep_time"].isna().sum())
print(f"filled: {never_left} flights that never left, {len(gaps) - never_left} that left and were diverted")
for name, tables in (("as recorded", raw), ("filled", filled)):
    september = featurize(tables).query("month == '2013-09'")
    late = september["late"].mean()
    print(f"{name:12} {len(september):,} flights with a label, {late:.1%} of them late")

# %% [markdown]
# 0 is a possible delay, so the month passes. Flights that never left, and flights that landed somewhere else, now count
# as on time, and the late rate goes down although no flight was faster. Nothing failed, because a contract refuses only
# what somebody thought of, and nobody had thought of this. A rule against it needs two columns. You write the larger
# part of it: a flight that never left cannot have arrived. The diverted flights did leave, so that rule alone does not
# find them.
#
# ## Exercise 2.1: A rule of the contract
#
# Write a contract that refuses a table where a flight has an `arr_delay`, whatever it is, although it never departed
# (its `dep_time` is empty). Write the body and return the result: a good table comes back unchanged. For a bad one
# raise a `ValidationError` whose sentence names a row or flight that breaks the rule, the column with the wrong value
# (`arr_delay`), and the rule. Note that a good month has cancelled flights (no `dep_time`, no `arr_delay`) and diverted
# ones (a `dep_time`, no `arr_delay`).


# %%
def answer(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the flights, or raise a ValidationError that says where to look."""
    ### BEGIN SOLUTION
    broken = flights[flights["dep_time"].isna() & flights["arr_delay"].notna()]
    if len(broken):
        first = broken.iloc[0]
        raise ValidationError(
            f"Row {broken.index[0]} ({first['carrier']} {first['flight']}): column arr_delay is "
            f"{first['arr_delay']:g}, and the rule is: a flight that never departed has no arrival delay "
            f"({len(broken)} rows break it)."
        )
    return flights
    ### END SOLUTION


# %%
from companion import check

check.ex_2_1(answer)

# %% [markdown]
# ## 3. The order is in the needs
#
# A script calls six functions in a row. Only its author knows why the order is right: the script cannot say what has to
# run again when one thing changes, nor what could run side by side. So write down something else: for each artifact,
# **the step that makes it and the names of that step's inputs**. The order follows. Such a graph of needs without a
# circle is called a DAG (directed acyclic graph). The page of this chapter has the picture of ours.
#
# ## Exercise 2.2: What does each step need?
#
# Complete the dict. A key is an artifact, its value the list of inputs of the step that makes it, in the
# order of the step's parameters (section 1 printed them). An input is another key, or one of the four things
# that are given from outside: `month`, `window`, `sample`, `store`. Leave out `data` and `estimator`, whose
# defaults fit. The steps that make them are, in the order of the keys: `ingest`, `validate`, `featurize`,
# `train`, `evaluate`, `decide`.

# %%
artifacts = ["raw", "valid", "features", "challenger", "evaluation", "decision"]
### BEGIN SOLUTION
answer = {
    "raw": ["month", "window", "sample"],
    "valid": ["raw", "month", "window"],
    "features": ["valid"],
    "challenger": ["features", "month"],
    "evaluation": ["features", "challenger", "month"],
    "decision": ["features", "challenger", "evaluation", "store"],
}
### END SOLUTION

# %%
check.ex_2_2(answer)

# %% [markdown]
# **The next cell prints the book's wiring, and so the answer. Stop here until yours is right, then compare.**
#
# In the book it is a file of its own, in this chapter's folder: other notebooks and other processes have to find it.
# For each artifact it has the function that makes it and the names of what this function needs. The steps stand in
# reverse order on purpose.

# %%
from chapter_02 import wiring

print(inspect.getsource(wiring))

# %% [markdown]
# ## Recap
#
# 1. You wrote a rule of a **contract**. It stops a month with row, column and rule, and it knows only the
#    mistakes that somebody thought of.
# 2. You wired the six steps by **what each one needs**. The order followed from the needs; a script has only the order.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# So far you called the steps yourself. In [the second notebook](02-2-the-runner.ipynb) you write the function that runs
# this wiring.
