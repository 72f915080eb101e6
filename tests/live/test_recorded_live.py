"""Fifty reading commands, asked of the book's cluster and of a recording of it. ``make test-cluster`` runs it.

Their answers are the same, byte by byte, but for ages and times, for uids and numbers of versions, and for the blanks
that an age of another length leaves in a table.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.environment import kubeconfig_of

pytestmark = pytest.mark.skipif("TEST_CLUSTER" not in os.environ, reason="needs a cluster: make test-cluster")
NAMESPACE = "flights-reads"
OBJECTS = Path(__file__).with_name("reads.yaml")

# What tells of all namespaces.
WHOLE = ("get pods -A", "get pv", "get namespaces", "describe node")
READS = """\
get pods
get pods -o wide
get pods --show-labels
get pods -l run=february
get pods -l run in (january,february) -o name
get pods -l !run
get pods --field-selector status.phase=Failed
get pods --sort-by=.metadata.name -o custom-columns=NAME:.metadata.name,PHASE:.status.phase
get pods -o jsonpath={range .items[*]}{.metadata.name}={.status.phase}{"\\n"}{end}
get pods -o go-template={{range .items}}{{.metadata.name}}{{end}}
get pods -l run=february -o yaml
get pods -l run=january -o json
get pods -A
get pod nobody
get all
get jobs
get jobs -o wide
get job february -o yaml
get job,cronjob
get cronjobs
get deployments -o wide
get deploy files -o yaml
get replicasets
get rs -o wide
get services
get svc files -o yaml
get endpointslices
get pvc
get pv
get storageclass
get configmap run -o yaml
get secrets
get secret registry -o jsonpath={.data.TOKEN}
get serviceaccounts
get roles,rolebindings
get role promoter -o yaml
get quota
get nodes
get nodes -o wide
get namespaces
get widgets
describe job february
describe job january
describe pod -l run=february
describe pod huge
describe deployment files
describe service files
describe configmap run
describe secret registry
describe quota team
describe pvc models
describe node
describe role promoter
describe cronjob monthly
logs -l run=february --tail=-1
logs job/january
logs -l run=january --prefix --tail=1
logs huge
logs deployment/none
events --for pod/huge
get events --field-selector reason=FailedScheduling
auth can-i patch configmap/run --as=system:serviceaccount:flights-reads:promoter
auth can-i delete pods --as=system:serviceaccount:flights-reads:promoter
auth can-i --list --as=system:serviceaccount:flights-reads:promoter
get pods --as=system:serviceaccount:flights-reads:promoter
get secrets --as=system:serviceaccount:flights-reads:promoter
explain job.spec.podFailurePolicy
explain deployment.spec.strategy --recursive
api-resources --api-group=batch
api-versions
rollout status deployment/files
rollout history deployment/files
get --raw /api/v1/namespaces/flights-reads/services/files:80/proxy/nothing-here
wait --for=condition=complete job/february
diff -f -""".splitlines()

MASKS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\b(\d+[dhms]){1,2}\b", "AGE"),
    (r'("?resourceVersion"?: )"\d+"', r"\1N"),
    (r'"(resourceVersion)":"\d+"', r"\1 N"),
    (r" {2,}", "  "),
)


class Clusters:
    """The real cluster behind a recorder, and then its recording."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ask(self, server: str, *arguments: str, stdin: str | None = None) -> str:
        config = self.folder / f"config-{server.rpartition(':')[2]}"
        config.write_text(kubeconfig_of(server))
        environment = {**os.environ, "KUBECONFIG": str(config), "KUBECACHEDIR": f"{config}-cache"}
        done = subprocess.run(
            ["kubectl", "-n", NAMESPACE, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
        )
        return done.stdout + done.stderr

    def set_up(self, server: str) -> None:
        """Bring a cluster to where it is asked."""
        made = self.ask(server, "create", "namespace", NAMESPACE)
        made += self.ask(server, "apply", "-f", str(OBJECTS))
        assert "rror" not in made, made
        for condition, what in (("complete", "february"), ("failed", "january")):
            said = self.ask(server, "wait", f"--for=condition={condition}", f"job/{what}", "--timeout=600s")
            assert said.endswith("condition met\n"), said
        said = self.ask(server, "rollout", "status", "deployment/files", "--timeout=300s")
        assert "successfully rolled out" in said, said
        self.ask(
            server, "get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/files:80/proxy/nothing-here"
        )


def masked(text: str) -> str:
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


def split(line: str) -> list[str]:
    """Return a command's arguments: what stands in braces or brackets is one."""
    return re.findall(r"(?:\{.*\}|\([^)]*\)|run in \([^)]*\)|\S)+", line)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, str]]]:
    from authoring.record import recorder_of
    from companion.recorded.definitions import Definitions
    from companion.recorded.recording import read, write
    from companion.recorded.server import Server
    from companion.recorded.world import World

    clusters = Clusters(tmp_path_factory.mktemp("reads"))
    kept = os.environ.get("KEEP_READS")
    path = clusters.folder / "1-reads.cluster.json.xz"
    with recorder_of((NAMESPACE,)) as recorder:
        clusters.set_up(recorder.address)
        time.sleep(10)  # what is still to come of it comes
        live = {
            line: clusters.ask(recorder.address, *split(line), stdin=OBJECTS.read_text()) for line in READS
        }
        write(recorder.stop(), path)
    server = Server(World(read(path)), Definitions.read()).start()
    clusters.set_up(server.address)
    while server.world.tick(NAMESPACE):
        pass
    found = {
        line: (live[line], clusters.ask(server.address, *split(line), stdin=OBJECTS.read_text()))
        for line in READS
    }
    if kept:
        Path(kept).write_text(json.dumps(found, indent=1))
    yield found
    server.shutdown()


@pytest.mark.parametrize("line", READS)
def test_a_recorded_cluster_answers_as_the_real_one(answers: dict[str, tuple[str, str]], line: str) -> None:
    live, recorded = map(masked, answers[line])
    if line in WHOLE and "kubeflow" in answers["get namespaces"][0]:
        pytest.skip("A recording holds of the cluster what its sitting uses, and Kubeflow is there besides.")
    assert recorded == live
