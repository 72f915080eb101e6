"""``make zenml-dashboard``: look at the runs of chapter 03 in ZenML's dashboard, on this machine only.

ZenML's server and Airflow ask for different versions of FastAPI, so the dashboard has an environment of its own,
``.venv-dashboard``, from ``requirements-dashboard.txt``. It reads the database of the chapter's notebook that ran
last; there is no login, since it listens on 127.0.0.1 alone.
"""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from companion.bootstrap import ROOT
from companion.environment import environment_in
from companion.errors import SentenceError
from companion.extra_venv import extra_venv
from companion.ports import free_port, open_here
from flightdelay.files import locked

PORT = 8237  # ZenML's own choice
PATIENCE = 600  # seconds; ten as a rule, minutes on a machine with much else to do


class DashboardError(SentenceError):
    """The dashboard cannot be shown."""


def newest_state(root: Path) -> Path:
    """Return the folder of the newest notebook of chapter 03 in which a pipeline has run.

    A notebook that was started, or started again, has a new folder, which is empty until its pipelines run.

    Raises
    ------
    DashboardError
        If no notebook has been run yet.
    """
    folder = root / "work" / "state" / "03"
    runs = {
        path.relative_to(folder).parts[0]
        for path in folder.glob("run-*/zenml/**/zenml.db")
        if _has_runs(path)
    }
    if not runs:
        raise DashboardError(
            "There is nothing to show yet: run a notebook of chapter 03 first (make lab), then start this again."
        )
    return folder / max(runs, key=lambda name: int(name.removeprefix("run-")))


def _has_runs(database: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            [(found,)] = opened.execute("SELECT EXISTS (SELECT * FROM pipeline_run)")
    except sqlite3.Error:  # made only just now, and without its tables
        return False
    return bool(found)


def serve(zenml: Path, state: Path, port: int) -> int:
    """Run the server in the foreground until Ctrl-C; return 0, or raise a DashboardError if it does not come up."""
    url, log = f"http://127.0.0.1:{port}", state / "dashboard.log"
    command = [str(zenml), "login", "--local", "--blocking", "--ip-address", "127.0.0.1", "--port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment_in(state),
        )
        try:
            started = time.monotonic()
            while not _is_up(url):
                if server.poll() is not None or time.monotonic() - started > PATIENCE:
                    raise DashboardError(
                        f"ZenML's dashboard did not come up: the reason is at the end of {log}."
                    )
                time.sleep(0.5)
            _introduce(url)
            print(f"ZenML's dashboard: {url}  (no login; Ctrl-C stops it)\nIt shows {state}.", flush=True)
            return server.wait()
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _is_up(url: str) -> bool:
    try:
        with open_here(f"{url}/api/v1/info", 2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _introduce(url: str) -> None:
    """Fill in the form that the dashboard would show first, which asks for a name and an address."""
    purpose = {"awareness_channels": ["other"], "primary_use": "other", "usage_reason": "exploring"}
    about_you = {"full_name": "You", "email_opted_in": False, "user_metadata": purpose}
    request = urllib.request.Request(
        f"{url}/api/v1/current-user",
        json.dumps(about_you).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    with contextlib.suppress(OSError):  # then the form is shown
        open_here(request, 10).close()


def main() -> int:
    """Show the dashboard; 0 after Ctrl-C, 1 after one sentence on what is wrong."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is like Ctrl-C
    try:
        state = newest_state(ROOT)
        with locked(ROOT / "build"):
            programs = extra_venv(ROOT, "dashboard", "about 100 packages, 580 MB on disk")
        print("Starting, about 10 seconds …", flush=True)
        return serve(programs / "zenml", state, free_port(PORT))
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
