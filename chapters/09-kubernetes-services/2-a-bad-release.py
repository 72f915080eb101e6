# %% [markdown]
# # 09.2 · Kubernetes: a bad release, and the way back
#
# About 25 minutes · 2 GB of memory · a cluster, or a recorded one
#
# In the last notebook a release replaced one good model by another, and nobody noticed. Here one is bad.
#
# You will
#
# 1. find from evidence **what is wrong with a release**;
# 2. **take a bad release back**, where it runs and where it is written.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("09-2")
companion.copy_manifests(state)

# %% [markdown]
# The commands go to the book's own cluster, or to a recorded one, as before. First make again what the last notebook
# built: two champions, the Deployment with its probes, the Service. July's champion is released, then August's. (On a
# cluster of your own this takes one to three minutes.)

# %%
# !kubectl delete namespace flights-release --ignore-not-found
# !kubectl create namespace flights-release
# !kubectl apply -n flights-release -f "{state}/champions.yaml"
# !kubectl wait -n flights-release --for=condition=complete job/champions --timeout=900s
# log = !kubectl logs -n flights-release -l run=champions -c august
july, august = log[-2:]

# %%
from chapter_09.release import release  # as you built it in the last notebook

manifest = state / "predictions.yaml"
# !cp "{state}/probed.yaml" "{manifest}"
release(manifest, july)
# !kubectl apply -n flights-release -f "{manifest}" -f "{state}/service.yaml"
# !kubectl rollout status -n flights-release deployment/predictions --timeout=600s | tail -1
release(manifest, august)
# !kubectl apply -n flights-release -f "{manifest}"
# !kubectl rollout status -n flights-release deployment/predictions --timeout=600s | tail -1

# %%
door = "/api/v1/namespaces/flights-release/services/predictions:80/proxy"
# !kubectl get --raw {door}/champion

# %% [markdown]
# ## 1. A release in a hurry
#
# The last ten descriptions are kept, as ReplicaSets, with the note that each manifest has on itself
# (`change-cause`):

# %%
# !kubectl rollout history -n flights-release deployment/predictions

# %% [markdown]
# At the end of September somebody is in a hurry. The pipeline of September has not run. They guess the name of its
# version, write it into the file, and apply the file. **Bet first:** what will the call centre notice?

# %%
my_bet = None  # "all calls fail", "nothing" or "some calls fail"

# %%
release(manifest, "2013-09-0123456789ab")
# !kubectl apply -n flights-release -f "{manifest}"
# !kubectl rollout status -n flights-release deployment/predictions --timeout=10s | tail -1
# !kubectl delete job caller -n flights-release --ignore-not-found
# !kubectl apply -n flights-release -f "{state}/caller.yaml"
# !kubectl wait -n flights-release --for=condition=complete job/caller --timeout=600s

# %%
# said = !kubectl logs -n flights-release -l run=caller
print("\n".join(said))
if "failed calls" in str(said):
    companion.compare_bet(my_bet, "nothing" if "failed calls: none" in said else "some calls fail")

# %% [markdown]
# **Symptom:** `rollout status` gave up after half a minute, and it would also have given up after ten minutes: the
# release does not end. Look at the Pods:

# %%
# !kubectl get pods -n flights-release -l app=predictions -L month

# %% [markdown]
# Three Pods, all `Running`. The new one is not **ready**, so it gets no requests, and no old one may go. So this bad
# release does no harm: it stops. The Events of the new Pod say what the probe found: first no program listened yet, and
# then the port was open.

# %%
# !kubectl describe pod -n flights-release -l month=2013-09 | grep -E "CHAMPION|Readiness probe"
# !kubectl logs -n flights-release -l run=champions -c august --tail=2

# %% [markdown]
# **Evidence:** `/readyz` answers 503, which means by its own description that the model is not loaded; the Pod is
# pinned to a version of September, and the store has none. **Cause:** a version in the manifest that no pipeline has
# made. Because of the readiness probe the bad release stopped, and the service did not fail.
#
# The probe also helps if the model file is there and damaged. It does *not* help if the model is there and predicts
# badly: a probe checks whether there is an answer, not whether it is right. For that there is `decide`.
#
# ## Exercise 9.2: Take it back
#
# Bring the service back to the last good champion, **August's**, with two ready replicas and nothing of September's
# left, so that it stays so when somebody applies `predictions.yaml` the next time.
#
# For the cluster: `kubectl rollout undo` goes back to the revision before, `--to-revision=N` to number N of the
# history; `kubectl set env` changes one value; `apply` brings all that a file says. Which one you take is your choice.
# For the file: an editor, or `release(manifest, …)` as above.
#
# Wait until `rollout status` says that it is done. Then hand in what the cluster says, as it is, and the file:
#
# ```
# objects = !kubectl get deployments,pods,services,endpointslices -n flights-release -o json
# answer = {"objects": objects, "file": manifest.read_text()}
# ```

# %%
from companion import check

### BEGIN SOLUTION
# !kubectl rollout undo -n flights-release deployment/predictions
# !kubectl rollout status -n flights-release deployment/predictions --timeout=300s | tail -1
release(manifest, august)
# objects = !kubectl get deployments,pods,services,endpointslices -n flights-release -o json
answer = {"objects": objects, "file": manifest.read_text()}
### END SOLUTION

# %%
check.ex_9_2(answer)

# %% [markdown]
# `undo` is quick, since nothing has to be built or found: the old ReplicaSet is still there. It mends the cluster, but
# not the file: the next `apply` from your repository would release September again. (kubectl's own warning says so.) So
# **the file is mended too**, and applied. (If you left the exercise out, the next cell does its work.)

# %%
release(manifest, august)
# !kubectl apply -n flights-release -f "{manifest}"
# !kubectl rollout status -n flights-release deployment/predictions --timeout=300s | tail -1
# !kubectl rollout history -n flights-release deployment/predictions
# !kubectl get --raw {door}/champion

# %% [markdown]
# The newest line shows what runs. Going back makes a new revision too, and the number that August's had before is gone.
# (A second `undo` would take back the first: it would bring September again.)
#
# **It transfers.** The replacement of a score has to be approved. With a pinned version, a change of a file and a
# history of rollouts, you can say which model was in use at 14:05, and the approved model is back in seconds.
#
# ## Recap
#
# 1. You found **what is wrong with a release**: Pods that are not ready, the answer of their probe, and the version
#    that they are pinned to, against those that the store has.
# 2. You **took a bad release back**: the cluster first, since somebody waits, then the file, since it is applied again.
#
# ## Clean-up

# %%
# !kubectl delete namespace flights-release --wait=false

# %% [markdown]
# ## What comes next
#
# Here a person in a hurry made the mistake. In [the next notebook](09-3-the-month-by-itself.ipynb) no person is there
# at all: a program runs the month by itself.
