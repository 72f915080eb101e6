"""The numbers in a Deployment's history: the recorded ones count what was done there, and not what is done here."""

import json
from typing import Any

from companion.recorded.objects import Object
from companion.recorded.recording import Entry
from companion.recorded.state import State

DEPLOYMENTS, REPLICASETS = "deployments.apps", "replicasets.apps"
OWN = "deployment.kubernetes.io/"  # so begin the notes that only the cluster writes
REVISION, EARLIER = f"{OWN}revision", f"{OWN}revision-history"


def counted(entry: Entry, state: State) -> Entry:
    """Return a Deployment or a ReplicaSet with its number here; anything else as it is.

    As the Deployment's controller counts: the ReplicaSet of what is wished for now has the highest number, one more
    than all others when it becomes so, and the numbers that it had before are kept in a second note.
    """
    if entry.key.resource == DEPLOYMENTS:
        current = next((each for each in _of(entry, state) if _is_current(each, entry)), None)
        # One that has no ReplicaSet yet has the number that it had.
        notes = _notes(current or state.entries.get(entry.key))
        return _with(entry, {REVISION: notes.get(REVISION) or _notes(entry).get(REVISION)})
    owner = owner_of(entry, state)
    if owner is None:
        return entry
    own = _notes(state.entries.get(entry.key))
    highest = max((_number(each) for each in _of(owner, state)), default=0)
    if not own:
        number = highest + 1 if _is_current(entry, owner) else _number(entry)
        return _with(entry, {REVISION: str(number), EARLIER: None})
    if not _is_current(entry, owner) or int(own[REVISION]) == highest:
        return _with(entry, {name: own.get(name) for name in (REVISION, EARLIER)})
    earlier = ",".join([*filter(None, [own.get(EARLIER)]), own[REVISION]])
    return _with(entry, {REVISION: str(highest + 1), EARLIER: earlier})


def _notes(entry: Entry | None) -> dict[str, str]:
    return (entry.object["metadata"].get("annotations") or {}) if entry else {}


def _number(replica_set: Entry) -> int:
    return int(_notes(replica_set).get(REVISION, 0))


def owner_of(entry: Entry, state: State) -> Entry | None:
    """Return the Deployment that a ReplicaSet belongs to; None of anything else."""
    if entry.key.resource != REPLICASETS:
        return None
    names = [each["name"] for each in entry.object["metadata"].get("ownerReferences") or []]
    key = entry.key
    found = (state.entries.get(key._replace(resource=DEPLOYMENTS, name=name)) for name in names)
    return next((each for each in found if each), None)


def _of(deployment: Entry, state: State) -> list[Entry]:
    """Return the ReplicaSets of a Deployment."""
    sets = state.of(REPLICASETS, deployment.key.namespace)
    return [each for each in sets if (owner_of(each, state) or each).key == deployment.key]


def _is_current(replica_set: Entry, deployment: Entry) -> bool:
    return _template(replica_set) == _template(deployment)


def _template(entry: Entry) -> str:
    template: Object = json.loads(json.dumps(entry.object["spec"]["template"]))
    (template["metadata"].get("labels") or {}).pop("pod-template-hash", None)
    return json.dumps(template, sort_keys=True)


def _with(entry: Entry, notes: dict[str, Any]) -> Entry:
    """Return an object with these notes; those that are None are left out."""
    metadata = entry.object["metadata"]
    kept = {name: value for name, value in {**_notes(entry), **notes}.items() if value is not None}
    return Entry(entry.key, {**entry.object, "metadata": {**metadata, "annotations": kept}}, entry.cells)
