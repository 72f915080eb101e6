"""Checks of chapter 11: a month run and waited for, Pods read, the cache predicted, a result traced."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from companion.cluster.kubeflow import NAMESPACE
from companion.recorded import serve
from companion.recorded.state import RUNS

STEPS = ("ingest", "validate", "featurize", "train", "evaluate", "decide")
MONTH, SAMPLE = "2013-10", 5_000
TRACED_MONTH = "2013-09"


def _plain(answer: Any) -> Any:
    """Return what the API's own classes hold, as dicts."""
    return answer.to_dict() if hasattr(answer, "to_dict") else answer


# --- 11.1: a run for October -------------------------------------------------------------------------------


class _Sent(NamedTuple):
    """A run that a recorded cluster did not take, as far as it was asked for."""

    parameters: Mapping[str, Any]


def ex_11_1(answer: Any) -> None:
    """Accept a run of October that has ended well, or was sent to a recorded cluster that does not know it."""
    _judge_run(_sent() if answer is None else answer)


def _sent() -> _Sent | None:
    """Return the newest run that a recorded cluster did not take; None if it took all."""
    asked = [thing["spec"] for _, key, thing in serve.unknown(NAMESPACE) if key.resource == RUNS and thing]
    return _Sent(asked[-1]["parameters"]) if asked else None


def _ex_11_1(answer: Any) -> Verdict:
    if isinstance(answer, _Sent):
        return _asked_is_wrong(answer.parameters) or right(
            "One file, another argument: the same pipeline would judge another month. This cluster is recorded and "
            "cannot show the end."
        )
    if hasattr(answer, "run_info"):
        return wrong(
            "This is the receipt that comes back at once. Wait for the run by its run_id; what the waiting returns "
            "is the finished run."
        )
    if isinstance(answer, str):
        return wrong("This is a text. The finished run is what wait_for_run_completion or get_run returns.")
    run = _plain(answer)
    if not isinstance(run, Mapping) or "state" not in run:
        return wrong("The answer is one run as the API describes it: what wait_for_run_completion returns.")
    return _asked_is_wrong((run.get("runtime_config") or {}).get("parameters") or {}) or _judge_end(
        run["state"]
    )


def _asked_is_wrong(given: Mapping[str, Any]) -> Verdict | None:
    month, sample = given.get("month"), given.get("sample")
    if month is None:
        return wrong("This run has no argument `month`: is it a run of the book's pipeline?")
    if month == TRACED_MONTH:
        return wrong("This is a run of September. The month is an argument: the file stays as it is.")
    if month != MONTH:
        return wrong(f"This run was asked for {month!r}. A month is written as in '{TRACED_MONTH}'.")
    if "sample" not in given:
        return wrong("This run learns from all flights: the sample is missing among its arguments.")
    if sample != SAMPLE:
        return wrong(f"Its sample is {sample!r}, and September's was {SAMPLE}.")
    return None


def _judge_end(state: Any) -> Verdict:
    if state in ("PENDING", "RUNNING", "RUNTIME_STATE_UNSPECIFIED", None):
        return wrong(f"It is {state}: it was started, and nobody has waited for its end.")
    if state != "SUCCEEDED":
        return wrong(
            f"It ended as {state}. Look at its Pods, as the next notebook shows, and start another one."
        )
    return right("One file, another argument: the same pipeline judged another month.")


_ex_11_1.__name__ = ex_11_1.__name__  # the number in its verdict
_judge_run = exercise(_ex_11_1)


# --- 11.2: what ran, and how often -------------------------------------------------------------------------


def _row(node: str, phase: str, code: int | None, trial: int = 0) -> dict[str, Any]:
    # A Pod's name ends in a hash, so its order means nothing: here it is that of the tries turned round.
    return {
        "pod": f"run-x7k2p-{len(node)}{9 - trial}",
        "node": node,
        "try": trial,
        "phase": phase,
        "exit": code,
    }


ORDINARY = [
    _row("root-driver", "Succeeded", 0),
    _row("root.load-driver", "Succeeded", 0),
    _row("root.load.executor", "Succeeded", 0),
    _row("root.driver-list-driver", "Succeeded", 0),
    _row("root.driver-list.executor", "Succeeded", 0),
    # It came from the cache, and has Argo's word in its name.
    _row("root.executor-table-driver", "Succeeded", 0),
]
# `warm` came from the cache: it has a driver only.
RETRIED = [
    _row("root.fetch.executor", "Failed", 1, 1),
    _row("root.warm-driver", "Succeeded", 0),
    _row("root.fetch.executor", "Succeeded", 0, 2),
    _row("root-driver", "Succeeded", 0),
    _row("root.fetch.executor", "Failed", 137, 0),
    _row("root.fetch-driver", "Succeeded", 0),
]
# More tries than one digit can write.
OFTEN = [_row("root.load.executor", "Failed", 1, trial) for trial in range(10)]
OFTEN.insert(4, _row("root.load.executor", "Succeeded", 0, 10))
RUNNING = [
    _row("root.report-2.executor", "Running", None),
    _row("root.again.executor", "Running", None, 1),
    _row("root.again.executor", "Failed", 1, 0),
    _row("root.report-2-driver", "Succeeded", 0),
    _row("root-driver", "Succeeded", 0),
]


@exercise
def ex_11_2(answer: Any) -> Verdict:
    """Call the function on the Pods of four runs."""
    if not callable(answer):
        return wrong("The answer is a function of the list of Pods: write its body.")
    if is_stub(answer):
        return NO_BODY
    found = _pairs(answer, ORDINARY)
    if found is None or not isinstance(found, dict):
        return wrong("The function returns a dict, such as {'ingest': (3, 'Failed')}.")
    if any("." in str(step) and not str(step).endswith("-driver") for step in found):
        return wrong(
            "The name of a step is the middle of the node alone: load, where the node is root.load.executor."
        )
    if any("driver" in str(step) and step != "driver-list" for step in found):
        return wrong("A driver is counted: it is Kubeflow's own, and runs even where the cache answers.")
    if "root" in found or "executor" in found:
        return wrong("The name of a step stands in the middle of the node, as in root.ingest.executor.")
    if "load" not in found and set(found) <= set(STEPS):
        return wrong(
            "Only the book's own steps are found. Other runs have other steps: read the names off the nodes."
        )
    if "driver-list" not in found:
        return wrong(
            "A step may be called what it likes, driver-list too. What is a driver shows at the node's end."
        )
    if found != {"load": (1, "Succeeded"), "driver-list": (1, "Succeeded")}:
        return wrong(f"Of a run with the steps load and driver-list, once each, it says {found}.")
    found = _pairs(answer, RETRIED)
    if "load" in found:
        return wrong(
            "It still counts what it was given in an earlier call: begin with an empty dict inside the function."
        )
    if "warm" in found:
        return wrong(
            "A step without a Pod of its own is counted: it has a driver only, so the cache answered for it."
        )
    tries, phase = found.get("fetch", (0, ""))
    if tries != 3:
        return wrong(f"A step with the tries 0, 1 and 2 was started {tries} times?")
    if phase != "Succeeded":
        return wrong(
            "The last try counts: it is the one with the largest number, wherever it stands in the list."
        )
    tries, phase = _pairs(answer, OFTEN).get("load", (0, ""))
    if (tries, phase) != (11, "Succeeded"):
        return wrong(
            f"A step that failed ten times and then ended well is ({tries}, {phase!r})? Tries are numbers; as texts 10 "
            "comes before 9."
        )
    found = _pairs(answer, RUNNING)
    if found.get("report-2") != (1, "Running"):
        return wrong("A step that still runs, named report-2, is not found, or not as (1, 'Running').")
    if found.get("again") != (2, "Running") or len(found) != 2:
        return wrong(
            "A step whose try 0 failed and whose try 1 still runs is (2, 'Running'), whichever row comes first."
        )
    try:
        nothing = _pairs(answer, [])
    except Exception as error:
        return wrong(
            f"For an empty list it ends with {type(error).__name__}: a run that has no Pod yet gives an empty dict."
        )
    if nothing != {}:
        return wrong("A run that has no Pod yet gives an empty dict.")
    return right("A driver is not a step, a try is not a run, and a step without a Pod came from the cache.")


def _pairs(answer: Callable[[list[dict[str, str]]], Any], pods: list[dict[str, str]]) -> Any:
    found = answer([dict(pod) for pod in pods])
    if not isinstance(found, dict):
        return found
    return {step: tuple(value) if isinstance(value, list | tuple) else value for step, value in found.items()}


# --- 11.3: predict the cache -------------------------------------------------------------------------------

PREDICTED: dict[str, set[str]] = {
    "a": set(STEPS),
    "b": {"decide"},
    "c": set(STEPS),
    "d": set(STEPS),
    "e": {"decide"},
    "f": {"evaluate", "decide"},
}
WHY = {
    "a": "the month is an argument of ingest, and all that follows gets a new file",
    "b": "the key holds the image's name, and the name is the same",
    "c": "a new tag is a new name, for every step",
    "d": "nobody asks the cache then",
    "e": "nothing in the key of the first five has changed; the store is decide's alone",
    "f": "the text of a function is in its step's key, and what comes after gets a new file",
}


@exercise
def ex_11_3(answer: Any) -> Verdict:
    """Compare the six predictions."""
    if not isinstance(answer, Mapping) or set(answer) != set(PREDICTED):
        return wrong(
            "The answer is a dict with the keys a to f, each with the steps that get a Pod of their own."
        )
    for case, wanted in PREDICTED.items():
        given = answer[case]
        if isinstance(given, str) or not isinstance(given, Iterable):
            return wrong(f"{case}: a list or a set of names of steps is wanted, even where it is one.")
        found = {str(step) for step in given}
        if unknown := found - set(STEPS):
            return wrong(f"{case}: {sorted(unknown)[0]!r} is no step of the pipeline.")
        if found != wanted:
            return _missed(case, found, wanted)
    return right("A name is not its bytes: the same tag gives yesterday's results, in green.")


def _missed(case: str, found: set[str], wanted: set[str]) -> Verdict:
    if "decide" not in found:
        return wrong(f"{case}: decide is missing. The pipeline tells the cache never to answer for it.")
    if case == "b" and found > wanted:
        return wrong("b: would the cache notice? It never looks into an image, it compares names.")
    if case == "e" and found > wanted:
        return wrong(
            "e: only decide mounts the claim; what would tell the other steps that the store is empty?"
        )
    if case == "f" and found == {"evaluate"} | wanted:
        return wrong("f: which steps come after evaluate?")
    if case == "f" and "train" in found:
        return wrong("f: only evaluate has changed; the steps before it do not see its text.")
    if case == "a" and found < wanted:
        return wrong(
            "a: a step without the month among its arguments still gets a file that was made anew: a new artifact, "
            "a new key."
        )
    return wrong(f"{case}: not these. Ask of each step whether its key has changed: {WHY[case]}.")


# --- 11.4: trace a run -------------------------------------------------------------------------------------

PARTS = ("fresh", "run_id", "pod", "image", "artifact", "log")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@exercise
def ex_11_4(answer: Any) -> Verdict:
    """Compare the parts of the chain with each other."""
    if not isinstance(answer, Mapping) or set(answer) != set(PARTS):
        return wrong(f"The answer is a dict with the keys {', '.join(PARTS)}.")
    fresh = answer["fresh"]
    if isinstance(fresh, str) or not isinstance(fresh, Iterable):
        return wrong("fresh: a list or a set of names of steps is wanted.")
    if unknown := {str(step) for step in fresh} - set(STEPS):
        return wrong(f"fresh: {sorted(unknown)[0]!r} is no step of the pipeline.")
    if set(fresh) != {"decide"}:
        cached = sorted(set(fresh) - {"decide"}, key=STEPS.index)
        if cached:
            return wrong(
                f"fresh: a cached step is called fresh ({', '.join(cached)}). SUCCEEDED says nothing about it: which "
                "steps of that run have a Pod of their own?"
            )
        return wrong("fresh: one step of september-again had a Pod of its own.")
    pod = answer["pod"]
    if hasattr(pod, "to_dict") or isinstance(pod, str | list):
        return wrong("pod: the Pod itself as a dict, what json.loads makes of kubectl get pod … -o json.")
    return (
        _pod_is_wrong(answer)
        or _parts_are_wrong(answer, _main(pod), _asked(pod))
        or right(
            "From a number to the bytes that made it: digest, address, run, Pod, image, log. Green had said nothing."
        )
    )


def _main(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(each for each in pod["spec"]["containers"] if each["name"] == "main")


def _asked(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs and outputs of a step."""
    main = _main(pod)
    words = [*main.get("command", []), *main.get("args", [])]
    return dict(json.loads(words[words.index("--executor_input") + 1]))


def _pod_is_wrong(answer: Mapping[str, Any]) -> Verdict | None:
    pod = answer["pod"]
    if not isinstance(pod, Mapping) or "items" in pod or "metadata" not in pod:
        return wrong(
            "pod: one Pod as a dict is wanted, with metadata, spec and status; not a list of them, not a row."
        )
    metadata = pod["metadata"]
    node = metadata.get("annotations", {}).get("workflows.argoproj.io/node-name", "").partition(".")[2]
    node = re.sub(r"\(\d+\)", "", node)  # the numbers of tries
    if node.endswith("driver"):
        return wrong("pod: this is a driver. It asks the cache; the step's own Pod is the executor.")
    if node != "root.evaluate.executor":
        return wrong(f"pod: this is {node or 'no Pod of a step'}. The evaluation is made by evaluate.")
    run = metadata.get("labels", {}).get("pipeline/runid")
    month = _asked(pod)["inputs"].get("parameterValues", {}).get("month")
    if month != TRACED_MONTH:
        return wrong(
            f"pod: the wrong run. This Pod judged {month}; september-again decided on {TRACED_MONTH}."
        )
    if run != answer["run_id"]:
        return wrong(
            "run_id: the wrong run. The label of your Pod names another one. A run whose step came from the cache has "
            "no Pod of it: the run that computed is in the artifact's address."
        )
    return None


def _parts_are_wrong(
    answer: Mapping[str, Any], main: Mapping[str, Any], asked: Mapping[str, Any]
) -> Verdict | None:
    image, artifact, log = answer["image"], str(answer["artifact"]), answer["log"]
    status = answer["pod"]["status"]["containerStatuses"]
    [imaged] = [each["imageID"] for each in status if each["name"] == "main"]
    if not isinstance(image, str) or not DIGEST.search(image):
        if isinstance(image, str) and image.startswith("containerd://"):
            return wrong("image: this is the id of a container. That of its image stands beside it: imageID.")
        tag = isinstance(image, str) and ":" in image
        return wrong(
            "image: a tag for a digest. A tag is a name, and can be given to other bytes tomorrow."
            if tag
            else "image: the digest is wanted, sha256: and 64 letters and digits."
        )
    if DIGEST.findall(image) != DIGEST.findall(imaged):
        return wrong("image: this digest is another container's. Yours is main; Argo has helpers beside it.")
    outputs = {
        name: each["artifacts"][0]["uri"] for name, each in asked["outputs"].get("artifacts", {}).items()
    }
    inputs = [
        each["uri"]
        for listed in asked["inputs"].get("artifacts", {}).values()
        for each in listed.get("artifacts", [])
    ]
    if artifact in inputs:
        return wrong("artifact: this is what evaluate was given. What did it write?")
    if artifact != outputs["evaluation"] and artifact in outputs.values():
        return wrong(
            "artifact: this is the log that Kubeflow keeps as an artifact. The evaluation is another one."
        )
    if artifact != outputs["evaluation"]:
        return wrong(
            "artifact: this Pod did not write it. Its address has the run's id and the task evaluate in it."
        )
    text = "\n".join(log) if isinstance(log, list) else str(log)
    if artifact not in text:
        return wrong(
            "log: this log does not speak of the artifact, so it is another container's or another Pod's. Ask for "
            "the log of main (-c main)."
        )
    # The driver and what takes the artifact in name it too. This is how kfp begins in the step itself.
    if "component `evaluate`" not in text:
        return wrong(
            "log: this log names the artifact, and is not that of your Pod: its driver and decide name it too. Is it "
            "whole, from its beginning?"
        )
    return None
