"""No script and no notebook talks to a cluster that cluster-setup did not make."""

import json
import os
import re
from pathlib import Path

import pytest

from companion.chapters import recorded_cluster
from companion.cluster import settings
from companion.environment import recorded_kubeconfig, tool_environment

ROOT = Path(__file__).parents[1]
CODE = [*sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "dags").rglob("*.py"))]
# The one place that starts kubectl and kind on a cluster, and one that renders a folder and talks to none.
MAY_START = {"companion/cluster/shell.py", "companion/cluster/manifests.py"}
# They pass on or simulate what a notebook's cell says; doctor asks for versions.
PASS_ON = {"companion/stand_in.py", "companion/doctor.py", "companion/cluster/preflight.py"}
# What would lead elsewhere than the one kubeconfig that companion.workspace sets.
ELSEWHERE = re.compile(
    r"--kubeconfig|--context|--server[ =]|--cluster[ =]|KUBECONFIG\s*=|load_kube_config|load_incluster_config"
    r"|\.kube/config|use-context|kube_context"
)
CLIENT = re.compile(r"\bClient\(([^)]*)\)")
COMMAND = re.compile(r"^\s*[!%]+(?:sh|bash)?.*|^\s*!.*", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT / "src")) if path.is_relative_to(ROOT / "src") else path.name


def notebook_cells() -> list[tuple[str, list[str]]]:
    found = []
    for folder in ("notebooks", "solutions"):
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
            found.append((f"{folder}/{path.name}", code))
    return found


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_script_starts_kubectl_or_kind_by_itself(path: Path) -> None:
    if name(path) in MAY_START | PASS_ON:
        return
    text = path.read_text(encoding="utf-8")
    starts = r"""(?:run|Popen|check_output|system|call)\(\s*\[?\s*["'](?:kubectl|kind)\b"""
    assert re.findall(starts, text) == []


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_script_names_another_kubeconfig(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = "\n".join(line.split("#")[0] for line in text.splitlines())
    allowed = {f"companion/cluster/{part}.py" for part in ("settings", "shell", "lifecycle")}
    allowed.add("companion/environment.py")
    if name(path) not in allowed:
        assert ELSEWHERE.findall(code) == []


def test_the_places_that_are_allowed_name_only_ours() -> None:
    for path in MAY_START | {"companion/cluster/lifecycle.py"}:
        text = (ROOT / "src" / path).read_text(encoding="utf-8")
        for line in text.splitlines():
            if "KUBECONFIG" in line and ("environ" in line or '"KUBECONFIG":' in line):
                assert "settings.KUBECONFIG" in line or "recorded_kubeconfig()" in line
            if "--kubeconfig" in line:
                assert "settings.KUBECONFIG" in line
            assert "--context" not in line
    assert settings.KUBECONFIG == ROOT / "build" / "cluster" / "kubeconfig"
    assert tool_environment(ROOT)["KUBECONFIG"].split(os.pathsep) == [
        str(settings.KUBECONFIG),
        str(recorded_kubeconfig()),
    ]


@pytest.mark.parametrize(("notebook", "cells"), notebook_cells(), ids=lambda value: str(value)[:40])
def test_notebooks_keep_to_the_cluster_of_the_workspace(notebook: str, cells: list[str]) -> None:
    text = "\n".join(cells)
    assert ELSEWHERE.findall(text) == []
    talks = [cell for cell in cells if re.search(r"\b(kubectl|kind)\b", "".join(COMMAND.findall(cell)))]
    if talks:
        before = "\n".join(cells[: cells.index(talks[0])])
        assert "workspace(" in before, f"{notebook} talks to a cluster before its first cell says which"
        # Its own version can be asked for without a cluster.
        recorded = recorded_cluster(ROOT, Path(notebook).name[:4])
        if not recorded and any(not re.search(r"version --client|^!?kind version", cell) for cell in talks):
            assert "require()" in before, f"{notebook} does not stop where there is no cluster"
    for arguments in CLIENT.findall(text):
        if "kfp" in text and "host" in arguments:
            assert re.search(r"localhost|127\.0\.0\.1|KUBEFLOW_URL", arguments)


@pytest.mark.parametrize(
    "line",
    [
        "!kubectl --context prod get pods",
        "!kubectl --kubeconfig ~/.kube/config get pods",
        "os.environ['KUBECONFIG'] = x; KUBECONFIG = y",
        "kubernetes.config.load_kube_config()",
        "!kubectl config use-context prod",
    ],
)
def test_the_scan_sees_what_leads_elsewhere(line: str) -> None:
    assert ELSEWHERE.search(line)
