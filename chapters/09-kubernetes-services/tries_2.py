"""What else is tried on the cluster of 09.2, to be recorded with it: exercise 9.2 in other ways, and wrong ones.

`WAYS` are what a reader types while September's release hangs; a way that is wrong is mended afterwards, as its reader
would.
"""

import json
import subprocess
from pathlib import Path

from chapter_08.tries_1 import changed, kubectl
from chapter_09.tries_1 import AUGUST, arrived, make, pinned

SPACE = "flights-release"
HERE = Path(__file__).parent
JULY = (HERE / "manifests" / "probed.yaml").read_text(encoding="utf-8")
BAD = pinned(JULY, "2013-09-0123456789ab")
VERSION = "2013-08-aa85bd8bd892"
PROBES = JULY[JULY.index("          readinessProbe") : JULY.index("      volumes:")]
READINESS = PROBES[: PROBES.index("          livenessProbe")]
ON = ["deployment/predictions"]
SELECTOR = {"spec": {"selector": {"app": "predictions", "month": "2013-08"}}}
# A change of the cluster each: what kubectl is told, or a manifest.
Change = list[str] | str
UNDO: Change = ["rollout", "undo", *ON]
SCALE_UP: Change = ["scale", *ON, "--replicas=2"]
# By name: the ways that are right, each with what follows it.
RIGHT: dict[str, list[Change]] = {
    "undone by its number": [["rollout", "undo", *ON, "--to-revision=2"]],
    "one value set": [["set", "env", *ON, f"FLIGHTDELAY_CHAMPION={VERSION}"], AUGUST],
    "deleted and applied": [["delete", *ON], AUGUST],
}
WRONG: dict[str, list[Change]] = {
    "scaled to zero": [["scale", *ON, "--replicas=0"], AUGUST],
    "scaled to zero and back": [["scale", *ON, "--replicas=0"], SCALE_UP, UNDO],
    "scaled to zero, then undone": [["scale", *ON, "--replicas=0"], UNDO, SCALE_UP],
    "the new Pod deleted": [["delete", "pod", "-l", "month=2013-09"], UNDO],
    "all Pods deleted": [["delete", "pod", "-l", "app=predictions"], UNDO],
    "no readiness probe": [changed(BAD, (READINESS, "")), AUGUST],
    "no probes": [changed(BAD, (PROBES, "")), UNDO, AUGUST],
    "as far as July": [["rollout", "undo", *ON, "--to-revision=1"], AUGUST],
    "July applied": [JULY, AUGUST],
    "restarted": [["rollout", "restart", *ON], AUGUST],
    "paused": [["rollout", "pause", *ON], ["rollout", "resume", *ON]],
    "the Service pinned to a month": [
        ["patch", "service", "predictions", "-p", json.dumps(SELECTOR)],
        UNDO,
        ["patch", "service", "predictions", "-p", '{"spec": {"selector": {"month": null}}}'],
    ],
    "one replica": [["scale", *ON, "--replicas=1"], UNDO, SCALE_UP],
    "the Deployment deleted": [["delete", *ON], BAD],
}
WAYS = {**RIGHT, **WRONG}


def patience() -> str:
    """Return how long to wait: while September is what is wished for, the release hangs."""
    asked = ["kubectl", "get", "-n", SPACE, *ON, "-o", "yaml", "--ignore-not-found"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return "20s" if "value: 2013-09" in found or "replicas: 0" in found else "300s"


def change(wish: Change) -> None:
    """Change the cluster, and see what comes of it."""
    if isinstance(wish, str):
        kubectl("apply", "-n", SPACE, "-f", "-", stdin=wish)
    else:
        kubectl(wish[0], "-n", SPACE, *wish[1:])
    arrived(SPACE, ["predictions"], patience())
    kubectl("get", "--raw", f"/api/v1/namespaces/{SPACE}/services/predictions:80/proxy/champion")


def begin() -> None:
    """Bring the cluster to where a reader stands at the exercise, with the history that a reader has."""
    kubectl("delete", "-n", SPACE, *ON, "--ignore-not-found")
    for text in (JULY, AUGUST):
        kubectl("apply", "-n", SPACE, "-f", "-", stdin=text)
        arrived(SPACE, ["predictions"])


def main() -> None:
    """Go each way, then back to the bad release."""
    make(SPACE, "service.yaml")
    begin()
    for name, wishes in WAYS.items():
        print(name, flush=True)
        change(BAD)
        for wish in wishes:
            change(wish)
        change(AUGUST)
        if "undone" in name or "July" in name:  # each way back takes the oldest number out of the history
            begin()
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
