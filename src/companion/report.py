from pathlib import Path


def write_report(source: Path, target: Path) -> None: ...
