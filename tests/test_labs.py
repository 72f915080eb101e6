"""The labs without a cluster: what a real one answered (tests/fixtures/labs) is judged again, and the evidence."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from lab_scenarios import SCENARIOS

from chapter_10 import labs
from chapter_10.labs import LabError, Labs
from chapter_10.labs.faults import IMAGE, LABS, judge_evidence
from chapter_10.labs.look import Quiet
from companion.check import verdict as _verdict
from companion.cluster import settings
from companion.cluster.shell import NotOurs, Shell

FIXTURES = Path(__file__).parent / "fixtures" / "labs"
RECORDED = {
    int(path.stem.removeprefix("lab-")): json.loads(path.read_bytes()) for path in FIXTURES.glob("*.json")
}
LOOKS = [(number, name) for number, recorded in sorted(RECORDED.items()) for name in recorded["looks"]]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """A cluster that gives recorded answers: question to output, errors and exit code."""
    answers: dict[str, list[Any]] = {}

    def answer(shell: Shell, arguments: list[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
        out, errors, code = answers[" ".join(arguments)]
        return subprocess.CompletedProcess(arguments, code, out, errors)

    monkeypatch.setattr(Quiet, "_run_kubectl", answer)
    monkeypatch.setattr(Quiet, "_check_kubeconfig", lambda shell: None)
    return answers


def test_every_lab_was_run_on_a_real_cluster() -> None:
    assert set(RECORDED) == set(SCENARIOS) == set(LABS)
    for number, recorded in RECORDED.items():
        assert recorded["kubernetes"].startswith("v1.")
        assert set(recorded["looks"]) == {"broken", "mended", *SCENARIOS[number].wrong}


@pytest.mark.parametrize(("number", "name"), LOOKS)
def test_only_the_mend_is_accepted(number: int, name: str, cluster: dict[str, list[Any]]) -> None:
    recorded = RECORDED[number]["looks"][name]
    cluster.update(recorded["kubectl"])
    evidence = SCENARIOS[number].evidence[0]
    verdict, without = labs.judge(number, evidence), labs.judge(number)
    assert labs.look(number).state == recorded["state"]
    assert without.mark == _verdict.WRONG_MARK
    if name == "mended":
        assert verdict.mark == _verdict.RIGHT_MARK
        assert "Now the evidence" in without.text
        symptom = labs.judge(number, "it does not work")
        assert symptom.mark == _verdict.WRONG_MARK
    else:
        assert verdict.mark == _verdict.WRONG_MARK
        assert "Not mended" in verdict.text or "hides the symptom" in verdict.text


@pytest.mark.parametrize("number", sorted(LABS))
def test_evidence_in_several_forms(number: int) -> None:
    for evidence in SCENARIOS[number].evidence:
        assert judge_evidence(LABS[number], evidence) == ""
        assert judge_evidence(LABS[number], f"  {evidence.upper()}\n") == ""
    for other in ("", "no idea", LABS[number].complaint):
        assert judge_evidence(LABS[number], other)


@pytest.mark.parametrize("number", sorted(LABS))
def test_a_fault_is_one_change_of_something_healthy(number: int) -> None:
    lab, namespace = LABS[number], f"flights-lab-{number}"
    healthy, seeded = lab.healthy(namespace), lab.seeded(namespace)
    if number != 8:  # there the fault is in an image
        assert healthy.count(lab.fault[0]) == 1
        assert seeded.replace(lab.fault[1], lab.fault[0]) == healthy
    for text in (healthy, seeded):
        objects = list(yaml.safe_load_all(text))
        assert {item["metadata"]["namespace"] for item in objects} == {namespace}


def test_the_image_is_the_books() -> None:
    from flightdelay.pipelines import with_kubeflow

    assert IMAGE == with_kubeflow.IMAGE


@pytest.mark.parametrize("number", [42, 0, -1, "3", 3.0, True, None])
def test_a_lab_that_is_none(number: Any, tmp_path: Path) -> None:
    lab = Labs(tmp_path)
    for use in (lab.start, lab.check, lab.reset):
        with pytest.raises(LabError, match=r"There is no lab .*; the labs are 1 to 12"):
            use(number)


def test_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KUBECONFIG", tmp_path / "kubeconfig")
    monkeypatch.delenv("COMPANION_COMMANDS", raising=False)
    lab = Labs(tmp_path)
    for use in (lab.start, lab.check, lab.reset):
        with pytest.raises(NotOurs, match="There is no cluster yet: make cluster-up makes one"):
            use(3)


def test_a_namespace_of_somebody_else_is_left_alone(tmp_path: Path, cluster: dict[str, list[Any]]) -> None:
    theirs = json.dumps({"metadata": {"name": "flights-lab-3"}})
    cluster["get namespace flights-lab-3 --ignore-not-found -o json"] = [theirs, "", 0]
    for use in (Labs(tmp_path).start, Labs(tmp_path).reset):
        with pytest.raises(LabError, match="that no lab has made; it is left alone"):
            use(3)


def test_started_again_it_stays_and_the_manifest_comes_back(
    tmp_path: Path, cluster: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    ours = json.dumps({"metadata": {"name": "flights-lab-3", "annotations": {labs.STATE: "started"}}})
    cluster["get namespace flights-lab-3 --ignore-not-found -o json"] = [ours, "", 0]
    Labs(tmp_path).start(3)
    assert "Lab 3 is started already and stays as you left it" in capsys.readouterr().out
    assert (tmp_path / "lab-3.yaml").read_text() == LABS[3].seeded("flights-lab-3")
