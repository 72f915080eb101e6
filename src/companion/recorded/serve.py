"""Serve a notebook's recorded cluster for as long as its kernel runs."""

import json
import os
from pathlib import Path

from companion.chapters import chapters, recorded_cluster
from companion.environment import kubeconfig_of, recorded_kubeconfig, repository, work_folder
from companion.errors import SentenceError
from companion.programs import output_of
from companion.recorded.definitions import Definitions
from companion.recorded.objects import Object
from companion.recorded.recording import Key, read
from companion.recorded.server import Server
from companion.recorded.world import NotRecorded, Refused, World, concerns
from flightdelay.files import write_atomically

_servers: dict[str, Server] = {}


def serve(sitting: str) -> str:
    """Serve the recorded cluster of a sitting, lead this process's kubectl to it, and say so in a sentence.

    The cluster is as the reader left it, also after a restart of the kernel.

    Raises
    ------
    RecordingError
        If the recording is damaged.
    SentenceError
        If the cluster's files cannot be written.
    """
    if sitting not in _servers:
        path = recorded_cluster(repository(), sitting)
        if path is None:
            raise SentenceError(f"No recorded cluster lies beside the notebook {sitting}.")
        world = World(read(path))
        history = work_folder() / "state" / sitting[:2] / f"recorded-{sitting}.json"
        _restore(world, history)
        world.kept_in = history
        _servers[sitting] = Server(world, Definitions.read()).start()
    kubeconfig = recorded_kubeconfig()
    own = kubeconfig.with_name(f"{kubeconfig.name}-{sitting}")  # two notebooks may be open at once
    try:
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        for path in (own, kubeconfig):  # a terminal follows the newest
            write_atomically(path, kubeconfig_of(_servers[sitting].address).encode())
    except OSError as error:
        raise SentenceError(f"Cannot write {kubeconfig} ({error.strerror}): make it writable.") from error
    os.environ["KUBECONFIG"] = str(own)
    made = _servers[sitting].world.recording.made
    lacks = what_the_live_one_lacks(sitting)
    none = f"The book's cluster has no {lacks}" if lacks else "No cluster of the book runs on this machine"
    return (
        f"{none}, so kubectl talks to a recorded one: {made['cluster']}, "
        f"{made['date']}. It shows all that was seen on it and takes the changes that were tried there; it says so "
        "when it does not know one. Time goes on when you look."
    )


def unknown(namespace: str) -> list[tuple[str, Key, Object | None]]:
    """Return the changes of a namespace that were refused since no recording holds them: verb, key, object.

    Rights in the whole cluster that are given to accounts of the namespace are among them.
    """
    return [
        (verb, key, thing)
        for server in _servers.values()
        for key, (verb, thing) in server.world.unknown.items()
        if concerns(namespace, key, thing)
    ]


def live_answers(sitting: str) -> bool:
    """Say whether the cluster that ``make cluster-up`` made answers, and has all that a sitting asks for."""
    return _live_serves("/readyz") and not what_the_live_one_lacks(sitting)


def what_the_live_one_lacks(sitting: str) -> str:
    """Return the API that a sitting asks for and the live cluster does not serve; empty where there is no such one."""
    sittings = (each for chapter in chapters(repository()) for each in chapter.sittings)
    asks = next((each.asks for each in sittings if each.key == sitting), "")
    lacking = asks and _live_serves("/readyz") and not _live_serves(f"/apis/{asks}")
    return asks if lacking else ""


def _live_serves(path: str) -> bool:
    kubeconfig = repository() / "build" / "cluster" / "kubeconfig"
    if not kubeconfig.exists():
        return False
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    asked = output_of("kubectl", "--request-timeout=5s", "get", "--raw", path, environment=environment)
    return asked is not None


def _restore(world: World, path: Path) -> None:
    """Bring a cluster to where its reader has left it."""
    try:
        kept = json.loads(path.read_bytes())
        world.again(kept["changes"], kept["clock"])
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, NotRecorded, Refused):
        # It is of an earlier recording, or half written.
        path.unlink(missing_ok=True)
