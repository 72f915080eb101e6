"""Chapter 17: what the watched service counts, that it answers as before, and that its alarm rules do what they say."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
from fastapi.testclient import TestClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from chapter_17.service import samples, scrape
from chapter_17.watched import watch
from companion.environment import repository
from companion.errors import SentenceError
from flightdelay.pipelines.in_plain_python import run
from flightdelay.serve import create_app
from flightdelay.steps.evaluate import month_rows
from flightdelay.steps.featurize import FEATURES, WEATHER, featurize
from flightdelay.steps.ingest import ingest

CHAPTER = repository() / "chapters" / "17-serve-watch-retrain"
MONTH, SAMPLE = "2013-02", 2_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("watched") / "store"
    return folder, str(run(MONTH, sample=SAMPLE, store=folder).decision["version"])


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return month_rows(featurize(ingest(MONTH, sample=SAMPLE)), MONTH).head(40)


def test_it_answers_as_before_and_counts_what_went_through(
    store: tuple[Path, str], flights: pd.DataFrame
) -> None:
    folder, version = store
    plain, watched = (
        TestClient(app) for app in (create_app(folder, version), watch(create_app(folder, version)))
    )
    asked = json.loads(flights.assign(temp=None)[FEATURES].to_json(orient="records"))
    del asked[0]["precip"]
    answer = watched.post("/predict", json=asked)
    assert answer.json() == plain.post("/predict", json=asked).json()
    counted = samples(watched.get("/metrics/").text)
    said = answer.json()["probabilities"]
    assert counted[f"flights_total{{version={version}}}"] == len(flights)
    assert counted[f"expected_late_total{{version={version}}}"] == pytest.approx(sum(said))
    assert counted["weather_missing_total{column=temp}"] == len(flights)
    assert counted["weather_missing_total{column=precip}"] == 1 + flights["precip"][1:].isna().sum()
    assert counted["probability_bucket{le=0.2}"] == sum(each <= 0.2 for each in said)


def test_what_was_refused_is_refused_as_before_and_not_counted(store: tuple[Path, str]) -> None:
    folder, version = store
    plain, watched = (
        TestClient(app) for app in (create_app(folder, version), watch(create_app(folder, version)))
    )
    for content in (b'[{"carrier": "UA"}]', b"no JSON", b""):
        answer, same = (client.post("/predict", content=content) for client in (watched, plain))
        assert answer.status_code == 422
        assert answer.json() == same.json()
    assert watched.get("/readyz").json() == plain.get("/readyz").json()
    counted = samples(watched.get("/metrics/").text)
    assert {counted[f"weather_missing_total{{column={column}}}"] for column in WEATHER} == {0}
    assert not any(name.startswith("flights_total") for name in counted)


def test_the_lesson_shows_the_rules_as_they_are() -> None:
    rules = [line.strip() for line in (CHAPTER / "alerts.yml").read_text().splitlines() if "expr:" in line]
    lesson = (CHAPTER / "1-what-an-alarm-proves.py").read_text().splitlines()
    assert [line.removeprefix("# ") for line in lesson if line.startswith("# expr:")] == rules


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager = KernelManager(kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager())
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=300)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_service_outlives_an_interrupt_and_no_restart_of_the_kernel(
    kernel: tuple[KernelManager, BlockingKernelClient], store: tuple[Path, str], tmp_path: Path
) -> None:
    manager, client = kernel
    folder, version = store
    told = tmp_path / "told"
    starts = f"""
from pathlib import Path
from chapter_17 import service
address = service.start(Path({str(folder)!r}), {version!r})
Path({str(told)!r}).write_text(f"{{service._running[0].pid}} {{address}}")
"""
    for ends in (manager.restart_kernel, lambda: manager.restart_kernel(now=True)):
        client.wait_for_ready(timeout=300)
        assert client.execute_interactive(starts, timeout=600)["content"]["status"] == "ok"
        pid, address = told.read_text().split()
        process = psutil.Process(int(pid))
        manager.interrupt_kernel()
        with pytest.raises(psutil.TimeoutExpired):
            process.wait(timeout=2)
        assert "weather_missing_total" in scrape(address)
        ends()
        process.wait(timeout=60)
        with pytest.raises(SentenceError, match="run the cell that starts it again"):
            scrape(address)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_alarm_rules_ring_when_they_have_to(tmp_path: Path) -> None:
    for name in ("alerts.yml", "alerts-test.yml"):
        shutil.copy(CHAPTER / name, tmp_path)
    test = ["promtool", "test", "rules", "alerts-test.yml"]
    assert subprocess.run(test, cwd=tmp_path, check=False).returncode == 0
    rules = (tmp_path / "alerts.yml").read_text()
    grown = 'increase(weather_missing_total{column="temp"}[6h])'
    for right, broken in (
        ("0.05 * scalar", "5 * scalar"),
        ("abs(late", "(late"),
        (grown, 'weather_missing_total{column="temp"}'),
    ):
        assert right in rules
        (tmp_path / "alerts.yml").write_text(rules.replace(right, broken))
        assert subprocess.run(test, cwd=tmp_path, check=False).returncode != 0, broken
