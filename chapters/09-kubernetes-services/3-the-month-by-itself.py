# %% [markdown]
# # 09.3 · Kubernetes: the month, by itself
#
# About 30 minutes · 2 GB of memory · a cluster, or a recorded one
#
# So far a person released each champion. Here no person is needed: a program runs the pipeline for the month, and
# releases the model that is better.
#
# You will
#
# 1. let a **CronJob** process the month that it was scheduled for, and not the one in which it happens to run;
# 2. give a program **the rights that it needs**, and no others;
# 3. find out from the cluster why a Pod that you want **is not made**.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("09-3")
companion.copy_manifests(state)

# %% [markdown]
# The commands go to the book's own cluster, or to a recorded one, as before. First make again what the other notebooks
# built: two champions, and August's behind its Service. (On a cluster of your own this takes a minute or two.)

# %%
# !kubectl delete namespace flights-monthly --ignore-not-found
# !kubectl create namespace flights-monthly
# !kubectl apply -n flights-monthly -f "{state}/champions.yaml"
# !kubectl wait -n flights-monthly --for=condition=complete job/champions --timeout=900s
# log = !kubectl logs -n flights-monthly -l run=champions -c august
july, august = log[-2:]

# %%
from chapter_09.release import release

# !cp "{state}/probed.yaml" "{state}/predictions.yaml"
release(state / "predictions.yaml", august)
# !kubectl apply -n flights-monthly -f "{state}/predictions.yaml" -f "{state}/service.yaml"
# !kubectl rollout status -n flights-monthly deployment/predictions --timeout=600s | tail -1
door = "/api/v1/namespaces/flights-monthly/services/predictions:80/proxy"
# !kubectl get --raw {door}/champion

# %% [markdown]
# ## 1. Which month?
#
# A **CronJob** makes a Job at given times: you, on the first of the month. On 1 October it shall process September. But
# the Job may start late, or be repeated in the afternoon, or on the third of the month. If the program asks the clock
# which month it is, a late run processes the wrong one (chapter 05). The month has to come from the time for which the
# run was **scheduled**.
#
# Kubernetes writes that time on the Job that a CronJob makes, as an annotation, such as
# `batch.kubernetes.io/cronjob-scheduled-timestamp: "2026-11-01T06:00:00Z"`. A Job that somebody makes **by hand** from
# the CronJob (`kubectl create job --from=cronjob/…`) has none, since it was not scheduled.
#
# ## Exercise 9.3: Which month is it?
#
# Write the function. It is given the annotation, or None where there is none, and returns the month **before**
# the scheduled time, of our year: the data is of 2013, so `"2026-11-01T06:00:00Z"` is `"2013-10"`. The book's
# calendar for this is UTC, while the annotation may be written with another offset, such as
# `"2026-10-31T22:00:00-04:00"`, which is the same night. Where there is no time, raise a `ValueError` with a
# sentence that helps.

# %%
from datetime import UTC, datetime, timedelta


def answer(scheduled):
    """Return the month to process, such as "2013-10"."""
    ### BEGIN SOLUTION
    if scheduled is None:
        raise ValueError("Nobody scheduled this run: say which month it is for.")
    time = datetime.fromisoformat(scheduled).astimezone(UTC)
    return f"2013-{(time.replace(day=1) - timedelta(days=1)).month:02}"
    ### END SOLUTION


# %%
from companion import check

check.ex_9_3(answer)

# %% [markdown]
# How does the program *get* the annotation? It stands on the Job, and a Pod does not see its Job. It may ask the
# cluster's API, as any program may: at a fixed address, with a **token** that Kubernetes puts into every Pod. Then the
# program finds the month, runs the pipeline, and serves the model that is champion now. If the challenger is not
# promoted, the patch says what was there before, and no Pod is replaced.

# %%
from companion.workspace import repository

chapter = repository() / "chapters/09-kubernetes-services"
# !grep -A 40 "^def call" "{chapter}/program/monthly.py"

# %% [markdown]
# `month_of` is the function that you wrote, in a file `month.py` beside the program. (The cluster gets the book's own,
# so that what follows does not depend on yours.) Both come into the Pod by a ConfigMap.

# %%
files = f'--from-file="{chapter}/program/monthly.py" --from-file="{chapter}/solved/month.py"'
# !kubectl create configmap monthly {files} --dry-run=client -o yaml > "{state}/program.yaml"
# !kubectl apply -n flights-monthly -f "{state}/program.yaml"

# %% [markdown]
# ## 2. What may it do?
#
# The program needs two rights: to *get* Jobs, and to *patch* one Deployment. Rights in a cluster need three objects: a
# **ServiceAccount** (who), a **Role** (may do what), and a **RoleBinding** between them.

# %%
# !cat "{state}/rights.yaml"

# %% [markdown]
# A rule is a group of the API, kinds of objects (*resources*, in the plural), verbs, and if you like the names of
# single objects. The group stands before the `/` in `apiVersion`; of `v1` it is the empty text. What no rule allows is
# refused. `can-i` asks the cluster what somebody may do.

# %%
# !kubectl apply -f "{state}/rights.yaml"
who = "-n flights-monthly --as=system:serviceaccount:flights-monthly:monthly"
for question in (
    "get jobs.batch/champions",
    "patch deployments.apps/predictions",
    "patch deployments.apps/night",
    "delete deployments.apps/predictions",
    "get secrets",
):
    # said = !kubectl auth can-i {question} {who}
    print(f"{said[-1]:4} {question}")

# %% [markdown]
# The program may do what it needs, and no more. But one danger remains: a program that may patch a Deployment may set
# its `replicas` to 0, and its image to anything. RBAC knows verbs and objects, but not fields. So somebody who gets
# this program's token can release what they like; no other token in the namespace allows that.
#
# ## Exercise 9.4: A program for the night
#
# At night nobody is there to type `undo`. A program shall watch: it has to **get** and **list** Pods, **get** their
# logs (a resource of its own, `pods/log`), **get** the Deployment `predictions`, and **patch** it. A colleague has
# written `watcher.yaml`, in the notebook's folder, and it works at once. Write rules there that are just enough, apply
# the file, and check the account `watcher` with `can-i`. Hand in the text:
#
# ```
# answer = (state / "watcher.yaml").read_text()
# ```

# %%
# !grep -A 1 rules "{state}/watcher.yaml"
### BEGIN SOLUTION
# !cp "{chapter}/solved/watcher.yaml" "{state}/watcher.yaml"
# !grep -A 3 rules "{state}/watcher.yaml"
# !kubectl apply -f "{state}/watcher.yaml"
watcher = "-n flights-monthly --as=system:serviceaccount:flights-monthly:watcher"
# !kubectl auth can-i list pods {watcher}
# !kubectl auth can-i delete pods {watcher}
answer = (state / "watcher.yaml").read_text()
### END SOLUTION

# %%
check.ex_9_4(answer)

# %% [markdown]
# ## 3. The schedule
#
# Now look at the schedule itself.

# %%
# !cat "{state}/monthly.yaml"

# %% [markdown]
# | line | what it says |
# |---|---|
# | `schedule` | minute 0, hour 6, day 1, every month, any weekday |
# | `timeZone` | whose clock; without it, that of the control plane. At 06:00 UTC the month is over in New York too |
# | `concurrencyPolicy: Forbid` | while one runs, no other one is started: two never write to the store at once |
# | `startingDeadlineSeconds` | what could not start at its time may start within a day; later, it is missed |
# | `fieldRef` | the Pod gets the value of a label on itself: the name of its Job |
#
# (A run cannot start at its time while the cluster is down, or, with `Forbid`, while the one before it runs. When
# that one ends within the day, the missed one starts; of several that were missed so, only the last one.)
#
# You need not wait for the first of the month. Start a Job by hand, and see what it says:

# %%
# !kubectl apply -n flights-monthly -f "{state}/monthly.yaml"
# !kubectl create job by-hand -n flights-monthly --from=cronjob/monthly
# !kubectl wait -n flights-monthly --for=condition=failed job/by-hand --timeout=300s
# !kubectl logs -n flights-monthly -l job-name=by-hand

# %% [markdown]
# The program refused, in one sentence, and did not guess the month from the clock. If you start a month by hand, you
# have to say which one. Take the text from the CronJob, and add one line to it. September was not processed yet:

# %%
form, september = state / "form.yaml", state / "september.yaml"
# !kubectl create job september -n flights-monthly --from=cronjob/monthly --dry-run=client -o yaml > "{form}"
# !kubectl set env --local -f "{form}" MONTH=2013-09 -o yaml > "{september}"
# !diff "{form}" "{september}"

# %%
# !kubectl apply -n flights-monthly -f "{september}"
# !kubectl wait -n flights-monthly --for=condition=complete job/september --timeout=600s
# !kubectl logs -n flights-monthly -l job-name=september

# %% [markdown]
# `promote`: September's challenger beat August's champion, and the Job has released it, with the few rights that it
# has.
#
# Now the schedule, for once every minute, until the first Job is there; then it is suspended. **Bet first:** which
# month will it process, today? (On the recorded cluster today is the day that the first cell names.)

# %%
my_bet = None  # a month of our year, in the form YYYY-MM

# %%
every = '{"spec": {"schedule": "* * * * *", "suspend": false}}'
once = '{"spec": {"schedule": "0 6 1 * *", "suspend": true}}'
# !kubectl patch cronjob monthly -n flights-monthly -p '{every}'
# !kubectl wait -n flights-monthly --for=jsonpath='{.status.lastScheduleTime}' cronjob/monthly --timeout=150s
# !kubectl patch cronjob monthly -n flights-monthly -p '{once}'
# jobs = !kubectl get jobs -n flights-monthly -o name --sort-by=.metadata.creationTimestamp
# !kubectl wait -n flights-monthly --for=condition=complete {jobs[-1]} --timeout=300s
# log = !kubectl logs -n flights-monthly {jobs[-1]}
print("\n".join(log))
companion.compare_bet(my_bet, log[0].removeprefix("month: "))

# %% [markdown]
# It processed the month before the one in which it was scheduled. (The recorded cluster is of a November. In your run
# it may be another month, and in February it is January, which the pipeline refuses, since there is no month before it:
# the cell above then waits five minutes.) In the recording October's challenger was promoted, so the Job released it.
# See which model answers now.

# %%
# !kubectl rollout status -n flights-monthly deployment/predictions --timeout=300s | tail -1
# !kubectl get --raw {door}/champion

# %% [markdown]
# ## 4. What the namespace may use
#
# The platform team gives each team a **ResourceQuota**: what all Pods of the namespace may *request* together. (Pods
# that have ended do not count; the Pods of the last release need a moment to end.)

# %%
# !cat "{state}/quota.yaml"
# !kubectl apply -n flights-monthly -f "{state}/quota.yaml"
# !kubectl wait -n flights-monthly --for=jsonpath='{.status.used.requests\.cpu}'=100m quota/platform --timeout=120s
# !kubectl get resourcequotas -n flights-monthly

# %%
# !kubectl scale -n flights-monthly deployment/predictions --replicas=3
# !kubectl wait -n flights-monthly --for=condition=ReplicaFailure deployment/predictions --timeout=60s
# !kubectl get deployment predictions -n flights-monthly

# %% [markdown]
# (The two columns are what is used and what is allowed at most.) You asked for three Pods. There is no failing Pod to
# look at, since the third was never made. Other objects say why:

# %%
# !kubectl describe deployment predictions -n flights-monthly | grep -A 6 "^Conditions"
# !kubectl get events -n flights-monthly --field-selector reason=FailedCreate

# %% [markdown]
# The ReplicaSet tried to make it and has the reason as an Event; the Deployment says `ReplicaFailure`. (In the field
# `message` of that condition stands the whole sentence.) Each replica requests 50m: two fit into the quota, the third
# does not.
#
# A Pod that requests nothing is refused too, since a quota can count only what is requested.

# %%
# !kubectl run look -n flights-monthly --image=pipelines-for-humans/python:0.1.0 --restart=Never

# %% [markdown]
# And a release does not fit either: with two replicas a rolling update needs room for **one more Pod** than you run.
# Apply `predictions.yaml`, which wants two replicas and is a release as well: it still names August. (The program
# patched the cluster, but not your file. In production let the program change the file, and apply that file.)

# %%
# !kubectl apply -n flights-monthly -f "{state}/predictions.yaml"
# !kubectl rollout status -n flights-monthly deployment/predictions --timeout=10s | tail -1
# !kubectl get replicasets -n flights-monthly -l app=predictions -L month

# %% [markdown]
# The release does not go on, and October's model still answers. With `maxUnavailable: 1` in the Deployment's `strategy`
# a release needs no more room: it ends an old Pod first, and has one replica less meanwhile.

# %%
less = '{"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}}'
# !kubectl patch deployment predictions -n flights-monthly -p '{less}'
# !kubectl wait -n flights-monthly --for=jsonpath='{.status.updatedReplicas}'=1 deployment/predictions --timeout=300s
# !kubectl wait -n flights-monthly --for=jsonpath='{.status.readyReplicas}'=1 deployment/predictions --timeout=300s
# !kubectl get deployment predictions -n flights-monthly
# !kubectl get --raw {door}/champion

# %% [markdown]
# One of the two Pods is new, and the second takes longer: after each refusal the ReplicaSet waits twice as long before
# it tries again, up to a quarter of an hour. August's champion answers already, from one replica. (In your run both may
# be new, or October's may answer for a moment longer.)
#
# **It transfers.** The monthly run of a scoring model has an account of its own, a month that it does not guess, and a
# limited share of the platform. An auditor can read all three in the manifests.
#
# ## Recap
#
# 1. You let a run know **the month that it was scheduled for**, and let it refuse when it was not scheduled.
# 2. You gave a program **the rights that it needs**, and asked the cluster what it may not do.
# 3. You found out why a Pod **is not made**: the reason stands in the objects that should have made it.
#
# ## Clean-up

# %%
# !kubectl delete namespace flights-monthly --wait=false

# %% [markdown]
# ## What comes next
#
# In [chapter 10](../chapters/10-debugging/README.md) all of this breaks, in ten ways, and people who have never heard
# of a Pod report it to you.
