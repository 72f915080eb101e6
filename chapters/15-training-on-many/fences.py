"""What the exercises of 15.4 ask for: which policy stands between two workers, and one that lets them meet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chapter_15 import trainjobs
from companion.cluster.shell import at_recorded_cluster
from companion.policies import Pod, Policy, PolicyError, entries, lets_in, policies_in
from companion.recorded import serve

SPACE, PORT, HOUSE_PORT = "flights-fenced", 29500, 8080
GIVEN = policies_in((Path(__file__).parent / "manifests" / "house-rule.yaml").read_text(encoding="utf-8"))
FOUND = {"policy": GIVEN[0]["metadata"]["name"], "lets in": HOUSE_PORT, "from": 1, "to": 0, "port": PORT}


def worker(rank: int, training: str = "fenced", space: str = SPACE) -> Pod:
    """Return where a worker is, and the labels that it has on this cluster."""
    job = f"{training}-node-0"
    return space, {
        "batch.kubernetes.io/job-completion-index": str(rank),
        "batch.kubernetes.io/job-name": job,
        "job-name": job,
        "jobset.sigs.k8s.io/job-index": "0",
        "jobset.sigs.k8s.io/jobset-name": training,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
    }


ZERO, ONE = worker(0), worker(1)
REPORT: Pod = (SPACE, {"app": "report"})
STRANGERS = {
    "any Pod of the namespace": (SPACE, {}),
    "a Pod of the namespace that is no worker": REPORT,
    "the workers of another training": worker(1, "another"),
    "Pods of other namespaces": ("flights-workers", {"app": "report"}),
    "a Pod of another namespace with the same labels": worker(1, space="flights-workers"),
}


def check_found(answer: Any) -> str:
    """Say what is wrong with what was found, or nothing."""
    if not isinstance(answer, Mapping) or set(answer) != set(FOUND):
        return f"The answer is a dict with the keys {', '.join(FOUND)}."
    given = {key: str(value).strip().lower() for key, value in answer.items()}
    if (given["from"], given["to"]) != ("1", "0"):
        return "Who opens the connection, and who waits at the door? meeting.py says it: rank 0 is at DMLC_TRACKER_URI."
    if given["policy"].rpartition("/")[2] != FOUND["policy"]:
        return "`kubectl get networkpolicies` in the namespace lists them by name: which one selects the workers?"
    if given["port"].removesuffix("/tcp") != str(PORT):
        return "Not the port at which rank 0 waits: the workers are told it in DMLC_TRACKER_PORT."
    if given["lets in"].removesuffix("/tcp") != str(HOUSE_PORT):
        return (
            '`kubectl describe networkpolicy` says, under "Allowing ingress traffic", which port is let in.'
        )
    return ""


def check_mended(answer: Any) -> str:
    """Return what the answer proves.

    Raises
    ------
    Refused
        If the policies do not let the workers meet, or let in more; or if the log shows no end.
    """
    if not isinstance(answer, Mapping) or not {"manifest", "log"} <= set(answer):
        raise trainjobs.Refused(
            'The answer is a dict with the file\'s text and the log: {"manifest": …, "log": …}.'
        )
    try:
        policies = policies_in(str(answer["manifest"]))
    except PolicyError as error:
        raise trainjobs.Refused(str(error)) from None
    # A file may leave the namespace to "kubectl apply -n".
    policies = [{**each, "metadata": {"namespace": SPACE, **each["metadata"]}} for each in policies]
    names = {each["metadata"]["name"] for each in policies}
    policies += [each for each in GIVEN if each["metadata"]["name"] not in names]  # it is still there
    if hint := _of(policies):
        raise trainjobs.Refused(hint)
    log = answer["log"] if isinstance(answer["log"], str) else "\n".join(map(str, answer["log"] or []))
    wished = any(key.resource.startswith("networkpolicies") for _, key, _ in serve.unknown(SPACE))
    if not log.strip() and at_recorded_cluster() and wished:
        return trainjobs.UNSEEN
    return trainjobs.check_log(log, "fenced", 2)


def _of(policies: list[Policy]) -> str:
    """Say what is wrong with the policies, or nothing."""
    if any(each["metadata"]["namespace"] != SPACE for each in policies):
        return f"A policy does not lie in {SPACE}: it belongs to the namespace of the Pods that it protects."
    if any("ipBlock" in each for each in entries(policies, "from")):
        return "An ipBlock lets in whoever has such an address; a new Pod has a new one. Workers are told by labels."
    for each in policies:
        types = each["spec"].get("policyTypes") or (["Egress"] if each["spec"].get("egress") else [])
        if "Egress" in types and {} not in (each["spec"].get("egress") or []):
            return "Egress was free, and a policy of yours says now whom the Pods may call: Ingress is enough here."
    if not lets_in(policies, ZERO, ONE, PORT):
        if any(
            each.get("port") == PORT and each.get("protocol") == "UDP" for each in entries(policies, "ports")
        ):
            return "The port is opened for UDP, and the workers speak TCP."
        if lets_in(policies, ZERO, worker(1, "two"), PORT) or lets_in(
            policies, ZERO, worker(1, "another"), PORT
        ):
            return "Workers of another training may come in, and those of `fenced` may not: look at its Pods' labels."
        return (
            f"Rank 1 still does not reach rank 0 at port {PORT}: does the rule name this port and these Pods?"
        )
    for who, source in STRANGERS.items():
        if lets_in(policies, ZERO, source, PORT):
            return f"At port {PORT} {who} may come in now, too. Only the workers of `fenced` were asked for."
    others = {1, 22, 80, 29400, 29501, PORT - 1, 65535} | {
        each[name]
        for each in entries(policies, "ports")
        for name in ("port", "endPort")
        if isinstance(each.get(name), int)
    }
    for port in sorted(others - {PORT, HOUSE_PORT}):
        if any(lets_in(policies, ZERO, source, port) for source in (ONE, *STRANGERS.values())):
            return f"Port {port} of a worker is open now, too: {PORT} was asked for, beside {HOUSE_PORT}."
    if lets_in(policies, REPORT, STRANGERS["Pods of other namespaces"], PORT + 1):
        return (
            "The house's rule holds no more for the Pods that are no workers: leave its podSelector as it is."
        )
    if not all(lets_in(policies, one, REPORT, HOUSE_PORT) for one in (ZERO, REPORT)):
        return (
            f"Port {HOUSE_PORT} is shut now, which the house keeps open: add to its rule, take nothing away."
        )
    return ""
