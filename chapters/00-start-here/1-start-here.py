# %% [markdown]
# # 00 · Start here: what you will build, and whether you need it
#
# About 20 minutes · under 1 GB of memory · no cluster needed · no network needed
#
# This notebook is a small version of the whole book: one pipeline, run twice, in plain Python and in a tool. You read
# its result in the same way in every later chapter.
#
# You will
#
# 1. run the book's pipeline for one month, and read what comes out;
# 2. say which figures a tool may change and which it must not;
# 3. say what it proves when two tools give the same result, and what it does not;
# 4. decide for four cases whether they need any of this.

# %%
import companion

state = companion.workspace("00-1")

# %% [markdown]
# The line above names the versions that this book was tested with. `state` is a folder for this notebook only:
# everything that the notebook writes lands there, and nothing else on your machine is changed.

# %%
import pandas as pd

from companion import check
from companion.runner import run_in
from flightdelay.pipelines.in_plain_python import run

# %% [markdown]
# ## 1. One question
#
# *Will this flight arrive more than 15 minutes late?* The question is asked two hours before departure, for flights
# that were to leave New York in 2013. When the answer is "probably late", a passenger who has to catch a connecting
# flight is offered a later one.
#
# The pipeline that answers it has six steps:
#
# | step | what it does | what you would call it in a notebook |
# |---|---|---|
# | `ingest` | loads the months | the `read_parquet` cells at the top |
# | `validate` | refuses a month whose data is wrong | the `.describe()` that you look at, when you remember to |
# | `featurize` | keeps what is known two hours before departure | feature engineering |
# | `train` | fits a model on the months before | `.fit` |
# | `evaluate` | judges it on the month | `.predict_proba` and the metrics |
# | `decide` | replaces the model in use, or keeps it | the talk with your colleagues |
#
# Run it for September. It learns from January to August; to be quick, from 20,000 of these flights.

# %%
plain = run("2013-09", sample=20_000, store=state / "plain")
rows = {name: plain.evaluation[name] for name in ("challenger", "baseline")}
pd.DataFrame(rows).T.round(3)[["auc", "log_loss", "cost_per_1000_flights"]]

# %% [markdown]
# The **challenger** is the model that was just trained. The **baseline** knows only how often each route was
# late at each hour. Read the columns like this:
#
# - `auc`: take one late flight and one that was on time. How often does the late one get the higher
#   probability? 0.5 is a coin, 1 is never wrong.
# - `log_loss`: how good the probabilities themselves are. Lower is better; a probability near 0 or 1 that turns out
#   wrong adds most.
# - `cost_per_1000_flights`: what it costs to act on the probabilities. An offer that was not needed costs 1, a missed
#   connection 4.
#
# The challenger is better in all three. So the last step decides:

# %%
print(plain.decision["decision"], "–", plain.decision["reasons"][0])

# %% [markdown]
# There was no model in use before, so the challenger had to beat the baseline. It did: it is promoted, and is now
# the **champion**, the one that the next month's challenger has to beat.
#
# The decision depends on the month **and on what is in the store**. This store was empty. `make tour` runs the months
# of the year one after the other in one store: there September's challenger meets the champion of August, and a month
# can end in `keep` because the champion before it is better, as April and December do. The probabilities do not depend
# on the store.
#
# ## 2. Another tool
#
# Now Kubeflow runs the same six functions. Here it does so on your laptop, without a cluster: every step is a
# process of its own that reads files and writes files. This takes 20 seconds to a minute; each step is named when it
# has ended.
#
# **Bet first**: what will the AUC be, compared with plain Python's? And the time?

# %%
my_bet = None  # "different", "equal" or "nearly equal"

# %%
[kubeflow] = run_in(
    "kubeflow", ["2013-09"], sample=20_000, store=state / "kubeflow", state=state, say_steps=True
)
table = pd.DataFrame(
    {"plain": plain.evaluation["challenger"], "kubeflow": kubeflow["evaluation"]["challenger"]}
)
table.T.round(3)[["auc", "log_loss", "cost_per_1000_flights"]]

# %%
print("same as plain:", kubeflow["evaluation"]["digest"] == plain.digest)
apart = abs(kubeflow["evaluation"]["challenger"]["auc"] - plain.evaluation["challenger"]["auc"])
companion.compare_bet(my_bet, "equal" if not apart else "nearly equal" if apart < 0.01 else "different")

# %% [markdown]
# The figures are exactly the same. The second cell compares a **digest**: a fingerprint of all predicted probabilities.
# If one probability differed in its sixth decimal, the digest would be different.
#
# The time did change: a run in plain Python takes a second or two, Kubeflow takes longer, because it starts a new
# Python for each step. Times are not printed here, because they are different on every machine.
#
# `make tour` makes the same table for the full data, with ZenML and Airflow beside it: in your terminal, and with
# plots in `build/tour.html`. Run it now if you have not; the [chapter's page](../chapters/00-start-here/README.md)
# shows what it prints.

# %% [markdown]
# ## Exercise 0.1: What may a tool change?
#
# For each tool the tour notes `seconds`, `auc`, `log_loss`, `decision` and `digest`, of the same month and with the
# same models in the store. Which of them have to be the same, whatever tool ran the pipeline? Answer with a list of
# these names.
#
# The cell below your answer judges it, as often as you like. When its sentence does not help, `check.hint_0_1()` in a
# cell of your own gives another hint; when you are right, `check.solution_0_1()` shows how the book solves it. So it is
# with all exercises of the book.

# %%
### BEGIN SOLUTION
answer = ["auc", "log_loss", "decision", "digest"]
### END SOLUTION

# %%
check.ex_0_1(answer)

# %% [markdown]
# ## 3. What the same digest proves
#
# Several tools with one digest look convincing. This exercise asks what exactly they prove.
#
# ## Exercise 0.2: Pick the sentence that follows
#
# All four tools give the same digest. What do you know?
#
# - `"a"`: The model is right.
# - `"b"`: The tools changed nothing in the model: all four are equally right or equally wrong.
# - `"c"`: All four tools cost the same.
# - `"d"`: The model will be as good next month.
#
# Answer with one letter.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION

# %%
check.ex_0_2(answer)

# %% [markdown]
# ## 4. Do you need this at all?
#
# The [chapter's page](../chapters/00-start-here/README.md) has the long answer. The short one: use the least that
# does the job.
#
# ## Exercise 0.3: Four cases
#
# For each case choose `"notebook"`, `"script"` (a script and the scheduler that is there anyway), `"managed"` (a
# managed platform of your cloud) or `"own"` (your own orchestrator on Kubernetes).
#
# - **analysis**: A team looks once at why customers leave, and presents it in March.
# - **report**: A model forecasts the canteen's meals once a month, on one machine. If the forecast comes a day late,
#   nobody minds.
# - **shop**: A shop of 40 people scores its customers every night with three models, and calls them from these
#   scores at nine in the morning. All its data is in one cloud, and nobody there has run a server.
# - **bank**: A bank retrains 60 models a month. By law the data stays in its own data centre, where a team of
#   eight runs Kubernetes already for everything else.
#
# Answer with a dict from case to choice.

# %%
### BEGIN SOLUTION
answer = {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "own"}
### END SOLUTION

# %%
check.ex_0_3(answer)

# %% [markdown]
# ## What you did
#
# - You ran the book's pipeline for one month and read its result: challenger against baseline, and a decision.
# - You know that a tool may change the time that a run takes, and nothing in its result.
# - You can say what one digest proves: the tools changed nothing. It does not prove that the model is right.
# - You decided for four cases; in most of them you do not need an orchestrator of your own.
#
# There is nothing to clean up: this notebook's folder is below `work/state`, and `make reset` empties it.
#
# Next: [01 · The model](../chapters/01-the-model/README.md). Before anything runs every month, the model has to be
# worth running.
