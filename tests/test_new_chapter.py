"""A chapter made from the template is one that the book's own rules accept, and that leaves no trace."""

import importlib.util
import re
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from authoring import build, limits
from authoring.new_chapter import NewChapterError, make
from companion.chapters import ChapterError, chapters


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_template_becomes_a_chapter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("05-our-own", tmp_path)
    [chapter] = chapters(tmp_path)
    [sitting] = chapter.sittings
    assert sitting.notebook == "05-1-first"
    assert build.exercises(sitting.lesson) == ["ex_5_1"]
    assert limits.beyond(sitting) == []
    assert "99" not in "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    check, answers = module(folder / "check.py"), module(folder / "wrong_answers.py")
    for given, mark in [(answers.WRONG, "❌"), (answers.ALSO_RIGHT, "✅")]:
        for answer in given["ex_5_1"]:
            check.ex_5_1(answer)
            assert capsys.readouterr().out.startswith(f"{mark} Exercise 5.1: ")


@pytest.mark.parametrize("name", ["our-own", "15", "15-Our-Own", "15 own", "../15-own", "15-own/"])
def test_a_name_of_another_form_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        NewChapterError, match=r"two digits and a name in small letters, such as 20-our-own, not "
    ):
        make(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_contract_of_one_s_own_data_refuses_what_it_names() -> None:
    text = (Path(__file__).parents[1] / "docs" / "writing.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^   ```python\n(   import pandera.*?)^   ```", text, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(textwrap.dedent(code), made)
    good = {"month": "2013-09", "branch": "north", "amount": 10.0, "days_late": None}
    made["CONTRACT"].validate(pd.DataFrame([good]).astype({"days_late": float}), lazy=True)
    for wrong in ({"month": "2013-13"}, {"amount": -1.0}, {"extra": 1}):
        rows = pd.DataFrame([good | wrong]).astype({"days_late": float})
        with pytest.raises(SchemaErrors):
            made["CONTRACT"].validate(rows, lazy=True)
    with pytest.raises(SchemaErrors):
        made["CONTRACT"].validate(pd.DataFrame([good, good]).astype({"days_late": float}), lazy=True)


def test_a_number_is_given_once(tmp_path: Path) -> None:
    make("15-our-own", tmp_path)
    with pytest.raises(NewChapterError, match="15 is taken by chapters/15-our-own"):
        make("15-another", tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = ", "chapter.toml is not TOML"),
        ('title = "A"\nable_to = "b"\nneeds = "no"\n', "does not say 'minutes'"),
        (
            'title = "A"\nable_to = "b"\nneeds = "no"\n[minutes]\n2-second = 5\n',
            "the lessons there are 1-first",
        ),
    ],
)
def test_a_chapter_file_that_is_not_in_order_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (make("15-our-own", tmp_path) / "chapter.toml").write_text(text)
    with pytest.raises(ChapterError, match=sentence) as refused:
        chapters(tmp_path)
    assert str(refused.value).startswith("chapters/15-our-own/chapter.toml")


def test_a_sitting_that_is_too_long_is_named(tmp_path: Path) -> None:
    lesson = make("15-our-own", tmp_path) / "1-first.py"
    lesson.write_text(lesson.read_text() + "\n# %%\n" + "x = 1\n" * 16 + "\n# %%\nx = 2\n" * 40)
    long_cell, *_ = limits.problems(tmp_path)[1:]
    assert "has 53 cells, 45 are a sitting" in limits.problems(tmp_path)[0]
    assert 'cell 13, "x = 1", has 16 lines' in long_cell
