"""Checks of chapter 12: a schedule, a door, a gate, and the way back.

Each runs what the learner wrote: the schedule on a scheduler that reads it as Kubeflow's does, the policy on
connections, the gate on good and bad candidates, the roll-back on a ledger and a client that remember.
"""

import copy
import datetime
import inspect
import numbers
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter  # type: ignore[import-untyped]

from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong
from companion.cluster.shell import at_recorded_cluster
from companion.policies import PolicyError, entries, lets_in, policies_in, selects
from companion.recorded import serve
from flightdelay.months import MONTHS

# --- 12.0: which version runs ------------------------------------------------------------------------------

APPROVED = {"first", "book"}
STARTS: dict[str, str | None] = {
    "monthly": "book",
    "button": None,
    "trial": "adas",
    "nightly": None,
    "old": "gone",
    "older": "first",
}


@exercise
def ex_12_0(answer: Callable[..., Any]) -> Verdict:
    """Which starts run a version that nobody approved."""
    if not callable(answer):
        return wrong("The answer is a function that takes uploads, starts and approved; write its body.")
    if is_stub(answer):
        return NO_BODY

    def asked(*uploads: str, starts: dict[str, str | None] = STARTS, approved: set[str] = APPROVED) -> Any:
        return answer([*uploads], dict(starts), set(approved))

    found = asked("first", "book", "adas")
    if isinstance(found, str) or not isinstance(found, list | tuple):
        return wrong(f"It returns a list of names, and not a {type(found).__name__}.")
    found = list(found)
    if found == ["trial"]:
        return wrong("A start that names no version runs one all the same: which is it?")
    if "old" in found:
        return wrong("Version gone was deleted: whoever names it is refused, so it runs nowhere.")
    if unjust := [name for name in ("monthly", "older") if name in found]:
        return wrong(f"{unjust[0]} names a version that was approved, whatever was uploaded after it.")
    if sorted(map(str, found)) != ["button", "nightly", "trial"]:
        return wrong(
            "After Ada's upload, three of six starts run hers: the one that names it, and those that name none."
        )
    if found != ["button", "trial", "nightly"]:
        return wrong("The names are right; return them in the order in which the starts were given.")
    if list(asked("adas", "book")) != ["trial"]:
        return wrong(
            "Where the book's version was uploaded after Ada's, only the start that names hers runs it: without a "
            "version the newest upload is run, and not any that nobody approved."
        )
    if list(asked("first", "book", "zeta", starts={"a": None, "b": "book"})) != ["a"]:
        return wrong(
            "It looks for Ada's version by its name. What counts is whether somebody has approved it."
        )
    two = {"a": None, "b": "adas", "c": "zeta"}
    if list(asked("first", "adas", "zeta", starts=two)) != ["a", "b", "c"]:
        return wrong(
            "Where two versions were not approved, return their starts in the order in which the starts were given, "
            "and not version by version."
        )
    if list(asked("book", "adas", approved=set())) != ["monthly", "button", "trial", "nightly"]:
        return wrong("Where nothing was approved, whatever runs has not been approved.")
    return right("Whoever names no version runs the newest upload: uploading became releasing for them.")


# --- 12.1: the schedule ------------------------------------------------------------------------------------

NEW_YORK = ZoneInfo("America/New_York")
TODAY = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
KEYS = ["cron_expression", "start_time", "end_time", "no_catchup", "max_concurrency"]


def due_times(
    cron: str, start: datetime.datetime | None, end: datetime.datetime | None, no_catchup: bool
) -> list[datetime.datetime]:
    """Return the moments for which Kubeflow's scheduler would have made runs by `TODAY`.

    Strictly after the start (without one: after the schedule was made, which is today) and up to the end; all
    of them where it catches up, else the latest. Five fields are the first five of six.

    Raises
    ------
    ValueError
        If Kubeflow would refuse the expression.
    """
    descriptors = {"@yearly": "0 0 0 1 1 *", "@monthly": "0 0 0 1 * *", "@weekly": "0 0 0 * * 0"}
    descriptors |= {"@daily": "0 0 0 * * *", "@midnight": "0 0 0 * * *", "@hourly": "0 0 * * * *"}
    fields = descriptors.get(cron.strip(), cron).split()
    if len(fields) not in (5, 6):
        raise ValueError(f"it has {len(fields)} fields")
    if "L" in fields or "#" in cron:
        raise ValueError("Kubeflow knows neither L nor #")
    six = " ".join([*fields, "*"][:6]).replace("?", "*")
    # Two days, the month's and the week's: either will do, unless a star stands in one of them.
    either = not any("*" in day for day in six.split()[3::2])
    first = (start or TODAY).astimezone(datetime.UTC)
    moments = croniter(six, first, second_at_beginning=True, day_or=either)
    found: list[datetime.datetime] = []
    while (moment := moments.get_next(datetime.datetime)) <= min(end or TODAY, TODAY) and len(found) < 1000:
        found.append(moment)
    return found[-1:] if no_catchup else found


def _moment(given: Any) -> datetime.datetime:
    """Read a moment as Kubeflow's API does, which knows one form of it."""
    text = given.isoformat() if isinstance(given, datetime.datetime) else str(given)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        raise ValueError("not as RFC 3339 has it")
    return datetime.datetime.fromisoformat(text)


@exercise
def ex_12_1(answer: Mapping[str, Any]) -> Verdict:
    """Each month once, in order, when it is over where the flights take off."""
    if not isinstance(answer, Mapping) or set(answer) != set(KEYS):
        return wrong(f"The answer is a dict with these keys: {', '.join(KEYS)}.")
    cron = answer["cron_expression"]
    if not isinstance(cron, str):
        return wrong("The cron expression is a text of six fields.")
    bounds = []
    for key in ("start_time", "end_time"):
        try:
            bounds.append(_moment(answer[key]))
        except ValueError:
            return wrong(
                f"{key} has to be a moment with its zone, such as 2013-02-02T00:00:00Z. Without a start_time "
                "the schedule begins today, without an end_time it never ends."
            )
    start, end = bounds
    given = answer["max_concurrency"]
    if isinstance(given, bool) or not isinstance(given, numbers.Integral):
        return wrong(f"max_concurrency is a whole number from 1 to 10, and not {given!r}.")
    concurrency = int(given)
    if not 1 <= concurrency <= 10:
        return wrong("max_concurrency is a number from 1 to 10.")
    if answer["no_catchup"] not in (True, False):
        return wrong(
            f"no_catchup is True or False: say which, and do not leave it at {answer['no_catchup']!r}."
        )
    try:
        due = due_times(cron, start, end, bool(answer["no_catchup"]))
    except ValueError as error:
        return wrong(
            f"Kubeflow refuses {cron!r}: {error}. It takes second, minute, hour, day, month, weekday."
        )
    if len(cron.split()) == 5 and len(due) > 60:
        return wrong(
            "Five fields: Kubeflow reads the first one as seconds, so this runs every day. Write all six."
        )
    if answer["no_catchup"]:
        return wrong(
            f"With no_catchup only the latest of the missed runs is made: {len(due)} of 11. The year lies in the "
            "past."
        )
    if not due:
        return wrong(
            "No moment of the expression lies between start_time and end_time, so nothing ever runs."
        )
    if concurrency > 1:
        return wrong(
            f"Up to {concurrency} months run at the same time, and a month needs the champion of the one before."
        )
    too_early = [moment for moment in due if moment.astimezone(NEW_YORK).day != 1]
    if too_early and all(moment.day == 1 for moment in due):
        there = too_early[0].astimezone(NEW_YORK)
        return wrong(
            f"The run of {too_early[0]:%d %B, %H:%M} UTC starts when it is {there:%d %B, %H:%M} in New York: cron "
            "is UTC here, and the month is not over there."
        )
    if any(moment.day != 1 for moment in due):
        return wrong(f"It runs on days other than the first: {due[0]:%d %B} and {len(due) - 1} more.")
    late = [moment for moment in due if moment.astimezone(NEW_YORK).hour >= 5]
    if late:
        there = late[0].astimezone(NEW_YORK)
        return wrong(
            f"The run of {late[0]:%d %B} starts at {there:%H:%M} in New York, not before five: summer and winter "
            "differ by an hour."
        )
    months = [f"{moment.replace(day=1) - datetime.timedelta(days=1):%Y-%m}" for moment in due]
    if len(months) != len(set(months)):
        return wrong("It runs more than once on that day, so months are processed several times.")
    if extra := [month for month in months if month not in MONTHS[1:]]:
        return wrong(
            f"It also runs for {extra[0]}. A run is about the month before its moment, and the moments are bounded "
            "by start_time and end_time."
        )
    if missing := [month for month in MONTHS[1:] if month not in months]:
        return wrong(
            f"{missing[0]} is missing: its run is due in the month after it. A moment has to lie strictly after "
            "start_time and not after end_time."
        )
    return right("Eleven runs, each told the month that it was scheduled for, whenever it really starts.")


# --- 12.2: the door ----------------------------------------------------------------------------------------

DESK = ("flights-desk", {"app": "desk"})


def _allowed(
    policies: list[Mapping[str, Any]],
    target: Mapping[str, str],
    source: tuple[str, Mapping[str, str]],
    port: int,
) -> bool:
    """Say whether a Pod of flights-counter with these labels takes this connection."""
    return lets_in(policies, ("flights-counter", target), source, port, {"http": 8080})


@exercise
def ex_12_2(answer: str) -> Verdict:
    """A NetworkPolicy that lets one kind of Pod of one namespace in, on one port."""
    if not isinstance(answer, str):
        return wrong("The answer is the policy as a text of YAML.")
    try:
        policies = policies_in(answer)
    except PolicyError as error:
        return wrong(str(error))
    if any("ipBlock" in each for each in entries(policies, "from")):
        return wrong(
            "An ipBlock lets in whoever has such an address, from other Pods or from outside. The desk is told by its "
            "labels; its address changes."
        )
    if any(each["metadata"].get("namespace") != "flights-counter" for each in policies):
        return wrong(
            "A policy does not lie in flights-counter. It belongs to the namespace of the Pods that it "
            "protects, not to that of those who ask."
        )
    predictions = {"app": "predictions"}
    visitor, stranger = ("flights-desk", {"app": "visitor"}), ("other-team", {"app": "visitor"})
    impostor, neighbour = ("other-team", {"app": "desk"}), ("flights-counter", {"app": "report"})
    if not _allowed(policies, predictions, DESK, 8080):
        if _allowed(policies, predictions, DESK, 80):
            return wrong(
                "The desk is shut out: 80 is the Service's port. A policy looks at the Pod, which listens on 8080."
            )
        if _allowed(policies, predictions, ("flights-counter", {"app": "desk"}), 8080):
            return wrong(
                "The desk is shut out: a podSelector without a namespaceSelector means Pods of the policy's own "
                "namespace."
            )
        return wrong("The desk is shut out too. Which rule lets it in, and on which port of the Pod?")
    if all(_allowed(policies, predictions, each, 8080) for each in (visitor, stranger, impostor, neighbour)):
        if not any("Ingress" in (each["spec"].get("policyTypes") or ["Ingress"]) for each in policies):
            return wrong(
                "Everybody still gets in: this policy is about Egress, what the Pods call themselves."
            )
        if not selects(policies[0]["spec"]["podSelector"], predictions):
            return wrong(
                "Everybody still gets in: podSelector has to fit the Pods that are protected, not those who ask."
            )
        return wrong("Everybody still gets in: a rule without `from` is open to all.")
    namesake = ("flights-counter", {"app": "desk"})
    if all(_allowed(policies, predictions, each, 8080) for each in (visitor, namesake)):
        return wrong(
            "Every Pod of the call centre gets in, and so does one of flights-counter that calls itself desk. Two "
            "entries under `from` mean either; namespace and Pod belong into one."
        )
    for source, who in (
        (visitor, "Every Pod of the call centre gets in, not only the desk."),
        (impostor, "A Pod of another team that calls itself desk gets in: anybody may write a label."),
        (stranger, "A Pod of another team gets in."),
        (neighbour, "Other Pods of flights-counter get in, and the desk alone was asked for."),
        (namesake, "A Pod of flights-counter that calls itself desk gets in."),
        *(
            (
                ("flights-desk", labels),
                "Pods of flights-desk get in that are neither the desk nor the visitor.",
            )
            for labels in ({}, {"app": "report"})
        ),
    ):
        if _allowed(policies, predictions, source, 8080):
            return wrong(who)
    asked = [each.get(name) for each in entries(policies, "ports") for name in ("port", "endPort")]
    others = {1, 9, 80, 443, 8081, 9000, 9090, *(port for port in asked if isinstance(port, int))} - {8080}
    for source in (DESK, visitor, stranger, neighbour):
        if any(_allowed(policies, predictions, source, port) for port in others):
            return wrong(
                f"Beside 8080, another port of the Pod is open to {source[1]['app']} of {source[0]}, and nothing but "
                "8080 was asked for."
            )
    if not all(_allowed(policies, labels, neighbour, 8080) for labels in ({"app": "report"}, {})):
        return wrong(
            "It also shuts the doors of other Pods of flights-counter: podSelector is empty or too wide."
        )
    seen = "One kind of Pod of one namespace gets in, on one port: where the network enforces it."
    unseen = [key for _, key, _ in serve.unknown("flights-counter") if key.resource.startswith("networkpol")]
    if at_recorded_cluster() and unseen:
        return right(f"{seen} (This cluster is a recording and cannot show your policy at work.)")
    return right(seen)


# --- 12.3: the gate ----------------------------------------------------------------------------------------

Record = dict[str, Any]


def _record() -> Record:
    """Return a good candidate, in the form of `flightdelay.record`; its AUC is lower than its opponent's."""
    return {
        "version": "2013-09-aaaaaaaaaaaa",
        "month": "2013-09",
        "learned_from": ["2013-07", "2013-08"],
        "rows_learned_from": 20_000,
        "rows_judged": 27_000,
        "model_sha256": "m1",
        "data": {
            f"{table}/2013-{month}.parquet": f"sum-{month}"
            for table in ("flights", "weather")
            for month in ("07", "08", "09")
        },
        "metrics": {
            name: dict(
                zip(
                    ("auc", "log_loss", "brier", "cost_per_1000_flights", "mean_probability"),
                    found,
                    strict=True,
                )
            )
            for name, found in {
                "challenger": (0.70, 0.387, 0.116, 512.0, 0.23),
                "champion": (0.71, 0.399, 0.121, 518.0, 0.24),
                "baseline": (0.61, 0.430, 0.128, 540.0, 0.26),
            }.items()
        },
        "slices": [
            {"column": "origin", "value": "EWR", "flights": 9000, "challenger": 0.401, "champion": 0.410},
            {"column": "origin", "value": "JFK", "flights": 9000, "challenger": 0.379, "champion": 0.371},
            {"column": "origin", "value": "LGA", "flights": 9000, "challenger": 0.381, "champion": 0.416},
            # Small slices swing; the rule is about origins.
            {"column": "carrier", "value": "HA", "flights": 210, "challenger": 0.500, "champion": 0.400},
        ],
        "same_probabilities": True,
        "champion_before": "2013-08-bbbbbbbbbbbb",
        "decision": "promote",
        "reasons": ["better than the champion on the month's flights"],
        "image_id": "sha256:1111",
        "revision": "4f2c1e",
        "author": "grace",
    }


def _known() -> Record:
    return {
        "data": {
            f"{table}/2013-{number:02}.parquet": f"sum-{number:02}"
            for table in ("flights", "weather")
            for number in range(1, 13)
        },
        "tested": {"sha256:0000", "sha256:1111"},
        "released": {"2013-08-bbbbbbbbbbbb": "m0"},
    }


def _changed(path: str, value: Any) -> Record:
    """Return the good candidate with one entry changed; `path` leads to it."""
    record = _record()
    *way, last = path.split("/")
    place: Any = record
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return record


def _candidates() -> tuple[list[tuple[Record, str, Record, str]], list[tuple[Record, str, Record, str]]]:
    """Return good and bad candidates: record, approver, what is known, and the hint."""
    known = _known()
    first = _record() | {"champion_before": None}
    first["metrics"]["champion"] = None
    for each in first["slices"]:
        each["champion"] = None
    again = known | {"released": {_record()["version"]: "m1"}}
    good = [
        (
            _record(),
            "linus",
            known,
            "a sound model: better log loss, lower AUC, 0.008 worse at JFK, and much worse for one small carrier only",
        ),
        (_changed("metrics/challenger/auc", 0.75), "linus", known, "a sound model"),
        (first, "linus", known, "a first model, which has no champion to beat and beats the baseline"),
        (_record(), "linus", again, "a version that was released before with the very same file"),
        (
            _changed("metrics/challenger/log_loss", 0.3987),
            "linus",
            known,
            "a model that beats the champion by a little: lower is lower",
        ),
        (
            _changed("metrics/baseline/log_loss", 0.380),
            "linus",
            known,
            "a model that beats the champion, in a month in which the baseline was better than both: it is the "
            "opponent only where there is no champion",
        ),
        *(
            (
                _changed("author", author),
                "linus",
                known,
                f"a model of {author} that linus approves: two people, of whom one name is a part of the other",
            )
            for author in ("linus-marie", "lin")
        ),
    ]
    better_auc = _changed("metrics/challenger/auc", 0.78)
    better_auc["metrics"]["challenger"] |= {"log_loss": 0.556, "brier": 0.19}
    equal = _changed("metrics/challenger/log_loss", 0.399)
    no_better_than_baseline = copy.deepcopy(first)
    no_better_than_baseline["metrics"]["challenger"]["log_loss"] = 0.44
    bad = [
        (
            better_auc,
            "linus",
            known,
            "It lets a model go whose AUC is higher and whose log loss is worse: AUC does not see the level of the "
            "probabilities, and the desk acts on them.",
        ),
        (equal, "linus", known, "It lets a model go that is no better than the champion on log loss."),
        (
            no_better_than_baseline,
            "linus",
            known,
            "It lets a first model go that is worse than the baseline, which is its opponent where there is no "
            "champion.",
        ),
        *(
            (
                _changed(f"slices/{number}/challenger", each["champion"] + 0.013),
                "linus",
                known,
                f"It lets a model go that is 0.013 worse than the champion at {each['value']}: better on the whole, "
                "paid for by one airport.",
            )
            for number, each in enumerate(_record()["slices"][:3])
        ),
        (
            _changed("image_id", "sha256:2222"),
            "linus",
            known,
            "It lets a model go whose image nobody tested: the ID has to be among the tested ones.",
        ),
        *(
            (
                _changed("image_id", image),
                "linus",
                known,
                "It lets a model go whose image ID is only a part of a tested one, or has one for a part: an ID is the "
                "same or another one.",
            )
            for image in ("sha256:11", "", "sha256:11112222")
        ),
        (
            _changed("image_id", "flights@sha256:2222"),
            "linus",
            known | {"tested": {"flights@sha256:1111"}},
            "It lets a model go whose image has the name of a tested one and another sum: the sum is what was tested.",
        ),
        (
            _record(),
            "linus",
            known | {"tested": set()},
            "It lets a model go where no image passed the tests, that is, where they failed.",
        ),
        (_changed("author", "linus"), "linus", known, "It lets a model go that its author approves."),
        (_record(), "", known, "It lets a model go that nobody approves."),
        (
            _record(),
            "linus",
            known | {"released": {"2013-08-bbbbbbbbbbbb": "m1", _record()["version"]: "m9"}},
            "It lets a model go whose version was released before with another file: a version that was overwritten.",
        ),
        (
            _changed("same_probabilities", False),
            "linus",
            known,
            "It lets a file go that gives other probabilities than those that were judged.",
        ),
        *(
            (
                _record() | {"data": _record()["data"] | {name: "sum-08-of-another-file"}},
                "linus",
                known,
                f"It lets a model go that learned from another {name} than the accepted one.",
            )
            for name in ("flights/2013-08.parquet", "weather/2013-08.parquet")
        ),
        (
            _record() | {"data": _record()["data"] | {"flights/extra.parquet": "sum-09"}},
            "linus",
            known,
            "It lets a model go that learned from a file which nobody has accepted.",
        ),
        (
            _record() | {"data": {}},
            "linus",
            known,
            "It lets a model go that does not say what it learned from.",
        ),
        (
            _changed("decision", "keep"),
            "linus",
            known,
            "It lets a model go that the pipeline's own rule refused: the rule also knows what acting on it costs.",
        ),
        (
            _changed("decision", ""),
            "linus",
            known,
            "It lets a model go for which no decision stands in the record: only promote is promote.",
        ),
    ]
    return good, bad


@exercise
def ex_12_3(answer: Callable[[Record, str, Record], Any]) -> Verdict:
    """A gate, tried on good candidates and on bad ones."""
    if not callable(answer):
        return wrong("The answer is a function that takes record, approver and known; write its body.")
    if is_stub(answer):
        return NO_BODY
    good, bad = _candidates()
    for cases, wanted in ((good, True), (bad, False)):
        for record, approver, known, hint in cases:
            given = copy.deepcopy((record, approver, known))
            try:
                found = answer(*given)
            except Exception as error:
                if record["champion_before"] is None:
                    return wrong(
                        f"It fails on a first model, which has no champion: None where its metrics would be "
                        f"({type(error).__name__}: {error})."
                    )
                raise
            if isinstance(found, bool) or not isinstance(found, list | tuple):
                return wrong(
                    "Return the objections as a list of sentences; True and False do not say what to mend."
                )
            if any(not isinstance(each, str) or not each.strip() for each in found):
                return wrong("Each objection is a sentence: somebody has to act on it.")
            if given != (record, approver, known):
                return wrong("It changes what it was given. A gate looks and says; it repairs nothing.")
            if wanted and found:
                return wrong(f"It stops {hint} (it says: {found[0]}).")
            if not wanted and not found:
                return wrong(hint)
    several = _record() | {"image_id": "sha256:2222", "author": "linus"}
    several["metrics"]["challenger"]["log_loss"] = 0.41
    if len(answer(copy.deepcopy(several), "linus", _known())) < 3:
        return wrong(
            "Of three faults it does not name each: an untested image, a worse log loss, an author who approves. Who "
            "mends one at a time comes back three times."
        )
    if again := answer(_record(), "linus", _known()):
        return wrong(
            f"It lets a sound model go, and stops the same one once it has seen bad ones (it says: {again[0]}). A "
            "list that is made once, such as a parameter's default, keeps what was put into it: make a new one in "
            "each call."
        )
    return right("Each bad candidate was stopped, each sound one passed, and AUC was not asked.")


# --- 12.4: stop it, and roll back --------------------------------------------------------------------------


class _Kubeflow:
    """A client that remembers: it takes only calls that `kfp.Client` takes."""

    def __init__(self, runs: dict[str, tuple[str, str]]) -> None:
        self.runs = {name: list(found) for name, found in runs.items()}
        self.others = {"weekly": ["hotels-1", "ENABLED"]}  # another team's, in another experiment
        self.seen: set[str] = set()
        self.served: list[str] = []
        self.deleted: list[str] = []
        self.uploaded: list[str] = []
        self.started: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        from kfp import Client

        method = getattr(Client, name)  # an AttributeError names what a client does not have

        def call(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(method).bind(self, *args, **kwargs).arguments
            return self._do(name, given)

        return call

    def _do(self, name: str, given: dict[str, Any]) -> Any:
        if name == "list_recurring_runs":
            return self._page(given)
        if name == "get_recurring_run":
            return self._recurring(given["recurring_run_id"])
        if name in ("disable_recurring_run", "enable_recurring_run", "disable_job", "enable_job"):
            found = given.get("recurring_run_id") or given["job_id"]
            state = "ENABLED" if name.startswith("enable") else "DISABLED"
            (self.others if found in self.others else self.runs)[found][1] = state
            return {}
        if name in ("delete_recurring_run", "delete_job"):
            del self.runs[given.get("recurring_run_id") or given["job_id"]]
            self.deleted.append("schedule")
            return {}
        if name.startswith("delete_"):
            self.deleted.append("version")
            return {}
        if name.startswith("upload_"):
            self.uploaded.append(name)
            return SimpleNamespace(pipeline_id="p", pipeline_version_id="uploaded")
        if name in ("run_pipeline", "create_run_from_pipeline_package", "create_run_from_pipeline_func"):
            self.started.append(name)
            return SimpleNamespace(run_id="r")
        if name == "create_recurring_run":
            return self._new(given.get("version_id") or "the newest")
        raise NotImplementedError(
            f"the check's client does not do {name}, and this exercise does not need it"
        )

    def _page(self, given: dict[str, Any]) -> Any:
        """Return the recurring runs that were asked for, ten of them if nothing is said, as the API does."""
        from kfp_server_api import V2beta1ListRecurringRunsResponse  # type: ignore[import-untyped]

        experiment = given.get("experiment_id")
        found = [*self.runs] if experiment in (None, "production") else []
        found = found if experiment else [*self.others, *found]
        if "desc" in (given.get("sort_by") or ""):
            found.reverse()
        first, size = int(given.get("page_token") or 0), int(given.get("page_size") or 10)
        page = [self._recurring(each) for each in found[first : first + size]]
        self.seen |= {each.recurring_run_id for each in page}
        following = str(first + size) if first + size < len(found) else ""
        return V2beta1ListRecurringRunsResponse(
            recurring_runs=page or None, total_size=len(found), next_page_token=following
        )

    def _recurring(self, name: str) -> Any:
        """Return a recurring run as the API describes it, with all that one may ask it for."""
        from kfp_server_api import V2beta1PipelineVersionReference, V2beta1RecurringRun

        team = "hotel-prices" if name in self.others else "flight-delay-monthly"
        runs = self.others if name in self.others else self.runs
        version, status = runs[name]
        # In the order in which they were made.
        made = datetime.datetime(2013, 9, 1 + list(runs).index(name), tzinfo=datetime.UTC)
        return V2beta1RecurringRun(
            recurring_run_id=name,
            display_name=f"{team} {name}",
            status=status,
            created_at=made,
            updated_at=made,
            mode="ENABLE" if status == "ENABLED" else "DISABLE",
            pipeline_version_reference=V2beta1PipelineVersionReference(
                pipeline_id="p", pipeline_version_id=version
            ),
            experiment_id="hotels" if name in self.others else "production",
        )

    def serve(self, version: str) -> None:
        self.served.append(version)

    def schedule(self, pipeline_version_id: str = "", *, version: str = "") -> Any:
        """Start a version, or find that it is; the exercise's text and the notebook's function name it otherwise."""
        wanted = pipeline_version_id or version
        there = [name for name, found in self.runs.items() if found == [wanted, "ENABLED"]]
        return self._recurring(there[0]) if there else self._new(wanted)

    def _new(self, version: str) -> Any:
        name = f"schedule-{len(self.runs) + 1}-new"
        self.runs[name] = [version, "ENABLED"]
        return self._recurring(name)

    def enabled(self) -> list[str]:
        return [version for version, status in self.runs.values() if status == "ENABLED"]


def _ledger() -> tuple[list[Record], Record]:
    """Return a ledger whose newest clean entry is the second, and what is known."""

    def entry(number: int, **changes: Any) -> Record:
        record = _record() | {
            "version": f"2013-0{number}-{number:012}",
            "model_sha256": f"m{number}",
            "approver": "linus",
            "pipeline_version_id": f"pipeline-{number}",
        }
        return record | changes

    worse = copy.deepcopy(_record()["metrics"])
    worse["challenger"] |= {"auc": 0.74, "log_loss": 0.45}
    ledger = [
        entry(3),
        entry(4),
        entry(5, approver="grace"),  # approved by its author
        entry(6, image_id="sha256:2222"),  # never tested
        entry(7, same_probabilities=False),  # the file was exchanged
        entry(2),  # overwritten: released before with another file
        entry(1, data={"flights/2013-08.parquet": "sum-08-of-another-file"}),  # no longer the accepted one
        entry(8, metrics=worse, author="ada", approver="linus"),  # let go for its AUC
        entry(9, metrics=worse, decision="keep", author="ada", approver="ada"),  # live, and bad
    ]
    released = {each["version"]: each["model_sha256"] for each in ledger}
    return ledger, _known() | {"released": released | {ledger[5]["version"]: "m0"}}


WHY_NOT = {
    1: "It goes back to a release that learned from data which is not accepted today.",
    2: "It goes back to a version that was released with another file before: the gate needs all of `known` as it is.",
    3: "It goes back further than needed: a newer entry is clean too.",
    5: "It goes back to a release that its own author approved.",
    6: "It goes back to a release whose image was never tested.",
    7: "It goes back to a version whose file gives other probabilities than were judged: it was overwritten.",
    8: "It goes back to a release with a better AUC and a worse log loss: the same mistake as the live one.",
    9: "It serves the bad version again.",
}


@exercise
def ex_12_4(answer: Callable[..., Any]) -> Verdict:
    """A roll-back to the newest clean release: model and schedule."""
    if not callable(answer):
        return wrong(
            "The answer is a function that takes ledger, known, client, schedule and serve; write its body."
        )
    if is_stub(answer):
        return NO_BODY
    ledger, known = _ledger()
    schedules = {f"old-{number}": ("pipeline-3", "DISABLED") for number in range(9)}
    schedules |= {
        "schedule-1": ("pipeline-4", "DISABLED"),
        "schedule-2": ("pipeline-9", "ENABLED"),
        "schedule-3": ("pipeline-8", "ENABLED"),  # somebody forgot it
    }
    client = _Kubeflow(schedules)
    mine = copy.deepcopy(ledger)
    returned = answer(mine, copy.deepcopy(known), client, client.schedule, client.serve)
    if mine[: len(ledger)] != ledger:
        return wrong("It changes entries of the ledger. What was done stays written down; one may add to it.")
    served = client.served
    if not served:
        return wrong("Production still serves the bad version: nobody has called serve.")
    numbers = {each["version"]: int(each["version"][6]) for each in ledger}
    if served[-1] not in numbers:
        return wrong(
            f"serve takes the version of a model, such as {ledger[0]['version']}, not {served[-1]!r}."
        )
    if (chosen := numbers[served[-1]]) != 4:
        return wrong(WHY_NOT[chosen])
    if len(served) > 1:
        return wrong("It served other versions on its way: each of them answered customers for a while.")
    if client.uploaded:
        return wrong(
            "It uploads something. A roll-back goes to a version that is there; a new upload is a new change."
        )
    if client.started:
        return wrong("It starts a run. A roll-back needs no training: the old model was never gone.")
    if client.deleted:
        return wrong(
            "It deletes a version or a schedule. They are the evidence of what happened: disable, keep."
        )
    if client.others["weekly"][1] != "ENABLED":
        return wrong(
            "It stops the schedule of another team as well: ask for the recurring runs of the experiment production."
        )
    enabled = client.enabled()
    if len(enabled) > 1 and client.seen and not client.seen >= schedules.keys():
        return wrong(
            f"There are {len(schedules)} recurring runs, and it has looked at {len(client.seen)} of them: "
            "list_recurring_runs gives ten at a time if nothing is said (page_size, next_page_token)."
        )
    if "pipeline-9" in enabled:
        return wrong(
            "The model is back, and the schedule of the bad version still runs: on the first it returns."
        )
    if "pipeline-8" in enabled:
        return wrong(
            "A second schedule, of another version than the live one, is still enabled: look at all of them, not at "
            "the last."
        )
    if not enabled:
        return wrong("The bad schedule is stopped, and no other runs: next month there is no model at all.")
    if enabled != ["pipeline-4"]:
        return wrong(
            f"Enabled are now: {', '.join(enabled)}. It has to be one schedule, of the version that is served."
        )
    if returned != served[-1]:
        return wrong("All is done as asked, but the function does not return the version that is served now.")
    return (
        _where_the_live_one_passes(answer)
        or _where_the_pipeline_is_the_same(answer)
        or _where_nothing_is_clean(answer)
        or right("Model and schedule are back at the newest release that is clean, and nothing was deleted.")
    )


def _where_the_live_one_passes(answer: Callable[..., Any]) -> Verdict | None:
    """Say what is wrong where the gate has nothing against the release that has to go, or None."""
    ledger, _ = _ledger()
    ledger[-1] = ledger[1] | {
        "version": "2013-09-000000000009",
        "model_sha256": "m9",
        "pipeline_version_id": "pipeline-9",
    }
    known = _known() | {"released": {each["version"]: each["model_sha256"] for each in ledger}}
    client = _Kubeflow({"schedule-1": ("pipeline-9", "ENABLED")})
    answer(copy.deepcopy(ledger), known, client, client.schedule, client.serve)
    if client.served[-1:] == [ledger[-1]["version"]]:
        return wrong(
            "Where the gate has nothing against the live release, it serves that one again. It has to go all the "
            "same: a gate does not see everything. Choose among the entries before the last."
        )
    return None


def _where_the_pipeline_is_the_same(answer: Callable[..., Any]) -> Verdict | None:
    """Say what is wrong where the live release is of the clean one's pipeline, which two schedules start, or None."""
    ledger, known = _ledger()
    ledger[-1]["pipeline_version_id"] = "pipeline-4"
    client = _Kubeflow({f"schedule-{number}": ("pipeline-4", "ENABLED") for number in (1, 2)})
    answer(ledger, known, client, client.schedule, client.serve)
    if client.served != [ledger[1]["version"]]:
        return wrong(
            "Where the live release came from the same compiled pipeline as the clean one, it goes back further than "
            "needed: the gate judges models."
        )
    if client.enabled() != ["pipeline-4"]:
        return wrong(
            f"Where two schedules start the right version already, {len(client.enabled())} are enabled afterwards, "
            "and each month would be processed as often. It has to be one."
        )
    return None


def _where_nothing_is_clean(answer: Callable[..., Any]) -> Verdict | None:
    """Say what is wrong where no entry passes the gate, or None."""
    ledger, known = _ledger()
    client = _Kubeflow({"schedule-1": ("pipeline-9", "ENABLED")})
    try:
        answer(ledger[2:], known, client, client.schedule, client.serve)
    except LookupError:
        if client.served or client.enabled() != ["pipeline-9"]:
            return wrong("Where no entry is clean it raises, but only after it has changed something.")
        return None
    except Exception as error:
        return wrong(
            f"Where no entry of the ledger is clean it ends in a {type(error).__name__}: raise a LookupError that "
            "says so, before anything is touched."
        )
    return wrong(
        "Where no entry of the ledger is clean, it goes on all the same. Raise a LookupError instead."
    )
