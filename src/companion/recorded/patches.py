"""What a change makes of an object: the kinds of patch that kubectl sends.

The merge keys are those of the API's own description (``x-kubernetes-patch-merge-key``).
"""

import json
from typing import Any

from companion.recorded.objects import Object

# Which field tells the items of a list apart. A list that is not here is replaced as a whole.
MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "ports": ("containerPort", "port"),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "secrets": ("name",),
}


class PatchError(ValueError):
    """A patch cannot be applied; the text says why."""


def patched(thing: Object, content_type: str, patch: Any) -> Object:
    """Return `thing` with a patch of this type applied.

    Raises
    ------
    PatchError
        If it does not fit the object.
    """
    thing = json.loads(json.dumps(thing))
    try:
        match content_type.partition(";")[0]:
            case "application/json-patch+json":
                return _json_patch(thing, patch)
            case "application/merge-patch+json":
                return dict(_merge(thing, patch))
            case "application/strategic-merge-patch+json" | "application/apply-patch+yaml":
                return dict(_strategic(thing, patch))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise PatchError(f"the patch does not fit the object: {error}") from error
    raise PatchError(f"the type of patch {content_type!r} is not known")


def _merge(old: Any, new: Any) -> Any:
    """Merge as RFC 7386 says."""
    if not isinstance(new, dict):
        return new
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _json_patch(thing: Object, operations: list[Object]) -> Object:
    """Apply the operations of RFC 6902 that kubectl and people use."""
    for each in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in each["path"].split("/")[1:]]
        place: Any = thing
        for part in way:
            place = place[int(part) if isinstance(place, list) else part]
        key: Any = last
        if isinstance(place, list):
            key = len(place) if last == "-" else int(last)
        match each["op"]:
            case "add" if isinstance(place, list):
                place.insert(key, each["value"])
            case "add":
                place[key] = each["value"]
            case "replace":
                place[key]
                place[key] = each["value"]
            case "remove":
                del place[key]
            case "test":
                if place[key] != each["value"]:
                    raise ValueError(f"{each['path']} has another value")
            case unknown:
                raise ValueError(f"the operation {unknown!r} is not known")
    return thing


def _strategic(old: Any, new: Any) -> Any:
    """Merge as kubectl does: lists whose items have a key are merged item by item."""
    if not isinstance(new, dict):
        return new
    if new.get("$patch") == "replace":
        return {key: value for key, value in new.items() if key != "$patch"}
    merged = dict(old) if isinstance(old, dict) else {}
    kept = new.get("$retainKeys")
    if kept is not None:
        merged = {key: value for key, value in merged.items() if key in kept}
    for key, value in new.items():
        if key.startswith("$"):
            if key.startswith("$deleteFromPrimitiveList/"):
                name = key.partition("/")[2]
                merged[name] = [each for each in merged.get(name, []) if each not in value]
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, list):
            merged[key] = _list(key, merged.get(key) or [], value, new.get(f"$setElementOrder/{key}"))
        else:
            merged[key] = _strategic(merged.get(key), value)
    return merged


def _list(name: str, old: list[Any], new: list[Any], order: list[Any] | None) -> list[Any]:
    keys = MERGE_KEYS.get(name, ())
    key = next((key for key in keys if all(isinstance(e, dict) and key in e for e in [*old, *new])), None)
    if name == "finalizers":
        return [*old, *(each for each in new if each not in old)]
    if key is None:
        return [each for each in new if not (isinstance(each, dict) and each.get("$patch") == "replace")]
    items = {each[key]: each for each in old}
    for each in new:
        if each.get("$patch") == "delete":
            items.pop(each[key], None)
        else:
            items[each[key]] = _strategic(items.get(each[key]), each)
    if order:
        wanted = [each[key] for each in order if isinstance(each, dict) and each.get(key) in items]
        return [items[each] for each in [*wanted, *(each for each in items if each not in wanted)]]
    return list(items.values())
