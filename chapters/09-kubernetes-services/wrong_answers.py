"""What learners get wrong in chapter 09. Each answer has to be refused with a hint.

What is handed in for 9.2 is what a real cluster said after each wrong way back (serving.json).
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml  # type: ignore[import-untyped]

from chapter_08.tries_1 import changed
from chapter_09.tries_1 import AUGUST, NIGHT
from chapter_09.tries_1 import RIGHT as NIGHTS
from chapter_09.tries_1 import WRONG as WRONG_NIGHTS
from chapter_09.tries_2 import BAD, JULY, READINESS, VERSION

# --- 9.1 ---

GOOD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: night, namespace: flights-service}
spec:
  replicas: 2
  selector: {matchLabels: {app: night}}
  template:
    metadata: {labels: {app: night, team: flights}}
    spec:
      containers:
        - name: serve
          image: pipelines-for-humans/python:0.1.0
          command: ["python3", "-m", "flightdelay.serve"]
          env: [{name: FLIGHTDELAY_STORE, value: /store}]
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: 8080}}
          livenessProbe: {httpGet: {path: /healthz, port: 8080}}
---
apiVersion: v1
kind: Service
metadata: {name: night, namespace: flights-service}
spec:
  selector: {app: night}
  ports: [{port: 80, targetPort: 8080}]
"""
READY = "          readinessProbe: {httpGet: {path: /readyz, port: 8080}}\n"
LIVE = "          livenessProbe: {httpGet: {path: /healthz, port: 8080}}\n"


def night(*pairs: tuple[str, str]) -> str:
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


MANIFESTS = [
    # As it was inherited, and with one fault of it left.
    night(
        ("replicas: 2", "replicas: 1"),
        (READY, "          readinessProbe: {tcpSocket: {port: 8080}}\n"),
        ("/healthz, port: 8080}}", "/readyz, port: 8080}, periodSeconds: 2, failureThreshold: 1}"),
        ("selector: {app: night}", "selector: {app: predictions}"),
        (", targetPort: 8080", ""),
    ),
    night(("replicas: 2", "replicas: 1")),
    night(("replicas: 2", "replicas: 0")),
    night((READY, "          readinessProbe: {tcpSocket: {port: 8080}}\n")),
    night((READY, "")),
    night((LIVE, "")),
    night((LIVE, "          livenessProbe: {httpGet: {path: /readyz, port: 8080}}\n")),
    night((LIVE, LIVE.replace("}}\n", "}, periodSeconds: 2, failureThreshold: 1}\n"))),
    # Alive taken for ready, and the two exchanged.
    night((READY, READY.replace("/readyz", "/healthz"))),
    night((READY, READY.replace("/readyz", "/healthz")), (LIVE, LIVE.replace("/healthz", "/readyz"))),
    # Paths that do not answer a GET.
    night((READY, READY.replace("/readyz", "/predict"))),
    night((READY, READY.replace("/readyz", "/ready"))),
    night((LIVE, LIVE.replace("/healthz", "/"))),
    night((READY, READY.replace("8080", "80"))),
    night((READY, READY.replace("8080", "http"))),
    night((READY, "          readinessProbe: {exec: {command: [cat, /store]}}\n")),
    # Services that lead nowhere, or elsewhere.
    night(("selector: {app: night}", "selector: {}")),
    night(("  selector: {app: night}\n  ports", "  ports")),
    night(("selector: {app: night}", "selector: {app: nights}")),
    night(("selector: {app: night}", "selector: {app: predictions}")),
    night(("selector: {app: night}", "selector: {app: night, month: 2013-08}")),
    night(("selector: {app: night}", "selector: {app: night}\n  publishNotReadyAddresses: true")),
    night((", targetPort: 8080", "")),
    night(("targetPort: 8080", 'targetPort: "8080"')),
    night(("port: 80, targetPort: 8080", "port: 8080")),
    night(("port: 80, targetPort: 8080", "port: 80, targetPort: http")),
    night(("matchLabels: {app: night}", "matchLabels: {app: predictions}")),
    night(('"flightdelay.serve"', '"http.server", "8080"')),
    night(
        (
            "kind: Service\nmetadata: {name: night, namespace: flights-service}",
            "kind: Service\nmetadata: {name: night, namespace: serving}",
        )
    ),
    night(("kind: Service\nmetadata: {name: night", "kind: Service\nmetadata: {name: predictions")),
    night(("kind: Deployment\nmetadata: {name: night", "kind: Deployment\nmetadata: {name: predictions")),
    night(("  selector: {app: night}\n  ports", "  clusterIP: None\n  selector: {app: night}\n  ports")),
    f"{GOOD}---\n{GOOD.split('---')[1]}",
    # http.client does not mind a 503.
    night(
        (
            READY,
            '          readinessProbe: {exec: {command: [python3, -c, "import http.client as h; c = '
            "h.HTTPConnection('localhost', 8080); c.request('GET', '/readyz'); c.getresponse()\"]}}\n",
        )
    ),
    night(
        (
            LIVE,
            f"{LIVE}          startupProbe: {{httpGet: {{path: /readyz, port: 8080}}, failureThreshold: 30}}\n",
        )
    ),
    night(("replicas: 2", 'replicas: "2"')),
    night((LIVE, LIVE.replace("}}\n", '}, periodSeconds: "20"}\n'))),
    # Probes that ask somebody else, in another language, too late, or at a port that is a text.
    night((READY, READY.replace("port: 8080", "port: 8080, host: predictions"))),
    night((READY, READY.replace("port: 8080", "port: 8080, scheme: HTTPS"))),
    night((READY, READY.replace("}}\n", "}, initialDelaySeconds: 3600}\n"))),
    night((READY, READY.replace("port: 8080", 'port: "8080"'))),
    # No Pod is started; another name and another protocol than those that are asked; the Pods are found by the
    # Service predictions too.
    night(("replicas: 2", "replicas: 2\n  paused: true")),
    night(("kind: Service\nmetadata: {name: night", "kind: Service\nmetadata: {name: night-shift")),
    night(("targetPort: 8080", "targetPort: 8080, protocol: UDP")),
    night(
        ("matchLabels: {app: night}", "matchLabels: {team: flights}"),
        ("labels: {app: night, team", "labels: {app: predictions, team"),
        ("selector: {app: night}", "selector: {team: flights}"),
    ),
    GOOD.split("---")[0],
    "readinessProbe: /readyz",
    "{",
    42,
]

# --- 9.2 ---

SERVING = Path(__file__).with_name("serving.json").read_text(encoding="utf-8")
SAID = json.loads(SERVING.replace("2013-08-5b7f6cf97e21", VERSION))["said"]


def handed_in(objects, file=AUGUST):
    return {"objects": objects, "file": file}


WAYS_BACK = [handed_in(said) for name, said in SAID.items() if not name.startswith("right: ")]
UNDONE = SAID["right: undone"]
# Asked before the release was over: the Pods from before there were probes still answer.
TOO_EARLY = copy.deepcopy(UNDONE)
for item in TOO_EARLY["items"]:
    if item["kind"] == "Pod":
        del item["spec"]["containers"][0]["readinessProbe"]
# Undone as far as the description from before there were probes, which has the same version.
NO_PROBES = copy.deepcopy(UNDONE)
PAUSED = copy.deepcopy(UNDONE)
# The Service fits this month's Pods only.
ONE_MONTH = copy.deepcopy(UNDONE)
for objects, kind, change in (
    (NO_PROBES, "Deployment", lambda spec: spec["template"]["spec"]["containers"][0].pop("readinessProbe")),
    (PAUSED, "Deployment", lambda spec: spec.update(paused=True)),
    (ONE_MONTH, "Service", lambda spec: spec["selector"].update(month="2013-08")),
):
    for item in objects["items"]:
        if item["kind"] == kind:
            change(item["spec"])
# Handed in too early.
NOT_READY = copy.deepcopy(UNDONE)
for item in NOT_READY["items"]:
    for condition in item["status"].get("conditions", []) if item["kind"] == "Pod" else []:
        condition["status"] = "False"
# The Deployment alone.
ALONE = {"items": [item for item in UNDONE["items"] if item["kind"] == "Deployment"]}
FILES = [
    # The cluster only.
    BAD,
    JULY,
    # A version in the line, and the notes on it left as they were; the probe lost on the way; one replica.
    BAD.replace("2013-09-0123456789ab", VERSION),
    changed(AUGUST, (READINESS, "")),
    changed(AUGUST, ("replicas: 2", "replicas: 1")),
    changed(AUGUST, ("name: predictions", "name: prediction")),
    # What the next apply would change besides; a note that will stand in the history.
    changed(AUGUST, ("/healthz", "/readyz")),
    changed(AUGUST, ("python:0.1.0", "python:latest")),
    changed(AUGUST, ("          lifecycle: {preStop: {sleep: {seconds: 15}}}\n", "")),
    changed(AUGUST, ("replicas: 2", "replicas: 2\n  paused: true")),
    changed(AUGUST, ("  name: predictions\n", "  name: predictions\n  namespace: flights-service\n")),
    changed(AUGUST, ("champion of 2013-08", "champion of 2013-09")),
    changed(AUGUST, (VERSION, "2013-08-0123456789ab")),
    changed(
        AUGUST,
        (
            "          ports:",
            "            - {name: FLIGHTDELAY_CHAMPION, value: 2013-09-0123456789ab}\n          ports:",
        ),
    ),
    "",
    "kind: Service",
    None,
    42,
]

# --- 9.3 ---

ONE_DAY = timedelta(days=1)


def refuse(scheduled: str | None) -> datetime:
    if scheduled is None:
        raise ValueError("Nobody scheduled this run: say which month it is for.")
    return datetime.fromisoformat(scheduled)


def before(time: datetime) -> str:
    return f"2013-{(time.replace(day=1) - ONE_DAY).month:02}"


def good(scheduled):
    return before(refuse(scheduled).astimezone(UTC))


def this_month(scheduled):
    return f"2013-{refuse(scheduled).astimezone(UTC).month:02}"


def by_the_clock(scheduled):
    refuse(scheduled)
    return before(datetime.now(UTC))


def own_year(scheduled):
    return f"{refuse(scheduled).astimezone(UTC).replace(day=1) - ONE_DAY:%Y-%m}"


def no_year_before(scheduled):
    return f"2013-{refuse(scheduled).astimezone(UTC).month - 1:02}"


def thirty_days(scheduled):
    return f"2013-{(refuse(scheduled).astimezone(UTC) - timedelta(days=30)).month:02}"


def one_day_back(scheduled):
    return f"2013-{(refuse(scheduled).astimezone(UTC) - ONE_DAY).month:02}"


def as_written(scheduled):
    return before(refuse(scheduled))


def from_the_text(scheduled):
    refuse(scheduled)
    return f"2013-{(int(scheduled[5:7]) - 2) % 12 + 1:02}"


def wherever_this_runs(scheduled):
    return before(refuse(scheduled).astimezone())


def in_new_york(scheduled):
    return before(refuse(scheduled).astimezone(ZoneInfo("America/New_York")))


def without_the_z(scheduled):
    refuse(scheduled)
    return before(datetime.fromisoformat(scheduled.replace("Z", "")).astimezone(UTC))


def whole_hours(scheduled):
    refuse(scheduled)
    time, zone = datetime.fromisoformat(scheduled[:19]), scheduled[19:]
    return before(time if zone == "Z" else time - timedelta(hours=int(zone[:3])))


def what_python_says(scheduled):
    return before(datetime.fromisoformat(str(scheduled)).astimezone(UTC))


def guesses(scheduled):
    return before(datetime.fromisoformat(scheduled).astimezone(UTC) if scheduled else datetime.now(UTC))


def none_for_none(scheduled):
    return good(scheduled) if scheduled else None


def stumbles(scheduled):
    return before(datetime.fromisoformat(scheduled).astimezone(UTC))


def no_sentence(scheduled):
    if scheduled is None:
        raise ValueError
    return good(scheduled)


def a_number(scheduled):
    return int(good(scheduled)[5:])


def one_digit(scheduled):
    return good(scheduled).replace("-0", "-")


def without_a_leap_year(scheduled):
    refuse(scheduled)
    day = datetime.fromisoformat(scheduled).astimezone(UTC).replace(year=2013)
    return f"2013-{day.replace(day=1) - timedelta(days=1):%m}"


def another_year_in_january(scheduled):
    refuse(scheduled)
    day = datetime.fromisoformat(scheduled).astimezone(UTC).replace(day=1, year=2013)
    return f"{day - timedelta(days=1):%Y-%m}"


def constant(scheduled):
    refuse(scheduled)
    return "2013-10"


# --- 9.4 ---

RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["predictions"],
        "verbs": ["get", "patch"],
    },
]


SOLVED = (Path(__file__).parent / "solved" / "watcher.yaml").read_text(encoding="utf-8")
INHERITED = (Path(__file__).parent / "manifests" / "watcher.yaml").read_text(encoding="utf-8")
# In a ClusterRole these rules would hold in every Namespace.
CLUSTER_WIDE = SOLVED.replace("kind: RoleBinding", "kind: ClusterRoleBinding")


SUBJECT = "{kind: ServiceAccount, name: watcher, namespace: flights-monthly}"
ACCOUNT, ROLE, BINDING = SOLVED.split("---\n")
# Two Roles, each with its own RoleBinding.
TWO_ROLES = "---\n".join(
    (
        ACCOUNT,
        "\n".join(line for line in ROLE.splitlines() if '"apps"' not in line) + "\n",
        BINDING,
        "\n".join(line for line in ROLE.splitlines() if '[""]' not in line).replace("watcher", "patcher")
        + "\n",
        changed(
            BINDING,
            ("metadata: {name: watcher", "metadata: {name: patcher"),
            ("Role, name: watcher", "Role, name: patcher"),
        ),
    )
)


def rules(number, **fields):
    """Return the rules with one of them changed."""
    other = copy.deepcopy(RULES)
    other[number] |= fields
    return other


WRONG = {
    "ex_9_1": [*MANIFESTS, *WRONG_NIGHTS.values()],
    "ex_9_2": [
        *WAYS_BACK,
        *map(handed_in, (TOO_EARLY, NO_PROBES, NOT_READY, PAUSED, ALONE, ONE_MONTH)),
        *(handed_in(UNDONE, file) for file in FILES),
        UNDONE,
        {"objects": UNDONE},
        handed_in("2013-08"),
        handed_in("deployment.apps/predictions rolled back"),
        handed_in({"items": []}),
        ["it works"],
        42,
    ],
    "ex_9_3": [
        this_month,
        by_the_clock,
        own_year,
        no_year_before,
        thirty_days,
        one_day_back,
        as_written,
        from_the_text,
        in_new_york,
        wherever_this_runs,
        without_the_z,
        whole_hours,
        what_python_says,
        guesses,
        none_for_none,
        stumbles,
        no_sentence,
        a_number,
        one_digit,
        constant,
        without_a_leap_year,
        another_year_in_january,
        "2013-10",
    ],
    "ex_9_4": [
        INHERITED,
        CLUSTER_WIDE,
        SOLVED.replace("namespace: flights-monthly", "namespace: serving"),
        changed(
            SOLVED,
            (
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: watcher}",
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}",
            ),
        ),
        changed(SOLVED, ('verbs: ["get", "list"]', 'verbs: ["get", "list", "watch"]')),
        changed(SOLVED, ('["get", "patch"]', '["get", "list", "patch"]')),
        # To others, or to others as well.
        *(
            changed(SOLVED, (f"subjects: [{SUBJECT}]", f"subjects: [{others}]"))
            for others in (
                SUBJECT.replace("watcher", "default"),
                f"{SUBJECT}, {SUBJECT.replace('watcher', 'default')}",
                SUBJECT.replace("flights-monthly", "flights-service"),
                "{kind: Group, name: 'system:serviceaccounts:flights-monthly'}",
            )
        ),
        TWO_ROLES.replace('verbs: ["get", "list"]', 'verbs: ["get", "list", "delete"]'),
        SOLVED.split("---")[0],
        "rules: {",
        [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
        [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "patch"]}],
        rules(0, verbs=["*"]),
        rules(2, apiGroups=["*"]),
        {"kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
        "kind: RoleBinding\nroleRef: {kind: ClusterRole, name: edit}",
        # The whole namespace.
        [{key: value for key, value in rule.items() if key != "resourceNames"} for rule in RULES],
        rules(2, resourceNames=["predictions", "night"]),
        rules(0, resources=["pods", "secrets"]),
        rules(0, resources=["pods", "configmaps"]),
        rules(0, resources=["pods", "services"]),
        rules(0, verbs=["get", "list", "delete"]),
        rules(0, verbs=["get", "list", "deletecollection"]),
        rules(0, verbs=["get", "list", "watch"]),
        rules(2, verbs=["get", "list", "patch"]),
        rules(2, verbs=["get", "patch", "watch"]),
        rules(2, verbs=["get", "patch", "update"]),
        rules(2, verbs=["get", "patch", "delete"]),
        [*RULES, {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}],
        # Too little.
        RULES[:2],
        RULES[1:],
        [RULES[0], RULES[2]],
        rules(0, verbs=["get"]),
        rules(1, resources=["logs"]),
        rules(1, resources=["pods/logs"]),
        rules(2, verbs=["patch"]),
        rules(2, resources=["deployments/scale"]),
        rules(0, resourceNames=["predictions"]),
        # Spelling.
        rules(2, apiGroups=[""]),
        rules(2, apiGroups=["apps/v1"]),
        rules(0, apiGroups=["core"]),
        rules(0, resources=["Pod"]),
        rules(0, resources=["pod"]),
        rules(2, resources=["Deployment"]),
        rules(0, verbs="get"),
        [{"resources": ["pods"], "verbs": ["get"]}],
        [],
        "cluster-admin",
        42,
    ],
}

ALSO_RIGHT = {
    "ex_9_1": [
        GOOD,
        NIGHT,
        *NIGHTS.values(),
        # Ports by name; another path that knows of the model; a start of its own; only the ready one patient.
        night(
            ("{containerPort: 8080}", "{name: web, containerPort: 8080}"),
            ("port: 8080}}", "port: web}}"),
            ("targetPort: 8080", "targetPort: web"),
        ),
        night((READY, READY.replace("/readyz", "/champion"))),
        night((READY, READY.replace("/readyz", "/readyz/"))),  # the service leads it on to /readyz
        night(
            (LIVE, LIVE.replace("}}\n", "}, periodSeconds: 2, failureThreshold: 1}\n") + "          startupProbe: "
             "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 2, failureThreshold: 30}\n")
        ),
        night(("selector: {app: night}", "selector: {app: night, team: flights}")),
        "---\n".join(reversed(GOOD.split("---\n"))) + "\n",
        night((LIVE, "          livenessProbe: {tcpSocket: {port: 8080}}\n")),
        night(
            (READY, "          readinessProbe: {exec: {command: [python3, -c, \"import urllib.request as u; "
             "u.urlopen('http://localhost:8080/readyz')\"]}}\n")
        ),
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [*yaml.safe_load_all(GOOD)]}),
    ],
    "ex_9_2": [
        *(handed_in(said) for name, said in SAID.items() if name.startswith("right: ")),
        handed_in(json.dumps(UNDONE).splitlines(), changed(AUGUST, (", month: 2013-08", ""))),
        handed_in(UNDONE, AUGUST.encode()),
        handed_in(UNDONE, changed(AUGUST, ("champion of 2013-08", "back to 2013-08, 2013-09 was not made"))),
        handed_in(UNDONE, f"# 2013-09-0123456789ab was taken back\n{AUGUST}"),
        handed_in(UNDONE, yaml.safe_dump(yaml.safe_load(AUGUST))),
    ],
    "ex_9_3": [
        good,
        lambda scheduled: f"2013-{(refuse(scheduled).astimezone(UTC).month - 2) % 12 + 1:02d}",
        lambda scheduled: f"2013-{refuse(scheduled).astimezone(UTC).month - 1 or 12:02}",
    ],
    "ex_9_4": [
        SOLVED,
        SOLVED.split("---")[1],
        TWO_ROLES,
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [*yaml.safe_load_all(SOLVED)]}),
        changed(SOLVED, (SUBJECT, "{kind: User, name: 'system:serviceaccount:flights-monthly:watcher'}")),
        changed(SOLVED, ('["pods"], verbs: ["get", "list"]', '[pods, pods/log], verbs: [get, list]')),
        RULES,
        list(reversed(RULES)),
        "rules:\n- {apiGroups: [''], resources: [pods, pods/log], verbs: [get, list]}\n"
        "- {apiGroups: [apps], resources: [deployments], resourceNames: [predictions], verbs: [get, patch]}\n",
        {"kind": "Role", "rules": RULES},
    ],
}  # fmt: skip
