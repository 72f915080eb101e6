"""What a reader has done is noted, stays on the machine and never disturbs a notebook; help comes to whoever asks."""

import csv
import io
import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from in_a_kernel import ran

from authoring import build
from companion import check, progress, progress_report
from companion.check import verdict
from companion.environment import repository

ROOT = repository()
ALL_RIGHT = """
import companion; companion.workspace("00-1")
# %%
companion.compare_bet("B", "b"); companion.compare_bet({"x": 1}, {"x": 2, "y": 3})
# %%
from companion import check
check.ex_0_1(["auc"])
# %%
check.ex_0_1(["auc", "log_loss", "decision", "digest"])
# %%
check.ex_0_2("b")
# %%
check.ex_0_1(None); check.ex_0_1(["auc"])
# %%
check.ex_0_3({"analysis": "notebook", "report": "script", "shop": "managed", "bank": "own"})
# %%
check.ex_0_2("b")
# %%
check.solution_0_2()
"""


def test_a_sitting_is_noted_from_its_first_cell_to_its_last_exercise(tmp_path: Path) -> None:
    shown = ran(ALL_RIGHT, tmp_path, JPY_SESSION_NAME="work/00-1-start-here.ipynb")
    noted = json.loads((tmp_path / progress.NAME).read_text())["00-1"]
    assert noted["exercises"] == {
        "0.1": {"tries": 2, "right": True},
        "0.2": {"tries": 1, "right": True},
        "0.3": {"tries": 1, "right": True},
    }
    assert sorted(noted["bets"].values()) == [False, True]
    assert 0 <= noted["minutes"] < 30
    assert shown.count("All 3 exercises of 00-1 are solved") == 1
    assert 'answer = "b"' in shown


def test_without_a_person_nothing_is_noted(tmp_path: Path) -> None:
    shown = ran(ALL_RIGHT, tmp_path)
    assert not (tmp_path / progress.NAME).exists()
    assert "are solved" not in shown
    assert 'answer = "b"' in shown  # solved in this kernel


def test_notes_that_are_damaged_are_told_once_and_kept(tmp_path: Path) -> None:
    (tmp_path / progress.NAME).write_text("[1]")
    shown = ran(ALL_RIGHT, tmp_path, JPY_SESSION_NAME="work/00-1-start-here.ipynb")
    assert shown.count("is damaged: move it away") == 1
    assert shown.count("✅") == 4
    assert (tmp_path / progress.NAME).read_text() == "[1]"


def test_a_sitting_of_nobody_s_book_is_told_and_goes_on(tmp_path: Path) -> None:
    shown = ran(
        'import companion; companion.workspace("98-1")\n# %%\nprint("goes on")',
        tmp_path,
        JPY_SESSION_NAME="a",
    )
    assert shown.count("is not noted: There is no sitting 98-1") == 1
    assert "goes on" in shown


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> progress.Notes:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    return progress.Notes("00-1")


def noted(tmp_path: Path) -> Any:
    return json.loads((tmp_path / progress.NAME).read_text())["00-1"]


def test_a_bet_counts_as_it_was_first_placed(notes: progress.Notes, tmp_path: Path) -> None:
    notes.before_cell(SimpleNamespace(raw_cell="companion.compare_bet(my_bet, 3)"))
    notes.bet(won=False)
    notes.before_cell(SimpleNamespace(raw_cell="companion.compare_bet(my_bet, 3)"))
    notes.bet(won=True)
    notes.before_cell(SimpleNamespace(raw_cell="companion.compare_bet(my_bet, 4)"))
    notes.bet(won=True)
    assert sorted(noted(tmp_path)["bets"].values()) == [False, True]


def test_a_long_pause_counts_as_ten_minutes(
    notes: progress.Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [notes._seen]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for pause in (30, 8 * 3600):
        now[0] += pause
        notes.after_cell(None)
    assert noted(tmp_path)["minutes"] == 10.5


def test_a_class_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {
        "minutes": 21.4,
        "exercises": {"0.1": {"tries": 3, "right": True}},
        "bets": {"a-0": True},
        "ended": False,
    }
    for place in ("ada", "grace/work"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / progress.NAME).write_text(json.dumps({"00-1": record}))
    assert progress_report.main(["--csv", str(tmp_path)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["learner"] for row in rows] == ["ada", "grace"]
    assert {**rows[0], "learner": ""} == {
        "learner": "", "sitting": "00-1", "exercises": "3", "solved": "1", "tries": "3", "bets": "1", "won": "1",
        "minutes": "21", "stated": "20",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "Nothing is noted yet"),
        ("{", "damaged"),
        ('{"99-9": {"minutes": 1, "exercises": {}, "bets": {}, "ended": false}}', "no sitting 99-9"),
    ],
)
def test_one_sentence(
    text: str | None,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    if text is not None:
        (tmp_path / progress.NAME).write_text(text)
    assert progress_report.main([]) == (text is not None)
    shown = "".join(capsys.readouterr())
    assert says in shown
    assert shown.count("\n") == 1


def test_a_class_without_notes_is_told_what_to_collect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert progress_report.main(["--csv", str(tmp_path)]) == 1
    assert "work/progress.json" in capsys.readouterr().err


def test_the_solution_is_for_whoever_has_solved_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    monkeypatch.setattr(verdict, "SOLVED", set())
    check.solution_0_2()
    said = capsys.readouterr().out
    assert "not solved yet" in said
    assert "answer =" not in said
    check.ex_0_2("b")
    check.solution_0_2()
    assert 'answer = "b"' in capsys.readouterr().out
    check.solution_0_99()
    assert "There is no exercise 0.99" in capsys.readouterr().out


EXERCISES = [(each.folder, name) for each in build.sittings(ROOT) for name in build.exercises(each.lesson)]


@pytest.mark.parametrize(("folder", "name"), EXERCISES, ids=[name for _, name in EXERCISES])
def test_every_exercise_has_a_second_hint(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hints = tomllib.loads((folder / "hints.toml").read_text(encoding="utf-8"))
    assert 5 < len(hints[name].split()) <= 70
    getattr(check, name.replace("ex_", "hint_"))()
    assert capsys.readouterr().out == f"{hints[name]}\n"
