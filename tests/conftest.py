"""What several test modules share."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nbval_strict.strict import pytest_collect_directory as pytest_collect_directory
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
# Each of its tests stands for itself and takes long.
APART = "test_no_other_cluster.py"


class ByChapter(LoadScopeScheduling):
    """A worker takes a module, or all of a chapter's checks or of a tool in it, so that what they share is made once.

    pytest-xdist 3.8.0 ignores its own mark for this, ``xdist_group``, under pytest 9.2 (pytest-xdist#1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module.endswith(APART):
            return nodeid
        if module.endswith("test_checks.py"):
            found = re.search(r"\[(?:ex_)?(\d+)[-_]", nodeid)
            return f"checks of {found[1]}" if found else module
        tool = re.search(r"\[(plain|zenml|airflow|kubeflow)\b", nodeid)
        return f"{module} with {tool[1]}" if tool else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByChapter:
    return ByChapter(config, log)


@pytest.fixture
def miniature(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a small copy of the repository, with chapters from ``fixtures/``."""

    def make(*names: str) -> Path:
        shutil.copytree(TESTS / "nbval_strict", tmp_path / "tests" / "nbval_strict")
        shutil.copy(TESTS / "sanitize.cfg", tmp_path / "tests")
        (tmp_path / "tests" / "conftest.py").write_text(
            "from nbval_strict.strict import pytest_collect_directory as pytest_collect_directory\n"
        )
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name in names:
            shutil.copytree(TESTS / "fixtures" / "chapters" / name, tmp_path / "chapters" / name)
        (tmp_path / "README.md").write_text("")
        return tmp_path

    return make
