"""Wrong answers to the exercises of chapter 13, each a mistake that somebody makes."""

import atexit
import copy
import shutil
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from chapter_13 import check as chapter_13

_root = Path(tempfile.mkdtemp(prefix="wrong-13-"))
atexit.register(shutil.rmtree, _root, ignore_errors=True)

# --- 13.1 ---


def forgets_once(once, per_step, steps, share):
    return steps * per_step / share


def one_step_only(once, per_step, steps, share):
    return (once + per_step) / share


def once_in_each_step(once, per_step, steps, share):
    return steps * (once + per_step) / share


def the_cost_itself(once, per_step, steps, share):
    return once + steps * per_step


def multiplies(once, per_step, steps, share):
    return (once + steps * per_step) * share


def share_of_the_whole_run(once, per_step, steps, share):
    return (once + steps * per_step) * (1 - share) / share


def per_step_of_the_work(once, per_step, steps, share):
    return (once + steps * per_step) / share / steps


def the_factor_of_a_laptop(once, per_step, steps, share):
    return 5.6


def prints_it(once, per_step, steps, share):
    print((once + steps * per_step) / share)


# --- 13.2: right in another style than the solution's; each wrong folder differs in one file ---

PLAIN = """
import model_steps


def monthly(month):
    evaluation = model_steps.evaluate(month)
    report = model_steps.slice_report(evaluation)
    return model_steps.decide(evaluation=evaluation, report=report)
"""
ZENML = """
from typing import Annotated, Any

import model_steps
from zenml import pipeline, step


@step
def evaluate_step(month: str) -> Annotated[dict[str, Any], "evaluation"]:
    return model_steps.evaluate(month)


@step
def worst_airport(evaluation: dict[str, Any]) -> dict[str, Any]:
    return model_steps.slice_report(evaluation)


@step(enable_cache=False)
def decide_step(report: dict[str, Any], evaluation: dict[str, Any]) -> Annotated[dict[str, Any], "decision"]:
    return model_steps.decide(evaluation, report)


@pipeline
def monthly(month: str) -> None:
    evaluation = evaluate_step(month)
    report = worst_airport(evaluation)
    decide_step(report, evaluation)
"""
AIRFLOW = """
from airflow.sdk import dag, task


@task
def evaluate(params=None):
    from model_steps import evaluate

    return evaluate(params["month"])


@task(retries=1)
def report_of_airports(evaluation):
    import model_steps

    return model_steps.slice_report(evaluation)


@task
def decide(evaluation, report):
    from model_steps import decide

    return decide(evaluation, report)


@dag(schedule=None, params={"month": "2013-09"})
def monthly():
    evaluation = evaluate()
    report = report_of_airports(evaluation)
    decide(evaluation, report)


monthly()
"""
# The report as an artifact in place of a parameter.
KUBEFLOW = """
from kfp import dsl
from kfp.dsl import Artifact, Input, Output

component = dsl.component(base_image="pipelines-for-humans/python:0.1.0", install_kfp_package=False)


@component
def evaluate(month: str) -> dict:
    from model_steps import evaluate

    return evaluate(month)


@component
def worst_airport(evaluation: dict, report: Output[Artifact]):
    import json
    from pathlib import Path

    from model_steps import slice_report

    Path(report.path).write_text(json.dumps(slice_report(evaluation)))


@component
def decide(evaluation: dict, report: Input[Artifact]) -> dict:
    import json
    from pathlib import Path

    from model_steps import decide

    return decide(evaluation, json.loads(Path(report.path).read_text()))


@dsl.pipeline(name="monthly")
def monthly(month: str):
    evaluation = evaluate(month=month)
    report = worst_airport(evaluation=evaluation.output)
    decide(evaluation=evaluation.output, report=report.outputs["report"])
"""
GOOD = {"plain": PLAIN, "zenml": ZENML, "airflow": AIRFLOW, "kubeflow": KUBEFLOW}
# The solution's: there Kubeflow's report is a parameter.
SOLVED = {
    tool: (Path(chapter_13.__file__).parent / "four-solved" / f"monthly_{tool}.py").read_text()
    for tool in GOOD
}


def folder(name, tool="plain", **changes):
    """Write the four files, with changes (old text: new text) in one of them."""
    made = _root / name
    made.mkdir()
    for each, text in changes.get("of", GOOD).items():
        for old, new in changes.get("edits", {}).items() if each == tool else ():
            assert old in text, (name, old)
            text = text.replace(old, new)
        (made / f"monthly_{each}.py").write_text(text)
    (made / "model_steps.py").write_text(changes.get("model_steps", chapter_13._model_steps()))
    return made


model_changed = folder(
    "model-changed",
    model_steps=chapter_13._model_steps().replace("if gap <= 0.05", "if gap <= 0.5"),
)
model_broken = folder("model-broken", model_steps="def slice_report(:")
not_in_airflow = folder(
    "not-in-airflow",
    "airflow",
    edits={
        "    report = report_of_airports(evaluation)\n    decide(evaluation, report)": "    decide(evaluation)",
        "def decide(evaluation, report)": "def decide(evaluation)",
        "decide(evaluation, report)": "decide(evaluation)",
        "    return model_steps.slice_report(evaluation)": "    return {}",
    },
)
decides_first = folder(
    "decides-first",
    edits={
        "    report = model_steps.slice_report(evaluation)\n"
        "    return model_steps.decide(evaluation=evaluation, report=report)": (
            "    decision = model_steps.decide(evaluation)\n"
            "    model_steps.slice_report(evaluation)\n    return decision"
        )
    },
)
changes_places = folder(
    "changes-places", edits={"evaluation=evaluation, report=report": "evaluation=report, report=evaluation"}
)
loses_the_decision = folder(
    "loses-the-decision", edits={"    return model_steps.decide": "    model_steps.decide"}
)
decides_itself_in_airflow = folder(
    "decides-itself-in-airflow",
    "airflow",
    edits={
        "return decide(evaluation, report)": 'return decide(evaluation, report) | {"decision": "promote"}'
    },
)
decides_itself_in_zenml = folder(
    "decides-itself-in-zenml",
    "zenml",
    edits={
        "return model_steps.decide(evaluation, report)": (
            'return model_steps.decide(evaluation, report) | {"decision": "promote"}'
        )
    },
)
loses_the_decision_in_kubeflow = folder(
    "loses-the-decision-in-kubeflow",
    "kubeflow",
    edits={
        "report: Input[Artifact]) -> dict:": "report: Input[Artifact]):",
        "    return decide(evaluation, json": "    decide(evaluation, json",
    },
)
report_not_handed_on = folder("report-not-handed-on", edits={", report=report)": ")"})
reckons_itself = folder(
    "reckons-itself",
    "kubeflow",
    edits={
        "    from model_steps import slice_report\n": "    # slice_report\n"
        '    slices = [s for s in evaluation["slices"] if s["column"] == "origin"]\n'
        '    worst = max(slices, key=lambda s: s["log_loss"])\n'
        '    slice_report = lambda _: {"airport": worst["value"], "log_loss": worst["log_loss"]}\n'
    },
)
inside_decide = folder(
    "inside-decide",
    "kubeflow",
    edits={
        "def decide(evaluation: dict, report: Input[Artifact]) -> dict:": "def decide(evaluation: dict) -> dict:",
        "import decide\n": "import decide, slice_report\n",
        "json.loads(Path(report.path).read_text())": "slice_report(evaluation)",
        "    report = worst_airport(evaluation=evaluation.output)\n": "",
        ', report=report.outputs["report"])': ")",
    },
)
never_called = folder(
    "never-called",
    "kubeflow",
    edits={
        "def decide(evaluation: dict, report: Input[Artifact]) -> dict:": "def decide(evaluation: dict) -> dict:",
        "return decide(evaluation, json.loads(Path(report.path).read_text()))": "return decide(evaluation)",
        "    report = worst_airport(evaluation=evaluation.output)\n": "",
        ', report=report.outputs["report"])': ")",
    },
)
undeclared_file = folder(
    "undeclared-file",
    "kubeflow",
    edits={
        "def worst_airport(evaluation: dict, report: Output[Artifact]):": "def worst_airport(evaluation: dict):",
        "Path(report.path)": 'Path("report.json")',
        "def decide(evaluation: dict, report: Input[Artifact]) -> dict:": "def decide(evaluation: dict) -> dict:",
        'decide(evaluation=evaluation.output, report=report.outputs["report"])': (
            "decide(evaluation=evaluation.output).after(report)"
        ),
    },
)
while_drawing = folder(
    "while-drawing",
    "kubeflow",
    edits={
        "    report = worst_airport(evaluation=evaluation.output)": "    import model_steps\n\n"
        "    model_steps.slice_report(evaluation.output)\n"
        "    report = worst_airport(evaluation=evaluation.output)"
    },
)
imports_above = folder(
    "imports-above",
    "kubeflow",
    edits={
        "    from model_steps import slice_report\n\n": "",
        "from kfp import dsl\n": "from kfp import dsl\nfrom model_steps import slice_report\n",
    },
)
rounds_in_zenml = folder(
    "rounds-in-zenml",
    "zenml",
    edits={
        "return model_steps.decide(evaluation, report)": (
            'return model_steps.decide(evaluation, {**report, "log_loss": round(report["log_loss"], 1)})'
        )
    },
)
by_file_in_airflow = folder(
    "by-file-in-airflow",
    "airflow",
    edits={
        "    return model_steps.slice_report(evaluation)": "    import json\n    from pathlib import Path\n\n"
        '    Path("report.json").write_text(json.dumps(model_steps.slice_report(evaluation)))',
        "def decide(evaluation, report)": "def decide(evaluation)",
        "    return decide(evaluation, report)": "    import json\n    from pathlib import Path\n\n"
        '    return decide(evaluation, json.loads(Path("report.json").read_text()))',
        "    decide(evaluation, report)\n\n\nmonthly": "    report >> decide(evaluation)\n\n\nmonthly",
    },
)
path_in_airflow = folder(
    "path-in-airflow",
    "airflow",
    edits={
        "    return model_steps.slice_report(evaluation)": "    import json\n    import tempfile\n"
        "    from pathlib import Path\n\n"
        '    path = Path(tempfile.mkdtemp()) / "report.json"\n'
        "    path.write_text(json.dumps(model_steps.slice_report(evaluation)))\n    return str(path)",
        "    return decide(evaluation, report)": "    import json\n    from pathlib import Path\n\n"
        "    return decide(evaluation, json.loads(Path(report).read_text()))",
    },
)

# Tools' words in the wrong place, and steps that hide the function that they are to call.
asks_a_dict_for_its_output = folder("asks-a-dict", edits={"report=report)": "report=report.output)"})
names_no_output = folder(
    "names-no-output",
    "kubeflow",
    of=SOLVED,
    edits={"def slice_report(evaluation: dict) -> dict:": "def slice_report(evaluation: dict):"},
)
hands_on_the_step = folder(
    "hands-on-the-step", "kubeflow", of=SOLVED, edits={"report=report.output": "report=report"}
)
calls_itself_in_kubeflow = folder(
    "calls-itself-in-kubeflow",
    "kubeflow",
    of=SOLVED,
    edits={"    from model_steps import slice_report\n\n": ""},
)
calls_itself_in_zenml = folder(
    "calls-itself-in-zenml", "zenml", of=SOLVED, edits={"report_step(": "slice_report("}
)
calls_itself_in_airflow = folder(
    "calls-itself-in-airflow",
    "airflow",
    of=SOLVED,
    edits={
        "    from model_steps import slice_report\n\n": "",
        "from airflow.sdk import dag, task\n": "from airflow.sdk import dag, task\n"
        "from model_steps import slice_report\n",
    },
)

# --- 13.3 ---

PICKS = {
    "analyst": ("plain", ["only Python"]),
    "auditors": ("zenml", ["lineage", "cache"]),
    "nightly": ("airflow", ["waits for other jobs", "backfill"]),
    "vision": ("airflow", ["own hardware", "an image per step"]),
    "two": ("managed", ["operated for you", "schedule"]),
}

# --- 13.4 ---

MEMO = {
    "solo": {
        "tool": "zenml",
        "why": "Her deputy has to see which run made the number, and the cache spares a training when a plot failed.",
        "figures": [(4, "minutes of a run", "case"), (0.2, "of plain Python's time when run again", "bench")],
        "needs": ["lineage", "cache"],
        "owner": ("the data scientist", "her deputy in controlling"),
        "first_users": (1, "her deputy in controlling"),
        "stop": {
            "measure": "late months in the half year",
            "limit": 1,
            "out_of": 6,
            "by": "2027-06-30",
            "then": "back to the script",
        },
        "alternative": {"tool": "plain", "why_not": "the deputy could not say which file a number came from"},
    },
    "bank": {
        "tool": "kubeflow",
        "why": "Models ask for packages that exclude each other, and approval needs the image that was approved.",
        "figures": [(40, "models in use", "case"), (12, "conflicts of packages last year", "estimate")],
        "needs": ["an image per step"],
        "owner": ("the lead of the platform team", "the on-call engineer of the Airflow team"),
        "first_users": (4, "the modellers of mortgages"),
        "stop": {
            "measure": "hours of operation per model and month",
            "limit": 6.5,
            "out_of": None,
            "by": "2027-09-30",
            "then": "the models move back to Airflow",
        },
        "alternative": {
            "tool": "airflow",
            "why_not": "one set of packages for 40 models has to be agreed upon by all",
        },
    },
    "startup": {
        "tool": "zenml",
        "why": "The two want the same pipeline on the laptop and in the cloud, and to know what made each model.",
        "figures": [(20, "minutes of a training", "case")],
        "needs": ("lineage",),
        "owner": ["the first of the two engineers", "the second one"],
        "first_users": [2, "the support desk"],
        "stop": {
            "measure": "nights without a new model per month",
            "limit": 2,
            "out_of": 27,
            "by": "2027-01-31",
            "then": "we move the six steps to the managed platform",
        },
        "alternative": {
            "tool": "managed",
            "why_not": "its pipelines cannot be run on the laptop before they are sent",
        },
    },
}


def memo(case, **fields):
    """Return the memo with some fields of one case replaced; a field of None is left out."""
    made = copy.deepcopy(MEMO)
    for name, value in fields.items():
        made[case][name] = value
        if value is None:
            del made[case][name]
    return made


def stop(**fields):
    return {**MEMO["solo"]["stop"], **fields}


MANAGED_IGNORED = {"tool": "plain", "why_not": "a script keeps no records of what made what"}

WRONG = {
    "ex_13_1": [
        forgets_once,
        one_step_only,
        once_in_each_step,
        the_cost_itself,
        multiplies,
        share_of_the_whole_run,
        per_step_of_the_work,
        the_factor_of_a_laptop,
        prints_it,
        162.0,
    ],
    "ex_13_2": [
        "done",
        _root / "nowhere",
        model_changed,
        model_broken,
        not_in_airflow,
        decides_first,
        changes_places,
        loses_the_decision,
        decides_itself_in_airflow,
        decides_itself_in_zenml,
        loses_the_decision_in_kubeflow,
        report_not_handed_on,
        reckons_itself,
        inside_decide,
        never_called,
        undeclared_file,
        while_drawing,
        imports_above,
        rounds_in_zenml,
        by_file_in_airflow,
        path_in_airflow,
        asks_a_dict_for_its_output,
        names_no_output,
        hands_on_the_step,
        calls_itself_in_kubeflow,
        calls_itself_in_zenml,
        calls_itself_in_airflow,
    ],
    "ex_13_3": [
        dict.fromkeys(PICKS, ("kubeflow", ["lineage"])),
        "airflow",
        {**PICKS, "vision": ("managed", ["an image per step"])},
        {**PICKS, "two": ("kubeflow", ["schedule"])},
        {**PICKS, "auditors": ("kubeflow", ["cache", "lineage"])},
        {**PICKS, "auditors": ("airflow", ["lineage"])},
        {**PICKS, "analyst": ("zenml", ["cache"])},
        {**PICKS, "nightly": ("airflow", ["backfill", "waits for other jobs", "retries"])},
        {**PICKS, "nightly": ("airflow", ["schedule"])},
        {**PICKS, "two": ("managed", ["schedule"])},
        {**PICKS, "auditors": ("zenml", ["own hardware"])},
        {**PICKS, "nightly": ("airflow", ["popular"])},
        {**PICKS, "nightly": ("dagster", ["backfill"])},
        {**PICKS, "vision": ("plain", ["own hardware"])},
        {**PICKS, "vision": ("kubeflow", ["own hardware"])},  # three others have that as well
        {**PICKS, "auditors": ("zenml", ["own hardware", "cache", "lineage"])},  # all that is asked for
        {**PICKS, "nightly": ("airflow", ["backfill", "schedule", "waits for other jobs"])},
        {**PICKS, "analyst": ("plain", "only Python")},
        {**PICKS, "two": "managed"},
    ],
    "ex_13_4": [
        {case: {**each, "tool": "zenml"} for case, each in MEMO.items()},
        "Kubeflow, since it scales",
        memo("solo", figures=None),
        memo("solo", figures="4 minutes"),
        memo("solo", figures=[(5, "minutes of a run", "case")]),
        memo("solo", figures=[(1.7, "of plain Python's time", "bench")]),
        memo("solo", figures=[(30, "percent less work, surely", "estimate")]),
        memo("bank", owner=None),
        memo("bank", owner="the team"),
        memo("bank", owner=("IT", "it ")),
        memo("bank", owner=("the lead of the platform team", "")),
        memo("bank", first_users="all data scientists"),
        memo("bank", first_users=(500, "all data scientists")),
        memo("bank", first_users=(4, "the lead of the platform team")),
        memo("bank", first_users=(0, "nobody yet")),
        memo("bank", first_users=(2.5, "modellers of mortgages")),
        memo("bank", figures=[(0, "of plain Python's time for ZenML run again", "bench")]),  # it says 0.2
        memo("solo", needs=["schedule"]),
        memo("solo", needs="lineage"),
        memo("solo", needs=["the best and most modern tool"]),
        memo("solo", needs=["lineage", "cache", "retries"]),
        memo("solo", why=["lineage"]),
        memo(
            "bank", alternative={"tool": "managed", "why_not": "the data stays in the house, says the case"}
        ),
        memo("bank", tool="plain"),
        memo("solo", tool="kubeflow"),
        memo("startup", tool="kubeflow"),
        memo("startup", alternative=MANAGED_IGNORED),
        memo("startup", stop="if it is not accepted"),
        memo("solo", stop=stop(measure="")),
        memo("solo", stop=stop(limit=1000)),
        memo("solo", stop=stop(limit=-1)),
        memo("solo", stop=stop(limit=6)),  # more than 6 of 6
        memo("solo", stop=stop(limit=6.5)),
        memo("solo", stop=stop(limit=float("inf"), out_of=None)),
        memo("solo", stop=stop(limit=float("nan"), out_of=None)),
        memo("solo", stop=stop(by="2028-01-05")),  # a year and a day
        memo("solo", stop=stop(out_of="six months")),
        memo("solo", stop=stop(by="2026-03-31")),
        memo("solo", stop=stop(by=date(2027, 1, 4))),
        memo("solo", stop=stop(by="2029-03-31")),
        memo("solo", stop={"measure": "late months", "limit": 1, "by": "2027-06-30", "then": "back"}),
        memo("solo", stop=stop(limit="few")),
        memo("solo", stop=stop(by="soon")),
        memo("solo", stop=stop(then="")),
        memo("solo", alternative={"tool": "zenml", "why_not": "it is what we have chosen anyway"}),
        memo("solo", alternative={"tool": "plain", "why_not": " "}),
        memo("solo", alternative="plain"),
    ],
}

ALSO_RIGHT = {
    "ex_13_1": [lambda once, per_step, steps, share: once / share + per_step / share * steps],
    "ex_13_2": [folder("another-style"), str(folder("as-text"))],
    "ex_13_3": [
        PICKS,
        {**PICKS, "vision": ("kubeflow", ("an image per step", "own hardware"))},
        {**PICKS, "two": ["managed", ["operated for you"]]},
        {**PICKS, "auditors": ("zenml", ["own hardware", "lineage"])},
        {**PICKS, "auditors": ("zenml", ["cache", "lineage", "cache"])},  # two needs, one said twice
        # One or two: each of these decides.
        {**PICKS, "auditors": ("zenml", ["lineage"]), "nightly": ("airflow", ["backfill"])},
        {**PICKS, "vision": ("kubeflow", ["an image per step"])},
        {name: (tool, np.array(needs)) for name, (tool, needs) in PICKS.items()},
    ],
    "ex_13_4": [
        MEMO,
        memo("solo", needs={"lineage", "cache"}, stop=stop(by="2028-01-04")),
        memo("solo", owner=("Maria, who built it", "Ben")),
        memo("solo", stop=stop(limit=0)),  # one late month is too many
        memo("solo", stop=stop(limit=5)),
        # Sound texts with words that sound unsound: what a text is worth no word tells.
        memo("bank", owner=("the on-call engineer of the Airflow team", "the head of all platforms")),
        memo("bank", first_users=(3, "three of the 500 data scientists, those of the card group")),
        memo(
            "startup",
            stop={**MEMO["startup"]["stop"], "measure": "failed nightly runs out of the last 27 nights"},
        ),
        memo(
            "bank",
            stop={
                **MEMO["bank"]["stop"],
                "measure": "months in which the champion has a better log loss than the challenger",
                "limit": np.int64(1),
                "out_of": np.float64(8),
                "by": date(2027, 9, 30),
            },
        ),
    ],
}
