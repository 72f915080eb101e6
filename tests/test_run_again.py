"""A reader runs cells twice, and restarts a notebook in the middle: neither may leave them without a way on.

Each notebook runs up to twice as long as in the strict run, so this has a command of its own: ``make test-again``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from authoring.build import CELL_TIMEOUT, kernel_environment, kernel_manager, lacks, not_yet_run, sittings
from companion.chapters import Sitting
from companion.kernel import NEW_KERNEL

pytestmark = pytest.mark.skipif("TEST_AGAIN" not in os.environ, reason="make test-again runs it")

ROOT = Path(__file__).parents[1]
NOT_YET_RUN = not_yet_run(ROOT)
SITTINGS = [
    pytest.param(
        sitting,
        id=sitting.notebook,
        marks=pytest.mark.skipif(bool(lacks(sitting, ROOT)), reason=lacks(sitting, ROOT) or "-"),
    )
    for sitting in sittings(ROOT)
    if sitting.notebook not in NOT_YET_RUN
]


@contextmanager
def kernel_of(notebook: NotebookNode, sitting: Sitting, **settings: str) -> Iterator[NotebookClient]:
    client = NotebookClient(
        notebook,
        km=kernel_manager(),
        timeout=CELL_TIMEOUT,
        allow_errors=True,
        coalesce_streams=True,
        resources={"metadata": {"path": str(ROOT / "solutions")}},
    )
    with (
        kernel_environment(sitting.recording("solution"), "replay") as environment,
        client.setup_kernel(env={**os.environ, **environment, **settings}, cwd=str(ROOT / "solutions")),
    ):
        yield client


def errors(cell: NotebookNode) -> list[str]:
    return [f"{each.ename}: {each.evalue}" for each in cell.outputs if each.output_type == "error"]


@pytest.mark.parametrize("sitting", SITTINGS)
def test_each_cell_can_be_run_twice(sitting: Sitting) -> None:
    """A second Shift+Enter in every cell of the solved notebook raises nothing that the first did not."""
    notebook = nbformat.read(ROOT / "solutions" / f"{sitting.notebook}.ipynb", as_version=4)
    found = []
    with kernel_of(notebook, sitting) as client:
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, number)
                first = errors(cell)
                client.execute_cell(cell, number)
                for again in errors(cell):
                    if again not in first:
                        found.append(f"Cell {number}, the second time: {again}\n{cell.source}")
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("sitting", SITTINGS)
def test_a_notebook_restarted_in_the_middle_says_what_to_do(sitting: Sitting, tmp_path: Path) -> None:
    """In a kernel in which the first cell has not run, a later one works or asks for those above.

    Nothing of it reaches the reader's own folders, where the tools keep what they keep by default.
    """
    notebook = nbformat.read(ROOT / "solutions" / f"{sitting.notebook}.ipynb", as_version=4)
    code = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    unhelpful, helped = [], 0
    with kernel_of(notebook, sitting, HOME=str(tmp_path)) as client:
        for number in code[1:]:
            cell = notebook.cells[number]
            client.execute_cell(cell, number)
            for output in cell.outputs:
                if output.output_type == "error":
                    helped += NEW_KERNEL in "\n".join(output.traceback)
                    if NEW_KERNEL not in "\n".join(output.traceback):
                        unhelpful.append(f"Cell {number}: {output.ename}: {output.evalue}\n{cell.source}")
    assert not unhelpful, "\n\n".join(unhelpful)
    assert helped
    left = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {".cache"}, left
