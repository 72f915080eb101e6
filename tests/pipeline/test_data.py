"""The data folder: whole as committed, and a damaged file is named with the way to restore it."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest

from flightdelay.data import DATA, _advice, check_all, load
from flightdelay.errors import DataFileError
from flightdelay.months import MONTHS
from flightdelay.pipelines.in_plain_python import run


@pytest.fixture
def remake() -> ModuleType:
    """data/remake.py, which is a script and no part of a package."""
    spec = importlib.util.spec_from_file_location("remake", DATA / "remake.py")
    assert spec is not None
    assert spec.loader is not None
    remake = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(remake)
    return remake


def test_every_committed_file_is_the_one_of_the_manifest() -> None:
    assert check_all() == 27
    assert len(load("flights", MONTHS)) == 336_776


def test_the_tables_are_written_the_same_bit_for_bit(remake: ModuleType, tmp_path: Path) -> None:
    for name in ("flights/2013-02.parquet", "weather/2013-02.parquet", "planes.parquet"):
        remake.write(pq.read_table(DATA / name), tmp_path / name)
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def damage_missing(path: Path) -> None:
    path.unlink()


def damage_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def damage_altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("damage", "said"),
    [(damage_missing, "missing"), (damage_truncated, "damaged"), (damage_altered, "damaged")],
)
def test_a_damaged_file_is_named_and_nothing_is_written(
    damage, said, small_data: Path, tmp_path: Path
) -> None:
    damage(small_data / "flights" / "2013-02.parquet")
    with pytest.raises(DataFileError, match=rf"2013-02\.parquet is {said}.*Restore it"):
        run("2013-03", store=tmp_path / "store", data=small_data)
    assert not (tmp_path / "store").exists()


def test_a_file_that_no_manifest_knows_is_refused(small_data: Path) -> None:
    shutil.copy(small_data / "flights" / "2013-02.parquet", small_data / "flights" / "2013-04.parquet")
    with pytest.raises(DataFileError, match=r"does not list flights/2013-04\.parquet"):
        load("flights", ["2013-04"], folder=small_data)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"no": "files"}'])
def test_an_unreadable_manifest_is_named(content: str | None, small_data: Path) -> None:
    manifest = small_data / "manifest.json"
    manifest.unlink() if content is None else manifest.write_text(content)
    with pytest.raises(DataFileError, match=r"no readable manifest\.json"):
        load("flights", ["2013-02"], folder=small_data)


def test_the_advice_for_the_repositorys_own_data_is_a_command() -> None:
    assert "`git checkout -- data/planes.parquet` or remake it with `make data`" in _advice(
        DATA, "planes.parquet"
    )


def test_a_month_that_the_year_does_not_have_is_not_to_be_restored() -> None:
    with pytest.raises(
        DataFileError, match=r"it lists flights/2013-01\.parquet to flights/2013-12\.parquet\.$"
    ):
        load("flights", ["2014-01"])


def test_remake_says_which_files_differ(remake: ModuleType, monkeypatch, capsys) -> None:
    monkeypatch.setattr(remake, "install_source", lambda folder: folder)
    monkeypatch.setattr(
        remake, "remake", lambda source, target: {"planes.parquet": {"rows": 1, "sha256": "0"}}
    )
    monkeypatch.setattr(sys, "argv", ["remake.py"])
    assert remake.main() == 1
    assert "planes.parquet" in capsys.readouterr().err
