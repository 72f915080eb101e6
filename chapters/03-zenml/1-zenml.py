# %% [markdown]
# # 03 · ZenML: a cache and a history
#
# About 75 minutes · 1 GB of memory · no cluster
#
# Your runner of chapter 02 answered a question about August with September's files. It remembered *that* an
# artifact was made, and not *from what*. ZenML remembers both. Here you hand it a small pipeline and then the
# book's own, and you find out what exactly it remembers.
#
# You will
#
# 1. **predict what a cache skips** after six kinds of change, and then run them;
# 2. walk the **lineage** of an artifact back to all that it was made from;
# 3. put into a step's **cache key** what its result depends on;
# 4. keep **champion and challenger** as versions of one model, with a stage.

# %%
import companion

state = companion.workspace("03-1")

# %% [markdown]
# ## 1. From a function to a step
#
# A small pipeline first: how large is the share of late flights at each of the three airports, and which is the
# worst? Two months of the data are copied into this notebook's folder, because you are going to damage one.
#
# A **step** is a function with `@step` above it. The names in `Annotated[…]` are those of the artifacts.

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
# for month in ("2013-08", "2013-09"):
#     content = (DATA / "flights" / f"{month}.parquet").read_bytes()
#     (folder / f"{month}.parquet").write_bytes(content)
# client = Client()

# %%
COLUMNS = ["origin", "dest", "carrier", "flight", "time_hour", "sched_dep_time", "arr_delay"]


def share_late(delays, minutes):
    return round(float((delays > minutes).mean()), 4)


@step
def load(month: str, folder: str) -> Annotated[pd.DataFrame, "flights"]:
    return pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])


@step
def late_shares(flights: pd.DataFrame, minutes: int) -> Annotated[dict[str, float], "shares"]:
    return {name: share_late(rows["arr_delay"], minutes) for name, rows in flights.groupby("origin")}


@step
def worst(shares: dict[str, float]) -> Annotated[str, "worst_airport"]:
    return max(shares, key=shares.get)


# %% [markdown]
# `share_late` is a plain function without `@step`: a helper, as every notebook has them.
#
# A **pipeline** is a function, too. It does not compute anything. It is called once to find out which step
# needs what: the wiring of chapter 02, written as calls. Then ZenML runs the steps, each with the artifacts
# that it needs.


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
# ZenML prints where it is and how long each step takes. That is different each time, so the book hides it
# (`%%capture`) and asks afterwards. Everything that follows is read from ZenML's own records, not from the
# variables of this notebook.

# %%
report(first)
print()
print(client.get_artifact_version("shares").load())
print("worst:", client.get_artifact_version("worst_airport").load())

# %% [markdown]
# ## 2. What is kept, and where
#
# Three things were written while you looked the other way: each artifact as a file in the **artifact store**
# (a folder), a line about each run, step and artifact in a **database** (SQLite), and for each artifact the
# way it was written (its **materializer**), so that `load()` can read it.

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
# The last line is the **stack**: which program calls the steps (the *orchestrator*, here this process) and
# where artifacts go (the *artifact store*, here a folder). On Kubernetes a stack names another orchestrator
# and an object store; the steps and the pipeline stay as they are. Keep the idea; the chapters on the cluster
# come back to it.
#
# An artifact has a type and a growing number (its **version**); nothing is overwritten, and asking by name
# gives the newest. Our flight, UA 1037, is in `flights`:

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
# Commit yourself before you run on: the next section runs all six.

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
# **The next cells hold the answers.** First the two that everybody expects.

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
# With 30 minutes `load` was skipped: neither its code nor its parameters know of minutes. This is what a cache
# is for: of a pipeline that loads for an hour and trains for a minute, you repeat the minute.
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
# The code is compared as text, so the step runs. And then something good happens: its dict is equal to the
# old one, dicts are compared by content, and so `worst` is skipped. The change stops where it stops mattering.
#
# The same with `load`, whose artifact is a DataFrame (the comment in `late_shares` stays: it has run once now,
# so it is nothing new).


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
# Both errors so far are on the safe side: something ran that need not have run. It costs time. The other two
# are not on the safe side.
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
# All cached, and wrong. The key holds the text of `late_shares`; the text still says `share_late(…)`, as
# before. What a helper does, in another cell, another module or another package, is not looked at. The same is
# true of a new version of scikit-learn (we did not install one to show it; the list of what is in the key in
# section 3 has no line for packages).
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
# The parameter is the **path**, a text, and the text is the same. Nobody read the file. A path is a name, and a
# name proves nothing about what it names. (You will meet this again: an image's tag, in chapter 06, and
# Kubeflow's cache, in chapter 07.)
#
# | change | what the cache does | kind of error |
# |---|---|---|
# | a comment | runs again | costs time |
# | a DataFrame made anew, same rows | runs what needs it again | costs time |
# | a helper, a package | skips | **wrong result** |
# | other bytes under the same path | skips | **wrong result** |
#
# ## 5. Lineage: what was this made from?
#
# Every artifact knows the step that made it, and every step its inputs. So you can walk back from any
# artifact. `made_by` does one step of the way.


# %%
def made_by(artifact):
    """Return the name of the step that made the artifact, and the artifacts which that step took."""
    made = artifact.step
    return made.name, [one for several in made.inputs.values() for one in several]


name, inputs = made_by(client.get_artifact_version("worst_airport"))
print("worst_airport was made by", name, "from", [one.name for one in inputs])

# %% [markdown]
# ## Exercise 3.2: Everything it was made from
#
# Write the function that walks all the way: given an artifact, return the **set of names of all artifacts**
# that it was made from, directly or through others. The artifact itself is not in it. One artifact may be
# reached on several ways. The API you need is in `made_by`: `artifact.name`, `artifact.step`, and of the step
# `.inputs`, a dict whose values are lists of artifacts.


# %%
def answer(artifact) -> set[str]:
    """Return the names of all artifacts upstream."""
    ### BEGIN SOLUTION
    found, waiting = set(), [artifact]
    while waiting:
        for several in waiting.pop().step.inputs.values():
            found |= {one.name for one in several}
            waiting += several  # also where the name is known: another version may have other origins
    return found
    ### END SOLUTION


# %%
check.ex_3_2(answer)

# %% [markdown]
# Now look at two runs with these eyes: the last one before the file was replaced, and the first one after it.
# **Bet first:** do their lineages differ anywhere?

# %%
my_bet = None  # True or False


# %%
def lineage(run):
    """Return the run's parameters, and of each artifact its name, its version and the step that made it."""
    steps = client.get_pipeline_run(run.id).steps.values()
    artifacts = [one for each in steps for several in each.outputs.values() for one in several]
    made = sorted((one.name, one.version, made_by(one)[0]) for one in artifacts)
    return {"called with": run.config.parameters, "made": made}


for name, version, step_name in lineage(replaced)["made"]:
    print(f"{name:14} version {version}  made by {step_name}")
companion.compare_bet(my_bet, lineage(replaced) != lineage(helper))

# %% [markdown]
# Complete, green, and about a file that is not there any more. **Lineage proves where something came from.
# It does not prove that it is right.** It is exactly as good as the names that the steps were given.
#
# ## 6. Mending a cache that lies
#
# *Symptom*: a corrected file changes nothing. *Evidence*: `load` is cached, and the artifact has another number
# of rows than the file. *Cause*: the key holds the path and not the bytes. *Fix*: put what the step depends on
# into its parameters. For a file that is its SHA-256 sum, which changes if one byte does:


# %%
@step
def load_checked(month: str, folder: str, sha256: str) -> Annotated[pd.DataFrame, "flights"]:
    # `sha256` is there for the cache alone
    return pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])


@pipeline
def lateness_checked(month: str, folder: str, minutes: int, sha256: str):
    worst(late_shares(load_checked(month, folder, sha256), minutes))


# %% [markdown]
# ## Exercise 3.3: The missing parameter
#
# Write the function that gives this parameter: a short text that is the same whenever `folder/month.parquet`
# holds the same bytes, today or next year, here or on another machine, and another one as soon as a single
# byte differs, wherever it stands. Other files in the folder do not matter.


# %%
def answer(month: str, folder: Path) -> str:
    """Return a text that stands for the bytes of the month's file."""
    ### BEGIN SOLUTION
    import hashlib

    return hashlib.sha256((folder / f"{month}.parquet").read_bytes()).hexdigest()
    ### END SOLUTION


# %%
check.ex_3_3(answer)

# %% [markdown]
# The book's own version of this function is `flightdelay.files.sha256`. See it at work: once with the wrong
# file, once more, and then with September as it should be.

# %%
# %%capture
# from flightdelay.files import sha256
#
# def run_checked():
#     return lateness_checked("2013-09", str(folder), 15, sha256(folder / "2013-09.parquet"))
#
# (folder / "2013-09.parquet").write_bytes((folder / "2013-08.parquet").read_bytes())
# wrong_file = run_checked()
# again = run_checked()
# (folder / "2013-09.parquet").write_bytes((DATA / "flights" / "2013-09.parquet").read_bytes())
# right_file = run_checked()

# %%
for title, run in (("wrong file", wrong_file), ("the same again", again), ("right file", right_file)):
    shown = client.get_pipeline_run(run.id)
    rows = len(shown.steps["load_checked"].outputs["flights"][0].load())
    print(f"{title:15} load_checked {shown.steps['load_checked'].status.value:10} {rows:,} flights")

# %% [markdown]
# It runs where the bytes are new and is skipped where they are known.
#
# ZenML has tools of its own for this, in a step's **cache policy**. Each adds something to the key, and is looked
# at afresh in each run:
#
# | `CachePolicy(…)` | adds to the key | mind |
# |---|---|---|
# | `source_dependencies=[share_late]` | the text of helpers | not the text of what they call |
# | `file_dependencies=["data/x.csv"]` | the bytes of files | fixed in the step; documented for the source root only |
# | `cache_func=state_of_the_source` | the text that this function returns | it has no arguments, and is no `lambda` |
# | `expires_after=3600` | nothing: what is older than so many seconds is not taken | an hour may be too long |
#
# Try the first two on the steps that lied. `with_options` gives a step another policy in one pipeline.

# %%
# %%capture
# from zenml.config import CachePolicy
#
# september = folder / "2013-09.parquet"
# bytes_of_september = CachePolicy(file_dependencies=[str(september)])
# text_of_the_helper = CachePolicy(source_dependencies=[share_late])
#
# @pipeline
# def lateness_watched(month: str, folder: str, minutes: int):
#     flights = load.with_options(cache_policy=bytes_of_september)(month, folder)
#     worst(late_shares.with_options(cache_policy=text_of_the_helper)(flights, minutes))
#
# watched = {"first": lateness_watched("2013-09", str(folder), 15)}
# watched["nothing changed"] = lateness_watched("2013-09", str(folder), 15)
# september.write_bytes((folder / "2013-08.parquet").read_bytes())
# watched["other bytes"] = lateness_watched("2013-09", str(folder), 15)
# september.write_bytes((DATA / "flights" / "2013-09.parquet").read_bytes())


# %%
def share_late(delays, minutes):
    return round(float((delays > minutes).mean()), 4)


# %%
# %%capture
# watched["other helper"] = lateness_watched("2013-09", str(folder), 15)

# %%
for title, run in watched.items():
    print(title)
    report(run)

# %% [markdown]
# With other bytes `load` runs; with another helper `late_shares` runs, and `load`, whose file is the old one again,
# does not.
#
# The book takes the parameter: it is seen in the records of each run, and a step that reads another month each
# time needs no new policy. Where nothing helps, `@step(enable_cache=False)` makes a step run every time. That is
# right for every step that **changes the world** (sends a mail, writes to a store) or asks it (today's weather).
#
# ## 7. The book's pipeline in ZenML
#
# You have seen all the parts. This is the finished file; look for three things: the artifacts' names, the
# parameter that stands for bytes, and the one step that is never cached.

# %%
import inspect

from flightdelay.pipelines import with_zenml

source = inspect.getsource(with_zenml)
print(source[source.index("# The cache sees") : source.index("@step\ndef validate")])
print(source[source.index("@step(enable_cache=False)") : source.index("@pipeline")].rstrip())

# %% [markdown]
# `manifest.json` in the data folder lists the sums of all files, and `ingest` refuses a file that does not
# match. So the sum of this one file stands for every byte, and for more than the run needs: when any month is
# delivered anew, `ingest` runs for all of them. That costs time and is never wrong. `decide` writes to the model
# store: it has to run even when all its inputs are known.
#
# Run it twice for September, and compare with plain Python. (`sample` keeps the training short.)

# %%
# %%capture
# from flightdelay.pipelines import in_plain_python
#
# plain = in_plain_python.run("2013-09", sample=20_000, store=state / "plain-store")
# in_zenml = with_zenml.run("2013-09", sample=20_000, store=state / "zenml-store")
# with_zenml.run("2013-09", sample=20_000, store=state / "zenml-store")

# %%
print("same as plain:", in_zenml.digest == plain.digest)
first_run, second = client.list_pipeline_runs(pipeline="flight_delay", sort_by="asc:created", size=2).items
for run in (first_run, second):
    print(f"\nrun with {run.config.parameters['month']}")
    report(run)

# %% [markdown]
# The same probabilities, and in the second run one step of six. Now the picture of it, drawn from ZenML's
# records: each arrow is an artifact that a step took from another one.

# %%
import matplotlib.pyplot as plt

places = {"ingest": (0, 0), "validate": (1, 0), "featurize": (2, 0)}
places |= {"train": (3, 0.6), "evaluate": (4, 0.6), "decide": (5, 0)}
figure, axes = plt.subplots(figsize=(9, 2.4))
arrows = []
for name, each in client.get_pipeline_run(first_run.id).steps.items():
    for taken in (one for several in each.inputs.values() for one in several):
        arrows.append((taken.step.name, taken.name, name))
for maker, _, taker in arrows:
    axes.annotate(
        "", places[taker], places[maker], arrowprops={"arrowstyle": "->", "shrinkA": 26, "shrinkB": 26}
    )
for name, (x, y) in places.items():
    axes.text(x, y, name, ha="center", va="center", bbox={"boxstyle": "round,pad=0.5", "fc": "#dfe8f5"})
axes.set(xlim=(-0.6, 5.6), ylim=(-0.5, 1.1))
axes.set_axis_off()
axes.set_title("The run of September, as ZenML recorded it")
plt.show()
for maker, artifact, taker in arrows:
    print(f"{maker:10} made {artifact:14} which {taker} took")

# %% [markdown]
# It is the DAG of chapter 02. There you wrote it down; here it was observed. (`make zenml-dashboard`, in a
# terminal, shows the same in a browser: the last section of this chapter's page tells how.)
#
# ## 8. A delivery with a fault
#
# The supplier's September has a flight with a departure time of 27:15. **Bet first:** at which step does the run
# end?

# %%
my_bet = None  # the name of a step

# %%
import json
import shutil

from flightdelay.data import FLIGHTS_SCHEMA

supplied = state / "supplied"
shutil.copytree(DATA, supplied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "*.md"))


def deliver(flights):
    """Write September into `supplied`, with its sum in the manifest, as a supplier would."""
    path = supplied / "flights" / "2013-09.parquet"
    flights.to_parquet(path, schema=FLIGHTS_SCHEMA, index=False)
    manifest = json.loads((supplied / "manifest.json").read_text())
    manifest["files"]["flights/2013-09.parquet"]["sha256"] = sha256(path)
    (supplied / "manifest.json").write_text(json.dumps(manifest))


good = pd.read_parquet(DATA / "flights" / "2013-09.parquet")
deliver(good.assign(sched_dep_time=good["sched_dep_time"].where(good.index != 41, 2715).astype("int32")))

# %%
# %%capture
# store = state / "zenml-store"
# champion = with_zenml.Store(store).champion()
# try:
#     with_zenml.run("2013-09", sample=20_000, store=store, data=supplied)
# except Exception as error:
#     refused = error

# %%
print(type(refused).__name__, "·", str(refused).split(". ")[0])
[bad] = client.list_pipeline_runs(pipeline="flight_delay", sort_by="desc:created", size=1).items
print("\nthe run:", bad.status.value)
report(bad)
print("\nthe champion is the same:", with_zenml.Store(store).champion() == champion)
companion.compare_bet(my_bet, list(client.get_pipeline_run(bad.id).steps)[-1])

# %% [markdown]
# This is a refusal as it should be: the run is recorded as failed, with the reason; nothing after `validate`
# ran; champion and store are as before. Whoever looks tomorrow finds it (20,000 earlier flights stand before
# September's):

# %%
failed = client.get_pipeline_run(bad.id).steps["validate"]
print(failed.exception_info.traceback.strip().splitlines()[-1][:170])

# %% [markdown]
# Somebody hopes that it was a hiccup and starts the run again. Then the supplier sends September once more,
# mended. **Bet first**, for both: how many of the six steps run, that is, are not taken from the cache? A step
# that fails has run, too.

# %%
my_bet = None  # {"mended": a whole number, "started again": a whole number}

# %%
# %%capture
# try:
#     with_zenml.run("2013-09", sample=20_000, store=store, data=supplied)
# except RuntimeError:
#     pass  # refused again
# deliver(good)
# with_zenml.run("2013-09", sample=20_000, store=store, data=supplied)

# %%
runs = client.list_pipeline_runs(pipeline="flight_delay", sort_by="asc:created", size=50).items
after = [run.id for run in runs].index(bad.id) + 1
hoped, mended = runs[after : after + 2]
ran = {}
for title, run in (("started again", hoped), ("mended", mended)):
    steps = client.get_pipeline_run(run.id).steps
    ran[title] = sum(each.status.value != "cached" for each in steps.values())
    print(f"{title}: {run.status.value}")
    report(run)
    print()
companion.compare_bet(my_bet, ran)

# %% [markdown]
# Started again, the run **resumes**: `ingest` was done and is not done again; a step that failed left no
# artifact, so there is nothing to take, and it is tried anew. That is a help when the cause was a full disk or a
# machine that was taken away. It does not mend a month, and a refusal will be repeated as often as you like.
#
# With the mended file everything runs. Had the key held the path alone, `ingest` would have been cached a second
# time, with the bad rows in its artifact, and the mended month would have been refused for ever.

# %% [markdown]
# ## 9. Champion and challenger
#
# A run is about a month; a **model** outlives it. ZenML has a place for that: a model has a name, versions, a
# **stage** for each version (`staging`, `production`, `archived`) and whatever numbers you note. This is the
# open-source part of its *model control plane*; it does not decide anything. The rule is still ours.

# %%
# %%capture
# from zenml import Model, log_metadata
#
# @step(enable_cache=False)
# def register(month: str, store: str) -> Annotated[str, "version"]:
#     decided = with_zenml.Store(Path(store)).run(month)
#     measured = decided["evaluation"]["challenger"]
#     noted = {"month": month, "auc": round(measured["auc"], 3), "log_loss": round(measured["log_loss"], 3)}
#     log_metadata(metadata=noted, infer_model=True)
#     return decided["decision"]["version"]
#
# @pipeline(model=Model(name="flight-delay"))
# def registration(month: str, store: str):
#     register(month, store)
#
# for model in client.list_models(name="flight-delay").items:
#     client.delete_model(model.id)  # of an earlier run of this cell
# for month in ("2013-02", "2013-03", "2013-04"):
#     in_plain_python.run(month, sample=20_000, store=state / "year")
#     registration(month, str(state / "year"))

# %%
decisions = {}
for version in client.list_model_versions("flight-delay", sort_by="asc:created").items:
    noted = client.get_model_version("flight-delay", version.id).run_metadata
    decided = with_zenml.Store(state / "year").run(noted["month"])["decision"]
    decisions[version.number] = decided
    print(
        f"version {version.number}: {noted['month']}  AUC {noted['auc']:.3f}  decided: {decided['decision']}"
    )

# %% [markdown]
# Three versions, each judged on its own month, so the AUCs do not compare. Which of them is in production? So
# far none: nobody has said so.
#
# ## Exercise 3.4: A stage for the champion
#
# Write the function that is called after each month with the month's decision (the dict of
# `flightdelay.steps.decide`: its key `"decision"` is `"promote"` or `"keep"`) and the model's new version. A
# promoted version goes to the stage `production`, and the one that was there before is archived. A version that
# is kept back goes to `staging`, where people can look at it; the production stays as it is.
#
# Either stage holds one version: `version.set_stage(…)` raises an error if it is taken. With `force=True` it
# archives that one first. Return nothing; what counts is what was set.


# %%
def answer(decision: dict, version) -> None:
    """Give the version its stage."""
    ### BEGIN SOLUTION
    stage = "production" if decision["decision"] == "promote" else "staging"
    version.set_stage(stage, force=True)
    ### END SOLUTION


# %%
check.ex_3_4(answer)

# %% [markdown]
# The book's rule, on the three real versions:

# %%
for number, decision in decisions.items():
    stage = "production" if decision["decision"] == "promote" else "staging"
    client.get_model_version("flight-delay", number).set_stage(stage, force=True)
for version in client.list_model_versions("flight-delay", sort_by="asc:created").items:
    print(f"version {version.number}: {version.stage}")

# %% [markdown]
# March went to production and is still there. February was kept back and waited in `staging` until April, which was
# kept back, too, took its place: a stage holds one version, and February is archived. A service
# asks for the *stage* and not for a number, and is given the right version; the day a release has to be taken
# back, somebody moves the stage. In a bank the stage `production` is what the model validation signs, and
# `archived` is what the auditors ask for.
#
# ## Optional: a materializer for a safe format
#
# What does ZenML do with a fitted model? It has a way to write each type that it knows, and for all others it
# takes `cloudpickle`. A pickle can run code when it is read, so a model file from somebody else is a program
# from somebody else. The book's adapter therefore hands on *bytes* that it made with skops. The other way is to
# teach ZenML the type, once:

# %%
# %%capture
# from sklearn.pipeline import Pipeline
# from zenml.materializers.base_materializer import BaseMaterializer
#
# from flightdelay.store import dump_model, load_model
# from flightdelay.steps.featurize import FEATURES, featurize
# from flightdelay.steps.ingest import ingest
# from flightdelay.steps.train import train
#
# class SkopsMaterializer(BaseMaterializer):
#     ASSOCIATED_TYPES = (Pipeline,)
#
#     def save(self, model):
#         (Path(self.uri) / "model.skops").write_bytes(dump_model(model))
#
#     def load(self, data_type):
#         return load_model((Path(self.uri) / "model.skops").read_bytes())
#
# @step(output_materializers=SkopsMaterializer)
# def fit(sample: int) -> Annotated[Pipeline, "safe_model"]:
#     return train(featurize(ingest("2013-02", sample=sample)), "2013-02")
#
# @pipeline
# def fitting(sample: int):
#     fit(sample)
#
# fitting(2_000)

# %%
safe = client.get_artifact_version("safe_model")
print(safe.materializer.attribute, sorted(path.name for path in Path(safe.uri).iterdir()))
print(type(safe.load()).__name__, "with", [name for name, _ in safe.load().steps])

# %% [markdown]
# ## Optional: one step, three airports
#
# A pipeline that is `dynamic` may look at artifacts while it runs. `.map()` calls a step once for each element
# of a list; each call is a step run with its own cache key, log and failure.

# %%
# %%capture
# @step
# def airports() -> list[str]:
#     return ["EWR", "JFK", "LGA"]
#
# @step
# def late_at(airport: str, month: str, folder: str) -> Annotated[dict[str, float], "late_at"]:
#     rows = pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])
#     return {airport: share_late(rows[rows["origin"] == airport]["arr_delay"], 15)}
#
# @pipeline(dynamic=True)
# def by_airport(month: str, folder: str):
#     late_at.map(airports(), month=month, folder=folder)
#
# mapped = by_airport("2013-09", str(folder))

# %%
shown = client.get_pipeline_run(mapped.id)
for name, each in sorted(shown.steps.items()):
    outputs = [one.load() for several in each.outputs.values() for one in several]
    print(f"{name:20} {outputs[0]}")

# %% [markdown]
# ## Optional: bring your own model
#
# Copy `own` from the last section of notebook 02-2, give `train` `estimator=own` and `load_model` its `trusted`,
# run the two cells again, and say before whether `fit` will run. Then look at `safe_model`: it has a second
# version, and the first one is still there.
#
# ## Recap
#
# 1. You **predicted what a cache skips**. It compares the step's text, its parameters and its inputs. A comment
#    costs time; a helper, a package or other bytes under the same path give a wrong result.
# 2. You walked the **lineage** of an artifact. It shows where something came from, and not that it is right.
# 3. You put into the **cache key** what a result depends on: a file by its sum among the parameters, a helper by
#    a cache policy.
# 4. You kept **champion and challenger** as versions with a stage. The tool keeps the stage; the rule is yours.
#
# ## Clean-up
#
# ZenML's database, the artifacts and the stores lie in this notebook's folder, which git ignores. `make reset`
# removes it.
#
# ## What comes next
#
# ZenML knows what was made from what. It ran when you pressed a key, and when a step failed it was you who
# started it again. Chapter 04 gives the same six steps to Airflow, which knows about time and about trying
# again, and nearly nothing about artifacts.
