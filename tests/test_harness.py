"""The harness can fail: each of its guards is shown a notebook that it must refuse."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import psutil  # type: ignore[import-untyped]
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval.plugin import get_sanitize_patterns
from nbval_strict import guards

from authoring import build
from companion import extra_venv
from companion.chapters import chapters
from companion.environment import repository
from companion.portable import path_patterns

ROOT = repository()
CFG = Path(__file__).parent / "sanitize.cfg"
PATTERNS = path_patterns("/no/work/folder") | dict(get_sanitize_patterns(CFG.read_text(encoding="utf-8")))

# As ZenML's rich tracebacks do: the kernel sends no error any more.
HIDE_ERRORS = "get_ipython().set_custom_exc((Exception,), lambda *arguments, **options: None)"


def run_harness(root: Path, *options: str) -> tuple[int, str, dict[str, set[str]]]:
    """Run nbval, in one process; return exit code, text and the failed tests of each notebook."""
    report = root / "report.xml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/nbval_strict"),
            *("-p", "no:cacheprovider", f"--junitxml={report}", *options),
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    failed: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        notebook = case.attrib["classname"].removesuffix(".ipynb")
        failed.setdefault(notebook, set())
        if case.find("failure") is not None or case.find("error") is not None:
            failed[notebook].add(case.attrib["name"])
    return done.returncode, done.stdout + done.stderr, failed


@pytest.mark.skipif(sys.platform == "darwin", reason="outputs are not compared there")
def test_altered_notebooks_fail_and_the_true_one_passes(miniature: Callable[..., Path]) -> None:
    root = miniature("90-fixture")
    [sitting] = build.sittings(root)
    lesson = sitting.lesson
    lesson.write_text(lesson.read_text() + f"\n# %%\n{HIDE_ERRORS}\n")
    build.build(sitting, root)
    hidden = nbformat.read(root / "solutions" / "90-1-fixture.ipynb", as_version=4)
    shutil.rmtree(root / "notebooks")
    (root / "notebooks").mkdir()
    true = copy.deepcopy(hidden)
    del true.cells[-1]

    def store(name: str, notebook: NotebookNode) -> NotebookNode:
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
        return copy.deepcopy(true)

    (root / "solutions" / "90-1-fixture.ipynb").unlink()
    number = store("true", true)
    number.cells[6].outputs[0].text = number.cells[6].outputs[0].text.replace("0.693", "0.694")
    source = store("number", number)
    source.cells[6].source = source.cells[6].source.replace("336776", "336775")
    masked = store("source", source)
    # A date of today is masked; where nothing else is printed, nothing would be compared.
    masked.cells.append(
        new_code_cell("print('2026-11-23')", execution_count=9, outputs=[stream("2026-11-23\n")])
    )
    store("masked", masked)
    store("hidden", hidden)

    code, text, failed = run_harness(root)
    assert code == 1, text
    assert failed == {
        "notebooks.true": set(),
        "notebooks.number": {"Cell 3"},
        "notebooks.source": {"Cell 3"},
        "notebooks.masked": {"numbers"},
        "notebooks.hidden": {f"Cell {len([c for c in hidden.cells if c.cell_type == 'code'])}"},
    }
    assert "1/0 must be reported as failed" in text


def test_a_refused_notebook_and_a_run_without_notebooks_stop(miniature: Callable[..., Path]) -> None:
    root = miniature()
    code, text, _ = run_harness(root)
    assert code != 0
    assert "There is no notebook to test" in text
    (root / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), root / "notebooks" / "01-stripped.ipynb")
    code, text, _ = run_harness(root)
    assert code != 0
    assert "notebooks/01-stripped.ipynb: It has no stored output" in text


def test_a_notebook_with_packages_of_its_own_runs_where_they_are(miniature: Callable[..., Path]) -> None:
    root = miniature("90-fixture")
    with (root / "chapters" / "90-fixture" / "chapter.toml").open("a") as file:
        file.write('\n[beside]\n1-fixture = "large"\n')
    (root / "notebooks").mkdir()
    wrong = new_code_cell("print(1)", execution_count=1, outputs=[stream("2\n")])
    nbformat.write(new_notebook(cells=[wrong]), root / "notebooks" / "90-1-fixture.ipynb")
    code, text, failed = run_harness(root, "-rs")
    assert code == 0, text
    assert "90-1-fixture runs where .venv-large is: make large" in text
    assert not any(failed.values())
    (root / "requirements-large.txt").write_text("")
    (root / ".venv-large").mkdir()
    (root / ".venv-large" / "stamp").write_text(extra_venv._stamp(root, "large"))
    code, text, failed = run_harness(root)
    assert code == 1, text
    assert failed == {"notebooks.90-1-fixture": {"Cell 0"}}


# Neither an interrupt nor silence ends it, and it has started something of its own.
ENDLESS = """import subprocess, time, pathlib
left = subprocess.Popen(["sleep", "900"], start_new_session=True)
pathlib.Path({file!r}).write_text(str(left.pid))
while True:
    try:
        time.sleep(0.1)
        print("and on")
    except KeyboardInterrupt:
        pass
"""


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, also where nobody takes note of it."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_cell_that_never_ends_fails_and_leaves_nothing_behind(miniature: Callable[..., Path]) -> None:
    root = miniature()
    strict = root / "tests" / "nbval_strict" / "strict.py"
    strict.write_text(strict.read_text().replace("OUTPUT_TIMEOUT = 120", "OUTPUT_TIMEOUT = 5"))
    file = root / "left.txt"
    (root / "notebooks").mkdir()
    cells = [executed(ENDLESS.format(file=str(file))), executed("print('after')")]
    nbformat.write(new_notebook(cells=cells), root / "notebooks" / "01-endless.ipynb")
    code, text, failed = run_harness(root, "--nbval-cell-timeout=20")
    assert code == 1, text
    assert failed == {"notebooks.01-endless": {"Cell 0", "Cell 2"}}, text  # 1/0 found no kernel
    assert "1 xfailed" in text  # the cell between, which was not run
    assert "Timeout of 20 seconds exceeded while executing cell" in text
    assert 'print("and on")' in text
    assert is_gone(int(file.read_text()))


def test_a_build_that_never_ends_says_where_and_leaves_nothing_behind(
    miniature: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = miniature("90-fixture")
    [sitting] = build.sittings(root)
    lesson = sitting.lesson
    file = root / "left.txt"
    lesson.write_text(f"# %% [markdown]\n# # Endless\n\n# %%\n{ENDLESS.format(file=str(file))}")
    monkeypatch.setattr(build, "CELL_TIMEOUT", 20)
    with pytest.raises(build.BuildError) as refused:
        build.build(sitting, root)
    assert "after 20 seconds" in str(refused.value)
    assert 'cell 2, "import subprocess, time, pathlib": ' in str(refused.value)
    assert is_gone(int(file.read_text()))


def stream(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text)


def executed(source: str = "print(1)", **options: Any) -> NotebookNode:
    return new_code_cell(source, **{"execution_count": 1, "outputs": [stream("1\n")], **options})


def ignored() -> NotebookNode:
    return executed(metadata={"tags": ["nbval-ignore-output"]})


REFUSED = {
    "It has no stored output": [executed(outputs=[])],
    "Code cell 1 was not executed": [executed(), executed(execution_count=None)],
    "nbval-skip is never used": [executed(), executed(metadata={"tags": ["nbval-skip"]})],
    "Code cell 0 is skipped": [executed("# NBVAL_SKIP\nprint(1)")],
    "The outputs of 2 of 19 cells are ignored": [executed() for _ in range(17)] + [ignored(), ignored()],
    "The outputs of 1 of 1 cells are ignored": [executed("# NBVAL_IGNORE_OUTPUT\nprint(1)")],
    "Code cell 0 shows a path": [executed(outputs=[stream(f"{repository()}/data")])],
    "Code cell 1 shows a path": [executed(), executed(outputs=[stream("<A at 0x7f00deadbeef>")])],
    "a path or an address": [executed(outputs=[new_output("error", evalue="no /home/ann/x.csv")])],
}


@pytest.mark.parametrize(("sentence", "cells"), REFUSED.items(), ids=list(REFUSED))
def test_guards_refuse(sentence: str, cells: list[NotebookNode]) -> None:
    assert sentence in " ".join(guards.refusals(new_notebook(cells=cells), run=True))


def test_guards_accept_a_good_notebook_and_one_not_yet_run() -> None:
    good = new_notebook(cells=[executed() for _ in range(9)] + [ignored()])
    assert guards.refusals(good, run=True) == []
    assert guards.refusals(good, run=False) == ["It is marked 'not yet run' but has outputs."]
    assert guards.refusals(new_notebook(cells=[new_code_cell("1")]), run=False) == []


def test_no_notebook_lies_outside_the_run(tmp_path: Path) -> None:
    assert guards.strays(ROOT) == []
    tracked = subprocess.run(
        ["git", "ls-files", "*.ipynb"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    assert [path for path in tracked if Path(path).parent.name not in guards.FOLDERS] == []
    for path in ("notebooks/a", "work/a", ".venv/lib/a", "build/a", "docs/a", "notebooks/old/a", "a"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{path}.ipynb").touch()
    assert guards.strays(tmp_path) == ["a.ipynb", "docs/a.ipynb", "notebooks/old/a.ipynb"]


def matched_numbers(patterns: dict[str, str]) -> Iterator[str]:
    for number in ("0.693", "42", "336776", "1e-3", "-7", "13%", "1,545", "2013", "2026", "0.70000000000001"):
        for text in (number, f"AUC {number} on", f"({number})", f"x={number};", f"a\n{number}\nb"):
            shown = text
            for pattern, replacement in patterns.items():
                shown = re.sub(pattern, replacement, shown)
            if shown != text:
                yield text


def test_no_sanitize_pattern_matches_a_bare_number() -> None:
    assert list(matched_numbers(PATTERNS)) == []
    assert list(matched_numbers({**PATTERNS, r"\d+\.\d+": "<seconds>"})) != []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Python 3.12.1 · zenml 0.98.0", "Python 3 · zenml 0.98.0"),
        ("2026-11-23T13:26:31.5Z ok", "<date> ok"),
        ("departed 2013-09-01 05:17", "departed 2013-09-01 05:17"),
        ("run 0f8fad5b-d9cb-469f-a165-70867728950e", "run <uuid>"),
        ("http://127.0.0.1:43211/api", "http://127.0.0.1:<port>/api"),
    ],
)
def test_sanitize_patterns(text: str, shown: str) -> None:
    for pattern, replacement in PATTERNS.items():
        text = re.sub(pattern, replacement, text)
    assert text == shown


def test_status_of_cluster_notebooks() -> None:
    for chapter in chapters(ROOT):
        if chapter.run.get("status") == "live":
            assert chapter.run.keys() == {"status", "date", "versions"}, (
                f"{chapter.folder} needs date and versions"
            )
            # Where some sittings work on a cluster, the others (15's first two) need no recording.
            on_a_cluster = [sitting for sitting in chapter.sittings if sitting.namespaces]
            if on_a_cluster:
                kept = [sitting.cluster for sitting in on_a_cluster]
            else:
                kept = [each.recording(kind) for each in chapter.sittings for kind in ("learner", "solution")]
            assert [each for each in kept if not each.exists()] == []
        else:
            assert chapter.run in ({}, {"status": "not yet run"}), chapter.folder
