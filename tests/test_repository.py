"""What has to hold for the files of the repository as a whole."""

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# What git ignores (see .gitignore) and git itself.
NOT_OURS = {
    ".git",
    ".venv",
    ".venv-dashboard",
    ".venv-site",
    ".venv-spark",
    "build",
    "work",
    "__pycache__",
    ".ipynb_checkpoints",
    ".hypothesis",
}
NOT_OURS |= {".mypy_cache", ".pytest_cache", ".ruff_cache", ".jupyter_cache"}
# Whoever reads this has a package index of their own; put together, so that this file does not name one.
INDEX_HOSTS = ("files." + "pythonhosted", "pypi" + ".org/simple", "test." + "pypi")


def our_files() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in NOT_OURS and not f.endswith(".egg-info")]
        found += [Path(folder, name) for name in names if name != "uv.lock"]
    return found


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def targets() -> dict[str, str]:
    """Map each target of the Makefile to its recipe."""
    text = (ROOT / "Makefile").read_text().split("endef", 1)[1]
    return dict(re.findall(r"^([a-z-]+):[^=\n]*\n((?:\t.*\n)*)", text, re.MULTILINE))


def test_no_file_or_folder_shadows_a_tool() -> None:
    names = {"airflow", "kfp", "zenml"}
    shadows = [path for path in our_files() if path.stem in names and path.suffix == ".py"]
    shadows += [path for path in our_files() if names & set(path.parent.relative_to(ROOT).parts[:1])]
    assert shadows == []


def test_no_file_names_an_index_host_or_this_folder() -> None:
    # A short path such as /data could be a word of the text.
    banned = [*INDEX_HOSTS, *([str(ROOT)] if len(ROOT.parts) > 2 else [])]
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in our_files()
        if path.suffix not in {".parquet", ".png"}
        for word in banned
        if word in text_of(path)
    }
    assert found == set()


def test_the_licences_are_whole() -> None:
    for name, title, length in [
        ("LICENSE", "Apache License", 11000),
        ("LICENSE-text", "Attribution 4.0 International", 18500),
        ("data/LICENSE", "CC0 1.0 Universal", 6500),
    ]:
        text = (ROOT / name).read_text()
        assert title in text
        assert len(text) > length


@pytest.mark.parametrize(
    "name", ["work/my.ipynb", "build/tour.json", ".venv/stamp", "uv.lock", "a/__pycache__/b"]
)
def test_what_is_made_is_ignored(name: str) -> None:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    assert any(
        f"/{name}".startswith(line) or f"/{line}" in f"/{name}" for line in lines if line[:1] not in "# "
    )


def test_help_names_what_exists_and_nothing_else() -> None:
    text = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^  make ([a-z-]+)  ", text, re.MULTILINE)
    internal = {"help", "venv", "check-tests", "check-notebooks"}
    assert sorted(named) == sorted(targets().keys() - internal)
    assert max(len(line) for line in text.splitlines()) <= 100


def test_all_targets_are_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(targets())


def test_what_make_runs_exists() -> None:
    text = "".join(targets().values())
    for package, module in re.findall(r"-m (companion|authoring)\.(\w+)", text):
        assert (
            list((ROOT / "src" / package).glob(f"{module}.py")) or (ROOT / "src" / package / module).is_dir()
        )
    for path in re.findall(r"\$\(RUN\) ((?:\w+/)+\w+\.py)", text):
        assert (ROOT / path).exists()


def test_clean_spares_what_a_learner_wrote() -> None:
    recipes = targets()["clean"] + targets()["reset"]
    removed = " ".join(re.findall(r"rm -rf ([^;\n]*)", recipes)).split()
    assert "work" not in removed
    assert "work/" not in removed


def test_workflows_use_commands_that_exist() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    for path in workflows:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                if "uses" in step:
                    assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
                else:
                    command = step["run"]
                    assert command == ".ci/run" or command.removeprefix("make ") in targets()


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"].split(" AND ")


def test_issue_forms_ask_for_what_doctor_prints() -> None:
    forms = [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*-*.yml")
    ]
    assert forms
    for form in forms:
        assert form.keys() >= {"name", "description", "body"}
        assert len({each["id"] for each in form["body"]}) == len(form["body"])
    asked = [each["attributes"]["label"] for form in forms for each in form["body"]]
    assert "What `make doctor` prints" in asked


def test_scripts_can_be_run() -> None:
    scripts = [path for path in our_files() if path.suffix == ".sh" or path.parent.name == ".ci"]
    assert ROOT / ".ci" / "run" in scripts
    for path in scripts:
        assert os.access(path, os.X_OK), path
        assert text_of(path).startswith("#!/usr/bin/env bash\n"), path
        assert "set -euo pipefail" in text_of(path), path


def test_no_tool_fails_without_its_own_sentence() -> None:
    """What `check=True` raises does not show what `capture_output=True` has caught."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("chapters/**/*.py")]
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and {"check", "capture_output"}
        <= {each.arg for each in call.keywords if ast.unparse(each.value) == "True"}
    ]
    assert found == []
