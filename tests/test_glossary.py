"""Each word of Kubernetes that a lesson of chapters 08 to 12 uses is in docs/glossary.md."""

import inspect
import re
from pathlib import Path

import kubernetes.client
import pytest

from authoring import build
from companion.environment import repository

ROOT = repository()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
LESSONS = [each.lesson for each in build.sittings(ROOT) if "08" <= each.key <= "12-9"]
# What `kubectl get pods` may show as status, beyond the plain words Running, Completed and Error.
STATES = {"CrashLoopBackOff", "CreateContainerConfigError", "ErrImagePull", "ImagePullBackOff"}
STATES |= {"OOMKilled", "Pending"}
# Kinds whose names are plain English words as well; a lesson that means the kind says more.
PLAIN = {"Binding", "Scale", "Status"}


def kinds() -> set[str]:
    """Return the kinds of objects that the official client knows, such as ``CronJob``."""
    found = set()
    for name, model in vars(kubernetes.client).items():
        fields = getattr(model, "openapi_types", {}) if inspect.isclass(model) else {}
        if {"kind", "api_version", "metadata"} <= set(fields):
            found.add(re.sub(r"^V\d+(?:(?:alpha|beta)\d+)?|List$", "", name))
    return found - PLAIN


def explained() -> set[str]:
    return set(re.findall(r"^\*\*([\w ]+)\*\*: ", GLOSSARY, re.MULTILINE))


def used(text: str) -> set[str]:
    """Return the words of Kubernetes in a text, in the singular."""
    words = set(re.findall(r"\b[A-Z]\w+\b", text))
    return {word for word in kinds() | STATES if {word, f"{word}s"} & words}


def test_the_client_knows_the_usual_kinds() -> None:
    assert {"Pod", "Job", "CronJob", "Deployment", "Service", "Secret", "PersistentVolumeClaim"} <= kinds()
    assert used("Two Pods of a Job ended as OOMKilled; the podium stands.") == {"Pod", "Job", "OOMKilled"}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_word_of_a_lesson_is_explained(lesson: Path) -> None:
    texts = [lesson.read_text(encoding="utf-8"), (lesson.parent / "README.md").read_text(encoding="utf-8")]
    assert used("\n".join(texts)) - explained() == set()


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    words = re.findall(r"^\*\*([\w ]+)\*\*: ", GLOSSARY, re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    assert {word.lower() for word in STATES} <= {word.lower() for word in words}


def test_every_table_has_the_five_vocabularies() -> None:
    for row in re.findall(r"^\|.*\|$", GLOSSARY, re.MULTILINE):
        assert row.count("|") == 6, row
