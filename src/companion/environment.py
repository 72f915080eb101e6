"""Where the book's files are, and what its tools find in their environment: one folder, nothing of the user's own."""

import contextlib
import getpass
import json
import os
import sys
from pathlib import Path

from companion.bootstrap import PROXIES, PYTHON_SETTINGS
from companion.errors import WorkspaceError

# How the variables begin by which a shell leads to a ZenML or an Airflow of one's own.
FOREIGN = ("AIRFLOW_", "ZENML_")
# Where the proxies of a reader's shell are kept from the tools, for the one thing that needs them (companion.scale).
SET_ASIDE = "COMPANION_PROXIES"


def repository() -> Path:
    """Return the root of the repository.

    Raises
    ------
    WorkspaceError
        If neither the package's own location nor the current folder lies in a copy of the repository.
    """
    for folder in (Path(__file__).parents[2], Path.cwd(), *Path.cwd().parents):
        project = folder / "pyproject.toml"
        if project.is_file() and 'name = "pipelines-for-humans"' in project.read_text(encoding="utf-8"):
            return folder
    raise WorkspaceError(
        f"No copy of the repository was found above {Path.cwd()}; start inside the folder that you cloned."
    )


def work_folder() -> Path:
    """Return the folder in which learners write: ``work`` in the repository, or where ``COMPANION_WORK`` leads."""
    return Path(os.environ.get("COMPANION_WORK") or repository() / "work")


def tool_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables that keep the tools quiet, offline and inside `folder`.

    They must be set before ZenML, Airflow or Kubeflow is imported.
    """
    airflow = folder / "airflow"
    return {
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        # ZenML's rich tracebacks hide a failing cell from Jupyter.
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        # A notebook has no file that ZenML could find the code by; this replaces `zenml init`.
        "ZENML_CUSTOM_SOURCE_ROOT": str(repository() / "src"),
        "AUTO_OPEN_DASHBOARD": "false",
        "AIRFLOW_HOME": str(airflow),
        # These are Airflow's own choices. Unless they are named, it cannot read a "%" in the folder's path.
        "AIRFLOW__CORE__DAGS_FOLDER": str(airflow / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(airflow / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(
            airflow / "logs" / "dag_processor"
        ),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__API__HOST": "127.0.0.1",
        # Jupyter asks for colour, and from Python 3.13 on tracebacks obey: stored outputs have to be text.
        "PYTHON_COLORS": "0",
        # Threads that wait spin only for a moment: on a busy laptop the difference of seconds and minutes.
        "GOMP_SPINCOUNT": "10000",
        # Filled when .venv is made: the list of fonts takes long on a busy machine, and then a notebook says so.
        "MPLCONFIGDIR": str(Path(sys.prefix) / "matplotlib"),
        # The only clusters that a notebook may ever talk to: the one that make cluster-up made, else a recorded one.
        "KUBECONFIG": os.pathsep.join(
            (str(repository() / "build" / "cluster" / "kubeconfig"), str(recorded_kubeconfig()))
        ),
        "KUBECACHEDIR": str(recorded_kubeconfig().with_name("kubectl-cache")),
        # The book's kubectl comes before one of the reader's own.
        "PATH": _with_own_commands(os.environ.get("PATH", os.defpath)),
    }


def recorded_kubeconfig(work: Path | None = None) -> Path:
    """Return the kubeconfig of the recorded cluster (`companion.recorded.serve`), in a work folder or in this one."""
    return (work or work_folder()) / "state" / "recorded-kubeconfig"


def kubeconfig_of(server: str) -> str:
    """Return a kubeconfig that leads to a recorded cluster at this address, and to no other."""
    name = "recorded-pipelines"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": "reader", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "reader"}}],
        "current-context": name,
    }
    return json.dumps(config, indent=1)


def _with_own_commands(path: str) -> str:
    own = str(Path(sys.prefix) / "bin")
    return os.pathsep.join([own, *(each for each in path.split(os.pathsep) if each != own)])


def environment_in(folder: Path) -> dict[str, str]:
    """Return this process's environment with the tools inside `folder`.

    What a user's shell says about another Airflow or ZenML is left out: it may lead to a database that is not
    the book's. So is what it says about proxies, since every tool here speaks to this machine alone, and some
    fail at the mere presence of one; and what would change each Python that is started.

    Raises
    ------
    WorkspaceError
        If the user has no home and none can be made.
    """
    foreign = (*PROXIES, "no_proxy")
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) and name.lower() not in foreign and name not in PYTHON_SETTINGS
    }
    aside = {name: value for name, value in os.environ.items() if name.lower() in foreign}
    if aside and SET_ASIDE not in os.environ:
        mine[SET_ASIDE] = json.dumps(aside)
    # Said all the same: without it, macOS is asked for the system's proxies.
    loopback = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1")
    return mine | loopback | person() | tool_environment(folder)


def with_proxies(environ: dict[str, str]) -> dict[str, str]:
    """Return an environment with the proxies that `environment_in` left out: for what is fetched from outside."""
    proxies: dict[str, str] = json.loads(environ.get(SET_ASIDE, "{}"))
    return environ | proxies


def enter(folder: Path) -> None:
    """Give this process the environment with the tools inside `folder`.

    Raises
    ------
    WorkspaceError
        As `environment_in`.
    """
    environment = environment_in(folder)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    # Without any of its files, kubectl would ask whatever listens at port 8080.
    with contextlib.suppress(OSError):
        if not recorded_kubeconfig().exists():
            recorded_kubeconfig().parent.mkdir(parents=True, exist_ok=True)
            recorded_kubeconfig().write_text(kubeconfig_of("http://127.0.0.1:1"), encoding="utf-8")


def person() -> dict[str, str]:
    """Return a home and a name for a user who lacks them; empty for everybody else.

    A container that is started with another user number has no entry in ``/etc/passwd``, and its home is ``/``;
    Airflow, Jupyter and others then end with an error of their own.

    Raises
    ------
    WorkspaceError
        If no home can be made.
    """
    found = {}
    try:
        home: Path | None = Path.home()
    except RuntimeError:
        home = None
    if home is None or not os.access(home, os.W_OK | os.X_OK):
        home = repository() / "work" / "state" / "home"
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"You have no home folder, and none can be made in {home} ({error.strerror}): set HOME to a "
                "folder that you may write to."
            ) from error
        found["HOME"] = str(home)
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        found |= dict.fromkeys(("USER", "LOGNAME"), "reader")
    return found
