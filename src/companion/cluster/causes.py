"""What an error of docker, kind, kubectl or a Pod's event most likely means, and what to do."""

import re

# What the machine lacks: believed wherever it is read, also in the log of a container.
OF_THE_MACHINE = [
    (
        r"no space left on device|disk quota exceeded",
        "The disk is full. Make room (docker system prune removes what Docker no longer uses; Docker Desktop: raise "
        "the disk limit in its settings), then run the same command again.",
    ),
    (
        r"too many open files|inotify",
        "The limits on watched files are too low: make cluster-preflight prints the two commands that raise them.",
    ),
    (
        r"exec format error|no match for platform",
        "An image was made for another processor. Kubeflow's backend has images for amd64 only: on Apple Silicon "
        "use Kubeflow's local runner (chapter 07) or a hosted dev container.",
    ),
]
# The rest would mislead there: a program that waits for its database says "no such host" too. From the most
# telling to the vaguest; the first that is found counts.
CAUSES = [
    *OF_THE_MACHINE,
    (
        r"port is already allocated|address already in use|ports are not available",
        "Something on this machine already listens on one of the ports of cluster-setup/kind.yaml: stop it "
        "(make cluster-preflight says how to find it) or change hostPort there, then run the same command again.",
    ),
    (
        r"toomanyrequests|rate limit",
        "The registry lets this address pull no more for now. Wait some hours, log in (docker login), or load the "
        'images from a classroom archive: cluster-setup/README.md, "Classroom".',
    ),
    (
        r"x509|certificate signed by unknown authority|tls: failed to verify",
        "Somebody stands between this machine and the registry, usually a company's proxy with a certificate of its "
        "own. Add that certificate to the engine, or load the images from a classroom archive: "
        'cluster-setup/README.md, "Classroom".',
    ),
    (
        r"manifest unknown|not found: manifest|failed to resolve reference .*: not found",
        "The registry does not have that image. Is the name in cluster-setup/versions.toml right, and not changed?",
    ),
    (
        r"server misbehaving|no such host|i/o timeout|TLS handshake timeout|unexpected EOF|connection reset"
        r"|temporary failure in name resolution|network is unreachable"
        r"|context deadline exceeded.*(registry|ghcr|quay|gcr)|failed to do request|proxyconnect",
        "The images cannot be fetched: no way to the registry. Connect, or tell the engine your proxy, then run the "
        "same command again (what has arrived is kept); or load the images from a classroom archive: "
        'cluster-setup/README.md, "Classroom".',
    ),
    (
        r"could not find a log line that matches|failed to mount cgroup|cgroup.*(not found|unsupported)",
        "The node did not start, which is nearly always the machine's cgroups: make cluster-preflight says what to "
        "change.",
    ),
    (
        r"cannot connect to the docker daemon|is the docker daemon running|error during connect",
        "The container engine stopped: start it, then run the same command again.",
    ),
    (
        r"the connection to the server .* was refused|unable to connect to the server",
        "The cluster does not answer: make cluster-up starts it again, or says why it cannot.",
    ),
]


def cause_in(text: str, causes: list[tuple[str, str]] = CAUSES) -> str | None:
    """Return the likely cause that a text points to, with what to do; None if it is no known one."""
    for pattern, sentence in causes:
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    return None
