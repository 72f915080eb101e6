"""Environments beside `.venv`, each with a lock of its own: what it holds clashes with the book's, or few need it."""

import os
import shutil
import sys
from pathlib import Path

from companion.bootstrap import CannotBootstrap, fetch, installer_environment, mend, run
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
    venv, lock = root / f".venv-{name}", root / f"requirements-{name}.txt"
    stamp = venv / "stamp"
    digest = f"{venv}\n{sha256(lock)}"
    if not (stamp.exists() and stamp.read_text() == digest):
        print(f"Setting up {venv.name}: {size}. Only the first time.", flush=True)
        try:
            run([sys.executable, "-m", "venv", "--clear", str(venv)], dict(os.environ))
            uv = [str(Path(sys.executable).with_name("uv")), "pip", "sync", "--quiet", "--require-hashes"]
            environ = installer_environment(dict(os.environ), sys.executable)
            fetch([*uv, "--python", str(venv / "bin" / "python"), str(lock)], environ)
            mend(venv)
        except CannotBootstrap as error:
            shutil.rmtree(venv, ignore_errors=True)
            raise ExtraVenvError(str(error)) from error
        stamp.write_text(digest)
    return venv / "bin"
