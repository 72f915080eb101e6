"""Packages beside `.venv`, each set with a lock of its own: what it holds clashes with the book's, or few need it."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from companion.bootstrap import CannotBootstrap, fetch, installer_environment, mend, run
from companion.environment import with_proxies
from companion.errors import SentenceError
from flightdelay.files import sha256


class ExtraVenvError(SentenceError):
    """The packages of an environment beside `.venv` cannot be installed."""


def extra_venv(root: Path, name: str, size: str) -> Path:
    """Make ``.venv-NAME`` where it is not there or not what the lock says, and return its folder of programs.

    Parameters
    ----------
    root
        The repository.
    name
        What follows ``.venv-`` and, for the lock, ``requirements-``.
    size
        How many packages and how much disk, in words.

    Raises
    ------
    ExtraVenvError
        If the packages cannot be installed.
    """

    def make(venv: Path, lock: Path) -> None:
        run([sys.executable, "-m", "venv", "--clear", str(venv)], dict(os.environ))
        python = ["--python", str(venv / "bin" / "python")]
        fetch([*uv_pip(), "sync", "--quiet", "--require-hashes", *python, str(lock)], for_fetching())
        mend(venv)

    return _made(root, name, size, make) / "bin"


def packages_beside(root: Path, name: str, size: str) -> Path:
    """Put what a lock adds to the book's into the folder ``.venv-NAME``, for the book's own Python; return the folder.

    It is no environment: whoever needs the packages puts the folder behind the others on `sys.path`.

    Raises
    ------
    ExtraVenvError
        As `extra_venv`.
    """

    def make(folder: Path, lock: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        # The book's setuptools builds what comes as source only, so that nothing is fetched without a hash.
        built = ["--no-deps", "--no-build-isolation", "--require-hashes", "--python", sys.executable]
        target = ["--target", str(folder), "--requirement", str(lock)]
        fetch([*uv_pip(), "install", "--quiet", *built, *target], for_fetching())

    return _made(root, name, size, make)


def is_made(root: Path, name: str) -> bool:
    """Say whether ``.venv-NAME`` is what its lock says."""
    stamp = root / f".venv-{name}" / "stamp"
    try:
        return stamp.read_text(encoding="utf-8") == _stamp(root, name)
    except OSError:
        return False


def _made(root: Path, name: str, size: str, make: Callable[[Path, Path], None]) -> Path:
    folder = root / f".venv-{name}"
    if not is_made(root, name):
        print(f"Setting up {folder.name}: {size}. Only the first time.", flush=True)
        try:
            make(folder, root / f"requirements-{name}.txt")
        except CannotBootstrap as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ExtraVenvError(str(error)) from error
        (folder / "stamp").write_text(_stamp(root, name), encoding="utf-8")
    return folder


def _stamp(root: Path, name: str) -> str:
    return f"{root / f'.venv-{name}'}\n{sha256(root / f'requirements-{name}.txt')}"


def uv_pip() -> list[str]:
    """Return the beginning of a command of the installer that `.venv` has."""
    return [str(Path(sys.executable).with_name("uv")), "pip"]


def for_fetching() -> dict[str, str]:
    """Return the environment in which packages are fetched: the user's proxies and index."""
    return installer_environment(with_proxies(dict(os.environ)), sys.executable)
