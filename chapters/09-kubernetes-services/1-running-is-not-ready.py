# %% [markdown]
# # 09.1 · Kubernetes: answering all day, and changing the model meanwhile
#
# About 35 minutes · 2 GB of memory · a cluster, or a recorded one
#
# A training ends. A service does not: the call centre asks for a probability at any minute, also in the one in
# which you replace the model. Here you put a champion behind an address, and exchange it while somebody asks ten
# times a second.
#
# You will
#
# 1. put a model behind **one address**, with a Deployment and a Service;
# 2. tell **running, alive and ready** apart, and write the probes and the selector that make the difference;
# 3. **release** a new champion without losing a request.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("09-1")
companion.copy_manifests(state)

# %% [markdown]
# As in chapter 08 the commands go to the book's own cluster or, where there is none, to a recorded one. The
# manifests lie in the notebook's folder. They name no Namespace: `-n` says into which one they go.
#
# ## 1. Two champions in one store
#
# To replace a model you need two. A Job runs the pipeline for July and for August 2013 (on a sample of 5,000
# flights, to be quick) and keeps both in a claim.

# %%
# !kubectl delete namespace flights-service --ignore-not-found
# !kubectl create namespace flights-service
# !kubectl apply -n flights-service -f "{state}/champions.yaml"
# !kubectl wait -n flights-service --for=condition=complete job/champions --timeout=900s

# %%
# !kubectl logs -n flights-service -l run=champions -c july
# !kubectl logs -n flights-service -l run=champions -c august
# log = !kubectl logs -n flights-service -l run=champions -c august
july, august = log[-2:]

# %% [markdown]
# Both were promoted, and the last two lines are their versions. A version's name is its month and the sum of its
# probabilities, so that nobody can confuse two of them. (On another kind of processor the sums may differ.)
#
# August is measured against July's champion, so it has to come second. How does the Job see to that?

# %%
# !grep -A 18 "initContainers" "{state}/champions.yaml"

# %% [markdown]
# By an **init container**. Those under `initContainers` run before the others, one after the other, each to its end;
# if one fails, the rest is not begun. (In `describe` and in `kubectl get pods`, `Init:0/1` says that it is still at
# work.)
#
# It is the beginning of September now: July's champion is in use, and August's shall replace it.
#
# ## 2. A Deployment and a Service
#
# A Job wants its Pod to end. For a program that shall *not* end you need an object that starts it again whenever it
# stops, and keeps several of it: a **Deployment**. Each of its equal Pods is a **replica**.

# %%
# !cat "{state}/predictions.yaml"

# %% [markdown]
# `template` is the form for a Pod, as in a Job. Three lines are worth a look:
#
# - `FLIGHTDELAY_CHAMPION` **pins** the version. "Take the newest one" would make two replicas that started at
#   different times answer differently, and nobody could say what was released when.
# - `selector` says by which labels the Deployment knows its Pods. `month` is not in it: it changes with each
#   release, and it is there for us to read.
# - `preStop`: a Pod that has to go waits fifteen seconds before it ends. Who was sent to it a moment ago is still
#   answered.
#
# Such a file lies in your repository. A release is a change of its version, and of the two notes on the month:

# %%
import re


def release(version, name="predictions.yaml"):
    """Pin this version in the manifest; `kubectl apply` makes it so."""
    text = (state / name).read_text()
    text = re.sub(r"2013-\d\d-\w+", version, text)
    (state / name).write_text(re.sub(r"2013-\d\d(?!-)", version[:7], text))


release(july)
# !kubectl apply -n flights-service -f "{state}/predictions.yaml"
# !kubectl rollout status -n flights-service deployment/predictions --timeout=300s

# %%
# !kubectl get deployments -n flights-service
# !kubectl get replicasets,pods -n flights-service -l app=predictions -L month

# %% [markdown]
# (`-L month` prints a label as a column.) Between the Deployment and its Pods stands a **ReplicaSet**: it keeps the
# number for *one* state of the description. The next release gets a second one. That is how a release can be taken
# back: the old description is still there.
#
# Pods come and go, with other names and addresses each time. Nobody should have to know them. A **Service** is
# the steady address in front: it looks for Pods **by label** and leads each request to one of them.

# %%
# !cat "{state}/service.yaml"
# !kubectl apply -n flights-service -f "{state}/service.yaml"
# !kubectl get services,endpointslices -n flights-service

# %% [markdown]
# Two addresses behind the counter, kept in an **EndpointSlice**. In the cluster the Service is now called
# `predictions`, on port 80. (For callers outside, an Ingress or a load balancer stands in front of it.) A selector
# that fits no Pod gives an empty list and no error; chapter 10 has a lab on that.
#
# You are outside as well. The cluster's API passes a question on to a Service: `kubectl get --raw` asks for an
# address as it is. (A new counter takes a moment to open, so it is asked up to nine times.)

# %%
door = "/api/v1/namespaces/flights-service/services/predictions:80/proxy"
# !for i in 1 2 3 4 5 6 7 8 9; do kubectl get --raw {door}/champion 2>&- && break; sleep 5; done

# %% [markdown]
# Now the flight. It is 12 September, 17:30, two hours before UA 1037 is to leave for Los Angeles. These are the
# columns that are known by then:

# %%
import json

from flightdelay.steps.evaluate import month_rows
from flightdelay.steps.featurize import FEATURES, featurize
from flightdelay.steps.ingest import ingest

rows = month_rows(featurize(ingest("2013-09")), "2013-09")
day = rows["time_hour"].dt.tz_convert("America/New_York").dt.date.astype(str)
ours = rows[(rows["carrier"] == "UA") & (rows["flight"] == 1037) & (day == "2013-09-12")]
(state / "flight.json").write_text(ours[FEATURES].to_json(orient="records"))
print(json.dumps(json.loads((state / "flight.json").read_text())[0]))

# %% [markdown]
# What does July's model say of it on your own machine? Train it here, as the Job did there.

# %%
from flightdelay.pipelines import in_plain_python
from flightdelay.steps.evaluate import predict
from flightdelay.store import Store

here = in_plain_python.run("2013-07", sample=5000, store=state / "store")
model = Store(state / "store").load(here.decision["champion_after"])
late = float(predict(model, ours)[0])
print(f"late with probability {late:.2f}")

# %% [markdown]
# And the one behind the counter? The call centre sits in the cluster, so a Job asks for it: it finds the flight in a
# ConfigMap, sends it to `http://predictions/predict`, and prints what comes back.

# %%
# !kubectl create configmap flight --from-file="{state}/flight.json" --dry-run=client -o yaml > "{state}/flight.yaml"
# !kubectl delete job ask -n flights-service --ignore-not-found
# !kubectl apply -n flights-service -f "{state}/flight.yaml" -f "{state}/ask.yaml"
# !kubectl wait -n flights-service --for=condition=complete job/ask --timeout=300s
# said = !kubectl logs -n flights-service -l run=ask
served = json.loads(said[0])
print(f"{served['version'][:7]} says: late with probability {served['probabilities'][0]:.2f}")
print("same as on the laptop:", abs(late - served["probabilities"][0]) < 0.00001)

# %% [markdown]
# It was 147 minutes late in the end. Both give the same number.
# The same code, the same locked packages, and columns made by the same `featurize`: what the model learned from and
# what it is asked cannot drift apart.
#
# ## 3. A release, while somebody asks
#
# The call centre asks all day. Here it is, as a Job in the cluster: ten questions a second to the Service, until
# the last fifty were all answered by August's champion. Then it says what it saw. (If that does not happen within
# eight minutes, it says so and ends.)

# %%
# !grep -A 19 "args:" "{state}/caller.yaml"

# %% [markdown]
# The call centre starts, and while it asks, August's champion is released: the file is changed and applied. A
# Deployment replaces its Pods one by one, a **rolling update**: a new Pod is started *beside* the two old ones,
# and only when it is ready does an old one go. (With two replicas, one more is allowed, none less.)
#
# **Bet first:** a model that is fine, two replicas, one exchanged after the other. How many calls fail?

# %%
my_bet = None  # "all", "none" or "some"

# %% [markdown]
# (On a cluster of your own, this takes one to three minutes.)

# %%
# !kubectl delete job caller -n flights-service --ignore-not-found
# !kubectl apply -n flights-service -f "{state}/caller.yaml"
# !kubectl wait -n flights-service --for=jsonpath='{.status.ready}'=1 job/caller --timeout=120s
release(august)
# !kubectl apply -n flights-service -f "{state}/predictions.yaml"
# !kubectl wait -n flights-service --for=condition=complete job/caller --timeout=600s
# said = !kubectl logs -n flights-service -l run=caller
print("\n".join(said))
if "failed calls" in str(said):
    companion.compare_bet(my_bet, "none" if "failed calls: none" in said else "some")

# %% [markdown]
# **Symptom:** a harmless release, and calls failed. **Evidence:** `Connection refused`. Somebody was sent to a
# Pod in which nobody listened. (On a busy machine some calls may also have `timed out`.) For Kubernetes a
# container is **running** as soon as its process has started. That process then imports pandas and scikit-learn
# for some seconds, opens its port, and loads the model when it is first asked. Nobody told Kubernetes how to see
# the difference, so **running counted as ready**, and the old Pods went.
#
# **Cause:** no line in the manifest says what "ready" means. **Fix:** say it. Look up what the service offers
# for that:

# %%
import flightdelay.serve

print(flightdelay.serve.__doc__.split("Two environment variables")[0])

# %% [markdown]
# A **probe** is a question that the node asks the container again and again. There are two you need:
#
# | probe | the question | on failure | path |
# |---|---|---|---|
# | **readiness** | may it get requests *now*? | gets none, until it answers again; a release waits for it | `/readyz` |
# | **liveness** | is it beyond help? | the container is killed and started anew | `/healthz` |
#
# The two must not be confused. Asked `/readyz`, a liveness probe would kill a healthy process because a *model*
# is missing, over and over, and no restart brings a model. `probed.yaml` is July's manifest with both:

# %%
release(july, "probed.yaml")
# !diff "{state}/predictions.yaml" "{state}/probed.yaml"

# %%
# !cp "{state}/probed.yaml" "{state}/predictions.yaml"
# !kubectl apply -n flights-service -f "{state}/predictions.yaml"
# !kubectl rollout status -n flights-service deployment/predictions --timeout=600s | tail -1

# %% [markdown]
# July's champion is back, now with probes. (Liveness is patient on purpose: two minutes. An impatient one
# restarts a service that is only busy, which makes it busier.)
#
# Now the same release, the same two models, the same caller. Only the probes are new.

# %%
# !kubectl delete job caller -n flights-service --ignore-not-found
# !kubectl apply -n flights-service -f "{state}/caller.yaml"
# !kubectl wait -n flights-service --for=jsonpath='{.status.ready}'=1 job/caller --timeout=120s
release(august)
# !kubectl apply -n flights-service -f "{state}/predictions.yaml"
# !kubectl wait -n flights-service --for=condition=complete job/caller --timeout=600s
# !kubectl logs -n flights-service -l run=caller

# %% [markdown]
# Both models answered, first the one, for a moment either, then the other, and no call failed. (Some did? Then the
# new list of ready Pods came later than `preStop`'s fifteen seconds. With five, one of four releases lost a call on
# a busy machine.) What does August's champion say about our flight?

# %%
# !kubectl delete job ask -n flights-service --ignore-not-found
# !kubectl apply -n flights-service -f "{state}/ask.yaml"
# !kubectl wait -n flights-service --for=condition=complete job/ask --timeout=300s
# said = !kubectl logs -n flights-service -l run=ask
served = json.loads(said[0])
print(f"{served['version'][:7]} says: late with probability {served['probabilities'][0]:.2f}")

# %% [markdown]
# ## Exercise 9.1: A counter for the night
#
# A colleague has written a second service, for the night shift: `night.yaml`, in the notebook's folder. Kubernetes
# accepts the text, and five lines of it are wrong, one of them twice over (that no version is pinned is none of them).
# Mend them there. The service has to
#
# - get requests only when its model is loaded;
# - be restarted only when its process is beyond help;
# - be reached through its own Service, on port 80, and lead to no Pods of `predictions`;
# - have two replicas.
#
# Then apply it with `-n flights-service`, wait with `kubectl rollout status`, and ask it with
# `kubectl get --raw /api/v1/namespaces/flights-service/services/night:80/proxy/champion`. Hand in the text:
#
# ```
# answer = (state / "night.yaml").read_text()
# ```
#
# A recorded cluster knows some ways to write it, right ones and wrong ones. If it does not know yours, the check
# judges the text all the same.

# %%
from companion import check
from companion.workspace import repository

# !cat "{state}/night.yaml"
### BEGIN SOLUTION
solved = repository() / "chapters/09-kubernetes-services/solved"  # the text as the editor leaves it
# !diff "{state}/night.yaml" "{solved}/night.yaml"
# !cp "{solved}/night.yaml" "{state}/night.yaml"
# !kubectl apply -n flights-service -f "{state}/night.yaml"
# !kubectl rollout status -n flights-service deployment/night --timeout=300s | tail -1
# !kubectl get --raw /api/v1/namespaces/flights-service/services/night:80/proxy/champion
answer = (state / "night.yaml").read_text()
### END SOLUTION

# %%
check.ex_9_1(answer)

# %% [markdown]
# **It transfers.** A score that decides on a loan is asked all day. Which version answered at 14:05? With a pinned
# version and a change of a file for each release, you can say it.
#
# ## Recap
#
# 1. You put a model behind **one address**: a Deployment keeps its Pods, a Service finds them by label.
# 2. You saw **running** taken for **ready**, calls fail, and wrote the probes and the selector that end it.
# 3. You **released** a champion while somebody asked, and lost no call.
#
# ## Optional: bring your own model
#
# The Deployment knows the store and a version, and nothing of the model in it. Train your own estimator into a
# store (chapter 02 shows the contract), let it be served, and ask yourself what *ready* means for it. If it needs
# a lookup table, a feature store or a GPU, then a readiness probe that does not touch them says yes too early.
#
# ## Clean-up

# %%
# !kubectl delete namespace flights-service --wait=false

# %% [markdown]
# ## What comes next
#
# This release was a good one. In [the next notebook](09-2-a-bad-release.ipynb) one is not, and you take it back.
