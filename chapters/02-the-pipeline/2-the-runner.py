# %% [markdown]
# # 02.2 · The pipeline: the runner, and what a run leaves
#
# About 40 minutes · 1 GB of memory · no cluster
#
# The first notebook wrote down what each of the six steps needs. Here you write the function that runs them, and
# look at what a run leaves behind: a model, and a decision whether it is used.
#
# You will
#
# 1. write a **runner** for any such wiring: each step once, after what it needs;
# 2. keep it free of **hidden inputs**, that is, of values that a function uses although no parameter names them. Your
#    runner stops when something is missing, and it does not change what it was given.
#
# Twice you are asked to **bet first**: replace `None` by what you expect. The cell below the bet compares.

# %%
import companion

state = companion.workspace("02-2")

# %% [markdown]
# ## 1. The wiring
#
# This is the wiring of exercise 2.2, from the chapter's folder; the first notebook has shown it
# ([`wiring.py`](../chapters/02-the-pipeline/wiring.py)). For each artifact it has the step that makes it and the names
# of that step's inputs. Four names come from outside: `month`; `window`, how many months to learn from (None is all
# that came before); `sample`, at most how many flights to learn from (the month that is judged stays complete); and
# `store`, where the model goes.

# %%
from chapter_02.wiring import STEPS

for name, (step, inputs) in STEPS.items():
    print(f"{name:10} is made by {step.__name__:9} from {', '.join(inputs)}")

# %% [markdown]
# ## Exercise 2.3: The runner
#
# Write the function that runs any such wiring. `steps` looks like `STEPS`; `given` holds what comes from
# outside, by name. Call every step once, with its inputs in the order in which `steps` names them. Write the
# body and return the result: a new dict of all that was given and made. Leave `steps` and `given` as they
# are; they belong to the caller. An input that is neither given nor made ends the run with an error (a KeyError
# will do).
#
# The standard library finds the order. `TopologicalSorter({"bread": ["dough"], "dough": ["flour",
# "water"]}).static_order()` goes through `flour`, `water`, `dough`, `bread`: everything comes after what it
# needs. It also names what no step makes, here flour and water; that is what `given` is for.

# %%
from graphlib import TopologicalSorter


def answer(steps: dict, given: dict) -> dict:
    """Make every artifact once, after those that it needs."""
    ### BEGIN SOLUTION
    made = dict(given)
    needs = {name: inputs for name, (_, inputs) in steps.items()}
    for name in TopologicalSorter(needs).static_order():
        if name not in given:
            step, inputs = steps[name]
            made[name] = step(*(made[each] for each in inputs))
    return made
    ### END SOLUTION


# %%
from companion import check

check.ex_2_3(answer)

# %% [markdown]
# **The next cell holds the book's runner, and so the answer. Stop here until yours is right, then compare.**
#
# The book's runner also prints what it does; put your own in its place if you like.


# %%
def run_dag(steps, given):
    made = dict(given)
    needs = {name: inputs for name, (_, inputs) in steps.items()}
    for name in TopologicalSorter(needs).static_order():
        if name in steps:
            step, inputs = steps[name]
            made[name] = step(*(made[each] for each in inputs))
            print(f"{step.__name__:10} made {name}")
    return made


# %% [markdown]
# `STEPS` names the last step first, and the runner gets it like that. Then `flightdelay.pipelines.in_plain_python`,
# which is six calls in a row, runs the same month. Both runs make a **digest**: one checksum over the probabilities of
# all flights of September, rounded to six decimals. **Bet first:** how do the two digests compare?

# %%
my_bet = None  # "different" or "equal"

# %%
from flightdelay.pipelines import in_plain_python
from flightdelay.store import Store

given = {"month": "2013-09", "window": None, "sample": 20_000, "store": Store(state / "first-store")}
made = run_dag(STEPS, given)
plain = in_plain_python.run("2013-09", sample=20_000, store=state / "plain-store")
same = made["evaluation"]["digest"] == plain.digest
print("same as plain:", same)
companion.compare_bet(my_bet, "equal" if same else "different")

# %% [markdown]
# Look at the order of the lines: it is right although nobody wrote it down. And every probability agrees to six
# decimals. The six steps do not know who calls them. So this book can hand the same steps to ZenML, to Airflow and to
# Kubeflow, and compare.
#
# The wiring is a small part of the work. Written as YAML, `STEPS` would be six names with lists behind them. The format
# does not matter: whether the pipeline can be trusted is decided inside the steps.
#
# ## 2. What a run leaves
#
# Five of the steps only return something. The sixth, `decide`, writes to the **store**: a model, and a file with the
# month's decision. What does it decide? The model in use is the **champion**; the new one, the **challenger**, has to
# beat it on flights that neither has seen. Where there is no champion yet, the challenger has to beat the baseline of
# chapter 01. The rule was fixed before any result was known. The next cell prints its three conditions; all of them
# must hold on the month's flights.

# %%
import inspect

from flightdelay.steps.decide import decide

rule = inspect.getdoc(decide).split("\n\n")
print(rule[2])

# %% [markdown]
# Watch two decisions: February and March, in order, from a small sample. `judge` runs a month, prints what was
# compared, and returns the decision.

# %%
import shutil

year_store = Store(state / "year-store")


def judge(month):
    print(f"{month} starts; the model in use is", (year_store.champion() or "none")[:7])
    ran = in_plain_python.run(month, sample=6_000, store=year_store.root)
    losses = {name: ran.evaluation[name]["log_loss"] for name in ("challenger", "baseline")}
    if before := ran.decision["champion_before"]:
        losses[f"champion ({before[:7]})"] = ran.decision["champion"]["log_loss"]
    print("  log loss:", ", ".join(f"{name} {loss:.2f}" for name, loss in losses.items()))
    print(f"  {ran.decision['decision']}; the opponent was the {list(losses)[-1]}")
    return ran.decision["decision"]


# %%
shutil.rmtree(year_store.root, ignore_errors=True)  # from an empty store, also the second time
for month in ("2013-02", "2013-03"):
    judge(month)

# %% [markdown]
# February's challenger is worse than the baseline and is not promoted. March's is better, and from now on it is the
# model in use.
#
# **Bet first:** March is run again at once, with the same data. What does the second run decide?

# %%
my_bet = None  # "keep" or "promote"

# %%
companion.compare_bet(my_bet, judge("2013-03"))

# %% [markdown]
# To see which model the challenger was compared with, the first time and the second, print what the docstring of
# `decide` says before and after the three conditions.

# %%
print(rule[1], rule[3], sep="\n\n")

# %% [markdown]
# When March was run again, its own model was already in use, and still it was promoted again, against the same
# opponent: `decide` asks for the champion of the months **before** March. If it asked for "the champion in use",
# March's model would be compared with itself. Then the two log losses would be equal, the rule asks for 0.001 less, and
# the answer would be `keep`. So the model in use on the day of the run would be a hidden input again.
#
# Now April, and then the months that the store holds.

# %%
judge("2013-04")
print("months in the store:", year_store.months())

# %% [markdown]
# April's challenger is worse than March's, so March stays: a model is not better because it is newer. And March was run
# twice and is in the list once. In April the baseline beats both, and still the rule does not remove the champion. For
# that, somebody has to look at these numbers.
#
# **It transfers.** A month is a reporting period. Where models have to be approved before use, as in a bank,
# champion and challenger are the approved model and the candidate, with the rule written down beforehand. A
# month that is delivered again, corrected, is like a corrected set of accounts: it replaces its period and
# never adds to it.
#
# ## Optional: bring your own model
#
# `train` takes any scikit-learn classifier or pipeline with `predict_proba` that can take columns of text and missing
# values. Nothing else changes: months, contract, evaluation, rule and store are there for every model. Here a logistic
# regression takes part, behind two steps that make numbers of text and fill gaps; put your own in its place.

# %%
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flightdelay.steps.featurize import CATEGORIES, NUMBERS

numbers = make_pipeline(SimpleImputer(), StandardScaler())
columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), (numbers, NUMBERS))
own = make_pipeline(columns, LogisticRegression(max_iter=1000))

# %%
from flightdelay.errors import StoreError

asked = {"sample": 6_000, "store": state / "own-store", "estimator": own}
shutil.rmtree(state / "own-store", ignore_errors=True)  # empty, also the second time
try:
    in_plain_python.run("2013-02", **asked)
except StoreError as error:
    print(error)

# %% [markdown]
# The pipeline fitted and judged the model, and then refused to store it. Next month the model has to be **read** from
# the store, and somebody can build a model file that runs code when it is read. So the store loads only types that it
# trusts: those of the book's model, and those that you name. This one holds a `numpy.dtype` (the imputer keeps one).
# You look it up, see that it is a harmless description of a column, and name it. (A forest holds
# `sklearn.tree._tree.Tree` too, and skops warns of it: a forged one can stop Python. You made this file yourself, so
# you may name it.)

# %%
ran = in_plain_python.run("2013-02", **asked, trusted=["numpy.dtype"])
for name in ("challenger", "baseline"):
    print(f"{name:10} log loss {ran.evaluation[name]['log_loss']:.2f}  AUC {ran.evaluation[name]['auc']:.2f}")
print(ran.decision["decision"], "because", "; ".join(ran.decision["reasons"]))

# %% [markdown]
# The higher AUC says that your model ranks the flights better than the baseline. Its log loss is a little higher; the
# last line says by how much. So by the rule above it is not used. It was fitted, judged and written to the store like
# every other model, and nothing in the pipeline had to change.
#
# ## Recap
#
# 1. You wrote a **runner**. The order followed from the needs, and every probability agreed with plain Python's.
# 2. It has no **hidden inputs**, and neither have the steps: a month that is run again is compared with the same model
#    and gets the same decision.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# Your runner keeps everything in memory, and so far nothing failed. In [the third
# notebook](02-3-killed-and-run-again.ipynb) a runner saves what it makes, and you kill it.
