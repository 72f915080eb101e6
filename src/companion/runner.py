"""Run one pipeline in a process of its own, so that no tool sees another one's imports or settings.

``run_in`` is what to call; ``python -m companion.runner`` is the process that it starts.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from companion.environment import environment_in, repository
from flightdelay.data import DATA

MODULES = {
    "plain": "flightdelay.pipelines.in_plain_python",
    "zenml": "flightdelay.pipelines.with_zenml",
    "airflow": "flightdelay.pipelines.with_airflow",
    "kubeflow": "flightdelay.pipelines.with_kubeflow",
}
# It needs a cluster, so no test and no benchmark of this machine counts it in.
ON_CLUSTER = {"kind": "companion.cluster.kubeflow"}


# What Kubeflow's local runner logs; there are codes for colours around the name.
STEP_ENDED = re.compile(r"Task \S*'([\w-]+)'\S* finished with status")


class RunFailedError(RuntimeError):
    """A pipeline failed in its process; the text is the last lines of what it printed."""


def run_in(
    tool: str,
    months: Sequence[str],
    *,
    store: Path,
    state: Path,
    data: Path = DATA,
    say_steps: bool = False,
    **options: Any,
) -> list[dict[str, Any]]:
    """Run months in order in one tool and wait for them.

    Parameters
    ----------
    tool : str
        A key of `MODULES` or `ON_CLUSTER`.
    months : sequence of str
        The months to run, one after the other in one process.
    store : Path
        The model store.
    state : Path
        Where the tool keeps what it keeps (made where needed); the output goes to ``state/output.log``.
    data : Path
        The data folder.
    say_steps : bool
        Print the name of each step when it has ended. Kubeflow only.
    **options
        Further keyword arguments of the pipeline's ``run``, as JSON can write them.

    Returns
    -------
    list of dict
        For each month ``seconds``, ``evaluation`` and ``decision``. The seconds are those of the run alone:
        imports and the making of a database come before.

    Raises
    ------
    RunFailedError
        If a month failed.
    """
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        job, results = Path(folder) / "job.json", Path(folder) / "results.json"
        asked = {"tool": tool, "months": list(months), "store": str(store), "data": str(data)}
        job.write_text(json.dumps({**asked, "options": options}))
        _run_process([str(job), str(results)], state, say_steps)
        found: list[dict[str, Any]] = json.loads(results.read_text())
    return found


def _run_process(arguments: list[str], state: Path, say_steps: bool) -> None:
    """Run `main` in a process with its tools and its log in `state`, and wait for it."""
    environment = environment_in(state)
    environment["AIRFLOW__CORE__DAGS_FOLDER"] = str(repository() / "dags")
    log = state / "output.log"
    with log.open("a") as output:
        command = [sys.executable, "-m", "companion.runner", *arguments]
        begins = output.tell()
        running = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment, cwd=state
        )
        try:
            while say_steps and running.poll() is None:
                time.sleep(0.1)
                begins = _print_ended_steps(log, begins)
            running.wait()
        except BaseException:  # Ctrl-C in a notebook: do not leave it running
            running.kill()
            running.wait()
            raise
        if say_steps:
            _print_ended_steps(log, begins)
    if running.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()
        raise RunFailedError("\n".join(lines[-15:]))


def _print_ended_steps(log: Path, begins: int) -> int:
    """Print the steps that have ended since this place in the log; return the place to go on from."""
    with log.open("rb") as file:
        file.seek(begins)
        lines, newline, _ = file.read().rpartition(b"\n")  # the last line may be half written
    for step in STEP_ENDED.findall(lines.decode(errors="replace")):
        print(step, "has ended", flush=True)
    return begins + len(lines) + len(newline)


def _prepare(tool: str) -> None:
    """Make the database of a tool that has one, so that it is not counted as part of a run."""
    if tool == "airflow":
        from airflow.utils.db import upgradedb

        upgradedb()
    if tool == "zenml":
        from zenml.client import Client

        print("ZenML's stack:", Client().active_stack_model.name)


def main() -> None:
    """Do the job in the file that the first argument names; write the results to the second."""
    job = json.loads(Path(sys.argv[1]).read_text())
    _prepare(job["tool"])
    import_module(MODULES["plain"])  # the steps' own imports, which count for no tool
    run = import_module((MODULES | ON_CLUSTER)[job["tool"]]).run
    results = []
    for month in job["months"]:
        started = time.perf_counter()
        result = run(month, store=Path(job["store"]), data=Path(job["data"]), **job["options"])
        seconds = time.perf_counter() - started
        results.append({"seconds": seconds, "evaluation": result.evaluation, "decision": result.decision})
    Path(sys.argv[2]).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
