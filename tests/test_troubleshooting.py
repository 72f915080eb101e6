"""Every entry of docs/troubleshooting.md has its four parts, and the table leads to all of them."""

import re
from inspect import getsource
from types import ModuleType

import pytest

from companion import airflow_services, bootstrap, doctor, kernel, lab, stand_in
from companion.environment import repository

PAGE = (repository() / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PARTS = ["Symptom", "Command", "Cause", "Fix"]
ENTRIES = dict(re.findall(r"^### (.+)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE))


def anchor(heading: str) -> str:
    """Return what GitHub makes of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_there_are_entries() -> None:
    assert len(ENTRIES) >= 15
    assert len(ENTRIES) == PAGE.count("\n### ")


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_its_four_parts_in_order(heading: str) -> None:
    parts = re.findall(r"^\*\*(\w+)\.\*\* (.+)", ENTRIES[heading], re.MULTILINE)
    assert [name for name, _ in parts] == PARTS
    assert all(len(text) > 10 for _, text in parts)


def test_the_table_leads_to_every_entry_and_nowhere_else() -> None:
    rows = re.findall(r"^\|.*\| \[(.+)\]\(#(.+)\) \|$", PAGE, re.MULTILINE)
    # One row leads to all entries of the cluster, whose words mean nothing to a reader without one.
    laptop = re.findall(r"^### (.+)$", PAGE.split("\n## Cluster\n")[0], re.MULTILINE)
    assert {title for title, _ in rows} == {*laptop, "Cluster"}
    assert all(target == anchor(title) for title, target in rows)


@pytest.mark.parametrize(
    ("words", "module"),
    [
        ("is needed, and only", bootstrap),
        ("You are root, so whatever a notebook does, it does as root.", lab),
        ("There is no recorded answer to this line", stand_in),
        ("knows nothing of the cells above", kernel),
        ("processes of an earlier one still run", doctor),
        ("is on the disk of Windows: slow, and SQLite cannot lock its files there", doctor),
        ("An Airflow is already running in", airflow_services),
    ],
)
def test_what_it_quotes_of_the_book_is_what_the_book_says(words: str, module: ModuleType) -> None:
    assert words.lower() in PAGE.lower()
    assert words in getsource(module)
