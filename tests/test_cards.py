"""What stands on a card is typed in a terminal, where nothing is set up: it names its environment and its cluster.

Those of 03, 04 and 05 have tests of their own, which run them beside the tools that they need.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("chapters/[01][0-9]-*/README.md"))
COMMAND = re.compile(r"^- `([^`]+)`: ", re.MULTILINE)
IN_THE_ENVIRONMENT = re.compile(r"^(python3?|pip|zenml|airflow|kfp|jupyter)\b")
OUR_CLUSTER = "export KUBECONFIG=$PWD/build/cluster/kubeconfig"


def card(page: Path) -> str:
    return re.split(
        r"^##+ (?:The )?card$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.IGNORECASE
    )[-1]


def commands(chapter: str) -> list[str]:
    [page] = [page for page in PAGES if page.parent.name.startswith(chapter)]
    return COMMAND.findall(card(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_command_names_its_environment_and_its_cluster(page: Path) -> None:
    found = COMMAND.findall(card(page))
    assert not [each for each in found if IN_THE_ENVIRONMENT.match(each)]
    if any(each.startswith("kubectl") for each in found):  # else it goes to the reader's own current context
        assert OUR_CLUSTER in card(page)


def test_the_cards_are_found() -> None:
    assert len(PAGES) >= 14
    assert all(len(commands(chapter)) == 3 for chapter in ("02", "07", "08", "09", "10", "11", "12", "13"))


@pytest.mark.parametrize("chapter", ["07", "13"])
def test_the_card_works_as_printed(chapter: str, tmp_path: Path) -> None:
    for command in commands(chapter):
        if command.startswith("make "):  # what these do is tested where they are made
            command = f"{command} --dry-run"
        mine = command.replace("work/", f"{tmp_path}/")
        done = subprocess.run(["bash", "-c", mine], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout or "compile" in command
