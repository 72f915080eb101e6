# %% [markdown]
# # 15.4 · Training on many: the way between the workers
#
# About 30 minutes · 1 GB of memory · a cluster with Kubeflow Trainer whose network obeys policies, or a recorded one
#
# In 15.3 the workers met by themselves. On a company's cluster there are rules about who may call whom, written by
# people who have never heard of your training.
#
# You will
#
# 1. start a training that **stands still although all its Pods run**;
# 2. find out **between which two, at which port, and by whose rule**;
# 3. **mend the rule** for your workers, and for nobody else, while the training waits.
#
# One time you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("15-4")
companion.copy_manifests(state)

# %% [markdown]
# ## 1. Two Pods that run
#
# The worker's function is that of 15.1 and 15.3, and so are the Pod's program and the runtime. Only the namespace is
# another one.

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
# This namespace is not empty when you get it: somebody has applied a file to it, as to each namespace of this cluster.
# (The first `kubectl` line removes what a broken-off run has left.)

# %%
from companion import check
from companion.workspace import repository

chapter = repository() / "chapters/15-training-on-many"
names = ["logistic", "matrix", "meeting", "pod"]
files = " ".join(f"--from-file={chapter}/{name}.py" for name in names)
# !kubectl delete namespace flights-fenced --ignore-not-found
# !kubectl create namespace flights-fenced
# !kubectl apply -f "{state}/house-rule.yaml"
# !kubectl create configmap chapter -n flights-fenced {files}
# !kubectl create configmap mine -n flights-fenced --from-file="{state}/train.py"
# !sed s/flights-workers/flights-fenced/ "{state}/runtime.yaml" | kubectl apply -f -

# %% [markdown]
# The TrainJob is `two` of 15.3 under another name. There it was complete within a minute.

# %%
# !cat "{state}/fenced.yaml"
# !kubectl apply -f "{state}/fenced.yaml"
in_vain = "2> /dev/null || echo not complete"
# !kubectl wait -n flights-fenced --for=condition=complete trainjob/fenced --timeout=40s {in_vain}
# !kubectl get trainjob fenced -n flights-fenced
# !kubectl get pods -n flights-fenced -l job-name=fenced-node-0 -o wide

# %% [markdown]
# **Symptom.** No end and no error. It is not what held `apart` back in 15.3: there one Pod was `Pending`. Here both
# have a node and run. They are not *ready*, which in this runtime means: they have not taken 45 steps yet.
#
# **Bet first.** One of them cannot reach the other one. In whose log does an error stand by now?

# %%
my_bet = None  # "rank 0", "rank 1", "both" or "nobody"

# %%
# log = !kubectl logs -n flights-fenced -l job-name=fenced-node-0 --tail=-1
print("\n".join(sorted(log)))
speak = sorted({line.split(" | ")[0] for line in log if "waits for the others" not in line})
companion.compare_bet(my_bet, "both" if len(speak) > 1 else (speak or ["nobody"])[0])

# %% [markdown]
# Both say the same: *I have my rows and wait for the others.* For rank 0 that is the truth and all that it can know:
# nobody came. Rank 1 knocks twice a second, is turned away, and takes that for "rank 0 is not there yet", because no
# rank knows which of them starts first. (`meeting.py` gives up after 600 seconds; the launchers of the large frameworks
# have such a time-out, too, often of some minutes.) A distributed training that cannot meet is silent until then.
#
# ## 2. Evidence: which way is shut?
#
# There are two explanations: all have come and one of them hangs at work, or they do not find each other. The
# logs end *before* "begins at step 0", so it is the second one. To find each other they need a **name** that leads to
# an address, and a **port** that is open there. What they were told:

# %%
# !kubectl get job fenced-node-0 -n flights-fenced -o yaml | grep -A 1 "name: DMLC"
# !kubectl get service,endpointslices -n flights-fenced

# %% [markdown]
# The headless Service `fenced` has both Pods' addresses: compare them with the Pods' own, above. So the name is there.
# For the port, ask from a place like that of rank 1: a small Pod in the same namespace that looks up the name and
# knocks once.

# %%
# !grep -A 9 "import os" "{state}/knock.yaml"
# !kubectl delete pod knock -n flights-fenced --ignore-not-found
# !kubectl apply -f "{state}/knock.yaml"
# !kubectl wait -n flights-fenced --for=jsonpath='{.status.phase}'=Succeeded pod/knock --timeout=180s
# !kubectl logs knock -n flights-fenced

# %% [markdown]
# The name is found, and the connection is not made, although rank 0 listens: its log says that it waits. What stands
# between two Pods that both run is the cluster's network, and its rules are **NetworkPolicies**. (On this cluster the
# network *refuses*, at once. Others say nothing, and you would read `TimeoutError` after ten seconds. Neither names the
# rule.)
#
# A NetworkPolicy selects Pods by labels. A Pod that no policy selects takes every connection. A Pod that one selects
# takes only what the `ingress` of that policy, or of another one that selects it, lets in.
#
# ## Exercise 15.10: Whose rule?
#
# Find out what stands between the two: `kubectl get networkpolicies`, then `kubectl describe networkpolicy` with a
# name, both with `-n flights-fenced`. Give as `answer` which policy it is, which port it lets in, from which rank to
# which other one the connection goes that fails, and at which port:
#
# ```
# answer = {"policy": "…", "lets in": …, "from": …, "to": …, "port": …}
# ```

# %%
### BEGIN SOLUTION
# !kubectl get networkpolicies -n flights-fenced
# !kubectl describe networkpolicy house-rule -n flights-fenced
answer = {"policy": "house-rule", "lets in": 8080, "from": 1, "to": 0, "port": 29500}
### END SOLUTION

# %%
check.ex_15_10(answer)

# %% [markdown]
# **Cause.** A rule that was right for all that had run here before: programs that answer requests, at one port. It has
# an empty `podSelector`, so it is about every Pod of the namespace, also about those that did not exist when it was
# written. Nothing told so when you applied the TrainJob: the rule is of the network, and Trainer does not read it.
#
# **Fix.** To delete the rule would do, and the training would be the reason why the whole namespace stands open. So let
# in what is missing, and no more.
#
# ## Exercise 15.11: Let them meet
#
# `mended.yaml`, in the notebook's folder (`work/state/15`, the newest `run-…`), is still the policy as it is. Change it
# so that the workers of the training `fenced` take each other's connections at their port. All else stays as it was:
# nobody else comes in at that port, also not the workers of another training, and what was let in before still
# is. The labels of the Pods:
#
# `!kubectl get pods -n flights-fenced -l job-name=fenced-node-0 --show-labels`
#
# Then apply the file. Leave the TrainJob alone: its Pods still knock. (After ten minutes they give up and are started
# again; if the TrainJob has failed by then, delete it and apply `fenced.yaml` again.) Show it:
#
# ```
# !kubectl apply -f "{state}/mended.yaml"
# !kubectl wait -n flights-fenced --for=condition=complete trainjob/fenced --timeout=300s
# log = !kubectl logs -n flights-fenced -l job-name=fenced-node-0 --tail=-1
# answer = {"manifest": (state / "mended.yaml").read_text(), "log": log}
# ```
#
# If `kubectl apply` answers `NotRecorded`, leave the log empty: `"log": []`.

# %%
### BEGIN SOLUTION
solved = chapter / "solved"  # the text as the editor leaves it
# !diff "{state}/mended.yaml" "{solved}/mended.yaml"
# !cp "{solved}/mended.yaml" "{state}/mended.yaml"
# !kubectl apply -f "{state}/mended.yaml"
# !kubectl wait -n flights-fenced --for=condition=complete trainjob/fenced --timeout=300s
# !kubectl get pods -n flights-fenced -l job-name=fenced-node-0
# log = !kubectl logs -n flights-fenced -l job-name=fenced-node-0 --tail=-1
print("\n".join(sorted(log, key=lambda line: line.split(" | ")[0])))
answer = {"manifest": (state / "mended.yaml").read_text(), "log": log}
### END SOLUTION

# %%
check.ex_15_11(answer)

# %% [markdown]
# Look at RESTARTS of the Pods: nothing was started again. The next knock came through, and the training went on from
# where it had waited.
#
# **Prevent.** The policy belongs into the same folder as the runtime, and is applied with it: who writes "what a Pod of
# a training looks like" also knows its port. For *every* training of the namespace the rule would have to say "workers
# of the same training", and one NetworkPolicy cannot: it knows fixed labels only. A rule for each training, made and
# removed with it, is the narrow way; a rule for all Pods that have the label `jobset.sigs.k8s.io/jobset-name`, with
# whatever value, is the usual one.
#
# ## Recap
#
# 1. You saw a training that **stands still while all its Pods run**: no event, no error, both logs end at the same
#    sentence.
# 2. You found the cause **from both ends**: the name leads to rank 0, its port does not answer, and one policy of the
#    namespace does not name that port.
# 3. You **mended the rule** and not the training, from two Pods at one port, and held the result against the model of
#    one process.
#
# ## Clean-up
#
# The namespace takes everything with it.

# %%
# !kubectl delete namespace flights-fenced --wait=false

# %% [markdown]
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks".
