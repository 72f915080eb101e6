# %% [markdown]
# # 10.4 · Debugging: last month's list, and the exam
#
# About 40 minutes · 1 GB of memory · a cluster, or a recorded one
#
# Five words, and nobody who tells you where to look.
#
# You will
#
# 1. find a wrong result by asking what a program **did**;
# 2. find a fault with **no help** but the cluster's own words.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("10-4")

from companion import check
from chapter_10.labs import Labs

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
# `lab.start(9)` puts this situation on the cluster: the Job, its program and its settings.

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
# So looking for something red leads nowhere here. Ask the Job: not "did you fail?" but "what did you do?"
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
# ## 2. The exam: nobody says where
#
# No hint, and nothing said of the manifest: what you have is the cluster. Take the decision tree of the
# [reading](../chapters/10-debugging/README.md) if you like.

# %%
lab.start(10)

# %%
# !kubectl get pods -n flights-lab-10

# %% [markdown]
# ## Exercise 10.10: The exam
#
# Evidence first, then the fix. The training of February has to end well, and its month has to stand in one place
# only. You can mend either side. If you replace the Job, begin with
# `kubectl apply view-last-applied -n flights-lab-10 job/train`: what `get -o yaml` writes carries the ids of the
# old Job, and `replace --force` deletes that before the new one is refused.

# %%
### BEGIN SOLUTION
# !kubectl describe pod -n flights-lab-10 -l job-name=train | grep -A 14 ^Events
# !kubectl describe configmap run -n flights-lab-10 | grep -A 8 ^Data
# !kubectl delete configmap run -n flights-lab-10
# !kubectl create configmap run -n flights-lab-10 --from-literal=MONTH=2013-02
# !kubectl wait -n flights-lab-10 --for=condition=complete job/train --timeout=300s
answer = "couldn't find key MONTH in ConfigMap flights-lab-10/run"
### END SOLUTION

# %%
check.ex_10_10(answer)

# %% [markdown]
# Kubernetes kept trying: once the key was there, the container was. Who mended the ConfigMap had to start nothing anew.
#
# ## 3. Two more envelopes
#
# Open them when you like, now or in a week; there is no exercise and no solution. `lab.check` judges, as the checks
# of the exercises do.

# %%
lab.start(11)

# %%
lab.start(12)

# %%
my_evidence = {11: None, 12: None}  # the line that told you the cause
for number, line in my_evidence.items():
    if line:
        lab.check(number, line)

# %% [markdown]
# ## What you can do now
#
# 1. You found a wrong month behind a green Job, by asking what it did and not whether it failed.
# 2. You found a fault that no lesson had shown you, in the cluster's own words.
#
# And in all four sittings: you led ten complaints back to a cause, and named the line each time.
#
# ## Optional: bring your own model
#
# Take the Job of your own model, or one of the manifests here. Change **one line** so that it breaks, write
# down the complaint (not the fault!) on a card, and give both to a colleague. Stop the time to the evidence
# and the time to the fix separately. The first is the one that practice shortens.
#
# ## Clean up

# %%
lab.reset(9, 10, 11, 12)

# %% [markdown]
# **Next:** [chapter 11](../chapters/11-kubeflow-on-kind/README.md) runs the pipeline on Kubeflow, on the same
# cluster. When a step does not run there, it is a Pod that does not run, and you know the way.
