"""Imports go one way: chapters and tests may use authoring and companion; these use the model; nothing goes back."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
MODULES = {
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SRC.rglob("*.py")
}


def imported(path: Path, module: str) -> Iterator[str]:
    """Yield each of our modules that a file imports, also inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in PACKAGES and name != module)


PACKAGES = {"authoring", "companion", "flightdelay"}
# What each may import, besides itself.
BELOW = {"authoring": {"companion", "flightdelay"}, "companion": {"flightdelay"}, "flightdelay": set()}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module: str) -> None:
    package = module.split(".")[0]
    found = {name for name in imported(MODULES[module], module) if name.split(".")[0] != package}
    assert {name.split(".")[0] for name in found} <= BELOW[package], found


def test_no_two_modules_import_each_other() -> None:
    graph = {module: set(imported(path, module)) for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"These import each other: {' -> '.join(error.args[1])}")


def test_no_chapter_of_the_reader_needs_the_writers_tools() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in ROOT.glob("chapters/**/*.py")
        if any(name.startswith("authoring") for name in imported(path, ""))
    ]
    assert found == []
