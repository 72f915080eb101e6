"""A small data folder with valid sums: two thousand flights of January to March."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flightdelay.data import DATA, FLIGHTS_SCHEMA, WEATHER_SCHEMA, load
from flightdelay.files import sha256

# Several processes share the cores here, and threads that wait for each other by spinning take minutes.
os.environ["OMP_NUM_THREADS"] = "1"

SCHEMAS = {"flights": FLIGHTS_SCHEMA, "weather": WEATHER_SCHEMA}


def write_manifest(folder: Path) -> None:
    files = {
        str(path.relative_to(folder)): {"rows": pq.read_metadata(path).num_rows, "sha256": sha256(path)}
        for path in sorted(folder.rglob("*.parquet"))
    }
    (folder / "manifest.json").write_text(json.dumps({"files": files}))


@pytest.fixture(scope="session")
def small_data_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    for table, schema in SCHEMAS.items():
        (folder / table).mkdir()
        for month in ("2013-01", "2013-02", "2013-03"):
            rows = load(table, [month], folder=DATA)
            rows = rows.iloc[:: 40 if table == "flights" else 1]
            written = pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
            pq.write_table(written.replace_schema_metadata(None), folder / table / f"{month}.parquet")
    write_manifest(folder)
    return folder


@pytest.fixture
def small_data(small_data_source: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(small_data_source, tmp_path / "data")


@pytest.fixture
def rewrite(small_data: Path) -> Callable[..., None]:
    """Change one month's table and give it a right sum: a month that arrived broken."""

    def change(name: str, edit: Callable[[pa.Table], pa.Table]) -> None:
        path = small_data / name
        pq.write_table(edit(pq.read_table(path)), path)
        write_manifest(small_data)

    return change
