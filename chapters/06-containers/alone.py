"""Run a step alone: in a process of its own, with a disk of its own that is thrown away afterwards.

This is what a container and an orchestrator do together, in small and without an engine: what the step is
given is carried to its disk, and what it declares as output is carried away. Whatever else it wrote is gone,
and what lies on your disk is not there for it. It is a teaching device and no protection: it holds an honest
step, not a hostile one.
"""

import contextlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import cloudpickle

from companion.workspace import repository

# Seconds after which a step is given up; long, since a machine may be busy.
TIMEOUT = 600


class StepError(Exception):
    """The step failed where it was alone; the text is its own last line, or one sentence."""


def run(
    step: Callable[..., Any], inputs: Mapping[str, Path], outputs: Sequence[str] = (), into: Path = Path()
) -> Any:
    """Run `step` alone and carry its artifacts.

    Parameters
    ----------
    step
        A function. It is called with one path for each input, where a copy lies, and one for each output,
        where it has to write; all by name.
    inputs
        The files that it gets.
    outputs
        The names of the files that it makes.
    into
        The folder that the outputs are copied to, under their names.

    Returns
    -------
    Any
        What the step returned, if JSON can hold it.

    Raises
    ------
    StepError
        If the step fails, does not end, or does not write one of its outputs.
    """
    with tempfile.TemporaryDirectory(prefix="alone-", ignore_cleanup_errors=True) as temporary:
        box = Path(temporary).resolve()
        for folder in ("in", "out", "disk"):
            (box / folder).mkdir()
        for name, path in inputs.items():
            shutil.copy(path, box / "in" / name)
        given = {name: box / "in" / name for name in inputs} | {name: box / "out" / name for name in outputs}
        (box / "job").write_bytes(cloudpickle.dumps((step, given)))
        try:
            ended = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "chapter_06.alone", str(box)],
                cwd=box / "disk",
                env={**os.environ, "HOME": str(box / "disk"), "TMPDIR": str(box / "disk")},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise StepError(f"The step did not end within {TIMEOUT // 60} minutes.") from None
        if ended.returncode:
            said = (ended.stderr.strip().splitlines() or [f"ended with code {ended.returncode}"])[-1]
            for folder, name in (("in", "in"), ("out", "out"), ("disk", ".")):
                said = said.replace(str(box / folder), name)
            raise StepError(said)
        for name in outputs:
            if (box / "out" / name).is_dir():
                raise StepError(f"The output {name!r} is a folder, and what is carried is a file.")
            if not (box / "out" / name).is_file():
                raise StepError(f"The step ended, and the file of its output {name!r} was not written.")
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(box / "out" / name, into / name)
        return json.loads((box / "returned").read_bytes())


def main(box: Path) -> int:
    """Run the job in `box`; this is the process of its own."""
    step, given = cloudpickle.loads((box / "job").read_bytes())
    sys.dont_write_bytecode = True
    # Code that is not Python's, such as pyarrow's, opens files unseen: the paths that the step names are noted.
    written = [path for path in _paths(step) if not path.exists() and box not in path.parents]
    sys.addaudithook(_hook(box, written))
    try:
        (box / "returned").write_text(json.dumps(step(**given)))
    except BaseException as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    finally:
        for path in written:  # the end of its disk
            with contextlib.suppress(OSError):
                path.unlink()
    return 0


def _hook(box: Path, written: list[Path]) -> Callable[[str, tuple[Any, ...]], None]:
    """Let this process see only its box and what an image would hold, and note what it writes elsewhere."""
    seen = [box, repository() / "src", repository() / "data", Path(sys.prefix), Path(sys.base_prefix)]
    system = ("/usr", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys", "/opt", "/System", "/Library")
    seen += [Path(place) for place in system]
    roots = tuple(f"{path.resolve()}{os.sep}" for path in seen)
    # What every container has too, empty at its start.
    shared = tuple(os.path.realpath(place) + os.sep for place in ("/tmp", "/var/tmp"))
    allowed = (roots[0], "/dev/")
    flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(given[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(given[0]))
        writes = bool((given[2] or 0) & flags)
        if path.startswith(allowed) or (not writes and path.startswith(roots)):
            return
        if writes and path.startswith(shared) and not os.path.lexists(path):
            written.append(Path(path))
        elif Path(path) not in written:
            raise FileNotFoundError(2, "No such file or directory", os.fsdecode(given[0]))

    return hook


def _paths(step: Callable[..., Any]) -> list[Path]:
    """Return the absolute paths that the function's text, defaults and variables from outside name."""

    def constants(code: CodeType) -> Iterator[Any]:
        for constant in code.co_consts:
            yield from constants(constant) if isinstance(constant, CodeType) else [constant]

    if not inspect.isfunction(step):
        return []
    outside = inspect.getclosurevars(step)
    named = [*constants(step.__code__), *(step.__defaults__ or ())]
    named += [*outside.nonlocals.values(), *outside.globals.values()]
    return [Path(each) for each in named if isinstance(each, str | Path) and os.path.isabs(each)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
