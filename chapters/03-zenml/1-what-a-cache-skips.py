# %% [markdown]
# # 03.1 · ZenML: what a cache skips
#
# About 30 minutes · 1 GB of memory · no cluster
#
# Your runner of chapter 02 gave September's files when it was asked for August. It remembered *that* an artifact was
# made, but not *from what*. ZenML remembers both. Here you hand it a small pipeline, and you find out what exactly it
# remembers.
#
# You will
#
# 1. **predict what a cache skips** after six kinds of change, and then run them.

# %%
import companion

state = companion.workspace("03-1")

# %% [markdown]
# ## 1. From a function to a step
#
# Begin with a small pipeline. It computes the share of late flights at each of the three airports, and finds the worst
# airport. Two months of the data are copied into this notebook's folder, because you are going to damage one.

# %%
# %%capture
# from pathlib import Path
# from typing import Annotated
#
# import pandas as pd
# from zenml import pipeline, step
# from zenml.client import Client
#
# from flightdelay.data import DATA
#
# folder = state / "delivered"
# folder.mkdir(exist_ok=True)
# client = Client()

# %%
for month in ("2013-08", "2013-09"):
    content = (DATA / "flights" / f"{month}.parquet").read_bytes()
    (folder / f"{month}.parquet").write_bytes(content)
print(sorted(path.name for path in folder.iterdir()))

# %% [markdown]
# A **step** is a function with `@step` above it. The names in `Annotated[…]` are those of the artifacts.
# `share_late` is a plain function without `@step`: a helper, as every notebook has them.

# %%
COLUMNS = ["origin", "dest", "carrier", "flight", "time_hour", "sched_dep_time", "arr_delay"]


def share_late(delays, minutes):
    return round(float((delays > minutes).mean()), 4)


@step
def load(month: str, folder: str) -> Annotated[pd.DataFrame, "flights"]:
    return pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])


# %%
@step
def late_shares(flights: pd.DataFrame, minutes: int) -> Annotated[dict[str, float], "shares"]:
    return {name: share_late(rows["arr_delay"], minutes) for name, rows in flights.groupby("origin")}


@step
def worst(shares: dict[str, float]) -> Annotated[str, "worst_airport"]:
    return max(shares, key=shares.get)


# %% [markdown]
# A **pipeline** is a function, too. It computes nothing itself. ZenML calls it once to find out which step needs what:
# it is the wiring of chapter 02, written as calls. Then ZenML runs the steps, each with the artifacts that it needs.


# %%
@pipeline
def lateness(month: str, folder: str, minutes: int):
    worst(late_shares(load(month, folder), minutes))


def report(run):
    """Say of each step whether it ran or was taken from the cache."""
    run = client.get_pipeline_run(run.id)
    words = {"completed": "ran", "cached": "cached", "failed": "FAILED"}
    for name, each in run.steps.items():
        print(f"{name:12} {words[each.status.value]}")


# %%
# %%capture
# first = lateness("2013-09", str(folder), 15)

# %% [markdown]
# ZenML prints which step it runs and how long each step takes. These lines are different each time, so the book hides
# them (`%%capture`) and reads the records afterwards. Everything that follows is read from ZenML's own records, not
# from the variables of this notebook.

# %%
report(first)
print()
print(client.get_artifact_version("shares").load())
print("worst:", client.get_artifact_version("worst_airport").load())

# %% [markdown]
# ## 2. What is kept, and where
#
# During the run three things were written: each artifact as a file in the **artifact store** (a folder), a line about
# each run, step and artifact in a **database** (SQLite), and for each artifact the way it was written (its
# **materializer**), so that `load()` can read it.

# %%
for name in ("flights", "shares", "worst_airport"):
    artifact = client.get_artifact_version(name)
    written = artifact.materializer.attribute
    files = sorted(path.name for path in Path(artifact.uri).iterdir())
    print(f"{name:14} {artifact.data_type.attribute:10} {written:26} {files}")

print()
print("database:", [path.name for path in (state / "zenml").rglob("*.db")])
print(
    "stack:   ",
    {kind.value: parts[0].flavor_name for kind, parts in client.active_stack_model.components.items()},
)

# %% [markdown]
# The last line is the **stack**: which program calls the steps (the *orchestrator*, here this process) and where
# artifacts go (the *artifact store*, here a folder). On Kubernetes a stack names another orchestrator and an object
# store; the steps and the pipeline stay as they are. The chapters on the cluster come back to this idea.
#
# An artifact has a type and a number that grows (its **version**). Nothing is overwritten; if you ask by name, you get
# the newest version. Our flight, UA 1037, is in `flights`:

# %%
flights = client.get_artifact_version("flights").load()
ours = (flights["carrier"] == "UA") & (flights["flight"] == 1037)
ours &= flights["time_hour"] == "2013-09-12 23:00Z"
print(flights[ours][["origin", "dest", "sched_dep_time", "arr_delay"]].to_string(index=False))

# %% [markdown]
# It is one of the late ones in the share of EWR. Next month, when somebody asks why, the answer is still in this
# notebook's folder, with the run that made it. (A new kernel takes a new folder. To look at the old one, call
# `companion.workspace("03-1", go_on=True)` in the first cell.)
#
# ## 3. What will be skipped?
#
# Before each step ZenML computes a **cache key**, and looks for an earlier step run with the same key. If
# there is one, the step is not run, and its artifacts are taken. The key is a hash of
#
# - the **source code of the step function**, as text,
# - its **parameters** (`month`, `folder`, `minutes`),
# - its **input artifacts**: by their content where it is small and plain (a string, a number, a dict, bytes),
#   and **by their identity for anything else**, such as a DataFrame: each time `load` runs, its DataFrame is a
#   new artifact, whatever is in it,
# - a few things of the set-up: the project, the artifact store, the way the outputs are written.
#
# ## Exercise 3.1: Predict the skips
#
# Everything has run once, with `("2013-09", folder, 15)`. Now one thing changes and the pipeline is started
# again. Which steps **run**, that is, are not taken from the cache? Give a dict: for each key the list of the
# steps that run (`[]` if all is cached). Each change starts from the state after the first run; they do not add
# up.
#
# | key | change |
# |---|---|
# | `"nothing"` | nothing |
# | `"minutes"` | the pipeline is called with `minutes=30` |
# | `"comment in late_shares"` | somebody adds a comment inside `late_shares`; the numbers stay the same |
# | `"comment in load"` | somebody adds a comment inside `load`; the rows stay the same |
# | `"helper"` | in `share_late`, `>` becomes `>=` |
# | `"bytes"` | the file `2013-09.parquet` is replaced by another one with other flights |
#
# Write your answer before you go on: the next section runs all six.

# %%
### BEGIN SOLUTION
answer = {
    "nothing": [],
    "minutes": ["late_shares", "worst"],
    "comment in late_shares": ["late_shares"],
    "comment in load": ["load", "late_shares"],
    "helper": [],
    "bytes": [],
}
### END SOLUTION

# %%
from companion import check

check.ex_3_1(answer)

# %% [markdown]
# ## 4. Now run it
#
# **The next cells hold the answers.** First come the two changes whose result is expected.

# %%
# %%capture
# nothing = lateness("2013-09", str(folder), 15)
# minutes = lateness("2013-09", str(folder), 30)

# %%
print("nothing")
report(nothing)
print("\nminutes=30")
report(minutes)

# %% [markdown]
# With 30 minutes `load` was skipped: neither its code nor its parameters know of minutes. This is the use of a cache:
# if a pipeline loads for an hour and trains for a minute, you repeat only the minute.
#
# Now the comments, which change no number. The cell is the old one with one more line.


# %%
@step
def late_shares(flights: pd.DataFrame, minutes: int) -> Annotated[dict[str, float], "shares"]:
    # more than `minutes` late on arrival
    return {name: share_late(rows["arr_delay"], minutes) for name, rows in flights.groupby("origin")}


# %%
# %%capture
# comment_in_late_shares = lateness("2013-09", str(folder), 15)

# %%
report(comment_in_late_shares)

# %% [markdown]
# The code is compared as text, so the step runs. Its dict is equal to the old one, and dicts are compared by content,
# so `worst` is skipped. The change goes no further than the first result that is the same.
#
# Now do the same with `load`, whose artifact is a DataFrame. (The comment in `late_shares` stays; this version has run
# once, so the cache knows it.)


# %%
@step
def load(month: str, folder: str) -> Annotated[pd.DataFrame, "flights"]:
    # one month as it was delivered, without flights that never arrived
    return pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])


# %%
# %%capture
# comment_in_load = lateness("2013-09", str(folder), 15)

# %%
report(comment_in_load)

# %% [markdown]
# The new DataFrame holds the same rows, but ZenML does not look into it: it is a new artifact, so `late_shares`
# runs again. Its dict is equal once more, and `worst` is skipped.
#
# Both errors so far are harmless: a step ran that need not have run, which costs only time. The next two errors are not
# harmless.
#
# ### The helper


# %%
def share_late(delays, minutes):
    return round(float((delays >= minutes).mean()), 4)


# %%
# %%capture
# helper = lateness("2013-09", str(folder), 15)

# %%
report(helper)
computed = {name: share_late(rows["arr_delay"], 15) for name, rows in flights.groupby("origin")}
print("\nZenML says:        ", client.get_artifact_version("shares").load())
print("the code now says: ", computed)

# %% [markdown]
# All three steps were cached, and the result is wrong. The key holds the text of `late_shares`, and this text still
# says `share_late(…)`, as before. ZenML does not look at what a helper does, in another cell, another module or another
# package. The same is true of a new version of scikit-learn (we did not install one to show it; the list of what is in
# the key in section 3 has no line for packages).
#
# ### The bytes
#
# The supplier sends September again, and the file that arrives is really August, under September's name.

# %%
written = (folder / "2013-09.parquet").write_bytes((folder / "2013-08.parquet").read_bytes())

# %%
# %%capture
# replaced = lateness("2013-09", str(folder), 15)

# %%
report(replaced)
print("\nflights in the artifact:", len(client.get_artifact_version("flights").load()))
now = pd.read_parquet(folder / "2013-09.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])
print("flights in the file:    ", len(now))

# %% [markdown]
# The parameter is the **path**, a text, and the text is the same. No step read the file. A path is only a name; it says
# nothing about the bytes in the file. (You will meet this again: an image's tag, in chapter 06, and Kubeflow's cache,
# in chapter 07.)
#
# | change | what the cache does | kind of error |
# |---|---|---|
# | a comment | runs again | costs time |
# | a DataFrame made anew, same rows | runs what needs it again | costs time |
# | a helper, a package | skips | **wrong result** |
# | other bytes under the same path | skips | **wrong result** |
#
# ## Recap
#
# 1. You **predicted what a cache skips**. It compares the step's text, its parameters and its inputs. A comment
#    costs time; a helper, a package or other bytes under the same path give a wrong result.
#
# ## Clean-up
#
# ZenML's database and the artifacts lie in this notebook's folder, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# [The second notebook](03-2-lineage-and-key.ipynb) asks the records where a result came from, and gives the cache what
# it needs to know.
