# %% [markdown]
# # 15.1 · Training on many: one model on two processes, by hand
#
# About 45 minutes · 1 GB of memory · no cluster
#
# A model that is trained on several machines is still one `fit`. Here you take it apart: two real processes, each with
# a part of the rows, and one sum that makes one model of them. Then you make it fail in the ways in which large
# trainings fail.
#
# You will
#
# 1. write the step after which **all workers hold the same model**, that of one process;
# 2. **deal the rows** so that each of them is used once in an epoch;
# 3. **stop and resume** a training, and show that it ends with the same weights.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("15-1")

# %% [markdown]
# ## 1. One process
#
# The rows are the book's own: the features of January, to learn from, and of February, to judge on. A logistic
# regression wants numbers without gaps, so [`matrix.py`](../chapters/15-training-on-many/matrix.py) in the chapter's
# folder makes a matrix of them, as in the optional section of chapter 02.

# %%
from chapter_15.logistic import gradient, probabilities
from chapter_15.matrix import encoder, two_months

january, february = two_months("2013-02")
encode = encoder().fit(january)
X, late = encode.transform(january), january["late"].to_numpy(dtype=float)
print(f"January: {X.shape[0]:,} flights, {X.shape[1]} columns, {late.mean():.1%} of the flights late")

# %% [markdown]
# The encoder has learned from *all* rows of January (which carriers there are, means, spreads), before the rows are
# divided. If each worker fitted an encoder of its own, a scaled wind of 1.0 would mean a different speed in each.
#
# To fit means to make the loss smaller, step by step. `gradient` says in which direction the loss grows, as a mean over
# the rows that it is given: for each weight, and for the intercept.

# %%
import inspect

print(inspect.getsource(gradient))

# %%
import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

threadpool_limits(1)  # one process is one core in this notebook; left alone, NumPy takes them all

weights, intercept = np.zeros(X.shape[1]), 0.0
for _ in range(100):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    weights, intercept = weights - 0.5 * by_weight, intercept - 0.5 * by_intercept

seen = probabilities(weights, intercept, encode.transform(february))
print(f"100 steps; February, AUC {roc_auc_score(february['late'], seen):.3f}")

# %% [markdown]
# That is the whole `fit`, and everything below is compared with its model. (A solver of scikit-learn takes more steps
# and gets .620. We stop early, and at the same place each time.)
#
# ## 2. Two processes
#
# The words of distributed training stand for things that you know:
#
# | word | what it is here |
# |---|---|
# | **worker** | a process that runs your `fit` on its part of the rows |
# | **rank** | its number, from 0: the only thing that is different for each worker |
# | **world size** | how many there are |
# | **all-reduce** | a sum (or mean) over what all workers bring, which each of them gets |
#
# Deal the rows: each worker gets a file of its own.


# %%
def deal(*parts):
    """Write the rows of rank 0, of rank 1, … to a file each."""
    for rank, part in enumerate(parts):
        np.savez(state / f"share-{rank}.npz", X=X[part], late=late[part])
        print(f"rank {rank} has {len(late[part]):,} rows")


everything = np.arange(len(late))
deal(everything[0::2], everything[1::2])

# %% [markdown]
# Now the all-reduce. The workers stand in a ring: each can `send` to the next rank and `receive` from the one before
# ([`pipes.py`](../chapters/15-training-on-many/pipes.py): pipes of the operating system, with a word for what is in
# them). Each passes on what it got until every worker has seen everything.

# %%
# %%writefile "{state}/ring.py"
# from chapter_15.pipes import rank, receive, send, world_size
#
# def all_reduce(mine, of="gradient"):
#     """Return the sum of what all ranks bring. All of them have to call it."""
#     total = passing = mine
#     for _ in range(world_size - 1):
#         send(passing, of)
#         passing = receive(of)
#         total = total + passing
#     return total

# %% [markdown]
# And this is the worker. Find the loop of section 1 in it, and the two lines in which it exchanges something with the
# other workers.

# %%
# %%writefile "{state}/worker.py"
# import numpy as np
# from chapter_15.logistic import gradient
# from ring import all_reduce, rank, world_size
#
# share = np.load(f"share-{rank}.npz")
# X, late = share["X"], share["late"]
# weights, intercept = np.zeros(X.shape[1]), 0.0
# for step in range(100):
#     by_weight, by_intercept = gradient(weights, intercept, X, late)
#     weights = weights - 0.5 * all_reduce(by_weight) / world_size
#     intercept = intercept - 0.5 * all_reduce(by_intercept) / world_size
# np.savez(f"model-{rank}.npz", weights=weights, intercept=intercept)
# print(f"{step + 1} steps on {len(late):,} rows")

# %% [markdown]
# Somebody has to start it twice, tell each process its rank, and notice how it ends. That is a **launcher**
# (`torchrun`, `mpirun`, or an operator on a cluster). Ours is
# [`launch.py`](../chapters/15-training-on-many/launch.py); what it starts ends with this notebook's kernel.

# %%
from chapter_15.launch import launch


def compare():
    """Hold the model of each rank against that of one process."""
    for rank in (0, 1):
        model = np.load(state / f"model-{rank}.npz")
        apart = max(abs(model["weights"] - weights).max(), abs(model["intercept"] - intercept))
        print(f"rank {rank}: same as one process, to six decimals: {bool(apart < 5e-7)}", end="")
        print("" if apart < 5e-7 else f"; up to {apart:.2f} apart")


ended = launch(state / "worker.py")
compare()

# %% [markdown]
# Each worker has seen half of the flights, and both hold the model of all of them. The reason is that the mean over all
# rows is the mean of the means of two equal halves. In each step the workers exchange only the gradient: 33 numbers,
# whether a worker has thirteen thousand rows or thirteen million.
#
# **Bet first.** Two workers on a machine with two cores, each with half of the rows: how many times as fast as one are
# the 100 steps, without the time that the processes take to start? (January's 26 thousand rows. It was measured
# beforehand, on the machine that the next cell names.)

# %%
my_bet = None  # "below 1.2", "1.2 to 1.8" or "above 1.8"

# %%
import json

from companion.workspace import repository

figures = json.loads((repository() / "chapters" / "15-training-on-many" / "figures.json").read_text())
by_hand = figures["by_hand"]
print(figures["machine"])
for rows, one, two in zip(by_hand["rows"], by_hand["one_worker"], by_hand["two_workers"], strict=True):
    print(
        f"{rows:9,} rows: one worker {one['steps']:5.2f} s, two {two['steps']:5.2f} s; with start-up", end=""
    )
    print(f" {one['all']:5.2f} s and {two['all']:5.2f} s")
faster = by_hand["one_worker"][0]["steps"] / by_hand["two_workers"][0]["steps"]
companion.compare_bet(my_bet, "below 1.2" if faster < 1.2 else "1.2 to 1.8" if faster <= 1.8 else "above 1.8")

# %% [markdown]
# These seconds were measured once, on the machine and beside the load that the first line names, and stand in a file of
# the chapter; `.venv/bin/python -m chapter_15.measure` measures yours. (The load says how many programs wanted a core
# at once before the measurement; below 1, the cores were free.) Two workers halve the arithmetic and nothing else: in
# each of the 200 all-reduces both wait for the slower one, and before the first step two Pythons start where there was
# one. With more rows, the arithmetic is a larger part of the time. A `fit` of a second is not worth a second process,
# whatever the factor.
#
# ## 3. It breaks: a mean of means
#
# In practice rows are not divided so equally. Workers read files, and these have different sizes: here Newark's flights
# for rank 0, those of JFK and LaGuardia for rank 1.

# %%
newark = (january["origin"] == "EWR").to_numpy()
deal(everything[newark], everything[~newark])
ended = launch(state / "worker.py")
compare()

# %% [markdown]
# **Symptom.** There is none: both ranks finished, and they agree with one another. You see the fault only if you have
# also trained on one process. **Evidence.** Print by how much the two shares differ.

# %%
for name, share in {"rank 0": newark, "rank 1": ~newark}.items():
    counted = 0.5 * len(late) / share.sum()
    print(f"{name}: {share.mean():.0%} of the rows, half of the say: each row counts {counted:.2f} times")

# %% [markdown]
# **Cause.** A mean of means is the mean of all only where the parts are equal. So a flight of Newark counted more than
# one of JFK. **Fix.** You write it in the exercise.
#
# ## Exercise 15.1: One step of all workers
#
# Write the step that every worker calls with its own rows, one at least and however many. It returns the new `weights`
# and the new `intercept`; after it, all workers hold what one process with all rows would hold. `gradient` is that of
# section 1, a mean over the rows that it is given; `all_reduce(value)` returns the sum over all workers, of a number or
# an array. The function is told neither rank nor world size, and needs neither.


# %%
def answer(weights, intercept, X, late, rate, all_reduce):
    """Take one step downhill, together with all other workers."""
    ### BEGIN SOLUTION
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    rows = all_reduce(len(late))
    weights = weights - rate * all_reduce(by_weight * len(late)) / rows
    intercept = intercept - rate * all_reduce(by_intercept * len(late)) / rows
    return weights, intercept
    ### END SOLUTION


# %%
from companion import check

check.ex_15_1(answer)

# %% [markdown]
# ## 4. Batches: who gets which rows, and how many
#
# So far each step used all rows. Large models take a small **batch** a step, and go through all rows once in an
# **epoch**, in a new order each time. With several workers, the rows have to be divided so that each is still used
# *once*.
#
# ## Exercise 15.2: Deal the rows of an epoch
#
# Return the row numbers, from 0 to `rows - 1`, that one rank uses in one epoch. In each epoch every row goes to exactly
# one rank, in an order that is shuffled anew for each epoch; no rank gets more than one row more than another. Who gets
# which changes from epoch to epoch. No worker can ask another one: each calls the function in a process of its own.


# %%
def answer(rows: int, rank: int, world_size: int, epoch: int) -> np.ndarray:
    """Return the rows of this rank in this epoch."""
    ### BEGIN SOLUTION
    order = np.random.default_rng(epoch).permutation(rows)
    return order[rank::world_size]
    ### END SOLUTION


# %%
check.ex_15_2(answer)

# %% [markdown]
# One process took 256 flights a step. Now there are two workers, and each of them takes 256, as before: together 512 a
# step. The rate stays as it is. **Bet first:** after one epoch, is it the same model as that of one process?

# %%
my_bet = None  # "the same" or "another one"


# %%
def one_epoch(batch, rate):
    """Go through January once; return the number of steps and the weights, the intercept as the last of them."""
    weights, intercept = np.zeros(X.shape[1]), 0.0
    order = np.random.default_rng(0).permutation(len(late))
    batches = np.split(order, range(batch, len(order), batch))
    for rows in batches:
        by_weight, by_intercept = gradient(weights, intercept, X[rows], late[rows])
        weights, intercept = weights - rate * by_weight, intercept - rate * by_intercept
    return len(batches), np.append(weights, intercept)


# %%
from sklearn.metrics import log_loss

validated = encode.transform(february)
models = {}
for batch, rate in ((256, 0.05), (512, 0.05), (512, 0.1)):
    steps, model = one_epoch(batch, rate)
    models[batch, rate] = model
    loss = log_loss(february["late"], probabilities(model[:-1], model[-1], validated))
    print(f"batch {batch}, rate {rate:4}: {steps:3} steps, log loss {loss:.3f}")
same = np.allclose(models[256, 0.05], models[512, 0.05], rtol=0, atol=5e-7)
companion.compare_bet(my_bet, "the same" if same else "another one")

# %% [markdown]
# An epoch of twice the batch has half as many steps, so at the same rate the model gets half as far. (To simulate it,
# one process was enough: section 2 has shown that two workers of 256 are one of 512.) The third line is the usual
# remedy, twice the rate: as far as before, and still another model. So if you add workers, you change the model, unless
# each takes a smaller batch. Then you have to judge the model again; `evaluate` does not depend on how many trained it.
#
# ## 5. It breaks: who waits for whom
#
# Every ten steps somebody wants to see the share of flights that are judged wrongly, over all rows. One line in the log
# is enough, so it stands under `if rank == 0`. `patience` is the launcher's time-out.

# %%
deal(everything[0::2], everything[1::2])
program = (state / "worker.py").read_text()
loop = "for step in range(100):\n"
looks = """    if step % 10 == 5 and rank == 0:
        wrong = np.mean((X @ weights + intercept > 0) != late)
        print("share of wrong ones:", all_reduce(wrong, of="evaluation") / world_size)
"""
(state / "looks.py").write_text(program.replace(loop, loop + looks))
ended = launch(state / "looks.py", patience=8)

# %% [markdown]
# **Symptom.** There is no error and no log, and the training does not end. **Evidence.** Read what each rank waits for.
# Rank 0 wants to evaluate and waits for rank 1's part of it. Rank 1 does not evaluate: it is already at its next
# gradient and waits for that of rank 0. **Cause.** An all-reduce needs all ranks, and only one called it. **Fix.** All
# ranks call it; only the `print` stands under `if rank == 0`. (Each of our messages has a name, so that a share is
# never added to a gradient. A ring without names would not stop here; it would go on with wrong numbers.)
#
# Next, rank 1 is killed at step 30. In the second run it is still there, but does not go on, as if its disk did not
# answer.

# %%
for name, accident in {"dies": "os.kill(os.getpid(), 9)", "stands": "time.sleep(3600)"}.items():
    breaks = f"    if step == 30 and rank == 1:\n        {accident}\n"
    (state / f"{name}.py").write_text("import os, time\n" + program.replace(loop, loop + breaks))
    print(f"{name}:")
    ended = launch(state / f"{name}.py", patience=8)

# %% [markdown]
# When a worker is dead, its neighbour notices it at once: the operating system closes the pipe. A worker that stands
# still looks like a slow one, so only a time-out helps, and you have to guess its length. Either way rank 0 cannot go
# on: **one worker lost is the training lost**, and a hundred workers fail about a hundred times as often. The remedy is
# to go on from the last step that was saved.
#
# ## 6. Stop and resume
#
# A **checkpoint** is a file from which a training can go on. The next cells show what has to be in it. Most trainings
# have a momentum: the step keeps a part of its last direction, the `velocity`.


# %%
def advance(run):
    """Take one step of a training with momentum; return the run after it."""
    rows = np.random.default_rng(run["step"]).choice(len(late), 512, replace=False)
    by_weight, _ = gradient(run["weights"], 0.0, X[rows], late[rows])
    velocity = 0.9 * run["velocity"] - 0.05 * by_weight
    return {"step": run["step"] + 1, "weights": run["weights"] + velocity, "velocity": velocity}


def train(run, until):
    """Go on until a step."""
    while run["step"] < until:
        run = advance(run)
    return run


# %%
start = {"step": 0, "weights": np.zeros(X.shape[1]), "velocity": np.zeros(X.shape[1])}
straight, half = train(start, 60), train(start, 30)
for forgotten in ("nothing", "velocity", "step"):
    resumed = train(half | {name: start[name] for name in start if name == forgotten}, 60)
    apart = abs(resumed["weights"] - straight["weights"]).max()
    print(f"left out of the checkpoint: {forgotten:8}  weights up to {apart:.4f} apart")

# %% [markdown]
# The weights alone are the model, but not the training. Without the step the batches begin anew and there are too many
# of them; a resumed training is the same only if *all* that the next step depends on is in the file.
#
# ## Exercise 15.3: A run that may be stopped
#
# Write what every rank calls. It goes on from `file` (a `Path`) where that is there, else from `start`; it calls
# `advance` until the run's `step` is `until`, and returns the run. After each step rank 0, and no other, saves it. A
# run is a dict as above. Killed at any moment (no `finally` runs then) and called again, also in the middle of a write,
# it ends with the weights of a run that was left alone, and takes no saved step a second time. (Chapter 02's
# `write_atomically(path, content)` writes bytes whole or not at all; `pickle.dumps` makes bytes of a dict,
# `pickle.loads` a dict of them.)

# %%
import pickle

from flightdelay.files import write_atomically


def answer(start, until, advance, file, rank):
    """Train until a step, from where it was stopped."""
    ### BEGIN SOLUTION
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run
    ### END SOLUTION


# %%
check.ex_15_3(answer)

# %% [markdown]
# All ranks read one file: on a cluster it lies where each of them can reach it, and one writer is enough, because all
# ranks hold the same. If each kept its own, they could stop at two different steps.
#
# ## Recap
#
# 1. You wrote the step after which **all workers hold the same model**: sums of sums, divided by all rows. A mean of
#    means is another model, and no error shows it.
# 2. You **dealt the rows** of an epoch: one seed for all ranks, another one for each epoch.
# 3. You **stopped and resumed** a training, and it ended with the same weights, because all that the next step depends
#    on was in the file.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it. The launcher's
# processes end with the kernel.
#
# ## What comes next
#
# You wrote by hand what libraries do for you. In [the second notebook](15-2-two-models.ipynb) two of them train models
# of the book's pipeline on two processes.
