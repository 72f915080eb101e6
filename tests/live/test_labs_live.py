"""Every lab on the book's cluster: broken, broken after each wrong mend, mended. ``make test-cluster`` runs it.

With ``RECORD_LABS=1`` what kubectl answered is written to ``tests/fixtures/labs``; tests/test_labs.py judges
those answers again, without a cluster.
"""

import datetime
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_scenarios import SCENARIOS, Step

from chapter_10 import labs
from chapter_10.labs.faults import LABS, Finding
from chapter_10.labs.look import Quiet
from companion.cluster import settings

pytestmark = pytest.mark.skipif("TEST_CLUSTER" not in os.environ, reason="needs a cluster: make test-cluster")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "labs"


class Bench:
    """A started lab, and what kubectl answered when it was looked at."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.lab, self.namespace = number, labs.Labs(folder), f"flights-lab-{number}"
        self.file = folder / f"lab-{number}.yaml"
        self.answers: dict[str, Any] = {}

    def run(self, *steps: Step) -> None:
        for step in steps:
            if isinstance(step, tuple):
                text = self.file.read_text()
                assert step[0] in text, step
                self.file.write_text(text.replace(*step))
                command = f"kubectl replace --force --timeout=120s -f {self.file}"
            else:
                command = step.format(ns=self.namespace, file=self.file, cluster=settings.NAME)
            done = subprocess.run(
                command, shell=True, env=Quiet().environment(), capture_output=True, text=True, timeout=600
            )
            assert not done.returncode, f"{command}: {done.stdout}{done.stderr}"

    def seed(self) -> None:
        """Put the fault in place again."""
        self.file.write_text(LABS[self.number].seeded(self.namespace))
        for kind in ("clusterrolebinding lab6-admin lab6-all", f"rolebinding -n {self.namespace} all"):
            self.run(f"kubectl delete --ignore-not-found {kind}")
        self.run(f"kubectl replace --force --timeout=120s -f {self.file}")

    def look(self, name: str, monkeypatch: pytest.MonkeyPatch) -> Finding:
        """Judge, and keep what kubectl answered."""
        kept: dict[str, list[Any]] = {}
        ask = Quiet._run_kubectl

        def listen(shell: Quiet, arguments: list[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
            done = ask(shell, arguments, stdin)
            out = done.stdout
            if arguments[-1] == "json":  # without the white space, half as long
                out = json.dumps(json.loads(out), separators=(",", ":"))
            kept[" ".join(arguments)] = [out, done.stderr, done.returncode]
            return done

        with monkeypatch.context() as patch:
            patch.setattr(Quiet, "_run_kubectl", listen)
            finding = labs.look(self.number)
        self.answers[name] = {"state": finding.state, "kubectl": kept}
        print(f"{name}: {finding.state}: {finding.text}")
        return finding


@pytest.fixture(params=sorted(LABS))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(request.param, tmp_path)
    if bench.lab._state(bench.namespace):
        pytest.fail(
            f"Lab {bench.number} is started; the test would remove it. lab.reset({bench.number}) first."
        )
    yield bench
    bench.lab.reset(bench.number)


def test_a_lab_is_mended_by_its_mend_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.lab.start(bench.number)
    assert bench.look("broken", monkeypatch).state == "broken"
    scenario = SCENARIOS[bench.number]
    for name, steps in scenario.wrong.items():
        bench.seed()
        bench.run(*steps)
        assert bench.look(name, monkeypatch).state != "mended", name
    bench.seed()
    bench.run(*scenario.mend)
    assert bench.look("mended", monkeypatch).state == "mended"
    if "RECORD_LABS" in os.environ:
        FIXTURES.mkdir(exist_ok=True)
        said = Quiet().ask_kubectl("version", "-o", "json")
        recorded = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "kubernetes": json.loads(said)["serverVersion"]["gitVersion"],
            "looks": bench.answers,
        }
        text = json.dumps(recorded, indent=1, ensure_ascii=False)
        (FIXTURES / f"lab-{bench.number}.json").write_text(f"{text}\n", encoding="utf-8")


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab = labs.Labs(tmp_path)
    for number in (42, 0, "3", True):
        with pytest.raises(labs.LabError, match=r"There is no lab .*; the labs are 1 to 12"):
            lab.start(number)  # type: ignore[arg-type]
    with pytest.raises(labs.LabError, match=r"Lab 4 is not started: lab\.start"):
        lab.check(4)
    lab.reset(4)
    lab.start(4)
    lab.start(4)
    assert "started already" in capsys.readouterr().out
    # A start that was interrupted: the namespace is there, and not marked as started.
    Quiet().do_kubectl("annotate", "--overwrite", "namespace", "flights-lab-4", f"{labs.STATE}=starting")
    lab.start(4)
    assert "did not come to its end" in capsys.readouterr().out
    lab.reset(4)
