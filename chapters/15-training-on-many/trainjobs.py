"""What the exercises of 15.3 ask for: a TrainJob's manifest, and what its workers have printed."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml  # type: ignore[import-untyped]

from chapter_15.logistic import gradient
from chapter_15.matrix import encoder, two_months
from chapter_15.pod import digest
from companion.cluster.shell import at_recorded_cluster
from companion.recorded import serve
from companion.recorded.definitions import Definitions

SPACE = "flights-workers"
VERSION = "trainer.kubeflow.org/v1alpha1"
UNSEEN = "This cluster is recorded and cannot show the end; a live one would run it."
MODEL = re.compile(r"rank (\d+) \| \d+ steps, model (\w+)")
BEGUN = re.compile(r"rank (\d+) \| begins at step (\d+)")
# What Trainer tells the workers itself.
RESERVED = "DMLC_"


class Refused(Exception):
    """A hint; the answer is wrong."""


@functools.cache
def model_of_one() -> str:
    """Return the sum of the model that one process trains with all rows of January."""
    january, _ = two_months("2013-02")
    X, late = encoder().fit_transform(january), january["late"].to_numpy(dtype=float)
    weights, intercept = np.zeros(X.shape[1]), 0.0
    for _ in range(100):
        by_weight, by_intercept = gradient(weights, intercept, X, late)
        weights, intercept = weights - 0.5 * by_weight, intercept - 0.5 * by_intercept
    return digest({"weights": weights, "intercept": intercept})


def read(answer: Any, name: str, runtime: str) -> tuple[dict[str, Any], str]:
    """Return the TrainJob and the log in an answer.

    Raises
    ------
    Refused
        If there is none, or not the one that is asked for.
    """
    if not isinstance(answer, Mapping) or not {"manifest", "log"} <= set(answer):
        raise Refused(
            'The answer is a dict with the manifest\'s text and the log: {"manifest": …, "log": …}.'
        )
    job = _parsed(answer["manifest"], name)
    if job.get("kind") != "TrainJob" or job.get("apiVersion") != VERSION:
        raise Refused(
            f"That is a {job.get('kind')} of {job.get('apiVersion')}; a TrainJob of {VERSION} is asked for."
        )
    metadata, spec = job.get("metadata") or {}, job.get("spec") or {}
    space = metadata.get("namespace") or SPACE  # a file may leave it to "kubectl apply -n"
    if (metadata.get("name"), space) != (name, SPACE):
        raise Refused(f"It is {metadata.get('name')!r} in {space!r}; {name!r} in {SPACE!r} is asked for.")
    _check_fields(job)
    reference = spec.get("runtimeRef") or {}
    if reference.get("kind") != "TrainingRuntime":
        raise Refused(
            "Without kind: TrainingRuntime Trainer looks for a ClusterTrainingRuntime, and refuses this one."
        )
    if reference.get("name") != runtime:
        raise Refused(f"Its runtime is {reference.get('name')!r}; {runtime!r} is the one to use here.")
    if spec.get("suspend"):
        raise Refused("With suspend: true a TrainJob has no Pods until somebody takes that back.")
    _check_env((spec.get("trainer") or {}).get("env") or [])
    log = answer["log"]
    return job, log if isinstance(log, str) else "\n".join(str(line) for line in log or [])


def _parsed(manifest: Any, name: str) -> dict[str, Any]:
    if isinstance(manifest, Path):
        manifest = manifest.read_text(encoding="utf-8") if manifest.exists() else ""
    if isinstance(manifest, str):
        try:
            found = [each for each in yaml.safe_load_all(manifest) if each]
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            raise Refused(f"That is no valid YAML{where}: compare the indentation with two.yaml.") from None
        jobs = [each for each in found if isinstance(each, dict) and each.get("kind") == "TrainJob"]
        if len(jobs) > 1:
            raise Refused(f"There are {len(jobs)} TrainJobs in it; one is asked for.")
        manifest = next(iter(jobs or found), None)
    if not isinstance(manifest, dict) or "kind" not in manifest:
        raise Refused(f'"manifest" is the text of the file: (state / "{name}.yaml").read_text().')
    return manifest


def _check_fields(job: dict[str, Any]) -> None:
    definitions = Definitions.read()
    resource = definitions.resource(*VERSION.split("/"), "trainjobs")
    unknown = definitions.unknown_fields(resource, job) if resource else []
    if unknown:
        place = re.sub(r"\[\d+\]", "", unknown[0]).rpartition(".")[0]
        raise Refused(
            f"A TrainJob has no field {unknown[0]}, and the cluster refuses it. "
            f"The fields that it has there: kubectl explain trainjob.{place}"
        )


def _check_env(variables: Any) -> None:
    if not isinstance(variables, list) or not all(
        isinstance(each, dict) and isinstance(each.get("value", ""), str) for each in variables
    ):
        raise Refused('env is a list of {name: …, value: "…"}, and each value is a text: a number in quotes.')
    names = [str(each.get("name")) for each in variables]
    for name in names:
        if name.startswith(RESERVED):
            raise Refused(f"{name} is Trainer's own to tell, and the webhook refuses it.")
        if names.count(name) > 1:
            raise Refused(f"{name} stands in env more than once, and the cluster refuses it.")


def check_workers(job: dict[str, Any], count: int) -> None:
    """Refuse another number of workers.

    Raises
    ------
    Refused
        If there are fewer or more.
    """
    trainer = job["spec"].get("trainer") or {}
    nodes = trainer.get("numNodes")
    if type(nodes) is not int and nodes is not None:
        raise Refused(f"numNodes is a number, and {nodes!r} is something else: the cluster refuses it.")
    if trainer.get("numProcPerNode") and nodes != count:
        raise Refused(
            "numProcPerNode is for several workers in one Pod, and our program is one. Pods are numNodes."
        )
    if nodes != count:
        said = "left to the runtime, which says 1" if nodes is None else nodes
        raise Refused(f"The number of workers is {said}; {count} are asked for, each in a Pod of its own.")


def check_log(log: str, name: str, count: int) -> str:
    """Return what the log proves, a sentence; where a recorded cluster did not take the TrainJob, that it cannot.

    Raises
    ------
    Refused
        If it does not prove that all workers hold the model of one process.
    """
    found = MODEL.findall(log)
    if not found:
        wished = any(key.name == name and thing for _, key, thing in serve.unknown(SPACE))
        if not log.strip() and at_recorded_cluster() and wished:
            return UNSEEN
        raise Refused("No worker says in the log which model it holds: has the training come to its end?")
    ranks = {int(rank) for rank, _ in found}
    if ranks != set(range(count)):
        raise Refused(f"In the log speak the ranks {sorted(ranks)}; of {count} workers each has one, from 0.")
    if {model for _, model in found} != {model_of_one()}:
        raise Refused("The workers' model is not that of one process: is train.py as the notebook wrote it?")
    return f"Each of the {count} workers holds the model of one process."
