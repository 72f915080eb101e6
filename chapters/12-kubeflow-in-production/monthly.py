"""The pipeline for production, as 12.1 draws it, and what the other sittings of the chapter need of it.

The components' text is part of the compiled file, and so of its name: a change here is another version.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp import Client, compiler, dsl, kubernetes

from flightdelay.pipelines import with_kubeflow as steps

PIPELINE = "flight-delay-monthly"
CLAIM = "flight-delay-production"
EXPERIMENT = "production"


@steps.component
def month_of(scheduled: str, asked: str) -> str:
    """Return the month before the scheduled day, or the one that a person asked for."""
    from datetime import date, timedelta

    first = date.fromisoformat(scheduled[:10]).replace(day=1)
    return asked or f"{first - timedelta(days=1):%Y-%m}"


def monthly_with(train: Callable[..., Any]) -> Any:
    """Draw the pipeline for production, with this component for the training."""

    @dsl.pipeline(name=PIPELINE)
    def monthly(month: str = "", sample: int = 5_000):
        due = month_of(scheduled=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER, asked=month).output
        raw = steps.ingest(month=due, window=0, sample=sample, data="/app/data")
        kubernetes.use_secret_as_env(raw, "warehouse", {"password": "WAREHOUSE_PASSWORD"})
        valid = steps.validate(raw=raw.output, month=due, window=0)
        features = steps.featurize(valid=valid.output)
        challenger = train(features=features.output, month=due).output
        found = steps.evaluate(features=features.output, challenger=challenger, month=due).output
        decision = steps.decide(
            features=features.output, challenger=challenger, evaluation=found, store="/store"
        )
        decision.set_caching_options(False)
        kubernetes.mount_pvc(decision, pvc_name=CLAIM, mount_path="/store")

    return monthly


@steps.component
def train_balanced(features: dsl.Input[dsl.Dataset], month: str, challenger: dsl.Output[dsl.Model]) -> None:
    """Train as the book does, with both classes weighing the same."""
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.train import gradient_boosting, train
    from flightdelay.store import dump_model

    adas = gradient_boosting().set_params(histgradientboostingclassifier__class_weight="balanced")
    Path(challenger.path).write_bytes(dump_model(train(pd.read_parquet(features.path), month, adas)))


def compiled(pipeline: Any, folder: Path) -> tuple[Path, str]:
    """Compile it into a file that is named after its content; return path and name."""
    draft = folder / "draft.yaml"
    compiler.Compiler().compile(pipeline, str(draft))
    name = f"{PIPELINE}-{hashlib.sha256(draft.read_bytes()).hexdigest()[:12]}"
    return draft.replace(folder / f"{name}.yaml"), name


def upload(client: Client, folder: Path) -> tuple[str, str, str]:
    """Upload the book's version, then Ada's; return the IDs of the pipeline and of both versions."""
    good_file, good_name = compiled(monthly_with(steps.train), folder)
    adas_file, adas_name = compiled(monthly_with(train_balanced), folder)
    pipeline_id = client.upload_pipeline(str(good_file), PIPELINE).pipeline_id
    good = client.upload_pipeline_version(str(good_file), good_name, pipeline_id=pipeline_id)
    bad = client.upload_pipeline_version(str(adas_file), adas_name, pipeline_id=pipeline_id)
    return pipeline_id, good.pipeline_version_id, bad.pipeline_version_id


def tidy_up(client: Client) -> None:
    """Remove the chapter's schedules and runs, and the pipeline with its versions."""
    for each in client.list_recurring_runs(page_size=100).recurring_runs or []:
        if each.display_name.startswith(PIPELINE):
            client.delete_recurring_run(each.recurring_run_id)
    experiment = client.create_experiment(EXPERIMENT).experiment_id
    for each in client.list_runs(experiment_id=experiment, page_size=100).runs or []:
        client.delete_run(each.run_id)
    pipeline_id = client.get_pipeline_id(PIPELINE)
    if pipeline_id:
        for each in client.list_pipeline_versions(pipeline_id, page_size=100).pipeline_versions or []:
            client.delete_pipeline_version(pipeline_id, each.pipeline_version_id)
        client.delete_pipeline(pipeline_id)
