"""The recorded cluster as its reader has brought it so far.

Time stands still until somebody looks: each command that reads moves the clock to the next thing that was seen to
happen in the namespace that it asks about, and a ``kubectl wait`` moves it on until what it waits for has come.

A change leads to the recorded step that it equals: the same object results, defaults filled in, the object was the
same before, and so was all that the result depends on (`State.context`). Some changes need no recording, since
nothing reacts to them: a Namespace, a ConfigMap that nothing uses, the deletion of a finished Job.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from companion.errors import SentenceError
from companion.recorded.objects import (
    Object,
    as_kept,
    container_states,
    differences,
    digest,
    essence,
    has_ended,
)
from companion.recorded.recording import Entry, Key, Recording, Step, renamed, shifted, written
from companion.recorded.revisions import OWN, counted, owner_of
from companion.recorded.state import (
    CACHE,
    ENDING,
    OF_KUBEFLOW,
    RECURRING_RUNS,
    RUNS,
    STARTED,
    WORKFLOW_LABEL,
    State,
    run_of,
)
from flightdelay.files import write_atomically

# The field of a run that stands for its compiled pipeline.
TEXT = "sum of the pipeline's text"
# So begins what a recorded cluster says of a change that it does not know.
RECORDING = "This cluster is a recording"


class Pending(NamedTuple):
    """A frame that is still to come."""

    due: float  # on this cluster's clock
    recorded: float  # when it was seen
    session: int  # of the recording
    put: list[Entry]
    gone: list[Key]

    def touched(self) -> Iterator[Key]:
        """Yield what it touches."""
        yield from (entry.key for entry in self.put)
        yield from self.gone


class NotRecorded(SentenceError):
    """No recording holds this change; the text says what this cluster knows."""


class Refused(Exception):
    """The cluster refuses a change, as the real one did; `status` is what it said."""

    def __init__(self, status: Object) -> None:
        super().__init__(status.get("message"))
        self.status = status


class World:
    """A recorded cluster.

    Parameters
    ----------
    recording
        What it knows.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.clock = recording.start
        self.version = 1  # the newest resourceVersion
        self.lock = threading.RLock()
        self.journal: list[tuple[int, str, Entry]] = []  # version, ADDED or MODIFIED or DELETED, what
        self.state = State()
        self.history: list[list[Any]] = []  # the changes so far: verb, key, object, time
        self.kept_in: Path | None = None  # where they are written down
        # What the reader wished for and no recording holds: a check may judge it.
        self.unknown: dict[Key, tuple[str, Object | None]] = {}
        self._untouched = False  # nobody has looked since the last change
        self._pending: list[Pending] = []
        self._used: dict[int, int] = {}
        # By how much later than recorded a container runs here (seconds): its log tells the time of each line.
        self._later: dict[str, float] = {}
        # The ids that Kubeflow gave when it was recorded, and those that it has given here.
        self._given: dict[str, str] = {}
        # What the reader wrote beside the spec stays the reader's: kubectl apply compares with it.
        self._notes: dict[Key, dict[str, str]] = {}
        for entry in recording.base:
            self._put(entry)
        self._steps = [
            (number, *known)
            for number, session in enumerate(recording.sessions)
            for known in _known(recording.base, session)
        ]

    # --- reading

    def get(self, key: Key) -> Entry | None:
        """Return what is there under a key."""
        return self.state.entries.get(key)

    def of(self, resource: str, namespace: str = "") -> list[Entry]:
        """Return all objects of a resource, in one namespace or in all, by name."""
        return self.state.of(resource, namespace)

    def later(self, container: str) -> float:
        """Return by how many seconds a container runs later here than when it was recorded."""
        return self._later.get(container, 0.0)

    def look(self, namespace: str = "") -> None:
        """Let time go on for somebody who looks; whoever looks right after a change sees what it made."""
        with self.lock:
            if self._untouched:
                self._untouched = False
            else:
                self.tick(namespace)

    def tick(self, namespace: str = "") -> bool:
        """Let the next thing happen that was seen to happen in a namespace; say whether there was one."""
        with self.lock:
            happened = self._tick(namespace)
            if happened:
                self._write_down()
            return happened

    def go_on_until(self, done: Callable[[], bool], namespace: str) -> None:
        """Let time go on in a namespace until something is so, or nothing more is to come."""
        with self.lock:
            while not done() and self._tick(namespace):
                pass
            self._write_down()

    def _tick(self, namespace: str = "") -> bool:
        due = [
            each.due
            for each in self._pending
            if not namespace or any(key.namespace == namespace for key in each.touched())
        ]
        if not due:
            return False
        self.clock = max(self.clock, min(due))
        for each in sorted(self._pending, key=lambda pending: pending.due):
            if each.due <= self.clock:
                self._pending.remove(each)
                self._happen(each.put, each.gone)
        return True

    def wait_for(self, key: Key) -> Entry | None:
        """Return what is there under a key or, where it is still to come, let time go on until it is."""

        def is_settled() -> bool:
            to_come = any(entry.key == key for each in self._pending for entry in each.put)
            return key in self.state.entries or not to_come

        self.go_on_until(is_settled, key.namespace)
        return self.get(key)

    # --- changing

    def change(self, verb: str, key: Key, thing: Object | None, dry_run: bool = False) -> Object:
        """Make a change, and return the object that results; of a deletion, the one that was there.

        Parameters
        ----------
        verb
            ``create``, ``update`` or ``delete``.
        key
            What is changed.
        thing
            The whole object that shall be there then.
        dry_run
            Only say what would result.

        Raises
        ------
        Refused
            If the cluster does not take it.
        NotRecorded
            If nobody has seen what comes of it.
        """
        with self.lock:
            thing = as_kept(thing) if thing else None
            try:
                result = self._in_time(verb, key, thing, dry_run)
            except NotRecorded:
                if not dry_run:
                    self.unknown.pop(key, None)  # the newest one is the last
                    self.unknown[key] = (verb, thing)
                    self._write_down()
                raise
            if not dry_run:
                self.unknown = {
                    k: v
                    for k, v in self.unknown.items()
                    if k != key and not (key.resource == "namespaces" and concerns(key.name, k, v[1]))
                }
                if verb == "delete" and key.resource == "namespaces":
                    # What is done in a new one is done as at first.
                    self._used = {
                        n: c for n, c in self._used.items() if self._steps[n][1].key.namespace != key.name
                    }
                self._untouched = True
                self.history.append([verb, list(key), thing, self.clock])
                self._write_down()
            return result

    def _write_down(self) -> None:
        """Keep what a new kernel has to know: the changes, and what time it is."""
        if self.kept_in:
            kept = {"changes": self.history, "clock": self.clock}
            write_atomically(self.kept_in, json.dumps(kept).encode())

    def again(self, history: list[list[Any]], clock: float) -> None:
        """Make the changes of an earlier run again, each at its time, and let time go on to what it was.

        Raises
        ------
        NotRecorded
            If the recording is another one by now.
        Refused
            As before.
        """
        for verb, key, thing, moment in history:
            self._go_on_to(moment)
            self.change(verb, Key(*key), thing)
        self._go_on_to(clock)

    def _in_time(self, verb: str, key: Key, thing: Object | None, dry_run: bool) -> Object:
        """Make a change now or, where nobody has seen it now, when what was about to happen has happened.

        Whoever writes a change needs longer than the cluster.
        """
        while True:
            try:
                return self._changed(verb, key, thing, dry_run)
            except NotRecorded:
                if dry_run or not self._tick(key.namespace):
                    raise

    def _changed(self, verb: str, key: Key, thing: Object | None, dry_run: bool) -> Object:
        there = self.state.entries.get(key)
        before = there.object if there else None
        if key.resource in OF_KUBEFLOW and self.state.needs_no_recording(verb, key):
            return self._simply(verb, key, thing, dry_run)
        if verb == "update" and there and thing and digest(thing) == digest(before):
            # Beside the spec nothing reacts.
            return thing if dry_run else self._keep(key, self._noted(before or {}, thing), there.cells)
        found = self._step(verb, key, thing, dry_run)
        if found is not None:
            session, step = found
            if step.refused:
                raise Refused(step.refused)
            if key.resource in STARTED and thing:
                key, names = self._numbered(step, key, thing)
                self._take(step, session, key, thing, names)
            elif not dry_run:
                self._take(step, session, key, thing)
            now = self.state.entries.get(key)
            return now.object if now and not dry_run else (step.thing or thing or before or {})
        if self.state.needs_no_recording(verb, key):
            return self._simply(verb, key, thing, dry_run)
        if verb == "update" and thing and _template_changes(before or {}, thing):
            raise Refused(
                _immutable(key, "Job.batch", "spec.template", "Invalid value: …: field is immutable")
            )
        if verb == "update" and thing and _class_changes(before or {}, thing):
            raise Refused(_immutable(key, "PersistentVolumeClaim", "spec", FIXED))
        raise NotRecorded(self._refusal(verb, key, thing))

    def _step(self, verb: str, key: Key, thing: Object | None, dry_run: bool) -> tuple[int, Step] | None:
        """Return the recorded step that equals a change, with its session.

        Of several it is one that was seen to its end, and the one that was taken least.
        """
        now = digest(self.state.object_of(key))
        same = [
            number
            for number, (_, step, before, _) in enumerate(self._steps)
            if step.verb == verb and self._plays(step, key) and _is_wished(step, thing) and before == now
        ]
        here = self.state.context(key, thing) if same else {}
        same = [number for number in same if self._steps[number][3] == here]
        if not same:
            return None
        whole = [each for each in same if _comes_to_an_end(self._steps[each][1])]
        number = min(whole or same, key=lambda each: (self._used.get(each, 0), each))
        if not dry_run:
            self._used[number] = self._used.get(number, 0) + 1
        return self._steps[number][:2]

    def _plays(self, step: Step, key: Key) -> bool:
        """Say whether a step is about an object: about itself or, of a Pod, about one that had its part.

        What is started in Kubeflow has an id that Kubeflow gives.
        """
        if key.resource in STARTED:
            return step.key.resource == key.resource
        alike = step.key.resource == key.resource == "pods" and step.key.namespace == key.namespace
        return step.key == key or (
            alike and step.verb != "create" and self._names(step).get(step.key.name) == key.name
        )

    def _numbered(self, step: Step, key: Key, thing: Object) -> tuple[Key, dict[str, str]]:
        """Return under which key a recorded run begins here, and what of it has another name.

        It keeps its id, and its Pods keep theirs, unless they are there already.
        """
        notes, recorded = ((each or {})["metadata"]["annotations"] for each in (thing, step.thing))
        given = [name for name in recorded if name not in ("display_name", CACHE) and name in notes]
        self._given |= {recorded[name]: notes[name] for name in given}
        names: dict[str, str] = {}
        if step.key not in self.state.entries:
            return step.key, names
        key = key._replace(name=self.new_id())
        names[step.key.name] = key.name
        labels = [
            entry.object["metadata"].get("labels") or {}
            for frame in step.frames
            for entry in frame.put
            if run_of(entry.object) == step.key.name
        ]
        workflow = next((each[WORKFLOW_LABEL] for each in labels if WORKFLOW_LABEL in each), None)
        if workflow:
            names[workflow] = f"{workflow.rpartition('-')[0]}-{key.name[:5]}"
        return key, names

    def _take(
        self, step: Step, session: int, key: Key, thing: Object | None, more: dict[str, str] | None = None
    ) -> None:
        """Begin a recorded step: its first frame happens now, the others are to come.

        `more` is what else of it is called otherwise here.
        """
        self._keep_order(step, session)
        names = self._names(step) | self._given | (more or {})
        by = self.clock - step.start
        if thing is not None:
            self._notes[key] = dict(thing.get("metadata", {}).get("annotations") or {})
            self.state.mount(key, thing)
        for number, frame in enumerate(step.frames):
            put = [self._moved(entry, step.start, by) for entry in renamed(frame.put, names)]
            # Other schedules are as the reader has left them.
            put = [entry for entry in put if entry.key == key or entry.key.resource != RECURRING_RUNS]
            for entry in put:
                if entry.key.resource == "pods":
                    self._later |= dict.fromkeys(_containers(entry.object), by)
            gone = [Key(*(names.get(part, part) for part in each)) for each in frame.gone]
            if number == 0:
                self._happen(put, gone)
            else:
                self._pending.append(
                    Pending(self.clock + frame.at, step.start + frame.at, session, put, gone)
                )

        # These go at once, and whoever replaces them waits for it without looking.
        if step.verb == "delete" and key.resource not in ("pods", "persistentvolumeclaims"):
            self._remove(key)

    def _keep_order(self, step: Step, session: int) -> None:
        """Let happen what had happened when a step was recorded, and keep what was still to come in its order."""
        while earlier := [
            each.due for each in self._pending if each.session == session and each.recorded <= step.start
        ]:
            self._go_on_to(min(earlier))
        later = [each.due - each.recorded for each in self._pending if each.session == session]
        if later:
            self._go_on_to(step.start + max(later))

    def _go_on_to(self, clock: float) -> None:
        while self._pending and min(each.due for each in self._pending) <= clock:
            self._tick()
        self.clock = max(self.clock, clock)

    @staticmethod
    def _moved(entry: Entry, around: float, by: float) -> Entry:
        moved = json.loads(shifted(json.dumps(entry.object), around, by))
        return Entry(entry.key, moved, entry.cells)

    def _names(self, step: Step) -> dict[str, str]:
        """Return what the objects that a step found are called here: a Pod's name is another in each run."""
        names: dict[str, str] = {}
        here = _by_role(
            entry for entry in self.state.entries.values() if entry.key.namespace == step.key.namespace
        )
        for role, recorded in _by_role(step.before).items():
            there = {each.key: each for each in here.get(role, [])}
            # What is here under its own name plays its own part; the others are matched by their age.
            alike = [(each, there.pop(each.key)) for each in recorded if each.key in there]
            others = [each for each in recorded if all(each is not one for one, _ in alike)]
            for one, other in [*alike, *zip(others, there.values(), strict=False)]:
                names |= _identities(one.object, other.object)
        return names

    # --- what happens

    def _happen(self, put: list[Entry], gone: list[Key]) -> None:
        for entry in put:
            self._put(entry)
        for key in gone:
            self._remove(key)

    def _put(self, entry: Entry) -> None:
        self.version += 1
        thing = {**entry.object, "metadata": {**entry.object.get("metadata", {})}}
        thing["metadata"]["resourceVersion"] = str(self.version)
        if entry.key in self._notes:
            thing = self._noted(thing, {"metadata": {"annotations": self._notes[entry.key]}})
        kept = counted(Entry(entry.key, thing, entry.cells), self.state)
        self.journal.append((self.version, "MODIFIED" if entry.key in self.state.entries else "ADDED", kept))
        self.state.entries[entry.key] = kept
        owner = owner_of(kept, self.state)
        if owner and counted(owner, self.state) != owner:
            self._put(owner)

    def _remove(self, key: Key) -> None:
        entry = self.state.entries.pop(key, None)
        self._notes.pop(key, None)
        self.state.mounted.pop(key, None)
        if entry is not None:
            self.version += 1
            self.journal.append((self.version, "DELETED", entry))

    def _keep(self, key: Key, thing: Object, cells: list[Any]) -> Object:
        self._notes[key] = dict(thing.get("metadata", {}).get("annotations") or {})
        self._put(Entry(key, thing, cells))
        return self.state.entries[key].object

    @staticmethod
    def _noted(thing: Object, wish: Object) -> Object:
        """Return an object with the reader's own annotations; the cluster's stay."""
        metadata = thing["metadata"]
        own = {k: v for k, v in (wish["metadata"].get("annotations") or {}).items() if not k.startswith(OWN)}
        notes = dict(metadata.get("annotations") or {}) | own
        return {**thing, "metadata": {**metadata, **({"annotations": notes} if notes else {})}}

    # --- what needs no recording

    def _simply(self, verb: str, key: Key, thing: Object | None, dry_run: bool) -> Object:
        there = self.state.entries.get(key)
        if key.resource in OF_KUBEFLOW:  # what was to come of it was of another one
            for each in self._pending:
                each.put[:] = [entry for entry in each.put if entry.key != key]
        if verb == "delete":
            was = there.object if there else {}
            if not dry_run:
                inside = [
                    other
                    for other in self.state.entries
                    if key.resource == "namespaces" and other.namespace == key.name
                ]
                doomed = [key, *inside, *(entry.key for entry in self.state.owned(key))]
                self._pending = [
                    each
                    for each in self._pending
                    if not any(
                        entry.key in doomed or (key.resource == RUNS and run_of(entry.object) == key.name)
                        for entry in each.put
                    )
                ]
                for other in doomed:
                    self._remove(other)
                if key.resource == "namespaces":
                    self.state.mounted = {
                        k: v for k, v in self.state.mounted.items() if k.namespace != key.name
                    }
            return was
        made = json.loads(json.dumps(thing))
        given = {"uid": self.new_id(), "creationTimestamp": written(self.clock)}
        old = there.object["metadata"] if there else given
        made["metadata"] |= {name: old[name] for name in given if name in old}
        if key.resource == "namespaces":
            made |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
            made["metadata"]["labels"] = {
                **(made["metadata"].get("labels") or {}),
                "kubernetes.io/metadata.name": key.name,
            }
        if dry_run:
            return dict(made)
        if key.resource == "namespaces" and there is None:
            self._furnish(key.name)
        return self._keep(key, made, [])

    def _furnish(self, namespace: str) -> None:
        """Put into a new namespace what each one has: the same as lies in ``default``."""
        for key in (
            Key("serviceaccounts", "default", "default"),
            Key("configmaps", "default", "kube-root-ca.crt"),
        ):
            entry = self.state.entries.get(key)
            if entry:
                thing = json.loads(json.dumps(entry.object))
                thing["metadata"] |= {"namespace": namespace, "uid": self.new_id()}
                thing["metadata"]["creationTimestamp"] = written(self.clock)
                self._put(Entry(Key(key.resource, namespace, key.name), thing, entry.cells))

    def new_id(self) -> str:
        """Return an id that nothing has yet, the same each time for the same changes."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"recorded {self.version}"))

    # --- what is not known

    def _refusal(self, verb: str, key: Key, thing: Object | None) -> str:
        kind = (thing or self.state.object_of(key) or {}).get("kind", key.resource)
        this = f"{RECORDING} ({self.recording.made.get('date', 'undated')})"
        live = "A live cluster (make cluster-up) would take it."
        same = [each for each in self._steps if each[1].verb == verb and self._plays(each[1], key)]
        known = [step for _, step, *_ in same]
        now = digest(self.state.object_of(key))
        contexts = [(before, context) for _, step, before, context in same if _is_wished(step, thing)]
        if contexts:
            before, context = contexts[-1]
            if before != now:
                state = (
                    "not there" if not before else "not there yet" if not now else "as the notebook left it"
                )
                return (
                    f"{this}: it saw this change of the {kind} {key.name} when that was {state}, and now it is "
                    f"{'there' if not before else 'not'}. Cells above that were not run come first. {live}"
                )
            here = self.state.context(key, thing)
            other = [name for name in context.keys() | here.keys() if context.get(name) != here.get(name)]
            return (
                f"{this}: it saw this change of the {kind} {key.name} when {' and '.join(sorted(other))} "
                f"{'was' if len(other) == 1 else 'were'} as the notebook has it, and here it is not so. Cells "
                f"above that were not run come first. {live}"
            )
        if not known:
            done = {"create": "made", "update": "changed", "delete": "deleted"}[verb]
            return f"{this}: it never saw a {kind} {key.name} in {key.namespace or 'it'} {done}. {live}"
        return f"{this}: {self._alternatives(key, thing, known)} {live}"

    @staticmethod
    def _alternatives(key: Key, thing: Object | None, known: list[Step]) -> str:
        """Say in which fields a change differs from those that were recorded."""
        wish = essence(thing or {})
        nearest: dict[str, list[str]] = {}
        mine: dict[str, str] = {}
        fewest = min(len(differences(essence(step.thing or {}), wish)) for step in known)
        for step in known:
            found = differences(essence(step.thing or {}), wish)
            if len(found) == fewest:
                for path, there, here in found[:3]:
                    name = path.replace("spec.template.spec.", "")
                    name = name.removeprefix("spec.") if key.resource in STARTED else name
                    said = _shown(there, name, step.thing)
                    if said not in nearest.setdefault(name, []):
                        nearest[name].append(said)
                    mine[name] = _shown(here, name, thing)
        if TEXT in nearest:
            return (
                f"of {key.name} it knows the file that the notebook sends, and this is another one (a changed "
                "function, caching, retries)."
            )
        fields = "; ".join(
            f"{name} {' or '.join(values)}, and yours is {mine[name]}" for name, values in nearest.items()
        )
        return f"of {key.name} it knows {fields}."


def concerns(namespace: str, key: Key, thing: Object | None) -> bool:
    """Say whether a change is one of a namespace: in it or, of what belongs to the whole cluster, naming it."""
    return key.namespace == namespace or (not key.namespace and f'"{namespace}"' in json.dumps(thing))


def _known(base: list[Entry], session: list[Step]) -> Iterator[tuple[Step, str, dict[str, str]]]:
    """Yield the steps of a session that only a recording can tell, each with what was there and its context."""
    state = State({entry.key: entry for entry in base})
    changes = sorted(
        (step.start + frame.at, order, frame) for order, step in enumerate(session) for frame in step.frames
    )
    done = 0
    for step in session:
        while done < len(changes) and changes[done][0] < step.start:
            state.apply(changes[done][2])
            done += 1
        if not step.plain:
            yield step, digest(state.object_of(step.key)), state.context(step.key, step.thing)
        state.mount(step.key, step.thing)


def _comes_to_an_end(step: Step) -> bool:
    """Say whether a Job or a Pod was seen to end after a step, and not replaced before."""
    # What a Service has answered is an entry, too, and its status is a number.
    put = (entry for frame in step.frames for entry in frame.put if entry.key.resource in ENDING)
    return step.key.resource in ENDING and any(has_ended(entry.object) for entry in put)


def _is_wished(step: Step, thing: Object | None) -> bool:
    """Say whether a step is what somebody wishes: as it was written, or with what the cluster fills in."""
    return digest(thing) in (digest(step.thing), digest(step.sent or step.thing))


def _template_changes(old: Object, new: Object) -> bool:
    """Say whether somebody wants to change what a Job runs: it is the record of what was run."""
    wishes = [essence(thing).get("spec", {}).get("template") for thing in (old, new)]
    return new.get("kind") == "Job" and wishes[0] != wishes[1]


# As the API server says it (kubernetes/pkg/apis/core/validation).
FIXED = (
    "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
    "claims"
)


def _class_changes(old: Object, new: Object) -> bool:
    """Say whether somebody wants another class for a claim that is there."""
    wishes = [essence(thing).get("spec", {}).get("storageClassName") for thing in (old, new)]
    return new.get("kind") == "PersistentVolumeClaim" and wishes[0] != wishes[1]


def _immutable(key: Key, kind: str, field: str, why: str) -> Object:
    said = f'{kind} "{key.name}" is invalid: {field}: {why}'
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    details = {
        "name": key.name,
        "group": kind.partition(".")[2],
        "kind": kind.partition(".")[0],
        "causes": [cause],
    }
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": said}
    return status | {"reason": "Invalid", "details": details, "code": 422}


def _containers(pod: Object) -> Iterator[str]:
    """Yield the ids of the containers that a Pod has had."""
    for each in container_states(pod):
        for ended in (each, *(each.get("lastState") or {}).values(), *(each.get("state") or {}).values()):
            if ended.get("containerID"):
                yield ended["containerID"]


def _by_role(entries: Any) -> dict[tuple[str, ...], list[Entry]]:
    """Group objects by what they are for: those with an owner by owner, the others by name; the oldest first."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        metadata = entry.object.get("metadata", {})
        owner = next(iter(metadata.get("ownerReferences") or []), None)
        name = f"of {owner['kind']} {owner['name']}" if owner else entry.key.name
        found.setdefault((entry.key.resource, entry.key.namespace, name), []).append(entry)
    for group in found.values():
        group.sort(key=lambda entry: entry.object.get("metadata", {}).get("creationTimestamp") or "")
    return found


def _identities(one: Object, other: Object) -> dict[str, str]:
    """Return what in the first object's world is called otherwise in the second's."""
    pairs = [(one["metadata"].get(name), other["metadata"].get(name)) for name in ("name", "uid")]
    states = [thing["status"] for thing in (one, other) if isinstance(thing.get("status"), dict)]
    if len(states) == 2:  # what a Service answers has a number for a status
        pairs.append((states[0].get("podIP"), states[1].get("podIP")))
    return {a: b for a, b in pairs if a and b and a != b}


def _shown(value: Any, path: str, thing: Object | None) -> str:
    """Return a field's value as its writer wrote it, where the essence holds a plain number."""
    if value is None:
        return "nothing"
    if any(part in path for part in ("memory", "storage")) and str(value).isdigit():
        return f"{float(value) / 2**20:g}Mi"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) < 80 else f"{text[:77]}…"
