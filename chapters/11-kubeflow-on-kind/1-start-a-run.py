# %% [markdown]
# # 11.1 · Kubeflow on a cluster: start a run
#
# About 35 minutes · 8 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# In chapter 07 a process of this laptop ran your compiled pipeline. Now a cluster does. The file is the same, but two
# questions are new. You send the file and get only a receipt; so you have to find out when the run is done, and where
# its numbers are.
#
# You will
#
# 1. **start** the compiled pipeline for any month, and **wait** for its end;
# 2. tell a receipt, a run and a **result** apart, and read the result back.
#
# Two times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("11-1")
companion.copy_manifests(state)

# %% [markdown]
# Everything here goes to the book's own cluster (`make cluster-up`, then `make cluster-kfp`). Where there is none,
# the cell above has said so, and a **recorded** cluster answers, Kubeflow included. It takes the runs that were
# started on the real one, and says so when it does not know one. To start the same run again, go back to the cell that
# removes what a broken-off run left, and go on from there.
#
# `kfp.Client` speaks to Kubeflow. Its `host` is the only line that changes when you move to your company's cluster.

# %%
import warnings

import kfp

from companion.cluster.kubeflow import require_kubeflow

warnings.simplefilter("ignore")  # kfp warns at every client
host = require_kubeflow()
client = kfp.Client(host=host, ui_host="http://localhost:8081")

# %% [markdown]
# ## 1. Which parts of Kubeflow are here
#
# Kubeflow is a group of projects. **Pipelines** (KFP) runs graphs of steps; this is the part that you have. The others
# are programs of their own: Notebooks (Jupyter on the cluster), Trainer (training on many nodes), Katib (search for
# hyperparameters), KServe (serving), a dashboard that holds them together. A company may have one or all. Pipelines
# itself is a dozen Deployments:

# %%
# !kubectl get deployments -n kubeflow

# %% [markdown]
# Six of them matter to you. `ml-pipeline` is the API: everything that you ask goes there. `workflow-controller`
# (from a project called Argo) starts a Pod for each step. `seaweedfs` is the object store: the bucket with the
# artifacts. `metadata-grpc-deployment` remembers which artifact came from which step. `mysql` remembers the runs.
# `ml-pipeline-ui` is the web page, on a live cluster at `http://localhost:8081`.
#
# The next cell removes what an interrupted run of this chapter has left, its runs and its store.

# %%
from chapter_11.runs import EXPERIMENT, clean_up

clean_up(client)
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# ## 2. A store that outlives the run
#
# Compile the book's pipeline, as in chapter 07. Only a cluster reads the file's second document:

# %%
import yaml
from kfp import compiler

from flightdelay.pipelines import with_kubeflow

package = state / "flight-delay.yaml"
compiler.Compiler().compile(with_kubeflow.flight_delay, str(package))
ir, platform = yaml.safe_load_all(package.read_text())
print(yaml.safe_dump(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]))

# %% [markdown]
# It belongs to `decide` alone. The store of models has to outlive the run, so it cannot lie in a Pod: a **claim** named
# `flight-delay-store` is mounted at `/store`. The pipeline asks for the claim by name and does not make it. You make it
# (in a company, your platform engineer does):

# %%
# !cat "{state}/claim.yaml"
# !kubectl apply -f "{state}/claim.yaml"

# %% [markdown]
# ## 3. Start a run
#
# A **run** is one execution of the file with its arguments. An **experiment** is only a folder of runs.
# `create_run_from_pipeline_package` sends the file and comes back **at once**. The month is September, and the training
# takes a sample of 5,000 flights, so that nobody has to wait long.
#
# **Bet first:** what is the state of the run when it comes back?

# %%
my_bet = None  # "PENDING", "RUNNING" or "SUCCEEDED"

# %%
given = {"month": "2013-09", "sample": 5_000}
first = client.create_run_from_pipeline_package(
    str(package), arguments=given, run_name="september", experiment_name=EXPERIMENT
)
print(first.run_info.state)
companion.compare_bet(my_bet, first.run_info.state)

# %% [markdown]
# The run is recorded, and nothing has run yet. You have a receipt with a `run_id`. (The links lead to the web page of a
# live cluster, where *Runs* shows the graph.)
#
# On a live cluster the run takes three to five minutes: Kubernetes has to make Pods for each step, and that takes
# longer than most steps do. Meanwhile, read what the file tells it. Here is one step's memory:

# %%
print(yaml.safe_dump(ir["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"]))

# %% [markdown]
# Each step **requests** 512 MiB, which the scheduler looks for on a node, and is killed above its **limit**,
# 1 GiB (chapter 08). Both stand there twice: `resourceMemoryLimit` is the text that was given; `memoryLimit`, an older
# field, is the same in units of 1,000,000,000 bytes, and 1 GiB is 1.073741824 of them. (With all the flights of the
# year, no step of the local runner held more than 495 MiB.)
#
# The data needs no volume: it lies in the image, at `/app/data`. (The image is the one of chapter 08; the environment
# variable `FLIGHTDELAY_IMAGE`, set before the import, names another.) Both paths are defaults of the pipeline, so that
# a run on the cluster needs one argument, the month:

# %%
for name, parameter in ir["root"]["inputDefinitions"]["parameters"].items():
    print(f"{name:7} {parameter['parameterType']:15} default {parameter.get('defaultValue', 'none')}")

# %% [markdown]
# ## 4. Wait
#
# The client waits if you ask for it. Say how long at most:

# %%
finished = client.wait_for_run_completion(first.run_id, timeout=1800)
print(finished.state)

# %% [markdown]
# After the time-out this call raises `TimeoutError`, and the **run goes on**: only the waiting has ended.
# `client.terminate_run(run_id)` stops a run. When it takes long, do not wait longer: look at its Pods (the next
# notebook). A Pod that is `Pending` tells in its Events what it waits for.
#
# > Do not wait for a run that somebody has terminated. kfp 2.17 waits for `SUCCEEDED`, `FAILED` and `SKIPPED`,
# > and a terminated run is `CANCELED`: it goes on waiting until the time-out.
#
# ## 5. Where the numbers are
#
# `SUCCEEDED` says that no step failed. **Bet first:** the run's record has everything that the API knows of it. Is
# the AUC in it?

# %%
my_bet = None  # "no" or "yes"

# %%
record = client.get_run(first.run_id)
print("arguments:", record.runtime_config.parameters)
found = "auc" in str(record.to_dict()["run_details"])
print("'auc' in it:", found)
companion.compare_bet(my_bet, "yes" if found else "no")

# %% [markdown]
# The record has the arguments, the state, the pipeline and the times. Results are where the steps wrote them:
# artifacts in the object store, and what `decide` wrote into the store of models. Read the latter first. It lies on
# the claim, and whatever mounts the claim can read it. A Job does:

# %%
# !cat "{state}/reader.yaml"

# %% [markdown]
# It runs only `cat`. (The two entries `securityContext` say that it needs no special rights; in this namespace
# `kubectl` warns of Pods that do not say so. Chapter 12 comes back to it.)

# %%
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl apply -f "{state}/reader.yaml"
# !kubectl wait -n kubeflow --for=condition=complete job/store-reader --timeout=300s

# %% [markdown]
# Its log is the file:

# %%
import json

# text = !kubectl logs -n kubeflow job/store-reader
on_cluster = json.loads(text.n)
print(on_cluster["decision"]["decision"], "·", on_cluster["decision"]["reasons"][0])

# %% [markdown]
# (The first month in a new store has no champion to beat.) Now the same month on this laptop, in plain Python:

# %%
from flightdelay.pipelines import in_plain_python

here = in_plain_python.run(**given, store=state / "store")
there = on_cluster["evaluation"]["challenger"]
for name in ("auc", "log_loss"):
    mine = here.evaluation["challenger"][name]
    print(f"{name:9} {there[name]:.3f} on the cluster · same as here: {abs(there[name] - mine) < 1e-3}")

# %% [markdown]
# The metrics are the same, on another machine, with another operating system, from six Pods that share no disk. (The
# digest, which compares every probability to six decimals, has to be equal only on one machine. Between machines the
# book promises three decimals of a metric.)
#
# ## Exercise 11.1: October, please
#
# Run the pipeline for October 2013, with the same sample, in the same experiment, and wait for it. `answer` is the
# finished run, as the API describes it. Then look at what was decided: in `reader.yaml`, in the notebook's folder (in
# JupyterLab's file browser `work/state/11`, the newest `run-…`), stands the name of the file that it prints. Change it
# there, and run the two cells with the Job again: a Job that is there cannot be changed, so the first deletes it. The
# check judges the run; the decision is for you.
#
# If a recorded cluster says that it does not know your run, let `answer` be `None` and run the check all the same: it
# looks at what you sent.

# %%
from companion import check

### BEGIN SOLUTION
october = client.create_run_from_pipeline_package(
    str(package), arguments=given | {"month": "2013-10"}, run_name="october", experiment_name=EXPERIMENT
)
answer = client.wait_for_run_completion(october.run_id, timeout=1800)
reader = state / "reader.yaml"
reader.write_text(reader.read_text().replace("2013-09", "2013-10"))
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl apply -f "{reader}"
# !kubectl wait -n kubeflow --for=condition=complete job/store-reader --timeout=300s
# !kubectl logs -n kubeflow job/store-reader | tail -n 11
### END SOLUTION

# %%
check.ex_11_1(answer)

# %% [markdown]
# **It transfers.** A scheduler knows only that a job has run. It does not know whether the score of a loan was written:
# somebody has to look in the place where it is stored.
#
# ## Recap
#
# 1. You **started** a run: a file, arguments, an experiment. You waited with a time-out, and know that it ends the
#    waiting and not the run.
# 2. A **receipt** is `PENDING`, a finished **run** has a state and no AUC, and the **results** are where the steps have
#    written them. You read them back from the claim.
#
# ## Clean-up

# %%
clean_up(client)
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# The cluster and Kubeflow stay.
#
# ## What comes next
#
# Here everything went well. In [the next notebook](11-2-where-is-my-step.ipynb) you look at the Pods, and let a run
# fail.
