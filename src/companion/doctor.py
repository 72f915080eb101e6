"""Say what this machine can run and what it lacks, each with its fix: ``make doctor``, ``make cluster-preflight``.

It diagnoses an environment that may be broken, so it imports nothing from it that it can do without.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path

from companion.bootstrap import ROOT, SUITABLE
from companion.environment import FOREIGN, environment_in, tool_environment
from companion.errors import SentenceError
from companion.findings import (
    GB,
    Finding,
    by_system,
    check_disk,
    check_memory,
    check_system,
    report,
    system_name,
    to_be_mended,
)
from companion.packages import differing, installed, pinned_versions

TOOLS = {
    "zenml": "ZenML",
    "apache-airflow": "Airflow",
    "kfp": "Kubeflow Pipelines",
    "jupyterlab": "JupyterLab",
}
BOOK = "The book"
CLUSTER = "The cluster chapters, 08 to 12 (optional)"
SCALE = "The chapters on scale, 14 to 16 (optional)"
# Airflow with its server takes 1.2 GB, a kernel with the year's flights 0.5 GB; a "4 GB" machine shows less.
BOOK_MEMORY = 3.5 * GB
BOOK_DISK = 2 * GB
# Everything together that is tried; seconds as a rule, minutes on a machine with much else to do.
TRIAL_PATIENCE = 300
# What to do where a cluster can be made, by whether Kubeflow was asked for.
NEXT = {
    True: "All is well: make cluster-up, then make cluster-kfp",
    False: "All is well: make cluster-up. Chapters 11 and 12 need more: make cluster-preflight KUBEFLOW=1",
}
REINSTALL = "rm -rf .venv, then make doctor: it sets up the environment again"
# What a folder of one's own may hide.
HIDDEN = ("airflow", "kfp", "zenml", "numpy", "pandas", "sklearn")


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
        text = (root / "requirements.txt").read_text(encoding="utf-8")
        wrong, count = differing(text), len(pinned_versions(text))
    except ImportError:
        return Finding("packages", False, "the environment is incomplete", fix)
    except OSError as error:
        return Finding("packages", False, f"{error}", "git checkout requirements.txt")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding("packages", False, f"not as in the lock: {', '.join(wrong[:3])}{more}", fix)
    return Finding("packages", True, f"all {count} as in the lock")


def check_scale(root: Path) -> Finding:
    """Say whether what the chapters on scale install by themselves is there."""
    try:
        from companion import scale
    except ImportError as error:
        return unchecked("engines", error)
    try:
        lacking = scale.missing(root)
    except SentenceError as error:
        return Finding("engines", False, str(error), "see the line above")
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        detail = f"not there yet: {', '.join(lacking[:3])}{more}"
        fix = f"make scale, or the first cell of those chapters: {scale.EXPECTATION}"
        return Finding("engines", False, detail, fix)
    return Finding("engines", True, scale.introduction(root).rstrip("."))


def check_spark(root: Path) -> Finding:
    """Say whether what the third notebook of chapter 14 installs by itself is there, and its Java starts."""
    try:
        from companion import spark
    except ImportError as error:
        return unchecked("Spark", error)
    try:
        if not spark.is_there(root):
            fix = f"make spark, or the first cell of notebook 14-3: {spark.EXPECTATION}"
            return Finding("Spark", False, "not there yet", fix)
        spark.check_java(root)
        return Finding("Spark", True, spark.introduction(root).rstrip("."))
    except SentenceError as error:
        return Finding("Spark", False, str(error), "see the line above")


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
        return unchecked("data", error)
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
        return unchecked("Airflow", error)
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


def unchecked(name: str, error: ImportError) -> Finding:
    """Return the finding of a check whose packages cannot be imported."""
    return Finding(name, False, f"cannot be checked: {error}", f"see imports; if that is OK: {REINSTALL}")


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
        return {BOOK: [system]}
    return {
        BOOK: [system, *(check() for check in book)],
        CLUSTER: examine_cluster(),
        SCALE: [check_scale(root), check_spark(root)],
    }


def examine_cluster(kubeflow: bool = True, image: str | None = None, made: bool = True) -> list[Finding]:
    """Look at what the cluster chapters need of the machine and, where it is `made`, at the cluster."""
    try:
        from companion.cluster import preflight
    except ImportError as error:
        return [unchecked("cluster", error)]
    found = preflight.examine_here(kubeflow, image)
    return found + preflight.examine_cluster() if made else found


def conclusion(groups: dict[str, list[Finding]]) -> str:
    """Say in a line or two what the findings of `examine` come to."""
    lacking = {title: [each.name for each in found if not each.ok] for title, found in groups.items()}
    book, cluster = lacking.get(BOOK), lacking.get(CLUSTER)
    says = (
        f"The book does not run here yet: see {', '.join(book)}." if book else "The book runs here: make tour"
    )
    if cluster:
        says += f"\nThe cluster chapters lack: {', '.join(cluster)}. Without, read them as recorded."
    return says


def main(arguments: list[str] | None = None) -> int:
    """Report on everything, or on what a cluster needs before one is made; 0 if it or the book can run here."""
    parser = argparse.ArgumentParser(prog="python -m companion.doctor", description=__doc__)
    parser.add_argument("--cluster", action="store_true", help="only what a cluster needs of this machine")
    parser.add_argument("--kubeflow", action="store_true", help="with Kubeflow Pipelines on it")
    parser.add_argument("--node-image", help="in place of the one in versions.toml")
    options = parser.parse_args(arguments)
    try:
        if options.cluster:
            groups = {"This machine": examine_cluster(options.kubeflow, options.node_image, made=False)}
            says = to_be_mended(groups["This machine"]) or NEXT[options.kubeflow]
        else:
            print(
                "Looking, and trying what the chapters do: seconds, on a busy machine a minute or two …",
                flush=True,
            )
            groups = examine()
            says = conclusion(groups)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    for title, findings in groups.items():
        print(f"{title}\n{report(findings)}\n")
    print(says)
    return 0 if all(finding.ok for finding in next(iter(groups.values()))) else 1


if __name__ == "__main__":
    sys.exit(main())
