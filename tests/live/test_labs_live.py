"""Every lab on a live cluster: broken, broken after a wrong mend, mended (``make test-cluster``).

All other mends, right and wrong, are made on a real cluster when the chapter is recorded.
"""

import os
from pathlib import Path

import pytest

from chapter_10 import labs, mends
from chapter_10.labs.faults import LABS
from chapter_10.labs.look import Quiet
from chapter_10.mends import SCENARIOS, Steps
from companion.cluster import settings

pytestmark = pytest.mark.skipif("TEST_CLUSTER" not in os.environ, reason="needs a cluster: make test-cluster")


def cases() -> list[tuple[int, str, Steps, bool]]:
    found = []
    for number, each in SCENARIOS.items():
        name, steps = next(iter(each.wrong.items()))
        found += [(number, "the mend", each.mend, True), (number, name, steps, False)]
    return found


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case[0]} {case[1]}")
def test_a_lab_is_mended_by_its_mends_alone(
    case: tuple[int, str, Steps, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, name, steps, good = case
    monkeypatch.setenv("KUBECONFIG", str(settings.KUBECONFIG))
    lab = labs.Labs(tmp_path)
    if lab._state(f"flights-lab-{number}"):
        pytest.fail(f"Lab {number} is started; the test would remove it. lab.reset({number}) first.")
    try:
        lab.start(number)
        assert labs.look(number).state == "broken"
        printed = mends.run(number, tmp_path / "mend.yaml", steps)
        finding = labs.look(number)
        assert (finding.state == "mended") is good, f"{name}: {finding.text}\n{printed}"
    finally:
        lab.reset(number)


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab = labs.Labs(tmp_path)
    for number in (42, 0, "3", True):
        with pytest.raises(labs.LabError, match=rf"There is no lab .*; the labs are 1 to {max(LABS)}"):
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
