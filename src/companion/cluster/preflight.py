"""Look at what a cluster needs of this machine before anything is downloaded or made, and at the cluster itself."""

import json
import os
import platform
import re
from pathlib import Path

from companion.bootstrap import ROOT
from companion.cluster import settings
from companion.cluster.shell import ClusterError, NotOurs, Shell, kubeflow_answers, read_state, remote_engine
from companion.findings import (
    GB,
    Finding,
    by_system,
    check_command,
    check_disk,
    check_engine,
    check_memory,
    report,
    system_name,
    to_be_mended,
)
from companion.ports import free_port
from companion.programs import output_of

# Kubeflow Pipelines asks for 3.1 GiB of memory and its images take some 10 GB.
KUBEFLOW_MEMORY = 7.5 * GB
KUBEFLOW_DISK = 20 * GB
# Kubernetes alone, with the Jobs and Services of the chapters.
PLAIN_MEMORY = 3.5 * GB
PLAIN_DISK = 8 * GB
CPUS = 2
# From this version on a node needs version 2 of cgroups.
ONLY_CGROUP_2 = (1, 35)
# For Kubeflow, kind's own advice (https://kind.sigs.k8s.io/docs/user/known-issues); one node alone needs less.
KUBEFLOW_INOTIFY = {"max_user_watches": 524288, "max_user_instances": 512}
PLAIN_INOTIFY = {"max_user_watches": 65536, "max_user_instances": 128}
LOCAL_PROXY = re.compile(r"(\w+://)?([^@/]*@)?(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)([:/].*)?")


def examine_here(kubeflow: bool, image: str | None = None) -> list[Finding]:
    """Look at this machine; by default for the nodes that it has or, where there are none, is to have."""
    made = read_state() or {}
    image = image or made.get("image", settings.NODE_IMAGE)
    return examine(Shell(), kubeflow, image, ours=bool(made))


def examine(shell: Shell, kubeflow: bool, image: str, ours: bool = False) -> list[Finding]:
    """Look at everything that a cluster needs.

    Parameters
    ----------
    shell
        Where questions are asked.
    kubeflow
        Whether Kubeflow Pipelines is to be installed: it needs more.
    image
        The image of the nodes, whose version decides on cgroups and kubectl.
    ours
        Whether our cluster is there already: its ports are taken by itself.
    """
    findings = check_engine_and_its_machine(shell, kubeflow, image)
    if system_name() != "macOS":  # there the limits are those of Docker Desktop's own Linux, which are high
        findings.append(check_inotify(Path("/proc/sys/fs/inotify"), kubeflow))
    findings += [check_processor(kubeflow), check_kubectl(image), check_kind(), check_proxy(dict(os.environ))]
    if not ours:
        findings.append(check_ports())
    return findings


def check_engine_and_its_machine(shell: Shell, kubeflow: bool, image: str) -> list[Finding]:
    """Look at the engine; where it does not answer, the machine may still have too little."""
    engine = check_engine()
    place = remote_engine("docker") if engine.ok and engine.detail.startswith("docker") else None
    if place:
        fix = "unset DOCKER_HOST DOCKER_CONTEXT, or: docker context use default"
        engine = Finding(engine.name, False, f"docker is set to another machine, {place}", fix)
    if engine.ok:
        try:
            return [engine, *check_machine_of_engine(shell, kubeflow, image)]
        except ClusterError as error:  # another engine answers than the one that the cluster is in
            detail = str(error).partition(". ")[0]
            engine = Finding(engine.name, False, detail, "Start that engine, then try again.")
    # Whether the engine has enough of the machine's memory, only the engine can say.
    memory = check_memory(KUBEFLOW_MEMORY if kubeflow else PLAIN_MEMORY)
    disk = check_disk(ROOT, KUBEFLOW_DISK if kubeflow else PLAIN_DISK)
    return [engine, disk] if memory.ok else [engine, memory, disk]


def check_machine_of_engine(shell: Shell, kubeflow: bool, image: str) -> list[Finding]:
    """Look at what the engine has to give: on macOS and Windows that is less than the machine has."""
    info = shell.engine_info()
    memory, needed = info["MemTotal"], KUBEFLOW_MEMORY if kubeflow else PLAIN_MEMORY
    fix = by_system(
        "Use a larger machine." if kubeflow else "Close other programs, or use a larger machine.",
        "Docker Desktop > Settings > Resources > Memory: give it 8 GB.",
        "Raise memory= under [wsl2] in .wslconfig of your Windows home, then: wsl --shutdown",
    )
    cpu_fix = by_system(
        "Use a machine with two processors or more.",
        "Docker Desktop > Settings > Resources > CPU limit: give it 2 or more.",
        "Raise processors= under [wsl2] in .wslconfig of your Windows home, then: wsl --shutdown",
    )
    folder = Path(info.get("DockerRootDir", "/"))
    disk = KUBEFLOW_DISK if kubeflow else PLAIN_DISK
    return [
        Finding(
            "memory", memory >= needed, f"the engine has {memory / GB:.1f} GB, {needed / GB:.1f} needed", fix
        ),
        Finding("CPUs", info["NCPU"] >= CPUS, f"the engine has {info['NCPU']}, {CPUS} needed", cpu_fix),
        # In Docker Desktop that folder lies in a virtual disk, which grows on the machine's own.
        check_disk(folder if folder.exists() else ROOT, disk),
        check_cgroup(str(info["CgroupVersion"]), image),
    ]


def check_cgroup(version: str, image: str) -> Finding:
    """Compare the version of cgroups with what the node can live with."""
    node = settings.node_version(image)
    fix = by_system(
        "Boot with systemd.unified_cgroup_hierarchy=1 (in /etc/default/grub, then sudo update-grub and reboot); "
        "every current distribution has it that way.",
        "Update Docker Desktop.",
        "In .wslconfig of your Windows home, under [wsl2]: kernelCommandLine = cgroup_no_v1=all; then wsl --shutdown",
    )
    if version == "2":
        return Finding("cgroups", True, "version 2")
    if node is None or node >= ONLY_CGROUP_2:
        return Finding(
            "cgroups", False, f"version {version}, and Kubernetes 1.35 or newer needs version 2", fix
        )
    return Finding("cgroups", True, f"version {version}, which Kubernetes {node[0]}.{node[1]} still takes")


def check_inotify(folder: Path, kubeflow: bool) -> Finding:
    """Compare the kernel's limits on watched files with what many containers use."""
    low = []
    for name, needed in (KUBEFLOW_INOTIFY if kubeflow else PLAIN_INOTIFY).items():
        try:
            found = int((folder / name).read_text())
        except (OSError, ValueError):
            continue
        if found < needed:
            low.append((name, found, needed))
    if not low:
        return Finding("inotify", True, "limits are high enough")
    detail = ", ".join(f"{name} is {found}, {needed} needed" for name, found, needed in low)
    settings_now = " ".join(f"fs.inotify.{name}={needed}" for name, _, needed in low)
    lines = r"\n".join(f"fs.inotify.{name}={needed}" for name, _, needed in low)
    fix = (
        f"sudo sysctl {settings_now}  (lasts until the next start; for good: "
        f"printf '{lines}\\n' | sudo tee /etc/sysctl.d/99-kind.conf)"
    )
    return Finding("inotify", False, detail, fix)


def check_processor(kubeflow: bool) -> Finding:
    """See whether the images exist for this processor."""
    machine = platform.machine()
    if machine == "x86_64":
        return Finding("processor", True, machine)
    if not kubeflow:
        return Finding(
            "processor", True, f"{machine}: Kubernetes runs, Kubeflow Pipelines (make cluster-kfp) will not"
        )
    fix = (
        "Read chapters 11 and 12 as recorded, or for the real thing open the repository in a hosted dev container "
        "(GitHub Codespaces has amd64). 08 to 10 run here (make cluster-up), and so does Kubeflow's local runner "
        "(chapter 07)."
    )
    return Finding(
        "processor",
        False,
        f"{machine}, and parts of Kubeflow's backend (ML Metadata) have images for amd64 only",
        fix,
    )


def check_kubectl(image: str) -> Finding:
    """See whether kubectl is there and at most one minor version from the node."""
    found = check_command(
        "kubectl", ("version", "--client"), "It comes with the book: rm -rf .venv, then make venv"
    )
    if not found.ok:
        return found
    text = output_of("kubectl", "version", "--client", "-o", "json")
    try:
        named = json.loads(text or "")["clientVersion"]
        client = settings.version_numbers(f"{named['major']}.{named['minor']}")
    except (ValueError, KeyError):
        return Finding("kubectl", False, "does not say its version", found.fix)
    node = settings.node_version(image)
    version = named["gitVersion"]
    if node is None:
        return Finding("kubectl", True, version)
    words = f"{version}, for a node of {node[0]}.{node[1]}"
    if client[0] == node[0] and abs(client[1] - node[1]) <= 1:
        return Finding("kubectl", True, words)
    fix = "The book's own fits its nodes: .venv/bin/kubectl, which every make command takes. Put it first on PATH."
    return Finding("kubectl", False, f"{words}: more than one minor version apart", fix)


def check_kind() -> Finding:
    """See whether kind is there and not older than what makes these nodes."""
    needed = settings.VERSIONS["kind"]["version"]
    page = "https://kind.sigs.k8s.io/docs/user/quick-start/#installing-from-release-binaries"
    found = check_command("kind", ("version",), page)
    numbers = re.search(r"v(\d+)\.(\d+)", found.detail)
    if not found.ok or not numbers:
        return found
    version = (int(numbers[1]), int(numbers[2]))
    if version >= settings.version_numbers(needed):
        return found
    return Finding("kind", False, f"{numbers[0]}, {needed} needed", by_system(page, "brew upgrade kind"))


def check_proxy(environ: dict[str, str]) -> Finding:
    """See whether a proxy that is set can be reached from inside a node, to which kind hands it on."""
    found = {
        name: environ[name]
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
        if environ.get(name)
    }
    local = [name for name, value in found.items() if LOCAL_PROXY.fullmatch(value)]
    if local:
        fix = by_system(
            "Give the address that this machine has in its network, or that of the Docker bridge (172.17.0.1)",
            "Write host.docker.internal in place of localhost",
        )
        return Finding(
            "proxy", False, f"{local[0]} is on this machine's localhost, which a node cannot reach", fix
        )
    if found:
        return Finding("proxy", True, f"{next(iter(found))} is set and handed to the nodes")
    return Finding("proxy", True, "none set")


def check_ports() -> Finding:
    """See whether the ports of kind.yaml are free."""
    taken = [port for port in settings.PORTS.values() if free_port(port) != port]
    if not taken:
        return Finding("ports", True, f"{', '.join(map(str, settings.PORTS.values()))} are free")
    command = by_system(f"ss -ltnp 'sport = :{taken[0]}'", f"lsof -nP -iTCP:{taken[0]} -sTCP:LISTEN")
    fix = f"{command} names the program: stop it, or change hostPort in cluster-setup/kind.yaml"
    names = " and ".join(map(str, taken))
    return Finding("ports", False, f"{names} {'is' if len(taken) == 1 else 'are'} taken", fix)


def examine_cluster() -> list[Finding]:
    """Look at the cluster that was made here, and at Kubeflow on it."""
    made = check_cluster()
    return [made, check_kubeflow(made)]


def check_cluster() -> Finding:
    """Ask the cluster that was made here, and no other, which version it is."""
    try:
        text = Shell().ask_kubectl("version", "-o", "json")
    except NotOurs as error:
        return Finding("cluster", False, str(error).splitlines()[0], "make cluster-up")
    except ClusterError:
        return Finding("cluster", False, "the one that was made here does not answer", "make cluster-up")
    return Finding("cluster", True, f"Kubernetes {json.loads(text)['serverVersion']['gitVersion']}")


def check_kubeflow(cluster: Finding) -> Finding:
    """See whether Kubeflow Pipelines answers on that cluster; chapters 11 and 12 need it."""
    if not cluster.ok:
        return Finding("Kubeflow", False, "needs the cluster", "make cluster-up, then make cluster-kfp")
    if kubeflow_answers():
        return Finding("Kubeflow", True, f"Pipelines answers at {settings.KUBEFLOW_URL}")
    detail = f"Pipelines does not answer at {settings.KUBEFLOW_URL}"
    return Finding("Kubeflow", False, detail, "make cluster-kfp (for chapters 11 and 12)")


def insist(shell: Shell, kubeflow: bool, image: str, ours: bool = False) -> None:
    """Report, and go no further if something is amiss.

    Raises
    ------
    ClusterError
        If a line says LACKS; a dry run goes on.
    """
    findings = examine(shell, kubeflow, image, ours)
    shell.say(f"This machine:\n{report(findings)}")
    lacking = to_be_mended(findings)
    if lacking and shell.dry_run:
        shell.say(f"Without DRY_RUN it would stop here. {lacking}")
    elif lacking:
        raise ClusterError(lacking)
