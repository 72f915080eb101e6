"""A model record says what was made from what, and notices what does not fit."""

import json
import shutil
from pathlib import Path

import pytest

from flightdelay import record as module
from flightdelay.data import DATA
from flightdelay.errors import DataFileError, StoreError
from flightdelay.files import sha256
from flightdelay.pipelines.in_plain_python import run
from flightdelay.record import data_files, main, model_record
from flightdelay.steps.ingest import ingest
from flightdelay.store import Store

SAMPLE = 10_000
GIVEN = {"image_id": "sha256:1", "author": "grace", "revision": "4f2c1e"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record") / "store"
    run("2013-08", sample=SAMPLE, store=folder)
    run("2013-09", sample=SAMPLE, store=folder)
    assert Store(folder).champion(before="2013-09")  # else there is nothing to compare with
    return folder


def test_it_says_what_the_run_said(store: Path) -> None:
    found, kept = model_record("2013-09", store, **GIVEN), Store(store).run("2013-09")
    assert found["version"] == kept["decision"]["version"]
    assert found["metrics"]["challenger"] == kept["evaluation"]["challenger"]
    assert found["metrics"]["champion"] == kept["decision"]["champion"]
    assert found["same_probabilities"]
    assert found["rows_judged"] == kept["evaluation"]["rows_judged"]
    assert {each["value"] for each in found["slices"] if each["column"] == "origin"} == {"EWR", "JFK", "LGA"}
    assert all(each["champion"] is not None for each in found["slices"])
    assert json.loads(json.dumps(found)) == found
    manifest = json.loads((DATA / "manifest.json").read_text())["files"]
    assert all(value == manifest[name]["sha256"] for name, value in found["data"].items())


def test_the_first_month_has_no_champion(store: Path) -> None:
    found = model_record("2013-08", store, **GIVEN)
    assert found["champion_before"] is None
    assert found["metrics"]["champion"] is None
    assert all(each["champion"] is None for each in found["slices"])
    assert found["same_probabilities"]


def test_it_names_the_files_that_a_run_reads_and_no_others(tmp_path: Path) -> None:
    names = data_files(["2013-03", "2013-04"], "2013-05")
    for name in (*names, "manifest.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(DATA / name, tmp_path / name)
    assert len(ingest("2013-05", window=2, sample=SAMPLE, data=tmp_path).flights) > SAMPLE  # they are enough
    for name in names:  # and none is too much
        (tmp_path / name).rename(tmp_path / "away")
        with pytest.raises(DataFileError):
            ingest("2013-05", window=2, sample=SAMPLE, data=tmp_path)
        (tmp_path / "away").rename(tmp_path / name)


def test_an_exchanged_model_is_noticed(store: Path, tmp_path: Path) -> None:
    other = shutil.copytree(store, tmp_path / "store")
    august, september = (Store(other).run(month)["decision"]["version"] for month in ("2013-08", "2013-09"))
    # Behind the store's back: August's model under September's name, with a card that fits the file.
    shutil.copy(
        other / "models" / august / "model.skops", target := other / "models" / september / "model.skops"
    )
    card = target.with_name("card.json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": sha256(target)}))
    found = model_record("2013-09", other, **GIVEN)
    assert not found["same_probabilities"]
    assert found["model_sha256"] != model_record("2013-09", store, **GIVEN)["model_sha256"]


def test_a_damaged_model_is_refused(store: Path, tmp_path: Path) -> None:
    other = shutil.copytree(store, tmp_path / "store")
    version = Store(other).run("2013-09")["decision"]["version"]
    (other / "models" / version / "model.skops").write_bytes(b"something else")
    with pytest.raises(StoreError, match="missing or damaged"):
        model_record("2013-09", other, **GIVEN)


def test_the_command(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--image-id", "sha256:1", "--author", "grace", "--revision", "4f2c1e"]
    assert main(["2013-09", "--store", str(store), *given]) == 0
    assert json.loads(capsys.readouterr().out) == model_record("2013-09", store, **GIVEN)
    assert main(["2013-09", "--store", str(tmp_path), *given]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "run that month first" in said.err
    assert said.err.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["2013-09", "--store", str(store)])  # nobody may leave out who made it


def test_it_is_the_models_business_and_no_orchestrators() -> None:
    assert not {"kfp", "airflow", "zenml"} & set(vars(module))
