"""What learners get wrong in chapter 08. Each answer has to be refused with a hint.

The mends of exercise 8.3 were made on a real cluster, and what it then answered is kept in
recordings/mends.json. ``python chapters/08-kubernetes-jobs/wrong_answers.py`` makes them again, in a namespace of
its own.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

KEPT = Path(__file__).parent / "recordings" / "mends.json"
SPACE = "training-mends"

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


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


INNER = "    metadata:\n      labels: {run: october, team: forecast}\n"
MANIFESTS = [
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

SIZE = "resources: {requests: {memory: 300Mi}, limits: {memory: 400Mi}}"
# Mi: what one measured run of the year printed; others were between 579 and this.
PEAK = 621
DECEMBER = f"""\
apiVersion: batch/v1
kind: Job
metadata:
  name: december
  namespace: flights-training
  labels: {{run: december}}
spec:
  backoffLimit: 0
  template:
    metadata:
      labels: {{run: december}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: train
          image: pipelines-for-humans/python:0.1.0
          {SIZE}
          args: ["2013-12", "--store", "store"]
"""
GOOD = changed(DECEMBER, ("300Mi", "640Mi"), ("400Mi", "900Mi"))
HEAD, TEMPLATE = DECEMBER.split("    spec:\n")
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: december-by-hand, namespace: flights-training, labels: {run: december}}
spec:
""" + changed("\n".join(line[4:] for line in TEMPLATE.splitlines()) + "\n", ("400Mi", "900Mi"))
MENDS: dict[str, tuple[str, ...]] = {
    "mended": (GOOD,),
    "nothing changed": (DECEMBER,),
    "a Pod by hand beside the failed Job": (DECEMBER, POD),
    "a Pod by hand and no Job": (POD,),
    "the running Pod resized": (DECEMBER, "resize"),
    "no limit": (changed(DECEMBER, (", limits: {memory: 400Mi}", "")),),
    "no numbers": (changed(DECEMBER, (f"          {SIZE}\n", "")),),
    "64Gi": (changed(GOOD, ("900Mi", "64Gi")),),
    "no request": (changed(GOOD, ("requests: {memory: 640Mi}, ", "")),),
    "the request left as it was": (changed(GOOD, ("640Mi", "300Mi")),),
    "no headroom": (changed(GOOD, ("640Mi", "560Mi"), ("900Mi", "600Mi")),),
    "the sample again": (changed(DECEMBER, ('"2013-12"', '"2013-12", "--sample", "20000"')),),
    "fewer months and a larger limit": (changed(GOOD, ('"2013-12"', '"2013-12", "--window", "3"')),),
    "another Job": (changed(GOOD, ("name: december", "name: december-2")),),
    "not waited for": (GOOD, "do not wait"),
}  # fmt: skip
REASON = "OOMKilled, exit code 137"


def _mends() -> list[Any]:
    peak, objects = PEAK, json.loads(KEPT.read_bytes())["objects"]
    good = json.dumps(objects["mended"])
    answers: list[Any] = [
        {"reason": REASON, "peak": peak, "objects": json.dumps(found)}
        for name, found in objects.items()
        if name != "mended"
    ]
    # No cluster has ever said this.
    above = good.replace('"640Mi"', '"950Mi"')
    assert above != good
    answers.append({"reason": REASON, "peak": peak, "objects": above})
    # The Job is mended, the evidence is not.
    answers += [
        {"reason": reason, "peak": peak, "objects": good}
        for reason in ("BackoffLimitExceeded", "exit code 137", "Error", "the node was full", "", None)
    ]
    answers += [
        {"reason": REASON, "peak": wrong, "objects": good}
        for wrong in (400, 371, 2048, 3, peak * 1024, "much", "about 400 Mi", None, True)
    ]
    answers += [
        {"reason": REASON, "peak": peak, "objects": wrong}
        for wrong in (
            "",
            "NAME READY STATUS\ndecember-x 0/1 Completed",
            [],
            'Error: jobs "december" not found',
        )
    ]
    return [*answers, {"reason": REASON, "peak": peak}, "OOMKilled", [REASON, peak, good]]


def _others() -> list[Any]:
    good = json.loads(KEPT.read_bytes())["objects"]["mended"]
    text = json.dumps(good, indent=4)
    return [
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
metadata: {name: november, namespace: flights-training}
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
  namespace: flights-training
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
    "ex_8_3": _mends() if KEPT.exists() else [],
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
    if KEPT.exists()
    else [],
    "ex_8_4": [
        NOVEMBER,
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


# --- The mends, for real ---


def _until(done: Callable[[], bool], seconds: int = 300) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to its end"
        time.sleep(1)


def main() -> None:
    """Make each mend on the cluster, and keep what it then says of Jobs and Pods."""
    from chapter_10.labs.look import Quiet

    shell = Quiet()

    def found() -> list[dict[str, Any]]:
        arguments = ("get", "jobs,pods", "-n", SPACE, "-l", "run=december", "-o", "json")
        return list(json.loads(shell.ask_kubectl(*arguments))["items"])

    def ended() -> bool:
        conditions = [each["status"].get("conditions", []) for each in found() if each["kind"] == "Job"]
        jobs = all(any(each["type"] in ("Complete", "Failed") for each in one) for one in conditions)
        pods = [each["status"]["phase"] for each in found() if each["kind"] == "Pod"]
        return jobs and bool(pods) and set(pods) <= {"Succeeded", "Failed"}

    def resize() -> None:
        _until(lambda: any(each["kind"] == "Pod" for each in found()))
        pod = next(each["metadata"]["name"] for each in found() if each["kind"] == "Pod")
        more = json.dumps(
            {"spec": {"containers": [{"name": "train", "resources": {"limits": {"memory": "900Mi"}}}]}}
        )
        shell.do_kubectl("patch", "pod", pod, "-n", SPACE, "--subresource", "resize", "-p", more)

    space = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    kept = json.loads(KEPT.read_bytes()) if KEPT.exists() else {"objects": {}}
    for name, steps in MENDS.items():
        shell.do_kubectl("delete", "namespace", SPACE, "--ignore-not-found")
        shell.do_kubectl("apply", "-f", "-", stdin=space)
        for step in steps:
            if step == "resize":
                resize()
            elif step != "do not wait":
                shell.do_kubectl(
                    "apply", "-f", "-", stdin=step.replace("namespace: flights-training", f"namespace: {SPACE}")
                )
        if steps[-1] == "do not wait":
            _until(lambda: len(found()) == 2)
        else:
            _until(ended)
        kept["objects"][name] = {"kind": "List", "items": found()}
        states = [(each["kind"], each["status"].get("phase")) for each in found()]
        print(name, states, flush=True)
    kept["kubernetes"] = json.loads(shell.ask_kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    shell.do_kubectl("delete", "namespace", SPACE, "--wait=false")


if __name__ == "__main__":
    main()
