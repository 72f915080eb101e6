"""Say what this machine can run and what it lacks, each with its fix: ``make doctor``.

It diagnoses an environment that may be broken, so it imports nothing from it that it can do without.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from companion.bootstrap import ROOT, SUITABLE
from companion.environment import FOREIGN, environment_in, tool_environment
from companion.errors import SentenceError

TOOLS = {
    "zenml": "ZenML",
    "apache-airflow": "Airflow",
    "kfp": "Kubeflow Pipelines",
    "jupyterlab": "JupyterLab",
}
CLUSTER_CHAPTERS = "08 to 12"
GB = 10**9
# Airflow with its server takes 1.2 GB, a kernel with the year's flights 0.5 GB; a "4 GB" machine shows less.
BOOK_MEMORY = 3.5 * GB
BOOK_DISK = 2 * GB
# Kubeflow Pipelines asks for 3.1 GiB of memory and its images take some 10 GB.
CLUSTER_MEMORY = 7.5 * GB
CLUSTER_DISK = 20 * GB
# A command that does not answer in this time does not work.
PATIENCE = 20
# Everything together that is tried; seconds as a rule, minutes on a machine with much else to do.
TRIAL_PATIENCE = 300
REINSTALL = "rm -rf .venv, then make doctor: it sets up the environment again"
# What a folder of one's own may hide.
HIDDEN = ("airflow", "kfp", "zenml", "numpy", "pandas", "sklearn")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    name
        What was looked at.
    ok
        Whether it will do.
    detail
        What was found.
    fix
        What to do where it will not.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""


def system_name() -> str:
    """Name the system by what decides on the fixes: Linux, macOS, WSL2 or Windows."""
    if platform.system() == "Linux":
        return "WSL2" if "microsoft" in platform.release().lower() else "Linux"
    return {"Darwin": "macOS"}.get(platform.system(), platform.system())


def by_system(linux: str, macos: str, wsl2: str = "") -> str:
    """Pick the fix for this system; that for Linux goes for WSL2 where it has none of its own."""
    return {"macOS": macos, "WSL2": wsl2 or linux}.get(system_name(), linux)


def answer(*command: str) -> str | None:
    """Run a command and return what it prints; None if it fails, hangs or does not exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def check_system() -> Finding:
    """Refuse Windows itself, where neither Airflow nor ZenML runs."""
    name = system_name()
    detail = f"{name} on {platform.machine()}"
    if name not in ("Linux", "macOS", "WSL2"):
        fix = "Install WSL2 (in PowerShell: wsl --install), open Ubuntu and clone the repository there."
        return Finding("system", False, detail, fix)
    return Finding("system", True, detail)


def check_python() -> Finding:
    """Compare the running Python with what the lock was made for."""
    ok = sys.version_info[:2] in SUITABLE
    fix = by_system(
        "sudo apt install python3.12 python3.12-venv (or any of 3.11 to 3.13), then make doctor",
        "brew install python@3.13, then make doctor",
    )
    return Finding("Python", ok, platform.python_version(), fix)


def check_lock(root: Path) -> Finding:
    """Compare what is installed with the lock."""
    fix = REINSTALL
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return Finding("packages", False, "the environment is incomplete", fix)
    try:
        text = (root / "requirements.txt").read_text(encoding="utf-8")
    except OSError as error:
        return Finding("packages", False, f"{error}", "git checkout requirements.txt")
    wrong = []
    count = 0
    for line in text.splitlines():
        if not line or line[0] in "# ":
            continue
        requirement = Requirement(line.rstrip("\\ "))
        if requirement.marker and not requirement.marker.evaluate():
            continue
        count += 1
        version = installed(requirement.name)
        if version is None or version not in requirement.specifier:
            wrong.append(f"{requirement.name} {version or 'missing'}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding("packages", False, f"not as in the lock: {', '.join(wrong[:3])}{more}", fix)
    return Finding("packages", True, f"all {count} as in the lock")


def installed(package: str) -> str | None:
    """Look up the version of a package without importing it; None if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_tools() -> Finding:
    """Name the versions of the tools that the book is about."""
    versions = {title: installed(package) for package, title in TOOLS.items()}
    detail = ", ".join(f"{title} {version or 'missing'}" for title, version in versions.items())
    return Finding("tools", None not in versions.values(), detail, REINSTALL)


def check_data() -> Finding:
    """Compare every file of the data folder with its recorded sum."""
    try:
        from flightdelay.data import check_all
        from flightdelay.errors import DataFileError
    except ImportError as error:
        return Finding(
            "data", False, f"cannot be checked: {error}", f"see imports; if that is OK: {REINSTALL}"
        )
    try:
        return Finding("data", True, f"all {check_all()} files as recorded")
    except DataFileError as error:
        return Finding("data", False, str(error), "see the line above")


def check_shadows(folders: list[Path]) -> Finding:
    """Find what Python would import in place of an orchestrator or of a package that all of them use."""
    found = [
        path
        for folder in dict.fromkeys(folders)
        for name in HIDDEN
        for path in (folder / f"{name}.py", folder / name / "__init__.py")
        if path.exists()
    ]
    if found:
        names = ", ".join(str(path) for path in found)
        return Finding("imports", False, f"imported in place of the real tool: {names}", "Rename it.")
    for name in HIDDEN:
        spec = PathFinder.find_spec(name)
        if spec and spec.origin and not Path(spec.origin).is_relative_to(sys.prefix):
            detail = f"imported in place of the real tool: {spec.origin}"
            return Finding("imports", False, detail, "unset PYTHONPATH (make does so by itself)")
    return Finding("imports", True, "nothing of yours hides a tool")


def check_shell(root: Path) -> Finding:
    """Name the settings of a ZenML or an Airflow of one's own, such as a company's."""
    ours = tool_environment(root)  # the book sets these itself
    found = [name for name in os.environ if name.startswith(FOREIGN) and name not in ours]
    if found:
        names = " ".join(sorted(found))
        return Finding(
            "shell", True, f"sets up another ZenML or Airflow, which the book leaves alone: {names}"
        )
    return Finding("shell", True, "no setting of another ZenML or Airflow")


def check_zen_folder(root: Path) -> Finding:
    """Find what `zenml init` leaves in this folder or one above: ZenML would take its stack from there."""
    folders = [root / "work", root / "src", root, *root.parents]
    found = [folder / ".zen" for folder in folders if (folder / ".zen").is_dir()]
    if found:
        detail = f"ZenML takes its stack from {found[0]}"
        return Finding("ZenML", False, detail, f"mv {found[0]} {found[0]}-away (or move the repository)")
    return Finding("ZenML", True, "no .zen folder here or above")


def check_left_behind(root: Path) -> Finding:
    """Find the processes of an Airflow of the book that was killed."""
    try:
        from companion.airflow_services import left_behind
    except ImportError as error:
        return Finding(
            "Airflow", False, f"cannot be checked: {error}", f"see imports; if that is OK: {REINSTALL}"
        )
    homes = [path.parents[1] for path in (root / "work" / "state").glob("**/services/guard.json")]
    found = [str(pid) for home in homes for pid in left_behind(home)]
    if found:
        pids = " ".join(found)
        return Finding("Airflow", False, f"processes of an earlier one still run: {pids}", f"kill -9 {pids}")
    return Finding("Airflow", True, "no process of an earlier one still runs")


def check_folder(root: Path) -> Finding:
    """Try here what the chapters do: write in each way that they use, start a kernel and each program."""
    if system_name() == "WSL2" and root.parts[1:2] == ("mnt",):
        detail = f"{root} is on the disk of Windows: slow, and SQLite cannot lock its files there"
        return Finding("folder", False, detail, "Clone the repository into your home folder of Ubuntu.")
    fix = "Clone the repository into a folder that you may write to, without special characters in its path."
    state = root / "work" / "state"
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state, prefix="doctor-") as folder:
            done = subprocess.run(
                [sys.executable, "-m", "companion.trial", folder],
                env=environment_in(Path(folder)),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TRIAL_PATIENCE,
            )
    except OSError as error:
        return Finding("folder", False, f"{root} cannot be written to: {error.strerror}", fix)
    except SentenceError as error:
        return Finding("folder", False, str(error), "see the line above")
    except subprocess.TimeoutExpired:
        detail = f"what was tried did not end in {TRIAL_PATIENCE} s"
        return Finding("folder", False, detail, "Close other programs, then make doctor.")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return Finding("folder", False, f"nothing can be tried: {last}", REINSTALL)
    tried: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    wrong = [f"{name}: {reason}" for name, reason in tried.items() if reason]
    if wrong:
        return Finding("folder", False, f"not everything works here. {'; '.join(wrong)}", fix)
    return Finding("folder", True, f"tried, and works: {', '.join(tried)}")


def check_disk(root: Path, needed: float) -> Finding:
    """Compare the free disk with what is needed."""
    free = shutil.disk_usage(root).free
    fix = by_system(
        "Make room (docker system prune removes what Docker no longer uses).",
        "Make room, or raise the disk limit in the settings of Docker Desktop.",
    )
    return Finding("disk", free >= needed, f"{free / GB:.0f} GB free, {needed / GB:.0f} GB needed", fix)


def check_memory(needed: float) -> Finding:
    """Compare the memory of the machine with what is needed."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fix = by_system(
        "Use a larger machine.",
        "Use a larger machine.",
        "Raise memory= under [wsl2] in .wslconfig of your Windows home, then: wsl --shutdown",
    )
    return Finding("memory", memory >= needed, f"{memory / GB:.0f} GB, {round(needed / GB)} GB needed", fix)


def check_engine() -> Finding:
    """Ask Docker, then Podman, whether its engine answers."""
    formats = {"docker": "{{.ServerVersion}}", "podman": "{{.Version.Version}}"}
    there = [name for name in formats if shutil.which(name)]
    for name in there:
        version = answer(name, "info", "--format", formats[name])
        if version:
            return Finding("container engine", True, f"{name} {version}")
    if there:
        fix = by_system(
            "sudo systemctl start docker; and to use it without sudo: sudo usermod -aG docker $USER, "
            "then log in again",
            "Start Docker Desktop (or: podman machine start).",
            "Start Docker Desktop on Windows and turn on Settings > Resources > WSL integration.",
        )
        return Finding("container engine", False, f"{there[0]} is installed, its engine does not answer", fix)
    fix = by_system(
        "sudo apt install docker.io, then sudo usermod -aG docker $USER and log in again",
        "Install Docker Desktop (brew install --cask docker).",
        "Install Docker Desktop on Windows and turn on Settings > Resources > WSL integration.",
    )
    return Finding("container engine", False, "neither docker nor podman", fix)


def check_command(name: str, arguments: tuple[str, ...], linux: str) -> Finding:
    """See whether a command is there and starts."""
    fix = by_system(linux, f"brew install {name}")
    if not shutil.which(name):
        return Finding(name, False, "not installed", fix)
    version = answer(name, *arguments)
    if version is None:
        return Finding(name, False, f"{shutil.which(name)} does not start", fix)
    return Finding(name, True, version.splitlines()[0] if version else "installed")


def check_cluster() -> Finding:
    """Ask the cluster that was made here, and no other, which version it is."""
    try:
        from companion.cluster.shell import ClusterError, NotOurs, Shell

        text = Shell().ask_kubectl("version", "-o", "json")
    except ImportError as error:
        return Finding(
            "cluster", False, f"cannot be checked: {error}", f"see imports; if that is OK: {REINSTALL}"
        )
    except NotOurs as error:
        return Finding("cluster", False, str(error).splitlines()[0], "make cluster-up")
    except ClusterError:
        return Finding("cluster", False, "the one that was made here does not answer", "make cluster-up")
    return Finding("cluster", True, f"Kubernetes {json.loads(text)['serverVersion']['gitVersion']}")


def check_kubeflow(cluster: Finding) -> Finding:
    """See whether Kubeflow Pipelines answers on that cluster; chapters 11 and 12 need it."""
    if not cluster.ok:
        return Finding("Kubeflow", False, "needs the cluster", "make cluster-up, then make cluster-kfp")
    from companion.cluster import settings
    from companion.cluster.shell import kubeflow_answers

    if kubeflow_answers():
        return Finding("Kubeflow", True, f"Pipelines answers at {settings.KUBEFLOW_URL}")
    detail = f"Pipelines does not answer at {settings.KUBEFLOW_URL}"
    return Finding("Kubeflow", False, detail, "make cluster-kfp (for chapters 11 and 12)")


def examine(root: Path = ROOT) -> dict[str, list[Finding]]:
    """Look at everything.

    Returns
    -------
    dict
        The findings by group. Only the first group has to be in order for the book to run.
    """
    folders = [Path.cwd(), root, root / "work"]
    book: list[Callable[[], Finding]] = [
        check_python,
        lambda: check_lock(root),
        check_tools,
        check_data,
        lambda: check_shadows(folders),
        lambda: check_shell(root),
        lambda: check_zen_folder(root),
        lambda: check_left_behind(root),
        lambda: check_folder(root),
        lambda: check_disk(root, BOOK_DISK),
        lambda: check_memory(BOOK_MEMORY),
    ]
    system = check_system()
    # On Windows itself nothing else is worth a look.
    if not system.ok:
        return {"The book": [system]}
    return {
        "The book": [system, *(check() for check in book)],
        f"The cluster chapters, {CLUSTER_CHAPTERS} (optional)": examine_cluster(root),
    }


def examine_cluster(root: Path) -> list[Finding]:
    """Look at what the cluster chapters need; where make cluster-preflight looks too, with its judgement."""
    made = check_cluster()
    try:
        from companion.cluster import preflight, settings
    except ImportError:
        return [made]
    return [
        check_engine(),
        preflight.check_kubectl(settings.NODE_IMAGE),
        preflight.check_kind(),
        preflight.check_processor(kubeflow=True),
        check_disk(root, CLUSTER_DISK),
        check_memory(CLUSTER_MEMORY),
        made,
        check_kubeflow(made),
    ]


def report(groups: dict[str, list[Finding]], color: bool) -> str:
    """Write the findings for a person."""
    marks = {True: "OK   ", False: "LACKS"}
    if color:
        marks = {True: "\033[32mOK   \033[0m", False: "\033[1;31mLACKS\033[0m"}
    lines = []
    for title, findings in groups.items():
        lines += [f"\033[1m{title}\033[0m" if color else title]
        for finding in findings:
            lines.append(f"  {marks[finding.ok]}  {finding.name:<16}  {finding.detail}")
            if not finding.ok:
                lines.append(f"         {'':<16}  Fix: {finding.fix}")
        lines.append("")
    book, *cluster = ([f.name for f in findings if not f.ok] for findings in groups.values())
    if book:
        lines.append(f"The book does not run here yet: see {', '.join(book)}.")
    else:
        lines.append("The book runs here: make tour")
    if cluster and cluster[0]:
        lines.append(f"The cluster chapters lack: {', '.join(cluster[0])}. Without, read them as recorded.")
    return "\n".join(lines)


def main() -> int:
    """Print the report; 0 if the book can run here, otherwise 1."""
    print(
        "Looking, and trying what the chapters do: seconds, on a busy machine a minute or two …", flush=True
    )
    groups = examine()
    print(report(groups, color=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    return 0 if all(finding.ok for finding in groups["The book"]) else 1


if __name__ == "__main__":
    sys.exit(main())
