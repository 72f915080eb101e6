# %% [markdown]
# # 03.3 · ZenML: the book's pipeline, and its champion
#
# About 25 minutes · 1 GB of memory · no cluster
#
# The first two notebooks had three small steps. Here the book's six steps run in ZenML, a month arrives with a fault,
# and ZenML keeps the versions of the model.
#
# You will
#
# 1. keep **champion and challenger** as versions of one model, with a stage.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. A cell below the bet compares.

# %%
import companion

state = companion.workspace("03-3")

# %% [markdown]
# ## 1. The book's pipeline in ZenML
#
# `report` of the first notebook, which says of each step whether it ran or was taken from the cache, comes from the
# chapter's folder ([`runs.py`](../chapters/03-zenml/runs.py)). What is imported as `with_zenml` is the book's pipeline.

# %%
# %%capture
# from pathlib import Path
# from typing import Annotated
#
# import pandas as pd
# from chapter_03.runs import draw, report
# from zenml import pipeline, step
# from zenml.client import Client
#
# from flightdelay.data import DATA
# from flightdelay.pipelines import in_plain_python, with_zenml
#
# store = state / "zenml-store"
# client = Client()

# %% [markdown]
# You know all the parts of the book's pipeline. This is a piece of its file; look for three things: the artifacts'
# names, the parameter that stands for bytes, and the one step that is never cached.

# %%
import inspect

source = inspect.getsource(with_zenml)
print(source[source.index("# The cache sees") : source.index("@step\ndef validate")])
print(source[source.index("@step(enable_cache=False)") : source.index("@pipeline")].rstrip())

# %% [markdown]
# `manifest.json` in the data folder lists the sums of all files, and `ingest` refuses a file that does not match. So
# the sum of this one file changes with every byte of the data, and thus more often than needed: when any month is
# delivered anew, `ingest` runs for all of them. That costs time, but the result is never wrong. `decide` writes to the
# model store: it has to run even when all its inputs are known.
#
# Run it twice for September, and compare with plain Python. (`sample` keeps the training short.)

# %%
# %%capture
# plain = in_plain_python.run("2013-09", sample=20_000, store=state / "plain-store")
# in_zenml = with_zenml.run("2013-09", sample=20_000, store=store)
# with_zenml.run("2013-09", sample=20_000, store=store)

# %%
print("same as plain:", in_zenml.digest == plain.digest)
first_run, second = client.list_pipeline_runs(pipeline="flight_delay", sort_by="asc:created", size=2).items
for run in (first_run, second):
    print(f"\nrun with {run.config.parameters['month']}")
    report(run)

# %% [markdown]
# The probabilities are the same, and in the second run only one step of six ran. Now draw the graph from ZenML's
# records: each arrow is an artifact that a step took from another one.

# %% alt="The six steps, with an arrow for each artifact from the step that made it to the step that took it."
arrows = []
for name, each in client.get_pipeline_run(first_run.id).steps.items():
    for taken in (one for several in each.inputs.values() for one in several):
        arrows.append((taken.step.name, taken.name, name))
        print(f"{taken.step.name:10} made {taken.name:14} which {name} took")
draw(arrows)

# %% [markdown]
# It is the DAG of chapter 02. There you wrote it down; here ZenML recorded it. (`make zenml-dashboard`, in a terminal,
# shows the same in a browser: the last section of this chapter's page tells how.)
#
# ## 2. A delivery with a fault
#
# The supplier's September has a flight with a departure time of 27:15. **Bet first:** at which step does the run
# end?

# %%
my_bet = None  # the name of a step

# %%
import json
import shutil

from flightdelay.data import FLIGHTS_SCHEMA
from flightdelay.files import sha256

supplied = state / "supplied"
shutil.copytree(DATA, supplied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "*.md"))
good = pd.read_parquet(DATA / "flights" / "2013-09.parquet")


# %%
def deliver(flights):
    """Write September into `supplied`, with its sum in the manifest, as a supplier would."""
    path = supplied / "flights" / "2013-09.parquet"
    flights.to_parquet(path, schema=FLIGHTS_SCHEMA, index=False)
    manifest = json.loads((supplied / "manifest.json").read_text())
    manifest["files"]["flights/2013-09.parquet"]["sha256"] = sha256(path)
    (supplied / "manifest.json").write_text(json.dumps(manifest))


times = good["sched_dep_time"].where(good.index != 41, 2715).astype("int32")
deliver(good.assign(sched_dep_time=times))

# %%
# %%capture
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
# This is a good refusal: the run is recorded as failed, with the reason; nothing after `validate` ran; champion and
# store are as before. The reason can still be read tomorrow (the row number is high because 20,000 earlier flights
# stand before September's):

# %%
failed = client.get_pipeline_run(bad.id).steps["validate"]
print(failed.exception_info.traceback.strip().splitlines()[-1][:170])

# %% [markdown]
# Somebody hopes that the cause has passed and starts the run again. Then the supplier sends September once more,
# mended. **Bet first**, for both: how many of the six steps run, that is, are not taken from the cache? A step that
# fails has run, too.

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
# Started again, the run **resumes**: `ingest` was done and is not done again. A step that failed left no artifact, so
# the cache has nothing for it, and it runs again. That helps when the cause was a full disk or a machine that was
# switched off. It does not mend a bad month: `validate` refuses it every time.
#
# With the mended file everything runs. If the key held only the path, `ingest` would be cached, with the bad rows in
# its artifact, and the mended month would be refused every time.
#
# ## 3. Champion and challenger
#
# A run is about one month; a **model** is used for longer. ZenML keeps models as well: a model has a name, versions, a
# **stage** for each version (`staging`, `production`, `archived`) and whatever numbers you note. This is the
# open-source part of its *model control plane*; it decides nothing. The rule comes from us.

# %%
from zenml import Model, log_metadata


@step(enable_cache=False)
def register(month: str, store: str) -> Annotated[str, "version"]:
    decided = with_zenml.Store(Path(store)).run(month)
    measured = decided["evaluation"]["challenger"]
    noted = {"month": month, "auc": round(measured["auc"], 3), "log_loss": round(measured["log_loss"], 3)}
    log_metadata(metadata=noted, infer_model=True)
    return decided["decision"]["version"]


@pipeline(model=Model(name="flight-delay"))
def registration(month: str, store: str):
    register(month, store)


# %%
# %%capture
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
# There are three versions. Each was judged on its own month, so their AUCs cannot be compared. None of them is in
# production so far, because nobody has set a stage.
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
from companion import check

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
# kept back, too, took its place: a stage holds one version, and February is archived. A service asks for the *stage*
# and not for a number, and so it gets the right version. If a release has to be taken back, somebody moves the stage.
# In a bank the model validation approves the version in `production`, and the auditors ask for the versions in
# `archived`.
#
# ## Optional: a materializer for a safe format
#
# ZenML has a way to write each type that it knows; for all others, such as a fitted model, it uses `cloudpickle`. A
# pickle can run code when it is read, so a model file from somebody else can do anything that a program can do. The
# book's adapter therefore hands on *bytes* that it made with skops. The other way is to teach ZenML the type, once:

# %%
# %%capture
# from sklearn.pipeline import Pipeline
# from zenml.materializers.base_materializer import BaseMaterializer
#
# from flightdelay.store import dump_model, load_model
#
# class SkopsMaterializer(BaseMaterializer):
#     ASSOCIATED_TYPES = (Pipeline,)
#
#     def save(self, model):
#         (Path(self.uri) / "model.skops").write_bytes(dump_model(model))
#
#     def load(self, data_type):
#         return load_model((Path(self.uri) / "model.skops").read_bytes())

# %%
# %%capture
# from flightdelay.steps.featurize import featurize
# from flightdelay.steps.ingest import ingest
# from flightdelay.steps.train import train
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
# ## Optional: bring your own model
#
# Copy `own` from the last section of notebook 02-2, give `train` `estimator=own` and `load_model` its `trusted`,
# run the three cells again, and say before whether `fit` will run. Then look at `safe_model`: it has a second
# version, and the first one is still there.
#
# ## Recap
#
# 1. You kept **champion and challenger** as versions with a stage. The tool keeps the stage; the rule is yours.
#
# ## Clean-up
#
# ZenML's database, the artifacts and the stores lie in this notebook's folder, which git ignores. `make reset`
# removes it.
#
# ## What comes next
#
# ZenML knows what was made from what. But you had to start each run, and when a step failed you had to start it again.
# Chapter 04 gives the same six steps to Airflow. Airflow knows about time and retries, and nearly nothing about
# artifacts.
