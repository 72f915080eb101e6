"""What the exercises of 15.4 ask for: which policy stands between two workers, and one that lets them meet."""

import hashlib
import re
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
ZEROS = ("job-index", "job-global-index", "job-group-index", "priority", "restart-attempt")
ONES = ("global-replicas", "group-replicas", "replicatedjob-replicas")


def worker(rank: int, training: str = "fenced", space: str = SPACE) -> Pod:
    """Return where a worker is, and the labels that it has on this cluster."""
    job = f"{training}-node-0"
    return space, {
        "batch.kubernetes.io/job-completion-index": str(rank),
        "batch.kubernetes.io/job-name": job,
        "job-name": job,
        **dict.fromkeys((f"jobset.sigs.k8s.io/{name}" for name in ZEROS), "0"),
        **dict.fromkeys((f"jobset.sigs.k8s.io/{name}" for name in ONES), "1"),
        "jobset.sigs.k8s.io/group-name": "default",
        "jobset.sigs.k8s.io/job-key": hashlib.sha1(f"{space}/{job}".encode()).hexdigest(),
        "jobset.sigs.k8s.io/jobset-name": training,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
    }


ZERO, ONE = worker(0), worker(1)
REPORT: Pod = (SPACE, {"app": "report"})
STRANGERS: dict[str, Pod] = {
    "any Pod of the namespace": (SPACE, {}),
    "a Pod of the namespace that is no worker": REPORT,
    "the workers of another training": worker(1, "another"),
    "rank 0 of another training": worker(0, "another"),
    "the workers of the training `two`": worker(1, "two"),
    "Pods of other namespaces": ("flights-workers", {"app": "report"}),
    "a Pod of another namespace with the same labels": worker(1, space="flights-workers"),
    "whoever is outside of the cluster": (None, {}),
}
EVERYBODY = (ZERO, ONE, *STRANGERS.values())


def _plain(value: Any) -> str:
    """Return what was found as a text: "rank 1" is 1, "8080/TCP" and a list with this one port are 8080."""
    text = str(value).strip().lower().strip("[]() ,'")
    return re.sub(r"^(?:rank|tcp)\W*(?=\d+$)|(?<=\d)\W*tcp$", "", text)


def check_found(answer: Any) -> str:
    """Say what is wrong with what was found, or nothing."""
    if not isinstance(answer, Mapping) or set(answer) != set(FOUND):
        return f"The answer is a dict with the keys {', '.join(FOUND)}."
    given = {key: _plain(value) for key, value in answer.items()}
    if (given["from"], given["to"]) != ("1", "0"):
        return "Who opens the connection, and who waits at the door? meeting.py says it: rank 0 is at DMLC_TRACKER_URI."
    if given["policy"].rpartition("/")[2] != FOUND["policy"]:
        return "`kubectl get networkpolicies` in the namespace lists them by name: which one selects the workers?"
    if given["port"] != str(PORT):
        return "Not the port at which rank 0 waits: the workers are told it in DMLC_TRACKER_PORT."
    if given["lets in"] != str(HOUSE_PORT):
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
    protocols = [each.get("protocol") or "TCP" for each in entries(policies, "ports")]
    if other := [each for each in protocols if each != "TCP"]:
        return f"A port is opened for {other[0]}. The workers speak TCP, and the house lets in nothing else."
    if not lets_in(policies, ZERO, ONE, PORT):
        if "-uid" in str(list(entries(policies, "from"))):
            return (
                "A label with a uid is another one as soon as the training is made anew: take one that stays."
            )
        if any(lets_in(policies, ZERO, worker(1, name), PORT) for name in ("two", "another")):
            return "Workers of another training may come in, and those of `fenced` may not: look at its Pods' labels."
        return (
            f"Rank 1 still does not reach rank 0 at port {PORT}: does the rule name this port and these Pods?"
        )
    return _too_much_or_too_little(policies)


def _too_much_or_too_little(policies: list[Policy]) -> str:
    """Say who else comes in now, or no more, where the workers meet; or nothing."""
    for who, source in STRANGERS.items():
        if any(lets_in(policies, target, source, PORT) for target in (ZERO, ONE, REPORT)):
            return f"At port {PORT} {who} may come in now, too. Only the workers of `fenced` were asked for."
    others = {1, 22, 80, 29400, 29501, PORT - 1, 65535} | {
        each[name]
        for each in entries(policies, "ports")
        for name in ("port", "endPort")
        if isinstance(each.get(name), int)
    }
    for port in sorted(others - {PORT, HOUSE_PORT}):
        if any(lets_in(policies, to, source, port) for to in (ZERO, ONE, REPORT) for source in EVERYBODY):
            return f"Port {port} of a worker is open now, too: {PORT} was asked for, beside {HOUSE_PORT}."
    if any(
        not lets_in(policies, to, source, HOUSE_PORT) for to in (ZERO, ONE, REPORT) for source in EVERYBODY
    ):
        return f"Port {HOUSE_PORT} is no more open to all, as the house has it: add to its rule, take nothing away."
    return ""
