"""Kubeflow's manifests: fetched once at fixed commits, rendered here, compared with their sums, and kept."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import IO, Any

from companion.cluster import settings
from companion.cluster.shell import ClusterError, Shell
from flightdelay.files import write_atomically

PINS: dict[str, Any] = settings.VERSIONS["kubeflow"]
PATIENCE = 60
# How the release refers to Argo's manifests, with a tag that could move.
REMOTE = re.compile(r"https://github\.com/(?P<repository>[\w.-]+/[\w.-]+?)/(?P<folder>[\w./-]+)\?ref=\S+")


def prepare(shell: Shell) -> list[Path]:
    """Return the manifests, in the order in which they are applied; fetch and render them the first time.

    Raises
    ------
    ClusterError
        If they cannot be fetched, or are not what versions.toml says.
    """
    paths = [settings.CACHE / f"kubeflow-{PINS['release']}-{pin['name']}.yaml" for pin in PINS["manifests"]]
    if all(is_right(path, pin) for path, pin in zip(paths, PINS["manifests"], strict=True)):
        return paths
    if shell.dry_run:
        for source in PINS["sources"]:
            shell.say(f"would fetch: {address(source)}")
        shell.say("would run: kubectl kustomize, for each manifest of cluster-setup/versions.toml")
        return paths
    with tempfile.TemporaryDirectory() as temporary:
        for source in PINS["sources"]:
            fetch(shell, source, Path(temporary) / source["repository"])
        make_local(Path(temporary))
        root = Path(temporary) / PINS["sources"][0]["repository"]
        for path, pin in zip(paths, PINS["manifests"], strict=True):
            text = render(root / pin["folder"])
            if hashlib.sha256(text).hexdigest() != pin["sha256"]:
                raise ClusterError(
                    f'The manifest "{pin["name"]}" of Kubeflow Pipelines {PINS["release"]} is not the one that was '
                    "tested (its SHA-256 differs), so it is not applied. Either what was fetched is something else, or "
                    "this kubectl renders otherwise than 1.32 to 1.36 do: kubectl version --client."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
    shell.say("The manifests are as recorded, and kept in build/cluster/cache.")
    return paths


def is_right(path: Path, pin: dict[str, str]) -> bool:
    """Compare a kept manifest with its recorded sum."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == pin["sha256"]


def address(source: dict[str, Any]) -> str:
    """Return where the archive of a source is."""
    template: str = os.environ.get("CLUSTER_ARCHIVES") or PINS["archives"]
    return template.format(repository=source["repository"], commit=source["commit"])


def fetch(shell: Shell, source: dict[str, Any], target: Path) -> None:
    """Download a repository's archive at its commit and keep only the folders that are named."""
    where = address(source)
    shell.say(f"Fetching {where}")
    try:
        with urllib.request.urlopen(where, timeout=PATIENCE) as response:
            unpack(response, source["folders"], target)
    except urllib.error.HTTPError as error:
        raise ClusterError(
            f"{where} answers {error.code} {error.reason}. In a company without access to it, name a mirror: "
            "CLUSTER_ARCHIVES, see cluster-setup/versions.toml."
        ) from error
    # Not only when connecting: a download that breaks off looks like a broken archive.
    except (urllib.error.URLError, OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise ClusterError(
            f"Kubeflow's manifests could not be fetched from {where} ({getattr(error, 'reason', None) or error}). "
            "Connect (behind a proxy: HTTPS_PROXY) and run the same command again; nothing was changed. Without "
            'any network: cluster-setup/README.md, "Classroom".'
        ) from error
    missing = [folder for folder in source["folders"] if not (target / folder).is_dir()]
    if missing:
        raise ClusterError(f"{where} is not an archive of {source['repository']}: it lacks {missing[0]}.")


def unpack(archive: IO[bytes], folders: list[str], target: Path) -> None:
    """Write the plain files of an archive that lie in one of the folders."""
    with tarfile.open(fileobj=archive, mode="r|gz") as entries:
        for entry in entries:
            # The first part is a folder named after repository and commit.
            path = PurePosixPath(*PurePosixPath(entry.name).parts[1:])
            if not entry.isfile() or ".." in path.parts or path.is_absolute():
                continue
            if not any(path.is_relative_to(folder) for folder in folders):
                continue
            content = entries.extractfile(entry)
            if content:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(content.read())


def make_local(root: Path) -> None:
    """Point what refers to the network to the copies below `root`.

    Raises
    ------
    ClusterError
        If something refers to what was not fetched: rendering must not fetch anything by itself.
    """
    for path in sorted(root.rglob("kustomization.yaml")):
        text = path.read_text(encoding="utf-8")

        def local(found: re.Match[str], folder: Path = path.parent) -> str:
            copy = root / found["repository"] / found["folder"]
            if not copy.is_dir():
                raise ClusterError(f"{found[0]} is not among the sources of cluster-setup/versions.toml.")
            return os.path.relpath(copy, folder)

        changed = "".join(
            line if line.lstrip().startswith("#") else REMOTE.sub(local, line)
            for line in text.splitlines(keepends=True)
        )
        if changed != text:
            path.write_text(changed, encoding="utf-8")


def render(folder: Path) -> bytes:
    """Let kubectl make one manifest of a folder; this talks to no cluster."""
    if shutil.which("kubectl") is None:
        raise ClusterError("kubectl is not installed: make cluster-preflight says how to get it.")
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)],
        capture_output=True,
        env={**os.environ, "KUBECONFIG": str(settings.KUBECONFIG)},
        timeout=300,
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise ClusterError(f"kubectl kustomize failed on Kubeflow's manifests and says: {last[:300]}")
    return done.stdout
