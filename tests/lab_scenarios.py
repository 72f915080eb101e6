"""For every lab: how it is mended, and what only looks so. Run on a real cluster by tests/live/test_labs_live.py.

A step is a shell command (``{ns}`` is the namespace, ``{file}`` the manifest) or a change of the manifest, which
is then put in place of the old objects.
"""

from dataclasses import dataclass, field

from chapter_10.labs.faults import IMAGE, LABS, SHARE

Step = str | tuple[str, str]
RELEASED = "kubectl rollout status -n {ns} deployment/predictions --timeout=400s"
TRAINED = "kubectl wait -n {ns} --for=condition=complete job/train --timeout=400s"
NO_POD = "kubectl delete pod -n {ns} --all"
ZERO = "kubectl scale -n {ns} deployment/predictions --replicas=0"
PROBE = """kubectl patch -n {ns} deployment/predictions --type=json -p \
'[{{"op":"remove","path":"/spec/template/spec/containers/0/readinessProbe"}}]'"""
OTHER = """kubectl patch -n {ns} deployment/predictions --type=json -p \
'[{{"op":"add","path":"/spec/template/spec/containers/0/command","value":["sleep","infinity"]}}]'"""


@dataclass(frozen=True)
class Scenario:
    """How a lab ends: well by `mend`, not well by any of `wrong` (name: steps)."""

    mend: tuple[Step, ...]
    evidence: tuple[str, ...]
    wrong: dict[str, tuple[Step, ...]] = field(default_factory=dict)


def right(number: int) -> Step:
    """Put the faulty line right."""
    healthy, faulty = LABS[number].fault
    return faulty, healthy


SCENARIOS: dict[int, Scenario] = {
    1: Scenario(
        mend=(f"kubectl set image -n {{ns}} deployment/predictions serve={IMAGE}", RELEASED),
        evidence=(
            'Failed to pull image "pipelines-for-humans/python:0.10.0": rpc error: code = NotFound',
            "the tag is 0.10.0 but the image that was built is 0.1.0",
            'Back-off pulling image "pipelines-for-humans/python:0.10.0"',
        ),
        wrong={
            "the Pod deleted": (NO_POD,),
            "scaled to zero": (ZERO,),
            "never pulled": (
                """kubectl patch -n {ns} deployment/predictions --type=json -p \
'[{{"op":"add","path":"/spec/template/spec/containers/0/imagePullPolicy","value":"Never"}}]'""",
            ),
            "the Deployment deleted": ("kubectl delete -n {ns} deployment predictions",),
        },
    ),
    2: Scenario(
        mend=(right(2), RELEASED),
        evidence=(
            "/opt/venv/bin/python3: Error while finding module specification for 'flightdelay.serve' "
            "(ModuleNotFoundError: No module named 'flightdelay')",
            "No module named flightdelay",
            "PYTHONPATH is /app, but the code is in /app/src",
        ),
        wrong={
            "the Pod deleted": (NO_POD,),
            "another program": (OTHER,),
            "no probe and another program": (OTHER, PROBE),
            "scaled to zero": (ZERO,),
        },
    ),
    3: Scenario(
        mend=(right(3), TRAINED),
        evidence=(
            "Reason: OOMKilled",
            "OOMKilled, Exit Code:    137",
            "it was OOMKilled: its memory limit is 300Mi",
        ),
        wrong={
            "no limit": (("            limits:\n              memory: 300Mi\n", ""),),
            "learns from less": (('["$(MONTH)",', '["$(MONTH)", "--window", "1",'), TRAINED),
            "another month": (('MONTH: "2013-12"', 'MONTH: "2013-03"'),),
            "the Job deleted": ("kubectl delete -n {ns} job train",),
        },
    ),
    4: Scenario(
        mend=(right(4), TRAINED),
        evidence=(
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate",
            "it requests cpu: 50, fifty cores",
            "FailedScheduling, insufficient CPU",
        ),
        wrong={
            "the Pod deleted": (NO_POD,),
            "no request": (('              cpu: "50"\n', ""),),
            "suspended": ("""kubectl patch -n {ns} job train -p '{{"spec":{{"suspend":true}}}}'""",),
        },
    ),
    5: Scenario(
        mend=(right(5), TRAINED),
        evidence=(
            'storageclass.storage.k8s.io "fast-ssd" not found',
            "there is no StorageClass fast-ssd",
            "Warning ProvisioningFailed: storageclass fast-ssd not found",
        ),
        wrong={
            "the Pod deleted": (NO_POD,),
            "no claim": (("persistentVolumeClaim:\n            claimName: store", "emptyDir: {}"), TRAINED),
            "the Job deleted": ("kubectl delete -n {ns} job train",),
        },
    ),
    6: Scenario(
        mend=(right(6), "kubectl wait -n {ns} --for=condition=complete job/promote --timeout=120s"),
        evidence=(
            'configmaps "champion" is forbidden: User "system:serviceaccount:flights-lab-6:promoter" cannot patch '
            'resource "configmaps" in API group "" in the namespace "flights-lab-6"',
            "the Role has get, and patch is needed",
            "promoter cannot patch configmaps",
        ),
        wrong={
            "cluster-admin": (
                "kubectl create clusterrolebinding lab6-admin --clusterrole=cluster-admin "
                "--serviceaccount={ns}:promoter",
            ),
            "cluster-admin for everyone": (
                "kubectl create clusterrolebinding lab6-all --clusterrole=cluster-admin "
                "--group=system:serviceaccounts:{ns}",
            ),
            "every verb": (('verbs: ["get"]', 'verbs: ["*"]'),),
            "every ConfigMap": (
                ('    resourceNames: ["champion"]\n    verbs: ["get"]', '    verbs: ["patch"]'),
            ),
            "for every Pod": (
                ('verbs: ["get"]', 'verbs: ["get", "patch"]'),
                "kubectl create rolebinding all -n {ns} --role=promoter --group=system:serviceaccounts:{ns}",
            ),
            "written by hand": (
                """kubectl patch -n {ns} configmap champion -p '{{"data":{{"month":"2013-09"}}}}'""",
            ),
            "the Pod deleted": (NO_POD,),
        },
    ),
    7: Scenario(
        mend=(right(7), RELEASED),
        evidence=(
            "Selector: app=prediction",
            'the Service selects {"app":"prediction"}, the Pods have app=predictions',
            "app: prediction",
        ),
        wrong={
            "no selector": (
                """kubectl patch -n {ns} service predictions --type=json -p \
'[{{"op":"remove","path":"/spec/selector"}}]'""",
            ),
            "too many": (
                "kubectl rollout status -n {ns} deployment/report --timeout=300s",
                """kubectl patch -n {ns} service predictions --type=json -p \
'[{{"op":"replace","path":"/spec/selector","value":{{"team":"flights"}}}}]'""",
                "sleep 5",
            ),
            "a label on the Pod": (
                "kubectl label pod -n {ns} -l app=predictions app=prediction --overwrite",
                "sleep 3",
            ),
            "the Service deleted": ("kubectl delete -n {ns} service predictions",),
        },
    ),
    8: Scenario(
        mend=(
            f"docker tag {SHARE} {SHARE[:-1]}2",
            f"kind load docker-image {SHARE[:-1]}2 --name {{cluster}}",
            (SHARE, f"{SHARE[:-1]}2"),
            "kubectl wait -n {ns} --for=condition=complete job/late-share --timeout=120s",
        ),
        evidence=(
            'Container image "pipelines-for-humans/late-share:1" already present on machine',
            "imagePullPolicy: IfNotPresent, so the node asks nobody",
            "LATE_AFTER=0 on the node, LATE_AFTER=15 here",
        ),
        wrong={
            "pulled each time": ((f"image: {SHARE}", f"image: {SHARE}\n          imagePullPolicy: Always"),),
            "overruled in the manifest": (
                (f"image: {SHARE}", f'image: {SHARE}\n          env: [{{name: LATE_AFTER, value: "15"}}]'),
            ),
            "the Job again": (
                ("backoffLimit: 0", "backoffLimit: 1"),
                "kubectl wait -n {ns} --for=condition=complete job/late-share --timeout=120s",
            ),
            "the same tag loaded": (
                f"kind load docker-image {SHARE} --name {{cluster}}",
                ("backoffLimit: 0", "backoffLimit: 1"),
                "kubectl wait -n {ns} --for=condition=complete job/late-share --timeout=120s",
            ),
        },
    ),
    9: Scenario(
        mend=(right(9), "kubectl wait -n {ns} --for=condition=complete job/late-list --timeout=400s"),
        evidence=(
            "read 27122 flights, scheduled from 2013-09-01 to 2013-09-30",
            "ConfigMap run: MONTH: 2013-09",
            'the ConfigMap run says MONTH: "2013-09"',
        ),
        wrong={
            "written by hand": (
                """kubectl patch -n {ns} configmap late-list -p '{{"data":{{"month":"2013-10"}}}}'""",
            ),
            "the month in the Job": (
                (
                    "valueFrom:\n                configMapKeyRef:\n                  name: run\n"
                    "                  key: MONTH",
                    'value: "2013-10"',
                ),
            ),
            "the program changed": (('os.environ["MONTH"]', '"2013-10"'),),
            "the setting alone": (
                "kubectl wait -n {ns} --for=condition=complete job/late-list --timeout=400s",
                """kubectl patch -n {ns} configmap run -p '{{"data":{{"MONTH":"2013-10"}}}}'""",
            ),
            "the Job deleted": ("kubectl delete -n {ns} job late-list",),
        },
    ),
    10: Scenario(
        mend=(right(10), TRAINED),
        evidence=(
            "Error: couldn't find key MONTH in ConfigMap flights-lab-10/run",
            "the ConfigMap has RUN_MONTH",
            "could not find key MONTH",
        ),
        wrong={
            "the Pod deleted": (NO_POD,),
            "optional": (("key: MONTH", "key: MONTH\n                  optional: true"),),
            "the month in the Job": (
                (
                    "valueFrom:\n                configMapKeyRef:\n                  name: run\n"
                    "                  key: MONTH",
                    'value: "2013-03"',
                ),
            ),
        },
    ),
    11: Scenario(
        mend=(right(11), RELEASED),
        evidence=(
            'Readiness probe failed: Get "http://10.244.0.9:8000/readyz": connect: connection refused',
            "the probe asks port 8000, the program listens on 8080",
            "port: 8000",
        ),
        wrong={
            "no probe": (PROBE,),
            "not ready is ready": (
                """kubectl patch -n {ns} service predictions -p '{{"spec":{{"publishNotReadyAddresses":true}}}}'""",
            ),
            "the Pod deleted": (NO_POD,),
            "alive is ready": (
                ("path: /readyz\n              port: 8000", "path: /healthz\n              port: 8080"),
            ),
        },
    ),
    12: Scenario(
        mend=(right(12), TRAINED),
        evidence=(
            'pods "train-x7k2p" is forbidden: exceeded quota: platform, requested: requests.cpu=500m',
            "it requests 500m cpu, the quota allows 200m",
            "exceeded quota",
        ),
        wrong={
            "no quota": ("kubectl delete -n {ns} resourcequota platform",),
            "a larger quota": (("requests.cpu: 200m", "requests.cpu: 2"),),
            "no request": (("              cpu: 500m\n", ""),),
        },
    ),
}
