"""The README's map of the chapters, written from their ``chapter.toml``."""

import re

from companion.chapters import Chapter

BEGIN, END = (
    "<!-- the map: make notebooks writes it from chapters/*/chapter.toml -->",
    "<!-- end of the map -->",
)
HEAD = "| chapter | you are able to | minutes | needs a cluster | how it is tested |\n|---|---|---|---|---|"
NAMES = {
    "kubernetes": "Kubernetes",
    "kfp": "Kubeflow Pipelines",
    "podman": "Podman",
    "trainer": "Kubeflow Trainer",
}


def with_map(readme: str, chapters: list[Chapter]) -> str:
    """Return the README's text with the map of these chapters in place of the one that it has."""
    rows = "\n".join(map(_row, chapters))
    return re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}",
        lambda _: f"{BEGIN}\n{HEAD}\n{rows}\n\n{END}",
        readme,
        flags=re.DOTALL,
    )


def _row(chapter: Chapter) -> str:
    minutes = " + ".join(str(sitting.minutes) for sitting in chapter.sittings)
    link = f"[{chapter.number} {chapter.title}](chapters/{chapter.folder.name}/README.md)"
    return f"| {link} | {chapter.able_to} | {minutes} | {chapter.needs} | {how_tested(chapter)} |"


def how_tested(chapter: Chapter) -> str:
    """Say how a chapter's notebooks are tested, and by what recording."""
    if chapter.run.get("status") == "not yet run":
        return "not yet run"
    if not chapter.run:
        beside = [sitting for sitting in chapter.sittings if sitting.beside]
        where = "".join(f"; {each.key} where `make {each.beside}` has run" for each in beside)
        return f"every cell, strict{where}"
    on = " on ".join(f"{NAMES[tool]} {version}" for tool, version in _main(chapter.run["versions"]))
    return f"every cell, strict, by a recording of {chapter.run['date']} ({on})"


def _main(versions: dict[str, str]) -> list[tuple[str, str]]:
    """Return the tool that a chapter is about, and what it stands on."""
    return [(tool, versions[tool]) for tool in ("kfp", "trainer", "kubernetes", "podman") if tool in versions]
