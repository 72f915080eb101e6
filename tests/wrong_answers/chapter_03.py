"""Wrong answers to the exercises of chapter 03."""

import hashlib
import time
from pathlib import Path

TRUE = {
    "nothing": [],
    "minutes": ["late_shares", "worst"],
    "comment in late_shares": ["late_shares"],
    "comment in load": ["load", "late_shares"],
    "helper": [],
    "bytes": [],
}
ALL = ["load", "late_shares", "worst"]

# --- 3.2 ---


def only_the_last_step(artifact):
    return {one.name for several in artifact.step.inputs.values() for one in several}


def names_of_steps(artifact):
    found = {artifact.step.name}
    for several in artifact.step.inputs.values():
        for one in several:
            found |= names_of_steps(one)
    return found


def with_itself(artifact):
    found = {artifact.name}
    for several in artifact.step.inputs.values():
        for one in several:
            found |= with_itself(one)
    return found


def the_first_of_each_list(artifact):
    found = set()
    for several in artifact.step.inputs.values():
        found |= {several[0].name} | the_first_of_each_list(several[0])
    return found


def the_first_input(artifact):
    found, here = set(), artifact
    while here.step.inputs:
        here = next(iter(here.step.inputs.values()))[0]
        found.add(here.name)
    return found


def the_artifacts(artifact):
    return [one for several in artifact.step.inputs.values() for one in several]


def each_way(artifact):
    found = []
    for several in artifact.step.inputs.values():
        for one in several:
            found += [one.name, *each_way(one)]
    return found


def asks_the_artifact(artifact):
    return {one.name for one in artifact.inputs}


def without_end(artifact):
    return without_end(artifact)


def how_many(artifact):
    return len(artifact.step.inputs)


# --- 3.3 ---


def path(month: str, folder: Path):
    return str(folder / f"{month}.parquet")


def date(month: str, folder: Path):
    return str((folder / f"{month}.parquet").stat().st_mtime)


def size(month: str, folder: Path):
    return str((folder / f"{month}.parquet").stat().st_size)


def now(month: str, folder: Path):
    return str(time.time_ns())


def built_in_hash(month: str, folder: Path):
    return str(hash((folder / f"{month}.parquet").read_bytes()))


def beginning(month: str, folder: Path):
    with (folder / f"{month}.parquet").open("rb") as file:
        return hashlib.sha256(file.read(4096)).hexdigest()


def sum_of_the_path(month: str, folder: Path):
    return hashlib.sha256(str(folder / f"{month}.parquet").encode()).hexdigest()


def all_bytes(month: str, folder: Path):
    return (folder / f"{month}.parquet").read_bytes()


def all_bytes_as_text(month: str, folder: Path):
    return (folder / f"{month}.parquet").read_bytes().hex()


def bytes_added_up(month: str, folder: Path):
    return str(sum((folder / f"{month}.parquet").read_bytes()))


def all_months(month: str, folder: Path):
    return hashlib.sha256(
        b"".join(path.read_bytes() for path in sorted(folder.glob("*.parquet")))
    ).hexdigest()


def only_the_month(month: str, folder: Path):
    return month


# --- 3.4 ---


def always_production(decision, version):
    version.set_stage("production", force=True)


def without_force(decision, version):
    version.set_stage("production" if decision["decision"] == "promote" else "staging")


def nothing_when_kept(decision, version):
    if decision["decision"] == "promote":
        version.set_stage("production", force=True)
    else:
        version.set_stage("archived")


def only_the_champion(decision, version):
    if decision["decision"] == "promote":
        version.set_stage("production", force=True)


def champion(decision, version):
    version.set_stage("champion" if decision["decision"] == "promote" else "staging", force=True)


def a_dict_is_never_promote(decision, version):
    version.set_stage("production" if decision == "promote" else "staging", force=True)


def the_other_way_round(decision, version):
    version.set_stage("staging" if decision["decision"] == "promote" else "production", force=True)


def attribute(decision, version):
    version.set_stage("production" if "promote" in decision["reasons"] else "staging", force=True)


WRONG = {
    "ex_3_1": [
        dict.fromkeys(TRUE, ALL) | {"nothing": []},
        TRUE | {"nothing": ALL},
        TRUE | {"minutes": ALL},
        TRUE | {"minutes": ["late_shares"]},
        TRUE | {"comment in late_shares": []},
        TRUE | {"comment in late_shares": ["late_shares", "worst"]},
        TRUE | {"comment in late_shares": ALL},
        TRUE | {"comment in load": []},
        TRUE | {"comment in load": ["load"]},
        TRUE | {"comment in load": ALL},
        TRUE | {"helper": ["late_shares", "worst"]},
        TRUE | {"bytes": ALL},
        TRUE | {"bytes": "load"},
        TRUE | {"bytes": ["share_late"]},
        ALL,
    ],
    "ex_3_2": [
        only_the_last_step,
        names_of_steps,
        with_itself,
        the_first_of_each_list,
        the_first_input,
        the_artifacts,
        each_way,
        asks_the_artifact,
        without_end,
        how_many,
        {"flights"},
    ],
    "ex_3_3": [
        path,
        date,
        size,
        now,
        built_in_hash,
        beginning,
        sum_of_the_path,
        all_bytes,
        all_bytes_as_text,
        bytes_added_up,
        all_months,
        only_the_month,
        "a sum",
    ],
    "ex_3_4": [
        always_production,
        without_force,
        nothing_when_kept,
        only_the_champion,
        champion,
        a_dict_is_never_promote,
        the_other_way_round,
        attribute,
        "production",
    ],
}
