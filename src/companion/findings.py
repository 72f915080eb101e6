"""What ``make doctor`` and ``make cluster-preflight`` find, a line each: OK, or LACKS with its fix.

It needs no package, since the environment may be broken.
"""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from companion.programs import output_of

GB = 10**9


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


def check_system() -> Finding:
    """Refuse Windows itself, where neither Airflow nor ZenML runs."""
    name = system_name()
    detail = f"{name} on {platform.machine()}"
    if name not in ("Linux", "macOS", "WSL2"):
        fix = "Install WSL2 (in PowerShell: wsl --install), open Ubuntu and clone the repository there."
        return Finding("system", False, detail, fix)
    return Finding("system", True, detail)


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
        version = output_of(name, "info", "--format", formats[name])
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
    version = output_of(name, *arguments)
    if version is None:
        return Finding(name, False, f"{shutil.which(name)} does not start", fix)
    return Finding(name, True, version.splitlines()[0] if version else "installed")


def report(findings: list[Finding]) -> str:
    """Write findings for a person, in colour on a terminal."""
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    marks = {True: "OK   ", False: "LACKS"}
    if color:
        marks = {True: "\033[32mOK   \033[0m", False: "\033[1;31mLACKS\033[0m"}
    lines = []
    for finding in findings:
        lines.append(f"  {marks[finding.ok]}  {finding.name:<16}  {finding.detail}")
        if not finding.ok:
            lines.append(f"         {'':<16}  Fix: {finding.fix}")
    return "\n".join(lines)


def to_be_mended(findings: list[Finding]) -> str:
    """Say what is lacking; empty if nothing is."""
    lacking = [finding.name for finding in findings if not finding.ok]
    if not lacking:
        return ""
    count = "One thing has" if len(lacking) == 1 else f"{len(lacking)} things have"
    return f"{count} to be mended first: {', '.join(lacking)}. Each fix is above; nothing was made or downloaded."
