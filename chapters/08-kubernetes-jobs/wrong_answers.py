"""What learners get wrong in chapter 08. Each answer has to be refused with a hint.

The mends of exercise 8.3 were made on a real cluster (tries_2.py), and what it then showed is in the recording.
"""

import json
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from chapter_08 import tries_1, tries_2, tries_3
from chapter_08.tries_1 import changed
from chapter_08.tries_2 import DECEMBER, MENDS
from companion.recorded.objects import digest
from companion.recorded.recording import Key, read

# --- 8.1 ---

OCTOBER = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: october
  namespace: flights-training
  labels: {run: october, team: forecast}
spec:
  backoffLimit: 2
  template:
    metadata:
      labels: {run: october, team: forecast}
    spec:
      restartPolicy: Never
      containers:
        - name: train
          image: pipelines-for-humans/python:0.1.0
          args: ["2013-10", "--sample", "20000", "--store", "store"]
"""


INNER = "    metadata:\n      labels: {run: october, team: forecast}\n"
SOLVED = Path(__file__).parent / "solved"
MANIFESTS = [
    *tries_1.WRONG.values(),
    *tries_1.REFUSED.values(),
    SOLVED / "september.yaml",  # there is no such file
    # September again.
    changed(OCTOBER, ("2013-10", "2013-09")),
    changed(OCTOBER, ("name: october", "name: september")),
    # How often.
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 1")),
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 3")),
    changed(OCTOBER, ("  backoffLimit: 2\n", "")),
    changed(OCTOBER, ("  backoffLimit: 2\n", ""), ("      restart", "      backoffLimit: 2\n      restart")),
    changed(OCTOBER, ("Never", "OnFailure")),
    changed(OCTOBER, ("Never", "Always")),
    changed(OCTOBER, ("      restartPolicy: Never\n", "")),
    changed(
        OCTOBER, ("      restartPolicy: Never\n", ""), ("  backoff", "  restartPolicy: Never\n  backoff")
    ),
    # Labels.
    changed(OCTOBER, (INNER, "")),
    changed(OCTOBER, (INNER, "    metadata:\n      labels: {run: october}\n")),
    changed(OCTOBER, ("team: forecast", "team: flights")),
    # What it is told.
    changed(OCTOBER, ('"2013-10", "--sample", "20000", ', '"2013-10 --sample 20000", ')),
    changed(OCTOBER, ("args:", "command:")),
    changed(OCTOBER, ('"20000"', "20000")),
    changed(OCTOBER, ('["2013-10", "--sample", "20000", ', '["2013-10", ')),
    changed(OCTOBER, ('["2013-10", ', "[")),
    changed(OCTOBER, (', "--store", "store"', "")),
    changed(OCTOBER, ("--sample", "--samples")),
    changed(OCTOBER, ('["2013-10", "--sample", "20000", "--store", "store"]', "2013-10 --sample 20000")),
    # Where, and what.
    changed(OCTOBER, ("  namespace: flights-training\n", "")),
    changed(OCTOBER, ("0.1.0", "latest")),
    changed(OCTOBER, ("batch/v1", "v1")),
    changed(OCTOBER, ("kind: Job", "kind: Deployment")),
    changed(OCTOBER, ("kind: Job", "kind: Pod")),
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  completions: 2\n  parallelism: 2")),
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  completionMode: Indexed")),
    # Ends the Job at the first failure.
    changed(
        OCTOBER,
        (
            "backoffLimit: 2",
            "backoffLimit: 2\n  podFailurePolicy:\n    rules:\n"
            "      - {action: FailJob, onExitCodes: {operator: In, values: [1]}}",
        ),
    ),
    changed(OCTOBER, ("backoffLimit: 2", 'backoffLimit: "2"')),
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  suspend: true")),
    changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  activeDeadlineSeconds: 10")),
    changed(OCTOBER, ("      restart", "      activeDeadlineSeconds: 10\n      restart")),
    changed(OCTOBER, ("          args", "          resources: {limits: {memory: 100Mi}}\n          args")),
    changed(
        OCTOBER,
        (
            "          args",
            "          resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}\n          args",
        ),
    ),
    changed(OCTOBER, ("          args", "          resources: {limits: {memory: much}}\n          args")),
    changed(OCTOBER, ("          args", "          imagePullPolicy: Always\n          args")),
    changed(OCTOBER, ("      containers:", "      container:")),
    changed(OCTOBER, ("  template:", " template:")),
    f"{OCTOBER}---\n{OCTOBER}",
    "kubectl create job october",
    "",
    42,
]

# --- 8.2 ---

RIGHT = {"a": "runs", "b": "is killed", "c": "waits", "d": "runs slower", "e": "waits", "f": "waits"}
OUTCOMES = [
    {**RIGHT, "a": "is killed"},  # request equals limit
    {**RIGHT, "a": "waits"},
    {**RIGHT, "b": "runs"},
    {**RIGHT, "b": "runs slower"},
    {**RIGHT, "c": "runs"},  # the scheduler sees what is used
    {**RIGHT, "c": "is killed"},
    {**RIGHT, "d": "is killed"},
    {**RIGHT, "d": "runs"},
    {**RIGHT, "e": "runs"},
    {**RIGHT, "e": "is killed"},
    {**RIGHT, "f": "runs"},
    {**RIGHT, "f": "slower"},
    dict.fromkeys(RIGHT, "runs"),
    {"a": "runs"},
    ["runs", "is killed", "waits", "runs slower", "waits", "waits"],
]

# --- 8.3 ---

RECORDED = Path(__file__).parent / "recordings" / "2-requests-and-limits.cluster.json.xz"
# Mi: what one measured run of the year printed; others were between 579 and this.
PEAK = 621
TEXTS = {
    **MENDS,
    "mended": DECEMBER,
    "nothing changed": (RECORDED.parents[1] / "manifests" / "december.yaml").read_text(encoding="utf-8"),
}


def _ends() -> dict[str, list[Any]]:
    """Return what the recorded cluster showed in the end of each Job december: its Job and its Pods."""
    names = {digest(yaml.safe_load(text)): name for name, text in TEXTS.items()}
    found: dict[str, list[Any]] = {}
    for step in (step for session in read(RECORDED).sessions for step in session):
        if (step.verb, step.key.name) in (
            ("create", "december"),
            ("create", "measured"),
        ) and not step.refused:
            there: dict[Key, Any] = {}
            for frame in step.frames:
                there |= {entry.key: entry.object for entry in frame.put}
                for key in frame.gone:
                    there.pop(key, None)
                if step.key.name == "december" and digest(step.thing) == digest(yaml.safe_load(DECEMBER)):
                    found.setdefault("not waited for", _jobs_and_pods(there))
            name = names.get(digest(step.thing), "another Job")
            found[name] = _jobs_and_pods(there)
    return found


def _jobs_and_pods(there: dict[Key, Any]) -> list[Any]:
    return [thing for key, thing in there.items() if key.resource in ("jobs.batch", "pods")]


REASON = "OOMKilled, exit code 137"


def _mends() -> list[Any]:
    ends = _ends()
    answers: list[Any] = [
        {"reason": REASON, "peak": PEAK, "objects": json.dumps(objects)}
        for name, objects in ends.items()
        if name not in ("mended", *tries_2.RIGHT)
    ]
    good = json.dumps(ends["mended"])
    job, pod = ends["mended"]
    failed = ends["nothing changed"][0]
    by_hand = {**pod, "metadata": {**pod["metadata"], "name": "december-by-hand", "ownerReferences": []}}
    # What nobody has tried on the recorded cluster, as it would look there.
    answers += [
        {"reason": REASON, "peak": PEAK, "objects": wrong}
        for wrong in (
            [failed, by_hand],
            [by_hand],
            [job, by_hand],
            [{**failed, "status": job["status"]}, pod],
            changed(good, ('"640Mi"', '"950Mi"')),
            changed(good, ('"640Mi"', '"300Mi"')),
            changed(good, ('"requests": {"memory": "640Mi"}', '"requests": {}')),
            changed(good, ('"640Mi"', '"560Mi"'), ('"900Mi"', '"600Mi"')),
            changed(good, ('"900Mi"', '"2Gi"')),
            changed(good, ('"900Mi"', '"64Gi"')),
            changed(good, ('"2013-12"', '"2013-12", "--window", "3"')),
            changed(good, ('"name": "december"', '"name": "december-2"')),
        )
    ]
    # The Job is mended, the evidence is not.
    answers += [
        {"reason": reason, "peak": PEAK, "objects": good}
        for reason in ("BackoffLimitExceeded", "exit code 137", "Error", "the node was full", "", None)
    ]
    answers += [
        {"reason": REASON, "peak": wrong, "objects": good}
        for wrong in (400, 371, 2048, 3, PEAK * 1024, "much", "about 400 Mi", None, True)
    ]
    answers += [
        {"reason": REASON, "peak": PEAK, "objects": wrong}
        for wrong in (
            "",
            "NAME READY STATUS\ndecember-x 0/1 Completed",
            [],
            'Error: jobs "december" not found',
        )
    ]
    return [*answers, {"reason": REASON, "peak": PEAK}, "OOMKilled", [REASON, PEAK, good]]


def _others() -> list[Any]:
    ends = _ends()
    good = {"kind": "List", "items": ends["mended"]}
    text = json.dumps(good, indent=4)
    return [
        *((REASON, PEAK, ends[name]) for name in tries_2.RIGHT),
        (REASON, PEAK, text),
        (REASON, PEAK, text.splitlines()),
        ("OOMKilled", float(PEAK), good),
        ("oomkilled (137)", f"peak {PEAK} Mi", good["items"]),
        # Another allocator.
        ("OOMKilled", 430, good),
        ("OOMKilled", 790, good),
    ]


# --- 8.4 ---

NOVEMBER = """\
apiVersion: batch/v1
kind: Job
metadata: {name: november, namespace: flights-models}
spec:
  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: train
          image: pipelines-for-humans/python:0.1.0
          args: ["$(MONTH)", "--sample", "$(SAMPLE)", "--store", "/models"]
          envFrom: [{configMapRef: {name: run}}]
          env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: registry, key: TOKEN}}}]
          volumeMounts: [{name: store, mountPath: /models}]
      volumes: [{name: store, persistentVolumeClaim: {claimName: models}}]
"""
REFERENCE = "valueFrom: {secretKeyRef: {name: registry, key: TOKEN}}"
INHERITED = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: november
  namespace: flights-models
spec:
  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: train
          image: pipelines-for-humans/python:0.1.0
          args: ["$MONTH", "--sample", "20000", "--store", "/models"]
          env:
            - {name: MONTH, value: "2013-11"}
            - {name: TOKEN, value: "bm90LWEtcmVhbC10b2tlbg=="}
          volumeMounts: [{name: store, mountPath: /store}]
      volumes: [{name: store, emptyDir: {}}]
"""
LASTING = [
    *tries_3.BESIDE.values(),
    *tries_3.WRONG.values(),
    INHERITED,
    # Parameters.
    changed(NOVEMBER, ("$(MONTH)", "$MONTH")),
    changed(NOVEMBER, ("$(MONTH)", "${MONTH}")),
    changed(NOVEMBER, ("$(MONTH)", "2013-11")),
    changed(NOVEMBER, ("$(SAMPLE)", "20000")),
    changed(NOVEMBER, ("          envFrom: [{configMapRef: {name: run}}]\n", "")),
    changed(NOVEMBER, ("configMapRef", "secretRef")),
    changed(NOVEMBER, ("{name: run}", "{name: runs}")),
    changed(
        NOVEMBER, ("envFrom: [{configMapRef: {name: run}}]", "envFrom: [{configMapRef: {name: registry}}]")
    ),
    changed(NOVEMBER, ("env: [", 'env: [{name: MONTH, value: "2013-11"}, ')),
    changed(
        NOVEMBER,
        ("          envFrom: [{configMapRef: {name: run}}]\n", ""),
        (
            "env: [",
            "env: [{name: MONTH, valueFrom: {configMapKeyRef: {name: run, key: month}}}, {name: SAMPLE, value: '1'}, ",
        ),
    ),
    # The token.
    changed(NOVEMBER, (REFERENCE, 'value: "not-a-real-token"')),
    changed(NOVEMBER, (REFERENCE, 'value: "bm90LWEtcmVhbC10b2tlbg=="')),
    changed(NOVEMBER, ("secretKeyRef", "configMapKeyRef")),
    changed(NOVEMBER, ("name: registry, key: TOKEN", "name: registry, key: token")),
    changed(NOVEMBER, ("name: TOKEN, valueFrom", "name: token, valueFrom")),
    changed(NOVEMBER, (f"          env: [{{name: TOKEN, {REFERENCE}}}]\n", "")),
    changed(NOVEMBER, ("{name: registry, key: TOKEN}", "{name: token, key: TOKEN}")),
    changed(NOVEMBER, ('"/models"]', '"/models", "--data", "$(TOKEN)"]')),
    f"# the token is not-a-real-token\n{NOVEMBER}",
    # The store.
    changed(NOVEMBER, ("mountPath: /models", "mountPath: /store")),
    changed(NOVEMBER, ('"/models"', '"store"')),
    changed(NOVEMBER, ("persistentVolumeClaim: {claimName: models}", "emptyDir: {}")),
    changed(NOVEMBER, ("persistentVolumeClaim: {claimName: models}", "hostPath: {path: /models}")),
    changed(NOVEMBER, ("persistentVolumeClaim: {claimName: models}", "configMap: {name: run}")),
    changed(NOVEMBER, ("claimName: models", "claimName: store")),
    changed(NOVEMBER, ("mountPath: /models", "mountPath: /models, readOnly: true")),
    changed(NOVEMBER, ("volumes: [{name: store", "volumes: [{name: models")),
    changed(NOVEMBER, ("          volumeMounts: [{name: store, mountPath: /models}]\n", "")),
    changed(NOVEMBER, (', "--store", "/models"', "")),
    changed(NOVEMBER, ("mountPath: /models", "mountPath: /models, subPath: november")),
    changed(NOVEMBER, ('"/models"]', '"/models/champions"]')),
    changed(NOVEMBER, ("name: november", "name: kept")),
    "",
    {"MONTH": "2013-11"},
]

WRONG: dict[str, list[Any]] = {
    "ex_8_1": MANIFESTS,
    "ex_8_2": OUTCOMES,
    "ex_8_3": _mends() if RECORDED.exists() else [],
    "ex_8_4": LASTING,
}
# In other words, or with more of them.
ARGS = 'args: ["2013-10", "--sample", "20000", "--store", "store"]'
WHOLE = 'command: ["python3", "-m", "flightdelay", "2013-10", "--sample=20000", "--store", "/tmp/store"]'
FROM_CONFIG = "{{name: {0}, valueFrom: {{configMapKeyRef: {{name: run, key: {0}}}}}}}"
EACH = f"env: [{FROM_CONFIG.format('MONTH')}, {FROM_CONFIG.format('SAMPLE')}, {{name: TOKEN"
BOTH = "[{configMapRef: {name: run}}, {secretRef: {name: registry}}]"
SHELL = """command: ["sh", "-c", 'exec python3 -m flightdelay "$MONTH" --sample ${SAMPLE} --store /models']"""
TWO_LISTS = """command: [python3, -m, flightdelay]
          args: ["2013-10", --sample, "20000", --store, store]"""
ALSO_RIGHT: dict[str, list[Any]] = {
    "ex_8_1": [
        OCTOBER,
        *tries_1.RIGHT.values(),
        SOLVED / "october.yaml",
        # The month from a variable; a rule about other codes.
        changed(
            OCTOBER,
            ('"2013-10"', '"$(MONTH)"'),
            ("          args", '          env: [{name: MONTH, value: "2013-10"}]\n          args'),
        ),
        changed(
            OCTOBER,
            (
                "backoffLimit: 2",
                "backoffLimit: 2\n  podFailurePolicy:\n    rules:\n"
                "      - {action: FailJob, onExitCodes: {operator: In, values: [42]}}",
            ),
        ),
        yaml.safe_load(OCTOBER),
        json.dumps(yaml.safe_load(OCTOBER)),
        f"---\n{OCTOBER}",
        changed(OCTOBER, (ARGS, WHOLE)),
        changed(OCTOBER, (ARGS, TWO_LISTS)),
        changed(OCTOBER, ("  labels: {run: october, team: forecast}\nspec", "spec")),
        changed(OCTOBER, ("image: ", "image: docker.io/")),
        changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  completions: 1\n  completionMode: Indexed")),
        changed(
            OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  activeDeadlineSeconds: 3600\n  suspend: false")
        ),
        changed(
            OCTOBER,
            (
                "          args",
                "          resources: {requests: {memory: 0.5Gi, cpu: 50m}, limits: {memory: 1Gi, cpu: 2}}\n"
                "          args",
            ),
        ),
    ],
    "ex_8_3": [{"reason": reason, "peak": peak, "objects": objects} for reason, peak, objects in _others()]
    if RECORDED.exists()
    else [],
    "ex_8_4": [
        NOVEMBER,
        *tries_3.RIGHT.values(),
        SOLVED / "november.yaml",
        yaml.safe_load(NOVEMBER),
        changed(
            NOVEMBER, ("          envFrom: [{configMapRef: {name: run}}]\n", ""), ("env: [{name: TOKEN", EACH)
        ),
        changed(
            NOVEMBER,
            (f"          env: [{{name: TOKEN, {REFERENCE}}}]\n", ""),
            ("[{configMapRef: {name: run}}]", BOTH),
        ),
        changed(NOVEMBER, ('"/models"]', '"/models/"]')),
        changed(NOVEMBER, ("image: ", "image: docker.io/")),
        changed(NOVEMBER, ('args: ["$(MONTH)", "--sample", "$(SAMPLE)", "--store", "/models"]', SHELL)),
    ],
}
