"""What several test modules share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nbval_strict.strict import pytest_collect_directory as pytest_collect_directory

TESTS = Path(__file__).parent


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
