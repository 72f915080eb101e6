# %% [markdown]
# # 08.1 · Kubernetes: one training as a Job
#
# About 30 minutes · 1 GB of memory · a cluster, or a recorded one
#
# In chapter 06 you started containers by hand, on a machine that you knew. A cluster is many machines, and nobody
# starts containers there by hand: you write down what shall run, and programs start it. Here the cluster trains your
# model.
#
# You will
#
# 1. write **one training as a Job** and follow it to its end;
# 2. say **when it is tried again**, and when another attempt helps.
#
# Two times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("08-1")
companion.copy_manifests(state)

# %% [markdown]
# The commands go to the book's own cluster, which `make cluster-up` makes, and to no other. Where there is none,
# the cell above has said so, and the same `kubectl` talks to a **recorded** cluster: look at whatever you like,
# as often as you like, here or in a terminal. It takes the changes that were tried on the real one, and says so in
# a sentence when it does not know one.
#
# A cluster's machines are called **nodes**. Look which nodes there are, and whether they have the image of chapter 06.

# %%
# !kubectl get nodes
# !kubectl get nodes -o yaml | grep pipelines-for-humans

# %% [markdown]
# `get` asks, and `-o yaml` prints all that is known of an object. A cluster does not see the images of your
# machine: if the image is missing, run `make image` and then
# `make cluster-load IMAGE=pipelines-for-humans/python:0.1.0` in a terminal.
#
# Now make a place of your own. A **Namespace** is a folder for objects: nobody else's names are in it, and if you
# delete it, all its objects are deleted. (The first line removes what an interrupted run may have left.)

# %%
# !kubectl delete namespace flights-training --ignore-not-found
# !kubectl create namespace flights-training

# %% [markdown]
# ## 1. One training
#
# You do not start a container on a cluster. You write down what you want, as an **object**, and hand it over; its
# text is called a **manifest**. For work that ends, such as a training, the object is a **Job**.

# %%
# %%writefile "{state}/september.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata: {name: september, namespace: flights-training}
# spec:
#   backoffLimit: 1
#   template:
#     metadata: {labels: {run: september}}
#     spec:
#       restartPolicy: Never
#       containers:
#         - name: train
#           image: pipelines-for-humans/python:0.1.0
#           args: ["2013-09", "--sample", "20000", "--store", "store"]

# %% [markdown]
# Read it from the inside out. (Curly brackets are the short way to write what else stands indented below.)
#
# | line | what it says | in a notebook |
# |---|---|---|
# | `args` | what comes behind the image's `ENTRYPOINT`, `python3 -m flightdelay` | the values in the first cell |
# | `image`, `name` | a **container**, started from this image | the frozen environment |
# | `restartPolicy: Never` | a container that has ended is not started again | – |
# | `labels` | notes on each Pod, by which others find it | a tag |
# | `template` | the description of a **Pod**: what starts together on one node, here one container | one "Run all" |
# | `backoffLimit: 1` | how many failed Pods are followed by a new one | "run it again" |
#
# So there are three levels: the **Job** is the wish, a **Pod** is one attempt at it, the **container** is the process.
# Send the Job to the cluster, and wait for its end. (The time-out is for slow machines.)

# %%
# !kubectl apply -f "{state}/september.yaml"
# !kubectl wait -n flights-training --for=condition=complete job/september --timeout=600s

# %% [markdown]
# `created` means that the cluster has stored the Job; nothing is trained yet. `apply` does not wait for the training;
# `wait` did.

# %%
# !kubectl get jobs,pods -n flights-training

# %% [markdown]
# There are one Job and one Pod. The Pod has the Job's name and five random characters; the next attempt would have
# other ones. So a script cannot know the name: ask **by label**. What a process prints is its **log**. (By label you
# get its last ten lines, with `--tail=-1` all of them.)

# %%
# log = !kubectl logs -n flights-training -l run=september
print("\n".join(log))

# %% [markdown]
# Compare it with plain Python, here, without any cluster. **Bet first:** are AUC and log loss the same to three
# decimals, or different?

# %%
my_bet = None  # "different" or "the same"

# %%
from flightdelay.pipelines import in_plain_python

plain = in_plain_python.run("2013-09", sample=20_000, store=state / "store").evaluation["challenger"]
words = next(line for line in log if line.startswith("challenger")).split()
there = {"auc": float(words[2]), "log_loss": float(words[5])}
same = all(abs(there[name] - plain[name]) < 0.001 for name in there)
print("same as plain:", same)
companion.compare_bet(my_bet, "the same" if same else "different")

# %% [markdown]
# It is the same code with the same packages on the same data, so Kubernetes changes nothing in a model. It added a
# history of which program did what, as **Events**:

# %%
# !kubectl get events -n flights-training --sort-by=.metadata.creationTimestamp

# %% [markdown]
# Look at the column REASON. Three programs worked one after the other. The Job controller saw your Job and made a Pod
# (`SuccessfulCreate`). The **scheduler** picked a node (`Scheduled`). The **kubelet**, a program on that node, looked
# for the image (`Pulled`: it was there) and started the container. Then the Job controller saw the end (`Completed`).
# (Events of the same second may stand in another order.) When something does not work, the last Event shows how far it
# got. Events are kept for about an hour.
#
# `kubectl describe` prints an object for people, its Events at the end. Have a look at it once:

# %% tags=["nbval-ignore-output"]
# !kubectl describe job september -n flights-training

# %% [markdown]
# ## 2. Try again
#
# January cannot be judged, because there are no months before it to learn from. The pipeline refuses it in one
# sentence and ends with an exit code that is not 0. Its manifest lies in the notebook's folder, as all that follow.
# What is different in it?

# %%
# !diff "{state}/september.yaml" "{state}/january.yaml"

# %% [markdown]
# `backoffLimit` is 1, as it was. **Bet first:** how many Pods will there be?

# %%
my_bet = None  # a whole number

# %%
# !kubectl apply -f "{state}/january.yaml"
# !kubectl wait -n flights-training --for=condition=failed job/january --timeout=600s

# %%
# !kubectl get pods -n flights-training -l run=january
# !kubectl logs -n flights-training -l run=january
# pods = !kubectl get pods -n flights-training -l run=january -o name
companion.compare_bet(my_bet, len(pods))

# %% [markdown]
# There was one attempt, and one more. Both printed the same sentence, and the second one cost a pause of ten seconds
# and a start, without any use. A Job as you wrote it knows only "0" and "not 0"; it cannot tell a failed network, which
# comes back, from a refused month, which stays refused. Without `backoffLimit` there would be six more attempts, each
# after a longer pause.
#
# A Job can be told more. A `podFailurePolicy` names exit codes that end it at once, whatever `backoffLimit` says:

# %%
# !diff "{state}/january.yaml" "{state}/january-once.yaml"

# %%
# !kubectl apply -f "{state}/january-once.yaml"
# !kubectl wait -n flights-training --for=condition=failed job/january-once --timeout=600s
# !kubectl get pods -n flights-training -l run=january-once
# !kubectl get events -n flights-training --field-selector involvedObject.name=january-once

# %% [markdown]
# `FailJob` is the action for the codes behind `values`, and the Event says which rule it was. It needs a program that
# has an exit code of its own for causes that do not pass. Ours has none: it ends with 1 for every refusal, and Python
# itself ends with 1 after any error, also after a lost connection. So in production this rule would stop retries that
# could help.
#
# One setting decides how a Job is repeated:
#
# - `restartPolicy: Never`: each attempt is a new Pod. The old ones stay, so that you can read their logs.
# - `restartPolicy: OnFailure`: the same Pod starts its container again; only the log of the attempt before is
#   kept. A Pod's default, `Always`, is refused in a Job: a training that ended well would be started again.
#
# One trap with `wait`: a Job that failed never becomes `complete`, and waiting for that lasts until the
# time-out.
#
# ## Exercise 8.1: Write one yourself
#
# `october.yaml`, in the notebook's folder (in JupyterLab's file browser `work/state/08`, the newest `run-…`), is still
# September's text. Open it there and change it into a Job `october` in the same namespace. It trains 2013-10 on a
# sample of 20,000 flights, with `store` as its `--store`. A failed attempt is followed by at most **two** more, each in
# a Pod of its own. Its Pods are found by the label `run=october`, and by `team=forecast` as well.
#
# Then let it run: `!kubectl apply`, `!kubectl wait`, and `!kubectl get pods` by its second label. (With
# `--dry-run=server` behind `apply` the server only checks the form of the text, and makes nothing.) Give the text as
# `answer`:
#
# ```
# answer = (state / "october.yaml").read_text()
# ```
#
# A recorded cluster knows some ways to write this Job. If it does not know yours, the check judges the text all the
# same.

# %%
from companion import check
from companion.workspace import repository

### BEGIN SOLUTION
solved = repository() / "chapters/08-kubernetes-jobs/solved"  # the text as the editor leaves it
# !diff "{state}/october.yaml" "{solved}/october.yaml"
# !cp "{solved}/october.yaml" "{state}/october.yaml"
# !kubectl apply -f "{state}/october.yaml"
# !kubectl wait -n flights-training --for=condition=complete job/october --timeout=600s
# !kubectl get pods -n flights-training -l team=forecast
answer = (state / "october.yaml").read_text()
### END SOLUTION

# %%
check.ex_8_1(answer)

# %% [markdown]
# **It transfers.** The nightly estimation of a bank's default model is such a Job: its number of attempts is chosen
# with care, and it has labels by which the people on duty in the morning find it.
#
# ## Recap
#
# 1. You wrote **one training as a Job**: the wish, with Pods as its attempts. You followed it with `wait`,
#    `get`, `logs`, `describe` and Events, by label.
# 2. You can say **when it is tried again**: `backoffLimit` only repeats the same program, and a `podFailurePolicy` ends
#    the Job where the exit code says that no attempt will help.
#
# ## Clean-up
#
# With the namespace, all its objects are deleted.

# %%
# !kubectl delete namespace flights-training --wait=false

# %% [markdown]
# ## What comes next
#
# This Job did not say how much memory it needs. In [the next notebook](08-2-requests-and-limits.ipynb) you write that
# down, and mend a training that needs more than it may use.
