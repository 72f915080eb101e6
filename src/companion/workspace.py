"""A folder and an environment for each notebook, so that no notebook needs or disturbs another one.

The first cell of every notebook says::

    import companion

    state = companion.workspace("01-1")

Everything a tool writes (ZenML's configuration, Airflow's home, …) goes below that folder, never to the
user's own ``~/.config`` or ``~/airflow``.
"""

import hashlib
import os
import platform
import re
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

from companion import progress, replay
from companion.chapters import recorded_cluster
from companion.environment import enter, environment_in, recorded_kubeconfig, repository, work_folder
from companion.errors import WorkspaceError

# Two of them are what lessons and checks ask this module for.
__all__ = ["environment_in", "repository", "workspace"]

# Imported before the environment is set, these would write to the user's own folders.
SDKS = ("zenml", "airflow", "kfp")
VERSIONS_SHOWN = ("scikit-learn", "zenml", "apache-airflow", "kfp")

_folder_of: dict[str, Path] = {}  # the chapters this kernel has a folder for
_gone_on: set[str] = set()  # those of them whose folder is an earlier run's


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
        progress.begin(sitting)
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in VERSIONS_SHOWN]
    print(" · ".join(versions))
    return _folder_of[chapter]


def _prepare(sitting: str, go_on: bool, begun: bool) -> None:
    """Find or make the notebook's folder and set the environment, `begun` where this kernel did so before."""
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
    enter(_folder_of[chapter])
    says = " ".join(filter(None, (_lead_to_cluster(sitting), says)))
    if "COMPANION_COMMANDS" in os.environ and not begun and recorded_cluster(repository(), sitting) is None:
        replay.install()
        _name_cells()
    if says:
        print(says)


def copy_manifests(state: Path) -> None:
    """Copy the chapter's manifests (``chapters/NN-…/manifests/``) to the notebook's folder, where they are edited.

    What lies there already stays as it is.

    Parameters
    ----------
    state
        The notebook's folder, as `workspace` returned it.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written.
    """
    from flightdelay.files import write_atomically  # it needs a package, and make doctor imports this module

    for path in sorted(repository().glob(f"chapters/{state.parent.name}-*/manifests/*.yaml")):
        copy = state / path.name
        try:
            if not copy.exists():
                write_atomically(copy, path.read_bytes())
        except OSError as error:
            raise WorkspaceError(f"Cannot write {copy} ({error.strerror}): make it writable.") from error


def _lead_to_cluster(sitting: str) -> str:
    """Lead kubectl to the cluster of a notebook that has one; return what the reader has to know.

    The book's own cluster, where it answers, else the recorded one.
    """
    mode = os.environ.get("COMPANION_CLUSTER")
    if mode == "record":  # `authoring.record` stands before the cluster
        os.environ["KUBECONFIG"] = str(recorded_kubeconfig())
    if mode == "record" or recorded_cluster(repository(), sitting) is None:
        return ""
    from companion.recorded import serve  # it needs packages, and most notebooks do not need it

    if mode == "recorded":  # the book's own build and tests: nobody has to be told
        serve.serve(sitting)
        return ""
    return "" if serve.live_answers(sitting) else serve.serve(sitting)


def _state(chapter: str) -> Path:
    return work_folder() / "state" / chapter


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

    runs: Counter[str] = Counter()

    def name_cell(info: ExecutionInfo) -> None:
        cell = hashlib.sha256(replay.without_bet(info.raw_cell or "").encode()).hexdigest()[:12]
        runs[cell] += 1
        os.environ["COMPANION_CELL"] = f"{cell}-{runs[cell]}"

    shell = get_ipython()
    if shell is not None:
        shell.events.register("pre_run_cell", name_cell)
