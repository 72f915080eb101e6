# %% [markdown]
# # 08.2 · Kubernetes: how much a training asks for, and gets
#
# About 35 minutes · 1 GB of memory · a cluster, or a recorded one
#
# In the last notebook a training was a Job, and the Job did not say how much it needs. Here you find out whether more
# Pods help, write down what a Pod asks for and what it may take, and mend a training that is killed because it takes
# more.
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
# The commands go to the book's own cluster, or to a recorded one, as in the last notebook. Make a Namespace for this
# notebook:

# %%
# !kubectl delete namespace flights-sizes --ignore-not-found
# !kubectl create namespace flights-sizes

# %% [markdown]
# ## 1. More Pods, faster?
#
# A Job can have more than one Pod: `completions` says how many have to end well, `parallelism` how many may run side by
# side. The training of this Job also prints more about itself.

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
# You get the same training twice, for twice the cost. Kubernetes starts processes; it does not know what they do, so it
# cannot divide a `fit`. **Replicas do not train faster.** They answer more requests, which is what chapter 09 uses them
# for.
#
# Two things do help: more cores for the one Pod, as far as the algorithm can use them, and dividing the work yourself,
# where that is possible. For example, there can be one Job for each airport, each with a whole training of its own.
# Months cannot be divided like this, since each needs the champion of the month before.
#
# ## 2. What localhost means
#
# While you read this, JupyterLab probably answers at `http://localhost:8888`. Many people have a tracking
# server there, or a database, and write that address into the training. This program will run in a Pod:

# %%
# !grep -A 13 "import threading" "{state}/where.yaml"

# %% [markdown]
# It asks that address. Then it starts a small web server of its own at the same address, and asks again. **Bet first:**
# does it get an answer, the first time and the second?

# %%
my_bet = None  # "answer, answer", "answer, refused", "refused, answer" or "refused, refused"

# %%
# !kubectl apply -f "{state}/where.yaml"
# !kubectl wait -n flights-sizes --for=condition=complete job/where --timeout=600s
# said = !kubectl logs -n flights-sizes -l run=where
print("\n".join(said))
companion.compare_bet(my_bet, ", ".join("refused" if "refused" in line else "answer" for line in said))

# %% [markdown]
# Each Pod has a network address of its own, and **localhost in a Pod is the Pod**. Your laptop is not in there. If
# several Pods shall reach a program, it has to have a name in the cluster, which is a Service (chapter 09), or an
# address that all of them can reach.
#
# ## 3. How much memory and CPU
#
# For each container you can write two numbers for memory and two for CPU. Different programs read them.
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
# The training of September holds between 300 and 400 Mi. **Bet first:** what happens to `roomy`, which asks for 100Mi,
# and to `huge`, which asks for 100Gi and will never use them?

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
# (`-L run` prints the label as a column.) For `huge` no container was started, and there is no log. The Events say why:

# %%
# !kubectl get events -n flights-sizes --field-selector reason=FailedScheduling

# %% [markdown]
# 400 Mi would be enough for it, but the scheduler cannot know that; it reads the request. (On a machine with more than
# 100 GB it runs.) Waiting does not help here, so delete the Job. Then look at what `roomy` used.

# %%
# !kubectl delete job huge -n flights-sizes --ignore-not-found
# !kubectl logs -n flights-sizes -l run=roomy | grep peak

# %% [markdown]
# It used more than three times what it had requested, and nothing happened: a request guarantees you an amount, and
# does not stop you from using more. Only the limit does. **Request and limit are two different things.** Next, see what
# happens if only a limit is written.

# %%
# !kubectl describe pod -n flights-sizes -l run=limit-only | grep -E -A 1 "Limits|Requests"

# %% [markdown]
# The request was set **to the limit**. So if you write only a large limit, you reserve all of it. And a training
# without any numbers starts anywhere; when the memory of the whole node runs out, it is one of the first to be ended.
#
# ## Exercise 8.2: Waits, runs, slower, killed
#
# What happens in each case? Answer with `"waits"`, `"runs"`, `"runs slower"` or `"is killed"`. All of them are on a
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
# A colleague has chosen the numbers for the sample, and they are right for it. Now the training shall learn from the
# whole year.

# %%
# !cat "{state}/december.yaml"

# %% [markdown]
# On a cluster of your own the next cell prints nothing for a minute or two; `kubectl get pods -n flights-sizes -w` in a
# terminal of JupyterLab shows the state meanwhile.

# %%
# !kubectl apply -f "{state}/december.yaml"
# !kubectl wait -n flights-sizes --for=condition=failed job/december --timeout=900s

# %% [markdown]
# **Symptom.** The Job failed. Look at the Job and its Pod, and at the Pod's log.

# %%
# !kubectl get jobs,pods -n flights-sizes -l run=december
# !kubectl logs -n flights-sizes -l run=december

# %% [markdown]
# The log is empty, without even a traceback. So the program was ended before it could print anything. The word under
# STATUS is new.
#
# **Evidence.** How did the container end, and with which numbers?

# %%
# !kubectl describe pod -n flights-sizes -l run=december | grep -E -A 2 "State:|Limits|Requests"

# %% [markdown]
# `OOMKilled` means that the container was killed because it ran out of memory. The exit code 137 is 128 + 9: the
# process was ended by signal 9, which no program can catch. So no `except` and no `finally` ran, and nothing was
# printed. (137 alone says only "signal 9". The reason says why it was sent.) Another attempt would need as much memory
# as the first.
#
# **Cause.** The training needs more than 400 Mi. This run does not say how much more, because the process was killed at
# 400, before its peak.
#
# **Fix.** First try the way that does not work, so that you have seen it. Raise the limit in the text, and apply it
# again (`sed` is an editor in one line):

# %%
# !sed "s/400Mi/2Gi/" "{state}/december.yaml" > "{state}/more.yaml"
# !kubectl apply -f "{state}/more.yaml" 2>&1 | grep -o "field is immutable" | head -1

# %% [markdown]
# A Job's template cannot be changed: the Job is the record of what was run. It is **deleted and applied again**.
#
# The Pod is the wrong place, too. Most of its fields are fixed, and where a cluster lets you raise the memory of a
# running Pod, the template still has the old number, and the next attempt is killed by it. So change the Job, not its
# Pod.
#
# ## Exercise 8.3: An OOM, mended with evidence
#
# Edit two files in the notebook's folder (`work/state/08`, the newest `run-…`).
#
# 1. **Measure.** `measured.yaml` is December under another name, with the program of section 1, which prints its peak.
#    Its limit is still too small: give it more than enough (1Gi, 2Gi, or no limit), apply it, wait for `job/measured`,
#    read its log by the label `run=measured`.
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
# A recorded cluster knows some sizes of `december`, good ones and bad ones, and it names them when you apply others.
# Take one of them that fits your measurement and see it run; or keep your own, and the check judges what you applied.

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
# A limit says how much your program needs at most, and your measurement supports it. Write both into the pull request.
# Without a limit the Job would run as well, until one day this training takes the memory of other Pods on its node, and
# one of them is killed.
#
# **It transfers.** The year-end run of a credit portfolio is like December here: the same code, more rows, and it is
# killed at night. A peak that was measured in October says how much to ask for.
#
# ## Optional: bring your own model
#
# Measure how much *your* training takes. Put your estimator into an image, as at the end of chapter 06, load it with
# `make cluster-load`, and let a copy of the Job `measured` run it. Then write its request and its limit down, with the
# peak beside them.
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
# With the namespace, all its objects are deleted.

# %%
# !kubectl delete namespace flights-sizes --wait=false

# %% [markdown]
# ## What comes next
#
# Every model of this notebook is gone with its Pod. [The next notebook](08-3-what-outlives-a-pod.ipynb) keeps the
# model, and gives the training its month and its token from outside.
