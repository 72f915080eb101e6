# %% [markdown]
# # 15.3 · Training on many: Pods of Kubeflow Trainer
#
# About 50 minutes · 1 GB of memory · a cluster with Kubeflow Trainer, or a recorded one
#
# In the first notebook a launcher of this book started your workers, on one machine. On a cluster an operator does it:
# **Kubeflow Trainer** makes Pods of a training, tells each its rank, and notices how they end. You still write the
# function that trains.
#
# You will
#
# 1. write a **TrainJob**, find out which objects are made of it, and compare its model with that of one process;
# 2. find out **why a training stands still** although it was accepted;
# 3. **lose a worker** in the middle, and keep the steps that were taken.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("15-3")
companion.copy_manifests(state)

# %% [markdown]
# ## 1. The function, on one process
#
# This is the worker of 15.1, with the step that you wrote there: sums, divided by the rows of all. It is a function
# now, and what differs from place to place comes in as arguments: the rows, the run to go on with, and `all_reduce`.

# %%
# %%writefile "{state}/train.py"
# from chapter_15.logistic import gradient
#
#
# def train(X, late, run, all_reduce, after_step):
#     """Go on with a run until step 100, together with all other workers."""
#     rows = all_reduce(len(late))
#     while run["step"] < 100:
#         by_weight, by_intercept = gradient(run["weights"], run["intercept"], X, late)
#         weights = run["weights"] - 0.5 * all_reduce(by_weight * len(late)) / rows
#         intercept = run["intercept"] - 0.5 * all_reduce(by_intercept * len(late)) / rows
#         run = {"step": run["step"] + 1, "weights": weights, "intercept": intercept}
#         after_step(run)
#     return run

# %% [markdown]
# The program around it is [`pod.py`](../chapters/15-training-on-many/pod.py): it reads from its environment who it is,
# takes every second of January's rows (with three workers every third), connects to the others, calls `train`, and
# prints in its last line a checksum of the model: of all its 33 numbers, rounded to six decimals. You keep this line to
# compare with. The program takes some seconds and prints only at its end. First run it as one process, without others:

# %%
# alone = !cd "{state}" && DMLC_TASK_ID=0 DMLC_NUM_WORKER=1 python -m chapter_15.pod
print("\n".join(alone[:-1]))
model_of_one = alone[-1].split()[-1]

# %% [markdown]
# ## 2. Two Pods
#
# Pods do not have your files. The image has Python, the book's package and its data; the code of this chapter and your
# function come from two ConfigMaps, in a namespace for this notebook. (The first `kubectl` line removes what an
# interrupted run has left.)

# %%
from companion import check
from companion.workspace import repository

chapter = repository() / "chapters/15-training-on-many"
names = ["logistic", "matrix", "meeting", "pod"]
files = " ".join(f"--from-file={chapter}/{name}.py" for name in names)
# !kubectl delete namespace flights-workers --ignore-not-found
# !kubectl create namespace flights-workers
# !kubectl create configmap chapter -n flights-workers {files}
# !kubectl create configmap mine -n flights-workers --from-file="{state}/train.py"

# %% [markdown]
# Trainer divides the work between two people. A platform engineer writes a **runtime**: what a Pod of a training looks
# like. (This one belongs to our namespace; a `ClusterTrainingRuntime` is for all of them.)

# %%
# !kubectl apply -f "{state}/runtime.yaml"
# !cat "{state}/runtime.yaml"

# %% [markdown]
# Read it from the inside out: a Pod with one container, as in chapter 08; a Job around it; around that a list of Jobs
# with one entry, `node`; and `mlPolicy`, which says by which variables the workers are told their rank. `xgboost: {}`
# means the variables of XGBoost, four that begin with `DMLC_`. (No XGBoost is in the image: our program reads them
# too.)
#
# You write a **TrainJob**: which runtime, and how many Pods.

# %%
# !cat "{state}/two.yaml"
# !kubectl apply -f "{state}/two.yaml"

# %% [markdown]
# **Bet first.** Two Pods, another Python, other builds of NumPy, a network in between: is their model, to six decimals,
# that of the one process on your machine?

# %%
my_bet = None  # "the same" or "another one"

# %%
# !kubectl wait -n flights-workers --for=condition=complete trainjob/two --timeout=900s
# log = !kubectl logs -n flights-workers -l job-name=two-node-0 --tail=-1
# By rank: kubectl takes the Pods in any order.
print("\n".join(sorted(log, key=lambda line: line.split(" | ")[0])))
print("one process:", model_of_one)
models = {line.split()[-1] for line in log if " model " in line}
companion.compare_bet(my_bet, "the same" if models == {model_of_one} else "another one")

# %% [markdown]
# Each rank prints the sum of the model that it holds, and yours is the same one. Make this test before you trust a
# distributed training: "complete" is not enough, a small training has to give the same model as one process.
#
# ## 3. Which objects were made

# %%
# !kubectl get trainjobs,jobsets,jobs,pods,services -n flights-workers

# %% [markdown]
# The TrainJob itself trains nothing. Each of these objects was made by the controller of the one above it:
#
# | object | what it adds | in 15.1 |
# |---|---|---|
# | **TrainJob** `two` | your wish: this runtime, `numNodes: 2` | world size |
# | **JobSet** `two` | Jobs that belong together, and what happens to all when one fails | the launcher |
# | **Job** `two-node-0` | completions with a number: `Indexed` | "start it twice" |
# | **Pods** `two-node-0-0-…`, `two-node-0-1-…` | one process each, with its number | a worker; its rank |
# | **Service** `two`, headless | a name for each Pod: `two-node-0-0.two` | the ring's pipes |
#
# The Pods also get some variables that stand in none of your manifests:

# %%
# !kubectl get job two-node-0 -n flights-workers -o yaml | grep -E -A 5 "completionMode|name: DMLC"

# %% [markdown]
# The four variables are the worker's own rank (the Job's index), the number of workers, the address of rank 0, and its
# port: with these a worker finds the others. `torch: {}` in the runtime would tell the same as `PET_NODE_RANK`,
# `PET_NNODES`, `PET_MASTER_ADDR` and `PET_MASTER_PORT`.
#
# The operator sets these variables. In `counted.yaml` somebody sets one of them by hand:

# %%
# !diff "{state}/two.yaml" "{state}/counted.yaml"
# !kubectl apply -f "{state}/counted.yaml"

# %% [markdown]
# Refused before anything is made, by a **webhook** of Trainer: the API server asks it about each TrainJob. With a plain
# Job there would be two Pods that each train as if they were alone, and two models.
#
# ## Exercise 15.7: Three workers
#
# `three.yaml` in the notebook's folder (`work/state/15`, the newest `run-…`) is still a TrainJob of two, called
# `three`. Make it one of three workers and let it run: `!kubectl apply`, `!kubectl wait`, `!kubectl logs`, as above
# with the other name. Give its text and its log as `answer`:
#
# ```
# log = !kubectl logs -n flights-workers -l job-name=three-node-0 --tail=-1
# answer = {"manifest": (state / "three.yaml").read_text(), "log": log}
# ```
#
# If `kubectl apply` answers `NotRecorded`, leave the log empty: `"log": []`.

# %%
### BEGIN SOLUTION
solved = chapter / "solved"  # the text as the editor leaves it
# !diff "{state}/three.yaml" "{solved}/three.yaml"
# !cp "{solved}/three.yaml" "{state}/three.yaml"
# !kubectl apply -f "{state}/three.yaml"
# !kubectl wait -n flights-workers --for=condition=complete trainjob/three --timeout=900s
# log = !kubectl logs -n flights-workers -l job-name=three-node-0 --tail=-1
answer = {"manifest": (state / "three.yaml").read_text(), "log": log}
### END SOLUTION

# %%
check.ex_15_7(answer)

# %% [markdown]
# ## 4. It breaks: it does not begin
#
# Where a worker uses all graphics cards of a machine, people write a rule: each worker on a machine of its own. `apart`
# is `two` with such a rule. (`runtimePatches` changes the runtime's Pods for one TrainJob.)

# %%
# !diff "{state}/two.yaml" "{state}/apart.yaml"
# !kubectl delete trainjob apart -n flights-workers --ignore-not-found
# !kubectl apply -f "{state}/apart.yaml"
# !kubectl wait -n flights-workers --for=jsonpath='{.status.jobsStatus[0].active}'=1 trainjob/apart --timeout=300s
# !kubectl get trainjob apart -n flights-workers
# !kubectl get pods -n flights-workers -l job-name=apart-node-0

# %% [markdown]
# **Symptom.** There is no error, and the training does not end. The TrainJob has no state at all; one Pod starts, the
# other one stays `Pending`. **Evidence.** The Events say what this Pod waits for:

# %%
# !kubectl get events -n flights-workers --field-selector reason=FailedScheduling

# %% [markdown]
# **Cause.** The cluster has one node, and the rule forbids the second worker there. Each Pod was placed by itself: the
# scheduler of Kubernetes does not know that one is of no use without the other. So rank 0 has its cores and its memory,
# and waits at the first all-reduce, for ever. (Its log says so as soon as its rows are read.) With graphics cards this
# waiting is expensive. Two such trainings on one cluster can each hold half of what the other one needs.
#
# **Fix.** Add nodes, or ask for something that fits. To prevent the waiting, there are schedulers that place all Pods
# of a training or none (*gang scheduling*; a runtime asks for it by `podGroupPolicy`) and queues that begin a TrainJob
# when there is room (Kueue, by `suspend`). They were not run here.
#
# ## Exercise 15.8: Let it begin
#
# Mend `apart.yaml` so that the training runs on this cluster, with **two** workers. What a TrainJob trains is fixed
# when it is made: delete it (`!kubectl delete trainjob apart -n flights-workers`), then apply the file and wait. Say
# also why it stood still: the words of the event above that name the rule.
#
# ```
# log = !kubectl logs -n flights-workers -l job-name=apart-node-0 --tail=-1
# answer = {"why": "…", "manifest": (state / "apart.yaml").read_text(), "log": log}
# ```

# %%
### BEGIN SOLUTION
# !diff "{state}/apart.yaml" "{solved}/apart.yaml"
# !cp "{solved}/apart.yaml" "{state}/apart.yaml"
# !kubectl delete trainjob apart -n flights-workers
# !kubectl apply -f "{state}/apart.yaml"
# !kubectl wait -n flights-workers --for=condition=complete trainjob/apart --timeout=900s
# log = !kubectl logs -n flights-workers -l job-name=apart-node-0 --tail=-1
why = "1 node(s) didn't match pod anti-affinity rules"
answer = {"why": why, "manifest": (state / "apart.yaml").read_text(), "log": log}
### END SOLUTION

# %%
check.ex_15_8(answer)

# %% [markdown]
# ## 5. It breaks: a worker is lost
#
# `lost` is `two` with a pause of 0.4 seconds after each step, so that there is time to delete a Pod. A Pod of this
# runtime is *ready* after 45 steps, and the TrainJob shows when all of them are ready:

# %%
# !kubectl delete trainjob lost -n flights-workers --ignore-not-found
# !kubectl apply -f "{state}/lost.yaml"
# !kubectl wait -n flights-workers --for=jsonpath='{.status.jobsStatus[0].ready}'=1 trainjob/lost --timeout=900s
# !kubectl get pods -n flights-workers -l job-name=lost-node-0

# %% [markdown]
# Now the Pod of rank 1 is deleted, as if its machine had failed. **Bet first:** rank 0 had taken more than 45 of the
# 100 steps. With which step does it go on?

# %%
my_bet = None  # a whole number

# %%
# !kubectl delete pod -n flights-workers -l job-name=lost-node-0,batch.kubernetes.io/job-completion-index=1
# !kubectl wait -n flights-workers --for=condition=complete trainjob/lost --timeout=900s
# !kubectl get pods -n flights-workers -l job-name=lost-node-0
# log = !kubectl logs -n flights-workers -l job-name=lost-node-0 --tail=-1
print("\n".join(sorted(log, key=lambda line: line.split(" | ")[0])))
begun = [int(line.split()[-1]) for line in log if "rank 0 | begins" in line]
companion.compare_bet(my_bet, begun[0] if begun else "not seen: begin this section anew")
zero = "job-name=lost-node-0,batch.kubernetes.io/job-completion-index=0"
# !kubectl describe pods -n flights-workers -l {zero} | sed -n "/Last State/,/Exit Code/p"

# %% [markdown]
# Two things were started again. For rank 1 the Job made a new Pod with the same index. Rank 0 found its partner gone
# and ended with an error; its container was started again in its Pod (RESTARTS), and what the one before had printed
# last is kept in the Pod's status.
#
# So the operator starts the *processes* again; you have to save the *steps* yourself. The model is right in the end,
# since all ranks began anew. But a training of a day on a hundred machines would never end in this way.
#
# `pod.py` can save: where `STORE` names a folder, rank 0 writes the run into it every 20 steps, and every rank begins
# with what lies there. A second runtime, `with-a-store`, has two folders to offer:

# %%
# !diff "{state}/runtime.yaml" "{state}/runtime-with-a-store.yaml"
# !kubectl apply -f "{state}/runtime-with-a-store.yaml"

# %% [markdown]
# ## Exercise 15.9: Keep the steps
#
# `kept.yaml` is still `lost` under another name. Let it use this runtime, and give it a `STORE` among its `env` so that
# a lost worker costs 20 steps and not all. Apply it with the claim, `store.yaml`, and take rank 1 away in the middle:
# the commands of section 5 with the other name. (To try again: delete the TrainJob, then the claim, `!kubectl delete
# pvc store -n flights-workers`, then apply both.) Show it:
#
# ```
# log = !kubectl logs -n flights-workers -l job-name=kept-node-0 --tail=-1
# answer = {"manifest": (state / "kept.yaml").read_text(), "log": log}
# ```

# %%
### BEGIN SOLUTION
# !diff "{state}/kept.yaml" "{solved}/kept.yaml"
# !cp "{solved}/kept.yaml" "{state}/kept.yaml"
# !kubectl delete trainjob kept -n flights-workers --ignore-not-found
# !kubectl delete -f "{state}/store.yaml" --ignore-not-found
# !kubectl apply -f "{state}/store.yaml" -f "{state}/kept.yaml"
# !kubectl wait -n flights-workers --for=jsonpath='{.status.jobsStatus[0].ready}'=1 trainjob/kept --timeout=900s
# !kubectl delete pod -n flights-workers -l job-name=kept-node-0,batch.kubernetes.io/job-completion-index=1
# !kubectl wait -n flights-workers --for=condition=complete trainjob/kept --timeout=900s
# log = !kubectl logs -n flights-workers -l job-name=kept-node-0 --tail=-1
print("\n".join(sorted(log, key=lambda line: line.split(" | ")[0])))
answer = {"manifest": (state / "kept.yaml").read_text(), "log": log}
### END SOLUTION

# %%
check.ex_15_9(answer)

# %% [markdown]
# The model is the same, and at most 20 steps were done twice. Both ranks read one file, on a claim that both Pods
# mount. (On more than one node it needs storage that more than one may mount, `ReadWriteMany`; kind's is for one.)
#
# ## To read: the SDK
#
# You wrote all of this as YAML, so that you see it. The package `kubeflow` writes it for you; with 0.5, from a
# notebook:
#
# ```
# from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient
# client = TrainerClient(KubernetesBackendConfig(namespace="flights-workers"))
# name = client.train(runtime="by-hand", trainer=CustomTrainer(func=train, num_nodes=2))
# ```
#
# It reads the source of `train` and puts it into the TrainJob's command, so the imports have to stand inside of the
# function. `get_job_logs(name, step="node-1")` is a rank's log, `wait_for_job_status` the wait. It also has a
# `LocalProcessBackend`, for the same call without a cluster: that one knows a runtime for PyTorch only, starts one
# process whatever `num_nodes` says, and installs torch for each job. And it calls your function in another way: with
# `func_args={"rate": 0.5}` the cluster runs `train(**{"rate": 0.5})`, the local process `train({"rate": 0.5})`. What
# runs locally may fail on the cluster. So for its one process this notebook used the Pod's own program, and not this
# backend.
#
# ## Recap
#
# 1. You wrote a **TrainJob** and saw which objects are made of it: a JobSet, an indexed Job, a Pod for each rank, a
#    headless Service. The model of two Pods, and of three, is that of one process: you compared it.
# 2. You found out **why a training stands still**: all Pods have to start together, but each was placed by itself.
# 3. You **lost a worker** and kept its steps: the operator starts processes again, a checkpoint on a claim brings back
#    the steps.
#
# ## Clean-up
#
# With the namespace, all its objects are deleted.

# %%
# !kubectl delete namespace flights-workers --wait=false

# %% [markdown]
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks".
