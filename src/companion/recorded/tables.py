"""The tables that ``kubectl get`` prints: the cells are the server's own, what tells a time is told anew."""

import re
from typing import Any

from companion.recorded.objects import Object, container_states, has_ended
from companion.recorded.recording import Entry, seconds

# Which field each column that tells a time is made of.
TIMES = {
    "Age": ("metadata", "creationTimestamp"),
    "Last Schedule": ("status", "lastScheduleTime"),
    "First Seen": ("firstTimestamp",),
    "Last Seen": ("lastTimestamp",),
}


def cells(entry: Entry, columns: list[dict[str, Any]], clock: float) -> list[Any]:
    """Return the row of an object, at this time of the recorded cluster (seconds since 1970)."""
    names = [column["name"] for column in columns]
    row = list(entry.cells) or [_cell(entry.object, name) for name in names]
    for place, name in enumerate(names[: len(row)]):
        if name in TIMES:
            moment = _field(entry.object, *TIMES[name]) or (
                entry.object.get("eventTime") if "Seen" in name else None
            )
            row[place] = (
                _age(moment, clock) if moment else "<none>" if name == "Last Schedule" else "<unknown>"
            )
        elif name == "Restarts":
            row[place] = _restarts(row[place], entry.object, clock)
        elif name == "Duration":
            row[place] = _lasted(row[place], entry.object, clock)
    return row


def duration(length: float) -> str:
    """Return a length of time as kubectl says it (k8s.io/apimachinery/pkg/util/duration, HumanDuration)."""
    whole = max(0, int(length))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y{days % 365}d" if days < 8 * 365 and days % 365 else f"{days // 365}y"


def _age(moment: str, clock: float) -> str:
    return duration(clock - seconds(moment))


def _field(thing: Object, *path: str) -> Any:
    found: Any = thing
    for part in path:
        found = (found or {}).get(part)
    return found


def _restarts(cell: Any, pod: Object, clock: float) -> Any:
    found = re.fullmatch(r"(\d+) \(.* ago\)", str(cell))
    ends = [_field(each, "lastState", "terminated", "finishedAt") for each in container_states(pod)]
    known = [seconds(end) for end in ends if end]
    return f"{found[1]} ({duration(clock - max(known))} ago)" if found and known else cell


def _lasted(cell: Any, job: Object, clock: float) -> Any:
    status = job.get("status") or {}
    start = status.get("startTime")
    ended = status.get("completionTime") or has_ended(job)
    return _age(start, clock) if start and not ended else cell


def _cell(thing: Object, column: str) -> Any:
    """Return a cell of what the reader made and nothing reacts to."""
    match column:
        case "Name":
            return thing["metadata"]["name"]
        case "Data":
            return len(thing.get("data") or {}) + len(thing.get("binaryData") or {})
        case "Status":
            return _field(thing, "status", "phase")
        case "Type":
            return thing.get("type")
        case "Created At":
            return thing["metadata"].get("creationTimestamp")
        case "Role":
            role = thing.get("roleRef") or {}
            return f"{role.get('kind')}/{role.get('name')}"
        case "Users" | "Groups" | "ServiceAccounts":
            found = [each for each in thing.get("subjects") or [] if f"{each['kind']}s" == column]
            spaces = [f"{each['namespace']}/" if "namespace" in each else "" for each in found]
            return ", ".join(f"{space}{each['name']}" for space, each in zip(spaces, found, strict=True))
    return ""
