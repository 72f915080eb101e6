"""``make airflow``: Airflow with the book's own DAGs, for looking at it in a browser, until Ctrl-C."""

import signal
import sys
import time

from companion.airflow_services import start
from companion.workspace import SentenceError, repository

# Far from Kubeflow's 8080 and 8081 and from Jupyter's 8888; where it is taken, another one is found and said.
PORT = 8085


def main() -> int:
    """Start Airflow, say where it is, and wait until it is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is like Ctrl-C
    try:
        root = repository()
        print("Airflow starts: half a minute as a rule, two on a busy machine.", flush=True)
        began = time.monotonic()
        airflow = start(root / "work" / "state" / "airflow", root / "dags", PORT)
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
            "its six tasks. A DAG runs only once its switch is on. A red Triggerer on the first page is meant:\n"
            "the one part that this book does not need.\n"
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
    sys.exit(main())
