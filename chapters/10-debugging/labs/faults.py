"""The faults: what each lab prepares, what shows its cause, and when it is mended.

A fault is one line of a manifest that is right otherwise (in lab 8 it is an image). Whether it is mended is
judged on the cluster's objects, and on what they do.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]

from chapter_10.labs.look import Look
from companion.recorded.objects import amount

# The book's image; `make cluster-load` gives it to the cluster.
IMAGE = "pipelines-for-humans/python:0.1.0"
# The image of lab 8, built twice on top of it: each build takes this name, and one that is its own.
SHARE = "pipelines-for-humans/late-share:1"
OLD, NEW = (f"pipelines-for-humans/late-share:build-{number}" for number in (17, 18))


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a look gave: ``broken`` as before, ``hidden`` (the symptom is gone, the fault is not), ``mended``."""

    state: Literal["broken", "hidden", "mended"]
    text: str


@dataclasses.dataclass(frozen=True)
class Lab:
    """One lab.

    Parameters
    ----------
    complaint
        What somebody says who knows nothing of Kubernetes.
    manifests
        The files beside this one that make the healthy state.
    fault
        A text of the manifests as it should be, and as the lab has it.
    shows
        A question for kubectl, and the expression in its answer once the fault has shown itself.
    evidence
        Expression for a text (small letters, no quotes) that holds the cause.
    symptoms
        Expression for what is only a symptom, and what to say to it.
    hint
        Where to look, for any other text.
    judge
        Looks whether it is mended.
    sized
        Another text of the manifests, and what this lab has in its place.
    """

    complaint: str
    manifests: tuple[str, ...]
    fault: tuple[str, str]
    shows: tuple[str, str]
    evidence: str
    symptoms: tuple[str, str]
    hint: str
    judge: Callable[[Look], Finding]
    sized: tuple[str, str] = ("", "")

    def healthy(self, namespace: str) -> str:
        """Return the manifests as they should be."""
        folder = Path(__file__).parent
        text = "---\n".join((folder / name).read_text(encoding="utf-8") for name in self.manifests)
        text = text.replace(*self.sized) if self.sized[0] else text
        return text.replace("NAMESPACE", namespace).replace("IMAGE", IMAGE).replace("SHARE", SHARE)

    def seeded(self, namespace: str) -> str:
        """Return the manifests with the fault."""
        return self.healthy(namespace).replace(*self.fault)


def judge_evidence(lab: Lab, text: str) -> str:
    """Return what is wrong with a piece of evidence; empty if the cause is in it."""
    if len(text) > 700 or text.count("\n") > 3:
        return "That is a whole output. Which line of it tells the cause? Give that line alone."
    plain = re.sub(r"[\"'`\\]", "", " ".join(text.casefold().split()))
    if re.search(lab.evidence, plain):
        return ""
    return lab.symptoms[1] if re.search(lab.symptoms[0], plain) else lab.hint


def judge_predictions(look: Look) -> Finding:
    """Labs 1, 2, 7 and 11: does the service of predictions answer, by its own means?"""
    deployment, service = look.get("Deployment", "predictions"), look.get("Service", "predictions")
    if not deployment or not service:
        gone = "Service" if deployment else "Deployment"
        return Finding("hidden", f"The {gone} predictions is gone: no error, and no answer either.")
    spec, wanted = deployment["spec"], container_of(expected(look, "Deployment", "predictions"), "serve")
    serve = container_of(deployment, "serve")
    if not spec["replicas"]:
        return Finding("hidden", "Scaled to zero: nothing fails, since nothing runs. Nobody answers either.")
    probe = serve.get("readinessProbe", {}).get("httpGet", {}).get("path")
    if probe != "/readyz":
        return Finding(
            "hidden",
            "Nobody asks /readyz any more, so that a Pod counts as ready before its model is loaded. Give the "
            "readiness probe back.",
        )
    if any(serve.get(field) != wanted.get(field) for field in ("command", "args")):
        return Finding("hidden", "The container runs another program now: the fault is silenced, not mended.")
    if plain_image(serve["image"]) != IMAGE:
        if _available(deployment):
            return Finding(
                "hidden", f"{serve['image']} runs, but the book's image is {IMAGE}: two names now."
            )
        return Finding("broken", f"The Deployment wants the image {serve['image']}. Is there such a thing?")
    labels = spec["template"]["metadata"]["labels"]
    selector = service["spec"].get("selector") or {}
    if not selector:
        return Finding("hidden", "A Service without a selector leads nowhere by itself. Give it one.")
    if service["spec"].get("publishNotReadyAddresses"):
        return Finding("hidden", "The Service now also sends requests to Pods that are not ready.")
    if not selector.items() <= labels.items():
        return Finding(
            "broken",
            "The Service looks for other labels than the Deployment gives its Pods. (A label put on a Pod by hand "
            "goes when the Pod goes.)",
        )
    strangers = sorted(name for name in _behind(look, "predictions") if not name.startswith("predictions-"))
    if strangers:
        return Finding(
            "hidden", f"The Service leads to {strangers[0]} too, which knows no predictions: select less."
        )
    if not _available(deployment):
        return Finding(
            "broken",
            "The Deployment predictions has no ready Pod of its newest description yet, or an old one is left. "
            "Wait (kubectl rollout status); if that does not end, ask the newest Pod why.",
        )
    try:
        month = json.loads(look.ask_service("/champion"))["month"]
    except (ValueError, KeyError):
        return Finding("broken", "The Pod is ready, but the Service does not answer yet.")
    return Finding("mended", f"The service answers with the champion of {month}")


def judge_training(look: Look) -> Finding:
    """Labs 3, 4, 5, 10 and 12: did the same training run, within the same rules?"""
    job = look.get("Job", "train")
    if not job:
        return Finding("hidden", "The Job train is gone: no error, and no model either.")
    train, wanted = container_of(job, "train"), container_of(expected(look, "Job", "train"), "train")
    if plain_image(train["image"]) != IMAGE or any(
        train.get(field) != wanted.get(field) for field in ("command", "args")
    ):
        return Finding("hidden", "The Job runs something else now, or learns from less. Mend what stops it.")
    if job["spec"].get("suspend") or job["spec"].get("parallelism") == 0:
        return Finding("hidden", "The Job is suspended: nothing fails, since nothing runs.")
    limits = train.get("resources", {}).get("limits", {})
    requests = limits | train.get("resources", {}).get("requests", {})
    if "memory" not in limits:
        return Finding(
            "hidden",
            "Without a memory limit the training may take the node's memory, and its neighbours are killed.",
        )
    if look.number == 3 and (amount(limits["memory"]) or 0) > 4 * 2**30:
        return Finding(
            "hidden",
            f"A limit of {limits['memory']} is none for a program of 400 MB: leave it some room, not the node.",
        )
    if not {"cpu", "memory"} <= requests.keys():
        return Finding(
            "hidden",
            "Without its requests the scheduler knows nothing about this Pod: ask for what it needs.",
        )
    month = _month(look, train)
    if month != expected(look, "ConfigMap", "run")["data"]["MONTH"]:
        if not month:
            where = (
                "its key is not in the ConfigMap run" if month == "" else "not read from the ConfigMap run"
            )
            return Finding("broken" if month == "" else "hidden", f"The month to train: {where}.")
        return Finding("hidden", f"The month to train is {month} now: another training.")
    if look.number == 10 and len(look.data("run")) > 1:
        keys = " and ".join(sorted(look.data("run")))
        return Finding(
            "hidden", f"The ConfigMap run holds {keys}: who changes one leaves the other. Keep one."
        )
    quota = look.get("ResourceQuota", "platform")
    if look.number == 12 and (
        not quota or quota["spec"]["hard"] != expected(look, "ResourceQuota", "platform")["spec"]["hard"]
    ):
        return Finding("hidden", "The quota is the platform team's. Ask for what the training needs instead.")
    volumes = job["spec"]["template"]["spec"].get("volumes") or []
    if look.number == 5 and not any(volume.get("persistentVolumeClaim") for volume in volumes):
        return Finding("hidden", "The model now goes with the Pod: the training writes to no claim any more.")
    if not job.get("status", {}).get("succeeded"):
        return Finding("broken", f"The Job train {_unfinished(look, job)}")
    done = [pod for pod in look.all("Pod") if pod["status"]["phase"] == "Succeeded"]
    return Finding("mended", f"The training of {month} ended well{'' if done else ' (its Pod is gone)'}")


def judge_promotion(look: Look) -> Finding:
    """Lab 6: has the promoter promoted, and may it do only that?"""
    job, wanted = look.get("Job", "promote"), expected(look, "Job", "promote")
    if not job:
        return Finding("hidden", "The Job promote is gone: nobody is refused, and nothing is promoted.")
    account = job["spec"]["template"]["spec"].get("serviceAccountName", "default")
    if container_of(job, "promote")["command"] != container_of(wanted, "promote")["command"] or look.data(
        "program"
    ) != dict(expected(look, "ConfigMap", "program")["data"]):
        return Finding("hidden", "Another program runs now: the refusal is silenced, not mended.")
    if look.may(account, "*", "*"):
        return Finding("hidden", "The promoter may do everything now, and so may who takes over its Pod.")
    if account == "default" or look.may("default", "patch", "configmaps/champion"):
        return Finding("hidden", "Now every Pod of the namespace that names no account may promote.")
    for verb, what in (
        ("delete", "configmaps/champion"),
        ("get", "secrets"),
        ("patch", "configmaps/program"),
    ):
        if look.may(account, verb, what):
            return Finding("hidden", f"The promoter may now {verb} {what} too, which it does not need.")
    if not look.may(account, "patch", "configmaps/champion"):
        if look.data("champion").get("month") == "2013-09":
            return Finding("hidden", "The champion was written by hand; the promoter still may not do it.")
        return Finding("broken", "The promoter may not do yet what it is there for.")
    promoted = look.data("champion").get("month") == "2013-09"
    if job.get("status", {}).get("succeeded") and not promoted:
        return Finding(
            "broken",
            "The right is there, but the Job has ended before, and applying the manifest has put August back. "
            "Let the Job do it again: kubectl replace --force -f the manifest.",
        )
    if not promoted or not job.get("status", {}).get("succeeded"):
        return Finding("broken", "The right is there. The Job tries again every 5 seconds: wait for it.")
    return Finding("mended", "The promoter has promoted September's champion, and may do nothing else")


def judge_share(look: Look) -> Finding:
    """Lab 8: does the Job run the new content, under a name of its own?"""
    job = look.get("Job", "late-share")
    if not job:
        return Finding("hidden", "The Job late-share is gone: no wrong number, and no number either.")
    share = container_of(job, "late-share")
    if (
        share.get("env")
        or share.get("args") != container_of(expected(look, "Job", "late-share"), "late-share")["args"]
    ):
        return Finding("hidden", "The manifest now overrules the image, which still holds the old rule.")
    if plain_image(share["image"]) == SHARE:
        if share.get("imagePullPolicy") == "Always":
            return Finding(
                "hidden",
                "Asking the registry each time makes every start depend on it, and the name still means two things.",
            )
        if "more than 15 minutes" in look.log("late-share"):
            return Finding(
                "hidden",
                f"The number is right on this node. But {SHARE} still means two things: the next node may hold "
                "the other one. Use a name that means the new content alone.",
            )
        return Finding("broken", f"The Job still runs {SHARE}, and the node has something of that name.")
    if not job.get("status", {}).get("succeeded"):
        return Finding("broken", f"The Job with {share['image']} has not succeeded yet.")
    said = look.log("late-share").strip()
    if "more than 15 minutes" not in said:
        return Finding("hidden", f"Another name for the old content: its log says '{said[:60]}'.")
    return Finding("mended", f"{share['image'].rpartition('/')[2]} names the new rule, and nothing else")


def judge_list(look: Look) -> Finding:
    """Lab 9: did the Job itself publish October's list?"""
    job = look.get("Job", "late-list")
    if not job:
        return Finding("hidden", "The Job late-list is gone; who makes the list?")
    predict = container_of(job, "predict")
    if look.data("program") != expected(look, "ConfigMap", "program")["data"]:
        return Finding("hidden", "The program was changed, but it did what it was told. Who told it?")
    month, published = _month(look, predict), look.data("late-list")
    if month != "2013-10":
        if month is None:
            return Finding(
                "hidden",
                "The Job no longer reads its month from the ConfigMap run, so that whoever sets it there next "
                "month sets nothing. Put it right there.",
            )
        if published.get("month") == "2013-10":
            return Finding("hidden", "The list says 2013-10 because somebody wrote so; its flights are old.")
        return Finding("broken", f"The list is still about {published.get('month')}.")
    if not job.get("status", {}).get("succeeded"):
        return Finding("broken", "The Job late-list has not succeeded yet.")
    read = re.search(r"read (\d+) flights, scheduled from (\S+) to (\S+)", look.log("late-list"))
    if not read or not read[2].startswith("2013-10"):
        return Finding(
            "broken", "The ConfigMap run is right now. The list is the old one until the Job runs again."
        )
    if published.get("month") != "2013-10" or published.get("flights") != read[1]:
        return Finding("broken", "The published list is not the one that the Job made.")
    return Finding("mended", f"The list is about the {int(read[1]):,} flights from {read[2]} to {read[3]}")


def expected(look: Look, kind: str, name: str) -> dict[str, Any]:
    """Return an object as the lab's healthy manifests describe it."""
    for item in yaml.safe_load_all(LABS[look.number].healthy(look.namespace)):
        if item and (item["kind"], item["metadata"]["name"]) == (kind, name):
            return dict(item)
    return {"spec": {}, "data": {}}


def _unfinished(look: Look, job: dict[str, Any]) -> str:
    """Say how far a Job is that has not succeeded."""
    states = [
        container.get("state", {})
        for pod in look.all("Pod")
        if any(ref["uid"] == job["metadata"]["uid"] for ref in pod["metadata"].get("ownerReferences", []))
        for container in pod["status"].get("containerStatuses", [])
    ]
    if any(state.get("terminated", {}).get("exitCode") for state in states):
        return "has failed: ask its Pod how it ended, mend the manifest and replace the Job."
    if any("running" in state for state in states):
        return "is running: wait for its end (kubectl wait), then check again."
    return "has not succeeded yet, and does not run. If that lasts, the Events say what it waits for."


def plain_image(image: str) -> str:
    """Return an image's name without the registry that is meant where none is named."""
    return image.removeprefix("docker.io/")


def container_of(workload: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a container of a Deployment or Job; empty if it has none of that name."""
    containers = workload["spec"]["template"]["spec"]["containers"]
    return next((dict(container) for container in containers if container["name"] == name), {"image": ""})


def _available(deployment: dict[str, Any]) -> bool:
    """Say whether all Pods of the newest description are ready, and no others are left."""
    status, replicas = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return (
        counts == [replicas] * 3 and status.get("observedGeneration") == deployment["metadata"]["generation"]
    )


def _behind(look: Look, service: str) -> set[str]:
    """Return the Pods that a Service leads to."""
    slices = [
        item
        for item in look.all("EndpointSlice")
        if item["metadata"]["labels"].get("kubernetes.io/service-name") == service
    ]
    ends = [end for item in slices for end in item.get("endpoints") or []]
    return {end["targetRef"]["name"] for end in ends if "targetRef" in end}


def _month(look: Look, container: dict[str, Any]) -> str | None:
    """Return the month that a container is given by the ConfigMap run; empty if it is not there, None if not by it."""
    for variable in container.get("env") or []:
        reference = variable.get("valueFrom", {}).get("configMapKeyRef", {})
        if variable["name"] == "MONTH" and reference.get("name") == "run" and not reference.get("optional"):
            return look.data("run").get(reference["key"], "")
    return None


_NO_ROOM = "That it does not run is the symptom. The scheduler says why, in an Event of the Pod."

_CLAIMED = """persistentVolumeClaim:
            claimName: store"""

LABS: dict[int, Lab] = {
    1: Lab(
        complaint="The release of this morning is through, they say. The site still gets no predictions.",
        manifests=("predictions.yaml",),
        fault=(
            f"- name: serve\n          image: {IMAGE}",
            f"- name: serve\n          image: {IMAGE[:-3]}10.0",
        ),
        shows=("get pods --no-headers", "ImagePullBackOff"),
        evidence=r"0\.10\.0",
        symptoms=(
            r"imagepull|errimage|back-?off|pull",
            "ImagePullBackOff says that a pull fails and is tried again. Which image is it, to the letter?",
        ),
        hint="The Events of the Pod name the image that the node looks for. Compare it with what was built.",
        judge=judge_predictions,
    ),
    2: Lab(
        complaint="Somebody tidied up the settings last night. Since then there are no predictions.",
        manifests=("predictions.yaml",),
        fault=("value: /app/src", "value: /app"),
        shows=("get pods --no-headers", "CrashLoopBackOff +[1-9]"),
        evidence=r"no module named|modulenotfounderror|pythonpath.{0,20}/app(?!/src)",
        symptoms=(
            r"crashloop|back-?off|restart|exit|error|pythonpath",
            "CrashLoopBackOff says that a program ends again and again, and that Kubernetes waits. It is no "
            "cause. The program's own last words are in the log of the attempt before.",
        ),
        hint="The program says by itself why it ends: read the log of the attempt before (--previous).",
        judge=judge_predictions,
    ),
    3: Lab(
        complaint="The training on three months went well. The one on the whole year fails, each time alike.",
        manifests=("year.yaml",),
        fault=("memory: 1Gi", "memory: 300Mi"),
        shows=("get pods --no-headers", "OOMKilled"),
        evidence=r"oom-?killed|out of memory|\b300mi\b",
        symptoms=(
            r"backofflimit|failed|error|137",
            "That the Job failed is the symptom, and 137 says only that signal 9 ended it. The Pod keeps the reason "
            "beside the code.",
        ),
        hint="kubectl describe pod shows how the last container ended: reason and exit code.",
        judge=judge_training,
    ),
    4: Lab(
        complaint="I started a training an hour ago. It is not running, and it has not failed.",
        manifests=("train.yaml",),
        fault=("cpu: 50m", 'cpu: "50"'),
        shows=("get events", "FailedScheduling"),
        evidence=r"insufficient cpu|cpu:? *50\b|\b50 cpus?\b",
        symptoms=(r"pending|failedscheduling|nodes are available|unschedulable", _NO_ROOM),
        hint=_NO_ROOM,
        judge=judge_training,
    ),
    5: Lab(
        complaint="We moved the models to better disks. The training has been waiting ever since.",
        manifests=("claim.yaml", "train.yaml"),
        fault=("storageClassName: standard", "storageClassName: fast-ssd"),
        sized=("emptyDir: {}", _CLAIMED),
        shows=("get events", "fast-ssd.*not found"),
        evidence=r"fast-ssd",
        symptoms=(
            r"pending|unbound|persistentvolumeclaim|failedscheduling",
            "The Pod waits for its claim: that is a step back, not the cause. What does the claim wait for?",
        ),
        hint="The Pod waits for a claim; the claim has Events of its own.",
        judge=judge_training,
    ),
    6: Lab(
        complaint="The new champion was approved. The promotion is Running, and nothing is promoted.",
        manifests=("promote.yaml",),
        fault=('verbs: ["get", "patch"]', 'verbs: ["get"]'),
        shows=("logs job/promote", "forbidden"),
        evidence=r"cannot patch|\b(not|no|lacks?|without|missing|needs?)\b.{0,40}\bpatch\b"
        r"|\bpatch\b.{0,40}\b(missing|not|needed)\b",
        symptoms=(
            r"forbidden|403|running|patch",
            "Forbidden says that somebody may not do something. Who, what, and to which object? The whole line.",
        ),
        hint="The program says in its log what it is refused: who, what, and to which object.",
        judge=judge_promotion,
    ),
    7: Lab(
        complaint="The Pods are green, all of them. The site says that the predictions do not answer.",
        manifests=("predictions.yaml", "report.yaml"),
        fault=("selector:\n    app: predictions\n", "selector:\n    app: prediction\n"),
        shows=("get pods --no-headers", r"predictions-\S+ +1/1"),
        evidence=r"\bprediction\b",
        symptoms=(
            r"endpoint|<none>|no answer|unavailable|503",
            "Nobody stands behind the Service: that is the symptom. Whom does it look for? Give its selector.",
        ),
        hint="Compare what the Service looks for (its selector) with the labels of the Pods.",
        judge=judge_predictions,
    ),
    8: Lab(
        complaint="The rule for 'late' was corrected and the image rebuilt. The report shows the old number.",
        manifests=("share.yaml",),
        fault=("", ""),
        shows=("get pods --no-headers", "Completed"),
        evidence=r"already present|ifnotpresent|late_after=0|build-17|\b17: built"
        r"|sha256:[0-9a-f]{6,}.*sha256:[0-9a-f]{6,}",
        symptoms=(
            r"more than 0|old|wrong number|0 minutes",
            "The old number is the symptom. Where did the node get its image from? An Event of the Pod says it.",
        ),
        hint="An Event of the Pod says where the node got its image from.",
        judge=judge_share,
    ),
    9: Lab(
        complaint="The call centre's list for October is there on time. The predictions are from last month.",
        manifests=("late-list.yaml",),
        fault=('MONTH: "2013-10"', 'MONTH: "2013-09"'),
        shows=("get pods --no-headers", "Completed"),
        evidence=r"(?=.*2013-09)(?=.*(scheduled|read|month|run))",
        symptoms=(
            r"complete|green|succe|last month|september|no error",
            "Green says that the program ended without an error. Which flights did it read? Its log says so.",
        ),
        hint="The Job says in its log which flights it read, and its manifest says where it takes the month from.",
        judge=judge_list,
    ),
    10: Lab(
        complaint="We only renamed a parameter. Now the training does not start.",
        manifests=("train.yaml",),
        fault=('MONTH: "2013-02"', 'RUN_MONTH: "2013-02"'),
        shows=("get pods --no-headers", "CreateContainerConfigError"),
        evidence=r"find key month|run_month",
        symptoms=(
            r"createcontainerconfigerror|config|error|pending",
            "CreateContainerConfigError says that something which the container is given is not there. Which?",
        ),
        hint="The Events of the Pod name what the container is to be given and is not there.",
        judge=judge_training,
    ),
    11: Lab(
        complaint="The predictions have been running for an hour, without a restart. Nobody has got one.",
        manifests=("predictions.yaml",),
        fault=("path: /readyz\n              port: 8080", "path: /readyz\n              port: 8000"),
        shows=("get events", "Readiness probe failed"),
        evidence=r"\b8000\b",
        symptoms=(
            r"readiness|probe|not ready|0/1|refused",
            "That the Pod is not ready is the symptom. What is it asked, and where does it listen?",
        ),
        hint="The Events of the Pod say what its readiness probe asks, and gets.",
        judge=judge_predictions,
    ),
    12: Lab(
        complaint="The training was started, says Airflow. I see no Pod at all.",
        manifests=("quota.yaml", "train.yaml"),
        fault=("cpu: 50m", "cpu: 500m"),
        shows=("get events", "exceeded quota"),
        evidence=r"exceeded quota|quota.*cpu|cpu.*quota",
        symptoms=(
            r"failedcreate|no pod|forbidden|not found",
            "That there is no Pod is the symptom. Who should have made it, and what was it told?",
        ),
        hint="A Pod that does not exist has no Events. The object that makes the Pods has.",
        judge=judge_training,
    ),
}
