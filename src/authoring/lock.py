"""Remake the lock: ``make lock`` resolves pyproject.toml afresh into requirements.txt.

`requirements.txt` is the whole book, `requirements-image.txt` what the image of a pipeline's step needs,
`requirements-scale.txt` what chapters 14 to 16 add to the book, `requirements-spark.txt` what Spark adds,
`requirements-dashboard.txt` ZenML's dashboard, and `requirements-site.txt` what makes and tests the site. All come out
of one resolution, so that a version is the same in all of them, but for what the dashboard and Airflow do not agree on
(FastAPI). `uv.lock` is not kept: it names a host
for each file, and `uv sync --frozen` fetches from there even where a reader's own index is set, as in a company.

``make lock KEEP=1`` leaves every version that the locks have, and resolves only what pyproject.toml names anew.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

from packaging.requirements import Requirement

from companion.bootstrap import ROOT, installer_environment

# Lock file, the extra or the group of pyproject.toml that it holds, and what it is.
LOCKS = {
    "requirements.txt": ("book", "Everything, with hashes, for Python 3.11 to 3.13 on Linux and macOS."),
    "requirements-image.txt": ("image", "What the image of a pipeline's step needs, with hashes."),
    "requirements-dashboard.txt": (
        "dashboard",
        "ZenML's dashboard, which clashes with Airflow, with hashes.",
    ),
    "requirements-scale.txt": ("scale", "What chapters 14 to 16 add to requirements.txt, with hashes."),
    "requirements-spark.txt": ("spark", "What Spark adds to requirements.txt, with hashes."),
    "requirements-site.txt": ("site", "What makes the site and tests it, without the book's, with hashes."),
}
# What the book has is cut out of these: they are used by its own Python.
ADDING = ("requirements-scale.txt", "requirements-spark.txt")
# The same numbers on every Python need the same version of these.
ONE_VERSION = ("numpy", "scipy", "scikit-learn")
# The resolver was seen to step back from these without a word.
NAMED = ("apache-airflow", "jupyterlab", "kfp", "zenml")
HEADER = "# {text}\n# Made by `make lock` from pyproject.toml: change that, not this.\n"


class LockError(Exception):
    """What is wrong with a resolution, and what to do."""


def pins(text: str) -> dict[str, set[str]]:
    """Map each package of a lock to its versions (more than one if Pythons differ)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def unhashed(text: str) -> list[str]:
    """List the lines of a lock that pin a package without a hash, or are no pin at all."""
    requirements = text.replace("\\\n", " ").splitlines()
    return [
        line.split("--hash")[0].strip()
        for line in requirements
        if line.strip() and not line.lstrip().startswith("#")
        if not re.match(r"[\w.-]+==\S+.* --hash=sha256:[0-9a-f]{64}", line)
    ]


def direct(project: Path, *parts: str) -> dict[str, str]:
    """Map each package that pyproject.toml names, for these extras or groups, to its version, or to ``""``.

    The project's own dependencies belong to its extras and not to a group.
    """
    said = tomllib.loads(project.read_text(encoding="utf-8"))
    table, groups = said["project"], said.get("dependency-groups", {})
    lines = [line for part in parts for line in groups.get(part) or table["optional-dependencies"][part]]
    if not set(parts) <= groups.keys():
        lines += table["dependencies"]
    found = {}
    for line in lines:
        requirement = Requirement(line)
        exact = re.fullmatch(r"==([\w.]+)", str(requirement.specifier))
        if requirement.name != table["name"]:
            found[requirement.name] = exact[1] if exact else ""
    return found


def check(text: str, named: dict[str, str]) -> None:
    """Refuse a lock that is not what the project promises.

    Parameters
    ----------
    text
        The lock.
    named
        The packages that it has to hold, with their versions where pyproject.toml fixes one.

    Raises
    ------
    LockError
        With the first thing that is wrong.
    """
    found = pins(text)
    for name, version in named.items():
        if name not in found:
            raise LockError(f"The resolution lacks {name}, which pyproject.toml names.")
        if version and found[name] != {version}:
            raise LockError(f"pyproject.toml says {name}=={version}, the resolution {sorted(found[name])}.")
    for name in set(NAMED) & set(named):
        if not named[name]:
            raise LockError(f"pyproject.toml does not fix the version of {name}: the resolver may step back.")
    for name in ONE_VERSION:
        if len(found.get(name, ())) > 1:
            raise LockError(
                f"{name} has several versions, {sorted(found[name])}: cap it in pyproject.toml at one that "
                "all Pythons have."
            )
    if "://" in text:
        raise LockError("The resolution names a host; a lock has to work with any package index.")
    if unhashed(text):
        raise LockError(f"The resolution has no hash for {unhashed(text)[0]}.")


def without(text: str, names: Collection[str]) -> str:
    """Cut packages, with their hashes and comments, out of the text of a lock."""
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)
    return "".join(block for block in blocks if block.partition("==")[0] not in names)


def kept(project: str, locks: Iterable[str]) -> str:
    """Return the text of pyproject.toml with every version that the locks agree on as a constraint."""
    versions: dict[str, set[str]] = {}
    for name, found in (item for text in locks for item in pins(text).items()):
        versions.setdefault(name, set()).update(found)
    constraints = [f"{name}=={version}" for name, (version, *others) in versions.items() if not others]
    return project.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = {json.dumps(constraints)}\n")


def resolve(folder: Path, keep: bool = False) -> dict[str, str]:
    """Resolve the project in an empty folder and return the text of each lock.

    Parameters
    ----------
    folder
        Where to work.
    keep
        Whether the versions of the locks that are there stay.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    environ = installer_environment(dict(os.environ), sys.executable)
    del environ["UV_NO_CONFIG"]  # [tool.uv] of the project is wanted
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if keep:
        project = kept(project, ((ROOT / name).read_text() for name in LOCKS if (ROOT / name).exists()))
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")

    def run(*arguments: str) -> str:
        # --project, so that a uv.lock or a setting of a folder further up is not taken.
        command = [uv, *arguments, "--quiet", "--python", sys.executable, "--project", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, cwd=folder)
        if done.returncode:
            raise LockError(f"uv {arguments[0]} failed:\n{done.stderr.strip()}")
        return done.stdout

    run("lock")
    locks = {}
    groups = tomllib.loads(project).get("dependency-groups", {})
    for name, (part, text) in LOCKS.items():
        option = "--only-group" if part in groups else "--extra"
        body = run("export", "--frozen", "--no-emit-project", "--no-header", option, part)
        locks[name] = HEADER.format(text=text) + body
    # One resolution: what is left has the book's versions beside it, and needs nothing else.
    for name in ADDING:
        locks[name] = without(locks[name], pins(locks["requirements.txt"]))
    return locks


def main(arguments: list[str] | None = None) -> int:
    """Write the locks, or say what is wrong and leave them as they are."""
    parser = argparse.ArgumentParser(prog="python -m authoring.lock")
    parser.add_argument("--keep", action="store_true", help="leave every version that the locks have")
    options = parser.parse_args(arguments)
    project = ROOT / "pyproject.toml"
    try:
        with tempfile.TemporaryDirectory() as folder:
            locks = resolve(Path(folder), options.keep)
        check(locks["requirements.txt"], direct(project, "image", "book"))
        check(locks["requirements-image.txt"], direct(project, "image"))
        check(locks["requirements-dashboard.txt"], direct(project, "dashboard"))
        check(locks["requirements-site.txt"], direct(project, "site"))
        for name in ADDING:
            both = locks["requirements.txt"] + locks[name]
            check(both, direct(project, "image", "book", LOCKS[name][0]))
    except LockError as error:
        print(f"The lock was not changed. {error}", file=sys.stderr)
        return 1
    for name, text in locks.items():
        path = ROOT / name
        before = pins(path.read_text(encoding="utf-8")) if path.exists() else {}
        after = pins(text)
        temporary = path.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
        print(f"{name}: {len(after)} packages")
        for package in sorted(before.keys() | after.keys()):
            old, new = (" and ".join(sorted(side.get(package, {"–"}))) for side in (before, after))
            if before and old != new:
                print(f"  {package}: {old} → {new}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
