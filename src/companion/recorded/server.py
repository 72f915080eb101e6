"""A Kubernetes API on loopback that answers from a recorded cluster (`companion.recorded.world`).

A real kubectl, and Kubernetes' own Python client, talk to it. Each command that reads lets the cluster's time go
on by one thing that was seen to happen; the commands that change something do not.
"""

import contextlib
import json
import math
import re
import select
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psutil  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]

from companion.recorded import kubeflow, rights
from companion.recorded.definitions import Definitions, Resource
from companion.recorded.kubeflow import Kubeflow, KubeflowError
from companion.recorded.objects import Object, container_states
from companion.recorded.patches import PatchError, patched
from companion.recorded.protobuf import ProtobufError, decoded
from companion.recorded.recording import Entry, Key, Place, answer_key, place_of, seconds, shifted
from companion.recorded.selectors import SelectorError, selector
from companion.recorded.tables import cells
from companion.recorded.world import NotRecorded, Refused, World

# What a recorder does not look at: it changes all the time, says nothing to a reader, or is as long as a book.
LEFT_OUT = (
    "events.events.k8s.io", "controllerrevisions.apps", "endpoints", "workflows.argoproj.io",
    "workflowtaskresults.argoproj.io", "scheduledworkflows.kubeflow.org",
    "customresourcedefinitions.apiextensions.k8s.io", "apiservices.apiregistration.k8s.io",
)  # fmt: skip
# What reads when a command changes something: the object before. Time stands still then.
CHANGING = re.compile(
    r"kubectl (apply|create|delete|patch|replace|edit|scale|set|label|annotate|expose|run|autoscale"
    r"|rollout (undo|restart|pause|resume))"
)
# So long (seconds) somebody who watches may think about what was just shown, before time goes on; kubectl needs a
# hundredth of it. A watch that was shorter than a second it takes for an error.
LINGER = 1.5
# So long (seconds) a rollout that does not end is watched, if kubectl was given no longer.
LONGEST_TIME_OUT = 40
# Commands that tell ages by their own clock, and how far into a second (seconds) they are answered.
COUNTING = ("kubectl describe", "kubectl events")
EARLY = 0.4
REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    409: "Conflict", 415: "UnsupportedMediaType", 422: "Invalid", 501: "NotRecorded", 503: "ServiceUnavailable",
}  # fmt: skip


class ApiError(Exception):
    """A request is refused: a code of HTTP, and what kubectl shows."""

    def __init__(self, code: int, message: str, reason: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason or REASONS.get(code, "InternalError"),
            "details": details or {},
            "code": code,
        }


class Server(ThreadingHTTPServer):
    """The API of one recorded cluster.

    Parameters
    ----------
    world
        The cluster.
    definitions
        What the API offers.
    port
        Where it listens on 127.0.0.1; 0 takes one that is free.
    """

    daemon_threads = True

    def __init__(self, world: World, definitions: Definitions, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.world = world
        self.definitions = definitions.of(world.recording.made.get("apis"))
        self.looked: set[str] = set()  # commands that have moved the time on
        self.ended: set[str] = set()  # commands that have seen all that was to come
        self.moments: dict[str, int] = {}  # by how much a command that compares sees times moved (seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing, in the reader's cell, of whoever did not wait for the end: ``kubectl logs … | head``."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> "Server":
        """Answer, in a thread of its own, until the process ends."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer in two pieces would wait for 40 ms
    server: Server

    def respond(self) -> None:
        """Answer one request."""
        content = content_of(self)
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}
        try:
            self._answer([unquote(part) for part in parts.path.split("/") if part], content)
        except ApiError as error:
            self._json(error.status, error.code)
        except Refused as refused:
            self._json(refused.status, int(refused.status.get("code", 422)))
        except NotRecorded as unknown:
            self._json(ApiError(501, str(unknown), "NotRecorded").status, 501)
        except KubeflowError as error:
            self._json(error.answer, error.code)
        except SelectorError as error:
            self._json(ApiError(400, str(error)).status, 400)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:  # else kubectl says "EOF", and nobody knows of what
            said = f"the recorded cluster failed at this request ({type(error).__name__}: {error})"
            self._json(ApiError(500, said).status, 500)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    # --- where a request leads

    def _answer(self, path: list[str], content: bytes) -> None:
        definitions = self.server.definitions
        match path:
            case ["version"]:
                self._json(definitions.version)
            case ["healthz" | "livez" | "readyz", *_]:
                self._text("ok")
            case ["openapi", *_] | ["api"] | ["apis"] | ["api", _] | ["apis", _] | ["apis", _, _]:
                found = definitions.document(path, self.headers.get("Accept") or "")
                if found is None:
                    raise ApiError(404, "the server could not find the requested resource")
                self._send(200, found[0], found[1].encode())
            case ["api", _, *_] | ["apis", _, _, *_]:
                self._object(place_of(path), content)
            case _:
                raise ApiError(404, "the server could not find the requested resource")

    def _object(self, place: Place, content: bytes) -> None:
        group, version, namespace, plural, name, sub = place
        if group == "authorization.k8s.io":
            self._json(self._review(plural, self._body(content)), 201)
            return
        resource = self.server.definitions.resource(group, version, plural)
        if resource is None:
            raise ApiError(404, "the server could not find the requested resource")
        self._check_rights(resource, namespace, name, sub)
        key = Key(resource.name, namespace, name)
        if sub and sub != ["status"]:
            self._below(resource, key, sub, content)
        elif self.command == "GET" and name:
            self._look(namespace)
            self._show(resource, self._entry(resource, key))
        elif self.command == "GET":
            self._list(resource, namespace)
        else:
            self._change(resource, key, self._body(content))

    def _body(self, content: bytes) -> Any:
        if not content:
            return {}
        if "protobuf" in (self.headers.get("Content-Type") or ""):
            try:
                return decoded(self.server.definitions.messages, content)
            except ProtobufError as error:
                raise ApiError(400, str(error)) from error
        try:
            is_yaml = "yaml" in (self.headers.get("Content-Type") or "")
            return yaml.safe_load(content) if is_yaml else json.loads(content)
        except (ValueError, yaml.YAMLError) as error:
            raise ApiError(400, f"the object is neither JSON nor YAML: {error}") from error

    # --- reading

    def _session(self) -> tuple[str, str]:
        """Return the command that asks, and what tells one run of it from the next."""
        session = self.headers.get("Kubectl-Session") or str(id(self))
        return self.headers.get("Kubectl-Command") or "", session

    def _look(self, namespace: str) -> None:
        """Let time go on by one thing, once for each command that reads."""
        command, session = self._session()
        if CHANGING.match(command) or session in self.server.looked:
            return
        if command:
            self.server.looked.add(session)
        self.server.world.look(namespace)

    def _entry(self, resource: Resource, key: Key) -> Entry:
        entry = self.server.world.get(key)
        if entry is None:
            raise ApiError(404, f'{resource.name} "{key.name}" not found', None, self._details(resource, key))
        return entry

    @staticmethod
    def _details(resource: Resource, key: Key) -> Object:
        return {"name": key.name, "group": resource.group, "kind": resource.plural}

    def _list(self, resource: Resource, namespace: str) -> None:
        meant = selector(self.query.get("labelSelector", ""), self.query.get("fieldSelector", ""))
        if self.query.get("sendInitialEvents") == "true":
            raise ApiError(422, "sendInitialEvents is forbidden for watch")
        if resource.name in LEFT_OUT:
            instead = " (endpointslices tell the same)" if resource.name == "endpoints" else ""
            raise NotRecorded(f"A recorded cluster does not keep {resource.plural}{instead}. {LIVE}")
        command, session = self._session()
        if command in ("kubectl wait", "kubectl rollout status") and session in self.server.ended:
            caller = _caller(*self.client_address)
            if caller:
                threading.Timer(0.5, _interrupt, (caller,)).start()
            raise ApiError(
                501,
                "in this recorded cluster that does not come any more, so kubectl does not wait for it. (A live one "
                "would be waited for until the time-out.) kubectl get and describe show where it stands.",
                "NotRecorded",
            )
        if self.query.get("watch") in ("true", "1"):
            self._watch(resource, namespace, meant)
            return
        self._look(namespace)
        world = self.server.world
        with world.lock:
            found = [entry for entry in world.of(resource.name, namespace) if meant(entry.object)]
            version = str(world.version)
        if "as=Table" in (self.headers.get("Accept") or ""):
            self._json(self._table(resource, found, version))
            return
        partial = "as=PartialObjectMetadata" in (self.headers.get("Accept") or "")
        items = [_partial(entry.object) if partial else entry.object for entry in found]
        kind = "PartialObjectMetadataList" if partial else f"{resource.kind}List"
        where = "meta.k8s.io/v1" if partial else resource.api_version
        self._json(
            {"kind": kind, "apiVersion": where, "metadata": {"resourceVersion": version}, "items": items}
        )

    def _show(self, resource: Resource, entry: Entry) -> None:
        accept = self.headers.get("Accept") or ""
        if "as=Table" in accept:
            self._json(self._table(resource, [entry], entry.object["metadata"].get("resourceVersion", "")))
        else:
            self._json(_partial(entry.object) if "as=PartialObjectMetadata" in accept else entry.object)

    def _table(self, resource: Resource, found: list[Entry], version: str, head: bool = True) -> Object:
        columns = self.server.definitions.columns(resource.name)
        whole = self.query.get("includeObject") == "Object"
        rows = [
            {
                "cells": cells(entry, columns, self.server.world.clock),
                "object": entry.object if whole else _partial(entry.object),
            }
            for entry in found
        ]
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": version},
            "columnDefinitions": columns if head else [],
            "rows": rows,
        }

    def _watch(self, resource: Resource, namespace: str, meant: Any) -> None:
        """Show what happens, and let time go on until nothing more is to come."""
        world = self.server.world
        command, session = self._session()
        asked = self.query.get("resourceVersion", "")
        seen = int(asked) if asked.isdigit() and asked != "0" else 0
        end = time.monotonic() + float(self.query.get("timeoutSeconds") or 3600)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        nothing_left = False
        while time.monotonic() < end and not nothing_left:
            with world.lock:
                news = [each for each in world.journal if each[0] > seen]
            told = False
            for version, kind, entry in news:
                seen = version
                of_these = entry.key.resource == resource.name and namespace in ("", entry.key.namespace)
                if of_these and meant(entry.object):
                    self._event(resource, kind, entry)
                    told = True
            # Who sees what it waits for goes, and no more happens then.
            nothing_left = not news and not world.tick(namespace)
            if (told or nothing_left) and self._is_left(LINGER):
                self.close_connection = True
                return
            nothing_left = nothing_left and world.version == seen
        if command == "kubectl rollout status":  # a short time-out is kubectl's to tell
            time_out = _time_out(_caller(*self.client_address))
            if time_out <= LONGEST_TIME_OUT and self._is_left(time_out):
                self.close_connection = True
                return
        self.server.ended.add(session)
        self.wfile.write(b"0\r\n\r\n")

    def _is_left(self, seconds: float) -> bool:
        """Wait for whoever watches to close the connection; say whether it did."""
        return bool(select.select([self.connection], [], [], seconds)[0])

    def _event(self, resource: Resource, kind: str, entry: Entry) -> None:
        thing: Object = entry.object
        if "as=Table" in (self.headers.get("Accept") or ""):
            thing = self._table(resource, [entry], thing["metadata"]["resourceVersion"])
        line = self._now(json.dumps({"type": kind, "object": thing})).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    # --- what lies below an object

    def _below(self, resource: Resource, key: Key, sub: list[str], content: bytes) -> None:
        match resource.name, sub:
            case "pods", ["log"]:
                self._look(key.namespace)
                self._log(self._entry(resource, key))
            case _, ["scale"]:
                self._scale(resource, key, self._body(content))
            case "services", ["proxy", *path] if kubeflow.SERVICE.fullmatch(key.name):
                self._entry(resource, key._replace(name=key.name.partition(":")[0]))
                kind = self.headers.get("Content-Type") or ""
                asked = Kubeflow(self.server.world)
                self._json(asked.answer(self.command, path, self.query, content, kind))
            case "services" | "pods", ["proxy", *path]:
                self._look(key.namespace)
                self._proxy(key, path, content)
            case _, ["token" | "eviction" | "binding" | "approval" | "ephemeralcontainers" | "resize", *_]:
                raise NotRecorded(f"A recorded cluster cannot do that: {sub[0]}. {LIVE}")
            case "pods", ["exec" | "attach" | "portforward", *_]:
                raise NotRecorded(
                    f"In a recorded cluster no program runs, so there is nothing for {sub[0]} to reach: get, describe "
                    f"and logs show what ran. {LIVE}"
                )
            case _:
                raise ApiError(404, "the server could not find the requested resource")

    def _log(self, pod: Entry) -> None:
        name = self.query.get("container") or pod.object["spec"]["containers"][0]["name"]
        state = next((each for each in container_states(pod.object) if each["name"] == name), None)
        spec = pod.object["spec"]
        if name not in [each["name"] for each in [*spec["containers"], *spec.get("initContainers", [])]]:
            raise ApiError(400, f"container {name} is not valid for pod {pod.key.name}")
        previous = self.query.get("previous") == "true"
        waiting = ((state or {}).get("state") or {}).get("waiting")
        if previous:
            ended = ((state or {}).get("lastState") or {}).get("terminated") or {}
            container = ended.get("containerID")
            if not container:
                raise ApiError(
                    400, f'previous terminated container "{name}" in pod "{pod.key.name}" not found'
                )
        else:
            container = (state or {}).get("containerID") or ""
            if waiting and not container:
                why = waiting.get("message") if waiting["reason"] == "ImagePullBackOff" else None
                raise ApiError(
                    400,
                    f'container "{name}" in pod "{pod.key.name}" is waiting to start: '
                    f"{'trying and failing to pull image' if why else waiting['reason']}",
                )
        if container and container not in self.server.world.recording.logs:
            raise NotRecorded(
                f"This recorded cluster did not keep what container {name} of {pod.key.name} has printed. {LIVE}"
            )
        self._text(self._lines(container))

    def _lines(self, container: str) -> str:
        """Return what a container had printed by now, as much of it as is asked for."""
        world = self.server.world
        by = world.later(container)
        kept = []
        since = float(self.query["sinceSeconds"]) if "sinceSeconds" in self.query else None
        for line in world.recording.logs.get(container, "").splitlines():
            stamp, _, text = line.partition(" ")
            moment = seconds(stamp) + by
            if moment <= world.clock + 1 and (since is None or moment >= world.clock - since):
                kept.append(
                    f"{self._now(shifted(stamp, seconds(stamp), by))} {text}"
                    if self._wants("timestamps")
                    else text
                )
        tail = self.query.get("tailLines")
        if tail is not None and int(tail) >= 0:
            kept = kept[len(kept) - int(tail) :] if int(tail) else []
        text = "".join(f"{line}\n" for line in kept)
        limit = self.query.get("limitBytes")
        return text.encode()[: int(limit)].decode(errors="ignore") if limit else text

    def _wants(self, name: str) -> bool:
        return self.query.get(name) == "true"

    def _scale(self, resource: Resource, key: Key, body: Any) -> None:
        entry = self._entry(resource, key)
        spec = entry.object.get("spec") or {}
        if self.command != "GET":
            now = {"spec": {"replicas": spec.get("replicas")}}
            wanted = patched(now, self._patch_type(), body) if self.command == "PATCH" else body
            thing = {**entry.object, "spec": {**spec, "replicas": wanted["spec"].get("replicas", 0)}}
            thing = self.server.world.change("update", key, thing, self._dry_run())
            spec = thing["spec"]
        self._json(
            {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "metadata": {
                    name: entry.object["metadata"].get(name)
                    for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
                },
                "spec": {"replicas": spec.get("replicas", 0)},
                "status": {"replicas": (entry.object.get("status") or {}).get("replicas", 0)},
            }
        )

    def _proxy(self, key: Key, path: list[str], content: bytes) -> None:
        asked = f"{key.resource}/{key.name}/proxy/{'/'.join(path)}"
        found = self.server.world.wait_for(answer_key(key.namespace, asked, content))
        if found is None:
            raise NotRecorded(
                f"This recorded cluster knows no answer of {asked} at this moment: it knows those that the "
                f"notebook asks for. {LIVE}"
            )
        answer = found.object
        if answer["status"] >= 400 and answer["body"].startswith('{"kind":"Status"'):
            self._json(json.loads(answer["body"]), answer["status"])
        else:
            self._send(answer["status"], "text/plain", answer["body"].encode())

    # --- rights

    def _user(self) -> str:
        return self.headers.get("Impersonate-User") or ""

    def _check_rights(self, resource: Resource, namespace: str, name: str, sub: list[str]) -> None:
        user = self._user()
        watch = self.query.get("watch") in ("true", "1")
        verbs = {"GET": "get" if name else "watch" if watch else "list", "POST": "create", "PUT": "update"}
        verb = (verbs | {"PATCH": "patch", "DELETE": "delete"})[self.command]
        plural = "/".join([resource.plural, *sub[:1]])
        asked = rights.Question(verb, resource.group, plural, namespace, name)
        if not rights.allowed(self.server.world, user, asked):
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            what = f'{resource.name} "{name}"' if name else resource.name
            raise ApiError(
                403,
                f'{what} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group '
                f'"{resource.group}" {where}',
                None,
                self._details(resource, Key(resource.name, namespace, name)),
            )

    def _review(self, plural: str, body: Object) -> Object:
        """Answer a question about rights; kubectl auth can-i asks it."""
        spec = body.get("spec") or {}
        user = spec.get("user") or self._user()
        if plural == "selfsubjectrulesreviews":
            everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
            held = (
                list(rights.rules(self.server.world, user, spec.get("namespace") or ""))
                if user
                else everything
            )
            rules = [
                {
                    name: rule.get(name)
                    for name in ("verbs", "apiGroups", "resources", "resourceNames")
                    if rule.get(name)
                }
                for rule in held
                if "resources" in rule
            ]
            paths = [rule for rule in held if "nonResourceURLs" in rule]
            return {
                **body,
                "status": {"resourceRules": rules, "nonResourceRules": paths, "incomplete": False},
            }
        asked = spec.get("resourceAttributes") or {}
        resource = "/".join(part for part in (asked.get("resource", ""), asked.get("subresource")) if part)
        question = rights.Question(
            asked.get("verb", ""),
            asked.get("group", ""),
            resource,
            asked.get("namespace", ""),
            asked.get("name", ""),
        )
        return {**body, "status": {"allowed": rights.allowed(self.server.world, user, question)}}

    # --- changing

    def _dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"

    def _patch_type(self) -> str:
        return self.headers.get("Content-Type") or ""

    def _change(self, resource: Resource, key: Key, body: Any) -> None:
        world = self.server.world
        with world.lock:
            there = world.get(key) if key.name else None
            match self.command:
                case "POST":
                    self._json(self._create(resource, key, body), 201)
                case "DELETE":
                    if not key.name:
                        raise ApiError(405, "a recorded cluster deletes one object at a time")
                    entry = self._entry(resource, key)
                    world.change("delete", key, None, self._dry_run())
                    details = self._details(resource, key) | {"uid": entry.object["metadata"].get("uid")}
                    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
                    left = world.get(key)
                    self._json(left.object if left and not self._dry_run() else {**done, "details": details})
                case "PATCH" if there is None and "apply-patch" in self._patch_type():
                    self._json(self._create(resource, key, body), 201)
                case "PATCH" | "PUT":
                    old = self._entry(resource, key).object
                    try:
                        new = body if self.command == "PUT" else patched(old, self._patch_type(), body)
                    except PatchError as error:
                        raise ApiError(400, str(error)) from error
                    self._json(self._update(resource, key, old, new))

    def _create(self, resource: Resource, key: Key, body: Any) -> Object:
        world = self.server.world
        metadata = body.get("metadata") or {} if isinstance(body, dict) else {}
        name = metadata.get("name") or metadata.get("generateName") or ""
        if not name:
            said = "metadata.name: Required value: name or generateName is required"
            raise ApiError(422, f"{resource.kind} is invalid: {said}")
        if resource.namespaced:
            if metadata.get("namespace") not in (None, key.namespace):
                said = "the namespace of the provided object does not match the namespace sent on the request"
                raise ApiError(400, said)
            if world.get(Key("namespaces", "", key.namespace)) is None:
                details = {"name": key.namespace, "kind": "namespaces"}
                raise ApiError(404, f'namespaces "{key.namespace}" not found', None, details)
            body = {**body, "metadata": {**metadata, "namespace": key.namespace}}
        key = Key(resource.name, key.namespace, name)
        if world.get(key) is not None:
            details = self._details(resource, key)
            raise ApiError(409, f'{resource.name} "{name}" already exists', "AlreadyExists", details)
        self._check_fields(resource, body)
        thing = {**body, "apiVersion": resource.api_version, "kind": resource.kind}
        return world.change("create", key, thing, self._dry_run())

    def _update(self, resource: Resource, key: Key, old: Object, new: Any) -> Object:
        version = new.get("metadata", {}).get("resourceVersion")
        if version and version != old["metadata"].get("resourceVersion"):
            raise ApiError(
                409,
                f'Operation cannot be fulfilled on {resource.name} "{key.name}": the object has been modified; '
                "please apply your changes to the latest version and try again",
                None,
                self._details(resource, key),
            )
        self._check_fields(resource, new)
        new = {**new, "apiVersion": resource.api_version, "kind": resource.kind}
        new["metadata"] = {**old["metadata"], **(new.get("metadata") or {})}
        return self.server.world.change("update", key, new, self._dry_run())

    def _check_fields(self, resource: Resource, thing: Any) -> None:
        if self.query.get("fieldValidation") == "Strict":
            unknown = self.server.definitions.unknown_fields(resource, thing)
            if unknown:
                said = ", ".join(f'unknown field "{field}"' for field in unknown)
                raise ApiError(
                    400,
                    f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
                    f"strict decoding error: {said}",
                )

    # --- sending

    def _now(self, text: str) -> str:
        """Return a text in which the cluster's times are as long ago as they were.

        Times are whole seconds, and who describes an object counts them itself, a little later: at the beginning of
        a second that gives the same each time. Who compares two answers gets both as of one moment.
        """
        clock = math.floor(self.server.world.clock)
        into = (time.time() - clock) % 1
        command, session = self._session()
        if command in COUNTING and into > EARLY:
            time.sleep(1 - into)
        by = math.floor(time.time() - clock)
        if command == "kubectl diff":
            by = self.server.moments.setdefault(session, by)
        return shifted(text, clock, by)

    def _json(self, thing: Object, code: int = 200) -> None:
        self._send(code, "application/json", self._now(json.dumps(thing)).encode())

    def _text(self, text: str) -> None:
        self._send(200, "text/plain", text.encode())

    def _send(self, code: int, kind: str, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def content_of(handler: BaseHTTPRequestHandler) -> bytes:
    """Return what a request carries, its length given or in chunks (as ``kubectl create --raw`` sends it)."""
    if "chunked" not in (handler.headers.get("Transfer-Encoding") or ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(parts)


def _caller(host: str, port: int) -> psutil.Process | None:
    """Return the kubectl that asks from this address, if a cell of this kernel has started it."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(each.laddr == (host, port) for each in process.net_connections("tcp")):
                return process
    return None


def _interrupt(caller: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):  # it may have ended by itself
        caller.send_signal(signal.SIGINT)


def _time_out(caller: psutil.Process | None) -> float:
    """Return the time-out (seconds) that a kubectl was given; 0 if it was given none."""
    command = ""
    with contextlib.suppress(psutil.Error):
        command = " ".join(caller.cmdline()) if caller else ""
    given = re.search(r"--timeout[= ](\d+)(s|m)\b", command)
    return float(given[1]) * (60 if given[2] == "m" else 1) if given else 0


LIVE = "A live cluster (make cluster-up) can."


def _partial(thing: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": thing["metadata"]}
