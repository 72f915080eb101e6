"""Build the image in which a step of the pipeline runs: ``make image``.

The image is named after its content, such as ``pipelines-for-humans/python:0.1.0-3f2a91c04be7``: the version,
then a sum over what goes into it. Other content gives another name, and a name that is there is not built
again, so no name ever means two things. The git revision is a label of the image.

The first image of a version gets the short name too, such as ``pipelines-for-humans/python:0.1.0``: the chapters
on a cluster use that one. It is given once; a later build of the same version says that it does not get it.

``make image BASE_IMAGE=...`` takes another base than the one in ``Dockerfile``.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from companion.bootstrap import ROOT, installer_environment
from companion.causes import BUILD, cause_in
from companion.findings import check_engine
from companion.programs import output_of

# What `flightdelay.pipelines.with_kubeflow.IMAGE` begins with.
REPOSITORY = "pipelines-for-humans/python"


class ImageError(Exception):
    """The image cannot be built; the text is one clear sentence."""


def base_image(root: Path = ROOT) -> str:
    """Return the base image: that of the environment, or the default of the Dockerfile."""
    default = re.search(r"^ARG BASE_IMAGE=(\S+)$", (root / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return os.environ.get("BASE_IMAGE") or (default[1] if default else "")


def content(root: Path = ROOT) -> list[Path]:
    """Return the files that decide what the image holds: the Dockerfile, and what it may see."""
    ignore = root / ".dockerignore"
    seen = [root / line[1:] for line in ignore.read_text("utf-8").splitlines() if line.startswith("!")]
    files = [path for place in seen for path in ([place] if place.is_file() else place.rglob("*"))]
    return sorted(
        path for path in [root / "Dockerfile", *files] if path.is_file() and "__pycache__" not in path.parts
    )


def name(root: Path = ROOT) -> str:
    """Return the name of the image of this working copy; it need not have been built."""
    digest = hashlib.sha256(base_image(root).encode())
    for path in content(root):
        digest.update(f"\n{path.relative_to(root)} ".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{short_name(root)}-{digest.hexdigest()[:12]}"


def short_name(root: Path = ROOT) -> str:
    """Return the name without the content's sum, as the chapters on a cluster use it."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return f"{REPOSITORY}:{version}"


def engine() -> str:
    """Return ``docker`` or ``podman``, whichever answers.

    Raises
    ------
    ImageError
        If neither does, with what to do.
    """
    found = check_engine()
    if not found.ok:
        raise ImageError(
            f"The image cannot be built, since there is no container engine: {found.detail}. Fix: {found.fix}. "
            "The book can be read and run without."
        )
    return found.detail.split()[0]


def revision(root: Path = ROOT) -> str:
    """Return the git commit, with ``-dirty`` where the working copy has changes; empty outside of git."""
    commit = output_of("git", "-C", str(root), "rev-parse", "HEAD") or ""
    return (
        f"{commit}-dirty" if commit and output_of("git", "-C", str(root), "status", "--porcelain") else commit
    )


def pip_secrets(folder: Path) -> list[str]:
    """Lend this machine's settings of pip to the build, as secrets that no layer keeps; return the options."""
    environ = installer_environment(dict(os.environ), sys.executable)
    settings = ["[global]", "disable-pip-version-check = true", "root-user-action = ignore"]
    if index := environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL"):
        settings.append(f"index-url = {index}")
    options = ["--secret", f"id=pip.conf,src={folder / 'pip.conf'}"]
    certificate = environ.get("SSL_CERT_FILE")
    if certificate and Path(certificate).is_file():
        settings.append("cert = /run/certificate")
        options += ["--secret", f"id=certificate,src={certificate}"]
    (folder / "pip.conf").write_text("\n".join(settings) + "\n", encoding="utf-8")
    return options


def explain(output: str, with_engine: str, base: str) -> str:
    """Say in a sentence why the engine failed, from what it printed."""
    known = cause_in(output, BUILD)
    if known:
        return known.format(base=base)
    return f"{with_engine} could not build the image; the reason stands in its lines above."


def build(with_engine: str, image: str, root: Path = ROOT) -> None:
    """Build the image, showing what the engine says.

    Raises
    ------
    ImageError
        If the engine fails.
    """
    base = base_image(root)
    command = [with_engine, "build", "--tag", image, "--build-arg", f"BASE_IMAGE={base}"]
    command += ["--label", f"org.opencontainers.image.version={image.rpartition(':')[2]}"]
    command += ["--label", f"org.opencontainers.image.revision={revision(root)}"]
    with tempfile.TemporaryDirectory() as folder:
        command += [*pip_secrets(Path(folder)), str(root)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Docker before 23 can lend secrets only if asked so.
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            print(f"  {line}", end="", flush=True)
        if process.wait():
            raise ImageError(explain("".join(lines), with_engine, base))


def facts(with_engine: str, image: str) -> tuple[str, int, int] | None:
    """Return an image's ID (the sum of its content), size in bytes and number of layers; None if not there."""
    said = output_of(
        with_engine, "image", "inspect", "--format", "{{.Id}} {{.Size}} {{len .RootFS.Layers}}", image
    )
    if not said:
        return None
    digest, size, layers = said.split()
    return f"sha256:{digest.removeprefix('sha256:')}", int(size), int(layers)


def give_short_name(with_engine: str, image: str, digest: str) -> str:
    """Give an image its short name, unless one of another digest has it; return what to tell a person."""
    short = short_name()
    taken = facts(with_engine, short)
    if not taken:
        subprocess.run([with_engine, "tag", image, short], check=True, stdin=subprocess.DEVNULL)
    elif taken[0] != digest:
        return (
            f"{short} stays the name of an older build, {taken[0][:19]}. For this one on the cluster: "
            f"'{with_engine} rmi {short}', make image, make cluster-load IMAGE={short}"
        )
    return f"{short}, for the cluster: make cluster-load IMAGE={short}"


def main() -> int:
    """Build the image if it is not there, and say what it is; return the exit code."""
    try:
        with_engine, image = engine(), name()
        found = facts(with_engine, image)
        if found:
            print(f"Nothing has changed since {image} was built.")
        else:
            print(f"Building {image} with {with_engine}: minutes the first time, seconds later.", flush=True)
            start = time.monotonic()
            build(with_engine, image)
            found = facts(with_engine, image)
            if not found:
                raise ImageError(f"{with_engine} says that it built {image}, but does not find it.")
            print(f"Built in {time.monotonic() - start:.0f} s.")
        digest, size, layers = found
        short = give_short_name(with_engine, image, digest)
    except ImageError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"image: {with_engine} does not name the image {image}; its reason stands above.", file=sys.stderr
        )
        return error.returncode
    except OSError as error:
        print(f"image: {error.filename} cannot be read: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was built so far is kept; make image goes on from there.", file=sys.stderr)
        return 130
    print(f"name    {image}\nID      {digest}\nsize    {size / 1e6:.0f} MB in {layers} layers")
    print(f"also    {short}")
    print(f"try it  {with_engine} run --rm --read-only --tmpfs /tmp {image} 2013-09 --sample 20000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
