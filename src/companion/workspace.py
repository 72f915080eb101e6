"""A folder and an environment for each notebook, so that no notebook needs or disturbs another one.

The first cell of every notebook says::

    import companion

    state = companion.workspace("01-1")

Everything a tool writes (ZenML's configuration, Airflow's home, …) goes below that folder, never to the
user's own ``~/.config`` or ``~/airflow``.
"""

import getpass
import hashlib
import os
import platform
import re
import sys
import sysconfig
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path

from companion.bootstrap import PROXIES, PYTHON_SETTINGS

# Imported before the environment is set, these would write to the user's own folders.
SDKS = ("zenml", "airflow", "kfp")
# How the variables begin by which a shell leads to a ZenML or an Airflow of one's own.
FOREIGN = ("AIRFLOW_", "ZENML_")
VERSIONS_SHOWN = ("scikit-learn", "zenml", "apache-airflow", "kfp")

_folder_of: dict[str, Path] = {}  # the chapters this kernel has a folder for
_gone_on: set[str] = set()  # those of them whose folder is an earlier run's


class SentenceError(RuntimeError):
    """Base of errors that a notebook shows to its reader: the text is one clear sentence."""

    def _render_traceback_(self) -> list[str]:
        """Show the sentence alone in a notebook (IPython looks for this method)."""
        return [f"{type(self).__name__}: {self}"]


class WorkspaceError(SentenceError):
    """A notebook cannot get its folder."""


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
        # The only cluster that a notebook may ever talk to.
        "KUBECONFIG": str(repository() / "build" / "cluster" / "kubeconfig"),
    }


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
    # Said all the same: without it, macOS is asked for the system's proxies.
    loopback = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1")
    return mine | loopback | person() | tool_environment(folder)


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


def folder_of_this_kernel() -> Path | None:
    """Return the folder that `workspace` gave to this kernel's notebook, or None before that."""
    return next(iter(_folder_of.values()), None)


def workspace(sitting: str, go_on: bool = False) -> Path:
    """Give this notebook a new folder, point the tools to it and print the versions.

    Called again in the same kernel, it returns the same folder with what is in it.

    Parameters
    ----------
    sitting
        The chapter's two digits and the number of its notebook, such as ``"01-1"``.
    go_on
        Take the folder of the chapter's newest earlier run, with all that is in it: after a restart, for a
        notebook that is to go on in the middle.

    Returns
    -------
    Path
        ``work/state/<chapter>/run-<n>`` in the repository, or below ``COMPANION_WORK`` where that is set.

    Raises
    ------
    WorkspaceError
        If `sitting` is not of that form, if an SDK was imported before the call, if there is no earlier run to go
        on with, or if the folder cannot be made.
    """
    if not re.fullmatch(r"\d\d-\d", sitting):
        raise WorkspaceError(
            f'workspace() takes chapter and notebook, such as "01-1", but it was given {sitting!r}.'
        )
    chapter = sitting[:2]
    begun = chapter in _folder_of
    if not begun or (go_on and chapter not in _gone_on):
        imported = [sdk for sdk in SDKS if sdk in sys.modules]
        if imported:
            raise WorkspaceError(
                f"{imported[0]} was imported before companion.workspace(): restart the kernel, then run the "
                "notebook from its first cell."
            )
        _prepare(sitting, go_on, begun)
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in VERSIONS_SHOWN]
    print(" · ".join(versions))
    return _folder_of[chapter]


def _prepare(sitting: str, go_on: bool, begun: bool) -> None:
    """Find or make the notebook's folder and set the environment, `begun` where this kernel did so before."""
    from companion import replay  # not above: `python -m companion.replay` imports this module first

    chapter = sitting[:2]
    recorded = "COMPANION_COMMANDS" in os.environ
    says = "" if recorded or begun else replay.for_a_learner(sitting)
    earlier = [run for run in _runs(chapter) if run != _folder_of.get(chapter)]
    if go_on:
        if not earlier:
            raise WorkspaceError(
                f'There is no earlier run of this notebook to go on with: call companion.workspace("{sitting}").'
            )
        _folder_of[chapter] = earlier[-1]
        _gone_on.add(chapter)
    else:
        _folder_of[chapter] = _new_folder(chapter)
        if earlier:
            says += (
                f"{_folder_of[chapter].name} is new and empty. To go on with what {earlier[-1].name} made, write "
                f'companion.workspace("{sitting}", go_on=True) in the first cell.'
            )
    environment = environment_in(_folder_of[chapter])
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    if "COMPANION_COMMANDS" in os.environ and not begun:
        replay.install()
        _name_cells()
    if says:
        print(says)


def _state(chapter: str) -> Path:
    return Path(os.environ.get("COMPANION_WORK") or repository() / "work") / "state" / chapter


def _runs(chapter: str) -> list[Path]:
    """Return the folders of earlier runs that hold something, the newest last."""
    folders = [folder for folder in _state(chapter).glob("run-*") if any(folder.iterdir())]
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("run-")))


def _new_folder(chapter: str) -> Path:
    run = 1
    while True:  # mkdir decides, so that two kernels started at once never share a folder
        folder = _state(chapter) / f"run-{run}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            run += 1
        except OSError as error:
            raise WorkspaceError(
                f"Cannot make the folder {folder} ({error.strerror}): free some space, or make it writable, "
                "then run this cell again."
            ) from error


def _name_cells() -> None:
    """Tell the commands that a cell starts which cell it is, and which run of it (`companion.replay`)."""
    from IPython.core.getipython import get_ipython
    from IPython.core.interactiveshell import ExecutionInfo

    from companion import replay

    runs: Counter[str] = Counter()

    def name_cell(info: ExecutionInfo) -> None:
        cell = hashlib.sha256(replay.without_bet(info.raw_cell or "").encode()).hexdigest()[:12]
        runs[cell] += 1
        os.environ["COMPANION_CELL"] = f"{cell}-{runs[cell]}"

    shell = get_ipython()
    if shell is not None:
        shell.events.register("pre_run_cell", name_cell)


def path_patterns(work: str) -> dict[str, str]:
    """Return the regular expressions, with what replaces them, that take this machine out of a text.

    The notebook's folder `work` (``COMPANION_WORK``) reads ``work``, a path inside the repository is relative
    to it, and a memory address is ``0x…``. Nothing here matches a bare number.
    """
    places = {
        work: "work",
        str(repository()): ".",
        sys.prefix: ".venv",
        sysconfig.get_path("stdlib"): "<python>",
        str(Path.home()): "~",
        tempfile.gettempdir(): "<temp>",
        "/tmp": "<temp>",
    }
    places = {str(Path(path).resolve()): name for path, name in places.items()} | places
    patterns = {}
    for path, name in sorted(places.items(), key=lambda place: -len(place[0])):  # inner folders first
        if name == "<temp>":
            patterns[re.escape(path) + r"/[\w.-]+"] = name  # what lies there has a random name
        elif path != "/":
            patterns[re.escape(path) + r"/(?=[\w.<])"] = "" if name == "." else f"{name}/"
            patterns[re.escape(path) + r"(?![\w.-])"] = name
    patterns[r"\b0x[0-9a-fA-F]{8,}\b"] = "0x…"
    return patterns


def without_paths(text: str, work: str) -> str:
    """Return `text` without what only this machine has; see `path_patterns`."""
    for pattern, replacement in path_patterns(work).items():
        text = re.sub(pattern, replacement, text)
    return text
