# %% [markdown]
# # 10.3 · Debugging: no answer, and an old number
#
# About 30 minutes · 1 GB of memory · a cluster, or a recorded one
#
# In 10.1 something failed, in 10.2 something waited. Here the cluster shows no fault at all, and still people complain.
#
# You will
#
# 1. **ask a service as its users do**, and go from there to the object between the users and the Pods;
# 2. find out **what really runs**, where you know only what was meant to run.

# %%
import companion

state = companion.workspace("10-3")

from companion import check
from chapter_10.labs import Labs

lab = Labs(state)

# %% [markdown]
# It works as in 10.1 and 10.2: **symptom, command, evidence, cause, fix**.
#
# ## 1. Lab 7: all Pods are ready

# %%
lab.start(7)

# %%
# !kubectl get pods -n flights-lab-7
# !kubectl get --raw /api/v1/namespaces/flights-lab-7/services/predictions:80/proxy/champion

# %% [markdown]
# All Pods are ready. The second command asks the Service, through the cluster's API, as a program in the cluster would,
# and gets no answer. There is exactly one object between the Pods and the programs that ask them.
#
# ## Exercise 10.7: No Pod behind the Service
#
# Ask that object which Pods it leads to, and mend it so that the second command gets an answer. The evidence is its
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
# For Kubernetes a Service that selects no Pod is not an error, since the Pods may come later. So no message reports it;
# only the users notice that they get no answer.
#
# ## 2. Lab 8: the corrected image
#
# A flight is late above 15 minutes. In the image of the monthly report the rule was wrong; a colleague has
# corrected it, built the image again, and started the Job. The team's build writes down what it made.

# %%
lab.start(8)

# %%
# !kubectl logs -n flights-lab-8 job/late-share
# !kubectl get configmap builds -n flights-lab-8 -o yaml | grep built

# %% [markdown]
# The first line shows what ran on the cluster. The other lines show what was built: there were two builds, and each was
# given two names. Find out which of the two builds the Job got, and why. A node lists its images, each with all the
# names that it knows it by:

# %%
# !kubectl get nodes -o yaml | grep -B 2 -A 2 late-share

# %% [markdown]
# ## Exercise 10.8: Which build did I get?
#
# An Event of the Pod says where the node got its image from: that is your evidence. Then mend the Job, so that the same
# cannot happen on another node either. (With `docker`, on a live cluster, you could also give the new image a name of
# your own: `docker tag`, then `kind load docker-image NAME:TAG --name pipelines`. It is not needed.)

# %%
### BEGIN SOLUTION
# !kubectl get events -n flights-lab-8 | grep image
manifest = state / "lab-8.yaml"
manifest.write_text(manifest.read_text().replace("late-share:1\n", "late-share:build-18\n"))
# !kubectl replace --force -f "{manifest}"
# !kubectl wait -n flights-lab-8 --for=condition=complete job/late-share --timeout=120s
# !kubectl logs -n flights-lab-8 job/late-share
answer = 'Container image "pipelines-for-humans/late-share:1" already present on machine'
### END SOLUTION

# %%
check.ex_10_8(answer)

# %% [markdown]
# A tag can be given to another image, and the node looks at the tag only. So does a pipeline that caches steps by the
# name of their image (Kubeflow does: chapter 07). The rule is short: **a tag is used once.**
#
# ## What you can do now
#
# 1. You asked a Service as its users do, and compared the labels that it looks for with those of the Pods.
# 2. You found out which of two builds a node had run, from its own list and an Event, and named the new one so that it
#    can be no other.
#
# ## Clean up

# %%
lab.reset(7, 8)

# %% [markdown]
# **Next:** [10.4](10-4-the-exam.ipynb), with a complaint about a list, and the exam.
