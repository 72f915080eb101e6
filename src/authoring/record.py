"""Record a cluster while somebody works on it: each change, and all the states that it leads to.

`Recorder` stands between kubectl and a real cluster. What reads is passed on; what changes something is passed on
and kept, and once a second, and at each change, all objects of the namespaces are looked at. What has changed since
the last look becomes a frame of the step that it belongs to (`companion.recorded.recording`).
"""

import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import yaml  # type: ignore[import-untyped]

from authoring.api import definitions_of, messages_of
from authoring.pipelines import Pipelines
from authoring.upstream import Upstream
from companion.cluster import settings
from companion.cluster.shell import Shell
from companion.recorded import kubeflow
from companion.recorded.definitions import API, Definitions
from companion.recorded.objects import Object, container_states
from companion.recorded.protobuf import Messages, ProtobufError, decoded
from companion.recorded.recording import (
    Entry,
    Frame,
    Key,
    Recording,
    Step,
    answer_key,
    packed,
    place_of,
    seconds,
    written,
)
from companion.recorded.server import LEFT_OUT, content_of
from companion.recorded.state import (
    ENDING,
    EXPERIMENTS,
    PLURALS,
    RECURRING_RUNS,
    RUNS,
    STARTED,
    WORKFLOW_LABEL,
    WORKLOADS,
    State,
    account_of,
    run_of,
)
from flightdelay.files import write_atomically

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
# What changes all the time by itself: no reason for a frame.
RESTLESS = re.compile(r'"(lastHeartbeatTime|resourceVersion|lastProbeTime|renewTime)": *("[^"]*"|null),? *')
SECONDS_BETWEEN_LOOKS = 1.0
# They end by themselves, and what others do has nothing to do with it.
APART = (*ENDING, "cronjobs.batch", *STARTED)

# Of the rest of the cluster, what every cluster like it has is kept as it was at the beginning.
SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system", "local-path-storage")
# So begin the names of what Kubeflow Pipelines itself consists of.
DEPLOYED = ("cache-", "metadata-", "ml-pipeline", "mysql-", "seaweedfs-", "workflow-controller")
# What came later into its namespace somebody has put there.
SECONDS_TO_INSTALL = 3600

Delta = tuple[float, Entry | None, Key]  # when, what came or changed (or nothing, when it went), of which key


@contextlib.contextmanager
def recorder_of(namespaces: tuple[str, ...]) -> Iterator["Recorder"]:
    """Give a recorder of these namespaces of the book's own cluster, where they do not exist yet.

    Raises
    ------
    ClusterError
        If there is no cluster.
    """
    shell = Shell()
    own = [each for each in namespaces if each != kubeflow.NAMESPACE]
    if own:
        shell.do_kubectl("delete", "namespace", *own, "--ignore-not-found")
    version = json.loads(shell.ask_kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    nodes = len(shell.ask_kubectl("get", "nodes", "-o", "name").splitlines())
    made = {"cluster": f"kind with {nodes} node{'s' * (nodes > 1)}, Kubernetes {version}"}
    made["date"] = datetime.now(UTC).date().isoformat()
    messages, upstream = Definitions.read().messages, Upstream(settings.KUBECONFIG)
    if kubeflow.NAMESPACE in namespaces:
        made["cluster"] += f", Kubeflow Pipelines {Pipelines(upstream).version()}"
    recorder = Recorder(upstream, messages, list(namespaces), made)
    try:
        yield recorder
    finally:
        recorder.end()


class Recorder:
    """Records what happens in some namespaces of a cluster.

    Parameters
    ----------
    upstream
        The cluster.
    messages
        How its API is written in protobuf (`authoring.api.messages_of`).
    namespaces
        What is recorded; all else is kept as it is at the beginning.
    made
        What the reader is told of the recording: its date, the cluster's versions.
    """

    def __init__(
        self, upstream: Upstream, messages: Messages, namespaces: list[str], made: dict[str, str]
    ) -> None:
        self.upstream, self.namespaces = upstream, namespaces
        self.api = definitions_of(upstream, messages)
        groups = json.loads(self.api["documents"]["apis"])["groups"]
        served = sorted(each["groupVersion"] for group in groups for each in group["versions"])
        self.made = made | {"apis": " ".join(served)}
        self._resources = self._listable(self.api["documents"])
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self.logs: dict[str, str] = {}
        # What a Service was asked: namespace, path, and what was sent.
        self._asked: set[tuple[str, str, bytes]] = set()
        self.things: dict[str, Object] = {}  # by uid, all that was ever seen
        self._pipelines = Pipelines(upstream) if kubeflow.NAMESPACE in namespaces else None
        self.start = time.time()
        self._workflows: set[str] = set()  # what the runs of Kubeflow's are called by Argo
        found = self._all()
        self.base = [entry for entry in found.values() if is_everyones(entry)]
        if self._pipelines:
            self.base += self._installed(found, self._pipelines)
        self._now: dict[Key, Entry] = {entry.key: entry for entry in self.base}
        self.changes: list[Step] = []
        self.deltas: list[Delta] = []
        self._end = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self._look_on, daemon=True).start()

    @property
    def address(self) -> str:
        """Return where kubectl finds the cluster that is recorded."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def end(self) -> None:
        """Look no more."""
        self._end.set()
        self.server.shutdown()

    def stop(self) -> Recording:
        """End, and return what was recorded."""
        self._look()
        self.end()
        steps = session(self.base, self.changes, self.deltas, self.things)
        return Recording(self.made, self.start, self.base, [steps], self.logs)

    def _installed(self, found: dict[Key, Entry], pipelines: Pipelines) -> list[Entry]:
        """Return Kubeflow as it was installed: what came soon after its namespace, and the experiment of everybody."""
        space = found[Key("namespaces", "", kubeflow.NAMESPACE)]
        by = seconds(space.object["metadata"]["creationTimestamp"]) + SECONDS_TO_INSTALL
        default = [each for each in pipelines.listed("experiments") if each.cells[0] == "Default"]
        return [space, *default] + [
            entry
            for entry in found.values()
            if entry.key.namespace == kubeflow.NAMESPACE
            and seconds(entry.object["metadata"].get("creationTimestamp") or written(self.start)) < by
            and not run_of(entry.object)
            and self._is_of_interest(entry)
        ]

    def _is_of_interest(self, entry: Entry) -> bool:
        """Say whether something in Kubeflow's namespace is of a run that is recorded, or of none."""
        if not self._pipelines or entry.key.namespace != kubeflow.NAMESPACE:
            return True
        if entry.key.resource == "pods.metrics.k8s.io":
            return False
        about = entry.object.get("involvedObject") or {}
        thing = self.things.get(about.get("uid", ""), entry.object)
        if run := run_of(thing):
            if run not in self._pipelines.begun:
                return False
            self._workflows.add(thing["metadata"]["labels"].get(WORKFLOW_LABEL, ""))
            return True
        if about.get("kind") == "Workflow":
            return about.get("name") in self._workflows
        if about and thing is entry.object:  # about something that has gone
            return False
        return not about.get("name", "").startswith(DEPLOYED)

    # --- looking

    def _listable(self, documents: dict[str, str]) -> list[tuple[str, str, bool]]:
        """Return of all that can be listed: what `Key` calls it, its address, and whether it is in a namespace."""
        found = []
        preferred = {
            group["name"]: group["preferredVersion"]["groupVersion"]
            for group in json.loads(documents["apis"])["groups"]
        }
        for path in ["api/v1", *(f"apis/{version}" for version in preferred.values())]:
            group = path.split("/")[1] if path.startswith("apis") else ""
            for each in json.loads(documents[path])["resources"]:
                name = f"{each['name']}.{group}" if group else each["name"]
                if "list" in each["verbs"] and "/" not in each["name"] and name not in LEFT_OUT:
                    found.append((name, f"/{path}", each["namespaced"]))
        return found

    def _all(self) -> dict[Key, Entry]:
        """Look at everything, in all namespaces."""
        found = {}
        for name, path, _ in self._resources:
            for entry in self._listed(name, f"{path}/{name.partition('.')[0]}"):
                found[entry.key] = entry
        return found

    def _listed(self, name: str, path: str) -> Iterator[Entry]:
        code, text = self.upstream.get(f"{path}?includeObject=Object", TABLE)
        if code != 200:
            return
        table = json.loads(text)
        if table["kind"] != "Table":  # as some aggregated servers answer
            rows = [{"cells": [], "object": each} for each in table.get("items", [])]
        else:
            rows = table["rows"] or []
            if table.get("columnDefinitions"):
                self.api["columns"][name] = table["columnDefinitions"]
        for row in rows:
            thing = row["object"]
            metadata = thing["metadata"]
            metadata.pop("managedFields", None)
            if metadata.get("uid"):
                self.things[metadata["uid"]] = thing
            yield Entry(Key(name, metadata.get("namespace", ""), metadata["name"]), thing, row["cells"])

    def _look_on(self) -> None:
        while not self._end.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        """Look at the namespaces, and keep what has changed since the last look."""
        with self._looking:
            found: dict[Key, Entry] = {}
            for name, path, namespaced in self._resources:
                looked_at = namespaced or name in (
                    "namespaces",
                    "persistentvolumes",
                    "clusterrolebindings.rbac.authorization.k8s.io",
                )
                if looked_at:  # one question for all namespaces: each takes its time
                    for entry in self._listed(name, f"{path}/{name.partition('.')[0]}"):
                        here = not namespaced or entry.key.namespace in self.namespaces
                        if here and self._is_of_interest(entry):
                            found[entry.key] = entry
            if self._pipelines:
                found |= {entry.key: entry for entry in self._pipelines.going_on()}
            moment = time.time()
            kept = {key for key in self._now if key.namespace in self.namespaces or key in found}
            changed = [e for e in found.values() if _said(e) != _said(self._now.get(e.key))]
            gone = [key for key in kept - found.keys() if key.resource not in ("answers", EXPERIMENTS)]
            metered = all(entry.key.resource.endswith("metrics.k8s.io") for entry in changed) and not gone
            if (changed or gone) and not metered:
                self._keep(moment, changed, gone)

    def _keep(self, moment: float, changed: list[Entry], gone: list[Key]) -> None:
        for entry in changed:
            if entry.key.resource == "pods":
                self._read_logs(entry.object)
        for asked in sorted(self._asked):
            answer = self._answer(*asked)
            if _said(answer) != _said(self._now.get(answer.key)):
                changed.append(answer)
        for entry in changed:
            self._now[entry.key] = entry
            self.deltas.append((moment, entry, entry.key))
        for key in gone:
            self._now.pop(key, None)
            self.deltas.append((moment, None, key))

    def _answer(self, namespace: str, path: str, content: bytes) -> Entry:
        method, headers = ("POST", {"Content-Type": "application/json"}) if content else ("GET", {})
        place = f"/api/v1/namespaces/{namespace}/{path}"
        with self.upstream.open(method, place, content, headers) as response:
            code, text = response.status, response.read().decode(errors="replace")
        key = answer_key(namespace, path, content)
        return Entry(key, {"status": code, "body": text, "metadata": {"name": key.name}})

    def _read_logs(self, pod: Object) -> None:
        """Keep what each container of a Pod has printed so far, and the one before it."""
        metadata = pod["metadata"]
        for each in container_states(pod):
            earlier = ((each.get("lastState") or {}).get("terminated") or {}).get("containerID")
            for container, previous in ((each.get("containerID"), False), (earlier, True)):
                if container:
                    code, text = self.upstream.get(
                        f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log?container="
                        f"{each['name']}&timestamps=true&previous={str(previous).lower()}"
                    )
                    if code == 200 and len(text) >= len(self.logs.get(container, "")):
                        self.logs[container] = text

    # --- changes

    def asks(self, namespace: str, path: str, content: bytes) -> None:
        """Ask a Service the same from now on, whenever something changes, and keep the first answer."""
        with self._lock:
            self._asked.add((namespace, path, content))
        with self._looking:
            self._keep(time.time(), [], [])

    def change(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Pass a change on, and keep it with the state that it led to; the answer is JSON."""
        with self._lock:
            self._look()
            moment = time.time()
            wish = headers | {"Accept": "application/json"}
            with self.upstream.open(method, path, content, wish) as response:
                code, body = response.status, response.read()
            self.changes += self._step(method, path, content, code, body, moment)
            self._look()
        return code, body

    def _step(
        self, method: str, path: str, content: bytes, code: int, body: bytes, moment: float
    ) -> Iterator[Step]:
        parts = [unquote(part) for part in urlsplit(path).path.split("/") if part]
        group, _, namespace, plural, name, sub = place_of(parts)
        if self._pipelines and sub[:1] == ["proxy"]:
            yield from self._pipelines.steps(method, sub[1:], content, code, body, moment)
            return
        resource = f"{plural}.{group}" if group else plural
        answer = json.loads(body)
        verb = {"POST": "create", "DELETE": "delete"}.get(method, "update")
        name = name or (answer.get("metadata") or {}).get("name") or ""
        sent = self._sent(content) if verb == "create" else None
        if sent is not None and namespace:
            sent["metadata"] = {**(sent.get("metadata") or {}), "namespace": namespace}
        if code >= 400:
            if sent is not None:
                name = name or (sent.get("metadata") or {}).get("name", "")
                yield Step(verb, Key(resource, namespace, name), sent, moment, refused=answer)
            return
        if sub == ["scale"]:
            answer = json.loads(self.upstream.get(urlsplit(path).path.removesuffix("/scale"))[1])
        answer.get("metadata", {}).pop("managedFields", None)
        thing = None if verb == "delete" else answer
        if sent is not None:
            sent = {**sent, **{field: answer[field] for field in ("apiVersion", "kind")}}
        yield Step(verb, Key(resource, namespace, name), thing, moment, sent=sent)

    def _sent(self, content: bytes) -> Object:
        """Return the object that a request carries."""
        try:
            return decoded(self.api["messages"], content)
        except ProtobufError:
            return dict(yaml.safe_load(content))


def is_everyones(entry: Entry) -> bool:
    """Say whether something belongs to a cluster as such, and not to what somebody runs on it."""
    key = entry.key
    if key.resource == "namespaces":
        return key.name in SYSTEM
    if key.resource in ("persistentvolumes", "events"):
        return False
    return key.namespace in ("", *SYSTEM)


def _said(entry: Entry | None) -> str:
    return "" if entry is None else RESTLESS.sub("", json.dumps(entry.object, sort_keys=True))


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def respond(self) -> None:
            content = content_of(self)
            left_out = ("Host", "Accept-Encoding", "Transfer-Encoding")
            headers = {name: value for name, value in self.headers.items() if name not in left_out}
            parts = urlsplit(self.path)
            asked = re.match(
                r"/api/v1/namespaces/([^/]+)/((?:services|pods)/(?!ml-pipeline)[^/]+/proxy/.*)", parts.path
            )
            review = "/authorization.k8s.io/" in parts.path or parts.path.endswith("/token")
            if asked or review or self.command == "GET" or "dryRun" in parse_qs(parts.query):
                if asked:
                    recorder.asks(asked[1], asked[2], content)
                self.pass_on(content, headers)
                return
            code, body = recorder.change(self.command, self.path, content, headers)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

        def pass_on(self, content: bytes, headers: dict[str, str]) -> None:
            with recorder.upstream.open(self.command, self.path, content, headers) as response:
                self.send_response(response.status)
                self.send_header("Content-Type", response.headers.get("Content-Type", ""))
                empty = response.status == HTTPStatus.NO_CONTENT  # the log of a Pod that has no node
                if not empty:
                    self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if empty:
                    return
                try:
                    while part := response.read1(65536):
                        self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    self.wfile.write(b"0\r\n\r\n")
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


# --- which change led to what


def session(
    base: list[Entry], changes: list[Step], deltas: list[Delta], things: dict[str, Object]
) -> list[Step]:
    """Give each change the frames that it led to, and return them all, in order.

    What happens to a workload, or to what it owns, belongs to the last change of that workload, unless something
    else of the namespace was changed since that may have to do with it (all but a workload that ends by itself, unless
    it has an account of its own, with which it may change others).
    All else belongs to the last change in the namespace.
    """
    state = State({entry.key: entry for entry in base})
    made = {step.key for step in changes if step.verb == "create" and not step.refused}
    begun: list[Step] = []
    roots: list[Key] = []  # of a Pod that is changed, whose Pod it is
    before: list[dict[Key, Entry]] = []
    to_begin = iter([*changes, None])
    following = next(to_begin)
    for moment, entry, key in sorted(deltas, key=lambda delta: delta[0]):
        while following is not None and following.start <= moment:
            following.plain = not following.refused and state.needs_no_recording(
                following.verb, following.key
            )
            begun.append(following)
            pod = following.key.resource == "pods" and state.entries.get(following.key)
            roots.append(_root(pod, following.key, things, made) if pod else following.key)
            before.append(dict(state.entries))
            state.mount(following.key, following.thing)
            following = next(to_begin)
        there = entry or state.entries.get(key)
        number = _belongs_to(_root(there, key, things, made), key.namespace, begun, roots)
        frame = Frame(0.0, [entry] if entry else [], [] if entry else [key])
        state.apply(frame)
        if number is not None:
            step = begun[number]
            frame.at = round(moment - step.start, 3)
            if step.frames and step.frames[-1].at == frame.at:
                step.frames[-1].put += frame.put
                step.frames[-1].gone += frame.gone
            else:
                step.frames.append(frame)
            if key in before[number] and key not in {each.key for each in step.before}:
                step.before.append(_identity(before[number][key]))
    return begun


def _identity(entry: Entry) -> Entry:
    """Return of an object what tells which one it is: its names and its owner."""
    told = ("name", "namespace", "uid", "ownerReferences", "creationTimestamp")
    metadata, status = entry.object.get("metadata", {}), entry.object.get("status")
    address = {"podIP": status["podIP"]} if isinstance(status, dict) and status.get("podIP") else {}
    kept = {name: metadata[name] for name in told if name in metadata}
    return Entry(entry.key, {"metadata": kept, **({"status": address} if address else {})})


def _root(entry: Entry | None, key: Key, things: dict[str, Object], made: set[Key]) -> Key:
    """Return what an object belongs to in the end: of a Pod its Job, of an Event what it is about.

    What somebody made by hand belongs to itself, whoever owns it: a Job ``--from`` a CronJob.
    """
    thing: Object = entry.object if entry else {}
    if key.resource == "events":
        thing = things.get(thing.get("involvedObject", {}).get("uid", ""), thing)
    if run := run_of(thing):
        return Key(RUNS, kubeflow.NAMESPACE, run)
    scheduled = thing.get("status") if key.resource == RUNS else None
    if scheduled and scheduled.get("recurring_run_id"):
        return Key(RECURRING_RUNS, kubeflow.NAMESPACE, scheduled["recurring_run_id"])
    if key.resource == "persistentvolumes":
        claim = (thing.get("spec") or {}).get("claimRef") or {}
        return Key("persistentvolumeclaims", claim.get("namespace", ""), claim.get("name", ""))
    elif key.resource == "pods.metrics.k8s.io":
        named = (each for each in things.values() if each.get("kind") == "Pod")
        thing = next((each for each in named if each["metadata"]["name"] == key.name), thing)
    while _key(thing, key) not in made:
        owners = (thing.get("metadata") or {}).get("ownerReferences") or []
        above = things.get(owners[0]["uid"]) if owners else None
        if above is None:
            break
        thing = above
    return _key(thing, key)


def _key(thing: Object, other: Key) -> Key:
    """Return the key of an object; that other one where its kind is not followed."""
    kind = thing.get("kind", "")
    if kind not in PLURALS:
        return other
    return Key(PLURALS[kind], thing["metadata"].get("namespace", ""), thing["metadata"]["name"])


def _belongs_to(root: Key, namespace: str, begun: list[Step], roots: list[Key]) -> int | None:
    """Return the number of the change to which belongs what happens to a root."""
    space = namespace or root.namespace
    for number in reversed(range(len(begun))):
        step = begun[number]
        here = step.key.namespace in ("", space)
        if root in (step.key, roots[number]) or step.key == Key("namespaces", "", space):
            return number
        # A program with an account of its own may change others.
        apart = step.key.resource in APART and account_of(step.thing or {}) == "default"
        if not here or step.plain or step.refused or (root.resource in (*WORKLOADS, *STARTED) and apart):
            continue
        return number
    return None


def main(arguments: list[str]) -> int:
    """Write what the API of the book's own cluster says of itself, for all recordings.

    ``python -m authoring.record API APIMACHINERY``: the folders of the Go modules ``k8s.io/api`` and
    ``k8s.io/apimachinery``, of the cluster's version.
    """
    recorder = Recorder(Upstream(settings.KUBECONFIG), messages_of(*map(Path, arguments)), [], {})
    recorder.end()
    write_atomically(API, packed(recorder.api))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
