"""A clone may lie in a folder such as ``my course 100% ü``: in a magic or a command, a path stands in double quotes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LESSONS = sorted(ROOT.glob("chapters/*/[1-4]-*.py"))
# Lines for IPython: `# %%writefile …`, `# %run …`, `# !command`, `# lines = !command`.
SPECIAL = re.compile(r"^\s*# (%%?[a-z]\w*|(?:[\w, ]+ = )?!) ?(.*)$")
PATH = re.compile(
    r"\{(?:state|work|folder|home|here|root)\b[^}]*\}|\{(?!door|url)[^{}]*\}/|(?<!\$)\$(?:state|work|folder|home|root)\b"
)


def unquoted(text: str) -> list[str]:
    """Find the lines in which something that is a path stands outside of double quotes."""
    found = []
    for line in text.splitlines():
        special = SPECIAL.match(line)
        if special and PATH.search(re.sub(r'"[^"]*"', '""', special[2])):
            found.append(line.strip())
    return found


@pytest.mark.parametrize(
    "line",
    [
        "# %%writefile {state}/wiring.py",
        "# !kubectl apply -f {state}/job.yaml",
        "# said = !kubectl get -f {state / 'job.yaml'}",
        "# !cat {manifests}/job.yaml",
        "# !cat $state/job.yaml",
        '# !echo "a" {state}',
    ],
)
def test_it_finds_a_path_without_quotes(line: str) -> None:
    assert unquoted(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        '# %%writefile "{state}/wiring.py"',
        '# !kubectl apply -f "{state}/job.yaml" -n {namespace}',
        "# !kubectl get pods -l job-name={name}",
        "# What is written to {state}/x is text.",
        "# %%capture said",
        "# %% [markdown]",
    ],
)
def test_it_finds_nothing_else(line: str) -> None:
    assert unquoted(line) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_lesson_has_a_path_without_quotes(lesson: Path) -> None:
    assert unquoted(lesson.read_text(encoding="utf-8")) == []
