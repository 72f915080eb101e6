"""The labs of chapter 10 without a cluster: started on the recorded one, mended there in every style, and judged."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chapter_10 import labs, mends
from chapter_10.labs import LabError, Labs
from chapter_10.labs.faults import IMAGE, LABS, judge_evidence
from chapter_10.labs.look import Quiet
from chapter_10.mends import (
    APPLY,
    MONTH_FROM,
    NO_JOB,
    REPLACE,
    SCENARIOS,
    SERVE,
    Steps,
    json_patch,
    merge_patch,
)
from companion.bootstrap import ROOT
from companion.chapters import chapters
from companion.check import verdict as _verdict
from companion.cluster import settings
from companion.cluster.shell import NotOurs, Shell
from companion.recorded import serve, server

(CHAPTER,) = (each for each in chapters(ROOT) if each.number == "10")
SITTING = {
    int(space.rpartition("-")[2]): sitting for sitting in CHAPTER.sittings for space in sitting.namespaces
}
GOOD = [
    (number, name, steps)
    for number, each in SCENARIOS.items()
    for name, steps in {"the mend": each.mend, **each.others}.items()
]
BAD = [(number, name, steps) for number, each in SCENARIOS.items() for name, steps in each.wrong.items()]
# Mends that nobody recorded: right ones, and wrong ones with a word of what is said to them.
UNSEEN: dict[int, tuple[dict[str, Steps], dict[str, Steps]]] = {
    1: (
        {"and slower": (mends.right(1), ("periodSeconds: 3", "periodSeconds: 4"), APPLY)},
        {
            "no image": ("kubectl set image -n {ns} deployment/predictions serve=pipelines-for-humans/python:1",),
            "sleeps": (mends.right(1), ('serve_forever()', 'serve_forever'), APPLY),
        },
    ),
    2: (
        {
            "both folders": (
                "kubectl set env -n {ns} deployment/predictions -c serve PYTHONPATH=/app:/app/src",
            )
        },
        {"no folder": ("kubectl set env -n {ns} deployment/predictions -c serve PYTHONPATH=/nowhere",)},
    ),
    3: (
        {"900Mi": (("memory: 300Mi", "memory: 900Mi"), REPLACE)},
        {
            "killed": (("memory: 300Mi", "memory: 310Mi"), REPLACE),
            "is none": (("memory: 300Mi", "memory: 9Gi"), REPLACE),
            "another training": (('MONTH: "2013-12"', 'MONTH: "2013-06"'), REPLACE),
        },
    ),
    4: (
        {"a quarter": (('cpu: "50"', "cpu: 250m"), REPLACE)},
        {
            "no node": (('cpu: "50"', "cpu: 3"), NO_JOB, APPLY),
            "leaves": (('cpu: "50"', "cpu: 2"), REPLACE),
        },
    ),
    5: (
        {"more room": (mends.right(5), ("100Mi", "150Mi"), REPLACE)},
        {"storageclass": (("fast-ssd", "gold"), REPLACE)},
    ),
    6: (
        {"list too": (('verbs: ["get"]', 'verbs: ["get", "list", "patch"]'), APPLY)},
        {
            "delete": (('verbs: ["get"]', 'verbs: ["get", "patch", "delete"]'), APPLY),
            "may not": (('verbs: ["get"]', 'verbs: ["get", "watch"]'), APPLY),
            "every Pod": (
                "kubectl create clusterrolebinding mine --clusterrole=edit --serviceaccount={ns}:promoter",
            ),
        },
    ),
    7: (
        {"by name": (mends.right(7), ("    - port: 80\n", "    - name: http\n      port: 80\n"), APPLY)},
        {"other labels": ("kubectl set selector -n {ns} service predictions app=forecast",)},
    ),
    8: (
        {"its folder": (("late-share:1\n", "late-share:build-18\n"), ("backoffLimit: 0", "backoffLimit: 1"), REPLACE)},
        {
            "image": (("late-share:1\n", "late-share:build-19\n"), REPLACE),
            "overrules": (
                ("late-share:1\n", "late-share:build-18\n          env: [{name: LATE_AFTER, value: '5'}]\n"),
                REPLACE,
            ),
        },
    ),
    9: (
        {"and more patient": (mends.right(9), ("backoffLimit: 0", "backoffLimit: 1"), REPLACE)},
        {
            "still about": (('MONTH: "2013-09"', 'MONTH: "2013-08"'), REPLACE),
            "until the Job runs again": (
                "kubectl label -n {ns} job late-list team=flights",
                merge_patch("configmap run", '{"data":{"MONTH":"2013-10"}}'),
            ),
        },
    ),
    10: (
        {"and more patient": (mends.right(10), ("backoffLimit: 0", "backoffLimit: 1"), REPLACE)},
        {"configmap": ((MONTH_FROM, MONTH_FROM.replace("key: MONTH", "key: MOON")), REPLACE)},
    ),
    11: (
        {
            "more often": (mends.right(11), ("periodSeconds: 3", "periodSeconds: 2"), APPLY),
        },
        {
            "port 80,": (
                json_patch(
                    "deployment/predictions",
                    f'{{"op":"replace","path":"{SERVE}/readinessProbe/httpGet/port","value":80}}',
                ),
            )
        },
    ),
    12: (
        {"150m": (("cpu: 500m", "cpu: 150m"), REPLACE)},
        {"quota": (("cpu: 500m", "cpu: 250m"), REPLACE)},
    ),
}  # fmt: skip


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Labs]:
    """Start a lab on its recorded cluster, fresh."""
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    monkeypatch.setenv("COMPANION_CLUSTER", "recorded")
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("PATH", f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("COMPANION_COMMANDS", raising=False)
    monkeypatch.setattr(serve, "_servers", {})
    # Who waits here is kubectl, which thinks about what it was shown for a hundredth of a second.
    monkeypatch.setattr(server, "LINGER", 0.2)

    def start(number: int) -> Labs:
        serve.serve(SITTING[number].key)
        lab = Labs(tmp_path)
        lab.start(number)
        return lab

    return start


def cases(listed: list[tuple[int, str, Steps]]) -> list[Any]:
    return [pytest.param(each, id=f"{each[0]} {each[1]}") for each in listed]


@pytest.mark.parametrize("each", cases(GOOD))
def test_a_mend_is_accepted_without_a_cluster(
    each: tuple[int, str, Steps], recorded: Callable[[int], Labs], tmp_path: Path
) -> None:
    number, _, steps = each
    recorded(number)
    evidence = SCENARIOS[number].evidence[0]
    before = labs.judge(number, evidence)
    assert before.mark == _verdict.WRONG_MARK
    assert "Not mended" in before.text
    printed = mends.run(number, tmp_path / "mend.yaml", steps, wait=False)
    assert "is a recording" not in printed, printed
    verdict, without = labs.judge(number, evidence), labs.judge(number)
    assert verdict.mark == _verdict.RIGHT_MARK, f"{verdict.text}\n{printed}"
    assert "cannot show" not in verdict.text
    assert without.mark == _verdict.WRONG_MARK
    assert "Now the evidence" in without.text
    assert labs.judge(number, "it does not work").mark == _verdict.WRONG_MARK


@pytest.mark.parametrize("each", cases(BAD))
def test_what_only_looks_like_a_mend_is_told_apart(
    each: tuple[int, str, Steps], recorded: Callable[[int], Labs], tmp_path: Path
) -> None:
    number, _, steps = each
    recorded(number)
    printed = mends.run(number, tmp_path / "mend.yaml", steps, wait=False)
    assert "is a recording" not in printed, printed
    verdict = labs.judge(number, SCENARIOS[number].evidence[0])
    assert verdict.mark == _verdict.WRONG_MARK, f"{verdict.text}\n{printed}"
    assert "Not mended" in verdict.text or "hides the symptom" in verdict.text
    assert "cannot show" not in verdict.text


@pytest.mark.parametrize("number", sorted(UNSEEN))
def test_a_mend_that_nobody_recorded_is_judged_by_what_is_written(
    number: int, recorded: Callable[[int], Labs], tmp_path: Path
) -> None:
    lab = recorded(number)
    good, bad = UNSEEN[number]
    for name, steps in [*good.items(), *bad.items()]:
        printed = mends.run(number, tmp_path / "mend.yaml", steps)
        assert "This cluster is a recording" in printed, printed
        verdict = labs.judge(number, SCENARIOS[number].evidence[0])
        if name in good:
            assert verdict.mark == _verdict.RIGHT_MARK, verdict.text
            assert "This cluster is recorded and cannot show the end." in verdict.text
        else:
            assert verdict.mark == _verdict.WRONG_MARK, (name, verdict.text)
        lab.reset(number)
        lab.start(number)
        assert "Not mended" in labs.judge(number, SCENARIOS[number].evidence[0]).text


def test_each_lab_has_enough_mends() -> None:
    assert SCENARIOS.keys() == LABS.keys() == SITTING.keys() == UNSEEN.keys()
    for each in SCENARIOS.values():
        assert len(each.others) >= 2
        assert len(each.wrong) >= 3


def test_a_merge_patch_is_a_command() -> None:
    assert (
        merge_patch("job train", '{"a":{}}').format(ns="x")
        == """kubectl patch -n x job train -p '{"a":{}}'"""
    )
    assert json_patch("job/train", '{"op":"remove"}').format(ns="x").endswith("""-p '[{"op":"remove"}]'""")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """A cluster that gives these answers: question to output, errors and exit code."""
    answers: dict[str, list[Any]] = {}

    def answer(shell: Shell, arguments: list[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
        out, errors, code = answers[" ".join(arguments)]
        return subprocess.CompletedProcess(arguments, code, out, errors)

    monkeypatch.setattr(Quiet, "_run_kubectl", answer)
    monkeypatch.setattr(Quiet, "_check_kubeconfig", lambda shell: None)
    return answers


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
