"""What several test modules share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nbval_strict.strict import pytest_collect_directory as pytest_collect_directory

TESTS = Path(__file__).parent


@pytest.fixture
def miniature(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a small copy of the repository, with lessons from ``fixtures/``."""

    def make(*names: str) -> Path:
        shutil.copytree(TESTS / "nbval_strict", tmp_path / "tests" / "nbval_strict")
        shutil.copy(TESTS / "sanitize.cfg", tmp_path / "tests")
        shutil.copytree(TESTS / "fixtures" / "recordings", tmp_path / "tests" / "recordings")
        (tmp_path / "tests" / "conftest.py").write_text(
            "from nbval_strict.strict import pytest_collect_directory as pytest_collect_directory\n"
        )
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name in names:
            (tmp_path / "chapters" / name).mkdir(parents=True)
            shutil.copy(TESTS / "fixtures" / f"{name}.py", tmp_path / "chapters" / name / "lesson.py")
        return tmp_path

    return make
