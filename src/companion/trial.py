"""Try in a folder what the chapters do: ``python -m companion.trial FOLDER``, for ``make doctor``.

It prints a line of JSON: for each thing that was tried what went wrong, or nothing.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from flightdelay.files import write_atomically

WRITTEN = "written"
# As a reader's cells write, in a kernel of their own.
CELLS = {
    "%%writefile": f'%%writefile "{{folder}}/magic.txt"\n{WRITTEN}',
    "a command after !": f'!printf {WRITTEN} > "{{folder}}/command.txt"',
    "%%sh": f'%%sh -s "{{folder}}"\nprintf {WRITTEN} > "$1/script.txt"',
}
FILES = {"%%writefile": "magic.txt", "a command after !": "command.txt", "%%sh": "script.txt"}
PROGRAMS = {
    "JupyterLab": ("jupyter-lab", "--version"),
    # It reads its whole configuration and asks for the user's name.
    "Airflow": ("airflow", "config", "get-value", "core", "dags_folder"),
    # It makes its database.
    "ZenML": ("zenml", "stack", "list"),
}
PATIENCE = 180  # seconds; a few as a rule, more on a machine with much else to do


def try_files(folder: Path) -> dict[str, str]:
    """Write a file and a database from this process."""
    found = {"a file": "", "a database": ""}
    try:
        write_atomically(folder / "file.txt", WRITTEN.encode())
    except OSError as error:
        found["a file"] = str(error)
    try:
        with closing(sqlite3.connect(folder / "file.db")) as database, database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE tried (what)")
    except sqlite3.Error as error:
        found["a database"] = str(error)
    return found


def try_kernel(folder: Path) -> dict[str, str]:
    """Write files from the cells of a kernel."""
    from jupyter_client.manager import KernelManager

    manager: Any = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        client.execute(f"folder = {str(folder)!r}")
        for cell in CELLS.values():
            client.execute_interactive(cell, timeout=PATIENCE, output_hook=lambda message: None)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return {name: _read(folder / file) for name, file in FILES.items()}


def _read(path: Path) -> str:
    text = path.read_text().strip() if path.exists() else None
    return "" if text == WRITTEN else f"{path.name} was not written"


def start_programs() -> "dict[str, subprocess.Popen[str]]":
    """Start each program, all at the same time."""
    return {
        name: subprocess.Popen(
            [Path(sys.executable).with_name(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in PROGRAMS.items()
    }


def wait_for(started: "dict[str, subprocess.Popen[str]]") -> dict[str, str]:
    """Return the last line of what a program says that fails."""
    found = {}
    for name, process in started.items():
        try:
            said = process.communicate(timeout=PATIENCE)[0].strip()
            found[name] = "" if process.returncode == 0 else (said.splitlines() or ["it says nothing"])[-1]
        except subprocess.TimeoutExpired:
            process.kill()
            found[name] = f"it did not end in {PATIENCE} s"
    return found


def main() -> None:
    """Try everything."""
    folder = Path(sys.argv[1])
    started = start_programs()
    found = try_files(folder)
    try:
        found |= try_kernel(folder)
    except Exception as error:  # whatever a kernel may fail with
        found["a kernel"] = f"{type(error).__name__}: {error}"
    print(json.dumps(found | wait_for(started)))


if __name__ == "__main__":
    main()
