"""``make bench``: what the steps and the tools cost here; it writes ``build/bench.json``.

Seconds depend on the machine, so compare only figures of one run: rows with rows, a tool with plain Python.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from companion.environment import environment_in, repository
from companion.runner import MODULES, RunFailedError, run_in
from flightdelay.data import DATA
from flightdelay.files import sha256
from flightdelay.months import MONTHS
from flightdelay.steps.decide import decide
from flightdelay.steps.evaluate import evaluate
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate
from flightdelay.store import Store

LEARN_FROM = (1, 3, 6, 11)
REPEATED = 10
YEAR = "2013-12"
STEPS = 6
# A tool's cost is the difference of two runs, and the first one on an idle machine is a slow one.
REPEATS = 3

NAIVE = """
import sys, time
from kfp import dsl, local
@dsl.component(base_image="python:3.11", install_kfp_package={install})
def nothing() -> str:
    return "done"
@dsl.pipeline
def one_step() -> None:
    nothing()
local.init(local.SubprocessRunner(use_venv={venv}), pipeline_root="artifacts")
started = time.perf_counter()
one_step()
print("seconds:", time.perf_counter() - started)
"""
NAIVE_WAYS = {
    "as the book does it": {"install": False, "venv": False},
    "pip install in each step": {"install": True, "venv": False},
    "a virtual environment for each step": {"install": True, "venv": True},
}


def repeated_year(folder: Path) -> None:
    """Write a data folder in which each flight stands ten times, under ten flight numbers."""
    shutil.copytree(DATA, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for month in MONTHS:
        path = folder / "flights" / f"{month}.parquet"
        table = pq.read_table(path)
        at = table.schema.get_field_index("flight")
        shifts = (pa.scalar(10_000 * copy, pa.int32()) for copy in range(REPEATED))
        copies = [table.set_column(at, "flight", pc.add(table["flight"], shift)) for shift in shifts]
        pq.write_table(pa.concat_tables(copies), path)
        manifest["files"][f"flights/{month}.parquet"]["sha256"] = sha256(path)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def peak_megabytes() -> float:
    """Return this process's peak memory since the last `forget_peak`, or since its start where not on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS


def forget_peak() -> None:
    """Let the next peak start from now, where the system can (Linux)."""
    refs = Path("/proc/self/clear_refs")
    if refs.exists():
        refs.write_text("5")


def measure_steps(month: str, window: int, data: Path) -> dict[str, Any]:
    """Run the six steps in this process; return rows, and seconds and peak memory of each."""
    found: dict[str, Any] = {"months_learned_from": window, "steps": {}}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        forget_peak()
        started = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - started
        found["steps"][name] = {"seconds": round(seconds, 4), "peak_megabytes": round(peak_megabytes())}
        return result

    with tempfile.TemporaryDirectory() as folder:
        raw = timed("ingest", lambda: ingest(month, window, data=data))
        timed("validate", lambda: validate(raw, month, window))
        features = timed("featurize", lambda: featurize(raw))
        model = timed("train", lambda: train(features, month))
        evaluation = timed("evaluate", lambda: evaluate(features, model, month))
        timed("decide", lambda: decide(features, model, evaluation, Store(Path(folder))))
        found["rows"] = len(raw.flights)
    return found


def steps_by_size(folder: Path) -> list[dict[str, Any]]:
    """Measure the steps for growing histories, each in a process of its own."""
    ten_years = folder / "data"
    repeated_year(ten_years)
    sizes = [(MONTHS[window], window, DATA) for window in LEARN_FROM] + [(YEAR, 11, ten_years)]
    found = []
    for month, window, data in sizes:
        command = [sys.executable, "-m", "authoring.bench", "steps", month, str(window), str(data)]
        # Its errors go to the screen, where they are read.
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        row["repeated"] = REPEATED if data == ten_years else 1
        found.append(row)
        total = sum(step["seconds"] for step in row["steps"].values())
        peak = max(step["peak_megabytes"] for step in row["steps"].values())
        print(f"  {row['rows']:>9,} flights: {total:6.1f} s, at most {peak:,} MB", flush=True)
    year, ten = found[-2], found[-1]
    for name, step in ten["steps"].items():
        grown = step["seconds"] / year["steps"][name]["seconds"]
        step["seconds_against_rows"] = round(grown / (ten["rows"] / year["rows"]), 2)
    return found


def tools(folder: Path) -> dict[str, Any]:
    """Run the year's last month, learning from all before, in each tool: first run and same run again."""
    found: dict[str, Any] = {}
    for tool in MODULES:
        try:
            runs = run_in(tool, [YEAR] * (1 + REPEATS), store=folder / tool / "store", state=folder / tool)
        except RunFailedError as error:
            found[tool] = {"failed": str(error).splitlines()[-1:]}
            continue
        first, again = runs[0]["seconds"], min(run["seconds"] for run in runs[1:])
        found[tool] = {"first_seconds": round(first, 2), "again_seconds": round(again, 2)}
        if tool != "plain":
            plain = found["plain"]
            found[tool] |= {
                "first_against_plain": round(first / plain["first_seconds"], 2),
                "again_against_plain": round(again / plain["again_seconds"], 2),
                "first_overhead_per_step_seconds": round((first - plain["first_seconds"]) / STEPS, 2),
                "again_overhead_per_step_seconds": round((again - plain["again_seconds"]) / STEPS, 2),
            }
        print(f"  {tool}: {found[tool]}", flush=True)
    return found


def naive_ways(folder: Path) -> dict[str, Any]:
    """Time one Kubeflow step that does nothing, as the book runs it and as one might at first."""
    found: dict[str, Any] = {}
    for name, how in NAIVE_WAYS.items():
        state = folder / name.replace(" ", "-")
        state.mkdir()
        script = state / "one_step.py"
        script.write_text(NAIVE.format(**how))
        environment = environment_in(state)
        finished = subprocess.run(
            [sys.executable, str(script)],
            cwd=state,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = [line for line in finished.stdout.splitlines() if line.startswith("seconds:")]
        found[name] = (
            {"seconds": round(float(said[0].split()[1]), 2)} if said else {"failed": "needs the network"}
        )
        print(f"  {name}: {found[name]}", flush=True)
    return found


def main() -> int:
    """Measure all and write the file; with ``steps`` only one size, as JSON to standard output."""
    if sys.argv[1:2] == ["steps"]:
        month, window, data = sys.argv[2:]
        print(json.dumps(measure_steps(month, int(window), Path(data))))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("The steps, for 1, 3, 6 and 11 months of history and for the year ten times over:", flush=True)
        found: dict[str, Any] = {"cores": os.cpu_count(), "steps": steps_by_size(folder)}
        print(f"The tools, for {YEAR} with all months before it, first and again:", flush=True)
        found["tools"] = tools(folder)
        print("One step that does nothing:", flush=True)
        found["one_empty_step"] = naive_ways(folder)
    target = repository() / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    print("Written: build/bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
