"""DuckDB and Polars give the features of pandas, value by value; and what measures them ends what it has to."""

import importlib
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from chapter_14 import with_pandas
from chapter_14.measure import watched
from chapter_14.tables import month_folder, same_columns
from chapter_14.years import DAYS, years
from companion import scale
from flightdelay.data import DATA
from flightdelay.steps.ingest import KEY


@pytest.fixture(scope="module", autouse=True)
def engines() -> None:
    scale.set_up()


@pytest.fixture(scope="module", params=["2013-02", "2013-07", "2013-12"])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = month_folder(tmp_path_factory.mktemp("months"), str(request.param))
    with_pandas.featurize(folder, folder / "pandas.parquet")
    return folder


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_an_engine_gives_the_features_of_pandas(engine: str, month: Path) -> None:
    made = month / f"{engine}.parquet"
    importlib.import_module(f"chapter_14.with_{engine}").featurize(month, made)
    assert same_columns(month / "pandas.parquet", made) == list(pd.read_parquet(made))


def test_a_difference_is_seen(month: Path, tmp_path: Path) -> None:
    features = pd.read_parquet(month / "pandas.parquet")
    features.loc[3, "temp"] += 1e-12
    features.loc[5, "wind_gust"] = None if pd.notna(features["wind_gust"][5]) else 1.0
    features.to_parquet(tmp_path / "other.parquet")
    same = same_columns(month / "pandas.parquet", tmp_path / "other.parquet")
    assert set(features) - set(same) == {"temp", "wind_gust"}
    features[:-1].to_parquet(tmp_path / "other.parquet")
    assert same_columns(month / "pandas.parquet", tmp_path / "other.parquet") == []


def test_each_copy_of_the_year_has_the_features_of_the_year(tmp_path: Path) -> None:
    three = years(tmp_path, 3)
    with_pandas.featurize(three, tmp_path / "three.parquet")
    features = pd.read_parquet(tmp_path / "three.parquet")
    assert not features.duplicated(KEY).any()
    copies = [
        part.reset_index(drop=True) for _, part in features.groupby(features.index // (len(features) // 3))
    ]
    assert len(copies) == 3
    assert (copies[2]["time_hour"] == copies[0]["time_hour"] + pd.Timedelta(days=2 * DAYS)).all()
    rest = [name for name in features if name not in ("time_hour", "month")]
    assert all(copy[rest].equals(copies[0][rest]) for copy in copies)
    assert DATA not in three.parents


def test_a_process_that_takes_too_much_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'x = b\"x\" * 400_000_000\\nimport time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "child.wait()"
    )
    found = watched([sys.executable, "-c", code], 300, 120)
    assert found["ended"] == "memory"
    assert found["peak_mb"] > 300
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 30
    while (
        psutil.pid_exists(child) and psutil.Process(child).status() != "zombie" and time.monotonic() < until
    ):
        time.sleep(0.05)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    found = watched([sys.executable, "-c", "import time; time.sleep(600)"], 1_000, 0.5)
    assert found["ended"] == "time"


def test_one_that_fails_is_no_result() -> None:
    with pytest.raises(RuntimeError, match="ended with code 3"):
        watched([sys.executable, "-c", "raise SystemExit(3)"], 1_000, 60)
