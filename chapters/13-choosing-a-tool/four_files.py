"""The four files of wiring next to each other: where one step of them calls the model's code."""

import ast

from companion.workspace import repository

PIPELINES = repository() / "src" / "flightdelay" / "pipelines"
FILES = {
    "plain": "in_plain_python",
    "zenml": "with_zenml",
    "airflow": "with_airflow",
    "kubeflow": "with_kubeflow",
}


def lines_of(tool: str, step: str = "train") -> tuple[str, str]:
    """Return a step's signature and the statement that calls the model's function."""
    tree = ast.parse((PIPELINES / f"{FILES[tool]}.py").read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    function = functions[step if step in functions else "run"]
    calls = [line for line in map(ast.unparse, function.body) if f"{step}(" in line and "import" not in line]
    signature = f"{step}({ast.unparse(function.args)})" if step in functions else "(no function of its own)"
    return signature, calls[0]
