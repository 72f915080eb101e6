"""Compare what is installed with a lock, without importing any of it."""

import importlib.metadata
from collections.abc import Iterator


def installed(package: str) -> str | None:
    """Look up the version of a package without importing it; None if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def pinned_versions(text: str) -> dict[str, str]:
    """Map each package that a lock has for this machine to its version."""
    return dict(_pins(text))


def differing(text: str) -> list[str]:
    """Name the packages of a lock that are not installed in its version, each with the one that is there."""
    return [
        f"{name} {there or 'missing'}"
        for name, version in _pins(text)
        if (there := installed(name)) != version
    ]


def _pins(text: str) -> Iterator[tuple[str, str]]:
    from packaging.requirements import Requirement  # it may be missing, and make doctor has to say so

    for line in text.splitlines():
        if line and line[0] not in "# ":
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement.name, str(requirement.specifier).removeprefix("==")
