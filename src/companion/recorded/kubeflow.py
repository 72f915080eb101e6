"""Kubeflow Pipelines on a recorded cluster: what `kfp.Client` asks of the API ``v2beta1``, answered from recorded runs.

What runs (a run, a schedule) is found among the recorded ones by what it runs and with which arguments
(`begun`); experiments, pipelines and versions are only kept, and need no recording. All lie in the recorded cluster
beside its Pods, so that time goes on for both together.
"""

import email
import email.policy
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

from companion.recorded.objects import Object
from companion.recorded.recording import Entry, Key, written
from companion.recorded.state import CACHE, EXPERIMENTS, PIPELINES, RECURRING_RUNS, RUNS, VERSIONS
from companion.recorded.world import TEXT, NotRecorded, World

NAMESPACE = "kubeflow"
# Where the API is, asked through the cluster's own.
SERVICE = re.compile(r"ml-pipeline(:\w+)?")
ADDRESS = f"/api/v1/namespaces/{NAMESPACE}/services/ml-pipeline:8888/proxy"
PREFIX = ["apis", "v2beta1"]
HEALTH = {
    "apiServerReady": True,
    "apiServerMultiUser": False,
    "multi_user": False,
    "pipelineStore": "database",
}
ACCOUNT = "pipeline-runner"
PAGE = 20
# gRPC's codes, by HTTP's.
CODES = {400: 3, 404: 5, 409: 6, 500: 13, 501: 12}
LIVE = "A live cluster (make cluster-up, make cluster-kfp) can."


class KubeflowError(Exception):
    """Kubeflow refuses a request: HTTP's code, and what it says."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        number = CODES[code]
        detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": number, "message": message}
        self.answer = {"code": number, "message": message, "details": [detail]}


class Kind(NamedTuple):
    """One kind of thing that the API keeps."""

    resource: str
    id: str  # the field with its id
    listed: str  # the field of a list
    called: str  # by the API's errors


KINDS = {
    "experiments": Kind(EXPERIMENTS, "experiment_id", "experiments", "Experiment"),
    "pipelines": Kind(PIPELINES, "pipeline_id", "pipelines", "Pipeline"),
    "versions": Kind(VERSIONS, "pipeline_version_id", "pipeline_versions", "PipelineVersion"),
    "runs": Kind(RUNS, "run_id", "runs", "Run"),
    "recurringruns": Kind(RECURRING_RUNS, "recurring_run_id", "recurringRuns", "Job"),
}


# --- what tells one run from another


def begun(resource: str, body: Object, specs: dict[str, Object]) -> Object:
    """Return a run or a schedule that somebody asks for as an object: what tells it from others is its spec.

    Parameters
    ----------
    resource
        `RUNS` or `RECURRING_RUNS`.
    body
        The request.
    specs
        The compiled pipelines of the versions that are there, by id.
    """
    reference = body.get("pipeline_version_reference") or {}
    spec = body.get("pipeline_spec") or specs.get(reference.get("pipeline_version_id", "")) or {}
    spec = spec if "pipeline_spec" in spec else {"pipeline_spec": spec}
    asked: Object = {
        "pipeline": spec["pipeline_spec"].get("pipelineInfo", {}).get("name", ""),
        TEXT: hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16],
        "parameters": (body.get("runtime_config") or {}).get("parameters") or {},
        "account": body.get("service_account") or ACCOUNT,
        "claims": sorted(set(_named(spec, "pvcMount"))),
        "secrets": sorted({*_named(spec, "secretAsEnv"), *_named(spec, "secretAsVolume")}),
    }
    if resource == RECURRING_RUNS:
        asked |= {
            "trigger": body.get("trigger") or {},
            "max_concurrency": str(body.get("max_concurrency") or ""),
            "no_catchup": bool(body.get("no_catchup")),
        }
    # Not part of what it is: what it is called, and where it is put.
    notes = {"display_name": body.get("display_name") or "", "experiment": body.get("experiment_id") or ""}
    notes |= {name: reference[name] for name in ("pipeline_id", "pipeline_version_id") if name in reference}
    notes |= {} if _asks_the_cache(spec["pipeline_spec"]) else {CACHE: "not asked"}
    return {
        "kind": "Run" if resource == RUNS else "RecurringRun",
        "metadata": {"annotations": notes},
        "spec": asked,
    }


def _asks_the_cache(spec: Object) -> bool:
    """Say whether a step of a compiled pipeline may take its results from another run; an importer has none."""
    components = spec.get("components") or {}
    executors = (spec.get("deploymentSpec") or {}).get("executors") or {}
    for each in (spec.get("root") or {}, *components.values()):
        for task in ((each.get("dag") or {}).get("tasks") or {}).values():
            label = components.get(task["componentRef"]["name"], {}).get("executorLabel")
            may = (task.get("cachingOptions") or {}).get("enableCache")
            if may and "container" in executors.get(label, {}):
                return True
    return False


def _named(part: Any, field: str) -> Iterator[str]:
    """Yield the names of the claims or secrets that a compiled pipeline uses."""
    if isinstance(part, list):
        for each in part:
            yield from _named(each, field)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == field:
                for each in value:
                    given = each.get("pvcNameParameter") or each.get("secretNameParameter") or {}
                    yield str(
                        (given.get("runtimeValue") or {}).get("constant")
                        or each.get("constant")
                        or each.get("secretName")
                        or ""
                    )
            else:
                yield from _named(value, field)


def entry_of(resource: str, thing: Object) -> Entry:
    """Return a run or another thing of Kubeflow's, as its API tells it, as an object of the cluster."""
    kind = next(each for each in KINDS.values() if each.resource == resource)
    kept = {name: value for name, value in thing.items() if name != "pipeline_spec"}
    cells = [thing.get("display_name", ""), thing.get("state") or thing.get("status") or ""]
    made = {"creationTimestamp": thing.get("created_at")}
    return Entry(
        Key(resource, NAMESPACE, thing[kind.id]),
        {"kind": "Kubeflow", "metadata": made, "status": kept},
        cells,
    )


def uploaded(content_type: str, content: bytes) -> Object:
    """Return the compiled pipeline that a request uploads, both of its documents.

    Raises
    ------
    KubeflowError
        If it is none.
    """
    message = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + content, policy=email.policy.HTTP
    )
    for part in message.walk():
        if part.get_filename():
            sent = part.get_payload(decode=True)
            try:
                documents = [
                    each for each in yaml.safe_load_all(sent if isinstance(sent, bytes) else b"") if each
                ]
            except yaml.YAMLError as error:
                raise KubeflowError(400, f"the file is not YAML: {error}") from error
            if documents and all(isinstance(each, dict) for each in documents):
                platform = {"platform_spec": documents[1]} if len(documents) > 1 else {}
                return {"pipeline_spec": documents[0]} | platform
    raise KubeflowError(400, "the file holds no compiled pipeline")


# --- the API


class Kubeflow:
    """The API of Kubeflow Pipelines on a recorded cluster.

    Parameters
    ----------
    world
        The cluster.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(
        self, method: str, path: list[str], query: dict[str, str], content: bytes, content_type: str
    ) -> Object:
        """Answer one request: the object that is sent back, as JSON.

        Raises
        ------
        KubeflowError
            If the API refuses it.
        NotRecorded
            If nobody has seen what comes of it.
        """
        if path[:2] != PREFIX:
            raise KubeflowError(404, "Not Found")
        with self.world.lock:
            match method, path[2:]:
                case "GET", ["healthz"]:
                    return HEALTH
                case "POST", ["pipelines", "upload"]:
                    return self._upload(query, uploaded(content_type, content))
                case "POST", ["pipelines", "upload_version"]:
                    return self._upload_version(query, uploaded(content_type, content))
                case _, ["pipelines", pipeline, "versions", *rest]:
                    return self._kept(method, "versions", rest, query, content, {"pipeline_id": pipeline})
                case _, [kind, *rest] if kind in KINDS:
                    return self._kept(method, kind, rest, query, content, {})
        raise NotRecorded(f"A recorded cluster cannot do that: {method} {'/'.join(path)}. {LIVE}")

    def _kept(
        self,
        method: str,
        plural: str,
        rest: list[str],
        query: dict[str, str],
        content: bytes,
        of: dict[str, str],
    ) -> Object:
        kind = KINDS[plural]
        name, _, verb = (rest[0] if rest else "").partition(":")
        match method, name, verb:
            case "GET", "", _:
                self.world.look(NAMESPACE)
                return self._list(kind, query, of)
            case "GET", _, "":
                if kind.resource == RUNS:
                    self._wait_for_news(name)
                return self._shown(self._entry(kind, name))
            case "DELETE", _, "":
                return self._delete(kind, name, query)
            case "POST", "", _:
                return self._create(kind, json.loads(content or b"{}"))
            case "POST", _, "enable" | "disable" if kind.resource == RECURRING_RUNS:
                there = self._entry(kind, name)
                now = {
                    "mode": verb.upper(),
                    "status": f"{verb.upper()}D",
                    "updated_at": written(self.world.clock),
                }
                status = {**there.object["status"], **now}
                self.world.change("update", there.key, {**there.object, "status": status})
                return {}
        raise NotRecorded(f"A recorded cluster cannot do that to a {kind.called}: {verb or method}. {LIVE}")

    # --- reading

    def _entry(self, kind: Kind, name: str) -> Entry:
        there = self.world.get(Key(kind.resource, NAMESPACE, name))
        if there is None:
            raise KubeflowError(404, f"{kind.called} {name} not found")
        return there

    def _wait_for_news(self, run: str) -> None:
        """Let time go on until the state of a run is another one: who asks again and again waits for that."""
        key = Key(RUNS, NAMESPACE, run)

        def state() -> Any:
            there = self.world.get(key)
            return there and there.object["status"].get("state")

        before = state()
        self.world.look(NAMESPACE)
        self.world.go_on_until(lambda: state() != before, NAMESPACE)

    def _shown(self, entry: Entry) -> Object:
        """Return a thing as the API tells it, under the name that the reader gave it."""
        notes = entry.object["metadata"].get("annotations") or {}
        own = {name: notes[name] for name in ("display_name", "pipeline_spec") if name in notes}
        return {**entry.object["status"], **own}

    def _list(self, kind: Kind, query: dict[str, str], of: dict[str, str]) -> Object:
        if query.get("experiment_id"):
            of = of | {"experiment_id": self._entry(KINDS["experiments"], query["experiment_id"]).key.name}
        kept = self.world.state.entries.values()  # in the order in which they came
        found = [self._shown(entry) for entry in kept if entry.key.resource == kind.resource]
        found = [each for each in found if all(each.get(name) == value for name, value in of.items())]
        for each in json.loads(query.get("filter") or "{}").get("predicates") or []:
            value = each.get("stringValue", each.get("string_value"))
            if each.get("operation") not in (1, "EQUALS") or value is None:
                raise NotRecorded(f"A recorded cluster filters by equal texts only. {LIVE}")
            found = [thing for thing in found if thing.get(each["key"]) == value]
        by, _, order = (query.get("sort_by") or "created_at").partition(" ")
        found.sort(key=lambda thing: str(thing.get(by, "")))
        found = found[::-1] if order == "desc" else found
        if not found:
            return {}
        begin, size = int(query.get("page_token") or 0), int(query.get("page_size") or 0) or PAGE
        page = {kind.listed: found[begin : begin + size], "total_size": len(found)}
        return page | ({"next_page_token": str(begin + size)} if len(found) > begin + size else {})

    # --- changing

    def _create(self, kind: Kind, body: Object) -> Object:
        if kind.resource in (RUNS, RECURRING_RUNS):
            self._entry(KINDS["experiments"], body["experiment_id"])
            specs = {
                each.key.name: each.object["status"]["pipeline_spec"] for each in self.world.of(VERSIONS)
            }
            version = (body.get("pipeline_version_reference") or {}).get("pipeline_version_id")
            if version and version not in specs:
                raise KubeflowError(500, f"Failed to get a pipeline version with id {version}: not found")
            thing = begun(kind.resource, body, specs)
            if not version:
                thing["metadata"]["annotations"]["pipeline_spec"] = body["pipeline_spec"]
            key = Key(kind.resource, NAMESPACE, body.get("display_name") or "")
            made = self.world.change("create", key, thing)
            return _at_first(self._shown(self._entry(kind, made["status"][kind.id])))
        if kind.resource == EXPERIMENTS:
            extra = {"storage_state": "AVAILABLE", "last_run_created_at": "1970-01-01T00:00:00Z"}
            return self._make(kind, body["display_name"], extra)
        raise NotRecorded(f"A recorded cluster cannot make a {kind.called} this way. {LIVE}")

    def _make(self, kind: Kind, name: str, fields: Object) -> Object:
        same = {key: fields[key] for key in ("pipeline_id",) if key in fields}
        for each in self.world.of(kind.resource, NAMESPACE):
            status = each.object["status"]
            if status["display_name"] == name and all(
                status.get(key) == value for key, value in same.items()
            ):
                raise KubeflowError(409, f"Failed to create a {kind.called}: the name {name} already exists")
        made = {
            kind.id: self.world.new_id(),
            "display_name": name,
            "created_at": written(self.world.clock),
        } | fields
        entry = entry_of(kind.resource, made)
        self.world.change("create", entry.key, {**entry.object, "status": made})
        return made

    def _upload(self, query: dict[str, str], spec: Object) -> Object:
        name = query.get("display_name") or query.get("name") or spec["pipeline_spec"]["pipelineInfo"]["name"]
        made = self._make(KINDS["pipelines"], name, {"name": name})
        self._upload_version({"name": name, "pipelineid": made["pipeline_id"]}, spec)
        return made

    def _upload_version(self, query: dict[str, str], spec: Object) -> Object:
        pipeline = self._entry(KINDS["pipelines"], query.get("pipelineid", ""))
        name = query.get("display_name") or query["name"]
        plain = spec if "platform_spec" in spec else spec["pipeline_spec"]
        fields = {"name": name, "pipeline_id": pipeline.key.name, "pipeline_spec": plain}
        return self._make(KINDS["versions"], name, fields)

    def _delete(self, kind: Kind, name: str, query: dict[str, str]) -> Object:
        there = self._entry(kind, name)
        if kind.resource == PIPELINES:
            versions = [
                each
                for each in self.world.of(VERSIONS, NAMESPACE)
                if each.object["status"]["pipeline_id"] == name
            ]
            if versions and query.get("cascade") != "true":
                raise KubeflowError(
                    400,
                    f"Failed to delete pipeline with id {name} as it has existing pipeline versions (e.g. "
                    f"{versions[0].key.name}). Set cascade=true to delete all versions",
                )
            for each in versions:
                self.world.change("delete", each.key, None)
        self.world.change("delete", there.key, None)
        return {}


def _at_first(run: Object) -> Object:
    """Return a run as it was when it was written down; the recorder looked a little later."""
    states = run.get("state_history") or []
    return {**run, **({"state": states[0]["state"], "state_history": states[:1]} if states else {})}
