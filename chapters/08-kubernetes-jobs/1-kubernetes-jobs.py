# %% [markdown]
# # 08 · Kubernetes: a training as a Job
#
# About 90 minutes · 3 GB of memory · a cluster, or a recording of one
#
# In chapter 06 you started containers by hand, on a machine that you knew. A cluster is many machines and
# nobody's hands: you write down what is to run, and programs see to it that it does. Here you let it train
# your model, and meet each of its words at the moment when the pipeline needs it.
#
# You will
#
# 1. write **one training as a Job**, follow it to its end, and say when it is tried again;
# 2. predict from **requests and limits** what waits, what runs and what is killed;
# 3. **mend a training that ran out of memory**, with evidence for the number that you write down;
# 4. give a training its **parameters, a token and a store**, so that the model outlives what trained it.

# %%
import companion

state = companion.workspace("08-1")

# %% [markdown]
# The commands go to the book's own cluster, which `make cluster-up` makes, and to no other. Where there is no
# cluster, the cell above has said so, and the answers of `kubectl` are a recording of a real run; a line that
# you change or add has no answer then. Exercises 8.1, 8.2 and 8.4 need no cluster, 8.3 does: without one, read
# it in the solved notebook.

# %%
from companion import check
from companion.cluster import require

require()

# %% [markdown]
# A cluster's machines are called **nodes**. Which are there?

# %%
# !kubectl get nodes

# %% [markdown]
# `kubectl` asks the cluster and tells it things; `get` asks. In the recording it is one node, with two cores.
# The image of chapter 06 has to be there, too. `-o yaml` prints all that is known of an object; `grep` keeps the
# line with the image. If the next cell prints nothing, run `make image` and then
# `make cluster-load IMAGE=pipelines-for-humans/python:0.1.0` in a terminal: a cluster does not see the images of
# your machine.

# %%
# !kubectl get nodes -o yaml | grep pipelines-for-humans/python:0.1.0

# %% [markdown]
# Now a corner of your own. A **Namespace** is a folder for objects: names in it are yours, and deleting it
# deletes all that is in it. The first line removes what a broken-off run may have left.

# %%
# !kubectl delete namespace training --ignore-not-found
# !kubectl create namespace training

# %% [markdown]
# ## 1. One training
#
# You do not start a container on a cluster. You write down what you want, as an **object**, and hand it over; its
# text is called a **manifest**. For work that ends, such as a training, the object is a **Job**.

# %%
# %%writefile "{state}/september.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata:
#   name: september
#   namespace: training
#   labels: {run: september}
# spec:
#   backoffLimit: 1
#   template:
#     metadata:
#       labels: {run: september}
#     spec:
#       restartPolicy: Never
#       containers:
#         - name: train
#           image: pipelines-for-humans/python:0.1.0
#           args: ["2013-09", "--sample", "20000", "--store", "store"]

# %% [markdown]
# Read it from the inside out.
#
# | line | what it says | in a notebook |
# |---|---|---|
# | `args` | what comes behind the image's `ENTRYPOINT`, `python3 -m flightdelay` | the values in the first cell |
# | `image`, `name` | a **container**, started from this image | the frozen environment |
# | `restartPolicy: Never` | a container that has ended is not started again | – |
# | `template` | the form for a **Pod**: what starts together on one node, here one container | one "Run all" |
# | `backoffLimit: 1` | how many failed Pods are followed by a new one | "run it again" |
# | `labels` | notes by which others find it: the upper ones are on the Job, the inner ones on its Pods | – |
#
# So there are three levels: the **Job** is the wish, a **Pod** is one attempt at it, the **container** is the
# process.

# %%
# !kubectl apply -f "{state}/september.yaml"

# %% [markdown]
# `created` means: the wish is written down. Nothing is trained yet, and `apply` does not wait for it. `wait`
# does. (The time-out is for slow machines.)

# %%
# !kubectl wait -n training --for=condition=complete job/september --timeout=600s

# %%
# !kubectl get jobs,pods -n training

# %% [markdown]
# One Job, and one Pod, which has the Job's name and five random characters. The next attempt would have others.
# So a name is of no use in a script: ask **by label**. What a process prints is its **log**; by label you get
# its last ten lines, with `--tail=-1` all of them.

# %%
# log = !kubectl logs -n training -l run=september
print("\n".join(log))

# %% [markdown]
# Compare it with plain Python, here, without any cluster. **Bet first:** are AUC and log loss the same to three
# decimals, or different?

# %%
my_bet = None  # "different" or "the same"

# %%
from flightdelay.pipelines import in_plain_python

plain = in_plain_python.run("2013-09", sample=20_000, store=state / "store").evaluation["challenger"]
words = next(line for line in log if line.startswith("challenger")).split()
there = {"auc": float(words[2]), "log_loss": float(words[5])}
same = all(abs(there[name] - plain[name]) < 0.001 for name in there)
print("same as plain:", same)
companion.compare_bet(my_bet, "the same" if same else "different")

# %% [markdown]
# The same, since it is the same code with the same packages on the same data. Kubernetes adds nothing to a
# model. What it added is a history of who did what, as **Events**:

# %%
columns = "OBJECT:.involvedObject.kind,REASON:.reason"
# !kubectl get events -n training --sort-by=.metadata.creationTimestamp -o custom-columns={columns}

# %% [markdown]
# Three programs handed the work on. The Job controller saw your wish and made a Pod (`SuccessfulCreate`). The
# **scheduler** picked a node (`Scheduled`). The **kubelet**, which sits on that node, looked for the image
# (`Pulled`: it was there) and started the container. Then the Job controller saw the end (`Completed`). (Those of
# one second may stand in another order.) When something does not work, the last Event tells how far it got.
# Events are kept for about an hour.
#
# `kubectl describe` prints an object for people, its Events at the end. Have a look at it once:

# %%
# !kubectl describe job september -n training | grep -v -i "uid\|time\|duration\| at:"

# %% [markdown]
# ## 2. Try again
#
# January cannot be judged, because there are no months before it to learn from. The pipeline refuses it in one
# sentence and ends with an exit code that is not 0. `backoffLimit` is 1. **Bet first:** how many Pods will
# there be?

# %%
my_bet = None  # a whole number

# %%
september = (state / "september.yaml").read_text()
january = september.replace("september", "january").replace("2013-09", "2013-01")
(state / "january.yaml").write_text(january)
# !kubectl apply -f "{state}/january.yaml"
# !kubectl wait -n training --for=condition=failed job/january --timeout=600s

# %%
# !kubectl get pods -n training -l run=january
# !kubectl logs -n training -l run=january
# pods = !kubectl get pods -n training -l run=january -o name
companion.compare_bet(my_bet, len(pods))

# %% [markdown]
# Two: one attempt, and one more. Both said the same sentence, and the second one cost you a pause of
# ten seconds and a start, for nothing. A Job as you wrote it knows only "0" and "not 0"; it cannot tell a network
# that comes back from a month that never will. With `backoffLimit` left out it would be six more attempts, each
# after a longer pause.
#
# A Job can be told more. A `podFailurePolicy` in its `spec` names exit codes that end it at once
# (`action: FailJob`), whatever `backoffLimit` says. It needs a program that keeps a code for "never"; ours ends
# with 1 for every refusal, and Python itself ends with 1 after any error.
#
# Two words decide how it is repeated:
#
# - `restartPolicy: Never`: each attempt is a new Pod. The old ones stay, so that you can read their logs.
# - `restartPolicy: OnFailure`: the same Pod starts its container again; only the log of the attempt before is
#   kept. A Pod's default, `Always`, is refused in a Job: a training that ended well would be started again.
#
# One trap with `wait`: a Job that failed never becomes `complete`, and waiting for that lasts until the
# time-out.
#
# ## Exercise 8.1: Write one yourself
#
# Write the manifest of a Job `october` in the namespace `training`. It trains 2013-10 on a sample of 20,000
# flights, with `store` as its `--store`. A failed attempt is followed by at most **two** more, each in a Pod
# of its own. Its Pods are found by the label `run=october`, and by `team=forecast` as well. `answer` is the
# text, typed or made by `september.replace(…)`.

# %%
### BEGIN SOLUTION
answer = (
    september.replace("september", "october")
    .replace("2013-09", "2013-10")
    .replace("backoffLimit: 1", "backoffLimit: 2")
    .replace("{run: october}", "{run: october, team: forecast}")
)
### END SOLUTION

# %%
check.ex_8_1(answer)

# %% [markdown]
# With a cluster you can ask it, too: write the text to a file, and `kubectl apply --dry-run=server -f` it. The
# server checks the form, not what you meant by namespace and labels, and makes nothing.
#
# ## 3. More Pods, faster?
#
# A Job can have more than one Pod: `completions` says how many have to end well, `parallelism` how many may
# run side by side. Before you use it, let the training say more about itself. This program runs the pipeline,
# then prints the digest of its probabilities and the most memory that it ever held.

# %%
import json

report = """
import resource, sys
from flightdelay.__main__ import main
from flightdelay.store import Store
main(sys.argv[1:])
print("digest", Store("store").run(sys.argv[1])["evaluation"]["digest"])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "Mi")
"""


def with_program(manifest, program):
    command = json.dumps(["python3", "-c", program])
    return manifest.replace("args:", f"command: {command}\n          args:")


reporting = with_program(september, report)

# %% [markdown]
# In a manifest, `command` takes the place of the image's `ENTRYPOINT`, and `args` are what it is given.
# `with_program` puts one in. (JSON is valid YAML, which spares you the quoting.)
#
# **Bet first:** two Pods on two cores instead of one. What do you get: the training in half the time, the same
# training twice, or two half models?

# %%
my_bet = None  # "half the time", "the same twice" or "two half models"

# %%
two = "  completions: 2\n  parallelism: 2\n  template:"
twice = reporting.replace("september", "twice").replace("  template:", two)
(state / "twice.yaml").write_text(twice)
# !kubectl apply -f "{state}/twice.yaml"
# !kubectl wait -n training --for=condition=complete job/twice --timeout=600s

# %%
# lines = !kubectl logs -n training -l run=twice
digests = [line for line in lines if line.startswith("digest")]
print(len(digests), "trainings,", len(set(digests)), "result")
companion.compare_bet(my_bet, "the same twice" if len(set(digests)) == 1 else "two half models")

# %% [markdown]
# The same training, twice, beside each other, for twice the price. Kubernetes starts processes; it does not
# look inside, so it cannot divide a `fit`. **Replicas do not train faster.** They answer more requests, which
# is what chapter 09 uses them for.
#
# What does help? More cores for the one Pod, as far as the algorithm can use them. And dividing the work
# yourself where it is divisible: one Job for each airport, each of them a whole training of its own. Months
# are not divisible so: each needs the champion of the month before.
#
# ## 4. Where is localhost?
#
# While you read this, JupyterLab probably answers at `http://localhost:8888`. Many people have a tracking
# server there, or a database, and write that address into the training.
#
# This program asks that address. Then it starts a small web server of its own at the same address, and asks
# again. It will run in a Pod. **Bet first:** two answers?

# %%
my_bet = None  # "answer, answer", "answer, refused", "refused, answer" or "refused, refused"

# %%
looks = """
import threading, urllib.request
from http.server import HTTPServer, SimpleHTTPRequestHandler

def ask():
    try:
        print("answer", urllib.request.urlopen("http://localhost:8888").status)
    except OSError as error:
        print(error)

ask()
server = HTTPServer(("localhost", 8888), SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
ask()
"""

# %%
where = with_program(september.replace("september", "where"), looks)
(state / "where.yaml").write_text(where)
# !kubectl apply -f "{state}/where.yaml"
# !kubectl wait -n training --for=condition=complete job/where --timeout=600s
# lines = !kubectl logs -n training -l run=where
said = [line for line in lines if "GET" not in line]  # the server writes down who asks it
print("\n".join(said))
companion.compare_bet(my_bet, ", ".join("refused" if "refused" in line else "answer" for line in said))

# %% [markdown]
# Refused, then answered. Each Pod has a network address of its own, and **localhost in a Pod is the Pod**. Your
# laptop is not in there. What several Pods shall reach has to be in the cluster under a name, which is a
# Service (chapter 09), or at an address that all of them can reach.
#
# ## 5. How much?
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
sizes = {
    "roomy": {"requests": {"memory": "100Mi"}, "limits": {"memory": "1Gi"}},
    "limit-only": {"limits": {"memory": "1Gi"}},
    "huge": {"requests": {"memory": "100Gi"}},
}
jobs = [
    reporting.replace("september", name).replace("args:", f"resources: {json.dumps(size)}\n          args:")
    for name, size in sizes.items()
]
print(next(line for line in jobs[0].splitlines() if "resources" in line))

# %% [markdown]
# The training of September holds between 300 and 400 Mi. **Bet first:** what becomes of `roomy`, which asks
# for 100Mi, and of `huge`, which asks for 100Gi and will never use them?

# %%
my_bet = None  # {"huge": …, "roomy": …}, each "is killed", "runs" or "waits"

# %%
(state / "sizes.yaml").write_text("---\n".join(jobs))
# !kubectl apply -f "{state}/sizes.yaml"
# !kubectl wait -n training --for=condition=complete job/roomy job/limit-only --timeout=600s

# %%
columns = "RUN:.metadata.labels.run,PHASE:.status.phase"
# pods = !kubectl get pods -n training -l "run in (huge,roomy)" --no-headers -o custom-columns={columns}
print("\n".join(pods))
# !kubectl get events -n training --field-selector reason=FailedScheduling -o custom-columns=MESSAGE:.message | head -2
became = {"Failed": "is killed", "Pending": "waits", "Running": "runs", "Succeeded": "runs"}
companion.compare_bet(my_bet, {run: became[phase] for run, phase in map(str.split, pods)})

# %% [markdown]
# (`custom-columns` prints the fields that you name, each with a heading of your own.)
# `huge` is `Pending`: no container was started, and there is no log. It would have been content with 400 Mi,
# but the scheduler cannot know; it reads the request. (On a machine with more than 100 GB it runs.) Waiting
# does not help here, so take it away, and look at the others.

# %%
# !kubectl delete job huge -n training
# !kubectl logs -n training -l run=roomy | grep peak

# %% [markdown]
# `roomy` held more than three times what it had requested, and nobody minded: a request is a promise to
# you, not a fence around you. The fence is the limit. **Request and limit are not the same thing.** And if
# only one of them is there, or none?

# %%
given = ".spec.containers[0].resources"
columns = f"RUN:.metadata.labels.run,REQUEST:{given}.requests.memory,LIMIT:{given}.limits.memory"
# !kubectl get pods -n training -l "run in (september,roomy,limit-only)" -o custom-columns={columns}

# %% [markdown]
# Look at `limit-only`: its request was filled in, **with the limit**. Whoever writes only a generous limit
# reserves all of it. And a training without numbers, like `september`, starts anywhere; when the memory of the
# whole node runs out, it is the first to go.
#
# ## Exercise 8.2: Waits, runs, slower, killed
#
# What happens? Answer each with `"waits"`, `"runs"`, `"runs slower"` or `"is killed"`. All of them are on a
# node with 4 CPUs and 4Gi to give, and are alone on it unless it says otherwise.

# %%
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
# ## 6. December is too much
#
# A colleague has sized the training for the sample, with a request of 300Mi and a limit of 400Mi, which fits.
# Now it shall learn from the whole year.

# %%
# %%writefile "{state}/december.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata:
#   name: december
#   namespace: training
#   labels: {run: december}
# spec:
#   backoffLimit: 1
#   template:
#     metadata:
#       labels: {run: december}
#     spec:
#       restartPolicy: Never
#       containers:
#         - name: train
#           image: pipelines-for-humans/python:0.1.0
#           resources: {requests: {memory: 300Mi}, limits: {memory: 400Mi}}
#           args: ["2013-12", "--store", "store"]

# %% [markdown]
# (The next cell takes a while: two attempts, each of them until it is killed.)

# %%
# !kubectl apply -f "{state}/december.yaml"
# !kubectl wait -n training --for=condition=failed job/december --timeout=600s

# %% [markdown]
# **Symptom.** The Job failed. Ask it why, and ask its Pods what they said.

# %%
# !kubectl get job december -n training -o custom-columns=JOB:.metadata.name,WHY:.status.conditions[0].reason
# !kubectl logs -n training -l run=december

# %% [markdown]
# `BackoffLimitExceeded` only says that it gave up after the attempts that you allowed. And the log is empty: no
# traceback, not a word. A program that could still speak would have.
#
# **Evidence.** How did the containers end?

# %%
end = ".status.containerStatuses[0].state.terminated"
columns = f"REASON:{end}.reason,CODE:{end}.exitCode,LIMIT:.spec.containers[0].resources.limits.memory"
# !kubectl get pods -n training -l run=december -o custom-columns={columns}

# %% [markdown]
# `OOMKilled`: out of memory. The exit code 137 is 128 + 9, ended by signal 9, which no program can catch; so no
# `except`, no `finally`, no last line. (137 alone says only "signal 9". The reason says who sent it, and why.)
# Both attempts ended so: the second one needed as much as the first. `kubectl describe pod -l run=december -n
# training` shows the same, under `State`.
#
# **Cause.** The training wants more than 400 Mi. How much more, this run does not tell: a process that is
# killed at 400 had not come to its peak.
#
# **Fix.** First the way that does not work, so that you have seen it. Change the file and apply it again:

# %%
december = (state / "december.yaml").read_text()
edited = december.replace("400Mi", "2Gi")
(state / "edited.yaml").write_text(edited)
# !kubectl apply -f "{state}/edited.yaml" 2>&1 | grep -o "field is immutable" | head -1

# %% [markdown]
# A Job's template cannot be changed: the Job is the record of what was run. It is **deleted and applied again**.
#
# The Pod is the wrong place, too. Most of its fields are fixed, and where a cluster lets you raise the memory
# of a running Pod, the template still has the old number, and the next attempt dies of it. Mend the wish, not
# the copy.
#
# ## Exercise 8.3: An OOM, mended with evidence
#
# 1. **Measure.** Let a Job under another name (`measured`) do December once with room to spare, and print its
#    peak. `edited` has the room, `with_program(…, report)` of section 3 prints.
# 2. **Size.** Set request and limit of `december` by that number: the request is about the peak, the limit
#    leaves some headroom above it, since data grows. A fifth to a half is usual; the check takes a limit from a
#    tenth above the peak up to three times the peak, and a request from three quarters of it.
# 3. **Mend** `december.yaml` (in JupyterLab's editor, in the cell that wrote it, or by `december.replace(…)`),
#    delete the Job, apply it, wait until it is complete. Same month, all flights.
# 4. **Show** it. Fetch Job and Pods as JSON, and answer with a dict: the reason why it was killed, the peak in
#    Mi as a number, and what you fetched:
#
# ```
# objects = !kubectl get jobs,pods -n training -l run=december -o json
# answer = {"reason": "…", "peak": …, "objects": objects}
# ```

# %%
### BEGIN SOLUTION
measured = with_program(edited.replace("december", "measured"), report)
(state / "measured.yaml").write_text(measured)
# !kubectl apply -f "{state}/measured.yaml"
# !kubectl wait -n training --for=condition=complete job/measured --timeout=600s
# said = !kubectl logs -n training -l run=measured
peak = int(said[-1].split()[1])
print("peak", peak, "Mi")

mended = december.replace("300Mi", "640Mi").replace("400Mi", "900Mi")
(state / "december.yaml").write_text(mended)
# !kubectl delete job december -n training
# !kubectl apply -f "{state}/december.yaml"
# !kubectl wait -n training --for=condition=complete job/december --timeout=600s
# objects = !kubectl get jobs,pods -n training -l run=december -o json
answer = {"reason": "OOMKilled, exit code 137 at a limit of 400Mi", "peak": peak, "objects": objects}
### END SOLUTION

# %%
check.ex_8_3(answer)

# %% [markdown]
# A limit is a claim about your program, and you now have the measurement that it rests on. Write both into the
# pull request. Taking the limit away would have worked as well, until the day when this training takes the
# memory of its neighbours, and one of them is killed.
#
# ## 7. What outlives a Pod
#
# September's training ended well, long ago. Its Pod is still listed, its log can still be read. It wrote its
# model to `store`, a folder on the container's own disk. **Bet first:** can you still get at the model?

# %%
my_bet = None  # "no" or "yes"

# %%
# said = !kubectl exec -n training job/september -- ls store
print("\n".join(said))
companion.compare_bet(my_bet, "yes" if "models" in said else "no")

# %% [markdown]
# `exec` runs a command in a container, and none runs there any more. What Kubernetes still shows you of a finished
# Pod is its description and its log. The container's disk lies on the node until the remains are cleared away, but
# no command of Kubernetes leads to it. If the Job is deleted, description and log go as well.
#
# So the model has to be written to something that is no part of the Pod: a **volume**. You ask for one by a
# **PersistentVolumeClaim**: so much, for me, whoever provides it. (`ReadWriteOnce`: written from one node at a
# time.) Beside it stands a ConfigMap, which you meet in a moment.

# %%
# %%writefile "{state}/kept.yaml"
# apiVersion: v1
# kind: PersistentVolumeClaim
# metadata: {name: models, namespace: training}
# spec:
#   accessModes: [ReadWriteOnce]
#   resources: {requests: {storage: 100Mi}}
# ---
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: run, namespace: training}
# data: {MONTH: "2013-09", SAMPLE: "20000"}

# %%
# !kubectl apply -f "{state}/kept.yaml"

# %% [markdown]
# A new folder may belong to root, and our process, user 10001, may then not write there. On many clusters the
# line `securityContext: {fsGroup: 10001}` in the Pod settles it; for folders of the node it does not. (Those of
# kind's own node images are open to all.) So one tiny Job, once, as root, gives the folder to our user:

# %%
# %%writefile "{state}/open.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata: {name: open, namespace: training}
# spec:
#   template:
#     spec:
#       restartPolicy: Never
#       volumes: [{name: models, persistentVolumeClaim: {claimName: models}}]
#       containers:
#         - name: open
#           image: pipelines-for-humans/python:0.1.0
#           command: ["chown", "10001", "/store"]
#           securityContext: {runAsUser: 0}
#           volumeMounts: [{name: models, mountPath: /store}]

# %%
# !kubectl apply -f "{state}/open.yaml"
# !kubectl wait -n training --for=condition=complete job/open --timeout=600s
# !kubectl get pvc -n training -o custom-columns=CLAIM:.metadata.name,STATUS:.status.phase,SIZE:.status.capacity.storage

# %% [markdown]
# `Bound`: somebody has provided the storage. In the Pod it takes two entries: `volumes` says what (the claim),
# `volumeMounts` says where it appears (`/store`).
#
# ### Parameters: a ConfigMap
#
# The month stood in the manifest until now, so that each month is another manifest. A **ConfigMap** holds named
# values outside of it: the first cell of your notebook, as an object. `envFrom` makes environment variables of
# them, and in `args` Kubernetes itself replaces `$(MONTH)`. With round brackets: no shell is involved.

# %%
kept = september.replace("september", "kept").replace('"store"', '"/store"')
kept = kept.replace('"2013-09"', '"$(MONTH)"').replace('"20000"', '"$(SAMPLE)"')
kept += """\
          envFrom: [{configMapRef: {name: run}}]
          volumeMounts: [{name: models, mountPath: /store}]
      volumes: [{name: models, persistentVolumeClaim: {claimName: models}}]
"""
(state / "kept-job.yaml").write_text(kept)
# !kubectl apply -f "{state}/kept-job.yaml"
# !kubectl wait -n training --for=condition=complete job/kept --timeout=600s

# %% [markdown]
# Environment variables are set when a container starts: changing the ConfigMap later changes nothing in what runs.
# (A ConfigMap can also be mounted, as files. Those do change in a running Pod, within about a minute.)
#
# ### A token: a Secret
#
# The model registry of your company wants a token. A **Secret** is a ConfigMap for such things. `registry` gets
# one, and you look at how it is kept. **Bet first:** encrypted?

# %%
my_bet = None  # "no" or "yes"

# %%
# !kubectl delete secret registry -n training --ignore-not-found
# !kubectl create secret generic registry -n training --from-literal=TOKEN=not-a-real-token
# stored = !kubectl get secret registry -n training -o jsonpath={.data.TOKEN}
print(stored[-1])

# %%
import base64

read = base64.b64decode(stored[-1]).decode()
print(read)
companion.compare_bet(my_bet, "no" if read == "not-a-real-token" else "yes")

# %% [markdown]
# One line of Python, no key. **base64 is a way to write bytes as letters, not a lock.** What a Secret has over
# a ConfigMap: rights of its own (who may read it), and `describe` does not print it. Whoever may start a Pod in
# the namespace can read all its Secrets. A manifest with a Secret's value in it does not belong into git; what
# is referred to by name may.
#
# ### The Pod goes, the model stays
#
# Delete the Job that trained. Its Pod and its log go with it. Then a Job that knows nothing of it asks the
# store for its champion, and the champion for our flight, UA 1037. It also gets the token.

# %%
# !kubectl delete job kept -n training
# !kubectl get pods -n training -l run=kept

# %%
asks = """
import os
from flightdelay.steps.evaluate import predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.validate import validate
from flightdelay.store import Store

store = Store("/store")
print("champion of", store.champion()[:7], "· token of", len(os.environ["TOKEN"]), "letters")
flights = featurize(validate(ingest("2013-09", window=1), "2013-09", window=1))
ours = (flights["carrier"] == "UA") & (flights["flight"] == 1037)
ours &= flights["time_hour"] == "2013-09-12 23:00Z"
print(f"UA 1037: late with probability {predict(store.load(store.champion()), flights[ours])[0]:.2f}")
"""

# %%
token = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: registry, key: TOKEN}}}]"
ask = kept.replace("kept", "ask").replace("args:", f"{token}\n          args:")
(state / "ask.yaml").write_text(with_program(ask, asks))
# !kubectl apply -f "{state}/ask.yaml"
# !kubectl wait -n training --for=condition=complete job/ask --timeout=600s
# !kubectl logs -n training -l run=ask

# %% [markdown]
# Two sentences, each half true. "The Pod is gone, so the result is gone" holds for what lay in the container;
# "the result is still there" holds for what lay in the claim. Which of them is meant stands in two lines of the
# manifest, and nowhere else.
#
# ### A Job that somebody left you
#
# It was written in a hurry, and has not kept a single model yet.

# %%
# %%writefile "{state}/november.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata:
#   name: november
#   namespace: training
#   labels: {run: november}
# spec:
#   backoffLimit: 1
#   template:
#     metadata:
#       labels: {run: november}
#     spec:
#       restartPolicy: Never
#       containers:
#         - name: train
#           image: pipelines-for-humans/python:0.1.0
#           args: ["$MONTH", "--sample", "20000", "--store", "/models"]
#           env:
#             - {name: MONTH, value: "2013-11"}
#             - {name: TOKEN, value: "bm90LWEtcmVhbC10b2tlbg=="}
#           volumeMounts: [{name: store, mountPath: /store}]
#       volumes: [{name: store, emptyDir: {}}]

# %% [markdown]
# An `emptyDir` is a volume as well: an empty folder that lives as long as its Pod.
#
# ## Exercise 8.4: Make it last
#
# Mend the text. The Job `november` shall
#
# - take month and sample from the ConfigMap `run` (`MONTH` and `SAMPLE`), whatever stands there;
# - have the token of the Secret `registry` in its environment variable `TOKEN`, and nowhere in the text;
# - write its model where the next Job finds it: into the claim `models`, at its top, as `kept` did.
#
# `answer` is the text. Mend it in the cell above, run that again, and take `inherited`; or write it anew, or use
# `inherited.replace(…)`.

# %%
inherited = (state / "november.yaml").read_text()
### BEGIN SOLUTION
head = inherited.partition("          env:\n")[0].replace("$MONTH", "$(MONTH)").replace("20000", "$(SAMPLE)")
answer = (
    head
    + f"""\
          envFrom: [{{configMapRef: {{name: run}}}}]
          {token}
          volumeMounts: [{{name: store, mountPath: /models}}]
      volumes: [{{name: store, persistentVolumeClaim: {{claimName: models}}}}]
"""
)
### END SOLUTION

# %%
check.ex_8_4(answer)

# %% [markdown]
# **It transfers.** A bank retrains its model of late payment once a quarter. The quarter is a ConfigMap's
# value, the password of the ledger is a Secret, the approved model lies in a claim or an object store, and each
# estimation is a Job whose template cannot be changed afterwards: which is what an auditor wants to hear.
#
# ## Optional: bring your own model
#
# How much does *your* training take? Put your estimator into an image, as at the end of chapter 06, load it
# with `make cluster-load`, and let a copy of the Job `measured` run it. Then write its request and its limit down,
# with the peak beside them. You have done in ten minutes what most teams settle by doubling.
#
# ## Recap
#
# 1. You wrote **one training as a Job**: the wish, with Pods as its attempts. You followed it with `wait`,
#    `get`, `logs` and Events, by label, and you know what `backoffLimit` repeats and that it heals nothing.
# 2. You predicted from **requests and limits**: the scheduler reads the one, the kernel enforces the other,
#    and neither is what a program uses.
# 3. You **mended a training that ran out of memory**: evidence (`OOMKilled`, 137), a measured peak, a limit with
#    headroom, in the Job and not in its Pod.
# 4. You gave a training its **parameters, a token and a store**, and the model outlived Pod and Job.
#
# ## Clean-up
#
# The namespace takes everything with it, the claim included.

# %%
# !kubectl delete namespace training --wait=false

# %% [markdown]
# ## What comes next
#
# A Job ends. [Chapter 09](../chapters/09-kubernetes-services/README.md) runs what shall not end: the champion
# answers requests, on two Pods, and is replaced by the next one without anybody noticing.
