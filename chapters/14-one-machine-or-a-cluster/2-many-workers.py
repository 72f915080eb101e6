# %% [markdown]
# # 14.2 · One machine or a cluster? Many workers
#
# About 50 minutes · 3 GB of memory · no cluster
#
# One process has an end. Ray is the shortest way beyond it: the same Python function, called in another process, on
# this machine or on a hundred others. Here it runs on your machine alone, so that you see what it costs before anybody
# pays for machines.
#
# You will
#
# 1. give Ray's workers **code that they can find** (exercise 14.3);
# 2. move a figure to Ray Data so that **what is missing** does not change it (exercise 14.4);
# 3. say from **how many seconds per trial** a search over settings pays with more workers (exercise 14.5).
#
# Four times you **bet first**, in place of `None`.

# %%
import companion

state = companion.workspace("14-2")

import companion.scale
import numpy as np

companion.scale.set_up()

# %% [markdown]
# ## 1. A call in another process
#
# Start Ray. [`ray_here.py`](../chapters/14-one-machine-or-a-cluster/ray_here.py) does it so that nothing of it leaves
# this machine: on the address 127.0.0.1, with two CPUs, without its web page and without reports to its makers. That
# takes about as long as it takes to read this, since Ray is a handful of programs. If you end the kernel the hard way,
# they may stay; the next start finds and ends those, and nobody else's.

# %%
from chapter_14 import ray_here

ray_here.start()

import os
import ray


@ray.remote
def process_id(month):
    return os.getpid()


ids = ray.get([process_id.remote(month) for month in range(4)])
print("in this process:", os.getpid() in ids, "· in other ones:", len(set(ids) - {os.getpid()}) > 0)

# %% [markdown]
# The function ran four times, and not here. These are the words:
#
# | you know | in Ray | what it is |
# |---|---|---|
# | this notebook | **driver** | the process that asks for work |
# | a function call, `f(x)` | **task**, `f.remote(x)` | done by some other process; you have a receipt at once |
# | the result | **object**, `ray.get(receipt)` | waits until it is there |
# | a process of joblib | **worker** | a Python process that does tasks; on a cluster on any machine |
# | shared memory | **object store** | where arguments and results lie, once on each machine, for all its workers |
# | an object with methods | **actor** | an object that lives in a worker of its own and keeps its state |
#
# A receipt (`ObjectRef` in Ray) can be handed to the next task before its result exists: `g.remote(f.remote(x))`. Ray
# keeps the order, and what lies between goes from worker to worker, and never through the notebook. On a table that
# does not fit into the driver this is the point.
#
# An **actor** is for what is dear to make and used many times: a model that is loaded, a connection. Each call goes to
# the same process, one after the other, and finds what the one before has left.


# %%
@ray.remote
class Ledger:
    def __init__(self):
        self.best = {}

    def note(self, name, score):
        self.best[name] = min(score, self.best.get(name, score))
        return self.best


ledger = Ledger.remote()
for score in (0.52, 0.48, 0.50):
    noted = ledger.note.remote("trees", score)
print(ray.get(noted))

# %% [markdown]
# "Shared memory" sounds as if workers could write to each other's tables.
#
# **Bet first.** You put an array into the object store. A task sets its first value to 1. What happens?

# %%
my_bet = None  # "the array has changed", "the task changed a copy" or "the task fails"


# %%
@ray.remote
def set_first(array):
    array[0] = 1


stored = ray.put(np.zeros(1_000_000))
try:
    ray.get(set_first.remote(stored))
    ended = "the array has changed" if ray.get(stored)[0] == 1 else "the task changed a copy"
except ray.exceptions.RayTaskError as failed:
    print(str(failed).strip().splitlines()[-1])
    ended = "the task fails"
companion.compare_bet(my_bet, ended)

# %% [markdown]
# What lies in the store is read by many and changed by nobody;
# whoever wants to write makes a copy. That is why two workers can read one table without taking its memory twice, and
# why a task may be run again when its worker has died.
#
# ## 2. It breaks: a worker that does not find your code
#
# You have a module of your own beside the notebook, as one has. Here it is, and here is the line that everybody writes
# so that Python finds it.

# %%
# %%writefile "{state}/clock.py"
# def minutes(clock):
#     """Turn a clock time written HHMM into minutes since midnight."""
#     return clock // 100 * 60 + clock % 100

# %%
import sys

sys.path.insert(0, str(state))
import clock

print("here:", clock.minutes(1030))
try:
    print("in a worker:", ray.get(ray.remote(clock.minutes).remote(1030)))
except ray.exceptions.RayTaskError as failed:
    message = str(failed).strip()
    print("in a worker:", message.splitlines()[-1])

# %% [markdown]
# The **symptom** is an import error, for a module that was imported two lines above. The **evidence** is in the whole
# message (`print(message)`): it comes from a worker, and lists where that worker has looked. The **cause**: a function
# of a module travels as its name, `clock.minutes`. The worker imports the module itself, in a process that was started
# before you changed `sys.path`, and on a cluster on a machine that does not have the file. A function written in the
# notebook has no module, so it travels as code. That is why all went well so far.
#
# There are three mends. The book's own package needs none of them: it is installed in `.venv`, where each worker finds
# it.
#
# - `PYTHONPATH` for workers, a folder that exists on each machine: `task.options(runtime_env={"env_vars": {…}})`,
#   where each value is a text (`str(folder)`). Ray starts new workers for it.
# - The files travel: `ray.init(runtime_env={"py_modules": [module or folder]})`, or `working_dir`. Ray packs them when
#   it starts, for all tasks of the program; a single task cannot bring them along.
# - The code is in the image of each machine. This is what one does on a cluster.
#
# ## Exercise 14.3: The worker finds it
#
# Write the body of `answer`. It gets a folder in which there is a `clock.py` like the one above, and a list of clock
# times. It calls `minutes` of **that folder's** `clock.py` for each of them **in workers** and returns the list of
# results. That `clock.py` says something else, so importing the one of the notebook's folder will not do. The
# answer is asked about two such folders, one after the other.


# %%
def answer(folder, clocks):
    """Return minutes(clock) of folder/clock.py for each clock, computed by Ray's workers."""

    ### BEGIN SOLUTION
    @ray.remote
    def minutes(each):
        import clock

        return clock.minutes(each)

    found = minutes.options(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}})
    return ray.get([found.remote(each) for each in clocks])
    ### END SOLUTION


# %%
from companion import check

check.ex_14_3(answer)

# %% [markdown]
# ## 3. A step of the pipeline, by workers
#
# `featurize` for a year is twelve times `featurize` for a month. So it is a task for each month, and that is all of
# [`with_ray.py`](../chapters/14-one-machine-or-a-cluster/with_ray.py):

# %%
import inspect

from chapter_14 import with_pandas, with_ray

print(inspect.getsource(with_ray.features_of._function))

# %% [markdown]
# **Bet first.** Cut into months, computed by two workers, put together again: how many of the table's columns differ
# from pandas's, in one value or more, in one of three months?

# %%
my_bet = None  # a whole number

# %%
import pandas as pd
from chapter_14.tables import month_folder, same_columns

differ = set()
for month in ("2013-02", "2013-07", "2013-12"):
    folder = month_folder(state / "months", month)
    with_pandas.featurize(folder, folder / "pandas.parquet")
    with_ray.featurize(folder, folder / "ray.parquet")
    same = same_columns(folder / "pandas.parquet", folder / "ray.parquet")
    names = list(pd.read_parquet(folder / "pandas.parquet"))
    print(month, "same:", len(same), "of", len(names))
    differ |= set(names) - set(same)
companion.compare_bet(my_bet, len(differ))

# %% [markdown]
# Look at `first`. A month's first flights leave before anybody has seen the weather of that month; what was known then
# are the last hours of the month before. Whoever cuts a table into parts cuts every join that looks back. Here the part
# brings along so many hours as the join may look back.
#
# The worker runs the very function of the pipeline, on fewer rows. This is what Ray is good at: Python that you have,
# many times. It knows nothing about tables, and makes none of them faster.
#
# ## 4. It breaks: a rate that moves
#
# **Ray Data** does know about tables: a dataset is a plan, cut into blocks, which workers compute. Take January, and
# ask which share of its flights was late. Three people write the same comparison, `arr_delay > 15`, and differ only in
# what a block is to them: a table of Arrow, a table of pandas, or arrays of NumPy.
#
# **Bet first.** How many different rates come out of the three?

# %%
my_bet = None  # 1, 2 or 3

# %%
import pyarrow.compute as pc
from flightdelay.data import DATA

january = ray.data.read_parquet(str(DATA / "flights" / "2013-01.parquet")).select_columns(["arr_delay"])
ways = {
    "pyarrow": lambda block: block.append_column("late", pc.greater(block["arr_delay"], 15)),
    "pandas": lambda block: block.assign(late=block["arr_delay"] > 15),
    "numpy": lambda block: {**block, "late": block["arr_delay"] > 15},
}
rates = {}
for way, compare in ways.items():
    rates[way] = round(january.map_batches(compare, batch_format=way).mean("late"), 3)
    print(f"{way:8}{rates[way]:.3f}")
companion.compare_bet(my_bet, len(set(rates.values())))

# %% [markdown]
# No error, no warning. A cancelled flight has no arrival delay. In Arrow (and in SQL) `null > 15` is null, and a mean
# leaves nulls out: the rate of those that **arrived**. In NumPy it is NaN, and `NaN > 15` is False: a cancelled flight
# counts as one on time, in the rate of those that were **scheduled**. And the table of pandas? The pandas that you know
# would do as NumPy does. Ray's tables of pandas have columns of Arrow in them, which nobody sees in the line.
#
# Which one is right? The engine cannot know. The book's rule (chapter 01) says it: a flight that did not arrive has no
# label, and is left out of learning and judging. So write the rule down, in a form that does not depend on what a
# block is, and count what was left out.
#
# The **second surprise** of this kind of engine is a number that nobody set. A group-by cuts a table by key into
# partitions, so that equal keys meet in one place. Unless you say how many, there are as many as the first line below
# says, whether your table has a billion rows or twelve months; each is a task, most of them about nothing. Waiting for
# them here is no lesson, so `make bench-scale` did it, on the machine in the second line: the mean delay of each month
# of the year, by that number and by a smaller one, `groupby("month", num_partitions=2)`, and by pandas.

# %%
import json

from chapter_14.measure import SEARCH

print(ray.data.DataContext.get_current().default_hash_shuffle_parallelism)
measured = json.loads(SEARCH.read_text())
print(", ".join(f"{name}: {value}" for name, value in measured["machine"].items()))
pd.DataFrame(measured["group_by"]).astype({"partitions": "Int64"})

# %% [markdown]
# The mend is to say the number, and it is a matter of the keys and the cores, not of habit: twelve months need no more
# than twelve. (Spark has the same setting, with the same number in it: `spark.sql.shuffle.partitions`.)
#
# ## Exercise 14.4: The rate, by the rule
#
# Write the body of `answer`. It gets a dataset of Ray Data with a column `arr_delay`, in which a flight that did not
# arrive has null, or NaN where the block comes from pandas. It returns a dict: `"scheduled"`, how many flights there
# are; `"arrived"`, how many of them arrived; `"late"`, which share of those that arrived was more than 15 minutes late.
# Not rounded. Blocks are of different length, and in some nothing arrived. (A dataset has `count()`, and `sum(column)`
# or `sum([…])` of several.)


# %%
def answer(flights):
    """Return scheduled, arrived and late of a dataset of Ray Data."""

    ### BEGIN SOLUTION
    def counted(block):
        arrived = block["arr_delay"].dropna()
        late = int((arrived > 15).sum())
        return pd.DataFrame({"scheduled": [len(block)], "arrived": [len(arrived)], "late": [late]})

    names = ["scheduled", "arrived", "late"]
    sums = flights.map_batches(counted, batch_format="pandas").sum(names)
    scheduled, arrived, late = (int(sums[f"sum({name})"]) for name in names)
    return {"scheduled": scheduled, "arrived": arrived, "late": late / arrived}
    ### END SOLUTION


# %%
check.ex_14_4(answer)

# %% [markdown]
# ## 5. A search over settings, four times
#
# The pipeline's model has settings that nobody in this book has chosen: how much each tree counts (`learning_rate`) and
# how large it is (`max_leaf_nodes`). A search tries some and keeps what is best. Trials need nothing of each other, so
# this is the work for which people start Ray. A trial trains on the months before June and is judged on June; a setting
# that was chosen on June has to be judged on a month after it, as always.

# %%
from chapter_14 import search

print(inspect.getsource(search.trial))
features = search.table(flights=4_000)
pd.DataFrame(search.SETTINGS).T

# %% [markdown]
# The four ways are a loop, two processes of joblib, tasks of Ray, and **Ray Tune**, Ray's library for searches: it
# keeps each trial's result on the disk, can stop bad trials early and go on after a crash. Each is some lines of
# [`search.py`](../chapters/14-one-machine-or-a-cluster/search.py).
#
# **Bet first.** Six trials on 4,000 flights, two cores, and every start counted. Which way was through first on the
# machine of `make bench-scale` (section 4 shows its line), and which one last?

# %%
my_bet = None  # the first and the last of "loop", "joblib", "tasks", "tune", as in ["tune", "loop"]

# %%
import time

took, scores = {}, {}
for way in search.WAYS:
    begun = time.perf_counter()
    scores[way] = search.run(way, features, trees=50, folder=state)
    took[way] = time.perf_counter() - begun
    print(way, "is through")
print("the same scores:", all(each == scores["loop"] for each in scores.values()))
print("best:", search.best(scores["loop"]), "with a log loss of", round(min(scores["loop"]), 3))
short = {row["total_seconds"]: row["way"] for row in measured["search"] if row["trial"] == "short"}
companion.compare_bet(my_bet, [short[min(short)], short[max(short)]])

# %% [markdown]
# The same scores, to the last digit: who calls the function does not matter, since it takes all that it needs as
# arguments and draws nothing at random. So the ways differ in one thing. These are your machine's seconds:

# %% alt="A bar for each of the four ways of searching: the seconds that it took for six trials on this machine."
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(7, 2.2), layout="constrained")
axis.barh(list(took)[::-1], list(took.values())[::-1])
axis.set(xlabel="seconds for six trials")
plt.show()

# %% [markdown]
# Where do they go? A worker has to be started, and it imports pandas and scikit-learn, as your first cells did. Tune
# would start one for **each trial**, so that a trial that crashes harms no other; `reuse_actors=True` spares that. And
# there is something that is easy to miss: our model uses both cores **by itself**, in a single process. Two workers
# with a core each do twice as much at the same time, each half as fast. (Where the machine has other things to do, the
# loop suffers most: two threads of one fit wait for each other at every step.)
#
# ## 6. When does it pay?
#
# A start is paid once, whatever comes after it, so a longer trial makes it smaller. `make bench-scale` measured the
# search with trials of three lengths, each way in a process of its own, with all starts counted, on the machine whose
# line stands above.

# %% alt="Seconds in all against seconds per trial, both on a logarithmic scale, with a line for each of the four ways."
rows = pd.DataFrame(measured["search"])
total = rows.pivot(index="trial", columns="way", values="total_seconds")
total.index = total["loop"] / len(search.SETTINGS)  # seconds per trial, as the loop takes them
total = total.sort_index()[list(search.WAYS)]
axis = total.plot(marker="o", loglog=True, figsize=(7, 3.4))
axis.set(xlabel="seconds per trial, in the loop", ylabel="seconds in all")
plt.show()
different = rows["scores"].map(tuple).groupby(rows["trial"]).nunique()
print("the same scores at each length:", bool((different == 1).all()))
times_of_loop = total.div(total["loop"], axis=0).set_axis([f"{each:.1f} s per trial" for each in total.index])
times_of_loop.round(2)

# %% [markdown]
# The table says the same as a ratio: how many times as long as the loop. Read it from the top to the bottom. At
# short trials the starts are all there is. At long ones the lines come together, and whether one of them falls below
# the loop depends on a single thing: whether the loop left a core idle. On another **machine** there is a core that
# your loop cannot reach, whatever it does. That is when Ray pays: trials of minutes, more of them than you have
# patience for, and machines that are there.
#
# ## Exercise 14.5: From which trial on?
#
# Suppose a trial that uses one core and takes `t` seconds, and a loop that does them one after the other. With workers,
# so many run at the same time as there are workers; the next ones begin when those are through. `start` seconds are
# paid once, and each trial takes `extra` seconds more than in the loop. Write a function that returns the `t` from
# which on the workers are through before the loop is, and `math.inf` where they never are.


# %%
def answer(trials: int, workers: int, start: float, extra: float) -> float:
    """Return the seconds per trial from which on workers are faster than a loop."""
    ### BEGIN SOLUTION
    rounds = -(-trials // workers)
    if rounds == trials:
        return float("inf")
    return (start + rounds * extra) / (trials - rounds)
    ### END SOLUTION


# %%
check.ex_14_5(answer)

# %% [markdown]
# Put in a start (`start_seconds` of the rows in `measured["search"]`), and the number of trials that you would really
# do. For a model that uses all cores by itself, `workers` is the number of **machines**.
#
# ## 7. The same on a cluster
#
# On Kubernetes an operator, **KubeRay**, makes a Ray of Pods: a head with the driver, and workers. Your program does
# not change; what changes is that `ray.init()` finds a Ray that others have started. A **RayJob** starts one, runs one
# program in it, and ends it. **This manifest was not run for this book**, on no cluster: its image, and an operator
# that watches it, would have to be there. It was written after KubeRay's documentation, for you to see what there is to
# say.

# %%
companion.copy_manifests(state)
print((state / "rayjob.yaml").read_text())

# %% [markdown]
# You know nearly all of it from chapter 08: Pods with an image, requests and limits. The image answers exercise 14.3:
# the code is in it, so that each worker finds it. What is new is who decides how many tasks run at once: Ray looks at
# `num-cpus`, Kubernetes at the request, and nobody compares the two.
#
# ## Recap
#
# 1. A function of a module travels as its name: you gave workers **code that they find**, in a process that was started
#    before you asked.
# 2. What is missing counts as false in one kind of block and not at all in another one: you wrote **the rule** down,
#    and counted what was left out.
# 3. You said from **how many seconds per trial** workers pay: the start and the rounds against what the loop leaves
#    idle.
#
# ## Clean-up, and what comes next
#
# The last cell ends Ray, and removes its folder. Here each trial was small enough for one process, and only their
# number was large. The next chapter cuts a single training into parts: `15-1`, two workers and one model.

# %%
ray_here.end()
print("Ray is ended:", not ray.is_initialized())
