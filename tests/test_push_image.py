"""A release's image is published once, under the version's name, by whoever may; tried on a stand-in of docker."""

from pathlib import Path

import pytest

from authoring import push_image
from companion.image import name, short_name

VERSION = short_name().rpartition(":")[2]
FACTS = "sha256:1 2 3"
RELEASE = {
    "REGISTRY": "registry.example.org/Group/Book",
    "REGISTRY_TOKEN": "a secret",
    "GITHUB_ACTOR": "somebody",
    "GITHUB_REF_NAME": f"v{VERSION}",
}
PUBLIC = f"registry.example.org/group/book/python:{VERSION}"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a docker on PATH that notes what it is asked, and lets ``FAILS`` (a command's first word) fail."""
    program = tmp_path / "docker"
    program.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
[ "$1" = login ] && cat > {tmp_path}/password
[ "$1" = image ] && [ -z "$NOT_BUILT" ] && echo {FACTS}
[ "$1" = "${{FAILS:-manifest}}" ] && exit 1
[ -n "$FAILS" ] && [ "$1" = manifest ] && exit 1
exit 0
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_a_release_is_published_under_its_version(docker: Path) -> None:
    assert push_image.push(RELEASE, "docker") == PUBLIC
    asked = (docker / "asked").read_text().splitlines()
    assert asked[-2:] == [f"tag {name()} {PUBLIC}", f"push {PUBLIC}"]
    assert (docker / "password").read_text() == "a secret"
    assert "a secret" not in "".join(asked)  # a command line is for everybody to read


@pytest.mark.parametrize(
    ("release", "fails", "sentence"),
    [
        ({"GITHUB_REF_NAME": "v9.9.9"}, "", f"is called v9.9.9, and pyproject.toml says {VERSION}"),
        ({"REGISTRY_TOKEN": ""}, "", "does not say REGISTRY_TOKEN"),
        ({}, "login", "registry.example.org does not let somebody in"),
        ({}, "push", "is not published; the reason stands above"),
        ({}, "nothing", f"{PUBLIC} is published already"),
    ],
)
def test_what_stands_in_the_way_is_said(
    docker: Path, monkeypatch: pytest.MonkeyPatch, release: dict[str, str], fails: str, sentence: str
) -> None:
    if fails == "nothing":
        program = docker / "docker"
        program.write_text(program.read_text().replace("&& exit 1", "&& exit 0"))
    else:
        monkeypatch.setenv("FAILS", fails)
    with pytest.raises(push_image.PushError, match=sentence):
        push_image.push(RELEASE | release, "docker")


def test_an_image_that_was_not_built_is_not_published(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_BUILT", "1")
    with pytest.raises(push_image.PushError, match="is not on this machine: make image, then again"):
        push_image.push(RELEASE, "docker")
    assert "push" not in (docker / "asked").read_text()
