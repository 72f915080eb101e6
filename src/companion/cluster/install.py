"""Put Kubeflow Pipelines on the cluster, and wait until it works."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from companion.causes import CLUSTER, cause_in
from companion.cluster import manifests, settings
from companion.cluster.diagnose import diagnose, what_is_wrong
from companion.cluster.images import insist_on_cluster, load_kubeflow
from companion.cluster.lifecycle import wait_for_nodes
from companion.cluster.preflight import insist
from companion.cluster.shell import ClusterError, Shell, exclusively, on_terminal, read_state

PATIENCE = 900
INTERVAL = 5
# A Deployment can be ready for a moment and fall back: only what stays ready counts.
STEADY = 3
# On a slow machine they are started again, some of them until the database answers.
RESTARTS_ARE_NORMAL = (
    "cache-server",
    "metadata-grpc-deployment",
    "metadata-writer",
    "ml-pipeline",
    "ml-pipeline-persistenceagent",
    "ml-pipeline-scheduledworkflow",
    "ml-pipeline-ui",
    "ml-pipeline-viewer-crd",
)


def install(shell: Shell, patience: int = PATIENCE) -> None:
    """Install the release of versions.toml, or go on with an installation that was broken off.

    Parameters
    ----------
    shell
        Where commands are run.
    patience
        Seconds to wait until everything runs.

    Raises
    ------
    ClusterError
        If the machine or the cluster is not up to it, or if it does not run in time: then with the likely
        cause, and the evidence in a folder.
    """
    with exclusively(shell):
        if not shell.dry_run:
            insist_on_cluster(shell)
        insist(shell, kubeflow=True, image=(read_state() or {}).get("image", settings.NODE_IMAGE), ours=True)
        wait_for_nodes(shell)
        scoped, platform = manifests.prepare(shell)
        load_kubeflow(shell)
        apply(shell, scoped)
        shell.do_kubectl(
            "wait", "--for=condition=Established", "crd/applications.app.k8s.io", "--timeout=60s"
        )
        apply(shell, platform)
        apply(shell, settings.SETUP / "kubeflow-port.yaml")
        try:
            wait(shell, patience)
        except KeyboardInterrupt:
            shell.say("\nKubeflow Pipelines goes on starting by itself; make cluster-kfp waits for it again.")
            raise
        shell.done(
            f"Kubeflow Pipelines {settings.RELEASE} runs: {settings.KUBEFLOW_URL}. Next: make cluster-verify"
        )


def apply(shell: Shell, path: Path) -> None:
    """Apply a manifest; an image that was loaded is not pulled again, which a classroom could not do."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""  # in a dry run there may be none yet
    text = text.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
    said = shell.do_kubectl("apply", "-f", "-", stdin=text, source=str(path)).splitlines()
    if said:
        unchanged = sum(line.endswith(" unchanged") for line in said)
        shell.say(f"  {len(said)} objects, {unchanged} of them as they were")


def wait(shell: Shell, patience: int) -> None:
    """Wait for the Deployments, with a line that tells how far they are."""
    if shell.dry_run:
        shell.ask_kubectl("-n", "kubeflow", "get", "deployments")
        return
    start = time.monotonic()
    steady = 0
    told: set[str] = set()
    warned = False
    line = ""
    while True:
        deployments = items(shell, "deployments")
        pods = items(shell, "pods")
        waiting = [item["metadata"]["name"] for item in deployments if not is_available(item)]
        seconds = time.monotonic() - start
        steady = 0 if waiting or not deployments else steady + 1
        restarted = {owner(pod) for pod in pods if restarts(pod)} - told
        normal = sorted(restarted & set(RESTARTS_ARE_NORMAL))
        if normal:
            progress("")
            shell.say(f"  Restarts of {', '.join(normal)}: normal on a slow machine.")
            told |= restarted
        # The page of Kubeflow and a Pod's state say nothing of why; fifteen minutes are long to wait for it.
        problem = cause_in("\n".join(message for pod in pods for _, message in what_is_wrong(pod)), CLUSTER)
        if problem and not warned:
            progress("")
            shell.say(f"  So far something stands in the way: {problem}")
            warned = True
        words = f"  {len(deployments) - len(waiting)} of {len(deployments)} ready"
        words += f", waiting for {', '.join(waiting[:3])}" if waiting else ""
        words += f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        if on_terminal():
            progress(f"{words} ({seconds:.0f} s)")
        elif words != line:
            shell.say(f"{words} ({seconds:.0f} s)")
        line = words
        if steady == STEADY:
            progress("")
            return
        if seconds > patience:
            progress("")
            raise ClusterError(
                f"Not all of Kubeflow Pipelines runs after {seconds:.0f} s.\n{diagnose(shell, pods)}\n"
                "It goes on starting by itself: make cluster-kfp waits for it again (TIMEOUT=1800: longer)."
            )
        time.sleep(INTERVAL)


def progress(text: str) -> None:
    """Overwrite the line of progress on a terminal."""
    if on_terminal():
        sys.stdout.write(f"\r\033[K{text}")
        sys.stdout.flush()


def items(shell: Shell, kind: str) -> list[dict[str, Any]]:
    """Return the objects of a kind in Kubeflow's namespace."""
    found: list[dict[str, Any]] = json.loads(shell.ask_kubectl("-n", "kubeflow", "get", kind, "-o", "json"))[
        "items"
    ]
    return found


def is_available(deployment: dict[str, Any]) -> bool:
    """Say whether a Deployment has all its Pods ready, of its latest form."""
    status, wanted = deployment["status"], deployment["spec"].get("replicas", 1)
    return bool(
        status.get("availableReplicas", 0) >= wanted
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def restarts(pod: dict[str, Any]) -> int:
    """Count how often the containers of a Pod were started again."""
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))


def owner(pod: dict[str, Any]) -> str:
    """Return the name of the Deployment a Pod belongs to."""
    name: str = pod["metadata"]["name"]
    return name.rsplit("-", 2)[0]
