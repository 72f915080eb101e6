"""What an error of a tool most likely means, and what to do: all that is known, by who meets it.

First stands what the tool says, as a regular expression (capital letters do not count), then what a reader is told.
From the most telling to the vaguest: the first that is found counts.
"""

import re

Causes = dict[str, str]

DISK: Causes = {
    r"no space left on device|disk quota exceeded": (
        "The disk is full, or that of the container engine. Make room (docker system prune, or podman system "
        "prune, removes what the engine no longer uses; Docker Desktop: raise the disk limit in its "
        "settings), then run the same command again."
    ),
}
ENGINE: Causes = {
    r"cannot connect to the docker daemon|is the docker daemon running|error during connect"
    r"|cannot connect to podman|permission denied.*\.sock": (
        "The container engine stopped, or stopped answering: start it (make doctor says how), then run the "
        "same command again."
    ),
}
# What the machine lacks: believed wherever it is read, also in the log of a container.
MACHINE: Causes = {
    **DISK,
    r"too many open files|inotify": (
        "The limits on watched files are too low: make cluster-preflight prints the two commands that raise "
        "them."
    ),
    r"exec format error|no match for platform": (
        "An image was made for another processor. Kubeflow's backend has images for amd64 only: on Apple "
        "Silicon use Kubeflow's local runner (chapter 07) or a hosted dev container."
    ),
}
# docker, kind, kubectl, or a Pod's event. The rest would mislead in a container's log: a program that waits for its
# database says "no such host" too.
CLUSTER: Causes = {
    **MACHINE,
    r"port is already allocated|address already in use|ports are not available": (
        "Something on this machine already listens on one of the ports of cluster-setup/kind.yaml: stop it "
        "(make cluster-preflight says how to find it) or change hostPort there, then run the same command "
        "again."
    ),
    r"toomanyrequests|rate limit(?!er)": (
        "The registry lets this address pull no more for now. Wait some hours, log in (docker login), or load"
        ' the images from a classroom archive: cluster-setup/README.md, "Classroom".'
    ),
    r"x509|certificate signed by unknown authority|tls: failed to verify": (
        "Somebody stands between this machine and the registry, usually a company's proxy with a certificate "
        "of its own. Add that certificate to the engine, or load the images from a classroom archive: "
        'cluster-setup/README.md, "Classroom".'
    ),
    r"manifest unknown|not found: manifest|failed to resolve reference .*: not found": (
        "The registry does not have that image. Is the name in cluster-setup/versions.toml right, and not "
        "changed?"
    ),
    r"server misbehaving|no such host|i/o timeout|TLS handshake timeout|unexpected EOF|connection reset"
    r"|temporary failure in name resolution|network is unreachable"
    r"|context deadline exceeded.*(registry|ghcr|quay|gcr)|failed to do request|proxyconnect": (
        "The images cannot be fetched: no way to the registry. Connect, or tell the engine your proxy, then "
        "run the same command again (what has arrived is kept); or load the images from a classroom archive: "
        'cluster-setup/README.md, "Classroom".'
    ),
    r"could not find a log line that matches|failed to mount cgroup|cgroup.*(not found|unsupported)": (
        "The node did not start, which is nearly always the machine's cgroups: make cluster-preflight says "
        "what to change."
    ),
    **ENGINE,
    r"the connection to the server .* was refused|unable to connect to the server": (
        "The cluster does not answer: make cluster-up starts it again, or says why it cannot."
    ),
}
# A Pod's reason that tells all, …
POD: Causes = {
    r"Unschedulable": (
        "the node has no room for all Pods (see pods.txt and nodes.txt): give the engine more memory or CPUs,"
        " then make cluster-down, make cluster-up, make cluster-kfp."
    ),
    r"Evicted": (
        "the node ran out of disk or memory and threw Pods out: make room, then run the command again."
    ),
}
# … and one behind which messages and logs may know more.
CONTAINER: Causes = {
    r"OOMKilled": "a container used more memory than it may: see describe.txt; give the engine more memory.",
    r"CrashLoopBackOff": "a program ends as soon as it starts: the last lines of its file in logs/ say why.",
}
# The building of an image, by an engine and by pip in it.
BUILD: Causes = {
    **DISK,
    r"DO NOT MATCH THE HASHES": (
        "A package is not the one that requirements-image.txt names: its sum is another. Do not use it; try "
        "another package index, or restore the file with git."
    ),
    r"No matching distribution|Could not install packages|ReadTimeoutError|SSLError|NewConnectionError": (
        "The packages cannot be fetched inside the build: check the network. Your pip settings (index-url and"
        " certificate, see 'pip config list') were handed to it."
    ),
    r"source metadata|initializing source|unable to pull|pull access denied|toomanyrequests|short-name"
    r"|no such image|manifest unknown": (
        "The base image {base} cannot be pulled: check the network, or name an image that this machine has "
        "and that holds Python 3.11 to 3.13 with venv: make image BASE_IMAGE=..."
    ),
    **ENGINE,
}
# Airflow's own parts; what is said goes on with a sentence.
AIRFLOW: Causes = {
    r"address already in use": "another program took the port in that moment: start again",
    r"database is locked": "another program holds Airflow's database open: end it, or restart the computer",
    r"no space left on device": "the disk is full: make room",
    r"MemoryError": "the memory is full: close other programs",
    r"No module named": "the environment is incomplete: rm -rf .venv, then make doctor",
}


def cause_in(text: str, causes: Causes) -> str | None:
    """Return the likely cause that a text points to, with what to do; None if it is no known one."""
    for pattern, sentence in causes.items():
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    return None
