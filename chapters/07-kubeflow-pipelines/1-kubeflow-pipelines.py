# %% [markdown]
# # 07 · Kubeflow Pipelines: the graph, and who runs it
#
# About 110 minutes · 1 GB of memory · no cluster
#
# On a cluster, Kubeflow Pipelines (KFP) runs each step of your pipeline in a container of its own, as you saw
# it in chapter 06. For most of what there is to learn you need no cluster: you write components, wire
# artifacts, compile, and read what would be sent. The same source runs here, on this laptop, and there. What
# differs is configuration.
#
# You will
#
# 1. find a step's **image, command, inputs and resources** in a compiled pipeline;
# 2. **branch and loop** on values that nobody knows before the pipeline runs;
# 3. say what the **cache** compares, and set retries, memory and secrets **per step**;
# 4. wire **parameters and artifacts**: add a step to the book's pipeline and find it in the compiled file.

# %%
import companion

state = companion.workspace("07-1")

# %% [markdown]
# ## 1. A function that is sent as text
#
# A **component** is a container with typed inputs and outputs. The most common kind is made from a Python
# function, by a decorator. Two settings of it the book always writes: the **image** in which the function will
# run, and that `kfp` is in that image already. (Without the second, every step begins with a `pip install`.)

# %%
from kfp import compiler, dsl, local

IMAGE = "pipelines-for-humans/python:0.1.0"
component = dsl.component(base_image=IMAGE, install_kfp_package=False)

# %% [markdown]
# Chapter 06 builds that image, and its real tags also name the content. Here nothing pulls it: the local runner only
# reads the name.
#
# Now a function, with the decorator above it. Its inputs and its output have types, and it imports what it needs
# inside.


# %%
@component
def late_share(month: str, airport: str) -> float:
    """Return the share of an airport's flights that arrived more than 15 minutes late."""
    from flightdelay.data import load

    print("counting the flights of", airport)
    flights = load("flights", [month], ["origin", "arr_delay"]).dropna()
    return round(float((flights.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


# %% [markdown]
# A **pipeline** is a function too. In the next but one cell it calls the component, for Newark, where our flight UA
# 1037 starts, and says "drawing". **Bet first.** That cell only *defines* the pipeline, nothing calls it. What does it
# print: both lines (that with "counting" and that with "drawing"), one of them, or none?

# %%
my_bet = None  # "both", "counting", "drawing" or "none"


# %%
# %%capture said
@dsl.pipeline(name="newark")
def newark(month: str) -> float:
    share = late_share(month=month, airport="EWR")
    print("drawing. month:", month, "· share:", share.output)
    return share.output


# %%
print(said.stdout)
words = [word for word in ("counting", "drawing") if word in said.stdout]
companion.compare_bet(my_bet, "both" if len(words) == 2 else "".join(words) or "none")

# %% [markdown]
# (`%%capture said` keeps what a cell prints, so that the next one can look at it.)
#
# "drawing", once, although you called nothing: `@dsl.pipeline` calls the function at once, to see what it
# draws. `month` and `share.output` are no values: they are **placeholders** for what somebody will know
# later, on another machine. And "counting" is missing. The pipeline function does not run your code; it draws
# the graph. Whatever Python decides in it (an `if`, a clock, a random number) is decided now, once, for all
# runs to come.
#
# Now let it run. `local.init` says who: `SubprocessRunner` starts a process of its own for each step, on this
# machine, as a cluster starts a container. `use_venv=False` means "with the packages that are here" (the
# runner's default builds an environment for each step). KFP talks a lot, so `%%capture` keeps its log. (It
# keeps an error too: if a cell after such a run misses a name, `print(log.stdout)` says why.)

# %%
import re

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"))


def started(log):
    """Return the tasks that were started, in order."""
    return re.findall(r"Executing task \S*?'([\w-]+)'", log.stdout)


# %%
# %%capture log
ran = newark(month="2013-09")

# %%
print("tasks:", started(log), "· result:", ran.output)
print("said in its process:", [line.strip() for line in log.stdout.splitlines() if "counting" in line])

# %% [markdown]
# In September, 12.4% of Newark's flights were late, ours among them. A component that is called **in a
# pipeline** becomes a **task**: it is drawn first, and works when a runner runs the drawing.
#
# What went to that process? **Compile** the pipeline and look. The file is the IR, the intermediate
# representation: all that a cluster ever gets from you. (Section 3 explains the way to a container in it.)

# %%
import yaml


def compiled(pipeline):
    """Compile a pipeline and return what the file says, as a dict."""
    path = state / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return next(yaml.safe_load_all(path.read_text()))


container = compiled(newark)["deploymentSpec"]["executors"]["exec-late-share"]["container"]
print("image: ", container["image"])
print("args:  ", *container["args"])
print("command:", *container["command"][:2], "…")
print(re.sub(r" {2,}", " ", container["command"][2]))
print(container["command"][3])

# %% [markdown]
# There is nothing else. The container is `image`, and its command is a small shell script. It writes the last
# string, **the text of your function**, into a file, and calls it with the inputs. The text was taken from
# the cell with `inspect.getsource`; the four import lines above it were added.
#
# ### It breaks: a constant moves out
#
# A colleague takes the 15 minutes out of the function, as one should. The next cell compiles the new pipeline, the one
# after it runs it. **Bet first:** how does each of the two end?

# %%
my_bet = None  # a pair, for the one that compiles and the one that runs: each "error" or "no error"

# %%
MINUTES = 15


@component
def late_share_2(month: str, airport: str) -> float:
    from flightdelay.data import load

    flights = load("flights", [month], ["origin", "arr_delay"]).dropna()
    return round(float((flights.query("origin == @airport")["arr_delay"] > MINUTES).mean()), 3)


@dsl.pipeline(name="newark-2")
def newark_2(month: str) -> float:
    return late_share_2(month=month, airport="EWR").output


text = compiled(newark_2)["deploymentSpec"]["executors"]["exec-late-share-2"]["container"]["command"][3]
print("compiled. In it, 'MINUTES':", text.count("MINUTES"), "· 'MINUTES = ':", text.count("MINUTES = "))

# %%
# %%capture log
symptom = ""
try:
    newark_2(month="2013-09")
except RuntimeError as error:
    symptom = re.sub(r"\x1b\[\d+m", "", str(error))  # without the colours

# %%
print("symptom: ", symptom)
print("evidence:", next(line.strip() for line in log.stdout.splitlines() if "Error:" in line))
compiled_now = "error" if "late_share_2" not in text else "no error"
companion.compare_bet(my_bet, (compiled_now, "error" if symptom else "no error"))

# %% [markdown]
# - **Symptom**: the pipeline failed, and says in which task. No more.
# - **Evidence**: that task's own log. On a cluster it is the log of its Pod.
# - **Cause**: the text uses a name that stands in another cell, so it was not sent. The compiler does not
#   execute the function and cannot know. *What compiles is a drawing; only a run shows that it works.*
# - **Fix**: make it an input, `minutes: int = 15`. (Code that several steps need belongs into the image, as a
#   package: that is why `flightdelay` is one.)
#
# ## 2. Parameter and artifact
#
# `month` is a **parameter**: a small value (text, number, bool, list, dict), written into the run's record.
# A table is too large for that. It is an **artifact**: a file in an object store, with a type, a name, an
# address (`uri`) and `metadata`. A component asks for it with `Input[Dataset]` and makes it with
# `Output[Dataset]`; KFP says at which `path` the file lies in this container, and carries it.

# %%
from kfp.dsl import Dataset, Input, Model, Output


@component
def load_month(month: str, flights: Output[Dataset]) -> None:
    from flightdelay.data import load

    table = load("flights", [month], ["origin", "carrier", "flight", "arr_delay"])
    table.to_parquet(flights.path)
    flights.metadata["rows"] = len(table)


@component
def share_of(flights: Input[Dataset], airport: str) -> float:
    import pandas as pd

    table = pd.read_parquet(flights.path).dropna()
    return round(float((table.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


# %% [markdown]
# ### The error that everyone meets
#
# Three wirings that look natural. Each hands over something of the wrong kind. Read the messages: which
# input, which kind came, which kind is wanted?


# %%
@component
def show(text: str) -> None:
    print(text)


@component
def judge_model(model: Input[Model]) -> None:
    print(model.path)


def path_as_artifact():
    share_of(flights="data/flights/2013-09.parquet", airport="EWR")


def artifact_as_parameter(month: str):
    show(text=load_month(month=month).output)


def dataset_as_model(month: str):
    judge_model(model=load_month(month=month).output)


for wiring in (path_as_artifact, artifact_as_parameter, dataset_as_model):
    try:
        dsl.pipeline(name="wrong")(wiring)
    except Exception as error:
        print(f"{wiring.__name__}: {type(error).__name__}\n  {error}\n")

# %% [markdown]
# `STRING` is a parameter, `system.Dataset` an artifact: one cannot stand for the other, and one kind of
# artifact not for another. (Older versions of KFP raise this as a `TypeError`, and so does the internet.) A
# path is a string. It means something on this disk and nothing in the next container, and that is why KFP
# refuses it where a file is wanted. The right wiring hands over the **output**:


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
# A way around all this: one task leaves a file in a folder, the next one looks for it there. **Bet first:** does
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


@dsl.pipeline(name="under-the-table")
def under_the_table(month: str, folder: str) -> str:
    left = leave(month=month, folder=folder)
    return find(folder=folder).after(left).output


# %%
# %%capture log
ran = under_the_table(month="2013-09", folder=str(state))

# %%
print("it found:", ran.output)
task = compiled(under_the_table)["root"]["dag"]["tasks"]["find"]
print(yaml.safe_dump(task))
carried = "taskOutput" in str(task["inputs"])  # does anything come from another task?
companion.compare_bet(my_bet, ("runs" if ran.output else "fails", "runs" if carried else "fails"))

# %% [markdown]
# It runs here, since two processes of one machine share a disk. Two containers do not (chapter 06): there,
# `find` fails with `FileNotFoundError`. (No cluster ran it for this text.) The evidence is in the file above:
# `find` waits for `leave` (`dependentTasks`) but **gets nothing from it**: its only input is the pipeline's
# own `folder`. An order is not a wire. This local runner cannot show you the mistake; the compiled file can. (Where
# Docker runs, `local.init(local.DockerRunner(), …)` can show it too: it starts each task in a container of its image,
# and mounts nothing but the `pipeline_root`.)
#
# ## 3. Read the compiled pipeline as prose
#
# Now the book's own. All that chapter 02 wired is in this file, with nothing added but KFP's words. Two parts
# of it:

# %%
import inspect

from flightdelay.pipelines import with_kubeflow

print(inspect.getsource(with_kubeflow.train.python_func))
print(inspect.getsource(with_kubeflow.flight_delay.pipeline_func))

# %% [markdown]
# Each step reads its inputs from files, calls the step that you know, and writes its outputs to files. (Two of
# the pipeline's parameters are paths, `data` and `store`. They are no outputs of a task: somebody has to provide
# these folders to the containers that read them. Their defaults are a cluster's: the data lies in the image, and
# the last lines give `decide` a volume for the store. These lines are settings for a cluster; section 5 is about
# them, and chapter 11 makes the volume. Here you name folders of your own.)
#
# As a picture, with one flight in every file:

# %%
from IPython.display import SVG

from companion.workspace import repository

pictures = repository() / "chapters" / "07-kubeflow-pipelines"
SVG(filename=str(pictures / "artifacts.svg"))

# %% [markdown]
# No arrow goes from box to box: what one step makes and another needs goes down into the store and up again.
#
# The compiled file has about 480 lines and four parts, and a second, short document that section 5 explains. Read
# it along one step, `train`, in three hops. **Hop 1**: the task, in `root`.

# %%
ir = compiled(with_kubeflow.flight_delay)
print("parts:", [part for part in ir if isinstance(ir[part], dict)], "\n")
task = ir["root"]["dag"]["tasks"]["train"]
print(yaml.safe_dump(task))

# %% [markdown]
# As prose: *the task `train` may be answered from the cache; it does what the component `comp-train` says; it
# waits for `featurize`; its artifact `features` is the output `features` of the task `featurize`; its
# parameter `month` is the pipeline's own input `month`.*
#
# **Hop 2**: the component is a signature, with an `executorLabel`. **Hop 3**: the executor under that label
# is the container.

# %%
comp = ir["components"][task["componentRef"]["name"]]
print(yaml.safe_dump(comp))
container = ir["deploymentSpec"]["executors"][comp["executorLabel"]]["container"]
print({part: type(value).__name__ for part, value in container.items()})
print(container["image"])

# %% [markdown]
# *The component takes a Dataset and a text, gives a Model, and is carried out by `exec-train`: a container of
# this image, with this command.* The three hops once more:

# %%
SVG(filename=str(pictures / "three-hops.svg"))

# %% [markdown]
# Follow the two references, `componentRef` and `executorLabel`, and do not
# guess the names. In a pipeline inside a pipeline KFP numbers them: there a task `train` may be carried out by
# `exec-train-2`.
#
# **The YAML is what runs.** Your Python has done its work. To see it, change the compiled file of section 1
# and run the **file**. The 15 minutes stand in the text of the function:

# %%
# %%capture log
from kfp import components

text = (state / "newark.yaml").read_text()
hour = components.load_component_from_text(text.replace("> 15", "> 60"))
ran = hour(month="2013-09")

# %%
print("more than an hour late:", ran.output)

# %% [markdown]
# Nobody called your Python. What a cluster runs is the file that was uploaded, not the code in git: keep
# the two together (chapter 12).
#
# ## Exercise 7.1: Find a step
#
# Write a function that looks a task up in any compiled pipeline (`ir` is the dict, as above) and returns a
# dict of four things:
#
# - `"image"`: the image of its container;
# - `"function"`: the name of the function that is executed (it stands in the container's `args`);
# - `"artifacts"`: for each artifact that it takes, the name of the task that makes it, such as
#   `{"features": "featurize"}`; empty where it takes none;
# - `"memory"`: its memory limit as it was written, such as `"2Gi"`, or None. It stands in the container, in
#   `resources`, as `resourceMemoryLimit`; a container without limits has no `resources`.
#
# The task is one of `root`. Write the body and return the dict.


# %%
def answer(ir: dict, task: str) -> dict:
    """Return image, function, artifacts and memory of a task."""
    ### BEGIN SOLUTION
    drawn = ir["root"]["dag"]["tasks"][task]
    label = ir["components"][drawn["componentRef"]["name"]]["executorLabel"]
    container = ir["deploymentSpec"]["executors"][label]["container"]
    taken = drawn.get("inputs", {}).get("artifacts", {})
    return {
        "image": container["image"],
        "function": container["args"][container["args"].index("--function_to_execute") + 1],
        "artifacts": {name: source["taskOutputArtifact"]["producerTask"] for name, source in taken.items()},
        "memory": container.get("resources", {}).get("resourceMemoryLimit"),
    }
    ### END SOLUTION


# %%
from companion import check

check.ex_7_1(answer)

# %% [markdown]
# ## 4. Branch and loop in the graph
#
# "If more than 13% are late, warn; else say so." In Python that is an `if`. **Bet first:** Newark had 12.4%.
# Does this pipeline draw calm, warn or both, or does it end in an error?

# %%
my_bet = None  # "an error", "both", "calm" or "warn"

# %%


@component
def warn(share: float) -> str:
    return f"WARN: {share:.1%} late"


@component
def calm(share: float) -> str:
    return f"calm: {share:.1%} late"


@dsl.pipeline(name="python-if")
def python_if(month: str):
    share = late_share(month=month, airport="EWR")
    if share.output > 0.13:
        warn(share=share.output)
    else:
        calm(share=share.output)


drawn = list(compiled(python_if)["root"]["dag"]["tasks"])
print("drawn:", drawn)
companion.compare_bet(my_bet, "both" if {"warn", "calm"} <= set(drawn) else drawn[-1])

# %% [markdown]
# It compiles without a word, and warns in every month. `share.output > 0.13` is not a comparison: it gives an
# object that *describes* one, and to Python any object counts as true. `calm` was never drawn. Other things
# that need the value at least say so:


# %%
def python_for(months: list):
    for month in months:
        late_share(month=month, airport="EWR")


def python_sum(month: str):
    warn(share=late_share(month=month, airport="EWR").output + 0.01)


def python_round(month: str):
    warn(share=round(late_share(month=month, airport="EWR").output, 2))


for wiring in (python_for, python_sum, python_round):
    try:
        dsl.pipeline(name="wrong")(wiring)
    except Exception as error:
        print(f"{wiring.__name__}: {type(error).__name__}\n  {error}\n")

# %% [markdown]
# `PipelineParameterChannel` in a message always means: Python was asked for a value that is not there yet.
# Arithmetic belongs into a component. A branch and a loop belong into the graph: `dsl.If`, `dsl.Else`, and
# `dsl.ParallelFor`. Only one branch will run; `dsl.OneOf` is the output of whichever it is.


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
branches = compiled(dsl_if)["components"]["comp-condition-branches-1"]["dag"]["tasks"]
for name, task in branches.items():
    print(name, "if", task["triggerPolicy"]["condition"])

# %% [markdown]
# Both branches are drawn, each with its **condition as text**, for whoever runs the graph to decide.
#
# The same for three airports. `dsl.ParallelFor` draws its body once and lets it run for each item;
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
# One `share_of` in the drawing, three in the run. (The cell puts `print` back: the local runner replaces it
# to indent each task's log, and two tasks at once may leave it replaced. Your prints would be indented from
# then on. On a cluster nothing of the kind happens.)
#
# The three shares hardly differ: 12.4%, 13.6%, 13.7%. Without `Collected` the graph would not be one:


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


for wiring in (without_collected, branch_from_outside):
    try:
        dsl.pipeline(name="wrong")(wiring)
    except Exception as error:
        print(f"{wiring.__name__}: {type(error).__name__}\n  {error}\n")

# %% [markdown]
# Which of the rounds should `warn` get? And what should `show` show when nobody warned? A graph has to be
# right for every run.
#
# ## Exercise 7.2: Warn about the worst airport
#
# Write the body of a pipeline. For each of `airports` it counts the share with `late_share`; `highest` takes
# all the shares; if the highest is above `limit`, it goes to `warn`, else to `calm`; the pipeline returns
# what the one that ran said. (The check makes a pipeline of your function and runs it three times.)


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
check.ex_7_2(answer)

# %% [markdown]
# ## 5. What the cluster has to know: cache, retry, memory, secret
#
# ### The cache
#
# KFP skips a task whose **key** it has seen, and hands over the old outputs. By default it does so for every
# task. Here the local runner does it too, when told to. A component reads a file whose *path* it was given.
# **Bet first:** which of these four runs start the task, and which are answered from the cache?
#
# 1. the first one;
# 2. the same again;
# 3. the file got one more line;
# 4. the image's name has a new tag, all else as in 3.

# %%
my_bet = None  # a list of four, each "cache" or "runs"

# %%


@component
def count_lines(path: str) -> int:
    from pathlib import Path

    return len(Path(path).read_text().splitlines())


@dsl.pipeline(name="lines")
def lines(path: str) -> int:
    return count_lines(path=path).output


compiled(lines)  # writes lines.yaml
new_tag = components.load_component_from_text((state / "lines.yaml").read_text().replace(":0.1.0", ":0.1.1"))
file = state / "notes.txt"

# %%
# %%capture log
import shutil

shutil.rmtree(state / "cache", ignore_errors=True)  # what a run of this cell before left there
cached = {"enable_caching": True, "cache_root": str(state / "cache")}
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"), **cached)
two, three, results = "UA 1037\nEWR\n", "UA 1037\nEWR\nLAX\n", []
for pipeline, text in ((lines, two), (lines, two), (lines, three), (new_tag, three)):
    file.write_text(text)
    print("NEXT RUN")
    results.append(pipeline(path=str(file)).output)

# %%
came_from = ["runs" if "Executing task" in part else "cache" for part in log.stdout.split("NEXT RUN")[1:]]
print("lines:", results, "· came from:", came_from)
companion.compare_bet(my_bet, came_from)

# %% [markdown]
# Two of four ran: the first and the last. The third answer is **stale**: the file has three lines, and the cache
# says two, without an error. It compares what stands in the key:
#
# | in the key | so it notices | and misses |
# |---|---|---|
# | the image's **name** | a new tag | the same tag with other bytes in it |
# | the function's text | every change in it, even of a comment | a change in a package of the image |
# | the values of parameters | another month, another path | other bytes under the same path |
# | which artifacts come in, by their number in KFP's records | that the step before ran again | – |
# | environment variables, names of volumes | another value, another volume | other files on the volume |
#
# (This is what the source of KFP's backend puts into its key. The local runner takes an artifact's name, address and
# metadata in place of the number. With both, a step that runs again makes all below it run again, even where it gave
# the same bytes.) Hence two rules. **Never use a tag twice**: a rebuilt `:0.1.0` gives yesterday's results. And a step
# that reads the world or **changes** it, such as `decide` with its store, has to run every time:
# `task.set_caching_options(False)`.
#
# ### Retry, and the one who is told
#
# `set_retry` starts a failed task again; `dsl.ExitHandler` runs one last task however the others ended.
# January 2014 is not in the data, so `load_month` will fail. The pipeline below gives it two retries. **Bet first:**
# how often is it started, and is anybody told?

# %%
my_bet = None  # a pair: a whole number, and "nobody" or "the desk"

# %%


@component
def tell_the_desk(month: str, status: dsl.PipelineTaskFinalStatus) -> None:
    print(f"TO THE DESK: {month} ended as {status.state}")


@dsl.pipeline(name="guarded")
def guarded(month: str):
    with dsl.ExitHandler(tell_the_desk(month=month)):
        loaded = load_month(month=month).set_retry(2, backoff_duration="0s")
        share_of(flights=loaded.output, airport="EWR")


# %%
# %%capture log
import contextlib

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"))
with contextlib.suppress(RuntimeError):
    guarded(month="2014-01")

# %%
said = [line.strip() for line in log.stdout.splitlines()]
print("started:", started(log))
print(*dict.fromkeys(line for line in said if "Error:" in line or "DESK" in line), sep="\n")
told = "the desk" if any("DESK" in line for line in said) else "nobody"
companion.compare_bet(my_bet, (started(log).count("load-month"), told))

# %% [markdown]
# Three times the same sentence: the first try and two retries. The local runner cannot tell a cause that passes
# from one that stays; Airflow can be told to give up at once (chapter 04), and a cluster may not try again at all
# (chapter 11). `share_of` never started, and the
# desk was told. The exit task gets the `status` by its type, and nobody passes it in.
#
# ### Memory, secrets, nodes
#
# A task's resources are set on the **task**, not on the component, and stand in the IR. What only Kubernetes
# knows (secrets, nodes, when to pull an image) comes from a second package, `kfp-kubernetes`:

# %%
from kfp import kubernetes


@dsl.pipeline(name="settings")
def with_settings(month: str):
    task = late_share(month=month, airport="EWR")
    task.set_memory_request("256Mi").set_memory_limit("1Gi").set_cpu_limit("1")
    kubernetes.use_secret_as_env(task, secret_name="warehouse", secret_key_to_env={"password": "DB_PASSWORD"})
    kubernetes.add_node_selector(task, "disk", "ssd")
    kubernetes.set_image_pull_policy(task, "IfNotPresent")


compiled(with_settings)
first, second = yaml.safe_load_all((state / "settings.yaml").read_text())
print(yaml.safe_dump(first["deploymentSpec"]["executors"]["exec-late-share"]["container"]["resources"]))
print(yaml.safe_dump(second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]))

# %% [markdown]
# The file now has **two documents**, with `---` between them: the pipeline, and what the platform has to
# know, found by the same executor label. The secret's **name** is in it, never its value: the file can go
# into git. (Of each resource you see it twice: as it was written, which counts, and as a plain number, for
# older versions. The local runner ignores all of this, memory and CPU with a warning, the rest in silence.)
#
# ## Exercise 7.3: Settings for three tasks
#
# The check draws the book's pipeline and hands your function three of its tasks, `ingest`, `train` and
# `decide`. Nothing is to be returned; set on them:
#
# - `ingest`: three retries, the first after 30 seconds and each pause twice as long as the one before
#   (`backoff_duration`, `backoff_factor`); the key `token` of the secret `weather` as the environment variable
#   `WEATHER_TOKEN`;
# - `train`: at least 512Mi of memory, at most 2Gi;
# - `decide`: never answered from the cache.


# %%
def answer(ingest, train, decide) -> None:
    """Set what the cluster has to know about each task."""
    ### BEGIN SOLUTION
    ingest.set_retry(3, backoff_duration="30s", backoff_factor=2)
    kubernetes.use_secret_as_env(ingest, secret_name="weather", secret_key_to_env={"token": "WEATHER_TOKEN"})
    train.set_memory_request("512Mi").set_memory_limit("2Gi")
    decide.set_caching_options(False)
    ### END SOLUTION


# %%
check.ex_7_3(answer)

# %% [markdown]
# ## 6. The real one
#
# Now let the book's pipeline run, and plain Python beside it. Six tasks, each in its own process, each with
# files for inputs. **Bet first:** do both give the same digest, that is, the same probabilities?

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
# The same probabilities, through six processes and files between them. (`with_kubeflow.run(...)` does what
# these two cells did, in one call.)
#
# ### What a person can look at
#
# Its artifacts are still there, under `artifacts/`. Some kinds of artifact are made to be **looked at**, and
# KFP's web page draws them: `Metrics` (numbers by name), `ClassificationMetrics` (confusion matrix, ROC
# curve), `Markdown` and `HTML` (a text of yours). The component below judges the model that was just trained.
# `dsl.importer` brings files into a pipeline that no task of it made. A task with several outputs gives each
# by its name, `done.outputs["card"]`; a pipeline returns several as a `NamedTuple`.

# %%
from typing import NamedTuple

from kfp.dsl import ClassificationMetrics, Markdown, Metrics


@component
def judge(
    features: Input[Dataset],
    challenger: Input[Model],
    month: str,
    numbers: Output[Metrics],
    table: Output[ClassificationMetrics],
    card: Output[Markdown],
) -> None:
    from pathlib import Path

    import pandas as pd
    from sklearn.metrics import confusion_matrix

    from flightdelay.steps.evaluate import OFFER_FROM, measure, month_rows, predict
    from flightdelay.store import load_model

    flights = month_rows(pd.read_parquet(features.path), month)
    flights["p"] = predict(load_model(Path(challenger.path).read_bytes()), flights)
    for name, value in measure(flights["late"], flights["p"].to_numpy()).items():
        numbers.log_metric(name, round(value, 3))
    counted = confusion_matrix(flights["late"], flights["p"] >= OFFER_FROM)
    table.log_confusion_matrix(["on time", "late"], counted.tolist())
    ours = flights[(flights["carrier"] == "UA") & (flights["flight"] == 1037)]
    [p] = ours.loc[ours["time_hour"] == "2013-09-12 23:00Z", "p"]
    Path(card.path).write_text(f"UA 1037, 12 September: **{p:.0%}** to be late")


class Judged(NamedTuple):
    numbers: Metrics
    table: ClassificationMetrics
    card: Markdown


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
# `Metrics` and `ClassificationMetrics` are written into the **metadata**, where a page can compare them over
# runs; a `Markdown` is a file. A column of the matrix is what the rule of chapter 01 would have done: no
# offer, an offer (from a probability of 20% on). Our flight was 147 minutes late, and this is what the model
# said about it two hours before departure.
#
# One thing is missing for the connections desk: a list of the flights that are probably late. In plain Python
# it is this:


# %%
def probably_late(features, model, month, threshold):
    from flightdelay.steps.evaluate import month_rows, predict

    flights = month_rows(features, month)
    flights["probability"] = predict(model, flights)
    chosen = flights["probability"] >= threshold
    return flights.loc[chosen, ["carrier", "flight", "time_hour", "probability"]]


# %% [markdown]
# ## Exercise 7.4: Add a step and find it
#
# The desk wants that list every month whose model was promoted, and in no other.
#
# Write a component for it, and a pipeline: the six steps of the book (`with_kubeflow.ingest` and so on, wired
# as in section 3) and then yours, which
#
# - takes the features and the challenger as artifacts, `month` and `threshold` as parameters;
# - gives a `Dataset`: a CSV file without an index;
# - runs only if the output of `decide` is `"promote"`. The pipeline decides that, not your component.
#
# `decide` changes the store, so no cache may answer for it, as in the book's pipeline.
#
# The pipeline's inputs are `month`, `store`, `data`, `threshold` and, with 0 as default, `window` and
# `sample`. Then compile it, `print` parts of it in cells of your own, and find your step. (`dsl.If` moves it
# into a part of `components`; in `root` stands a task that holds this part, with the condition in its
# `triggerPolicy`.) The answer is a dict of three things: `"pipeline"`, the pipeline itself; `"executor"`, the
# label of your step's executor; `"condition"`, the text of the condition.
#
# The check runs your step as a cluster would: from the text in the file, in an empty folder, with files that
# lie elsewhere.


# %%
### BEGIN SOLUTION
@component
def list_flights(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.store import load_model

    table = month_rows(pd.read_parquet(features.path), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    chosen = table["probability"] >= threshold
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[chosen, columns].to_csv(flights.path, index=False)


@dsl.pipeline(name="flight-delay-with-list")
def with_list(month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0):
    book = with_kubeflow
    raw = book.ingest(month=month, window=window, sample=sample, data=data)
    valid = book.validate(raw=raw.output, month=month, window=window)
    features = book.featurize(valid=valid.output).output
    challenger = book.train(features=features, month=month).output
    evaluation = book.evaluate(features=features, challenger=challenger, month=month)
    decision = book.decide(
        features=features, challenger=challenger, evaluation=evaluation.output, store=store
    ).set_caching_options(False)
    with dsl.If(decision.output == "promote"):
        list_flights(features=features, challenger=challenger, month=month, threshold=threshold)


answer = {
    "pipeline": with_list,
    "executor": "exec-list-flights",
    "condition": "inputs.parameter_values['pipelinechannel--decide-Output'] == 'promote'",
}
### END SOLUTION

# %%
check.ex_7_4(answer)

# %% [markdown]
# ## 7. Local and cluster: the same source
#
# | | here | with `local.DockerRunner` | on a cluster |
# |---|---|---|---|
# | who runs it | `local.init(...)`, then call the pipeline | the same | `compile`, then upload the file |
# | a step is | a process with this notebook's packages | a container of `image` | a container of `image`, in a Pod |
# | an artifact is | a file below `pipeline_root` | the same, mounted | an object in a bucket |
# | undeclared files | are found by accident | are not there | are not there |
# | memory, secrets, nodes | ignored | ignored | applied |
# | the cache | off, until you turn it on | the same | on, until you turn it off |
#
# (`DockerRunner` needs a Docker engine and the image of chapter 06 in it. Nothing was run with it for this chapter.)
#
# The left column cannot show three mistakes: a file under the table, a package that the image lacks, a limit
# that is too small. You look for the first in the compiled file; chapters 06 and 08 are about the others.
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
# 1. You read a compiled pipeline along a step: task, component, executor, **image and command**. The function
#    stands there as text, and the file is what runs.
# 2. You let the **graph** branch and loop: `dsl.If`, `OneOf`, `ParallelFor`, `Collected`. Python's `if` was
#    decided once, when the graph was drawn.
# 3. You know what the **cache** compares (the image's name, the text, the parameters, which artifacts come in),
#    and you set retries, memory and a secret for each task.
# 4. You wired a step with **artifacts** into the book's pipeline, and found it in the file. What is not
#    declared is not carried.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# A compiled step says "this image, this command, this much memory". Chapter 08 gives such a thing to
# Kubernetes as a Job, looks at what becomes of it, and lets it run out of memory. Chapter 11 runs this
# chapter's file on a cluster.
