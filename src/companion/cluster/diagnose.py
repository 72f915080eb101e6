"""When Kubeflow does not come up: the evidence in a folder, and the likely cause in a sentence."""

import datetime
from collections import Counter
from typing import Any

from companion import causes
from companion.causes import cause_in
from companion.cluster import settings
from companion.cluster.shell import Shell

# They say that something fails, but not why; the message beside them does.
PULL = {"ErrImagePull", "ImagePullBackOff"}


def diagnose(shell: Shell, pods: list[dict[str, Any]]) -> str:
    """Collect what explains the Pods that do not run.

    Returns
    -------
    str
        What is wrong with how many Pods, the likely cause, and where the evidence is.
    """
    folder = settings.STATE / f"diagnosis-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    (folder / "logs").mkdir(parents=True)
    for name, arguments in {
        "pods.txt": ["get", "pods", "-o", "wide"],
        "events.txt": ["get", "events", "--sort-by=.lastTimestamp"],
        "describe.txt": ["describe", "pods"],
        "objects.txt": ["get", "deployments,services,persistentvolumeclaims"],
        "nodes.txt": ["describe", "nodes"],
    }.items():
        (folder / name).write_text(shell.try_kubectl("-n", "kubeflow", *arguments), encoding="utf-8")
    reasons: list[str] = []
    messages: list[str] = []
    logs: list[str] = []
    for pod in pods:
        wrong = what_is_wrong(pod)
        if not wrong:
            continue
        name = pod["metadata"]["name"]
        last = ["logs", name, "--all-containers", "--prefix", "--tail=200"]
        log = shell.try_kubectl("-n", "kubeflow", *last)
        if any(reason == "CrashLoopBackOff" for reason, _ in wrong):
            log += "\n--- before the last restart\n" + shell.try_kubectl(
                "-n", "kubeflow", *last, "--previous"
            )
        (folder / "logs" / f"{name}.txt").write_text(log, encoding="utf-8")
        reasons += [reason for reason, _ in wrong]
        messages += [message for _, message in wrong]
        logs.append(log)
    counted = ", ".join(f"{count} × {reason}" for reason, count in Counter(reasons).most_common())
    events = (folder / "events.txt").read_text(encoding="utf-8")
    cause = likely_cause(reasons, "\n".join(messages), "\n".join(logs), events)
    where = folder.relative_to(settings.STATE.parents[1])
    return (
        f"Pods: {counted or 'none is in trouble, they are slow'}.\nLikely cause: {cause}\nEvidence: {where}"
    )


def what_is_wrong(pod: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a Pod says of its trouble: reasons, each with its message."""
    status = pod["status"]
    found = [
        (condition.get("reason", "Pending"), condition.get("message", ""))
        for condition in status.get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    if status.get("reason"):  # such as Evicted
        found.append((status["reason"], status.get("message", "")))
    for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
        waiting = container["state"].get("waiting", {})
        if waiting.get("reason") and waiting["reason"] not in ("PodInitializing", "ContainerCreating"):
            reason = waiting["reason"]
            found.append(("ImagePullBackOff" if reason in PULL else reason, waiting.get("message", "")))
        for state in (container["state"], container.get("lastState", {})):
            if state.get("terminated", {}).get("reason") == "OOMKilled":
                found.append(("OOMKilled", f"{container['name']} was killed for using too much memory"))
    return found


def likely_cause(reasons: list[str], messages: str, logs: str, events: str) -> str:
    """Name the most likely cause of what was found, with what to do."""
    said = " ".join(reasons)
    return (
        cause_in(said, causes.POD)
        or cause_in(messages, causes.CLUSTER)
        or cause_in(logs, causes.MACHINE)
        or cause_in(said, causes.CONTAINER)
        # Last, since events tell of troubles that are over as well.
        or cause_in(events, causes.CLUSTER)
        or "none that is known; it may only be slow: run the command again."
    )
