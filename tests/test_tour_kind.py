"""The tour's row "Kubeflow (kind)": unavailable with a reason, or a run on the cluster with its result read back."""

import base64
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kfp_server import KubeflowServer

from companion import tour
from companion.cluster import kubeflow, preflight, settings
from companion.cluster.shell import ClusterError, NotOurs, Shell
from companion.report import sameness
from flightdelay.pipelines import in_plain_python, with_kubeflow

MONTH = "2013-02"  # the smallest


class Cluster(Shell):
    """Our cluster, with a Pod at the store whose disk is a folder of this machine."""

    def __init__(self, folder: Path, images: str = f"docker.io/{with_kubeflow.IMAGE}") -> None:
        super().__init__()
        self.folder, self.images = folder, images
        self.did: list[str] = []

    def ask_kubectl(self, *words: str) -> str:
        if words[:2] == ("get", "nodes"):
            return self.images
        return (self._local(words[-2]) / "runs" / f"{words[-1]}.json").read_text()

    def do_kubectl(self, *words: str, stdin: str | None = None, source: str = "") -> str:
        self.did.append(" ".join(words[:4]))
        if kubeflow.UNPACK in words:
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(stdin or ""))) as archive:
                # Python before 3.11.4 knows no filter, and newer ones warn without it.
                safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(self._local(words[-1]), **safely)
        return ""

    def _local(self, path: str) -> Path:
        return self.folder / Path(path).relative_to("/store")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        monkeypatch.setattr(settings, "KUBEFLOW_URL", running.url)
        yield running


def test_it_runs_and_reads_the_result_back(
    server: KubeflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    (store / "models").mkdir(parents=True)
    cluster = Cluster(tmp_path / "claim")
    monkeypatch.setattr(kubeflow, "Shell", lambda: cluster)

    def works(run_id: str, task: str) -> str:
        """Do for `decide` what the cluster's Pods would have done."""
        if task == "decide":
            given = server.state.runs[run_id]["runtime_config"]["parameters"]
            in_plain_python.run(given["month"], store=cluster._local(given["store"]))
        return "SUCCEEDED"

    server.outcome = works
    result = kubeflow.run(MONTH, store=store)
    plain = in_plain_python.run(MONTH, store=tmp_path / "plain")
    assert result.digest == plain.digest
    assert result.decision == plain.decision
    assert server.wrong == []
    [made] = server.state.runs.values()
    assert not any(task.cached for task in server.state.tasks[made["run_id"]])
    assert list(store.iterdir()) == [store / "models"], "the store of this machine is not written to"
    assert cluster.did[-1] == "-n kubeflow delete pod", "the Pod at the store stays behind"


@pytest.mark.parametrize(("state", "says"), [("FAILED", "ended as FAILED"), ("RUNNING", "did not end in")])
def test_a_run_that_fails_or_does_not_end(
    state: str, says: str, server: KubeflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    cluster = Cluster(tmp_path / "claim")
    monkeypatch.setattr(kubeflow, "Shell", lambda: cluster)
    monkeypatch.setattr(kubeflow, "RUN_SECONDS", 0.1)
    server.outcome = lambda run_id, task: state
    with pytest.raises(ClusterError, match=says):
        kubeflow.run(MONTH, store=tmp_path / "store")
    assert cluster.did[-1] == "-n kubeflow delete pod"
    if state == "RUNNING":
        assert [run["state"] for run in server.state.runs.values()] == ["CANCELED"]


def test_why_it_cannot_run(server: KubeflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kubeflow.unavailable(Cluster(tmp_path)) is None
    reason = kubeflow.unavailable(Cluster(tmp_path, images="registry.k8s.io/pause:3.10"))
    assert reason is not None
    assert with_kubeflow.IMAGE in reason
    assert "make cluster-load" in reason
    monkeypatch.setattr(settings, "KUBEFLOW_URL", "http://127.0.0.1:1")
    assert "make cluster-kfp" in (kubeflow.unavailable(Cluster(tmp_path)) or "")

    def refuse(error: ClusterError) -> Any:
        def ask(self: Shell, *words: str) -> str:
            raise error

        return ask

    for error, fix in [
        (NotOurs("There is no cluster yet: make cluster-up makes one."), "make cluster-up makes one"),
        (ClusterError("kubectl get nodes failed and says: connection refused"), "make cluster-up"),
    ]:
        monkeypatch.setattr(Shell, "ask_kubectl", refuse(error))
        reason = kubeflow.unavailable(Shell()) or ""
        assert fix in reason
        assert "failed" not in reason, "the tour would take it for a run that failed"


def test_another_cluster_is_never_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig of one's own, a company's, is of no interest; without the book's there is no cluster."""
    called = tmp_path / "called"
    script = tmp_path / "kubectl"
    script.write_text(f'#!/bin/sh\ntouch "{called}"\n')
    script.chmod(0o755)
    (tmp_path / "mine").write_text("contexts: [{name: company}]")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "mine"))
    monkeypatch.setattr(settings, "KUBECONFIG", tmp_path / "none")
    assert "make cluster-up" in (kubeflow.unavailable(Shell()) or "")
    finding = preflight.check_cluster()
    assert not finding.ok
    assert finding.fix == "make cluster-up"
    assert not preflight.check_kubeflow(finding).ok
    assert not called.exists()


def test_doctors_lines(server: KubeflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    version = json.dumps({"serverVersion": {"gitVersion": "v1.36.1"}})
    monkeypatch.setattr(Shell, "ask_kubectl", lambda self, *words: version)
    finding = preflight.check_cluster()
    assert finding.ok
    assert "v1.36.1" in finding.detail
    assert preflight.check_kubeflow(finding).ok
    monkeypatch.setattr(settings, "KUBEFLOW_URL", "http://127.0.0.1:1")
    lacking = preflight.check_kubeflow(finding)
    assert not lacking.ok
    assert "make cluster-kfp" in lacking.fix


def test_without_a_cluster_the_tour_starts_no_process_to_learn_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KUBECONFIG", tmp_path / "none")
    monkeypatch.setattr(tour.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    reason = tour.no_cluster()
    assert reason == "There is no cluster yet: make cluster-up makes one."
    row = tour.not_run("kind", reason)
    assert (row["status"], row["seconds"]) == ("unavailable", None)


def test_a_month_that_is_kept_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Notebook 00 promotes the month that the tour keeps, and both are right."""
    year = [{"month": "2013-08", "decision": "promote"}, {"month": tour.MONTH, "decision": "keep"}]
    tour.explain_decision(year)
    said = capsys.readouterr().out
    assert "met a champion here, that of 2013-08" in said
    assert "notebook 00" in said
    year[1]["decision"] = "promote"
    tour.explain_decision(year)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("seconds", "words"), [(2, "10 seconds"), (64, "60 seconds"), (130, "2 minutes")])
def test_how_long_in_words(seconds: float, words: str) -> None:
    assert tour.in_words(seconds) == words


def test_the_row_of_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"orchestrator": "plain", "seconds": 2.0, "auc": 0.7, "log_loss": 0.4, "digest": "aa"}
    answer = {
        "seconds": 95.0,
        "evaluation": {"challenger": {"auc": 0.7, "log_loss": 0.4}, "digest": "aa"},
        "decision": {"decision": "keep"},
    }
    asked = []
    monkeypatch.setattr(tour, "run_in", lambda tool, months, **_: asked.append((tool, months)) or [answer])
    row = tour.one_month("kind", tmp_path, plain)
    assert asked == [("kind", ["2013-09"])]
    assert (row["status"], row["overhead_seconds"], row["decision"]) == ("ran", 93.0, "keep")


def test_on_a_cluster_metrics_have_to_agree_and_elsewhere_every_probability() -> None:
    plain = {"orchestrator": "plain", "auc": 0.7, "log_loss": 0.4, "digest": "aa"}
    assert sameness(plain | {"orchestrator": "kind"}, plain) == "yes"
    assert sameness(plain | {"orchestrator": "kind", "digest": "bb", "auc": 0.7004}, plain) == "to 0.001"
    assert sameness(plain | {"orchestrator": "kind", "digest": "bb", "auc": 0.702}, plain) == "NO"
    assert sameness(plain | {"orchestrator": "kubeflow", "digest": "bb"}, plain) == "NO"
