"""Checks of chapter 08: a Job's manifest, requests and limits, an OOM that was mended, what a Job is given."""

import argparse
import base64
import binascii
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from companion.check.verdict import Verdict, exercise, right, wrong
from companion.cluster.shell import at_recorded_cluster
from companion.recorded import serve
from companion.recorded.objects import amount

IMAGE = "pipelines-for-humans/python:0.1.0"
# Of exercises 8.1, 8.3 and 8.4.
TRAINING, SIZES, MODELS = "flights-training", "flights-sizes", "flights-models"


class _Refused(Exception):
    """A hint; the answer is wrong."""


# --- What a manifest says ----------------------------------------------------------------------------------


def _job(answer: Any, name: str, namespace: str) -> dict[str, Any]:
    """Return the Job in an answer: a manifest's file, its text, or what it says as a dict."""
    if isinstance(answer, Path):
        answer = _text(answer)
    if isinstance(answer, str):
        try:
            documents = [document for document in yaml.safe_load_all(answer) if document]
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            raise _Refused(
                f"That is no valid YAML{where}: compare the indentation with a manifest that the cluster took."
            ) from None
        if len(documents) != 1:
            raise _Refused("One object is asked for: the Job.")
        answer = documents[0]
    if not isinstance(answer, dict) or "kind" not in answer:
        raise _Refused(f'The answer is the text of a manifest: (state / "{name}.yaml").read_text().')
    if answer["kind"] == "Pod":
        raise _Refused("A bare Pod is one attempt that nobody repeats. The wish is a Job.")
    if answer["kind"] != "Job":
        raise _Refused(f"A {answer['kind']} is for something else than a training that ends: that is a Job.")
    if answer.get("apiVersion") != "batch/v1":
        raise _Refused(f"There is no Job in apiVersion {answer.get('apiVersion')}: it is batch/v1.")
    metadata = answer.get("metadata") or {}
    if metadata.get("name") != name:
        raise _Refused(f"The Job is called {metadata.get('name')!r}; {name!r} is asked for.")
    if metadata.get("namespace") != namespace:
        raise _Refused(f"It would land in another Namespace: metadata.namespace is {namespace}.")
    return answer


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise _Refused(f"There is no text to read in {path.name}: is it in the notebook's folder?") from None


def _template(job: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a Job's specification, that of its Pods, and that of the one container."""
    spec = job.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = pod.get("containers") or []
    if len(containers) != 1:
        raise _Refused("spec.template.spec.containers is a list of one container; compare the indentation.")
    return spec, pod, containers[0]


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise _Refused(f"The program would stop at its arguments: {message}.")


def _call(container: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    """Return what the pipeline would be told, with ``$(NAME)`` replaced as Kubernetes does it."""
    image = str(container.get("image"))
    if image.removeprefix("docker.io/") != IMAGE:  # where no registry is named, it is docker.io
        raise _Refused(f"The image is {image!r}; the cluster has {IMAGE}.")
    if container.get("imagePullPolicy") == "Always":
        raise _Refused(
            "imagePullPolicy Always asks a registry each time, and none has this image (ErrImagePull): it was loaded "
            "onto the node."
        )
    command, args = container.get("command") or [], container.get("args") or []
    if not isinstance(command, list) or not isinstance(args, list):
        raise _Refused('command and args are lists of words: ["2013-09", "--sample", …].')
    words = [*command, *args]
    if any(not isinstance(word, str) for word in words):
        strange = next(word for word in words if not isinstance(word, str))
        raise _Refused(f'{strange!r} stands there without quotes, and the cluster wants text: "{strange}".')
    shell = words[0] in ("sh", "bash", "/bin/sh", "/bin/bash") if command else False
    for name, value in (environment or {}).items():
        words = [word.replace(f"$({name})", value) for word in words]
        if shell:
            words = [re.sub(rf'"?\$(?:{name}\b|\{{{name}\}})"?', value, word) for word in words]
    if environment is not None and any("$" in word for word in words):
        strange = next(word for word in words if "$" in word)
        raise _Refused(
            f"The program would get {strange!r}, letter by letter: no shell is at work. Kubernetes replaces "
            "$(NAME), and only names that the container has as environment variables."
        )
    if shell:
        words = [word for word in shlex.split(words[-1]) if word != "exec"]
    if command:
        module = words[1:3] == ["-m", "flightdelay"]
        if not module and not (words[1:2] == ["-c"] and "flightdelay" in words[2]):
            raise _Refused(
                "`command` takes the place of the image's ENTRYPOINT, so this starts something else than "
                "python3 -m flightdelay. The month and its options are `args`."
            )
        words = words[3:]
    if any(" " in word for word in words):
        raise _Refused(
            f"{next(word for word in words if ' ' in word)!r} is one word for the program: each word is an "
            "item of its own in the list."
        )
    parser = _Arguments(add_help=False)
    parser.add_argument("month")
    for option in ("--sample", "--window", "--store", "--data"):
        parser.add_argument(option)
    return parser.parse_args(words)


# --- 8.1: a Job --------------------------------------------------------------------------------------------

# Seconds: what the lesson's own commands wait for one Job.
PATIENT = 600
# Bytes: what the kernel charges for a training of 20,000 flights is between 300 and 400 Mi.
SAMPLE_PEAK = 300 * 2**20


def _amount(quantity: Any, name: str) -> float:
    """Return an amount of memory in bytes, or of CPU in cores."""
    found = amount(quantity)
    if found is None or found < 0:
        raise _Refused(f"{quantity!r} is no amount of {name}.")
    return float(found)


@exercise
def ex_8_1(answer: str | Path | dict[str, Any]) -> Verdict:
    """A Job that trains October."""
    try:
        return _judge_october(_job(answer, "october", TRAINING))
    except _Refused as refused:
        return wrong(str(refused))


def _may_run(spec: Mapping[str, Any], pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    """Refuse what keeps a training from its end, though its text is in order."""
    for field in ("backoffLimit", "completions", "parallelism", "activeDeadlineSeconds"):
        if field in spec and type(spec[field]) is not int:
            raise _Refused(
                f"{field} is a number, and {spec[field]!r} is something else: the cluster refuses it. A number stands "
                "there without quotes."
            )
    if spec.get("suspend"):
        raise _Refused("With suspend: true the Job waits until somebody sets it to false: no Pod is made.")
    if spec.get("completionMode") == "Indexed" and "completions" not in spec:
        raise _Refused(
            "completionMode Indexed asks for completions, and without it the cluster refuses the Job."
        )
    deadline = min(each.get("activeDeadlineSeconds", PATIENT) for each in (spec, pod))
    if deadline < PATIENT:
        raise _Refused(
            f"activeDeadlineSeconds {deadline} ends it after {deadline} seconds, whatever it is doing: three attempts "
            f"with their pauses need more on a slow machine. Leave it out, or give it {PATIENT}."
        )
    resources = container.get("resources") or {}
    for name, least in (("memory", SAMPLE_PEAK), ("cpu", 0)):
        request, limit = ((resources.get(kind) or {}).get(name) for kind in ("requests", "limits"))
        asked, allowed = (None if each is None else _amount(each, name) for each in (request, limit))
        if asked is not None and allowed is not None and asked > allowed:
            raise _Refused(
                f"It requests {name} {request} with a limit of {limit}: the cluster refuses a request above its limit."
            )
        if allowed is not None and allowed < least:
            raise _Refused(
                f"A memory limit of {limit} is less than a training of 20,000 flights takes: it would be killed."
            )


def _fits_one(codes: Mapping[str, Any]) -> bool:
    """Say whether a rule about exit codes is about 1."""
    if not codes:
        return False
    return (1 in codes.get("values", [])) == (codes.get("operator") == "In")


def _judge_october(job: dict[str, Any]) -> Verdict:
    spec, pod, container = _template(job)
    literal = {each["name"]: str(each["value"]) for each in container.get("env") or [] if "value" in each}
    called = _call(container, literal or None)
    _may_run(spec, pod, container)
    if called.month != "2013-10":
        return wrong(f"It trains {called.month}; October is 2013-10.")
    if called.sample != "20000":
        return wrong(f"--sample is {called.sample or 'not there'}; 20000 flights are asked for.")
    if called.store is None or Path("/tmp", called.store) != Path("/tmp/store"):  # the image starts in /tmp
        return wrong(f"--store is {called.store or 'not there'}; store is asked for.")
    policy = pod.get("restartPolicy")
    if policy is None and "restartPolicy" in spec:
        return wrong("restartPolicy belongs to the Pod, in template.spec; the Job does not know it.")
    if policy in (None, "Always"):
        return wrong(
            "restartPolicy is Always (that is what a Pod has if nothing is said): the cluster refuses such a "
            "Job, since a training that ended well would be started again."
        )
    if policy != "Never":
        return wrong(
            f"With restartPolicy {policy} the same Pod starts its container again, and the first attempt's log "
            "is lost. Each attempt shall have a Pod of its own."
        )
    again = spec.get("backoffLimit")
    if again is None:
        if "backoffLimit" in pod:
            return wrong("backoffLimit belongs to the Job, in its own spec, not to the Pod.")
        return wrong("Without backoffLimit a Job tries six times more, each time after a longer pause.")
    if again == 3:
        return wrong(
            "backoffLimit counts the failures after which another attempt follows, not all attempts."
        )
    if again != 2:
        return wrong(f"backoffLimit {again} does not give two more attempts after the first.")
    rules = (spec.get("podFailurePolicy") or {}).get("rules") or []
    if any(rule.get("action") == "FailJob" and _fits_one(rule.get("onExitCodes") or {}) for rule in rules):
        return wrong(
            "podFailurePolicy ends the Job when the program ends with 1, and that is how it ends after every error: "
            "no attempt would follow."
        )
    if spec.get("completions", 1) != 1 or spec.get("parallelism", 1) != 1:
        return wrong("One training is asked for; completions and parallelism make several of the same.")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    own = (job["metadata"].get("labels")) or {}
    wanted = {"run": "october", "team": "forecast"}
    if not wanted.items() <= labels.items():
        if wanted.items() <= own.items():
            return wrong("These labels are on the Job. Its Pods get theirs from template.metadata.labels.")
        missing = next(name for name, value in wanted.items() if labels.get(name) != value)
        return wrong(f"The Pods have no label {missing}={wanted[missing]}: template.metadata.labels.")
    return right("One wish, at most three attempts at it, and all of them are found without a name.")


# --- 8.2: who reads it -------------------------------------------------------------------------------------

OUTCOMES = ("waits", "runs", "runs slower", "is killed")
CASES = {"a": "runs", "b": "is killed", "c": "waits", "d": "runs slower", "e": "waits", "f": "waits"}
HINTS = {
    "a": "A request guarantees an amount and limits nothing: the kernel looks at the limit, and 400Mi are below it.",
    "b": "The kernel does not negotiate: 400Mi against a limit of 350Mi.",
    "c": "The scheduler reads the request, not what the program would use. Is there a node with 8Gi left?",
    "d": "CPU time can be divided, so above the CPU limit nothing is killed. The program gets one core's time.",
    "e": "Four Pods have requested all that the node gives. That they use little, the scheduler does not see.",
    "f": "Only a limit is there. What did the cluster fill in as the request of `limit-only`?",
}


@exercise
def ex_8_2(answer: Mapping[str, str]) -> Verdict:
    """What waits, runs, runs slower, or is killed."""
    if not isinstance(answer, Mapping) or set(answer) != set(CASES):
        return wrong("The answer is a dict with the keys a to f.")
    for case, outcome in answer.items():
        if outcome not in OUTCOMES:
            return wrong(f"{case}: {outcome!r} is none of {', '.join(OUTCOMES)}.")
    for case, outcome in CASES.items():
        if answer[case] != outcome:
            return wrong(f"{case}: {HINTS[case]}")
    return right(
        "The request decides whether it starts, whatever is used then; the limit decides how far its use may go."
    )


# --- 8.3: an OOM, mended -----------------------------------------------------------------------------------

SMALL = 400  # Mi, the limit that was too small
ROOM = 2048  # Mi, the limit with room to spare under which it is measured


def _mebibytes(quantity: Any) -> float:
    return _amount(quantity, "memory") / 2**20


def _objects(fetched: Any) -> list[dict[str, Any]]:
    """Return the objects in what ``kubectl get -o json`` printed."""
    if isinstance(fetched, list | tuple) and all(isinstance(line, str) for line in fetched):
        fetched = "\n".join(fetched)
    if isinstance(fetched, str):
        try:
            fetched = json.loads(fetched)
        except ValueError:
            if "not found" in fetched or "No resources" in fetched:
                raise _Refused(f"kubectl found nothing: {fetched.strip().splitlines()[-1]}") from None
            raise _Refused("objects is not JSON: fetch it with -o json, and change nothing in it.") from None
    if isinstance(fetched, dict):
        fetched = fetched.get("items", [fetched])
    if not isinstance(fetched, list) or not all(
        isinstance(item, dict) and "kind" in item for item in fetched
    ):
        raise _Refused("objects is what `kubectl get jobs,pods … -o json` printed.")
    return fetched


def _peak(peak: Any) -> float:
    if isinstance(peak, str):
        found = re.search(r"(\d+(?:\.\d+)?)\s*(?:Mi|MiB)?\s*$", peak)
        if not found:
            raise _Refused("peak is a number in Mi, as the measured run printed it.")
        peak = float(found[1])
    if isinstance(peak, bool) or not isinstance(peak, int | float):
        raise _Refused("peak is a number in Mi, as the measured run printed it.")
    if peak > 100_000:
        raise _Refused(f"{peak} cannot be Mi: that would be more than 97 Gi. Which unit is it?")
    if peak <= SMALL:
        raise _Refused(
            f"A peak of {peak:g} Mi fits below the old limit of 400Mi, so it is not what December needs. A run that "
            "is killed does not reach its peak, and a sample has another one: measure the whole year with room."
        )
    if peak >= ROOM:
        raise _Refused(
            f"{peak:g} Mi is no less than the measured run's limit of {ROOM} Mi, which nothing there could hold. Is it "
            "the limit rather than the peak, or another unit?"
        )
    return float(peak)


@exercise
def ex_8_3(answer: Mapping[str, Any]) -> Verdict:
    """The Job december, complete, with numbers that rest on a measurement."""
    if not isinstance(answer, Mapping) or not {"reason", "peak", "objects"} <= set(answer):
        return wrong("The answer is a dict with reason, peak and objects.")
    try:
        return _judge_december(answer)
    except _Refused as refused:
        return wrong(str(refused))


def _judge_december(answer: Mapping[str, Any]) -> Verdict:
    reason = re.sub(r"\s", "", str(answer["reason"])).casefold()
    if "oomkilled" not in reason and "outofmemory" not in reason:
        if "backofflimit" in reason:
            return wrong(
                "reason: BackoffLimitExceeded says that the Job gave up. Why did its containers end?"
            )
        if "137" in reason:
            return wrong("reason: 137 says signal 9. Beside it stands who sent it, and why: give that word.")
        return wrong("reason: the word under REASON with which the containers ended.")
    peak = _peak(answer["peak"])
    objects = _objects(answer["objects"])
    job = next((each for each in objects if _is(each, "Job", "december")), None)
    pods = [each for each in objects if each["kind"] == "Pod"]
    if job is None:
        if at_recorded_cluster() and not objects:
            return _judge_unseen(peak)
        if pods:
            return wrong(
                "There are Pods, and no Job december. A Pod that somebody starts by hand has run once; next month "
                "the Job runs, and it is killed again."
            )
        if any(each["kind"] == "Job" for each in objects):
            return wrong("That is another Job. The one that has to run next month is called december.")
        return wrong("No Job december is in it: fetch jobs,pods with -l run=december.")
    return _judge_size(job, pods, peak) or _judge_run(job, pods) or _proved(job, peak)


def _judge_unseen(peak: float) -> Verdict:
    """Judge a mend that the recorded cluster did not take."""
    wishes = [thing for _, key, thing in serve.unknown(SIZES) if key.name == "december" and thing]
    if not wishes:
        return wrong(
            "No Job december is in it: delete the old one, apply december.yaml, then fetch jobs,pods with "
            "-l run=december."
        )
    job = _job(wishes[-1], "december", SIZES)
    refused = _judge_size(job, [], peak)
    if refused:
        return refused
    _may_run(*_template(job))
    request, limit = _memory(_template(job)[2])
    return right(
        f"It peaks at {peak:g} Mi, requests {request}, may take {limit}: numbers with a reason. This cluster is "
        "recorded and cannot show the end; a live one would run it."
    )


def _is(each: Mapping[str, Any], kind: str, name: str) -> bool:
    return bool(each["kind"] == kind and each["metadata"]["name"] == name)


def _memory(container: Mapping[str, Any]) -> tuple[Any, Any]:
    resources = container.get("resources") or {}
    return (resources.get("requests") or {}).get("memory"), (resources.get("limits") or {}).get("memory")


def _judge_size(job: dict[str, Any], pods: list[dict[str, Any]], peak: float) -> Verdict | None:
    """Judge the numbers in the Job's template."""
    container = _template(job)[2]
    request, limit = _memory(container)
    if limit is None:
        return wrong(
            "The Job has no memory limit any more. It runs, until the day on which it takes its neighbours' memory, "
            "and the one that is killed is not the one that was greedy."
        )
    allowed = _mebibytes(limit)
    if request is not None and _mebibytes(request) > allowed:
        return wrong(f"A request of {request} above a limit of {limit}: no cluster has taken such a Job.")
    if allowed <= SMALL:
        larger = [_memory(each["spec"]["containers"][0])[1] for each in pods]
        if any(one is not None and _mebibytes(one) > allowed for one in larger):
            return wrong(
                f"A Pod was given more, and the Job's template still says {limit}: the next Pod gets that, and "
                "is killed. Mend the Job."
            )
        return wrong(
            f"The Job december still has the limit {limit}. Was it deleted before you applied the file?"
        )
    called = _call(container)
    if called.month != "2013-12" or called.sample or called.window:
        return wrong(
            "It trains on less than before: then the memory is enough, and the model is another one."
        )
    if request is None:
        return wrong(
            f"Memory is not requested in the Job, so each Pod reserves its whole limit of {limit}. Say what it "
            "takes, and leave the headroom to the limit."
        )
    if allowed < 1.1 * peak:
        return wrong(
            f"A limit of {limit} leaves nothing above a peak of {peak:g} Mi: the next larger month is killed "
            "again. A fifth to a half of headroom."
        )
    if allowed > 3 * peak:
        return wrong(
            f"A limit of {limit} is {allowed / peak:.0f} times the {peak:g} Mi that you measured: nothing speaks for "
            "it, and a leak would find it only when the node is full."
        )
    if _mebibytes(request) < 0.75 * peak:
        return wrong(
            f"It requests {request} and takes {peak:g} Mi: the scheduler puts it where only {request} are left, "
            "and the node runs out. Request about what it takes."
        )
    return None


def _judge_run(job: dict[str, Any], pods: list[dict[str, Any]]) -> Verdict | None:
    """Judge whether the Job itself came to its end, with the numbers that stand in it."""
    states = {
        each["type"] for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"
    }
    if "Failed" in states:
        return wrong("The Job december has failed: ask its Pods how they ended.")
    if "Complete" not in states:
        return wrong("The Job december is not complete yet: wait for it, then fetch once more.")
    own = [
        each
        for each in pods
        if any(
            owner["uid"] == job["metadata"]["uid"] for owner in each["metadata"].get("ownerReferences", [])
        )
        and each.get("status", {}).get("phase") == "Succeeded"
    ]
    if not own:
        return wrong("No Pod of this Job is in it that ended well: fetch jobs,pods with -l run=december.")
    limit = _memory(_template(job)[2])[1]
    if any(_memory(each["spec"]["containers"][0])[1] != limit for each in own):
        return wrong("The Pod that ended well had another limit than the Job's template: somebody edited it.")
    return None


def _proved(job: dict[str, Any], peak: float) -> Verdict:
    request, limit = _memory(_template(job)[2])
    return right(
        f"It peaks at {peak:g} Mi, requests {request}, may take {limit}, and came to its end: numbers with a reason."
    )


# --- 8.4: what a Job is given ------------------------------------------------------------------------------

# Other values than the lesson's, so that a number in the text is noticed.
CONFIG = {"MONTH": "2013-06", "SAMPLE": "15000"}
TOKEN = "not-a-real-token"
HOLDS = {"ConfigMap": {"run": CONFIG}, "Secret": {"registry": {"TOKEN": TOKEN}}}


@exercise
def ex_8_4(answer: str | Path | dict[str, Any]) -> Verdict:
    """Parameters from a ConfigMap, a token from a Secret, a store in a claim."""
    try:
        given = _text(answer) if isinstance(answer, Path) else answer
        return _judge_november(
            _job(given, "november", MODELS), given if isinstance(given, str) else json.dumps(given)
        )
    except _Refused as refused:
        return wrong(str(refused))


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that the container would have."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if key in source:
                values = _held(kind, source[key].get("name"))
                found |= {f"{source.get('prefix', '')}{name}": value for name, value in values.items()}
    for variable in container.get("env") or []:
        if "valueFrom" not in variable:
            value = str(variable.get("value", ""))
            for name, known in found.items():
                value = value.replace(f"$({name})", known)
            found[variable["name"]] = value
            continue
        for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            if key in variable["valueFrom"]:
                reference = variable["valueFrom"][key]
                values = _held(kind, reference.get("name"))
                if reference.get("key") not in values:
                    raise _Refused(
                        f"The {kind} {reference.get('name')} has no key {reference.get('key')!r}: the Pod would not "
                        "start (CreateContainerConfigError)."
                    )
                found[variable["name"]] = values[reference["key"]]
    return found


def _held(kind: str, name: Any) -> dict[str, str]:
    if name in HOLDS[kind]:
        return HOLDS[kind][name]
    other = "Secret" if kind == "ConfigMap" else "ConfigMap"
    if name in HOLDS[other]:
        raise _Refused(f"{name} is a {other}, and it is looked for among the {kind}s.")
    raise _Refused(f"There is no {kind} {name!r}: the Pod would not start (CreateContainerConfigError).")


def _judge_november(job: dict[str, Any], text: str) -> Verdict:
    _, pod, container = _template(job)
    environment = _environment(container)
    if _shows_token(text):
        return wrong(
            "The token stands in the text. base64 is a way to write it, not a lock: whoever reads the manifest "
            "has it. Refer to the Secret by name."
        )
    if environment.get("TOKEN") is None:
        return wrong("The container has no environment variable TOKEN.")
    if environment["TOKEN"] != TOKEN:
        return wrong(
            "TOKEN does not hold what the Secret registry holds under TOKEN: refer to it (secretKeyRef)."
        )
    called = _call(container, environment)
    if TOKEN in vars(called).values():
        return wrong("The token is an argument now: describe and the process list show it.")
    if called.month != CONFIG["MONTH"] or called.sample != CONFIG["SAMPLE"]:
        name, got = ("MONTH", called.month) if called.month != CONFIG["MONTH"] else ("SAMPLE", called.sample)
        return wrong(
            f"With {name} {CONFIG[name]} in the ConfigMap, the program would get {got or 'nothing'}: the value still "
            "stands in the manifest."
        )
    if called.store is None:
        return wrong("Without --store it writes to a folder of the container.")
    return _judge_store(pod, container, called.store)


def _shows_token(text: str) -> bool:
    """Say whether the token is written in a manifest, as it is or in base64."""
    if TOKEN in text:
        return True
    for word in re.findall(r"[A-Za-z0-9+/]{12,}={0,2}", text):
        try:
            if TOKEN.encode() in base64.b64decode(word):
                return True
        except binascii.Error:
            continue
    return False


def _judge_store(pod: Mapping[str, Any], container: Mapping[str, Any], store: str) -> Verdict:
    """Judge what lies below the path that the program writes to."""
    mounts = {each.get("mountPath", "").rstrip("/"): each for each in container.get("volumeMounts") or []}
    above = [path for path in mounts if f"{store.rstrip('/')}/".startswith(f"{path}/")]
    if not above:
        return wrong(
            f"It writes to {store}, and mounted is {', '.join(mounts) or 'nothing'}: that is the container's "
            "own disk. What it may write there at all goes with it."
        )
    mount = mounts[max(above, key=len)]
    inside = mount.get("subPath") or mount.get("subPathExpr") or store.rstrip("/")[len(max(above, key=len)) :]
    volume = next((each for each in pod.get("volumes") or [] if each["name"] == mount.get("name")), None)
    if volume is None:
        return wrong(f"volumeMounts names a volume {mount.get('name')!r} that `volumes` does not have.")
    if "emptyDir" in volume:
        return wrong("An emptyDir lives as long as its Pod: the next Job gets another, empty one.")
    if "hostPath" in volume:
        return wrong(
            "A hostPath is a folder of whatever node the Pod happens to run on; the next Pod may run on another. Ask "
            "for storage by the claim."
        )
    if "persistentVolumeClaim" not in volume:
        return wrong("This volume is for reading. The model goes into the claim: persistentVolumeClaim.")
    claim = volume["persistentVolumeClaim"]
    if claim.get("claimName") != "models":
        return wrong(
            f"The claim is called models, not {claim.get('claimName')!r}; the Pod would stay Pending."
        )
    if mount.get("readOnly") or claim.get("readOnly"):
        return wrong("The claim is mounted for reading only, and the model has to be written.")
    if inside:
        return wrong(
            f"The model lands in the claim's folder {inside.strip('/')}. The next Job looks at its top, where `kept` "
            "wrote, and finds no champion there."
        )
    return right(
        "Another month without another manifest, no token to steal from git, and a model that stays."
    )
