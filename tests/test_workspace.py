"""The notebook's own folder and environment."""

import getpass
import http.server
import os
import re
import subprocess
import sys
import threading
import urllib.error
from importlib.util import find_spec
from pathlib import Path

import pytest

from companion import tool_environment
from companion.environment import environment_in, person, repository
from companion.ports import open_here


def run(code: str, work: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` as a kernel would: in a new process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COMPANION_WORK": str(work), "IPYTHONDIR": str(work)},
        capture_output=True,
        text=True,
    )


def test_importing_companion_is_light() -> None:
    heavy = {"zenml", "airflow", "kfp", "pandas", "numpy", "sklearn", "IPython", "nbformat"}
    code = f"import companion, companion.check, sys; print(sorted({heavy!r} & set(sys.modules)))"
    assert run(code, Path("unused")).stdout == "[]\n"


def test_a_new_kernel_gets_an_empty_folder_and_a_second_call_keeps_it(tmp_path: Path) -> None:
    code = (
        "import companion, os\n"
        "state = companion.workspace('01-1')\n"
        "assert not any(state.iterdir())\n"
        "(state / 'mine.txt').write_text('kept')\n"
        "import sys; sys.modules['zenml'] = sys\n"  # as if the learner had gone on
        "assert companion.workspace('01-1') == state and (state / 'mine.txt').exists()\n"
        "assert os.environ['ZENML_CONFIG_PATH'] == str(state / 'zenml')\n"
        "print(state)"
    )
    first, second = run(code, tmp_path), run(code, tmp_path)
    assert first.stderr == second.stderr == ""
    versions, again, folder = first.stdout.splitlines()
    assert versions == again
    assert versions.startswith("Python 3.")
    assert " · zenml 0.98.0 · apache-airflow 3.3.2 · kfp 2.17.0" in versions
    assert folder == str(tmp_path / "state" / "01" / "run-1")
    assert second.stdout.splitlines()[-1] == str(tmp_path / "state" / "01" / "run-2")
    assert second.stdout.splitlines()[0] == (
        "run-2 is new and empty. To go on with what run-1 made, write "
        'companion.workspace("01-1", go_on=True) in the first cell.'
    )


def test_a_restarted_notebook_goes_on_in_the_newest_folder_that_holds_something(tmp_path: Path) -> None:
    for number, file in ((2, "older.txt"), (10, "newer.txt"), (11, "")):
        folder = tmp_path / "state" / "01" / f"run-{number}"
        folder.mkdir(parents=True)
        if file:
            (folder / file).write_text("kept")
    code = (
        "import companion, os\n"
        "companion.workspace('01-1')\n"  # the first cell, before its sentence was read
        "state = companion.workspace('01-1', go_on=True)\n"
        "assert state == companion.workspace('01-1') == companion.workspace('01-1', go_on=True)\n"
        "print(state.name, *sorted(os.listdir(state)), os.environ['ZENML_CONFIG_PATH'] == str(state / 'zenml'))"
    )
    ran = run(code, tmp_path)
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[-1] == "run-10 newer.txt True"


def test_nothing_to_go_on_with_is_said_in_one_sentence(tmp_path: Path) -> None:
    last = run("import companion; companion.workspace('01-1', go_on=True)", tmp_path).stderr.splitlines()[-1]
    assert 'no earlier run of this notebook to go on with: call companion.workspace("01-1")' in last


@pytest.mark.parametrize("sdk", ["zenml", "airflow", "kfp"])
def test_an_sdk_imported_too_early_is_said_in_one_sentence(sdk: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{sdk!r}] = sys\nimport companion; companion.workspace('01-1')"
    last = run(code, tmp_path).stderr.splitlines()[-1]
    assert f"{sdk} was imported before companion.workspace(): restart the kernel" in last
    assert not (tmp_path / "state").exists()


def test_a_notebook_shows_the_sentence_alone(tmp_path: Path) -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_cell('import companion; companion.workspace(\"1\")')"
    )
    shown = run(code, tmp_path)
    assert shown.stdout == (
        "WorkspaceError: workspace() takes chapter and notebook, such as \"01-1\", but it was given '1'.\n"
    )


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder belongs")
    last = run("import companion; companion.workspace('01-1')", tmp_path).stderr.splitlines()[-1]
    assert "Cannot make the folder" in last


def test_outside_a_copy_of_the_repository_there_is_one_sentence(tmp_path: Path) -> None:
    code = (
        f"import companion, os, sys; os.chdir({str(tmp_path)!r}); w = sys.modules['companion.environment']\n"
        f"w.__file__ = {str(tmp_path / 'a' / 'b' / 'c' / 'd.py')!r}\nw.repository()"
    )
    assert "No copy of the repository was found above" in run(code, tmp_path).stderr.splitlines()[-1]


def test_another_airflow_in_the_users_shell_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://company.invalid/airflow")
    monkeypatch.setenv("ZENML_STORE_URL", "https://company.invalid")
    monkeypatch.setenv("MY_OWN", "kept")
    code = (
        "import companion, os; companion.workspace('01-1')\n"
        "print([name for name in os.environ if 'company' in os.environ[name]], os.environ['MY_OWN'])"
    )
    assert run(code, tmp_path).stdout.splitlines()[-1] == "[] kept"


def test_every_tool_stays_inside_the_folder(tmp_path: Path) -> None:
    environment = tool_environment(tmp_path)
    assert environment["ZENML_CONFIG_PATH"].startswith(str(tmp_path))
    assert environment["AIRFLOW_HOME"].startswith(str(tmp_path))
    assert environment["KUBECONFIG"].startswith(str(repository() / "build" / "cluster" / "kubeconfig"))
    own = Path(sys.prefix) / "bin"
    assert environment["PATH"].startswith(f"{own}{os.pathsep}"), "a kubectl of one's own does not come first"


PROXY = "socks5://127.0.0.1:9"


@pytest.mark.parametrize(
    "name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]
)
def test_no_proxy_stands_between_a_tool_and_this_machine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, PROXY)
    monkeypatch.setenv("NO_PROXY", "company.invalid")
    environment = environment_in(tmp_path)
    assert PROXY not in environment.values()
    # A library that speaks to a server here, and fails where it only sees a SOCKS proxy.
    code = (
        "import http.server, threading, httpx, urllib.request\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "url = f'http://127.0.0.1:{server.server_port}'\n"
        "print(httpx.get(url).status_code, urllib.request.urlopen(url).status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "200 200\n", done.stderr


def test_our_own_questions_to_this_machine_pass_by_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(urllib.error.HTTPError, match="501"):  # the server itself: it knows no GET
            open_here(f"http://127.0.0.1:{server.server_port}", 30)


def test_only_one_place_opens_addresses_of_this_machine() -> None:
    """What goes out to the internet may use a proxy: the manifests of Kubeflow, and the check of links."""
    outside = {"manifests.py", "links.py"}
    files = [path for path in (repository() / "src" / "companion").rglob("*.py") if path.name not in outside]
    assert [path.name for path in files if "urlopen" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("home", ["/proc/1", "/no/such/home", None])
def test_a_user_without_home_and_name_gets_both(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    if home is None:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    else:
        monkeypatch.setenv("HOME", home)
    found = person()
    assert Path(found["HOME"]).is_relative_to(repository() / "work" / "state")
    assert os.access(found["HOME"], os.W_OK)
    assert found["USER"] == found["LOGNAME"] == "reader"


def test_everybody_else_keeps_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert person() == {}


def test_airflow_reads_its_configuration_in_a_folder_with_a_percent_sign(tmp_path: Path) -> None:
    folder = tmp_path / "my course 100% ü's"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "config", "get-value", "database", "sql_alchemy_conn"],
        env=environment_in(folder),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == f"sqlite:///{folder}/airflow/airflow.db", done.stderr[-500:]
    # Those that Airflow would fill in by itself, and cannot where the path has a "%".

    settings = (Path(str(find_spec("airflow").origin)).parent / "config_templates" / "config.yml").read_text()
    needed = [
        name.upper()
        for name in re.findall(
            r"^    (\w+):\n(?:      .*\n|\n)*?      default: .*\{AIRFLOW_HOME\}", settings, re.MULTILINE
        )
    ]
    assert len(needed) == 5
    assert all(any(name.endswith(f"__{each}") for name in tool_environment(folder)) for each in needed)
