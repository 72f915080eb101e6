"""Kubeflow's API in a notebook is recorded from a server, and answered from the recording without one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import pytest
from kfp import compiler
from kfp_server import KubeflowServer

from companion import replay, replay_kubeflow
from companion.cluster import settings
from flightdelay.pipelines import with_kubeflow


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "11-kubeflow-on-kind.solution.json"
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    monkeypatch.setenv("COMPANION_RECORDING", str(path))
    replay.state_folder(str(tmp_path)).mkdir()
    replay_kubeflow._serve.cache_clear()
    yield path
    replay_kubeflow._serve.cache_clear()


def client() -> kfp.Client:
    with pytest.warns(FutureWarning):
        return kfp.Client(host=replay_kubeflow.address())


def run(package: Path, month: str = "2013-09") -> Any:
    asking = client()
    made = asking.create_run_from_pipeline_package(str(package), arguments={"month": month}, run_name="r")
    return asking.wait_for_run_completion(made.run_id, 30, sleep_duration=0.01)


def test_a_run_is_recorded_and_replayed(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "flight-delay.yaml"
    compiler.Compiler().compile(with_kubeflow.flight_delay, str(package))
    looks = iter(["RUNNING", "RUNNING"])
    monkeypatch.setenv("COMPANION_COMMANDS", "record")
    monkeypatch.setenv("COMPANION_CELL", "0123abcd-1")
    with KubeflowServer() as cluster:
        answer = cluster._run_service_get_run  # type: ignore[attr-defined]

        def slow(run_id: str, **more: Any) -> Any:
            return answer(run_id=run_id, **more) | {"state": next(looks, "SUCCEEDED")}

        cluster._run_service_get_run = slow  # type: ignore[attr-defined]
        monkeypatch.setattr(settings, "KUBEFLOW_URL", cluster.url)
        first = run(package)
    assert first.state == "SUCCEEDED"
    kept = json.loads(recording.read_bytes())
    assert kept["versions"] == {"kubeflow": "Kubeflow Pipelines"}
    polls = [each for each in kept["requests"] if each["path"].endswith(first.run_id)]
    assert len(polls) == 1, "of a poll, the last answer is enough"

    monkeypatch.setenv("COMPANION_COMMANDS", "replay")
    monkeypatch.setattr(settings, "KUBEFLOW_URL", "http://127.0.0.1:1")  # there is no cluster
    monkeypatch.setenv("COMPANION_CELL", "0123abcd-2")  # the cell is run again
    again = run(package)
    assert again.run_id == first.run_id
    assert again.to_dict() == first.to_dict()
    assert replay.misses(str(tmp_path)) == []

    with pytest.raises(kfp_server_api.ApiException, match="No recording answers"):
        run(package, month="2013-10")
    asking = client()
    monkeypatch.setenv("COMPANION_CELL", "4567cdef-1")  # another cell
    with pytest.raises(kfp_server_api.ApiException, match="No recording answers"):
        asking.get_run(first.run_id)
    assert len(replay.misses(str(tmp_path))) == 2


def test_an_upload_is_the_same_question_in_every_run(recording: Path) -> None:
    def asked(boundary: str) -> dict[str, str]:
        body = f"--{boundary}\r\nname: x\r\n--{boundary}--".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return replay_kubeflow.question("POST", "/apis/v2beta1/pipelines/upload", kind, body)

    assert asked("abc123") == asked("def456")


def test_without_a_recording_the_client_goes_to_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPANION_COMMANDS", raising=False)
    assert replay_kubeflow.address() == settings.KUBEFLOW_URL
