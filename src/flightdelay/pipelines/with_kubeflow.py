"""The pipeline in Kubeflow: each step is a program of its own, with files for its inputs and outputs.

A component's function is sent as text to where it runs, so it imports what it needs by itself.
"""

import os
import tempfile
from pathlib import Path

from kfp import dsl, kubernetes, local
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from flightdelay.data import DATA
from flightdelay.result import RunResult

# On a cluster every step runs in this image, which holds the package and the data; the local runner only reads
# its name.
IMAGE = os.environ.get("FLIGHTDELAY_IMAGE", "pipelines-for-humans/python:0.1.0")
# The claim that a cluster has to have for the store. Models and decisions outlive every run.
STORE_CLAIM = "flight-delay-store"
component = dsl.component(base_image=IMAGE, install_kfp_package=False)


@component
def ingest(month: str, window: int, sample: int, data: str, raw: Output[Dataset]) -> None:
    from pathlib import Path

    from flightdelay.steps.ingest import ingest

    ingest(month, window or None, sample or None, Path(data)).write(Path(raw.path))


@component
def validate(raw: Input[Dataset], month: str, window: int, valid: Output[Dataset]) -> None:
    from pathlib import Path

    from flightdelay.steps.ingest import Raw
    from flightdelay.steps.validate import validate

    validate(Raw.read(Path(raw.path)), month, window or None).write(Path(valid.path))


@component
def featurize(valid: Input[Dataset], features: Output[Dataset]) -> None:
    from pathlib import Path

    from flightdelay.steps.featurize import featurize
    from flightdelay.steps.ingest import Raw

    featurize(Raw.read(Path(valid.path))).to_parquet(features.path)


@component
def train(features: Input[Dataset], month: str, challenger: Output[Model]) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.train import train
    from flightdelay.store import dump_model

    Path(challenger.path).write_bytes(dump_model(train(pd.read_parquet(features.path), month)))


@component
def evaluate(
    features: Input[Dataset], challenger: Input[Model], month: str, evaluation: Output[Metrics]
) -> None:
    import json
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import evaluate
    from flightdelay.store import load_model

    found = evaluate(pd.read_parquet(features.path), load_model(Path(challenger.path).read_bytes()), month)
    Path(evaluation.path).write_text(json.dumps(found))
    for name in ("auc", "log_loss"):
        evaluation.log_metric(name, found["challenger"][name])


@component
def decide(features: Input[Dataset], challenger: Input[Model], evaluation: Input[Metrics], store: str) -> str:
    import json
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.decide import decide
    from flightdelay.store import Store, load_model

    model = load_model(Path(challenger.path).read_bytes())
    found = json.loads(Path(evaluation.path).read_text())
    return decide(pd.read_parquet(features.path), model, found, Store(Path(store)))["decision"]


@dsl.pipeline(name="flight-delay")
def flight_delay(
    month: str, store: str = "/store", data: str = "/app/data", window: int = 0, sample: int = 0
) -> None:
    """Wire the six steps; a window or sample of 0 means all. The two paths are those of a cluster."""
    raw = ingest(month=month, window=window, sample=sample, data=data)
    valid = validate(raw=raw.output, month=month, window=window)
    features = featurize(valid=valid.output)
    challenger = train(features=features.output, month=month)
    evaluation = evaluate(features=features.output, challenger=challenger.output, month=month)
    decision = decide(
        features=features.output, challenger=challenger.output, evaluation=evaluation.output, store=store
    )
    # What only a cluster heeds. `decide` changes the world, so no cache may answer for it.
    decision.set_caching_options(False)
    kubernetes.mount_pvc(decision, pvc_name=STORE_CLAIM, mount_path="/store")
    for task in (raw, valid, features, challenger, evaluation, decision):
        task.set_memory_request("512Mi").set_memory_limit("1Gi").set_cpu_request("100m")


def run(
    month: str, window: int | None = None, sample: int | None = None, *, store: Path, data: Path = DATA
) -> RunResult:
    """Run one month with Kubeflow's local runner; parameters and result as in plain Python.

    Raises
    ------
    RuntimeError
        If a step failed; its own message is in the output above.
    """
    with tempfile.TemporaryDirectory() as artifacts:
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=artifacts)
        flight_delay(month=month, window=window or 0, sample=sample or 0, store=str(store), data=str(data))
    return RunResult.of(month, store)
