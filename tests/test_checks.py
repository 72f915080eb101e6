"""Every exercise has a check that knows right from wrong.

For each exercise of each lesson: the check accepts the solution and is friendly on the stub (both are shown
by the stored outputs, which nbval proves), and it rejects at least three wrong answers with a hint. These are
listed in the chapter's ``wrong_answers.py``, in a dict ``WRONG = {"ex_1_1": [...]}``. Right answers in another style
than the solution's stand beside them, in ``ALSO_RIGHT``, where a check had refused one.
"""

import contextlib
import functools
import importlib
import io
import subprocess
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
import yaml

from authoring import build
from companion import check, scale
from companion.chapters import Sitting, chapters
from companion.check import verdict as _verdict
from companion.check.verdict import NOT_ANSWERED, Verdict, exercise, right, wrong
from companion.environment import recorded_kubeconfig, repository
from companion.recorded.recording import Key
from companion.recorded.state import RUNS, TRAINJOBS

ROOT = repository()
EXERCISES = [
    pytest.param(
        sitting,
        name,
        id=f"{sitting.notebook}-{name}",
        marks=pytest.mark.skipif(bool(build.lacks(sitting, ROOT)), reason=build.lacks(sitting, ROOT) or "-"),
    )
    for sitting in build.sittings(ROOT)
    for name in build.exercises(sitting.lesson)
]
NOT_YET_RUN = build.not_yet_run(ROOT)
RUN = [each for each in EXERCISES if each.values[0].notebook not in NOT_YET_RUN]
AT_LEAST = 3


@functools.cache
def with_scale() -> None:
    """Install, in silence, what the first cell of 14 to 16 does: their checks and answers use it."""
    with contextlib.redirect_stdout(io.StringIO()):
        scale.set_up()


def listed(chapter: str, name: str) -> Any:
    """Return what a chapter's ``wrong_answers.py`` has under a name.

    Loaded when it is asked for: some bring an orchestrator along, which takes long.
    """
    if chapter in ("14", "15", "16"):
        with_scale()
    return getattr(importlib.import_module(f"chapter_{chapter}.wrong_answers"), name, {})


def problems(judge: Callable[[Any], None], wrong_answers: list[Any], capsys: Any) -> list[str]:
    """Say what is missing in a check, given the wrong answers it has to reject."""

    def said(answer: Any) -> str:
        judge(answer)
        return str(capsys.readouterr().out)

    found = []
    if len(wrong_answers) < AT_LEAST:
        found.append(f"only {len(wrong_answers)} wrong answers are listed; {AT_LEAST} are needed")
    verdicts = {repr(answer): said(answer) for answer in wrong_answers}
    for answer, verdict in verdicts.items():
        if not verdict.startswith(_verdict.WRONG_MARK):
            found.append(f"it accepts {answer}")
        if "could not be checked" in verdict:
            found.append(f"it has no hint for {answer}")
    stub = said(None)
    if not stub.startswith(_verdict.NOT_ANSWERED_MARK):
        found.append("it is not friendly on the stub")
    if any(verdict.count("\n") != 1 for verdict in (stub, *verdicts.values())):
        found.append("it does not say exactly one line")
    return found


@pytest.mark.parametrize(("sitting", "name"), EXERCISES)
def test_check_rejects_wrong_answers(sitting: Sitting, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong_answers = listed(sitting.key[:2], "WRONG").get(name, [])
    assert problems(getattr(check, name), wrong_answers, capsys) == []


@pytest.mark.parametrize(("sitting", "name"), EXERCISES)
def test_check_accepts_other_styles(sitting: Sitting, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    answers = listed(sitting.key[:2], "ALSO_RIGHT").get(name)
    if not answers:
        pytest.skip("no right answer in another style is listed")
    refused = []
    for answer in answers:
        getattr(check, name)(answer)
        verdict = capsys.readouterr().out
        if not verdict.startswith(_verdict.RIGHT_MARK):
            refused.append((answer, verdict))
    assert refused == []


# Where a reader had got a hint that was about another mistake, or about a machine or a type that was not at fault.
HINTS: dict[str, tuple[Callable[[], Any], str]] = {
    "ex_0_3": (
        lambda: dict(listed("00", "ALSO_RIGHT")["ex_0_3"][0], shop="script"),
        "when a step fails at two",
    ),
    "ex_5_4": (lambda: listed("05", "three_digits_first"), "are rounded before they are compared"),
    "ex_6_2": (lambda: "FROM", "A FROM names no image"),
    "ex_6_3": (lambda: listed("06", "between_line_breaks"), "can stand in a file too"),
    "ex_6_4": (lambda: [listed("06", "without_late"), listed("06", "report")], "asks for a column late"),
    "ex_8_1": (
        lambda: listed("08", "OCTOBER").replace("backoffLimit: 2", 'backoffLimit: "2"'),
        "A number stands there without quotes",
    ),
    "ex_11_2": (lambda: listed("11", "whole_nodes"), "the middle of the node alone"),
    "ex_13_2": (lambda: listed("13", "asks_a_dict_for_its_output"), "is Kubeflow's word"),
    "ex_13_3": (
        lambda: dict(listed("13", "PICKS"), two=("managed", ["schedule"])),
        "For which other need of theirs are these not taken?",
    ),
    "ex_14_1": (lambda: listed("14", "in_whole_hours"), "counted in whole hours they are six"),
    "ex_14_2": (lambda: listed("14", "divided_by_what_does_not_grow"), "What does not grow never breaks"),
    "ex_14_3": (lambda: listed("14", "sys_path_of_the_worker"), "keeps what it has imported"),
    "ex_14_5": (lambda: listed("14", "in_whole_seconds"), "do not round"),
    "ex_16_1": (
        lambda: listed("16", "from_0_to_1"),
        "do the ends that you ask for run from 0 to 1, or to 100",
    ),
    "ex_16_2": (lambda: listed("16", "judge_first"), "Does the part to learn from come first"),
    "ex_16_3": (lambda: listed("16", "from_above_it_on"), "as sure as the threshold"),
    "ex_16_4": (lambda: listed("16", "refuses_by_the_name"), "a name promises nothing"),
    "ex_16_5": (lambda: listed("16", "by_the_median"), "Is each mean that of all rows"),
    "ex_16_6": (lambda: listed("16", "divided_by_the_rank"), "divided by the rank"),
    "ex_16_7": (lambda: listed("16", "of_90_percent"), "an interval of 90% leaves it out"),
    "ex_16_8": (lambda: listed("16", "adapter_inside_of_the_frozen"), "come on top of the frozen ones"),
    "ex_16_9": (lambda: listed("16", "by_the_ratio"), "it sorts from reading/wrong on"),
    "ex_16_10": (lambda: listed("16", "by_hash"), "hash() of a text"),
    "ex_16_11": (lambda: listed("16", "by_halves"), "as large as the month"),
    "ex_17_1": (lambda: listed("17", "the_last_answer"), "flights were answered, by version"),
    "ex_17_2": (lambda: listed("17", "changed_over"), "the logarithm is that of what the model said"),
    "ex_17_3": (lambda: listed("17", "unknown_as_on_time"), "are not there yet"),
}


@pytest.mark.parametrize("name", HINTS)
def test_the_hint_is_about_this_mistake(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer, words = HINTS[name]
    getattr(check, name)(answer())
    said = capsys.readouterr().out
    assert said.startswith(_verdict.WRONG_MARK)
    assert words in said


@pytest.mark.parametrize(
    ("at_recorded", "limit", "said"),
    [
        (True, "950Mi", "✅ Exercise 8.3: right. It peaks at 600 Mi, requests 620Mi, may take 950Mi"),
        (True, "4Gi", "❌ Exercise 8.3: not yet. A limit of 4Gi is 7 times"),
        (True, "400Mi", "❌ Exercise 8.3: not yet. A request of 620Mi above a limit of 400Mi"),
        (False, "950Mi", "❌ Exercise 8.3: not yet. No Job december is in it"),
    ],
)
def test_sizes_that_no_recording_holds_are_judged_by_what_was_applied(
    at_recorded: bool,
    limit: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(recorded_kubeconfig()) if at_recorded else "/elsewhere")
    wish = yaml.safe_load(listed("08", "DECEMBER").replace("640Mi", "620Mi").replace("900Mi", limit))
    key = Key("jobs.batch", "flights-sizes", "december")
    monkeypatch.setattr("companion.recorded.serve.unknown", lambda namespace: [("create", key, wish)])
    check.ex_8_3({"reason": "OOMKilled", "peak": 600, "objects": '{"kind": "List", "items": []}'})
    verdict = capsys.readouterr().out
    assert verdict.startswith(said)
    assert ("recorded and cannot show the end" in verdict) == verdict.startswith(_verdict.RIGHT_MARK)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"month": "2013-10", "sample": 5_000, "window": 0}, "✅ Exercise 11.1: right."),
        ({"month": "2013-10"}, "❌ Exercise 11.1: not yet. This run learns from all flights"),
        (
            {"month": "2013-11", "sample": 5_000},
            "❌ Exercise 11.1: not yet. This run was asked for '2013-11'",
        ),
        ({"month": "2013-09", "sample": 5_000}, "❌ Exercise 11.1: not yet. This is a run of September."),
    ],
)
def test_a_run_that_no_recording_holds_is_judged_by_what_was_sent(
    parameters: dict[str, object],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wish = {"kind": "Run", "spec": {"pipeline": "flight-delay", "parameters": parameters}}
    unknown = [("create", Key(RUNS, "kubeflow", "october"), wish)]
    monkeypatch.setattr("companion.recorded.serve.unknown", lambda namespace: unknown)
    check.ex_11_1(None)
    verdict = capsys.readouterr().out
    assert verdict.startswith(said)
    assert ("recorded and cannot show the end" in verdict) == verdict.startswith(_verdict.RIGHT_MARK)


@pytest.mark.parametrize(
    ("at_recorded", "workers", "said"),
    [
        (True, 3, "✅ Exercise 15.7: right. This cluster is recorded and cannot show the end"),
        (True, 4, "❌ Exercise 15.7: not yet. The number of workers is 4"),
        (False, 3, "❌ Exercise 15.7: not yet. No worker says in the log"),
    ],
)
def test_a_training_that_no_recording_holds_is_judged_by_its_text(
    at_recorded: bool,
    workers: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(recorded_kubeconfig()) if at_recorded else "/elsewhere")
    text = listed("15", "THREE").replace("numNodes: 3", f"numNodes: {workers}").replace("300Mi", "333Mi")
    unknown = [("create", Key(TRAINJOBS, "flights-workers", "three"), yaml.safe_load(text))]
    monkeypatch.setattr("companion.recorded.serve.unknown", lambda namespace: unknown)
    check.ex_15_7({"manifest": text, "log": []})
    assert capsys.readouterr().out.startswith(said)


def test_nothing_filled_in_is_not_answered(capsys: pytest.CaptureFixture[str]) -> None:
    check.ex_0_3(dict.fromkeys(("analysis", "report", "shop", "bank")))
    assert capsys.readouterr().out.startswith(_verdict.NOT_ANSWERED_MARK)


@pytest.mark.parametrize(("sitting", "name"), RUN)
def test_stored_verdicts(sitting: Sitting, name: str) -> None:
    marks = {"learner": _verdict.NOT_ANSWERED_MARK, "solution": _verdict.RIGHT_MARK}
    for variant, mark in marks.items():
        path = ROOT / build.FOLDERS[variant] / f"{sitting.notebook}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        cell = next(cell for cell in cells if f"check.{name}(answer)" in cell.source)
        text = "".join(output.get("text", "") for output in cell.outputs)
        assert text.startswith(mark), f"{path.name}, {variant}: {text}"


def test_wrong_answers_belong_to_exercises() -> None:
    names = {each.values[1] for each in EXERCISES}
    for chapter in chapters(ROOT):
        assert {*listed(chapter.number, "WRONG"), *listed(chapter.number, "ALSO_RIGHT")} <= names


@exercise
def ex_90_1(answer: int) -> Verdict:
    print("a learner's function may print")
    return right("Three of\nfour were late.") if answer + 0 == 3 else wrong("Count the True values.")


@exercise
def ex_90_2(answer: Callable[[], object]) -> Verdict:
    return NOT_ANSWERED if answer() is None else right("It returns something.")


@exercise
def ex_90_3(answer: float) -> Verdict:
    raise subprocess.TimeoutExpired("python", answer)


def test_time_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (600, 60):
        ex_90_3(answer)
    for line, given in zip(capsys.readouterr().out.splitlines(), ("10 minutes", "a minute"), strict=True):
        assert line.startswith(
            f"… Exercise 90.3: no verdict: running this took longer than {given} on this machine."
        )


def test_three_kinds_of_verdict_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (None, 3, 4, "three"):
        ex_90_1(answer)
    ex_90_2(lambda: None)
    assert capsys.readouterr().out.splitlines() == [
        "… Exercise 90.1: not answered yet. Replace None above, then run both cells.",
        "✅ Exercise 90.1: right. Three of four were late.",
        "❌ Exercise 90.1: not yet. Count the True values.",
        "❌ Exercise 90.1: not yet. This answer, a str, could not be checked (TypeError: can only "
        'concatenate str (not "int") to str); read again what kind of value is asked for.',
        "… Exercise 90.2: not answered yet. Replace None above, then run both cells.",
    ]


def test_the_scheme_finds_a_weak_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(ex_90_1, [0, 4, 10], capsys) == []
    assert problems(ex_90_1, [0, 4], capsys) == ["only 2 wrong answers are listed; 3 are needed"]
    assert problems(ex_90_1, [0, 3, 4], capsys) == ["it accepts 3"]
    assert problems(ex_90_1, [0, 4, "x"], capsys) == ["it has no hint for 'x'"]
    assert problems(lambda answer: print("❌"), [0, 4, 5], capsys) == ["it is not friendly on the stub"]


def test_an_unknown_check_is_named() -> None:
    with pytest.raises(AttributeError, match="There is no check 'ex_99_1'"):
        check.ex_99_1  # noqa: B018


@pytest.mark.parametrize(
    ("at_recorded", "wish", "said"),
    [
        (True, "AUGUST", "✅ Exercise 9.2: right. August's champion, two replicas, both probes"),
        (True, "JULY", "❌ Exercise 9.2: not yet. That is one step too far"),
        (True, "BAD", "❌ Exercise 9.2: not yet. The Deployment still describes 2013-09"),
        (False, "AUGUST", "❌ Exercise 9.2: not yet. The Deployment still describes 2013-09"),
    ],
)
def test_a_way_back_that_no_recording_holds_is_judged_by_what_was_wished(
    at_recorded: bool,
    wish: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(recorded_kubeconfig()) if at_recorded else "/elsewhere")
    key = Key("deployments.apps", "flights-release", "predictions")
    wished = yaml.safe_load(listed("09", wish))
    monkeypatch.setattr("companion.recorded.serve.unknown", lambda namespace: [("update", key, wished)])
    hanging = yaml.safe_load(listed("09", "BAD"))
    service = {
        "kind": "Service",
        "metadata": {"name": "predictions"},
        "spec": {"selector": {"app": "predictions"}},
    }
    check.ex_9_2({"objects": {"items": [hanging, service]}, "file": listed("09", "AUGUST")})
    verdict = capsys.readouterr().out
    assert verdict.startswith(said)
    assert ("recorded and cannot show the end" in verdict) == verdict.startswith(_verdict.RIGHT_MARK)
