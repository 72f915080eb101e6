"""What the sittings of chapter 05 share: the DAG in its folder is the one that the first notebook writes."""

import ast
from pathlib import Path

import pytest

from authoring import build
from chapter_05.backfills import compare, in_order, look
from flightdelay.data import DATA

ROOT = Path(__file__).parents[1]
CHAPTER = ROOT / "chapters" / "05-schedules-and-backfills"
WRITES = '%%writefile "{state}/dags/monthly.py"\n'


def without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
            del node.body[0]
    return ast.unparse(tree)


def test_the_dag_of_the_folder_is_that_of_the_first_notebook() -> None:
    cells = build.notebooks_of(CHAPTER / "1-month-of-a-run.py")["solution"].cells
    [written] = [cell.source.removeprefix(WRITES) for cell in cells if cell.source.startswith(WRITES)]
    finished = (CHAPTER / "dags" / "monthly.py").read_text(encoding="utf-8")
    assert without_docstrings(written) == without_docstrings(finished)


def test_pictures_of_a_store_tell_what_was_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_order(["2013-03"], tmp_path, DATA)
    first = look(tmp_path)
    in_order(["2013-04"], tmp_path, DATA)
    second = look(tmp_path)
    assert compare(first, second) == {"2013-03": "not touched", "2013-04": "written again"}
    in_order(["2013-03"], tmp_path, DATA)
    capsys.readouterr()
    assert compare(second, look(tmp_path)) == {"2013-03": "written again", "2013-04": "not touched"}
    assert (
        capsys.readouterr().out == "2013-03: written again, same result\n2013-04: not touched, same result\n"
    )
