# %% [markdown]
# # 10.4 · Debugging: last month's list, and the exam
#
# About 40 minutes · 1 GB of memory · a cluster, or a recorded one
#
# You use the five words once more, and nobody tells you where to look.
#
# You will
#
# 1. find a wrong result by asking what a program **did**;
# 2. find a fault with **no help** but what the cluster itself says.
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
# The Pod is `Completed`, without a restart. The Job follows within seconds: ask again, and it says `Complete` and
# `1/1`. No dashboard shows an error. Kubernetes knows whether a program ended without an error. It does not know
# whether the program did what you need.
#
# So do not look for an error here. Find out what the Job did.
#
# ## Exercise 10.9: Completed, and wrong
#
# Find out what the program read, and which object told it to. Mend that, let the Job publish the right list by itself,
# and give as evidence the line that shows which month was used.

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
# Somebody forgot to change one value, and no program noticed. If you write "2013-10" on the published list, the
# complaint stops only until somebody reads the list.
#
# Two things prevent such a fault. A program can compare the month that it was asked for with the month of its data, and
# refuse when they differ: that is a contract as in chapter 02, for the output as well as for the input. And the month
# can come from the schedule and not from a person (chapter 05).
#
# ## 2. The exam: nobody says where
#
# You get no hint, and the text says nothing of the manifest: you have only the cluster. Use the decision tree of the
# [reading](../chapters/10-debugging/README.md) if you like.

# %%
lab.start(10)

# %%
# !kubectl get pods -n flights-lab-10

# %% [markdown]
# ## Exercise 10.10: The exam
#
# Evidence first, then the fix. The training of February has to end well, and its month has to stand in one place only.
# You can mend either of the two objects. If you replace the Job, begin with `kubectl apply view-last-applied -n
# flights-lab-10 job/train`: the output of `get -o yaml` contains the ids of the old Job, so the new one would be
# refused after `replace --force` has deleted the old one.

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
# Kubernetes kept trying: as soon as the key was there, the container started. If you mended the ConfigMap, you had to
# start nothing anew.
#
# ## 3. Two more labs
#
# Start them when you like, now or in a week; they have no exercise and no solution. `lab.check` judges, as the checks
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
# 1. You found a wrong month behind a completed Job, by asking what it did and not whether it failed.
# 2. You found a fault that no lesson had shown you, from what the cluster itself says.
#
# In all four sittings you found the causes of ten complaints, and named the line each time.
#
# ## Optional: bring your own model
#
# Take the Job of your own model, or one of the manifests here. Change **one line** so that it breaks, write down the
# complaint (not the fault!) on a card, and give both to a colleague. Measure the time to the evidence and the time to
# the fix separately. Practice makes the first one shorter.
#
# ## Clean up

# %%
lab.reset(9, 10, 11, 12)

# %% [markdown]
# **Next:** [chapter 11](../chapters/11-kubeflow-on-kind/README.md) runs the pipeline on Kubeflow, on the same cluster.
# When a step does not run there, a Pod does not run, and you know how to find the cause.
