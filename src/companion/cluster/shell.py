"""The one place from which docker, kind and kubectl are run, and which knows one cluster only."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from filelock import FileLock, Timeout

from companion.bootstrap import ROOT
from companion.causes import CLUSTER, cause_in
from companion.cluster import settings
from companion.environment import recorded_kubeconfig
from companion.errors import SentenceError
from companion.ports import open_here
from companion.programs import output_of
from flightdelay.files import write_atomically

LOCAL_ENGINE = re.compile(r"(unix|npipe)://.*|tcp://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?")


class ClusterError(SentenceError):
    """What is wrong and what to do, in one or two sentences."""


class NotOurs(ClusterError):
    """There is no cluster made here, or the kubeconfig leads elsewhere: no use in waiting for it."""


class Shell:
    """Runs commands, or only prints them.

    Parameters
    ----------
    dry_run
        Print what would be done instead of doing it. Questions that change nothing are asked all the same; where no
        engine answers them, docker is assumed, which has nothing yet.
    """

    def __init__(self, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self._engine: str | None = None
        self._engine_info: dict[str, Any] = {}

    def engine_name(self) -> str:
        """Say which engine answers: docker or, where it does not, podman; once a cluster is made, the one it is in.

        Raises
        ------
        ClusterError
            If none does, or if it runs on another machine.
        """
        if self._engine is None:
            made_in = (read_state() or {}).get("engine")
            for name in [made_in] if made_in else ["docker", "podman"]:
                info = json.loads(self._ask(name, "info", "--format", "json") or "{}")
                # docker prints all of it, empty, and ends well when its engine does not run.
                if info.get("ServerVersion") or info.get("version"):
                    break
            else:
                if self.dry_run:
                    self.say("No container engine answers here; what follows is for docker.")
                    self._engine = made_in or "docker"
                    return self._engine
                raise ClusterError(
                    f"{made_in or 'No container engine'} {'does not answer' if made_in else 'answers'}. "
                    "make cluster-preflight says what is missing, with the fix."
                )
            place = remote_engine(name)
            if place:
                raise ClusterError(
                    f"{name} is set to an engine on another machine, {place}, where nothing may be made: "
                    "unset DOCKER_HOST and DOCKER_CONTEXT (or: docker context use default), then try again."
                )
            self._engine, self._engine_info = name, info
        return self._engine

    def engine_info(self) -> dict[str, Any]:
        """Return what the engine says of itself and of its machine."""
        name = self.engine_name()
        info = self._engine_info
        if name == "podman":  # the same, under podman's names
            host = info["host"]
            version = host["cgroupVersion"].removeprefix("v")
            return {"MemTotal": host["memTotal"], "NCPU": host["cpus"], "CgroupVersion": version} | {
                "DockerRootDir": info["store"]["graphRoot"],
                "ServerVersion": info["version"]["Version"],
            }
        return info

    def ask_engine(self, *arguments: str) -> str | None:
        """Ask the engine something that changes nothing; None if it refuses."""
        return self._ask(self.engine_name(), *arguments)

    def _ask(self, *command: str) -> str | None:
        return output_of(*command, patience=60, environment=self.environment())

    def has_image(self, image: str) -> bool:
        """Say whether the engine has an image."""
        return bool(self.ask_engine("image", "inspect", "--format", "{{.Id}}", image))

    def do_engine(self, *arguments: str) -> None:
        """Let the engine do something."""
        self._do([self.engine_name(), *arguments])

    def do_kind(self, *arguments: str, stdin: str | None = None) -> None:
        """Let kind do something to our cluster."""
        self._do(["kind", *arguments, "--name", settings.NAME], stdin)

    def ask_kubectl(self, *arguments: str) -> str:
        """Ask our cluster something that changes nothing; in a dry run, print it and return nothing."""
        self._check_kubeconfig()
        if self.dry_run:
            self._print(["kubectl", *arguments])
            return ""
        done = self._run_kubectl(list(arguments), None)
        if done.returncode:
            raise ClusterError(_explain(["kubectl", *arguments], done.stdout + done.stderr))
        return done.stdout

    def try_kubectl(self, *arguments: str) -> str:
        """Return whatever kubectl prints, be it an error: for reports."""
        self._check_kubeconfig()
        done = self._run_kubectl(list(arguments), None)
        return done.stdout + done.stderr

    def do_kubectl(self, *arguments: str, stdin: str | None = None, source: str = "") -> str:
        """Change something in our cluster, and return what kubectl says; `source` tells where `stdin` is from."""
        self._check_kubeconfig()
        self._print(["kubectl", *arguments], source)
        if self.dry_run:
            return ""
        done = self._run_kubectl(list(arguments), stdin)
        if done.returncode:
            raise ClusterError(_explain(["kubectl", *arguments], done.stdout + done.stderr))
        return done.stdout

    def say(self, text: str) -> None:
        """Tell the reader what happens."""
        print(text, flush=True)

    def done(self, text: str) -> None:
        """Tell the reader what was reached; a dry run reaches nothing."""
        if not self.dry_run:
            self.say(text)

    def environment(self) -> dict[str, str]:
        """Return the environment of every command: one kubeconfig, and no file outside build/cluster."""
        environment = {
            **os.environ,
            "KUBECONFIG": os.environ["KUBECONFIG"] if at_recorded_cluster() else str(settings.KUBECONFIG),
            "KUBECACHEDIR": str(settings.STATE / "kubectl-cache"),
        }
        if self._engine == "podman":
            environment["KIND_EXPERIMENTAL_PROVIDER"] = "podman"
        return environment

    def _check_kubeconfig(self) -> None:
        # A dry run of the whole way, before there is a cluster, has to be possible; a recorded one needs none.
        if not at_recorded_cluster() and not (self.dry_run and not settings.KUBECONFIG.exists()):
            check_kubeconfig()

    def _run_kubectl(self, arguments: list[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
        if shutil.which("kubectl") is None:
            raise ClusterError("kubectl is not installed: make cluster-preflight says how to get it.")
        try:
            # A cluster that went away must not hold up the reader for minutes.
            return subprocess.run(
                ["kubectl", "--request-timeout=30s", *arguments],
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                env=self.environment(),
                timeout=300,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(
                f"kubectl {arguments[0]} does not answer. Is the machine very busy? Else: make cluster-down, "
                "then make cluster-up."
            ) from error

    def _do(self, command: list[str], stdin: str | None = None) -> None:
        """Run a command, show what it prints as it comes, and explain its failure."""
        self._print(command)
        if self.dry_run:
            return
        if shutil.which(command[0]) is None:
            raise ClusterError(f"{command[0]} is not installed: make cluster-preflight says how to get it.")
        lines: list[str] = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
        ) as process:
            if process.stdin:
                with process.stdin:
                    process.stdin.write(stdin or "")
            for line in process.stdout or []:
                lines.append(line)
                self.say(f"  {line.rstrip()}")
        if process.returncode:
            raise ClusterError(_explain(command, "".join(lines)))

    def _print(self, command: list[str], source: str = "") -> None:
        sign = "would run:" if self.dry_run else "$"
        self.say(f"{sign} {shlex.join(command)}{source and f' < {source}'}".replace(f"{ROOT}/", ""))


def _explain(command: list[str], output: str) -> str:
    """Say in a sentence why a command failed, with its own last word."""
    # kubectl's own log lines, such as E1125 09:43:31.06, say less than its last word.
    lines = [line for line in output.strip().splitlines() if not re.match(r"[EIW]\d{4} ", line)]
    errors = [line for line in lines if re.search("error", line, re.IGNORECASE)]
    last = (errors or lines or ["nothing"])[-1].strip()
    words = f"{shlex.join(command[:3])} failed and says: {last}"
    known = cause_in(output, CLUSTER)
    return f"{words}\n{known}" if known else words


def remote_engine(name: str) -> str | None:
    """Return the address of the engine if it is not on this machine."""
    if name == "podman":
        return None
    place = os.environ.get("DOCKER_HOST") or output_of(
        name, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", patience=60
    )
    return None if not place or LOCAL_ENGINE.fullmatch(place) else place


def check_kubeconfig() -> None:
    """Refuse to go on unless build/cluster/kubeconfig leads to the cluster made here, and nowhere else.

    The certificate decides: a server that listens on this machine's port but is not ours cannot show it.

    Raises
    ------
    NotOurs
        If there is no such file, or if it was changed to lead elsewhere.
    """
    try:
        text = settings.KUBECONFIG.read_text(encoding="utf-8")
    except OSError as error:
        raise NotOurs("There is no cluster yet: make cluster-up makes one.") from error
    state = read_state()
    try:
        config = yaml.safe_load(text)
        (context,) = config["contexts"]
        (cluster,) = config["clusters"]
        ours = (
            config["current-context"] == context["name"] == settings.CONTEXT
            and context["context"]["cluster"] == cluster["name"]
            and re.fullmatch(r"https://127\.0\.0\.1:\d+", cluster["cluster"]["server"])
            and cluster["cluster"].keys() == {"server", "certificate-authority-data"}
            and state is not None
            and state.get("authority") == authority(text)
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise NotOurs(
            "build/cluster/kubeconfig does not lead to the cluster that make cluster-up made, so nothing was "
            "sent to wherever it leads. Was it edited? make cluster-down removes it, make cluster-up starts anew."
        )


def authority(kubeconfig: str) -> str:
    """Return the SHA-256 of the certificate that a cluster's server has to be signed with."""
    data = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["certificate-authority-data"]
    return hashlib.sha256(base64.b64decode(data)).hexdigest()


def require() -> None:
    """Stop a notebook that has no cluster; its first cell calls this after `companion.workspace`.

    Raises
    ------
    ClusterError
        If there is no cluster, or if it does not answer.
    """
    if not at_recorded_cluster():
        os.environ["KUBECONFIG"] = str(settings.KUBECONFIG)
    try:
        version = json.loads(Shell().ask_kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    except NotOurs:
        raise
    except ClusterError as error:
        raise ClusterError(
            "The cluster does not answer: make cluster-up starts it again, or says why it cannot."
        ) from error
    print(f"Cluster {settings.CONTEXT} · Kubernetes {version}")


def at_recorded_cluster() -> bool:
    """Say whether this is a notebook whose kubectl talks to a recorded cluster, or to one that is being recorded."""
    return os.environ.get("KUBECONFIG", "").startswith(str(recorded_kubeconfig()))


def kubeflow_answers() -> bool:
    """Say whether Kubeflow's API answers at the port of the book's cluster."""
    try:
        with open_here(f"{settings.KUBEFLOW_URL}/apis/v2beta1/healthz", 5):
            return True
    except OSError:
        return False


def state_file() -> Path:
    """Return where the commands remember what they made."""
    return settings.STATE / "cluster.json"


def read_state() -> dict[str, Any] | None:
    """Return what is remembered of the cluster made here; None if there is none."""
    try:
        state: dict[str, Any] = json.loads(state_file().read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:  # cannot happen with an atomic write; a hand did it
        return {}
    return state


def write_state(**state: Any) -> None:
    """Remember what was made."""
    write_atomically(state_file(), json.dumps(state, indent=1).encode())


@contextlib.contextmanager
def exclusively(shell: Shell) -> Iterator[None]:
    """Refuse to work on the cluster while another command does.

    Raises
    ------
    ClusterError
        If one is at it.
    """
    if shell.dry_run:
        yield
        return
    try:
        settings.STATE.mkdir(parents=True, exist_ok=True)
        lock = FileLock(settings.STATE / ".lock")
        with lock.acquire(timeout=0):
            yield
    except Timeout as error:
        raise ClusterError(
            "Another cluster command is at work in this folder: wait until it ends, then try again."
        ) from error


def on_terminal() -> bool:
    """Say whether a person watches."""
    return sys.stdout.isatty()
