"""Kubeflow Pipelines on the book's cluster: is it there, and one month on it for ``make tour``."""

import base64
import io
import json
import os
import secrets
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from companion.cluster import settings
from companion.cluster.shell import ClusterError, NotOurs, Shell, at_recorded_cluster, kubeflow_answers
from companion.recorded import kubeflow
from flightdelay.data import DATA
from flightdelay.pipelines import with_kubeflow
from flightdelay.result import RunResult

NAMESPACE = kubeflow.NAMESPACE
RUN_SECONDS = 900
POD = "flight-delay-store"


def require_kubeflow() -> str:
    """Stop a notebook that has no Kubeflow; called after `companion.cluster.require`.

    Returns
    -------
    str
        The address for `kfp.Client`; where the cluster is a recorded one, that of its API.

    Raises
    ------
    ClusterError
        If Kubeflow Pipelines does not answer.
    """
    if at_recorded_cluster():
        _say_what_is_not_recorded()
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
        server = config["clusters"][0]["cluster"]["server"]
        return f"{server}{kubeflow.ADDRESS}"
    if not kubeflow_answers():
        raise ClusterError(
            f"Kubeflow Pipelines does not answer at {settings.KUBEFLOW_URL}: make cluster-kfp installs it, or says "
            "why it does not run."
        )
    print(f"Kubeflow Pipelines answers at {settings.KUBEFLOW_URL}")
    return settings.KUBEFLOW_URL


def _say_what_is_not_recorded() -> None:
    """Let a notebook show in one sentence, and not in a traceback of the client, what the recording does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp warns when it is imported
        from kfp_server_api.exceptions import ApiException  # type: ignore[import-untyped]

    def render(error: Any) -> Callable[[], list[str]]:
        said = json.loads(error.body) if str(error.body).startswith("{") else {}
        if said.get("reason") != "NotRecorded":
            raise AttributeError("IPython shows this one as it shows others")
        return lambda: [f"NotRecorded: {said['message']}"]

    ApiException._render_traceback_ = property(render)  # IPython looks for this method


def unavailable(shell: Shell) -> str | None:
    """Say in one sentence, with its fix, why a pipeline cannot run on the book's cluster; None if it can."""
    try:
        names = shell.ask_kubectl("get", "nodes", "-o", "jsonpath={.items[*].status.images[*].names[*]}")
    except NotOurs as error:
        return str(error)
    except ClusterError:
        return "The book's cluster does not answer: `make cluster-up` starts it again, or says why it cannot."
    if not kubeflow_answers():
        return "Kubeflow Pipelines does not answer on the book's cluster: `make cluster-kfp` installs it."
    known = {name.removeprefix("docker.io/").removeprefix("localhost/") for name in names.split()}
    if with_kubeflow.IMAGE not in known:
        return (
            f"The image {with_kubeflow.IMAGE} is not on the cluster: build it with `make image`, then "
            f"`make cluster-load IMAGE={with_kubeflow.IMAGE}`."
        )
    return None


def claim() -> dict[str, Any]:
    """Return the claim on which the pipeline's store lies."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": with_kubeflow.STORE_CLAIM, "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def pod_at_the_store() -> dict[str, Any]:
    """Return a Pod that does nothing but hold the store, so that files can be put there and read."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "store",
                    "image": with_kubeflow.IMAGE,
                    "command": ["sleep", str(2 * RUN_SECONDS)],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "64Mi"},
                        "limits": {"memory": "256Mi"},
                    },
                    "volumeMounts": [{"name": "store", "mountPath": "/store"}],
                }
            ],
            "volumes": [
                {"name": "store", "persistentVolumeClaim": {"claimName": with_kubeflow.STORE_CLAIM}},
            ],
        },
    }


def run(month: str, *, store: Path, data: Path = DATA) -> RunResult:
    """Run one month on the book's cluster; the result as in plain Python.

    Parameters
    ----------
    month
        The month to judge on.
    store
        A store on this machine. A copy of it is put on the cluster for this run, so that it meets the same
        champion; this one is not written to.
    data
        Not used: on the cluster, the data lies in the image.

    Raises
    ------
    ClusterError
        If the cluster, the run or the reading of its result fails.
    """
    shell, folder = Shell(), f"/store/tour-{secrets.token_hex(4)}"
    shell.do_kubectl("apply", "-f", "-", stdin=json.dumps(claim()), source="(the claim)")
    shell.do_kubectl("apply", "-f", "-", stdin=json.dumps(pod_at_the_store()), source="(a Pod at the store)")
    try:
        shell.do_kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=300s")
        at_the_store = ("-n", NAMESPACE, "exec", "-i", POD, "--", "python3", "-c")
        shell.do_kubectl(*at_the_store, UNPACK, folder, stdin=packed(store), source="(the store)")
        try:
            run_and_wait(month, folder)
            record = json.loads(shell.ask_kubectl(*at_the_store, READ, folder, month))
        finally:
            shell.do_kubectl(*at_the_store, "import shutil, sys; shutil.rmtree(sys.argv[1])", folder)
    finally:
        shell.do_kubectl("-n", NAMESPACE, "delete", "pod", POD, "--grace-period=1", "--ignore-not-found")
    return RunResult(record["evaluation"], record["decision"])


UNPACK = (
    "import base64, io, sys, tarfile; "
    "content = io.BytesIO(base64.b64decode(sys.stdin.read())); "
    "tarfile.open(fileobj=content).extractall(sys.argv[1])"
)
READ = "import pathlib, sys; print(pathlib.Path(sys.argv[1], 'runs', sys.argv[2] + '.json').read_text())"


def packed(folder: Path) -> str:
    """Return a folder as text."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return base64.b64encode(content.getvalue()).decode()


def run_and_wait(month: str, store: str) -> None:
    """Run the book's pipeline and wait for its end.

    Raises
    ------
    ClusterError
        If it does not succeed in `RUN_SECONDS`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp warns at every client
        import kfp

        client = kfp.Client(host=settings.KUBEFLOW_URL)
        started = client.create_run_from_pipeline_func(
            with_kubeflow.flight_delay,
            arguments={"month": month, "store": store},
            run_name=f"tour {month}",
            experiment_name="tour",
            enable_caching=False,
        )
        page = f"{settings.KUBEFLOW_URL}/#/runs/details/{started.run_id}"
        try:
            finished = client.wait_for_run_completion(started.run_id, RUN_SECONDS, sleep_duration=2)
        except TimeoutError as error:
            client.terminate_run(started.run_id)
            raise ClusterError(
                f"The run did not end in {RUN_SECONDS} s: {page} shows where it stood."
            ) from error
    if finished.state != "SUCCEEDED":
        raise ClusterError(f"The run ended as {finished.state}: {page} shows which step.")
