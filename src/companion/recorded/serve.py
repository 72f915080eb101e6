"""Serve a notebook's recorded cluster for as long as its kernel runs."""

import json
import os
from pathlib import Path
from typing import Any

from companion.environment import repository, work_folder
from companion.errors import SentenceError
from companion.recorded.definitions import Definitions
from companion.recorded.recording import read
from companion.recorded.server import Server
from companion.recorded.world import NotRecorded, Refused, World
from flightdelay.files import write_atomically

# What the recorded cluster is called in a kubeconfig: nobody can take it for one of theirs.
CONTEXT = "recorded-pipelines"
_servers: dict[str, Server] = {}


def recording_of(sitting: str) -> Path | None:
    """Return where the recorded cluster of a sitting, such as ``08-1``, lies; None if it has none."""
    chapter, number = sitting.split("-")
    return next(repository().glob(f"chapters/{chapter}-*/recordings/{number}-*.cluster.json.gz"), None)


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
    path = recording_of(sitting)
    assert path is not None
    recording = read(path)
    if sitting not in _servers:
        world = World(recording)
        history = work_folder() / "state" / sitting[:2] / f"recorded-{sitting}.json"
        _restore(world, history)
        world.kept_in = history
        definitions = Definitions.read(repository() / "cluster-setup" / "api.json.gz")
        _servers[sitting] = Server(world, definitions).start()
    kubeconfig = kubeconfig_file()
    config = _kubeconfig(_servers[sitting].address)
    try:
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kubeconfig, json.dumps(config, indent=1).encode())
    except OSError as error:
        raise SentenceError(f"Cannot write {kubeconfig} ({error.strerror}): make it writable.") from error
    os.environ["KUBECONFIG"] = str(kubeconfig)
    made = recording.made
    return (
        f"No cluster of the book runs on this machine, so kubectl talks to a recorded one: {made['cluster']}, "
        f"{made['date']}. It shows all that was seen on it and takes the changes that were tried there; it says so "
        "when it does not know one. Time goes on when you look."
    )


def kubeconfig_file() -> Path:
    """Return the kubeconfig of the recorded cluster; terminals of the lab know it, too."""
    return work_folder() / "state" / "recorded-kubeconfig"


def is_recorded() -> bool:
    """Say whether this process's kubectl talks to a recorded cluster."""
    return os.environ.get("KUBECONFIG") == str(kubeconfig_file())


def _restore(world: World, path: Path) -> None:
    try:
        world.again(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return
    except (ValueError, TypeError, NotRecorded, Refused):  # of an earlier recording, or half written
        path.unlink(missing_ok=True)


def _kubeconfig(address: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": address}}],
        "users": [{"name": "reader", "user": {}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "reader"}}],
        "current-context": CONTEXT,
    }
