"""``make image-push``: publish the image of this version, as the workflow does for a release.

Where to is in the environment, as GitHub's workflows have it: ``REGISTRY`` (such as ``ghcr.io/group/book``), and
``GITHUB_ACTOR`` and ``REGISTRY_TOKEN`` for who may. ``GITHUB_REF_NAME`` is the tag of the release.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from companion.errors import SentenceError
from companion.image import ImageError, engine, facts, name, short_name


class PushError(SentenceError):
    """The image is not published."""


def public_name(registry: str, release: str, image: str) -> str:
    """Return the name under which the image is published.

    Examples
    --------
    >>> public_name("ghcr.io/Group/Book", "v0.1.0", "pipelines-for-humans/python:0.1.0")
    'ghcr.io/group/book/python:0.1.0'

    Raises
    ------
    PushError
        If the release is not of this version.
    """
    title, _, version = image.rpartition("/")[2].rpartition(":")
    if release != f"v{version}":
        raise PushError(
            f"The release is called {release or 'nothing'}, and pyproject.toml says {version}: call it v{version}."
        )
    return f"{registry.lower()}/{title}:{version}"


def push(environ: Mapping[str, str], with_engine: str) -> str:
    """Publish the image that ``make image`` built; return its name.

    Raises
    ------
    PushError
        If the environment does not say where to, if the image is not there, or if the registry refuses it.
    """
    lacking = [key for key in ("REGISTRY", "REGISTRY_TOKEN", "GITHUB_ACTOR") if not environ.get(key)]
    if lacking:
        raise PushError(f"The environment does not say {' and '.join(lacking)}: the workflow image.yml does.")
    registry, image = environ["REGISTRY"], name()
    public = public_name(registry, environ.get("GITHUB_REF_NAME", ""), short_name())
    if not facts(with_engine, image):
        raise PushError(f"{image} is not on this machine: make image, then again.")
    host, who = registry.partition("/")[0], environ["GITHUB_ACTOR"]
    login = [with_engine, "login", host, "--username", who, "--password-stdin"]
    if subprocess.run(login, input=environ["REGISTRY_TOKEN"], text=True).returncode:
        raise PushError(f"{host} does not let {who} in; its reason stands above.")
    there = [with_engine, "manifest", "inspect", public]
    if not subprocess.run(there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        raise PushError(f"{public} is published already, and a name means one thing: raise the version.")
    for command in (["tag", image, public], ["push", public]):
        if subprocess.run([with_engine, *command], stdin=subprocess.DEVNULL).returncode:
            raise PushError(f"{public} is not published; the reason stands above.")
    return public


def main() -> int:
    """Publish; 1 after one sentence on what is wrong."""
    try:
        print(f"Published: {push(os.environ, engine())}")
    except (PushError, ImageError) as error:
        print(f"image-push: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
