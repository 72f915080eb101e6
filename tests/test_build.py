"""The build: from a lesson to its two notebooks, and one clear sentence where that is not possible."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from authoring import build
from companion.environment import repository
from companion.portable import without_paths

TITLE = "# %% [markdown]\n# # Title\n"
EXERCISE = (
    "# %% [markdown]\n# ## Exercise 90.1: Count\n\n"
    "# %%\n### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION\n\n"
    "# %%\ncheck.ex_90_1(answer)\n"
)


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    path = tmp_path / "chapters" / "90-fixture" / "1-fixture.py"
    path.parent.mkdir(parents=True)
    path.with_name("chapter.toml").write_text(
        'title = "Fixture"\nable_to = "test"\nneeds = "no"\n\n[minutes]\n1-fixture = 5\n'
    )
    (tmp_path / "README.md").write_text("")
    path.write_text(TITLE + EXERCISE)
    return path


def test_committed_notebooks_agree_with_their_lessons() -> None:
    assert build.differences(repository()) == []


def test_learner_gets_the_stub_and_solution_loses_the_markers(lesson: Path) -> None:
    built = build.notebooks_of(lesson)
    assert built["learner"].cells[2].source == "answer = None  # your turn"
    assert built["solution"].cells[2].source == "answer = 3"
    assert build.exercises(lesson) == ["ex_90_1"]


def test_stub_has_the_indentation_of_its_block(lesson: Path) -> None:
    function = "def answer(x):\n    ### BEGIN SOLUTION\n    y = x\n    return y\n    ### END SOLUTION\n"
    lesson.write_text(
        TITLE + EXERCISE.replace("### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION\n", function)
    )
    built = build.notebooks_of(lesson)
    assert built["learner"].cells[2].source == "def answer(x):\n    return None  # your turn: write the body"
    assert built["solution"].cells[2].source == "def answer(x):\n    y = x\n    return y"


def test_ids_are_unique_shared_by_both_notebooks_and_change_with_their_own_cell_only(lesson: Path) -> None:
    twice = "\n# %%\nprint(1)\n\n# %%\nprint(1)\n"
    lesson.write_text(TITLE + EXERCISE + twice)
    before = build.notebooks_of(lesson)
    ids = [cell.id for cell in before["learner"].cells]
    assert len(set(ids)) == len(ids)
    assert ids == [cell.id for cell in before["solution"].cells]
    lesson.write_text(TITLE.replace("Title", "Another title") + EXERCISE + twice)
    after = [cell.id for cell in build.notebooks_of(lesson)["learner"].cells]
    assert after[1:] == ids[1:]
    assert after[0] != ids[0]


def test_comments_stay_comments_and_ipython_lines_become_ipython(lesson: Path) -> None:
    lesson.write_text(
        TITLE
        + "\n# %%\n# cat and dog\n# why?\n# !echo hi\n# lines = !ls\n# %psource build\nx = 1\n"
        + '\n# %% language="sh"\n# kubectl get pods\n'
        + "\n# %%\n# %%writefile pod.yaml\n# kind: Pod\n#   # why\n"
    )
    _, code, script, file = build.notebooks_of(lesson)["learner"].cells
    assert code.source == "# cat and dog\n# why?\n!echo hi\nlines = !ls\n%psource build\nx = 1"
    assert script.source == "%%sh\nkubectl get pods"
    assert file.source == "%%writefile pod.yaml\nkind: Pod\n  # why"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# %% [markdown]\n# # Title\n\n# %%\nx = (\n", "1-fixture.py, line 5: '(' was never closed"),
        ("# %%\nx = 1\n", "has no title"),
        (TITLE + EXERCISE.replace("check.ex_90_1(answer)", "print(1)"), "cell 4: ex_90_1 needs its check"),
        (TITLE + EXERCISE.partition("# %%\ncheck")[0], "ex_90_1 has no check"),
        (TITLE + "# %% [markdown]\n# ## Exercise 90.1: Count\n", "ex_90_1 has no solution"),
        (TITLE + EXERCISE.replace("### BEGIN SOLUTION\n", ""), "cell 3: ex_90_1 needs its solution here"),
        (TITLE + EXERCISE.replace("### END SOLUTION\n", ""), "cell 3: ex_90_1 needs its solution here"),
        (TITLE + EXERCISE.replace("answer = 3", "count = 3"), "must assign 'answer'"),
        (TITLE + EXERCISE.replace("90.1", "89.1"), "needs this chapter's number"),
        (TITLE + EXERCISE + EXERCISE, "needs this chapter's number and one of its own"),
        (TITLE + EXERCISE + "\n# %%\nprint(answer + 1)\n", "cell 5 uses 'answer'"),
        (TITLE + EXERCISE + "\n# %%\n# %%capture\nprint(answer + 1)\n", "cell 5 uses 'answer'"),
        (TITLE + "# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", "outside an exercise"),
        (TITLE + "# %% [markdown]\n# ### END SOLUTION\n", "holds no solution"),
        (TITLE + "# %%\nplt.plot([1, 2]);\n", "cell 2 ends with ';'"),
    ],
)
def test_a_lesson_that_cannot_be_built_is_refused_in_one_sentence(
    lesson: Path, text: str, sentence: str
) -> None:
    lesson.write_text(text)
    with pytest.raises(build.BuildError) as refused:
        build.notebooks_of(lesson)
    assert sentence in str(refused.value)
    assert "chapters/90-fixture/1-fixture.py" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_parity_sees_an_altered_cell_a_missing_notebook_and_one_without_lesson(lesson: Path) -> None:
    root = lesson.parents[2]
    for variant, notebook in build.notebooks_of(lesson).items():
        path = root / build.FOLDERS[variant] / "90-1-fixture.ipynb"
        path.parent.mkdir()
        notebook.cells[2].execution_count = 7  # not compared
        nbformat.write(notebook, path)
    assert build.differences(root) == []
    path.write_text(path.read_text().replace("answer = 3", "answer = 4"))
    (root / "notebooks" / "90-1-fixture.ipynb").rename(root / "notebooks" / "89-gone.ipynb")
    missing, altered = build.differences(root)[1:]
    assert "89-gone.ipynb has no lesson" in build.differences(root)[0]
    assert "notebooks/90-1-fixture.ipynb is missing" in missing
    assert "solutions/90-1-fixture.ipynb differs from its lesson in cell 3" in altered


def test_a_failing_cell_leaves_the_old_notebooks_and_says_where(lesson: Path) -> None:
    root = lesson.parents[2]
    (root / "notebooks").mkdir()
    old = root / "notebooks" / "90-1-fixture.ipynb"
    old.write_text("the old one")
    lesson.write_text(TITLE + "\n# %%\nx = 1\n\n# %%\nraise ValueError('broken')\n")
    with pytest.raises(build.BuildError) as refused:
        build.build(*build.sittings(root), root)
    assert str(refused.value) == (
        "chapters/90-fixture/1-fixture.py (learner), cell 3, \"raise ValueError('broken')\": ValueError: broken"
    )
    assert old.read_text() == "the old one"
    assert not (root / "solutions").exists()


def test_two_builds_give_the_same_bytes_without_this_machine_in_them(
    miniature: Callable[..., Path],
) -> None:
    root = miniature("90-fixture")
    build.build(*build.sittings(root), root)
    first = {path: path.read_bytes() for path in root.glob("*/*.ipynb")}
    build.build(*build.sittings(root), root)
    assert len(first) == 2
    assert first == {path: path.read_bytes() for path in root.glob("*/*.ipynb")}
    for text in map(bytes.decode, first.values()):
        assert str(repository()) not in text
        assert "written to work/state/90/run-1" in text


def test_not_yet_run_is_built_without_outputs(lesson: Path) -> None:
    root = lesson.parents[2]
    with lesson.with_name("chapter.toml").open("a") as said:
        said.write('\n[run]\nstatus = "not yet run"\n')
    build.build(*build.sittings(root), root)
    notebook = nbformat.read(root / "notebooks" / "90-1-fixture.ipynb", as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_a_notebook_that_cannot_be_written_is_said_in_one_sentence(lesson: Path) -> None:
    root = lesson.parents[2]
    (root / "notebooks" / "90-1-fixture.ipynb").mkdir(parents=True)
    lesson.write_text(TITLE)
    with pytest.raises(build.BuildError, match=r"Cannot write .*/notebooks/90-1-fixture.ipynb: "):
        build.build(*build.sittings(root), root)


def test_ctrl_c_is_said_in_one_sentence_and_leaves_no_kernel(lesson: Path) -> None:
    root = lesson.parents[2]
    started = root / "started"
    lesson.write_text(
        f"{TITLE}\n# %%\nimport os, pathlib, time\n"
        f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    code = (
        f"import sys; from pathlib import Path; from authoring import build\n"
        f"build.repository = lambda: Path({str(root)!r})\nsys.exit(build.main([]))"
    )
    building = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while not (started.exists() and started.read_text()):
        assert building.poll() is None
        assert time.monotonic() < until, "the cell did not start"
        time.sleep(0.1)
    building.send_signal(signal.SIGINT)
    _, said = building.communicate(timeout=30)
    assert said == "build: stopped; the notebooks at work are unchanged.\n"
    assert building.returncode == 130
    assert list(root.glob("*/*.ipynb")) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_command_line_says_which_lessons_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["99-none"]) == 1
    assert "There is no chapter or sitting '99-none'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["AUC 0.693", "42", "336776 rows", "1e-3", "2013-09-01 05:17:00"])
def test_numbers_are_never_sanitised(text: str) -> None:
    assert without_paths(text, "/no/work/folder") == text


def test_paths_and_addresses_are_taken_out() -> None:
    root = repository()
    text = f"{root}/data/x.parquet {root} /tmp/abc12/y {Path.home()}/z <A at 0x7f00deadbeef> /w/state"
    assert without_paths(text, "/w") == "data/x.parquet . <temp>/y ~/z <A at 0x…> work/state"
