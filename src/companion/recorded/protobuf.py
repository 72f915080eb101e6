"""Read what kubectl sends in protobuf: ``kubectl create`` and ``kubectl auth can-i`` write no JSON.

The numbers of the fields are part of Kubernetes' API; `authoring.api` takes them from its definition files into
what is recorded of the API (`Definitions.messages`). The wire format: protobuf.dev/programming-guides/encoding.
"""

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Messages = dict[str, dict[str, list[Any]]]  # by message, by number: name, type, does it repeat, is it a map

MAGIC = b"k8s\x00"
# Fields that exist in protobuf only: in JSON their content stands in the object around them.
INLINE = (
    "volumeSource",
    "localObjectReference",
    "handler",
    "persistentVolumeSource",
    "typedLocalObjectReference",
)
# What is always sent, set or not. In JSON it stands only where it is set.
UNSET = (
    "generateName", "generation", "selfLink", "hostPort", "minReadySeconds", "observedGeneration", "stdin", "stdinOnce",
    "tty", "hostNetwork", "hostPID", "hostIPC", "readOnly",
)  # fmt: skip


class ProtobufError(ValueError):
    """The bytes are no object that the API knows."""


def decoded(messages: Messages, content: bytes) -> dict[str, Any]:
    """Return the object that a request carries.

    Raises
    ------
    ProtobufError
        If it is none.
    """
    if not content.startswith(MAGIC):
        raise ProtobufError("the content is not a Kubernetes object in protobuf")
    try:
        envelope = dict(_fields(content[len(MAGIC) :]))
        kinds = dict(_fields(envelope[1]))
        version, kind = kinds.get(1, b"").decode(), kinds.get(2, b"").decode()
        name = f"{version} {kind}"
        return {"apiVersion": version, "kind": kind} | _message(messages, name, envelope.get(2, b""))
    except (KeyError, IndexError, ValueError, AttributeError, struct.error) as error:
        raise ProtobufError(f"the object cannot be read: {error}") from error


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the raw value of each field."""
    place = 0
    while place < len(content):
        tag, place = _number(content, place)
        match tag & 7:
            case 0:
                value, place = _number(content, place)
                yield tag >> 3, value
            case 1:
                yield tag >> 3, struct.unpack_from("<d", content, place)[0]
                place += 8
            case 2:
                length, place = _number(content, place)
                yield tag >> 3, content[place : place + length]
                place += length
            case 5:
                yield tag >> 3, struct.unpack_from("<f", content, place)[0]
                place += 4
            case other:
                raise ProtobufError(f"a field of the unknown type {other}")


def _number(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def _message(messages: Messages, name: str, content: bytes) -> dict[str, Any]:
    known = messages[name]
    found: dict[str, Any] = {}
    for number, raw in _fields(content):
        if str(number) not in known:
            continue
        field, kind, repeats, is_map = known[str(number)]
        if is_map:
            pair = dict(_fields(raw))
            value = _value(messages, kind, pair.get(2, b""))
            found.setdefault(field, {})[pair.get(1, b"").decode()] = value
            continue
        value = _value(messages, kind, raw)
        if field in INLINE and isinstance(value, dict):
            found |= value
        elif repeats:
            found.setdefault(field, []).append(value)
        elif value or (field not in UNSET and value not in ("", {}, None)):
            found[field] = value
    return found


def _value(messages: Messages, kind: str, raw: Any) -> Any:
    match kind:
        case "string":
            return raw.decode()
        case "bool":
            return bool(raw)
        case "bytes":
            return base64.b64encode(raw).decode()
        case "int32" | "int64" | "uint32" | "uint64":
            return raw - (1 << 64) if raw >= 1 << 63 else raw
        case "double" | "float":
            return raw
        case "Quantity":
            return dict(_fields(raw)).get(1, b"").decode()
        case "IntOrString":
            parts = dict(_fields(raw))
            return parts.get(3, b"").decode() if parts.get(1) else parts.get(2, 0)
        case "Time" | "MicroTime":
            moment = dict(_fields(raw)).get(1)
            return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
        case "FieldsV1":
            return {}
    return _message(messages, kind, raw)
