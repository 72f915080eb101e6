"""`.venv` from nothing but a Python, and one sentence where that cannot be."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from companion import bootstrap

HERE = sys.version_info[:2]
Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return a function that puts a shell script on a PATH which holds nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


class Installs:
    """Stands for the installation: counts, and fails where it is told to."""

    def __init__(self) -> None:
        self.made = self.installed = 0
        self.error: BaseException | None = None

    def venv(self, command: list[str], environ: dict[str, str]) -> None:
        assert command[1:4] == ["-m", "venv", "--clear"]
        self.made += 1
        python = Path(command[4]) / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)

    def install(self, venv: Path) -> None:
        self.installed += 1
        if self.error:
            raise self.error


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installs:
    """A repository of its own, in a folder with a space, where nothing is really installed."""
    root = tmp_path / "a folder"
    (root / "src" / "companion").mkdir(parents=True)
    for name in (
        "requirements.txt",
        "pyproject.toml",
        *(f"src/companion/{each}" for each in bootstrap.SETTINGS),
    ):
        (root / name).write_text(name)
    monkeypatch.setattr(bootstrap, "ROOT", root)
    result = Installs()
    monkeypatch.setattr(bootstrap, "run", result.venv)
    monkeypatch.setattr(bootstrap, "install", result.install)
    return result


def test_an_old_python_can_read_it() -> None:
    tree = ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    # `from __future__ import annotations` is a SyntaxError on 3.6, and feature_version does not see it.
    assert modules <= sys.stdlib_module_names - {"__future__"}


@pytest.mark.parametrize("version", bootstrap.SUITABLE)
def test_a_suitable_python_is_used_itself(version: tuple[int, int]) -> None:
    assert bootstrap.find_python(version) is None


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (3, 14)])
def test_another_python_on_path_is_found_if_it_starts(script: Script, version: tuple[int, int]) -> None:
    script("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    script("python3.12", "echo 3 12")
    assert bootstrap.find_python(version) == "python3.12"


def test_without_a_suitable_python_one_sentence_says_what_to_install(script: Script) -> None:
    script("python3.13", "echo 3 10")  # a name that lies
    with pytest.raises(bootstrap.CannotBootstrap, match=r"needed, and only 3\.9 was found.*apt.*brew"):
        bootstrap.find_python((3, 9))


def test_the_file_itself_starts_with_the_other_python(tmp_path: Path) -> None:
    """A system's Python that is too old hands over to the one on PATH, which goes on to the end."""
    source = tmp_path / "src" / "companion" / "bootstrap.py"
    source.parent.mkdir(parents=True)
    # Pretend that only the version of a stand-in will do, which then does nothing but say that it was called.
    text = Path(bootstrap.__file__).read_text().replace("SUITABLE = (", "SUITABLE = ((9, 9),) #")
    source.write_text(text)
    ours = [f"src/companion/{name}" for name in bootstrap.SETTINGS]
    for name in ("requirements.txt", "pyproject.toml", *ours):
        (tmp_path / name).write_text("")
    other = tmp_path / "python9.9"
    other.write_text('#!/bin/sh\n[ "$1" = -c ] && echo 9 9 || echo "went on with $1"\n')
    other.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(source)],
        env={**os.environ, "PATH": f"{tmp_path}:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = f"{HERE[0]}.{HERE[1]}"
    assert done.stdout == f"Python {here} is not suitable: using python9.9.\nwent on with {source}\n"


def test_windows_and_intel_macs_are_told_where_to_go() -> None:
    with pytest.raises(bootstrap.CannotBootstrap, match="WSL2"):
        bootstrap.check_system("Windows", "AMD64")
    with pytest.raises(bootstrap.CannotBootstrap, match="Intel"):
        bootstrap.check_system("Darwin", "x86_64")
    bootstrap.check_system("Darwin", "arm64")
    bootstrap.check_system("Linux", "aarch64")


def test_a_python_without_venv_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(bootstrap.CannotBootstrap, match=r"sudo apt install python3\.12-venv"):
        bootstrap.check_venv_module((3, 12))


def test_the_first_packages_come_from_the_lock_with_their_hashes() -> None:
    lock = (bootstrap.ROOT / "requirements.txt").read_text()
    found = bootstrap.pinned(lock, ["setuptools", "uv"])
    assert found.startswith("setuptools==")
    assert "\nuv==" in found
    assert found.count("==") - found.count(" == '") >= 2
    assert all(line.startswith(("setuptools==", "uv==", "    --hash=sha256:")) for line in found.splitlines())
    with pytest.raises(bootstrap.CannotBootstrap, match="does not name uv"):
        bootstrap.pinned("uvloop==1.0 \\\n    --hash=sha256:0\n", ["uv"])


PIP_CONFIG = r"""/bin/cat <<'END'
:env:.index-url='https://environment.invalid/simple'
global.cert='/company.pem'
global.index-url='https://file.invalid/simple'
global.user='true'
install.constraint='/old.txt'
install.extra-index-url='\nhttps://a.invalid\nhttps://b.invalid'
END"""


def test_uv_takes_the_index_of_pip(script: Script, tmp_path: Path) -> None:
    python = str(script("python", PIP_CONFIG))
    assert bootstrap.installer_environment({"HOME": str(tmp_path)}, python) == {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://environment.invalid/simple",
        "PIP_EXTRA_INDEX_URL": "https://a.invalid https://b.invalid",
        "PIP_CERT": "/company.pem",
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": "https://environment.invalid/simple",
        "SSL_CERT_FILE": "/company.pem",
    }


@pytest.mark.parametrize("own", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_an_index_of_its_own_stays(script: Script, own: str) -> None:
    python = str(script("python", PIP_CONFIG))
    environ = {own: "https://own.invalid", "SSL_CERT_FILE": "/own.pem", "UV_INDEX_X_PASSWORD": "word"}
    found = bootstrap.installer_environment(environ, python)
    assert environ.items() <= found.items()
    assert ("UV_DEFAULT_INDEX" in found) == (own == "UV_DEFAULT_INDEX")


def test_what_a_person_says_of_versions_and_places_does_not_reach_the_installers(tmp_path: Path) -> None:
    """With the real pip and its real files; the lock with its hashes decides."""
    for name, text in {
        "pip/pip.conf": "[global]\ntrusted-host = mirror.invalid\n[install]\nuser = true\nconstraint = /old.txt\n",
        "uv/uv.toml": 'exclude-newer = "2024-01-01T00:00:00Z"\nno-binary = true\nnative-tls = true\n'
        '[[index]]\nname = "own"\nurl = "https://own.invalid"\ndefault = true\n',
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    settings = {"PIP_USER": "1", "PIP_CONSTRAINT": "/old.txt", "PIP_TARGET": "/x", "PIP_TIMEOUT": "7"}
    settings |= {"UV_CONSTRAINT": "/old.txt", "UV_EXCLUDE_NEWER": "2024-01-01", "UV_HTTP_TIMEOUT": "9"}
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **settings}
    found = bootstrap.installer_environment(environ, sys.executable)
    assert {name for name in settings if name in found} == {"PIP_TIMEOUT", "UV_HTTP_TIMEOUT"}
    assert found["PIP_TRUSTED_HOST"] == "mirror.invalid"
    assert found["UV_DEFAULT_INDEX"] == "https://own.invalid"
    assert found["UV_NATIVE_TLS"] == "true"
    assert "PIP_USER" not in found
    pip = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(pip, env=found, capture_output=True, text=True, check=True).stdout
    assert "user" not in said
    assert "constraint" not in said


def test_settings_of_uv_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text("index = ")
    with pytest.raises(bootstrap.CannotBootstrap, match=r"uv.toml cannot be read"):
        bootstrap.uv_settings({"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_user_without_a_home_installs_without_a_cache(script: Script) -> None:
    python = str(script("python", PIP_CONFIG))
    assert bootstrap.installer_environment({"HOME": "/no/such/home"}, python)["UV_NO_CACHE"] == "1"


def test_settings_of_python_reach_no_command_of_the_installation(script: Script) -> None:
    shows = script("shows", 'echo "[$PYTHONPATH$PYTHONHOME$PYTHONWARNINGS]"; exit 1')
    environ = dict.fromkeys(bootstrap.PYTHON_SETTINGS, "theirs")
    with pytest.raises(bootstrap.CannotBootstrap, match=r"\[\]$"):
        bootstrap.run([str(shows)], environ)


def test_make_takes_the_same_settings_of_python_away() -> None:
    text = (Path(bootstrap.__file__).parents[2] / "Makefile").read_text()
    [names] = [line.split()[1:] for line in text.splitlines() if line.startswith("unexport ")]
    assert tuple(names) == bootstrap.PYTHON_SETTINGS


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "http_proxy"])
def test_a_proxy_that_does_not_work_is_left_out_the_second_time(script: Script, name: str) -> None:
    pip = script("pip", f'[ -z "${name}" ] || {{ echo "Missing dependencies for SOCKS support."; exit 1; }}')
    bootstrap.fetch([str(pip)], {name: "socks5://127.0.0.1:1080"})


def test_a_proxy_without_which_it_does_not_go_either(script: Script) -> None:
    pip = script(
        "pip", '[ -z "$ALL_PROXY" ] || echo Missing dependencies for SOCKS support.; echo timed out; exit 1'
    )
    with pytest.raises(bootstrap.CannotBootstrap, match="no connection"):
        bootstrap.fetch([str(pip)], {"HTTPS_PROXY": "http://proxy.invalid"})
    with pytest.raises(bootstrap.CannotBootstrap, match="pip cannot go through a SOCKS proxy"):
        bootstrap.fetch([str(script("pip", PIP_SOCKS))], {"ALL_PROXY": "socks5://127.0.0.1:1080"})


PIP_SOCKS = '[ -z "$ALL_PROXY" ] && echo timed out || echo Missing dependencies for SOCKS support.; exit 1'


def test_a_failed_download_says_that_the_network_is_missing(script: Script) -> None:
    pip = script("pip", "echo 'NewConnectionError: Temporary failure in name resolution'; exit 1")
    with pytest.raises(bootstrap.CannotBootstrap, match=r"no connection.*PIP_INDEX_URL") as caught:
        bootstrap.run([str(pip)], {})
    assert "NewConnectionError" not in str(caught.value)


def test_any_other_failure_shows_the_end_of_what_was_said(script: Script) -> None:
    uv = script("uv", "echo 'No space left on device' >&2; exit 2")
    with pytest.raises(bootstrap.CannotBootstrap, match=r"could not be installed(.|\n)*No space left"):
        bootstrap.run([str(uv)], {})


def test_it_ends_at_once_when_nothing_has_changed(
    installs: Installs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main() == 0
    assert "Setting up" in capsys.readouterr().out
    assert bootstrap.main() == 0
    assert capsys.readouterr().out == ""
    assert (installs.made, installs.installed) == (1, 1)


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_a_changed_lock_is_noticed_and_the_environment_kept(installs: Installs, name: str) -> None:
    bootstrap.main()
    (bootstrap.ROOT / name).write_text("changed")
    assert bootstrap.main() == 0
    assert (installs.made, installs.installed) == (1, 2)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (bootstrap.CannotBootstrap("No."), 1), (OSError(28, "No space left"), 1)],
)
def test_an_interrupted_bootstrap_is_redone(
    installs: Installs, error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    installs.error = error
    assert bootstrap.main() == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    installs.error = None
    assert bootstrap.main() == 0
    assert (installs.made, installs.installed) == (1, 2)


def test_an_environment_whose_python_is_gone_is_rebuilt(installs: Installs) -> None:
    bootstrap.main()
    python = bootstrap.ROOT / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")
    assert bootstrap.main() == 0
    assert (installs.made, installs.installed) == (2, 2)


def test_an_environment_of_an_unsuitable_python_is_rebuilt(installs: Installs) -> None:
    bootstrap.main()
    python = bootstrap.ROOT / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\necho 3 10\n")
    python.chmod(0o755)
    (bootstrap.ROOT / "requirements.txt").write_text("changed")
    assert bootstrap.main() == 0
    assert (installs.made, installs.installed) == (2, 2)


def test_a_moved_folder_is_rebuilt(installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment holds its own path in every script."""
    bootstrap.main()
    moved = bootstrap.ROOT.with_name("moved")
    bootstrap.ROOT.rename(moved)
    monkeypatch.setattr(bootstrap, "ROOT", moved)
    assert bootstrap.main() == 0
    assert (installs.made, installs.installed) == (2, 2)


def test_a_full_disk_is_said_before_anything_is_made(
    installs: Installs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage("/")._replace(free=10**9)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert bootstrap.main() == 1
    assert "make room" in capsys.readouterr().err
    assert installs.made == 0


@pytest.mark.parametrize("name", bootstrap.MENDS)
def test_a_package_is_mended(name: str, tmp_path: Path) -> None:
    """With the package's own file; that of this environment, and uv's cache, stay as they are."""
    old, new = bootstrap.MENDS[name]
    [path] = Path(sys.prefix).glob(f"lib/python3.*/site-packages/{name}")
    venv = tmp_path / "my course 100% ü" / ".venv"
    copy = venv / path.relative_to(sys.prefix)
    copy.parent.mkdir(parents=True)
    copy.write_text(path.read_text().replace(new, old))
    linked = tmp_path / "cache.py"
    os.link(copy, linked)
    before = linked.read_text()
    assert before.count(old) == 1, "another version: is it mended there?"
    for _ in range(2):
        bootstrap.mend(venv)
        assert copy.read_text().count(new) == 1
    assert linked.read_text() == before
    ast.parse(copy.read_text())
