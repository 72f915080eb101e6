# %% [markdown]
# # 07.1 · Kubeflow Pipelines: from a function to a file
#
# About 35 minutes · 1 GB of memory · no cluster
#
# On a cluster, Kubeflow Pipelines (KFP) runs each step of your pipeline in a container of its own, as you saw it in
# chapter 06. You can learn most of it without a cluster: you write components, connect ("wire") artifacts, compile, and
# read the file that would be sent. The same source runs on this laptop and on a cluster; only the configuration
# differs. This first notebook follows a function of yours into the file that a cluster gets.
#
# You will
#
# 1. find a step's **image, function, inputs and resources** in a compiled pipeline.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The last cell below the bet compares.

# %%
import companion

state = companion.workspace("07-1")

# %% [markdown]
# ## 1. A function that is sent as text
#
# A **component** is a container with typed inputs and outputs. The most common kind is made from a Python function, by
# a decorator. The book always sets two things: the **image** in which the function will run, and that `kfp` is in that
# image already. (Without the second, every step begins with a `pip install`.)

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
# A **pipeline** is a function too. The one in the cell below the bet calls the component, for Newark, where our flight
# UA 1037 starts, and prints "drawing". **Bet first.** That cell only *defines* the pipeline; no line of it calls the
# pipeline. What does it print: both lines (that with "counting" and that with "drawing"), one of them, or none?

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
# It printed "drawing", once, although you called nothing: `@dsl.pipeline` calls the function at once, to see what it
# draws. `month` and `share.output` are **placeholders**: their values are known only later, on another machine. And
# "counting" is missing, because the pipeline function does not run your code; it draws the graph. Whatever Python
# decides in it (an `if`, a clock, a random number) is decided now, once, for all later runs.
#
# Now let it run. `local.init` says by which runner: `SubprocessRunner` starts a process of its own for each step, on
# this machine, as a cluster starts a container. `use_venv=False` means "with the packages that are here" (the runner's
# default builds an environment for each step). KFP prints a lot, so `%%capture` hides it and keeps it as a log. (It
# hides an error too: if a cell after such a run does not know a name, `print(log.stdout)` says why.)

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
# In September, 12.4% of Newark's flights were late, ours among them. A component that is called **in a pipeline**
# becomes a **task**: it is drawn first, and does its work when a runner runs the graph.
#
# To see what went to that process, **compile** the pipeline. The file is the IR, the intermediate representation; a
# cluster gets nothing else from you. (Section 2 explains how to find a container in it.)

# %%
import yaml


def compiled(pipeline, folder):
    """Compile a pipeline into a folder and return what the file says, as a dict."""
    path = folder / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return next(yaml.safe_load_all(path.read_text()))


# %%
container = compiled(newark, state)["deploymentSpec"]["executors"]["exec-late-share"]["container"]
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
# ### A constant moves out
#
# A colleague makes the 15 minutes a constant outside of the function, as good style asks for. The cell after the bet
# writes this down, the one after that draws and compiles a pipeline with it, and the third one runs it. **Bet first:**
# what happens when it is compiled, and what when it runs?

# %%
my_bet = None  # a pair, for the compiling and the running: each "error" or "no error"

# %%
MINUTES = 15


@component
def late_share_2(month: str, airport: str) -> float:
    from flightdelay.data import load

    flights = load("flights", [month], ["origin", "arr_delay"]).dropna()
    return round(float((flights.query("origin == @airport")["arr_delay"] > MINUTES).mean()), 3)


# %%
@dsl.pipeline(name="newark-2")
def newark_2(month: str) -> float:
    return late_share_2(month=month, airport="EWR").output


text = compiled(newark_2, state)["deploymentSpec"]["executors"]["exec-late-share-2"]["container"]["command"][
    3
]
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
# - **Symptom**: the pipeline failed, and says only in which task.
# - **Evidence**: that task's own log. On a cluster it is the log of its Pod.
# - **Cause**: the text uses a name from another cell, and that cell was not sent. The compiler does not execute the
#   function, so it cannot know. *Only a run shows whether the code works.*
# - **Fix**: make it an input, `minutes: int = 15`. (Code that several steps need belongs into the image, as a
#   package: that is why `flightdelay` is one.)
#
# ## 2. Read the compiled pipeline
#
# Now look at the book's own pipeline. Its file has the wiring of chapter 02, in KFP's words. These are two parts of it:

# %%
import inspect

from flightdelay.pipelines import with_kubeflow

print(inspect.getsource(with_kubeflow.train.python_func))
print(inspect.getsource(with_kubeflow.flight_delay.pipeline_func))

# %% [markdown]
# Each step reads its inputs from files, calls the step that you know, and writes its outputs to files. `month: str` is
# a **parameter**, a small value. `features: Input[Dataset]` is an **artifact**, a file: chapter 06 had you carry those.
# The second notebook builds with both.
#
# (Two of the pipeline's parameters are paths, `data` and `store`. No task makes them: these folders have to be provided
# to the containers that read them. Their defaults are those for a cluster: the data lies in the image, and the last
# lines give `decide` a volume for the store. These lines are settings for a cluster; the third notebook is about them,
# and chapter 11 makes the volume.)
#
# The compiled file has about 480 lines and four parts, and a second, short document with settings that only a cluster
# uses. Follow one step, `train`, through the file, in three hops. **Hop 1**: the task, in `root`.

# %%
ir = compiled(with_kubeflow.flight_delay, state)
print("parts:", [part for part in ir if isinstance(ir[part], dict)], "\n")
task = ir["root"]["dag"]["tasks"]["train"]
print(yaml.safe_dump(task))

# %% [markdown]
# In words: *the task `train` may be answered from the cache; it does what the component `comp-train` says; it waits for
# `featurize`; its artifact `features` is the output `features` of the task `featurize`; its parameter `month` is the
# pipeline's own input `month`.*
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
# *The component takes a Dataset and a text, gives a Model, and is carried out by `exec-train`: a container of this
# image, with this command.* This picture shows the three hops once more:

# %%
from IPython.display import SVG

from companion.workspace import repository

SVG(filename=str(repository() / "chapters" / "07-kubeflow-pipelines" / "three-hops.svg"))

# %% [markdown]
# Follow the two references, `componentRef` and `executorLabel`, and do not
# guess the names. In a pipeline inside a pipeline KFP numbers them: there a task `train` may be carried out by
# `exec-train-2`.
#
# **A cluster runs the YAML, and no longer your Python.** To see this, change the compiled file of section 1 and run the
# **file**. The 15 minutes stand in the text of the function:

# %%
# %%capture log
from kfp import components

text = (state / "newark.yaml").read_text()
hour = components.load_component_from_text(text.replace("> 15", "> 60"))
ran = hour(month="2013-09")

# %%
print("more than an hour late:", ran.output)

# %% [markdown]
# Nothing called your Python function. A cluster runs the file that was uploaded, not the code in git; so keep the two
# together (chapter 12).
#
# ## Exercise 7.1: Find a step
#
# Write a function that looks a task up in any compiled pipeline (`ir` is the dict, as above) and returns a
# dict of four things:
#
# - `"image"`: the image of its container;
# - `"function"`: the name of the function that is executed (it stands in the container's `args`);
# - `"artifacts"`: for each artifact that the task takes, the name of the task that makes it, such as `{"features":
#   "featurize"}`; empty if it takes none;
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
# ## Recap
#
# 1. You read a compiled pipeline along a step: task, component, executor. There stand its **image, function, inputs and
#    resources**, and a cluster runs this file.
#
# And you have seen what a component is: a function that is sent as text. The pipeline function is not sent. It draws
# the graph, once, on your machine.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# So far there was one task. [The second notebook](07-2-artifacts-and-branches.ipynb) connects several, and lets the
# graph branch and loop.
