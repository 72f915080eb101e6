"""What else is tried on the cluster of 12.3, to be recorded with it: exercise 12.2 in other words, and wrong.

Each policy is applied where a reader stands at the exercise, while the door is shut to everybody; then the desk and the
visitor knock. A wrong one is mended, or taken away.
"""

from pathlib import Path

from chapter_08.tries_1 import changed, kubectl

HERE = Path(__file__).parent
SPACE, DESK = "flights-counter", "flights-desk"
SHUT = (HERE / "manifests" / "door.yaml").read_text(encoding="utf-8")
OPEN = (HERE / "solved" / "door.yaml").read_text(encoding="utf-8")
NAMESPACE = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: flights-desk}}"
POD = "podSelector: {matchLabels: {app: desk}}"
PORTS = "ports: [{protocol: TCP, port: 8080}]"


NAMES = "{key: kubernetes.io/metadata.name, operator: In, values: [flights-desk]}"
RIGHT = {
    "the protocol as it is anyway": changed(OPEN, (PORTS, "ports: [{port: 8080}]")),
    "the port by its name": changed(OPEN, (PORTS, "ports: [{port: http}]")),
    "both": changed(OPEN, (PORTS, "ports: [{protocol: TCP, port: http}]")),
    "expressions": changed(
        OPEN,
        (NAMESPACE, f"namespaceSelector: {{matchExpressions: [{NAMES}]}}"),
        (PORTS, "ports: [{port: 8080}]"),
    ),
    "a second policy beside the one that shuts": f"{SHUT}---\n{changed(OPEN, ('name: predictions', 'name: desk'))}",
}
ELSEWHERE = "in the namespace of those who ask"
WRONG = {
    "either the namespace or the Pod": changed(OPEN, (f"          {POD}", f"        - {POD}")),
    "the Pod alone": changed(OPEN, (f"        - {NAMESPACE}\n          {POD}", f"        - {POD}")),
    "the namespace alone": changed(OPEN, (f"          {POD}\n", "")),
    "the Service's port": changed(OPEN, ("port: 8080", "port: 80")),
    "a port in quotes": changed(OPEN, ("port: 8080", 'port: "8080"')),
    "every port": changed(OPEN, (f"      {PORTS}\n", "")),
    ELSEWHERE: changed(OPEN, (f"namespace: {SPACE}", f"namespace: {DESK}")),
    "a label that the namespace has not": changed(OPEN, ("kubernetes.io/metadata.name", "name")),
    "addresses too": changed(
        OPEN, (f"          {POD}\n", f"          {POD}\n        - ipBlock: {{cidr: 0.0.0.0/0}}\n")
    ),
    "everybody": changed(SHUT, ("ingress: []", "ingress: [{}]")),
}


def knock() -> None:
    """Let the desk and the visitor knock, as the notebook does."""
    kubectl("delete", "job", "desk", "visitor", "-n", DESK, "--ignore-not-found")
    kubectl("apply", "-n", DESK, "-f", str(HERE / "manifests" / "callers.yaml"))
    done = "--for=condition=complete"
    kubectl("wait", "-n", DESK, done, "job/desk", "job/visitor", "--timeout=180s")
    for name in ("desk", "visitor"):
        kubectl("logs", "-n", DESK, f"job/{name}")


def main() -> None:
    """Apply each of them to the shut door, and see who gets in."""
    for space in (SPACE, DESK):
        kubectl("delete", "namespace", space, "--ignore-not-found")
        kubectl("create", "namespace", space)
    kubectl("apply", "-n", SPACE, "-f", str(HERE / "manifests" / "counter.yaml"))
    kubectl("rollout", "status", "-n", SPACE, "deployment/predictions", "--timeout=300s")
    kubectl("apply", "-f", str(HERE / "manifests" / "rights.yaml"))
    env = ("deployment/predictions", "FLIGHTDELAY_CHAMPION=2013-09-0123456789ab")
    kubectl("set", "env", "-n", SPACE, *env)
    kubectl("rollout", "status", "-n", SPACE, "deployment/predictions", "--timeout=300s")
    kubectl("apply", "-f", "-", stdin=SHUT)
    for name, text in {**WRONG, **RIGHT}.items():
        print(name, flush=True)
        kubectl("apply", "-f", "-", stdin=text)
        knock()
        if name in WRONG:  # mended in place, as a reader does
            kubectl("apply", "-f", "-", stdin=OPEN)
        if name == ELSEWHERE:  # and still there, beside the mended one
            knock()
        for space in (SPACE, DESK):
            kubectl("delete", "networkpolicy", "--all", "-n", space)
        kubectl("apply", "-f", "-", stdin=SHUT)
    knock()
    kubectl("delete", "networkpolicy", "--all", "-n", SPACE)
    kubectl("delete", "namespace", SPACE, DESK)


if __name__ == "__main__":
    main()
