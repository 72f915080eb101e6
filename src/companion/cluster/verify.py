"""Prove that the cluster works: a Job on Kubernetes, a pipeline on Kubeflow, each with the right output."""

import json
import time
import warnings
from typing import Any

from companion.cluster import settings
from companion.cluster.lifecycle import wait_for_nodes
from companion.cluster.shell import ClusterError, Shell
from companion.ports import open_here

JOB = "cluster-verify"
JOB_SECONDS = 120
RUN_SECONDS = 600
# Kubeflow's own image of a shell, so that nothing more has to be loaded.
SHELL_IMAGE = next(image for image in settings.KUBEFLOW_IMAGES if "/alpine:" in image)


def verify(shell: Shell) -> None:
    """Verify Kubernetes, and Kubeflow Pipelines where it is installed.

    Raises
    ------
    ClusterError
        If something does not work.
    """
    start = time.monotonic()
    wait_for_nodes(shell)
    version = run_job(shell)
    shell.done(
        f"Kubernetes {version} works: a Job ran and its log is right ({time.monotonic() - start:.0f} s)."
    )
    if shell.dry_run:
        shell.say(f"would run: a pipeline of two steps, by kfp.Client at {settings.KUBEFLOW_URL}")
        return
    if "ml-pipeline" not in shell.ask_kubectl("-n", "kubeflow", "get", "deployments", "-o", "name"):
        shell.say("Kubeflow Pipelines is not installed; chapters 11 and 12 need it: make cluster-kfp")
        return
    start = time.monotonic()
    run_pipeline()
    shell.say(
        f"Kubeflow Pipelines works: a pipeline ran and its output is right ({time.monotonic() - start:.0f} s)."
    )


def run_job(shell: Shell) -> str:
    """Let a Job print the version of a program that every node has, and compare it with the server's.

    Its image is the one that kube-proxy runs from on the node, so that nothing is pulled.
    """
    if shell.dry_run:
        shell.do_kubectl("apply", "-f", "-", source="(a Job)")
        shell.ask_kubectl("logs", f"job/{JOB}")
        shell.do_kubectl("delete", "job", JOB)
        return ""
    expected: str = json.loads(shell.ask_kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    proxy = json.loads(shell.ask_kubectl("-n", "kube-system", "get", "daemonset", "kube-proxy", "-o", "json"))
    image = proxy["spec"]["template"]["spec"]["containers"][0]["image"]
    delete = ["delete", "job", JOB, "--namespace", "default", "--ignore-not-found", "--wait=true"]
    shell.do_kubectl(*delete)
    try:
        shell.do_kubectl("apply", "-f", "-", stdin=json.dumps(job(image)), source="(a Job)")
        end = time.monotonic() + JOB_SECONDS
        while True:
            status = json.loads(shell.ask_kubectl("-n", "default", "get", "job", JOB, "-o", "json"))["status"]
            if status.get("succeeded"):
                break
            if status.get("failed") or time.monotonic() > end:
                state = "failed" if status.get("failed") else f"did not end in {JOB_SECONDS} s"
                events = shell.try_kubectl("-n", "default", "get", "events", "--sort-by=.lastTimestamp")
                lines = [line for line in events.splitlines() if JOB in line][-3:]
                raise ClusterError("\n".join([f"The Job {JOB} {state}. Its last events:", *lines]))
            time.sleep(1)
        log = shell.ask_kubectl("-n", "default", "logs", f"job/{JOB}").strip()
    finally:
        shell.do_kubectl(*delete)
    if log != f"Kubernetes {expected}":
        raise ClusterError(f"The Job's log should be 'Kubernetes {expected}', and is {log!r}.")
    return expected


def job(image: str) -> dict[str, Any]:
    """Return the Job's manifest."""
    container = {
        "name": "version",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/usr/local/bin/kube-proxy", "--version"],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": JOB, "namespace": "default"},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    # The only node of the smallest cluster may be reserved for the control plane.
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [container],
                }
            },
        },
    }


def run_pipeline() -> None:
    """Run a pipeline whose second step fails unless the first one's output reaches it."""
    try:
        with open_here(f"{settings.KUBEFLOW_URL}/apis/v2beta1/healthz", 30):
            pass
    except OSError as error:
        raise ClusterError(
            f"Kubeflow does not answer at {settings.KUBEFLOW_URL} ({getattr(error, 'reason', None) or error}). "
            "make cluster-kfp waits until it runs, and says what is wrong where it does not."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp warns at every client
        import kfp

        client = kfp.Client(host=settings.KUBEFLOW_URL)
        started = client.create_run_from_pipeline_func(
            pipeline(), arguments={}, run_name="cluster-verify", enable_caching=False
        )
        try:
            finished = client.wait_for_run_completion(started.run_id, RUN_SECONDS, sleep_duration=2)
        except TimeoutError as error:
            raise ClusterError(
                f"The pipeline did not end in {RUN_SECONDS} s: {settings.KUBEFLOW_URL}/#/runs/details/{started.run_id} "
                "shows where it stands, kubectl -n kubeflow get events why."
            ) from error
    if finished.state != "SUCCEEDED":
        raise ClusterError(
            f"The pipeline ended as {finished.state}: {settings.KUBEFLOW_URL}/#/runs/details/{started.run_id} shows "
            "which step."
        )


def pipeline() -> Any:
    """Return the pipeline: say a word, and check that it arrives."""
    from kfp import dsl

    @dsl.container_component  # type: ignore[untyped-decorator]
    def say(word: dsl.OutputPath(str)):  # type: ignore[no-untyped-def,valid-type]
        return dsl.ContainerSpec(
            image=SHELL_IMAGE,
            command=["sh", "-c"],
            args=['mkdir -p "$(dirname "$0")" && printf right > "$0"', word],
        )

    @dsl.container_component  # type: ignore[untyped-decorator]
    def check(word: str):  # type: ignore[no-untyped-def]
        return dsl.ContainerSpec(image=SHELL_IMAGE, command=["sh", "-c"], args=['test "$0" = right', word])

    @dsl.pipeline(name="cluster-verify")  # type: ignore[untyped-decorator]
    def two_steps() -> None:
        said = say()
        check(word=said.outputs["word"])

    return two_steps
