"""Wrong answers to the exercises of chapter 15, each a mistake that somebody makes, and right ones in other styles."""

import functools
import json
import pickle
import shutil
from pathlib import Path

import numpy as np

from chapter_15 import tries_3, tries_4
from chapter_15.logistic import gradient
from chapter_15.trainjobs import model_of_one
from flightdelay.files import write_atomically

# --- 15.1


def mean_of_means(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    workers = all_reduce(1)
    return (
        weights - rate * all_reduce(by_weight) / workers,
        intercept - rate * all_reduce(by_intercept) / workers,
    )


def sum_of_means(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    return weights - rate * all_reduce(by_weight), intercept - rate * all_reduce(by_intercept)


def sum_of_rows(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    n = len(late)
    return weights - rate * all_reduce(n * by_weight), intercept - rate * all_reduce(n * by_intercept)


def keeps_its_own_intercept(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    rows = all_reduce(len(late))
    return weights - rate * all_reduce(by_weight * len(late)) / rows, intercept - rate * by_intercept


def leaves_the_intercept(weights, intercept, X, late, rate, all_reduce):
    by_weight, _ = gradient(weights, intercept, X, late)
    return weights - rate * all_reduce(by_weight * len(late)) / all_reduce(len(late)), intercept


def divides_by_its_own_rows(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    n = len(late)
    return weights - rate * all_reduce(by_weight * n) / n, intercept - rate * all_reduce(by_intercept * n) / n


def averages_the_models_unweighted(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    workers = all_reduce(1)
    return (
        all_reduce(weights - rate * by_weight) / workers,
        all_reduce(intercept - rate * by_intercept) / workers,
    )


def alone(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    return weights - rate * by_weight, intercept - rate * by_intercept


def uphill(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    rows, n = all_reduce(len(late)), len(late)
    return (
        weights + rate * all_reduce(by_weight * n) / rows,
        intercept + rate * all_reduce(by_intercept * n) / rows,
    )


def only_a_large_share_calls(weights, intercept, X, late, rate, all_reduce):
    if len(late) < 25:
        return weights, intercept
    return packed(weights, intercept, X, late, rate, all_reduce)


def returns_the_gradient(weights, intercept, X, late, rate, all_reduce):
    by_weight, _ = gradient(weights, intercept, X, late)
    return all_reduce(by_weight * len(late)) / all_reduce(len(late))


def takes_all_shares_for_equal(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    n = len(late)
    rows = all_reduce(1) * n
    return (
        weights - rate * all_reduce(by_weight * n) / rows,
        intercept - rate * all_reduce(by_intercept * n) / rows,
    )


def packed(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    total = all_reduce(len(late) * np.r_[by_weight, by_intercept, 1.0])
    return weights - rate * total[:-2] / total[-1], intercept - rate * total[-2] / total[-1]


def averages_the_models_by_rows(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    share = len(late) / all_reduce(len(late))
    return (
        all_reduce(share * (weights - rate * by_weight)),
        all_reduce(share * (intercept - rate * by_intercept)),
    )


def by_its_own_sum(weights, intercept, X, late, rate, all_reduce):
    error = 1 / (1 + np.exp(-(X @ weights + intercept))) - late
    rows = all_reduce(late.size)
    weights = weights - rate * all_reduce(error @ X) / rows
    return [weights, intercept - rate * all_reduce(error.sum()) / rows]


def rate_of_the_lesson(weights, intercept, X, late, rate, all_reduce):
    return packed(weights, intercept, X, late, 0.5, all_reduce)


everybody = 0


def counts_the_rows_once(weights, intercept, X, late, rate, all_reduce):
    global everybody
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    everybody = everybody or all_reduce(len(late))
    total = all_reduce(np.append(by_weight, by_intercept) * len(late)) / everybody
    return weights - rate * total[:-1], intercept - rate * total[-1]


def with_the_words_of_the_ring(weights, intercept, X, late, rate, all_reduce):
    by_weight, by_intercept = gradient(weights, intercept, X, late)
    rows = all_reduce(len(late), of="rows")
    total = all_reduce(np.append(by_weight, by_intercept) * len(late), "gradient") / rows
    return weights - rate * total[:-1], intercept - rate * total[-1]


# --- 15.2


def own_seed(rows, rank, world_size, epoch):
    return np.random.default_rng([rank, epoch]).permutation(rows)[rank::world_size]


def seed_of_rank_and_epoch(rows, rank, world_size, epoch):
    return np.random.default_rng(rank + epoch).permutation(rows)[rank::world_size]


def without_a_seed(rows, rank, world_size, epoch):
    return np.random.default_rng().permutation(rows)[rank::world_size]


def the_same_each_epoch(rows, rank, world_size, epoch):
    return np.random.default_rng(0).permutation(rows)[rank::world_size]


def without_shuffling(rows, rank, world_size, epoch):
    return np.arange(rows)[rank::world_size]


def drops_the_rest(rows, rank, world_size, epoch):
    size = rows // world_size
    return np.random.default_rng(epoch).permutation(rows)[rank * size : (rank + 1) * size]


def the_last_gets_the_rest(rows, rank, world_size, epoch):
    order, size = np.random.default_rng(epoch).permutation(rows), rows // (2 * world_size)
    return order[rank * size : (rank + 1) * size if rank < world_size - 1 else rows]


def fills_up(rows, rank, world_size, epoch):
    order = np.random.default_rng(epoch).permutation(rows)
    return np.append(order, order[: -rows % world_size])[rank::world_size]


def shuffles_its_own_block(rows, rank, world_size, epoch):
    mine = np.arange(rows)[rank::world_size]
    return np.random.default_rng(epoch).permutation(mine)


def draws_with_replacement(rows, rank, world_size, epoch):
    return np.random.default_rng(epoch).integers(0, rows, rows)[rank::world_size]


def everything_to_everybody(rows, rank, world_size, epoch):
    return np.random.default_rng(epoch).permutation(rows)


def counts_from_one(rows, rank, world_size, epoch):
    return 1 + np.random.default_rng(epoch).permutation(rows)[rank::world_size]


def in_blocks(rows, rank, world_size, epoch):
    return np.array_split(np.random.RandomState(7 + epoch).permutation(rows), world_size)[rank]


def by_the_standard_library(rows, rank, world_size, epoch):
    import random

    order = list(range(rows))
    random.Random(f"epoch {epoch}").shuffle(order)
    return [row for place, row in enumerate(order) if place % world_size == rank]


def seed_of_a_hash(rows, rank, world_size, epoch):
    return np.random.default_rng(abs(hash(f"epoch {epoch}"))).permutation(rows)[rank::world_size]


orders = {}


def remembers_an_order_without_a_seed(rows, rank, world_size, epoch):
    if (rows, epoch) not in orders:
        orders[rows, epoch] = np.random.permutation(rows)
    return orders[rows, epoch][rank::world_size]


def seed_repeats(rows, rank, world_size, epoch):
    return np.random.default_rng(epoch % 10).permutation(rows)[rank::world_size]


def ranks_swap(rows, rank, world_size, epoch):
    return np.random.default_rng(0).permutation(rows)[(rank + epoch) % world_size :: world_size]


def one_order_moved_on(rows, rank, world_size, epoch):
    return np.array_split(np.roll(np.random.default_rng(0).permutation(rows), epoch), world_size)[rank]


def blocks_rounded_up(rows, rank, world_size, epoch):
    size = -(-rows // world_size)
    return np.random.default_rng(epoch).permutation(rows)[rank * size : (rank + 1) * size]


@functools.cache
def _shuffled(rows, epoch):
    return np.random.default_rng(epoch).permutation(rows)


def from_a_cache(rows, rank, world_size, epoch):
    return _shuffled(rows, epoch)[rank::world_size]


# --- 15.3


def never_resumes(start, until, advance, file, rank):
    run = start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def forgets_the_velocity(start, until, advance, file, rank):
    run = start
    if file.exists():
        run = pickle.loads(file.read_bytes()) | {"velocity": start["velocity"]}
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def forgets_the_step(start, until, advance, file, rank):
    run = start
    if file.exists():
        run = start | {"weights": pickle.loads(file.read_bytes())}
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run["weights"]))
    return run


def counts_its_own_steps(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    for _ in range(until):
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def everybody_writes(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        write_atomically(file, pickle.dumps(run))
    return run


def each_its_own_file(start, until, advance, file, rank):
    own = file.with_name(f"{file.name}-{rank}")
    run = pickle.loads(own.read_bytes()) if own.exists() else start
    while run["step"] < until:
        run = advance(run)
        write_atomically(own, pickle.dumps(run))
    return run


def only_rank_0_resumes(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if rank == 0 and file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def saves_at_the_end(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
    if rank == 0:
        write_atomically(file, pickle.dumps(run))
    return run


def saves_every_third(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0 and run["step"] % 3 == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def writes_in_place(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            file.write_bytes(pickle.dumps(run))
    return run


def begins_anew_after_a_part(start, until, advance, file, rank):
    try:
        run = pickle.loads(file.read_bytes())
    except Exception:
        run = start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            file.write_bytes(pickle.dumps(run))
    return run


def rounds(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            kept = run | {"weights": run["weights"].round(3), "velocity": run["velocity"].round(3)}
            write_atomically(file, pickle.dumps(kept))
    return run


def returns_nothing(start, until, advance, file, rank):
    never_resumes(start, until, advance, file, rank)


def as_text(start, until, advance, file, rank):
    run = dict(start)
    if file.is_file():
        run = {name: np.array(value) for name, value in json.loads(file.read_text()).items()}
        run["step"] = int(run["step"])
    for _ in range(run["step"], until):
        run = advance(run)
        if not rank:
            kept = {name: np.asarray(value).tolist() for name, value in run.items()}
            write_atomically(file, json.dumps(kept).encode())
    return run


def beside_and_renamed(start, until, advance, file, rank):
    try:
        with np.load(file) as kept:
            run = {name: kept[name] for name in kept.files}
        run["step"] = run["step"].item()
    except FileNotFoundError:
        run = start
    while run["step"] != until:
        run = advance(run)
        if rank == 0:
            part = file.with_suffix(".part")
            with part.open("wb") as out:
                np.savez(out, **run)
            part.replace(file)
    return run


def saves_on_the_way_out(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    try:
        while run["step"] < until:
            run = advance(run)
    finally:
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


def copies_in_place(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file.with_suffix(".new"), pickle.dumps(run))
            shutil.copyfile(file.with_suffix(".new"), file)
    return run


def only_rank_0_returns(start, until, advance, file, rank):
    run = pickle.loads(file.read_bytes()) if file.exists() else start
    while run["step"] < until:
        run = advance(run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run if rank == 0 else None


def rank_1_reads_and_never_moves(start, until, advance, file, rank):
    run = start
    while run["step"] < until:
        run = advance(pickle.loads(file.read_bytes()) if file.exists() else run)
        if rank == 0:
            write_atomically(file, pickle.dumps(run))
    return run


# --- 15.4


def by_class(one, two, rows):
    return bool((one.predict(rows) == two.predict(rows)).all())


def by_the_mean(one, two, rows):
    return bool(abs(one.predict_proba(rows)[:, 1].mean() - two.predict_proba(rows)[:, 1].mean()) < 5e-7)


def by_rank(one, two, rows):
    return bool((one.predict_proba(rows)[:, 1].argsort() == two.predict_proba(rows)[:, 1].argsort()).all())


def by_sorted(one, two, rows):
    sorted_ = [np.sort(model.predict_proba(rows)[:, 1]) for model in (one, two)]
    return bool(abs(sorted_[0] - sorted_[1]).max() < 5e-7)


def exactly(one, two, rows):
    return bool((one.predict_proba(rows) == two.predict_proba(rows)).all())


def without_the_sign(one, two, rows):
    return bool((one.predict_proba(rows)[:, 1] - two.predict_proba(rows)[:, 1]).max() < 5e-7)


def three_decimals(one, two, rows):
    return bool(abs(one.predict_proba(rows) - two.predict_proba(rows)).max() < 5e-4)


def by_any(one, two, rows):
    return bool((abs(one.predict_proba(rows) - two.predict_proba(rows)) < 5e-7).any())


def the_first_rows(one, two, rows):
    return bool(np.allclose(one.predict_proba(rows[:5]), two.predict_proba(rows[:5]), atol=5e-7, rtol=0))


def as_numpy_has_it(one, two, rows):
    return np.allclose(one.predict_proba(rows)[:, 1], two.predict_proba(rows)[:, 1])


def returns_the_distance(one, two, rows):
    return abs(one.predict_proba(rows) - two.predict_proba(rows)).max()


def by_allclose(one, two, rows):
    return np.allclose(one.predict_proba(rows), two.predict_proba(rows), rtol=0, atol=5e-7)


def in_a_loop(one, two, rows):
    pairs = zip(one.predict_proba(rows), two.predict_proba(rows), strict=True)
    return all(abs(a[1] - b[1]) < 0.0000005 for a, b in pairs)


def _late(one, two, rows):
    return one.predict_proba(rows)[:, 1], two.predict_proba(rows)[:, 1]


def rounded(one, two, rows):
    return np.array_equal(*[late.round(6) for late in _late(one, two, rows)])


def by_the_mean_distance(one, two, rows):
    return bool(abs(np.subtract(*_late(one, two, rows))).mean() < 5e-7)


def one_in_the_sixth_decimal(one, two, rows):
    return bool(abs(np.subtract(*_late(one, two, rows))).max() < 1e-6)


def too_strict(one, two, rows):
    return bool(abs(np.subtract(*_late(one, two, rows))).max() < 1e-7)


def without_the_last_row(one, two, rows):
    a, b = _late(one, two, rows)
    return all(abs(a[row] - b[row]) < 5e-7 for row in range(len(a) - 1))


def by_a_hundred_rows(one, two, rows):
    return by_allclose(one, two, rows[:100])


def true_or_nothing(one, two, rows):
    return by_allclose(one, two, rows) or None


# --- 15.5 and 15.6

WHO = {"DMatrix(X, late)": "all", "train(rules, rows)": "all", "model.eval(rows)": "all"}
WHO |= {"model.save_model(file)": "one", "print(step)": "one"}
PICKS = {"monthly": "leave it", "search": "side by side", "slow": "one machine well", "rows": "distribute"}


# --- 15.7 to 15.9

HERE = Path(__file__).parent
THREE, APART, KEPT = (
    (HERE / "solved" / f"{name}.yaml").read_text(encoding="utf-8") for name in ("three", "apart", "kept")
)
# As they are given to the reader.
TWO_AS_THREE, STILL_APART, NOT_KEPT = (
    (HERE / "manifests" / f"{name}.yaml").read_text(encoding="utf-8") for name in ("three", "apart", "kept")
)


def printed(workers: int, model: str, begun: int = 0) -> list[str]:
    """Return what the workers print, as a notebook reads it."""
    begins = [f"rank {rank} | begins at step {begun}" for rank in range(workers)]
    return [*begins, *(f"rank {rank} | 100 steps, model {model}" for rank in range(workers))]


def shown(manifest: object, log: object, **more: object) -> dict[str, object]:
    return {"manifest": manifest, "log": log, **more}


WHY = "1 node(s) didn't match pod anti-affinity rules"
ONE, OTHER = model_of_one(), "0123456789ab"
CLAIM = (HERE / "manifests" / "store.yaml").read_text(encoding="utf-8")
CHOSEN = "{matchLabels: {jobset.sigs.k8s.io/jobset-name: apart}}"
ONE_LINE = tries_3.changed(
    STILL_APART,
    ("labelSelector:\n", f"labelSelector: {CHOSEN}\n"),
    ("                                  matchLabels: {jobset.sigs.k8s.io/jobset-name: apart}\n", ""),
)
BY_NAME = "{{matchExpressions: [{{key: jobset.sigs.k8s.io/jobset-name, operator: {}, values: [apart]}}]}}"
AS_FAR_APART = [
    tries_3.changed(ONE_LINE, (CHOSEN, "{}")),
    tries_3.changed(ONE_LINE, (CHOSEN, BY_NAME.format("In"))),
    tries_3.changed(ONE_LINE, (CHOSEN, "{matchLabels: {job-name: apart-node-0}}")),
    tries_3.changed(ONE_LINE, ("kubernetes.io/hostname", "kubernetes.io/os")),
    tries_3.changed(ONE_LINE, ("topologyKey: kubernetes.io/hostname", "namespaces: []")),
    tries_3.changed(tries_3.TOGETHER["preferred"], ("- weight: 1\n", "-\n")),
]
NOT_APART = [
    tries_3.changed(ONE_LINE, (CHOSEN, BY_NAME.format("NotIn"))),
    tries_3.changed(ONE_LINE, (CHOSEN, "{matchLabels: {jobset.sigs.k8s.io/jobset-name: two}}")),
    tries_3.changed(ONE_LINE, ("kubernetes.io/hostname", "topology.kubernetes.io/zone")),
    tries_3.changed(ONE_LINE, (f"labelSelector: {CHOSEN}", "namespaces: []")),
    tries_3.changed(ONE_LINE, ("podAntiAffinity", "podAffinity")),
]


# --- 15.10 and 15.11

FOUND = {"policy": "house-rule", "lets in": 8080, "from": 1, "to": 0, "port": 29500}
PORTS, RULES = (
    "ports: [{protocol: TCP, port: 29500}]",
    "{matchLabels: {jobset.sigs.k8s.io/jobset-name: fenced}}",
)
RANK_0 = '{matchLabels: {batch.kubernetes.io/job-completion-index: "0"}}'
UNLABELLED = "{jobset.sigs.k8s.io/jobset-name: fenced}"
KEY = "{matchLabels: {jobset.sigs.k8s.io/job-key: 1efc58e8a6a2aed391c6c910cae730dc4074ed0f}}"
OPEN = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: open, namespace: flights-fenced}}
spec: {{podSelector: {}, ingress: [{{ports: [{{port: 29500}}]}}]}}
"""
OPENED = [
    tries_4.GIVEN,
    *tries_4.WRONG.values(),
    *(
        tries_4.changed(tries_4.MENDED, pair)
        for pair in (
            (PORTS, "ports: [{protocol: TCP, port: 8080}]"),
            (PORTS, "ports: [{protocol: UDP, port: 29500}]"),
            (PORTS, 'ports: [{protocol: TCP, port: "29500"}]'),
            (PORTS, "ports: [{protocol: TCP, port: 29400, endPort: 29600}]"),
            (PORTS, "ports: [{protocol: TCP, port: 29500}, {protocol: TCP, port: 22}]"),
            (f"      {PORTS}\n", ""),
            (f"podSelector: {RULES}", "namespaceSelector: {}"),
            (f"podSelector: {RULES}", f"namespaceSelector: {{}}\n          podSelector: {RULES}"),
            (f"podSelector: {RULES}", "ipBlock: {cidr: 10.244.0.0/16}"),
            (RULES, "{matchLabels: {jobset.sigs.k8s.io/replicatedjob-name: node}}"),
            (RULES, "{matchExpressions: [{key: jobset.sigs.k8s.io/jobset-name, operator: Exists}]}"),
            (RULES, "{matchLabels: {app: fenced}}"),
            (RULES, RULES.replace("fenced", "two")),
            ("  podSelector: {}", f"  podSelector: {RULES}"),
            ("[Ingress]", "[Ingress, Egress]"),
            ("[Ingress]", "[Egress]"),
            (tries_4.HOUSE, ""),
            ("flights-fenced", "flights-workers"),
            ("NetworkPolicy", "Policy"),
            (PORTS, "ports: [{port: 29500}, {protocol: UDP, port: 29500}]"),
            (PORTS, "ports: {protocol: TCP, port: 29500}"),
            (RULES, "{matchExpressions: [{key: job-name, operator: in, values: [fenced-node-0]}]}"),
            (
                RULES,
                "{matchExpressions: [{key: job-name, operator: In, values: [fenced-node-0, two-node-0]}]}",
            ),
            (RULES, f"{RULES}\n        - podSelector: {RANK_0}"),
            (RULES, "{matchLabels: {jobset.sigs.k8s.io/jobset-uid: 2fa8bb6b-5500-4fe7-8603-55033d29a520}}"),
            (tries_4.HOUSE, tries_4.HOUSE.replace("- ports", "- from: [{podSelector: {}}]\n      ports")),
            (
                tries_4.HOUSE,
                tries_4.HOUSE.replace("- ports", "- from: [{namespaceSelector: {}}]\n      ports"),
            ),
        )
    ),
    tries_4.changed(tries_4.BESIDE, (f"{RULES}\n  policy", f"{UNLABELLED}\n  policy")),
    f"{tries_4.MENDED}---\n{OPEN.format(RANK_0.replace('0', '1'))}",
    f"{tries_4.MENDED}---\n{OPEN.format('{matchLabels: {app: report}}')}",
    tries_4.changed(tries_4.GIVEN, ("port: 8080}", "port: 8080}, {protocol: TCP, port: 29500}")),
    "podSelector: [",
]

WRONG = {
    "ex_15_1": [
        mean_of_means,
        sum_of_means,
        sum_of_rows,
        keeps_its_own_intercept,
        leaves_the_intercept,
        divides_by_its_own_rows,
        averages_the_models_unweighted,
        alone,
        uphill,
        only_a_large_share_calls,
        returns_the_gradient,
        takes_all_shares_for_equal,
        rate_of_the_lesson,
        counts_the_rows_once,
    ],
    "ex_15_2": [
        own_seed,
        seed_of_rank_and_epoch,
        without_a_seed,
        the_same_each_epoch,
        without_shuffling,
        drops_the_rest,
        the_last_gets_the_rest,
        fills_up,
        shuffles_its_own_block,
        draws_with_replacement,
        everything_to_everybody,
        counts_from_one,
        seed_of_a_hash,
        remembers_an_order_without_a_seed,
        seed_repeats,
        ranks_swap,
        one_order_moved_on,
        blocks_rounded_up,
    ],
    "ex_15_3": [
        never_resumes,
        forgets_the_velocity,
        forgets_the_step,
        counts_its_own_steps,
        everybody_writes,
        each_its_own_file,
        only_rank_0_resumes,
        saves_at_the_end,
        saves_every_third,
        writes_in_place,
        begins_anew_after_a_part,
        rounds,
        returns_nothing,
        saves_on_the_way_out,
        copies_in_place,
        only_rank_0_returns,
        rank_1_reads_and_never_moves,
    ],
    "ex_15_4": [
        by_class,
        by_the_mean,
        by_rank,
        by_sorted,
        exactly,
        without_the_sign,
        three_decimals,
        by_any,
        the_first_rows,
        as_numpy_has_it,
        returns_the_distance,
        rounded,
        by_the_mean_distance,
        one_in_the_sixth_decimal,
        too_strict,
        without_the_last_row,
        by_a_hundred_rows,
        true_or_nothing,
    ],
    "ex_15_5": [
        WHO | {"DMatrix(X, late)": "one"},
        WHO | {"train(rules, rows)": "one"},
        WHO | {"model.eval(rows)": "one"},
        WHO | {"model.save_model(file)": "all"},
        dict.fromkeys(WHO, "all"),
        {"train(rules, rows)": "all"},
        WHO | {"print(step)": "rank 0"},
        list(WHO),
    ],
    "ex_15_6": [
        dict.fromkeys(PICKS, "distribute"),
        PICKS | {"search": "distribute"},
        PICKS | {"slow": "distribute"},
        PICKS | {"rows": "one machine well"},
        PICKS | {"rows": "side by side"},
        PICKS | {"monthly": "one machine well"},
        {"monthly": "leave it"},
        PICKS | {"slow": "buy another one"},
    ],
    "ex_15_7": [
        shown(TWO_AS_THREE, printed(2, ONE)),
        shown(TWO_AS_THREE, printed(3, ONE)),
        shown(tries_3.WRONG["three processes in a Pod"], printed(2, ONE)),
        *(shown(text, []) for text in tries_3.REFUSED.values()),
        shown(tries_3.NONE, printed(1, ONE)),
        shown(THREE, printed(2, ONE)),
        shown(THREE, printed(3, OTHER)),
        shown(THREE, []),
        shown(THREE, ["rank 0 | 8,800 of 26,398 rows, waits for the others"]),
        shown(THREE.replace("name: three", "name: two"), printed(3, ONE)),
        shown(THREE.replace("flights-workers", "default"), printed(3, ONE)),
        shown(THREE.replace("TrainJob", "Job"), printed(3, ONE)),
        shown(THREE.replace("numNodes: 3", 'numNodes: "3"'), printed(3, ONE)),
        shown(THREE.replace("  trainer:", " trainer:"), printed(3, ONE)),
        shown("three.yaml", printed(3, ONE)),
        shown(f"{THREE}---\n{TWO_AS_THREE}", printed(3, ONE)),
        shown(f"{THREE}  suspend: true\n", printed(3, ONE)),
        shown(f"{THREE}    env: {{PAUSE: '1'}}\n", printed(3, ONE)),
        shown(f"{THREE}    env: [{{name: PAUSE, value: 1}}]\n", printed(3, ONE)),
        THREE,
        {"log": printed(3, ONE)},
    ],
    "ex_15_8": [
        shown(STILL_APART, [], why=WHY),
        shown(STILL_APART, ["rank 0 | 13,199 of 26,398 rows, waits for the others"], why=WHY),
        shown(tries_3.WRONG["one worker"], printed(1, ONE), why=WHY),
        shown(tries_3.WRONG["smaller"], [], why=WHY),
        shown(tries_3.WRONG["tolerant"], [], why=WHY),
        shown(STILL_APART, printed(2, ONE), why=WHY),
        *(shown(text, printed(2, ONE), why=WHY) for text in AS_FAR_APART),
        shown(APART, printed(2, ONE)),
        shown(APART, printed(2, ONE), why="Insufficient memory"),
        shown(APART, printed(2, ONE), why="didn't match pod affinity rules"),
        shown(APART, printed(2, ONE), why="didn't match Pod's node affinity/selector"),
        shown(APART, printed(2, OTHER), why=WHY),
        shown(APART, [], why=WHY),
    ],
    "ex_15_9": [
        shown(NOT_KEPT, printed(2, ONE)),
        shown(KEPT, printed(2, ONE)),
        shown(KEPT, printed(2, ONE, begun=100)),
        shown(KEPT, printed(2, OTHER, begun=40)),
        shown(KEPT, []),
        shown(KEPT, [*printed(2, ONE, begun=40), "rank 1 | begins at step 0"]),
        *(
            shown(KEPT.replace("value: /store", f"value: {folder}"), printed(2, ONE, begun=40))
            for folder in ("/stores", "/store/../scratch", "store", "/")
        ),
        shown(
            KEPT.replace("value: /store}", "value: /tmp}\n      - {name: STORE, value: /store}"),
            printed(2, ONE, begun=40),
        ),
        shown(tries_3.WRONG["scratch"], []),
        shown(tries_3.WRONG["own disk"], printed(2, ONE)),
        shown(tries_3.WRONG["another word"], printed(2, ONE)),
        shown(tries_3.WRONG["without the runtime"], []),
        shown(KEPT.replace("numNodes: 2", "numNodes: 1"), printed(1, ONE, begun=40)),
    ],
    "ex_15_10": [
        FOUND | {"from": 0, "to": 1},
        FOUND | {"policy": "fenced"},
        FOUND | {"port": 8080},
        FOUND | {"lets in": 29500},
        FOUND | {"lets in": [8080, 29500]},
        FOUND | {"from": "rank 0", "to": "rank 1"},
        FOUND | {"port": "29500/UDP"},
        {"policy": "house-rule"},
        "house-rule",
    ],
    "ex_15_11": [shown(text, printed(2, ONE)) for text in OPENED]
    + [
        shown(tries_4.MENDED, printed(2, OTHER)),
        shown(tries_4.MENDED, printed(1, ONE)),
        shown(tries_4.MENDED, ["rank 0 | 13,199 of 26,398 rows, waits for the others"]),
        shown(tries_4.MENDED, []),
        tries_4.MENDED,
    ],
}
ALSO_RIGHT = {
    "ex_15_1": [packed, averages_the_models_by_rows, by_its_own_sum, with_the_words_of_the_ring],
    "ex_15_2": [in_blocks, by_the_standard_library, from_a_cache],
    "ex_15_3": [as_text, beside_and_renamed],
    "ex_15_4": [by_allclose, in_a_loop],
    "ex_15_5": [
        {name: pick.upper() for name, pick in WHO.items()},
        dict(reversed(WHO.items())),
        tuple(WHO.values()),
        np.array(list(WHO.values())),
        list(WHO.items()),
    ],
    "ex_15_6": [{name: f" {pick.capitalize()} " for name, pick in PICKS.items()}, list(PICKS.items())],
    "ex_15_7": [
        *(shown(text, printed(3, ONE)) for text in tries_3.THREE_WORKERS.values()),
        shown(HERE / "solved" / "three.yaml", "\n".join(printed(3, ONE))),
        shown(THREE.replace(", namespace: flights-workers", ""), printed(3, ONE)),
        shown(f"---\n{THREE}", [f"[pod/three-node-0/node] {line}" for line in printed(3, ONE)]),
    ],
    "ex_15_8": [shown(text, printed(2, ONE), why=WHY) for text in tries_3.TOGETHER.values()]
    + [shown(text, printed(2, ONE), why=WHY) for text in NOT_APART]
    + [shown(APART, printed(2, ONE), why=why) for why in ("pod Anti-Affinity", "podAntiAffinity")],
    "ex_15_9": [shown(text, printed(2, ONE, begun=60)) for text in tries_3.STORED.values()]
    + [
        shown(f"{KEPT}---\n{CLAIM}", printed(2, ONE, begun=40)),
        shown(KEPT.replace("value: /store", "value: //scratch/../store/"), printed(2, ONE, begun=40)),
        shown(KEPT, ["rank 0 | begins at step 0", *printed(2, ONE, begun=40)]),
    ],
    "ex_15_10": [
        {key: str(value) for key, value in FOUND.items()},
        FOUND | {"policy": "networkpolicy.networking.k8s.io/house-rule", "port": "29500/TCP"},
        FOUND | {"from": "rank 1", "to": "Rank 0", "lets in": [8080]},
        FOUND | {"lets in": "TCP 8080", "port": "29500 (TCP)"},
    ],
    "ex_15_11": [shown(text, printed(2, ONE)) for text in tries_4.RIGHT.values()]
    + [
        shown(text, "\n".join(printed(2, ONE)))
        for text in (
            f"{tries_4.GIVEN}---\n{tries_4.BESIDE}",
            tries_4.changed(tries_4.MENDED, ("{protocol: TCP, port: 29500}", "{port: 29500}")),
            tries_4.changed(tries_4.MENDED, (", namespace: flights-fenced", "")),
            tries_4.changed(tries_4.MENDED, (PORTS, "ports: [{port: 29500, endPort: 29500}]")),
            tries_4.changed(tries_4.MENDED, (RULES, KEY)),
            tries_4.changed(tries_4.MENDED, (RULES, f"{RULES[:-2]}, jobset.sigs.k8s.io/priority: '0'}}}}")),
        )
    ],
}
