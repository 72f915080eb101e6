# %% [markdown]
# # 07.3 · Kubeflow Pipelines: cache, retries, memory, secrets
#
# About 25 minutes · 1 GB of memory · no cluster
#
# The program that runs your graph has to know more of each task than its inputs: whether an old result may be used,
# what to do when it fails, how much memory it may take. All of this stands in the compiled file. Some of it works on a
# laptop too; the rest you can only read in the file.
#
# You will
#
# 1. set **retries, memory, a secret and the cache** for one task, and for no other.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The last cell below the bet compares.

# %%
import companion

state = companion.workspace("07-3")

# %% [markdown]
# From the first two notebooks you need the decorator, the components `late_share`, `load_month` and `share_of`, and the
# functions `compiled` and `started`. You saw them being built; they lie in the chapter's folder
# ([`built.py`](../chapters/07-kubeflow-pipelines/built.py)).

# %%
import yaml
from kfp import dsl, local

from chapter_07.built import compiled, component, late_share, load_month, share_of, started

# %% [markdown]
# ## 1. The cache
#
# KFP skips a task whose **key** it has seen before, and hands over the old outputs. By default it does so for every
# task. The local runner does it too, if you ask for it. A component reads a file whose *path* it was given. **Bet
# first:** which of these four runs start the task, and which are answered from the cache?
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


# %%
from kfp import components

compiled(lines, state)  # writes lines.yaml
new_tag = components.load_component_from_text((state / "lines.yaml").read_text().replace(":0.1.0", ":0.1.1"))
two, three = "UA 1037\nEWR\n", "UA 1037\nEWR\nLAX\n"

# %%
# %%capture log
import shutil

shutil.rmtree(state / "cache", ignore_errors=True)  # what a run of this cell before left there
cached = {"enable_caching": True, "cache_root": str(state / "cache")}
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(state / "artifacts"), **cached)
file, results = state / "notes.txt", []
for pipeline, text in ((lines, two), (lines, two), (lines, three), (new_tag, three)):
    file.write_text(text)
    print("NEXT RUN")
    results.append(pipeline(path=str(file)).output)

# %%
came_from = ["runs" if "Executing task" in part else "cache" for part in log.stdout.split("NEXT RUN")[1:]]
print("lines:", results, "· came from:", came_from)
companion.compare_bet(my_bet, came_from)

# %% [markdown]
# Two of four ran: the first and the last. The third answer is **stale**: the file has three lines, and the cache says
# two, without an error. The cache compares only what stands in the key:
#
# | in the key | so it notices | and misses |
# |---|---|---|
# | the image's **name** | a new tag | the same tag with other bytes in it |
# | the function's text | every change in it, even of a comment | a change in a package of the image |
# | the values of parameters | another month, another path | other bytes under the same path |
# | which artifacts come in, by their number in KFP's records | that the step before ran again | – |
# | environment variables, names of volumes | another value, another volume | other files on the volume |
#
# (This is what KFP's backend puts into its key, by its source. The local runner takes an artifact's name, address and
# metadata in place of the number. With both, when a step runs again, all steps below it run again, even if it gave the
# same bytes.) Two rules follow. **Never use a tag twice**: a rebuilt `:0.1.0` gives yesterday's results. And a step
# that reads something that changes by itself, or that **changes something outside the run**, such as `decide` with its
# store, has to run every time: `task.set_caching_options(False)`.
#
# ## 2. Retries, and a last task
#
# With `set_retry` a failed task is started again. `dsl.ExitHandler` takes a task that stands outside the order of the
# others; the cell below the bet gives it one that would tell the people on duty. January 2014 is not in the data, so
# `load_month` will fail. The pipeline gives it two retries. **Bet first:** how often is `load_month` started, and is
# anybody told?

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
# The task failed three times with the same sentence: in the first try and in two retries. The local runner cannot tell
# a cause that passes from one that stays; Airflow can be told to give up at once (chapter 04), and a cluster may not
# try again at all (chapter 11). `share_of` never started, and the desk was told: the task of `dsl.ExitHandler` is the
# last one, however the others ended. KFP gives it the `status` because of the parameter's type; you do not pass it.
#
# ## 3. Memory, secrets, nodes
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


# %%
compiled(with_settings, state)
first, second = yaml.safe_load_all((state / "settings.yaml").read_text())
print(yaml.safe_dump(first["deploymentSpec"]["executors"]["exec-late-share"]["container"]["resources"]))
print(yaml.safe_dump(second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]))

# %% [markdown]
# The file now has **two documents**, with `---` between them: the pipeline, and what the platform has to know, found by
# the same executor label. The secret's **name** is in it, never its value: the file can go into git. (Each resource
# stands there twice: as it was written, which counts, and as a plain number, for older versions. The local runner
# ignores all of this: memory and CPU with a warning, the rest without one.)
#
# ## Exercise 7.3: Settings for three tasks
#
# The check draws the book's pipeline and hands your function three of its tasks, `ingest`, `train` and `decide`. Return
# nothing; set on them:
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
from companion import check

check.ex_7_3(answer)

# %% [markdown]
# ## Recap
#
# 1. You set **retries, memory, a secret and the cache**, each for the task that needs it. They stand in the compiled
#    file; the laptop ignores most of them.
#
# And you have seen what the cache compares: the image's name, the function's text, the parameters, which artifacts come
# in. It does not notice other bytes under the same name.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# [The fourth notebook](07-4-a-step-of-your-own.ipynb) runs the book's pipeline, all six steps, and adds a seventh that
# you write.
