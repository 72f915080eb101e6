"""What a lab would be after changes that a recorded cluster cannot show: judged by what is written, not by what ran."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from chapter_10.labs.faults import IMAGE, LABS, NEW, OLD, SHARE, Finding, container_of, expected, plain_image
from chapter_10.labs.look import Look
from companion.recorded import rights
from companion.recorded.objects import Object, amount
from companion.recorded.recording import Entry, Key
from companion.recorded.state import PLURALS

Wish = tuple[str, Key, Object | None]  # create, update or delete; of what; the object that shall be there
# What a program takes at its most (bytes): a smaller limit, and it is killed.
NEEDS = {"predictions": 30 << 20, "report": 20 << 20, "train": 340 << 20, "promote": 20 << 20}
NEEDS |= {"late-share": 100 << 20, "late-list": 150 << 20}
YEAR = 370 << 20
ENDED = ("Succeeded", "Failed")
KINDS = PLURALS | {
    "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
    "ClusterRoleBinding": "clusterrolebindings.rbac.authorization.k8s.io",
    "ResourceQuota": "resourcequotas",
}


class Paper(Look):
    """A lab's namespace as it would be.

    Parameters
    ----------
    number
        The lab.
    wishes
        The changes that were refused since no recording holds them.
    """

    def __init__(self, number: int, wishes: list[Wish]) -> None:
        super().__init__(number)
        self._anew = any(verb == "create" and key.resource == KINDS["Job"] for verb, key, _ in wishes)
        self._room = self._free_cpu()
        for verb, key, thing in wishes:
            kind = next((kind for kind, plural in KINDS.items() if plural == key.resource), key.resource)
            if verb == "delete" or thing is None:
                self._objects.pop((kind, key.name), None)
            else:
                self._objects[kind, key.name] = {**thing, "status": {}}
        self._cluster = [*self._everywhere(), *self._objects.values()]

    def _everywhere(self) -> Iterator[Object]:
        """Yield the roles and bindings of the whole cluster."""
        found = self._shell.ask_kubectl("get", "clusterroles,clusterrolebindings", "-o", "json")
        yield from json.loads(found)["items"]

    def _free_cpu(self) -> Decimal:
        """Return how many cores are left for this namespace's Pods on the node that has most."""
        found = self._shell.ask_kubectl("get", "nodes,pods", "-A", "-o", "json")
        free: dict[str, Decimal] = {}
        for thing in json.loads(found)["items"]:
            if thing["kind"] == "Node":
                name, cores = thing["metadata"]["name"], amount(thing["status"]["allocatable"]["cpu"])
            elif thing["metadata"]["namespace"] == self.namespace or thing["status"]["phase"] in ENDED:
                continue
            else:
                name = thing["spec"].get("nodeName", "")
                cores = -sum(_requests(each).get("cpu") or 0 for each in thing["spec"]["containers"])
            free[name] = free.get(name, Decimal(0)) + cores
        return max(free.values())

    def finding(self) -> Finding:
        """Judge it: what would not run is broken, all else runs and does what it says."""
        stops = next(self._stops(), "")
        if stops:
            return Finding("broken", stops)
        for thing in (*self.all("Deployment"), *self.all("Job")):
            replicas = thing["spec"].setdefault("replicas", 1)
            done = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
            thing["metadata"]["generation"] = 1
            idle = thing["spec"].get("suspend") or self._refused(thing)
            thing["status"] = {**done, "observedGeneration": 1} | ({} if idle else {"succeeded": 1})
        if self.number == 6 and self.may(self._account(), "patch", "configmaps/champion"):
            self._objects["ConfigMap", "champion"]["data"] = {"month": "2013-09"}
        if self.number == 9 and self._anew:
            self._objects["ConfigMap", "late-list"]["data"] = {"month": self._month(), "flights": "1"}
        return LABS[self.number].judge(self)

    def _account(self) -> str:
        job = self.get("Job", "promote") or {"spec": {"template": {"spec": {}}}}
        return str(job["spec"]["template"]["spec"].get("serviceAccountName", "default"))

    def _refused(self, thing: Object) -> bool:
        promotes = thing["metadata"]["name"] == "promote"
        return promotes and not self.may(self._account(), "patch", "configmaps/champion")

    def _month(self) -> str:
        return self.data("run").get("MONTH", "")

    # --- what would not run

    def _stops(self) -> Iterator[str]:
        """Yield why something would not run."""
        for thing in (*self.all("Deployment"), *self.all("Job")):
            name, spec = thing["metadata"]["name"], thing["spec"]["template"]["spec"]
            containers = [*(spec.get("initContainers") or []), *spec["containers"]]
            for container in containers:
                yield from self._stops_container(name, container)
            yield from self._stops_pod(name, spec, containers)
        for claim in self.all("PersistentVolumeClaim"):
            if claim["spec"].get("storageClassName", "standard") != "standard":
                yield f"No StorageClass {claim['spec']['storageClassName']!r} is on this cluster."

    def _stops_container(self, name: str, container: Object) -> Iterator[str]:
        if plain_image(container["image"]) not in (IMAGE, SHARE, OLD, NEW):
            yield f"The node has no image {container['image']}, and nobody to pull it from."
        for variable in container.get("env") or []:
            key = (variable.get("valueFrom") or {}).get("configMapKeyRef") or {}
            if key and not key.get("optional") and key["key"] not in self.data(key["name"]):
                yield f"The ConfigMap {key['name']} holds no {key['key']}."
            if variable["name"] == "PYTHONPATH" and "/app/src" not in str(variable.get("value")).split(":"):
                yield f"Python looks in {variable.get('value')}, and the code lies in /app/src."
        limit = amount(((container.get("resources") or {}).get("limits") or {}).get("memory", "1Ti"))
        needs = NEEDS.get(name, 0)
        if self.number == 3:  # fewer months are told apart by their month
            whole = expected(self, "ConfigMap", "run")["data"]["MONTH"]
            needs = YEAR if self._month() == whole else 0
        if limit is None or limit < needs:
            yield f"With its limit {name} would be killed: it takes some {needs >> 20} MB."
        probe = container.get("readinessProbe") or {}
        named = {port.get("name"): port["containerPort"] for port in container.get("ports") or []}
        port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port", 8080)
        if named.get(port, port) != 8080:
            yield f"The readiness probe asks port {port}, and the program listens on 8080."

    def _stops_pod(self, name: str, spec: Object, containers: list[Object]) -> Iterator[str]:
        asked = {
            what: sum(_requests(each).get(what) or 0 for each in containers) for what in ("cpu", "memory")
        }
        if asked["cpu"] > self._room or asked["memory"] > 8 << 30:
            yield (
                f"No node has room for {name}, which requests cpu {asked['cpu']:f}: "
                f"what runs there leaves {self._room:f}."
            )
        quota = self.get("ResourceQuota", "platform")
        for what, most in ((quota or {"spec": {"hard": {}}})["spec"]["hard"]).items():
            for each in containers:
                if _requests(each).get(what.removeprefix("requests.")) is None:
                    yield f"The quota counts {what}, and {name} says nothing of it."
            if asked.get(what.removeprefix("requests."), 0) > (amount(most) or 0):
                yield f"exceeded quota: {name} asks for more than {what}={most}."
        for volume in spec.get("volumes") or []:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim and not self.get("PersistentVolumeClaim", claim):
                yield f"There is no claim {claim}."

    # --- what it would answer

    def log(self, job: str) -> str:
        """Return what the program would print."""
        if job == "late-list":
            if not self._anew:
                return super().log(job)
            return f"read 1 flights, scheduled from {self._month()}-01 to {self._month()}-30"
        image = plain_image(container_of(self.get("Job", job) or {}, job)["image"])
        return f"late means more than {15 if image == NEW else 0} minutes"

    def ask_service(self, path: str) -> str:
        """Return what the Service would answer."""
        service, deployment = self.get("Service", "predictions"), self.get("Deployment", "predictions")
        ports = (service or {"spec": {}})["spec"].get("ports") or []
        listens = [port.get("targetPort", port["port"]) for port in ports if port["port"] == 80]
        named = {
            port.get("name"): port["containerPort"]
            for port in container_of(deployment or {}, "serve").get("ports") or []
        }
        leads = [named.get(port, port) for port in listens] == [8080]
        return json.dumps({"month": "2013-09"} if leads else {})

    def may(self, account: str, verb: str, what: str) -> bool:
        """Say whether an account might do something."""
        resource, _, name = what.partition("/")
        question = rights.Question(verb, "" if resource != "*" else "*", resource, self.namespace, name)
        user = f"system:serviceaccount:{self.namespace}:{account}"
        return rights.allowed(_Rights(self._cluster), user, question)


class _Rights:
    """Roles and bindings, as `companion.recorded.rights` asks for them."""

    def __init__(self, things: list[Object]) -> None:
        self._entries = [Entry(_key(thing), thing) for thing in things if thing.get("kind") in KINDS]

    def of(self, resource: str, namespace: str = "") -> list[Entry]:
        return [
            each
            for each in self._entries
            if each.key.resource == resource and namespace in ("", each.key.namespace)
        ]

    def get(self, key: Key) -> Entry | None:
        return next((each for each in self._entries if each.key == key), None)


def _key(thing: Object) -> Key:
    metadata = thing["metadata"]
    return Key(KINDS[thing["kind"]], metadata.get("namespace", ""), metadata["name"])


def _requests(container: Object) -> dict[str, Any]:
    """Return what a container requests, as numbers: what it is limited to where it does not say."""
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {what: amount(value) for what, value in asked.items()}
