# %% [markdown]
# # 10 · Debugging: from a complaint to a cause
#
# About 150 minutes · 3 GB of memory · a cluster, or a recording of one
#
# Nobody will tell you "the Pod is in CrashLoopBackOff". They will tell you that a number is old, or that a
# list is missing. Between that sentence and the line that has to change lies a way, and the way is always the
# same. Here you go it ten times, on things that are really broken.
#
# You will
#
# 1. lead a complaint back to a cause in five words: **symptom, command, evidence, cause, fix**;
# 2. tell a symptom from a cause, by what a status says and what it does not;
# 3. mend what is wrong, and not what is red;
# 4. find a wrong result by asking what a program **did**;
# 5. find a fault that you have never seen before.

# %%
import companion

state = companion.workspace("10-1")

# %% [markdown]
# The labs run on the book's own cluster (`make cluster-up`) with the book's image on it. Where there is no
# cluster, the cells are answered from a recording, and you read along; then look up the solved notebook.

# %%
from companion import check
from companion.cluster import require
from chapter_10.labs import Labs

require()
lab = Labs(state)

# %% [markdown]
# ## 1. A complaint
#
# It is October 2013. Each month a Job predicts which flights will be late, and publishes a list, so that the
# call centre can warn the passengers. This morning's mail:
#
# > *The list for October came on time, thank you. But we have just called passengers of UA 1037 about
# > 12 September. They landed weeks ago, 147 minutes late, and were not amused.*
#
# `lab.start(9)` puts this situation on the cluster: a namespace of its own, with a Job, its program and its
# settings. (Why 9: you will come back to it.) A start takes about a minute, more on a busy machine.

# %%
lab.start(9)

# %% [markdown]
# **Bet first:** the list is wrong. Which status will the Job's Pod show?

# %%
my_bet = None  # "Completed", "CrashLoopBackOff", "Error" or "Pending"

# %%
# !kubectl get jobs,pods -n flights-lab-9
# pods = !kubectl get pods -n flights-lab-9 --no-headers
companion.compare_bet(my_bet, pods[-1].split()[2])

# %% [markdown]
# The Pod is `Completed`, without a restart. The Job follows within seconds: ask again, and it says `Complete`
# and `1/1`. Every dashboard is green. Kubernetes knows whether a program ended without an error. It does not
# know what the program was for.
#
# So looking for something red leads nowhere here. Leave this complaint for a while, and learn to read the
# cluster where it does say something. At the end you return with better eyes.
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
# Read the complaint, then look.

# %%
lab.start(1)

# %%
# !kubectl get pods -n flights-lab-1

# %% [markdown]
# The **symptom**: the Pod does not run, and under STATUS stands why not, in one word. That word says what
# Kubernetes is *doing* (waiting before it tries to pull again), not what is wrong. The **command** that asks
# further is `describe`. It is long; its end, the Events, is what you want.

# %%
# !kubectl describe pod -n flights-lab-1 -l app=predictions | grep -A 14 ^Events

# %% [markdown]
# The **evidence** is the line with `Failed to pull image`. It has two parts: which image, and what the
# registry said to it. What a registry says differs (not found, access denied, no such host: it may not even
# tell you whether the name exists). The name is the sure part. Compare it, letter by letter, with the one in
# the other container of the same Pod, which ran.

# %%
# !kubectl get deployment predictions -n flights-lab-1 -o yaml | grep image:

# %% [markdown]
# The first line is the container that serves, the second the init container that trained before it. `0.10.0`
# was never built. The **cause** is a tag with one digit too many, in the Deployment. Whatever the registry said, or
# the network on the way to it, is true as well, and mending that would not bring the image.
#
# The **fix** belongs where the Pods come from. The manifest lies in the file that `lab.start` named. Open it in
# JupyterLab, mend the line, and `kubectl apply -f` it. Or change the one field on the cluster:
# `kubectl set image -n NAMESPACE deployment/NAME CONTAINER=IMAGE` (the container's name stands in the manifest).
#
# ## Exercise 10.1: A release that did not arrive
#
# Mend it, and wait until the new Pod is ready (`kubectl rollout status`). Then let `answer` be the evidence:
# the line, or the part of it, that told the cause. You can write commands into the same cell, above `answer`,
# with `!` before them. Add cells as you like.

# %%
### BEGIN SOLUTION
# !kubectl set image -n flights-lab-1 deployment/predictions serve=pipelines-for-humans/python:0.1.0
# !kubectl rollout status -n flights-lab-1 deployment/predictions --timeout=300s
answer = 'Failed to pull image "pipelines-for-humans/python:0.10.0"'
### END SOLUTION

# %%
check.ex_10_1(answer)

# %% [markdown]
# Each check looks at two things: your evidence, and the live cluster. It asks the Service which champion it
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
# ## 5. Lab 3: December is too much

# %%
lab.start(3)

# %%
# !kubectl get jobs,pods -n flights-lab-3

# %% [markdown]
# This is no service but a training: a Job. It is asked for the whole year, which is more than it was ever
# asked for. What does the container's end look like?

# %%
# !kubectl describe pod -n flights-lab-3 -l job-name=train | grep -A 12 "State:"

# %% [markdown]
# Exit code 137 is 128 + 9: ended by signal 9, which no program can catch. So there is no traceback, and the
# log just stops. Look at the line `memory` under `Limits`, and remember chapter 08: above its CPU limit a
# container is slowed, above its memory limit it is killed.
#
# How much does it need? Do not guess: measure it once with room to spare, or ask who ran it before. Training
# on the year takes between 600 and 700 MB here.
#
# ## Exercise 10.3: Enough, and not everything
#
# A Job's Pod template cannot be changed: edit the file (`state / "lab-3.yaml"`), then
# `kubectl replace --force -f` it, which deletes the old Job and makes the new one. `kubectl wait
# --for=condition=complete` waits. Keep a limit, and train on the same year.

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
# ## 6. Labs 4 and 5: it does not fail, it waits

# %%
lab.start(4)

# %%
# !kubectl get pods -n flights-lab-4

# %% [markdown]
# `Pending`: no container was started, so there is no log and will be none. `kubectl logs` is the wrong
# question. Who is busy with this Pod? The scheduler, which looks for a Node. What it thinks stands in the
# Events.
#
# ## Exercise 10.4: No room
#
# From here on you choose the commands. The evidence is one line. (The Job is a small training; it needs no
# more than a fraction of a core.)

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-4 -o custom-columns=REASON:.reason,MESSAGE:.message
manifest = state / "lab-4.yaml"
manifest.write_text(manifest.read_text().replace('cpu: "50"', "cpu: 50m"))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-4 --for=condition=complete job/train --timeout=300s
answer = "FailedScheduling: Insufficient cpu"
### END SOLUTION

# %%
check.ex_10_4(answer)

# %% [markdown]
# A request is what the scheduler counts with, whether the program uses it or not.

# %%
lab.start(5)

# %%
# !kubectl get pods -n flights-lab-5

# %% [markdown]
# The same word, `Pending`. Is it the same cause?
#
# ## Exercise 10.5: One step back
#
# Follow the chain: the Pod waits for something, and that waits for something else. Go back until you reach an
# object that does not wait but is wrong. `kubectl get storageclass` shows what this cluster offers. Mend it;
# the training still has to write to a claim. (A claim's class cannot be changed either: replace, as in lab 3.)

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-5 -o custom-columns=KIND:.involvedObject.kind,REASON:.reason,MESSAGE:.message
# !kubectl get storageclass
manifest = state / "lab-5.yaml"
manifest.write_text(manifest.read_text().replace("fast-ssd", "standard"))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-5 --for=condition=complete job/train --timeout=300s
answer = 'storageclass.storage.k8s.io "fast-ssd" not found'
### END SOLUTION

# %%
check.ex_10_5(answer)

# %% [markdown]
# The Pod's own Event ("unbound immediate PersistentVolumeClaims") is a symptom one step nearer to the cause.
# Stopping there leads to the usual wrong fix: no claim, and a model that is gone with its Pod.
#
# ## 7. Labs 6 and 7: it runs, and nothing happens

# %%
lab.start(6)

# %%
# !kubectl get jobs,pods -n flights-lab-6
# !kubectl get configmap champion -n flights-lab-6 -o yaml | grep month

# %% [markdown]
# `Running`, `1/1`, no restart, and the champion is still August's. The program was written to be patient: it
# tries again every five seconds. Patience hides faults.
#
# ## Exercise 10.6: Exactly what it needs
#
# Who is refused what, on which object? The line that says so is your evidence. Give the account that right
# and no more: the check asks the cluster what else it may do now. (`kubectl apply -f` suffices: a Role can be
# changed. It also puts the ConfigMap back to August; if the Job has ended by then, replace instead.)

# %%
### BEGIN SOLUTION
# !kubectl logs -n flights-lab-6 job/promote --tail=1
manifest = state / "lab-6.yaml"
manifest.write_text(manifest.read_text().replace('verbs: ["get"]', 'verbs: ["get", "patch"]'))
# !kubectl apply -f "{manifest}"
# !kubectl wait -n flights-lab-6 --for=condition=complete job/promote --timeout=120s
answer = 'User "system:serviceaccount:flights-lab-6:promoter" cannot patch resource "configmaps"'
### END SOLUTION

# %%
check.ex_10_6(answer)

# %% [markdown]
# `cluster-admin` is the fix that is found first in every forum. It works at once, for the promoter and for
# whoever gets into its Pod.

# %%
lab.start(7)

# %%
# !kubectl get pods -n flights-lab-7
# !kubectl get --raw /api/v1/namespaces/flights-lab-7/services/predictions:80/proxy/champion

# %% [markdown]
# All Pods are ready. The second command asks the Service, by way of the cluster's API, as a program in the
# cluster would, and gets nothing. Between the Pods and who asks them stands exactly one object.
#
# ## Exercise 10.7: Nobody behind the counter
#
# Ask that object whom it leads to, and mend it so that the second command gets an answer. The evidence is its
# line that fits no Pod.

# %%
### BEGIN SOLUTION
# !kubectl get endpointslices -n flights-lab-7
# !kubectl get service predictions -n flights-lab-7 -o wide
# !kubectl get pods -n flights-lab-7 --show-labels
manifest = state / "lab-7.yaml"
text = manifest.read_text()
manifest.write_text(text.replace("selector:\n    app: prediction\n", "selector:\n    app: predictions\n"))
# !kubectl apply -f "{manifest}"
# !kubectl get --raw /api/v1/namespaces/flights-lab-7/services/predictions:80/proxy/champion
answer = "selector app=prediction, but the Pods have app=predictions"
### END SOLUTION

# %%
check.ex_10_7(answer)

# %% [markdown]
# A Service that selects nothing is no error in Kubernetes: the Pods may come later. Nobody will ever report
# it, except those who get no answer.
#
# ## 8. Lab 8: the corrected image
#
# A flight is late above 15 minutes. In the image of the monthly report the rule was wrong; a colleague has
# corrected it, built the image again **under the same tag**, and started the Job. (This lab builds an image,
# so it needs `docker` beside the cluster, and takes a minute or two.)

# %%
lab.start(8)

# %%
# !kubectl logs -n flights-lab-8 job/late-share
# !docker image inspect pipelines-for-humans/late-share:1 | grep LATE_AFTER

# %% [markdown]
# The first line is what ran on the cluster, the second the rule in the image of that name on this machine. One
# name, two contents.
#
# ## Exercise 10.8: Which one did I get?
#
# Where did the node get its image from? Then mend it so that it cannot happen to the next node either. An
# image of this machine gets onto the nodes with `kind load docker-image NAME:TAG --name pipelines`.

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-8 -o custom-columns=REASON:.reason,MESSAGE:.message | grep image
# !docker tag pipelines-for-humans/late-share:1 pipelines-for-humans/late-share:2
# !kind load docker-image pipelines-for-humans/late-share:2 --name pipelines
manifest = state / "lab-8.yaml"
manifest.write_text(manifest.read_text().replace("late-share:1", "late-share:2"))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-8 --for=condition=complete job/late-share --timeout=120s
# !kubectl logs -n flights-lab-8 job/late-share
answer = 'Container image "pipelines-for-humans/late-share:1" already present on machine'
### END SOLUTION

# %%
check.ex_10_8(answer)

# %% [markdown]
# A tag is a label on a box, and the node looks at the label only. So does a pipeline that caches steps by the
# name of their image (Kubeflow does: chapter 07). The rule is short: **a tag is used once.**
#
# ## 9. Back to the complaint
#
# The Job of lab 9 is still green. Ask it, with what you know now: not "did you fail?" but "what did you do?"
#
# ## Exercise 10.9: Green, and wrong
#
# What did the program read, and who told it so? Mend that, let the Job publish the right list by itself, and
# give as evidence the line that shows which month was at work.

# %%
### BEGIN SOLUTION
# !kubectl logs -n flights-lab-9 job/late-list
# !kubectl describe job late-list -n flights-lab-9 | grep MONTH
# !kubectl get configmap run -n flights-lab-9 -o yaml | grep MONTH:
manifest = state / "lab-9.yaml"
manifest.write_text(manifest.read_text().replace('MONTH: "2013-09"', 'MONTH: "2013-10"'))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-9 --for=condition=complete job/late-list --timeout=300s
# !kubectl logs -n flights-lab-9 job/late-list
answer = "the ConfigMap run has MONTH 2013-09, and the log says: scheduled from 2013-09-01 to 2013-09-30"
### END SOLUTION

# %%
check.ex_10_9(answer)

# %% [markdown]
# One hand forgot to move one value, and everything went well with it. Writing "2013-10" on the published list
# would have made the complaint go away, for an hour.
#
# What would have said so by itself? A program that is told its month twice, by the schedule and by the data,
# and refuses when they differ: the contract of chapter 02, at the exit as well as at the door. And a month
# that comes from the schedule, not from a hand (chapter 05).
#
# ## 10. The exam: a fault that you have not seen
#
# No hint and no manifest: what you have is the cluster. Lab 10 is the exam; labs 11 and 12 are two more
# envelopes (`lab.start(11)`, then `lab.check(11, "your evidence")`). Take the decision tree of the
# [reading](../chapters/10-debugging/README.md) if you like.

# %%
lab.start(10)

# %%
# !kubectl get pods -n flights-lab-10

# %% [markdown]
# ## Exercise 10.10: The exam
#
# Evidence first, then the fix. The training of March has to end well, and its month has to stand in one place
# only. You can mend either side. If you replace the Job, begin with
# `kubectl apply view-last-applied -n flights-lab-10 job/train`: what `get -o yaml` writes carries the ids of the
# old Job, and `replace --force` deletes that before the new one is refused.

# %%
### BEGIN SOLUTION
# !kubectl describe pod -n flights-lab-10 -l job-name=train | grep -A 14 ^Events
# !kubectl describe configmap run -n flights-lab-10 | grep -A 8 ^Data
# !kubectl delete configmap run -n flights-lab-10
# !kubectl create configmap run -n flights-lab-10 --from-literal=MONTH=2013-03
# !kubectl wait -n flights-lab-10 --for=condition=complete job/train --timeout=300s
answer = "couldn't find key MONTH in ConfigMap flights-lab-10/run"
### END SOLUTION

# %%
check.ex_10_10(answer)

# %% [markdown]
# Kubernetes kept trying: once the key was there, the container was, and nothing had to be started anew.
#
# ## What you can do now
#
# 1. You led ten complaints back to a cause in five words, and named the line each time.
# 2. You told symptoms from causes: `ImagePullBackOff`, `CrashLoopBackOff`, `Pending` and `Running` each say
#    what Kubernetes does, and none says why.
# 3. You mended limits, requests, claims, rights, selectors and tags at their source, and the symptom went by
#    itself.
# 4. You found a wrong month behind a green Job, by asking what it did and not whether it failed.
# 5. You found a fault that no lesson had named.
#
# ## Optional: bring your own model
#
# Take the Job of your own model, or one of the manifests here. Change **one line** so that it breaks, write
# down the complaint (not the fault!) on a card, and give both to a colleague. Stop the time to the evidence
# and the time to the fix separately. The first is the one that practice shortens.
#
# ## Clean up
#
# Each lab is a namespace; removing it removes all that is in it. (If you opened the other two envelopes:
# `lab.reset(11, 12)`.)

# %%
lab.reset(*range(1, 11))

# %% [markdown]
# **Next:** [chapter 11](../chapters/11-kubeflow-on-kind/README.md) runs the pipeline on Kubeflow, on the same
# cluster. When a step does not run there, it is a Pod that does not run, and you know the way.
