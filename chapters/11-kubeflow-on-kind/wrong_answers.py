"""Plausible wrong answers to the exercises of chapter 11, made of what the API and kubectl show.

The runs and Pods are those of the stand-in for Kubeflow (`kfp_server`): September, September again, October.
"""

import json
import re

from google.protobuf import json_format
from kfp_server import KubeflowServer
from kfp_server_api import V2beta1Run

from flightdelay.pipelines import with_kubeflow

SPEC = {
    "pipeline_spec": json_format.MessageToDict(with_kubeflow.flight_delay.pipeline_spec),
    "platform_spec": json_format.MessageToDict(with_kubeflow.flight_delay.platform_spec),
}


def run(server, name, **parameters):
    body = {"display_name": name, "pipeline_spec": SPEC, "runtime_config": {"parameters": parameters}}
    status, text = server.answer("POST", "/apis/v2beta1/runs", "application/json", json.dumps(body).encode())
    assert status == 200, text
    run_id = json.loads(text)["run_id"]
    if name != "started":
        server.answer("GET", f"/apis/v2beta1/runs/{run_id}", "", b"")
    return dict(server.state.runs[run_id])


def pod_of(server, made, node):
    for pod in server.pods(made["run_id"]):
        named = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
        if re.sub(r"\(\d+\)", "", named).endswith(node):
            return pod
    raise LookupError(node)


SERVER = KubeflowServer()
FIRST = run(SERVER, "september", month="2013-09", sample=5_000)
SECOND = run(SERVER, "september-again", month="2013-09", sample=5_000)
OCTOBER = run(SERVER, "october", month="2013-10", sample=5_000)
STARTED = run(SERVER, "started", month="2013-10", sample=5_000)
DECIDE = pod_of(SERVER, SECOND, "root.decide.executor")
SERVER.outcome = lambda run_id, task: "FAILED"
FAILED = run(SERVER, "failed", month="2013-10", sample=5_000, window=2)


# --- 11.1: a run of October ---


class Receipt:
    """What create_run_from_pipeline_package returns at once."""

    def __init__(self, run_info):
        self.run_info = run_info
        self.run_id = run_info["run_id"]


def with_parameters(**parameters):
    return OCTOBER | {"runtime_config": {"parameters": parameters}}


# --- 11.2: what ran, and how often ---


def _tries(pods):
    found = {}
    for pod in pods:
        parts = pod["node"].split(".")
        if len(parts) == 3 and parts[2] == "executor":
            found.setdefault(parts[1], []).append((pod["try"], pod["phase"]))
    return found


def counts_drivers(pods):
    return {pod["node"].split(".")[-1]: (1, pod["phase"]) for pod in pods if pod["node"] != "root-driver"}


def takes_drivers_for_steps(pods):
    drivers = [pod for pod in pods if pod["node"].endswith("-driver") and pod["node"] != "root-driver"]
    return {pod["node"].removeprefix("root.").removesuffix("-driver"): (1, pod["phase"]) for pod in drivers}


def knows_the_books_steps(pods):
    steps = ("ingest", "validate", "featurize", "train", "evaluate", "decide")
    return {step: value for step, value in correct(pods).items() if step in steps}


def takes_driver_in_a_name_for_a_driver(pods):
    return correct([pod for pod in pods if "driver" not in pod["node"]])


def counts_each_step_once(pods):
    steps = [pod for pod in pods if pod["node"].endswith(".executor")]
    return {pod["node"].split(".")[1]: (1, pod["phase"]) for pod in steps}


def only_first_tries(pods):
    return correct([pod for pod in pods if pod["try"] == 0])


def takes_the_last_row(pods):
    return {step: (len(tries), tries[-1][1]) for step, tries in _tries(pods).items()}


def takes_the_first_try(pods):
    return {step: (len(tries), min(tries)[1]) for step, tries in _tries(pods).items()}


def takes_the_number_for_the_count(pods):
    return {step: (max(tries)[0], max(tries)[1]) for step, tries in _tries(pods).items()}


def only_those_that_ended(pods):
    return correct([pod for pod in pods if pod["phase"] in ("Succeeded", "Failed")])


def cuts_at_a_dash(pods):
    return {step.partition("-")[0]: value for step, value in correct(pods).items()}


def counts_only(pods):
    return {step: len(tries) for step, tries in _tries(pods).items()}


def a_list(pods):
    return [step for step in _tries(pods)]


def goes_by_the_pods_name(pods):
    found = {}
    for pod in sorted(pods, key=lambda pod: pod["pod"]):
        if pod["node"].endswith(".executor"):
            step = pod["node"].removeprefix("root.").removesuffix(".executor")
            found[step] = (found.get(step, (0,))[0] + 1, pod["phase"])
    return found


def succeeded_if_any_did(pods):
    found = {}
    for pod in pods:
        if pod["node"].endswith(".executor"):
            step = pod["node"].removeprefix("root.").removesuffix(".executor")
            count, before = found.get(step, (0, ""))
            found[step] = (count + 1, "Succeeded" if before == "Succeeded" else pod["phase"])
    return found


def takes_executor_in_a_name_for_a_step(pods):
    found = {}
    for pod in sorted(pods, key=lambda pod: pod["try"]):
        if "executor" in pod["node"]:
            step = pod["node"].replace("root.", "").replace(".executor", "")
            found[step] = (found.get(step, (0,))[0] + 1, pod["phase"])
    return found


COUNTED = {}


def counts_on_from_the_last_call(pods):
    for step, (count, phase) in correct(pods).items():
        COUNTED[step] = (COUNTED.get(step, (0,))[0] + count, phase)
    return COUNTED


def stumbles_over_nothing(pods):
    return correct(pods) if pods[0] else {}


def sorts_as_text(pods):
    found = {}
    for pod in sorted(pods, key=lambda pod: str(pod["try"])):
        if pod["node"].endswith(".executor"):
            step = pod["node"].split(".")[1]
            found[step] = (found.get(step, (0,))[0] + 1, pod["phase"])
    return found


def sorts_whole_rows_as_text(pods):
    found = {}
    for pod in sorted(pods, key=str):
        if pod["node"].endswith(".executor"):
            step = pod["node"].split(".")[1]
            found[step] = (found.get(step, (0,))[0] + 1, pod["phase"])
    return found


def whole_nodes(pods):
    return {f"root.{step}": value for step, value in correct(pods).items()}


def correct(pods):
    return {step: (len(tries), max(tries)[1]) for step, tries in _tries(pods).items()}


def also_correct(pods):
    found = {}
    for pod in sorted(pods, key=lambda pod: pod["try"]):
        match = re.fullmatch(r"root\.(.+)\.executor", pod["node"])
        if match:
            found[match[1]] = [found.get(match[1], [0])[0] + 1, pod["phase"]]
    return found


# --- 11.3: predict the cache ---

ALL = ["ingest", "validate", "featurize", "train", "evaluate", "decide"]
PREDICTED = {"a": ALL, "b": ["decide"], "c": ALL, "d": ALL, "e": ["decide"], "f": ["evaluate", "decide"]}


# --- 11.4: trace a run ---


def evaluate_pod(made=FIRST, node="root.evaluate.executor"):
    return pod_of(SERVER, made, node)


def written(pod, name="evaluation"):
    command = pod["spec"]["containers"][0]["command"]
    given = json.loads(command[command.index("--executor_input") + 1])
    return given["outputs"]["artifacts"][name]["artifacts"][0]["uri"]


def taken(pod, name):
    command = pod["spec"]["containers"][0]["command"]
    given = json.loads(command[command.index("--executor_input") + 1])
    return given["inputs"]["artifacts"][name]["artifacts"][0]["uri"]


def log_of(pod, step="evaluate"):
    return [f"Looking for component `{step}` in …", pod["spec"]["containers"][0]["command"][9]]


POD = evaluate_pod()
TRACED = {
    "fresh": ["decide"],
    "run_id": FIRST["run_id"],
    "pod": POD,
    "image": POD["status"]["containerStatuses"][0]["imageID"],
    "artifact": written(POD),
    "log": log_of(POD),
}
OF_OCTOBER = evaluate_pod(OCTOBER)
OF_SEPTEMBER = evaluate_pod(FIRST, "root.decide.executor")
OTHER_DIGEST = "sha256:" + "0" * 64

ALSO_RIGHT = {
    "ex_11_1": [
        V2beta1Run(**{key: value for key, value in OCTOBER.items() if key in V2beta1Run.openapi_types})
    ],
    "ex_11_2": [correct, also_correct],
    "ex_11_3": [{case: set(steps) for case, steps in PREDICTED.items()}],
    "ex_11_4": [
        TRACED,
        TRACED | {"fresh": {"decide"}, "log": "\n".join(TRACED["log"])},
        TRACED | {"image": f"docker.io/library/import@{TRACED['image']}"},
    ],
}

WRONG = {
    "ex_11_1": [
        OCTOBER["run_id"],
        Receipt(STARTED),
        STARTED,
        FAILED | {"runtime_config": {"parameters": {"month": "2013-10", "sample": 5_000}}},
        FIRST,
        SECOND,
        with_parameters(month="2013-10"),
        with_parameters(month="2013-10", sample=200),
        with_parameters(month="10", sample=5_000),
        with_parameters(month="2013-11", sample=5_000),
        with_parameters(text="x"),
        OCTOBER | {"state": "CANCELED"},
        OCTOBER | {"state": "RUNNING"},
        [OCTOBER],
        "SUCCEEDED",
        {"month": "2013-10"},
    ],
    "ex_11_2": [
        goes_by_the_pods_name,
        sorts_as_text,
        sorts_whole_rows_as_text,
        whole_nodes,
        succeeded_if_any_did,
        stumbles_over_nothing,
        takes_executor_in_a_name_for_a_step,
        counts_on_from_the_last_call,
        counts_drivers,
        takes_drivers_for_steps,
        knows_the_books_steps,
        takes_driver_in_a_name_for_a_driver,
        counts_each_step_once,
        only_first_tries,
        takes_the_last_row,
        takes_the_first_try,
        takes_the_number_for_the_count,
        only_those_that_ended,
        cuts_at_a_dash,
        counts_only,
        a_list,
        {"ingest": (3, "Failed")},
    ],
    "ex_11_3": [
        PREDICTED | {"b": ALL},
        PREDICTED | {"b": ["featurize", "train", "evaluate", "decide"]},
        PREDICTED | {"b": []},
        PREDICTED | {"e": ALL},
        PREDICTED | {"e": []},
        PREDICTED | {"f": ["decide"]},
        PREDICTED | {"f": ["evaluate"]},
        PREDICTED | {"f": ALL},
        PREDICTED | {"a": ["ingest", "validate", "train", "evaluate", "decide"]},
        PREDICTED | {"a": []},
        PREDICTED | {"c": ["decide"]},
        PREDICTED | {"c": ["featurize", "train", "evaluate", "decide"]},
        PREDICTED | {"d": ["decide"]},
        PREDICTED | {"b": "decide"},
        PREDICTED | {"b": ["Decide"]},
        {"a": ALL},
        ALL,
    ],
    "ex_11_4": [
        TRACED | {"fresh": ALL},
        TRACED | {"fresh": ["evaluate", "decide"]},
        TRACED | {"fresh": []},
        TRACED | {"fresh": "decide"},
        TRACED | {"run_id": SECOND["run_id"]},
        TRACED | {"run_id": SECOND["run_id"], "pod": DECIDE},
        TRACED
        | {
            "run_id": OCTOBER["run_id"],
            "pod": OF_OCTOBER,
            "artifact": written(OF_OCTOBER),
            "log": log_of(OF_OCTOBER),
        },
        TRACED | {"pod": pod_of(SERVER, FIRST, "root.train.executor")},
        TRACED | {"pod": pod_of(SERVER, FIRST, "root.evaluate-driver")},
        TRACED | {"pod": pod_of(SERVER, SECOND, "root.evaluate-driver"), "run_id": SECOND["run_id"]},
        TRACED | {"pod": POD["metadata"]["name"]},
        TRACED | {"pod": {"kind": "List", "items": [POD]}},
        TRACED
        | {"pod": {"pod": POD["metadata"]["name"], "node": "root.evaluate.executor", "phase": "Succeeded"}},
        TRACED | {"image": with_kubeflow.IMAGE},
        TRACED | {"image": "0.1.0"},
        TRACED | {"image": OTHER_DIGEST},
        TRACED | {"artifact": taken(POD, "challenger")},
        TRACED | {"artifact": taken(POD, "features")},
        TRACED | {"artifact": written(OF_OCTOBER)},
        TRACED | {"artifact": "evaluation"},
        TRACED | {"log": log_of(OF_OCTOBER)},
        TRACED | {"log": ""},
        TRACED | {"log": ["Created execution: id:95 …", f'"uri": "{TRACED["artifact"]}"']},  # its driver's
        TRACED | {"log": log_of(OF_SEPTEMBER, "decide")},
        TRACED | {"fresh": ["decide-driver"]},
        TRACED | {"image": "containerd://" + "0" * 64},
        {key: value for key, value in TRACED.items() if key != "log"},
        FIRST["run_id"],
    ],
}
