"""The compiled pipeline of Kubeflow, and the errors that chapter 07 shows."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, components, dsl, kubernetes
from kfp.dsl import Dataset, Input, Model, Output
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from companion.environment import repository
from flightdelay.pipelines import with_kubeflow

IMAGE = "pipelines-for-humans/python:0.1.0"
component = dsl.component(base_image=IMAGE, install_kfp_package=False)


def compiled(pipeline: Any, folder: Path) -> list[dict[str, Any]]:
    """Compile a pipeline and return the documents of the file."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return list(yaml.safe_load_all(path.read_text()))


# --- the golden IR: what matters, not the whole text ---------------------------------------------------------

# Task: what it waits for, its artifacts (input: task that makes it), its parameters (input: the pipeline's own).
GOLDEN_TASKS: dict[str, tuple[list[str], dict[str, str], dict[str, str]]] = {
    "ingest": ([], {}, {name: name for name in ("data", "month", "sample", "window")}),
    "validate": (["ingest"], {"raw": "ingest"}, {"month": "month", "window": "window"}),
    "featurize": (["validate"], {"valid": "validate"}, {}),
    "train": (["featurize"], {"features": "featurize"}, {"month": "month"}),
    "evaluate": (
        ["featurize", "train"],
        {"features": "featurize", "challenger": "train"},
        {"month": "month"},
    ),
    "decide": (
        ["evaluate", "featurize", "train"],
        {"features": "featurize", "challenger": "train", "evaluation": "evaluate"},
        {"store": "store"},
    ),
}
# Component: the types of its input artifacts, of its parameters, of its outputs.
GOLDEN_TYPES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "ingest": (
        {},
        {"data": "STRING", "month": "STRING", "sample": "NUMBER_INTEGER", "window": "NUMBER_INTEGER"},
        {"raw": "system.Dataset"},
    ),
    "validate": (
        {"raw": "system.Dataset"},
        {"month": "STRING", "window": "NUMBER_INTEGER"},
        {"valid": "system.Dataset"},
    ),
    "featurize": ({"valid": "system.Dataset"}, {}, {"features": "system.Dataset"}),
    "train": ({"features": "system.Dataset"}, {"month": "STRING"}, {"challenger": "system.Model"}),
    "evaluate": (
        {"features": "system.Dataset", "challenger": "system.Model"},
        {"month": "STRING"},
        {"evaluation": "system.Metrics"},
    ),
    "decide": (
        {"features": "system.Dataset", "challenger": "system.Model", "evaluation": "system.Metrics"},
        {"store": "STRING"},
        {"Output": "STRING"},
    ),
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return compiled(with_kubeflow.flight_delay, tmp_path_factory.mktemp("ir"))


@pytest.fixture(scope="module")
def book(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return documents[0]


def container_of(ir: dict[str, Any], task: str) -> dict[str, Any]:
    part = ir["components"][ir["root"]["dag"]["tasks"][task]["componentRef"]["name"]]
    container: dict[str, Any] = ir["deploymentSpec"]["executors"][part["executorLabel"]]["container"]
    return container


def test_the_six_tasks_and_their_wires(book: dict[str, Any]) -> None:
    tasks = book["root"]["dag"]["tasks"]
    found = {}
    for name, task in tasks.items():
        inputs = task.get("inputs", {})
        found[name] = (
            task.get("dependentTasks", []),
            {
                taken: source["taskOutputArtifact"]["producerTask"]
                for taken, source in inputs.get("artifacts", {}).items()
            },
            {
                taken: source["componentInputParameter"]
                for taken, source in inputs.get("parameters", {}).items()
            },
        )
    assert found == GOLDEN_TASKS


def test_the_types_of_inputs_and_outputs(book: dict[str, Any]) -> None:
    found = {}
    for name, task in book["root"]["dag"]["tasks"].items():
        part = book["components"][task["componentRef"]["name"]]
        inputs, outputs = part["inputDefinitions"], part["outputDefinitions"]
        made = {
            key: each["artifactType"]["schemaTitle"] for key, each in outputs.get("artifacts", {}).items()
        }
        made |= {key: each["parameterType"] for key, each in outputs.get("parameters", {}).items()}
        found[name] = (
            {key: each["artifactType"]["schemaTitle"] for key, each in inputs.get("artifacts", {}).items()},
            {key: each["parameterType"] for key, each in inputs.get("parameters", {}).items()},
            made,
        )
    assert found == GOLDEN_TYPES


@pytest.mark.parametrize("step", GOLDEN_TASKS)
def test_image_and_command_of_each_step(step: str, book: dict[str, Any]) -> None:
    container = container_of(book, step)
    assert container["image"] == IMAGE
    assert ":latest" not in container["image"]
    assert container["args"] == ["--executor_input", "{{$}}", "--function_to_execute", step]
    shell, option, script, text = container["command"]
    assert (shell, option) == ("sh", "-ec")
    assert "kfp.dsl.executor_main" in script
    assert "pip install" not in script, "a step would install packages before it starts"
    assert f"def {step}(" in text
    compile(text, step, "exec")
    written = {key: value for key, value in container["resources"].items() if key.startswith("resource")}
    assert written == {
        "resourceMemoryRequest": "512Mi",
        "resourceMemoryLimit": "1Gi",
        "resourceCpuRequest": "100m",
    }
    assert "env" not in container
    assert book["root"]["dag"]["tasks"][step]["cachingOptions"] == (
        {} if step == "decide" else {"enableCache": True}
    )


def test_the_store_is_on_a_claim_that_only_decide_mounts(documents: list[dict[str, Any]]) -> None:
    ir, platform = documents
    parsed = json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    [(label, found)] = parsed.platforms["kubernetes"].deployment_spec.executors.items()
    assert label == ir["components"]["comp-decide"]["executorLabel"]
    settings = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
    [mount] = json_format.ParseDict(json_format.MessageToDict(found), settings).pvc_mount
    assert mount.constant == with_kubeflow.STORE_CLAIM == "flight-delay-store"
    assert mount.mount_path == ir["root"]["inputDefinitions"]["parameters"]["store"]["defaultValue"]


def test_the_image_can_be_named_by_the_environment() -> None:
    code = "from flightdelay.pipelines import with_kubeflow as w; "
    code += "print(w.IMAGE, w.train.component_spec.implementation.container.image)"
    for name in ("", "pipelines-for-humans/python:0.1.0-3f2a91c04be7"):
        environment = {**os.environ, "FLIGHTDELAY_IMAGE": name} if name else dict(os.environ)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == [name or IMAGE] * 2, done.stderr


def test_the_pipelines_own_inputs(book: dict[str, Any]) -> None:
    found = {
        name: (each["parameterType"], each.get("isOptional", False), each.get("defaultValue"))
        for name, each in book["root"]["inputDefinitions"]["parameters"].items()
    }
    assert found == {
        "month": ("STRING", False, None),
        "data": ("STRING", True, "/app/data"),
        "store": ("STRING", True, "/store"),
        "sample": ("NUMBER_INTEGER", True, 0),
        "window": ("NUMBER_INTEGER", True, 0),
    }
    assert book["pipelineInfo"]["name"] == "flight-delay"


def test_the_ir_keeps_kfps_schema(book: dict[str, Any]) -> None:
    parsed = json_format.ParseDict(book, pipeline_spec_pb2.PipelineSpec())
    assert set(parsed.root.dag.tasks) == set(GOLDEN_TASKS)
    broken = {**book, "root": {**book["root"], "tasks": {}}}
    with pytest.raises(json_format.ParseError, match='no field named "tasks"'):
        json_format.ParseDict(broken, pipeline_spec_pb2.PipelineSpec())


def test_settings_for_the_cluster_keep_the_schema_of_both_documents(tmp_path: Path) -> None:
    @dsl.pipeline(name="settings")
    def settings(month: str, data: str) -> None:
        task = with_kubeflow.ingest(month=month, window=0, sample=0, data=data)
        task.set_memory_request("256Mi").set_memory_limit("1Gi").set_cpu_limit("1")
        task.set_retry(3, backoff_duration="30s", backoff_factor=2).set_caching_options(False)
        kubernetes.use_secret_as_env(task, secret_name="warehouse", secret_key_to_env={"password": "DB"})
        kubernetes.add_node_selector(task, "disk", "ssd")
        kubernetes.set_image_pull_policy(task, "IfNotPresent")

    ir, platform = compiled(settings, tmp_path)
    json_format.ParseDict(ir, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    resources = container_of(ir, "ingest")["resources"]
    assert resources["resourceMemoryRequest"] == "256Mi"
    assert resources["resourceMemoryLimit"] == "1Gi"
    assert resources["resourceCpuLimit"] == "1"
    task = ir["root"]["dag"]["tasks"]["ingest"]
    assert task["cachingOptions"] == {}
    assert task["retryPolicy"]["maxRetryCount"] == 3
    [(label, found)] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].items()
    assert label == ir["components"][task["componentRef"]["name"]]["executorLabel"]
    kept = json_format.ParseDict(found, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    assert kept.secret_as_env[0].secret_name == "warehouse"
    assert kept.node_selector.labels == {"disk": "ssd"}
    assert kept.image_pull_policy == "IfNotPresent"


def test_the_compiled_file_can_be_loaded_again(book: dict[str, Any]) -> None:
    loaded = components.load_component_from_text(yaml.safe_dump(book))
    assert set(loaded.component_spec.inputs) == {"data", "month", "sample", "store", "window"}


# --- every wrong wiring that the chapter teaches -------------------------------------------------------------


@component
def late_share(month: str, airport: str) -> float:
    return 0.1


@component
def load_month(month: str, flights: Output[Dataset]) -> None: ...


@component
def share_of(flights: Input[Dataset], airport: str) -> float:
    return 0.1


@component
def show(text: str) -> None: ...


@component
def judge_model(model: Input[Model]) -> None: ...


@component
def warn(share: float) -> str:
    return ""


@component
def calm(share: float) -> str:
    return ""


@component
def two_outputs(month: str, flights: Output[Dataset]) -> int:
    return 1


def path_as_artifact() -> None:
    share_of(flights="data/flights/2013-09.parquet", airport="EWR")


def artifact_as_parameter(month: str) -> None:
    show(text=load_month(month=month).output)


def dataset_as_model(month: str) -> None:
    judge_model(model=load_month(month=month).output)


def python_for(months: list) -> None:  # type: ignore[type-arg]
    for month in months:
        late_share(month=month, airport="EWR")


def python_sum(month: str) -> None:
    warn(share=late_share(month=month, airport="EWR").output + 0.01)


def python_round(month: str) -> None:
    warn(share=round(late_share(month=month, airport="EWR").output, 2))


def without_collected(month: str) -> None:
    loaded = load_month(month=month)
    with dsl.ParallelFor(["EWR", "JFK"]) as airport:
        share = share_of(flights=loaded.output, airport=airport)
    warn(share=share.output)


def branch_from_outside(month: str) -> None:
    share = late_share(month=month, airport="EWR")
    with dsl.If(share.output > 0.13):
        warned = warn(share=share.output)
    show(text=warned.output)


# These are in the chapter's README.
def by_position(month: str) -> None:
    late_share(month, "EWR")


def the_task_itself(month: str) -> None:
    share_of(flights=load_month(month=month), airport="EWR")


def output_of_two(month: str) -> None:
    share_of(flights=two_outputs(month=month).output, airport="EWR")


def two_pythons_and(month: str) -> None:
    share = late_share(month=month, airport="EWR")
    with dsl.If(share.output > 0.1 and share.output < 0.2):
        show(text="between")


WRONG_WIRINGS: dict[Callable[..., None], tuple[str, str]] = {
    path_as_artifact: (
        "InconsistentTypeException",
        "Argument type 'STRING' is incompatible with the input type",
    ),
    artifact_as_parameter: ("InconsistentTypeException", "is incompatible with the input type 'STRING'"),
    dataset_as_model: ("InconsistentTypeException", "with the input type 'system.Model@0.0.1'"),
    python_for: ("TypeError", "'PipelineParameterChannel' object is not iterable"),
    python_sum: ("TypeError", "unsupported operand type(s) for +: 'PipelineParameterChannel' and 'float'"),
    python_round: ("TypeError", "type PipelineParameterChannel doesn't define __round__ method"),
    without_collected: ("InvalidTopologyException", "fanned-in to a list using dsl.Collected"),
    branch_from_outside: ("InvalidTopologyException", "within an uncommon dsl.If context"),
    by_position: ("TypeError", "Components must be instantiated using keyword arguments"),
    the_task_itself: ("ValueError", "PipelineTask object"),
    output_of_two: ("AttributeError", "The task has multiple outputs"),
}
SHOWN_IN_THE_NOTEBOOK = [
    path_as_artifact,
    artifact_as_parameter,
    dataset_as_model,
    python_for,
    python_sum,
    python_round,
    without_collected,
    branch_from_outside,
]


@pytest.mark.parametrize("wiring", WRONG_WIRINGS, ids=lambda wiring: wiring.__name__)
def test_a_wrong_wiring_gives_its_error(wiring: Callable[..., None]) -> None:
    kind, text = WRONG_WIRINGS[wiring]
    with pytest.raises(Exception, match=re.escape(text)) as caught:
        dsl.pipeline(name="wrong")(wiring)
    assert type(caught.value).__name__ == kind


@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
@pytest.mark.parametrize("wiring", SHOWN_IN_THE_NOTEBOOK, ids=lambda wiring: wiring.__name__)
def test_the_lesson_shows_the_error_of_the_installed_kfp(wiring: Callable[..., None], folder: str) -> None:
    try:
        dsl.pipeline(name="wrong")(wiring)
    except Exception as error:
        expected = f"{wiring.__name__}: {type(error).__name__}\n  {error}\n"
    notebooks = [nbformat.read(path, as_version=4) for path in (repository() / folder).glob("07-*.ipynb")]
    shown = "".join(
        str(output.get("text", ""))
        for notebook in notebooks
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert expected in shown


def functions(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Return the signature and the lines of each function of a file, without its docstring."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            lines = node.body[1:] if ast.get_docstring(node) else node.body
            found[node.name] = (ast.unparse(node.args), [ast.unparse(line) for line in lines])
    return found


@pytest.mark.parametrize(
    ("lesson", "name", "module", "same"),
    [
        ("1-from-function-to-file.py", "late_share", "built.py", "late_share"),
        ("2-artifacts-and-branches.py", "load_month", "built.py", "load_month"),
        ("2-artifacts-and-branches.py", "share_of", "built.py", "share_of"),
        ("4-a-step-of-your-own.py", "answer", "flight_list.py", "list_flights"),
    ],
)
def test_what_a_later_notebook_loads_is_what_the_reader_saw_being_built(
    lesson: str, name: str, module: str, same: str
) -> None:
    folder = repository() / "chapters" / "07-kubeflow-pipelines"
    assert functions(folder / lesson)[name] == functions(folder / module)[same]


def test_pythons_if_compiles_and_draws_one_branch(tmp_path: Path) -> None:
    @dsl.pipeline(name="python-if")
    def python_if(month: str) -> None:
        share = late_share(month=month, airport="EWR")
        if share.output > 0.13:
            warn(share=share.output)
        else:
            calm(share=share.output)

    [ir] = compiled(python_if, tmp_path)
    assert set(ir["root"]["dag"]["tasks"]) == {"late-share", "warn"}


def test_pythons_and_keeps_only_the_second_condition(tmp_path: Path) -> None:
    [ir] = compiled(dsl.pipeline(name="between")(two_pythons_and), tmp_path)
    condition = ir["root"]["dag"]["tasks"]["condition-1"]["triggerPolicy"]["condition"]
    assert "< 0.2" in condition
    assert "0.1" not in condition


# --- traps of the local runner, each in a process of its own ------------------------------------------------

TRAPS = """
import builtins, contextlib, io, sys, typing, warnings
warnings.simplefilter("ignore")
from kfp import dsl, local
component = dsl.component(base_image="python:0.1.0", install_kfp_package=False)
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])

@component
def dotted_list(numbers: typing.List[int]) -> int:
    return sum(numbers)

@component
def kinds(numbers: list, one: int) -> str:
    return f"{type(numbers[0]).__name__} {type(one).__name__}"

@component
def whole(number: int) -> int:
    return number

def said(run):
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        try:
            result = run().output
        except RuntimeError:
            result = None
    return result, log.getvalue()

_, log = said(lambda: dotted_list(numbers=[1, 2]))
print("dotted:", next(line.strip() for line in log.splitlines() if "Error:" in line))
print("kinds:", said(lambda: kinds(numbers=[1, 2], one=1))[0])
"""


def test_traps_of_the_local_runner(tmp_path: Path) -> None:
    script = tmp_path / "traps.py"
    script.write_text(TRAPS)
    ran = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "root")], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "dotted: NameError: name 'typing' is not defined",
        "kinds: float int",
    ]
