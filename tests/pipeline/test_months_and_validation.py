"""What is refused, and that the sentence says what, where and what to do."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flightdelay.__main__ import main
from flightdelay.errors import MonthError, ValidationError
from flightdelay.months import months_before
from flightdelay.pipelines.in_plain_python import run
from flightdelay.steps.ingest import ingest


@pytest.mark.parametrize("month", ["2013-13", "2014-01", "2012-12", "September", "", "2013-9", "2013-09-01"])
def test_a_month_out_of_range_is_refused(month: str) -> None:
    with pytest.raises(MonthError, match="choose one from 2013-02 to 2013-12"):
        months_before(month)


def test_january_is_refused() -> None:
    with pytest.raises(MonthError, match="no month before it to learn from"):
        months_before("2013-01")


@pytest.mark.parametrize("window", [0, -1, 3, 99])
def test_a_window_that_does_not_fit_is_refused(window: int) -> None:
    with pytest.raises(MonthError, match="choose a window from 1 to 2"):
        months_before("2013-03", window)


def test_the_window_counts_the_months_before() -> None:
    assert months_before("2013-05", 2) == ("2013-03", "2013-04")
    assert months_before("2013-03") == ("2013-01", "2013-02")


@pytest.mark.parametrize("sample", [0, -5, 999])
def test_a_sample_too_small_is_refused(sample: int) -> None:
    with pytest.raises(MonthError, match="1000 or more"):
        ingest("2013-03", sample=sample)


def replace(column: str, value: object, row: int = 7) -> Callable[[pa.Table], pa.Table]:
    def edit(table: pa.Table) -> pa.Table:
        field = table.schema.field(column)
        values = table[column].to_pylist()
        values[row] = value
        return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))

    return edit


def as_text(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(
        table.schema.get_field_index(column), column, pc.cast(table[column], pa.string())
    )


BROKEN = {
    "a wrong type": (as_text("distance"), r"column distance has the type .*, and the rule is: type int32"),
    "an impossible time": (replace("sched_dep_time", 1275), r"column sched_dep_time is 1275.*HHMM"),
    "an impossible delay": (
        replace("arr_delay", 99_999),
        r"column arr_delay is 99999.*between -180 and 2000",
    ),
    "a negative distance": (replace("distance", -3), r"column distance is -3.*between 1 and 10000"),
    "an unknown airport": (replace("origin", "CDG"), r"column origin is CDG.*one of EWR, JFK, LGA"),
    "a missing key": (replace("carrier", None), r"column carrier"),
    "a clock against its hour": (
        replace("sched_dep_time", 1),
        r"column time_hour is 2013.*the hour of sched_dep",
    ),
    "a flight of another month": (replace("month", 1), r"column month is 1.*the month of time_hour"),
    "flights that are there twice": (
        lambda t: pa.concat_tables([t, t.slice(3, 1)]),
        r"column flight is .* once",
    ),
    "no flights": (lambda table: table.slice(0, 0), r"2013-03 has no rows.*a month has flights"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_month_is_refused_and_the_champion_stays(
    what: str, small_data: Path, rewrite: Callable, tmp_path: Path
) -> None:
    edit, said = BROKEN[what]
    store = tmp_path / "store"
    run("2013-02", store=store, data=small_data)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    rewrite("flights/2013-03.parquet", edit)
    with pytest.raises(ValidationError, match=said) as caught:
        run("2013-03", store=store, data=small_data)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_the_row_is_named(small_data: Path, rewrite: Callable, tmp_path: Path) -> None:
    rewrite("flights/2013-03.parquet", replace("arr_delay", 99_999))
    with pytest.raises(ValidationError, match=r"row \d+ \(\w\w \d+, 2013-03-0\d \d\d:00 UTC\)"):
        run("2013-03", store=tmp_path / "store", data=small_data)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (replace("humid", 250.0), "The table weather.*column humid is 250.*between 0 and 100"),
        (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "one observation per airport and hour"),
    ],
)
def test_broken_weather_is_refused(edit, said, small_data: Path, rewrite: Callable, tmp_path: Path) -> None:
    rewrite("weather/2013-03.parquet", edit)
    with pytest.raises(ValidationError, match=said):
        run("2013-03", store=tmp_path / "store", data=small_data)


def test_the_command_line_says_one_sentence_and_exits_with_1(capsys, tmp_path: Path) -> None:
    assert main(["2013-01", "--store", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "January 2013" in err


def test_the_command_line_runs_a_month(capsys, small_data: Path, tmp_path: Path) -> None:
    assert main(["2013-03", "--store", str(tmp_path / "store"), "--data", str(small_data)]) == 0
    assert "decision" in capsys.readouterr().out
