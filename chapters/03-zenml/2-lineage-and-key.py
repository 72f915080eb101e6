# %% [markdown]
# # 03.2 · ZenML: where a result came from
#
# About 25 minutes · 1 GB of memory · no cluster
#
# In the first notebook the cache skipped too much: it gave the shares of a file that had been replaced. Here you read
# ZenML's records backwards, from a result to all that it was made from. Then you mend the cache.
#
# You will
#
# 1. walk the **lineage** of an artifact back to all that it was made from;
# 2. put into a step's **cache key** what its result depends on.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. A cell below the bet compares.

# %%
import companion

state = companion.workspace("03-2")

# %% [markdown]
# ## 1. The small pipeline again
#
# It is the pipeline of the first notebook, before the changes: a helper, three steps, a pipeline. `report`, which says
# of each step whether it ran or was taken from the cache, comes from the chapter's folder, too
# ([`runs.py`](../chapters/03-zenml/runs.py)).

# %%
# %%capture
# from pathlib import Path
# from typing import Annotated
#
# import pandas as pd
# from chapter_03.runs import report
# from zenml import pipeline, step
# from zenml.client import Client
#
# from flightdelay.data import DATA
#
# folder = state / "delivered"
# folder.mkdir(exist_ok=True)
# client = Client()

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


@pipeline
def lateness(month: str, folder: str, minutes: int):
    worst(late_shares(load(month, folder), minutes))


# %% [markdown]
# The function `deliver` plays the supplier: it writes the flights of a month into the file with September's name; at
# first those of September.

# %%
# %%capture
# september = folder / "2013-09.parquet"
#
# def deliver(month):
#     september.write_bytes((DATA / "flights" / f"{month}.parquet").read_bytes())
#
# deliver("2013-09")
# before = lateness("2013-09", str(folder), 15)

# %%
report(before)
print("worst:", client.get_artifact_version("worst_airport").load())

# %% [markdown]
# ## 2. Lineage: what was this made from?
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
# ## Exercise 3.2: Everything that an artifact was made from
#
# Write the function that walks all the way: given an artifact, return the **set of names of all artifacts** that it was
# made from, directly or through others. The artifact itself is not in it. One artifact may be reached in several ways.
# The API you need is in `made_by`: `artifact.name`, `artifact.step`, and of the step `.inputs`, a dict whose values are
# lists of artifacts.


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
from companion import check

check.ex_3_2(answer)

# %% [markdown]
# Now compare the lineage of two runs: the one above, and one after the supplier has sent September again. The file that
# arrived is really August.

# %%
# %%capture
# deliver("2013-08")
# after = lateness("2013-09", str(folder), 15)

# %% [markdown]
# **Bet first:** do the lineages of the two runs differ anywhere? `lineage` collects, for a run, its parameters, and of
# each artifact the name, the version and the step that made it.

# %%
my_bet = None  # True or False


# %%
def lineage(run):
    """Return the run's parameters, and of each artifact its name, its version and the step that made it."""
    steps = client.get_pipeline_run(run.id).steps.values()
    artifacts = [one for each in steps for several in each.outputs.values() for one in several]
    made = sorted((one.name, one.version, made_by(one)[0]) for one in artifacts)
    return {"called with": run.config.parameters, "made": made}


# %%
report(after)
print()
for name, version, step_name in lineage(after)["made"]:
    print(f"{name:14} version {version}  made by {step_name}")
companion.compare_bet(my_bet, lineage(after) != lineage(before))

# %% [markdown]
# The lineage is complete, no step failed, and yet it is about a file that is not there any more. **Lineage proves where
# something came from. It does not prove that it is right.** It knows only the names that the steps were given.
#
# ## 3. Mending a cache that gives old results
#
# *Symptom*: a corrected file changes nothing. *Evidence*: `load` is cached, and the artifact has another number
# of rows than the file (the first notebook counted them). *Cause*: the key holds the path and not the bytes. *Fix*:
# put what the step depends on into its parameters. For a file that is its SHA-256 sum, which changes if one byte does:


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
# Write the function that gives this parameter: a short text that is the same whenever `folder/month.parquet` holds the
# same bytes, today or next year, here or on another machine, and a different text as soon as a single byte differs,
# anywhere in the file. Other files in the folder do not matter.


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
#     return lateness_checked("2013-09", str(folder), 15, sha256(september))
#
# deliver("2013-08")
# wrong_file = run_checked()
# again = run_checked()
# deliver("2013-09")
# right_file = run_checked()

# %%
for title, run in (("wrong file", wrong_file), ("the same again", again), ("right file", right_file)):
    shown = client.get_pipeline_run(run.id)
    rows = len(shown.steps["load_checked"].outputs["flights"][0].load())
    print(f"{title:15} load_checked {shown.steps['load_checked'].status.value:10} {rows:,} flights")

# %% [markdown]
# `load_checked` runs where the bytes are new and is skipped where they are known.
#
# ZenML has tools of its own for this, in a step's **cache policy**. Each adds something to the key, and is computed
# again in each run:
#
# | `CachePolicy(…)` | adds to the key | note |
# |---|---|---|
# | `source_dependencies=[share_late]` | the text of helpers | not the text of what they call |
# | `file_dependencies=["data/x.csv"]` | the bytes of files | fixed in the step; documented for the source root only |
# | `cache_func=state_of_the_source` | the text that this function returns | it has no arguments, and is no `lambda` |
# | `expires_after=3600` | nothing: what is older than so many seconds is not taken | an hour may be too long |
#
# Try the first two on the steps that gave old results. `with_options` gives a step another policy in one pipeline.

# %%
from zenml.config import CachePolicy

bytes_of_september = CachePolicy(file_dependencies=[str(september)])
text_of_the_helper = CachePolicy(source_dependencies=[share_late])


@pipeline
def lateness_watched(month: str, folder: str, minutes: int):
    flights = load.with_options(cache_policy=bytes_of_september)(month, folder)
    worst(late_shares.with_options(cache_policy=text_of_the_helper)(flights, minutes))


# %%
# %%capture
# watched = {"first": lateness_watched("2013-09", str(folder), 15)}
# watched["nothing changed"] = lateness_watched("2013-09", str(folder), 15)
# deliver("2013-08")
# watched["other bytes"] = lateness_watched("2013-09", str(folder), 15)
# deliver("2013-09")

# %% [markdown]
# And the helper is changed as in the first notebook: `>` becomes `>=`.


# %%
def share_late(delays, minutes):
    return round(float((delays >= minutes).mean()), 4)


# %%
# %%capture
# watched["other helper"] = lateness_watched("2013-09", str(folder), 15)

# %%
for title, run in watched.items():
    print(title)
    report(run)

# %% [markdown]
# With other bytes `load` runs. With another helper `late_shares` runs, and so does `worst`, which is given other
# shares; `load`, whose file is the old one again, does not.
#
# The book uses the parameter: it stands in the records of each run, and a step that reads another month each time needs
# no new policy. `@step(enable_cache=False)` makes a step run every time. That is right for every step that **changes
# something outside the run** (sends a mail, writes to a store) or reads something that changes by itself (today's
# weather).
#
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
#     flights = pd.read_parquet(f"{folder}/{month}.parquet", columns=COLUMNS).dropna(subset=["arr_delay"])
#     return {airport: round(float((flights[flights["origin"] == airport]["arr_delay"] > 15).mean()), 4)}
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
# ## Recap
#
# 1. You walked the **lineage** of an artifact. It shows where something came from; it does not show that it is right.
# 2. You put into the **cache key** what a result depends on: a file by its sum among the parameters, a helper by
#    a cache policy.
#
# ## Clean-up
#
# ZenML's database and the artifacts lie in this notebook's folder, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# [The third notebook](03-3-champion-and-challenger.ipynb) runs the book's own six steps in ZenML, gives them a month
# with a fault, and the model its versions.
