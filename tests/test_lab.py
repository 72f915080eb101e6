"""The copies a learner writes in are never overwritten."""

import re
from pathlib import Path

import nbformat
import pytest

from companion import lab
from companion.errors import WorkspaceError
from companion.lab_files import Files


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "notebooks" / "01-1-label-and-columns.ipynb"
    path.parent.mkdir()
    write(path, "first")
    return path


def write(path: Path, text: str) -> None:
    cell = nbformat.v4.new_code_cell(text, outputs=[nbformat.v4.new_output("stream", text="the answer")])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def test_copy_follows_until_the_learner_writes_in_it(notebook: Path) -> None:
    root = notebook.parents[1]
    copy = root / "work" / notebook.name
    assert lab.copy_notebooks(root) == []
    assert "the answer" not in copy.read_text()
    write(notebook, "second")
    assert lab.copy_notebooks(root) == []
    assert '"second"' in copy.read_text()

    copy.write_text("mine")
    assert lab.copy_notebooks(root) == []  # nothing newer: nothing to say
    write(notebook, "third")
    assert [sentence.split(",")[0] for sentence in lab.copy_notebooks(root)] == [
        "There is a newer 01-1-label-and-columns.ipynb"
    ]
    assert copy.read_text() == "mine"

    copy.rename(copy.with_name("01-mine.ipynb"))
    assert lab.copy_notebooks(root) == []
    assert '"third"' in copy.read_text()


def test_a_copy_that_was_only_opened_and_run_follows(notebook: Path) -> None:
    root = notebook.parents[1]
    copy = root / "work" / notebook.name
    lab.copy_notebooks(root)
    opened = nbformat.read(copy, as_version=4)
    opened.metadata["language_info"] = {"name": "python", "version": "3.13.0"}  # as JupyterLab saves it
    opened.cells[0].outputs = [nbformat.v4.new_output("stream", text="what came out")]
    nbformat.write(opened, copy)
    write(notebook, "second")
    assert lab.copy_notebooks(root) == []
    assert '"second"' in copy.read_text()


def test_jupyterlab_may_not_save_the_book_s_own_notebooks(tmp_path: Path) -> None:
    for folder in ("work", "solutions", "notebooks"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.ipynb", "x")
    files = Files(root_dir=str(tmp_path))
    writable = {
        folder: files.is_writable(f"{folder}/a.ipynb") for folder in ("work", "solutions", "notebooks")
    }
    assert writable == {"work": True, "solutions": False, "notebooks": False}


def test_codespaces_may_ask_from_its_own_address_and_nobody_else() -> None:
    environ = {"CODESPACE_NAME": "odd.fish-1", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.example.dev"}
    [option] = lab.own_address(environ)
    name, pattern = option.split("=", 1)
    assert name == "--ServerApp.allow_origin_pat"
    assert re.match(pattern, "https://odd.fish-1-8888.app.example.dev")
    for stranger in (
        "https://oddxfish-1-8888.app.example.dev",
        "https://odd.fish-1-8888.app.example.dev.evil.org",
    ):
        assert not re.match(pattern, stranger)
    assert lab.own_address({"CODESPACE_NAME": "a"}) == []


def test_a_copy_of_unknown_origin_is_kept(notebook: Path) -> None:
    root = notebook.parents[1]
    (root / "work").mkdir()
    (root / "work" / notebook.name).write_text("mine")
    assert len(lab.copy_notebooks(root)) == 1
    assert (root / "work" / notebook.name).read_text() == "mine"


def test_nothing_to_open_and_no_folder_to_write_are_said_in_one_sentence(
    notebook: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = notebook.parents[1]
    (root / "work").write_text("a file where the folder belongs")
    with pytest.raises(WorkspaceError, match="Cannot copy the notebooks"):
        lab.copy_notebooks(root)
    notebook.unlink()
    monkeypatch.setattr(lab, "repository", lambda: root)
    assert lab.main(["--no-open"]) == 1
    assert capsys.readouterr().err == (
        "lab: There is nothing in notebooks/: build the notebooks first, with 'make notebooks'.\n"
    )


def test_lab_opens_the_copies(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    environments: list[dict[str, str]] = []

    def execve(path: str, arguments: list[str], environment: dict[str, str]) -> None:
        started.append(arguments)
        environments.append(environment)

    monkeypatch.setattr(lab, "repository", lambda: notebook.parents[1])
    monkeypatch.setattr(lab.os, "execve", execve)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    root = notebook.parents[1]
    command = ["-m", "jupyterlab", f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/work"]
    command.append("--ServerApp.contents_manager_class=companion.lab_files.Files")
    monkeypatch.setattr(lab.os, "geteuid", lambda: 1000)
    lab.main([])
    assert started.pop()[1:] == command
    lab.main(["--port=9000"])
    assert started.pop()[1:] == [*command, "--port=9000"]
    assert "ALL_PROXY" not in environments[0]
    monkeypatch.setattr(lab.os, "geteuid", lambda: 0)
    lab.main([])
    assert started.pop()[1:] == [*command, "--allow-root"]
