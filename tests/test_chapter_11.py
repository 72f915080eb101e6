"""The client code of chapter 11 makes only calls that Kubeflow's API knows, and a wrong one fails here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("lesson_on_stand_in.py")
CREATED = "run_service_create_run"


def run_lesson(*change: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), "11-kubeflow-on-kind", *change]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def test_the_whole_lesson_on_the_stand_in() -> None:
    done = run_lesson()
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    # September, October, January, September again, and the step that prints a file; all removed at the end.
    assert found["calls"].count(CREATED) == found["calls"].count("run_service_delete_run") == 5
    assert len(found["said"]) == 4
    assert all(" right." in line for line in found["said"]), found["said"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('"sample": 20_000}=>"samples": 20_000}', "not required by pipeline: samples"),
        ('{"month": "2013-09", =>{"month": 9, ', "requires type STRING"),
        ("pipeline/runid={run_id}=>pipeline/run={run_id}", "this cell failed"),
    ],
    ids=["argument", "type", "label"],
)
def test_a_wrong_call_in_the_lesson_fails(change: str, says: str) -> None:
    done = run_lesson(change)
    assert done.returncode != 0
    assert says in done.stdout + done.stderr
