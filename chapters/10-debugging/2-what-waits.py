# %% [markdown]
# # 10.2 · Debugging: what waits, and for whom
#
# About 40 minutes · 1 GB of memory · a cluster, or a recorded one
#
# When something fails, there is at least a message. It is worse when something neither fails nor goes on: nobody
# notices, until somebody asks for the result. Here are three such cases. Each waits for something, and you find out for
# what.
#
# You will
#
# 1. go **one step back** from what waits, until you reach an object that does not wait but is wrong;
# 2. choose your **commands** by the last step that worked;
# 3. mend a request, a claim and a right **at their source**, and give no more than is needed.

# %%
import companion

state = companion.workspace("10-2")

from companion import check
from chapter_10.labs import Labs

lab = Labs(state)

# %% [markdown]
# It works as in 10.1: `lab.start` puts something broken on the cluster, live or recorded, and prints the complaint.
# Then **symptom, command, evidence, cause, fix**, in this order.
#
# ## 1. Lab 4: it does not fail

# %%
lab.start(4)

# %%
# !kubectl get pods -n flights-lab-4

# %% [markdown]
# `Pending`: no container was started, so there is no log, and `kubectl logs` does not help. The scheduler is still
# looking for a Node for this Pod. The Events say what it found: at the end of `describe`, or in `kubectl get events -n
# …`, those of all objects of the namespace.
#
# ## Exercise 10.4: No room
#
# From here on you choose the commands. Edit the manifest (`state / "lab-4.yaml"`) and replace the Job, or do it in
# another way; then wait until the training has ended (`kubectl wait --for=condition=complete --timeout=300s`). The
# evidence is one line. (What would be right? Lab 3's Job in 10.1 did not have this fault.)

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-4
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
#
# ## 2. Lab 5: the same word

# %%
lab.start(5)

# %%
# !kubectl get pods -n flights-lab-5

# %% [markdown]
# It is `Pending` again, perhaps for another cause.
#
# ## Exercise 10.5: One step back
#
# Follow the chain: the Pod waits for something, and that waits for something else. Go back until you reach an
# object that does not wait but is wrong. `kubectl get storageclass` shows what this cluster offers. Mend it;
# the training still has to write to a claim. (A claim's class cannot be changed either: replace, as in lab 3.)

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-5
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
# The Pod's own Event ("unbound immediate PersistentVolumeClaims", or "waiting for first consumer") is a symptom one
# step nearer to the cause. If you stop there, you make the usual wrong fix: you remove the claim, and then the model is
# gone with its Pod.
#
# ## 3. Lab 6: it runs, and nothing happens

# %%
lab.start(6)

# %%
# !kubectl get jobs,pods -n flights-lab-6
# !kubectl get configmap champion -n flights-lab-6 -o yaml | grep month

# %% [markdown]
# `Running`, `1/1`, no restart, and the champion is still August's. The program tries again every five seconds and never
# fails, and so it hides its fault.
#
# ## Exercise 10.6: Exactly what it needs
#
# Read what the program prints. Your evidence is the line that names who, which verb and which object. Give the account
# that right and no more: the check asks the cluster what else it may do now. (`kubectl apply -f` is enough: a Role can
# be changed. It also puts the ConfigMap back to August; if the Job has ended by then, replace instead.)

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
# In forums you often find `cluster-admin` as the fix. It works at once, but then everybody who gets into the promoter's
# Pod may do everything, too.
#
# ## What you can do now
#
# 1. You went from a Pod to its claim and on to the class, until you found the object that was wrong.
# 2. You asked the scheduler, the claim and the program, each in its own place: in Events, or in a log. `Pending` and
#    `Running` each say what Kubernetes does, and neither says why.
# 3. You mended a request, a claim and a right, and gave no more than was needed.
#
# ## Clean up

# %%
lab.reset(4, 5, 6)

# %% [markdown]
# **Next:** [10.3](10-3-an-old-number.ipynb), about Pods that run without an error and still give no answer or a wrong
# one.
