# %% [markdown]
# # 08.3 · Kubernetes: what a Pod is given, and what outlives it
#
# About 35 minutes · 1 GB of memory · a cluster, or a recorded one
#
# Some trainings of the last two notebooks ended well, but none of their models is in use. Here a model is stored
# outside of its Pod, and the training gets its month and its token from outside.
#
# You will
#
# 1. say **what outlives a Pod**, and give the model a store that does;
# 2. give a training its **parameters and a token** without writing them into its manifest.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet
# compares.

# %%
import companion

state = companion.workspace("08-3")
companion.copy_manifests(state)

# %% [markdown]
# The commands go to the book's own cluster, or to a recorded one, as before. Make a Namespace for this notebook, and in
# it the training of September as a Job, as in the first notebook:

# %%
# !kubectl delete namespace flights-models --ignore-not-found
# !kubectl create namespace flights-models

# %%
# !kubectl apply -f "{state}/alone-september.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/alone-september --timeout=600s
# !kubectl logs -n flights-models -l run=alone-september

# %% [markdown]
# ## 1. The next month
#
# The training found no champion in its store, so its model was compared with the baseline, and promoted. It was written
# to `store`, a folder on the container's own disk. The Pod ended well; it is still listed, and its log can still be
# read. Now October is trained, with the same image and the same folder as its store.
#
# **Bet first:** is October's model compared with September's champion?

# %%
my_bet = None  # "no" or "yes"

# %%
# !diff "{state}/alone-september.yaml" "{state}/alone-october.yaml"
# !kubectl apply -f "{state}/alone-october.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/alone-october --timeout=600s
# said = !kubectl logs -n flights-models -l run=alone-october
print("\n".join(said))
companion.compare_bet(my_bet, "yes" if "champion" in said[-1] else "no")

# %% [markdown]
# Every Pod begins with the disk of its image, and with nothing of the Pod before. Of a finished Pod, Kubernetes still
# shows you the description and the log. The container's disk lies on the node until the remains are cleared away, but
# no command of Kubernetes leads to it: `kubectl exec` runs a program in a running container, and none runs there any
# more. If the Job is deleted, description and log go as well.
#
# ## 2. A claim
#
# So the model has to be written to something that is no part of the Pod: a **volume**. You ask for one by a
# **PersistentVolumeClaim**, which says how much storage you need, and not who provides it. (`ReadWriteOnce`: written
# from one node at a time.)

# %%
# !cat "{state}/claim.yaml"
# !kubectl apply -f "{state}/claim.yaml"
# !kubectl get persistentvolumeclaims -n flights-models

# %% [markdown]
# `Pending`: it is provided when the first Pod wants it (this cluster's storage waits for that, so that the folder is
# on the Pod's node).
#
# ### Parameters: a ConfigMap
#
# So far the month stood in the manifest, so each month needs another manifest. A **ConfigMap** holds named values
# outside of it: the first cell of your notebook, as an object.

# %%
# !cat "{state}/run.yaml"
# !kubectl apply -f "{state}/run.yaml"

# %%
# !cat "{state}/kept.yaml"

# %% [markdown]
# Two things are new. `envFrom` makes environment variables of the ConfigMap's values, and in `args` Kubernetes itself
# replaces `$(MONTH)`; it is written with round brackets, since no shell is involved. And the volume needs two entries:
# `volumes` says what it is (the claim), `volumeMounts` says where it appears (`/store`, which is now the `--store`).

# %%
# !kubectl apply -f "{state}/kept.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/kept --timeout=600s
# !kubectl get persistentvolumeclaims -n flights-models

# %% [markdown]
# `Bound` means that the storage was provided; the training has written to it.
#
# The training runs as user 10001, not as root, and it could write because the folders that kind's storage makes are
# open to all. On other clusters a new volume may belong to root, and the first write fails; the line `securityContext:
# {fsGroup: 10001}` in the Pod solves this for most kinds of storage. A training does not have to be root for that.
#
# ## 3. A ConfigMap that changes
#
# A ConfigMap can be given in two ways: as environment variables, or mounted, as a folder with a file for each value.
# The Job `watch` has both. Its program remembers the month, looks once a second until one of the two has changed, and
# prints both.

# %%
# !grep -A 26 "command:" "{state}/watch.yaml"

# %%
# !kubectl delete job watch -n flights-models --ignore-not-found
# !kubectl apply -f "{state}/run.yaml"
# !kubectl apply -f "{state}/watch.yaml"
# !kubectl wait -n flights-models --for=condition=ready pod -l run=watch --timeout=120s

# %% [markdown]
# While it runs, the ConfigMap gets the month 2013-11. **Bet first:** what does the running program see, in its
# variable and in its file: the old month or the new one?

# %%
my_bet = None  # {"file": …, "variable": …}, each "new" or "old"

# %% [markdown]
# (On a cluster of your own this takes up to a minute or so.)

# %%
# !kubectl apply -f "{state}/run-november.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/watch --timeout=300s
# said = !kubectl logs -n flights-models -l run=watch
print("\n".join(said))
saw = dict(line.split() for line in said if line.startswith(("file ", "variable ")))
companion.compare_bet(my_bet, {name: "new" if saw[name] == "2013-11" else "old" for name in sorted(saw)})

# %% [markdown]
# Environment variables are set when a container starts, and stay. The files of a mounted ConfigMap do change, within
# about a minute (not those mounted with `subPath`); whether the program reads them again depends on the program. A
# training that shall be repeatable takes variables, and a new Job for another month.
#
# ## 4. A token: a Secret
#
# The model registry of your company needs a token. A **Secret** is a ConfigMap for such values. Make a Secret
# `registry`, and look at how its value is kept. **Bet first:** is it encrypted?

# %%
my_bet = None  # "no" or "yes"

# %%
# !kubectl delete secret registry -n flights-models --ignore-not-found
# !kubectl create secret generic registry -n flights-models --from-literal=TOKEN=not-a-real-token
# stored = !kubectl get secret registry -n flights-models -o yaml
print("\n".join(stored[:3]))

# %%
import base64

read = base64.b64decode(stored[2].split()[1]).decode()
print(read)
companion.compare_bet(my_bet, "no" if read == "not-a-real-token" else "yes")

# %% [markdown]
# One line of Python was enough, without a key. **base64 only writes bytes as letters; it protects nothing.** A Secret
# differs from a ConfigMap in two ways: it has rights of its own (who may read it), and `describe` does not print its
# value. But everybody who may start a Pod in the namespace can read all its Secrets. Do not put a manifest with a
# Secret's value into git; a manifest that only names the Secret may be there.
#
# ## 5. The Pod goes, the model stays
#
# Delete the Job that trained. Its Pod and its log go with it.

# %%
# !kubectl delete job kept -n flights-models --ignore-not-found
# !kubectl get pods -n flights-models -l run=kept

# %% [markdown]
# Then another Job asks the store for its champion, and the champion for its prediction of our flight, UA 1037. It also
# gets the token, and it mounts the claim for reading only.

# %%
# !grep -A 30 "command:" "{state}/ask.yaml"

# %%
# !kubectl apply -f "{state}/ask.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/ask --timeout=600s
# !kubectl logs -n flights-models -l run=ask

# %% [markdown]
# What lay in the container is gone with the Pod; what lay in the claim is still there. Two entries of the manifest,
# `volumes` and `volumeMounts`, decide where a result is written.
#
# ### A Job that somebody left you
#
# It was written in a hurry, and no model of it was ever kept.

# %%
# !cat "{state}/november.yaml"

# %% [markdown]
# (An `emptyDir` is a volume as well: an empty folder that lives as long as its Pod.)
#
# ## Exercise 8.4: Make it last
#
# Open the file in the editor (in JupyterLab's file browser `work/state/08`, the newest `run-…`), and mend it. The
# Job `november` shall
#
# - take month and sample from the ConfigMap `run` (`MONTH` and `SAMPLE`), whatever stands there;
# - have the token of the Secret `registry` in its environment variable `TOKEN`, and nowhere in the text;
# - write its model where the next Job finds it: into the claim `models`, at its top, as `kept` did.
#
# Then apply it, wait for it, and read in its log with which model it was compared. `answer` is the text of the file:
#
# ```
# answer = (state / "november.yaml").read_text()
# ```
#
# A recorded cluster knows some ways to write this Job. If it does not know yours, the check judges the text all the
# same. (A Job that is there already is deleted before it is applied again.)

# %%
from companion import check
from companion.workspace import repository

### BEGIN SOLUTION
solved = repository() / "chapters/08-kubernetes-jobs/solved"  # the text as the editor leaves it
# !diff "{state}/november.yaml" "{solved}/november.yaml"
# !cp "{solved}/november.yaml" "{state}/november.yaml"
# !kubectl apply -f "{state}/november.yaml"
# !kubectl wait -n flights-models --for=condition=complete job/november --timeout=600s
# !kubectl logs -n flights-models -l run=november
answer = (state / "november.yaml").read_text()
### END SOLUTION

# %%
check.ex_8_4(answer)

# %% [markdown]
# **It transfers.** A bank retrains its model of late payment once a quarter. The quarter is a ConfigMap's value, the
# password of the ledger is a Secret, the approved model lies in a claim or an object store, and each estimation is a
# Job whose template cannot be changed afterwards. An auditor wants exactly that.
#
# ## Recap
#
# 1. You can say **what outlives a Pod**: its description and log until the Job is deleted, and what it wrote to a
#    claim. You gave the model such a store.
# 2. You gave a training its **parameters and a token** by name: the parameters from a ConfigMap, whose variables are
#    set at the start, the token from a Secret, which is only written in base64 and not encrypted.
#
# ## Clean-up
#
# With the namespace, all its objects are deleted, also the claim.

# %%
# !kubectl delete namespace flights-models --wait=false

# %% [markdown]
# ## What comes next
#
# A Job ends. [Chapter 09](../chapters/09-kubernetes-services/README.md) runs a program that shall not end: the champion
# answers requests, on two Pods, and is replaced by the next one without a lost request.
