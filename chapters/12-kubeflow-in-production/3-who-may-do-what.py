# %% [markdown]
# # 12.3 · Kubeflow in production: who may do what, and who may ask
#
# About 35 minutes · 1 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# Ada's change has a version, and the book's version has a schedule. Before more of it runs, three questions have to be
# answered: which account does a run use, who may bring a model to production, and who may ask the model there? For each
# you try both what is allowed and what is refused.
#
# You will
#
# 1. give a run **an account and a secret of its own**, and find out what the account may do;
# 2. let only **the account of the gate** change production, and see a person refused;
# 3. protect a service with a **NetworkPolicy**, and prove it by a visitor that gets no answer.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("12-3")
companion.copy_manifests(state)

# %% [markdown]
# This sitting needs nothing of the two before it. Its manifests lie in the notebook's folder. The next cell first
# removes what an interrupted run has left.

# %%
# !kubectl delete namespace flights-counter flights-desk --ignore-not-found
# !kubectl delete -f "{state}/account.yaml" --ignore-not-found
# !kubectl delete job/flight-delay-step secret/warehouse -n kubeflow --ignore-not-found
# !kubectl create namespace flights-counter
# !kubectl create namespace flights-desk

# %% [markdown]
# ## 1. Which account a run uses
#
# By default, each step of each pipeline uses the account `pipeline-runner`. Ask the cluster what this account may do.
# (`--as` asks in the name of another account; only an administrator may do that.)

# %%
RUNNER = "--as=system:serviceaccount:kubeflow:pipeline-runner"
# !kubectl auth can-i get secrets -n kubeflow {RUNNER}
# !kubectl auth can-i delete deployments -n kubeflow {RUNNER}

# %% [markdown]
# Any step of anybody's pipeline may read every secret of the namespace, and delete Kubeflow's own database server. On a
# laptop that is convenient. **Standalone Kubeflow Pipelines does not separate teams from each other**, and nothing in
# this section changes that: everybody who may start a pipeline may name any account and any secret of the namespace. An
# account of your own has two advantages: an accident does less damage, and the audit log shows which pipeline it was.
# (The full Kubeflow platform has profiles, a namespace for each team.)
#
# Here is an account for this pipeline, with the rights that its runs were found to need.

# %%
# !cat "{state}/account.yaml"

# %% [markdown]
# The pipeline also needs the password of a data warehouse. It names a Secret, `warehouse`, and somebody has to put that
# into the namespace. This one is made up, so it may stand in a cell. Never write a real password into a file, a cell or
# a shell's history: a secret store brings it into the cluster.

# %%
ACCOUNT = "--as=system:serviceaccount:kubeflow:flight-delay"
# !kubectl apply -f "{state}/account.yaml"
# !kubectl delete secret warehouse -n kubeflow --ignore-not-found
# !kubectl create secret generic warehouse -n kubeflow --from-literal=password=not-a-real-password
# !kubectl auth can-i get workflows -n kubeflow {ACCOUNT}
# !kubectl auth can-i get secret/warehouse -n kubeflow {ACCOUNT}

# %% [markdown]
# A run has to read its own workflow (a kind of object that Argo adds), and the account may do so. It may not read the
# Secret. Now start a Pod like that of a step: it has this account, and its manifest names the Secret. The program in it
# looks for the password in its environment, and then asks the API for it.

# %%
# !cat "{state}/step.yaml"

# %% [markdown]
# **Bet first:** which of the two ways leads to the password?

# %%
my_bet = None  # "both", "neither", "only the API" or "only the environment"

# %%
# !kubectl delete job flight-delay-step -n kubeflow --ignore-not-found
# !kubectl apply -n kubeflow -f "{state}/step.yaml"
# !kubectl wait -n kubeflow --for=condition=complete job/flight-delay-step --timeout=120s
# said = !kubectl logs -n kubeflow job/flight-delay-step
print("\n".join(said))
ways = ["letters" in said[0], "there it is" in said[1]]
found = {(True, True): "both", (True, False): "only the environment", (False, True): "only the API"}
companion.compare_bet(my_bet, found.get(tuple(ways), "neither"))

# %% [markdown]
# The account was refused: 403. The step has the password all the same: the *node* put it into the container, because
# the Pod's manifest names it. So an attacker who controls a step gets this secret, and the object store's (see the
# Role); other secrets only by starting a pipeline that names them.
#
# One line of the Role seems unnecessary: the right to read **workflows**. An account without it was tried, with a small
# pipeline: its scheduled run **succeeded**, and the task got the day of the trial, `2026-11-25`, for the scheduled
# moment, where it should have been 1 October 2013. Only the driver's own log says so ("falling back to create time").
# So March's run, caught up in November, would process October. Here `ingest` refuses that month; where there is data
# for it, no step fails.
#
# ## 2. Who may change production
#
# These are the predictions of chapter 09 in production: a Deployment and its Service. (They have no model in this
# sitting. They are alive, and that is enough for the next two questions.)

# %%
# !grep -B 1 -A 12 "containers:" "{state}/counter.yaml"
# !kubectl apply -n flights-counter -f "{state}/counter.yaml"
# !kubectl rollout status -n flights-counter deployment/predictions --timeout=300s | tail -1

# %% [markdown]
# Everybody who may use `kubectl set env` on this Deployment may release. So only the machine that runs the gate shall
# have this right. You gave rights in chapter 09: an account, a Role, a RoleBinding. Here is one set for the gate and
# one for people.

# %%
# !cat "{state}/rights.yaml"
# !kubectl apply -f "{state}/rights.yaml"

# %% [markdown]
# The gate's rights fit into one line: read this Deployment, and change it. `ada` and `grace` are users: names that the
# login of a company's cluster brings along. You can read the rights in the manifest, but check them one by one as well:
# first what has to be possible, then what must not be.

# %%
GATE = "-n flights-counter --as=system:serviceaccount:flights-counter:gate"
# !kubectl auth can-i patch deployment/predictions {GATE}
# !kubectl auth can-i delete deployment/predictions {GATE}
# !kubectl auth can-i patch deployment/night {GATE}
# !kubectl auth can-i get secrets {GATE}

# %%
ADA = "-n flights-counter --as=ada"
# !kubectl auth can-i list pods {ADA}
# !kubectl auth can-i patch deployment/predictions {ADA}
# !kubectl auth can-i create pods {ADA}

# %% [markdown]
# `can-i` only asks. To prove it, do it: it is Friday, and Ada tries to release by hand. Then the gate does.

# %%
NEW = "deployment/predictions FLIGHTDELAY_CHAMPION=2013-09-0123456789ab"
# !kubectl set env {NEW} {ADA}

# %%
# !kubectl set env {NEW} {GATE}
# !kubectl rollout status -n flights-counter deployment/predictions --timeout=300s | tail -1
# !kubectl get deployment predictions -n flights-counter -o yaml | grep -A 1 "name: FLIGHTDELAY_CHAMPION"

# %% [markdown]
# Ada is refused in one sentence that says what is missing, and she may still read everything that she needs for her
# work. The machine with the gate's account may release, and do nothing else.
#
# Two kinds of people can still go around the gate: those who can act as the gate's account, for example because they
# may edit that machine's program, and **the administrator**. That is you: without `--as` this notebook may do
# everything. In the next sitting it does so, and you see what happens.
#
# ## 3. Who may ask the model
#
# The third question is not about the API of the cluster: who may ask the model? The call centre has a namespace of its
# own, `flights-desk`. Two Jobs with the same program run there: the `desk`, which shall get answers, and a `visitor`,
# which shall not. The program "knocks": it opens a connection to the Service.

# %%
# !grep -A 14 "knock.py: |" "{state}/callers.yaml"

# %% [markdown]
# So far no rule says who may ask. **Bet first:** the visitor is in another namespace than the predictions. Does it get
# an answer?

# %%
my_bet = None  # "no" or "yes"


# %%
def knock():
    """Let the desk and the visitor knock, and print what each of them gets."""
    # !kubectl delete job desk visitor -n flights-desk --ignore-not-found
    # !kubectl apply -n flights-desk -f "{state}/callers.yaml"
    # !kubectl wait -n flights-desk --for=condition=complete job/desk job/visitor --timeout=180s
    # desk = !kubectl logs -n flights-desk job/desk
    # visitor = !kubectl logs -n flights-desk job/visitor
    print(*desk, *visitor, sep="\n")
    return visitor


# !kubectl delete networkpolicy --all -n flights-counter
said = knock()
companion.compare_bet(my_bet, "yes" if "visitor: answered" in said else "no")

# %% [markdown]
# A **namespace does not stop network traffic**. Names are separate in it, and rights can be given in it, but every Pod
# reaches every other. To stop connections you need a **NetworkPolicy**: it selects Pods, and from then on these Pods
# accept only what some policy allows. This one allows nothing:

# %%
# !cat "{state}/door.yaml"
# !kubectl apply -f "{state}/door.yaml"
said = knock()

# %% [markdown]
# Both were refused. (It is `Connection refused` here; with another network plugin it may be `timed out`.) The desk has
# to get answers again. Note three things that people often get wrong:
#
# - a policy lies in the namespace of the Pods that it **protects**;
# - in `from`, one entry with `namespaceSelector` *and* `podSelector` means both have to fit; two entries mean
#   that one of them is enough;
# - `ports` are those of the **Pod** (8080), not of the Service (80).
#
# Each namespace carries its own name as the label `kubernetes.io/metadata.name`. Kubeflow brings a policy of its own
# for its object store, with three rules; one of them fits all Pods of its own namespace (`PodSelector: <none>`, which
# selects everything). None of the three names a namespace *and* Pods in it.

# %%
# !kubectl describe networkpolicy seaweedfs -n kubeflow | grep -A 16 "^Spec"

# %% [markdown]
# ## Exercise 12.2: Let only the desk in
#
# Change `door.yaml`, in the notebook's folder: the Pods `app: predictions` of `flights-counter` accept TCP connections
# on port 8080 from Pods `app: desk` of the namespace `flights-desk`, and from no others, not even from their own
# namespace. Nothing changes for other Pods of `flights-counter`, nor for connections that the predictions open
# themselves. Apply the file, `knock()`, and hand in the text:
#
# ```
# answer = (state / "door.yaml").read_text()
# ```
#
# A recorded cluster knows some ways to write it, right ones and wrong ones. If it does not know yours, the check
# judges the text all the same.

# %%
from companion import check
from companion.workspace import repository

### BEGIN SOLUTION
solved = repository() / "chapters/12-kubeflow-in-production/solved"  # the text as the editor leaves it
# !diff "{state}/door.yaml" "{solved}/door.yaml"
# !cp "{solved}/door.yaml" "{state}/door.yaml"
# !kubectl apply -f "{state}/door.yaml"
said = knock()
answer = (state / "door.yaml").read_text()
### END SOLUTION

# %%
check.ex_12_2(answer)

# %% [markdown]
# The desk is answered, the visitor is refused, and you *saw* both. This is the test of a policy, so keep it beside the
# policy. **If the visitor is still answered although your text is right, no program enforces the policy.** Kubernetes
# only stores policies. A program on the nodes has to apply them, and not every network plugin does. On the recorded
# cluster `kube-router` does it; kind's own node images do it since kind 0.24. No error says which kind of cluster you
# have.

# %%
# !kubectl get daemonsets -n kube-system

# %% [markdown]
# **It transfers.** In a bank these three are separate lists: technical users, who may deploy, who may call. Each time
# an auditor asks for more than the list: for the attempt that failed.
#
# ## Recap
#
# 1. You gave a run **an account and a secret of its own**: the account may not read the secret, and the step has it,
#    since the Pod names it.
# 2. You let only **the gate's account** change production, and saw a person refused. Only the administrator can still
#    go around it.
# 3. You protected a service with a **NetworkPolicy**, and proved it by a visitor without an answer, where the network
#    enforces it.
#
# ## Clean-up

# %%
# !kubectl delete namespace flights-counter flights-desk --wait=false
# !kubectl delete -f "{state}/account.yaml"
# !kubectl delete job/flight-delay-step secret/warehouse -n kubeflow

# %% [markdown]
# ## What comes next
#
# In [the next notebook](12-4-the-gate-and-the-way-back.ipynb) you write the gate, and somebody goes around it.
