"""A recording: steps of a real cluster, each a change with the states that it led to.

A recording is a compressed JSON file, ``recordings/N-name.cluster.json.xz`` of its chapter; ``python -m
companion.recorded FILE`` prints it for review. Three kinds of things are in it:

- an **entry** is an object as the API server gave it, with the cells that its own table had for it, under a key
  (resource, namespace, name). What a Service answered is an entry, too, of the resource ``answers``;
- a **frame** is what had changed some seconds after the step: entries that came or changed, keys that went;
- a **step** is a change that somebody made, with what was there before of all that its frames touch.

Logs lie apart, by container, with the time of each line.
"""

import hashlib
import json
import lzma
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from companion.errors import SentenceError
from companion.recorded.objects import Object
from flightdelay.files import write_atomically

FORMAT = 1
TIME = re.compile(r"\b(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z")
# Times that belong to a cluster are close to when it was recorded; others are data.
AROUND = timedelta(days=60)


class RecordingError(SentenceError):
    """A recording cannot be used; the text is one clear sentence."""


class Key(NamedTuple):
    """What an object is known by: its resource such as ``jobs.batch``, its namespace (or nothing), its name."""

    resource: str
    namespace: str
    name: str


class Place(NamedTuple):
    """Where a request leads: to a resource or, with a name, to an object or to what lies below it."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str
    sub: list[str]


@dataclass
class Entry:
    """An object, with the cells of its row in ``kubectl get``'s table."""

    key: Key
    object: Object
    cells: list[Any] = field(default_factory=list)


@dataclass
class Frame:
    """What had changed `at` seconds after the step."""

    at: float
    put: list[Entry] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)


@dataclass
class Step:
    """A change that somebody made at `start` (seconds since 1970), and what came of it."""

    verb: str  # "create", "update" or "delete"
    key: Key
    thing: Object | None
    start: float
    before: list[Entry] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    refused: Object | None = None  # what the API server said instead
    sent: Object | None = None  # what was written, where something new was made
    plain: bool = False  # its outcome would be known without the recording


@dataclass
class Recording:
    """All that one notebook knows of its cluster."""

    made: dict[str, str]
    start: float
    base: list[Entry] = field(default_factory=list)
    sessions: list[list[Step]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)


def answer_key(namespace: str, path: str, content: bytes) -> Key:
    """Return under which key lies what a Service answered, asked through the cluster's API.

    Parameters
    ----------
    namespace
        Where it is.
    path
        ``services/NAME:PORT/proxy/…``.
    content
        What was sent; nothing for a GET.
    """
    sent = f" {hashlib.sha256(content).hexdigest()[:16]}" if content else ""
    return Key("answers", namespace, f"{path}{sent}")


def place_of(path: list[str]) -> Place:
    """Return where the path of a request leads, given by its parts: ``api/v1/…`` or ``apis/GROUP/VERSION/…``."""
    (group, version), rest = (("", path[1]), path[2:]) if path[0] == "api" else (path[1:3], path[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    return Place(group, version, namespace, rest[0], rest[1] if len(rest) > 1 else "", rest[2:])


def packed(content: Any) -> bytes:
    """Return something as compressed JSON, the same bytes for the same content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return lzma.compress(text.encode())  # states repeat each other, farther apart than gzip looks back


def write(recording: Recording, path: Path) -> None:
    """Write a recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, packed({"format": FORMAT} | asdict(recording)))


def read(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    RecordingError
        If the file is missing, damaged, cut off, or of another format.
    """
    again = f"git checkout -- '{path}' brings it back."
    try:
        found = json.loads(lzma.decompress(path.read_bytes()))
        if found["format"] != FORMAT:
            raise RecordingError(
                f"{path} has the format {found['format']}, and this copy of the book reads {FORMAT}: book and "
                "recording are of different versions; git pull, or check out the version that you want."
            )
        return Recording(
            found["made"],
            found["start"],
            [_entry(each) for each in found["base"]],
            [[_step(each) for each in session] for session in found["sessions"]],
            found["logs"],
        )
    except OSError as error:
        raise RecordingError(f"The recording {path} cannot be read ({error}): {again}") from error
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(f"The recording {path} is damaged: {again}") from error


def _entry(found: dict[str, Any]) -> Entry:
    return Entry(Key(*found["key"]), found["object"], found["cells"])


def _step(found: dict[str, Any]) -> Step:
    frames = [
        Frame(each["at"], [_entry(entry) for entry in each["put"]], [Key(*key) for key in each["gone"]])
        for each in found["frames"]
    ]
    before = [_entry(each) for each in found["before"]]
    rest: dict[str, Any] = {
        name: found.get(name) for name in ("verb", "thing", "start", "refused", "sent", "plain")
    }
    return Step(key=Key(*found["key"]), before=before, frames=frames, **rest)


def seconds(text: str) -> float:
    """Return a time as Kubernetes writes it in seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def written(moment: float) -> str:
    """Return seconds since 1970 as Kubernetes writes a time."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shifted(text: str, around: float, by: float) -> str:
    """Return a text in which all times that are close to `around` lie `by` whole seconds later."""
    centre, distance = datetime.fromtimestamp(around, UTC), timedelta(seconds=round(by))

    def later(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(f"{found[1]}+00:00")
        if abs(moment - centre) > AROUND:
            return found[0]
        return f"{(moment + distance).strftime('%Y-%m-%dT%H:%M:%S')}{found[2] or ''}Z"

    return TIME.sub(later, text)


def renamed(entries: Iterable[Entry], names: dict[str, str]) -> list[Entry]:
    """Return entries in which these texts (names, uids, addresses) are replaced by others."""
    if not names:
        return list(entries)
    pattern = re.compile("|".join(re.escape(each) for each in sorted(names, key=len, reverse=True)))
    made = []
    for entry in entries:
        text = json.dumps([entry.key, entry.object, entry.cells])
        key, thing, cells = json.loads(pattern.sub(lambda found: names[found[0]], text))
        made.append(Entry(Key(*key), thing, cells))
    return made
