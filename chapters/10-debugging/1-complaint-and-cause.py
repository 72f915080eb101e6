# %% [markdown]
# # 10.1 · Debugging: from a complaint to a cause
#
# About 40 minutes · 1 GB of memory · a cluster, or a recorded one
#
# Nobody will tell you "the Pod is in CrashLoopBackOff". They will tell you that a number is old, or that a list is
# missing. The way from that sentence to the line that has to change is always the same. In this chapter you follow it
# ten times, on things that are really broken, and three of these times here.
#
# You will
#
# 1. find the cause of a complaint in five words: **symptom, command, evidence, cause, fix**;
# 2. tell a symptom from a cause, by what a status says and what it does not;
# 3. mend the cause, not only the symptom.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("10-1")

from companion import check
from chapter_10.labs import Labs

lab = Labs(state)

# %% [markdown]
# The labs run on the book's own cluster (`make cluster-up`) with the book's image on it. Where there is none, the cell
# above has said so, and the same `kubectl` talks to a **recorded** cluster: look at whatever you like. It accepts the
# changes that were tried on the real one, right and wrong ones, and says so when it does not know one.
#
# ## 1. A complaint
#
# `lab.start(1)` makes a namespace, puts something broken into it, and prints the complaint.

# %%
lab.start(1)

# %%
# !kubectl get pods -n flights-lab-1

# %% [markdown]
# So the site gets no predictions, and one Pod does not run. Read this before you change anything:
#
# ## 2. Five words
#
# | word | the question | where the answer is |
# |---|---|---|
# | **symptom** | What is not as it should be? | the complaint, `kubectl get` |
# | **command** | Which object do I ask next? | the object *one step back* |
# | **evidence** | Which line says why? | Events, logs, a field of the object |
# | **cause** | Which line of which file is wrong? | in your own files |
# | **fix** | What changes there, and how do I see that it helped? | the same `kubectl get` as at first |
#
# Three rules. **Read before you change anything**: when you delete a Pod, its log is gone. **Evidence before fix**: if
# you cannot name the line that shows the cause, you are guessing. **Mend the file, not the Pod**: a Pod is a copy, and
# the next copy has the fault again.
#
# ## 3. Lab 1, together
#
# The **symptom** is the complaint: the Service gives no answer. Ask it yourself, through the cluster's API, as a
# program in the cluster would. (`--raw` asks for an address, and prints what comes back.)

# %%
# !kubectl get --raw /api/v1/namespaces/flights-lab-1/services/predictions:80/proxy/champion

# %% [markdown]
# Of its Pod you have seen the STATUS, one word. It says what Kubernetes is *doing* (it waits before it tries to pull
# again), not what is wrong. The next **command** is `describe`. Its output is long; you need its end, the Events.

# %%
# !kubectl describe pod -n flights-lab-1 -l app=predictions | grep -A 14 ^Events

# %% [markdown]
# The **evidence** is the line with `Failed to pull image`. It has two parts: the name of the image, and the answer of
# the registry. The second part is not the same everywhere (not found, access denied, no such host: a registry may not
# even tell you whether the name exists). Rely on the name. Compare it, letter by letter, with the one in the other
# container of the same Pod, which ran.

# %%
# !kubectl get deployment predictions -n flights-lab-1 -o yaml | grep image:

# %% [markdown]
# The first line is the container that serves, the second the init container, which fetched the champion before it.
# `0.10.0` was never built. The **cause** is a tag with one digit too many, in the Deployment. What the registry
# answered may be true as well, or there may be a fault in the network; but if you mend that, the image is still not
# there.
#
# Make the **fix** where the Pods come from. The manifest lies in the file that `lab.start` named. Open it in
# JupyterLab, mend the line, and `kubectl apply -f` it. Or change the one field on the cluster: `kubectl set image -n
# NAMESPACE deployment/NAME CONTAINER=IMAGE` (the container's name stands in the manifest). `kubectl edit` opens an
# editor, so use it in a terminal and not in a cell.
#
# ## Exercise 10.1: A release that did not arrive
#
# Mend it, and wait until the new Pod is ready (`kubectl rollout status -n … deployment/… --timeout=300s`). Then let
# `answer` be the evidence: the line, or the part of it, that shows the cause. You can write commands into the same
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
# It says: *the container failed, and I wait before I start it again*. So it only describes what Kubernetes does. The
# reason why the program fails stands in the program's log, in its last lines. But the container that runs now may have
# no log yet. `--previous` asks for the log of the attempt before.
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
# This one is a Job: the first part of a training, which collects the flights of all months before. Look at the last
# line of its log, and at how the container ended.

# %%
# !kubectl logs -n flights-lab-3 job/train
# !kubectl describe pod -n flights-lab-3 -l job-name=train | grep -E "State:|Reason:|Exit Code:|memory:"

# %% [markdown]
# Exit code 137 is 128 + 9: ended by signal 9, which no program can catch. So there is no traceback, and the
# log just stops. Look at the line `memory` under `Limits`, and remember chapter 08: above its CPU limit a
# container is slowed, above its memory limit it is killed.
#
# Do not guess how much it needs: measure it once with a limit that is more than enough, or ask somebody who ran it
# before. The whole year takes about 400 MB here.
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
# Removing the limit would have made it run too. But then a training that grows takes the memory of other Pods on the
# node, and the Pod that is killed may be another one.
#
# ## What you can do now
#
# 1. You found the causes of three complaints in five words, and named the line each time.
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
# **Next:** [10.2](10-2-what-waits.ipynb), about things that wait and do not fail.
