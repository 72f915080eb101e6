"""Ray gives the features and the scores of one process; and it is ended where a kernel left it, never another's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from chapter_14 import ray_here, with_pandas
from chapter_14.tables import month_folder, same_columns
from companion import scale


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    scale.set_up()
    ray_here.start()
    yield
    ray_here.end()


@pytest.mark.parametrize("month", ["2013-02", "2013-07", "2013-12"])
def test_ray_gives_the_features_of_pandas(month: str, tmp_path: Path) -> None:
    from chapter_14 import with_ray

    folder = month_folder(tmp_path, month)
    with_pandas.featurize(folder, folder / "pandas.parquet")
    with_ray.featurize(folder, folder / "ray.parquet")
    names = list(pd.read_parquet(folder / "ray.parquet"))
    assert same_columns(folder / "pandas.parquet", folder / "ray.parquet") == names


def test_a_month_without_the_hours_before_it_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chapter_14 import with_ray

    folder = month_folder(tmp_path, "2013-07")
    with_pandas.featurize(folder, folder / "pandas.parquet")
    plain = with_ray.features_of._function
    monkeypatch.setitem(plain.__globals__, "BEFORE", pd.Timedelta(0))
    months = [plain(folder, 2013, month).to_pandas() for month in (6, 7)]
    pd.concat(months, ignore_index=True).to_parquet(folder / "cut.parquet")
    names = set(pd.read_parquet(folder / "cut.parquet"))
    assert "temp" in names - set(same_columns(folder / "pandas.parquet", folder / "cut.parquet"))


def test_tasks_give_the_scores_of_the_loop() -> None:
    from chapter_14 import search

    features = search.table(1_000)
    assert search.by_tasks(features, 5) == search.by_loop(features, 5)


def test_it_listens_on_this_machine_alone() -> None:
    folder = json.loads((ray_here.records() / f"{os.getpid()}.json").read_text())["folder"]
    processes = ray_here.processes_in(Path(folder))
    heard = [
        each.laddr.ip
        for process in processes
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]
    assert heard
    assert set(heard) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_what_a_killed_kernel_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    def sleeper(folder: str, name: str) -> subprocess.Popen[bytes]:
        (tmp_path / folder).mkdir(exist_ok=True)
        code = f"import time; kept = open({str(tmp_path / folder / name)!r}, 'w'); print(flush=True); time.sleep(600)"
        started = subprocess.Popen([sys.executable, "-c", code, f"/ray/{name}"], stdout=subprocess.PIPE)
        assert started.stdout
        started.stdout.readline()  # the file is open
        return started

    left, another = sleeper("left", "worker"), sleeper("another", "worker")
    editor = subprocess.Popen(["tail", "-f", str(tmp_path / "left" / "worker")], stdout=subprocess.DEVNULL)
    record = ray_here.records() / "1.json"
    try:
        record.write_text(json.dumps({"driver": left.pid, "started": 1.0, "folder": str(tmp_path / "left")}))
        assert ray_here.end_left_behind() == 1
        assert left.wait(30) < 0
        assert (another.poll(), editor.poll()) == (None, None)
        assert not record.exists()
        assert not (tmp_path / "left").exists()
        # The Ray of this process, whose driver is at work, stays.
        assert (ray_here.records() / f"{os.getpid()}.json").exists()
    finally:
        for each in (left, another, editor):
            each.kill()
            each.communicate()
