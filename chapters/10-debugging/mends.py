"""For every lab: how it is mended, in several styles, and what only looks so.

``tries_N.py`` makes them all on the real cluster while it is recorded, the tests make them again on the recorded one.
A step is a shell command (``{ns}`` is the namespace, ``{file}`` the manifest, which lies there as it was seeded) or a
change of the manifest.
"""

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chapter_10.labs import Labs
from chapter_10.labs.faults import IMAGE, LABS, NEW, OLD, SHARE

Step = str | tuple[str, str]
Steps = tuple[Step, ...]
APPLY = "kubectl apply -f {file}"
REPLACE = "kubectl replace --force --timeout=120s -f {file}"
SEED = "kubectl replace --force --save-config --timeout=120s -f {file}"  # as `lab.start` leaves it
RELEASED = "kubectl rollout status -n {ns} deployment/predictions --timeout=200s"
TRAINED = "kubectl wait -n {ns} --for=condition=complete job/train --timeout=300s"
FAILED = "kubectl wait -n {ns} --for=condition=failed job/train --timeout=300s"
PROMOTED = "kubectl wait -n {ns} --for=condition=complete job/promote --timeout=120s"
LISTED = "kubectl wait -n {ns} --for=condition=complete job/late-list --timeout=200s"
SHARED = "kubectl wait -n {ns} --for=condition=complete job/late-share --timeout=200s"
NO_POD = "kubectl delete pod -n {ns} --all"
NO_JOB = "kubectl delete job -n {ns} --all"
ZERO = "kubectl scale -n {ns} deployment/predictions --replicas=0"
SOON = "sleep 8"  # until what is wrong shows itself
ASK = "kubectl get --raw /api/v1/namespaces/{ns}/services/predictions:80/proxy/champion || true"


def json_patch(what: str, operation: str) -> str:
    """Return a command that changes one field."""
    return (
        f"kubectl patch -n {{ns}} {what} --type=json -p '[{operation}]'".replace("{", "{{")
        .replace("}", "}}")
        .replace("{{ns}}", "{ns}")
    )


def merge_patch(what: str, patch: str) -> str:
    """Return a command that merges something into an object."""
    return (
        f"kubectl patch -n NS {what} -p '{patch}'".replace("{", "{{").replace("}", "}}").replace("NS", "{ns}")
    )


SERVE = "/spec/template/spec/containers/0"
PROBE = json_patch("deployment/predictions", f'{{"op":"remove","path":"{SERVE}/readinessProbe"}}')
OTHER = json_patch(
    "deployment/predictions",
    f'{{"op":"replace","path":"{SERVE}/command","value":["sleep","infinity"]}},'
    f'{{"op":"remove","path":"{SERVE}/args"}}',
)


@dataclass(frozen=True)
class Scenario:
    """How a lab ends.

    Parameters
    ----------
    mend
        One way in which it ends well.
    evidence
        Lines that hold the cause.
    others
        Other ways in which it ends well (name: steps).
    wrong
        How it does not end well.
    """

    mend: Steps
    evidence: tuple[str, ...]
    others: dict[str, Steps] = field(default_factory=dict)
    wrong: dict[str, Steps] = field(default_factory=dict)


def right(number: int) -> Step:
    """Put the faulty line right."""
    healthy, faulty = LABS[number].fault
    return faulty, healthy


MONTH_FROM = (
    "valueFrom:\n                configMapKeyRef:\n                  name: run\n                  key: MONTH"
)
SCENARIOS: dict[int, Scenario] = {
    1: Scenario(
        mend=(f"kubectl set image -n {{ns}} deployment/predictions serve={IMAGE}", RELEASED),
        evidence=(
            'Failed to pull image "pipelines-for-humans/python:0.10.0": rpc error: code = NotFound',
            "the tag is 0.10.0 but the image that was built is 0.1.0",
            'Back-off pulling image "pipelines-for-humans/python:0.10.0"',
        ),
        others={
            "the file edited and applied": (right(1), APPLY, RELEASED),
            "the file edited and replaced": (right(1), REPLACE, RELEASED),
            "a patch": (
                merge_patch(
                    "deployment predictions",
                    '{"spec":{"template":{"spec":{"containers":[{"name":"serve","image":"IMAGE"}]}}}}',
                ).replace("IMAGE", IMAGE),
                RELEASED,
            ),
            "undone from zero": (ZERO, SOON, right(1), APPLY, RELEASED),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "scaled to zero": (ZERO, SOON),
            "another wrong tag": (
                "kubectl set image -n {ns} deployment/predictions serve=pipelines-for-humans/python:latest",
                SOON,
                right(1),
                APPLY,
                RELEASED,
                json_patch(
                    "deployment/predictions",
                    f'{{"op":"replace","path":"{SERVE}/image","value":"pipelines-for-humans/python:0.1"}}',
                ),
                SOON,
            ),
            "never pulled": (
                json_patch(
                    "deployment/predictions",
                    f'{{"op":"add","path":"{SERVE}/imagePullPolicy","value":"Never"}}',
                ),
                SOON,
            ),
            "the Deployment deleted": ("kubectl delete -n {ns} deployment predictions",),
        },
    ),
    2: Scenario(
        mend=("kubectl set env -n {ns} deployment/predictions -c serve PYTHONPATH=/app/src", RELEASED),
        evidence=(
            "ModuleNotFoundError: No module named 'flightdelay'",
            "No module named flightdelay",
            "PYTHONPATH is /app, but the code is in /app/src",
        ),
        others={
            "the file edited and applied": (right(2), APPLY, RELEASED),
            "the file edited and replaced": (right(2), REPLACE, RELEASED),
            "without it, as in the image": (
                "kubectl set env -n {ns} deployment/predictions -c serve PYTHONPATH-",
                RELEASED,
            ),
            "mended after zero": (ZERO, SOON, right(2), APPLY, RELEASED),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "another program": (OTHER, SOON),
            "no probe": (PROBE, SOON),
            "another wrong folder": (
                "kubectl set env -n {ns} deployment/predictions -c serve PYTHONPATH=/src",
                SOON,
                SOON,
            ),
            "scaled to zero": (ZERO, SOON),
        },
    ),
    3: Scenario(
        mend=(right(3), REPLACE, TRAINED),
        evidence=(
            "Reason: OOMKilled",
            "OOMKilled, Exit Code:    137",
            "it was OOMKilled: its memory limit is 300Mi",
        ),
        others={
            "400Mi, just enough": (("memory: 300Mi", "memory: 400Mi"), REPLACE, TRAINED),
            "700Mi": (("memory: 300Mi", "memory: 700Mi"), REPLACE, TRAINED),
            "2Gi, deleted and applied": (("memory: 300Mi", "memory: 2Gi"), NO_JOB, APPLY, TRAINED),
        },
        wrong={
            "no limit": (("            limits:\n              memory: 300Mi\n", ""), REPLACE, TRAINED),
            "three months": (('MONTH: "2013-12"', 'MONTH: "2013-04"'), REPLACE, TRAINED),
            "the Job again": (REPLACE, FAILED),
            "the Job deleted": (NO_JOB,),
        },
    ),
    4: Scenario(
        mend=(right(4), REPLACE, TRAINED),
        evidence=(
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate",
            "it requests cpu: 50, fifty cores",
            "FailedScheduling, insufficient CPU",
        ),
        others={
            "half a core": (('cpu: "50"', "cpu: 500m"), REPLACE, TRAINED),
            "a tenth, deleted and applied": (('cpu: "50"', "cpu: 100m"), NO_JOB, APPLY, TRAINED),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "still too much": (('cpu: "50"', "cpu: 5"), REPLACE, SOON),
            "no request": (('              cpu: "50"\n', ""), REPLACE, TRAINED),
            "suspended": (merge_patch("job train", '{"spec":{"suspend":true}}'), SOON),
        },
    ),
    5: Scenario(
        mend=(right(5), REPLACE, TRAINED),
        evidence=(
            'storageclass.storage.k8s.io "fast-ssd" not found',
            "there is no StorageClass fast-ssd",
            "Warning ProvisioningFailed: storageclass fast-ssd not found",
        ),
        others={
            "no class named": (("  storageClassName: fast-ssd\n", ""), REPLACE, TRAINED),
            "the claim alone": (right(5), "kubectl delete pvc -n {ns} store", APPLY, TRAINED),
            "both deleted and applied": (
                right(5),
                NO_JOB,
                "kubectl delete pvc -n {ns} store",
                APPLY,
                TRAINED,
            ),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "another class": (("fast-ssd", "ssd"), REPLACE, SOON),
            "the class changed in place": (right(5), APPLY + " || true"),
            "no claim": (
                ("persistentVolumeClaim:\n            claimName: store", "emptyDir: {}"),
                REPLACE,
                TRAINED,
            ),
            "the Job deleted": (NO_JOB,),
        },
    ),
    6: Scenario(
        mend=(right(6), APPLY, PROMOTED),
        evidence=(
            'configmaps "champion" is forbidden: User "system:serviceaccount:flights-lab-6:promoter" cannot patch '
            'resource "configmaps" in API group "" in the namespace "flights-lab-6"',
            "the Role has get, and patch is needed",
            "promoter cannot patch configmaps",
        ),
        others={
            "replaced": (right(6), REPLACE, PROMOTED),
            "a patch": (
                json_patch("role promoter", '{"op":"add","path":"/rules/0/verbs/-","value":"patch"}'),
                PROMOTED,
            ),
            "patch alone": (('verbs: ["get"]', 'verbs: ["patch"]'), APPLY, PROMOTED),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "cluster-admin": (
                "kubectl create clusterrolebinding lab6-admin --clusterrole=cluster-admin "
                "--serviceaccount={ns}:promoter",
                PROMOTED,
            ),
            "every verb": (('verbs: ["get"]', 'verbs: ["*"]'), APPLY, PROMOTED),
            "another verb": (('verbs: ["get"]', 'verbs: ["get", "update"]'), APPLY, SOON),
            "every ConfigMap": (
                ('    resourceNames: ["champion"]\n    verbs: ["get"]', '    verbs: ["get", "patch"]'),
                APPLY,
                PROMOTED,
            ),
            "written by hand": (merge_patch("configmap champion", '{"data":{"month":"2013-09"}}'),),
            "the Job deleted": (NO_JOB,),
        },
    ),
    7: Scenario(
        mend=(right(7), APPLY, SOON),
        evidence=(
            "Selector: app=prediction",
            'the Service selects {"app":"prediction"}, the Pods have app=predictions',
            "app: prediction",
        ),
        others={
            "set": ("kubectl set selector -n {ns} service predictions app=predictions", SOON),
            "a patch": (
                merge_patch("service predictions", '{"spec":{"selector":{"app":"predictions"}}}'),
                SOON,
            ),
            "the file replaced": (right(7), REPLACE, RELEASED),
            "deleted and exposed": (
                "kubectl delete service -n {ns} predictions",
                "kubectl expose -n {ns} deployment/predictions --port=80 --target-port=8080",
                SOON,
            ),
            "two labels": (
                ("selector:\n    app: prediction\n", "selector:\n    app: predictions\n    team: flights\n"),
                APPLY,
                SOON,
            ),
        },
        wrong={
            "the Pods deleted": (NO_POD, RELEASED, SOON),
            "too many": ("kubectl set selector -n {ns} service predictions team=flights", SOON),
            "the other program": ("kubectl set selector -n {ns} service predictions app=report", SOON),
            "no selector": (
                json_patch("service/predictions", '{"op":"remove","path":"/spec/selector"}'),
                SOON,
            ),
            "another port": (("targetPort: 8080", "targetPort: 80"), APPLY, SOON),
            "a label on the Pod": (
                "kubectl label pod -n {ns} -l app=predictions app=prediction --overwrite",
                SOON,
            ),
            "the Service deleted": ("kubectl delete -n {ns} service predictions",),
        },
    ),
    8: Scenario(
        mend=((SHARE, NEW), REPLACE, SHARED),
        evidence=(
            'Container image "pipelines-for-humans/late-share:1" already present on machine',
            "imagePullPolicy: IfNotPresent, so the node asks nobody",
            "LATE_AFTER=0 on the node, LATE_AFTER=15 here",
            "on the node late-share:1 is late-share:build-17",
        ),
        others={
            "deleted and applied": ((SHARE, NEW), NO_JOB, APPLY, SHARED),
            "with its registry": ((SHARE, f"docker.io/{NEW}"), REPLACE, SHARED),
            "never pulled": (
                (f"image: {SHARE}", f"image: {NEW}\n          imagePullPolicy: Never"),
                REPLACE,
                SHARED,
            ),
        },
        wrong={
            "pulled each time": (
                (f"image: {SHARE}", f"image: {SHARE}\n          imagePullPolicy: Always"),
                REPLACE,
                SOON,
            ),
            "overruled in the manifest": (
                (f"image: {SHARE}", f'image: {SHARE}\n          env: [{{name: LATE_AFTER, value: "15"}}]'),
                REPLACE,
                SHARED,
            ),
            "the Job again": (REPLACE, SHARED),
            "the first build": ((SHARE, OLD), REPLACE, SHARED),
            "a tag that nobody loaded": ((SHARE, f"{SHARE[:-1]}2"), REPLACE, SOON),
            "the latest": ((SHARE, f"{SHARE[:-1]}latest"), REPLACE, SOON),
            "the Job deleted": (NO_JOB,),
        },
    ),
    9: Scenario(
        mend=(right(9), REPLACE, LISTED),
        evidence=(
            "read 27574 flights, scheduled from 2013-09-01 to 2013-09-30",
            "ConfigMap run: MONTH: 2013-09",
            'the ConfigMap run says MONTH: "2013-09"',
        ),
        others={
            "deleted and applied": (right(9), NO_JOB, APPLY, LISTED),
            "the setting, then the Job again": (
                merge_patch("configmap run", '{"data":{"MONTH":"2013-10"}}'),
                NO_JOB,
                right(9),
                APPLY,
                LISTED,
            ),
        },
        wrong={
            "written by hand": (merge_patch("configmap late-list", '{"data":{"month":"2013-10"}}'),),
            "the month in the Job": ((MONTH_FROM, 'value: "2013-10"'), REPLACE, LISTED),
            "the program changed": (('os.environ["MONTH"]', '"2013-10"'), REPLACE, LISTED),
            "the setting alone": (merge_patch("configmap run", '{"data":{"MONTH":"2013-10"}}'),),
            "another month": (('MONTH: "2013-09"', 'MONTH: "2013-11"'), REPLACE, LISTED),
            "the Job again": (REPLACE, LISTED),
            "the Job deleted": (NO_JOB,),
        },
    ),
    10: Scenario(
        mend=(
            "kubectl delete configmap run -n {ns}",
            "kubectl create configmap run -n {ns} --from-literal=MONTH=2013-02",
            TRAINED,
        ),
        evidence=(
            "Error: couldn't find key MONTH in ConfigMap flights-lab-10/run",
            "the ConfigMap has RUN_MONTH",
            "could not find key MONTH",
        ),
        others={
            "a patch": (
                merge_patch("configmap run", '{"data":{"MONTH":"2013-02","RUN_MONTH":null}}'),
                TRAINED,
            ),
            "the file": (right(10), APPLY, TRAINED),
            "the file replaced": (right(10), REPLACE, TRAINED),
            "the Job follows": (("key: MONTH", "key: RUN_MONTH"), REPLACE, TRAINED),
            "first one, then the other": (
                merge_patch("configmap run", '{"data":{"MONTH":"2013-02"}}'),
                TRAINED,
                merge_patch("configmap run", '{"data":{"RUN_MONTH":null}}'),
            ),
        },
        wrong={
            "the Pod deleted": (NO_POD, SOON),
            "two keys": (merge_patch("configmap run", '{"data":{"MONTH":"2013-02"}}'), TRAINED),
            "another month": (
                merge_patch("configmap run", '{"data":{"MONTH":"2013-03","RUN_MONTH":null}}'),
                TRAINED,
            ),
            "optional": (("key: MONTH", "key: MONTH\n                  optional: true"), REPLACE, SOON),
            "the month in the Job": ((MONTH_FROM, 'value: "2013-02"'), REPLACE, TRAINED),
            "the Job deleted": (NO_JOB,),
        },
    ),
    11: Scenario(
        mend=(right(11), APPLY, RELEASED),
        evidence=(
            'Readiness probe failed: Get "http://10.244.0.9:8000/readyz": connect: connection refused',
            "the probe asks port 8000, the program listens on 8080",
            "port: 8000",
        ),
        others={
            "a patch": (
                json_patch(
                    "deployment/predictions",
                    f'{{"op":"replace","path":"{SERVE}/readinessProbe/httpGet/port","value":8080}}',
                ),
                RELEASED,
            ),
            "replaced": (right(11), REPLACE, RELEASED),
        },
        wrong={
            "no probe": (PROBE, RELEASED),
            "not ready is ready": (
                merge_patch("service predictions", '{"spec":{"publishNotReadyAddresses":true}}'),
                SOON,
            ),
            "the Pod deleted": (NO_POD, SOON),
            "alive is ready": (
                ("path: /readyz\n              port: 8000", "path: /healthz\n              port: 8080"),
                APPLY,
                RELEASED,
            ),
        },
    ),
    12: Scenario(
        mend=(right(12), REPLACE, TRAINED),
        evidence=(
            'pods "train-x7k2p" is forbidden: exceeded quota: platform, requested: requests.cpu=500m',
            "it requests 500m cpu, the quota allows 200m",
            "exceeded quota",
        ),
        others={
            "as much as it may": (("cpu: 500m", "cpu: 200m"), REPLACE, TRAINED),
            "a tenth, deleted and applied": (("cpu: 500m", "cpu: 100m"), NO_JOB, APPLY, TRAINED),
        },
        wrong={
            "no quota": ("kubectl delete -n {ns} resourcequota platform", SOON),
            "a larger quota": (("requests.cpu: 200m", 'requests.cpu: "2"'), REPLACE, TRAINED),
            "no request": (("              cpu: 500m\n", ""), REPLACE, SOON),
            "still too much": (("cpu: 500m", "cpu: 300m"), REPLACE, SOON),
        },
    ),
}


# What leads to the same objects as something else that is recorded, or needs no recording.
KNOWN = {
    (1, "the file edited and applied"),
    (1, "a patch"),
    (1, "scaled to zero"),
    (1, "the Deployment deleted"),
    (2, "the file edited and applied"),
    (2, "scaled to zero"),
    (3, "the Job again"),
    (5, "both deleted and applied"),
    (5, "the class changed in place"),
    (6, "a patch"),
    (7, "set"),
    (7, "a patch"),
    (7, "the Service deleted"),
    (8, "with its registry"),
    (8, "deleted and applied"),
    (8, "the Job again"),
    (9, "the Job again"),
    (9, "the setting, then the Job again"),
    (9, "written by hand"),
    (9, "the setting alone"),
    (10, "the file"),
    (10, "two keys"),
    (11, "a patch"),
}


def steps_of(number: int) -> Iterator[tuple[str, Steps]]:
    """Yield by name what a lab's recording holds besides its solution, if the notebook has one."""
    if number > 10:
        yield "the mend", SCENARIOS[number].mend
    for name, steps in {**SCENARIOS[number].others, **SCENARIOS[number].wrong}.items():
        if (number, name) not in KNOWN and name != "the Job deleted":
            yield name, steps


def run(number: int, file: Path, steps: Steps, wait: bool = True) -> str:
    """Make the steps with kubectl, and return what it printed; without `wait` what only waits is left out."""
    text, printed = LABS[number].seeded(f"flights-lab-{number}"), ""
    for step in steps:
        if isinstance(step, tuple):
            if step[0] not in text:
                raise ValueError(f"Lab {number} has no {step[0]!r}.")
            text = text.replace(*step)
            continue
        if step == SOON and not wait:
            continue
        file.write_text(text, encoding="utf-8")
        command = step.format(ns=f"flights-lab-{number}", file=file)
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        printed += f"$ {command[:90]}\n{done.stdout}{done.stderr}"
    return printed


def record(*numbers: int) -> None:
    """Make, on the cluster that is recorded, all mends of some labs, those of each lab one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        threads = [threading.Thread(target=_record, args=(number, Path(folder))) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        Labs(Path(folder)).reset(*numbers)


def _record(number: int, folder: Path) -> None:
    lab, file = Labs(folder), folder / f"mend-{number}.yaml"
    lab.reset(number)
    lab.start(number)
    seeded = True
    for name, steps in steps_of(number):
        began = time.monotonic()
        # What is made anew does not know what was there before it; all else begins with the fault.
        anew = next(step for step in steps if isinstance(step, str)) in (REPLACE, NO_JOB)
        if not seeded and not anew:
            run(number, file, (SEED,))
            lab.wait_until_shown(number)
        printed = run(number, file, steps)
        time.sleep(3)  # the recorder looks once a second: the end shall be seen before the next begins
        print(f"lab {number} · {name} · {time.monotonic() - began:.0f} s\n{printed}", flush=True)
        seeded = name in ("cluster-admin", "a label on the Pod")  # they leave something behind
        if seeded:
            lab.reset(number)
            lab.start(number)
