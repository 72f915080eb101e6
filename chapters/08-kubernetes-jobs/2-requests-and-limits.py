# %% [markdown]
# # 08.2 · Kubernetes: how much a training asks for, and gets
#
# About 35 minutes · 1 GB of memory · a cluster, or a recorded one
#
# In the last notebook a training was a Job, and the Job did not say how much it needs. Here you find out what more
# Pods bring, write down what a Pod asks for and what it may take, and mend a training that is killed because it
# takes more.
#
# You will
#
# 1. predict from **requests and limits** what waits, what runs and what is killed;
# 2. **mend a training that ran out of memory**, with evidence for the number that you write down.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet
# compares.

# %%
import companion

state = companion.workspace("08-2")
companion.copy_manifests(state)

# %% [markdown]
# The commands go to the book's own cluster, or to a recorded one, as in the last notebook. A Namespace for today:

# %%
# !kubectl delete namespace flights-sizes --ignore-not-found
# !kubectl create namespace flights-sizes

# %% [markdown]
# ## 1. More Pods, faster?
#
# A Job can have more than one Pod: `completions` says how many have to end well, `parallelism` how many may
# run side by side. In this one the training also says more about itself.

# %%
# !cat "{state}/twice.yaml"

# %% [markdown]
# In a manifest, `command` takes the place of the image's `ENTRYPOINT`, and `args` are what it is given. The `|`
# begins a text of several lines: here a small program that runs the pipeline, then prints the digest of its
# probabilities and the most memory that it ever held.
#
# **Bet first:** two Pods on two cores instead of one. What do you get: the training in half the time, the same
# training twice, or two half models?

# %%
my_bet = None  # "half the time", "the same twice" or "two half models"

# %%
# !kubectl apply -f "{state}/twice.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/twice --timeout=600s
# !kubectl get pods -n flights-sizes

# %%
# lines = !kubectl logs -n flights-sizes -l run=twice
digests = [line for line in lines if line.startswith("digest")]
print(len(digests), "trainings,", len(set(digests)), "result")
companion.compare_bet(my_bet, "the same twice" if len(set(digests)) == 1 else "two half models")

# %% [markdown]
# Beside each other, for twice the price. Kubernetes starts processes; it does not look inside, so it cannot divide
# a `fit`. **Replicas do not train faster.** They answer more requests, which is what chapter 09 uses them for.
#
# What does help? More cores for the one Pod, as far as the algorithm can use them. And dividing the work
# yourself where it is divisible: one Job for each airport, each of them a whole training of its own. Months
# are not divisible so: each needs the champion of the month before.
#
# ## 2. Where is localhost?
#
# While you read this, JupyterLab probably answers at `http://localhost:8888`. Many people have a tracking
# server there, or a database, and write that address into the training. This program will run in a Pod:

# %%
# !grep -A 13 "import threading" "{state}/where.yaml"

# %% [markdown]
# It asks that address. Then it starts a small web server of its own at the same address, and asks again. **Bet
# first:** two answers?

# %%
my_bet = None  # "answer, answer", "answer, refused", "refused, answer" or "refused, refused"

# %%
# !kubectl apply -f "{state}/where.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/where --timeout=600s
# said = !kubectl logs -n flights-sizes -l run=where
print("\n".join(said))
companion.compare_bet(my_bet, ", ".join("refused" if "refused" in line else "answer" for line in said))

# %% [markdown]
# Each Pod has a network address of its own, and **localhost in a Pod is the Pod**. Your laptop is not in there. What
# several Pods shall reach has to be in the cluster under a name, which is a Service (chapter 09), or at an address
# that all of them can reach.
#
# ## 3. How much?
#
# Two numbers for memory and two for CPU can stand beside each container. They have different readers.
#
# | | who reads it | when | what it does |
# |---|---|---|---|
# | **request** | the scheduler | before the start | counts it as taken, and looks for a node where that much is left |
# | **limit** | the kernel of the node | all the time | slows down above the CPU limit, kills above the memory limit |
#
# Neither says what the program *uses*. `100m` of CPU is a tenth of a core, `1Gi` of memory is 1024 Mi, `1Mi`
# is 1024 times 1024 bytes. Three trainings of September, each with other numbers:

# %%
# !grep -E "metadata: .name|resources" "{state}/sizes.yaml"

# %% [markdown]
# The training of September holds between 300 and 400 Mi. **Bet first:** what becomes of `roomy`, which asks
# for 100Mi, and of `huge`, which asks for 100Gi and will never use them?

# %%
my_bet = None  # {"huge": …, "roomy": …}, each "is killed", "runs" or "waits"

# %%
# !kubectl apply -f "{state}/sizes.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/roomy job/limit-only --timeout=600s
# pods = !kubectl get pods -n flights-sizes -l "run in (huge,roomy)" -L run --no-headers
print("\n".join(pods))
became = {"OOMKilled": "is killed", "Pending": "waits", "Running": "runs", "Completed": "runs"}
companion.compare_bet(my_bet, {line.split()[-1]: became[line.split()[2]] for line in pods})

# %% [markdown]
# (`-L run` prints the label as a column.) For `huge` no container was started, and there is no log. Why? Ask the
# Events:

# %%
# !kubectl get events -n flights-sizes --field-selector reason=FailedScheduling

# %% [markdown]
# It would have been content with 400 Mi, but the scheduler cannot know; it reads the request. (On a machine with
# more than 100 GB it runs.) Waiting does not help here, so take it away. What did `roomy` take?

# %%
# !kubectl delete job huge -n flights-sizes --ignore-not-found
# !kubectl logs -n flights-sizes -l run=roomy | grep peak

# %% [markdown]
# It held more than three times what it had requested, and nobody minded: a request is a promise to you, not a fence
# around you. The fence is the limit. **Request and limit are not the same thing.** And if only one of them is there?

# %%
# !kubectl describe pod -n flights-sizes -l run=limit-only | grep -E -A 1 "Limits|Requests"

# %% [markdown]
# The request was filled in, **with the limit**. Whoever writes only a generous limit reserves all of it. And a
# training without any numbers starts anywhere; when the memory of the whole node runs out, it is among the first
# to go.
#
# ## Exercise 8.2: Waits, runs, slower, killed
#
# What happens? Answer each with `"waits"`, `"runs"`, `"runs slower"` or `"is killed"`. All of them are on a
# node with 4 CPUs and 4Gi to give, and are alone on it unless it says otherwise.

# %%
from companion import check

cases = {
    "a": "requests 100Mi, limit 1Gi, uses 400Mi",
    "b": "requests 300Mi, limit 350Mi, uses 400Mi",
    "c": "requests 8Gi, uses 400Mi",
    "d": "requests 1 CPU, limit 1 CPU, would like 4 CPUs",
    "e": "the fifth of five Pods; each requests 1Gi, has the limit 1Gi, and uses 100Mi",
    "f": "no request, limit 16Gi, uses 400Mi",
}
### BEGIN SOLUTION
answer = {"a": "runs", "b": "is killed", "c": "waits", "d": "runs slower", "e": "waits", "f": "waits"}
### END SOLUTION

# %%
check.ex_8_2(answer)

# %% [markdown]
# ## 4. December is too much
#
# A colleague has sized the training for the sample, which fits. Now it shall learn from the whole year.

# %%
# !cat "{state}/december.yaml"

# %% [markdown]
# On a cluster of your own the next cell is silent for a minute or two; `kubectl get pods -n flights-sizes -w` in a
# terminal of JupyterLab shows meanwhile how far it is.

# %%
# !kubectl apply -f "{state}/december.yaml"
# !kubectl wait -n flights-sizes --for=condition=failed job/december --timeout=900s

# %% [markdown]
# **Symptom.** The Job failed. Ask for it and its Pod, and for what the Pod said.

# %%
# !kubectl get jobs,pods -n flights-sizes -l run=december
# !kubectl logs -n flights-sizes -l run=december

# %% [markdown]
# The log is empty: no traceback, not a word. A program that could still speak would have. The word under STATUS is
# new.
#
# **Evidence.** How did the container end, and with which numbers?

# %%
# !kubectl describe pod -n flights-sizes -l run=december | grep -E -A 2 "State:|Limits|Requests"

# %% [markdown]
# `OOMKilled`: out of memory. The exit code 137 is 128 + 9, ended by signal 9, which no program can catch; so no
# `except`, no `finally`, no last line. (137 alone says only "signal 9". The reason says who sent it, and why.)
# Another attempt would have needed as much as the first.
#
# **Cause.** The training wants more than 400 Mi. How much more, this run does not tell: a process that is
# killed at 400 had not come to its peak.
#
# **Fix.** First the way that does not work, so that you have seen it. Raise the limit in the text, and apply it
# again (`sed` is an editor in one line):

# %%
# !sed "s/400Mi/2Gi/" "{state}/december.yaml" > "{state}/more.yaml"
# !kubectl apply -f "{state}/more.yaml" 2>&1 | grep -o "field is immutable" | head -1

# %% [markdown]
# A Job's template cannot be changed: the Job is the record of what was run. It is **deleted and applied again**.
#
# The Pod is the wrong place, too. Most of its fields are fixed, and where a cluster lets you raise the memory
# of a running Pod, the template still has the old number, and the next attempt dies of it. Mend the wish, not
# the copy.
#
# ## Exercise 8.3: An OOM, mended with evidence
#
# Two files in the notebook's folder (`work/state/08`, the newest `run-…`) are yours to edit.
#
# 1. **Measure.** `measured.yaml` is December under another name, with the program of section 1, which prints its
#    peak. Its limit is still too small: give it room to spare (1Gi, 2Gi, 4Gi, or no limit), apply it, wait for
#    `job/measured`, read its log by the label `run=measured`.
# 2. **Size.** Set request and limit in `december.yaml` by that number: the request is about the peak, the limit
#    leaves some headroom above it, since data grows. A fifth to a half is usual; the check takes a limit from a
#    tenth above the peak up to three times the peak, and a request from three quarters of it.
# 3. **Mend**: delete the Job, apply the file, wait until it is complete. Same month, all flights.
# 4. **Show** it: the reason why it was killed, the peak in Mi as a number, and Job and Pods as JSON.
#
# ```
# objects = !kubectl get jobs,pods -n flights-sizes -l run=december -o json
# answer = {"reason": "…", "peak": …, "objects": objects}
# ```
#
# A recorded cluster has seen some sizes of `december`, good ones and bad ones, and names them when you come with
# others. Take one of them that fits your measurement and see it run; or stay with your own, and the check judges what
# you applied.

# %%
from companion.workspace import repository

### BEGIN SOLUTION
solved = repository() / "chapters/08-kubernetes-jobs/solved"  # the two texts as the editor leaves them
# !diff "{state}/measured.yaml" "{solved}/measured.yaml"; diff "{state}/december.yaml" "{solved}/december.yaml"
# !kubectl apply -f "{solved}/measured.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/measured --timeout=900s
# said = !kubectl logs -n flights-sizes -l run=measured
print(said[-1])
# !cp "{solved}/december.yaml" "{state}/december.yaml"
# !kubectl delete job december -n flights-sizes && kubectl apply -f "{state}/december.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/december --timeout=900s
# objects = !kubectl get jobs,pods -n flights-sizes -l run=december -o json
answer = {"reason": "OOMKilled", "peak": int(said[-1].split()[1]), "objects": objects}
### END SOLUTION

# %%
check.ex_8_3(answer)

# %% [markdown]
# A limit is a claim about your program, and you now have the measurement that it rests on. Write both into the
# pull request. Taking the limit away would have worked as well, until the day when this training takes the
# memory of its neighbours, and one of them is killed.
#
# **It transfers.** The year-end run of a credit portfolio is December here: the same code, more rows, and it dies at
# night. A peak that was measured in October says how much to ask for.
#
# ## Optional: bring your own model
#
# How much does *your* training take? Put your estimator into an image, as at the end of chapter 06, load it
# with `make cluster-load`, and let a copy of the Job `measured` run it. Then write its request and its limit down,
# with the peak beside them.
#
# ## Recap
#
# 1. You predicted from **requests and limits**: the scheduler reads the one, the kernel enforces the other,
#    and neither is what a program uses. More Pods of one Job are the same work again.
# 2. You **mended a training that ran out of memory**: evidence (`OOMKilled`, 137), a measured peak, a limit with
#    headroom, in the Job and not in its Pod.
#
# ## Clean-up
#
# The namespace takes everything with it.

# %%
# !kubectl delete namespace flights-sizes --wait=false

# %% [markdown]
# ## What comes next
#
# Every model of this notebook is gone with its Pod. [The next one](08-3-what-outlives-a-pod.ipynb) keeps it, and
# gives the training its month and its token from outside.
