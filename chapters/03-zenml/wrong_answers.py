"""Wrong answers to the exercises of chapter 03."""

import hashlib
import itertools
import json
import time
import zlib
from pathlib import Path

import pandas as pd
from zenml.client import Client
from zenml.enums import ModelStages

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


def follows_the_first_of_each_list(artifact):
    found = set()
    for several in artifact.step.inputs.values():
        found |= {one.name for one in several}
        found |= follows_the_first_of_each_list(several[0])
    return found


def follows_the_last_of_each_list(artifact):
    found = set()
    for several in artifact.step.inputs.values():
        found |= {one.name for one in several} | follows_the_last_of_each_list(several[-1])
    return found


def the_first_input(artifact):
    found, here = set(), artifact
    while here.step.inputs:
        here = next(iter(here.step.inputs.values()))[0]
        found.add(here.name)
    return found


def knows_by_name(artifact):
    found = set()

    def walk(one):
        for several in one.step.inputs.values():
            for taken in several:
                if taken.name not in found:
                    found.add(taken.name)
                    walk(taken)

    walk(artifact)
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


def always_september(month: str, folder: Path):
    return hashlib.sha256((folder / "2013-09.parquet").read_bytes()).hexdigest()


def of_the_books_manifest(month: str, folder: Path):
    from flightdelay.data import DATA

    return json.loads((DATA / "manifest.json").read_text())["files"][f"flights/{month}.parquet"]["sha256"]


def content(month: str, folder: Path) -> bytes:
    return (folder / f"{month}.parquet").read_bytes()


def a_megabyte(month: str, folder: Path):
    return hashlib.sha256(content(month, folder)[:1_000_000]).hexdigest()


def stripped(month: str, folder: Path):
    return hashlib.sha256(content(month, folder).strip()).hexdigest()


def lines_without_their_ends(month: str, folder: Path):
    return hashlib.sha256(b"".join(content(month, folder).splitlines())).hexdigest()


def adler(month: str, folder: Path):
    return str(zlib.adler32(content(month, folder)))


def crc(month: str, folder: Path):
    return f"{zlib.crc32(content(month, folder)):08x}"


def three_samples(month: str, folder: Path):
    data = content(month, folder)
    half = len(data) // 2
    return hashlib.sha256(data[:1024] + data[half - 512 : half + 512] + data[-1024:]).hexdigest()


def every_thousandth_byte(month: str, folder: Path):
    return hashlib.sha256(content(month, folder)[::1000]).hexdigest()


def four_digits(month: str, folder: Path):
    return hashlib.sha256(content(month, folder)).hexdigest()[:4]


def as_text(month: str, folder: Path):
    text = (folder / f"{month}.parquet").read_text(errors="replace")
    return hashlib.sha256(text.encode()).hexdigest()


def the_rows(month: str, folder: Path):
    rows = pd.read_parquet(folder / f"{month}.parquet")
    return str(pd.util.hash_pandas_object(rows).sum())


def the_rows_and_the_size(month: str, folder: Path):
    path = folder / f"{month}.parquet"
    return f"{path.stat().st_size}-{pd.util.hash_pandas_object(pd.read_parquet(path)).sum()}"


# --- 3.4 ---


def returns_the_stage(decision, version):
    return "production" if decision["decision"] == "promote" else "staging"


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


def always_staging(decision, version):
    version.set_stage("staging", force=True)


def by_way_of_staging(decision, version):
    version.set_stage("staging", force=True)
    if decision["decision"] == "promote":
        version.set_stage("production", force=True)


def leaves_the_old_one_without_a_stage(decision, version):
    if decision["decision"] == "promote":
        for old in Client().list_model_versions(version.model.id, stage="production").items:
            old.set_stage("none")
    version.set_stage("production" if decision["decision"] == "promote" else "staging", force=True)


# --- right, in other styles ---


def by_recursion(artifact):
    return {
        name
        for several in artifact.step.inputs.values()
        for one in several
        for name in {one.name} | by_recursion(one)
    }


def a_sorted_list(artifact):
    found, waiting = {}, [artifact]
    for here in waiting:  # it grows on the way
        for one in itertools.chain(*here.step.inputs.values()):
            found[one.id] = one.name
            waiting.append(one)
    return sorted(set(found.values()))


def with_made_by(artifact):
    def made_by(one):
        return one.step.name, [each for several in one.step.inputs.values() for each in several]

    _, inputs = made_by(artifact)
    return frozenset().union(*({one.name} | with_made_by(one) for one in inputs))


def chunks(month: str, folder: Path):
    found = hashlib.blake2b(digest_size=16)
    with (folder / f"{month}.parquet").open("rb") as file:
        while chunk := file.read(1 << 16):
            found.update(chunk)
    return found.hexdigest()


def a_number(month: str, folder: Path):
    return int.from_bytes(hashlib.file_digest((folder / f"{month}.parquet").open("rb"), "md5").digest())


def size_and_sum(month: str, folder: Path):
    data = content(month, folder)
    return f"{month}:{len(data)}:{hashlib.sha256(data).hexdigest()[:12]}"


def archives_by_hand(decision, version):
    stage = "production" if decision["decision"] == "promote" else "staging"
    try:
        old = Client().get_model_version(version.model.id, stage)
    except KeyError:
        pass
    else:
        old.set_stage("archived")
    version.set_stage(stage)


def by_the_list(decision, version):
    stage = {"promote": ModelStages.PRODUCTION, "keep": ModelStages.STAGING}[decision["decision"]]
    for old in Client().list_model_versions(model_name_or_id=version.model.name, stage=stage).items:
        old.set_stage(ModelStages.ARCHIVED)
    version.set_stage(stage)


def by_the_client(decision, version):
    stage = "production" if decision["decision"] == "promote" else "staging"
    Client().update_model_version(version.model.id, version.id, stage=stage, force=True)


ALSO_RIGHT = {
    "ex_3_1": [
        {change: set(steps) for change, steps in TRUE.items()},
        {change: tuple(reversed(steps)) for change, steps in reversed(TRUE.items())},
        TRUE | {"minutes": ["worst", "late_shares", "worst"]},
    ],
    "ex_3_2": [by_recursion, a_sorted_list, with_made_by],
    "ex_3_3": [chunks, a_number, size_and_sum],
    "ex_3_4": [archives_by_hand, by_the_list, by_the_client],
}
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
        follows_the_first_of_each_list,
        follows_the_last_of_each_list,
        the_first_input,
        knows_by_name,
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
        always_september,
        of_the_books_manifest,
        a_megabyte,
        stripped,
        lines_without_their_ends,
        adler,
        crc,
        three_samples,
        every_thousandth_byte,
        four_digits,
        as_text,
        the_rows,
        the_rows_and_the_size,
        "a sum",
    ],
    "ex_3_4": [
        returns_the_stage,
        always_production,
        without_force,
        nothing_when_kept,
        only_the_champion,
        champion,
        a_dict_is_never_promote,
        the_other_way_round,
        attribute,
        always_staging,
        by_way_of_staging,
        leaves_the_old_one_without_a_stage,
        "production",
    ],
}
