"""What the labs know of the cluster: every question goes through kubectl, so that it can be recorded."""

import json
from collections.abc import Iterator
from typing import Any

from companion.cluster.shell import Shell

KINDS = (
    "deployments,jobs,pods,services,endpointslices,configmaps,persistentvolumeclaims,resourcequotas,"
    "roles,rolebindings"
)


class Quiet(Shell):
    """The book's only way to its cluster, without showing the commands: a fault has to be found."""

    def say(self, text: str) -> None:
        """Say nothing."""


class Look:
    """One look at the namespace of a lab.

    Parameters
    ----------
    number
        The lab.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.namespace = f"flights-lab-{number}"
        self._shell = Quiet()
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}
        found = json.loads(self._shell.ask_kubectl("get", KINDS, "-n", self.namespace, "-o", "json"))
        for item in found["items"]:
            self._objects[item["kind"], item["metadata"]["name"]] = item

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, or None."""
        return self._objects.get((kind, name))

    def all(self, kind: str) -> Iterator[dict[str, Any]]:
        """Return all objects of a kind."""
        return (item for (found, _), item in self._objects.items() if found == kind)

    def data(self, name: str) -> dict[str, str]:
        """Return what a ConfigMap holds; empty if it is not there."""
        return dict((self.get("ConfigMap", name) or {}).get("data") or {})

    def log(self, job: str) -> str:
        """Return the log of a Job's Pod, or what kubectl says instead."""
        return self._shell.try_kubectl("logs", "-n", self.namespace, f"job/{job}")

    def ask_service(self, path: str) -> str:
        """Return what the Service of the predictions answers, asked through the cluster's API."""
        return self._shell.try_kubectl(
            "get", "--raw", f"/api/v1/namespaces/{self.namespace}/services/predictions:80/proxy{path}"
        )

    def may(self, account: str, verb: str, what: str) -> bool:
        """Say whether a ServiceAccount of the namespace may do something in it."""
        answer = self._shell.try_kubectl(
            "auth", "can-i", verb, what, "-n", self.namespace, f"--as=system:serviceaccount:{self.namespace}:{account}"
        )  # fmt: skip
        return answer.strip().splitlines()[-1:] == ["yes"]
