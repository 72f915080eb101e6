"""The cluster's commands, on stand-ins for docker, kind and kubectl (fixtures/cluster/stand_in.py)."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from companion import causes
from companion.cluster import diagnose, install, lifecycle, manifests, settings, shell
from companion.image import short_name
from companion.ports import free_port

ROOT = Path(__file__).parents[1]
CAPTURES = Path(__file__).parent / "fixtures" / "cluster" / "captures"
NODE_TAG = settings.NODE_IMAGE.split("@")[0]
# What depends on the machine that runs the tests is looked at in tests of its own.
SAME_EVERYWHERE = """
import platform, sys
from companion import doctor
from companion.cluster import __main__, install, lifecycle, preflight, verify
platform.machine = lambda: "x86_64"
preflight.KUBEFLOW_INOTIFY = preflight.PLAIN_INOTIFY = {}
preflight.PLAIN_DISK = preflight.KUBEFLOW_DISK = 0
install.INTERVAL = 0.01
"""
PRODUCTION = "apiVersion: v1\nkind: Config\ncurrent-context: production\n"
# They change nothing, wherever they are sent.
QUESTIONS = {("docker", word) for word in ("info", "context", "ps", "image", "inspect")}
QUESTIONS |= {("kind", "version"), ("kubectl", "version"), ("kubectl", "kustomize")}
QUESTIONS |= {("kubectl", "--request-timeout=30s", word) for word in ("get", "version", "logs", "describe")}


def captured(name: str) -> str:
    return (CAPTURES / f"{name}.txt").read_text().split("\n", 1)[1].rsplit("\n[exit", 1)[0]


def is_question(call: list[str]) -> bool:
    words = [word for word in call if word not in ("-n", "kubeflow", "kube-system", "default")]
    return tuple(words[:2]) in QUESTIONS or tuple(words[:3]) in QUESTIONS


class Machine:
    """A copy of the repository beside stand-ins, with a user who has a kubeconfig for production."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.home = folder / "home"
        self.stand_ins = folder / "stand-ins"
        for name in ("src", "cluster-setup"):
            shutil.copytree(ROOT / name, self.repository / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", self.repository)
        self.ports = [free_port(), free_port()]
        config = self.repository / "cluster-setup" / "kind.yaml"
        text = config.read_text()
        for old, new in zip(settings.PORTS.values(), self.ports, strict=True):
            text = text.replace(f"hostPort: {old}", f"hostPort: {new}")
        config.write_text(text)
        self.stand_ins.mkdir()
        script = Path(__file__).parent / "fixtures" / "cluster" / "stand_in.py"
        for name in ("docker", "kind", "kubectl"):
            path = self.stand_ins / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{script}" {name} "$@"\n')
            path.chmod(0o755)
        self.production = self.home / ".kube" / "config"
        self.production.parent.mkdir(parents=True)
        self.production.write_text(PRODUCTION)
        self.pretend(nodes={}, images=[settings.NODE_IMAGE], info={"CgroupVersion": "2"})

    def pretend(self, **what: Any) -> None:
        """Change what the stand-ins pretend."""
        world = self.stand_ins / "world.json"
        world.write_text(json.dumps(self.world() | what))

    def world(self) -> dict[str, Any]:
        path = self.stand_ins / "world.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": str(self.stand_ins / "bin"),  # and nothing else: podman may be there as well
            "HOME": str(self.home),
            "KUBECONFIG": str(self.production),
            "PYTHONPATH": str(self.repository / "src"),
            "STAND_INS": str(self.stand_ins),
            **more,
        }

    def command(self, *arguments: str, patch: str = "") -> list[str]:
        module, arguments = (
            ("doctor", ("--cluster",)) if arguments == ("preflight",) else ("__main__", arguments)
        )
        code = f"{SAME_EVERYWHERE}\n{patch}\nsys.argv[1:] = {list(arguments)}\nsys.exit({module}.main())"
        return [sys.executable, "-c", code]

    def run(self, *arguments: str, patch: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments, patch=patch),
            cwd=self.repository,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def calls(self) -> list[list[str]]:
        path = self.stand_ins / "calls.log"
        return [json.loads(line)["call"] for line in path.read_text().splitlines()] if path.exists() else []

    def changes(self) -> list[list[str]]:
        """Return the calls that changed something."""
        return [call for call in self.calls() if not is_question(call)]

    @property
    def state(self) -> Path:
        return self.repository / "build" / "cluster"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Return what was said; a refusal is a few sentences without a traceback."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert 0 < len(done.stderr.strip().splitlines()) <= 6
    return done.stderr


# --- create


def test_create_makes_the_cluster_and_a_kubeconfig_of_its_own(machine: Machine) -> None:
    said = ok(machine.run("create"))
    assert "The cluster is there: one node" in said
    (change,) = machine.changes()
    assert change[:3] == ["kind", "create", "cluster"]
    assert settings.NODE_IMAGE in change
    config = (machine.state / "kind.yaml").read_text()
    assert "worker" not in config
    assert config.count("listenAddress: 127.0.0.1") == 2
    assert "apiServerAddress: 127.0.0.1" in config
    assert (machine.state / "kubeconfig").exists()
    assert json.loads((machine.state / "cluster.json").read_text())["nodes"].keys() == {
        "pipelines-control-plane"
    }


def test_create_again_changes_nothing(machine: Machine) -> None:
    ok(machine.run("create"))
    before = machine.changes()
    assert "is there already" in ok(machine.run("create"))
    assert machine.changes() == before


def test_workers_are_added_at_the_start_or_not_at_all(machine: Machine) -> None:
    ok(machine.run("create", "--workers", "2"))
    assert len(machine.world()["nodes"]) == 3
    assert "make cluster-up WORKERS=1" in refused(machine.run("create", "--workers", "1"))
    assert "is there already" in ok(machine.run("create", "--workers", "2"))


def test_nodes_that_stopped_with_the_engine_are_started(machine: Machine) -> None:
    ok(machine.run("create"))
    nodes = machine.world()["nodes"]
    nodes["pipelines-control-plane"]["state"] = "exited"
    machine.pretend(nodes=nodes)
    said = refused(
        machine.run("verify", patch="lifecycle.wait_for_nodes.__defaults__ = (1, 'make cluster-up')")
    )
    assert "was refused" in said
    assert "make cluster-up" in said
    ok(machine.run("create"))
    assert ["docker", "start", "pipelines-control-plane"] in machine.changes()


def test_an_image_without_its_digest_is_taken_as_an_archive_leaves_it(machine: Machine) -> None:
    machine.pretend(images=[NODE_TAG])
    assert "without its digest" in ok(machine.run("create"))
    (change,) = machine.changes()
    assert NODE_TAG in change


def test_an_image_that_is_not_there_is_fetched_by_digest(machine: Machine) -> None:
    machine.pretend(images=[])
    ok(machine.run("create"))
    assert machine.changes()[0] == ["docker", "pull", settings.NODE_IMAGE]


def test_another_image_is_taken_as_it_is_and_decides_on_kubectl(machine: Machine) -> None:
    machine.pretend(images=["kindest/node:v1.34.9"], info={"CgroupVersion": "1"})
    assert "kubectl" in refused(machine.run("create", "--node-image", "kindest/node:v1.34.9"))
    machine.pretend(kubectl="34")
    assert "Kubernetes 1.34 still takes" in ok(machine.run("create", "--node-image", "kindest/node:v1.34.9"))


# --- what goes wrong: a sentence, and a state from which the same command works


def works_afterwards(machine: Machine) -> None:
    assert "The cluster is there" in ok(machine.run("create"))
    assert len(machine.world()["nodes"]) == 1


def test_the_engine_does_not_run(machine: Machine) -> None:
    machine.pretend(engine="stopped")
    done = machine.run("create")
    assert "container engine" in refused(done)
    assert "LACKS  container engine  docker is installed, its engine does not answer" in done.stdout
    assert machine.changes() == []
    machine.pretend(engine="running")
    works_afterwards(machine)


def test_too_little_memory(machine: Machine) -> None:
    machine.pretend(info={"CgroupVersion": "2", "MemTotal": 2 * 10**9})
    done = machine.run("create")
    assert "memory" in refused(done)
    assert "the engine has 2.0 GB, 3.5 needed" in done.stdout
    assert machine.changes() == []
    machine.pretend(info={"CgroupVersion": "2"})
    works_afterwards(machine)


def test_a_port_is_taken(machine: Machine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.ports[0]))
        other.listen()
        done = machine.run("create")
    assert "ports" in refused(done)
    assert f"{machine.ports[0]} is taken" in done.stdout
    assert machine.changes() == []
    works_afterwards(machine)


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ("ERROR: failed to create cluster: write /var/lib: no space left on device", "disk is full"),
        (
            "ERROR: failed to create cluster: Bind for 127.0.0.1:8081 failed: port is already allocated",
            "hostPort",
        ),
        ("ERROR: failed to create cluster: could not find a log line that matches", "cgroups"),
        ("ERROR: something never seen before", "something never seen before"),
    ],
)
@pytest.mark.parametrize("cleans_up", [True, False])
def test_kind_fails(machine: Machine, says: str, named: str, cleans_up: bool) -> None:
    machine.pretend(**{"kind fails": says, "kind cleans up": cleans_up})
    assert named in refused(machine.run("create"))
    assert machine.world()["nodes"] == {}
    assert not (machine.state / "cluster.json").exists()
    machine.pretend(**{"kind fails": ""})
    works_afterwards(machine)


def test_a_pull_breaks_off(machine: Machine) -> None:
    machine.pretend(images=[], pull="error pulling image: unexpected EOF")
    said = refused(machine.run("create"))
    assert "run the same command again (what has arrived is kept)" in said.replace("\n", " ")
    assert not (machine.state / "cluster.json").exists()
    machine.pretend(pull="")
    works_afterwards(machine)


def test_a_run_that_was_killed_left_half_a_cluster(machine: Machine) -> None:
    machine.pretend(**{"kind hangs": True})
    process = start(machine, "create")
    until(lambda: machine.world()["nodes"])
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert json.loads((machine.state / "cluster.json").read_text()).keys() == {"engine", "port"}
    machine.pretend(**{"kind hangs": False})
    assert "was broken off" in ok(machine.run("create"))
    assert "is there already" in ok(machine.run("create"))


def test_half_a_cluster_can_be_removed_too(machine: Machine) -> None:
    machine.pretend(**{"kind hangs": True})
    process = start(machine, "create")
    until(lambda: machine.world()["nodes"])
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert "Removed" in ok(machine.run("destroy"))
    assert machine.world()["nodes"] == {}


def test_ctrl_c_removes_what_was_begun(machine: Machine) -> None:
    machine.pretend(**{"kind hangs": True})
    process = start(machine, "create")
    until(lambda: machine.world()["nodes"])
    assert "at work in this folder" in refused(machine.run("create"))  # a second one at once
    os.killpg(process.pid, signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped" in error
    assert "Traceback" not in said + error.replace(
        'Traceback (most recent call last):\n  File "<string>"', ""
    )
    assert machine.world()["nodes"] == {}
    machine.pretend(**{"kind hangs": False})
    works_afterwards(machine)


def start(machine: Machine, *arguments: str, patch: str = "", **more: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        machine.command(*arguments, patch=patch),
        cwd=machine.repository,
        env=machine.environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell lets what it starts in the background ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def until(reached: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if reached():
                return
        except ValueError:  # caught in the middle of a write
            pass
        time.sleep(0.02)
    raise AssertionError("never reached")


def test_two_commands_at_once(machine: Machine) -> None:
    machine.state.mkdir(parents=True)
    with FileLock(machine.state / ".lock"):
        for command in (["create"], ["destroy"], ["install-kfp"], ["load-image", "a:1"]):
            assert "Another cluster command is at work" in refused(machine.run(*command))
    assert machine.changes() == []
    works_afterwards(machine)


def test_the_state_cannot_be_written(machine: Machine) -> None:
    (machine.repository / "build").write_text("in the way")
    assert "build/cluster cannot be written" in refused(machine.run("create"))
    (machine.repository / "build").unlink()
    works_afterwards(machine)


def test_three_things_are_wrong_at_once(machine: Machine) -> None:
    machine.pretend(info={"CgroupVersion": "1", "MemTotal": 10**9}, kubectl="32")
    done = machine.run("create")
    said = refused(done)
    assert "3 things have to be mended first: memory, cgroups, kubectl." in said
    assert done.stdout.count("Fix: ") == 3
    assert machine.changes() == []


# --- other clusters


def foreign(machine: Machine) -> None:
    machine.pretend(nodes={"pipelines-control-plane": {"id": "f" * 64, "state": "running", "port": 1}})


@pytest.mark.parametrize("command", [["create"], ["destroy"], ["install-kfp"], ["load-image", "a:1"]])
def test_a_cluster_of_this_name_that_was_made_elsewhere_stays(machine: Machine, command: list[str]) -> None:
    foreign(machine)
    machine.pretend(images=["a:1"])
    assert "not made from this folder" in refused(machine.run(*command))
    assert machine.changes() == []


def test_it_stays_also_where_ours_was_replaced_by_it(machine: Machine) -> None:
    ok(machine.run("create"))
    before = machine.changes()
    foreign(machine)
    for command in ("create", "destroy", "install-kfp"):
        assert "not made from this folder" in refused(machine.run(command))
    assert machine.changes() == before


def test_one_made_elsewhere_in_the_same_moment_stays(machine: Machine) -> None:
    # kind finds nodes that were not there a moment ago: they are not what this run has to clear away.
    patch = (
        "import json, pathlib\n"
        "real = lifecycle.kind_config\n"
        "def meanwhile(*given):\n"
        "    world = pathlib.Path(STAND_INS, 'world.json')\n"
        "    nodes = {'pipelines-control-plane': {'id': 'f' * 64, 'state': 'running', 'port': 1}}\n"
        "    world.write_text(json.dumps(json.loads(world.read_text()) | {'nodes': nodes}))\n"
        "    return real(*given)\n"
        "lifecycle.kind_config = meanwhile\n"
    )
    said = refused(machine.run("create", patch=f"STAND_INS = {str(machine.stand_ins)!r}\n{patch}"))
    assert "node(s) already exist" in said
    assert machine.world()["nodes"].keys() == {"pipelines-control-plane"}
    assert not any(call[:2] == ["kind", "delete"] for call in machine.calls())


@pytest.mark.parametrize("place", ["ssh://admin@production", "tcp://10.0.0.1:2376", "tcp://localhost.evil:1"])
def test_an_engine_on_another_machine_is_refused(machine: Machine, place: str) -> None:
    for command in (["create"], ["destroy"], ["load-image", "a:1"], ["preload"]):
        said = machine.run(*command, DOCKER_HOST=place)
        assert "another machine" in said.stdout + refused(said)
    assert machine.changes() == []


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    return edit


def cluster_of(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["clusters"][0]["cluster"]
    return found


EDITS = {
    "missing": lambda path: path.unlink(),
    "somebody's production": lambda path: path.write_text(PRODUCTION),
    "not YAML": lambda path: path.write_text("a: b: c: ["),
    "empty": lambda path: path.write_text(""),
    "other server": edited(lambda config: cluster_of(config).update(server="https://production:6443")),
    "a server that only begins like ours": edited(
        lambda config: cluster_of(config).update(server="https://127.0.0.1:1@production")
    ),
    "other certificate": edited(
        lambda config: cluster_of(config).update({"certificate-authority-data": "b3RoZXI="})
    ),
    "no certificate asked for": edited(
        lambda config: cluster_of(config).update({"insecure-skip-tls-verify": True})
    ),
    "through a proxy": edited(lambda config: cluster_of(config).update({"proxy-url": "http://production"})),
    "under another server's name": edited(
        lambda config: cluster_of(config).update({"tls-server-name": "production"})
    ),
    "other context": edited(lambda config: config.update({"current-context": "production"})),
    "one more context": edited(
        lambda config: config["contexts"].append({"name": "production", "context": {}})
    ),
    "one more cluster": edited(
        lambda config: config["clusters"].append({"name": "production", "cluster": {}})
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_kubeconfig_that_leads_elsewhere_is_not_used(
    machine: Machine, edit: Callable[[Path], None]
) -> None:
    ok(machine.run("create"))
    edit(machine.state / "kubeconfig")
    before = machine.calls()
    for command in ("verify", "install-kfp"):
        said = refused(machine.run(command))
        assert "does not lead to the cluster" in said or "no cluster yet" in said
    new = machine.calls()[len(before) :]
    # Only its own version is asked for, which needs no server.
    assert [call for call in new if call[0] == "kubectl" and call[1:3] != ["version", "--client"]] == []
    ok(machine.run("destroy"))
    works_afterwards(machine)


def test_the_users_own_kubeconfig_is_not_touched_and_no_other_is_used(
    machine: Machine, archives: str
) -> None:
    before = {path: path.read_bytes() for path in machine.home.rglob("*") if path.is_file()}
    seen = machine.production.stat()
    machine.pretend(images=[settings.NODE_IMAGE, "py:1"], deployments=["ml-pipeline"])
    for command in (
        ["preflight"],
        ["create"],
        ["load-image", "py:1"],
        ["install-kfp"],
        ["verify"],
        ["destroy"],
        ["destroy"],
    ):
        machine.run(*command, CLUSTER_ARCHIVES=archives)
    assert {path: path.read_bytes() for path in machine.home.rglob("*") if path.is_file()} == before
    assert machine.production.stat().st_mtime_ns == seen.st_mtime_ns
    log = [json.loads(line) for line in (machine.stand_ins / "calls.log").read_text().splitlines()]
    assert len(log) > 30
    ours = str(machine.state / "kubeconfig")

    def is_bare(call: list[str]) -> bool:
        """`doctor` asks the programs for their versions and leaves the environment as it is."""
        return call[1] in ("info", "context") or call[:3] in (
            ["kubectl", "version", "--client"],
            ["kind", "version"],
        )

    assert {entry["kubeconfig"] for entry in log if not is_bare(entry["call"])} == {ours}
    assert not any("--context" in entry["call"] for entry in log)


def test_a_notebook_stops_without_a_cluster(machine: Machine) -> None:
    code = (
        "import os, companion, companion.cluster; path = os.environ['PATH']\n"
        "companion.workspace('08-1'); os.environ['PATH'] = path  # the stand-ins come before the book's kubectl\n"
        "companion.cluster.require()"
    )
    command = [sys.executable, "-c", code]
    work = {"COMPANION_WORK": str(machine.repository / "work")}

    def notebook(**more: str) -> subprocess.CompletedProcess[str]:
        environment = machine.environment(**work, **more)
        return subprocess.run(
            command, env=environment, cwd=machine.repository, capture_output=True, text=True
        )

    assert "There is no cluster yet: make cluster-up makes one." in notebook().stderr
    ok(machine.run("create"))
    assert "Cluster kind-pipelines · Kubernetes v1.34.9" in ok(notebook())
    nodes = machine.world()["nodes"]
    nodes["pipelines-control-plane"]["state"] = "exited"
    machine.pretend(nodes=nodes)
    assert "The cluster does not answer: make cluster-up" in notebook().stderr


# --- destroy


def test_destroy_without_a_cluster(machine: Machine) -> None:
    assert "nothing to remove" in ok(machine.run("destroy"))
    assert machine.changes() == []


def test_destroy_leaves_no_trace_but_what_saves_a_download(machine: Machine, archives: str) -> None:
    machine.pretend(deployments=["ml-pipeline"])
    ok(machine.run("create"))
    ok(machine.run("install-kfp", CLUSTER_ARCHIVES=archives))
    ok(machine.run("destroy"))
    assert {path.name for path in machine.state.iterdir()} == {".lock", "cache"}
    assert machine.world()["nodes"] == {}
    assert "nothing to remove" in ok(machine.run("destroy"))


def test_destroy_without_an_engine_forgets_nothing(machine: Machine) -> None:
    ok(machine.run("create"))
    machine.pretend(engine="stopped")
    assert "docker does not answer" in refused(machine.run("destroy"))
    machine.pretend(engine="running")
    ok(machine.run("destroy"))
    assert machine.world()["nodes"] == {}


def test_a_cluster_that_somebody_removed_by_hand(machine: Machine) -> None:
    ok(machine.run("create"))
    machine.pretend(nodes={})
    ok(machine.run("destroy"))
    ok(machine.run("create"))
    machine.pretend(nodes={})
    works_afterwards(machine)


def test_reset_and_clean_spare_the_cluster(machine: Machine) -> None:
    shutil.copy(ROOT / "Makefile", machine.repository)
    ok(machine.run("create"))
    (machine.repository / "build" / "tour.json").touch()
    done = subprocess.run(["make", "-s", "clean"], cwd=machine.repository, capture_output=True, text=True)
    assert "The cluster stays: make cluster-down removes it." in ok(done)
    assert [path.name for path in (machine.repository / "build").iterdir()] == ["cluster"]
    assert "is there already" in ok(machine.run("create"))
    shutil.rmtree(machine.repository / "build")
    ok(subprocess.run(["make", "-s", "reset"], cwd=machine.repository, capture_output=True, text=True))


# --- Kubeflow's manifests


SCOPED = "kind: Namespace  # with a remote base\n"
PLATFORM = "image: a:1\nimagePullPolicy: Always\n"


@pytest.fixture
def archives(machine: Machine, tmp_path: Path) -> str:
    """Make archives as a forge gives them, and pin them in the machine's versions.toml."""
    (pipelines, argo) = settings.VERSIONS["kubeflow"]["sources"]
    scoped, platform = settings.VERSIONS["kubeflow"]["manifests"]
    base = f"https://github.com/{argo['repository']}/{argo['folders'][0]}?ref=v4.0.5&timeout=60s"
    # The kubectl of the stand-ins renders a folder as the first file in it.
    files = {
        f"{scoped['folder']}/a.yaml": SCOPED,
        f"{scoped['folder']}/kustomization.yaml": f"resources:\n- {base}\n# {base}\n",
        f"{platform['folder']}/a.yaml": PLATFORM,
        "manifests/other/kustomization.yaml": "not fetched",
    }
    pack(tmp_path / "web" / pipelines["repository"], pipelines["commit"], files)
    files = {f"{folder}/kustomization.yaml": "resources: []\n" for folder in argo["folders"]}
    pack(tmp_path / "web" / argo["repository"], argo["commit"], files)
    pin(machine, {scoped["sha256"]: sha256(SCOPED), platform["sha256"]: sha256(PLATFORM)})
    return f"file://{tmp_path}/web/{{repository}}/{{commit}}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def pin(machine: Machine, replace: dict[str, str]) -> None:
    path = machine.repository / "cluster-setup" / "versions.toml"
    text = path.read_text()
    for old, new in replace.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def pack(folder: Path, commit: str, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / commit, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{folder.name}-{commit}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))


@pytest.fixture
def cluster(machine: Machine) -> Machine:
    machine.pretend(deployments=["mysql", "ml-pipeline", "ml-pipeline-ui"])
    ok(machine.run("create"))
    return machine


def applied(machine: Machine) -> str:
    return (machine.stand_ins / "applied.txt").read_text()


def test_install_applies_what_was_recorded(cluster: Machine, archives: str) -> None:
    said = ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert "as recorded, and kept" in said
    assert "waiting for ml-pipeline, ml-pipeline-ui" in said
    assert "2 of 3 ready" in said
    assert f"runs: http://localhost:{cluster.ports[0]}" in said
    # A loaded image must not be pulled again, and Kubeflow's page gets its port.
    assert "imagePullPolicy: IfNotPresent" in applied(cluster)
    assert "Always" not in applied(cluster)
    assert "nodePort: 30080" in applied(cluster)
    assert applied(cluster).index("Namespace") < applied(cluster).index("a:1")


def test_a_second_time_needs_no_network(cluster: Machine, archives: str) -> None:
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    nowhere = "http://127.0.0.1:1/{repository}/{commit}"
    assert "Fetching" not in ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=nowhere))


def test_what_was_kept_and_then_changed_is_fetched_again(cluster: Machine, archives: str) -> None:
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    for path in (cluster.state / "cache").iterdir():
        path.write_text("kind: Mischief\n")
    assert "Fetching" in ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert "Mischief" not in applied(cluster)


def test_other_manifests_are_not_applied(cluster: Machine, archives: str) -> None:
    pin(cluster, {sha256(PLATFORM): "0" * 64})
    assert "its SHA-256 differs" in refused(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert not (cluster.stand_ins / "applied.txt").exists()
    pin(cluster, {"0" * 64: sha256(PLATFORM)})
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b"<html>log in to the company's network</html>"),
        lambda path: pack(path.parent, path.name, {"README.md": "another repository"}),
    ],
    ids=["not there", "broken off", "a page", "another repository"],
)
def test_a_download_goes_wrong(
    cluster: Machine, archives: str, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = next((tmp_path / "web" / "argoproj" / "argo-workflows").iterdir())
    whole = path.read_bytes()
    spoil(path)
    said = refused(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert "argo-workflows" in said
    assert not (cluster.stand_ins / "applied.txt").exists()
    path.write_bytes(whole)
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))


def test_no_network_and_a_mirror_that_refuses(cluster: Machine) -> None:
    said = refused(cluster.run("install-kfp", CLUSTER_ARCHIVES="http://127.0.0.1:1/{repository}/{commit}"))
    assert "could not be fetched" in said
    assert "Classroom" in said

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    for server in serve(Refuses):
        place = f"http://127.0.0.1:{server.server_port}/{{repository}}/{{commit}}"
        assert "answers 403" in refused(cluster.run("install-kfp", CLUSTER_ARCHIVES=place))


def serve(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "top/manifests/../../evil",
            "top/../manifests/evil",
            "top/manifests/good",
        ):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("top/manifests/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    target = tmp_path / "a" / "b"
    with archive.open("rb") as file:
        manifests.unpack(file, ["manifests"], target)
    assert [path for path in (tmp_path / "a").rglob("*") if not path.is_dir()] == [
        target / "manifests" / "good"
    ]


def test_references_to_the_network_become_local_or_are_refused(tmp_path: Path) -> None:
    (tmp_path / "o" / "r" / "base").mkdir(parents=True)
    path = tmp_path / "o" / "k" / "deep" / "kustomization.yaml"
    path.parent.mkdir(parents=True)
    remote = "https://github.com/o/r/base?ref=v1"
    path.write_text(f"# {remote}\n- {remote}&timeout=60s\n")
    manifests.make_local(tmp_path)
    assert path.read_text() == f"# {remote}\n- ../../r/base\n"
    path.write_text("- https://github.com/o/r/other?ref=v1\n")
    with pytest.raises(shell.ClusterError, match="not among the sources"):
        manifests.make_local(tmp_path)


# --- waiting for Kubeflow


def pod(name: str, capture: str | None = None, **container: Any) -> dict[str, Any]:
    status = json.loads(captured(capture))["status"] if capture else {}
    if container:
        known = {"name": "c", "restartCount": 0, "state": {"running": {}}}
        status["containerStatuses"] = [known | container]
    return {"metadata": {"name": name}, "status": status}


def test_restarts_that_are_normal_are_called_so(cluster: Machine, archives: str) -> None:
    cluster.pretend(pods=[pod("ml-pipeline-6f9-x2", restartCount=3), pod("mysql-6f4-l4", restartCount=1)])
    said = ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert "Restarts of ml-pipeline: normal" in said


@pytest.mark.parametrize(
    ("capture", "counted", "cause"),
    [
        ("get-badimage-json", "1 × ImagePullBackOff", "no way to the registry"),
        ("get-toobig-json", "1 × Unschedulable", "no room for all Pods"),
        ("get-oom-json", "1 × OOMKilled", "more memory than it may"),
        ("get-crash-json", "1 × CrashLoopBackOff", "ends as soon as it starts"),
    ],
)
def test_a_time_out_names_the_cause_and_keeps_the_evidence(
    cluster: Machine, archives: str, capture: str, counted: str, cause: str
) -> None:
    cluster.pretend(
        **{"ready at most": 1, "pods": [pod("ml-pipeline-6f9-x2", capture)], "pod log": "its last words"}
    )
    said = refused(cluster.run("install-kfp", "--timeout", "0", CLUSTER_ARCHIVES=archives))
    assert "Not all of Kubeflow Pipelines runs" in said
    assert counted in said
    assert cause in said
    (folder,) = cluster.state.glob("diagnosis-*")
    assert f"Evidence: {folder.relative_to(cluster.repository)}" in said
    assert {path.name for path in folder.iterdir()} == {
        "pods.txt",
        "events.txt",
        "describe.txt",
        "objects.txt",
        "nodes.txt",
        "logs",
    }
    assert "its last words" in (folder / "logs" / "ml-pipeline-6f9-x2.txt").read_text()
    # The same command goes on.
    cluster.pretend(**{"ready at most": 99, "pods": []})
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))


def test_what_stands_in_the_way_is_told_at_once(cluster: Machine, archives: str) -> None:
    cluster.pretend(pods=[pod("ml-pipeline-6f9-x2", "get-badimage-json")])
    said = ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))
    assert said.count("So far something stands in the way: The images cannot be fetched") == 1


@pytest.mark.parametrize(
    ("reasons", "messages", "logs", "events", "cause"),
    [
        ([], "", "", "", "may only be slow"),
        ([], "", "", captured("kfp-events-images-missing"), "no way to the registry"),
        (["Evicted"], "", "", "", "threw Pods out"),
        (
            ["ImagePullBackOff"],
            "toomanyrequests: You have reached your pull rate limit",
            "",
            "",
            "pull no more for now",
        ),
        (["ImagePullBackOff"], "x509: certificate signed by unknown authority", "", "", "certificate"),
        (
            ["ImagePullBackOff"],
            "failed to resolve reference x: not found",
            "",
            "",
            "does not have that image",
        ),
        (["CrashLoopBackOff"], "", "exec /bin/x: exec format error", "", "another processor"),
        (["CrashLoopBackOff"], "", "inotify_init: too many open files", "", "watched files"),
        # A program that waits for its database is not a matter of the registry.
        (["CrashLoopBackOff"], "", "dial tcp: lookup mysql: no such host", "", "ends as soon as it starts"),
    ],
)
def test_the_likely_cause(reasons: list[str], messages: str, logs: str, events: str, cause: str) -> None:
    assert cause in diagnose.likely_cause(reasons, messages, logs, events)


def test_a_deployment_counts_when_all_of_its_latest_form_is_there() -> None:
    status = {"availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": 2}
    deployment: dict[str, Any] = {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}
    assert install.is_available(deployment)
    for name in status:
        assert not install.is_available({**deployment, "status": status | {name: 0}})
    assert not install.is_available({**deployment, "status": {}})


def test_ctrl_c_while_waiting(cluster: Machine, archives: str) -> None:
    cluster.pretend(**{"ready at most": 1})
    process = start(cluster, "install-kfp", CLUSTER_ARCHIVES=archives)
    until(lambda: cluster.world().get("asked", 0) > 3)
    os.killpg(process.pid, signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on starting by itself" in said
    assert "Stopped" in error
    cluster.pretend(**{"ready at most": 99})
    ok(cluster.run("install-kfp", CLUSTER_ARCHIVES=archives))


def test_install_without_a_cluster(machine: Machine) -> None:
    assert "make cluster-up makes one" in refused(machine.run("install-kfp"))


# --- verify


def test_verify_runs_a_job_and_reads_its_log(machine: Machine) -> None:
    ok(machine.run("create"))
    said = ok(machine.run("verify"))
    assert "Kubernetes v1.34.9 works" in said
    assert "make cluster-kfp" in said
    job = json.loads(applied(machine).split("\n---")[0])
    assert job["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Never"
    deleted = [call for call in machine.calls() if call[0] == "kubectl" and call[2:4] == ["delete", "job"]]
    assert len(deleted) == 2


def test_verify_sees_a_wrong_log(machine: Machine) -> None:
    ok(machine.run("create"))
    machine.pretend(log="Kubernetes v1.0.0")
    assert "should be 'Kubernetes v1.34.9'" in refused(machine.run("verify"))


def test_verify_sees_a_job_that_fails_or_never_ends(machine: Machine) -> None:
    ok(machine.run("create"))
    machine.pretend(job={"failed": 1})
    assert "failed" in refused(machine.run("verify"))
    machine.pretend(job={"active": 1})
    assert "did not end" in refused(machine.run("verify", patch="verify.JOB_SECONDS = 0"))


class Kubeflow(BaseHTTPRequestHandler):
    """Answers what kfp.Client asks for a run; it takes the pipeline but runs nothing."""

    state = "SUCCEEDED"
    pipeline: dict[str, Any] = {}

    def do_GET(self) -> None:
        run = {"run_id": "r1", "state": self.state, "display_name": "cluster-verify"}
        if self.path == "/apis/v2beta1/healthz":
            self.answer({"multi_user": False})
        elif self.path.startswith("/apis/v2beta1/runs/r1"):
            self.answer(run)
        elif self.path.startswith("/apis/v2beta1/experiments"):
            experiment = {"experiment_id": "e1", "display_name": "Default"}
            self.answer(experiment if "/experiments/" in self.path else {"experiments": [experiment]})
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/apis/v2beta1/runs"):
            Kubeflow.pipeline = body
        self.answer({"run_id": "r1", "experiment_id": "e1", "display_name": "cluster-verify"})

    def answer(self, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "RUNNING"])
def test_verify_runs_a_pipeline(cluster: Machine, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubeflow, "state", state)
    for _ in serve(Kubeflow, cluster.ports[0]):
        done = cluster.run("verify", patch=f"verify.RUN_SECONDS = {0.5 if state == 'RUNNING' else 30}")
    steps = Kubeflow.pipeline["pipeline_spec"]["deploymentSpec"]["executors"].values()
    assert {step["container"]["image"] for step in steps} <= set(settings.KUBEFLOW_IMAGES)
    if state == "SUCCEEDED":
        assert "Kubeflow Pipelines works" in ok(done)
    else:
        assert ("ended as FAILED" if state == "FAILED" else "did not end") in refused(done)


def test_verify_where_kubeflow_does_not_answer(cluster: Machine) -> None:
    assert "Kubeflow does not answer" in refused(cluster.run("verify"))


def test_the_pipeline_fails_unless_the_output_arrives(tmp_path: Path) -> None:
    from companion.cluster import verify

    steps = verify.pipeline().pipeline_spec.deployment_spec["executors"]
    say, check = (steps[f"exec-{name}"]["container"] for name in ("say", "check"))
    output = tmp_path / "a" / "word"
    subprocess.run([*say["command"], say["args"][0], str(output)], check=True)
    for word, code in ((output.read_text(), 0), ("wrong", 1), ("", 1)):
        assert subprocess.run([*check["command"], check["args"][0], word]).returncode == code


# --- images


@pytest.mark.parametrize("image", ["", "flights", "flights:latest", "localhost:5000/flights"])
def test_an_image_whose_tag_may_move_is_not_loaded(cluster: Machine, image: str) -> None:
    said = refused(cluster.run("load-image", image))
    assert "IMAGE=name:tag" in said or "no tag that stays" in said


def test_load_image(cluster: Machine) -> None:
    assert "not on this machine" in refused(cluster.run("load-image", "py:3.11"))
    cluster.pretend(images=["py:3.11"])
    assert "py:3.11 is on every node" in ok(cluster.run("load-image", "py:3.11"))
    assert cluster.changes()[-1] == ["kind", "load", "docker-image", "py:3.11", "--name", "pipelines"]


def test_an_image_without_a_cluster(machine: Machine) -> None:
    machine.pretend(images=["py:3.11"])
    assert "make cluster-up makes one" in refused(machine.run("load-image", "py:3.11"))


def test_from_preload_over_an_archive_to_a_machine_without_a_network(
    machine: Machine, archives: str, tmp_path: Path
) -> None:
    archive = tmp_path / "usb stick" / "classroom.tar"
    machine.pretend(images=[])
    assert "is not on this machine yet" in refused(machine.run("export", "--file", str(archive)))
    ok(machine.run("preload", CLUSTER_ARCHIVES=archives))
    assert set(machine.world()["images"]) == {settings.NODE_IMAGE, *settings.KUBEFLOW_IMAGES}
    assert "make image makes it" in ok(machine.run("export", "--file", str(archive)))
    assert [path.name for path in archive.parent.iterdir()] == ["classroom.tar"]
    machine.pretend(images=[*machine.world()["images"], short_name()])
    assert "make image" not in ok(machine.run("export", "--file", str(archive)))
    assert machine.changes()[-1][-1] == short_name()
    # Another machine.
    shutil.rmtree(machine.repository / "build")
    machine.pretend(images=[], pull="no network", deployments=["ml-pipeline"])
    nowhere = "http://127.0.0.1:1/{repository}/{commit}"
    ok(machine.run("preload", "--file", str(archive), CLUSTER_ARCHIVES=nowhere))
    ok(machine.run("create", CLUSTER_ARCHIVES=nowhere))
    said = ok(machine.run("install-kfp", CLUSTER_ARCHIVES=nowhere))
    assert f"{len(settings.KUBEFLOW_IMAGES)} of Kubeflow's images are on this machine" in said
    assert "pull" not in said.replace("IfNotPresent", "")


def test_a_preload_that_broke_off_goes_on(machine: Machine, archives: str) -> None:
    first, *rest = settings.KUBEFLOW_IMAGES
    machine.pretend(images=[settings.NODE_IMAGE, first], pull="unexpected EOF")
    assert "what has arrived is kept" in refused(machine.run("preload", CLUSTER_ARCHIVES=archives))
    machine.pretend(pull="")
    before = len(machine.changes())
    ok(machine.run("preload", CLUSTER_ARCHIVES=archives))
    assert [call[2] for call in machine.changes()[before:]] == rest


def test_archives_that_are_none(machine: Machine, tmp_path: Path) -> None:
    assert "There is no file" in refused(machine.run("preload", "--file", str(tmp_path / "nosuch")))
    (tmp_path / "text").write_text("not an archive")
    assert "copy it again" in refused(machine.run("preload", "--file", str(tmp_path / "text")))
    with tarfile.open(tmp_path / "other", "w") as tar:
        tar.add(tmp_path / "text", "text")
    assert "does not hold" in refused(machine.run("preload", "--file", str(tmp_path / "other")))


# --- dry runs


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (["create", "--workers", "1"], "would run: kind create cluster"),
        (["install-kfp"], "would run: kubectl apply -f - < cluster-setup/kubeflow-port.yaml"),
        (["verify"], "would run: kubectl logs job/cluster-verify"),
        (["preload"], "would run: docker pull mysql:8.4"),
        (["load-image", "py:3.11"], "would run: kind load docker-image py:3.11"),
    ],
)
def test_a_dry_run_prints_the_commands_and_changes_nothing(
    machine: Machine, command: list[str], printed: str
) -> None:
    machine.pretend(images=["py:3.11"])
    assert printed in ok(machine.run(*command, "--dry-run"))
    assert machine.changes() == []
    assert not machine.state.exists()


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (["create"], "would run: kind create cluster"),
        (["install-kfp"], "would run: kubectl apply -f - < cluster-setup/kubeflow-port.yaml"),
        (["verify"], "would run: kubectl logs job/cluster-verify"),
        (["preload"], "would run: docker pull mysql:8.4"),
        (["preload", "--file", "class.tar"], "would run: docker load"),
        (["export"], "would run: docker save"),
        (["load-image", "py:3.11"], "would run: kind load docker-image py:3.11"),
        (["destroy"], "would run: kind delete cluster"),
    ],
)
def test_a_dry_run_needs_no_engine(machine: Machine, command: list[str], printed: str) -> None:
    machine.pretend(engine="stopped")
    assert printed in ok(machine.run(*command, "--dry-run"))
    assert machine.changes() == []
    assert not machine.state.exists()


def test_without_an_engine_the_machines_memory_is_not_the_engines(machine: Machine) -> None:
    machine.pretend(engine="stopped")
    done = machine.run("preflight")
    assert done.returncode == 1
    assert not re.search(r"OK +memory", done.stdout)


def test_a_dry_run_of_what_comes_last(cluster: Machine) -> None:
    before = cluster.changes()
    assert "would run: kind delete cluster" in ok(cluster.run("destroy", "--dry-run"))
    cluster.pretend(images=[NODE_TAG, *settings.KUBEFLOW_IMAGES])
    assert "would run: docker save" in ok(cluster.run("export", "--dry-run"))
    assert cluster.changes() == before


# --- what errors mean


@pytest.mark.parametrize("text", [captured("docker-not-running"), captured("kfp-events-images-missing")])
def test_captured_errors_have_a_known_cause(text: str) -> None:
    assert causes.cause_in(text, causes.CLUSTER)


def test_an_unknown_error_has_none() -> None:
    assert causes.cause_in("all is well", causes.CLUSTER) is None
    assert causes.cause_in(captured("kind-create"), causes.CLUSTER) is None
    assert causes.cause_in(captured("kind-load"), causes.CLUSTER) is None


def test_the_last_word_of_a_command_is_not_its_log() -> None:
    output = "E1125 09:43:31.06 memcache.go:265] error\nThe connection to the server was refused\n"
    assert shell._explain(["kubectl", "get"], output).startswith(
        "kubectl get failed and says: The connection to the server was refused"
    )


# --- what the cluster is made of


def test_the_ports_are_on_this_machine_only() -> None:
    config = settings.KIND_CONFIG
    assert config["apiVersion"] == "kind.x-k8s.io/v1alpha4"
    assert config["networking"]["apiServerAddress"] == "127.0.0.1"
    mappings = [mapping for node in config["nodes"] for mapping in node.get("extraPortMappings", [])]
    assert mappings
    assert {mapping["listenAddress"] for mapping in mappings} == {"127.0.0.1"}
    # 8080 is Airflow's and 8888 JupyterLab's.
    assert not {8080, 8888} & set(settings.PORTS.values())


def test_all_is_pinned() -> None:
    assert "@sha256:" in settings.NODE_IMAGE
    for source in settings.VERSIONS["kubeflow"]["sources"]:
        assert len(source["commit"]) == 40
    for image in settings.KUBEFLOW_IMAGES:
        assert image.rsplit(":", 1)[1] not in ("latest", "master", "main")


def test_the_sdk_is_of_the_backends_release() -> None:
    import kfp

    assert kfp.__version__ == settings.RELEASE


def test_the_kind_config_gets_workers_and_the_port() -> None:
    text = lifecycle.kind_config(2, 4321)
    assert text.count("role: worker") == 2
    assert "apiServerPort: 4321" in text
    assert "role: worker" not in lifecycle.kind_config(0, 1)


def test_the_kept_manifests_name_the_images_of_the_list() -> None:
    """Where the manifests of the release are at hand, their images are those of versions.toml."""
    pins = settings.VERSIONS["kubeflow"]["manifests"]
    paths = [settings.CACHE / f"kubeflow-{settings.RELEASE}-{pin['name']}.yaml" for pin in pins]
    if not all(map(manifests.is_right, paths, pins)):
        pytest.skip("make cluster-preload has not fetched them")
    text = "".join(path.read_text() for path in paths)
    found = set(re.findall(r"(?:image: |value: |- )([\w./-]+:[\w.-]*\d[\w.-]*)$", text, re.MULTILINE))
    assert {image for image in found if "/" in image or image.startswith("mysql")} == set(
        settings.KUBEFLOW_IMAGES
    )


def test_the_hosted_dev_container_brings_what_a_cluster_takes() -> None:
    """Preflight and troubleshooting send there who cannot have a cluster at home."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    features = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))["features"]
    named = {name.rpartition("/")[2].partition(":")[0]: given for name, given in features.items()}
    assert {"docker-in-docker", "kind"} <= set(named)
    node = re.search(r":v1\.(\d+)", settings.NODE_IMAGE)
    assert node
    assert named["kubectl-helm-minikube"]["version"] == f"1.{node[1]}"
