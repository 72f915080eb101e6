"""Wrong answers to the exercises of chapter 02, each a mistake that somebody makes."""

import os
import shutil
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd

from flightdelay.errors import ValidationError

# --- 2.1 ---


def _broken(flights):
    return flights[flights["dep_time"].isna() & flights["arr_delay"].notna()]


def answers_true_or_false(flights):
    return _broken(flights).empty


def drops_the_bad_rows(flights):
    return flights.drop(_broken(flights).index)


def refuses_cancelled_flights(flights):
    empty = flights[flights["arr_delay"].isna()]
    if len(empty):
        raise ValidationError(f"row {empty.index[0]}: column arr_delay is empty and has to be filled")
    return flights


def refuses_diverted_flights(flights):
    wrong = flights[flights["dep_time"].notna() & flights["arr_delay"].isna()]
    if len(wrong):
        raise ValidationError(f"flight {wrong.iloc[0]['flight']}: column arr_delay is empty, but it departed")
    return flights


def repairs(flights):
    flights = flights.copy()
    flights["arr_delay"] = flights["arr_delay"].fillna(0)
    return flights


def names_no_row(flights):
    if len(_broken(flights)):
        raise ValidationError("Column arr_delay is wrong: a flight that never departed has no delay.")
    return flights


def names_no_column(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Row {_broken(flights).index[0]} is wrong: it never departed but has a delay.")
    return flights


def names_no_rule(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Row {_broken(flights).index[0]}: arr_delay bad")
    return flights


def asserts(flights):
    assert _broken(flights).empty, "arr_delay without departure"
    return flights


def raises_another_error(flights):
    if len(_broken(flights)):
        raise ValueError(f"Row {_broken(flights).index[0]}: arr_delay where the flight never departed")
    return flights


def lets_everything_pass(flights):
    return flights


def returns_nothing(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Row {_broken(flights).index[0]}: arr_delay of a flight that never departed")


def knows_only_the_zero(flights):
    wrong = flights[flights["dep_time"].isna() & (flights["arr_delay"] == 0)]
    if len(wrong):
        raise ValidationError(f"Row {wrong.index[0]}: arr_delay is 0, and a flight that never left has none")
    return flights


def refuses_every_zero(flights):
    wrong = flights[flights["arr_delay"] == 0]
    if len(wrong):
        raise ValidationError(f"Row {wrong.index[0]}: arr_delay is 0, and a flight that never left has none")
    return flights


def forgets_the_return(flights):
    answer = flights  # noqa: F841


# --- 2.2 ---

WIRING = {
    "raw": ["month", "window", "sample"],
    "valid": ["raw", "month", "window"],
    "features": ["valid"],
    "challenger": ["features", "month"],
    "evaluation": ["features", "challenger", "month"],
    "decision": ["features", "challenger", "evaluation", "store"],
}
NAMES = list(WIRING)
QUEUE = {
    "raw": ["month", "window", "sample"],
    **{name: [before] for before, name in pairwise(NAMES)},
}
QUEUE_WITH_PARAMETERS = WIRING | {"evaluation": ["challenger", "month"], "decision": ["evaluation", "store"]}
ALL_BEFORE = {"raw": QUEUE["raw"]} | {name: NAMES[:number] for number, name in enumerate(NAMES) if number}

# --- 2.3 ---


def in_the_order_of_writing(steps, given):
    made = dict(given)
    for name, (step, inputs) in steps.items():
        made[name] = step(*(made[each] for each in inputs))
    return made


def in_the_order_of_the_alphabet(steps, given):
    made = dict(given)
    for name in sorted(steps):
        step, inputs = steps[name]
        made[name] = step(*(made[each] for each in inputs))
    return made


def makes_again_what_is_needed_twice(steps, given):
    def make(name):
        if name in given:
            return given[name]
        step, inputs = steps[name]
        return step(*(make(each) for each in inputs))

    return {**given, **{name: make(name) for name in steps}}


def runs_what_is_given(steps, given):
    from graphlib import TopologicalSorter

    made = dict(given)
    for name in TopologicalSorter({name: inputs for name, (_, inputs) in steps.items()}).static_order():
        step, inputs = steps[name]
        made[name] = step(*(made[each] for each in inputs))
    return made


def _run(steps, given, order):
    from graphlib import TopologicalSorter

    made = dict(given)
    for name in TopologicalSorter({name: inputs for name, (_, inputs) in steps.items()}).static_order():
        if name in steps:
            step, inputs = steps[name]
            made[name] = step(*(made[each] for each in order(inputs)))
    return made


def returns_the_last_artifact(steps, given):
    return list(_run(steps, given, list).values())[-1]


def inputs_in_the_order_of_the_alphabet(steps, given):
    return _run(steps, given, sorted)


def inputs_as_one_list(steps, given):
    wrapped = {
        name: (lambda *inputs, step=step: step(list(inputs)), inputs)
        for name, (step, inputs) in steps.items()
    }
    return _run(wrapped, given, list)


def does_not_keep_what_it_made(steps, given):
    _run(steps, given, list)
    return dict(given)


def sorts_the_pairs(steps, given):
    from graphlib import TopologicalSorter

    made = dict(given)
    for name in TopologicalSorter(steps).static_order():
        if name in steps:
            step, inputs = steps[name]
            made[name] = step(*(made[each] for each in inputs))
    return made


def looks_up_the_list(steps, given):
    return {name: step(given[inputs]) for name, (step, inputs) in steps.items()}


def returns_only_what_was_made(steps, given):
    return {name: value for name, value in _run(steps, given, list).items() if name in steps}


def writes_into_given(steps, given):
    given.update(_run(steps, given, list))
    return given


def runs_without_a_return(steps, given):
    _run(steps, given, list)


# --- 2.4 ---


def _text(predictions, month):
    table = predictions.assign(month=month)[["month", "carrier", "flight", "probability"]]
    return table.to_csv(index=False, float_format="%.3f")


def appends(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    path = folder / f"{month}.csv"
    with path.open("a") as out:
        if not path.stat().st_size:
            out.write("month,carrier,flight,probability\n")
        for row in predictions.itertuples():
            out.write(f"{month},{row.carrier},{row.flight},{row.probability:.3f}\n")


def takes_a_part_for_done(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    path = folder / f"{month}.csv"
    if not path.exists():
        path.write_text(_text(predictions, month))


def takes_a_large_file_for_done(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    path, text = folder / f"{month}.csv", _text(predictions, month)
    if not path.exists() or path.stat().st_size < 1000 or text[:4000] != path.read_text()[:4000]:
        path.write_text(text)


def reads_today_into_the_rows(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    text = _text(predictions.assign(carrier=f"{date.today()}"), month)
    part = folder / ".part"
    part.write_text(text)
    part.replace(folder / f"{month}.csv")


def reads_today_into_the_name(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    (folder / f"{date.today():%Y-%m}.csv").write_text(_text(predictions, month))


def works_in_this_decade_only(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    rows = predictions if date.today().year < 2031 else predictions.head(10)
    part = folder / f".{month}.part"
    part.write_text(_text(rows, month))
    part.replace(folder / f"{month}.csv")


def writes_in_place(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    (folder / f"{month}.csv").write_text(_text(predictions, month))


def removes_the_old_one_first(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    (folder / f"{month}.csv").unlink(missing_ok=True)
    part = folder / f".{month}.part"
    part.write_text(_text(predictions, month))
    part.replace(folder / f"{month}.csv")


def never_replaces(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    if not (folder / f"{month}.csv").exists():
        part = folder / f".{month}.part"
        part.write_text(_text(predictions, month))
        part.replace(folder / f"{month}.csv")


def leaves_a_new_name_each_time(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    handle, part = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as out:
        out.write(_text(predictions, month))
    os.replace(part, folder / f"{month}.csv")


def appends_to_the_neighbour(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f".{month}.part"
    with part.open("a") as out:
        out.write(_text(predictions, month))
    part.replace(folder / f"{month}.csv")


def fails_where_something_was_left(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f".{month}.part"
    with part.open("x") as out:
        out.write(_text(predictions, month))
    part.replace(folder / f"{month}.csv")


def clears_the_folder(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    writes_in_place(predictions, month, folder)


def says_done_in_another_file(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f".{month}.part"
    part.write_text(_text(predictions, month))
    part.replace(folder / f"{month}.csv")
    (folder / f"{month}.done").touch()


def forgets_the_decimals(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f".{month}.part"
    predictions.assign(month=month).to_csv(part, index=False)
    part.replace(folder / f"{month}.csv")


def shares_one_file(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    (folder / "predictions.csv").write_text(_text(predictions, month))


def writes_the_neighbour_elsewhere(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = Path(tempfile.gettempdir()) / f"{folder.parent.name}-{folder.name}.part"
    part.write_text(_text(predictions, month))
    shutil.move(part, folder / f"{month}.csv")


def writes_the_neighbour_beside_the_folder(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder.parent / f"{folder.name}.part"
    part.write_text(_text(predictions, month))
    part.replace(folder / f"{month}.csv")


def writes_nothing(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    _text(predictions, month)


WRONG = {
    "ex_2_1": [
        answers_true_or_false,
        drops_the_bad_rows,
        refuses_cancelled_flights,
        refuses_diverted_flights,
        repairs,
        names_no_row,
        names_no_column,
        names_no_rule,
        asserts,
        raises_another_error,
        lets_everything_pass,
        returns_nothing,
        knows_only_the_zero,
        refuses_every_zero,
        forgets_the_return,
        True,
    ],
    "ex_2_2": [
        QUEUE,
        QUEUE_WITH_PARAMETERS,
        ALL_BEFORE,
        WIRING | {"features": ["raw"]},
        WIRING | {"features": "valid"},
        WIRING | {"features": ["valid", "month"]},
        WIRING | {"raw": []},
        WIRING | {"raw": ["month", "window", "sample", "data"]},
        WIRING | {"raw": ["month", "window", "sample", "today"]},
        WIRING | {"challenger": ["features"]},
        WIRING | {"challenger": ["month", "features"]},
        WIRING | {"evaluation": ["features", "model", "month"]},
        WIRING | {"decision": ["features", "challenger", "evaluation"]},
        list(WIRING),
        NAMES[0],
    ],
    "ex_2_3": [
        in_the_order_of_writing,
        in_the_order_of_the_alphabet,
        makes_again_what_is_needed_twice,
        runs_what_is_given,
        returns_the_last_artifact,
        inputs_in_the_order_of_the_alphabet,
        inputs_as_one_list,
        does_not_keep_what_it_made,
        sorts_the_pairs,
        looks_up_the_list,
        returns_only_what_was_made,
        writes_into_given,
        runs_without_a_return,
        WIRING,
    ],
    "ex_2_4": [
        appends,
        takes_a_part_for_done,
        takes_a_large_file_for_done,
        reads_today_into_the_rows,
        reads_today_into_the_name,
        works_in_this_decade_only,
        writes_in_place,
        removes_the_old_one_first,
        never_replaces,
        leaves_a_new_name_each_time,
        appends_to_the_neighbour,
        fails_where_something_was_left,
        clears_the_folder,
        says_done_in_another_file,
        forgets_the_decimals,
        shares_one_file,
        writes_the_neighbour_elsewhere,
        writes_the_neighbour_beside_the_folder,
        writes_nothing,
        "2013-09.csv",
    ],
}
