"""What the cluster is made of, and where everything lies."""

import tomllib
from typing import Any

import yaml  # type: ignore[import-untyped]

from companion.bootstrap import ROOT

SETUP = ROOT / "cluster-setup"
STATE = ROOT / "build" / "cluster"
# The only kubeconfig that is ever used; companion.workspace points the notebooks to it.
KUBECONFIG = STATE / "kubeconfig"
# The manifests of Kubeflow Pipelines: kept when the cluster goes, so that it comes back without a network.
CACHE = STATE / "cache"

VERSIONS: dict[str, Any] = tomllib.loads((SETUP / "versions.toml").read_text(encoding="utf-8"))
KIND_CONFIG: dict[str, Any] = yaml.safe_load((SETUP / "kind.yaml").read_text(encoding="utf-8"))
NAME: str = KIND_CONFIG["name"]
CONTEXT = f"kind-{NAME}"
NODE_IMAGE: str = VERSIONS["node"]["image"]
RELEASE: str = VERSIONS["kubeflow"]["release"]
KUBEFLOW_IMAGES: list[str] = VERSIONS["images"]["kubeflow"]
# Port of a node: port of this machine.
PORTS: dict[int, int] = {
    mapping["containerPort"]: mapping["hostPort"]
    for node in KIND_CONFIG["nodes"]
    for mapping in node.get("extraPortMappings", [])
}
KUBEFLOW_URL = f"http://localhost:{PORTS[30080]}"


def version_numbers(text: str) -> tuple[int, int]:
    """Read the first two numbers of a version such as ``v1.36.1`` or ``1.32+``.

    Raises
    ------
    ValueError
        If there are none.
    """
    major, minor = text.lstrip("v").split(".")[:2]
    return int(major), int("".join(digit for digit in minor if digit.isdigit()))


def node_version(image: str) -> tuple[int, int] | None:
    """Read Kubernetes' version off the tag of a node image; None if the tag does not tell it."""
    try:
        return version_numbers(image.split("@")[0].rsplit(":", 1)[1])
    except (IndexError, ValueError):
        return None
