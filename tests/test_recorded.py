"""The recorded cluster: a real kubectl talks to it, and it never pretends (`companion.recorded`)."""

import copy
import itertools
import json
import lzma
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from authoring.record import session
from companion.bootstrap import ROOT
from companion.cluster.shell import at_recorded_cluster
from companion.recorded import serve
from companion.recorded.definitions import Definitions
from companion.recorded.objects import differences, digest, essence
from companion.recorded.patches import PatchError, patched
from companion.recorded.protobuf import ProtobufError, decoded
from companion.recorded.recording import (
    Entry,
    Frame,
    Key,
    Recording,
    RecordingError,
    Step,
    read,
    seconds,
    shifted,
    write,
    written,
)
from companion.recorded.selectors import SelectorError, selector
from companion.recorded.server import Server
from companion.recorded.state import RUNTIMES, TRAINJOBS, State
from companion.recorded.tables import duration
from companion.recorded.world import NotRecorded, Refused, World

START = 1_780_000_000.0
KUBECTL = (
    Path(os.environ["VIRTUAL_ENV"] if "VIRTUAL_ENV" in os.environ else ROOT / ".venv") / "bin" / "kubectl"
)

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: december, namespace: space, labels: {run: december}}
spec:
  backoffLimit: 1
  template:
    metadata: {labels: {run: december}}
    spec:
      restartPolicy: Never
      containers:
        - name: train
          image: pipelines-for-humans/python:0.1.0
          resources: {requests: {memory: 300Mi}, limits: {memory: 400Mi}}
          args: ["2013-12"]
"""


def job(text: str = JOB, **status: Any) -> dict[str, Any]:
    made = yaml.safe_load(text)
    made["metadata"] |= {"uid": "job-uid", "creationTimestamp": written(START)}
    return {**made, "status": status}


def pod(name: str, phase: str) -> Entry:
    thing = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "space",
            "uid": f"uid-{name}",
            "labels": {"run": "december"},
            "creationTimestamp": written(START),
            "ownerReferences": [{"kind": "Job", "name": "december", "uid": "job-uid", "controller": True}],
        },
        "spec": {"containers": [{"name": "train", "image": "x"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": "train", "containerID": "containerd://1", "state": {phase.lower(): {}}}
            ],
        },
    }
    return Entry(Key("pods", "space", name), thing, [name, "0/1", phase, 0, "1s"])


def entry(resource: str, thing: dict[str, Any], *cells: Any) -> Entry:
    metadata = thing["metadata"]
    return Entry(Key(resource, metadata.get("namespace", ""), metadata["name"]), thing, list(cells))


def recorded() -> Recording:
    """Return a recording of one Job that is killed, mended once, and of a service account with few rights."""
    key = Key("jobs.batch", "space", "december")
    failed = {"type": "Failed", "status": "True"}
    killed = Step(
        "create",
        key,
        job(),
        START,
        frames=[
            Frame(0.1, [entry("jobs.batch", job(active=1), "december", "Running", "0/1", "0s", "0s")]),
            Frame(2, [pod("december-abcde", "Pending")]),
            Frame(5, [pod("december-abcde", "Running")]),
            Frame(60, [pod("december-abcde", "Failed"),
                       entry("jobs.batch", job(conditions=[failed]), "december", "Failed", "0/1", "60s", "60s")]),
        ],
    )  # fmt: skip
    gone = Step(
        "delete",
        key,
        None,
        START + 100,
        [],
        [Frame(0.1, [], [key, Key("pods", "space", "december-abcde")])],
        plain=True,
    )
    more = JOB.replace("400Mi", "1Gi")
    complete = {"type": "Complete", "status": "True"}
    mended = Step(
        "create",
        key,
        job(more),
        START + 200,
        frames=[
            Frame(0.1, [entry("jobs.batch", job(more, active=1), "december", "Running", "0/1", "0s", "0s")]),
            Frame(
                30,
                [entry("jobs.batch", job(more, conditions=[complete]), "december", "Complete", "1/1", "30s", "9s")],
            ),
        ],
    )  # fmt: skip
    too_much = JOB.replace("300Mi", "2Gi")
    says = 'Job.batch "december" is invalid: requests: must be less than or equal to memory limit of 400Mi'
    refused = Step("create", key, job(too_much), START - 10, refused={
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": says, "reason": "Invalid", "code": 422,
    })  # fmt: skip
    role = {
        "metadata": {"name": "reads", "namespace": "space"},
        "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}],
    }
    binding = {
        "metadata": {"name": "reads", "namespace": "space"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "space"}],
        "roleRef": {"kind": "Role", "name": "reads"},
    }
    space = {"metadata": {"name": "space", "creationTimestamp": written(START - 60)}}
    base = [
        entry("namespaces", space, "space", "Active", "9s"),
        entry("roles.rbac.authorization.k8s.io", role, "reads", "x"),
        entry("rolebindings.rbac.authorization.k8s.io", binding, "reads", "Role/reads", "1s"),
    ]  # fmt: skip
    lines = "".join(f"{written(START + at)[:-1]}.5Z line {at}\n" for at in (6, 20, 70))
    made = {"cluster": "a cluster of a test", "date": "2026-11-28"}
    return Recording(made, START, base, [[refused, killed, gone, mended]], {"containerd://1": lines})


class Reader:
    """A person with kubectl, and a recorded cluster that it talks to."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self.world = World(recording)
        self.server = Server(self.world, Definitions.read()).start()
        self.config = folder / "kubeconfig"
        self.folder = folder
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        cluster = {"name": "c", "cluster": {"server": self.server.address}}
        self.config.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [cluster],
                    "users": [{"name": "u", "user": {}}],
                    "contexts": [context],
                    "current-context": "c",
                }
            )
        )

    def run(self, *arguments: str, stdin: str | None = None) -> tuple[int, str]:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.config),
            "KUBECACHEDIR": str(self.folder / "cache"),
        }
        done = subprocess.run(
            [KUBECTL, *arguments], input=stdin, capture_output=True, text=True, env=environment, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    def __call__(self, line: str, stdin: str | None = None) -> str:
        return self.run(*line.split(), stdin=stdin)[1]


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, recorded())
    yield reader
    reader.server.shutdown()


# --- a reader's way


def test_time_goes_on_when_somebody_looks(kubectl: Reader) -> None:
    assert kubectl("apply -f -", JOB) == "job.batch/december created\n"
    seen = [kubectl("get pods -n space --no-headers").split()[:3] for _ in range(4)]
    assert seen[0] == ["No", "resources", "found"]
    assert [each[2] for each in seen[1:]] == ["Pending", "Running", "Failed"]
    # To look at the nodes, or at another namespace, is not to wait for this one.
    assert "Failed" in kubectl("get jobs -n space")


def test_a_wait_goes_on_to_what_it_waits_for(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    assert kubectl("wait -n space --for=condition=failed job/december --timeout=60s").endswith(
        "condition met\n"
    )
    assert kubectl("get pods -n space --no-headers").split()[2] == "Failed"


def test_for_whoever_has_gone_no_time_goes_on(kubectl: Reader) -> None:
    with socket.create_connection(("127.0.0.1", kubectl.server.server_port)) as gone:
        gone.sendall(b"GET /api/v1/namespaces/space/configmaps?watch=true HTTP/1.1\r\nHost: x\r\n\r\n")
        gone.recv(1)
    kubectl("apply -f -", JOB)
    time.sleep(1)
    assert "No resources" in kubectl("get pods -n space")


def test_who_waits_for_what_never_comes_is_told(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    said = kubectl("wait -n space --for=condition=complete job/december --timeout=60s")
    assert "in this recorded cluster that does not come any more" in said
    assert "timed out" not in said


def test_a_log_holds_what_was_printed_by_then(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    for _ in range(3):
        kubectl("get pods -n space")
    assert kubectl("logs -n space december-abcde").splitlines() == ["line 6", "line 20"]
    assert kubectl("logs -n space -l run=december --tail=1") == "line 20\n"
    assert "not found" in kubectl("logs -n space december-abcde --previous")
    assert "is not valid for pod" in kubectl("logs -n space december-abcde -c other")


def test_ages_are_those_of_the_recording(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    kubectl("wait -n space --for=condition=failed job/december --timeout=60s")
    found = json.loads(kubectl("get job december -n space -o json"))
    assert abs(time.time() - 60 - seconds(found["metadata"]["creationTimestamp"])) < 5
    assert kubectl("get jobs -n space --no-headers").split()[-1] == "60s"
    assert " 2m " in f"{kubectl('get namespace space --no-headers').strip()} "


def test_reads_that_no_notebook_makes(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    for _ in range(3):
        kubectl("get pods -n space")
    assert kubectl("get pods -n space -l run=december,x!=y -o name") == "pod/december-abcde\n"
    assert "No resources" in kubectl("get pods -n space -l run=other")
    assert (
        kubectl("get pods -A --field-selector status.phase=Failed -o jsonpath={.items[*].metadata.name}")
        == "december-abcde"
    )
    assert "Controlled By:  Job/december" in kubectl("describe pod december-abcde -n space")
    assert "backoffLimit: 1" in kubectl("get job december -n space -o yaml")
    assert "FIELD: backoffLimit <integer>" in kubectl("explain job.spec.backoffLimit")
    assert "cronjobs" in kubectl("api-resources --api-group=batch")
    assert kubectl("get widgets").startswith("error: the server doesn't have a resource type")
    assert kubectl("get pod nobody -n space") == 'Error from server (NotFound): pods "nobody" not found\n'


def test_a_change_that_was_recorded_is_taken_in_whatever_words(kubectl: Reader) -> None:
    kubectl("apply -f -", JOB)
    assert "deleted" in kubectl("delete job december -n space")
    assert kubectl("get pods -n space").startswith("No resources")
    same = yaml.safe_load(JOB)
    container = same["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "1024Mi"}, "requests": {"memory": "307200Ki"}}
    container |= {"imagePullPolicy": "IfNotPresent", "image": "docker.io/pipelines-for-humans/python:0.1.0"}
    same["spec"] |= {"completions": 1, "parallelism": 1}
    assert kubectl("create -f -", json.dumps(same)) == "job.batch/december created\n"
    assert "condition met" in kubectl("wait -n space --for=condition=complete job/december --timeout=60s")


def test_a_change_that_nobody_saw_is_refused_in_a_sentence(kubectl: Reader) -> None:
    code, said = kubectl.run("apply", "-f", "-", stdin=JOB.replace("400Mi", "900Mi"))
    assert code == 1
    assert "it knows containers[0].resources.limits.memory 400Mi or 1024Mi, and yours is 900Mi" in " ".join(
        said.split()
    )
    assert "make cluster-up" in said
    assert kubectl("get jobs -n space").startswith("No resources"), "a refused change changes nothing"
    said = kubectl("run look --image=x -n space")
    assert "never saw a Pod look in space made" in said
    assert "no program runs" in kubectl("exec -n space deployment/none -- ls") or "NotFound" in kubectl(
        "exec -n space p -- ls"
    )


def test_what_the_real_one_refused_is_refused_in_its_words(kubectl: Reader) -> None:
    assert "must be less than or equal to memory limit" in kubectl("apply -f -", JOB.replace("300Mi", "2Gi"))
    kubectl("apply -f -", JOB)
    assert "field is immutable" in kubectl("apply -f -", JOB.replace("2013-12", "2013-11"))
    assert 'unknown field "spec.backofLimit"' in kubectl(
        "apply -f -", JOB.replace("backoffLimit", "backofLimit")
    )
    assert "already exists" in kubectl("create -f -", JOB)
    assert "error" in kubectl("apply -f -", "{nonsense: [")


def test_a_dry_run_moves_nothing(kubectl: Reader) -> None:
    assert "created (server dry run)" in kubectl("apply --dry-run=server -f -", JOB)
    assert kubectl("get jobs -n space").startswith("No resources")
    assert kubectl("apply -f -", JOB) == "job.batch/december created\n"


def test_what_nothing_reacts_to_needs_no_recording(kubectl: Reader) -> None:
    assert kubectl("create namespace other") == "namespace/other created\n"
    assert kubectl("create configmap run -n other --from-literal=MONTH=2013-09") == "configmap/run created\n"
    assert kubectl("get configmap -n other --no-headers").split()[:2] == ["run", "1"]
    assert kubectl("create secret generic s -n other --from-literal=TOKEN=abc") == "secret/s created\n"
    assert kubectl("get secret s -n other -o jsonpath={.data.TOKEN}") == "YWJj"
    assert 'namespaces "none" not found' in kubectl("create configmap run -n none --from-literal=a=b")
    assert "deleted" in kubectl("delete namespace other")
    assert "NotFound" in kubectl("get namespace other")
    assert "No resources" in kubectl("get configmaps -n other")


def test_rights_are_worked_out_from_the_roles(kubectl: Reader) -> None:
    who = "--as=system:serviceaccount:space:reader -n space"
    assert kubectl(f"auth can-i list pods {who}") == "yes\n"
    assert kubectl(f"auth can-i get pods --subresource=log {who}") == "yes\n"
    assert kubectl(f"auth can-i delete pods {who}") == "no\n"
    assert kubectl("auth can-i delete pods") == "yes\n"
    assert "No resources" in kubectl(f"get pods {who}")
    assert 'cannot list resource "secrets" in API group ""' in kubectl(f"get secrets {who}")


def test_no_other_groups_are_offered_than_the_recorded_cluster_had(tmp_path: Path) -> None:
    recording = recorded()
    whole = Definitions.read()
    assert whole.of(recording.made.get("apis")) is whole  # an older recording does not tell
    recording.made["apis"] = "apps/v1 batch/v1"
    reader = Reader(tmp_path, recording)
    assert reader("api-versions").split() == ["apps/v1", "batch/v1", "v1"]
    assert "cronjobs" in reader("api-resources -o name --api-group=batch")
    assert 'doesn\'t have a resource type "workflows"' in reader("get workflows")
    assert "FIELD: suspend" in reader("explain job.spec.suspend")
    reader.server.shutdown()


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: space}
stringData: {TOKEN: not-a-real-token}
"""


def test_the_difference_of_a_secret_is_that_of_its_values(kubectl: Reader) -> None:
    kubectl("apply -f -", SECRET)
    assert kubectl.run("diff", "-f", "-", stdin=SECRET) == (0, "")
    code, said = kubectl.run("diff", "-f", "-", stdin=SECRET.replace("not-a-real", "another"))
    assert code == 1
    assert "-  TOKEN: '*** (before)'\n+  TOKEN: '*** (after)'" in said


def test_a_second_that_goes_by_is_no_difference(kubectl: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl("apply -f -", SECRET)
    begun, asked = time.time(), itertools.count()

    class Clock:
        monotonic, sleep = time.monotonic, time.sleep

        @staticmethod
        def time() -> float:
            return begun + next(asked)

    monkeypatch.setattr("companion.recorded.server.time", Clock)
    assert kubectl.run("diff", "-f", "-", stdin=SECRET) == (0, "")


def test_a_restart_finds_the_cluster_as_it_was_left(kubectl: Reader, tmp_path: Path) -> None:
    kubectl.world.kept_in = tmp_path / "history.json"
    kubectl("apply -f -", JOB)
    kubectl("wait -n space --for=condition=failed job/december --timeout=60s")
    kubectl("create namespace other")
    kubectl("delete -n space job december")
    kubectl("apply -f -", JOB)
    kubectl("wait -n space --for=condition=failed job/december --timeout=60s")  # after the last change
    again = World(recorded())
    kept = json.loads((tmp_path / "history.json").read_bytes())
    again.again(kept["changes"], kept["clock"])
    assert again.get(Key("namespaces", "", "other")) is not None
    found = again.get(Key("jobs.batch", "space", "december"))
    assert found is not None
    assert found.object["status"]["conditions"][0]["type"] == "Failed"


# --- what a change depends on


def test_the_same_change_in_another_setting_is_another_change() -> None:
    recording = recorded()
    reads = yaml.safe_load(JOB)
    reads["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "run"}}]
    config = entry(
        "configmaps",
        {"kind": "ConfigMap", "metadata": {"name": "run", "namespace": "space"}, "data": {"M": "1"}},
    )
    key = Key("jobs.batch", "space", "reads")
    reads["metadata"]["name"] = "reads"
    made = Step("create", config.key, config.object, START, frames=[Frame(0.1, [config])], plain=True)
    recording.sessions.append(
        [made, Step("create", key, reads, START + 9, frames=[Frame(0.1, [entry("jobs.batch", reads)])])]
    )
    with pytest.raises(NotRecorded, match="when configmaps run was as the notebook has it"):
        World(recording).change("create", key, reads)
    world = World(recording)
    world.change("create", config.key, {**config.object, "data": {"M": "2"}})
    with pytest.raises(NotRecorded, match="configmaps run"):
        world.change("create", key, reads)
    world.change("update", config.key, config.object)
    world.change("create", key, reads)
    with pytest.raises(NotRecorded, match="never saw a ConfigMap run"):
        world.change("update", config.key, {**config.object, "data": {"M": "3"}})  # now a Job uses it


def test_whom_a_job_reaches_depends_on_the_policies_of_other_namespaces() -> None:
    recording = recorded()
    meta = {"name": "visitor", "namespace": "space"}
    visitor = yaml.safe_load(JOB) | {"metadata": meta}
    door = entry(
        "networkpolicies.networking.k8s.io",
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "door", "namespace": "elsewhere"},
            "spec": {"podSelector": {}},
        },
    )
    other = copy.deepcopy(door.object) | {"spec": {"podSelector": {}, "ingress": [{}]}}
    key = Key("jobs.batch", "space", "visitor")
    recording.sessions.append(
        [
            Step("create", door.key, door.object, START, frames=[Frame(0.1, [door])]),
            Step("create", key, visitor, START + 9, frames=[Frame(0.1, [entry("jobs.batch", visitor)])]),
            Step("update", door.key, other, START + 20, frames=[Frame(0.1, [Entry(door.key, other)])]),
        ]
    )
    world = World(recording)
    with pytest.raises(NotRecorded, match="door in elsewhere was as the notebook has it"):
        world.change("create", key, visitor)
    world.change("create", door.key, door.object)
    world.change("create", key, visitor)
    world.change("delete", key, None)
    world.change("update", door.key, other)
    with pytest.raises(NotRecorded, match="door in elsewhere"):
        world.change("create", key, visitor)


def test_the_numbers_of_a_history_count_what_is_done_here(tmp_path: Path) -> None:
    """As a live cluster counts: each undo goes back to the one before, and that gets the next number."""
    folder = next(ROOT.glob("chapters/09-*"))
    reader = Reader(tmp_path, read(next(folder.glob("recordings/2-*.cluster.json.xz"))))
    release, on = (
        (folder / "manifests" / "probed.yaml").read_text(),
        "-n flights-release deployment/predictions",
    )
    reader("create namespace flights-release")
    reader(f"apply -n flights-release -f {folder}/manifests/champions.yaml")
    reader("wait -n flights-release --for=condition=complete job/champions --timeout=60s")
    reader(f"apply -n flights-release -f {folder}/manifests/service.yaml")

    def history() -> list[tuple[str, str]]:
        while reader.world.tick("flights-release"):
            pass
        now = reader(f"get {on} -o jsonpath={{.metadata.annotations.deployment\\.kubernetes\\.io/revision}}")
        lines = reader(f"rollout history {on}").strip().splitlines()[2:]
        assert lines[-1].split()[0] == now
        return [(line.split()[0], line.split()[-1]) for line in lines]

    for version in ("2013-07-baf3248e5b31", "2013-08-aa85bd8bd892", "2013-09-0123456789ab"):
        text = release.replace("2013-07-baf3248e5b31", version).replace("2013-07", version[:7])
        said = reader("apply -n flights-release -f -", text)
        assert "deployment.apps/predictions" in said, said
        found = history()
    assert found == [("1", "2013-07"), ("2", "2013-08"), ("3", "2013-09")]
    for number in (4, 6):
        assert "rolled back" in reader(f"rollout undo {on}")
        assert history()[1:] == [(str(number - 1), "2013-09"), (str(number), "2013-08")]
        assert "rolled back" in reader(f"rollout undo {on}")
        assert history()[1:] == [(str(number), "2013-08"), (str(number + 1), "2013-09")]
    reader.server.shutdown()


def test_a_claim_is_as_whoever_wrote_to_it_has_left_it_and_a_new_one_is_empty() -> None:
    claim, there = Key("persistentvolumeclaims", "space", "models"), {"kind": "PersistentVolumeClaim"}
    there = {**there, "metadata": {"name": "models", "namespace": "space"}, "spec": {}}
    job_key = Key("jobs.batch", "space", "december")

    def mounting(read_only: bool) -> dict[str, Any]:
        made = job()
        spec = made["spec"]["template"]["spec"]
        spec["containers"][0]["volumeMounts"] = [{"name": "x", "mountPath": "/s", "readOnly": read_only}]
        spec["volumes"] = [{"name": "x", "persistentVolumeClaim": {"claimName": "models"}}]
        return made

    state = State({claim: Entry(claim, there, [])})
    empty = state.context(job_key, mounting(False))["content of models"]
    state.mount(job_key, mounting(True))
    assert state.context(job_key, mounting(False))["content of models"] == empty
    state.mount(job_key, mounting(False))
    assert state.context(job_key, mounting(False))["content of models"] != empty
    state.apply(Frame(0.0, [], [claim]))
    state.apply(Frame(0.0, [Entry(claim, there, [])], []))
    assert state.context(job_key, mounting(False))["content of models"] == empty


def trainjob(name: str, **spec: Any) -> dict[str, Any]:
    """Return a training of Kubeflow Trainer's, whose Pods have the form `form`."""
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": name, "namespace": "space", "uid": f"uid-{name}"},
        "spec": {"runtimeRef": {"name": "form", "kind": "TrainingRuntime"}, **spec},
    }


def runtime(*volumes: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a training's Pods."""
    mounts = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    pods = {"containers": [{"name": "node", "image": "x", "volumeMounts": mounts}], "volumes": list(volumes)}
    job = {"name": "node", "template": {"spec": {"template": {"spec": pods}}}}
    return {
        "kind": "TrainingRuntime",
        "metadata": {"name": "form", "namespace": "space", "uid": "uid-form"},
        "spec": {"mlPolicy": {"numNodes": 2}, "template": {"spec": {"replicatedJobs": [job]}}},
    }


def test_a_training_depends_on_the_form_of_its_pods_and_on_what_that_refers_to() -> None:
    form = entry(RUNTIMES[0], runtime({"name": "code", "configMap": {"name": "code"}}))
    code = {"kind": "ConfigMap", "metadata": {"name": "code", "namespace": "space"}, "data": {"a": "1"}}
    state = State({each.key: each for each in (form, entry("configmaps", code))})
    key, thing = Key(TRAINJOBS, "space", "two"), trainjob("two")
    before = state.context(key, thing)
    assert before.keys() >= {f"{RUNTIMES[0]} form", "configmaps code"}
    state.apply(Frame(0.0, [entry("configmaps", {**code, "data": {"a": "2"}})]))
    assert state.context(key, thing)["configmaps code"] != before["configmaps code"]
    # While it runs, neither the form nor the code changes without having been seen; when it has ended, both do.
    state.apply(Frame(0.0, [entry(TRAINJOBS, thing)]))
    assert not state.needs_no_recording("update", form.key)
    assert not state.needs_no_recording("update", Key("configmaps", "space", "code"))
    state.apply(
        Frame(
            0.0,
            [entry(TRAINJOBS, {**thing, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})],
        )
    )
    assert state.needs_no_recording("update", form.key)
    # A claim in the form is written to by the training.
    state.apply(
        Frame(0.0, [entry(RUNTIMES[0], runtime({"name": "s", "persistentVolumeClaim": {"claimName": "s"}}))])
    )
    state.mount(key, thing)
    assert state.context(key, thing)["content of s"] == digest(thing)


def test_a_training_goes_with_all_that_was_made_for_it() -> None:
    def owned(kind: str, resource: str, name: str, owner: str, **more: Any) -> Entry:
        metadata = {"name": name, "namespace": "space", "uid": f"uid-{name}"}
        metadata |= {"ownerReferences": [{"kind": "x", "name": owner, "uid": f"uid-{owner}"}]}
        return entry(resource, {"kind": kind, "metadata": metadata | more.pop("metadata", {}), **more})

    made = [
        owned("JobSet", "jobsets.jobset.x-k8s.io", "two-jobset", "two"),
        owned("Job", "jobs.batch", "two-node-0", "two-jobset"),
        owned("Pod", "pods", "two-node-0-0-abcde", "two-node-0", metadata={"labels": {"set": "two"}}),
        owned("Service", "services", "two-service", "two-jobset", spec={"selector": {"set": "two"}}),
    ]
    there = [entry(TRAINJOBS, trainjob("two")), entry(RUNTIMES[0], runtime()), *made]
    state, key = State({each.key: each for each in there}), Key(TRAINJOBS, "space", "two")
    # The Service leads to nobody else's Pods, and another training does not depend on it.
    assert state.needs_no_recording("delete", key)
    assert not any(
        name.startswith("services") for name in state.context(key._replace(name="three"), trainjob("three"))
    )
    # All of it belongs to the making of the training.
    step = Step("create", key, trainjob("two"), START)
    things = {each.object["metadata"]["uid"]: each.object for each in there}
    session([], [step], [(START + n, each, each.key) for n, each in enumerate(made, 1)], things)
    assert [each.put[0].key.resource for each in step.frames] == [each.key.resource for each in made]


def test_a_training_in_other_words() -> None:
    filled = trainjob("two", suspend=False, managedBy="trainer.kubeflow.org/trainjob-controller")
    filled["spec"]["runtimeRef"]["apiGroup"] = "trainer.kubeflow.org"
    assert digest(filled) == digest(trainjob("two"))
    assert digest(trainjob("two", trainer={"numNodes": 3})) != digest(trainjob("two"))
    full = runtime()
    full["spec"]["template"]["spec"]["replicatedJobs"][0] |= {"replicas": 1, "groupName": "default"}
    assert digest(full) == digest(runtime())


def test_what_a_pod_is_called_here_stands_in_later_steps() -> None:
    recording = recorded()
    (_, killed, *_), key = recording.sessions[0], Key("jobs.batch", "space", "december")
    labelled = job(JOB.replace("metadata: {name: december", "metadata: {annotations: {a: b}, name: december"))
    labelled["spec"]["suspend"] = True
    other = copy.deepcopy(killed)
    other.frames[1].put[0] = pod("december-zzzzz", "Pending")
    other.frames = other.frames[:2]
    ended = pod("december-zzzzz", "Succeeded")
    suspended = Step(
        "update", key, labelled, START + 50, [pod("december-zzzzz", "Pending")], [Frame(0.1, [ended])]
    )
    recording.sessions.append([other, suspended])
    world = World(recording)
    world.change("create", key, job())
    while world.tick("space"):
        pass
    world.change("update", key, labelled)
    names = [each.key.name for each in world.of("pods", "space")]
    assert names == ["december-abcde"], "a Pod keeps the name under which the reader knows it"


def test_a_pod_that_somebody_deletes_is_known_by_its_part_and_not_by_its_name() -> None:
    recording = recorded()
    (_, killed, *_) = recording.sessions[0]
    gone, comes = pod("december-zzzzz", "Pending"), pod("december-yyyyy", "Running")
    del killed.frames[2:]
    for each in (killed.frames[1].put[0], gone, comes):
        each.object["metadata"]["generateName"] = "december-"
    other = copy.deepcopy(killed)
    other.frames = [other.frames[0], Frame(2, [gone])]
    deleted = Step("delete", gone.key, None, START + 50, [gone], [Frame(0.1, [comes], [gone.key])])
    recording.sessions.append([other, deleted])
    world = World(recording)
    world.change("create", killed.key, job())
    world.tick("space")
    assert [each.key.name for each in world.of("pods", "space")] == ["december-abcde"]
    world.change("delete", Key("pods", "space", "december-abcde"), None)
    assert [each.key.name for each in world.of("pods", "space")][-1] == "december-yyyyy"


def test_what_comes_after_a_deleted_pod_belongs_to_its_deletion() -> None:
    old, new = pod("december-abcde", "Running"), pod("december-fghij", "Pending")
    things = {each["metadata"]["uid"]: each for each in (job(), old.object, new.object)}
    made = Step("create", Key("jobs.batch", "space", "december"), job(), START)
    deleted = Step("delete", old.key, None, START + 10)
    deltas = [
        (START + 0.1, entry("jobs.batch", job()), made.key),
        (START + 1, old, old.key),
        (START + 10.1, None, old.key),
        (START + 11, new, new.key),
    ]
    assert session([], [made, deleted], deltas, things) == [made, deleted]
    assert [each.put for each in made.frames] == [[deltas[0][1]], [old]]
    assert [(each.put, each.gone) for each in deleted.frames] == [([], [old.key]), ([new], [])]


def test_what_is_here_under_its_own_name_plays_its_own_part() -> None:
    owner = [{"kind": "Deployment", "name": "predictions", "uid": "d"}]

    def release(name: str, hour: int) -> Entry:
        metadata = {"name": name, "namespace": "space", "uid": name, "ownerReferences": owner}
        metadata["creationTimestamp"] = written(START + 3600 * hour)
        return entry("replicasets.apps", {"kind": "ReplicaSet", "metadata": metadata})

    old, new, other = release("old", 1), release("new", 2), release("other", 3)
    recording = recorded()
    recording.base += [old, new]
    key = Key("deployments.apps", "space", "predictions")
    # Its frames touch the newer one only; that is not the older one by another name.
    assert World(recording)._names(Step("update", key, {}, START, before=[new])) == {}
    assert World(recording)._names(Step("update", key, {}, START, before=[new, other])) == {"other": "old"}


def test_the_class_of_a_claim_stays() -> None:
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "store", "namespace": "space"}}
    there = entry("persistentvolumeclaims", {**claim, "spec": {"storageClassName": "fast"}})
    recording = recorded()
    recording.base.append(there)
    with pytest.raises(Refused, match="spec is immutable after creation"):
        World(recording).change("update", there.key, {**claim, "spec": {"storageClassName": "standard"}})


def test_what_somebody_makes_by_hand_belongs_to_itself_whoever_owns_it() -> None:
    cron = {"kind": "CronJob", "metadata": {"name": "monthly", "namespace": "space", "uid": "cron-uid"}}
    owner = {"kind": "CronJob", "name": "monthly", "uid": "cron-uid"}
    by_hand = job()
    by_hand["metadata"]["ownerReferences"] = [owner]
    running = pod("december-abcde", "Running")
    things = {each["metadata"]["uid"]: each for each in (cron, by_hand, running.object)}
    first = Step("create", Key("cronjobs.batch", "space", "monthly"), cron, START)
    second = Step("create", Key("jobs.batch", "space", "december"), by_hand, START + 10)
    deltas = [
        (START + 0.1, entry("cronjobs.batch", cron), first.key),
        (START + 10.1, entry("jobs.batch", by_hand), second.key),
        (START + 11, running, running.key),
    ]
    session([], [first, second], deltas, things)
    assert [len(each.frames) for each in (first, second)] == [1, 2]
    # One that the CronJob makes by itself belongs to the CronJob.
    first.frames.clear()
    session([], [first], deltas, things)
    assert len(first.frames) == 3


@pytest.mark.parametrize(("account", "whose"), [("gate", 1), ("default", 0)])
def test_a_program_with_an_account_of_its_own_may_have_changed_others(account: str, whose: int) -> None:
    key = Key("deployments.apps", "space", "predictions")
    old = {"kind": "Deployment", "metadata": {"name": key.name, "namespace": "space", "uid": "d"}}
    new = {**old, "spec": {"replicas": 2}}
    program = job()
    program["spec"]["template"]["spec"]["serviceAccountName"] = account
    steps = [
        Step("create", key, old, START),
        Step("create", Key("jobs.batch", "space", "december"), program, START + 10),
    ]
    session([], steps, [(START + 20, entry("deployments.apps", new), key)], {"d": old})
    assert [len(each.frames) for each in steps] == [1 - whose, whose]


def test_who_asks_a_service_waits_for_its_first_answer(kubectl: Reader) -> None:
    answer = {"status": 200, "body": "July", "metadata": {"name": "services/counter:80/proxy/champion"}}
    (_, killed, *_) = kubectl.world.recording.sessions[0]
    key = Key("answers", "space", answer["metadata"]["name"])  # type: ignore[index]
    killed.frames[2].put.append(Entry(key, answer))
    kubectl("apply -f -", JOB)
    assert "knows no answer" in kubectl(
        "get --raw /api/v1/namespaces/space/services/counter:80/proxy/predict"
    )
    assert kubectl("get --raw /api/v1/namespaces/space/services/counter:80/proxy/champion") == "July"


def test_what_was_wished_for_and_is_not_known_is_kept_for_a_check() -> None:
    world, key = World(recorded()), Key("jobs.batch", "space", "december")
    other = yaml.safe_load(JOB.replace("400Mi", "900Mi"))
    for dry_run in (True, False):
        with pytest.raises(NotRecorded):
            world.change("create", key, other, dry_run)
        assert world.unknown == ({} if dry_run else {key: ("create", other)})
    world.change("create", key, job())
    assert world.unknown == {}


def test_a_recorded_refusal_changes_nothing() -> None:
    world = World(recorded())
    with pytest.raises(Refused, match="less than or equal"):
        world.change(
            "create", Key("jobs.batch", "space", "december"), yaml.safe_load(JOB.replace("300Mi", "2Gi"))
        )
    assert not world.of("jobs.batch")
    assert not world.history


# --- what objects mean


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("limits: {memory: 400Mi}", "limits: {memory: 409600Ki}"),
        ("backoffLimit: 1", "backoffLimit: 1\n  completions: 1\n  suspend: false"),
        ("image: pipelines-for-humans/python:0.1.0", "image: docker.io/pipelines-for-humans/python:0.1.0"),
        (
            "restartPolicy: Never",
            "restartPolicy: Never\n      terminationGracePeriodSeconds: 30\n      dnsPolicy: ClusterFirst",
        ),
        ("namespace: space,", "namespace: space, annotations: {note: mine},"),
        (", labels: {run: december}}\nspec", "}\nspec"),  # a Job without labels gets those of its Pods
    ],
)
def test_other_words_for_the_same(one: str, other: str) -> None:
    assert one in JOB
    mine, theirs = yaml.safe_load(JOB), yaml.safe_load(JOB.replace(one, other))
    assert differences(essence(mine), essence(theirs)) == []
    assert digest(mine) == digest(theirs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("memory: 400Mi", "memory: 400M"),
        ("backoffLimit: 1", "backoffLimit: 0"),
        ("requests: {memory: 300Mi}, ", ""),
        ("labels: {run: december}}\n    spec", "labels: {run: november}}\n    spec"),
        ("restartPolicy: Never", "restartPolicy: OnFailure"),
        ('"2013-12"', '"2013-12", "--sample", "10"'),
    ],
)
def test_words_that_mean_something_else(one: str, other: str) -> None:
    assert one in JOB
    assert digest(yaml.safe_load(JOB)) != digest(yaml.safe_load(JOB.replace(one, other)))


def test_what_the_server_fills_in_where_a_policy_or_a_class_is_not_named() -> None:
    policy = "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [1]}}]}"
    mine = yaml.safe_load(JOB.replace("backoffLimit: 1", f"backoffLimit: 1\n  {policy}"))
    theirs = copy.deepcopy(mine)
    theirs["spec"]["podReplacementPolicy"] = "Failed"
    assert digest(mine) == digest(theirs)
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "models"}, "spec": {}}
    assert digest(claim) == digest({**claim, "spec": {"storageClassName": "standard"}})


def test_what_a_policy_lets_in() -> None:
    def policy(rule: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "NetworkPolicy", "metadata": {"name": "door"}, "spec": {"ingress": [rule]}}

    desk = {"podSelector": {"matchLabels": {"app": "desk"}}}
    one = policy({"from": [desk], "ports": [{"port": 80}]})
    assert digest(one) == digest(policy({"from": [desk], "ports": [{"port": 80, "protocol": "TCP"}]}))
    from_anywhere = policy({"from": [{**desk, "namespaceSelector": {}}], "ports": [{"port": 80}]})
    assert digest(one) != digest(from_anywhere)
    assert digest(policy({"from": [{"podSelector": {}}]})) != digest(policy({}))


def test_services_and_secrets_mean_the_same_too() -> None:
    service = {
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]},
    }
    given = copy.deepcopy(service)
    given["spec"] |= {
        "clusterIP": "10.96.0.9",
        "clusterIPs": ["10.96.0.9"],
        "ipFamilies": ["IPv4"],
        "type": "ClusterIP",
    }
    given["spec"]["ports"] = [{"port": 80, "targetPort": 80, "protocol": "TCP"}]
    assert digest(service) == digest(given)
    headless = {**service, "spec": {**service["spec"], "clusterIP": "None"}}
    assert digest(service) != digest(headless)
    plain = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    assert digest(plain) == digest(
        {"kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "Yg=="}}
    )


def test_patches() -> None:
    thing = yaml.safe_load(JOB)
    strategic = {"spec": {"template": {"spec": {"containers": [{"name": "train", "image": "new"}]}}}}
    made = patched(thing, "application/strategic-merge-patch+json", strategic)
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["args"]) == ("new", ["2013-12"])
    gone = {"spec": {"template": {"spec": {"containers": [{"name": "train", "$patch": "delete"}]}}}}
    assert (
        patched(thing, "application/strategic-merge-patch+json", gone)["spec"]["template"]["spec"][
            "containers"
        ]
        == []
    )
    merged = patched(thing, "application/merge-patch+json", {"spec": {"backoffLimit": None}})
    assert "backoffLimit" not in merged["spec"]
    operations = [
        {"op": "test", "path": "/spec/backoffLimit", "value": 1},
        {"op": "replace", "path": "/spec/backoffLimit", "value": 4},
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--sample"},
        {"op": "remove", "path": "/metadata/labels/run"},
    ]
    made = patched(thing, "application/json-patch+json", operations)
    assert made["spec"]["backoffLimit"] == 4
    assert made["spec"]["template"]["spec"]["containers"][0]["args"] == ["2013-12", "--sample"]
    assert made["metadata"]["labels"] == {}
    assert thing == yaml.safe_load(JOB), "the object itself stays as it was"
    for bad in (
        [{"op": "remove", "path": "/spec/none"}],
        [{"op": "test", "path": "/spec/backoffLimit", "value": 2}],
    ):
        with pytest.raises(PatchError):
            patched(thing, "application/json-patch+json", bad)


def test_selectors() -> None:
    thing = {
        "metadata": {"name": "a", "labels": {"app": "x", "tier": "front"}},
        "status": {"phase": "Running"},
    }
    for labels in ("app=x", "app==x,tier", "app in (x, y)", "app notin (z)", "!other", "app!=y", ""):
        assert selector(labels, "")(thing), labels
    for labels in ("app=y", "!app", "app in (y)", "app notin (x)", "other"):
        assert not selector(labels, "")(thing), labels
    assert selector("", "metadata.name=a,status.phase!=Failed")(thing)
    assert not selector("", "status.phase=Failed")(thing)
    for bad in ("a=b=c", "app x"):
        with pytest.raises(SelectorError):
            selector(bad, "")


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"),
     (10_800, "3h"), (11_000, "3h3m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (180_000, "2d2h"),
     (700_000, "8d"), (63_072_000, "2y"), (70_000_000, "2y80d")],
)  # fmt: skip
def test_lengths_of_time_as_kubectl_says_them(length: int, said: str) -> None:
    assert duration(length) == said


def test_only_times_of_the_cluster_are_moved() -> None:
    text = f'"{written(START)}" and {written(START)[:-1]}.123456Z, but not 2013-09-12T21:30:00Z'
    moved = shifted(text, START, 60)
    assert (
        moved
        == f'"{written(START + 60)}" and {written(START + 60)[:-1]}.123456Z, but not 2013-09-12T21:30:00Z'
    )


def test_who_does_not_wait_for_the_end_is_not_told_of(
    kubectl: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    request = b"GET /api/v1/namespaces/space/pods HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", kubectl.server.server_port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(request * 3)
            time.sleep(0.02)
    time.sleep(0.3)
    assert "Exception" not in capfd.readouterr().err


def test_two_notebooks_at_once_have_a_cluster_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_WORK", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setattr(serve, "_servers", {})
    led: list[str] = []
    for sitting in ("08-1", "08-2"):
        serve.serve(sitting)
        led.append(os.environ["KUBECONFIG"])
        assert at_recorded_cluster()
    addresses = [json.loads(Path(each).read_text())["clusters"][0]["cluster"]["server"] for each in led]
    assert addresses == [server.address for server in serve._servers.values()]
    assert len(set(addresses)) == 2


def test_a_cluster_without_what_a_sitting_asks_for_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    served = ["/readyz"]
    monkeypatch.setattr(serve, "_live_serves", lambda path: path in served)
    assert serve.live_answers("08-1")
    assert not serve.live_answers("15-3")
    assert serve.what_the_live_one_lacks("15-3") == "trainer.kubeflow.org/v1alpha1"
    served.append("/apis/trainer.kubeflow.org/v1alpha1")
    assert serve.live_answers("15-3")
    served.clear()
    assert not serve.live_answers("08-1")
    assert serve.what_the_live_one_lacks("15-3") == ""


def test_a_huge_log_is_answered(kubectl: Reader) -> None:
    line = f"{written(START)} a line of a program that prints too much\n"
    kubectl.world.recording.logs = dict.fromkeys(kubectl.world.recording.logs, line * 200_000)
    kubectl("apply -f -", JOB)
    kubectl("wait -n space --for=condition=failed job/december --timeout=60s")
    name = kubectl("get pods -n space -o name").splitlines()[0]
    assert len(kubectl(f"logs -n space {name}").splitlines()) == 200_000
    assert len(kubectl(f"logs -n space {name} --tail=3").splitlines()) == 3


# --- what lies on disk


def test_a_recording_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "recordings" / "1-x.cluster.json.xz"
    write(recorded(), path)
    first = path.read_bytes()
    assert read(path) == recorded()
    write(read(path), path)
    assert path.read_bytes() == first


def test_damaged_recordings_are_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "1-x.cluster.json.xz"
    write(recorded(), path)
    whole = path.read_bytes()
    other = lzma.compress(json.dumps(json.loads(lzma.decompress(whole)) | {"format": 99}).encode())
    for content, says in (
        (whole[: len(whole) // 2], "is damaged|cannot be read"),
        (b"", "is damaged|cannot be read"),
        (lzma.compress(b"{}"), "is damaged"),
        (b"<<<<<<< HEAD", "is damaged"),
        (other, "has the format 99"),
    ):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=says):
            read(path)
    path.unlink()
    with pytest.raises(RecordingError, match="cannot be read"):
        read(path)
    with pytest.raises(RecordingError, match="missing or damaged"):
        Definitions.read(path)


def test_nonsense_in_protobuf() -> None:
    messages = Definitions.read().messages
    for content in (b"", b"k8s\x00", b"k8s\x00\xff\xff", b"{}"):
        with pytest.raises(ProtobufError):
            decoded(messages, content)
