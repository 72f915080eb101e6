# %% [markdown]
# # 12.4 · Kubeflow in production: the gate, and the way back
#
# About 50 minutes · 3 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# Ada's change has a version, and it would be easy to schedule it. This sitting is about the last stations before her
# model answers anybody: who releases it, on which evidence, and how is it taken back?
#
# You will
#
# 1. read a **model record** that a program made;
# 2. write the **gate** that a model has to pass before it answers anybody;
# 3. **promote** a model, and see one go **around the gate**;
# 4. **stop a bad version and roll back** to the last one that was released properly.

# %%
import companion

state = companion.workspace("12-4")
companion.copy_manifests(state)

# %% [markdown]
# First make again what the sittings before left in Kubeflow: the pipeline with two versions, the book's (`good`) and
# Ada's (`bad`).

# %%
import warnings

import kfp

from chapter_12.monthly import EXPERIMENT, PIPELINE, tidy_up, upload
from companion.cluster.kubeflow import require_kubeflow

host = require_kubeflow()
warnings.simplefilter("ignore")  # kfp warns at every client
client = kfp.Client(host=host, ui_host="http://localhost:8081")
tidy_up(client)
pipeline_id, good, bad = upload(client, state)
experiment_id = client.create_experiment(EXPERIMENT).experiment_id

# %% [markdown]
# Then make the models. The gate looks only at what a run leaves in the store, and not at how it was started. So a plain
# **Job** runs the same six steps here, in the same image: for August, then for September with either version. (That
# takes a minute or two; Kubeflow would take ten.) Before that, the image is tested, as in the first sitting.

# %%
# !kubectl delete namespace flights-production --ignore-not-found
# !kubectl create namespace flights-production
# !kubectl apply -n flights-production -f "{state}/test.yaml"
# !kubectl wait -n flights-production --for=condition=complete job/test --timeout=300s
# !kubectl apply -n flights-production -f "{state}/models.yaml"
# !kubectl wait -n flights-production --for=condition=complete job/models --timeout=600s
# !kubectl logs -n flights-production job/models

# %% [markdown]
# ## 1. The record
#
# The person who has to approve a model asks four things: what it was made from, with which code, how good it is, and
# who made it. If a person types the answers, they can be wrong. So `flightdelay.record` makes the record from the store
# and the data, and judges the model *again*, from the file that would be served. Three things are not in the store and
# are given as arguments: the author and the revision, which are made up here, and the image. The image's ID comes from
# the Pod that did train, so it is the image that really ran.

# %%
import json


def image_of(job):
    """Return the ID of the image that a Job's Pod ran."""
    # said = !kubectl get pods -n flights-production -l run={job} -o json
    [pod] = json.loads("\n".join(said))["items"]
    return pod["status"]["containerStatuses"][0]["imageID"]


tested = {image_of("test")}
image = image_of("models")
print("the image that trained was tested:", image in tested)

# %%
# !grep -A 3 "command" "{state}/record.yaml"
# !kubectl delete configmap/run job/record-book job/record-adas -n flights-production --ignore-not-found
# !kubectl create configmap run -n flights-production --from-literal=IMAGE_ID={image}
# !kubectl apply -n flights-production -f "{state}/record.yaml"
# !kubectl wait -n flights-production --for=condition=complete job/record-book job/record-adas --timeout=300s
# book = !kubectl logs -n flights-production job/record-book
# adas = !kubectl logs -n flights-production job/record-adas
record, adas_record = json.loads("\n".join(book)), json.loads("\n".join(adas))
for name in ("month", "learned_from", "rows_learned_from", "rows_judged", "decision", "author"):
    print(f"{name:20} {record[name]}")
print(f"{'data files':20} {len(record['data'])}, each with its sum")
print(f"{'same probabilities':20} {record['same_probabilities']}")

# %%
for name, found in record["metrics"].items():
    print(f"{name:20} log loss {found['log_loss']:.3f}   AUC {found['auc']:.3f}")
for each in record["slices"]:
    if each["column"] == "origin":
        print(f"{each['value']}: log loss {each['challenger']:.3f}, of the champion {each['champion']:.3f}")

# %% [markdown]
# `same_probabilities` compares what the stored file says today with the digest that was judged then. So you notice if
# somebody has exchanged the file in the store.
#
# ## 2. The gate
#
# The pipeline's rule compared two models. The gate asks more, because more can go wrong between a training and a
# customer: another data file, another image, a file that was exchanged, an author in a hurry. It takes the record
# (print `record` for its keys; a first model has `None` where the champion's figures would be), the name of the
# approver, and what is **known**:
#
# - `known["data"]`: the sums of the data files that were accepted, by name (here the manifest's);
# - `known["tested"]`: the IDs of the images that passed the tests;
# - `known["released"]`: what was released before: for each version, the sum of its model file.
#
# ## Exercise 12.3: The gate
#
# Write the function. It returns all objections, each a sentence in a list; if the list is empty, the model may be
# released. It objects when
#
# - a data file is unknown or has another sum than the known one, or the record names no data at all;
# - the image is not one of the tested;
# - the model does not beat the champion (or the baseline, where there is no champion) **on log loss**, or at one
#   `origin` its log loss is more than 0.01 higher than the champion's;
# - the pipeline's own decision was not `promote`;
# - the stored file gives other probabilities than were judged, or this version was released before with
#   another file;
# - nobody approves, or the author does.
#
# AUC does not count.


# %%
def answer(record: dict, approver: str, known: dict) -> list[str]:
    """Return what speaks against releasing this model."""
    ### BEGIN SOLUTION
    now, before = record["metrics"]["challenger"], record["metrics"]["champion"]
    same = known["released"].get(record["version"], record["model_sha256"]) == record["model_sha256"]
    origins = [each for each in record["slices"] if each["column"] == "origin" and before]
    broken = {
        "Its data is not known.": not record["data"] or record["data"].items() - known["data"].items(),
        "This image was not tested.": record["image_id"] not in known["tested"],
        "It does not win.": now["log_loss"] >= (before or record["metrics"]["baseline"])["log_loss"],
        "It is worse at an origin.": any(each["challenger"] - each["champion"] > 0.01 for each in origins),
        "The pipeline's rule keeps the champion.": record["decision"] != "promote",
        "The file is not the one that was judged.": not (record["same_probabilities"] and same),
        "Nobody but the author approves.": not approver or approver == record["author"],
    }
    return [sentence for sentence, is_so in broken.items() if is_so]
    ### END SOLUTION


# %%
from companion import check

check.ex_12_3(answer)

# %% [markdown]
# **The next cell prints the book's gate. Stop here until yours is right.** It lies in `gate.py` of the chapter's
# folder, and from here on the notebook uses it.

# %%
import inspect

from chapter_12.gate import gate

print(inspect.getsource(gate))

# %%
from flightdelay.data import DATA

manifest = json.loads((DATA / "manifest.json").read_text())["files"]
sums = {name: entry["sha256"] for name, entry in manifest.items()}
known = {"data": sums, "tested": tested, "released": {}}
print("the book's, approved by linus:", gate(record, "linus", known) or "let it go")
print("the book's, approved by grace:", gate(record, "grace", known))
print("Ada's, approved by linus:", *gate(adas_record, "linus", known), sep="\n- ")

# %% [markdown]
# There are three objections to Ada's model, and none of them is about AUC: this station stops her change. Grace made
# the other change, so Grace cannot approve it, even if it is good. (A name in a function is only a text. In production
# it comes from the system in which somebody logged in and pressed the button: the merge request. Standalone Kubeflow
# has no users, so the approval lives outside of it.)
#
# ## 3. Promotion
#
# The predictions of chapter 09 have a claim of their own, `production`: no run of any pipeline can change what it
# holds. A model is **carried** there by a Job that mounts both claims. (Here they lie in one namespace. A claim in
# Kubeflow's namespace cannot be mounted outside of it; in that case the model comes from the object store.)

# %%
# !kubectl apply -n flights-production -f "{state}/predictions.yaml"
# !grep -A 14 "command" "{state}/carry.yaml"


# %% [markdown]
# A promotion has four steps: the gate has no objection, the model is carried, the Deployment is told the model's
# version, and a schedule starts the pipeline's version. The ledger records what was done. First write the steps as
# functions:


# %%
def carry(version):
    """Copy a model from the pipeline's claim to production's."""
    # !sed "s/VERSION/{version}/" "{state}/carry.yaml" | kubectl apply -n flights-production -f -
    # !kubectl wait -n flights-production --for=condition=complete job/carry-{version} --timeout=180s


def serve(version):
    """Let production answer with this version, and wait until it does."""
    # !kubectl set env -n flights-production deployment/predictions FLIGHTDELAY_CHAMPION={version}
    # !kubectl rollout status -n flights-production deployment/predictions --timeout=300s | tail -1


# %%
def schedule(version):
    """Start this version of the pipeline every month, from now on."""
    found = client.list_recurring_runs(experiment_id=experiment_id, page_size=100).recurring_runs
    for each in found or []:
        if each.pipeline_version_reference.pipeline_version_id == version and each.status == "ENABLED":
            return each  # it does so already
    name, how = f"{PIPELINE} {version[:8]}", {"cron_expression": "0 0 7 1 * *", "max_concurrency": 1}
    return client.create_recurring_run(
        experiment_id,
        name,
        pipeline_id=pipeline_id,
        version_id=version,
        service_account="flight-delay",
        **how,
    )


# %% [markdown]
# (Without a `start_time` the schedule begins today, so no past run is caught up: no run starts before the first of the
# month.) Now promote the book's model, through the gate:

# %%
ledger = []


def promote(record, approver, pipeline_version):
    """Pass the gate, carry the model, serve and schedule it, and write it down."""
    released = {each["version"]: each["model_sha256"] for each in ledger}
    if objections := gate(record, approver, known | {"released": released}):
        print("stopped:", *objections, sep="\n- ")
        return
    carry(record["version"])
    serve(record["version"])
    schedule(pipeline_version)
    entry = {**record, "approver": approver, "pipeline_version_id": pipeline_version}
    if entry not in ledger:
        ledger.append(entry)


# %%
promote(record, "linus", good)
monthly = schedule(good)  # it is there already, and this finds it
door = "/api/v1/namespaces/flights-production/services/predictions:80/proxy"
# !for i in 1 2 3 4 5 6 7 8 9; do kubectl get --raw {door}/champion 2>&- && break; sleep 5; done
print("in the ledger:", [(each["month"], each["author"], each["approver"]) for each in ledger])

# %% [markdown]
# ## 4. It breaks: around the gate
#
# It is Friday, and Ada's AUC is higher. She carries her model over, tells the Deployment, changes the schedule, and
# enters the release in the ledger. She is allowed to run each of these commands, since this notebook is the
# administrator of its cluster, and each of them ends without an error.

# %%
carry(adas_record["version"])
serve(adas_record["version"])
client.disable_recurring_run(monthly.recurring_run_id)
schedule(bad)
entry = {**adas_record, "approver": "ada", "pipeline_version_id": bad}
if entry not in ledger:
    ledger.append(entry)
# !kubectl get pods -n flights-production -l app=predictions

# %% [markdown]
# The Pod is ready, and there is no error anywhere. (A second Pod in the list is the one before, which is ending.) On
# Monday the desk writes:
#
# > *Since the weekend nearly everybody with a connection gets a later one offered. The partner airline asks
# > whether we know what we are doing.*
#
# - **Symptom**: twice as many offers, and no error anywhere.
# - **Evidence**: find out which version answers, and what the desk does with its answers. A Job asks each of the models
#   that production has about all flights of September.

# %%
# !kubectl get --raw {door}/champion
# !kubectl delete job offers -n flights-production --ignore-not-found
# !kubectl apply -n flights-production -f "{state}/offers.yaml"
# !kubectl wait -n flights-production --for=condition=complete job/offers --timeout=300s
# !kubectl logs -n flights-production job/offers
print("Ada's:", adas_record["version"])

# %% [markdown]
# For UA 1037, which was late, both models say so, Ada's with a higher probability. But hers also says it for a flight
# that will be on time.
#
# - **Cause**: a model that no gate had seen was released, because the gate was only a convention: everybody who may use
#   `kubectl set env` may release. (The weights are the reason for the offers, but not for the release.)
# - **Fix**: roll back now; then take the right to change production from people, and give it to the account of the
#   machine that runs the gate, as in the last sitting. There Ada was refused. (Kubeflow's API has no such protection:
#   everybody who can reach it may change a schedule.)
#
# ## 5. Roll back
#
# It is not always right to go back to the release before. The ledger of a real team is longer than ours, and not every
# entry in it passed the gate. And a half roll-back is worse than none: then the Deployment is right today, and the
# schedule brings the bad version back on the first of the month.
#
# ## Exercise 12.4: Stop it, and roll back
#
# Write the function. It is given
#
# - `ledger`: records, oldest first; the last entry is the release that is live now and has to be replaced. Each has an
#   `approver` and names two things: `version` is the *model's*, such as `"2013-09-…"`; `pipeline_version_id` is the
#   *compiled pipeline's*, the ID that Kubeflow gave to its upload;
# - `known`: as for the gate (`data`, `tested`, `released`);
# - `client`: a `kfp.Client`; the recurring runs of the pipeline are in the experiment with the id `"production"`,
#   a dozen of them by now, and other teams have theirs in other experiments (`list_…` gives ten, if it is not told a
#   `page_size`);
# - `serve`, as above: give it an entry's `version`;
# - `schedule`, as above: give it an entry's `pipeline_version_id` and nothing else. (Above its parameter is called
#   `version`: for Kubeflow it is a version, that of the pipeline.)
#
# Choose the newest entry before the last that **the gate would release today** (`gate(entry, entry["approver"], known)`
# is the book's). Let production serve it. Afterwards exactly one schedule is enabled, and it starts the pipeline
# version of that entry. Delete nothing and overwrite nothing: the bad version is evidence. If no entry passes the gate,
# raise a `LookupError` before you change anything. Return the `version`, the model's, that is served now.


# %%
def answer(ledger: list, known: dict, client, schedule, serve) -> str:
    """Serve the last release that was done properly, and schedule it."""
    ### BEGIN SOLUTION
    for entry in reversed(ledger[:-1]):
        if not gate(entry, entry["approver"], known):
            break
    else:
        raise LookupError("No release in the ledger passes the gate today.")
    serve(entry["version"])
    found = client.list_recurring_runs(experiment_id="production", page_size=100).recurring_runs
    for each in found or []:
        if each.status == "ENABLED":
            client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]
    ### END SOLUTION


# %%
check.ex_12_4(answer)

# %% [markdown]
# **The next cell rolls back for real, and so holds most of the answer. Stop here until yours is right.**

# %%
target = next(each for each in reversed(ledger[:-1]) if not gate(each, each["approver"], known))
wanted = target["pipeline_version_id"]
serve(target["version"])
for each in client.list_recurring_runs(experiment_id=experiment_id, page_size=100).recurring_runs or []:
    if each.status == "ENABLED" and each.pipeline_version_reference.pipeline_version_id != wanted:
        client.disable_recurring_run(each.recurring_run_id)
schedule(wanted)
# !for i in 1 2 3 4 5 6 7 8 9; do kubectl get --raw {door}/champion 2>&- && break; sleep 5; done

# %%
import time

names = {good: "the book's", bad: "Ada's"}
for _ in range(30):  # on a busy machine the list may be a moment behind
    runs = client.list_recurring_runs(experiment_id=experiment_id, page_size=100).recurring_runs
    if [each.status for each in runs].count("ENABLED") == 1:
        break
    time.sleep(2)
for each in sorted(runs, key=lambda run: run.created_at):
    print(names[each.pipeline_version_reference.pipeline_version_id], each.status)
found = client.list_pipeline_versions(pipeline_id, page_size=10).pipeline_versions
print("her version is still there:", bad in [each.pipeline_version_id for each in found])

# %% [markdown]
# There are three schedules, and one of them is enabled. Nothing was built or deleted for it: the old model was still
# there, so the way back needed only a restart. The versions made that possible.
#
# **It transfers.** In a bank this is called model-risk approval: the record is the model's documentation, the approver
# belongs to the independent validation, the ledger is the inventory. And a roll-back is tried before it is needed.
#
# ## Optional: bring your own model
#
# A model of yours goes the same way: `in_plain_python.run(…, estimator=…, store=state / "mine")` as in chapter 02, then
# `flightdelay.record.model_record`, then the gate. Do August with the book's model first, then September with a
# logistic regression from chapter 02. See which rules stop it.
#
# ## Recap
#
# 1. You read a **record**: made from the store and the data, by a program, from the file that would be served.
# 2. You wrote the **gate**: it checks data, image, log loss, slices, file, and a second person, but not AUC.
# 3. You **promoted** a model, and saw another one go around the gate, without an error.
# 4. You **stopped a bad version and rolled back** to the newest release that passes the gate, model *and* schedule.
#
# ## Clean-up
#
# Remove the schedules first, or they go on.

# %%
tidy_up(client)
# !kubectl delete namespace flights-production --wait=false

# %% [markdown]
# ## What comes next
#
# You have brought one pipeline through three tools and to a cluster. Chapter 13 asks which of these your organisation
# needs, what they cost, and when it needs none of them yet.
