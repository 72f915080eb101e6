"""The prediction service: alive, ready, and the champion's own probabilities."""

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from flightdelay.pipelines.in_plain_python import run
from flightdelay.serve import create_app
from flightdelay.steps.evaluate import digest, month_rows, predict
from flightdelay.steps.featurize import FEATURES, featurize
from flightdelay.steps.ingest import ingest
from flightdelay.store import Store

SAMPLE = 2_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "store"
    run("2013-02", sample=SAMPLE, store=folder)
    run("2013-03", sample=SAMPLE, store=folder)
    return folder


def test_it_gives_the_champions_probabilities(store: Path) -> None:
    version = Store(store).run("2013-03")["decision"]["version"]
    flights = month_rows(featurize(ingest("2013-03", sample=SAMPLE)), "2013-03").head(50)
    client = TestClient(create_app(store, version))
    answer = client.post("/predict", json=json.loads(flights[FEATURES].to_json(orient="records")))
    assert answer.status_code == 200
    assert answer.json()["version"] == version
    direct = predict(Store(store).load(version), flights)
    assert digest(np.array(answer.json()["probabilities"])) == digest(direct)
    assert client.post("/predict", json=[]).json()["probabilities"] == []


def test_ready_is_more_than_alive(tmp_path: Path, store: Path) -> None:
    client = TestClient(create_app(tmp_path / "empty"))
    assert client.get("/healthz").status_code == 200
    refused = client.get("/readyz")
    assert refused.status_code == 503
    assert "has no champion: run the pipeline first" in refused.json()["detail"]
    unknown = TestClient(create_app(store, "2013-03-000000000000")).get("/readyz")
    assert "missing or damaged" in unknown.json()["detail"]


def test_a_store_that_fills_later_makes_it_ready(tmp_path: Path) -> None:
    client = TestClient(create_app(tmp_path / "store"))
    assert client.get("/readyz").status_code == 503
    promoted = None
    for month in ("2013-02", "2013-03"):
        promoted = run(month, sample=20_000, store=tmp_path / "store").decision["champion_after"]
    assert promoted is not None
    assert client.get("/readyz").json() == {"status": "ready", "version": promoted}
    assert client.get("/champion").json() == {"version": promoted, "month": promoted[:7]}


@pytest.mark.parametrize(
    "flights",
    [{"carrier": "UA"}, [{"carrier": "UA"}], [{"carrier": None, "origin": "EWR", "dest": "LAX"}]],
    ids=["no list", "a column missing", "a category missing"],
)
def test_a_bad_question_is_refused_with_its_place(store: Path, flights: object) -> None:
    answer = TestClient(create_app(store)).post("/predict", json=flights)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize(
    "body",
    [
        r'[{"carrier": "\ud800", "origin": "EWR", "dest": "LAX"}]',
        r'[{"carrier": "UA", "origin": "EWR", "dest": "LAX\udfff"}]',
        r'[{"carrier": "UA", "origin": "EWR", "dest": "LAX", "temp": "\ud800"}]',
        r'["\ud800"]',
        r'[{"\ud800": 1}]',
        '[{"carrier": NaN, "origin": "EWR", "dest": "LAX"}]',
        '{"flights": Infinity}',
        f'[{{"carrier": "UA", "origin": "EWR", "dest": "LAX", "distance": {10**400}}}]',
        "[" * 100_000,
        "no JSON",
    ],
    ids=lambda body: body[:40],
)
def test_what_cannot_be_written_back_is_refused_in_a_sentence(store: Path, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = TestClient(create_app(store)).post("/predict", content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    said = answer.json()["detail"]
    assert said if isinstance(said, str) else all(each["msg"] for each in said)
