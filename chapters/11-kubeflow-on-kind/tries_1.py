"""What else is started in 11.1, to be recorded: each run once more, for a cell that is run again."""

import subprocess
import warnings
from pathlib import Path

import kfp
from kfp import compiler

from chapter_11.runs import EXPERIMENT, clean_up
from companion.cluster.kubeflow import require_kubeflow
from flightdelay.pipelines import with_kubeflow

HERE = Path(__file__).parent
SAMPLE = 5_000


def twice(*months: str) -> None:
    """Begin with nothing, run each month twice, and leave nothing."""
    warnings.simplefilter("ignore")  # kfp warns at every client
    client = kfp.Client(host=require_kubeflow())
    package = Path("flight-delay.yaml").resolve()
    compiler.Compiler().compile(with_kubeflow.flight_delay, str(package))
    clean_up(client)
    subprocess.run(["kubectl", "apply", "-f", HERE / "manifests" / "claim.yaml"], check=True)
    for month in months:
        for _ in range(2):
            run = client.create_run_from_pipeline_package(
                str(package), arguments={"month": month, "sample": SAMPLE}, experiment_name=EXPERIMENT
            )
            print(month, client.wait_for_run_completion(run.run_id, timeout=1800).state, flush=True)
    clean_up(client)
    claim = ["kubectl", "delete", "persistentvolumeclaim", "flight-delay-store", "-n", "kubeflow"]
    subprocess.run(claim, check=True)
    package.unlink()


if __name__ == "__main__":
    twice("2013-09", "2013-10")
