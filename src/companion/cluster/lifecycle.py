"""Make the cluster, start it again, and remove it."""

import json
import shutil
import signal
import time

import yaml  # type: ignore[import-untyped]

from companion.cluster import settings
from companion.cluster.preflight import insist
from companion.cluster.shell import (
    ClusterError,
    NotOurs,
    Shell,
    authority,
    exclusively,
    read_state,
    state_file,
    write_state,
)
from companion.ports import free_port
from flightdelay.files import write_atomically

# Enough for a slow laptop; a node that is not ready by then has a reason.
READY_SECONDS = 240
CONTROL_PLANE = f"{settings.NAME}-control-plane"


def create(shell: Shell, workers: int | None = None, image: str | None = None) -> None:
    """Make the cluster; where it is there already, see that it runs.

    Parameters
    ----------
    shell
        Where commands are run.
    workers
        How many nodes to add to the one that does all; none if not given.
    image
        The image of the nodes, in place of the one in versions.toml.

    Raises
    ------
    ClusterError
        If the machine lacks something, if a cluster of that name was made elsewhere, or if kind fails.
    """
    wanted = image or settings.NODE_IMAGE
    start = time.monotonic()
    with exclusively(shell):
        try:
            found = nodes(shell)
        except ClusterError:
            insist(shell, kubeflow=False, image=wanted)  # says it with the fix, and whatever else is amiss
            raise
        if found and not is_ours(shell, found):
            raise ClusterError(
                f'A kind cluster called "{settings.NAME}" is there that was not made from this folder, so it '
                "stays untouched. Use it from the folder that made it, or remove it there (make cluster-down), "
                "then run make cluster-up again."
            )
        if found and "nodes" in (read_state() or {}):
            start_again(shell, found, workers)
            return
        if found:
            shell.say("The last make cluster-up was broken off: first, what it left is removed.")
            remove(shell)
        insist(shell, kubeflow=False, image=wanted)
        found = make_nodes(shell, workers or 0, fetch_node_image(shell, wanted))
        if shell.dry_run:
            return
        count = "one node" if len(found) == 1 else f"{len(found)} nodes"
        shell.say(
            f"The cluster is there: {count}, after {time.monotonic() - start:.0f} s. Next: make cluster-verify; "
            "for Kubeflow: make cluster-kfp.\n"
            f"The notebooks find it by themselves; a terminal does after: export KUBECONFIG='{settings.KUBECONFIG}'"
        )


def make_nodes(shell: Shell, workers: int, image: str) -> dict[str, tuple[str, str]]:
    """Let kind make the nodes of an image and return them, as `nodes` does; what is not finished is removed."""
    port = free_port()
    config = settings.STATE / "kind.yaml"
    if not shell.dry_run:
        write_atomically(config, kind_config(workers, port).encode())
        write_state(engine=shell.engine_name(), port=port)
    arguments = ["--image", image, "--config", str(config), "--kubeconfig", str(settings.KUBECONFIG)]
    try:
        shell.do_kind("create", "cluster", *arguments, "--wait", f"{READY_SECONDS}s")
        if shell.dry_run:
            return {}
        found = nodes(shell)
        write_state(
            engine=shell.engine_name(),
            image=image,
            nodes={name: number for name, (number, _) in found.items()},
            authority=authority(settings.KUBECONFIG.read_text(encoding="utf-8")),
        )
    except BaseException:  # Ctrl-C too
        shell.say("\nThe cluster was not finished: what there is of it is removed.")
        remove(shell)
        raise
    return found


def destroy(shell: Shell) -> None:
    """Remove the cluster that `create` made, and nothing else.

    Raises
    ------
    ClusterError
        If the engine does not answer, or if the cluster of that name was made elsewhere.
    """
    with exclusively(shell):
        found = nodes(shell)
        if found and not is_ours(shell, found):
            raise ClusterError(
                f'The kind cluster called "{settings.NAME}" was not made from this folder, so it stays: remove it '
                "from the folder that made it, with make cluster-down."
            )
        if not found and read_state() is None:
            shell.say("There is no cluster of this folder: nothing to remove.")
            if not shell.dry_run:
                return
        remove(shell)
        shell.done(
            "Removed: the cluster and all that is in it. Kept: images in the engine, and build/cluster/cache, so that "
            "it comes back without a download."
        )


def nodes(shell: Shell) -> dict[str, tuple[str, str]]:
    """Return the containers of a cluster of our name: name, then id and state such as ``running``."""
    label = f"label=io.x-k8s.kind.cluster={settings.NAME}"
    form = "{{.ID}} {{.Names}} {{.State}}"
    listed = shell.ask_engine("ps", "--all", "--no-trunc", "--filter", label, "--format", form)
    if listed is None and not shell.dry_run:
        raise ClusterError("The container engine does not list its containers: is it still running?")
    return {name: (number, state) for number, name, state in map(str.split, (listed or "").splitlines())}


def is_ours(shell: Shell, found: dict[str, tuple[str, str]]) -> bool:
    """Say whether the nodes were made from this folder.

    A finished cluster is known by its containers' ids, an unfinished one by the port chosen for it.
    """
    state = read_state()
    if not state:
        return False
    if "nodes" in state:
        return all(state["nodes"].get(name) == number for name, (number, _) in found.items())
    if CONTROL_PLANE not in found:
        return True
    bound = shell.ask_engine(
        "inspect", "--format", "{{json .HostConfig.PortBindings}}", found[CONTROL_PLANE][0]
    )
    ports = [binding["HostPort"] for binding in (json.loads(bound or "{}").get("6443/tcp") or [])]
    return str(state["port"]) in ports


def start_again(shell: Shell, found: dict[str, tuple[str, str]], workers: int | None) -> None:
    """See that the nodes run, as they may not after the engine or the machine was restarted."""
    if workers is not None and workers != len(found) - 1:
        raise ClusterError(
            f"The cluster is there; made with WORKERS={len(found) - 1}, and nodes cannot be added or taken away: "
            f"make cluster-down, then make cluster-up WORKERS={workers}."
        )
    stopped = [name for name, (_, state) in found.items() if state != "running"]
    if stopped:
        shell.do_engine("start", *stopped)
    wait_for_nodes(shell, READY_SECONDS, "Make the cluster anew: make cluster-down, then make cluster-up.")
    shell.done("The cluster is there already, and its nodes are ready.")


def wait_for_nodes(
    shell: Shell, patience: int = 60, advice: str = "make cluster-up starts the cluster again."
) -> None:
    """Wait until every node says Ready.

    Raises
    ------
    ClusterError
        If they do not.
    """
    if shell.dry_run:
        shell.ask_kubectl("get", "nodes")
        return
    end = time.monotonic() + patience
    words = "they do not answer"
    while True:
        try:
            listed = json.loads(shell.ask_kubectl("get", "nodes", "-o", "json"))["items"]
            waiting = [node["metadata"]["name"] for node in listed if not is_ready(node)]
            if listed and not waiting:
                return
            words = f"not ready: {', '.join(waiting)}"
        except NotOurs:
            raise
        except ClusterError as error:
            words = str(error).splitlines()[0]
        if time.monotonic() > end:
            raise ClusterError(f"The nodes are not ready after {patience} s ({words}). {advice}")
        time.sleep(2)


def is_ready(node: dict) -> bool:  # type: ignore[type-arg]
    """Read the Ready condition of a node."""
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"]["conditions"]
    )


def fetch_node_image(shell: Shell, image: str) -> str:
    """Return the image to make nodes of: the one asked for, or the same tag where its digest got lost."""
    if shell.has_image(image):
        return image
    tag = image.split("@")[0]
    if tag != image and shell.has_image(tag):
        shell.say(f"{tag} is here already, without its digest, as an archive leaves it: it is taken.")
        return tag
    shell.say("The image of the nodes is fetched, once:")
    shell.do_engine("pull", image)
    return image


def kind_config(workers: int, port: int) -> str:
    """Return what kind is given: cluster-setup/kind.yaml with the workers and the API's port."""
    config = {
        **settings.KIND_CONFIG,
        "networking": {**settings.KIND_CONFIG["networking"], "apiServerPort": port},
        "nodes": [*settings.KIND_CONFIG["nodes"], *({"role": "worker"} for _ in range(workers))],
    }
    text: str = yaml.safe_dump(config, sort_keys=False)
    return text


def remove(shell: Shell) -> None:
    """Remove the nodes if they are ours, and what build/cluster holds of them; a second Ctrl-C has to wait."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = nodes(shell)
        if shell.dry_run or (found and is_ours(shell, found)):
            shell.do_kind("delete", "cluster", "--kubeconfig", str(settings.KUBECONFIG))
        if shell.dry_run:
            return
        for path in settings.STATE.iterdir():
            if path in (settings.CACHE, settings.STATE / ".lock", state_file()):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        state_file().unlink(missing_ok=True)  # last: while it is there, the nodes are known as ours
    finally:
        signal.signal(signal.SIGINT, before)
