"""Whether a notebook's commands to a container engine (``docker``) are recorded or replayed.

A notebook that talks to an engine keeps natural cells (``!docker run …``). With
``COMPANION_COMMANDS=record`` in its environment, `companion.workspace` puts a stand-in for the command
first on ``PATH`` (`companion.stand_in`): it runs the real command, passes everything through and writes it down. With
``COMPANION_COMMANDS=replay`` the stand-in answers from that recording, without an engine. (A cluster is recorded
otherwise: `companion.recorded`.) ``COMPANION_RECORDING`` names the recording: the chapter's
``recordings/N-name.learner.json`` or ``N-name.solution.json``.

A learner whose machine lacks what a recorded notebook talks to gets the recording too, and is told so
(`for_a_learner`).

Recordings are made by running a notebook for real (``python -m authoring.build --record NN-name``), never by
hand.

Every notebook imports this module, and ``make doctor`` in a broken environment: it needs no package.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

from companion.environment import repository
from companion.errors import WorkspaceError
from companion.programs import output_of

# Each command with the arguments that make it say its version.
COMMANDS = {"docker": ["--version"]}
BET = re.compile(r"^my_bet = .*$", re.MULTILINE)


def state_folder(work: str) -> Path:
    """Return where the stand-ins of the notebook with this work folder keep what they have to remember."""
    return Path(work) / "commands"


def install() -> None:
    """Put the stand-ins first on ``PATH`` of this process."""
    stand_ins = state_folder(os.environ["COMPANION_WORK"]) / "bin"
    stand_ins.mkdir(parents=True, exist_ok=True)
    for command in COMMANDS:
        script = stand_ins / command
        script.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m companion.stand_in {command} "$@"\n', "utf-8"
        )
        script.chmod(0o755)
    os.environ["PATH"] = f"{stand_ins}{os.pathsep}{os.environ['PATH']}"


def for_a_learner(sitting: str) -> str:
    """Prepare the environment for a learner's run of a recorded notebook.

    Where all that the notebook talks to answers, it runs live. Where something is missing, it is answered
    from the recording, in a work folder of this run's own. Where Podman answers and Docker does not, the
    notebook's ``docker`` starts it.

    Returns
    -------
    str
        What the learner has to know; empty where nothing is recorded, or nothing is missing.

    Raises
    ------
    WorkspaceError
        If that folder cannot be made.
    """
    chapter, number = sitting.split("-")
    path = next(repository().glob(f"chapters/{chapter}-*/recordings/{number}-*.learner.json"), None)
    if path is None:
        return ""
    recording = json.loads(path.read_bytes())
    missing = [command for command in recording["versions"] if not _answers(command)]
    if not missing:
        return ""
    folder = repository() / "work" / "state" / chapter
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix="recorded-", dir=folder))
    except OSError as error:
        raise WorkspaceError(
            f"Cannot make a folder in {folder} ({error.strerror}): make it writable."
        ) from error
    if missing == ["docker"] and _answers("podman"):
        (own / "docker").write_text('#!/bin/sh\nexec podman "$@"\n', "utf-8")
        (own / "docker").chmod(0o755)
        os.environ["PATH"] = f"{own}{os.pathsep}{os.environ['PATH']}"
        return "Podman answers here: where a cell says docker, podman runs."
    os.environ["COMPANION_WORK"] = str(own)
    os.environ["COMPANION_RECORDING"] = str(path)
    os.environ["COMPANION_COMMANDS"] = "lab"
    versions = ", ".join(_made_by(recording["versions"][command] or command) for command in missing)
    return (
        f"There is no {' and no '.join(missing)} that answers on this machine (make doctor says what to do), so "
        f"the answers of {' and '.join(missing)} below are a recording: {recording['date']}, {versions}. "
        "Your own Python runs as always."
    )


def _made_by(version: str) -> str:
    """Return the name and version of what answered: Podman, called as docker, says ``docker version 4.3.1``."""
    return re.sub(r"^(?:docker|podman) version", "Podman", version)


def _answers(engine: str) -> bool:
    """Say whether a container engine can be talked to."""
    return output_of(engine, "info") is not None


def without_bet(cell: str) -> str:
    """Return the notebook's own cell for one in which a learner has placed a bet, so that it is answered too."""
    if os.environ["COMPANION_COMMANDS"] == "lab" and BET.search(cell):
        recording = Path(os.environ["COMPANION_RECORDING"])
        name = f"{recording.parents[1].name[:2]}-{recording.name.split('.')[0]}"
        notebook = json.loads((repository() / "notebooks" / f"{name}.ipynb").read_bytes())
        for each in notebook["cells"]:
            source = "".join(each["source"])
            if BET.sub("", source) == BET.sub("", cell):
                return source
    return cell


def misses(work: str) -> list[str]:
    """Return the commands, one sentence each, of this notebook for which there was no recording."""
    log = state_folder(work) / "misses.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []
