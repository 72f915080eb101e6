# %% [markdown]
# # 10.1 · Debugging: from a complaint to a cause
#
# About 40 minutes · 1 GB of memory · a cluster, or a recorded one
#
# Nobody will tell you "the Pod is in CrashLoopBackOff". They will tell you that a number is old, or that a
# list is missing. Between that sentence and the line that has to change lies a way, and the way is always the
# same. In this chapter you go it ten times, on things that are really broken; here three times.
#
# You will
#
# 1. lead a complaint back to a cause in five words: **symptom, command, evidence, cause, fix**;
# 2. tell a symptom from a cause, by what a status says and what it does not;
# 3. mend what is wrong, and not what is red.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("10-1")

from companion import check
from chapter_10.labs import Labs

lab = Labs(state)

# %% [markdown]
# The labs run on the book's own cluster (`make cluster-up`) with the book's image on it. Where there is none, the
# cell above has said so, and the same `kubectl` talks to a **recorded** cluster: look at whatever you like. It
# takes the mends that were tried on the real one, right and wrong ones, and says so when it does not know one.
#
# ## 1. A complaint
#
# `lab.start(1)` makes a namespace, puts something broken into it, and tells what people complain of.

# %%
lab.start(1)

# %%
# !kubectl get pods -n flights-lab-1

# %% [markdown]
# So the site gets no predictions, and one Pod does not run. Before you touch anything:
#
# ## 2. Five words
#
# | word | the question | who answers |
# |---|---|---|
# | **symptom** | What is not as it should be? | the complaint, `kubectl get` |
# | **command** | Whom do I ask next? | the object *one step back* |
# | **evidence** | Which line says why? | Events, logs, a field of the object |
# | **cause** | Which line of which file is wrong? | you |
# | **fix** | What changes there, and how do I see that it helped? | the same `kubectl get` as at first |
#
# Three rules. **Read before you touch**: a deleted Pod takes its log with it. **Evidence before fix**: who
# cannot name the line that told the cause is guessing. **Mend the file, not the Pod**: a Pod is a copy, and
# the next copy has the fault again.
#
# ## 3. Lab 1, together
#
# The **symptom** is the complaint: whoever asks the Service gets no answer. Ask it yourself, by way of the
# cluster's API, as a program in the cluster would. (`--raw` asks for an address, and prints what comes back.)

# %%
# !kubectl get --raw /api/v1/namespaces/flights-lab-1/services/predictions:80/proxy/champion

# %% [markdown]
# Of its Pod you have seen the STATUS, one word. It says what Kubernetes is *doing* (it waits before it tries to
# pull again), not what is wrong. The **command** that asks further is `describe`. It is long; its end, the Events,
# is what you want.

# %%
# !kubectl describe pod -n flights-lab-1 -l app=predictions | grep -A 14 ^Events

# %% [markdown]
# The **evidence** is the line with `Failed to pull image`. It has two parts: which image, and what came of
# asking a registry for it. The second part differs from place to place (not found, access denied, no such host: a
# registry may not even tell you whether the name exists). The name is the sure part. Compare it, letter by
# letter, with the one in the other container of the same Pod, which ran.

# %%
# !kubectl get deployment predictions -n flights-lab-1 -o yaml | grep image:

# %% [markdown]
# The first line is the container that serves, the second the init container, which fetched the champion before it.
# `0.10.0` was never built. The **cause** is a tag with one digit too many, in the Deployment. Whatever the
# registry said, or the network on the way to it, may be true as well, and mending that would not bring the image.
#
# The **fix** belongs where the Pods come from. The manifest lies in the file that `lab.start` named. Open it in
# JupyterLab, mend the line, and `kubectl apply -f` it. Or change the one field on the cluster:
# `kubectl set image -n NAMESPACE deployment/NAME CONTAINER=IMAGE` (the container's name stands in the manifest).
# `kubectl edit` opens an editor, for which a cell has no room: it is for a terminal.
#
# ## Exercise 10.1: A release that did not arrive
#
# Mend it, and wait until the new Pod is ready (`kubectl rollout status -n … deployment/… --timeout=300s`). Then let
# `answer` be the evidence: the line, or the part of it, that told the cause. You can write commands into the same
# cell, above `answer`, with `!` before them. Add cells as you like.

# %%
### BEGIN SOLUTION
# !kubectl set image -n flights-lab-1 deployment/predictions serve=pipelines-for-humans/python:0.1.0
# !kubectl rollout status -n flights-lab-1 deployment/predictions --timeout=300s
# !kubectl get --raw /api/v1/namespaces/flights-lab-1/services/predictions:80/proxy/champion
answer = 'Failed to pull image "pipelines-for-humans/python:0.10.0"'
### END SOLUTION

# %%
check.ex_10_1(answer)

# %% [markdown]
# Each check looks at two things: your evidence, and the cluster. It asks the Service which champion it
# predicts with, and it notices when only the symptom is gone: a Pod deleted, a Deployment scaled to zero, a
# probe removed. Try one if you like; `lab.reset(1)` and `lab.start(1)` bring the fault back.
#
# ## 4. Lab 2: again and again

# %%
lab.start(2)

# %%
# !kubectl get pods -n flights-lab-2

# %% [markdown]
# **Bet first:** somebody in the chat writes "cause found: CrashLoopBackOff". Is that the cause?

# %%
my_bet = None  # "no" or "yes"

# %%
# !kubectl get pods -n flights-lab-2 -l app=predictions -o yaml | grep -B 2 -A 3 "restarting failed"
companion.compare_bet(my_bet, "no")

# %% [markdown]
# It says: *the container failed, and I wait before I start it again*. That is a description of Kubernetes'
# patience. Why the program fails, only the program knows, and it has said so: on its last breath, in its log.
# But the container that runs now may have no log yet. `--previous` asks for the log of the attempt before.
#
# ## Exercise 10.2: The last words
#
# Find the line in `kubectl logs --previous`, find what in the manifest makes it happen, mend it, wait until
# the service is ready. `answer` is the line. (What is a good value? The manifest of lab 1 describes the same
# service, and that one works by now.)

# %%
### BEGIN SOLUTION
# !kubectl logs -n flights-lab-2 deployment/predictions -c serve --previous
# !kubectl set env -n flights-lab-2 deployment/predictions -c serve PYTHONPATH=/app/src
# !kubectl rollout status -n flights-lab-2 deployment/predictions --timeout=300s
answer = "No module named 'flightdelay'"
### END SOLUTION

# %%
check.ex_10_2(answer)

# %% [markdown]
# ## 5. Lab 3: the year is too much

# %%
lab.start(3)

# %%
# !kubectl get jobs,pods -n flights-lab-3

# %% [markdown]
# This is no service but a Job: the first part of a training, which collects the flights of all months before. What
# did it say last, and what does the container's end look like?

# %%
# !kubectl logs -n flights-lab-3 job/train
# !kubectl describe pod -n flights-lab-3 -l job-name=train | grep -E "State:|Reason:|Exit Code:|memory:"

# %% [markdown]
# Exit code 137 is 128 + 9: ended by signal 9, which no program can catch. So there is no traceback, and the
# log just stops. Look at the line `memory` under `Limits`, and remember chapter 08: above its CPU limit a
# container is slowed, above its memory limit it is killed.
#
# How much does it need? Do not guess: measure it once with room to spare, or ask who ran it before. The whole
# year takes about 400 MB here.
#
# ## Exercise 10.3: Enough, and not everything
#
# A Job's Pod template cannot be changed: edit the file (`state / "lab-3.yaml"`), then
# `kubectl replace --force -f` it, which deletes the old Job and makes the new one. `kubectl wait
# --for=condition=complete --timeout=300s` waits. Keep a limit, and collect the same year.

# %%
### BEGIN SOLUTION
manifest = state / "lab-3.yaml"
manifest.write_text(manifest.read_text().replace("memory: 300Mi", "memory: 1Gi"))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-3 --for=condition=complete job/train --timeout=300s
answer = "Reason: OOMKilled, Exit Code: 137, with a limit of 300Mi"
### END SOLUTION

# %%
check.ex_10_3(answer)

# %% [markdown]
# Removing the limit would have made it run too. Then the next training that grows takes its memory from the
# neighbours on the node, and the one that is killed is not the one that was greedy.
#
# ## What you can do now
#
# 1. You led three complaints back to a cause in five words, and named the line each time.
# 2. You told symptoms from causes: `ImagePullBackOff` and `CrashLoopBackOff` each say what Kubernetes does, and
#    neither says why.
# 3. You mended a tag, a setting and a limit at their source, and the symptom went by itself.
#
# ## Clean up
#
# Each lab is a namespace; removing it removes all that is in it.

# %%
lab.reset(1, 2, 3)

# %% [markdown]
# **Next:** [10.2](10-2-what-waits.ipynb), about things that do not fail.
