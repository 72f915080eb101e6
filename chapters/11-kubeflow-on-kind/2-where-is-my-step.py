# %% [markdown]
# # 11.2 · Kubeflow on a cluster: where is my step?
#
# About 35 minutes · 8 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# On your laptop a step ran in a process that you could see, and its print came out below the cell. On a cluster you
# have to find the step and its log. This notebook finds both, in a run that goes well and in one that fails.
#
# You will
#
# 1. find each step's **Pod** by its label, and tell it from Kubeflow's own Pods;
# 2. count the **tries** of a step, and find the line in its **log** that explains its failure.
#
# Two times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("11-2")
companion.copy_manifests(state)

# %% [markdown]
# As in the notebook before, everything goes to the book's own cluster with Kubeflow Pipelines, or to a recorded one.

# %%
import warnings

import kfp

from companion.cluster.kubeflow import require_kubeflow

warnings.simplefilter("ignore")  # kfp warns at every client
host = require_kubeflow()
client = kfp.Client(host=host, ui_host="http://localhost:8081")

# %% [markdown]
# ## 1. A run to look at
#
# You need a run of September, in an experiment that holds nothing else, and a claim for its store.

# %%
from chapter_11.runs import EXPERIMENT, clean_up

clean_up(client)
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found
# !kubectl apply -f "{state}/claim.yaml"

# %%
from kfp import compiler

from flightdelay.pipelines import with_kubeflow

package = state / "flight-delay.yaml"
compiler.Compiler().compile(with_kubeflow.flight_delay, str(package))
given = {"month": "2013-09", "sample": 5_000}
first = client.create_run_from_pipeline_package(
    str(package), arguments=given, run_name="september", experiment_name=EXPERIMENT
)

# %% [markdown]
# ## 2. Find the Pod of a step
#
# A step is a Pod, and Pods have generated names. Never write one down: ask by **label**. Kubeflow puts `pipeline/runid`
# on every Pod of a run. Each Pod is made when the steps before it are done, so run this cell several times:

# %%
# !kubectl get pods -n kubeflow -l pipeline/runid={first.run_id}

# %% [markdown]
# On a live cluster the run takes three to five minutes. **Bet first:** the pipeline has six steps. How many Pods will
# it have taken in the end?

# %%
my_bet = None  # a whole number

# %%
print(client.wait_for_run_completion(first.run_id, timeout=1800).state)

# %%
# !kubectl get pods -n kubeflow -l pipeline/runid={first.run_id}

# %% [markdown]
# The names say only in part which Pod is which. Argo writes the rest into an **annotation** on each Pod: which node of
# the graph it is.

# %%
# nodes = !kubectl get pods -n kubeflow -l pipeline/runid={first.run_id} -o yaml | grep node-name
print("\n".join(nodes))
companion.compare_bet(my_bet, len({node.rpartition("(")[0] for node in nodes}))  # of each try the first

# %% [markdown]
# There are thirteen, for six steps. Read such a line as the run's own name, the way to the step, and at the end the
# number of the try, from 0. (Each part of the way has such a number; hence the many zeros. On a busy machine it happens
# that a Pod cannot be started. Then there is one more, with the number 1, which the bet does not count; section 3 says
# why.)
#
# These lines are hard to read, so a few lines of Python take them apart. `kubectl get pods … -o json` gives the same
# list as the first command, with all that is known of each Pod, as nested dicts and lists. This function keeps five
# things of one Pod:

# %%
import inspect

from chapter_11.runs import log_of, pods_of, row_of

print(inspect.getsource(row_of))

# %% [markdown]
# `pods_of` asks for the Pods of a run, makes a row of each, and sorts them by their nodes:

# %%
pods = pods_of(first.run_id)
for row in pods:
    print(f"{row['node']:24} {row['phase']}")

# %% [markdown]
# This is the same list with readable names. Each step has a **driver** in front of it: a small Pod of Kubeflow's own
# that looks at the inputs, asks the cache, and writes the Pod for your step. `executor` is your step. And `root-driver`
# opens the run.
#
# (An hour after a run has ended its Pods are gone, and the list is empty: then run the notebook again from the top.)
#
# Now see which image and how much memory a step was given. Take `train`, and look at its containers.

# %%
import json

train = [row["pod"] for row in pods if row["node"] == "root.train.executor"][-1]
# text = !kubectl get pod {train} -n kubeflow -o json
for container in json.loads(text.n)["spec"]["containers"]:
    print(container["name"], "·", container["image"], "·", container["resources"])

# %% [markdown]
# The container `main` is yours: your image, your memory. `wait` is a helper of Argo's, as are the init containers that
# ran before. Look at the log of `main`.

# %%
# !kubectl logs -n kubeflow {train} -c main | head -n 7

# %% [markdown]
# What a step prints stands in this log, but not alone. The first lines are Argo's and those of the **launcher**:
# Kubeflow's program around your function, which fetches the inputs, starts the function, and stores the outputs. With
# `KFP Executor` begins kfp's own Python, which looks for the function by its name. Our `train` prints nothing, so
# nothing of yours is in there. It is different when a step fails.
#
# ## 3. It breaks: a month that is refused
#
# Somebody asks for January, which the pipeline refuses (there is no month before it to learn from), and has set
# two retries, "to be safe". Only the first step is needed to see what happens.
#
# **Bet first:** how often is `ingest` started?

# %%
my_bet = None  # a whole number

# %%
from kfp import dsl


@dsl.pipeline(name="january")
def january(month: str):
    raw = with_kubeflow.ingest(month=month, window=0, sample=0, data="/app/data")
    raw.set_retry(2, backoff_duration="1s")
    with_kubeflow.validate(raw=raw.output, month=month, window=0)


failed = client.create_run_from_pipeline_func(
    january, arguments={"month": "2013-01"}, run_name="january", experiment_name=EXPERIMENT
)

# %%
finished = client.wait_for_run_completion(failed.run_id, timeout=1800)
print("symptom: ", finished.state)

# %% [markdown]
# The **symptom** is one word, and the run's record has no cause. Go one step back, to the Pods:

# %%
failed_pods = pods_of(failed.run_id)
for row in failed_pods:
    print(f"{row['node']:22} try {row['try']} · {row['phase']:10} exit code {row['exit']}")
companion.compare_bet(my_bet, sum(row["node"] == "root.ingest.executor" for row in failed_pods))

# %% [markdown]
# One Pod, one try, although two retries were set. And `validate` has no Pod, not even a driver, because `ingest` never
# ended well. First look for the **evidence** of the failure:

# %%
ingest = [row["pod"] for row in failed_pods if row["node"] == "root.ingest.executor"][-1]
# !kubectl logs -n kubeflow {ingest} -c main | grep -A 40 Traceback

# %% [markdown]
# Read it from its end. The last lines, of the launcher and of Argo, only repeat "exit status 1". Above them, the last
# line of the traceback is the program's own sentence. It is the line that you would send to somebody:

# %%
print(next(line for line in log_of(ingest) if "MonthError: " in line))

# %% [markdown]
# - **Cause**: the argument. The program says so, in its own sentence.
# - **Fix**: another month. No retry would have helped: a retry is for what passes by itself, such as a node that
#   went away or a service that was busy.
#
# The retries are still to be explained. Argo's settings are those of the release, in a ConfigMap:

# %%
# !kubectl get configmap workflow-controller-configmap -n kubeflow -o yaml | grep -A 9 "workflowDefaults: |"

# %% [markdown]
# `retryPolicy: OnError` means: when the **cluster** failed, such as a Pod that was deleted with its node, or one whose
# containers could not be started. A program that ends with an error is a *failure*, and is not tried again. `set_retry`
# sets a number and a pause, but no policy, so this policy holds.
#
# On a laptop, KFP's local runner starts the step three times (chapter 07). Here it starts it once. A step that shall
# survive a busy service has to try again by itself, inside its function, or your platform engineer changes the policy.
# Test this on the cluster before you rely on it.
#
# ## Exercise 11.2: What ran, and how often
#
# Write a function of the list that `pods_of` returns. It gives a dict: for each step that got a Pod **of its own**, how
# often it was started and how it ended (the phase of the last try), such as `{"ingest": (1, "Failed")}`. Do not count
# drivers. The check calls it on lists of other runs, on clusters that do try again; steps have other names there, and
# the rows come in any order, or there are none.

# %%
from companion import check


def answer(pods: list[dict]) -> dict[str, tuple[int, str]]:
    """Return tries and last phase of each step that ran in a Pod of its own."""
    ### BEGIN SOLUTION
    found = {}
    for row in sorted(pods, key=lambda row: row["try"]):
        parts = row["node"].split(".")  # root, step, executor
        if parts[2:] == ["executor"]:
            tries, _ = found.get(parts[1], (0, ""))
            found[parts[1]] = (tries + 1, row["phase"])
    return found
    ### END SOLUTION


# %%
check.ex_11_2(answer)

# %% [markdown]
# **It transfers.** A nightly run over a bank's loans "has failed" in a monitoring tool's red line. If you can go from
# the run to its Pods, and from the Pod to the last sentence of its log, you know in two minutes whether the data, the
# program or the cluster has to be mended.
#
# ### Optional, on a live cluster: bring your own model
#
# Put `train_mine` of chapter 07 in place of `with_kubeflow.train` in a pipeline of your own, and send it. If it
# needs a package that the image lacks, you will see it as above: `FAILED`, a Pod, and a sentence in its log.
#
# ## Recap
#
# 1. You found **Pods** by the label `pipeline/runid`, and told drivers from steps by the node that Argo has noted.
# 2. You counted **tries**, and read the cause of a failure in a **log**. Whether a failure is tried again is a
#    setting of the cluster's.
#
# ## Clean-up

# %%
clean_up(client)
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# The cluster and Kubeflow stay.
#
# ## What comes next
#
# You can see what has run. In [the next notebook](11-3-whose-result-is-it.ipynb) you find out which results were
# computed in a run at all.
