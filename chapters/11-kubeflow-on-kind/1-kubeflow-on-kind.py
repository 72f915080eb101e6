# %% [markdown]
# # 11 · Kubeflow on a cluster: follow a run
#
# About 100 minutes · 8 GB of memory · a cluster with Kubeflow Pipelines, or a recording of one
#
# In chapter 07 a process of this laptop ran your compiled pipeline. Now a cluster does. The file is the same;
# new are the questions. Where does my step run? Where is its log? Which result is today's, and which one comes
# from the cache? You start five runs, and look at what they left behind.
#
# You will
#
# 1. **start** the compiled pipeline for any month, **wait** for its end, and read its results back;
# 2. find each step's **Pod** by its label, count its tries and read the cause of a failure in its **log**;
# 3. predict what the **cache** will answer, and turn it off;
# 4. **trace a result**: from a digest to the run, the Pod, the image, the log and the artifact.

# %%
import companion

state = companion.workspace("11-1")

# %% [markdown]
# Everything here goes to the book's own cluster (`make cluster-up`, then `make cluster-kfp`). Where there is
# none, the cell above has said so, and the answers below are a recording. Exercises 11.2 and 11.3 need no
# cluster; 11.1 and 11.4 do: without one, read them in the solved notebook.

# %%
from companion import check
from companion.cluster import require
from companion.cluster.kubeflow import require_kubeflow

require()
host = require_kubeflow()

# %% [markdown]
# ## 1. What is Kubeflow, and what of it is here?
#
# Kubeflow is a family. **Pipelines** (KFP) runs graphs of steps; this is what you have. Its relatives are
# programs of their own: Notebooks (Jupyter on the cluster), Trainer (training on many nodes), Katib (search for
# hyperparameters), KServe (serving), a dashboard that holds them together. A company may have one or all.
# Pipelines itself is a dozen Deployments:

# %%
# !kubectl get deployments -n kubeflow -o custom-columns=NAME:.metadata.name

# %% [markdown]
# Six of them matter to you. `ml-pipeline` is the API: everything that you ask goes there. `workflow-controller`
# (from a project called Argo) starts a Pod for each step. `seaweedfs` is the object store: the bucket with the
# artifacts. `metadata-grpc-deployment` remembers which artifact came from which step. `mysql` remembers the runs.
# `ml-pipeline-ui` is the web page, at `http://localhost:8081`.
#
# `kfp.Client` speaks to the API. Its `host` is the one line that changes when you move to your company's
# cluster.

# %%
import warnings

import kfp

warnings.simplefilter("ignore")  # kfp warns at every client
client = kfp.Client(host=host, ui_host="http://localhost:8081")
EXPERIMENT = "flight-delay"

# %% [markdown]
# This cell, like the last one, removes what a broken-off run left: the runs of this chapter's experiment, and the
# store. If it hangs, a Pod still holds the store's claim: `kubectl delete pod store-reader -n kubeflow` in a
# terminal.


# %%
def clean_up():
    for experiment in client.list_experiments(page_size=100).experiments or []:
        if experiment.display_name == EXPERIMENT:
            for run in client.list_runs(experiment_id=experiment.experiment_id, page_size=100).runs or []:
                client.delete_run(run.run_id)


clean_up()
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# ## 2. What the file says to a cluster
#
# Compile the book's pipeline, as in chapter 07, and look at what only a cluster reads: a step's resources, and
# the second document.

# %%
import yaml
from kfp import compiler

from flightdelay.pipelines import with_kubeflow

package = state / "flight-delay.yaml"
compiler.Compiler().compile(with_kubeflow.flight_delay, str(package))
ir, platform = yaml.safe_load_all(package.read_text())
print(yaml.safe_dump(ir["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"]))
print(yaml.safe_dump(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]))

# %% [markdown]
# Each step **requests** 512 MiB, which the scheduler looks for on a node, and is killed above its **limit**,
# 1 GiB (chapter 08). Both stand there twice: `resourceMemoryLimit` is the text that was given; `memoryLimit`, an older
# field, is the same in units of 1,000,000,000 bytes, and 1 GiB is 1.073741824 of them.
#
# With all the flights of the year, no step of the local runner held more than 495 MiB
# (`train`, for December).
#
# The second document belongs to `decide` alone. The store of models has to outlive the run, so it cannot lie in
# a Pod: a **claim** named `flight-delay-store` is mounted at `/store`. The pipeline asks for it by name and does
# not make it. That is your job (in a company, your platform engineer's):

# %%
# %%writefile "{state}/claim.yaml"
# apiVersion: v1
# kind: PersistentVolumeClaim
# metadata:
#   name: flight-delay-store
#   namespace: kubeflow
# spec:
#   accessModes: [ReadWriteOnce]
#   resources:
#     requests:
#       storage: 1Gi

# %%
# !kubectl apply -f "{state}/claim.yaml"

# %% [markdown]
# The data needs no volume: it lies in the image, at `/app/data`. (The image is the one of chapter 08; the environment
# variable `FLIGHTDELAY_IMAGE`, set before the import, names another.) Both paths are defaults of the pipeline, so that
# a run on the cluster needs one argument, the month:

# %%
print(yaml.safe_dump(ir["root"]["inputDefinitions"]["parameters"]))

# %% [markdown]
# ## 3. Start a run, and wait
#
# A **run** is one execution of the file with its arguments. An **experiment** is a folder of runs, no more.
# `create_run_from_pipeline_package` sends the file and comes back **at once**.
#
# **Bet first:** what is the state of the run when it comes back?

# %%
my_bet = None  # "PENDING", "RUNNING" or "SUCCEEDED"

# %%
given = {"month": "2013-09", "sample": 20_000}
first = client.create_run_from_pipeline_package(
    str(package), arguments=given, run_name="september", experiment_name=EXPERIMENT
)

# %%
print(first.run_info.state)
companion.compare_bet(my_bet, first.run_info.state)

# %% [markdown]
# `PENDING`: it is written down. Nothing has run yet, and what you hold is a receipt with a `run_id`. (The links
# above lead to the web page. There, *Runs* shows the graph, with a cloud on each step that came from the cache; the
# README has a picture.)
#
# So wait, and say how long. Kubernetes has to make Pods for each step. In the recording, on two busy cores, that
# was half a minute to a minute for each of the six.

# %%
finished = client.wait_for_run_completion(first.run_id, timeout=1800)
print(finished.state)

# %% [markdown]
# After the time-out this call raises `TimeoutError`, and the **run goes on**: you have stopped waiting, not it.
# `client.terminate_run(run_id)` stops a run. When it takes long, do not wait longer: look at its Pods (section
# 4). A Pod that is `Pending` tells in its Events what it waits for.
#
# > Do not wait for a run that somebody has terminated. kfp 2.17 waits for `SUCCEEDED`, `FAILED` and `SKIPPED`,
# > and a terminated run is `CANCELED`: it sits there until the time-out.
#
# ### The results
#
# `SUCCEEDED` says that no step failed. Where are the numbers? **Bet first:** the run's record has everything that
# the API knows. Is the AUC in it?

# %%
my_bet = None  # "no" or "yes"

# %%
record = client.get_run(first.run_id)
print("arguments:", record.runtime_config.parameters)
found = "auc" in str(record.to_dict()["run_details"])
print("'auc' in it:", found)
companion.compare_bet(my_bet, "yes" if found else "no")

# %% [markdown]
# No. The record has the arguments, the state, the pipeline and the times. Results are where the steps wrote them:
# artifacts in the object store, and what `decide` wrote into the store of models. Read the latter first. A Pod
# that mounts the same claim can read it:

# %%
# %%writefile "{state}/reader.yaml"
# apiVersion: v1
# kind: Pod
# metadata:
#   name: store-reader
#   namespace: kubeflow
# spec:
#   restartPolicy: Never
#   containers:
#     - name: read
#       image: pipelines-for-humans/python:0.1.0
#       command: [cat, /store/runs/2013-09.json]
#       volumeMounts:
#         - {name: store, mountPath: /store, readOnly: true}
#   volumes:
#     - name: store
#       persistentVolumeClaim: {claimName: flight-delay-store}

# %%
ended = "jsonpath={.status.phase}=Succeeded"
# !kubectl delete pod store-reader -n kubeflow --ignore-not-found
# !kubectl apply -f "{state}/reader.yaml"
# !kubectl wait -n kubeflow --for='{ended}' pod/store-reader --timeout=300s

# %% [markdown]
# (The warning says that this Pod asks for more rights than it needs. Here the namespace lets it in; chapter 12 locks
# Pods down.) The log of the Pod is the file:

# %%
import json

# text = !kubectl logs -n kubeflow store-reader
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
# Another machine, another operating system, six Pods that share no disk, and the same metrics. (The digest, which
# compares every probability to six decimals, is a promise within one machine. Between machines the book promises
# three decimals of a metric.)
#
# ## Exercise 11.1: October, please
#
# Run the pipeline for October 2013, with the same sample, in the same experiment, and wait for it. `answer` is the
# finished run, as the API describes it.

# %%
### BEGIN SOLUTION
october = client.create_run_from_pipeline_package(
    str(package), arguments=given | {"month": "2013-10"}, run_name="october", experiment_name=EXPERIMENT
)
answer = client.wait_for_run_completion(october.run_id, timeout=1800)
### END SOLUTION

# %%
check.ex_11_1(answer)

# %% [markdown]
# ## 4. Where is my step?
#
# A step is a Pod, and Pods have generated names. Never write one down: ask by **label**. Kubeflow puts
# `pipeline/runid` on every Pod of a run.
#
# **Bet first:** the pipeline has six steps. How many Pods did the run take?

# %%
my_bet = None  # a whole number

# %%
# !kubectl get pods -n kubeflow -l pipeline/runid={first.run_id}
# names = !kubectl get pods -n kubeflow -l pipeline/runid={first.run_id} -o name
companion.compare_bet(my_bet, len(names))

# %% [markdown]
# Thirteen, for six steps. Which is which? The names tell half of it. Argo notes the rest in an **annotation**: which
# node of the graph the Pod is, such as `flight-delay-x7k2p(0).root(0).train(0).executor(0)`: the run's own name, the
# way to the step, and the number of the try. (Argo would repeat each part after an error of the cluster, hence the
# many zeros.) The next function asks for the same list as the command above, with four columns of its own: the name,
# that annotation, the phase, and the exit code of the container `main`. The rest takes the annotation apart; you do
# not have to read it.
#
# An hour after a run has ended its Pods are gone, and this function ends in a ValueError: then run the notebook again
# from the top.


# %%
import re

COLUMNS = r"POD:.metadata.name,NODE:.metadata.annotations.workflows\.argoproj\.io/node-name"
COLUMNS += ',PHASE:.status.phase,EXIT:.status.containerStatuses[?(@.name=="main")].state.terminated.exitCode'


def pods_of(run_id):
    """Return the Pods of a run as dicts, in the order of their nodes."""
    # lines = !kubectl get pods -n kubeflow -l pipeline/runid={run_id} --no-headers -o custom-columns='{COLUMNS}'
    found = []
    for pod, name, phase, code in (line.split() for line in lines):
        node = re.sub(r"\(\d+\)", "", name.partition(".")[2])
        trial = int(re.search(r"(\d+)\)$", name)[1])
        found.append({"pod": pod, "node": node, "try": trial, "phase": phase, "exit": code})
    return sorted(found, key=lambda pod: (pod["node"], pod["try"]))


# %%
pods = pods_of(first.run_id)
for pod in pods:
    print(f"{pod['node']:24} {pod['phase']}")

# %% [markdown]
# The same thirteen, by name. Each step has a **driver** in front of it: a small Pod of Kubeflow's
# own that looks at the inputs, asks the cache, and writes the Pod for your step. `executor` is your step. And
# `root-driver` opens the run. What was your step given: which image, how much memory?

# %%
[train] = [pod["pod"] for pod in pods if pod["node"] == "root.train.executor"]
columns = 'CONTAINER:.spec.containers[?(@.name=="main")].name'
columns += ',IMAGE:.spec.containers[?(@.name=="main")].image'
columns += ',REQUEST:.spec.containers[?(@.name=="main")].resources.requests.memory'
columns += ',LIMIT:.spec.containers[?(@.name=="main")].resources.limits.memory'
# !kubectl get pod {train} -n kubeflow -o custom-columns='{columns}'

# %% [markdown]
# The container `main` is yours: your image, your memory. (Argo adds helpers of its own beside it.) Its log has what
# the step prints, among the lines of Kubeflow's own program that starts your function. Our `train` prints nothing, so
# here is one of the others: which function was looked for.


# %%
def log_of(pod_name):
    """Return the lines that a step has printed."""
    # lines = !kubectl logs -n kubeflow {pod_name} -c main
    return lines


print(re.search(r"Looking for component `\w+`", "\n".join(log_of(train)))[0])

# %% [markdown]
# ## 5. It breaks: a month that is refused
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
# The **symptom** is a word. The record of the run knows no more than which node failed. Go one step back, to the
# Pods:

# %%
pods = pods_of(failed.run_id)
for pod in pods:
    print(f"{pod['node']:22} try {pod['try']} · {pod['phase']:10} exit code {pod['exit']}")
companion.compare_bet(my_bet, sum(pod["node"] == "root.ingest.executor" for pod in pods))

# %% [markdown]
# One Pod, one try, although two retries were set. And `validate` has no Pod, not even a driver: it was never its
# turn. First the **evidence** for the failure. It is in the log:

# %%
tries = [pod["pod"] for pod in pods if pod["node"] == "root.ingest.executor"]
for pod in tries:
    print(next(line.partition("MonthError: ")[2] for line in log_of(pod) if "MonthError: " in line))

# %% [markdown]
# - **Cause**: the argument. The program says so, in its own sentence.
# - **Fix**: another month. No retry would have helped: a retry is for what passes by itself, such as a node that
#   went away or a service that was busy.
#
# Still, where are the retries? In the release's settings for Argo (`workflow-controller-configmap`) stands
#
# ```yaml
# templateDefaults:
#   retryStrategy:
#     limit: '2'
#     retryPolicy: OnError
# ```
#
# `OnError` means: when the **cluster** failed, such as a Pod that was deleted with its node. A program that ends
# with an error is a *failure*, and is not tried again. `set_retry` brings a number and a pause, and no policy, so
# it takes this one. On a laptop, KFP's local runner starts the step three times (chapter 07). Here it starts it
# once. What should survive a busy service has to try again by itself, inside the step, or your platform engineer
# changes the policy. A test on the cluster would have told you before the night on which you need it.
#
# ## Exercise 11.2: What ran, and how often
#
# Write a function of the list that `pods_of` returns. It gives a dict: for each step that got a Pod **of its
# own**, how often it was started and how it ended (the phase of the last try), such as
# `{"ingest": (1, "Failed")}`. Drivers are no steps. The check calls it on lists of other runs, on clusters that do
# try again; steps have other names there, and the rows come in any order, or there are none.


# %%
def answer(pods: list[dict]) -> dict[str, tuple[int, str]]:
    """Return tries and last phase of each step that ran in a Pod of its own."""
    ### BEGIN SOLUTION
    found = {}
    for pod in sorted(pods, key=lambda pod: pod["try"]):
        parts = pod["node"].split(".")  # root, step, executor
        if parts[2:] == ["executor"]:
            tries, _ = found.get(parts[1], (0, ""))
            found[parts[1]] = (tries + 1, pod["phase"])
    return found
    ### END SOLUTION


# %%
check.ex_11_2(answer)

# %% [markdown]
# ## 6. The same again: the cache
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
own = [pod["node"].split(".")[1] for pod in pods_of(second.run_id) if pod["node"].endswith("executor")]
print("a Pod of their own:", own)
companion.compare_bet(my_bet, own)

# %% [markdown]
# One. The state is `SUCCEEDED`, as if everything had run. Five steps had a driver, found their key in the cache, and
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
# ## 7. From a digest to its image
#
# The auditor holds a digest, the one in the store's record of September, and asks: *which program
# made these probabilities, from which image, and where is what it wrote?* The store was written last by the run
# `september-again`. But that run has computed nothing. Ask its only Pod what it was given. `main` is started with
# a long command, and in it stands `--executor_input`: all inputs and outputs of the step, with addresses.


# %%
def started_with(pod_name):
    """Return the inputs and outputs that Kubeflow gave to a step, from its Pod."""
    # text = !kubectl get pod {pod_name} -n kubeflow -o jsonpath='{MAIN}'
    main = json.loads(text.n)
    words = [*main.get("command", []), *main.get("args", [])]
    return json.loads(words[words.index("--executor_input") + 1])


MAIN = '{.spec.containers[?(@.name=="main")]}'
[decide] = [pod["pod"] for pod in pods_of(second.run_id) if pod["node"] == "root.decide.executor"]
inputs = started_with(decide)["inputs"]
print("parameters:", inputs["parameterValues"])
for name, artifacts in sorted(inputs["artifacts"].items()):
    bucket, *folders = artifacts["artifacts"][0]["uri"].removeprefix("minio://").split("/")
    of = {first.run_id: "september", second.run_id: "september-again"}.get(folders[3], "another run")
    print(f"{name:10} bucket {bucket} · pipeline {folders[2]} · run {of} · task {folders[4]}")

# %% [markdown]
# The address of an artifact has a form: bucket, `v2/artifacts`, pipeline, **run**, task, a random part, name. It
# names the run that
# *made* the file. The cache hands on the old address, so the lineage survives: `september-again` decided on files
# that `september` made.
#
# ### What is in the file?
#
# Kubeflow carries files into steps, so let it carry this one into a step that prints it. `dsl.importer` (chapter
# 07) takes an address.


# %%
from kfp.dsl import Input, Metrics


@with_kubeflow.component
def show(evaluation: Input[Metrics]):
    import json
    from pathlib import Path

    found = json.loads(Path(evaluation.path).read_text())
    print("FOUND", json.dumps({"auc": found["challenger"]["auc"], "digest": found["digest"]}))


@dsl.pipeline(name="show")
def show_file(uri: str):
    show(evaluation=dsl.importer(artifact_uri=uri, artifact_class=Metrics).output).set_caching_options(False)


uri = inputs["artifacts"]["evaluation"]["artifacts"][0]["uri"]
looked = client.create_run_from_pipeline_func(
    show_file, arguments={"uri": uri}, run_name="show", experiment_name=EXPERIMENT
)

# %%
print(client.wait_for_run_completion(looked.run_id, timeout=1800).state)
[shown] = [pod["pod"] for pod in pods_of(looked.run_id) if pod["node"] == "root.show.executor"]
found = json.loads(next(line.partition("FOUND ")[2] for line in log_of(shown) if "FOUND {" in line))
print(
    "AUC",
    round(found["auc"], 3),
    "· the store's digest:",
    found["digest"] == on_cluster["evaluation"]["digest"],
)

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

# %%
### BEGIN SOLUTION
maker = uri.split("/")[6]
[name] = [pod["pod"] for pod in pods_of(maker) if pod["node"] == "root.evaluate.executor"]
# text = !kubectl get pod {name} -n kubeflow -o json
pod = json.loads(text.n)
[status] = [each for each in pod["status"]["containerStatuses"] if each["name"] == "main"]
answer = {
    "fresh": [each["node"].split(".")[1] for each in pods_of(second.run_id) if "executor" in each["node"]],
    "run_id": maker,
    "pod": pod,
    "image": "sha256:" + status["imageID"].partition("sha256:")[2],
    "artifact": uri,
    "log": log_of(name),
}
### END SOLUTION

# %%
check.ex_11_4(answer)

# %% [markdown]
# Why a digest, and not `python:0.1.0`? A tag is a name that somebody can give to other bytes. The digest *is* the
# bytes.
#
# The hour after which the Pods go, and their logs with them, stands in `workflow-controller-configmap`
# (`secondsAfterCompletion: 3600`). What stays is in the object store, where Kubeflow also puts the log of each
# step, as an artifact `executor-logs`, and in the database. Chapter 12 writes down what has to outlive them.
#
# ## Optional: bring your own model
#
# Put `train_mine` of chapter 07 in place of `with_kubeflow.train` in a pipeline of your own, and send it. If it
# needs a package that the image lacks, you will see it as in section 5: `FAILED`, a Pod, and a sentence in its log.
#
# ## Recap
#
# 1. You **started** a run: a file, arguments, an experiment. You waited with a time-out, and read the results from
#    where the steps had written them.
# 2. You found **Pods** by the label `pipeline/runid`, told drivers from steps, counted tries, and read the cause of a
#    failure in a log. Whether a failure is tried again is a setting of the cluster's.
# 3. You know the **key** of the cache: the image's name, the text, the parameters, the incoming artifacts. Green may
#    mean "taken from another run". `decide` is never taken.
# 4. You **traced** a digest to the run that made it, by the address of the artifact, and from there to the Pod, its
#    image's digest and its log.
#
# ## Clean-up

# %%
clean_up()
# !kubectl delete pod store-reader -n kubeflow --ignore-not-found
# !kubectl delete persistentvolumeclaim flight-delay-store -n kubeflow --ignore-not-found

# %% [markdown]
# The cluster and Kubeflow stay; chapter 12 uses them. `make cluster-down` removes both.
#
# ## What comes next
#
# You started each run by hand, with a file from your laptop. Chapter 12 takes the hand away: versions that somebody
# approves, a schedule, a way back.
