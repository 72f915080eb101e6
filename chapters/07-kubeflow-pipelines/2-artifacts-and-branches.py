# %% [markdown]
# # 07.2 · Kubeflow Pipelines: artifacts, branches and loops
#
# About 40 minutes · 1 GB of memory · no cluster
#
# The first notebook followed one function into the compiled file. Here several functions are connected to a graph:
# files go from step to step, and the graph itself decides what runs, and how often.
#
# You will
#
# 1. **branch and loop** on values that nobody knows before the pipeline runs.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The last cell below the bet compares.

# %%
import companion

state = companion.workspace("07-2")

# %% [markdown]
# From the first notebook you need the decorator with the book's image, the component `late_share`, `compiled`, which
# compiles a pipeline and reads the file, and `started`, which finds in a log what was started. You saw them being
# built; they lie in the chapter's folder ([`built.py`](../chapters/07-kubeflow-pipelines/built.py)).

# %%
import yaml
from kfp import dsl, local

from chapter_07.built import compiled, component, late_share, started

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"))

# %% [markdown]
# ## 1. Parameter and artifact
#
# `month` is a **parameter**: a small value (text, number, bool, list, dict), written into the run's record.
# A table is too large for that. It is an **artifact**: a file in an object store, with a type, a name, an
# address (`uri`) and `metadata`. A component asks for it with `Input[Dataset]` and makes it with
# `Output[Dataset]`; KFP says at which `path` the file lies in this container, and carries it.

# %%
from kfp.dsl import Dataset, Input, Model, Output


@component
def load_month(month: str, flights: Output[Dataset]) -> None:
    """Make a file of the month's flights."""
    from flightdelay.data import load

    table = load("flights", [month], ["origin", "carrier", "flight", "arr_delay"])
    table.to_parquet(flights.path)
    flights.metadata["rows"] = len(table)


# %%
@component
def share_of(flights: Input[Dataset], airport: str) -> float:
    """Return the same share as `late_share`, from a file."""
    import pandas as pd

    table = pd.read_parquet(flights.path).dropna()
    return round(float((table.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


# %% [markdown]
# ### A common error
#
# The three wirings below look natural, but each hands over something of the wrong kind. First come two components, and
# a function that tries to draw a wiring and prints the error message:


# %%
@component
def show(text: str) -> None:
    print(text)


@component
def judge_model(model: Input[Model]) -> None:
    print(model.path)


# %%
def try_to_draw(*wirings):
    for wiring in wirings:
        try:
            dsl.pipeline(name="wrong")(wiring)
        except Exception as error:
            print(f"{wiring.__name__}: {type(error).__name__}\n  {error}\n")


# %% [markdown]
# Each message names the input, the kind that came and the kind that is wanted:


# %%
def path_as_artifact():
    share_of(flights="data/flights/2013-09.parquet", airport="EWR")


def artifact_as_parameter(month: str):
    show(text=load_month(month=month).output)


def dataset_as_model(month: str):
    judge_model(model=load_month(month=month).output)


try_to_draw(path_as_artifact, artifact_as_parameter, dataset_as_model)

# %% [markdown]
# `STRING` is a parameter, `system.Dataset` an artifact: one cannot stand for the other, and one kind of artifact not
# for another. (Older versions of KFP raise a `TypeError` here, and you find this name in old posts.) A path is a
# string. It means something on this disk and nothing in the next container, so KFP refuses it where a file is wanted.
# The right wiring hands over the **output**:


# %%
@dsl.pipeline(name="one-month")
def one_month(month: str) -> Dataset:
    loaded = load_month(month=month)
    share_of(flights=loaded.output, airport="EWR")
    return loaded.output


# %%
# %%capture log
ran = one_month(month="2013-09")

# %%
flights = ran.output
print(type(flights).__name__, flights.name, flights.metadata)
print(flights.uri.removeprefix(str(state)).split("/")[1], "/ … /", "/".join(flights.uri.split("/")[-2:]))

# %% [markdown]
# The file lies under the `pipeline_root` that you named, below a folder for the run, then task, then output.
# Here that is a folder; on a cluster it is a bucket. Your function saw only `flights.path`. (The metadata
# came back as `27574.0`: KFP keeps numbers as JSON does, so a whole number may arrive as a float.)
#
# ### The file that nobody declared
#
# You could avoid all this: one task leaves a file in a folder, and the next one looks for it there. **Bet first:** does
# this pipeline run here? Would it on a cluster?

# %%
my_bet = None  # a pair, for here and for a cluster: each "fails" or "runs"

# %%


@component
def leave(month: str, folder: str) -> None:
    from pathlib import Path

    Path(folder, "month.txt").write_text(month)


@component
def find(folder: str) -> str:
    from pathlib import Path

    return Path(folder, "month.txt").read_text()


# %%
@dsl.pipeline(name="under-the-table")
def under_the_table(month: str, folder: str) -> str:
    left = leave(month=month, folder=folder)
    return find(folder=folder).after(left).output


# %%
# %%capture log
ran = under_the_table(month="2013-09", folder=str(state))

# %%
print("it found:", ran.output)
task = compiled(under_the_table, state)["root"]["dag"]["tasks"]["find"]
print(yaml.safe_dump(task))
carried = "taskOutput" in str(task["inputs"])  # does anything come from another task?
companion.compare_bet(my_bet, ("runs" if ran.output else "fails", "runs" if carried else "fails"))

# %% [markdown]
# It runs here, since two processes of one machine share a disk. Two containers do not (chapter 06): there, `find` fails
# with `FileNotFoundError`. (No cluster ran it for this text.) The evidence is in the file above: `find` waits for
# `leave` (`dependentTasks`) but **gets nothing from it**: its only input is the pipeline's own `folder`. A task that
# only waits for another gets no file from it. This local runner cannot show you the mistake; the compiled file can.
# (Where Docker runs, `local.init(local.DockerRunner(), …)` can show it too: it starts each task in a container of its
# image, and mounts nothing but the `pipeline_root`.)
#
# ## 2. Branch and loop in the graph
#
# If more than 13% are late, the pipeline shall warn; otherwise it shall say that all is calm. In Python that is an
# `if`. **Bet first:** Newark had 12.4%. Does this pipeline draw calm, warn or both, or does it end in an error?

# %%
my_bet = None  # "an error", "both", "calm" or "warn"

# %%


@component
def warn(share: float) -> str:
    return f"WARN: {share:.1%} late"


@component
def calm(share: float) -> str:
    return f"calm: {share:.1%} late"


# %%
@dsl.pipeline(name="python-if")
def python_if(month: str):
    share = late_share(month=month, airport="EWR")
    if share.output > 0.13:
        warn(share=share.output)
    else:
        calm(share=share.output)


drawn = list(compiled(python_if, state)["root"]["dag"]["tasks"])
print("drawn:", drawn)
companion.compare_bet(my_bet, "both" if {"warn", "calm"} <= set(drawn) else drawn[-1])

# %% [markdown]
# It compiles without a message, and warns in every month. `share.output > 0.13` is not a comparison: it gives an object
# that *describes* one, and to Python any object counts as true. `calm` was never drawn. Other operations that need the
# value at least raise an error:


# %%
def python_for(months: list):
    for month in months:
        late_share(month=month, airport="EWR")


def python_sum(month: str):
    warn(share=late_share(month=month, airport="EWR").output + 0.01)


def python_round(month: str):
    warn(share=round(late_share(month=month, airport="EWR").output, 2))


try_to_draw(python_for, python_sum, python_round)

# %% [markdown]
# `PipelineParameterChannel` in a message always means: Python was asked for a value that does not exist yet. Put
# arithmetic into a component. Put a branch or a loop into the graph: `dsl.If`, `dsl.Else`, and `dsl.ParallelFor`. Only
# one branch will run; `dsl.OneOf` stands for the output of that one.


# %%
@dsl.pipeline(name="dsl-if")
def dsl_if(month: str, limit: float = 0.13) -> str:
    share = late_share(month=month, airport="EWR")
    with dsl.If(share.output > limit):
        warned = warn(share=share.output)
    with dsl.Else():
        calmed = calm(share=share.output)
    return dsl.OneOf(warned.output, calmed.output)


# %%
# %%capture log
september, december = dsl_if(month="2013-09"), dsl_if(month="2013-12")

# %%
print("September:", september.output, "· December:", december.output)
branches = compiled(dsl_if, state)["components"]["comp-condition-branches-1"]["dag"]["tasks"]
for name, task in branches.items():
    print(name, "if", task["triggerPolicy"]["condition"])

# %% [markdown]
# Both branches are drawn, each with its **condition as text**; the program that runs the graph decides between them.
#
# Now do the same for three airports. `dsl.ParallelFor` draws its body once and lets it run for each item;
# `dsl.Collected` gathers the outputs of all rounds into a list, in the order of the items.


# %%
@component
def worst_of(airports: list, shares: list) -> str:
    worst = max(range(len(shares)), key=lambda n: shares[n])
    return f"{airports[worst]} is the worst of {dict(zip(airports, shares, strict=True))}"


@dsl.pipeline(name="airports")
def three_airports(month: str) -> str:
    names = ["EWR", "JFK", "LGA"]
    loaded = load_month(month=month)
    with dsl.ParallelFor(names) as airport:
        share = share_of(flights=loaded.output, airport=airport)
    return worst_of(airports=names, shares=dsl.Collected(share.output)).output


# %%
# %%capture log
import builtins

plain_print = builtins.print
ran = three_airports(month="2013-09")
builtins.print = plain_print

# %%
print(ran.output)
print(started(log))

# %% [markdown]
# There is one `share_of` in the graph, and three in the run. (The cell restores `print`: the local runner replaces it
# to indent each task's log, and two tasks at once may leave it replaced. Your prints would be indented from then on. On
# a cluster this does not happen.)
#
# The three shares hardly differ: 12.4%, 13.6%, 13.7%. Without `Collected` KFP refuses to draw the graph:


# %%
def without_collected(month: str):
    loaded = load_month(month=month)
    with dsl.ParallelFor(["EWR", "JFK"]) as airport:
        share = share_of(flights=loaded.output, airport=airport)
    warn(share=share.output)


def branch_from_outside(month: str):
    share = late_share(month=month, airport="EWR")
    with dsl.If(share.output > 0.13):
        warned = warn(share=share.output)
    show(text=warned.output)


try_to_draw(without_collected, branch_from_outside)

# %% [markdown]
# It is not clear which of the rounds `warn` should get, nor what `show` should show when `warn` did not run. A graph
# has to be right for every run.
#
# ## Exercise 7.2: Warn about the worst airport
#
# Write the body of a pipeline. For each of `airports` it counts the share with `late_share`; `highest` takes all the
# shares; if the highest is above `limit`, it goes to `warn`, else to `calm`; the pipeline returns the output of the one
# that ran. (The check makes a pipeline of your function and runs it three times.)


# %%
@component
def highest(shares: list) -> float:
    return max(shares)


def answer(month: str, airports: list, limit: float) -> str:
    """Draw the pipeline, and return its output."""
    ### BEGIN SOLUTION
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    top = highest(shares=dsl.Collected(share.output))
    with dsl.If(top.output > limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)
    ### END SOLUTION


# %%
from companion import check

check.ex_7_2(answer)

# %% [markdown]
# ## Recap
#
# 1. You let the **graph** branch and loop: `dsl.If`, `OneOf`, `ParallelFor`, `Collected`. Python's `if` was
#    decided once, when the graph was drawn.
#
# And you have seen what goes from step to step: a parameter is a value, an artifact is a file. What is not declared
# is not carried.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# The graph says what runs. [The third notebook](07-3-cache-retries-memory.ipynb) is about how it runs: what need not
# run again, what is tried again, and what a step gets from the cluster.
