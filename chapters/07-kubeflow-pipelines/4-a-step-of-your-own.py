# %% [markdown]
# # 07.4 · Kubeflow Pipelines: a step of your own
#
# About 40 minutes · 1 GB of memory · no cluster
#
# You can read a compiled pipeline, wire artifacts, let the graph branch, and set what a task needs. Here the book's
# pipeline runs, and you give it one more step: a list for the connections desk.
#
# You will
#
# 1. write a **step that takes artifacts and makes one**, and that needs nothing but what it declares;
# 2. **wire it** into the book's pipeline under a condition, and find it in the compiled file.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The last cell below the bet compares.

# %%
import companion

state = companion.workspace("07-4")

# %% [markdown]
# ## 1. The book's pipeline
#
# From the notebooks before you need the decorator with the book's image, `compiled` and `started`; you saw them being
# built, and they lie in [`built.py`](../chapters/07-kubeflow-pipelines/built.py). You know the text of the book's
# pipeline from the first notebook. Here it is once more, because exercise 7.5 begins with these connections.

# %%
import inspect

from kfp import dsl, local
from kfp.dsl import Dataset, Input, Model, Output

from chapter_07.built import compiled, component, started
from flightdelay.pipelines import with_kubeflow

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"))
print(inspect.getsource(with_kubeflow.flight_delay.pipeline_func))
print("compiled:", *compiled(with_kubeflow.flight_delay, state)["root"]["dag"]["tasks"])

# %% [markdown]
# As a picture, with one flight in every file:

# %%
from IPython.display import SVG

from companion.workspace import repository

SVG(filename=str(repository() / "chapters" / "07-kubeflow-pipelines" / "artifacts.svg"))

# %% [markdown]
# No arrow goes from box to box: what one step makes goes down into the store, and another step gets it from there.
#
# Now run it, and plain Python beside it. There are six tasks, each in its own process, with files as inputs. (For
# `data` and `store` you name folders of your own; their defaults are those for a cluster.) **Bet first:** do both give
# the same digest, that is, the same probabilities?

# %%
my_bet = None  # False or True

# %%
given = {"month": "2013-09", "sample": 20_000}

# %%
# %%capture log
from flightdelay.data import DATA

with_kubeflow.flight_delay(**given, store=str(state / "store"), data=str(DATA))

# %%
from flightdelay.pipelines import in_plain_python
from flightdelay.result import RunResult

print("started:", started(log))
here = RunResult.of("2013-09", state / "store")
plain = in_plain_python.run(**given, store=state / "plain-store")
print("same as plain:", here.digest == plain.digest, "· decision:", here.decision["decision"])
companion.compare_bet(my_bet, here.digest == plain.digest)

# %% [markdown]
# The probabilities are the same, although there were six processes with files between them. (`with_kubeflow.run(...)`
# does what these cells did, in one call.)
#
# ### What a person can look at
#
# The artifacts of the run are still there, under `artifacts/`. Some kinds of artifact are made to be **looked at**, and
# KFP's web page draws them: `Metrics` (numbers by name), `ClassificationMetrics` (confusion matrix, ROC curve),
# `Markdown` and `HTML` (a text of yours). The component below judges the model that was just trained. It lies in the
# chapter's folder ([`judge.py`](../chapters/07-kubeflow-pipelines/judge.py)).

# %%
from chapter_07.judge import judge

print(inspect.getsource(judge.python_func))

# %% [markdown]
# It has three outputs, each of a kind that a page can draw. `dsl.importer` brings files into a pipeline that were made
# outside of it. A task with several outputs gives each by its name, `done.outputs["card"]`; a pipeline returns several
# as a `NamedTuple`.

# %%
from typing import NamedTuple

from kfp.dsl import ClassificationMetrics, Markdown, Metrics


class Judged(NamedTuple):
    numbers: Metrics
    table: ClassificationMetrics
    card: Markdown


# %%
@dsl.pipeline(name="judged")
def judged(month: str, features: str, challenger: str) -> Judged:
    table = dsl.importer(artifact_uri=features, artifact_class=Dataset)
    model = dsl.importer(artifact_uri=challenger, artifact_class=Model)
    done = judge(features=table.output, challenger=model.output, month=month)
    return Judged(done.outputs["numbers"], done.outputs["table"], done.outputs["card"])


# %%
# %%capture log
runs = (state / "artifacts").glob("flight-delay-*")
finished = max(runs, key=lambda folder: folder.stat().st_mtime)  # the folder of the run above
made = {
    "features": str(finished / "featurize" / "features"),
    "challenger": str(finished / "train" / "challenger"),
}
looked_at = judged(month="2013-09", **made).outputs

# %%
from pathlib import Path

print(*(f"{name:22} {value}" for name, value in sorted(looked_at["numbers"].metadata.items())), sep="\n")
rows = looked_at["table"].metadata["confusionMatrix"]["rows"]
print(*(f"was {name:18} {row['row']}" for name, row in zip(("on time", "late"), rows, strict=True)), sep="\n")
print(Path(looked_at["card"].path).read_text())

# %% [markdown]
# `Metrics` and `ClassificationMetrics` are written into the **metadata**, where a page can compare them over runs; a
# `Markdown` is a file. The columns of the matrix say what the rule of chapter 01 would have done: no offer, or an offer
# (from a probability of 20% on). Our flight was 147 minutes late, and this is what the model said about it two hours
# before departure.
#
# ## 2. A list for the desk
#
# The connections desk needs one more thing: a list of the flights that are probably late. This is the function in plain
# Python:


# %%
def probably_late(features, model, month, threshold):
    from flightdelay.steps.evaluate import month_rows, predict

    flights = month_rows(features, month)
    flights["probability"] = predict(model, flights)
    chosen = flights["probability"] >= threshold
    return flights.loc[chosen, ["carrier", "flight", "time_hour", "probability"]]


# %% [markdown]
# ## Exercise 7.4: Write the step
#
# Write a component for this list, in the book's image, that
#
# - takes the features and the challenger as artifacts, `month` and `threshold` as parameters;
# - gives a `Dataset`: a CSV file without an index.
#
# In `judge` you saw how a model is loaded from its file. The answer is the component itself. Give it a name of its own
# and end the cell with `answer = ` and that name: then the next exercise can take yours.
#
# The check runs your step as a cluster would: from its text in the compiled file, in an empty folder, with input files
# that lie elsewhere.


# %%
### BEGIN SOLUTION
@component
def answer(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.store import load_model

    table = month_rows(pd.read_parquet(features.path), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[table["probability"] >= threshold, columns].to_csv(flights.path, index=False)


### END SOLUTION

# %%
from companion import check

check.ex_7_4(answer)

# %% [markdown]
# **The next cell prints the book's component, and so the answer. Stop here until yours is right, then compare.**
#
# It is a file of its own, in this chapter's folder
# ([`flight_list.py`](../chapters/07-kubeflow-pipelines/flight_list.py)).

# %%
from chapter_07.flight_list import list_flights

print(inspect.getsource(list_flights.python_func))

# %% [markdown]
# ## Exercise 7.5: Wire it and find it
#
# The desk wants that list every month whose model was promoted, and in no other.
#
# Write a pipeline: the six steps of the book (`with_kubeflow.ingest` and so on, wired as in section 1) and then the
# list, by `list_flights` or by your own component. The list is made only if the output of `decide` is `"promote"`. The
# pipeline decides that, not the component.
#
# `decide` changes the store, so no cache may answer for it, as in the book's pipeline. (You can leave out volume and
# memory, which only a cluster uses.)
#
# The pipeline's inputs are `month`, `store`, `data`, `threshold` and, with 0 as default, `window` and
# `sample`. Then compile it (`ir = compiled(yours, state)`), `print` parts of it in cells of your own, and find the new
# step. (`dsl.If` moves it into a part of `components`; in `root` stands a task that holds this part, with the condition
# in its `triggerPolicy`.) The answer is a dict of three things: `"pipeline"`, the pipeline itself; `"executor"`, the
# label of the new step's executor; `"condition"`, the text of the condition.


# %%
### BEGIN SOLUTION
@dsl.pipeline(name="flight-delay-with-list")
def with_list(month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0):
    raw = with_kubeflow.ingest(month=month, window=window, sample=sample, data=data).output
    valid = with_kubeflow.validate(raw=raw, month=month, window=window).output
    features = with_kubeflow.featurize(valid=valid).output
    challenger = with_kubeflow.train(features=features, month=month).output
    made = {"features": features, "challenger": challenger}
    evaluation = with_kubeflow.evaluate(**made, month=month).output
    decision = with_kubeflow.decide(**made, evaluation=evaluation, store=store).set_caching_options(False)
    with dsl.If(decision.output == "promote"):
        list_flights(**made, month=month, threshold=threshold)


condition = "inputs.parameter_values['pipelinechannel--decide-Output'] == 'promote'"
answer = {"pipeline": with_list, "executor": "exec-list-flights", "condition": condition}
### END SOLUTION

# %%
check.ex_7_5(answer)

# %% [markdown]
# ## 3. Local and cluster: the same source
#
# | | here | with `local.DockerRunner` | on a cluster |
# |---|---|---|---|
# | how to run it | `local.init(...)`, then call the pipeline | the same | `compile`, then upload the file |
# | a step is | a process with this notebook's packages | a container of `image` | a container of `image`, in a Pod |
# | an artifact is | a file below `pipeline_root` | the same, mounted | an object in a bucket |
# | undeclared files | are found by accident | are not there | are not there |
# | memory, secrets, nodes | ignored | ignored | applied |
# | the cache | off, until you turn it on | the same | on, until you turn it off |
#
# (`DockerRunner` needs a Docker engine and the image of chapter 06 in it. Nothing was run with it for this chapter.)
#
# On the laptop (left column) you do not notice three mistakes: a file that is not declared, a package that the image
# lacks, a limit that is too small. You look for the first in the compiled file; chapters 06 and 08 are about the
# others.
#
# ## Optional: bring your own model
#
# `flightdelay.steps.train.train` takes an estimator as its third argument. A component is sent as text, so
# the estimator cannot come from a cell, and an estimator is no parameter. Write a component `train_mine` that
# makes it inside, like the one below, and put it in place of `with_kubeflow.train` in your pipeline.


# %%
@component
def train_mine(features: Input[Dataset], month: str, depth: int, challenger: Output[Model]) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.train import gradient_boosting, train
    from flightdelay.store import dump_model

    mine = gradient_boosting().set_params(histgradientboostingclassifier__max_depth=depth)  # yours here
    Path(challenger.path).write_bytes(dump_model(train(pd.read_parquet(features.path), month, mine)))


print("inputs: ", train_mine.component_spec.inputs.keys())
print("outputs:", train_mine.component_spec.outputs.keys())

# %% [markdown]
# ## Recap
#
# 1. You wrote a **step that takes artifacts and makes one**. It ran from its text alone, in an empty folder: what is
#    not declared is not carried.
# 2. You **wired** it into the book's pipeline, under a condition that the graph decides, and found it in the file.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# A compiled step says "this image, this command, this much memory". Chapter 08 gives such a step to Kubernetes as a
# Job, watches what happens to it, and lets it run out of memory. Chapter 11 runs this chapter's file on a cluster.
