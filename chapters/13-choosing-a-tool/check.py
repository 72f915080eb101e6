"""Checks of chapter 13: a break-even, a step moved through four tools, five picks, and a memo.

For 13.2 this module is also the process in which ZenML or Kubeflow runs the learner's file:
``python -m chapter_13.check zenml FOLDER``.
"""

import ast
import functools
import itertools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from numbers import Real
from pathlib import Path
from typing import Any

from companion.check import dags
from companion.check.verdict import KILLED, NO_BODY, NoVerdict, Verdict, exercise, is_stub, right, wrong
from companion.workspace import environment_in

# --- 13.1: the break-even ----------------------------------------------------------------------------------


@exercise
def ex_13_1(answer: Callable[[float, float, int, float], Any]) -> Verdict:
    """How much work makes a tool's fixed cost small."""
    if not callable(answer):
        return wrong("The answer is a function of once, per_step, steps and share; write its body.")
    if is_stub(answer):
        return NO_BODY
    cases = [(0.0, 2.0, 6, 0.1), (6.0, 0.0, 6, 0.1), (6.0, 0.5, 4, 0.25), (5.0, 1.5, 12, 1.0)]
    found = []
    for case in cases:
        seconds = answer(*case)
        if seconds is None:
            return wrong("The function returns nothing: end its body with `return`.")
        if not isinstance(seconds, Real):
            return wrong(f"The function returns a {type(seconds).__name__}; seconds are a number.")
        found.append(float(seconds))

    def all_are(other: Callable[[float, float, int, float], float]) -> bool:
        return all(
            math.isclose(got, other(*case), rel_tol=1e-6) for got, case in zip(found, cases, strict=True)
        )

    if all_are(lambda once, per_step, steps, share: (once + steps * per_step) / share):
        return right(
            "The cost of a tool is seconds, not a factor: the same tool costs a lot beside short work and "
            "little beside long work."
        )
    if all_are(lambda once, per_step, steps, share: steps * per_step / share):
        return wrong(
            "A tool with a cost per run and none per step comes out free: what is paid once is missing."
        )
    if all_are(lambda once, per_step, steps, share: (once + per_step) / share):
        return wrong("It counts one step: a run pays per_step for each of its steps.")
    if all_are(lambda once, per_step, steps, share: steps * (once + per_step) / share):
        return wrong("`once` is paid once in a run, and not in each step.")
    if all_are(lambda once, per_step, steps, share: once + steps * per_step):
        return wrong(
            "That is what the tool costs. Asked is how much work makes this cost the given share of it."
        )
    if all_are(lambda once, per_step, steps, share: (once + steps * per_step) * share):
        return wrong("A smaller share has to ask for more work, and here it asks for less.")
    if all_are(lambda once, per_step, steps, share: (once + steps * per_step) * (1 - share) / share):
        return wrong(
            "This is the share of the whole run, work and cost together. Asked is the share of the work."
        )
    if all_are(lambda once, per_step, steps, share: (once + steps * per_step) / share / steps):
        return wrong("This is the work of one step. Asked is the work of the whole run.")
    return wrong(
        f"For 2 seconds a step, 6 steps and a share of 0.1 it says {found[0]:g} seconds. Take a number at hand: "
        "what does this run cost, and what is it a tenth of?"
    )


# --- 13.2: a step through four tools -----------------------------------------------------------------------

TOOLS = ("plain", "zenml", "airflow", "kubeflow")
SECONDS = 1800  # an end for a file that has none; on an idle machine a right one takes ten

# The functions that a learner's wiring calls, in place of the notebook's: they note who gave them what.
TRACED = """
import json
from pathlib import Path

_trace = Path(__file__).with_name("trace.jsonl")


def _note(name, given, gave):
    for value in given:
        if value is not None and type(value) not in (str, dict):
            with _trace.open("a") as out:
                out.write(json.dumps({"name": name, "drawn": type(value).__name__}) + "\\n")
            raise TypeError(f"{name} was given a {type(value).__name__} and not the value itself")
    with _trace.open("a") as out:
        out.write(json.dumps({"name": name, "given": given, "gave": gave}) + "\\n")
    return gave


def evaluate(month):
    slices = [{"column": "origin", "value": "EWR", "flights": 300, "log_loss": 0.25}]
    slices += [{"column": "carrier", "value": "UA", "flights": 300, "log_loss": 0.75}]
    slices += [{"column": "origin", "value": "JFK", "flights": 300, "log_loss": 0.5}]
    return _note("evaluate", [month], {"month": month, "challenger": {"log_loss": 0.375}, "slices": slices})


def slice_report(evaluation):
    return _note("slice_report", [evaluation], {"airport": "LGA", "log_loss": 0.625, "seen": evaluation.get("month")
                 if isinstance(evaluation, dict) else None})


def decide(evaluation, report=None):
    return _note("decide", [evaluation, report], {"decision": "keep", "because": "the check says so"})
"""
_count = itertools.count(1)


@exercise
def ex_13_2(answer: Path) -> Verdict:
    """The same new step in four files."""
    if not isinstance(answer, str | Path):
        return wrong("The answer is the folder with your four files: `answer = four`.")
    folder = Path(answer)
    files = {tool: folder / f"monthly_{tool}.py" for tool in TOOLS}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        return wrong(f"There is no {missing[0]} in {folder.name}: run the cell that copies the files.")
    if not (folder / "model_steps.py").is_file():
        return wrong("There is no model_steps.py in the folder any more: run the cell that copies it.")
    if _parsed((folder / "model_steps.py").read_text(encoding="utf-8")) != _parsed(_model_steps()):
        return wrong(
            "model_steps.py is not as the chapter has it. It is the model's code, and a step can be wired without "
            "touching it: delete it, run the cell that copies the files, and see what your four files lack."
        )
    unchanged = [tool for tool, path in files.items() if not re.search(r"\bslice_report\b", _code(path))]
    if len(unchanged) == len(TOOLS):
        return wrong("None of the four files calls slice_report yet: edit them, and save.")
    if unchanged:
        return wrong(
            f"{files[unchanged[0]].name} nowhere calls slice_report. Either the step is missing there, or the wiring "
            "does the model's work itself; then the next change to the report has to be made in four places."
        )
    with (
        tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as name,
        ThreadPoolExecutor(2) as pool,  # two cores are what the book asks for
    ):
        run = functools.partial(_run, folder, Path(name))
        for tools in (
            ["plain"],
            ["kubeflow"],
            ["zenml", "airflow"],
        ):  # quick ones first, so that a hint comes soon
            for tool, seen in zip(tools, pool.map(run, tools), strict=True):
                if problem := _problem(tool, seen):
                    return wrong(f"{files[tool].name}: {problem}")
    return right(
        "The three functions were called once each, in this order and with the same values, in all four tools. "
        "What you wrote four times is wiring; the report is written once."
    )


def _model_steps() -> str:
    """Return the file of the model's code as the chapter has it."""
    return (Path(__file__).parent / "four" / "model_steps.py").read_text(encoding="utf-8")


def _parsed(text: str) -> str:
    """Return a file's code without comments and spaces, or the text itself where Python cannot read it."""
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return text


def _code(path: Path) -> str:
    """Return a file without its comments."""
    return re.sub(r"#.*", "", path.read_text(encoding="utf-8"))


def _run(folder: Path, place: Path, tool: str) -> dict[str, Any]:
    """Run one file in its tool; return what its functions noted, its graph, and its error or ''."""
    work = place / tool
    work.mkdir()
    for path in folder.glob("*.py"):
        shutil.copy(path, work)
    (work / "model_steps.py").write_text(TRACED)
    # New for each run, so that no tool's cache answers.
    month = f"2013-09, run {os.getpid()}-{next(_count)}"
    seen = _airflow_run(work, month) if tool == "airflow" else _process_run(tool, work, month)
    trace = work / "trace.jsonl"
    seen["trace"] = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
    return {"graph": {}, "decided": [], **seen, "month": month}


def _airflow_run(work: Path, month: str) -> dict[str, Any]:
    text = (work / "monthly_airflow.py").read_text(encoding="utf-8")
    path = f"import sys; sys.path.insert(0, {str(work)!r}); sys.modules.pop('model_steps', None)\n"
    ran = dags.try_out(path + text, [{"conf": {"month": month}}])
    if ran["error"]:
        return {"error": ran["error"]}
    if len(ran["dags"]) != 1:
        return {"error": f"the file has {len(ran['dags'])} DAGs, and one is wanted"}
    [run] = ran["runs"]
    gave = {task: value for task, _, value in run["xcom"] if value not in ("None", "null")}
    graph = {
        name: {"after": task["upstream"], "data": [each for each in task["upstream"] if each in gave]}
        for name, task in ran["tasks"].items()
    }
    failed = [name for name, _, state, _ in run["instances"] if state == "failed"]
    said = f": {run['reasons'][-1].strip()}" if run["reasons"] else ""
    paths = {
        task: value for task, value in gave.items() if "/" in value and len(value) < 200 and "{" not in value
    }
    error = f"the task {failed[0]} failed{said}" if failed else ""
    decided = [value for task, _, value in run["xcom"] if task == "decide"]
    return {"error": error, "graph": graph, "paths": paths, "decided": decided}


def _process_run(tool: str, work: Path, month: str) -> dict[str, Any]:
    state = _state()
    environment = environment_in(state) | {"ZENML_CUSTOM_SOURCE_ROOT": str(work), "PYTHONPATH": str(work)}
    command = [sys.executable, "-m", "chapter_13.check", tool, str(work), month]
    ended = subprocess.run(
        command,
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if ended.returncode == -signal.SIGKILL:
        raise NoVerdict(KILLED)
    made = work / "seen.json"
    found = json.loads(made.read_text()) if made.exists() else {}
    if ended.returncode == 0:
        return {"error": "", **found}
    said = re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout + ended.stderr)  # the tools write in colour
    errors = [line.strip() for line in said.splitlines() if re.match(r"\s*[\w.]+(Error|Exception): ", line)]
    # Kubeflow's last words are that a task failed; the task's own error stands above.
    told = [line for line in errors if not line.startswith("RuntimeError: Pipeline")] or errors
    return {"error": told[-1] if told else "it ends with an error", **found}


@functools.cache
def _state() -> Path:
    """Return a folder for ZenML's records that all runs of this process share: making it takes seconds."""
    folder = tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)
    _kept.append(folder)
    return Path(folder.name)


_kept: list[Any] = []


def _problem(tool: str, seen: Mapping[str, Any]) -> str:
    """Say what is wrong with one tool's run, or ''."""
    trace, graph = seen["trace"], seen["graph"]
    drawn = [call["name"] for call in trace if "drawn" in call]
    if drawn:
        return (
            f"{drawn[0]} was called while the graph was drawn, with a placeholder in place of a value. "
            "Model work belongs into a step; the pipeline function only says who needs what."
        )
    new = [name for name in graph if name not in _GIVEN.get(tool, ())]
    calls = [call["name"] for call in trace]
    if tool != "plain" and graph and not new:
        if calls.count("slice_report"):
            return "slice_report runs inside of another step. Make it a step: then it can be retried and looked at."
        return "the step is written down, but the pipeline does not call it, so it is not in the graph."
    if seen["error"]:
        return f"it does not run: {_explained(seen['error'])}"
    if "decide" in calls and "slice_report" in calls and calls.index("decide") < calls.index("slice_report"):
        return "decide comes before slice_report, so the decision is made without the report."
    if "slice_report" not in calls:
        ran = "the run" if tool == "plain" else "its step ran, but"
        return (
            f"{ran} never called slice_report of model_steps: the wiring does the model's work itself, or leaves it "
            "out. The next change to the report would have to be made in four places."
        )
    for name in ("evaluate", "slice_report", "decide"):
        if calls.count(name) != 1:
            return f"{name} is called {calls.count(name)} times in one run, and once is wanted."
    given = {call["name"]: call["given"] for call in trace}
    gave = {call["name"]: call["gave"] for call in trace}
    if given["evaluate"] != [seen["month"]]:
        return "the month is not the one that the run was given."
    if given["slice_report"] != [gave["evaluate"]]:
        return "slice_report does not get the evaluation as evaluate returned it."
    if tool != "plain" and (problem := _wires(tool, graph, new, seen.get("paths", {}))):
        return problem
    if given["decide"][1] is None:
        return "decide still gets no report: its step needs one more input, and the call one more argument."
    if given["decide"] == [gave["slice_report"], gave["evaluate"]]:
        return "decide gets the report where the evaluation belongs, and the evaluation for a report."
    if given["decide"] != [gave["evaluate"], gave["slice_report"]]:
        return "the report is changed on its way to decide. Wiring carries; what a report says, slice_report says."
    if not any(all(each in text for each in gave["decide"].values()) for text in seen["decided"]):
        return "what decide of model_steps returns is lost or changed. Return it as it is: it is what the run is for."
    return ""


_GIVEN = {
    "zenml": ("evaluate_step", "decide_step"),
    "airflow": ("evaluate", "decide"),
    "kubeflow": ("evaluate", "decide"),
}


# What a tool says of a mistake (a pattern), and what the mistake is.
CALLS_ITSELF = (
    "A step that has the name of the function that it is to call calls itself. Import the function of model_steps "
    "inside of the step, or give the step another name."
)
CAUSES = {
    r"RecursionError": CALLS_ITSELF,
    # A task called in a task of Airflow does no work.
    r"Cannot serialize object of type <class 'function'>": f"It hands on a function. {CALLS_ITSELF}",
    r"has no attribute 'outputs?'": (
        "`.output` is Kubeflow's word. Here the call of a step gives what the step returns, or something that stands "
        "for it: pass that on."
    ),
    r"The task has multiple outputs": (
        "`.output` is the one value of a component, and that it returns one, it says behind its brackets: `-> dict`. "
        'Several outputs have names: `.outputs["…"]`.'
    ),
    r"Got: <kfp\.dsl\.pipeline_task": "A step is passed on where its value is wanted: that is its `.output`.",
    r"NameError: name '(slice_report|decide|evaluate|model_steps)'": (
        "The name is not known where it is used: import it there. Of a component of Kubeflow only its own lines "
        "travel, and none from above it."
    ),
}


def _explained(error: str) -> str:
    """Return what a tool said, with the likely mistake behind it where that is known."""
    causes = [cause for said, cause in CAUSES.items() if re.search(said, error)]
    return f"{causes[0]} (It said: {textwrap.shorten(error, 110, placeholder=' …')})" if causes else error


def _wires(tool: str, graph: Mapping[str, Any], new: Sequence[str], paths: Mapping[str, str]) -> str:
    first, last = _GIVEN[tool]
    if {first, last} - set(graph):
        return f"the steps {first} and {last} keep their names; there are: {', '.join(graph)}."
    if len(new) > 1:
        return f"one new step is wanted, and there are {len(new)}: {', '.join(new)}."
    [name] = new
    if name not in graph[last]["after"]:
        return f"nothing says that {last} needs {name}; that it came later this time was luck."
    if name not in graph[last]["data"] or first not in graph[name]["data"]:
        upstream, downstream = (name, last) if name not in graph[last]["data"] else (first, name)
        return (
            f"{downstream} runs after {upstream}, but takes nothing from it: what travels is a file that nobody "
            "declared. In two containers there are two disks. Return the value, and pass it on."
        )
    if name in paths:
        return (
            f"{name} hands on a path, {Path(paths[name]).name}: the file behind it is on one machine's disk. A "
            "report of three values is small enough to travel itself."
        )
    return ""


# Each of the three runs its file and returns the graph, and as texts what it gave out as the decision.


def _as_zenml(month: str) -> tuple[dict[str, Any], list[str]]:
    import monthly_zenml  # type: ignore[import-not-found]

    run = monthly_zenml.monthly(month)
    last = run.steps.get("decide_step")
    decided = [str(each.load()) for each in _flat(last.outputs.values())] if last else []
    graph = {
        name: {
            "after": list(step.spec.upstream_steps),
            "data": sorted({given.step_name for given in _flat(step.spec.inputs.values())}),
        }
        for name, step in run.steps.items()
    }
    return graph, decided


def _flat(values: Any) -> list[Any]:
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def _as_kubeflow(month: str) -> tuple[dict[str, Any], list[str]]:
    import monthly_kubeflow  # type: ignore[import-not-found]
    from google.protobuf import json_format  # type: ignore[import-untyped]
    from kfp import local

    tasks = json_format.MessageToDict(monthly_kubeflow.monthly.pipeline_spec)["root"]["dag"]["tasks"]
    graph = {}
    for name, task in tasks.items():
        data = set(re.findall(r'"producerTask": "([^"]+)"', json.dumps(task.get("inputs", {}))))
        graph[name] = {"after": task.get("dependentTasks", []), "data": sorted(data)}
    Path("seen.json").write_text(json.dumps({"graph": graph}))  # before the run, which may fail
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root="artifacts")
    monthly_kubeflow.monthly(month=month)
    decided = [path.read_text() for path in Path("artifacts").glob("*/decide/*") if path.is_file()]
    return graph, decided


def _as_plain(month: str) -> tuple[dict[str, Any], list[str]]:
    import monthly_plain  # type: ignore[import-not-found]

    return {}, [str(monthly_plain.monthly(month))]


# --- 13.3: five requirements -------------------------------------------------------------------------------

# What the book has shown of each, or what its makers document (chapters/13-choosing-a-tool/README.md).
CAN = {
    "plain": {"only Python", "own hardware"},
    "zenml": {"cache", "lineage", "retries", "own hardware"},
    "airflow": {
        "schedule",
        "backfill",
        "retries",
        "waits for other jobs",
        "an image per step",
        "own hardware",
    },
    "kubeflow": {"cache", "lineage", "schedule", "retries", "an image per step", "own hardware"},
    "managed": {"cache", "lineage", "schedule", "retries", "an image per step", "operated for you"},
}
# What each requirement cannot do without, and what of it decides.
ASKS = {
    "analyst": {"only Python", "own hardware"},
    "auditors": {"cache", "lineage", "own hardware"},
    "nightly": {"backfill", "waits for other jobs", "schedule"},
    "vision": {"an image per step", "own hardware"},
    "two": {"operated for you", "schedule"},
}
DECIDES = {
    "analyst": {"only Python"},
    "auditors": {"cache", "lineage"},
    "nightly": {"backfill", "waits for other jobs"},
    "vision": {"an image per step"},
    "two": {"operated for you"},
}
MOST_NEEDS = 2  # named for one pick, here and in 13.4: with more of them nothing decides
RULED_OUT = {
    ("auditors", "kubeflow"): "they have no cluster, and nobody who would run one",
    ("auditors", "managed"): "the data may not leave the house",
    ("analyst", "kubeflow"): "a cluster for two minutes a quarter",
    ("vision", "managed"): "the data may not leave the house",
    ("two", "kubeflow"): "nobody of the two can be woken up for a cluster",
    ("two", "airflow"): "nobody of the two can be woken up for a scheduler",
}


def _words(given: Any) -> list[str]:
    """Return the words of a list, a tuple, a set or an array; none where it is something else."""
    several = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
    return [str(each) for each in given] if several else []


@exercise
def ex_13_3(answer: Mapping[str, tuple[str, Sequence[str]]]) -> Verdict:
    """A tool and the reasons for each of five requirements."""
    if not isinstance(answer, Mapping) or set(answer) != set(ASKS):
        return wrong(f"The answer is a dict with these keys: {', '.join(ASKS)}.")
    known = set().union(*CAN.values())
    for name, pick in answer.items():
        if not isinstance(pick, tuple | list) or len(pick) != 2 or not isinstance(pick[0], str):
            return wrong(f"{name}: a pick is a pair, the tool and a list of reasons.")
        if pick[0] not in CAN:
            return wrong(f"{name}: {pick[0]!r} is no choice here; there are {', '.join(CAN)}.")
        if not (reasons := _words(pick[1])):
            return wrong(f"{name}: the reasons are a list of at least one word of the list above.")
        unknown = [reason for reason in reasons if reason not in known]
        if unknown:
            return wrong(
                f"{name}: {unknown[0]!r} is no word of the list; a reason that is not there cannot be weighed."
            )
    if len({pick[0] for pick in answer.values()}) == 1:
        return wrong(
            "Five times the same tool: that is a preference. Ask of each line what it cannot do without."
        )
    for name, (tool, given) in answer.items():
        reasons = _words(given)
        if said := RULED_OUT.get((name, tool)):
            return wrong(f"{name}: {tool} is out of the question there: {said}.")
        absent = sorted(set(reasons) - CAN[tool])
        if absent:
            return wrong(f"{name}: {tool} does not give {absent[0]!r}; look at its line in the list.")
        lacking = sorted(ASKS[name] - CAN[tool])
        if lacking:
            return wrong(f"{name}: it cannot do without {lacking[0]!r}, which {tool} does not give.")
        idle = sorted(set(reasons) - ASKS[name])
        if idle:
            return wrong(
                f"{name}: {tool} has {idle[0]!r}, but nobody there asks for it. A reason is a need, and not a feature."
            )
        if len(set(reasons)) > MOST_NEEDS:
            return wrong(
                f"{name}: that is all they ask for: {', '.join(sorted(set(reasons)))}. Name the one or two of it for "
                "which they cannot take another tool."
            )
        if not DECIDES[name] & set(reasons):
            others = [other for other in CAN if other != tool and set(reasons) <= CAN[other]]
            return wrong(
                f"{name}: {' and '.join(reasons)} is asked for there, but does not decide: {', '.join(others)} would "
                "do as well. For which other need of theirs are these not taken?"
            )
    return right(
        "Each pick is defended by a need. For the vision team more than one tool can be: then people decide, those who "
        "will operate it."
    )


# --- 13.4: the memo ----------------------------------------------------------------------------------------
# The check sees the form: what is there, which numbers come from where, whether a limit can be missed. What a sentence
# is worth a reader judges, with the rubric that stands below the exercise.

CASES = {
    "solo": "A data scientist, alone. One model, renewed once a month. A run takes 4 minutes on her laptop and is "
    "needed on the 3rd of the month. Last year 2 of 12 months came late, because she was on holiday.",
    "bank": "A bank with 500 data scientists. 40 models are in use; each month is approved by a second person. "
    "Airflow has run for 6 years, with a team of 5, for the nightly loads. A training takes 3 hours. Data stays in "
    "the house.",
    "startup": "A start-up with 8 people, 2 of them for machine learning, all data in one cloud account, no platform "
    "team. A training takes 20 minutes, every night. An hour without fresh predictions costs 1 customer call.",
}
# The first day of the three trials, for all readers and in every year.
BEGINS = date(2027, 1, 4)
FORMS = {
    "tool": "a name of the list of tools",
    "needs": "one or two words of the list that this tool gives",
    "why": "a sentence",
    "figures": "a list of (number, what it is, source), with the source case, bench or estimate",
    "owner": "a pair, who is called when it fails, and who stands in for them",
    "first_users": "a pair, how many they are, and who",
    "stop": "a dict with measure, limit, out_of, by and then",
    "alternative": "a dict with tool and why_not",
}
FIRST_USERS = 10  # at most; with more of them it is a roll-out and no trial


@exercise
def ex_13_4(answer: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """A memo on three cases, as far as its form goes."""
    if not isinstance(answer, Mapping) or set(answer) != set(CASES):
        return wrong(f"The memo is a dict with these cases: {', '.join(CASES)}.")
    for case, memo in answer.items():
        if not isinstance(memo, Mapping):
            return wrong(f"{case}: a case is a dict with {', '.join(FORMS)}.")
        if absent := [field for field in FORMS if not memo.get(field)]:
            return wrong(f"{case}: nothing is said about {' and '.join(absent)}, and somebody will ask.")
        if memo["tool"] not in CAN:
            return wrong(f"{case}: {memo['tool']!r} is no choice here; there are {', '.join(CAN)}.")
    if len({memo["tool"] for memo in answer.values()}) == 1:
        return wrong(
            "Three times the same tool, for one person, for 500 and for a start-up: the cases are not read."
        )
    missing = [
        f"{case}: {problem}" for case, memo in answer.items() for problem in _memo_problems(case, memo)
    ]
    if missing:
        more = f" And {len(missing) - 2} more." if len(missing) > 2 else ""
        return wrong(" ".join(missing[:2]) + more)
    return right(
        "Nothing is missing: needs, figures with a source, two people who can be called, a first group, a limit that "
        "can be missed on a day, and the way not taken. Whether it convinces, you judge with the rubric below."
    )


def _memo_problems(case: str, memo: Mapping[str, Any]) -> list[str]:
    """Say what a case's memo lacks."""
    found = [
        _other(memo),
        _needs(memo),
        _fit(case, memo),
        _figures(case, memo["figures"]),
        _people(memo),
        _stop(memo["stop"]),
    ]
    if not isinstance(memo["why"], str):
        found.append("why is a sentence: how this tool meets the needs.")
    return [problem for problem in found if problem]


def _needs(memo: Mapping[str, Any]) -> str:
    tool, needs = memo["tool"], _words(memo["needs"])
    if not 1 <= len(set(needs)) <= MOST_NEEDS:
        return f"needs are a list of {FORMS['needs']}."
    absent = [need for need in needs if need not in CAN[tool]]
    if absent:
        return f"{tool} does not give {absent[0]!r} by itself; look at its line in the list."
    return ""


def _fit(case: str, memo: Mapping[str, Any]) -> str:
    tool, alternative = memo["tool"], memo["alternative"]
    other = alternative.get("tool") if isinstance(alternative, Mapping) else None
    if case == "solo" and tool in ("airflow", "kubeflow"):
        return f"{tool} has programs that run all month, for 4 minutes of work; who keeps them up in her holidays?"
    if case == "startup" and tool in ("airflow", "kubeflow"):
        return f"{tool} has to be operated, and there is no platform team. Which of the 2 gets up at night?"
    if case == "bank" and tool == "plain":
        return "40 models, each with a schedule of its own making, is what the 500 have to be led away from."
    if case == "bank" and tool != "airflow" and other != "airflow":
        return "an Airflow with a team of 5 is there, and the memo ignores it, even as the alternative."
    if case == "bank" and tool == "managed":
        return "the data stays in the house; a managed platform is another house."
    if case == "startup" and "managed" not in (tool, other):
        return (
            "the managed platform of their cloud is neither chosen nor refused. With one cloud account and no platform "
            "team it is the first thing that a reader will ask about."
        )
    return ""


@functools.cache
def _measured() -> frozenset[float]:
    """Return all figures of the chapter's measurement."""
    path = Path(__file__).with_name("bench.json")
    found: set[float] = set()

    def walk(part: Any) -> None:
        if isinstance(part, Mapping):
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)
        elif isinstance(part, int | float) and not isinstance(part, bool):
            found.add(float(part))

    walk(json.loads(path.read_text()))
    return frozenset(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _figures(case: str, figures: Any) -> str:
    form = f"figures are {FORMS['figures']}."
    if isinstance(figures, str | Mapping) or not isinstance(figures, Sequence):
        return form
    grounded = 0
    for figure in figures:
        if not isinstance(figure, tuple | list) or len(figure) != 3:
            return form
        value, what, source = figure
        if not _is_number(value) or source not in ("case", "bench", "estimate"):
            return form
        if not isinstance(what, str) or not what.strip():
            return f"of the figure {value:g} it is not said what it is."
        in_case = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", CASES[case])}
        if source == "case" and float(value) not in in_case:
            return f"the case does not say {value:g}; where you computed or guessed, the source is estimate."
        # Rounded, too, unless it becomes another figure: 0.2 is not 0.
        if source == "bench" and not any(
            round(measured, places) == float(value) and math.isclose(measured, value, rel_tol=0.1)
            for measured in _measured()
            for places in (0, 1, 2)
        ):
            return f"{value:g} is no figure of bench.json; where you computed or guessed, the source is estimate."
        grounded += source != "estimate"
    return (
        ""
        if grounded
        else "all figures are estimates. At least one has to come from the case or from the measurement."
    )


def _people(memo: Mapping[str, Any]) -> str:
    owner, first = memo["owner"], memo["first_users"]
    if (
        not isinstance(owner, tuple | list)
        or len(owner) != 2
        or not all(isinstance(who, str) for who in owner)
    ):
        return f"the owner is {FORMS['owner']}."
    if not isinstance(first, tuple | list) or len(first) != 2 or not _is_number(first[0]):
        return f"the first users are {FORMS['first_users']}."
    people = [" ".join(str(who).split()).casefold() for who in (*owner, first[1])]
    if not all(people):
        return "a person is not named: the owner, who stands in, or the first users."
    if people[0] == people[1]:
        return f"{owner[0]!r} stands in for {owner[1]!r}: while one of them is away, nobody is called."
    if people[2] in people[:2] and first[0] > 1:
        return "the first users are the owner: then nobody uses it who could do without it."
    if not 1 <= first[0] <= FIRST_USERS or first[0] % 1:
        return f"{first[0]:g} first users are no group to begin with: it has 1 to {FIRST_USERS} people."
    return ""


def _stop(stop: Any) -> str:
    if not isinstance(stop, Mapping) or not {"measure", "limit", "out_of", "by", "then"} <= set(stop):
        return f"the stop criterion is {FORMS['stop']}."
    limit, most, by = stop["limit"], stop["out_of"], stop["by"]
    for field, what in (("measure", "what is counted"), ("then", "what happens then")):
        if not isinstance(stop[field], str) or not stop[field].strip():
            return f"the stop criterion does not say {what}."
    if not _is_number(limit):
        return f"the limit {limit!r} is no number, so nobody can say on which side of it you are."
    if most is not None and not _is_number(most):
        return f"out_of {most!r} is no number: how many there are to count, or None where there is no most."
    if most is not None and limit >= most:
        return (
            f"you stop if more than {limit:g} are counted, and there are {most:g}: the trial cannot fail. Count what "
            "goes wrong, and let the limit be less than all of it."
        )
    if most is not None and limit < 0:
        return (
            f"you stop if more than {limit:g} are counted, and 0 are more: the trial has failed as it begins."
        )
    try:
        day = by if isinstance(by, date) else date.fromisoformat(str(by))
    except ValueError:
        return f"{by!r} is no date such as 2027-03-31, and without one the day to look never comes."
    day = day.date() if isinstance(day, datetime) else day
    if day <= BEGINS:
        return f"the trial begins on {BEGINS}, and on {day} there is nothing to look at yet."
    if day > BEGINS.replace(year=BEGINS.year + 1):
        return f"until {day} it is more than a year; by then it is no trial any more."
    return ""


def _other(memo: Mapping[str, Any]) -> str:
    other = memo["alternative"]
    if not isinstance(other, Mapping) or not {"tool", "why_not"} <= set(other):
        return f"the alternative is {FORMS['alternative']}."
    if other["tool"] not in CAN:
        return f"the alternative {other['tool']!r} is no choice here; there are {', '.join(CAN)}."
    if other["tool"] == memo["tool"]:
        return "the alternative is the tool itself; name the one that a reader who disagrees would take."
    if not isinstance(other["why_not"], str) or not other["why_not"].strip():
        return "why_not is a sentence: what the alternative would cost, or what it lacks."
    return ""


def main() -> None:
    """Run a file of 13.2 in the tool that the first argument names, and write its graph."""
    tool, folder, month = sys.argv[1:]
    sys.path.insert(0, folder)
    run = {"plain": _as_plain, "zenml": _as_zenml, "kubeflow": _as_kubeflow}[tool]
    graph, decided = run(month)
    (Path(folder) / "seen.json").write_text(json.dumps({"graph": graph, "decided": decided}))


if __name__ == "__main__":
    main()
