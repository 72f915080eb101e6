"""What else is tried on the cluster of 08.3, to be recorded with it: exercise 8.4 in other words, and wrong.

What a Job finds in the claim depends on who wrote to it before. So each try begins with a claim to which `kept` alone
has written, and after a wrong one the right one follows, as a reader would go on.
"""

import time
from pathlib import Path

from chapter_08.tries_1 import changed, kubectl

SPACE = "flights-models"
HERE = Path(__file__).parent
NOVEMBER = (HERE / "solved" / "november.yaml").read_text(encoding="utf-8")
INHERITED = (HERE / "manifests" / "november.yaml").read_text(encoding="utf-8")
VALUES = """\
          envFrom:
            - configMapRef: {name: run}
          env:
            - name: TOKEN
              valueFrom: {secretKeyRef: {name: registry, key: TOKEN}}
"""
BOTH = """\
          envFrom:
            - configMapRef: {name: run}
            - secretRef: {name: registry}
"""
EACH = """\
          env:
            - name: MONTH
              valueFrom: {configMapKeyRef: {name: run, key: MONTH}}
            - name: SAMPLE
              valueFrom: {configMapKeyRef: {name: run, key: SAMPLE}}
            - name: TOKEN
              valueFrom: {secretKeyRef: {name: registry, key: TOKEN}}
"""
RIGHT = {
    "at /store": changed(NOVEMBER, ('"/models"', '"/store"'), ("mountPath: /models", "mountPath: /store")),
    "value by value": changed(NOVEMBER, (VALUES, EACH)),
    "both as a whole": changed(NOVEMBER, (VALUES, BOTH)),
}
# These write to no claim: nothing has to be made anew.
BESIDE = {
    "as it was left": INHERITED,
    "an empty folder": changed(NOVEMBER, ("persistentVolumeClaim: {claimName: models}", "emptyDir: {}")),
    "no such claim": changed(NOVEMBER, ("claimName: models", "claimName: store")),
}
WRONG = {
    "beside the mount": changed(NOVEMBER, ("mountPath: /models", "mountPath: /store")),
    "as in a shell": changed(NOVEMBER, ("$(MONTH)", "$MONTH"), ("$(SAMPLE)", "$SAMPLE")),
    "no such key": changed(NOVEMBER, ("key: TOKEN", "key: token")),
}


def begin() -> None:
    """Bring the claim to where a reader stands at the exercise."""
    kubectl("delete", "persistentvolumeclaim", "models", "-n", SPACE, "--ignore-not-found")
    for name in ("claim", "run", "kept"):
        kubectl("apply", "-f", str(HERE / "manifests" / f"{name}.yaml"))
    kubectl("wait", "-n", SPACE, "--for=condition=complete", "job/kept", "--timeout=600s")
    kubectl("delete", "job", "kept", "-n", SPACE)
    kubectl("apply", "-f", str(HERE / "manifests" / "run-november.yaml"))


def november(name: str, text: str) -> None:
    """Apply a Job november, and wait until it has come as far as it comes."""
    print(name, flush=True)
    kubectl("apply", "-f", "-", stdin=text)
    match name:
        case "no such claim":
            wish = ("--for=condition=PodScheduled=false", "pod", "-l", "run=november")
        case "no such key":
            reason = "{.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError"
            wish = (f"--for=jsonpath={reason}", "pod", "-l", "run=november")
        case "as it was left" | "as in a shell" | "beside the mount":
            wish = ("--for=condition=failed", "job/november")
        case _:
            wish = ("--for=condition=complete", "job/november")
    kubectl("wait", "-n", SPACE, *wish, "--timeout=300s")
    time.sleep(2)  # the Events that say why come a moment later
    kubectl("logs", "-n", SPACE, "-l", "run=november")
    kubectl("delete", "job", "november", "-n", SPACE)


def main() -> None:
    """Make each of them."""
    kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    kubectl("create", "namespace", SPACE)
    kubectl("create", "secret", "generic", "registry", "-n", SPACE, "--from-literal=TOKEN=not-a-real-token")
    for number, (name, text) in enumerate({**RIGHT, **WRONG}.items()):
        begin()
        if number == 0:
            for beside, other in BESIDE.items():
                november(beside, other)
        november(name, text)
        if name in WRONG:
            november("right", NOVEMBER)
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
