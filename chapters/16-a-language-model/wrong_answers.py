"""Wrong answers to the exercises of chapter 16, each a mistake that somebody makes, and right ones in other styles."""

import ast
import base64
import hashlib
import json
import pickle
import random
import sys

import numpy as np
import pandas as pd
import safetensors
import safetensors.numpy
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import beta, binomtest, ttest_ind, ttest_rel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neighbors import NearestCentroid

from flightdelay.files import sha256

# --- 16.1


def drawn_anew(right, draws=1000, size=None, ends=(2.5, 97.5)):
    generator = np.random.default_rng(0)
    right = np.asarray(right)
    return np.percentile(
        [generator.choice(right, size or len(right)).mean() for _ in range(draws)],
        ends,
    )


def one_standard_error(right):
    half = np.std(right) / np.sqrt(len(right))
    return right.mean() - half, right.mean() + half


def spread_of_messages(right):
    return right.mean() - 1.96 * np.std(right), right.mean() + 1.96 * np.std(right)


def without_replacement(right):
    generator = np.random.default_rng(0)
    return np.percentile([generator.permutation(right).mean() for _ in range(500)], [2.5, 97.5])


def ninety_percent(right):
    return drawn_anew(right, 2000, ends=(5, 95))


def ninety_nine_percent(right):
    return drawn_anew(right, 2000, ends=(0.5, 99.5))


def a_hundred_at_a_time(right):
    return drawn_anew(right, size=100)


def ten_times_as_many(right):
    return drawn_anew(right, size=10 * len(right))


def of_the_messages(right):
    return np.percentile(right, [2.5, 97.5])


def in_percent(right):
    return 100 * np.asarray(drawn_anew(right))


def five_points(right):
    return right.mean() - 0.05, right.mean() + 0.05


def half_of_it(right):
    low, high = drawn_anew(right)
    return (high - low) / 2


def extremes(right):
    return drawn_anew(right, 2000, ends=(0, 100))


def of_the_224(right):
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 224)
    return right.mean() - half, right.mean() + half


def upper_end_first(right):
    low, high = drawn_anew(right)
    return high, low


def of_wrong_ones(right):
    return drawn_anew(~np.asarray(right))


def four_points(right):
    # Right on the average of the accuracies that are tried, and for none of them.
    return right.mean() - 0.04, right.mean() + 0.04


def below_the_accuracy(right):
    low, high = by_a_formula(right)
    return right.mean() - (high - low), right.mean()


def from_0_to_1(right):
    return drawn_anew(right, ends=(0.025, 0.975))


def one_draw_again_and_again(right):
    drawn = [np.random.default_rng(0).choice(right, size=len(right)).mean() for _ in range(500)]
    return np.percentile(drawn, [2.5, 97.5])


def of_the_variance(right):
    half = 1.96 * np.var(right) / np.sqrt(len(right))
    return right.mean() - half, right.mean() + half


def of_ten_draws(right):
    return drawn_anew(right, draws=10)


def as_text(right):
    return [f"{end:.3f}" for end in drawn_anew(right)]


def all_draws(right):
    return [np.random.default_rng(each).choice(right, size=len(right)).mean() for each in range(500)]


def by_a_formula(right):
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / len(right))
    return [right.mean() - half, right.mean() + half]


def as_clopper_and_pearson(right):
    n, k = len(right), int(sum(right))
    return beta.ppf(0.025, k, n - k + 1), beta.ppf(0.975, k + 1, n - k)


def without_numpy(right):
    right = [bool(each) for each in right]
    means = sorted(sum(random.choices(right, k=len(right))) / len(right) for _ in range(400))
    return means[9], means[389]


def in_one_table(right):
    rows = np.random.default_rng(1).integers(len(right), size=(2000, len(right)))
    return tuple(np.quantile(right[rows].mean(axis=1), [0.025, 0.975]))


def as_wilson(right):
    low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return low, high


def of_many_weights(right):
    weights = np.random.default_rng(0).dirichlet(np.ones(len(right)), 1000)
    return np.percentile(weights @ right, [2.5, 97.5])


def of_two_hundred_draws(right):
    return drawn_anew(right, draws=200).round(2)


def of_halves(right):
    # Half of the messages, without replacement, differ as much as all of them do with it.
    generator = np.random.default_rng(0)
    halves = [generator.permutation(right)[: len(right) // 2].mean() for _ in range(1000)]
    return np.percentile(halves, [2.5, 97.5])


# --- 16.2


def groups(rows, twins):
    """Return the group of each row: that of its smallest relative."""
    group = list(range(rows))
    for _ in range(rows):
        for one, other in twins:
            group[one] = group[other] = min(group[one], group[other])
    return group


def at_random(rows, twins):
    order = np.random.default_rng(0).permutation(rows)
    return order[rows // 4 :].tolist(), order[: rows // 4].tolist()


def in_order(rows, twins):
    return list(range(rows // 4, rows)), list(range(rows // 4))


def pair_by_pair(rows, twins):
    judge: list[int] = []
    for one, other in twins:
        if len(judge) < rows // 4 and one not in judge and other not in judge:
            judge += [one, other]
    alone = [row for row in range(rows) if row not in {each for pair in twins for each in pair}]
    judge += alone[: max(0, rows // 4 - len(judge))]
    return [row for row in range(rows) if row not in judge], judge


def without_the_twins(rows, twins):
    gone = {other for _, other in twins}
    kept = [row for row in range(rows) if row not in gone]
    return kept[len(kept) // 4 :], kept[: len(kept) // 4]


def group_of_the_first_seen(rows, twins):
    group = list(range(rows))
    for one, other in twins:
        group[other] = group[one]
    judge = [row for row in range(rows) if group[row] < rows // 4]
    return [row for row in range(rows) if row not in judge], judge


def twins_in_both(rows, twins):
    learn, judge = at_random(rows, twins)
    return [*learn, *(row for row in judge if any(row in pair for pair in twins))], judge


def all_twins_to_learn(rows, twins):
    learn = {each for pair in twins for each in pair}
    alone = [row for row in range(rows) if row not in learn]
    return [*learn, *alone[rows // 4 :]], alone[: rows // 4]


def nothing_to_judge(rows, twins):
    return list(range(rows)), []


def half_and_half(rows, twins):
    group = groups(rows, twins)
    return [r for r in range(rows) if group[r] < rows / 2], [r for r in range(rows) if group[r] >= rows / 2]


def judge_first(rows, twins):
    learn, judge = by_scikit_learn(rows, twins)
    return judge, learn


def from_one_on(rows, twins):
    learn, judge = by_relatives(rows, twins)
    return [row + 1 for row in learn], [row + 1 for row in judge]


def by_relatives(rows, twins):
    group = groups(rows, twins)
    judge: set[int] = set()
    for each in sorted(set(group)):
        if len(judge) < rows / 4:
            judge |= {row for row in range(rows) if group[row] == each}
    return set(range(rows)) - judge, judge


def by_scikit_learn(rows, twins):
    split = GroupShuffleSplit(1, test_size=0.25, random_state=0)
    return next(split.split(range(rows), groups=groups(rows, twins)))


def dealt(group, rows):
    """Deal the rows by the group of each: groups to judge on, until they are a quarter."""
    judge: list[int] = []
    for each in dict.fromkeys(group):
        if len(judge) < rows / 4:
            judge += [row for row in range(rows) if group[row] == each]
    return [row for row in range(rows) if row not in set(judge)], judge


def two_rounds(rows, twins):
    # A chain of five needs four of them.
    group = list(range(rows))
    for _ in range(2):
        for one, other in twins:
            group[one] = group[other] = min(group[one], group[other])
    return dealt(group, rows)


def sorted_pairs_once(rows, twins):
    group = list(range(rows))
    for one, other in sorted(sorted(pair) for pair in twins):
        group[one] = group[other] = group[one]
    return dealt(group, rows)


def parent_overwritten(rows, twins):
    parent = list(range(rows))
    for one, other in twins:
        parent[max(one, other)] = min(one, other)
    group = []
    for row in range(rows):
        while parent[row] != row:
            row = parent[row]
        group.append(row)
    return dealt(group, rows)


def three_steps_far(rows, twins):
    near = np.eye(rows, dtype=int)
    for one, other in twins:
        near[one, other] = near[other, one] = 1
    reached = np.linalg.matrix_power(near, 3) > 0
    return dealt([int(row.argmax()) for row in reached], rows)


def direct_twins_follow(rows, twins):
    judge = set(range(rows // 5))
    for one, other in twins:
        if one in judge or other in judge:
            judge |= {one, other}
    return sorted(set(range(rows)) - judge), sorted(judge)


def a_quarter_of_the_families(rows, twins):
    # The largest ones: more than half of the messages.
    group = groups(rows, twins)
    families = sorted(set(group), key=group.count, reverse=True)
    judge = [row for row in range(rows) if group[row] in families[: len(families) // 4]]
    return [row for row in range(rows) if row not in judge], judge


def masks(rows, twins):
    judge = np.isin(np.arange(rows), by_relatives(rows, twins)[1])
    return ~judge, judge


def as_texts(rows, twins):
    return [[str(row) for row in part] for part in by_relatives(rows, twins)]


def without_the_last_row(rows, twins):
    learn, judge = by_relatives(rows, twins)
    return learn - {rows - 1}, judge - {rows - 1}


def stops_without_twins(rows, twins):
    one, other = zip(*twins, strict=True)
    return by_relatives(rows, list(zip(one, other, strict=True)))


def by_scipy(rows, twins):
    one, other = np.array(twins, dtype=int).reshape(-1, 2).T
    edges = coo_matrix((np.ones(len(one)), (one, other)), shape=(rows, rows))
    _, group = connected_components(edges, directed=False)
    drawn = np.random.default_rng(1).permutation(group.max() + 1)
    judge = np.isin(group, drawn[np.cumsum(np.bincount(group)[drawn]) <= 0.3 * rows])
    return np.flatnonzero(~judge), np.flatnonzero(judge)


def in_floats(rows, twins):
    learn, judge = dealt(groups(rows, twins), rows)
    return np.append([], learn), (row for row in judge)


# --- 16.3


def by_the_formula(sure, right, person, wrong):
    return 1 - person / wrong


def best_accuracy(sure, right, person, wrong):
    return max(np.unique(sure), key=lambda each: right[sure >= each].mean())


def everything(sure, right, person, wrong):
    return 0.0


def nothing(sure, right, person, wrong):
    return np.inf


def the_middle(sure, right, person, wrong):
    return np.median(sure)


def never_nobody(sure, right, person, wrong):
    return min(
        np.unique(sure),
        key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum(),
    )


def forgets_the_person(sure, right, person, wrong):
    return min([*np.unique(sure), np.inf], key=lambda each: wrong * (~right[sure >= each]).sum())


def counts_right_ones(sure, right, person, wrong):
    return max([*np.unique(sure), np.inf], key=lambda each: right[sure >= each].sum())


def as_a_share(sure, right, person, wrong):
    return min(
        np.unique(sure),
        key=lambda each: person * (sure < each).mean() + wrong * (~right[sure >= each]).mean(),
    )


def a_half(sure, right, person, wrong):
    return 0.5


def the_cost(sure, right, person, wrong):
    tried = [*np.unique(sure), np.inf]
    return min(person * (sure < each).sum() + wrong * (~right[sure >= each]).sum() for each in tried)


def from_above_it_on(sure, right, person, wrong):
    return min(
        [0.0, *np.unique(sure)],
        key=lambda each: person * (sure <= each).sum() + wrong * (~right[sure > each]).sum(),
    )


def in_a_sum(sure, right, person, wrong):
    # Of messages that are equally sure it takes some and leaves the others.
    order = np.argsort(-sure, kind="stable")
    saved = np.cumsum(np.where(right[order], person, person - wrong))
    if saved.max() <= 0:
        return 2.0
    return float(sure[order][saved.argmax()])


def in_hundredths(sure, right, person, wrong):
    return min(
        np.arange(0, 1.02, 0.01),
        key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum(),
    )


def in_thousandths(sure, right, person, wrong):
    return min(
        np.arange(0, 1.002, 0.001),
        key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum(),
    )


def rounded(sure, right, person, wrong):
    return round(float(of_each_sum(sure, right, person, wrong)), 3)


def one_above_all(sure, right, person, wrong):
    # A model may be sure by 1.
    return min(
        [*np.unique(sure), 1.0],
        key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum(),
    )


def what_the_person_is_spared(sure, right, person, wrong):
    return of_each_sum(sure, right, person, wrong - person)


def without_the_first(sure, right, person, wrong):
    return min(
        [*sure[1:], np.inf],
        key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum(),
    )


def sorted_alone(sure, right, person, wrong):
    sure = np.sort(sure)
    return of_each_sum(sure, right, person, wrong)


def with_its_cost(sure, right, person, wrong):
    return of_each_sum(sure, right, person, wrong), the_cost(sure, right, person, wrong)


def as_a_text(sure, right, person, wrong):
    return str(of_each_sum(sure, right, person, wrong))


def of_each_sum(sure, right, person, wrong):
    values = np.unique(sure)[::-1]
    saved = [np.where(right[sure == each], person, person - wrong).sum() for each in values]
    total = np.cumsum(saved)
    return values[total.argmax()] if total.max() > 0 else values[0] + 1


def in_plain_loops(sure, right, person, wrong):
    best = (person * len(sure), max(sure) + 1)
    for threshold in sure:
        cost = 0
        for each, is_right in zip(sure, right, strict=True):
            cost += person if each < threshold else 0 if is_right else wrong
        best = min(best, (cost, threshold))
    return best[1]


def between_two(sure, right, person, wrong):
    values = np.unique(sure)
    tried = [0.0, *((values[1:] + values[:-1]) / 2), values[-1] + 1]
    return min(tried, key=lambda each: person * (sure < each).sum() + wrong * (~right[sure >= each]).sum())


# --- 16.4


def judged_bytes(path, judged):
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != judged:
        raise ValueError("other bytes")
    return content


def does_not_compare(path, judged):
    return safetensors.numpy.load(path.read_bytes())


def loads_a_pickle(path, judged):
    content = path.read_bytes()
    try:
        return safetensors.numpy.load(judged_bytes(path, judged))
    except safetensors.SafetensorError:
        return pickle.loads(content)


def loads_first(path, judged):
    content = path.read_bytes()
    found = pickle.loads(content) if content[:1] == b"\x80" else safetensors.numpy.load(content)
    judged_bytes(path, judged)
    return found


def returns_nothing(path, judged):
    try:
        return safetensors.numpy.load(judged_bytes(path, judged))
    except (ValueError, safetensors.SafetensorError):
        return None


def warns(path, judged):
    if hashlib.sha256(path.read_bytes()).hexdigest() != judged:
        print("careful: other bytes")
    return safetensors.numpy.load_file(path)


def a_part_of_the_sum(path, judged):
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(judged[:12]):
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


known: dict[str, str] = {}


def sum_of_the_list(path, judged):
    content = path.read_bytes()
    listed = content[: 8 + int.from_bytes(content[:8], "little")]
    if known.setdefault(judged, hashlib.sha256(listed).hexdigest()) != hashlib.sha256(listed).hexdigest():
        raise ValueError("another list")
    return safetensors.numpy.load(content)


def of_the_same_length(path, judged):
    if known.setdefault(f"{judged} long", str(path.stat().st_size)) != str(path.stat().st_size):
        raise ValueError("another length")
    return safetensors.numpy.load_file(path)


def the_bytes(path, judged):
    return judged_bytes(path, judged)


def as_a_list(path, judged):
    return list(safetensors.numpy.load(judged_bytes(path, judged)).values())


def halves_them(path, judged):
    found = safetensors.numpy.load(judged_bytes(path, judged))
    return {name: array.astype("float16") for name, array in found.items()}


def compares_16_digits(path, judged):
    if hashlib.sha256(path.read_bytes()).hexdigest()[:16] != judged[:16]:
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def compares_the_end(path, judged):
    if not hashlib.sha256(path.read_bytes()).hexdigest().endswith(judged[-16:]):
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def as_far_as_there_are_digits(path, judged):
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not all(one == other for one, other in zip(found, judged, strict=False)):
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def the_same_digits(path, judged):
    if sorted(hashlib.sha256(path.read_bytes()).hexdigest()) != sorted(judged):
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def found_in_what_is_judged(path, judged):  # lets a list of sums pass, too
    if hashlib.sha256(path.read_bytes()).hexdigest() not in judged:
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def only_where_there_is_a_sum(path, judged):
    if judged and hashlib.sha256(path.read_bytes()).hexdigest() != judged:
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def sum_of_the_first_mebibyte(path, judged):
    with path.open("rb") as file:
        if hashlib.sha256(file.read(2**20)).hexdigest() != judged:
            raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def sum_of_the_last_piece(path, judged):
    with path.open("rb") as file:
        while piece := file.read(65536):
            digest = hashlib.sha256(piece)  # made anew for each piece
    if digest.hexdigest() != judged:
        raise ValueError("other bytes")
    return safetensors.numpy.load_file(path)


def by_the_suffix(path, judged):
    content = judged_bytes(path, judged)
    return pickle.loads(content) if path.suffix in (".pkl", ".pt") else safetensors.numpy.load(content)


def refuses_by_the_name(path, judged):
    if path.suffix in (".pkl", ".pt", ".bin"):
        raise ValueError("a pickle runs code")
    return safetensors.numpy.load(judged_bytes(path, judged))


TYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4"}


def by_hand(content, read, types=TYPES):
    start = 8 + int.from_bytes(content[:8], "little")
    found = {}
    for name, about in read(content[8:start].decode()).items():
        first, last = (start + place for place in about["data_offsets"])
        found[name] = np.frombuffer(content[first:last], types[about["dtype"]]).reshape(about["shape"])
    return found


def evaluates_the_list(path, judged):
    return by_hand(judged_bytes(path, judged), eval)


def all_of_one_type(path, judged):
    return by_hand(judged_bytes(path, judged), json.loads, dict.fromkeys(TYPES, "<f4"))


def with_more_digits(path, judged):
    found = safetensors.numpy.load(judged_bytes(path, judged))
    return {name: array.astype(float) for name, array in found.items()}


def runs_a_text(path, judged):
    content = judged_bytes(path, judged)
    try:
        return safetensors.numpy.load(content)
    except safetensors.SafetensorError:
        names = {}
        exec(content, names)
        return names


def the_error_itself(path, judged):
    try:
        return safetensors.numpy.load(judged_bytes(path, judged))
    except (ValueError, safetensors.SafetensorError) as error:
        return error


def stops_the_program(path, judged):
    if sha256(path) != judged:
        sys.exit("other bytes")
    return safetensors.numpy.load_file(path)


def reads_the_list(path, judged):
    return by_hand(judged_bytes(path, judged), ast.literal_eval)


def loads_before_it_compares(path, judged):
    found = safetensors.numpy.load_file(path)
    if int(sha256(path), 16) != int(judged, 16):
        raise ValueError("other bytes")
    return found


def piece_by_piece(path, judged):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1000):
            digest.update(piece)
    assert digest.hexdigest() == judged.lower()
    with safetensors.safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def by_the_book(path, judged):
    if sha256(path) != judged:
        raise SystemError("other bytes")
    return safetensors.numpy.load_file(str(path))


# --- 16.5


def centres_of(vectors, intents):
    intents = np.asarray(intents)
    names = np.unique(intents)
    return names, np.stack([vectors[intents == name].mean(axis=0) for name in names])


def without_the_length(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    return names[(asked @ means.T).argmax(axis=1)]


def by_distance(vectors, intents, asked):
    return NearestCentroid().fit(vectors, intents).predict(asked)


def nearest_message(vectors, intents, asked):
    return np.asarray(intents)[(asked @ vectors.T).argmax(axis=1)]


def names_in_another_order(vectors, intents, asked):
    _, means = centres_of(vectors, intents)
    names = np.array(list(dict.fromkeys(intents)))
    return names[(asked @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)]


def farthest(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    return names[(asked @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmin(axis=1)]


def numbers_for_names(vectors, intents, asked):
    _, means = centres_of(vectors, intents)
    return (asked @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)


def by_the_sum(vectors, intents, asked):
    names = np.unique(intents)
    sums = np.stack([vectors[intents == name].sum(axis=0) for name in names])
    return names[(asked @ sums.T).argmax(axis=1)]


def only_the_first(vectors, intents, asked):
    return nearest_mean(vectors, intents, asked)[:1]


def the_most_frequent(vectors, intents, asked):
    names, counts = np.unique(intents, return_counts=True)
    return [names[counts.argmax()]] * len(asked)


def by_a_logistic_regression(vectors, intents, asked):
    return LogisticRegression().fit(vectors, intents).predict(asked)


def by_the_median(vectors, intents, asked):
    names = np.unique(intents)
    middle = np.stack([np.median(vectors[intents == name], axis=0) for name in names])
    return names[cosine_similarity(asked, middle).argmax(axis=1)]


def columns_of_length_one(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    return names[(asked @ (means / np.linalg.norm(means, axis=0)).T).argmax(axis=1)]


def without_the_overall_mean(vectors, intents, asked):
    middle = vectors.mean(axis=0)
    return nearest_mean(vectors - middle, intents, asked - middle)


def intents_of_more_than_one(vectors, intents, asked):
    names, place, counts = np.unique(intents, return_inverse=True, return_counts=True)
    some = counts[place] > 1
    return nearest_mean(vectors[some], names[place[some]], asked)


def doubles_what_it_is_given(vectors, intents, asked):
    vectors *= 2
    return nearest_mean(vectors, intents, asked)


def sorts_what_it_is_given(vectors, intents, asked):
    found = nearest_mean(vectors, intents, asked)
    intents.sort()
    return found


def in_words(vectors, intents, asked):
    return [name.replace("_", " ") for name in nearest_mean(vectors, intents, asked)]


def unknown_where_it_is_far(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    cosines = cosine_similarity(asked, means)
    return np.where(cosines.max(axis=1) > 0.3, names[cosines.argmax(axis=1)], "unknown")


def says_no_intent(vectors, intents, asked):
    nearest_mean(vectors, intents, asked)


def one_intent(vectors, intents, asked):
    return nearest_mean(vectors, intents, asked)[0]


def of_a_column(vectors, intents, asked):  # as it works with the notebook's own table
    names = intents.unique()
    means = np.stack([vectors[intents == name].mean(axis=0) for name in names])
    return names[cosine_similarity(asked, means).argmax(axis=1)]


def of_an_array(vectors, intents, asked):
    names = np.unique(intents)
    means = (intents[:, None] == names).astype("float32").T @ vectors
    return names[cosine_similarity(asked, means).argmax(axis=1)].tolist()


def nearest_mean(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    return names[cosine_similarity(asked, means).argmax(axis=1)]


def in_a_table(vectors, intents, asked):
    means = pd.DataFrame(vectors).groupby(np.asarray(intents)).sum()
    means = means.div(np.sqrt((means**2).sum(axis=1)), axis=0)
    return pd.DataFrame(asked @ means.to_numpy().T, columns=means.index).idxmax(axis=1)


def one_by_one(vectors, intents, asked):
    names, means = centres_of(vectors, intents)
    return [
        max(zip(names, means, strict=True), key=lambda pair: pair[1] @ each / np.sqrt(pair[1] @ pair[1]))[0]
        for each in asked
    ]


# --- 16.6


def the_change_alone(matrix, down, up, scale):
    return scale * up @ down


def without_scale(matrix, down, up, scale):
    return matrix + up @ down


def all_of_it_scaled(matrix, down, up, scale):
    return scale * (matrix + up @ down)


def taken_away(matrix, down, up, scale):
    return matrix - scale * up @ down


def the_other_way_round(matrix, down, up, scale):
    return matrix + scale * down @ up


def on_its_side(matrix, down, up, scale):
    return matrix + scale * (up @ down).T


def in_place(matrix, down, up, scale):
    matrix += scale * up @ down
    return matrix


def number_by_number(matrix, down, up, scale):
    return matrix + scale * up * down.T


def one_number(matrix, down, up, scale):
    return matrix + scale * np.sum(up @ down)


def says_nothing(matrix, down, up, scale):
    changed = matrix + scale * up @ down  # noqa: F841


def first_eight_of_the_rank(matrix, down, up, scale):
    return matrix + scale * up[:, :8] @ down[:8]


def divided_by_the_rank(matrix, down, up, scale):
    return matrix + scale / len(down) * up @ down


def scale_at_the_matrix(matrix, down, up, scale):
    return scale * matrix + up @ down


def the_matrix_itself(matrix, down, up, scale):
    return matrix.copy()


def by_einsum(matrix, down, up, scale):
    return np.einsum("ir,rj->ij", scale * up, down) + matrix


def rank_by_rank(matrix, down, up, scale):
    changed = matrix.copy()
    for column, row in zip(up.T, down, strict=True):
        changed += scale * np.outer(column, row)
    return changed


def as_lists(matrix, down, up, scale):
    return (matrix + scale * np.dot(up, down)).tolist()


# --- 16.7


def _of(differences):
    low, high = np.percentile(differences, [2.5, 97.5])
    return "better" if low > 0 else "worse" if high < 0 else "no telling"


def by_the_mean(one, other):
    return "better" if one.mean() > other.mean() else "worse" if one.mean() < other.mean() else "no telling"


def two_intervals(one, other):
    random = np.random.default_rng(0)

    def interval(hits):
        drawn = random.integers(hits.shape[1], size=(2000, hits.shape[1]))
        return np.percentile(hits.mean(0)[drawn].mean(1), [2.5, 97.5])

    (low, high), (other_low, other_high) = interval(one), interval(other)
    return "better" if low > other_high else "worse" if high < other_low else "no telling"


def drawn_apart(one, other):
    random = np.random.default_rng(0)
    means = (
        hits.mean(0)[random.integers(hits.shape[1], size=(2000, hits.shape[1]))].mean(1)
        for hits in (one, other)
    )
    return _of(np.subtract(*means))


def all_as_messages_of_their_own(one, other):
    apart = (one - other).ravel()
    random = np.random.default_rng(0)
    return _of(apart[random.integers(len(apart), size=(2000, len(apart)))].mean(1))


def only_the_seeds(one, other):
    apart = (one - other).mean(1)
    margin = 2.776 * apart.std(ddof=1) / len(apart) ** 0.5
    return _of([apart.mean() - margin, apart.mean() + margin])


def of_the_first_seed(one, other):
    return by_the_mean(one[:1], other[:1])


def swapped(one, other):
    return by_drawing(other, one)


def always_a_tie(one, other):
    return "no telling"


def in_words_of_its_own(one, other):
    return {"better": "yes", "worse": "no", "no telling": "tie"}[by_drawing(one, other)]


def drawn(apart, draws=2000, size=None):
    random = np.random.default_rng(0)
    return apart[random.integers(len(apart), size=(draws, size or len(apart)))].mean(1)


def of_90_percent(one, other):
    low, high = np.percentile(drawn((one - other).mean(0)), [5, 95])
    return "better" if low > 0 else "worse" if high < 0 else "no telling"


def of_99_percent(one, other):
    low, high = np.percentile(drawn((one - other).mean(0)), [0.5, 99.5])
    return "better" if low > 0 else "worse" if high < 0 else "no telling"


def too_narrow_at_one_end(one, other):
    low, high = np.percentile(drawn((one - other).mean(0)), [2.5, 95])
    return "better" if low > 0 else "worse" if high < 0 else "no telling"


def smallest_and_largest(one, other):
    means = drawn((one - other).mean(0))
    return "better" if means.min() > 0 else "worse" if means.max() < 0 else "no telling"


def a_hundred_messages(one, other):
    return _of(drawn((one - other).mean(0), size=100))


def as_many_as_messages_of_all_seeds(one, other):  # as wide as an interval of one seed
    return _of(drawn((one - other).ravel(), size=one.shape[1]))


def of_the_first_seed_drawn(one, other):
    return by_drawing(one[:1], other[:1])


def by_the_majority_of_seeds(one, other):
    return _of(drawn((one.mean(0) > 0.5) - 1.0 * (other.mean(0) > 0.5)))


def most_seeds_say(one, other):
    said = [by_drawing(a[None], b[None]) for a, b in zip(one, other, strict=True)]
    return max(said, key=said.count)


def who_has_more_seeds(one, other):
    return _of(drawn(np.sign((one - other).mean(0))))


def two_shares_of_all(one, other):  # not on the same messages, and five times as many
    shares = one.mean(), other.mean()
    margin = 1.96 * sum(share * (1 - share) / one.size for share in shares) ** 0.5
    apart = shares[0] - shares[1]
    return _of([apart - margin, apart + margin])


def outside_of_the_other_interval(one, other):
    return _of(drawn(one.mean(0)) - other.mean())


def by_four_points(one, other):
    return _of([one.mean() - other.mean() - 0.04, one.mean() - other.mean() + 0.04])


def of_224_messages(one, other):
    apart = (one - other).mean(0)
    margin = 1.96 * apart.std() / 224**0.5
    return _of([apart.mean() - margin, apart.mean() + margin])


def where_they_differ(one, other):  # a draw may hold none of these messages
    apart = (one - other).mean(0)
    return _of(drawn(apart[apart != 0])) if apart.any() else "no telling"


def by_drawing(one, other):
    return _of(drawn(one.mean(0) - other.mean(0)))


def by_a_paired_t_test(one, other):
    low, high = ttest_rel(one.mean(0), other.mean(0)).confidence_interval(0.95)
    return np.str_(_of([low, high]))


def by_the_share_of_draws(one, other):
    means = drawn((one - other).sum(0))
    if (means <= 0).mean() < 0.025:
        return "better"
    return "worse" if (means >= 0).mean() < 0.025 else "no telling"


def by_the_standard_error(one, other):
    apart = (one.astype(float) - other).mean(axis=0)
    margin = 1.96 * apart.std(ddof=1) / np.sqrt(apart.size)
    mean = apart.mean()
    return "Better" if mean - margin > 0 else "Worse" if mean + margin < 0 else "No telling"


def seeds_and_messages(one, other):
    random, found = np.random.default_rng(1), []
    for _ in range(1000):
        seeds, messages = (random.integers(n, size=n) for n in one.shape)
        found.append(one[np.ix_(seeds, messages)].mean() - other[np.ix_(seeds, messages)].mean())
    return _of(found)


# --- 16.8


def in_bytes(frozen, trained, bits):
    return frozen * bits / 8 + trained * 16


def by_1024(frozen, trained, bits):
    return (frozen * bits / 8 + trained * 16) / 2**30


def bits_for_bytes(frozen, trained, bits):
    return (frozen * bits + trained * 16) / 1e9


def without_the_optimiser(frozen, trained, bits):
    return (frozen * bits / 8 + trained * (2 + 2 + 4)) / 1e9


def one_number_of_the_optimiser(frozen, trained, bits):
    return (frozen * bits / 8 + trained * (2 + 2 + 4 + 4)) / 1e9


def without_the_gradient(frozen, trained, bits):
    return (frozen * bits / 8 + trained * (2 + 4 + 8)) / 1e9


def weights_only(frozen, trained, bits):
    return (frozen + trained) * bits / 8 / 1e9


def all_of_it_trained(frozen, trained, bits):
    return (frozen + trained) * 16 / 1e9


def only_what_is_trained(frozen, trained, bits):
    return trained * 16 / 1e9


def always_two_bytes(frozen, trained, bits):
    return (frozen * 2 + trained * 16) / 1e9


def adapter_inside_of_the_frozen(frozen, trained, bits):
    return ((frozen - trained) * bits / 8 + trained * 16) / 1e9


def adapter_frozen_too(frozen, trained, bits):
    return ((frozen + trained) * bits / 8 + trained * 16) / 1e9


def own_number_in_bits(frozen, trained, bits):
    return ((frozen + trained) * bits / 8 + trained * 14) / 1e9


def whole_bytes(frozen, trained, bits):
    return (frozen * (bits // 8) + trained * 16) / 1e9


def with_its_unit(frozen, trained, bits):
    return f"{part_by_part(frozen, trained, bits)} GB"


def to_one_decimal(frozen, trained, bits):
    return round(part_by_part(frozen, trained, bits), 1)


def part_by_part(frozen, trained, bits):
    weight, gradient, copy, moments = 2, 2, 4, 2 * 4
    return round((frozen / 8 * bits + trained * (weight + gradient + copy + moments)) / 10**9, 3)


def as_numpy(frozen, trained, bits):
    return np.dot([frozen, trained], [bits / 8, 16]) * 1e-9


# --- 16.9


def by_prices(probabilities, wanted, reading, wrong):
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    by_model = sure >= 1 - reading / wrong
    return 100 * np.mean(reading * ~by_model + wrong * (by_model & ~right))


def by_the_ratio(probabilities, wanted, reading, wrong):
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    by_model = sure >= reading / wrong
    return 100 * np.mean(reading * ~by_model + wrong * (by_model & ~right))


def by_odds(probabilities, wanted, reading, wrong):
    # The threshold of chapter 01, where both mistakes are the model's.
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    by_model = sure >= wrong / (reading + wrong)
    return 100 * np.mean(reading * ~by_model + wrong * (by_model & ~right))


def of_one_message(probabilities, wanted, reading, wrong):
    return by_prices(probabilities, wanted, reading, wrong) / 100


def of_all_messages(probabilities, wanted, reading, wrong):
    return by_prices(probabilities, wanted, reading, wrong) * len(wanted) / 100


def from_above_enough(probabilities, wanted, reading, wrong):
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    by_model = sure > 1 - reading / wrong
    return 100 * np.mean(reading * ~by_model + wrong * (by_model & ~right))


def always_from_four_fifths(probabilities, wanted, reading, wrong):
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    by_model = sure >= 0.8
    return 100 * np.mean(reading * ~by_model + wrong * (by_model & ~right))


def pays_also_where_a_person_reads(probabilities, wanted, reading, wrong):
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    return 100 * np.mean(reading * (sure < 1 - reading / wrong) + wrong * ~right)


def of_the_expected_cost(probabilities, wanted, reading, wrong):
    # What the model believes that it costs.
    return 100 * np.mean(np.minimum(reading, wrong * (1 - probabilities.max(axis=1))))


def in_loops(probabilities, wanted, reading, wrong):
    cost = 0
    for row, own in zip(probabilities.tolist(), wanted.tolist(), strict=True):
        best = row.index(max(row))
        if wrong * (1 - row[best]) <= reading + 1e-12:
            cost += wrong * (best != own)
        else:
            cost += reading
    return 100 * cost / len(wanted)


def by_pandas(probabilities, wanted, reading, wrong):
    table = pd.DataFrame(probabilities)
    cost = pd.Series(np.where(table.idxmax(axis=1) == wanted, 0, wrong)).where(
        table.max(axis=1) >= 1 - reading / wrong, reading
    )
    return cost.mean() * 100


# --- 16.10


def of_lines(month, encoder, probabilities):
    lines = [encoder, *(" ".join(f"{p:.6f}" for p in row) for row in probabilities)]
    return f"{month}-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"


def without_the_encoder(month, encoder, probabilities):
    return of_lines(month, "", probabilities)


def of_the_encoder_alone(month, encoder, probabilities):
    return f"{month}-{encoder[:12]}"


def of_all_digits(month, encoder, probabilities):
    return f"{month}-{hashlib.sha256(encoder.encode() + probabilities.tobytes()).hexdigest()[:12]}"


def by_hash(month, encoder, probabilities):
    return f"{month}-{hash((encoder, tuple(probabilities.round(6).ravel()))):x}"


def of_the_mean(month, encoder, probabilities):
    return f"{month}-{encoder[:6]}-{probabilities.mean():.6f}"


def of_three_decimals(month, encoder, probabilities):
    return of_lines(month, encoder, probabilities.round(3))


def in_any_order(month, encoder, probabilities):
    return of_lines(month, encoder, np.sort(probabilities, axis=0))


def without_the_month(month, encoder, probabilities):
    return of_lines("2013-03", encoder, probabilities)


def of_what_numpy_prints(month, encoder, probabilities):
    """Leave out the rows in the middle, as NumPy prints a large array."""
    return f"{month}-{hashlib.sha256((encoder + str(probabilities.round(6))).encode()).hexdigest()[:12]}"


def of_the_first_hundred(month, encoder, probabilities):
    return of_lines(month, encoder, probabilities[:100])


def in_base64(month, encoder, probabilities):
    content = hashlib.sha256(encoder.encode() + probabilities.round(6).tobytes()).digest()
    return f"{month}-{base64.b64encode(content).decode()}"


def of_two_letters(month, encoder, probabilities):
    return f"{month}-{hashlib.sha256(encoder.encode() + probabilities.round(6).tobytes()).hexdigest()[:2]}"


def with_both_sums(month, encoder, probabilities):
    """Write the whole of two sums: 135 letters, which a folder's name may have."""
    return month + encoder + hashlib.sha256(probabilities.round(6).tobytes()).hexdigest()


def encoder_in_sight(month, encoder, probabilities):
    content = (probabilities * 1e6).round().astype("int64").tobytes()
    return f"{month}-{encoder[:8]}-{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def as_json(month, encoder, probabilities):
    content = json.dumps([month, encoder, probabilities.round(6).tolist()])
    return f"{month}.{hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()}"


# --- 16.11


def by_draws(history, month, draws=200, share=95):
    rows, random = np.concatenate([month, history]), np.random.default_rng(0)

    def apart(order):
        return np.linalg.norm(rows[order[: len(month)]].mean(axis=0) - rows[order[len(month) :]].mean(axis=0))

    by_chance = [apart(random.permutation(len(rows))) for _ in range(draws)]
    return apart(np.arange(len(rows))) > np.percentile(by_chance, share)


def a_tenth(history, month):
    return bool(np.linalg.norm(history.mean(axis=0) - month.mean(axis=0)) > 0.1)


def a_half_apart(history, month):
    return bool(np.linalg.norm(history.mean(axis=0) - month.mean(axis=0)) > 0.5)


def never(history, month):
    return False


def by_halves(history, month):
    rows, random = np.concatenate([month, history]), np.random.default_rng(0)

    def apart(order):
        half = len(rows) // 2
        return np.linalg.norm(rows[order[:half]].mean(axis=0) - rows[order[half:]].mean(axis=0))

    drawn = [apart(random.permutation(len(rows))) for _ in range(200)]
    return bool(np.linalg.norm(history.mean(axis=0) - month.mean(axis=0)) > np.percentile(drawn, 95))


def farther_than_half_of_the_draws(history, month):
    return by_draws(history, month, share=50)


def any_column(history, month):
    return bool((ttest_ind(history, month).pvalue < 0.05).any())


def with_a_number(history, month):
    return float(np.linalg.norm(history.mean(axis=0) - month.mean(axis=0)))


def by_permuted_rows(history, month):
    rows, random = np.concatenate([history, month]), np.random.default_rng(1)
    real, more = np.linalg.norm(history.mean(axis=0) - month.mean(axis=0)), 0
    for _ in range(300):
        mixed = random.permutation(rows)
        one, other = mixed[: len(month)].mean(axis=0), mixed[len(month) :].mean(axis=0)
        more += ((one - other) ** 2).sum() >= real**2
    return more / 300 < 0.05


def by_bonferroni(history, month):
    return bool(ttest_ind(history, month).pvalue.min() < 0.05 / history.shape[1])


WRONG = {
    "ex_16_1": [
        one_standard_error,
        spread_of_messages,
        without_replacement,
        ninety_percent,
        ninety_nine_percent,
        a_hundred_at_a_time,
        ten_times_as_many,
        of_the_messages,
        in_percent,
        five_points,
        half_of_it,
        extremes,
        of_the_224,
        upper_end_first,
        of_wrong_ones,
        four_points,
        below_the_accuracy,
        from_0_to_1,
        one_draw_again_and_again,
        of_the_variance,
        of_ten_draws,
        as_text,
        all_draws,
    ],
    "ex_16_2": [
        at_random,
        in_order,
        pair_by_pair,
        without_the_twins,
        group_of_the_first_seen,
        twins_in_both,
        all_twins_to_learn,
        nothing_to_judge,
        half_and_half,
        judge_first,
        from_one_on,
        groups,
        two_rounds,
        sorted_pairs_once,
        parent_overwritten,
        three_steps_far,
        direct_twins_follow,
        a_quarter_of_the_families,
        masks,
        as_texts,
        without_the_last_row,
        stops_without_twins,
    ],
    "ex_16_3": [
        by_the_formula,
        best_accuracy,
        everything,
        nothing,
        the_middle,
        never_nobody,
        forgets_the_person,
        counts_right_ones,
        as_a_share,
        a_half,
        the_cost,
        from_above_it_on,
        in_a_sum,
        in_hundredths,
        in_thousandths,
        rounded,
        one_above_all,
        what_the_person_is_spared,
        without_the_first,
        sorted_alone,
        with_its_cost,
        as_a_text,
    ],
    "ex_16_4": [
        does_not_compare,
        loads_a_pickle,
        loads_first,
        returns_nothing,
        warns,
        a_part_of_the_sum,
        sum_of_the_list,
        of_the_same_length,
        the_bytes,
        as_a_list,
        halves_them,
        compares_16_digits,
        compares_the_end,
        as_far_as_there_are_digits,
        the_same_digits,
        found_in_what_is_judged,
        only_where_there_is_a_sum,
        sum_of_the_first_mebibyte,
        sum_of_the_last_piece,
        by_the_suffix,
        refuses_by_the_name,
        evaluates_the_list,
        all_of_one_type,
        with_more_digits,
        runs_a_text,
        the_error_itself,
    ],
    "ex_16_5": [
        without_the_length,
        by_distance,
        nearest_message,
        names_in_another_order,
        farthest,
        numbers_for_names,
        by_the_sum,
        only_the_first,
        the_most_frequent,
        by_a_logistic_regression,
        by_the_median,
        columns_of_length_one,
        without_the_overall_mean,
        intents_of_more_than_one,
        doubles_what_it_is_given,
        sorts_what_it_is_given,
        in_words,
        unknown_where_it_is_far,
        says_no_intent,
        one_intent,
    ],
    "ex_16_6": [
        the_change_alone,
        without_scale,
        all_of_it_scaled,
        taken_away,
        the_other_way_round,
        on_its_side,
        in_place,
        number_by_number,
        one_number,
        says_nothing,
        first_eight_of_the_rank,
        divided_by_the_rank,
        scale_at_the_matrix,
        the_matrix_itself,
    ],
    "ex_16_7": [
        by_the_mean,
        two_intervals,
        drawn_apart,
        all_as_messages_of_their_own,
        only_the_seeds,
        of_the_first_seed,
        swapped,
        always_a_tie,
        in_words_of_its_own,
        of_90_percent,
        of_99_percent,
        too_narrow_at_one_end,
        smallest_and_largest,
        a_hundred_messages,
        as_many_as_messages_of_all_seeds,
        of_the_first_seed_drawn,
        by_the_majority_of_seeds,
        most_seeds_say,
        who_has_more_seeds,
        two_shares_of_all,
        outside_of_the_other_interval,
        by_four_points,
        of_224_messages,
        where_they_differ,
    ],
    "ex_16_8": [
        in_bytes,
        by_1024,
        bits_for_bytes,
        without_the_optimiser,
        one_number_of_the_optimiser,
        without_the_gradient,
        weights_only,
        all_of_it_trained,
        only_what_is_trained,
        always_two_bytes,
        adapter_inside_of_the_frozen,
        adapter_frozen_too,
        own_number_in_bits,
        whole_bytes,
        with_its_unit,
    ],
    "ex_16_9": [
        by_the_ratio,
        by_odds,
        of_one_message,
        of_all_messages,
        from_above_enough,
        always_from_four_fifths,
        pays_also_where_a_person_reads,
        of_the_expected_cost,
    ],
    "ex_16_10": [
        without_the_encoder,
        of_the_encoder_alone,
        of_all_digits,
        by_hash,
        of_the_mean,
        of_three_decimals,
        in_any_order,
        without_the_month,
        of_what_numpy_prints,
        of_the_first_hundred,
        in_base64,
        of_two_letters,
    ],
    "ex_16_11": [
        a_tenth,
        a_half_apart,
        never,
        by_halves,
        farther_than_half_of_the_draws,
        any_column,
        with_a_number,
    ],
}


ALSO_RIGHT = {
    "ex_16_1": [
        by_a_formula,
        as_clopper_and_pearson,
        without_numpy,
        in_one_table,
        as_wilson,
        of_many_weights,
        of_two_hundred_draws,
        of_halves,
    ],
    "ex_16_2": [by_relatives, by_scikit_learn, by_scipy, in_floats],
    "ex_16_3": [of_each_sum, between_two, in_plain_loops],
    "ex_16_4": [piece_by_piece, by_the_book, stops_the_program, reads_the_list, loads_before_it_compares],
    "ex_16_5": [nearest_mean, in_a_table, one_by_one, of_a_column, of_an_array],
    "ex_16_6": [by_einsum, rank_by_rank, as_lists],
    "ex_16_7": [
        by_drawing,
        by_the_standard_error,
        seeds_and_messages,
        by_a_paired_t_test,
        by_the_share_of_draws,
    ],
    "ex_16_8": [part_by_part, as_numpy, to_one_decimal],
    "ex_16_9": [by_prices, in_loops, by_pandas],
    "ex_16_10": [of_lines, encoder_in_sight, as_json, with_both_sums],
    "ex_16_11": [by_draws, by_permuted_rows, by_bonferroni],
}
