"""What is said in several places is said once: the others are compared with it.

The minutes of a sitting and the versions of its recording stand in chapter.toml, the cluster's in versions.toml, the
size of the environment in companion.bootstrap. Where a figure here is wrong, the failure names the right one.
"""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from authoring.readme import with_map
from companion import bootstrap
from companion.chapters import Chapter, chapters
from companion.cluster import settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "instructor-guide.md").read_text(encoding="utf-8")
START = (ROOT / "chapters" / "00-start-here" / "README.md").read_text(encoding="utf-8")
PAGE = 10  # minutes for the page of a chapter
CLASS = 2 * 90  # minutes a week
CHAPTERS = chapters(ROOT)
# Chapters of your own have higher numbers than the last that the guide plans for.
LAST = max(re.findall(r"^\| \d \| \d\d to (\d\d)", GUIDE, re.MULTILINE))
BOOK = [chapter for chapter in CHAPTERS if chapter.number <= LAST]


def weeks() -> list[tuple[int, int, int, float]]:
    """Return of each week of the guide: first and last chapter, minutes, hours alone."""
    rows = re.findall(
        r"^\| \d \| (\d\d) to (\d\d)\b.*?\| ([\d,]+) \| ([\d.]+) hours \|$", GUIDE, re.MULTILINE
    )
    return [(int(a), int(b), int(m), float(h)) for a, b, m, h in rows]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.folder.name)
def test_the_minutes_of_a_lesson_and_its_page_are_those_of_the_chapter(chapter: Chapter) -> None:
    for sitting in chapter.sittings:
        said = re.findall(r"^# About (\d+) minutes", sitting.lesson.read_text(encoding="utf-8"), re.MULTILINE)
        assert said == [str(sitting.minutes)], sitting.lesson.name
    head = (chapter.folder / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    assert re.findall(r"about (\d+) minutes", head) == [str(chapter.minutes)], (
        f"{chapter.folder.name}/README.md"
    )


def test_the_map_is_that_of_the_chapters() -> None:
    assert with_map(README, CHAPTERS) == README, "write it again: make notebooks"
    assert all(chapter.folder.name in README for chapter in CHAPTERS)


def test_the_hours_of_the_whole_are_the_sum() -> None:
    hours = round(sum(chapter.minutes + PAGE for chapter in BOOK) / 60)
    for name, text in (("README.md", README), ("instructor-guide.md", GUIDE), ("00's page", START)):
        assert re.findall(r"about (\d+) hours", text) == [str(hours)], name


def test_the_weeks_have_the_hours_that_they_need() -> None:
    planned = [chapter for first, last, *_ in weeks() for chapter in range(first, last + 1)]
    assert planned == [int(chapter.number) for chapter in BOOK] == list(range(len(BOOK)))
    finale = int((re.search(r"finale.*?(\d+) minutes in all", GUIDE) or [0, 0])[1])
    for number, (first, last, said, alone) in enumerate(weeks(), 1):
        needed = sum(chapter.minutes + PAGE for chapter in BOOK[first : last + 1])
        needed += finale if number == len(weeks()) else 0
        assert said == needed, f"week {number}"
        assert 0 <= CLASS + 60 * alone - needed <= 30, (
            f"week {number}: {(needed - CLASS) / 60:.2f} hours alone"
        )
    shortest, longest = min(row[3] for row in weeks()), max(row[3] for row in weeks())
    for text in (README, GUIDE):
        assert f"{shortest:g} to {longest:g} hours alone" in text


def test_the_day_has_six_hours_with_lunch_in_them() -> None:
    rows = re.findall(r"^\| (\d):(\d\d) \| (.+?) \| .*?(\d+) minutes", GUIDE, re.MULTILINE)
    now = 0
    for hours, rest, what, length in rows:
        assert 60 * int(hours) + int(rest) == now, what
        now += int(length)
    assert now == 6 * 60
    assert [what for _, _, what, _ in rows].count("lunch") == 1


def test_the_version_of_the_cluster_is_the_pinned_one() -> None:
    node = re.search(r":v([\d.]+)@", settings.NODE_IMAGE)
    assert node
    assert f"`make cluster-up` makes a cluster of Kubernetes {node[1]}" in README
    recorded = {chapter.run.get("versions", {}).get("kubernetes", node[1]) for chapter in CHAPTERS}
    assert [f"The recordings come from Kubernetes {each}" in README for each in recorded] == [True]


def test_the_size_of_the_environment_is_said_the_same_everywhere() -> None:
    size = "310 MB to download, 1.1 GB on disk"
    assert size in bootstrap.EXPECTATION
    for name in ("README.md", "Makefile", "docs/instructor-guide.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"\d+ MB to download, [\d.]+ GB on disk", text) == [size], name
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.rstrip("\\ ")) for line in lock if line and line[0] not in "# "]
    count = sum(not pin.marker or pin.marker.evaluate() for pin in pins)
    said = int((re.search(r"about (\d+) packages", bootstrap.EXPECTATION) or [0, 0])[1])
    assert abs(count - said) <= 5
