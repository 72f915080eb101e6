"""``make tour``: the year in plain Python, one month in every orchestrator, one table, one report.

It writes ``build/tour.json`` and ``build/tour.html``; what the tools print goes to
``build/tour/*/output.log``.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from companion.cluster.shell import NotOurs, check_kubeconfig
from companion.environment import repository
from companion.report import sameness, write_report
from companion.runner import RunFailedError, run_in
from flightdelay.errors import FlightDelayError
from flightdelay.months import MONTHS
from flightdelay.pipelines.in_plain_python import run
from flightdelay.steps.evaluate import measure, month_rows, predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train

MONTH = "2013-09"
TOOLS = {
    "zenml": ("ZenML", "zenml"),
    "airflow": ("Airflow", "apache-airflow"),
    "kubeflow": ("Kubeflow (local)", "kfp"),
    "kind": ("Kubeflow (kind)", "kfp"),
}
FROZEN_UNTIL = "2013-04"
RECENT_MONTHS = 3
# The whole tour takes this many times what its first part takes, the year in plain Python: 50 s in a run on two cores,
# where ZenML and Airflow ended after 159 s and Kubeflow's local runner, beside other work, after about 280 s.
WHOLE = 5.0

console = Console(highlight=False, soft_wrap=True)


def the_year(folder: Path) -> list[dict[str, Any]]:
    """Run February to December in plain Python, in order, in the store ``folder/plain/store``.

    Before `MONTH` runs, the store is copied for each tool, so that all meet the same champion.
    """
    store, rows = folder / "plain" / "store", []
    for month in MONTHS[1:]:
        if month == MONTH:
            for tool in TOOLS:
                shutil.copytree(store, folder / tool / "store")
        console.print(month[-2:], end=" ")
        started = time.perf_counter()
        result = run(month, store=store)
        evaluation, decision = result.evaluation, result.decision
        rows.append(
            {
                "month": month,
                "seconds": time.perf_counter() - started,
                "late_rate": evaluation["late_rate"],
                **evaluation["challenger"],
                "rows_judged": evaluation["rows_judged"],
                "baseline": evaluation["baseline"],
                "champion": decision["champion"],
                "decision": decision["decision"],
                "reasons": decision["reasons"],
                "digest": evaluation["digest"],
                "calibration": evaluation["calibration"],
                "slices": evaluation["slices"],
                "drift": evaluation["drift"],
            }
        )
    return rows


def other_histories(rows: list[dict[str, Any]]) -> None:
    """Add to each month what a frozen model and one of the recent months would have done.

    ``frozen`` learned once, from January to March; ``recent`` learns from the three months before. Both
    start in April.
    """
    features = featurize(ingest(MONTHS[-1]))
    frozen = train(features, FROZEN_UNTIL)
    for row in rows:
        month = row["month"]
        if month < FROZEN_UNTIL:
            continue
        first = MONTHS[MONTHS.index(month) - RECENT_MONTHS]
        recent = train(features[features["month"] >= first], month)
        flights: pd.DataFrame = month_rows(features, month)
        for name, model in (("frozen", frozen), ("recent", recent)):
            row[name] = measure(flights["late"], predict(model, flights))


def one_month(tool: str, folder: Path, plain: dict[str, Any]) -> dict[str, Any]:
    """Run `MONTH` in one tool and compare it with plain Python."""
    name, package = TOOLS[tool]
    try:
        version(package)
    except PackageNotFoundError:
        return not_run(tool, f"{name} is not installed here: run `make clean`, then `make tour`.")
    try:
        [result] = run_in(tool, [MONTH], store=folder / tool / "store", state=folder / tool)
    except RunFailedError as error:
        log = (folder / tool / "output.log").relative_to(repository())
        last = str(error).splitlines()[-1:] or ["no output"]
        return not_run(
            tool, f"{name} failed: {last[0]} The whole output is in {log}; `make doctor` may know more."
        )
    return {
        "orchestrator": tool,
        "status": "ran",
        "reason": None,
        "seconds": result["seconds"],
        "overhead_seconds": result["seconds"] - plain["seconds"],
        "auc": result["evaluation"]["challenger"]["auc"],
        "log_loss": result["evaluation"]["challenger"]["log_loss"],
        "digest": result["evaluation"]["digest"],
        "decision": result["decision"]["decision"],
    }


def not_run(tool: str, reason: str) -> dict[str, Any]:
    """Return the row of a tool that did not run."""
    row: dict[str, Any] = {"orchestrator": tool, "status": "unavailable", "reason": reason}
    return row | dict.fromkeys(("seconds", "overhead_seconds", "auc", "log_loss", "digest", "decision"))


def no_cluster() -> str | None:
    """Say in one sentence, with its fix, why nothing can run on the book's cluster; None if it can."""
    try:
        check_kubeconfig()
    except NotOurs as error:
        return str(error)
    # kfp is slow to import, and the settings of its package are not wanted in this process.
    code = (
        "from companion.cluster.kubeflow import unavailable as u; from companion.cluster.shell import Shell; "
    )
    command = [sys.executable, "-c", f"{code}print(u(Shell()) or '')"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        return f"The cluster could not be asked: {done.stderr.strip().splitlines()[-1]}"
    return done.stdout.strip() or None


def table(title: str, caption: str, *columns: str) -> Table:
    """Return an empty table; the first column is text, the others figures."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    made.caption, made.caption_justify = caption, "left"
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return made


def show_year(year: list[dict[str, Any]]) -> None:
    """Print a line per month: how late flights were, how good the model was, what was decided."""
    caption = (
        "late: share of flights that were; expected: share that the model expected;\n"
        "promote: this month's model replaces the one in use, keep: it does not"
    )
    made = table(
        "The year, month by month", caption, "month", "late", "expected", "AUC", "log loss", "decision"
    )
    for row in year:
        late, expected = f"{row['late_rate']:.0%}", f"{row['mean_probability']:.0%}"
        made.add_row(
            row["month"], late, expected, f"{row['auc']:.3f}", f"{row['log_loss']:.3f}", row["decision"]
        )
    console.print(made)


def show_tools(rows: list[dict[str, Any]], plain: dict[str, Any]) -> None:
    """Print a line per orchestrator."""
    caption = "over plain: seconds more than plain Python; same: every probability is plain Python's"
    made = table(
        f"{MONTH} in every tool",
        caption,
        "tool",
        "seconds",
        "over plain",
        "AUC",
        "log loss",
        "decision",
        "same",
    )
    for row in rows:
        name = TOOLS.get(row["orchestrator"], ("plain Python", ""))[0]
        if row["status"] == "unavailable":
            made.add_row(name, "–", "–", "–", "–", "not run", "–")
            continue
        made.add_row(
            name,
            f"{row['seconds']:.1f}",
            f"{row['overhead_seconds']:+.1f}" if row is not plain else "",
            f"{row['auc']:.3f}",
            f"{row['log_loss']:.3f}",
            row["decision"],
            sameness(row, plain),
        )
    console.print(made)


def explain_decision(year: list[dict[str, Any]]) -> None:
    """Say why the month is kept here and promoted where it runs alone."""
    decisions = {row["month"]: row["decision"] for row in year}
    promoted = [month for month, decision in decisions.items() if decision == "promote" and month < MONTH]
    if decisions[MONTH] == "keep" and promoted:
        console.print(
            f"{MONTH}: keep, since its model met a champion here, that of {promoted[-1]}, and was not clearly better.\n"
            "Run alone in a new store, as in notebook 00, the same model meets only the baseline: promote.\n"
        )


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Print what is under way, then how long it took."""
    started = time.perf_counter()
    console.print(f"{text} …", end=" ")
    yield
    console.print(f"{time.perf_counter() - started:.0f} s")


def in_words(seconds: float) -> str:
    """Say about how long that is."""
    return f"{max(round(seconds, -1), 10):.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def main() -> int:
    """Run the tour.

    Returns
    -------
    int
        0 if every tool that is installed ran and gave plain Python's digest, 1 otherwise.
    """
    build = repository() / "build"
    folder = build / "tour"
    shutil.rmtree(folder, ignore_errors=True)
    console.print("Will this flight arrive more than 15 minutes late, asked two hours before?\n")
    console.print(
        "The tour takes some minutes, and several times as long on a machine with other work. After the first part\n"
        "it says how long the rest takes here. Stop it with Ctrl-C; it starts afresh the next time.\n"
    )
    began = time.perf_counter()
    with progress("The year in plain Python, each month learning from all before it"):
        year = the_year(folder)
    rest = (WHOLE - 1) * (time.perf_counter() - began)
    console.print(f"  The rest takes about {in_words(rest)} here.")
    with progress("The same with a model frozen in March, and with the last three months"):
        other_histories(year)
    found = next(row for row in year if row["month"] == MONTH)
    plain: dict[str, Any] = {
        "orchestrator": "plain",
        "status": "ran",
        "reason": None,
        "overhead_seconds": 0.0,
    }
    plain |= {name: found[name] for name in ("seconds", "auc", "log_loss", "digest", "decision")}
    rows = [plain]
    for tool, (name, _) in TOOLS.items():
        if tool == "kind" and (reason := no_cluster()):
            rows.append(not_run(tool, reason))
            continue
        with progress(f"{MONTH} in {name}, in a process of its own"):
            rows.append(one_month(tool, folder, plain))
    console.print()
    show_year(year)
    show_tools(rows, plain)
    explain_decision(year)
    for row in rows:
        if row["reason"]:
            console.print(f"{row['orchestrator']}: {row['reason']}")
    (build / "tour.json").write_text(
        json.dumps({"month": MONTH, "window": None, "rows": rows, "year": year}, indent=1) + "\n"
    )
    write_report(build / "tour.json", build / "tour.html")
    same = all(sameness(row, plain) != "NO" for row in rows if row["status"] == "ran")
    failed = [row for row in rows if "failed" in (row["reason"] or "")]
    if not same:
        console.print(
            "\nThe digests differ: the same code gave different probabilities. That must not happen."
        )
    elif all(row["digest"] == plain["digest"] for row in rows if row["orchestrator"] != "kind"):
        console.print("\nThe same six steps, the same digest: the orchestrator changed nothing in the model.")
    console.print("Look at build/tour.html in a browser; the figures are in build/tour.json.")
    return 0 if same and not failed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FlightDelayError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nStopped. `make tour` starts afresh.", file=sys.stderr)
        sys.exit(130)
