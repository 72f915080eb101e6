"""What a Kubernetes object means, whatever way it is written: defaults filled in, equal amounts equal."""

import base64
import hashlib
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

Object = dict[str, Any]

SUFFIXES = {"": Decimal(1), "m": Decimal("0.001")}
SUFFIXES |= {letter: Decimal(1000**n) for n, letter in enumerate("kMGTP", 1)}
SUFFIXES |= {f"{letter}i": Decimal(1024**n) for n, letter in enumerate("KMGTP", 1)}
# Where the values are amounts.
AMOUNTS = ("requests", "limits", "hard", "sizeLimit", "min", "max", "default", "defaultRequest")

# What the API server fills in (kubernetes/pkg/apis/*/v1/defaults.go), for what a reader writes in this book.
PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
POD = {
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
    "serviceAccountName": "default",
}
JOB = {
    "backoffLimit": 6,
    "completions": 1,
    "parallelism": 1,
    "completionMode": "NonIndexed",
    "suspend": False,
    "manualSelector": False,
    "podReplacementPolicy": "TerminatingOrFailed",
}
CRON = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}
ROLLING = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
}
DEPLOYMENT = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": ROLLING}
SERVICE = {
    "type": "ClusterIP",
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "externalTrafficPolicy": "Cluster",
}
STORAGE_CLASS = "standard"  # kind's default
# What the cluster gives to an object, besides its status.
GIVEN_METADATA = (
    "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "annotations",
    "finalizers", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName",
)  # fmt: skip
GIVEN_LABELS = (
    "controller-uid", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "job-name",
    "jobset.sigs.k8s.io/jobset-uid",
    "kubernetes.io/metadata.name", "pod-template-hash",
)  # fmt: skip


def essence(thing: Object) -> Object:
    """Return what was wished for: without status and what the cluster gave, with defaults filled in."""
    thing = json.loads(json.dumps(thing))
    kind, metadata = thing.get("kind", ""), thing.get("metadata", {})
    thing.pop("status", None)
    thing["metadata"] = {key: value for key, value in metadata.items() if key not in GIVEN_METADATA}
    if metadata.get("generateName") and metadata.get("ownerReferences"):  # a name by chance
        thing["metadata"].pop("name", None)
    _labels(thing["metadata"])
    spec = thing.get("spec")
    if isinstance(spec, dict):
        match kind:
            case "Pod":
                _pod(spec)
                spec.pop("nodeName", None)
            case "Job":
                _job(spec)
                own = thing["metadata"]
                own["labels"] = own["labels"] or (spec["template"].get("metadata") or {}).get("labels") or {}
            case "CronJob":
                _fill(spec, CRON)
                _template(spec.setdefault("jobTemplate", {}))
                _job(spec["jobTemplate"].setdefault("spec", {}))
            case "Deployment":
                _fill(spec, DEPLOYMENT)
                _template(spec.setdefault("template", {}))
            case "Service":
                _service(spec)
            case "PersistentVolumeClaim":
                _fill(spec, {"volumeMode": "Filesystem", "storageClassName": STORAGE_CLASS})
                spec.pop("volumeName", None)
            case "TrainJob":
                _fill(spec, {"suspend": False, "managedBy": "trainer.kubeflow.org/trainjob-controller"})
                runtime = {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime"}
                _fill(spec.setdefault("runtimeRef", {}), runtime)
                for patch in spec.get("runtimePatches") or []:
                    patch.pop("time", None)
                trainer = spec.get("trainer") or {}
                if trainer.get("env"):  # a map by name, says its schema
                    trainer["env"] = sorted(trainer["env"], key=lambda each: str(each["name"]))
            case "TrainingRuntime" | "ClusterTrainingRuntime":
                _runtime(spec)
            case "NetworkPolicy":
                policies = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
                _fill(spec, {"policyTypes": policies, "podSelector": {}})
                for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
                    _connections(rule or {})
    elif kind == "Secret":
        thing = as_kept(thing)
    result = _plain(thing)
    return result if isinstance(result, dict) else {}


def as_kept(thing: Object) -> Object:
    """Return an object as the cluster keeps it: of a Secret, what was written in plain is in base64."""
    if thing.get("kind") != "Secret":
        return thing
    plain = thing.get("stringData") or {}
    data = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    kept = {key: value for key, value in thing.items() if key != "stringData"}
    return {"type": "Opaque"} | kept | {"data": (thing.get("data") or {}) | data}


def digest(thing: Object | None) -> str:
    """Return a short sum of an object's essence; of nothing, the empty text."""
    if thing is None:
        return ""
    return hashlib.sha256(json.dumps(essence(thing), sort_keys=True).encode()).hexdigest()[:16]


def container_states(pod: Object) -> list[Object]:
    """Return what a Pod says of each of its containers, those that prepare it last."""
    status = pod.get("status") or {}
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def has_ended(thing: Object) -> bool:
    """Say whether a Job or a Pod has come to its end, well or not."""
    status = thing.get("status") or {}
    return status.get("phase") in ("Succeeded", "Failed") or any(
        each["type"] in ("Complete", "Failed") and each["status"] == "True"
        for each in status.get("conditions") or []
    )


def differences(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Return the fields in which two essences differ, each with both values; None where it is absent."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        found = (differences(one.get(key), other.get(key), f"{path}.{key}") for key in keys)
        return [each for more in found for each in more]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for place, (a, b) in pairs for each in differences(a, b, f"{path}[{place}]")]
    return [] if one == other else [(path.removeprefix("."), one, other)]


def amount(value: Any) -> Decimal | None:
    """Return an amount as Kubernetes writes it, ``500m`` or ``2Gi``, as a number; None if it is none."""
    found = re.fullmatch(r"([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)", str(value))
    if not found or found[2] not in SUFFIXES or isinstance(value, bool):
        return None
    try:
        return Decimal(found[1]) * SUFFIXES[found[2]]
    except InvalidOperation:
        return None


def _fill(spec: Object, defaults: Object) -> None:
    for key, value in defaults.items():
        if spec.get(key) is None:
            spec[key] = json.loads(json.dumps(value))


def _labels(metadata: Object) -> None:
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in GIVEN_LABELS}
    metadata["labels"] = labels


def _template(template: Object) -> None:
    metadata = template.setdefault("metadata", {})
    metadata.pop("creationTimestamp", None)
    metadata.pop("name", None)
    _labels(metadata)
    # `rollout restart` writes the time here: that it is there is all that counts.
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {
        key: "" if key.endswith("restartedAt") else value for key, value in annotations.items()
    }
    if "containers" in template.get("spec", {}):
        _pod(template["spec"])


def _job(spec: Object) -> None:
    if "completions" not in spec and "parallelism" in spec:  # a work queue: no number of completions
        spec["completions"] = None
    defaults = JOB | ({"podReplacementPolicy": "Failed"} if spec.get("podFailurePolicy") else {})
    for key, value in defaults.items():
        spec.setdefault(key, value)
    selector = spec.get("selector") or {}
    if all(label in GIVEN_LABELS for label in selector.get("matchLabels", {})):
        spec.pop("selector", None)
    _template(spec.setdefault("template", {}))


def _runtime(spec: Object) -> None:
    """Fill in the form of a training; its Pods are filled in when they are made."""
    for each in ((spec.get("template") or {}).get("spec") or {}).get("replicatedJobs") or []:
        _fill(each, {"replicas": 1, "groupName": "default"})
        pod = ((each.get("template") or {}).get("spec") or {}).get("template") or {}
        for container in (pod.get("spec") or {}).get("containers") or []:
            for port in container.get("ports") or []:
                _fill(port, {"protocol": "TCP"})


def _pod(spec: Object) -> None:
    if spec.get("serviceAccount") and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    spec.pop("serviceAccount", None)
    _fill(spec, POD)
    spec.setdefault("restartPolicy", "Always")
    spec.pop("priority", None)
    spec.pop("preemptionPolicy", None)
    spec["tolerations"] = [
        each for each in spec.get("tolerations") or [] if each.get("tolerationSeconds") != 300
    ]
    volumes = [each for each in spec.get("volumes") or [] if not each["name"].startswith("kube-api-access-")]
    for volume in volumes:
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                _fill(volume[source], {"defaultMode": 420})
        if "hostPath" in volume:
            _fill(volume["hostPath"], {"type": ""})
    spec["volumes"] = sorted(volumes, key=lambda each: str(each["name"]))
    for container in [*spec.get("containers", []), *(spec.get("initContainers") or [])]:
        _container(container)


def _container(container: Object) -> None:
    _fill(container, CONTAINER)
    image = str(container.get("image", ""))
    name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
    _fill(
        container, {"imagePullPolicy": "Always" if tag == "latest" and "@" not in image else "IfNotPresent"}
    )
    container["image"] = re.sub(r"^(docker\.io/)?(library/)?", "", f"{name}:{tag}")
    resources = container.setdefault("resources", {}) or {}
    if resources.get("limits"):  # a limit without a request is the request, too
        resources["requests"] = resources["limits"] | (resources.get("requests") or {})
    for port in container.get("ports") or []:
        _fill(port, {"protocol": "TCP"})
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if container.get(name):
            _fill(container[name], PROBE)
            if "httpGet" in container[name]:
                _fill(container[name]["httpGet"], {"scheme": "HTTP", "path": "/"})
    mounts = container.get("volumeMounts") or []
    for each in mounts:
        each.pop("recursiveReadOnly", None)
        if each.get("readOnly") is False:
            del each["readOnly"]
    mounts = [each for each in mounts if not str(each.get("name")).startswith("kube-api-access-")]
    container["volumeMounts"] = sorted(mounts, key=lambda each: str(each.get("mountPath")))
    for variable in container.get("env") or []:
        field = (variable.get("valueFrom") or {}).get("fieldRef")
        if field:
            _fill(field, {"apiVersion": "v1"})


def _service(spec: Object) -> None:
    for key in ("clusterIP", "clusterIPs"):
        if spec.get(key) not in ("None", ["None"]):
            spec.pop(key, None)
    for key in ("ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"):
        spec.pop(key, None)
    _fill(spec, SERVICE)
    if spec["type"] == "ClusterIP":
        spec.pop("externalTrafficPolicy", None)
    for port in spec.get("ports") or []:
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})


def _connections(rule: Object) -> None:
    """Fill in a rule of a NetworkPolicy; an empty selector means everything there, and none at all does not."""
    for port in rule.get("ports") or []:
        _fill(port, {"protocol": "TCP"})
    for peer in [*(rule.get("from") or []), *(rule.get("to") or [])]:
        for name in ("namespaceSelector", "podSelector"):
            if peer.get(name) == {}:
                peer[name] = {"matchLabels": "everything"}


def _plain(value: Any, of_amounts: bool = False) -> Any:
    """Return a value without empty fields, amounts as numbers."""
    if isinstance(value, dict):
        plain = {key: _plain(each, key in AMOUNTS or of_amounts) for key, each in value.items()}
        return {key: each for key, each in plain.items() if each not in (None, {}, [], "")}
    if isinstance(value, list):
        return [_plain(each, of_amounts) for each in value]
    if of_amounts:
        number = amount(value)
        return value if number is None else f"{number.normalize():f}"
    return value
