"""``python -m companion.lab``: copy the notebooks to ``work/``, where a learner writes, and open them.

A copy has no outputs: a reader who bets does not see the answer below. One that the learner wrote in is never
overwritten; an untouched one follows its notebook. What the command line says beside ``--no-open`` is JupyterLab's:
``make lab LAB="--port=9000"``.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from companion.environment import environment_in, repository
from companion.errors import WorkspaceError
from flightdelay.files import locked, write_atomically


def without_outputs(notebook: bytes) -> bytes:
    """Return a notebook's JSON without what its cells gave when they were run for the book."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode()


def written(notebook: bytes) -> str:
    """Return a sum of what people write in a notebook: its cells.

    To open one in JupyterLab is enough that it notes the version of Python there, and to run it that it notes outputs.
    """
    try:
        cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(notebook).hexdigest()  # no notebook any more
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def copy_notebooks(root: Path) -> list[str]:
    """Copy ``notebooks/*.ipynb`` into ``work/``; return what a learner should know, a sentence per notebook.

    Raises
    ------
    WorkspaceError
        If there is no notebook, or if ``work/`` cannot be written.
    """
    work = root / "work"
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    if not notebooks:
        raise WorkspaceError(
            "There is nothing in notebooks/: build the notebooks first, with 'make notebooks'."
        )
    record = work / ".copied.json"  # what was copied, to tell an untouched copy from one written in
    kept = []
    try:
        with locked(work):
            copied: dict[str, str] = json.loads(record.read_bytes()) if record.exists() else {}
            for notebook in notebooks:
                name, copy = notebook.name, work / notebook.name
                content = without_outputs(notebook.read_bytes())
                new = written(content)
                old = written(copy.read_bytes()) if copy.exists() else None
                if old in (None, new, copied.get(name)):
                    if old != new:
                        write_atomically(copy, content)
                    copied[name] = new
                elif new != copied.get(name):
                    kept.append(
                        f"There is a newer {name}, but you wrote in yours, which is kept; to get the newer "
                        "one too, rename yours and start again."
                    )
            write_atomically(record, json.dumps(copied, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise WorkspaceError(f"Cannot copy the notebooks into {work}: {error.strerror}.") from error
    return kept


def own_address(environ: Mapping[str, str]) -> list[str]:
    """Return what JupyterLab has to be told in GitHub Codespaces; nothing elsewhere.

    There the browser has the lab under an address of the Codespace's own, while the lab believes to be at localhost,
    and would refuse what its own page asks.
    """
    name, domain = environ.get("CODESPACE_NAME"), environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    if not (name and domain):
        return []
    return [rf"--ServerApp.allow_origin_pat=https://{re.escape(name)}-\d+\.{re.escape(domain)}$"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; where it opens JupyterLab it does not return."""
    parser = argparse.ArgumentParser(prog="python -m companion.lab", description="Open the notebooks.")
    parser.add_argument("--no-open", action="store_true", help="only copy the notebooks into work/")
    options, of_jupyterlab = parser.parse_known_args(arguments)
    try:
        root = repository()
        for sentence in copy_notebooks(root):
            print(sentence, flush=True)
        environment = environment_in(root / "work" / "state")
    except WorkspaceError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    if not options.no_open:
        # The whole repository, so that a notebook's links to pages and solutions can be followed.
        command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
        command.append("--LabApp.default_url=/lab/tree/work")
        command.append("--ServerApp.contents_manager_class=companion.lab_files.Files")
        if os.geteuid() == 0:
            print("You are root, so whatever a notebook does, it does as root.", flush=True)
            command.append("--allow-root")
        command += [*own_address(os.environ), *of_jupyterlab]
        os.execve(sys.executable, command, environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())
