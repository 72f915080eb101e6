"""A step alone: what is handed over arrives, and nothing else."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from chapter_06 import alone, step
from flightdelay.pipelines import in_plain_python


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    pd.DataFrame({"carrier": ["AA", "UA"]}).to_csv(tmp_path / "flights.csv", index=False)
    return tmp_path / "flights.csv"


def test_inputs_and_outputs_are_carried(flights: Path, tmp_path: Path) -> None:
    def make(flights: Path, made: Path) -> None:
        pd.read_csv(flights).to_parquet(made)

    def rows(made: Path) -> int:
        return len(pd.read_parquet(made))

    assert alone.run(make, {"flights": flights}, ["made"], tmp_path / "out") is None
    assert alone.run(rows, {"made": tmp_path / "out" / "made"}) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flights.csv", "out"]


def test_an_output_that_was_not_written_is_said(flights: Path, tmp_path: Path) -> None:
    with pytest.raises(alone.StepError, match="its output 'made' was not written"):
        alone.run(lambda flights, made: None, {"flights": flights}, ["made"], tmp_path)


def test_the_error_of_the_step_is_its_own_and_names_no_folder_of_this_run(flights: Path) -> None:
    def fails(flights: Path) -> None:
        raise ValueError(f"what is\n{flights}?")

    with pytest.raises(alone.StepError, match=r"^ValueError: what is in/flights\?$"):
        alone.run(fails, {"flights": flights})


# Places that two processes of one machine share, and two containers do not.
PLACES: dict[str, Callable[[], str]] = {
    "the current folder": lambda: "left.txt",
    "a folder for temporary files": lambda: os.path.join(tempfile.gettempdir(), "left.txt"),
    "/tmp": lambda: f"/tmp/left-{os.getppid()}.txt",
    "the home folder": lambda: os.path.expanduser("~/left.txt"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_what_one_step_leaves_the_next_does_not_find(place: Callable[[], str]) -> None:
    def leave() -> None:
        with open(place(), "w") as file:
            file.write("here")
        with open(place()) as file:  # while it runs, its disk is there
            assert file.read() == "here"

    def find() -> str:
        with open(place()) as file:
            return file.read()

    alone.run(leave, {})
    with pytest.raises(alone.StepError, match="No such file"):
        alone.run(find, {})


def test_a_path_that_only_pyarrow_opens_is_gone_too(flights: Path) -> None:
    shared = Path(tempfile.gettempdir()) / f"left-{os.getpid()}.parquet"

    def leave(flights: Path) -> None:
        pd.read_csv(flights).to_parquet(shared)

    def find() -> int:
        return len(pd.read_parquet(shared))

    alone.run(leave, {"flights": flights})
    assert not shared.exists()
    with pytest.raises(alone.StepError, match="FileNotFoundError"):
        alone.run(find, {})


@pytest.mark.parametrize("action", [lambda path: path.read_text(), lambda path: path.write_text("changed")])
def test_my_disk_is_not_there_and_stays_as_it_is(action: Callable[[Path], Any], tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with pytest.raises(alone.StepError, match="No such file"):
        alone.run(lambda: action(mine), {})
    assert mine.read_text() == "mine"


def test_memory_is_not_shared() -> None:
    def remember() -> None:
        import companion

        companion.left = 1  # type: ignore[attr-defined]

    def recall() -> int:
        import companion

        return int(companion.left)  # type: ignore[attr-defined]

    alone.run(remember, {})
    with pytest.raises(alone.StepError, match="AttributeError"):
        alone.run(recall, {})


def test_the_program_of_the_six_containers_computes_what_one_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The notebook mounts it into six containers; here each step finds in its folder only what it needs."""
    needs: dict[str, list[str]] = {
        "ingest": [],
        "validate": ["raw"],
        "featurize": ["valid"],
        "train": ["features"],
        "evaluate": ["features", "challenger"],
        "decide": ["features", "challenger", "evaluation"],
    }
    made = tmp_path / "out"
    made.mkdir()
    monkeypatch.setattr(step, "MADE", made)
    for name, inputs in needs.items():
        given = tmp_path / name
        given.mkdir()
        for each in inputs:
            (given / each).symlink_to(made / each)
        monkeypatch.setattr(step, "GIVEN", given)
        step.run("2013-09", name)
    ran = in_plain_python.run("2013-09", sample=20_000, store=tmp_path / "store")
    assert capsys.readouterr().out.splitlines() == [ran.decision["decision"], ran.digest]
