"""Kubeflow Pipelines while it is recorded: what is going on there, asked through the cluster's API."""

import json
from collections.abc import Iterator
from typing import Any

from authoring.upstream import Upstream
from companion.recorded import kubeflow
from companion.recorded.kubeflow import KINDS, Kind
from companion.recorded.objects import Object
from companion.recorded.recording import Entry, Key, Step
from companion.recorded.state import RUNS

ADDRESS = "/".join([kubeflow.ADDRESS, *kubeflow.PREFIX])
# The states in which nothing more comes.
ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")


class Pipelines:
    """Asks Kubeflow Pipelines.

    Parameters
    ----------
    upstream
        The cluster that it runs on.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.begun: set[str] = set()  # the runs and schedules of whom is recorded, by id
        self._ended: dict[str, Entry] = {}
        # What was uploaded for each version: the API gives it back in other words.
        self._specs: dict[str, Object] = {}

    def version(self) -> str:
        """Return Kubeflow's version."""
        return str(self._ask("GET", "healthz")["tag_name"])

    def listed(self, plural: str) -> list[Entry]:
        """Return all things of one of the `KINDS`."""
        return [kubeflow.entry_of(KINDS[plural].resource, each) for each in self._all(plural)]

    def going_on(self) -> Iterator[Entry]:
        """Yield what changes by itself: the schedules, and the runs with all their details; not those of others."""
        yield from (entry for entry in self.listed("recurringruns") if entry.key.name in self.begun)
        for each in self._all("runs"):
            name = each["run_id"]
            if name not in self.begun and each.get("recurring_run_id") not in self.begun:
                continue
            self.begun.add(name)
            if name not in self._ended:
                entry = kubeflow.entry_of(RUNS, self._ask("GET", f"runs/{name}"))
                if entry.object["status"].get("state") in ENDED:
                    self._ended[name] = entry
                yield entry
            else:
                yield self._ended[name]

    def steps(
        self, method: str, path: list[str], content: bytes, code: int, body: bytes, moment: float
    ) -> Iterator[Step]:
        """Yield what a request has changed, if that has to be recorded or ends something."""
        if code >= 400 or path[:2] != kubeflow.PREFIX:
            return
        match method, path[2:]:
            case "POST", ["pipelines", "upload" | "upload_version"]:
                self._keep(json.loads(body), content)
            case "POST", ["runs" | "recurringruns" as plural]:
                kind = KINDS[plural]
                thing = kubeflow.begun(kind.resource, json.loads(content), self._specs)
                name = json.loads(body)[kind.id]
                self.begun.add(name)
                yield self._step("create", kind, name, thing, moment)
            case "POST", ["recurringruns", asked] if asked.partition(":")[0] in self.begun:
                # Enabled or disabled: what follows comes of that, and not of the schedule's making.
                yield self._step("update", KINDS["recurringruns"], asked.partition(":")[0], None, moment)
            case "DELETE", ["runs" | "recurringruns" as plural, name] if name in self.begun:
                yield self._step("delete", KINDS[plural], name, None, moment)

    @staticmethod
    def _step(verb: str, kind: Kind, name: str, thing: Object | None, moment: float) -> Step:
        return Step(verb, Key(kind.resource, kubeflow.NAMESPACE, name), thing, moment)

    def _keep(self, made: Object, content: bytes) -> None:
        # Its boundary is the first line of a body of several parts.
        boundary = content.partition(b"\r\n")[0].removeprefix(b"--").decode()
        spec = kubeflow.uploaded(f"multipart/form-data; boundary={boundary}", content)
        made_here = [made]
        if "pipeline_version_id" not in made:  # the first version came with the pipeline
            made_here = self._ask("GET", f"pipelines/{made['pipeline_id']}/versions")["pipeline_versions"]
        self._specs |= {each["pipeline_version_id"]: spec for each in made_here}

    def _all(self, plural: str) -> list[Any]:
        return list(self._ask("GET", f"{plural}?page_size=200").get(KINDS[plural].listed) or [])

    def _ask(self, method: str, path: str) -> Any:
        with self.upstream.open(method, f"{ADDRESS}/{path}", b"", {}) as response:
            return json.loads(response.read() or b"{}")
