"""A training on many as one step of a pipeline: it makes a TrainJob, waits for its end, hands on the model's sum.

``python -m chapter_15.step`` lets it run on the book's cluster, with a second step that holds the sum against that of
one process on this machine. The chapter's page says what the cluster needs for it.
"""

# The decorators of kfp have no types that mypy could follow.
# mypy: disable-error-code="untyped-decorator"

from pathlib import Path

import kfp
import yaml  # type: ignore[import-untyped]
from kfp import dsl

from chapter_15.trainjobs import model_of_one
from companion.cluster.kubeflow import RUN_SECONDS, require_kubeflow
from flightdelay.pipelines.with_kubeflow import component

SPACE = "flights-step"


@component
def train_on_many(manifest: dict, workers: int, namespace: str) -> str:  # type: ignore[type-arg]
    """Make the TrainJob, wait for its end, return the last word of rank 0."""
    import time

    from kubernetes import client, config

    config.load_incluster_config()
    trainjobs = ("trainer.kubeflow.org", "v1alpha1", namespace, "trainjobs")
    manifest["spec"]["trainer"]["numNodes"] = workers
    api = client.CustomObjectsApi()
    name = api.create_namespaced_custom_object(*trainjobs, manifest)["metadata"]["name"]
    ended: set[str] = set()
    while not ended & {"Complete", "Failed"}:
        time.sleep(2)
        status = api.get_namespaced_custom_object(*trainjobs, name).get("status", {})
        ended = {each["type"] for each in status.get("conditions", []) if each["status"] == "True"}
    if "Failed" in ended:
        raise RuntimeError(f"The TrainJob {name} failed.")
    zero = f"job-name={name}-node-0,batch.kubernetes.io/job-completion-index=0"
    pods = client.CoreV1Api().list_namespaced_pod(namespace, label_selector=zero).items
    log = client.CoreV1Api().read_namespaced_pod_log(pods[0].metadata.name, namespace)
    print(log)
    return str(log.split()[-1])


@component
def compare(model: str, of_one: str) -> None:
    """Fail where the two models are not the same one."""
    print("on many:", model, "one process:", of_one)
    if model != of_one:
        raise ValueError("The model of the workers is not that of one process.")


@dsl.pipeline(name="train-on-many")
def pipeline(manifest: dict, workers: int, namespace: str, of_one: str) -> None:  # type: ignore[type-arg]
    """Train, then hold the result against one process."""
    trained = train_on_many(manifest=manifest, workers=workers, namespace=namespace)
    trained.set_caching_options(False)  # the cache does not know what a TrainJob does
    compare(model=trained.output, of_one=of_one)


def main() -> None:
    """Run it, and say how it ended."""
    manifest = yaml.safe_load((Path(__file__).parent / "manifests" / "two.yaml").read_text(encoding="utf-8"))
    manifest["metadata"] = {"generateName": "step-"}
    given = {"manifest": manifest, "workers": 2, "namespace": SPACE, "of_one": model_of_one()}
    client = kfp.Client(host=require_kubeflow())
    run = client.create_run_from_pipeline_func(pipeline, arguments=given, experiment_name="train-on-many")
    print(run.run_id, client.wait_for_run_completion(run.run_id, timeout=RUN_SECONDS).state)


if __name__ == "__main__":
    main()
