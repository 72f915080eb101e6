"""Checks of chapter 04: DAG files, read and run by the real Airflow (`companion.check.dags`)."""

import ast
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from companion.check.dags import try_out
from companion.check.verdict import Verdict, exercise, right, wrong
from companion.workspace import environment_in

Trial = dict[str, Any]

# What takes long to import. Airflow itself brings none of them along.
HEAVY = ["matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops"]
# Reads a DAG file in a Python that has loaded nothing yet; says what is loaded then, and by which lines.
READ = """
import ast, builtins, json, runpy, sys
path, heavy = sys.argv[1], json.loads(sys.argv[2])
loads, own = {}, builtins.__import__
def watched(name, globals=None, *rest, **named):
    before = set(sys.modules)
    try:
        return own(name, globals, *rest, **named)
    finally:
        new = [each for each in heavy if each in sys.modules and each not in before]
        if new and (globals or {}).get("__file__") == path:
            loads[name] = new
builtins.__import__ = watched
runpy.run_path(path)
print("LOADS", json.dumps([[name for name in heavy if name in sys.modules], loads]))
"""
LARGEST_XCOM = 500  # characters
MONTHS = ["2013-09", "2013-08", "2013-12"]
# The file around the tasks, as the text of the exercise shows it: the answer may be the tasks alone.
AROUND = {
    "frames": (
        "from pathlib import Path\nfrom airflow.sdk import DAG, task\n",
        'with DAG("frames", schedule=None, params={"month": "2013-09", "folder": ""}):\n    count_late(read())\n',
    ),
    "retried": (
        """from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException
from chapter_04.weather_service import ValidationError, pages, refuse_impossible
""",
        """with DAG("retried", schedule=None, params={"month": "2013-09", "origin": "JFK", "folder": ""}):
    fetch()
""",
    ),
}


def _text(answer: Any, dag_id: str) -> str:
    """Return the whole DAG file: the answer, or the file into which it belongs."""
    text = answer.read_text() if isinstance(answer, Path) else str(answer)
    if dag_id not in AROUND or re.search(r"@dag\b|\bDAG\(", text):
        return text
    before, behind = AROUND[dag_id]
    return f"{before}\n{textwrap.dedent(text)}\n{behind}"


def _trial(answer: Any, runs: list[dict[str, Any]], dag_id: str, tasks: tuple[str, ...]) -> Trial | Verdict:
    """Run the file, or say why it cannot be run."""
    if not isinstance(answer, str | Path):
        return wrong("The answer is a text, of the DAG file or of its tasks, between three quotes.")
    text = _text(answer, dag_id)
    if "%%writefile" in text:
        return wrong("Leave out the line %%writefile: it belongs to the notebook, not to the file.")
    if isinstance(answer, str) and "\n" not in answer.strip():
        return wrong("The answer is the text of the DAG file itself, not its name.")
    found = try_out(text, runs)
    if found["error"]:
        return wrong(f"Airflow cannot use this file: {found['error'][:200]}.")
    if len(found["dags"]) != 1:
        return wrong(
            "Airflow finds no DAG in this file: it has neither `with DAG(...)` at its top level nor a function under "
            "@dag that is called at the end."
            if not found["dags"]
            else f"The file holds {len(found['dags'])} DAGs; one is asked for."
        )
    if found["dags"] != [dag_id]:
        return wrong(
            f"The DAG is called {found['dags'][0]}, and nobody will find {dag_id} any more: runs, schedules and other "
            "DAGs know it by its name."
        )
    if missing := [name for name in tasks if name not in found["tasks"]]:
        there = ", ".join(sorted(found["tasks"])) or "none"
        return wrong(
            f"There is no task {missing[0]} (there are: {there}): a function under @task becomes one where it is "
            "called, in the DAG."
        )
    return found


def _unfit_to_read(text: str, found: Trial) -> Verdict | None:
    """Say what the file does while Airflow reads it, or None."""
    if found["data_read"]:
        return wrong(
            f"Reading the file opens {found['data_read'][0]}, before any run and for every run the same. The lines "
            "of the DAG are run when the file is read, too: only the body of a function under @task waits."
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "exercise.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(folder / "exercise.py"), json.dumps(HEAVY)],
            env=environment_in(folder),
            cwd=folder,
            capture_output=True,
            text=True,
        )
        if (folder / "airflow" / "reads.txt").exists():
            return wrong("Reading the file still adds a line to reads.txt: it is work, if a small one.")
    said = [line for line in done.stdout.splitlines() if line.startswith("LOADS ")]
    if not said:
        return wrong(f"The file cannot be read: {done.stderr.strip().splitlines()[-1][:200]}.")
    loaded, by = json.loads(said[-1].removeprefix("LOADS "))
    if loaded:
        name, [module, *_] = next(iter(by.items()), ("something", loaded))
        loads = "" if name.split(".")[0] == module else f", and with it {module}"
        return wrong(
            f"No data is opened, but reading the file imports {name}{loads}, which takes long and happens thousands "
            "of times a day: move the import into the task."
        )
    return None


def _tries(run: dict[str, Any], task: str) -> int:
    return max((each[3] for each in run["instances"] if each[0] == task), default=0)


def _state(run: dict[str, Any], task: str) -> str:
    return next((each[2] for each in run["instances"] if each[0] == task), "missing")


def _reason(run: dict[str, Any]) -> str:
    return run["reasons"][-1][:160] if run["reasons"] else "no reason in its log"


def _returned(run: dict[str, Any], task: str) -> str | None:
    """Return what a task returned, as a text; a numpy value, which Airflow wraps, reads like the plain one."""
    value = next((value for name, _, value in run["xcom"] if name == task), None)
    if value is not None and "__classname__" in value:
        with contextlib.suppress(ValueError, SyntaxError, KeyError):
            return str(ast.literal_eval(value)["__data__"])
    return value


def _before(found: Trial, task: str) -> set[str]:
    """Return the names of all tasks that a task waits for, directly or through others."""
    waiting, names = [task], set()
    while waiting:
        for name in found["tasks"][waiting.pop()]["upstream"]:
            if name not in names:
                names.add(name)
                waiting.append(name)
    return names


def _is_number(text: str | None, number: float) -> bool:
    try:
        return text is not None and abs(float(text) - number) < 0.0001
    except ValueError:
        return False


@cache
def _delays(month: str) -> Any:
    from flightdelay.data import load

    return load("flights", [month], ["arr_delay"])["arr_delay"]


# --- 4.1: work at parse time -------------------------------------------------------------------------------


@exercise
def ex_4_1(answer: str) -> Verdict:
    """The late rate, computed in the task."""
    runs = [{"conf": {"month": month}} for month in MONTHS]
    found = _trial(answer, runs, "late_rate", ("measure",))
    if isinstance(found, Verdict):
        return found
    if unfit := _unfit_to_read(_text(answer, "late_rate"), found):
        return unfit
    if any(Path(name).name == "reads.txt" for run in found["runs"] for name in run["written"]):
        return wrong("The task still adds a line to reads.txt; nothing counts there any more.")
    rates = {month: round(float((_delays(month).dropna() > 15).mean()), 3) for month in MONTHS}
    returned = []
    for month, run in zip(MONTHS, found["runs"], strict=True):
        if run["state"] != "success":
            return wrong(f"The run for {month} fails: {_reason(run)}.")
        if _returned(run, "measure") is None:
            return wrong("measure returns nothing: what a task prints goes to its log alone.")
        try:
            returned.append(float(str(_returned(run, "measure"))))
        except ValueError:
            return wrong(f"measure returns {_returned(run, 'measure')}, where a number is asked for.")
    if len(set(returned)) == 1:
        return wrong(
            f"Three months are asked for and {returned[0]} comes back each time: the month of the run is "
            "params['month'], in the task."
        )
    if returned == [round(float((_delays(month) > 15).mean()), 3) for month in MONTHS]:
        return wrong(
            "These rates count flights without a delay as punctual; who never arrived was not on time."
        )
    for month, rate in zip(MONTHS, returned, strict=True):
        if abs(rate - rates[month]) > 0.0001:
            return wrong(
                f"For {month} the task returns {rate}; to three decimals the rate is {rates[month]}."
            )
    if any(run["globals"] for run in found["runs"]):
        return wrong("A task changes a global variable, which another process never sees.")
    return right("Reading the file costs next to nothing, and each run gets the rate of its own month.")


# --- 4.2: a path, not a DataFrame --------------------------------------------------------------------------


@exercise
def ex_4_2(answer: str) -> Verdict:
    """A table handed over by its path."""
    months = ["2013-12", "2013-02"]  # alike but for one letter
    runs: list[dict[str, Any]] = [{"conf": {"month": month}} for month in months]
    # The first month again, and the second, in another current folder, where `read` hands on the first one's file.
    runs += [{"conf": {"month": months[0]}}, {"conf": {"month": months[1]}, "hand_on": {"read": 0}}]
    found = _trial(answer, runs, "frames", ("read", "count_late"))
    if isinstance(found, Verdict):
        return found
    if "read" not in _before(found, "count_late"):
        return wrong("count_late does not wait for read: it finds the file only if it happens to be there.")
    for run in found["runs"]:
        for name, size, value in run["xcom"]:
            if size > LARGEST_XCOM:
                kind = "A DataFrame" if "pandas" in value else "The content of the table"
                return wrong(
                    f"{kind} still goes through XCom: {name} leaves {size:,} characters in Airflow's database. Where "
                    "the table lies is enough."
                )
        if run["globals"]:
            return wrong(
                f"The tasks share the variable {run['globals'][0]}. That works here, where dag.test() runs both in "
                "one process; on a real Airflow each has its own."
            )
        if run["moved"]:
            return wrong(
                "A task changes the current folder (os.chdir). Here both run in one process, so the other one finds a "
                "relative path there; on a real Airflow it looks in a folder of its own."
            )
        if run["state"] != "success" and run is found["runs"][3]:
            return wrong(
                "count_late no longer finds the file when its current folder is another one, or when it runs once "
                f"more: {_reason(run)}."
            )
        if run["state"] != "success":
            return wrong(f"A run fails: {_reason(run)}.")
    if unfit := _unfit_to_read(_text(answer, "frames"), found):
        return unfit
    if not found["runs"][0]["files"]:
        return wrong(
            "After the run there is no file in params['folder'], the place that both tasks can reach."
        )
    late = [int((_delays(month) > 15).sum()) for month in months]
    for month, number, run in zip(months, late, found["runs"], strict=False):
        if not _is_number(_returned(run, "count_late"), number):
            return wrong(
                f"For {month}, {_returned(run, 'count_late')} comes back, and {number} flights were late."
            )
    if len(found["runs"][1]["files"]) < 2:
        return wrong(
            "The second month writes over the file of the first: of two runs at once, one would count the other's "
            "flights. Put the month into the name."
        )
    if not _is_number(_returned(found["runs"][2], "count_late"), late[0]):
        return wrong(
            f"Run a second time for {months[0]}, {_returned(found['runs'][2], 'count_late')} comes back: the table is "
            "appended to the file that the run before left."
        )
    if not _is_number(_returned(found["runs"][3], "count_late"), late[0]):
        return wrong(
            "Given the path of another file, count_late gives the same number: it does not read what read hands over, "
            "but looks for the month itself."
        )
    return right(
        "A path of some letters goes through the database, and the table lies where both tasks reach it."
    )


# --- 4.3: a task that may be retried -----------------------------------------------------------------------


@cache
def _whole(month: str) -> str:
    import pandas as pd

    from flightdelay.data import load

    rows = load("weather", [month]).query("origin == 'JFK'")
    return str(pd.DataFrame(rows)["time_hour"].to_csv(index=False))


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines()[1:] if line]


@exercise
def ex_4_3(answer: str) -> Verdict:
    """Retries that wait, refusals that end, and a file that is whole."""
    calm, later = {"conf": {"month": "2013-09"}}, {"conf": {"month": "2013-10"}}
    newark = {"conf": {"month": "2013-09", "origin": "EWR"}}
    found = _trial(answer, [], "retried", ("fetch",))
    if isinstance(found, Verdict):
        return found
    if (retries := found["tasks"]["fetch"]["retries"]) > 10:
        return wrong(f"{retries} retries: when the service is gone for good, nobody hears of it for days.")
    found = _trial(
        answer,
        [
            calm | {"service": {"JFK": {"hang_ups": 2}}},
            calm,
            calm | {"service": {"JFK": {"broken": True}}},
            calm | {"service": {"JFK": {"hang_ups": 99}}},
            later | {"service": {"JFK": {"hang_ups": 99}}},
            later,
            newark,
        ],
        "retried",
        ("fetch",),
    )
    if isinstance(found, Verdict):
        return found
    if found["data_read"]:
        return wrong("The service is asked when the file is read; it belongs into the task.")
    hung_up, again, refused, down, down_new, new, other = found["runs"]
    if "JFK" not in " ".join((*hung_up["files"], *again["files"])) and not hung_up["reasons"]:
        return wrong("The service was not asked at all: no file came, and nobody hung up.")
    settings = found["tasks"]["fetch"]
    return (
        _retried(hung_up, again, down, down_new, settings)
        or _refused(hung_up, refused)
        or _whole_file(hung_up, again, refused, down, down_new, new)
        or _alone(again, new, other)
        or _growing(down["waits"].get("fetch", []))
        or right(
            "Airflow may repeat it at any hour: what passes is retried, what stays is told, and no page is doubled."
        )
    )


def _retried(hung_up: Trial, again: Trial, down: Trial, down_new: Trial, settings: Trial) -> Verdict | None:
    if again["state"] != "success":
        return wrong(f"Even when the service answers, the run fails: {_reason(again)}.")
    if hung_up["sleeps"]:
        return wrong(
            "The task sleeps between attempts of its own: it keeps a process busy, and nobody sees the tries. Let "
            "Airflow wait."
        )
    if hung_up["state"] != "success":
        if settings["retries"] == 0:
            return wrong("The first hang-up ends the run: no retries are set.")
        if settings["retries"] == 1:
            return wrong("One retry is too few: the service may hang up twice.")
        return wrong(
            f"Retries are set, but after a hang-up there is no other try ({_reason(hung_up)}): only a "
            "ValidationError must not be retried."
        )
    if down["state"] == "success" and down_new["state"] != "success":
        return wrong(
            "A file that is there counts as done, whether it is whole or a part: neither a retry nor a new run ever "
            "mends it."
        )
    if down["state"] == "success":
        return wrong(
            "When the service hangs up each time, the run is green all the same: the error is swallowed, and the next "
            "task takes what is there."
        )
    if _tries(hung_up, "fetch") != 3:
        return wrong(
            "The service hung up twice, and Airflow knows of one try: a loop of your own hides the others. Leave it "
            "to `retries`."
        )
    return None


def _refused(hung_up: Trial, refused: Trial) -> Verdict | None:
    if refused["state"] == "success":
        if _state(refused, "fetch") == "skipped":
            return wrong("A refused month is skipped, and the run is green: nobody is told.")
        return wrong(
            "A month with a humidity of 250 ends as a success: somebody has to notice. Is `refuse_impossible` still "
            "called, and its error passed on?"
        )
    if _state(refused, "fetch") == "skipped":
        return wrong("A refused month is skipped; it has failed, and with a reason.")
    if (tries := _tries(refused, "fetch")) > 1:
        return wrong(
            f"A refused month is asked for {tries} times. No retry makes 250 percent humidity right: Airflow has an "
            "exception for what must not be tried again."
        )
    if "humid" not in " ".join(refused["reasons"]):
        return wrong(
            "A refused month fails at once, but the log does not say why: keep the error's sentence."
        )
    return None


def _whole_file(*runs: Trial) -> Verdict | None:
    hung_up, again, refused, down, down_new, new = runs
    name = "2013-09-JFK.csv"
    if name not in hung_up["files"]:
        there = ", ".join(hung_up["files"]) or "nothing"
        return wrong(f"After a run the folder has no {name}; there is {there}.")
    expected = len(_rows(_whole("2013-09")))
    text = hung_up["files"][name]
    if len(_rows(text)) > expected or max(Counter(_rows(text)).values(), default=0) > 1:
        return wrong(
            f"After two hang-ups the file has {len(_rows(text)):,} rows for {expected} hours: each try adds to what "
            "the failed ones left."
        )
    if len(_rows(text)) < expected:
        return wrong(
            f"After two hang-ups the file has {len(_rows(text))} rows for {expected} hours: pages are missing."
        )
    times = [re.sub(r"[+]00:00|Z", "", time) for time in _rows(_whole("2013-09"))]
    if any(time not in row for time, row in zip(times, _rows(text), strict=True)):
        return wrong("The file has as many rows as hours, but not the rows of the service, in its order.")
    if again["files"].get(name) != text:
        return wrong(
            "Run once more, with nothing new, the file is another one: a run has to replace, not to add."
        )
    for run, after in ((refused, "a refused month"), (down, "a service that always hangs up")):
        if run["files"].get(name) != text:
            return wrong(
                f"Yesterday's file was whole; after {after} it is "
                f"{'another one' if name in run['files'] else 'gone'}. Write beside it and rename at the end."
            )
    name = "2013-10-JFK.csv"
    if name in down_new["files"]:
        return wrong(
            f"The service hung up on every try, and {name} is there, with a part of the month. Who comes next takes it "
            "for whole."
        )
    if name not in new["files"] or len(_rows(new["files"][name])) != len(_rows(_whole("2013-10"))):
        return wrong("After a month that failed, the next good run does not leave the month's whole file.")
    if returned := _returned(new, "fetch"):
        return None if name in returned else wrong(f"fetch returns {returned}, and not the path of {name}.")
    return wrong("fetch returns nothing: the next task is to learn the path.")


def _alone(again: Trial, new: Trial, other: Trial) -> Verdict | None:
    """Say what one run writes that a reader, or another run, may see half done."""
    if other["state"] != "success" or "2013-09-EWR.csv" not in other["files"]:
        return wrong(
            "Asked for EWR, the run does not leave 2013-09-EWR.csv: params['origin'] is the airport."
        )
    if str(Path(again["folder"], "2013-09-JFK.csv")) in again["written"]:
        return wrong(
            "The month's file itself is written to: a try that is killed in that moment leaves a part of it under the "
            "final name. Copying has the same gap, and so has a move from another disk; only a rename in one folder "
            "has not."
        )
    for first, second in combinations((again, new, other), 2):
        if shared := sorted({*first["written"]} & {*second["written"]}):
            return wrong(
                f"Two runs, of another month or another airport, write to the same {Path(shared[0]).name}: at the "
                "same time, each would publish the other's rows. Put month and airport into its name."
            )
    return None


def _growing(waits: list[float]) -> Verdict | None:
    """Judge the waits as Airflow computes them, in seconds."""
    if waits[0] < 5:
        return wrong(
            "Right in all but the wait: by Airflow's own account it begins with a second or less, and all tries are "
            "over before the service is back."
        )
    # A lid may hold the later ones, when they are long enough.
    if any(later <= earlier for earlier, later in pairwise(waits[:3])):
        shown = ", ".join(f"{wait:.0f}" for wait in waits)
        return wrong(
            f"Right in all but the waits. Airflow computes, in seconds: {shown}. They are to grow, from one to the "
            "next: by which factor do they, and does a lid hold them too early?"
        )
    return None


# --- 4.4: map and branch -----------------------------------------------------------------------------------


@exercise
def ex_4_4(answer: str) -> Verdict:
    """A report for each airport, a branch by the decision, and a task behind both."""
    asked = [
        (["EWR", "JFK"], "promote"),
        (["EWR", "JFK", "LGA", "BOS"], "keep"),
        (["EWR", "nowhere"], "promote"),
    ]
    runs = [{"conf": {"airports": airports, "decision": decision}} for airports, decision in asked]
    found = _trial(
        answer, runs, "month_end", ("airports", "report", "choose", "announce", "keep_champion", "close")
    )
    if isinstance(found, Verdict):
        return found
    promote, keep, failed = found["runs"]
    if not found["tasks"]["report"]["mapped"]:
        return wrong(
            "report is not mapped: a loop, or a list of names, is fixed when the file is read, and `airports` answers "
            "only in the run."
        )
    for run, number in ((promote, 2), (keep, 4)):
        reports = [each for each in run["instances"] if each[0] == "report" and each[2] == "success"]
        if len(reports) != number:
            return wrong(
                f"`airports` returned {number}, and there were {len(reports)} reports: expand over what it returns."
            )
    for run, decision, chosen, other in (
        (promote, "promote", "announce", "keep_champion"),
        (keep, "keep", "keep_champion", "announce"),
    ):
        if _state(run, "choose") != "success":
            return wrong(
                f"choose ends as {_state(run, 'choose')} ({_reason(run)}): it returns the name of the task to go "
                "on with."
            )
        if _state(run, chosen) != "success":
            return wrong(
                f"With the decision {decision}, {chosen} ends as {_state(run, chosen)} and should run."
            )
        if _state(run, other) != "skipped":
            return wrong(
                f"With the decision {decision}, {other} runs as well: it does not come behind choose, or choose "
                "picks both."
            )
        if (state := _state(run, "close")) != "success":
            return wrong(
                f"With the decision {decision}, close ends as {state}. One of the two before it is always skipped, "
                "and by default a task wants a success of all: think of its trigger_rule."
            )
    if "failed" not in [each[2] for each in failed["instances"] if each[0] == "report"]:
        return wrong(
            "A report for an airport that is none no longer fails: leave the body of report as it is."
        )
    for task in ("announce", "keep_champion"):
        if _state(failed, task) == "success":
            return wrong(
                f"A report has failed, and {task} runs all the same: the decision waits for all reports."
            )
    if _state(failed, "close") == "success":
        return wrong("A report has failed, and close runs all the same: its trigger_rule forgives too much.")
    if not {"announce", "keep_champion"} <= _before(found, "close"):
        return wrong(
            "close has to come behind both announce and keep_champion, whichever of them ran; it does not wait for "
            f"{' or '.join(sorted({'announce', 'keep_champion'} - _before(found, 'close')))}."
        )
    return right("As many reports as airports, one branch by the decision, and both ways meet again.")
