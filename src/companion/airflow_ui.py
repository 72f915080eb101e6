"""``make airflow``: Airflow with the book's own DAGs, for looking at it in a browser, until Ctrl-C.

With arguments it passes them on to the ``airflow`` command, which then means that Airflow::

    .venv/bin/python -m companion.airflow_ui dags list
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

from companion.airflow_services import environment_of, start
from companion.environment import repository, work_folder
from companion.errors import SentenceError

# Far from Kubeflow's 8080 and 8081 and from Jupyter's 8888; where it is taken, another one is found and said.
PORT = 8085


def _home() -> Path:
    """Return where this Airflow keeps its state."""
    return work_folder() / "state" / "airflow"


def command(arguments: list[str]) -> int:
    """Run the ``airflow`` command for the Airflow of ``make airflow``; return its exit code."""
    if not (_home() / "airflow.db").exists():
        print(
            "airflow: There is no Airflow yet: start it in another terminal, by make airflow.",
            file=sys.stderr,
        )
        return 1
    environment = environment_of(_home(), repository() / "dags", PORT)
    return subprocess.run([sys.executable, "-m", "airflow", *arguments], env=environment).returncode


def main() -> int:
    """Start Airflow, say where it is, and wait until it is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is like Ctrl-C
    try:
        root = repository()
        print("Airflow starts: half a minute as a rule, two on a busy machine.", flush=True)
        began = time.monotonic()
        airflow = start(_home(), root / "dags", PORT)
    except SentenceError as error:
        print(f"airflow: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before it was ready.")
        return 0
    try:
        taken = "" if airflow.url.endswith(f":{PORT}") else f" ({PORT} is taken by another program)"
        print(
            f"It is ready, after {time.monotonic() - began:.0f} s.\n\n"
            f"  open      {airflow.url}{taken}\n"
            f"  user      {airflow.user}\n"
            f"  password  {airflow.password}\n\n"
            "What to click first: Dags, on the left; flight_delay, the pipeline of this book; then Graph, for\n"
            "its six tasks. A DAG runs only once its switch is on. flight_delay_monthly has no trigger button that\n"
            "works, since its months are asked for by a backfill (chapter 05). A red Triggerer on the first page is\n"
            "meant: the one part that this book does not need.\n"
            "Ctrl-C stops it; what has run is kept in work/state/airflow.",
            flush=True,
        )
        while airflow.running:
            time.sleep(0.5)
        print(f"airflow: a part of it ended by itself; {airflow.logs} says why.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping takes some seconds: let it finish
        print("\nAirflow stops …", flush=True)
        return 0
    finally:
        airflow.stop()
        print("All its processes are gone.")


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]) if sys.argv[1:] else main())
