# %% [markdown]
# # 13.3 · Choosing a tool: decide, and defend it
#
# About 40 minutes · 1 GB of memory · no cluster
#
# You know what a tool costs beside your work, and that a step can be moved to another tool. Now choose one by the need
# that decides, and write the choice down so that the people who will pay for it and work with it can discuss it.
#
# You will
#
# 1. **pick** a tool for a requirement, and name the need that decides;
# 2. write a **memo** with figures, an owner, first users and a limit at which you would stop.

# %%
import companion

state = companion.workspace("13-3")

# %% [markdown]
# A memo needs figures. Those of the first notebook stand in `bench.json`: one run of `make bench`, against plain
# Python's time and in seconds.

# %%
import json

from companion.workspace import repository

bench = json.loads((repository() / "chapters" / "13-choosing-a-tool" / "bench.json").read_text())
for tool, cost in bench["tools"].items():
    print(f"{tool}:")
    for name, value in cost.items():
        print(f"    {name}: {value}")

# %% [markdown]
# ## 1. Which tool?
#
# This is what each tool gives by itself; what ZenML's other orchestrators add is left out. "Managed" is a cloud's
# platform such as SageMaker, Vertex AI or Azure ML; the book has run none of them.

# %%
from chapter_13.check import CAN

for tool, gives in CAN.items():
    print(f"{tool:9}", ", ".join(sorted(gives)))

# %% [markdown]
# "Lineage" means that the tool itself knows from which data a result was made. Airflow keeps the history of assets that
# you declare, and sends lineage to another system through its OpenLineage provider; the book uses neither. "Only
# Python" means that there is no further program or word to learn, and none to run. Airflow's "an image per step" is its
# operator that starts a Pod; "own hardware" says that it runs where your data may have to stay. Every word is a
# *feature*. A requirement needs two or three of them; the other features cost time and money, and nobody asked for
# them.
#
# ## Exercise 13.3: Five requirements
#
# - `analyst`: "I am alone with one model, renewed each quarter in two minutes on my laptop. The colleague who takes
#   over from me knows pandas and nothing else."
# - `auditors`: "Four of us try features. Training takes an hour, and mostly we change the last step. The
#   auditors ask from which data a number came. We have no cluster, and the data may not leave the house."
# - `nightly`: "Every night forty jobs of other teams load data. Our job has to run after three of them. When the ledger
#   of a month is restated, this month and all after it run again, in order."
# - `vision`: "Training needs other packages than preprocessing, and they exclude each other. The films may not
#   leave the house. A team runs a Kubernetes for us."
# - `two`: "We are two people, our data is in one cloud account, and the model is renewed each night. Neither of us will
#   get up at night for a server."
#
# For each, give a tool and the *need that decides*, in the form `"analyst": ("a tool", ["a need"])`: one word of the
# list above or two, not more, and only what is asked for. A need decides if the other tools that are still possible do
# not meet it. More than one tool can be right.

# %%
### BEGIN SOLUTION
answer = {
    "analyst": ("plain", ["only Python"]),
    "auditors": ("zenml", ["cache", "lineage"]),
    "nightly": ("airflow", ["backfill", "waits for other jobs"]),
    "vision": ("kubeflow", ["an image per step", "own hardware"]),
    "two": ("managed", ["operated for you", "schedule"]),
}
### END SOLUTION

# %%
from companion import check

check.ex_13_3(answer)

# %% [markdown]
# ## 2. The memo
#
# Others can discuss your choice only if it is written down. This takes eight short answers: which tool; the needs that
# decide; why, in a sentence; figures, each with its source; who is called when it fails, and who replaces that person;
# who uses it first; what would make you stop, as a number on a date; and what the next best tool would be.
#
# People often leave out the limit. "If it is not accepted" is no limit: in a year everybody will say that it is
# accepted somehow. "If by 31 March more than 1 of 3 monthly runs had to be repaired by hand, we go back to the script"
# is a limit. Write it down *before* the trial begins.
#
# Three cases follow, and below each the form of its memo. Fill in the forms and run their cells:
#
# - `tool`: a name of the list of section 1; `needs`: one or two words of that list; `why`: a sentence;
# - `figures`: a list of `(number, what it is, source)`. The source is `"case"` (the text says it), `"bench"` (it stands
#   in `bench.json`, printed above) or `"estimate"` (yours). At least one is not an estimate;
# - `owner`: a pair, the person who is called when it fails and the person who replaces them; a role or a name each;
# - `first_users`: a pair, how many they are (10 at most) and who;
# - `stop`: `measure` says what is counted, and more of it is *worse*. `limit` is a number: on the day `by` you stop if
#   **more** than that was counted, and go on if it was that much or less. `out_of` says how many there are in all (None
#   where there is no such number, as with hours), and `then` what happens when you stop. `by` is a date such as
#   `"2027-03-31"`; the trial begins on 4 January 2027 and ends within a year;
# - `alternative`: a dict with `tool`, the next best, and `why_not`.

# %%
from chapter_13.check import CASES

print(CASES["solo"])

# %%
solo = {
    "tool": None,
    "needs": [],
    "why": None,
    "figures": [],
    "owner": (None, None),
    "first_users": (None, None),
    "stop": {"measure": None, "limit": None, "out_of": None, "by": None, "then": None},
    "alternative": {"tool": None, "why_not": None},
}

# %%
print(CASES["bank"])

# %%
bank = {
    "tool": None,
    "needs": [],
    "why": None,
    "figures": [],
    "owner": (None, None),
    "first_users": (None, None),
    "stop": {"measure": None, "limit": None, "out_of": None, "by": None, "then": None},
    "alternative": {"tool": None, "why_not": None},
}

# %%
print(CASES["startup"])

# %%
startup = {
    "tool": None,
    "needs": [],
    "why": None,
    "figures": [],
    "owner": (None, None),
    "first_users": (None, None),
    "stop": {"measure": None, "limit": None, "out_of": None, "by": None, "then": None},
    "alternative": {"tool": None, "why_not": None},
}

# %% [markdown]
# ## Exercise 13.4: Three cases, one page
#
# With the three forms filled in: `answer = {"solo": solo, "bank": bank, "startup": startup}`.
#
# The check finds out whether something is missing, and whether the trial can fail. It cannot judge how good your
# sentences are; for that there is a rubric below.

# %%
### BEGIN SOLUTION
from pprint import pprint

from chapter_13.solved_memo import MEMO

answer = MEMO  # one of many, in the chapter's folder
pprint(answer, sort_dicts=False, width=110)
### END SOLUTION

# %%
check.ex_13_4(answer)

# %% [markdown]
# ### The rubric
#
# Now judge what no program can judge, for one case at a time, or let a colleague do it. One point for each *yes*; the
# last point is for all three together.
#
# 1. **Needs and why**: would the sentence be false for another case? ("It is the best and most modern tool" can be said
#    in every case.)
# 2. **Figures**: does the decision change if the number is ten times as large?
# 3. **Owner**: can you call this person, and do they have the time and the right to do it? ("IT" is not a person.)
# 4. **First users**: will their work be better within weeks, and would they say so if it were not?
# 5. **Stop**: would two people read the same number on that day? Is it somebody's task to look? Can the trial fail?
# 6. **Alternative**: is it the strongest other tool, described as those who like it would describe it?
# 7. **All three**: would somebody who knows the cases recognise each memo without its heading?
#
# Six or seven points: send it. Four or five: work on it for one more evening. Fewer: you have a preference, but not yet
# a decision.
#
# ## Optional: the finale
#
# Take a model of your own through the book's pipeline, and let a colleague break it.
#
# 1. Put your table behind `ingest` (the key, the month, what is known when), or begin with your estimator alone:
#    `in_plain_python.run(..., estimator=yours)`.
# 2. Run three months in plain Python and in the tool that you chose. Compare the digests.
# 3. Your colleague gets ten minutes alone and changes one thing: a column that is overwritten afterwards, a month
#    delivered twice, a join off by one hour, a seed, a file under the old name, or nothing at all.
# 4. You get forty minutes. Write down symptom, evidence, cause, fix, in this order. If nothing is broken, prove it.
# 5. Change roles. Then both say which rule of the contract would have caught it, and write the rule.
#
# The first step of the first point, so that you see that it runs: a model of two columns in place of the book's.

# %%
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from flightdelay.pipelines import in_plain_python

columns = make_column_transformer(("passthrough", ["departure_minute", "distance"]))
own = make_pipeline(columns, LogisticRegression(max_iter=1000))
tried = in_plain_python.run("2013-09", window=2, sample=4_000, store=state / "own", estimator=own)
for name in ("challenger", "baseline"):
    print(
        f"{name:10} log loss {tried.evaluation[name]['log_loss']:.2f}  AUC {tried.evaluation[name]['auc']:.2f}"
    )
print(tried.decision["decision"])

# %% [markdown]
# ## Recap
#
# 1. You **picked** by the need that decides. A feature that nobody asks for only costs.
# 2. You wrote a **memo** that others can discuss: figures with sources, an owner, first users, a limit on a date, and
#    the next best tool.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# This is the last chapter. What you can do now, how to explain it, and where to go from here stands at the end of the
# [reading](../chapters/13-choosing-a-tool/README.md). If you want to try one thing next week: take a model that already
# runs, cut it into six functions, and run it twice.
