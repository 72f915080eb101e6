"""Checks of chapter 09: each judges a text, a function, or what the cluster said, a live or a recorded one."""

import contextlib
import functools
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from companion.cluster.shell import at_recorded_cluster
from companion.recorded import serve

# --- 9.1: probes, selector, replicas -----------------------------------------------------------------------

# The Namespaces of exercises 9.1, 9.2 and 9.4.
SERVICE, RELEASE, MONTHLY = "flights-service", "flights-release", "flights-monthly"
PORT = 8080
# The Pods that are there already.
OTHERS = {"app": "predictions", "month": "2013-08"}
# Seconds that the service takes until it listens, on a machine that is not busy; after so many without a ready Pod
# a release counts as failed.
START, TOO_LATE = 10, 600


@functools.cache
def _answers() -> dict[bool, Any]:
    """Start the service twice, without its model and with it; return what asks either of them."""
    from fastapi.testclient import TestClient

    from flightdelay.pipelines.in_plain_python import run
    from flightdelay.serve import create_app

    with tempfile.TemporaryDirectory(prefix="check-") as temporary:
        folder = Path(temporary)
        version = str(run("2013-02", sample=1000, store=folder).decision["version"])
        asks = {
            loaded: TestClient(create_app(folder, version if loaded else "2013-09-none"))
            for loaded in (False, True)
        }
        asks[True].get("/readyz")  # loads the model, so that the folder may go
    return asks


def _succeeds(path: str, loaded: bool) -> bool:
    """Say whether a probe that gets this path succeeds, as the kubelet counts (which follows where it is led)."""
    return bool(200 <= _answers()[loaded].get(path).status_code < 400)


def _objects(answer: Any) -> list[dict[str, Any]]:
    """Return the manifests; those of a List are its items."""
    import yaml  # type: ignore[import-untyped]

    documents = yaml.safe_load_all(answer) if isinstance(answer, str | bytes) else answer
    found: list[dict[str, Any]] = []
    for item in documents:
        if isinstance(item, dict) and "kind" in item:
            found += item["items"] if item["kind"] == "List" else [item]
    return found


def _command_succeeds(command: list[str], loaded: bool) -> bool:
    """Say whether an exec probe's command ends well beside the service."""

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = _answers()[loaded].get(self.path, follow_redirects=False)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = [re.sub(rf"\b{PORT}\b", str(server.server_port), word) for word in command]
        try:
            return not subprocess.run(
                [sys.executable, *words[1:]], capture_output=True, timeout=60
            ).returncode
        finally:
            server.shutdown()


def _tries(probe: dict[str, Any], ports: Mapping[Any, int], name: str) -> dict[bool, bool] | Verdict:
    """Return whether a probe succeeds without and with the model, or what keeps it from asking at all."""
    for field, value in probe.items():
        if isinstance(value, str):
            return wrong(
                f'{name}: {field}: "{value}" is a text, and the cluster refuses it: a number has no quotes.'
            )
    if "exec" in probe:
        command = [str(word) for word in probe["exec"].get("command") or [""]]
        if command[0] not in ("python", "python3"):
            return wrong(
                f"{name}: the command {command[0]!r} does not ask the service whether it answers, or is not in the "
                "image. Let the node get a path itself: httpGet."
            )
        return {loaded: _command_succeeds(command, loaded) for loaded in (False, True)}
    asked = probe.get("httpGet") or probe.get("tcpSocket")
    if not asked:
        return wrong(f"{name}: the service speaks HTTP, so let the probe get a path: httpGet.")
    port = asked.get("port")
    if ports.get(port) != PORT:
        return wrong(
            f"{name}: it asks at port {port!r}, where nobody listens; the service listens at {PORT}."
        )
    if asked.get("host") or asked.get("scheme", "HTTP") != "HTTP":
        return wrong(f"{name}: it has to ask the Pod itself, by HTTP. Leave host and scheme out.")
    if "tcpSocket" in probe:  # the port is open with and without a model
        return {False: True, True: True}
    return {loaded: _succeeds(str(asked.get("path", "/")), loaded) for loaded in (False, True)}


def _what(probe: Mapping[str, Any]) -> str:
    """Return what a probe asks, for a sentence."""
    if "tcpSocket" in probe:
        return "whether the port is open"
    return "its command" if "exec" in probe else str(probe["httpGet"].get("path", "/"))


def _probes(container: dict[str, Any], ports: Mapping[Any, int]) -> Verdict | None:
    ready, live = container.get("readinessProbe"), container.get("livenessProbe")
    if not ready:
        return wrong(
            "Without a readiness probe a Pod counts as ready as soon as its process runs, and gets requests before "
            "it listens."
        )
    tried = _tries(ready, ports, "readinessProbe")
    if isinstance(tried, Verdict):
        return tried
    if not tried[True]:
        return wrong(
            f"readinessProbe: {_what(ready)} fails even when the model is loaded, so it never gets ready."
        )
    if tried[False]:
        return wrong(
            f"readinessProbe: it asks {_what(ready)}, which goes well also when the model is missing. Alive is not "
            "ready: which path knows of the model?"
        )
    if ready.get("initialDelaySeconds", 0) + ready.get("periodSeconds", 10) > TOO_LATE:
        return wrong(
            "readinessProbe: it is asked so late or so seldom that a release has failed before a Pod is ready."
        )
    if not live:
        return wrong("Without a liveness probe a process that hangs for ever is never started anew.")
    tried = _tries(live, ports, "livenessProbe")
    if isinstance(tried, Verdict):
        return tried
    if not tried[True]:
        return wrong(
            f"livenessProbe: {_what(live)} always fails, so a healthy service is killed again and again."
        )
    if not tried[False]:
        return wrong(
            f"livenessProbe: {_what(live)} fails while the model is missing. Then the process is killed again and "
            "again: no restart brings a model. Ask whether the process lives."
        )
    start = container.get("startupProbe")
    if start:
        tried = _tries(start, ports, "startupProbe")
        if isinstance(tried, Verdict):
            return tried
        if not tried[False]:
            return wrong(
                f"startupProbe: {_what(start)} fails while the model is missing, and a process that does not pass it "
                "is killed as well. Ask whether the process lives."
            )
    patience = live.get("initialDelaySeconds", 0) + live.get("periodSeconds", 10) * live.get(
        "failureThreshold", 3
    )
    if patience < START and "startupProbe" not in container:
        return wrong(
            f"livenessProbe: after {patience} s without an answer the process is killed. It takes longer than that to "
            "start, so it never will. Be more patient."
        )
    return None


def _service(service: dict[str, Any], labels: dict[str, str], ports: Mapping[Any, int]) -> Verdict | None:
    spec = service["spec"]
    selector = spec.get("selector") or {}
    if not selector:
        return wrong("The Service has no selector: it leads to nobody by itself.")
    if spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName":
        return wrong(
            "Such a Service has no address of its own that would lead port 80 to the Pods' port: its name only gives "
            "the addresses of others. Leave clusterIP and type out."
        )
    if selector.items() <= OTHERS.items():
        return wrong(f"The Service selects {selector}: these are the Pods of predictions, the wrong counter.")
    if not selector.items() <= labels.items():
        return wrong(
            f"The Service selects {selector}, and the Pods have {labels}: an empty list, and no error."
        )
    if spec.get("publishNotReadyAddresses"):
        return wrong("publishNotReadyAddresses sends requests to Pods that are not ready: then why ask them?")
    leads = [
        port.get("targetPort", port.get("port"))
        for port in spec.get("ports", [])
        if port.get("port") == 80 and port.get("protocol", "TCP") == "TCP"
    ]
    if not leads:
        return wrong("The Service has to be reached on port 80, by TCP.")
    if str(leads[0]).isdigit() and not isinstance(leads[0], int):
        return wrong(
            f'targetPort: "{leads[0]}" is a text, so Kubernetes looks for a port of that name and refuses it: write '
            "the number without quotes."
        )
    if ports.get(leads[0]) != PORT:
        return wrong(
            f"The Service leads port 80 to the Pods' port {leads[0]}, and they listen at {PORT}. Without a targetPort "
            "it is the same number on both sides."
        )
    return None


@exercise
def ex_9_1(answer: Any) -> Verdict:
    """A Deployment and a Service that survive a release."""
    if not isinstance(answer, str | list | tuple):
        return wrong("The answer is the text of the two manifests.")
    try:
        objects = _objects(answer)
        [deployment] = [each for each in objects if each["kind"] == "Deployment"]
        [service] = [each for each in objects if each["kind"] == "Service"]
        template = deployment["spec"]["template"]
        container = template["spec"]["containers"][0]
        labels = template["metadata"]["labels"]
        matched = deployment["spec"]["selector"]["matchLabels"]
    except Exception as error:
        what = " ".join(str(error).split())[:80]
        return wrong(f"This is not one Deployment and one Service in YAML ({type(error).__name__}: {what}).")
    for each in (deployment, service):
        metadata = each.get("metadata") or {}
        if metadata.get("namespace", SERVICE) != SERVICE:
            return wrong(
                f"The {each['kind']} names the Namespace {metadata['namespace']}: with -n {SERVICE} it is refused. "
                "Leave it out."
            )
        if metadata.get("name") in (None, "predictions"):
            return wrong(
                f"A {each['kind']} called {metadata.get('name')} would take the place of the one that is there."
            )
    if service["metadata"]["name"] != "night":
        return wrong(
            f"The Service is called {service['metadata']['name']}, and is asked as services/night: leave its name."
        )
    ports: dict[Any, int] = {PORT: PORT}
    ports |= {port["name"]: port["containerPort"] for port in container.get("ports", []) if "name" in port}
    refused = _probes(container, ports)
    if refused:
        return refused
    if not matched.items() <= labels.items():
        return wrong("The Deployment would not know its own Pods: its selector and their labels differ.")
    if matched.items() <= OTHERS.items():
        return wrong(
            "The Deployment's selector is that of predictions: two would quarrel about the same Pods."
        )
    if labels.get("app") == OTHERS["app"]:
        return wrong(
            "These Pods carry app: predictions, so the Service predictions leads to them as well. Give them another."
        )
    if deployment["spec"].get("paused"):
        return wrong("The Deployment is paused: it starts no Pod until kubectl rollout resume.")
    if container.get("command") != ["python3", "-m", "flightdelay.serve"]:
        return wrong(
            "The container runs another program now; only probes, selector, port and replicas had faults."
        )
    refused = _service(service, labels, ports)
    if refused:
        return refused
    if deployment["spec"].get("replicas", 1) != 2:
        replicas = deployment["spec"].get("replicas", 1)
        if isinstance(replicas, str):
            return wrong(
                f'replicas: "{replicas}" is a text, and the cluster refuses it: a number has no quotes.'
            )
        return wrong(f"The Deployment has {replicas} instead of two replicas.")
    return right(
        "Ready means: the model answers. Alive means: the process does. And the Service knows its own."
    )


# --- 9.2: undo a bad release -------------------------------------------------------------------------------

WANTED = "2013-08"
GET = f"!kubectl get deployments,pods,services,endpointslices -n {RELEASE} -o json"
HAND_IN = '{"objects": objects, "file": manifest.read_text()}'
# In the file of a way back these lines stand as before.
KEPT = ("image", "command", "livenessProbe", "lifecycle")


def _pinned(pod: dict[str, Any]) -> str:
    """Return the version that a Pod, or a form for one, is pinned to."""
    for variable in reversed(pod["spec"]["containers"][0].get("env") or []):  # the last one counts
        if variable["name"] == "FLIGHTDELAY_CHAMPION":
            return str(variable.get("value", ""))
    return ""


def _version(pod: dict[str, Any]) -> str:
    """Return the month of the champion that a Pod, or a form for one, is pinned to."""
    return _pinned(pod)[:7]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _readiness(spec: Mapping[str, Any]) -> str | None:
    """Return the path of the readiness probe in a description of a Pod."""
    path = spec["containers"][0].get("readinessProbe", {}).get("httpGet", {}).get("path")
    return None if path is None else str(path)


@exercise
def ex_9_2(answer: Any) -> Verdict:
    """What the cluster says after the bad release was taken back, and the file that is applied the next time."""
    if not isinstance(answer, Mapping) or not {"objects", "file"} <= {*answer}:
        return wrong(f"The answer is what the cluster says, and the file: answer = {HAND_IN}")
    text = answer["objects"]
    text = "\n".join(map(str, text)) if isinstance(text, list | tuple) else text
    try:
        found = json.loads(text) if isinstance(text, str) else dict(text)
        items = [*found["items"]]
        kinds = {item["kind"] for item in items}
    except (ValueError, TypeError, KeyError):
        return wrong(f"objects is not what the cluster said as JSON: objects = {GET}")
    if not kinds & {"Pod", "Service"}:
        return wrong(f"Pods and the Service are not in it. Hand in all of this: objects = {GET}")
    unseen = _unseen()
    if unseen:
        items = [each for each in items if not _is_predictions(each, unseen["kind"])] + [unseen]
    deployments = [each for each in items if _is_predictions(each, "Deployment")]
    services = [each for each in items if _is_predictions(each, "Service")]
    if not deployments or not services:
        return wrong("The Deployment or the Service predictions is not there: deleting it is no way back.")
    spec, selector = deployments[0]["spec"], services[0]["spec"].get("selector") or {}
    refused = _wish(spec, selector) or (None if unseen else _pods(items)) or _file(answer["file"], spec)
    if refused:
        return refused
    if unseen:
        return right(
            "August's champion, two replicas, both probes, and the file says the same. This cluster is recorded and "
            "cannot show the end; a live one would take it."
        )
    return right(
        "Two ready replicas, both of August, both behind the Service, and the next apply changes nothing: as if it "
        "had never happened."
    )


def _unseen() -> dict[str, Any] | None:
    """Return a change of the Deployment or the Service that the recorded cluster did not take."""
    if not at_recorded_cluster():
        return None
    wishes = (thing for _, key, thing in serve.unknown(RELEASE) if key.name == "predictions")
    return next((thing for thing in wishes if thing and thing.get("kind") in ("Deployment", "Service")), None)


def _is_predictions(item: Mapping[str, Any], kind: str) -> bool:
    return bool(item["kind"] == kind and item["metadata"]["name"] == "predictions")


def _wish(spec: Mapping[str, Any], selector: Mapping[str, str]) -> Verdict | None:
    """Judge what the Deployment describes, and whom the Service looks for."""
    pinned, replicas = _version(spec["template"]), spec.get("replicas", 1)
    if replicas == 0:
        return wrong("Scaled to zero: the bad release is gone, and so is every answer.")
    if pinned != WANTED:
        month = pinned or "no version at all"
        if pinned == "2013-07":
            return wrong("That is one step too far: July's champion answers, and August's had beaten it.")
        if pinned > WANTED:
            return wrong(
                f"The Deployment still describes {month}. Who deletes its Pod gets another one made from the same "
                "description: take back the release, not the Pod."
            )
        return wrong(f"The Deployment pins {month}, and August's champion is {WANTED}.")
    if spec.get("paused"):
        return wrong("The Deployment is paused: nothing is released until kubectl rollout resume.")
    if _readiness(spec["template"]["spec"]) != "/readyz":
        return wrong(
            "The Pods have no readiness probe at /readyz any more, so that the next bad release goes through to "
            "the callers. (The undo went back too far, or the probe was taken out.)"
        )
    if not selector or not selector.items() <= spec["template"]["metadata"]["labels"].items():
        return wrong("The Service's selector does not fit the Pods any more: nobody is behind the counter.")
    if not selector.items() <= spec["selector"]["matchLabels"].items():
        return wrong(
            "The Service's selector has more labels than the Deployment's own: it fits this release, and with the next "
            "one nobody is behind the counter."
        )
    if replicas != 2:
        return wrong(f"The Deployment wants {replicas} instead of two replicas.")
    return None


def _pods(items: list[dict[str, Any]]) -> Verdict | None:
    """Judge whether what is described has come."""
    pods = [
        pod
        for pod in items
        if pod["kind"] == "Pod"
        and pod["metadata"].get("labels", {}).get("app") == "predictions"
        and not pod["metadata"].get("deletionTimestamp")
    ]
    months = sorted({_version(pod) for pod in pods})
    if months != [WANTED]:
        return wrong(
            f"There are Pods of {' and of '.join(months) or 'no month'}: the release is not over yet, or was stopped "
            "half-way. Wait for kubectl rollout status, then ask again."
        )
    if any(_readiness(pod["spec"]) != "/readyz" for pod in pods):
        return wrong(
            "Pods without a readiness probe still answer: the release is not over yet. Wait for kubectl rollout "
            "status, then ask again."
        )
    ready = {pod["metadata"]["name"] for pod in pods if _is_ready(pod)}
    if len(ready) != 2:
        return wrong(f"{len(ready)} of two Pods ready: wait for kubectl rollout status, then ask again.")
    ends = {
        (end.get("targetRef") or {}).get("name")
        for one in items
        if one["kind"] == "EndpointSlice"
        and one["metadata"]["labels"].get("kubernetes.io/service-name") == "predictions"
        for end in one.get("endpoints") or []
        if end.get("conditions", {}).get("ready")
    }
    if not ready <= ends:
        return wrong("Two Pods are ready, and the Service does not lead to both of them yet. Ask again.")
    return None


def _file(file: Any, runs: dict[str, Any]) -> Verdict | None:
    """Judge the manifest that somebody applies the next time, against what runs."""
    try:
        text = file.read_text(encoding="utf-8") if isinstance(file, Path) else file
        [deployment] = [each for each in _objects(text) if each["kind"] == "Deployment"]
        spec = deployment["spec"]
        pinned, readiness = _version(spec["template"]), _readiness(spec["template"]["spec"])
        month = spec["template"]["metadata"]["labels"].get("month")
        note = (deployment["metadata"].get("annotations") or {}).get("kubernetes.io/change-cause", WANTED)
        container = spec["template"]["spec"]["containers"][0]
        [before] = _objects((Path(__file__).parent / "manifests" / "probed.yaml").read_text(encoding="utf-8"))
        known = before["spec"]["template"]["spec"]["containers"][0]
    except Exception as error:
        what = " ".join(str(error).split())[:80]
        return wrong(f"file is not the text of predictions.yaml ({type(error).__name__}: {what}).")
    if deployment["metadata"].get("name") != "predictions":
        return wrong("file is not the Deployment predictions.")
    if deployment["metadata"].get("namespace", RELEASE) != RELEASE:
        return wrong(f"The file names another Namespace, and is applied with -n {RELEASE}. Leave it out.")
    if pinned != WANTED:
        return wrong(
            f"The cluster is mended, and the file still pins {pinned or 'no version'}: the next apply releases that "
            "again. Mend the file as well."
        )
    if _pinned(spec["template"]) != _pinned(runs["template"]):
        return wrong(
            f"The file pins {_pinned(spec['template'])}, and {_pinned(runs['template'])} runs: the next apply is "
            "another release."
        )
    if month not in (None, WANTED):
        return wrong(
            f"The file pins {WANTED}, and its label says that the month is {month}: whoever reads it errs."
        )
    if WANTED not in note and re.search(r"\d{4}-\d\d", note):
        return wrong(
            f"The file pins {WANTED}, and its change-cause says {note!r}: so will the history of rollouts."
        )
    if readiness != "/readyz":
        return wrong(
            "The file has no readiness probe at /readyz: with the next apply it is gone, and the bad release after it "
            "goes through to the callers."
        )
    if spec.get("replicas", 1) != 2:
        return wrong(f"The file wants {spec.get('replicas', 1)} instead of two replicas.")
    changed = ["paused"] if spec.get("paused") else []
    changed += [field for field in KEPT if container.get(field) != known[field]]
    if changed:
        return wrong(f"The file changes {changed[0]} as well: with the next apply that is released too.")
    return None


# --- 9.3: the month of a scheduled time --------------------------------------------------------------------

MONTHS = {
    "2026-11-01T06:00:00Z": "2013-10",
    "2026-11-01T06:00:00+00:00": "2013-10",
    "2027-01-01T06:00:00Z": "2013-12",
    "2027-03-01T06:00:00Z": "2013-02",
    "2024-03-31T06:00:00Z": "2013-02",
    "2025-12-15T12:00:00Z": "2013-11",
    "2028-02-29T06:00:00Z": "2013-01",
    "2026-10-31T22:00:00-04:00": "2013-10",
    "2026-10-01T05:15:00+05:30": "2013-08",
    "2026-10-31T22:00:00Z": "2013-09",
}
# What Python and pandas say by themselves to a missing time.
NOT_YOURS = ("isoformat", "time data", "NaT", "NaN", "invalid literal")


@contextlib.contextmanager
def _in_new_york() -> Iterator[None]:
    """Let local time be New York's, so that an answer that uses it is wrong on every machine."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@exercise
def ex_9_3(answer: Callable[[str | None], str]) -> Verdict:
    """The month that a run was scheduled for."""
    if not callable(answer):
        return wrong("The answer is a function that takes the annotation; write its body.")
    if is_stub(answer):
        return NO_BODY
    given = {}
    with _in_new_york():
        for scheduled in MONTHS:
            try:
                given[scheduled] = answer(scheduled)
            except Exception as error:
                why = " 2013 has no 29 February." if "-02-29" in scheduled else ""
                return wrong(f'"{scheduled}" ends with {type(error).__name__}: {error}.{why}')
    said = [*given.values()]
    if not all(isinstance(month, str) for month in said):
        return wrong(f"A month is a text such as 2013-10, and a {type(said[0]).__name__} comes back.")
    if len(set(said)) == 1:
        return wrong("Every scheduled time gives the same month: does the function ask the clock instead?")
    if not any(month.startswith("2013") for month in said):
        return wrong(f"{said[0]}: the data is of 2013, so the year has to be mapped, and the month kept.")
    if strange := [month for month in said if re.fullmatch(r"\d{4}-\d\d", month) and month[:4] != "2013"]:
        return wrong(f"{strange[0]}: the data is of 2013, whatever the year in which the run was scheduled.")
    if not all(re.fullmatch(r"2013-\d\d", month) for month in said):
        return wrong(
            "A month is written with four digits and two, such as 2013-08: sorted as texts they are in order."
        )
    if said[0] == "2013-11":
        return wrong("On 1 November October is over; November has only begun. It is the month before.")
    for scheduled, month in MONTHS.items():
        if given[scheduled] == month:
            continue
        if scheduled.startswith("2027-01"):
            return wrong(
                f"Scheduled on 1 January, it says {given[scheduled]}: the month before January is December."
            )
        if "-03-" in scheduled or "-12-15" in scheduled:
            return wrong(
                f"Scheduled on {scheduled[:10]}, it says {given[scheduled]}. A fixed number of days back ends in the "
                "wrong month sooner or later; go to the first of the month, then one day back."
            )
        if "-04:00" in scheduled or "+05:30" in scheduled:
            return wrong(
                f'"{scheduled}" gives {given[scheduled]}: the last six letters say how far that clock is from UTC. '
                "Convert to UTC before you look at the month."
            )
        zone = (
            " The Z says UTC: without it Python takes the time for local time."
            if "-31T22" in scheduled
            else ""
        )
        return wrong(f'"{scheduled}" gives {given[scheduled]}, and the month before it is {month}.{zone}')
    try:
        guessed = answer(None)
    except ValueError as error:
        if len(str(error).split()) < 3 or any(word in str(error) for word in NOT_YOURS):
            return wrong(
                f"It refuses where there is no time, but without a sentence that helps. It says: {str(error)!r}"
            )
    except Exception as error:
        return wrong(
            f"Without a scheduled time it stops with {type(error).__name__}: {error}. Whoever reads that does not know "
            "what to do: raise a ValueError with a sentence."
        )
    else:
        if guessed is None:
            return wrong(
                "Where there is no time it returns None, and goes on as if that were a month. Raise an error."
            )
        return wrong(
            f"Nobody scheduled it, and it says {guessed}: a guess, which is wrong on the day when somebody repeats an "
            "old month by hand. Refuse."
        )
    return right("Late, repeated or in another zone: a run knows which month it is for, or refuses.")


# --- 9.4: rules that suffice -------------------------------------------------------------------------------

Right = tuple[str, str, str, str]  # verb, group, resource, name
NEEDED: dict[Right, str] = {
    ("get", "", "pods", "predictions-1"): "get a Pod",
    ("list", "", "pods", ""): "list the Pods",
    ("get", "", "pods/log", "predictions-1"): "get a Pod's log",
    ("get", "apps", "deployments", "predictions"): "get the Deployment predictions",
    ("patch", "apps", "deployments", "predictions"): "patch the Deployment predictions",
}
TOO_MUCH: dict[Right, str] = {
    ("get", "", "secrets", "token"): "read the Secrets",
    ("delete", "apps", "deployments", "predictions"): "delete the Deployment",
    ("patch", "apps", "deployments", "night"): "patch every other Deployment too: name the one",
    ("get", "apps", "deployments", "night"): "get every other Deployment too: name the one",
    ("update", "apps", "deployments", "predictions"): "replace the Deployment as a whole",
    ("create", "apps", "deployments", ""): "make Deployments",
    ("delete", "", "pods", "predictions-1"): "delete Pods",
    ("create", "", "pods", ""): "start Pods of any kind",
    ("create", "", "pods/exec", "predictions-1"): "run commands in every Pod",
    ("patch", "", "pods", "predictions-1"): "change Pods",
    ("watch", "", "pods", ""): "watch the Pods",
    ("list", "apps", "deployments", "predictions"): "list Deployments",
    ("watch", "apps", "deployments", "predictions"): "watch Deployments",
    ("get", "", "configmaps", "programs"): "read the ConfigMaps",
    ("patch", "batch", "cronjobs", "monthly"): "change the CronJob",
    ("create", "rbac.authorization.k8s.io", "rolebindings", ""): "give rights to others",
}


def _allows(rules: list[dict[str, Any]], wanted: Right) -> bool:
    """Say whether one of the rules allows this, as the cluster would."""
    verb, group, resource, name = wanted
    part = f"*/{resource.partition('/')[2]}"
    for rule in rules:
        names = rule.get("resourceNames") or []
        if (
            {verb, "*"} & {*rule.get("verbs", [])}
            and {group, "*"} & {*rule.get("apiGroups", [])}
            and {resource, "*", part} & {*rule.get("resources", [])}
            and (not names or name in names)
        ):
            return True
    return False


def _values(rules: list[dict[str, Any]]) -> Iterator[str]:
    for rule in rules:
        for value in rule.values():
            yield from value


BINDINGS = ("ClusterRoleBinding", "RoleBinding", "ClusterRole")
# The account as a RoleBinding may name it.
WATCHER = (
    {"kind": "ServiceAccount", "name": "watcher", "namespace": MONTHLY},
    {"kind": "User", "name": f"system:serviceaccount:{MONTHLY}:watcher"},
)


def _listed_elsewhere(kind: str) -> str:
    return f"A {kind} gives what somebody else has listed. List what is needed: the rules of a Role."


def _role(text: str) -> Any:
    """Return the rules of all Roles in a text of manifests; a text of something else as it is."""
    import yaml

    try:
        documents = [each for each in yaml.safe_load_all(text) if each]
    except yaml.YAMLError:
        return wrong(
            "That is no valid YAML: compare the indentation with the manifest that the cluster took."
        )
    if len(documents) == 1 and not (isinstance(documents[0], dict) and "kind" in documents[0]):
        return documents[0]
    objects = _objects(documents)
    roles = [each for each in objects if each["kind"] == "Role"]
    for each in objects:
        if each["kind"].startswith("Cluster"):
            return wrong(
                f"A {each['kind']} holds in every Namespace. The program works in one: Role and RoleBinding."
            )
        if (each.get("metadata") or {}).get("namespace", MONTHLY) != MONTHLY:
            return wrong(
                f"The {each['kind']} would land in another Namespace: metadata.namespace is {MONTHLY}."
            )
        named = each.get("roleRef") or {"kind": "Role"}
        if named.get("kind") != "Role":
            return wrong(_listed_elsewhere(str(named.get("kind"))))
        for subject in each.get("subjects") or []:
            if {key: value for key, value in subject.items() if key != "apiGroup"} not in WATCHER:
                return wrong(
                    f"The RoleBinding gives the rights to {subject.get('kind')} {subject.get('name')} in "
                    f"{subject.get('namespace')}: they are for the ServiceAccount watcher in {MONTHLY} alone."
                )
    if not roles:
        return wrong("There is no Role in it, with its rules.")
    return {"rules": [rule for role in roles for rule in role.get("rules") or []]}


@exercise
def ex_9_4(answer: Any) -> Verdict:
    """The rules of a Role."""
    if isinstance(answer, str):
        read = _role(answer)
        if isinstance(read, Verdict):
            return read
        answer = read
    if isinstance(answer, dict) and answer.get("kind") in BINDINGS:
        return wrong(_listed_elsewhere(answer["kind"]))
    rules = answer.get("rules", [answer]) if isinstance(answer, dict) else answer
    keys = {"apiGroups", "resources", "verbs", "resourceNames"}
    if not isinstance(rules, list | tuple) or not rules or not all(isinstance(rule, dict) for rule in rules):
        return wrong("The answer is a list of rules, each a dict with apiGroups, resources and verbs.")
    rules = list(rules)
    for rule in rules:
        if not {"apiGroups", "resources", "verbs"} <= rule.keys() <= keys:
            return wrong(
                "Each rule has apiGroups, resources and verbs, and may have resourceNames; nothing else."
            )
        if not all(isinstance(value, list | tuple) for value in rule.values()):
            return wrong('Each value is a list, also where it has one entry: ["pods"].')
    if "*" in _values(rules):
        return wrong("A * allows what exists today and whatever is invented tomorrow. Name what is needed.")
    odd = sorted(
        {value for value in _values(rules) if value != value.lower()}
        | ({"pod", "deployment"} & {*_values(rules)})
    )
    if odd:
        return wrong(
            f"{odd[0]} is not how rules spell it: resources in the plural and in small letters, such as pods."
        )
    for wanted, says in NEEDED.items():
        if _allows(rules, wanted):
            continue
        if any(
            _allows(rules, (wanted[0], group, *wanted[2:])) for group in ("apps", "", "core", "v1", "apps/v1")
        ):
            return wrong(
                f"The program may not {says}: it is in another group of the API. Pods are in the first group, which is "
                'written "", Deployments are in "apps".'
            )
        if wanted[2] == "pods/log":
            return wrong("The program may not read logs: pods/log is a resource of its own beside pods.")
        if wanted[0] == "list" and any(
            "pods" in rule["resources"] and "list" in rule["verbs"] for rule in rules
        ):
            return wrong(
                "A list has no single name: with resourceNames on Pods it is refused. (Their names change, too.)"
            )
        return wrong(f"The program may not {says} with these rules.")
    for wanted, says in TOO_MUCH.items():
        if _allows(rules, wanted):
            return wrong(f"With these rules the program may also {says}. It does not need that.")
    verbs = sorted({verb for rule in rules for verb in rule["verbs"]} - {"get", "list", "patch", "watch"})
    if verbs:
        return wrong(f"It does not need to {verbs[0]} anything.")
    resources = {resource for rule in rules for resource in rule["resources"]}
    more = sorted(resources - {"pods", "pods/log", "deployments"})
    if more:
        return wrong(f"It does not need {more[0]}.")
    return right("What it is there for, on the one Deployment, and nothing else.")
