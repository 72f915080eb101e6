# %% [markdown]
# # 09 · Kubernetes: answering all day, and changing the model meanwhile
#
# About 90 minutes · 3 GB of memory · a cluster, or a recording of one
#
# A training ends. A service does not: the call centre asks for a probability at any minute, also in the one in
# which you replace the model. Here you put a champion behind an address, exchange it while somebody asks ten
# times a second, take a bad release back, and let the month come by itself.
#
# You will
#
# 1. tell **running, alive and ready** apart, and write the probes and the selector that make the difference;
# 2. **release** a new champion without losing a request, and **take a bad release back**;
# 3. let a **CronJob** process the month that it was scheduled for, and not the one in which it happens to run;
# 4. give a program **the rights that it needs**, and no others.

# %%
import companion

state = companion.workspace("09-1")

# %% [markdown]
# As in chapter 08 the commands go to the book's own cluster, with the book's image on it under the name
# `pipelines-for-humans/python:0.1.0`. Where there is no cluster, the cell above has said so, and the answers of
# `kubectl` and `curl` are a recording of a real run. Then do exercises 9.1, 9.3 and 9.4, which need none, and
# read 9.2 in the solved notebook.

# %%
from companion import check
from companion.cluster import require

require()

# %% [markdown]
# ## 1. Two champions in one store
#
# To replace a model you need two. A Job runs the pipeline for July and for August 2013 into a claim. You know the
# claim, the folder that is given to user 10001, requests and a limit. New are the **init containers**: they run
# before the others, one after the other, each to its end. Here one of them does what the Job `open` did.

# %%
# %%writefile "{state}/train.yaml"
# apiVersion: v1
# kind: PersistentVolumeClaim
# metadata: {name: store, namespace: serving}
# spec:
#   accessModes: ["ReadWriteOnce"]
#   resources: {requests: {storage: 100Mi}}
# ---
# apiVersion: batch/v1
# kind: Job
# metadata: {name: train, namespace: serving}
# spec:
#   backoffLimit: 1
#   template:
#     spec:
#       restartPolicy: Never
#       initContainers:
#         - name: open
#           image: pipelines-for-humans/python:0.1.0
#           command: ["chown", "10001", "/store"]
#           securityContext: {runAsUser: 0}
#           volumeMounts: [{name: store, mountPath: /store}]
#       containers:
#         - name: train
#           image: pipelines-for-humans/python:0.1.0
#           command: ["sh", "-c"]
#           args:
#             - for month in 2013-07 2013-08; do python3 -m flightdelay $month --store /store; done;
#               ls /store/models
#           resources: {requests: {cpu: 50m, memory: 700Mi}, limits: {memory: 1Gi}}
#           volumeMounts: [{name: store, mountPath: /store}]
#       volumes: [{name: store, persistentVolumeClaim: {claimName: store}}]

# %% [markdown]
# The first line removes what a run that was broken off may have left.

# %%
# !kubectl delete namespace serving --ignore-not-found
# !kubectl create namespace serving
# !kubectl apply -f "{state}/train.yaml"
# !kubectl wait -n serving --for=condition=complete job/train --timeout=600s

# %%
# log = !kubectl logs -n serving job/train -c train
*decisions, july, august = log
print("\n".join(decisions))
print("versions of", july[:7], "and", august[:7])

# %% [markdown]
# Both were promoted, one after the other. It is the beginning of September now: July's champion is in use, and
# August's shall replace it. A version's name is its month and the sum of its probabilities, so that nobody can
# confuse two of them; you will see only the month.
#
# ## 2. A Deployment and a Service
#
# A Job wants its Pod to end. For a program that shall *not* end you need an object that starts it again
# whenever it stops, and keeps several of it: a **Deployment**. Each of its equal Pods is a **replica**.

# %%
template = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: predictions
  namespace: serving
  annotations: {kubernetes.io/change-cause: champion of MONTH}
spec:
  replicas: 2
  selector: {matchLabels: {app: predictions}}
  template:
    metadata:
      labels: {app: predictions, month: MONTH}
    spec:
      containers:
        - name: serve
          image: pipelines-for-humans/python:0.1.0
          command: ["python3", "-m", "flightdelay.serve"]
          env:
            - {name: FLIGHTDELAY_STORE, value: /store}
            - {name: FLIGHTDELAY_CHAMPION, value: VERSION}
          ports: [{name: http, containerPort: 8080}]
          resources: {requests: {cpu: 50m, memory: 200Mi}, limits: {memory: 1Gi}}
          volumeMounts: [{name: store, mountPath: /store, readOnly: true}]
          lifecycle: {preStop: {sleep: {seconds: 15}}}
      volumes: [{name: store, persistentVolumeClaim: {claimName: store}}]
"""

# %% [markdown]
# `template` is the form for a Pod, as in a Job. Three lines are worth a look:
#
# - `FLIGHTDELAY_CHAMPION` **pins** the version. "Take the newest one" would make two replicas that started at
#   different times answer differently, and nobody could say what was released when.
# - `selector` says by which labels the Deployment knows its Pods. `month` is not in it: it changes with each
#   release, and it is there for us to read.
# - `preStop`: a Pod that has to go waits fifteen seconds before it ends. Who was sent to it a moment ago is still
#   answered.
#
# A file on disk is what would lie in your repository. A release is a change of that file:


# %%
def release(version, form):
    """Write the manifest for this version, by this form; `kubectl apply` makes it so."""
    text = form.replace("VERSION", version).replace("MONTH", version[:7])
    (state / "predictions.yaml").write_text(text)


release(july, template)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl rollout status -n serving deployment/predictions --timeout=300s | tail -1

# %%
columns = "KIND:.kind,MONTH:.spec.template.metadata.labels.month,PODS:.spec.replicas"
# !kubectl get deployments,replicasets -n serving -o custom-columns={columns}
columns = "MONTH:.metadata.labels.month,PHASE:.status.phase"
# !kubectl get pods -n serving -l app=predictions -o custom-columns={columns}

# %% [markdown]
# Between the Deployment and its Pods stands a **ReplicaSet**: it keeps the number for *one* state of the
# description. The next release gets a second one. That is how a release can be taken back: the old description
# is still there.
#
# Pods come and go, with other names and addresses each time. Nobody should have to know them. A **Service** is
# the steady address in front: it looks for Pods **by label** and leads each request to one of them.

# %%
# %%writefile "{state}/service.yaml"
# apiVersion: v1
# kind: Service
# metadata: {name: predictions, namespace: serving}
# spec:
#   type: NodePort
#   selector: {app: predictions}
#   ports: [{port: 80, targetPort: http, nodePort: 30090}]

# %%
# !kubectl apply -f "{state}/service.yaml"
ready = "{range .items[*].endpoints[*]}ready: {.conditions.ready}{'\\n'}{end}"
# !kubectl get endpointslices -n serving -l kubernetes.io/service-name=predictions -o jsonpath="{ready}"

# %% [markdown]
# Two addresses behind the counter, kept in an **EndpointSlice**. In the cluster the Service is now called
# `predictions`, on port 80. `NodePort` opens one more door: port 30090 of each node, which the book's cluster
# leads to port 8090 of your laptop. (In production an Ingress or a load balancer stands there.) A selector that
# fits no Pod gives an empty list and no error; chapter 10 has a lab on that.
#
# Now the flight. It is 12 September, 17:30, two hours before UA 1037 is to leave for Los Angeles. These are the
# columns that are known by then:

# %%
import json

from flightdelay.steps.evaluate import month_rows
from flightdelay.steps.featurize import FEATURES, featurize
from flightdelay.steps.ingest import ingest

rows = month_rows(featurize(ingest("2013-09")), "2013-09")
day = rows["time_hour"].dt.tz_convert("America/New_York").dt.date.astype(str)
ours = rows[(rows["carrier"] == "UA") & (rows["flight"] == 1037) & (day == "2013-09-12")]
(state / "flight.json").write_text(ours[FEATURES].to_json(orient="records"))
print(json.dumps(json.loads((state / "flight.json").read_text())[0]))

# %%
door = "--retry 10 --retry-all-errors http://127.0.0.1:8090"  # a new door takes a moment to open
# said = !curl -s -H "Content-Type: application/json" -d "@{state}/flight.json" {door}/predict
served = json.loads(said[0])
print(f"{served['version'][:7]} says: late with probability {served['probabilities'][0]:.2f}")

# %% [markdown]
# It was 147 minutes late in the end. Is this the number that the pipeline gives on your own machine? Train
# July's model here, and compare at six decimals.

# %%
from flightdelay.pipelines import in_plain_python
from flightdelay.steps.evaluate import predict
from flightdelay.store import Store

here = in_plain_python.run("2013-07", store=state / "store")
model = Store(state / "store").load(here.decision["champion_after"])
print("same as on the laptop:", round(float(predict(model, ours)[0]), 6) == served["probabilities"][0])

# %% [markdown]
# The same code, the same locked packages, and columns made by the same `featurize`: what the model learned from and
# what it is asked cannot drift apart.
#
# ## 3. A release, while somebody asks
#
# The call centre asks all day. Here it is, as a Job in the cluster: ten questions a second to the Service, until
# the last fifty were all answered by August's champion. Then it says what it saw.

# %%
# %%writefile "{state}/caller.yaml"
# apiVersion: batch/v1
# kind: Job
# metadata: {name: caller, namespace: serving}
# spec:
#   backoffLimit: 0
#   activeDeadlineSeconds: 600
#   template:
#     spec:
#       restartPolicy: Never
#       containers:
#         - name: caller
#           image: pipelines-for-humans/python:0.1.0
#           resources: {requests: {cpu: 20m, memory: 30Mi}, limits: {memory: 100Mi}}
#           command: ["python3", "-c"]
#           args:
#             - |
#               import json, time, urllib.request
#               said = []  # by each call: the month whose champion answered, or what went wrong
#               while len(said) < 50 or set(said[-50:]) != {"2013-08"}:
#                   try:
#                       with urllib.request.urlopen("http://predictions/champion", timeout=20) as answer:
#                           said.append(json.load(answer)["month"])
#                   except OSError as error:
#                       said.append(str(getattr(error, "reason", error)))
#                   time.sleep(0.1)
#               failed = sorted({one for one in said if not one.startswith("2013-")})
#               print("answered by:", *sorted({*said} - {*failed}))
#               print("failed calls:", f"some, with {failed}" if failed else "none")

# %% [markdown]
# The call centre starts, and while it asks, August's champion is released: the file is changed and applied. A
# Deployment replaces its Pods one by one, a **rolling update**: a new Pod is started *beside* the two old ones,
# and only when it is ready does an old one go. (With two replicas, one more is allowed, none less.)
#
# **Bet first:** a model that is fine, two replicas, one exchanged after the other. How many calls fail?

# %%
my_bet = None  # "all", "none" or "some"

# %%
# !kubectl apply -f "{state}/caller.yaml"
# !kubectl wait -n serving --for=jsonpath='{.status.ready}'=1 job/caller --timeout=120s
release(august, template)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl wait -n serving --for=condition=complete job/caller --timeout=600s
# said = !kubectl logs -n serving job/caller
print("\n".join(said))
companion.compare_bet(my_bet, "none" if "failed calls: none" in said else "some")

# %% [markdown]
# **Symptom:** a harmless release, and calls failed. **Evidence:** `Connection refused`. Somebody was sent to a
# Pod in which nobody listened. (On a busy machine some calls may also have `timed out`.) For Kubernetes a
# container is **running** as soon as its process has started. That process then imports pandas and scikit-learn
# for some seconds, opens its port, and loads the model when it is first asked. Nobody told Kubernetes how to see
# the difference, so **running counted as ready**, and the old Pods went.
#
# **Cause:** no line in the manifest says what "ready" means. **Fix:** say it. Look up what the service offers
# for that:

# %%
import flightdelay.serve

print(flightdelay.serve.__doc__.split("Two environment variables")[0])

# %% [markdown]
# A **probe** is a question that the node asks the container again and again. There are two you need:
#
# | probe | the question | on failure | path |
# |---|---|---|---|
# | **readiness** | may it get requests *now*? | gets none, until it answers again; a release waits for it | `/readyz` |
# | **liveness** | is it beyond help? | the container is killed and started anew | `/healthz` |
#
# The two must not be confused. Asked `/readyz`, a liveness probe would kill a healthy process because a *model*
# is missing, over and over, and no restart brings a model.

# %%
probes = """\
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 2
            timeoutSeconds: 5
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 20
            timeoutSeconds: 5
            failureThreshold: 6
      volumes:"""
probed = template.replace("      volumes:", probes)
release(july, probed)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl rollout status -n serving deployment/predictions --timeout=600s | tail -1

# %% [markdown]
# July's champion is back, now with probes. (Liveness is patient on purpose: two minutes. An impatient one
# restarts a service that is only busy, which makes it busier.)
#
# Now the same release, the same two models, the same caller. Only the probes are new.

# %%
# !kubectl replace --force -f "{state}/caller.yaml"
# !kubectl wait -n serving --for=jsonpath='{.status.ready}'=1 job/caller --timeout=120s
release(august, probed)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl wait -n serving --for=condition=complete job/caller --timeout=600s
# !kubectl logs -n serving job/caller

# %% [markdown]
# Both models answered, first the one, for a moment either, then the other, and no call failed. (Some did? Then the
# new list of ready Pods came later than `preStop`'s fifteen seconds. With five, one of four releases lost a call on
# a busy machine.) What does August's champion say about our flight?

# %%
# said = !curl -s -H "Content-Type: application/json" -d "@{state}/flight.json" {door}/predict
served = json.loads(said[0])
print(f"{served['version'][:7]} says: late with probability {served['probabilities'][0]:.2f}")

# %% [markdown]
# ## Exercise 9.1: A counter for the night
#
# A colleague has written a second service, for the night shift. Kubernetes accepts the text, and five lines of it
# are wrong. (Its volume is left out here, so do not apply it.) Mend it, by copying it or with
# `inherited.replace(…)`. The service has to
#
# - get requests only when its model is loaded;
# - be restarted only when its process is beyond help;
# - be reached through its own Service, on port 80, and lead to no Pods of `predictions`;
# - have two replicas.

# %%
inherited = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: night, namespace: serving}
spec:
  replicas: 1
  selector: {matchLabels: {app: night}}
  template:
    metadata: {labels: {app: night, team: flights}}
    spec:
      containers:
        - name: serve
          image: pipelines-for-humans/python:0.1.0
          command: ["python3", "-m", "flightdelay.serve"]
          env: [{name: FLIGHTDELAY_STORE, value: /store}]
          ports: [{containerPort: 8080}]
          readinessProbe: {tcpSocket: {port: 8080}}
          livenessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 2, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: night, namespace: serving}
spec:
  selector: {app: predictions}
  ports: [{port: 80}]
"""
### BEGIN SOLUTION
answer = (
    inherited.replace("replicas: 1", "replicas: 2")
    .replace("{tcpSocket: {port: 8080}}", "{httpGet: {path: /readyz, port: 8080}, timeoutSeconds: 5}")
    .replace(
        "{path: /readyz, port: 8080}, periodSeconds: 2, failureThreshold: 1", "{path: /healthz, port: 8080}"
    )
    .replace("selector: {app: predictions}", "selector: {app: night}")
    .replace("{port: 80}]", "{port: 80, targetPort: 8080}]")
)
### END SOLUTION

# %%
check.ex_9_1(answer)

# %% [markdown]
# ## 4. A bad release, and the way back
#
# The last ten descriptions are kept, as ReplicaSets, with the note that we gave each (`change-cause`):

# %%
# !kubectl rollout history -n serving deployment/predictions

# %% [markdown]
# At the end of September somebody is in a hurry. The pipeline of September has not run, but they write its
# version into the file, as they expect it to be called. **Bet first:** what will the call centre notice?

# %%
my_bet = None  # "all calls fail", "nothing" or "some calls fail"

# %%
release("2013-09-0123456789ab", probed)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl rollout status -n serving deployment/predictions --timeout=60s | tail -1
# !kubectl replace --force -f "{state}/caller.yaml"
# !kubectl wait -n serving --for=condition=complete job/caller --timeout=600s
# said = !kubectl logs -n serving job/caller
print("\n".join(said))
companion.compare_bet(my_bet, "nothing" if "failed calls: none" in said else "some calls fail")

# %% [markdown]
# Nothing: `rollout status` gave up after a minute, and no call failed. The release hangs, which is the best that it
# can do. Look at the Pods:

# %%
columns = "MONTH:.metadata.labels.month,PHASE:.status.phase,READY:.status.containerStatuses[0].ready"
# !kubectl get pods -n serving -l app=predictions --sort-by=.metadata.labels.month -o custom-columns={columns}

# %% [markdown]
# Three Pods, all `Running`. The new one is not **ready**, so it gets no requests, and no old one may go. Why is
# it not ready? The symptom is in its Events; the reason has to be asked of the program itself:

# %%
# pods = !kubectl get pods -n serving -l month=2013-09 -o name
pod = pods[0].removeprefix("pod/")
about = f"reason=Unhealthy,involvedObject.name={pod}"
# events = !kubectl get events -n serving --field-selector {about} -o custom-columns=M:.message
print("\n".join(sorted({line for line in events if "statuscode" in line})))
ask = "import http.client; asked = http.client.HTTPConnection('127.0.0.1', 8080); asked.request('GET', '/readyz'); "
ask += "print(asked.getresponse().read().decode())"
# !kubectl exec -n serving {pod} -- python3 -c "{ask}"

# %% [markdown]
# **Symptom:** the release does not end. **Evidence:** *The model … is missing*. **Cause:** a version in the
# manifest that no pipeline has made. The readiness probe turned an outage into a release that hangs.
#
# It would have helped as well if the model had been there and damaged. It would *not* have helped if the model
# had been there and bad: a probe asks whether there is an answer, not whether it is right. That is what `decide`
# is for.
#
# ## Exercise 9.2: Take it back
#
# Bring the service back to the last good champion, **August's**, with two ready replicas and nothing of
# September's left. `kubectl rollout undo` goes back to the revision before, `--to-revision=N` to number N of the
# history. Wait until it is done. Then hand in what the cluster says, as it is, by this line:
#
# ```
# answer = !kubectl get deployments,pods,services,endpointslices -n serving -o json
# ```

# %%
### BEGIN SOLUTION
# !kubectl rollout undo -n serving deployment/predictions
# !kubectl rollout status -n serving deployment/predictions --timeout=300s | tail -1
# answer = !kubectl get deployments,pods,services,endpointslices -n serving -o json
### END SOLUTION

# %%
check.ex_9_2(answer)

# %% [markdown]
# `undo` mends the cluster, and not the file. The next `apply` from your repository would release September again.
# So **the file is mended too**, and applied. (A second `undo` would take back the first. If you left the
# exercise out, this does its work as well.)

# %%
release(august, probed)
# !kubectl apply -f "{state}/predictions.yaml"
# !kubectl rollout status -n serving deployment/predictions --timeout=300s | tail -1
# !kubectl rollout history -n serving deployment/predictions | tail -2

# %% [markdown]
# The newest line is what runs. Going back is a new revision too.
#
# ## 5. The month, by itself
#
# A **CronJob** makes a Job at given times: you, on the first of the month. On 1 October it shall process
# September. What looks harmless in it is the word *shall*: the Job may start late, be repeated in the
# afternoon, or on the third. If the program asks the clock which month it is, a late run processes the wrong
# one (chapter 05). The month has to come from the time for which the run was **scheduled**.
#
# Kubernetes writes that time on the Job that a CronJob makes, as an annotation, such as
# `batch.kubernetes.io/cronjob-scheduled-timestamp: "2026-11-01T06:00:00Z"`. A Job that somebody makes **by hand**
# from the CronJob (`kubectl create job --from=cronjob/…`) has none: nobody scheduled it.
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
check.ex_9_3(answer)

# %% [markdown]
# How does the program *get* the annotation? It stands on the Job, and a Pod does not see its Job. It may ask the
# cluster's API, as any program may: at a fixed address, with a **token** that Kubernetes puts into every Pod.
# The rest reads like the story: which month, run the pipeline, serve whoever is champion now. If the challenger
# loses, the patch says what was there before, and no Pod is touched.
#
# **The next cell holds an answer to 9.3. Stop here until yours is right.**

# %%
# %%writefile "{state}/monthly.py"
# import json, os, ssl, sys, urllib.request
# from datetime import UTC, datetime, timedelta
#
# from flightdelay.pipelines.in_plain_python import run
# from flightdelay.store import Store
#
#
# def call(path, patch=None):
#     """Get an object of the cluster, or change it, with the rights of this Pod."""
#     here = "/var/run/secrets/kubernetes.io/serviceaccount/"
#     headers = {"Authorization": "Bearer " + open(here + "token").read()}
#     headers["Content-Type"] = "application/strategic-merge-patch+json"
#     data, method = (json.dumps(patch).encode(), "PATCH") if patch else (None, "GET")
#     asked = urllib.request.Request("https://kubernetes.default" + path, data, headers, method=method)
#     trust = ssl.create_default_context(cafile=here + "ca.crt")
#     return json.load(urllib.request.urlopen(asked, context=trust, timeout=20))
#
#
# month = os.environ.get("MONTH")  # given by hand, where a month is done again
# if not month:
#     job = call("/apis/batch/v1/namespaces/serving/jobs/" + os.environ["JOB"])
#     time = job["metadata"]["annotations"].get("batch.kubernetes.io/cronjob-scheduled-timestamp")
#     if not time:
#         sys.exit("Nobody scheduled this run, and MONTH does not say which month it is for.")
#     time = datetime.fromisoformat(time).astimezone(UTC)
#     month = f"2013-{(time.replace(day=1) - timedelta(days=1)).month:02}"
# print("month:", month, flush=True)
# print("decision:", run(month, store="/store").decision["decision"])
# version = Store("/store").champion()
# serve = {"name": "serve", "env": [{"name": "FLIGHTDELAY_CHAMPION", "value": version}]}
# form = {"metadata": {"labels": {"month": version[:7]}}, "spec": {"containers": [serve]}}
# note = {"annotations": {"kubernetes.io/change-cause": f"champion of {version[:7]}"}}
# patch = {"metadata": note, "spec": {"template": form}}
# call("/apis/apps/v1/namespaces/serving/deployments/predictions", patch)
# print("in use: the champion of", version[:7])

# %% [markdown]
# It needs two rights: to *get* Jobs, and to *patch* one Deployment. Who has rights in a cluster is a
# **ServiceAccount** (who), a **Role** (may do what), and a **RoleBinding** between them.

# %%
# %%writefile "{state}/rights.yaml"
# apiVersion: v1
# kind: ServiceAccount
# metadata: {name: monthly, namespace: serving}
# ---
# apiVersion: rbac.authorization.k8s.io/v1
# kind: Role
# metadata: {name: monthly, namespace: serving}
# rules:
#   - {apiGroups: ["batch"], resources: ["jobs"], verbs: ["get"]}
#   - {apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["predictions"], verbs: ["patch"]}
# ---
# apiVersion: rbac.authorization.k8s.io/v1
# kind: RoleBinding
# metadata: {name: monthly, namespace: serving}
# subjects: [{kind: ServiceAccount, name: monthly, namespace: serving}]
# roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: monthly}

# %% [markdown]
# A rule is a group of the API, kinds of objects (*resources*, in the plural), verbs, and if you like the names of
# single objects. What no rule allows is refused. `can-i` asks the cluster what somebody may do.

# %%
# !kubectl apply -f "{state}/rights.yaml"
questions = ["get jobs.batch/train", "patch deployments.apps/predictions", "patch deployments.apps/night"]
questions += ["delete deployments.apps/predictions", "get secrets"]
for question in questions:
    # said = !kubectl auth can-i {question} -n serving --as=system:serviceaccount:serving:monthly
    print(f"{said[-1]:4} {question}")

# %% [markdown]
# What it needs, and no more. And yet a hole remains: who may patch a Deployment may set its `replicas` to 0, and its
# image to anything. RBAC knows verbs and objects, no fields. Whoever gets hold of this program's token can
# release what they like; the token of nobody else in the namespace can.
#
# ## Exercise 9.4: A program for the night
#
# At night nobody is there to type `undo`. A program shall watch: it has to **get** and **list** Pods, **get**
# their logs (a resource of its own, `pods/log`), **get** the Deployment `predictions`, and **patch** it. A
# colleague's rules work at once. Write the rules that suffice, as a list of dicts with the same keys.

# %%
inherited = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
### BEGIN SOLUTION
answer = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["predictions"],
        "verbs": ["get", "patch"],
    },
]
### END SOLUTION

# %%
check.ex_9_4(answer)

# %% [markdown]
# Now the schedule itself.

# %%
# %%writefile "{state}/monthly.yaml"
# apiVersion: batch/v1
# kind: CronJob
# metadata: {name: monthly, namespace: serving}
# spec:
#   schedule: "0 6 1 * *"
#   timeZone: Etc/UTC
#   concurrencyPolicy: Forbid
#   startingDeadlineSeconds: 86400
#   jobTemplate:
#     spec:
#       backoffLimit: 1
#       template:
#         spec:
#           serviceAccountName: monthly
#           restartPolicy: Never
#           containers:
#             - name: monthly
#               image: pipelines-for-humans/python:0.1.0
#               command: ["python3", "/program/monthly.py"]
#               env:
#                 - name: JOB
#                   valueFrom: {fieldRef: {fieldPath: "metadata.labels['batch.kubernetes.io/job-name']"}}
#               resources: {requests: {cpu: 50m, memory: 700Mi}, limits: {memory: 1Gi}}
#               volumeMounts:
#                 - {name: store, mountPath: /store}
#                 - {name: program, mountPath: /program}
#           volumes:
#             - {name: store, persistentVolumeClaim: {claimName: store}}
#             - {name: program, configMap: {name: monthly}}

# %% [markdown]
# | line | what it says |
# |---|---|
# | `schedule` | minute 0, hour 6, day 1, every month, any weekday |
# | `timeZone` | whose clock; without it, that of the control plane. At 06:00 UTC the month is over in New York too |
# | `concurrencyPolicy: Forbid` | while one runs, no other one is started: two never write to the store at once |
# | `startingDeadlineSeconds` | what could not start at its time may start within a day; later, it is missed |
# | `fieldRef` | the Pod is told a note on itself: the name of its Job |
#
# (A run cannot start at its time while the cluster is down, or, with `Forbid`, while the one before it runs. Of
# several that were missed so, only the last one is started.)
#
# Nobody waits for the first of the month here. Start one by hand, and see what it says:

# %%
# !kubectl delete job/by-hand configmap/monthly -n serving --ignore-not-found
# !kubectl create configmap monthly -n serving --from-file="{state}/monthly.py"
# !kubectl apply -f "{state}/monthly.yaml"
# !kubectl create job by-hand -n serving --from=cronjob/monthly
# !kubectl wait -n serving --for=condition=failed job/by-hand --timeout=300s
# !kubectl logs -n serving -l job-name=by-hand --tail=1 | sort -u

# %% [markdown]
# Refused, in one sentence, rather than guessed from the clock. Whoever starts a month by hand says which. The
# CronJob is the form, and one line is added to it. September was not processed yet:

# %%
# %%sh -s "{state}"
# kubectl create job september -n serving --from=cronjob/monthly --dry-run=client -o yaml > "$1"/september.yaml
# kubectl set env --local -f "$1"/september.yaml MONTH=2013-09 -o yaml > "$1"/september-with-month.yaml
# kubectl apply -f "$1"/september-with-month.yaml
# kubectl wait -n serving --for=condition=complete job/september --timeout=600s
# kubectl logs -n serving job/september

# %% [markdown]
# `promote`: September's challenger beat August's champion, and the Job has released it, with the rights that it has
# and no others. Had it lost, the patch would have said what was there before, and no Pod would have been touched.
#
# Now the schedule, for once every minute, until the first Job is there; then it is suspended. **Bet first:** which
# month will it process, today?

# %%
my_bet = None  # a month of our year, in the form YYYY-MM

# %%
# !kubectl patch cronjob monthly -n serving -p '{"spec": {"schedule": "* * * * *"}}'
# !kubectl wait -n serving --for=jsonpath='{.status.lastScheduleTime}' cronjob/monthly --timeout=150s
# !kubectl patch cronjob monthly -n serving -p '{"spec": {"schedule": "0 6 1 * *", "suspend": true}}'
# jobs = !kubectl get jobs -n serving -o name --sort-by=.metadata.creationTimestamp
# !kubectl wait -n serving --for=condition=complete {jobs[-1]} --timeout=600s > "{state}/done"
# log = !kubectl logs -n serving {jobs[-1]}
print("\n".join(log))
companion.compare_bet(my_bet, log[0].removeprefix("month: "))

# %% [markdown]
# The month before the one in which it was scheduled. (The recording was made in a November. In your run it may be
# another month, and in February it is January, which the pipeline refuses, since nothing lies before it: the cell
# above then waits ten minutes.) In the recording October's challenger won, so the Job released it, with the
# rights that it has and no others. Who answers now?

# %%
# !kubectl rollout status -n serving deployment/predictions --timeout=300s | tail -1
# said = !curl -s {door}/champion
print("the champion that answers:", json.loads(said[0])["month"])

# %% [markdown]
# ## 6. What the namespace may use
#
# The platform team gives each team a **ResourceQuota**: what all Pods of the namespace may *request* together.

# %%
# !kubectl create quota platform -n serving --hard=requests.cpu=100m,requests.memory=1Gi
used = r"{.status.used.requests\.cpu}"
# !kubectl wait -n serving --for=jsonpath='{used}'=100m quota/platform --timeout=120s
# !kubectl scale -n serving deployment/predictions --replicas=3
# !kubectl wait -n serving --for=condition=ReplicaFailure deployment/predictions --timeout=60s
columns = "WANTED:.spec.replicas,READY:.status.readyReplicas"
# !kubectl get deployment predictions -n serving -o custom-columns={columns}

# %% [markdown]
# Three were wanted. There is no failing Pod to look at: the third was never made. The ReplicaSet tried to make
# it and has the reason, and the Deployment repeats it. Then a second refusal, to a Pod that does not say what it
# needs: a quota can count only what is requested.

# %%
reason = "{.status.conditions[?(@.type=='ReplicaFailure')].message}"
# said = !kubectl get deployment predictions -n serving -o jsonpath="{reason}"
print(said[0].partition("is forbidden: ")[2])
# !kubectl run look -n serving --image=pipelines-for-humans/python:0.1.0 --restart=Never

# %% [markdown]
# 50m for each replica: two fit, the third does not. And so no release fits either: with two replicas a rolling
# update needs room for **one more Pod** than you run, and without it the release stands still. (With
# `maxUnavailable: 1` in the Deployment's `strategy` it needs none: it ends an old Pod first, and has one replica
# less meanwhile.)
#
# ## What you can do now
#
# 1. You saw running taken for ready, calls fail, and wrote the probes and the selector that end it.
# 2. You released a champion while somebody asked, lost no call, and took a bad release back, in the cluster and
#    in the file.
# 3. You let a run know the month that it was scheduled for, and had it refuse where nobody scheduled it.
# 4. You gave a program the rights that it needs, and asked the cluster what it may not do.
#
# ## Optional: bring your own model
#
# The Deployment knows the store and a version, and nothing of the model in it. Train your own estimator into a
# store (chapter 02 shows the contract), let it be served, and ask yourself what *ready* means for it. If it needs
# a lookup table, a feature store or a GPU, then a readiness probe that does not touch them says yes too early.
#
# ## Clean up

# %%
# !kubectl delete namespace serving

# %% [markdown]
# **Next:** [chapter 10](../chapters/10-debugging/README.md). There all of this is broken, ten times, and you are
# told of it by people who have never heard of a Pod.
