"""Wrong answers to the exercises of chapter 02, each a mistake that somebody makes."""

import csv
import os
import shutil
import subprocess
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
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


def needs_two_of_them(flights):
    bad = _broken(flights)
    if len(bad) > 1:
        raise ValidationError(f"Row {bad.index[0]}: arr_delay is there, and the flight never departed")
    return flights


def looks_at_the_first_rows_only(flights):
    bad = _broken(flights.head(10))
    if len(bad):
        raise ValidationError(f"Row {bad.index[0]}: arr_delay is there, and the flight never departed")
    return flights


def always_names_the_same_row(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Row 42 (UA 1037): arr_delay without dep_time, in {len(flights)} flights")
    return flights


def blames_without_a_rule(flights):
    if len(_broken(flights)):
        row = _broken(flights).iloc[0]
        raise ValidationError(
            f"Row {row.name}, flight {row.carrier} {row.flight}: the column arr_delay is wrong and invalid"
        )
    return flights


def names_all_rows(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Rows {list(flights.index)}: arr_delay must be empty where dep_time is")
    return flights


def answers_false_for_a_bad_month(flights):
    return flights if _broken(flights).empty else False


def sorts_the_table(flights):
    if len(_broken(flights)):
        raise ValidationError(f"Row {_broken(flights).index[0]}: arr_delay of a flight that never departed")
    return flights.sort_values("sched_dep_time")


def takes_the_first_row_for_none(flights):
    broken = (flights["dep_time"].isna() & flights["arr_delay"].notna()).to_numpy()
    if position := broken.argmax():
        raise ValidationError(f"Row {position}: arr_delay is there, and the flight never departed")
    return flights


def looks_at_the_delay_of_departure(flights):
    bad = flights[flights["dep_delay"].isna() & flights["arr_delay"].notna()]
    if len(bad):
        raise ValidationError(f"Row {bad.index[0]}: arr_delay is there, and the flight never departed")
    return flights


# also right


def names_both_columns(flights):
    for i, row in _broken(flights).iterrows():
        raise ValidationError(f"row {i} ({row['carrier']} {row['flight']}): arr_delay requires dep_time")
    return flights


def says_it_with_an_equals_sign(flights):
    bad = _broken(flights)
    if not bad.empty:
        row = bad.iloc[-1]
        raise ValidationError(f"flight {row.flight}: arr_delay={row.arr_delay} but dep_time is missing")
    return flights


def names_the_position(flights):
    for position, row in enumerate(flights.itertuples()):
        if pd.isna(row.dep_time) and not pd.isna(row.arr_delay):
            raise ValidationError(f"Row {position}: a flight that never left cannot have an arrival delay.")
    return flights


def like_the_books_own_sentence(flights):
    bad = _broken(flights)
    if len(bad):
        row = bad.iloc[0]
        raise ValidationError(
            f"flights, row {bad.index[0]} ({row['carrier']} {row['flight']}, {row['time_hour']}, {row['origin']}-"
            f"{row['dest']}, {row['tailnum']}, planned {row['sched_dep_time']:04}): arr_delay is "
            f"{row['arr_delay']}, and it must be empty where dep_time is; {len(bad)} rows."
        )
    return flights.copy()


def in_another_language(flights):
    bad = _broken(flights)
    if len(bad):
        raise ValidationError(f"Zeile {bad.index[0]}: arr_delay ohne dep_time")
    return flights


def by_query(flights):
    bad = flights.query("dep_time != dep_time and arr_delay == arr_delay")
    if bad.shape[0] > 0:
        raise ValidationError(
            f"Flights {', '.join(bad['flight'].astype(str))} never departed, so column arr_delay must be empty"
        )
    return flights


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


def knows_the_books_names_only(steps, given):
    made = dict(given)
    for name in NAMES:
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


def passes_none_for_what_is_missing(steps, given):
    from graphlib import TopologicalSorter

    made = dict(given)
    for name in TopologicalSorter({name: inputs for name, (_, inputs) in steps.items()}).static_order():
        if name in steps:
            step, inputs = steps[name]
            made[name] = step(*[made.get(each) for each in inputs])
    return made


def skips_what_is_missing(steps, given):
    made = dict(given)
    waiting = dict(steps)
    while ready := [name for name, (_, inputs) in waiting.items() if all(each in made for each in inputs)]:
        for name in ready:
            step, inputs = waiting.pop(name)
            made[name] = step(*(made[each] for each in inputs))
    return made


def waits_for_what_is_missing(steps, given):
    made, waiting = dict(given), dict(steps)
    while waiting:
        for name, (step, inputs) in list(waiting.items()):
            if all(each in made for each in inputs):
                made[name] = step(*(made[each] for each in inputs))
                del waiting[name]
    return made


def waits_for_what_is_given(steps, given):
    made = {}
    while len(made) < len(steps) + len(given):
        for name, (step, inputs) in steps.items():
            if name not in made and all(each in made for each in inputs):
                made[name] = step(*(made[each] for each in inputs))
    return made


def takes_none_for_not_made(steps, given):
    made = dict(given)

    def make(name):
        if made.get(name) is None and name in steps:
            step, inputs = steps[name]
            made[name] = step(*[make(each) for each in inputs])
        return made[name]

    for name in steps:
        make(name)
    return made


def takes_zero_for_not_made(steps, given):
    made = dict(given)

    def make(name):
        if not made.get(name):
            step, inputs = steps[name]
            made[name] = step(*[make(each) for each in inputs])
        return made[name]

    for name in steps:
        make(name)
    return made


# also right


def by_recursion(steps, given):
    made = {**given}

    def make(name):
        if name not in made:
            step, inputs = steps[name]
            made[name] = step(*map(make, inputs))
        return made[name]

    for name in steps:
        make(name)
    return made


def by_waiting(steps, given):
    made, waiting = dict(given), dict(steps)
    while waiting:
        ready = [name for name, (_, inputs) in waiting.items() if made.keys() >= set(inputs)]
        if not ready:
            raise KeyError(f"nobody makes what is missing for {', '.join(waiting)}")
        for name in ready:
            step, inputs = waiting.pop(name)
            made[name] = step(*[made[each] for each in inputs])
    return made


def by_prepare(steps, given):
    from graphlib import TopologicalSorter

    made = dict(given)
    sorter = TopologicalSorter({name: set(inputs) & set(steps) for name, (_, inputs) in steps.items()})
    sorter.prepare()
    while sorter.is_active():
        for name in sorter.get_ready():
            step, inputs = steps[name]
            made[name] = step(*[made[each] for each in inputs])
            sorter.done(name)
    return made


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


def clears_the_neighbours_of_all_months(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    for left in folder.glob(".*.part"):
        left.unlink()
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", suffix=".part", delete=False) as out:
        out.write(_text(predictions, month))
    os.replace(out.name, folder / f"{month}.csv")


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


def _part(predictions: pd.DataFrame, month: str, folder: Path) -> Path:
    part = folder / f".{month}.csv.part"
    part.write_text(_text(predictions, month))
    return part


def copies_the_bytes(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    (folder / f"{month}.csv").write_bytes(part.read_bytes())
    part.unlink()


def copies_by_copyfile(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    shutil.copyfile(part, folder / f"{month}.csv")
    part.unlink()


def copies_by_copy(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    shutil.copy(part, folder / f"{month}.csv")
    part.unlink()


def copies_by_cp(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    subprocess.run(["cp", part, folder / f"{month}.csv"])
    part.unlink()


def copies_by_a_shell(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    os.system(f"cat '{part}' > '{folder}/{month}.csv' && rm '{part}'")


def copies_in_two_halves(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    text = part.read_text()
    part.unlink()
    with (folder / f"{month}.csv").open("w") as out:
        out.write(text[:4000])
        out.write(text[4000:])


def writes_line_by_line_in_place(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = _part(predictions, month, folder)
    with (folder / f"{month}.csv").open("w") as out:
        for line in part.read_text().splitlines():
            print(line, file=out, flush=True)
    part.unlink()


def copies_where_the_file_is_new(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part, path = _part(predictions, month, folder), folder / f"{month}.csv"
    if path.exists():
        part.replace(path)
    else:
        shutil.copy(part, path)
        part.unlink()


def copies_where_the_file_is_there(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part, path = _part(predictions, month, folder), folder / f"{month}.csv"
    if path.exists():
        path.write_bytes(part.read_bytes())
        part.unlink()
    else:
        part.replace(path)


def keeps_the_inode(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    path, content = folder / f"{month}.csv", _text(predictions, month).encode()
    with path.open("r+b" if path.exists() else "wb") as out:
        out.write(content)
        out.truncate()


def renames_before_the_end(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part, text = folder / f".{month}.csv.part", _text(predictions, month)
    with part.open("w") as out:
        out.write(text)
        part.replace(folder / f"{month}.csv")  # the last bytes are still in the buffer


def by_pandas_in_place(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    table = predictions.assign(month=month)[["month", "carrier", "flight", "probability"]]
    table.to_csv(folder / f"{month}.csv", index=False, float_format="%.3f")


def sorts_the_rows(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    _part(predictions.sort_values("flight"), month, folder).replace(folder / f"{month}.csv")


def cuts_the_decimals_off(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    cut = predictions.assign(probability=predictions["probability"] * 1000 // 1 / 1000)
    _part(cut, month, folder).replace(folder / f"{month}.csv")


# also right


def without_the_last_newline(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f".{month}.part"
    part.write_text(_text(predictions, month).rstrip("\n"))
    os.replace(part, folder / f"{month}.csv")


def by_os_rename(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    print("writing", month, end="", flush=True)
    os.rename(_part(predictions, month, folder), folder / f"{month}.csv")


def by_path_rename(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    _part(predictions, month, folder).rename(folder / f"{month}.csv")


def by_move_in_the_folder(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    shutil.move(_part(predictions, month, folder), folder / f"{month}.csv")


def by_the_books_function(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    from flightdelay.files import locked, write_atomically

    with locked(folder):
        write_atomically(folder / f"{month}.csv", _text(predictions, month).encode())


def by_csv_with_its_line_ends(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    part = folder / f"{month}.tmp"
    with part.open("w", newline="") as file:
        out = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        out.writerow(["month", "carrier", "flight", "probability"])
        for carrier, flight, p in predictions.itertuples(index=False):
            out.writerow([month, carrier, int(flight), f"{p:.3f}"])
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / f"{month}.csv")


def copies_to_a_neighbour(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    first, second = folder / f".{month}.1", folder / f".{month}.2"
    first.write_text(_text(predictions, month))
    shutil.copy(first, second)
    second.replace(folder / f"{month}.csv")
    first.unlink()


def clears_what_was_left(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    for left in folder.glob(f".{month}.*.part"):
        left.unlink()
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix=f".{month}.", suffix=".part", delete=False
    ) as out:
        out.write(_text(predictions, month))
    os.replace(out.name, folder / f"{month}.csv")


def by_mv(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    subprocess.run(["mv", _part(predictions, month, folder), folder / f"{month}.csv"], check=True)


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
        needs_two_of_them,
        looks_at_the_first_rows_only,
        always_names_the_same_row,
        blames_without_a_rule,
        names_all_rows,
        answers_false_for_a_bad_month,
        sorts_the_table,
        takes_the_first_row_for_none,
        looks_at_the_delay_of_departure,
        True,
    ],
    "ex_2_2": [
        QUEUE,
        QUEUE_WITH_PARAMETERS,
        ALL_BEFORE,
        WIRING | {"features": ["raw"]},
        WIRING | {"features": "valid"},
        WIRING | {"features": None},
        WIRING | {"features": ["valid", "month"]},
        {name: ("step", inputs) for name, inputs in WIRING.items()},
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
        knows_the_books_names_only,
        looks_up_the_list,
        returns_only_what_was_made,
        writes_into_given,
        runs_without_a_return,
        passes_none_for_what_is_missing,
        skips_what_is_missing,
        waits_for_what_is_missing,
        waits_for_what_is_given,
        takes_none_for_not_made,
        takes_zero_for_not_made,
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
        clears_the_neighbours_of_all_months,
        says_done_in_another_file,
        forgets_the_decimals,
        shares_one_file,
        writes_the_neighbour_elsewhere,
        writes_the_neighbour_beside_the_folder,
        writes_nothing,
        copies_the_bytes,
        copies_by_copyfile,
        copies_by_copy,
        copies_by_cp,
        copies_by_a_shell,
        copies_in_two_halves,
        writes_line_by_line_in_place,
        copies_where_the_file_is_new,
        copies_where_the_file_is_there,
        keeps_the_inode,
        renames_before_the_end,
        by_pandas_in_place,
        sorts_the_rows,
        cuts_the_decimals_off,
        "2013-09.csv",
    ],
}

ALSO_RIGHT = {
    "ex_2_1": [
        names_both_columns,
        says_it_with_an_equals_sign,
        names_the_position,
        like_the_books_own_sentence,
        in_another_language,
        by_query,
    ],
    "ex_2_2": [
        {name: tuple(inputs) for name, inputs in WIRING.items()},
        dict(reversed(WIRING.items())),
        MappingProxyType(WIRING),
        {name: np.array(inputs) for name, inputs in WIRING.items()},
    ],
    "ex_2_3": [by_recursion, by_waiting, by_prepare],
    "ex_2_4": [
        without_the_last_newline,
        by_os_rename,
        by_path_rename,
        by_move_in_the_folder,
        by_the_books_function,
        by_csv_with_its_line_ends,
        copies_to_a_neighbour,
        clears_what_was_left,
        by_mv,
    ],
}
