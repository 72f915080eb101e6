# %% [markdown]
# # 15.2 · Training on many: two models of the pipeline, on two processes
#
# About 40 minutes · 2 GB of memory · no cluster
#
# Libraries do what you did by hand. Here XGBoost and a small network in JAX train on two processes, behind the contract
# of chapter 02: the pipeline gets an `estimator=`, judges it beside the champion, and does not know how many trained
# it.
#
# You will
#
# 1. **prove** whether what two processes trained is the model of one;
# 2. tell the calls that **all ranks** have to make from those that one rank may make alone;
# 3. say **when to distribute** a training, and when not.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion
import companion.scale

state = companion.workspace("15-2")
companion.scale.set_up()

# %% [markdown]
# ## 1. A champion to compare with
#
# The book's own trees, as in chapter 02: May from the two months before it, with an empty store, and so against the
# baseline. The model becomes the champion with which all challengers of June are compared.

# %%
import shutil

from flightdelay.pipelines import in_plain_python

shutil.rmtree(state / "may", ignore_errors=True)  # from an empty store, also the second time
may = in_plain_python.run("2013-05", window=2, store=state / "may")
print("May:", may.decision["decision"])


# %%
def june(name, estimator=None, trusted=()):
    """Learn from April and May, judge on June beside the champion; print what came out, and return it."""
    store = state / name
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(state / "may", store)
    ran = in_plain_python.run("2013-06", window=2, store=store, estimator=estimator, trusted=trusted)
    mine = ran.evaluation["challenger"]
    print(f"{name:20} AUC {mine['auc']:.3f}, log loss {mine['log_loss']:.3f}, {ran.decision['decision']}")
    return ran


trees = june("the book's trees")
champion = trees.decision["champion"]
print(f"{'the champion':20} AUC {champion['auc']:.3f}, log loss {champion['log_loss']:.3f}")

# %% [markdown]
# ## 2. XGBoost
#
# A tree looks for the best cut of each column. For that it sums, in every bin of the column, the gradients of the rows
# in it. Such a histogram is a sum over rows. So each worker counts its own rows, an all-reduce adds up the histograms,
# and every worker makes the same cut. Here is what one worker does. `CommunicatorContext` is XGBoost's ring, and a
# **tracker** tells the ranks where the others are.

# %%
from chapter_15 import on_many

print((on_many.HERE / "xgboost_worker.py").read_text())

# %% [markdown]
# You see no all-reduce. It is inside of two lines: `DMatrix`, where all ranks agree on the number of columns, and
# `train`. The estimator around it ([`on_many.py`](../chapters/15-training-on-many/on_many.py)) deals the rows, starts
# the tracker and the workers, and keeps the model that rank 0 saves. `fit` and `predict_proba` are all that the
# pipeline asks for.

# %%
from sklearn.pipeline import make_pipeline

from chapter_15.matrix import encoder
from flightdelay.steps.featurize import CATEGORIES

OURS = ["numpy.dtype", "chapter_15.on_many.XGBoostOnMany", "chapter_15.on_many.NetworkOnMany"]


def on(workers, model):
    """Return the model, to be trained by so many workers, behind the encoder."""
    return make_pipeline(encoder(CATEGORIES), model(workers))


xgboost_one = june("XGBoost, one worker", on(1, on_many.XGBoostOnMany), OURS)

# %% [markdown]
# **Bet first.** Now with two workers, each with half of the rows: is the AUC higher, lower or the same, to three
# decimals?

# %%
my_bet = None  # "higher", "lower" or "the same"

# %%
xgboost_two = june("XGBoost, two workers", on(2, on_many.XGBoostOnMany), OURS)
one, two = (round(ran.evaluation["challenger"]["auc"], 3) for ran in (xgboost_one, xgboost_two))
companion.compare_bet(my_bet, "the same" if one == two else "higher" if two > one else "lower")

# %% [markdown]
# Each worker sees half of the rows, but every cut is made on the histogram of all rows, so both have the same model.
# `evaluate`, `decide` and the store took it like any other model; nothing in the six steps has changed.
#
# The same AUC is a good sign, but no proof: two different models can have it.
#
# ## Exercise 15.4: Prove that it is the same model
#
# Write a function that is given two fitted models and some rows. It returns `True` where both give each row the same
# probability of being late (column 1 of `predict_proba`) to six decimals, that is with less than 0.0000005 between
# them, and else `False`. Sums in another order differ in the sixteenth digit: that is still the same model.
#
# The check brings models of its own. To try yours first, fit two on a few rows (scikit-learn's
# `LogisticRegression().fit(X, y)`, once with another `C`).


# %%
def answer(one, two, rows):
    """Say whether two models are the same, as far as these rows can tell."""
    ### BEGIN SOLUTION
    apart = abs(one.predict_proba(rows)[:, 1] - two.predict_proba(rows)[:, 1])
    return bool(apart.max() < 5e-7)
    ### END SOLUTION


# %%
from companion import check

check.ex_15_4(answer)

# %% [markdown]
# The pipeline does that for you: the digest of each evaluation is made of all probabilities, to six decimals.

# %%
print("XGBoost, one worker and two, same digest:", xgboost_one.digest == xgboost_two.digest)

# %% [markdown]
# ## 3. It breaks: evaluation on rank 0 only
#
# Somebody wants to look at other rows during the training. One rank is enough for that, so the line stands under `if
# rank == 0`. XGBoost wants a `DMatrix` for that: 50 rows of 16 columns.

# %%
# %%writefile "{state}/looks.py"
# import json, os, sys
# import numpy as np, xgboost
# from xgboost.collective import CommunicatorContext
#
# rank, random = int(os.environ["RANK"]), np.random.default_rng(0)
# X, late = random.normal(size=(500, 16)), random.integers(0, 2, 500)
# with CommunicatorContext(**json.loads(sys.argv[1]) | {"dmlc_timeout": 10}):
#     rows = xgboost.DMatrix(X, late)
#     if rank == 0:
#         others = xgboost.DMatrix(X[:50], late[:50])
#         open("columns", "w").write(str(others.num_col()))
#     xgboost.train({"nthread": 1}, rows, num_boost_round=5)

# %%
# %%capture
from chapter_15.launch import launch

with on_many.tracker(2) as address:
    ended = launch(state / "looks.py", address)

# %%
columns = int((state / "columns").read_text())
print(f"rank 0 was told that its 50 rows have {columns:,} columns")
print("ranks that finished:", [rank for rank, end in ended.items() if end == "finished"])

# %% [markdown]
# **Symptom.** The line that is wrong raises nothing. Both ranks break later, in `train`, with a message about something
# else or after a time-out (print `ended`: not the same in every run, and never about columns). **Evidence.** The number
# of columns. It is 16 × 2³² + 16: two numbers, read as one. **Cause.** Inside of a communicator, making a `DMatrix` is
# a *meeting*, a call that all ranks have to make: they agree on how many columns there are. Rank 0 made that call; rank
# 1 was already at the next meeting, in `train`, where each sends something else. XGBoost's messages have no names, so
# rank 0 took a part of another message for rank 1's number of columns. In the first notebook, whose messages have
# names, both waited for ever. **Fix.** All ranks make the `DMatrix`; or rank 0 evaluates after the `with`, where it is
# alone.
#
# ## Exercise 15.5: Which calls need all ranks?
#
# All of this stands inside of the `with`. Say of each line whether `"all"` ranks have to run it, or whether `"one"` may
# run it by itself: a dict, line by line. Ask whether the result depends on rows that lie with another rank. (`eval`
# gives the metric of the whole table, of which each rank holds a part.)

# %%
lines = [
    "DMatrix(X, late)",
    "train(rules, rows)",
    "model.eval(rows)",
    "model.save_model(file)",
    "print(step)",
]
### BEGIN SOLUTION
answer = {
    "DMatrix(X, late)": "all",
    "train(rules, rows)": "all",
    "model.eval(rows)": "all",
    "model.save_model(file)": "one",
    "print(step)": "one",
}
### END SOLUTION

# %%
check.ex_15_5(answer)

# %% [markdown]
# ## 4. A network in JAX
#
# The other kind of model: small batches, a gradient in each step. JAX lets you write `loss` as if all rows lay in one
# place; you say how they are dealt, and its compiler puts in the all-reduce (by **gloo**, a library for processors; on
# graphics cards it is NCCL). Here is the loop of one worker, the end of
# [`network_worker.py`](../chapters/15-training-on-many/network_worker.py). Find exercise 15.2 in it.

# %%
worker = (on_many.HERE / "network_worker.py").read_text()
print(worker[worker.index("for epoch") :])

# %% [markdown]
# All workers together take a batch of 512, whatever their number: the model of one process is what we want, so the
# batch must not grow with the workers. (Here each *batch* is dealt, where exercise 15.2 dealt the epoch; rows that fill
# no whole batch are left out.)

# %%
network_one = june("network, one worker", on(1, on_many.NetworkOnMany), OURS)
network_two = june("network, two workers", on(2, on_many.NetworkOnMany), OURS)
one, two = (ran.evaluation["challenger"] for ran in (network_one, network_two))
print(
    "same AUC and Brier, to six decimals:",
    all(abs(one[name] - two[name]) < 5e-7 for name in ("auc", "brier")),
)
print("same digest:", network_one.digest == network_two.digest)

# %% [markdown]
# Two equal figures are no proof, as you see here: both are the same, and yet some flight's probability differs in the
# sixth decimal, and so the digest differs. The network computes with seven digits, and the last of them depends on the
# order of the sums. Mostly the difference stays in the last digit. Where a training is unstable it grows: with a rate
# of 0.05 and five epochs, the same two trainings gave probabilities that were up to 0.04 apart, and nothing was wrong
# with the all-reduce. Before you look for a mistake there, train once more on one process with the rows of each batch
# in another order.
#
# ## 5. When to distribute
#
# **Bet first.** XGBoost on this machine's two cores, two workers in place of one, each on one core: is the `fit`
# faster, about as fast, or slower? (Measured beforehand, on April and May; within a tenth is "about as fast".)

# %%
my_bet = None  # "faster", "about as fast" or "slower"

# %%
import json

figures = json.loads((on_many.HERE / "figures.json").read_text())
print(figures["machine"])
for name, seconds in figures["libraries"].items():
    print(f"{name:8} one worker {seconds['one_worker']:5.1f} s, two {seconds['two_workers']:5.1f} s")
xgboost_seconds = figures["libraries"]["xgboost"]
ratio = xgboost_seconds["one_worker"] / xgboost_seconds["two_workers"]
companion.compare_bet(my_bet, "faster" if ratio > 1.1 else "slower" if ratio < 0.9 else "about as fast")

# %% [markdown]
# The seconds are those of one machine, beside the load that stands there, for the whole `fit`, with the start of the
# processes, which is a large part of it. The network takes nearly twice as long with two workers: a small batch needs
# little computing, and after each batch both have to wait for each other. And one process could use both cores by
# itself, with threads that share their memory and need no ring: `nthread=2`. **On one machine, use threads for two
# cores, not two workers.** There are two reasons to distribute, and one case in which you need not:
#
# - **Rows that no single machine holds.** Each worker has its own; what is exchanged does not grow with them.
# - **More cores, or graphics cards, than one machine has**, for a training that takes hours even where it is done well.
# - Not for many *independent* trainings (a search over settings, a model for each airport): these need no ring. Start
#   them side by side; when one fails, the others go on.
#
# ## Exercise 15.6: Four trainings
#
# Pick for each of them, in a dict, `"leave it"`, `"one machine well"` (all its cores, less memory per row), `"side by
# side"` or `"distribute"`.
#
# - `monthly`: takes 40 seconds, runs once a month.
# - `search`: 200 settings are to be tried; each takes three minutes on one core, and the rows fit on every machine.
# - `slow`: takes six hours, and 15 of the machine's 16 cores are idle meanwhile.
# - `rows`: 3 terabytes of rows, all of which one model has to see; the largest machine that you get has 1 terabyte of
#   memory and of disk.

# %%
### BEGIN SOLUTION
answer = {
    "monthly": "leave it",
    "search": "side by side",
    "slow": "one machine well",
    "rows": "distribute",
}
### END SOLUTION

# %%
check.ex_15_6(answer)

# %% [markdown]
# ## To read: PyTorch and TensorFlow
#
# Both do the same, and both are heavy, so this book does not install them. What they cost was tried on one machine
# (Linux, two cores, in part busy):
#
# | | to download | two processes |
# |---|---|---|
# | PyTorch 2.15 on Linux | 2.9 GB, 5.3 GB on disk; PyPI has no smaller one | 6.9 s in place of 4.9, AUC .7244 both |
# | PyTorch 2.15 on a Mac | 139 MB | not run |
# | TensorFlow 2.21 (`tensorflow-cpu`) | 274 MB for itself, 1.4 GB in all | not run |
#
# In PyTorch the model is wrapped in `DistributedDataParallel`, here on gloo, which calls the all-reduce in
# `backward()`. Exercise 15.2 is its `DistributedSampler` (call `set_epoch`, or every epoch has the same order; it fills
# up with repeated rows), and `torchrun` is the launcher.
#
# ## Recap
#
# 1. You **proved** that two models are the same: every probability, to six decimals. An AUC proves nothing.
# 2. You told **meetings** from what a rank does alone: a call whose result depends on rows of other ranks is a meeting.
# 3. You said **when to distribute**: when one machine does not have enough memory or cores.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks".
