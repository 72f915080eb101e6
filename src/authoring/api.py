"""What a cluster's API says of itself, kept once for all recordings: ``cluster-setup/api.json.xz``."""

import json
import re
from pathlib import Path
from typing import Any

from authoring.upstream import Upstream
from companion.recorded.protobuf import Messages

# Whose schemas are kept, for kubectl explain and for the server's check of fields.
SCHEMAS = (
    "api/v1",
    "apis/apps/v1",
    "apis/batch/v1",
    "apis/networking.k8s.io/v1",
    "apis/rbac.authorization.k8s.io/v1",
    "apis/trainer.kubeflow.org/v1alpha1",
)
# What kubectl sends in protobuf, and where it is defined.
SENT = {
    "v1": (
        "core.v1",
        ("Namespace", "ConfigMap", "Secret", "ServiceAccount", "ResourceQuota", "Service", "Pod"),
    ),
    "batch/v1": ("batch.v1", ("Job", "CronJob")),
    "apps/v1": ("apps.v1", ("Deployment",)),
    "policy/v1": ("policy.v1", ("PodDisruptionBudget",)),
    "rbac.authorization.k8s.io/v1": ("rbac.v1", ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
    "authorization.k8s.io/v1": ("authorization.v1", ("SelfSubjectAccessReview", "SelfSubjectRulesReview")),
}
# The parameters by which kubectl sees what a server can do.
TOLD = ("dryRun", "fieldValidation")
SCALARS = ("string", "bool", "bytes", "int32", "int64", "uint32", "uint64", "double", "float")
SIMPLE = ("Quantity", "IntOrString", "Time", "MicroTime", "FieldsV1")
FIELD = re.compile(
    r"^ *(?:(optional|repeated) )?(?:map<string, *([\w.]+)>|([\w.]+)) (\w+) = (\d+);", re.MULTILINE
)


def definitions_of(upstream: Upstream, messages: Messages) -> dict[str, Any]:
    """Return what an API server says of itself, as `companion.recorded.definitions.Definitions` reads it."""
    documents: dict[str, str] = {}
    for name in ("api", "apis"):
        documents[name] = upstream.get(f"/{name}")[1]
        for version in ("v2", "v2beta1"):
            accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            code, text = upstream.get(f"/{name}", accept)
            if code == 200 and "APIGroupDiscoveryList" in text:
                documents[f"{name} {version}"] = text
    served = [version for group in json.loads(documents["apis"])["groups"] for version in group["versions"]]
    for path in ["api/v1", *(f"apis/{version['groupVersion']}" for version in served)]:
        documents[path] = upstream.get(f"/{path}")[1]
    index = json.loads(upstream.get("/openapi/v3")[1])["paths"]
    documents["openapi/v3"] = json.dumps({"paths": {path: index[path] for path in SCHEMAS if path in index}})
    for path in (each for each in SCHEMAS if each in index):
        documents[f"openapi/v3/{path}"] = _shortened(upstream.get(index[path]["serverRelativeURL"])[1])
    version = json.loads(upstream.get("/version")[1])
    return {"version": version, "documents": documents, "columns": {}, "messages": messages}


def _shortened(text: str) -> str:
    """Return an OpenAPI document with as much of its paths as kubectl looks up: kinds, and what a PATCH may be told."""
    document = json.loads(text)
    paths: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method in ("get", "patch"):
            kind = methods.get(method, {}).get("x-kubernetes-group-version-kind")
            if kind:
                told = [each for each in methods[method].get("parameters", []) if each["name"] in TOLD]
                paths.setdefault(path, {})[method] = {
                    "x-kubernetes-group-version-kind": kind,
                    "x-kubernetes-action": methods[method]["x-kubernetes-action"],
                    "parameters": told,
                    "responses": {},
                }
    return json.dumps(document | {"paths": paths})


def messages_of(*modules: Path) -> Messages:
    """Return the numbers of the fields of what kubectl sends, as Kubernetes' definition files give them.

    Parameters
    ----------
    modules
        Folders of the Go modules ``k8s.io/api`` and ``k8s.io/apimachinery``, of the API server's version.
    """
    known: Messages = {}
    for path in (each for module in modules for each in module.rglob("generated.proto")):
        text = re.sub(r"^ *//.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        package = re.findall(r"^package ([\w.]+);", text, re.MULTILINE)[0]
        for message, body in re.findall(r"^message (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
            known[f".{package}.{message}"] = {
                number: [name, _type(package, one or of), repeats == "repeated", bool(of)]
                for repeats, of, one, name, number in FIELD.findall(body)
            }
    found: Messages = {}
    for version, (place, kinds) in SENT.items():
        for kind in kinds:
            found[f"{version} {kind}"] = known[f".k8s.io.api.{place}.{kind}"]
            _gather(known, f".k8s.io.api.{place}.{kind}", found)
    return found


def _type(package: str, name: str) -> str:
    last = name.rpartition(".")[2]
    return (
        last if last in SIMPLE else name if name in SCALARS or name.startswith(".") else f".{package}.{name}"
    )


def _gather(known: Messages, name: str, found: Messages) -> None:
    for _, kind, *_ in known[name].values():
        if kind.startswith(".") and kind not in found:
            found[kind] = known[kind]
            _gather(known, kind, found)
