"""Make `.venv` what the lock says, from nothing but a Python.

The Makefile runs this file by its path, with the system's `python3`, before every command; when nothing
has changed it ends at once. Only the standard library may be used here, and only syntax that Python 3.6
reads: an old Python has to get a sentence, not a SyntaxError.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent.parent
# What every kernel of the environment reads, whoever starts it (companion.kernel).
KERNEL_CONFIG = ROOT / "src" / "companion" / "ipython_kernel_config.py"
SUITABLE = ((3, 13), (3, 12), (3, 11))
# Measured on Linux with Python 3.11.
EXPECTATION = "about 265 packages, 310 MB to download, 1.1 GB on disk"
NEEDED_BYTES = 2 * 10**9

GET_PYTHON = (
    "Debian or Ubuntu (also in WSL2): sudo apt install python3 python3-venv "
    "(an older release without it: uv python install 3.13); macOS: brew install python@3.13."
)
NETWORK = (
    "The packages could not be fetched: no connection to the package index. Connect, or in a company tell "
    "the proxy (HTTPS_PROXY), the mirror (PIP_INDEX_URL) or the certificate (PIP_CERT), and try again."
)
NETWORK_SIGNS = re.compile(
    "NewConnectionError|ConnectTimeout|Max retries exceeded|error sending request|dns error|timed out"
    "|Temporary failure in name resolution|getaddrinfo|Network is unreachable|Connection refused"
    "|ProxyError|tunnel error|certificate",
    re.IGNORECASE,
)


class CannotBootstrap(Exception):
    """What is wrong and what to do, in one sentence for the person at the keyboard."""


def version_of(python: str) -> Optional[Tuple[int, int]]:
    """Start a Python and ask it for its version; None if it does not start.

    Parameters
    ----------
    python
        A command or a path. Shims of pyenv exist on PATH and yet fail, so that looking is not enough.
    """
    try:
        answer = subprocess.run(
            [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=30,
        )
        major, minor = answer.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find_python(version: Tuple[int, int]) -> Optional[str]:
    """Name another Python to go on with; None if this one, of the given version, will do."""
    if version in SUITABLE:
        return None
    for suitable in SUITABLE:
        name = "python%d.%d" % suitable
        if version_of(name) == suitable:
            return name
    raise CannotBootstrap(
        "Python 3.11, 3.12 or 3.13 is needed, and only %d.%d was found (%s). %s"
        % (version[0], version[1], sys.executable, GET_PYTHON)
    )


def check_system(system: str, machine: str) -> None:
    """Refuse the machines for which the locked packages do not exist."""
    if system == "Windows":
        raise CannotBootstrap(
            "Airflow and ZenML do not run on Windows itself: install WSL2 (in PowerShell: wsl --install), "
            "open Ubuntu and clone the repository there."
        )
    if system == "Darwin" and machine == "x86_64":
        raise CannotBootstrap(
            "Several packages are no longer made for Macs with an Intel processor: work in a Linux container "
            "or a virtual machine. (On Apple Silicon this means that Python runs under Rosetta: install a "
            "native one.)"
        )


def check_venv_module(version: Tuple[int, int]) -> None:
    """Refuse a Python without venv, as Debian and Ubuntu ship it."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise CannotBootstrap(
            "This Python (%s) cannot make virtual environments. On Debian, Ubuntu and WSL2: "
            "sudo apt install python%d.%d-venv" % ((sys.executable, *version))
        )


def pinned(lock: str, names: List[str]) -> str:
    """Cut the named packages, with their hashes, out of the text of a lock."""
    blocks = []
    for name in names:
        found = re.search(r"^%s==(?:.*\\\n)*.*\n" % re.escape(name), lock, re.MULTILINE)
        if not found:
            raise CannotBootstrap("requirements.txt does not name %s: restore it with git." % name)
        blocks.append(found.group())
    return "".join(blocks)


def uv_environment(environ: Dict[str, str], python: str) -> Dict[str, str]:
    """Hand to uv the index and the certificate that pip is told to use, unless uv has its own.

    Companies configure pip; uv does not read pip's settings.
    """
    result = dict(environ)
    settings = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    ).stdout
    # The environment (`:env:`) outdoes the files, as it does for pip.
    found = {}
    for line in sorted(settings.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        found[name.split(".", 1)[-1]] = value.strip("'\"")
    if "index-url" in found and not any(name in environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        result["UV_DEFAULT_INDEX"] = found["index-url"]
    if "cert" in found and "SSL_CERT_FILE" not in environ:
        result["SSL_CERT_FILE"] = found["cert"]
    return result


def run(command: List[str], environ: Dict[str, str]) -> None:
    """Run a quiet command, with the seconds ticking for a person, and explain its failure."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=environ,
        cwd=str(ROOT),
    )
    start = time.monotonic()
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if sys.stderr.isatty():
                    sys.stderr.write("\r  … %d s " % (time.monotonic() - start))
                    sys.stderr.flush()
    except BaseException:
        process.kill()
        raise
    if sys.stderr.isatty():
        sys.stderr.write("\r         \r")
    if process.returncode:
        if NETWORK_SIGNS.search(output):
            raise CannotBootstrap(NETWORK)
        raise CannotBootstrap(
            "The packages could not be installed; the installer says:\n%s"
            % "\n".join(output.strip().splitlines()[-12:])
        )


def expected_stamp() -> Tuple[str, str]:
    """Say where the environment has to be (it cannot be moved) and what it has to hold."""
    digest = hashlib.sha256()
    for path in (ROOT / "requirements.txt", ROOT / "pyproject.toml", KERNEL_CONFIG):
        digest.update(path.read_bytes())
    return str(ROOT), digest.hexdigest()


def read_stamp(stamp: Path) -> Tuple[str, str]:
    """Read what the last run left: the place, and the digest if it came to its end."""
    try:
        place, digest = stamp.read_text(encoding="utf-8").split("\n")[:2]
    except (OSError, ValueError):
        return "", ""
    return place, digest


def install(venv: Path) -> None:
    """Bring the environment in line with the lock; only what the lock's hashes vouch for is fetched."""
    python = str(venv / "bin" / "python")
    uv = str(venv / "bin" / "uv")
    environ = uv_environment(dict(os.environ), python)
    lock = ROOT / "requirements.txt"
    # pip brings uv; and setuptools, which builds the few packages that come as source only.
    first = venv / "first.txt"
    first.write_text(pinned(lock.read_text(encoding="utf-8"), ["setuptools", "uv"]))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    run([*pip, "--no-deps", "--require-hashes", "--requirement", str(first)], environ)
    target = ["--quiet", "--python", python, "--no-build-isolation"]
    run([uv, "pip", "sync", "--require-hashes", *target, str(lock)], environ)
    run([uv, "pip", "install", "--no-deps", *target, "--editable", str(ROOT)], environ)
    (venv / "etc" / "ipython").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(KERNEL_CONFIG), str(venv / "etc" / "ipython" / KERNEL_CONFIG.name))


def in_order(venv: Path) -> bool:
    """Say whether the last run came to its end, here and with this lock, and its Python still exists."""
    return read_stamp(venv / "stamp") == expected_stamp() and (venv / "bin" / "python").exists()


def set_up(venv: Path, version: Tuple[int, int]) -> None:
    """Make the environment, or bring the one that is there in line."""
    start = time.monotonic()
    stamp = venv / "stamp"
    place, digest = expected_stamp()
    if read_stamp(stamp)[0] == place and version_of(str(venv / "bin" / "python")) in SUITABLE:
        print("Bringing .venv in line with the lock.", flush=True)
    else:
        check_venv_module(version)
        if shutil.disk_usage(str(ROOT)).free < NEEDED_BYTES:
            raise CannotBootstrap("The packages need 2 GB of disk, and %s has less: make room." % ROOT)
        print("Setting up .venv with Python %d.%d: %s." % (*version, EXPECTATION), flush=True)
        # Not sys.executable: that may be the environment which is about to be cleared.
        base = getattr(sys, "_base_executable", sys.executable)
        run([base, "-m", "venv", "--clear", str(venv)], dict(os.environ))
    stamp.write_text(place + "\nunfinished\n", encoding="utf-8")
    install(venv)
    temporary = stamp.with_name("stamp.new")
    temporary.write_text("%s\n%s\n" % (place, digest), encoding="utf-8")
    temporary.replace(stamp)
    print("Ready after %d s." % (time.monotonic() - start), flush=True)


def bootstrap() -> None:
    """Do what is missing, or nothing."""
    venv = ROOT / ".venv"
    if in_order(venv):
        return
    check_system(platform.system(), platform.machine())
    version = sys.version_info[:2]
    other = find_python(version)
    if other:
        print("Python %d.%d is not suitable: using %s." % (*version, other), flush=True)
        os.execvp(other, [other, __file__])

    import fcntl  # not on Windows

    # Two commands started at once take turns; the second one finds everything done.
    folder = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not in_order(venv):
            set_up(venv, version)
    finally:
        os.close(folder)


def main() -> int:
    """Bootstrap; a failure is a sentence and exit code 1."""
    try:
        bootstrap()
    except CannotBootstrap as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            "Cannot set up %s: %s. Check the folder's permissions and the disk." % (ROOT / ".venv", error),
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
