"""The image of a step: what its Dockerfile promises, how it is named, and what is said when it fails."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chapter_06 import check as chapter_06
from chapter_06 import dockerfile
from chapter_10.labs import faults
from companion import image
from companion.environment import repository
from flightdelay.pipelines import with_kubeflow

ROOT = repository()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = dockerfile.instructions_of(DOCKERFILE)
STAGES = dockerfile.stages_of(INSTRUCTIONS)
HADOLINT = Path(sys.prefix, "bin", "hadolint")


def test_the_base_is_named_by_digest_and_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [stage[0][1].split()[0] for stage in STAGES] == ["${BASE_IMAGE}"] * len(STAGES)
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    assert re.fullmatch(
        r"docker\.io/library/python:3\.1[123]-slim-\w+@sha256:[0-9a-f]{64}", image.base_image()
    )
    monkeypatch.setenv("BASE_IMAGE", "mine:1")
    assert image.base_image() == "mine:1"


def test_it_does_not_run_as_root() -> None:
    users = [rest for name, rest in STAGES[-1] if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", users[-1])


def test_packages_are_those_of_the_lock_and_stand_above_the_code() -> None:
    installs = re.findall(r"pip install ([^&]*)", DOCKERFILE.replace("\\\n", " "))
    assert len(installs) == 2
    assert all({"--require-hashes", "--no-deps"} <= set(line.split()) for line in installs)
    assert "--no-build-isolation" in installs[1]
    copied = [rest.split()[-1] for name, rest in STAGES[-1] if name == "COPY"]
    assert copied == ["/opt/venv", "/app/data", "/app/src/flightdelay"]


def test_the_modes_of_the_clone_do_not_reach_the_image() -> None:
    """A clone under umask 077 has files that only its owner reads, and a step runs as somebody else."""
    copied = [rest.split() for name, rest in STAGES[-1] if name == "COPY"]
    assert [words[0] for words in copied if words[0] != "--from=packages"] == ["--chmod=755"] * 2


def test_nothing_is_fetched_from_an_address_and_no_secret_is_in_it() -> None:
    assert [name for name, _ in INSTRUCTIONS if name == "ADD"] == []
    assert "://" not in DOCKERFILE
    settings = " ".join(rest for name, rest in INSTRUCTIONS if name in ("ARG", "ENV"))
    assert not re.search(r"passw|secret|token|index", settings, re.IGNORECASE)
    assert "latest" not in DOCKERFILE


def test_what_has_been_taught_wrong_is_refused_in_it() -> None:
    """The chapter's own check finds nothing in the book's Dockerfile."""
    assert chapter_06._base(INSTRUCTIONS) is None
    assert chapter_06._secret(DOCKERFILE, INSTRUCTIONS) is None
    made, _ = dockerfile.follow(INSTRUCTIONS)
    assert [judge(made) for judge in (chapter_06._user, chapter_06._content, chapter_06._start)] == [None] * 3


def test_the_builder_sees_only_what_is_copied() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    # Everything is left out first: .git, .venv, work/, build/, and what nobody thought of.
    assert rules[0] == "*"
    assert sorted(rule for rule in rules if rule.startswith("!")) == [
        "!data",
        "!requirements-image.txt",
        "!src/flightdelay",
    ]
    assert {path.relative_to(ROOT).parts[0] for path in image.content()} == {
        "Dockerfile",
        "data",
        "requirements-image.txt",
        "src",
    }


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is not installed here")
def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


# --- the name ---


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of what goes into the image."""
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    for path in [*image.content(), ROOT / ".dockerignore", ROOT / "pyproject.toml"]:
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return tmp_path


def test_the_name_is_version_and_content(copy: Path) -> None:
    name = image.name(copy)
    assert name == image.name(ROOT)
    assert re.fullmatch(r"pipelines-for-humans/python:\d+\.\d+\.\d+-[0-9a-f]{12}", name)


def test_the_cluster_uses_the_short_name() -> None:
    assert with_kubeflow.IMAGE == faults.IMAGE == image.short_name()
    assert image.name().startswith(f"{image.short_name()}-")


@pytest.mark.parametrize(
    "changed", ["Dockerfile", "requirements-image.txt", "src/flightdelay/store.py", "data/manifest.json"]
)
def test_other_content_has_another_name(copy: Path, changed: str) -> None:
    before = image.name(copy)
    (copy / changed).write_bytes((copy / changed).read_bytes() + b"\n")
    assert image.name(copy) != before


def test_another_base_and_another_path_have_another_name(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {image.name(copy)}
    (copy / "src/flightdelay/store.py").rename(copy / "src/flightdelay/shop.py")
    names.add(image.name(copy))
    monkeypatch.setenv("BASE_IMAGE", "mine:1")
    names.add(image.name(copy))
    assert len(names) == 3


def test_what_does_not_go_in_does_not_count(copy: Path) -> None:
    before = image.name(copy)
    (copy / "src" / "flightdelay" / "__pycache__").mkdir()
    (copy / "src" / "flightdelay" / "__pycache__" / "store.pyc").touch()
    (copy / "work").mkdir()
    (copy / "work" / "mine.ipynb").touch()
    assert image.name(copy) == before


# --- the command ---

# Stands in for an engine: it notes what it was asked, and fails as $FAILS says.
ENGINE = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$1" in
  info) echo 27.0 ;;
  build) echo "STEP 1/3"; if [ -n "$FAILS" ]; then echo "$FAILS" >&2; exit 1; fi
    for part in "$@"; do case "$part" in id=pip.conf,src=*) cat "${part#id=pip.conf,src=}" > "$0.pip" ;; esac; done
    touch "$0.built" ;;
  tag) if [ -n "$TAG_FAILS" ]; then echo "no" >&2; exit 3; fi; touch "$0.short" ;;
  image) case "$5" in
    *-*-*-*) test -e "$0.built" && echo "sha256:$(printf 'a%.0s' 1 2 3) 123456789 7" ;;
    *) test -e "$0.short" && echo "sha256:$(printf "${TAKEN:-a}%.0s" 1 2 3) 123456789 7" ;; esac ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """Return a folder for PATH with git, what a shell needs, and something that behaves like Docker."""
    for tool in ("sh", "cat", "touch", "test", "printf", "git"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "docker").write_text(ENGINE)
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def make_image(path: Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "companion.image"],
        env={"PATH": str(path), "HOME": str(path), **environment},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_it_builds_once_and_says_what_it_is(engine: Path) -> None:
    code, text, said = make_image(engine)
    assert (code, said) == (0, "")
    name = re.search(r"^name    (\S+)$", text, re.MULTILINE)
    assert name is not None
    assert name[1].startswith(image.REPOSITORY)
    assert "ID      sha256:aaa\nsize    123 MB in 7 layers\n" in text
    built = next(
        line for line in (engine / "docker.asked").read_text().splitlines() if line.startswith("build")
    )
    assert f"--tag {name[1]} " in built
    assert "latest" not in built
    assert "org.opencontainers.image.revision=" in built
    # The same content again: nothing is built, and no tag is given twice.
    code, text, _ = make_image(engine)
    assert code == 0
    assert "Nothing has changed" in text
    assert (engine / "docker.asked").read_text().count("build --tag") == 1


def test_the_first_build_of_a_version_gets_the_short_name_and_keeps_it(engine: Path) -> None:
    short = image.short_name()
    for expected in (1, 1):  # the second time it is there
        code, text, said = make_image(engine)
        assert (code, said) == (0, "")
        assert f"also    {short}, for the cluster: make cluster-load IMAGE={short}\n" in text
        asked = (engine / "docker.asked").read_text().splitlines()
        assert sum(line.startswith("tag ") and line.endswith(f" {short}") for line in asked) == expected
    code, text, _ = make_image(engine, TAKEN="b")
    assert code == 0
    assert f"also    {short} stays the name of an older build, sha256:bbb. For this one" in text
    assert f"'docker rmi {short}', make image" in text


def test_an_engine_that_does_not_name_is_reported(engine: Path) -> None:
    code, _, said = make_image(engine, TAG_FAILS="1")
    assert code == 3
    assert "docker does not name the image" in said


def test_the_settings_of_pip_are_lent_and_not_passed_as_arguments(engine: Path) -> None:
    assert make_image(engine, PIP_INDEX_URL="https://me:hunter2@packages.example.com/simple")[0] == 0
    assert "hunter2" in (engine / "docker.pip").read_text()
    assert "hunter2" not in (engine / "docker.asked").read_text()


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ("write /var/lib/x: no space left on device", "The disk is full, or that of the container engine"),
        (
            "ERROR: failed to solve: mine:1: failed to resolve source metadata for docker.io/library/mine:1",
            "The base image mine:1 cannot be pulled",
        ),
        (
            "Error: creating build container: initializing source docker://mine:1: pinging container registry",
            "The base image mine:1 cannot be pulled",
        ),
        (
            "ERROR: No matching distribution found for annotated-doc==0.0.7",
            "The packages cannot be fetched inside the build",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "its sum is another"),
        ("something new", "could not build the image; the reason stands in its lines above"),
    ],
)
def test_a_failure_is_one_sentence(engine: Path, says: str, sentence: str) -> None:
    code, text, said = make_image(engine, FAILS=says, BASE_IMAGE="mine:1")
    assert code == 1
    assert sentence in said
    assert said.startswith("image: ")
    assert len(said.splitlines()) == 1
    assert says in text  # what the engine said is not hidden


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "neither docker nor podman"),
        ("#!/bin/sh\nexit 1\n", "docker is installed, its engine does not answer"),
    ],
)
def test_without_an_engine_there_is_one_sentence(engine: Path, script: str | None, sentence: str) -> None:
    (engine / "docker").unlink()
    if script:
        (engine / "docker").write_text(script)
        (engine / "docker").chmod(0o755)
    code, text, said = make_image(engine)
    assert (code, text) == (1, "")
    assert sentence in said
    assert "Fix:" in said
    assert len(said.splitlines()) == 1


def test_a_podman_alone_will_do(engine: Path) -> None:
    os.rename(engine / "docker", engine / "podman")
    code, text, _ = make_image(engine)
    assert code == 0
    assert "with podman" in text
