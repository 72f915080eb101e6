"""What the recorded cluster's API offers: its resources, its tables' columns, its own description."""

import json
import lzma
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from companion.bootstrap import ROOT
from companion.recorded.objects import Object
from companion.recorded.protobuf import Messages
from companion.recorded.recording import RecordingError

# What was recorded of the API itself, once for all recordings.
API = ROOT / "cluster-setup" / "api.json.xz"


@dataclass(frozen=True)
class Resource:
    """One kind of object, and where it is found."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def name(self) -> str:
        """Return what `Key` calls it: ``jobs.batch``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """Return what stands as ``apiVersion`` in its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Definitions:
    """The documents that a client asks for before anything else.

    Parameters
    ----------
    documents
        ``version``, ``documents`` (by path: what the API server gave), ``columns`` (by resource), and ``messages``
        (the numbers of the fields in protobuf).
    """

    def __init__(self, documents: dict[str, Any]) -> None:
        self.version: Object = documents["version"]
        self.messages: Messages = documents["messages"]
        self._documents: dict[str, str] = documents["documents"]
        self._columns: dict[str, list[Object]] = documents["columns"]
        self._resources: dict[tuple[str, str, str], Resource] = {}
        for path, text in self._documents.items():
            parts = path.split("/")
            if parts[0] in ("api", "apis") and len(parts) == (2 if parts[0] == "api" else 3):
                group, version = ("" if parts[0] == "api" else parts[1]), parts[-1]
                for each in json.loads(text)["resources"]:
                    if "/" not in each["name"]:
                        self._resources[group, version, each["name"]] = Resource(
                            group, version, each["name"], each["kind"], each["namespaced"]
                        )

    @classmethod
    def read(cls, path: Path = API) -> "Definitions":
        """Read what was recorded of the API itself.

        Raises
        ------
        RecordingError
            If the file is missing or damaged.
        """
        try:
            return cls(json.loads(lzma.decompress(path.read_bytes())))
        except (OSError, lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
            raise RecordingError(
                f"What was recorded of the cluster's API, {path}, is missing or damaged: git checkout -- '{path}' "
                "brings it back."
            ) from error

    def of(self, served: str | None) -> "Definitions":
        """Return those of a cluster that serves no other versions of groups, such as ``apps/v1 batch/v1``.

        The file knows the groups of all recordings, Kubeflow's among them; an older recording does not tell its own.
        """
        if served is None:
            return self
        versions = {f"apis/{each}" for each in served.split()}
        documents = {}
        for path, text in self._documents.items():
            name = path.removeprefix("openapi/v3/")
            if path.partition(" ")[0] == "apis" or path == "openapi/v3":
                documents[path] = json.dumps(_among(json.loads(text), versions))
            elif not name.startswith("apis/") or name in versions:
                documents[path] = text
        kept = {"version": self.version, "columns": self._columns, "messages": self.messages}
        return Definitions({**kept, "documents": documents})

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """Return a resource, or None."""
        return self._resources.get((group, version, plural))

    def columns(self, name: str) -> list[Object]:
        """Return the columns of a resource's table."""
        plain: list[Object] = [
            {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
            {"name": "Age", "type": "string", "format": "", "description": "", "priority": 0},
        ]
        return self._columns.get(name, plain)

    def document(self, path: list[str], accept: str) -> tuple[str, str] | None:
        """Return the type and the text of what the API says of itself, or None."""
        name = "/".join(path)
        if path in (["api"], ["apis"]):
            for version in ("v2", "v2beta1"):
                wanted = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                if wanted in accept.replace(" ", "") and f"{name} {version}" in self._documents:
                    return wanted, self._documents[f"{name} {version}"]
        text = self._documents.get(name)
        return ("application/json", text) if text is not None else None

    def unknown_fields(self, resource: Resource, thing: Any) -> list[str]:
        """Return the fields of an object that its schema does not have, as the API server writes them."""
        where = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
        text = self._documents.get(f"openapi/v3/{where}")
        if text is None:
            return []
        schemas = _schemas(text)
        for schema in schemas.values():
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                if (kind["group"], kind["version"], kind["kind"]) == (
                    resource.group,
                    resource.version,
                    resource.kind,
                ):
                    return _unknown(schemas, schema, thing, "")
        return []


def _among(index: Object, versions: set[str]) -> Object:
    """Return one of the three lists that an API server gives of its groups, without other versions than these."""
    if "paths" in index:
        kept = {path: each for path, each in index["paths"].items() if path[:4] != "apis" or path in versions}
        return {**index, "paths": kept}
    field, found = "items" if "items" in index else "groups", []
    for group in index[field]:
        name = group["metadata"]["name"] if field == "items" else group["name"]
        own = [each for each in group["versions"] if f"apis/{name}/{each['version']}" in versions]
        if own:
            found.append({**group, "versions": own})
    return {**index, field: found}


@cache
def _schemas(text: str) -> Object:
    """Return the schemas of a document: it is long, and each change asks for them."""
    return dict(json.loads(text)["components"]["schemas"])


def _unknown(schemas: Object, schema: Object, thing: Any, path: str) -> list[str]:
    for part in schema.get("allOf", []):
        schema = {**schema, **part}
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if isinstance(thing, list):
        items = schema.get("items", {})
        found = (_unknown(schemas, items, each, f"{path}[{n}]") for n, each in enumerate(thing))
        return [each for more in found for each in more]
    if not isinstance(thing, dict) or "properties" not in schema:
        return []
    unknown: list[str] = []
    for name, value in thing.items():
        where = f"{path}.{name}".removeprefix(".")
        if name not in schema["properties"]:
            unknown.append(where)
        else:
            unknown += _unknown(schemas, schema["properties"][name], value, where)
    return unknown
