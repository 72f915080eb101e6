"""The chapters: each is a folder ``chapters/NN-name/`` with all that belongs to it and a ``chapter.toml``.

Python finds a chapter's own code as the package ``chapter_NN``, wherever it is started in ``.venv``
(`companion.bootstrap` links it): ``from chapter_10.labs import Labs``.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LESSON = re.compile(r"[1-4]-[a-z0-9-]+")


class ChapterError(Exception):
    """A chapter's folder is not in order; the text is one clear sentence."""


@dataclass(frozen=True)
class Sitting:
    """One notebook of a chapter: what is done in one go.

    Attributes
    ----------
    folder
        The chapter's folder.
    name
        The name of the lesson without suffix, such as ``1-label-and-columns``.
    minutes
        What it takes a reader, without the page.
    namespaces
        Of the cluster, where the notebook works on one: these are recorded.
    asks
        What its API has to serve beside Kubernetes' own, such as ``trainer.kubeflow.org/v1alpha1``.
    beside
        The packages beside `.venv` that it runs with (`companion.extra_venv`), where they are too large for all.
    """

    folder: Path
    name: str
    minutes: int
    namespaces: tuple[str, ...] = ()
    asks: str = ""
    beside: str = ""

    @property
    def key(self) -> str:
        """Chapter and sitting, such as ``01-1``: what `companion.workspace` is given."""
        return f"{self.folder.name[:2]}-{self.name[0]}"

    @property
    def notebook(self) -> str:
        """The notebook's name without suffix, such as ``01-1-label-and-columns``."""
        return f"{self.folder.name[:2]}-{self.name}"

    @property
    def lesson(self) -> Path:
        """The source of the notebook."""
        return self.folder / f"{self.name}.py"

    def recording(self, variant: str) -> Path:
        """Return where the recorded answers of the notebook's commands lie, ``learner``'s or ``solution``'s."""
        return self.folder / "recordings" / f"{self.name}.{variant}.json"

    @property
    def cluster(self) -> Path:
        """Where the cluster lies that was recorded while the notebook ran."""
        return self.folder / "recordings" / f"{self.name}.cluster.json.xz"

    @property
    def tries(self) -> Path:
        """A program that makes other changes on that cluster, right and wrong ones, to be recorded as well."""
        return self.folder / f"tries_{self.name[0]}.py"


def recorded_cluster(root: Path, key: str) -> Path | None:
    """Return where the recorded cluster of a sitting such as ``08-1`` lies (`Sitting.cluster`); None if it has none."""
    chapter, number = key.split("-")
    return next(root.glob(f"chapters/{chapter}-*/recordings/{number}-*.cluster.json.xz"), None)


@dataclass(frozen=True)
class Chapter:
    """What ``chapter.toml`` says.

    Attributes
    ----------
    folder
        The chapter's folder.
    title, able_to, needs
        As the README's map shows them: what the reader is able to do afterwards, and whether a cluster is needed.
    sittings
        In their order.
    run
        On what its outputs were made (``status``, ``date``, ``versions``); empty where no engine and no cluster is
        asked.
    """

    folder: Path
    title: str
    able_to: str
    needs: str
    sittings: tuple[Sitting, ...]
    run: dict[str, Any]

    @property
    def number(self) -> str:
        """The chapter's two digits."""
        return self.folder.name[:2]

    @property
    def minutes(self) -> int:
        """What all sittings take together."""
        return sum(sitting.minutes for sitting in self.sittings)


def chapters(root: Path) -> list[Chapter]:
    """Return the chapters of the repository in their order.

    Raises
    ------
    ChapterError
        If a ``chapter.toml`` cannot be read, or does not name the lessons that are there.
    """
    return [_chapter(folder) for folder in sorted(root.glob("chapters/[0-9][0-9]-*")) if folder.is_dir()]


def _chapter(folder: Path) -> Chapter:
    path = folder / "chapter.toml"
    where = f"chapters/{folder.name}/chapter.toml"
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ChapterError(
            f"{where} cannot be read ({error.strerror}): docs/writing.md says what stands in it."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ChapterError(f"{where} is not TOML: {error}.") from error
    missing = [key for key in ("title", "able_to", "needs", "minutes") if key not in said]
    if missing:
        raise ChapterError(f"{where} does not say {missing[0]!r}; docs/writing.md says what stands in it.")
    there = sorted(each.stem for each in folder.glob("*.py") if LESSON.fullmatch(each.stem))
    if sorted(said["minutes"]) != there:
        raise ChapterError(
            f"{where} gives minutes for {', '.join(said['minutes']) or 'nothing'}, and the lessons there are "
            f"{', '.join(there) or 'none'}."
        )
    namespaces, asks, beside = (said.get(key, {}) for key in ("namespaces", "asks", "beside"))
    sittings = tuple(
        Sitting(
            folder,
            name,
            said["minutes"][name],
            tuple(namespaces.get(name, ())),
            asks.get(name, ""),
            beside.get(name, ""),
        )
        for name in there
    )
    return Chapter(folder, said["title"], said["able_to"], said["needs"], sittings, said.get("run", {}))
