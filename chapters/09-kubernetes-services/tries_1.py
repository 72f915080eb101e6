"""What else is tried on the cluster of 09.1, to be recorded with it: exercise 9.1 in other words, and wrong."""

from collections.abc import Iterable
from pathlib import Path

from chapter_08.tries_1 import changed, kubectl

HERE = Path(__file__).parent
SPACE = "flights-service"
NIGHT = (HERE / "solved" / "night.yaml").read_text(encoding="utf-8")
INHERITED = (HERE / "manifests" / "night.yaml").read_text(encoding="utf-8")
READY = "{httpGet: {path: /readyz, port: 8080}, timeoutSeconds: 5}"
LIVE = "{httpGet: {path: /healthz, port: 8080}, failureThreshold: 6}"


PLAIN = changed(NIGHT, (READY, "{httpGet: {path: /readyz, port: 8080}}"))
# Deployments, each with its Service.
RIGHT = {
    "no time-out of its own": PLAIN,
    "no patience of its own": changed(PLAIN, (LIVE, "{httpGet: {path: /healthz, port: 8080}}")),
    "as predictions has them": changed(
        NIGHT,
        (READY, "{httpGet: {path: /readyz, port: 8080}, periodSeconds: 2, timeoutSeconds: 5}"),
        (
            LIVE,
            "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6}",
        ),
    ),
}
# All is mended but where the counter leads to.
NO_TARGET = (", targetPort: 8080", "")
WRONG = {
    "as it was inherited": INHERITED,
    "killed before it listens": changed(
        NIGHT, (LIVE, "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 2, failureThreshold: 1}")
    ),
    "an open port is ready": changed(NIGHT, (READY, "{tcpSocket: {port: 8080}}")),
    "one replica": changed(NIGHT, ("replicas: 2", "replicas: 1")),
    "the other counter": changed(
        NIGHT, ("selector: {app: night}\n  ports", "selector: {app: predictions}\n  ports")
    ),
    "the wrong port": changed(NIGHT, NO_TARGET),
    **{f"the wrong port, {name}": changed(text, NO_TARGET) for name, text in RIGHT.items()},
}
# Not waited for: they do not become ready.
STUCK = ("as it was inherited", "killed before it listens")
# Only the Service is another one.
ALIKE = ("the other counter", "the wrong port")


def make(space: str, *names: str) -> None:
    """Make the two champions, and what else is needed from the manifests."""
    kubectl("delete", "namespace", space, "--ignore-not-found")
    kubectl("create", "namespace", space)
    kubectl("apply", "-n", space, "-f", str(HERE / "manifests" / "champions.yaml"))
    kubectl("wait", "-n", space, "--for=condition=complete", "job/champions", "--timeout=900s")
    for name in names:
        kubectl("apply", "-n", space, "-f", str(HERE / "manifests" / name))


def arrived(space: str, names: Iterable[str], timeout: str = "300s") -> None:
    """Wait until Deployments have their Pods."""
    for name in names:
        kubectl("rollout", "status", "-n", space, f"deployment/{name}", f"--timeout={timeout}")


def pinned(text: str, version: str, month: str = "2013-07", sum_: str = "baf3248e5b31") -> str:
    """Return a manifest of July's champion that pins another version."""
    return text.replace(f"{month}-{sum_}", version).replace(month, version[:7])


AUGUST = pinned((HERE / "manifests" / "probed.yaml").read_text(encoding="utf-8"), "2013-08-aa85bd8bd892")


def main() -> None:
    """Make each of them where a reader stands at the exercise, see what comes of it, and mend the wrong ones."""
    make(SPACE, "service.yaml")
    kubectl("apply", "-n", SPACE, "-f", "-", stdin=AUGUST)
    arrived(SPACE, ["predictions"])
    kubectl("get", "--raw", f"/api/v1/namespaces/{SPACE}/services/predictions:80/proxy/champion")
    for name, text in {**WRONG, **RIGHT}.items():
        print(name, flush=True)
        gone = ["service/night"] if name in ALIKE else ["service/night", "deployment/night"]
        kubectl("delete", "-n", SPACE, *gone, "--ignore-not-found")
        kubectl("apply", "-n", SPACE, "-f", "-", stdin=text)
        arrived(SPACE, ["night"], "45s" if name in STUCK else "300s")
        kubectl("get", "--raw", f"/api/v1/namespaces/{SPACE}/services/night:80/proxy/champion")
        if name in WRONG:
            mended = RIGHT.get(name.removeprefix("the wrong port, "), NIGHT)
            kubectl("apply", "-n", SPACE, "-f", "-", stdin=mended)
            arrived(SPACE, ["night"])
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
