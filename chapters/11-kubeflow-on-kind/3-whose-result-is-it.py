# %% [markdown]
# # 11.3 · Kubeflow on a cluster: whose result is it?
#
# About 40 minutes · 8 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# A run is green. Which of its results are today's, and which come from a run before? And months later somebody holds
# a number, and asks what made it. One address answers both.
#
# You will
#
# 1. predict what the **cache** will answer, and turn it off;
# 2. **trace a result**: from a digest to the run, the Pod, the image, the log and the artifact.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("11-3")
companion.copy_manifests(state)

# %% [markdown]
# As before, all goes to the book's own cluster with Kubeflow Pipelines, or to a recorded one.

# %%
import warnings

import kfp

from companion.cluster.kubeflow import require_kubeflow

warnings.simplefilter("ignore")  # kfp warns at every client
host = require_kubeflow()
client = kfp.Client(host=host, ui_host="http://localhost:8081")

# %% [markdown]
# Begin with an experiment without runs, so that the cache knows none of them, and an empty store. Then let September
# run, as in the notebooks before: on a live cluster it takes three to five minutes.

# %%
from chapter_11.runs import EXPERIMENT, clean_up, log_of, pods_of

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

# %%
print(client.wait_for_run_completion(first.run_id, timeout=1800).state)
for row in pods_of(first.run_id):
    print(f"{row['node']:24} try {row['try']} · {row['phase']}")

# %% [markdown]
# The Pods, as you know them: one that opens the run, and of each step the driver and the executor.
#
# ## 1. The same again
#
# Each driver looks at the inputs of its step, and asks Kubeflow's **cache** whether the same was computed before. If
# so, the step gets no Pod of its own, and its outputs are those of then.
#
# Run September once more: same file, same arguments. **Bet first:** which steps get a Pod of their own?

# %%
my_bet = None  # a list of names of steps

# %%
second = client.create_run_from_pipeline_package(
    str(package), arguments=given, run_name="september-again", experiment_name=EXPERIMENT
)

# %%
print(client.wait_for_run_completion(second.run_id, timeout=1800).state)
nodes = [row["node"] for row in pods_of(second.run_id)]
print("\n".join(nodes))
own = sorted({node.split(".")[1] for node in nodes if node.endswith("executor")})
companion.compare_bet(my_bet, own)

# %% [markdown]
# The state is `SUCCEEDED`, as if everything had run. Five steps had a driver, found their key in the cache, and
# took the outputs of the first run. Only `decide` ran, since the pipeline says `set_caching_options(False)` for
# it. What a step **changes** is no output: a `decide` from the cache would have written nothing into the store.
#
# What is in the key? As the backend's source has it, release 2.17.0:
#
# | in the key | so it notices | so it does not notice |
# |---|---|---|
# | the image's **name** | another tag | other bytes under the same tag |
# | the command with the function's text, and the arguments | a changed comment | a changed package in the image |
# | the values of parameters | another month | another file under the same path |
# | which artifacts come in | an input that was made anew | – |
# | the names of claims that are mounted | another claim | other files on it |
#
# The first and the third line have cost people weeks. Hence: a tag is used once (chapter 06; the bare `0.1.0`
# here is no model), and `data` is part of the image, not a folder that changes.
#
# To turn it off: for one step in the pipeline, `task.set_caching_options(False)`; for one run,
# `enable_caching=False`. The latter rewrites the file before it is sent, and so it works only when you send a file:
# with a pipeline that was uploaded before, kfp 2.17 takes the argument and ignores it.
#
# ## Exercise 11.3: Predict the cache
#
# September has run, as above. For each of the following, which steps get a Pod of their own? Nothing has to be
# run. Each is a change against the run above, one at a time. The answer is a dict from letter to a list or set of
# names of steps.
#
# - `"a"`: the month is 2013-11;
# - `"b"`: the image was built again, with a mended `featurize`, and loaded under the **same** tag;
# - `"c"`: the same mended image, under a new tag, which `FLIGHTDELAY_IMAGE` names;
# - `"d"`: the file is sent with `enable_caching=False`;
# - `"e"`: the claim was deleted and made anew under the same name, so the store is empty;
# - `"f"`: a comment was added in the function of the component `evaluate`.

# %%
from companion import check

### BEGIN SOLUTION
everything = ["ingest", "validate", "featurize", "train", "evaluate", "decide"]
answer = {
    "a": everything,
    "b": ["decide"],  # stale: the key has the image's name
    "c": everything,
    "d": everything,
    "e": ["decide"],
    "f": ["evaluate", "decide"],
}
### END SOLUTION

# %%
check.ex_11_3(answer)

# %% [markdown]
# ## 2. From a digest to its image
#
# The auditor holds a digest, the one in the store's record of September. A Job reads it, as in the first notebook:

# %%
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl apply -f "{state}/reader.yaml"
# !kubectl wait -n kubeflow --for=condition=complete job/store-reader --timeout=300s

# %%
import json

# text = !kubectl logs -n kubeflow job/store-reader
stored = json.loads(text.n)["evaluation"]
print(stored["month"], "· AUC", round(stored["challenger"]["auc"], 3), "· a digest:", "digest" in stored)

# %% [markdown]
# *Which program made these probabilities, from which image, and where is what it wrote?* The store was written last
# by the run `september-again`. But of its steps only `decide` ran, and that computes no probability. Ask the Pod of
# `decide` what it was given: `main` is started with a long command, and in it stands `--executor_input`.

# %%
decide = [row["pod"] for row in pods_of(second.run_id) if row["node"] == "root.decide.executor"][-1]
# !kubectl describe pod {decide} -n kubeflow | grep -m 1 -A 1 -e "^ *--executor_input$" | cut -c 1-300

# %% [markdown]
# All inputs and outputs of the step, with their addresses, as JSON in one line. Let Python read it:


# %%
def started_with(pod_name):
    """Return the inputs and outputs that Kubeflow gave to a step, from its Pod."""
    # text = !kubectl get pod {pod_name} -n kubeflow -o json
    [main] = [each for each in json.loads(text.n)["spec"]["containers"] if each["name"] == "main"]
    words = main["command"]
    return json.loads(words[words.index("--executor_input") + 1])


inputs = started_with(decide)["inputs"]
print("parameters:", inputs["parameterValues"])
addresses = {name: found["artifacts"][0]["uri"] for name, found in inputs["artifacts"].items()}
print("\n".join(sorted(addresses.values())))

# %% [markdown]
# Such an address has a form: `minio://`, the bucket, `v2/artifacts`, the pipeline, **the run**, the task, a random
# part, the name. Whose run is it?

# %%
names = {first.run_id: "september", second.run_id: "september-again"}
for name, address in sorted(addresses.items()):
    pipeline, run_id, task = address.split("/")[5:8]
    print(f"{name:10} run {names.get(run_id, 'another one')} · task {task}")

# %% [markdown]
# The address names the run that *made* the file. The cache hands on the old address, so the lineage survives:
# `september-again` decided on files that `september` made.
#
# ### What is in the file?
#
# Kubeflow carries files into steps, so let it carry this one into a step that prints it. `dsl.importer` (chapter
# 07) takes an address.


# %%
from kfp import dsl
from kfp.dsl import Input, Metrics


@with_kubeflow.component
def show(evaluation: Input[Metrics]):
    import json
    from pathlib import Path

    found = json.loads(Path(evaluation.path).read_text())
    print("FOUND", json.dumps({"auc": found["challenger"]["auc"], "digest": found["digest"]}))


# %%
@dsl.pipeline(name="show")
def show_file(uri: str):
    show(evaluation=dsl.importer(artifact_uri=uri, artifact_class=Metrics).output).set_caching_options(False)


looked = client.create_run_from_pipeline_func(
    show_file, arguments={"uri": addresses["evaluation"]}, run_name="show", experiment_name=EXPERIMENT
)

# %%
print(client.wait_for_run_completion(looked.run_id, timeout=1800).state)
shown = [row["pod"] for row in pods_of(looked.run_id) if row["node"] == "root.show.executor"][-1]
[line] = [line for line in log_of(shown) if line.startswith("FOUND ")]
found = json.loads(line.removeprefix("FOUND "))
print("AUC", round(found["auc"], 3), "· the store's digest:", found["digest"] == stored["digest"])

# %% [markdown]
# The same digest in the store and in the artifact: the chain holds. (On the web page, the artifact's link does the
# same with a click. It was not tried for this text.)
#
# ## Exercise 11.4: Trace the run
#
# Answer the auditor: where do the metrics that `september-again` decided on come from? `answer` is a dict:
#
# - `"fresh"`: the names of the steps that `second` (`september-again`) computed itself;
# - `"run_id"`: the id of the run that computed the evaluation;
# - `"pod"`: the Pod in which that happened, as a dict: `kubectl get pod … -o json`, through `json.loads`;
# - `"image"`: the digest of the image that it ran, `sha256:…`. It stands in the **status** of `main`, as `imageID`;
# - `"artifact"`: the address of the evaluation that it wrote;
# - `"log"`: the Pod's log, as `log_of` returns it.
#
# Nothing is started for it: all of it is there, and can be read.

# %%
### BEGIN SOLUTION
maker = addresses["evaluation"].split("/")[6]
name = [row["pod"] for row in pods_of(maker) if row["node"] == "root.evaluate.executor"][-1]
# text = !kubectl get pod {name} -n kubeflow -o json
pod = json.loads(text.n)
[main] = [each for each in pod["status"]["containerStatuses"] if each["name"] == "main"]
answer = {
    "fresh": own,
    "run_id": maker,
    "pod": pod,
    "image": "sha256:" + main["imageID"].partition("sha256:")[2],
    "artifact": addresses["evaluation"],
    "log": log_of(name),
}
### END SOLUTION

# %%
check.ex_11_4(answer)

# %% [markdown]
# Why a digest, and not `python:0.1.0`? A tag is a name that somebody can give to other bytes. The digest *is* the
# bytes.
#
# An hour after its end a run's Pods go, and what `kubectl logs` shows goes with them (`secondsAfterCompletion`, in the
# settings that you saw in the last notebook). What stays is in the object store, where Kubeflow also puts the log of
# each step, as an artifact `executor-logs`, and in the database. Chapter 12 writes down what has to outlive them.
#
# The chapter's page draws this way back, [after the notebooks](../chapters/11-kubeflow-on-kind/README.md).
#
# ## Recap
#
# 1. You know the **key** of the cache: the image's name, the text, the parameters, the incoming artifacts. Green may
#    mean "taken from another run". `decide` is never taken.
# 2. You **traced** a digest to the run that made it, by the address of the artifact, and from there to the Pod, its
#    image's digest and its log.
#
# ## Clean-up

# %%
clean_up(client)
# !kubectl delete job store-reader -n kubeflow --ignore-not-found
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# The cluster and Kubeflow stay; chapter 12 uses them. `make cluster-down` removes both.
#
# ## What comes next
#
# You started each run by hand, with a file from your laptop. [Chapter
# 12](../chapters/12-kubeflow-in-production/README.md) takes the hand away: versions that somebody approves, a
# schedule, a way back.
