"""nbval, strict, on every notebook: ``python -m pytest tests/nbval_strict -n 2``.

Each notebook of ``notebooks/`` and ``solutions/`` runs as a temporary copy, in a kernel of this environment,
with a work folder of its own and with recorded commands (`companion.replay`). After its own cells come

- one more cell, ``1/0``, that has to fail: where it is not reported, a broken cell would go unnoticed too;
- ``commands``: every command was answered from a recording;
- ``numbers``: in every output that is compared, another digit makes a difference.

A cell that takes longer than ``CELL_TIMEOUT`` fails and ends its notebook (nbval marks the rest with an x). At the end
of a notebook, however it comes, nothing that it has started is left. ``--nbval-cell-timeout`` gives less time.

A notebook that runs with packages beside `.venv` which are not there is skipped, with the command that sets them up.
A notebook that `guards` refuses stops the run, and so does a run without any notebook.
"""

import copy
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, coalesce_streams, get_sanitize_patterns
from nbval_strict import guards

from authoring.build import (
    CELL_TIMEOUT,
    FOLDERS,
    kernel_environment,
    lacks,
    not_yet_run,
    on_a_cluster,
    sittings,
)
from companion import replay
from companion.portable import path_patterns

ROOT = Path(__file__).parents[2]
# With a cluster (make test-cluster) only the notebooks that need one are run, solved (the others' cells are among
# those), and their commands for real.
LIVE = "TEST_CLUSTER" in os.environ
OUTPUT_TIMEOUT = 120  # seconds; nbval's own 5 are too few where two notebooks share two cores


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the notebooks where this folder is named on the command line, not in a run of all tests."""
    if path == Path(__file__).parent and parent.session.isinitpath(path):
        return Notebooks.from_parent(parent, path=path)
    return None


class Notebooks(pytest.Directory):
    """All notebooks of the repository, as copies with ``1/0`` at their end."""

    def collect(self) -> Iterator[pytest.Collector]:
        copies = Path(tempfile.mkdtemp(prefix="nbval-"))
        self.config.add_cleanup(lambda: shutil.rmtree(copies, ignore_errors=True))
        exempt = not_yet_run(ROOT)
        recordings = {
            variant: {sitting.notebook: sitting.recording(variant) for sitting in sittings(ROOT)}
            for variant in FOLDERS
        }
        left_out = {sitting.notebook: lacks(sitting, ROOT) for sitting in sittings(ROOT)}
        found = 0
        for variant, folder in FOLDERS.items():
            (copies / folder).mkdir()
            for path in sorted((ROOT / folder).glob("*.ipynb")):
                notebook = nbformat.read(path, as_version=4)
                refused = guards.refusals(notebook, run=path.stem not in exempt)
                if refused:
                    raise self.CollectError(f"{folder}/{path.name}: {' '.join(refused)}")
                wanted = not LIVE or (variant == "solution" and path.stem in on_a_cluster(ROOT))
                if path.stem not in exempt and wanted:
                    notebook.cells.append(nbformat.v4.new_code_cell("1/0"))
                    nbformat.write(notebook, copies / folder / path.name)
                    nodeid = f"{folder}/{path.name}"
                    recording = recordings[variant].get(path.stem, copies / "none.json")
                    found += 1
                    if left_out.get(path.stem):
                        yield LeftOut.from_parent(self, name=nodeid, reason=left_out[path.stem])
                        continue
                    yield StrictNotebook.from_parent(
                        self,
                        path=copies / folder / path.name,
                        nodeid=nodeid,
                        recording=recording,
                    )
        if not found:
            raise self.CollectError("There is no notebook to test: build them with 'make notebooks'.")


class LeftOut(pytest.Item):
    """A notebook whose packages are not there."""

    def __init__(self, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def runtest(self) -> None:
        pytest.skip(self.reason)


class StrictNotebook(IPyNbFile):  # type: ignore[misc]  # nbval is untyped
    """One notebook: its cells, and what proves that they are really tested."""

    def __init__(self, recording: Path, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.recording = recording
        self.compare_outputs = os.environ.get("NBVAL") != "lax"
        self.cleanup = ExitStack()
        self.work = ""
        self.ends = 0.0  # when the kernel is ended, whatever the cell at work does
        self.cells: list[StrictCell] = []

    def collect(self) -> Iterator[pytest.Item]:
        self.cells = [
            StrictCell.from_parent(self, name=it.name, cell_num=it.cell_num, cell=it.cell, options=it.options)
            for it in super().collect()
        ]
        self.cells[-1].add_marker(
            pytest.mark.xfail(strict=True, raises=NbCellError, reason="1/0 must be reported as failed")
        )
        yield from self.cells
        yield Commands.from_parent(self, name="commands")
        yield Numbers.from_parent(self, name="numbers")

    def setup(self) -> None:
        self.config.option.nbval_current_env = True
        self.config.option.nbval_cell_timeout = min(CELL_TIMEOUT, self.config.option.nbval_cell_timeout)
        environment = self.cleanup.enter_context(
            kernel_environment(self.recording, "record" if LIVE else "replay")
        )
        self.work = environment["COMPANION_WORK"]
        with mock.patch.dict("os.environ", environment):
            super().setup()

    def setup_sanitize_files(self) -> None:
        self.sanitize_patterns.update(path_patterns(self.work))
        self.sanitize_patterns.update(get_sanitize_patterns((ROOT / "tests" / "sanitize.cfg").read_text()))

    def get_kernel_message(self, timeout: float | None = None, stream: str = "iopub") -> Any:
        """Return the kernel's next message; nbval ends a kernel that has none within `timeout` seconds.

        A cell that heeds no interrupt might send messages without end.
        """
        left = self.ends - time.monotonic()
        return super().get_kernel_message(max(0.0, min(left, timeout or left)), stream)

    def teardown(self) -> None:
        super().teardown()
        self.cleanup.close()


class StrictCell(IPyNbCell):  # type: ignore[misc]  # nbval is untyped
    """A cell with a time limit: nbval interrupts it then, and the kernel ends if that does not help."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.output_timeout = OUTPUT_TIMEOUT

    def runtest(self) -> None:
        self.parent.ends = time.monotonic() + self.config.option.nbval_cell_timeout + OUTPUT_TIMEOUT
        try:
            super().runtest()
        finally:
            if self.parent.timed_out and self.parent.kernel.is_alive():
                self.parent.kernel.stop()


class Commands(pytest.Item):
    """Every command of the notebook was answered from its recording."""

    def runtest(self) -> None:
        assert isinstance(self.parent, StrictNotebook)
        missed = replay.misses(self.parent.work)
        assert not missed, "\n".join(missed)


class Numbers(pytest.Item):
    """An altered number is seen: nothing that is compared is masked as a whole."""

    def runtest(self) -> None:
        assert isinstance(self.parent, StrictNotebook)
        unseen = [problem for cell in self.parent.cells if cell.options["check"] for problem in _unseen(cell)]
        assert not unseen, "\n".join(unseen)


def _unseen(cell: IPyNbCell) -> Iterator[str]:
    """Alter the first number of each of the cell's outputs and say which change nbval does not notice."""
    stored = coalesce_streams(copy.deepcopy(cell.cell.outputs))
    for position, output in enumerate(stored):
        for holder, key in [(output, key) for key in output] + [
            (output["data"], key) for key in output.get("data", {})
        ]:
            text = holder[key]
            if key in cell.parent.skip_compare or not isinstance(text, str) or not re.search(r"\d", text):
                continue
            if key == "text/html" and text.startswith("<a href="):
                continue  # a link to a run, as kfp shows it: an id, and no result
            altered = copy.deepcopy(stored)
            target = altered[position] if holder is output else altered[position]["data"]
            # Altered behind the sanitizers, which may mask a date but must leave something to compare.
            target[key] = re.sub(
                r"\d", lambda digit: str((int(digit[0]) + 1) % 10), cell.sanitize(text), count=1
            )
            if cell.compare_outputs(altered, stored):
                yield f"Cell {cell.cell_num}: no number in this output is compared: {text[:200]!r}"
