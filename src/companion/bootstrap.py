"""Make `.venv` what the lock says, from nothing but a Python.

The Makefile runs this file by its path, with the system's `python3`, before every command; when nothing
has changed it ends at once. Only the standard library may be used here, and only syntax that Python 3.6
reads: an old Python has to get a sentence, not a SyntaxError.
"""

import ast
import contextlib
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
from typing import Any, Dict, Iterator, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent.parent
# What belongs into the environment beside the packages, and where: what every kernel reads, whoever starts it
# (companion.kernel), and JupyterLab's settings, so that a chapter's page opens as a page.
SETTINGS = {
    "ipython_kernel_config.py": "etc/ipython/ipython_kernel_config.py",
    "jupyterlab_overrides.json": "share/jupyter/lab/settings/overrides.json",
}
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
SOCKS = (
    "pip cannot go through a SOCKS proxy (ALL_PROXY), and without it the package index does not answer: set "
    "HTTPS_PROXY to an HTTP proxy, which most SOCKS programs offer too, and try again."
)
# How variables are called, in lower case, by which programs find a proxy.
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
# What a Python reads before it does what it is told to, and what may break it or add foreign packages; the
# Makefile takes the same away.
PYTHON_SETTINGS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONSAFEPATH",
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "PYTHONINSPECT",
    "PYTHONDONTWRITEBYTECODE",  # a container sets it, and each of many processes would compile all packages again
)
# Of a person's settings of pip and uv only those reach an installation that say where packages are and how to
# get there: which ones, the lock says. A company needs these.
PIP_KEPT = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "cache-dir",
    "no-cache-dir",
    "keyring-provider",
    "use-feature",
)
UV_KEPT = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",  # and UV_INDEX_URL, UV_INDEX_<NAME>_PASSWORD, UV_INDEX_STRATEGY
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_INSECURE_HOST",
    "UV_HTTP",
    "UV_REQUEST_TIMEOUT",
    "UV_CONCURRENT",
    "UV_KEYRING_PROVIDER",
    "UV_CACHE_DIR",
    "UV_NO_CACHE",
    "UV_LINK_MODE",
)
# The same in uv.toml, with the variables that say it.
UV_TOML = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "index-strategy": "UV_INDEX_STRATEGY",
    "allow-insecure-host": "UV_INSECURE_HOST",
    "keyring-provider": "UV_KEYRING_PROVIDER",
    "native-tls": "UV_NATIVE_TLS",
    "system-certs": "UV_SYSTEM_CERTS",
    "cache-dir": "UV_CACHE_DIR",
}


# What packages do not foresee, by file, with what mends it.
MENDS = {
    # jsonschema 4.26.0, with what Jupyter wants of it, builds a grammar for addresses that nobody here checks: three
    # seconds of every command of Airflow. Built when it is asked for, it costs nothing.
    "jsonschema/_format.py": (
        "        from rfc3987_syntax import is_valid_syntax as _rfc3987_is_valid_syntax\n",
        "        def _rfc3987_is_valid_syntax(*given):\n"
        "            from rfc3987_syntax import is_valid_syntax\n\n"
        "            return is_valid_syntax(*given)\n",
    ),
    # ZenML 0.98.0 hands its own folder to a configuration in which "%" begins a name. (Airflow doubles the sign.)
    "zenml/zen_stores/migrations/alembic.py": (
        '"script_location", str(Path(__file__).parent)\n',
        '"script_location", str(Path(__file__).parent).replace("%", "%%")\n',
    ),
    # kfp 2.17.0 writes the path of Python into the text of a shell's command, without quotes.
    "kfp/local/subprocess_task_handler.py": (
        "el.replace('python3', f'{new_executable}')",
        "el.replace('python3', __import__('shlex').quote(new_executable))",
    ),
}


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
        done = subprocess.run(
            [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=30,
        )
        major, minor = done.stdout.split()
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


def pip_settings(environ: Dict[str, str], python: str) -> Dict[str, str]:
    """Return what pip's files and variables say of `PIP_KEPT`, as variables."""
    kept = ["PIP_CONFIG_FILE", *("PIP_" + key.replace("-", "_").upper() for key in PIP_KEPT)]
    settings = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
        # Others, such as PIP_USER, mean something else to this command.
        env={name: value for name, value in environ.items() if name[:4] != "PIP_" or name in kept},
    ).stdout
    # As for pip, what is said of installing outdoes what is said in general, and the environment both.
    sections = {"global": {}, "install": {}, ":env:": {}}  # type: Dict[str, Dict[str, str]]
    for line in settings.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.partition(".")
        if section in sections and key in PIP_KEPT:
            words = str(ast.literal_eval(value)).split()  # several are written one a line
            sections[section]["PIP_" + key.replace("-", "_").upper()] = " ".join(words)
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def uv_settings(environ: Dict[str, str]) -> Dict[str, str]:
    """Return what uv's files and variables say of where packages are, as variables.

    Raises
    ------
    CannotBootstrap
        If a file cannot be read as uv reads it.
    """
    import tomllib  # not on the Pythons that are refused

    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")
    found = {}
    for path in ("/etc/uv/uv.toml", os.path.join(home, "uv", "uv.toml"), environ.get("UV_CONFIG_FILE", "")):
        try:
            text = Path(path).read_text(encoding="utf-8")
            said: Dict[str, Any] = tomllib.loads(text)
        except OSError:
            continue
        except ValueError as error:
            raise CannotBootstrap("The settings of uv in %s cannot be read: %s" % (path, error)) from error
        for name, value in {**said, **said.get("pip", {})}.items():
            if name in UV_TOML:
                values = value if isinstance(value, list) else [value]
                found[UV_TOML[name]] = " ".join(
                    str(v).lower() if v in (True, False) else str(v) for v in values
                )
        for index in said.get("index", []):
            if index.get("default"):
                found["UV_DEFAULT_INDEX"] = index["url"]
            else:
                named = index["name"] + "=" + index["url"] if "name" in index else index["url"]
                found["UV_INDEX"] = (found.get("UV_INDEX", "") + " " + named).strip()
    return {**found, **{name: value for name, value in environ.items() if name.startswith(UV_KEPT)}}


def installer_environment(environ: Dict[str, str], python: str) -> Dict[str, str]:
    """Return the environment for pip and uv: `environ`, where of their settings only the way to packages is left.

    Companies configure pip; uv does not read pip's settings, so that it gets the index and the certificate here
    unless it has its own.

    Parameters
    ----------
    environ
        The environment of a person's shell.
    python
        A Python with pip.

    Raises
    ------
    CannotBootstrap
        If a file with uv's settings cannot be read.
    """
    result = {name: value for name, value in environ.items() if not name.startswith(("PIP_", "UV_"))}
    pip, uv = pip_settings(environ, python), uv_settings(environ)
    # What stands in the files was just read; a file may also say `user = true`, or `exclude-newer`.
    result.update(pip, PIP_CONFIG_FILE=os.devnull, **uv)
    result["UV_NO_CONFIG"] = "1"
    if "PIP_INDEX_URL" in pip and "UV_DEFAULT_INDEX" not in uv and "UV_INDEX_URL" not in uv:
        result["UV_DEFAULT_INDEX"] = pip["PIP_INDEX_URL"]
    if "PIP_CERT" in pip and "SSL_CERT_FILE" not in environ:
        result["SSL_CERT_FILE"] = pip["PIP_CERT"]
    if not (
        "UV_CACHE_DIR" in uv or "XDG_CACHE_HOME" in environ or os.access(environ.get("HOME", "/"), os.W_OK)
    ):
        result["UV_NO_CACHE"] = "1"  # a user without a home
    return result


def fetch(command: List[str], environ: Dict[str, str]) -> None:
    """Run an installer; where it fails behind a proxy, try once without.

    A program for a VPN that is switched off leaves its proxy in the environment, and pip knows no SOCKS.
    """
    try:
        run(command, environ)
    except CannotBootstrap as error:
        direct = {name: value for name, value in environ.items() if name.lower() not in PROXIES}
        if direct == environ:
            raise
        try:
            run(command, direct)
        except CannotBootstrap:
            if "SOCKS" in str(error):
                raise CannotBootstrap(SOCKS) from None
            raise error from None


def run(command: List[str], environ: Dict[str, str]) -> None:
    """Run a quiet command, with the seconds ticking for a person, and explain its failure."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env={name: value for name, value in environ.items() if name not in PYTHON_SETTINGS},
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
    ours = [ROOT / "src" / "companion" / name for name in sorted(SETTINGS)]
    for path in [ROOT / "requirements.txt", ROOT / "pyproject.toml", *ours]:
        digest.update(path.read_bytes())
    return str(ROOT), digest.hexdigest()


def read_stamp(stamp: Path) -> Tuple[str, str]:
    """Read what the last run left: the place, and the digest if it came to its end."""
    try:
        place, digest = stamp.read_text(encoding="utf-8").split("\n")[:2]
    except (OSError, ValueError):
        return "", ""
    return place, digest


def mend(venv: Path) -> None:
    """Mend the packages of `MENDS`.

    A file may be a link into uv's cache, so that it is replaced and not written to.
    """
    for name, (old, new) in MENDS.items():
        for path in venv.glob("lib/python3.*/site-packages/" + name):
            mended = path.with_suffix(".new")
            mended.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
            mended.replace(path)


def install(venv: Path) -> None:
    """Bring the environment in line with the lock; only what the lock's hashes vouch for is fetched."""
    python = str(venv / "bin" / "python")
    uv = str(venv / "bin" / "uv")
    environ = installer_environment(dict(os.environ), python)
    lock = ROOT / "requirements.txt"
    # pip brings uv; and setuptools, which builds the few packages that come as source only.
    first = venv / "first.txt"
    first.write_text(pinned(lock.read_text(encoding="utf-8"), ["setuptools", "uv"]))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    fetch([*pip, "--no-deps", "--require-hashes", "--requirement", str(first)], environ)
    target = ["--quiet", "--python", python, "--no-build-isolation"]
    fetch([uv, "pip", "sync", "--require-hashes", *target, str(lock)], environ)
    fetch([uv, "pip", "install", "--no-deps", *target, "--editable", str(ROOT)], environ)
    for name, place in SETTINGS.items():
        (venv / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(ROOT / "src" / "companion" / name), str(venv / place))
    # Its list of fonts is made now and not in the first cell that draws.
    drawing = dict(environ, MPLCONFIGDIR=str(venv / "matplotlib"))
    run([python, "-c", "import matplotlib.font_manager"], drawing)
    for packages in venv.glob("lib/python3.*/site-packages"):
        (packages / "chapters.pth").write_text("../../../chapters\n", encoding="ascii")
    mend(venv)


def link_chapters(venv: Path) -> None:
    """Let Python find the code of each chapter as ``chapter_NN``: no package can be called ``04-airflow``."""
    folder = venv / "chapters"
    folder.mkdir(exist_ok=True)
    there = {
        "chapter_" + each.name[:2]: each for each in (ROOT / "chapters").glob("[0-9][0-9]-*") if each.is_dir()
    }
    for link in folder.iterdir():
        if link.name not in there or link.resolve() != there[link.name].resolve():
            link.unlink()
    for name, chapter in there.items():
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(os.path.join("..", "..", "chapters", chapter.name))


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


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """Let what changes `.venv` take turns: two commands started at once, two notebooks (companion.scale)."""
    import fcntl  # not on Windows

    folder = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def bootstrap() -> None:
    """Do what is missing, or nothing."""
    venv = ROOT / ".venv"
    if in_order(venv):
        link_chapters(venv)  # one may be new
        return
    check_system(platform.system(), platform.machine())
    version = sys.version_info[:2]
    other = find_python(version)
    if other:
        print("Python %d.%d is not suitable: using %s." % (*version, other), flush=True)
        os.execvp(other, [other, __file__])

    with in_turn():  # the second command finds everything done
        if not in_order(venv):
            set_up(venv, version)
        link_chapters(venv)


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
