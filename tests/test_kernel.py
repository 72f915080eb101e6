"""A kernel of the book's environment is safe and helpful before its notebook's first cell."""

import os
import sys
from pathlib import Path

import pytest
from in_a_kernel import ran

from companion.environment import repository
from companion.kernel import CELL_ABOVE, NEW_KERNEL


def test_every_kernel_of_the_environment_loads_it() -> None:
    installed = Path(sys.prefix) / "etc" / "ipython" / "ipython_kernel_config.py"
    assert (
        installed.read_bytes()
        == (repository() / "src" / "companion" / "ipython_kernel_config.py").read_bytes()
    )


@pytest.mark.parametrize("cell", ["features.head()", "import wiring", "open('no/such/file')"])
def test_a_cell_in_a_new_kernel_asks_for_the_cells_above(cell: str, tmp_path: Path) -> None:
    shown = ran(cell, tmp_path)
    assert NEW_KERNEL in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    "cell", ["!cp '{state}/probed.yaml' .", "x = 1\n!kubectl get pods -n flights-service"]
)
def test_a_command_that_fails_in_a_new_kernel_asks_for_the_cells_above(cell: str, tmp_path: Path) -> None:
    assert NEW_KERNEL in ran(cell, tmp_path)
    assert NEW_KERNEL not in ran(f"import companion; companion.workspace('01-1')\n# %%\n{cell}", tmp_path)
    assert NEW_KERNEL not in ran("!false", tmp_path)


def test_with_the_first_cell_run_the_error_is_shown_and_the_way_on(tmp_path: Path) -> None:
    shown = ran("import companion; companion.workspace('01-1')\n# %%\nfeatures.head()", tmp_path)
    assert NEW_KERNEL not in shown
    assert CELL_ABOVE in shown
    assert "name 'features' is not defined" in shown


def test_other_errors_are_shown_as_always(tmp_path: Path) -> None:
    shown = ran("1/0", tmp_path)
    assert "ZeroDivisionError" in shown
    assert NEW_KERNEL not in shown
    assert CELL_ABOVE not in shown


def test_no_tool_leads_elsewhere_before_the_first_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/company/kubeconfig")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://company.invalid/airflow")
    names = ["KUBECONFIG", "ZENML_CONFIG_PATH", "AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    shown = ran(f"import os; print(*[os.environ.get(name) for name in {names}], sep='\\n')", tmp_path)
    kubeconfig, zenml, airflow, database = shown.splitlines()
    places = [
        str(repository() / "build" / "cluster" / "kubeconfig"),
        str(tmp_path / "state" / "recorded-kubeconfig"),
    ]
    assert kubeconfig.split(os.pathsep) == places
    assert "127.0.0.1:1" in Path(places[1]).read_text(), "and that one leads nowhere before the first cell"
    assert zenml.startswith(str(tmp_path))
    assert airflow.startswith(str(tmp_path))
    assert database.startswith(f"sqlite:///{tmp_path}")
