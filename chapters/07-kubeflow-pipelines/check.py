"""Checks of chapter 07: a step found in the IR, a branch in the graph, settings, a step written and a step added."""

import builtins
import contextlib
import copy
import csv
import functools
import io
import json
import logging
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from google.protobuf import json_format  # type: ignore[import-untyped]
from kfp import dsl, local
from kfp.dsl.graph_component import GraphComponent
from kfp.dsl.python_component import PythonComponent
from kfp.local.config import LocalExecutionConfig
from kubernetes.utils.quantity import parse_quantity

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from flightdelay.data import DATA
from flightdelay.pipelines import with_kubeflow
from flightdelay.steps.evaluate import month_rows, predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train
from flightdelay.steps.validate import validate
from flightdelay.store import dump_model

IR = dict[str, Any]
STEPS = ("ingest", "validate", "featurize", "train", "evaluate", "decide")
SECONDS = 600  # an end for a step that has none; a right one takes two


def _ir(pipeline: Any) -> IR:
    """Return a compiled pipeline as its file says it."""
    return dict(json_format.MessageToDict(pipeline.pipeline_spec))


def _platform(pipeline: Any) -> IR:
    """Return the second document: what only Kubernetes knows, by executor."""
    found = json_format.MessageToDict(pipeline.platform_spec)
    executors = (
        found.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    )
    return dict(executors)


def _last_line(function: Any, error: Exception) -> str:
    """Return the line of the learner's function at which the error was raised, or the error's text."""
    name = getattr(function, "__name__", "")
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.name == name]
    return f" (at `{lines[-1].strip()}`)" if lines and lines[-1] else ""


def _drawing_error(function: Any, error: Exception) -> Verdict:
    """Say why a pipeline could not be drawn."""
    text, where = " ".join(str(error).split()).rstrip("."), _last_line(function, error)
    if "PipelineParameterChannel" in text or "LoopArgument" in text or "LoopParameterArgument" in text:
        return wrong(
            f"Python was asked for a value that nobody knows while the graph is drawn{where}: {text}. Loops, "
            "branches and arithmetic on it belong into the graph or into a component."
        )
    if "Argument type 'STRING'" in text and "'system." in text:
        return wrong(
            f"A text stands where an artifact is wanted{where}: a path means nothing in the next container. "
            "Hand over the output of the task that makes the file."
        )
    if "is incompatible with the input type" in text:
        return wrong(f"An output goes into an input of another kind{where}: {text}.")
    if "ParallelFor context" in text:
        return wrong(
            "A task outside the loop takes an output from inside it: which of the rounds? Collect them."
        )
    if "dsl.If context" in text or "dsl.Else context" in text:
        return wrong(
            "A task outside the branch takes an output from inside it, which exists in some runs only."
        )
    if "from the top level of the pipeline" in text:
        return wrong(
            "It returns an output from inside a branch or loop: in some runs, or many times, there is one."
        )
    if "PipelineTask object" in text:
        return wrong(f"A task stands where its output is wanted{where}: `.output`.")
    if "keyword arguments" in text:
        return wrong("A component takes its inputs by name only: highest(shares=…).")
    if "Task is missing from pipeline" in text:
        return wrong("Nothing is drawn: the function calls no component.")
    if "multiple outputs" in text:
        return wrong("A task with several outputs has no `.output`: name the one you mean, `.outputs[…]`.")
    if "has no attribute 'name'" in text:
        return wrong("OneOf needs an output of every branch, and of an Else too: else there may be none.")
    return wrong(f"The pipeline cannot be drawn{where}: {type(error).__name__}: {text}.")


@contextlib.contextmanager
def _local_run() -> Iterator[io.StringIO]:
    """Give a local runner of the check's own, and put back what it and the learner had changed."""
    before, plain_print, root = LocalExecutionConfig.instance, builtins.print, logging.getLogger()
    handlers, level, log = root.handlers[:], root.level, io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(log):
        try:
            local.init(local.SubprocessRunner(use_venv=False), pipeline_root=folder)
            yield log
        finally:
            LocalExecutionConfig.instance = before
            # The local runner replaces both, and tasks that run at once may leave them so.
            builtins.print = plain_print
            root.handlers[:], root.level = handlers, level


# --- 7.1: find a step in the IR ----------------------------------------------------------------------------


@dsl.component(base_image="registry.example/desk/python:4.2", install_kfp_package=False)  # type: ignore[untyped-decorator]
def publish(decision: str, table: dsl.Input[dsl.Dataset]) -> None:
    """Stand in the IR; never run."""


@dsl.component(base_image="registry.example/desk/python:4.3", install_kfp_package=False)  # type: ignore[untyped-decorator]
def greet() -> str:
    """Take nothing at all, and hold a second `def`; never run."""

    def name() -> str:
        return "desk"

    return name()


@functools.cache
def _unusual() -> IR:
    """Compile a pipeline in which no name can be guessed: a component used twice, labels that are numbers."""

    def pipeline(month: str, store: str, data: str) -> None:
        raw = with_kubeflow.ingest(month=month, window=0, sample=0, data=data)
        valid = with_kubeflow.validate(raw=raw.output, month=month, window=0)
        features = with_kubeflow.featurize(valid=valid.output).set_memory_limit("600M")
        first = with_kubeflow.train(features=features.output, month=month)
        # The same component: it has another name than this task.
        second = with_kubeflow.train(features=features.output, month="2013-05").set_display_name("once more")
        third = with_kubeflow.train(features=features.output, month="2013-06")
        third.set_memory_limit("3Gi").set_memory_request("1Gi")
        evaluation = with_kubeflow.evaluate(features=features.output, challenger=second.output, month=month)
        decided = with_kubeflow.decide(
            features=features.output, challenger=first.output, evaluation=evaluation.output, store=store
        )
        publish(decision=decided.output, table=features.output).set_cpu_limit("2")
        greet()

    ir = _ir(dsl.pipeline(name="unusual")(pipeline))
    # In a nested pipeline the compiler numbers its labels; here they are numbered all, so that only the
    # references lead on.
    numbers = {
        label: f"exec-{number}" for number, label in enumerate(sorted(ir["deploymentSpec"]["executors"]))
    }
    numbers |= {name: f"comp-{number}" for number, name in enumerate(sorted(ir["components"], reverse=True))}
    renamed: IR = json.loads(json.dumps(ir), object_hook=lambda part: _renamed(part, numbers))
    return renamed


def _renamed(part: IR, numbers: Mapping[str, str]) -> IR:
    return {
        numbers.get(key, key): numbers.get(value, value) if isinstance(value, str) else value
        for key, value in part.items()
    }


def _truth(ir: IR, task: str) -> dict[str, Any]:
    drawn = ir["root"]["dag"]["tasks"][task]
    label = ir["components"][drawn["componentRef"]["name"]]["executorLabel"]
    container = ir["deploymentSpec"]["executors"][label]["container"]
    taken = drawn.get("inputs", {}).get("artifacts", {})
    return {
        "image": container["image"],
        "function": container["args"][-1],
        "artifacts": {name: source["taskOutputArtifact"]["producerTask"] for name, source in taken.items()},
        "memory": container.get("resources", {}).get("resourceMemoryLimit"),
    }


@exercise
def ex_7_1(answer: Callable[[IR, str], Any]) -> Verdict:
    """A function that follows the two references from a task to its container."""
    if not callable(answer):
        return wrong("The answer is a function that takes the IR and the name of a task; write its body.")
    if is_stub(answer):
        return NO_BODY
    for ir in (_ir(with_kubeflow.flight_delay), _unusual()):
        tasks = ir["root"]["dag"]["tasks"]
        for task in sorted(tasks):
            given = copy.deepcopy(ir)
            try:
                found = answer(given, task)
            except KeyError as error:
                return _missing_key(error, ir, task)
            if given != ir:
                return wrong("It changes the IR that it was given. Reading is asked for.")
            if refused := _not_the_truth(found, _truth(ir, task), ir, task):
                return refused
    return right("It finds every task by its two references, also where the labels are mere numbers.")


def _missing_key(error: KeyError, ir: IR, task: str) -> Verdict:
    key = error.args[0]
    if isinstance(key, str) and key.startswith(("comp-", "exec-")):
        return wrong(
            f"There is no {key} here: the name was guessed from the task's. Labels are free; only `componentRef` and "
            "`executorLabel` say which belong together."
        )
    if key in ("resources", "resourceMemoryLimit"):
        return wrong(f"The container of {task} has no {key}: where no limit is set, None is asked for.")
    if key in ("inputs", "artifacts"):
        return wrong(f"The task {task} takes no artifact, so it has no {key}: an empty dict is asked for.")
    if key == task:
        return wrong(
            f"The part that was looked in has no {task}. Tasks stand in ir['root']['dag']['tasks']; components and "
            "executors have names of their own."
        )
    return wrong(f"For the task {task} there is no key {key!r} where it was looked for.")


def _not_the_truth(found: Any, truth: dict[str, Any], ir: IR, task: str) -> Verdict | None:
    if found is None:
        return wrong("The function returns nothing yet: end its body with `return`.")
    if not isinstance(found, Mapping) or set(found) != set(truth):
        return wrong(f"A dict with these keys is asked for: {', '.join(truth)}.")
    if found["image"] != truth["image"]:
        return wrong(
            f"The image of {task} is not {found['image']!r}. Images differ from step to step: take the one of the "
            "container that its component's `executorLabel` names."
        )
    if found["function"] != truth["function"]:
        if str(found["function"]).startswith("--"):
            return wrong("That is the option's name; the function's name stands behind it in `args`.")
        if (
            found["function"] == task
            or found["function"] == ir["root"]["dag"]["tasks"][task]["taskInfo"]["name"]
        ):
            return wrong(
                f"A task's name is not its function's: {task} executes another one. Look into the container's `args`."
            )
        return wrong(
            f"The function of {task} is not {found['function']!r}: look into the container's `args`."
        )
    if found["artifacts"] != truth["artifacts"]:
        drawn = ir["root"]["dag"]["tasks"][task]
        given = found["artifacts"]
        if isinstance(given, Mapping) and set(given) > set(truth["artifacts"]):
            [more, *_] = sorted(set(given) - set(truth["artifacts"]), key=str)
            if more not in drawn.get("inputs", {}).get("parameters", {}):
                return wrong(f"{task} takes no {more}: that belongs to another task, asked about before.")
            return wrong(f"Among the artifacts of {task} is a parameter: the task's `inputs` has two parts.")
        outputs = {
            source["taskOutputArtifact"]["outputArtifactKey"]
            for source in drawn.get("inputs", {}).get("artifacts", {}).values()
        }
        if isinstance(given, Mapping) and set(given) == outputs != set(truth["artifacts"]):
            return wrong(
                f"{task} calls its input {', '.join(truth['artifacts'])}, and the answer has the name which its maker "
                "gives it (`outputArtifactKey`). Two outputs of one name would become one."
            )
        if given in (drawn.get("dependentTasks"), sorted(truth["artifacts"])):
            return wrong("A dict is asked for: to each artifact that is taken, the task that makes it.")
        if isinstance(given, Mapping) and any(isinstance(source, Mapping) for source in given.values()):
            return wrong(
                "To each artifact belongs the name of one task: `producerTask`, two levels further in."
            )
        return wrong(
            f"The artifacts of {task} are not right: to each input that is taken, its `producerTask`."
        )
    if found["memory"] != truth["memory"]:
        if isinstance(found["memory"], float | int):
            return wrong(
                "The limit as it was written is asked for: `resourceMemoryLimit`, not the plain number."
            )
        return wrong(
            f"The memory limit of {task} is not {found['memory']!r}: a limit is no request, and other containers have "
            "limits of their own."
        )
    return None


# --- 7.2: a branch and a loop in the graph -----------------------------------------------------------------

# Month, airports, limit, and whether it warns. The highest share comes first, then last; the mean of the first run
# is not above its limit, and the limit of the last is just what Newark has, which is not above it.
RUNS = (
    ("2013-09", ["LGA", "EWR"], 0.134, True),
    ("2013-10", ["LGA", "EWR"], 0.2, False),
    ("2013-09", ["EWR"], 0.124, False),
)
HIGHEST = ("13.7%", "18.9%", "12.4%")


@exercise
def ex_7_2(answer: Callable[[str, list[str], float], Any]) -> Verdict:
    """A pipeline with a loop whose result decides between two branches."""
    if isinstance(answer, GraphComponent):
        answer = answer.pipeline_func
    if not callable(answer):
        return wrong("The answer is a function that draws the pipeline; write its body.")
    if is_stub(answer):
        return NO_BODY
    try:
        pipeline = dsl.pipeline(name="warn-about-the-worst")(answer)
    except Exception as error:
        return _drawing_error(answer, error)
    ir = _ir(pipeline)
    if "outputDefinitions" not in ir["root"]:
        return wrong("The pipeline returns nothing: return the output of whichever branch ran.")
    functions = [function for *_, function in _tasks(ir)]
    conditions = re.findall(r"'condition': ", str(ir))
    if not conditions:
        return wrong(
            "The compiled pipeline holds no condition: a Python `if` was decided when the graph was drawn, and the "
            "same for every month. Use dsl.If."
        )
    if "warn" not in functions or "calm" not in functions:
        return wrong("Each of warn and calm is drawn, in a branch of its own; one of them is missing.")
    if functions.count("late_share") > 1 or "parameterIterator" not in str(ir):
        return wrong(
            "late_share is not drawn once, in a loop: `airports` is known only when the pipeline runs, and what the "
            "loop counted need not be counted again."
        )
    for (month, airports, limit, warns), highest in zip(RUNS, HIGHEST, strict=True):
        with _local_run() as log:
            try:
                said = str(pipeline(month=month, airports=airports, limit=limit).output)
            except Exception as error:
                return _failed(error, log.getvalue())
        counted = len(_started("late-share", log))
        if counted != len(airports):
            return wrong(
                f"Asked about {len(airports)} airports, it counts {counted}: the airports are an input of the pipeline."
            )
        asked = f"With {' and '.join(airports)} in {month} and a limit of {limit:.3g}"
        if said.startswith("WARN") and highest == f"{limit:.1%}":
            return wrong(f"{asked} it warns: the highest share is the limit itself there, and not above it.")
        if not said.startswith(("WARN", "calm")):
            return wrong(f"{asked} it returns {said!r}, which neither warn nor calm said.")
        if not said.startswith("WARN" if warns else "calm"):
            return wrong(
                f"{asked} it says {said!r}: compare the highest share with the limit, and mind which branch is which."
            )
        if highest not in said:
            return wrong(f"{asked} it says {said!r}: the highest of that month's shares is asked for.")
        spoke = _started("warn|calm", log)
        if len(spoke) != 1:
            return wrong(
                f"{asked} these are started: {', '.join(spoke) or 'neither'}. One alone is to speak, in its branch."
            )
    return right("Both branches are in the graph, and each run takes the one that its numbers call for.")


def _started(names: str, log: io.StringIO) -> list[str]:
    """Return the tasks of these names that a local run started."""
    return re.findall(rf"Executing task \S*?'((?:{names})(?:-\d+)?)'", log.getvalue())


def _failed(error: Exception, log: str) -> Verdict:
    """Say why a local run failed, from the log of its step."""
    lines = [line.strip() for line in log.splitlines() if re.match(r"\s*\w+(Error|Exception)\b", line)]
    symptom = re.sub(r"\x1b\[\d+m", "", str(error))
    return wrong(f"It compiles and does not run: {lines[-1] if lines else symptom}.")


GIB = 2**30

# --- 7.3: settings -----------------------------------------------------------------------------------------


@exercise
def ex_7_3(answer: Callable[[Any, Any, Any], Any]) -> Verdict:
    """Retries, a secret, memory and no cache, each on its own task."""
    if not callable(answer):
        return wrong("The answer is a function that takes three tasks; write its body.")
    if is_stub(answer):
        return NO_BODY

    def pipeline(month: str, store: str, data: str) -> None:
        raw = with_kubeflow.ingest(month=month, window=0, sample=0, data=data)
        valid = with_kubeflow.validate(raw=raw.output, month=month, window=0)
        features = with_kubeflow.featurize(valid=valid.output)
        model = with_kubeflow.train(features=features.output, month=month)
        found = with_kubeflow.evaluate(features=features.output, challenger=model.output, month=month)
        decided = with_kubeflow.decide(
            features=features.output, challenger=model.output, evaluation=found.output, store=store
        )
        answer(raw, model, decided)

    try:
        drawn = dsl.pipeline(name="settings")(pipeline)
    except AttributeError as error:
        return wrong(f"A task has no such setting: {error}.")
    except (TypeError, ValueError) as error:
        return wrong(f"A setting was refused: {str(error).rstrip('.')}.")
    ir, platform = _ir(drawn), _platform(drawn)
    tasks = ir["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    retries = {name: task["retryPolicy"] for name, task in tasks.items() if "retryPolicy" in task}
    memory = {}
    for name in tasks:
        label = ir["components"][tasks[name]["componentRef"]["name"]]["executorLabel"]
        memory[name] = ir["deploymentSpec"]["executors"][label]["container"].get("resources", {})
        container = ir["deploymentSpec"]["executors"][label]["container"]
        if any("TOKEN" in variable["name"] for variable in container.get("env", [])):
            return wrong(
                "The token's value stands in the compiled file, for all who can read it. Name the secret instead: "
                "kubernetes.use_secret_as_env."
            )
    for refused in (_of_retries(retries), _of_memory(memory), _of_secret(platform)):
        if refused:
            return refused
    if "decide" in cached:
        return wrong(
            "decide is still answered from the cache: a month whose inputs are known would not be written to the store."
        )
    if cached != set(STEPS) - {"decide"}:
        return wrong(
            f"The cache is off for {', '.join(sorted(set(STEPS) - cached - {'decide'}))} too: only decide changes the "
            "world, the others would be computed again for nothing."
        )
    return right("The file now holds the settings of each task, and of the secret only its name.")


def _of_retries(retries: dict[str, Any]) -> Verdict | None:
    if not retries:
        return wrong("No task is retried: set_retry on ingest is missing.")
    if set(retries) != {"ingest"}:
        others = ", ".join(sorted(set(retries) - {"ingest"}))
        return wrong(
            f"{others} would be retried: a computation that failed fails again; ingest is the one that reads from "
            "outside."
        )
    policy = retries["ingest"]
    if policy.get("maxRetryCount") != 3:
        return wrong(f"Three retries are asked for; the file says {policy.get('maxRetryCount', 0)}.")
    first, factor, most = (
        float(str(policy.get(name, 0)).removesuffix("s"))
        for name in ("backoffDuration", "backoffFactor", "backoffMaxDuration")
    )
    waits = [min(first * factor**number, most) for number in range(3)]
    if waits == [30, 60, 120]:
        return None
    if first != 30:
        return wrong(
            f"The first retry comes after {first:g} seconds: a service that is down is not back "
            'at once. 30 seconds are written "30s".'
        )
    return wrong(
        f"The pauses would be {waits[0]:g}, {waits[1]:g} and {waits[2]:g} seconds. Each shall be twice as long as the "
        "one before: backoff_factor, and no backoff_max_duration below the last one."
    )


def _of_memory(memory: dict[str, Any]) -> Verdict | None:
    given = memory["train"]
    others = [name for name, resources in memory.items() if name != "train" and resources]
    if others and not given:
        return wrong(f"The memory is set on {others[0]}, not on train.")
    if others:
        return wrong(f"{others[0]} has resources of its own now: only train was asked about.")
    written = [given.get(f"resourceMemory{name}") for name in ("Request", "Limit")]
    request, limit = (float(parse_quantity(each)) if each else None for each in written)
    if (request, limit) == (2 * GIB, GIB / 2):
        return wrong(
            "Request and limit are the wrong way round: 'at least' is what is reserved, the request."
        )
    for name, bytes_, wanted, asked in (
        ("limit", limit, 2 * GIB, "2Gi"),
        ("request", request, GIB / 2, "512Mi"),
    ):
        said = written[name == "limit"]
        if bytes_ is None and name == "request":
            return wrong("train has no memory request: without one, the whole limit is reserved.")
        if bytes_ in (2e9, 512e6):
            return wrong(
                f"{said} is less than {asked}: powers of ten and of two. Write the unit that is asked for."
            )
        if bytes_ != wanted:
            return wrong(f"The memory {name} of train is {said or 'not set'}; {asked} is asked for.")
    return None


def _of_secret(platform: IR) -> Verdict | None:
    used = {
        label: settings["secretAsEnv"] for label, settings in platform.items() if "secretAsEnv" in settings
    }
    if not used:
        if "secretAsVolume" in str(platform):
            return wrong("The secret arrives as a file; an environment variable is asked for.")
        return wrong("The secret is missing: kubernetes.use_secret_as_env on ingest.")
    if set(used) != {"exec-ingest"}:
        return wrong("Only ingest needs the token: who does not need a secret does not get it.")
    found = [
        (secret["secretName"], pair["secretKey"], pair["envVar"])
        for secret in used["exec-ingest"]
        for pair in secret["keyToEnv"]
    ]
    if len(found) > 1:
        return wrong(
            f"ingest gets {' and '.join(f'{key} of {name} as {variable}' for name, key, variable in found)}: it needs "
            "one key of one secret, and a variable has one value."
        )
    [(name, key, variable)] = found
    if name != "weather":
        return wrong(f"The secret is called weather, and the file says {name!r}.")
    if (key, variable) == ("WEATHER_TOKEN", "token"):
        return wrong("Key and variable are the wrong way round: the secret's key comes first.")
    if (key, variable) != ("token", "WEATHER_TOKEN"):
        return wrong(f"The key `token` becomes `WEATHER_TOKEN`; the file says {key!r} becomes {variable!r}.")
    return None


# --- 7.4 and 7.5: a step of one's own, and where it stands -------------------------------------------------

LIST = ["carrier", "flight", "time_hour", "probability"]
GIVEN = {"month": "2013-02", "window": 0, "sample": 2000, "data": str(DATA)}


@dataclass(frozen=True)
class Drawn:
    """A task in the IR: the tasks that hold it, the graphs from the outermost to its own, and what carries it out."""

    name: str
    task: IR
    parents: tuple[IR, ...]
    dags: tuple[IR, ...]
    label: str
    function: str


def _walk(ir: IR, *dags: IR, parents: tuple[IR, ...] = ()) -> Iterator[Drawn]:
    for name, task in dags[-1]["tasks"].items():
        part = ir["components"][task["componentRef"]["name"]]
        if "dag" in part:
            yield from _walk(ir, *dags, part["dag"], parents=(*parents, task))
            continue
        label = part["executorLabel"]
        args = ir["deploymentSpec"]["executors"][label].get("container", {}).get("args", [])
        yield Drawn(name, task, parents, dags, label, args[-1] if args else "")


def _tasks(ir: IR) -> list[tuple[str, str]]:
    """Return name and function of every task, however deep."""
    return [(drawn.name, drawn.function) for drawn in _walk(ir, ir["root"]["dag"])]


def _origin(ir: IR, drawn: Drawn, kind: str, name: str) -> IR:
    """Follow an input of a task to what hands it in first: a step, however deep, a constant, or the pipeline."""
    own = "componentInputArtifact" if kind == "artifacts" else "componentInputParameter"
    source, level = drawn.task["inputs"][kind][name], len(drawn.parents)
    while own in source and level:
        level -= 1
        source = drawn.parents[level]["inputs"][kind][source[own]]
    dag = drawn.dags[level]
    for key, made in source.items():
        while key.startswith("taskOutput"):
            part = ir["components"][dag["tasks"][made["producerTask"]]["componentRef"]["name"]]
            if "dag" not in part:
                break
            # A pipeline inside the pipeline: go on at the one task of it that makes this output.
            dag = part["dag"]
            given = dag["outputs"][kind][made[f"output{key.removeprefix('taskOutput')}Key"]]
            makers = given.get("artifactSelectors") or [given.get("valueFromParameter", {})]
            if len(makers) != 1 or "producerSubtask" not in makers[0]:
                break  # whichever branch ran
            made = {**makers[0], "producerTask": makers[0]["producerSubtask"]}
        source = {key: made}
    return dict(source)


def _conditions(step: Drawn) -> list[Drawn]:
    """Return the tasks that hold a step under a condition."""
    return [
        Drawn("", parent, step.parents[:number], step.dags[: number + 1], "", "")
        for number, parent in enumerate(step.parents)
        if "condition" in parent.get("triggerPolicy", {})
    ]


@exercise
def ex_7_4(answer: Any) -> Verdict:
    """A step that takes two artifacts and makes one, run from its text alone."""
    if isinstance(answer, GraphComponent):
        return wrong("This is a pipeline. The step alone is asked for; where it stands is the next exercise.")
    if not isinstance(answer, PythonComponent):
        return wrong(
            "A component is asked for: a function under @component, itself, neither called nor compiled."
        )
    if refused := _inputs(answer):
        return refused
    drawn: dict[str, str] = {}

    def pipeline(month: str, data: str, threshold: float) -> None:
        raw = with_kubeflow.ingest(month=month, window=0, sample=0, data=data)
        valid = with_kubeflow.validate(raw=raw.output, month=month, window=0)
        features = with_kubeflow.featurize(valid=valid.output)
        challenger = with_kubeflow.train(features=features.output, month=month)
        given: dict[str, Any] = {"month": month, "threshold": threshold}
        for name, each in answer.component_spec.inputs.items():
            if _is_artifact(each):
                given[name] = (challenger if each.type.startswith("system.Model") else features).output
        drawn["name"] = answer(**given).name

    try:
        ir = _ir(dsl.pipeline(name="the-step")(pipeline))
    except Exception as error:
        return _drawing_error(pipeline, error)
    [step] = [each for each in _walk(ir, ir["root"]["dag"]) if each.name == drawn["name"]]
    if refused := _wiring(ir, step) or _run_of(ir, step):
        return refused
    return right("It was run from the text in the file, in an empty folder: all it needs is declared.")


def _is_artifact(declared: Any) -> bool:
    return str(declared.type).startswith("system.")


def _inputs(step: PythonComponent) -> Verdict | None:
    """Say whether a step declares inputs that somebody can give it."""
    inputs = step.component_spec.inputs or {}
    artifacts = [name for name, each in inputs.items() if _is_artifact(each)]
    texts = [name for name, each in inputs.items() if each.type == "String" and name != "month"]
    if len(artifacts) < 2 and texts:
        return wrong(
            f"The step takes texts ({', '.join(sorted(texts))}) where it needs files: a path means nothing in the next "
            "container. Take the features as Input[Dataset] and the challenger as Input[Model]."
        )
    for name in ("month", "threshold"):
        if name not in inputs:
            return wrong(f"The step has no input `{name}`: next month it will be another one.")
    for name, each in inputs.items():
        if name not in ("month", "threshold", *artifacts) and not each.optional:
            return wrong(
                f"The step asks for `{name}`, which nobody gives it: two artifacts, `month` and `threshold` are all."
            )
    return None


@exercise
def ex_7_5(answer: Mapping[str, Any]) -> Verdict:
    """A step in the book's pipeline, wired by artifacts, under a condition, and found in the IR."""
    wanted = ("pipeline", "executor", "condition")
    if not isinstance(answer, Mapping) or set(answer) != set(wanted):
        return wrong(f"The answer is a dict with these keys: {', '.join(wanted)}.")
    pipeline = answer["pipeline"]
    if not isinstance(pipeline, GraphComponent):
        return wrong(
            "`pipeline` is a function under @dsl.pipeline: itself, neither called, nor compiled, nor its path."
        )
    ir = _ir(pipeline)
    all_drawn = list(_walk(ir, ir["root"]["dag"]))
    functions = [drawn.function for drawn in all_drawn]
    missing = [step for step in STEPS if functions.count(step) != 1]
    if missing:
        return wrong(
            f"The step {missing[0]} is drawn {functions.count(missing[0])} times; all six are needed, once each."
        )
    own = [drawn for drawn in all_drawn if drawn.function not in STEPS]
    if not own:
        return wrong("These are the six steps of the book; yours is missing.")
    if len(own) > 1:
        return wrong(
            f"One step more is asked for; {len(own)} are drawn ({', '.join(each.name for each in own)})."
        )
    [step] = own
    for refused in (_six_steps(ir, all_drawn), _wiring(ir, step), _condition(ir, step)):
        if refused:
            return refused
    if answer["executor"] != step.label:
        return wrong(
            f"Your step is wired, but its executor is not {answer['executor']!r}: follow the two references."
        )
    [condition] = [holder.task["triggerPolicy"]["condition"] for holder in _conditions(step)]
    if " ".join(str(answer["condition"]).split()).strip("'\"") != " ".join(condition.split()).strip("'\""):
        return wrong(
            "Your step is wired and its executor right; the condition is not what the file says. It stands in `root`, "
            "in the `triggerPolicy` of the task that holds your step."
        )
    if refused := _run_of(ir, step):
        return refused
    return right("Your step was run from the text in the file, in an empty folder: all it needs is declared.")


def _sources(ir: IR, drawn: Drawn, functions: Mapping[str, str]) -> dict[str, str]:
    """Return what each input of a task is: an input of the pipeline, a step's output, or a value written down."""
    found = {}
    for kind, names in drawn.task.get("inputs", {}).items():
        for name in names:
            source = _origin(ir, drawn, kind, name)
            made = source.get("taskOutputArtifact") or source.get("taskOutputParameter") or {}
            asked = source.get("componentInputParameter") or source.get("componentInputArtifact")
            if made:
                found[name] = f"the output of {functions.get(made['producerTask'], made['producerTask'])}"
            elif asked:
                found[name] = f"the pipeline's input {asked.removeprefix('pipelinechannel--')}"
            else:
                found[name] = repr(source.get("runtimeValue", {}).get("constant"))
    return found


def _six_steps(ir: IR, all_drawn: list[Drawn]) -> Verdict | None:
    """Say whether the six steps are wired as in the book, and the pipeline asks for what they need."""
    inputs = ir["root"].get("inputDefinitions", {}).get("parameters", {})
    lacking = sorted({"month", "store", "data", "threshold", "window", "sample"} - set(inputs))
    if lacking:
        return wrong(f"The pipeline has no input {lacking[0]}, so nobody can choose it for a run.")
    for name in ("window", "sample"):
        if inputs[name].get("defaultValue") != 0:
            return wrong(
                f"The pipeline's input {name} has no default of 0: who leaves it out wants all of it."
            )
    book = _ir(with_kubeflow.flight_delay)
    wanted = {each.function: _sources(book, each, {}) for each in _walk(book, book["root"]["dag"])}
    functions = {each.name: each.function for each in all_drawn}
    for each in all_drawn:
        found = _sources(ir, each, functions)
        for name, source in wanted.get(each.function, {}).items():
            if found.get(name) != source:
                return wrong(
                    f"The step {each.function} gets {found.get(name, 'nothing')} as its {name}; in the book's pipeline "
                    f"it gets {source}."
                )
        if each.function == "decide" and each.task["cachingOptions"].get("enableCache"):
            return wrong(
                "decide may be answered from the cache: asked again with the same inputs, it would write nothing into "
                "the store. In the book's pipeline it always runs."
            )
    return None


def _wiring(ir: IR, step: Drawn) -> Verdict | None:
    """Say what is wrong with the inputs and outputs that the new step declares."""
    part = ir["components"][step.task["componentRef"]["name"]]
    inputs, outputs = part.get("inputDefinitions", {}), part.get("outputDefinitions", {})
    kinds = [each["artifactType"]["schemaTitle"] for each in inputs.get("artifacts", {}).values()]
    if sorted(kinds) != ["system.Dataset", "system.Model"]:
        texts = [
            name for name, each in inputs.get("parameters", {}).items() if each["parameterType"] == "STRING"
        ]
        if len(kinds) < 2 and len(texts) > 1:
            return wrong(
                f"`{step.name}` takes texts ({', '.join(sorted(texts))}) where it needs files: a path means nothing in "
                "the next container. Take the features as Input[Dataset] and the challenger as Input[Model]."
            )
        return wrong(
            f"`{step.name}` needs two artifacts, a Dataset and a Model, and declares {', '.join(kinds) or 'none'}."
        )
    for name, each in inputs["artifacts"].items():
        made = _origin(ir, step, "artifacts", name).get("taskOutputArtifact", {}).get("producerTask")
        producer = "featurize" if each["artifactType"]["schemaTitle"] == "system.Dataset" else "train"
        if made != producer:
            return wrong(f"Its input {name} comes from {made}, not from {producer}.")
    made_kinds = [each["artifactType"]["schemaTitle"] for each in outputs.get("artifacts", {}).values()]
    if made_kinds != ["system.Dataset"]:
        return wrong(
            f"`{step.name}` declares {', '.join(made_kinds) or 'no artifact'} as its output. A file that nobody "
            "declared stays in the container and goes with it: Output[Dataset]."
        )
    for name in ("month", "threshold"):
        passed = step.task.get("inputs", {}).get("parameters", {})
        given = [_origin(ir, step, "parameters", each) for each in passed]
        if not any(
            source.get("componentInputParameter") in (name, f"pipelinechannel--{name}") for source in given
        ):
            return wrong(
                f"The pipeline's input {name} does not reach your step: next month it will be another one."
            )
    image = ir["deploymentSpec"]["executors"][step.label]["container"]["image"]
    if image != with_kubeflow.IMAGE:
        return wrong(f"Your step runs in {image}, where the book's package is not: give it the book's image.")
    if "pip install" in str(ir["deploymentSpec"]["executors"][step.label]["container"]["command"]):
        return wrong(
            "Your step begins with a pip install: install_kfp_package=False, and no packages_to_install."
        )
    return None


def _condition(ir: IR, step: Drawn) -> Verdict | None:
    """Say what is wrong with the condition under which the new step runs."""
    holders = _conditions(step)
    if not holders:
        return wrong(
            "The compiled pipeline has no condition: your step runs in every month. A Python `if` on an output is "
            "decided when the graph is drawn, and an object is always true."
        )
    if len(holders) > 1:
        return wrong("Your step stands under two conditions: a month may be promoted and get no list.")
    [holder] = holders
    condition = holder.task["triggerPolicy"]["condition"]
    asked = [
        _origin(ir, holder, "parameters", name)
        for name in re.findall(r"parameter_values\['([^']+)'\]", condition)
    ]
    if {source.get("taskOutputParameter", {}).get("producerTask") for source in asked} != {"decide"}:
        return wrong(f"The condition asks something else than what decide said: {condition}.")
    if "== 'promote'" not in condition or condition.startswith("!("):
        return wrong(
            f'The condition is {condition}, so the list is made in the wrong months: "promote" is asked for.'
        )
    return None


def _run_of(ir: IR, step: Drawn) -> Verdict | None:
    """Run the new step as a cluster would, from the text in the IR, and judge the file that it makes."""
    part = ir["components"][step.task["componentRef"]["name"]]
    with tempfile.TemporaryDirectory() as temporary:
        store, files, container = (Path(temporary, name) for name in ("made", "elsewhere", "container"))
        for folder in (store, files, container):
            folder.mkdir()
        features, model, threshold = _artifacts_in(files)
        given = {**GIVEN, "threshold": threshold}
        inputs: IR = {"artifacts": {}, "parameterValues": {}}
        for name, each in part["inputDefinitions"]["artifacts"].items():
            kind = each["artifactType"]
            file = files / ("features" if kind["schemaTitle"] == "system.Dataset" else "challenger")
            inputs["artifacts"][name] = {
                "artifacts": [{"name": name, "type": kind, "uri": str(file), "metadata": {}}]
            }
        for name in step.task["inputs"]["parameters"]:  # where one is not passed, its default counts
            source = _origin(ir, step, "parameters", name)
            constant = source.get("runtimeValue", {}).get("constant")
            asked = str(source.get("componentInputParameter", "")).removeprefix("pipelinechannel--")
            inputs["parameterValues"][name] = given.get(asked, "promote") if constant is None else constant
        [(name, each)] = part["outputDefinitions"]["artifacts"].items()
        made = store / name
        outputs: IR = {
            "artifacts": {
                name: {
                    "artifacts": [
                        {"name": name, "type": each["artifactType"], "uri": str(made), "metadata": {}}
                    ]
                }
            },
            "parameters": {
                name: {"outputFile": str(store / f"parameter-{name}")}
                for name in part["outputDefinitions"].get("parameters", {})
            },
            "outputFile": str(store / "executor_output.json"),
        }
        command = ir["deploymentSpec"]["executors"][step.label]["container"]["command"]
        text = container.parent / "ephemeral_component.py"
        text.write_text(command[-1])
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "kfp.dsl.executor_main", "--component_module_path", str(text)),
                *("--function_to_execute", step.function),
                *("--executor_input", json.dumps({"inputs": inputs, "outputs": outputs})),
            ],
            cwd=container,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if ran.returncode:
            return _step_failed(ran.stdout + ran.stderr)
        left = sorted(path.name for path in container.iterdir())
        if not made.exists():
            where = f"; it left {left[0]} in the container" if left else ""
            return wrong(
                f"Your step ran, and at the path of its output there is no file{where}. Write to `<output>.path`."
            )
        if left:
            return wrong(
                f"Your step left {left[0]} in its container, where nobody will find it: nothing declares it."
            )
        return _not_the_list(made, features, model, threshold)


def _artifacts_in(folder: Path) -> tuple[pd.DataFrame, Any, float]:
    """Copy the prepared artifacts to a folder that the learner's step has never seen."""
    features, model, threshold = _prepared()
    features.to_parquet(folder / "features")
    (folder / "challenger").write_bytes(dump_model(model))
    return features, model, threshold


@functools.cache
def _prepared() -> tuple[pd.DataFrame, Any, float]:
    """Return features, a challenger, and as threshold a probability that a flight has: "at least" includes it."""
    month, sample = str(GIVEN["month"]), 2000
    # Every other flight, as nobody finds them who makes the features anew.
    features = featurize(validate(ingest(month, None, sample), month)).iloc[::2]
    model = train(features, month)
    probabilities = predict(model, month_rows(features, month))
    return features, model, float(probabilities[probabilities > 0.31].min())


def _step_failed(log: str) -> Verdict:
    lines = [
        line.strip() for line in log.splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception)\b", line)
    ]
    said = lines[-1] if lines else "no message"
    if said.startswith("NameError"):
        return wrong(
            f"It compiles and does not run: {said}. Only the function's text is sent; names of other cells stay here."
        )
    if "FileNotFoundError" in said:
        return wrong(
            "Run where a cluster would run it, your step does not find a file: only its declared inputs are there, "
            "at their own `.path`."
        )
    return wrong(f"Run from the text in the file, your step fails: {said}.")


def _not_the_list(made: Path, features: pd.DataFrame, model: Any, threshold: float) -> Verdict | None:
    try:
        rows = list(csv.DictReader(io.StringIO(made.read_text())))
    except (UnicodeDecodeError, OSError, csv.Error):
        return wrong("The file that your step made is no CSV.")
    flights = month_rows(features, str(GIVEN["month"]))
    chosen = flights[predict(model, flights) >= threshold]
    if not rows or set(rows[0]) - set(LIST) or set(LIST) - set(rows[0]):
        found = ", ".join(str(name) for name in (rows[0] if rows else [])) or "none"
        return wrong(f"The file's columns are {found}; {', '.join(LIST)} are asked for, and no index.")
    if len(rows) != len(chosen):
        return wrong(
            f"The list has {len(rows)} flights; {len(chosen)} of the month, among the features it was given, "
            "have at least the probability asked for."
        )
    listed = sorted((row["carrier"], int(row["flight"])) for row in rows)
    if listed != sorted(zip(chosen["carrier"], (int(number) for number in chosen["flight"]), strict=True)):
        return wrong(
            "The list has the right number of flights, and they are not the ones above the threshold."
        )
    return None
