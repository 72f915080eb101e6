"""``make test-site`` and ``make test-lab``: what readers have in a browser, tried in a real one.

The tests run in ``.venv-site``, which has Playwright and axe-core and nothing of the book's packages, so that
``make test`` leaves them out (their names do not begin with ``test_``).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from companion.bootstrap import ROOT
from companion.errors import SentenceError
from companion.extra_venv import extra_venv
from flightdelay.files import locked

SIZE = "84 packages, 360 MB on disk"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoBrowserError(SentenceError):
    """There is nothing to try it in."""


def browser() -> str:
    """Return the Chromium that is installed.

    Raises
    ------
    NoBrowserError
        If there is none.
    """
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise NoBrowserError(
        "This is tested in a real browser, and there is no Chromium on PATH: install it (Debian: sudo apt install "
        "chromium), then run the same command again."
    )


def programs_to_test_with(root: Path) -> Path:
    """Make ``.venv-site`` where it is not there, and return its folder of programs.

    Raises
    ------
    ExtraVenvError
        If its packages cannot be installed.
    """
    with locked(root / "build" / "venv-site-lock"):
        return extra_venv(root, "site", SIZE)


def tried(root: Path, suite: str) -> int:
    """Run a file of ``tests/`` against the Chromium that is installed; return how pytest ended.

    Raises
    ------
    NoBrowserError, ExtraVenvError
        If there is nothing to try it in, or with.
    """
    environ = {**os.environ, "CHROMIUM": browser()}
    # Without conftest.py, which wants the book's packages.
    command = [str(programs_to_test_with(root) / "python"), "-m", "pytest", "-q", "--noconftest"]
    return subprocess.run([*command, f"tests/{suite}"], cwd=root, env=environ).returncode


def main() -> int:
    """Try the lab; 1 after one sentence if it cannot be tried."""
    try:
        return tried(ROOT, "lab_in_a_browser.py")
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
