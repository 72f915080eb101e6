"""Start the same program several times, as ranks that are joined in a ring, and say how each of them ended.

What `torchrun` and `mpirun` do, as far as this chapter needs it: the programs learn from their environment who they
are (`chapter_15.pipes` reads it), and they end with the process that started them.
"""

import os
import re
import runpy
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Each rank is one core: a NumPy that takes all of them for itself is no worker beside another one.
ONE_CORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")}
OFTEN = 0.05
# The line of a traceback that says what it was.
ERROR = re.compile(r"[\w.]+(Error|Exception|Interrupt)\b")


def launch(program: Path, *arguments: str, world_size: int = 2, patience: float = 120) -> dict[int, str]:
    """Run a program as `world_size` ranks, print what they print, and how each of them ended.

    Parameters
    ----------
    program
        A Python file; it runs in its own folder.
    arguments
        What the program finds in ``sys.argv``.
    world_size
        How many processes.
    patience
        A rank that waits longer than so many seconds for another one (in `chapter_15.pipes`, after all have come so
        far) is ended, and all others with it.

    Returns
    -------
    dict
        For each rank "finished", the error or the signal that ended it, or what it waited for when it was ended.
    """
    with tempfile.TemporaryDirectory() as notes:
        ranks = _start(program, arguments, world_size, Path(notes))
        try:
            in_time = _watch(ranks, Path(notes), patience)
            ended = {rank: _end_of(ranks[rank], rank, Path(notes)) for rank in range(world_size)}
        finally:
            for process in ranks:
                process.kill()
                process.wait()
        for rank, end in ended.items():
            for line in (Path(notes) / f"out-{rank}").read_text().splitlines():
                print(f"rank {rank} | {line}")
            print(f"rank {rank}: {end}")
    if not in_time:
        print(f"ended after {patience:g} seconds in which one of them only waited")
    return ended


def _start(
    program: Path, arguments: tuple[str, ...], world_size: int, notes: Path
) -> list["subprocess.Popen[bytes]"]:
    pipes = [os.pipe() for _ in range(world_size)]  # each leads from the rank of its number to the next one
    ranks = []
    try:
        for rank in range(world_size):
            ends = pipes[rank - 1][0], pipes[rank][1]
            own = {"RANK": rank, "WORLD_SIZE": world_size, "NOTES": notes, "LAUNCHER": os.getpid()}
            own |= {"FROM_PREVIOUS": ends[0], "TO_NEXT": ends[1]}
            with (notes / f"out-{rank}").open("w") as out, (notes / f"error-{rank}").open("w") as error:
                process = subprocess.Popen(
                    [sys.executable, "-m", "chapter_15.launch", program.name, *arguments],
                    cwd=program.parent,
                    env=os.environ | ONE_CORE | {name: str(value) for name, value in own.items()},
                    pass_fds=ends,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=error,
                )
            ranks.append(process)
    finally:
        for pair in pipes:  # only the ranks hold them: when one ends, its neighbours are told
            os.close(pair[0])
            os.close(pair[1])
    return ranks


def _watch(ranks: list["subprocess.Popen[bytes]"], notes: Path, patience: float) -> bool:
    """Wait for the end of all; return False where one has waited for too long."""
    since: dict[tuple[int, int], float] = {}  # of a rank's wait: when it was first seen
    while any(process.poll() is None for process in ranks):
        time.sleep(OFTEN)
        living = [rank for rank, process in enumerate(ranks) if process.poll() is None]
        if not all((notes / f"here-{rank}").exists() for rank in living):
            continue  # one that still starts is waited for
        for rank in living:
            try:
                wait = (rank, (notes / f"waits-{rank}").stat().st_mtime_ns)
            except FileNotFoundError:
                continue
            if time.monotonic() - since.setdefault(wait, time.monotonic()) > patience:
                return False
    return True


def _end_of(process: "subprocess.Popen[bytes]", rank: int, notes: Path) -> str:
    code = process.poll()
    if code is None:
        waits = notes / f"waits-{rank}"
        return waits.read_text() if waits.exists() else "was at work"
    if code < 0:
        return f"killed by signal {-code}"
    if code == 0:
        return "finished"
    said = (notes / f"error-{rank}").read_text().splitlines()
    errors = [line for line in said if ERROR.match(line)]  # more may stand below: a library's own trace
    return errors[-1] if errors else f"ended with {code}"


def _end_with(launcher: int) -> None:
    """End this process when the one that started it is gone: a kernel may be killed, too."""
    while os.getppid() == launcher:
        time.sleep(OFTEN)
    os._exit(1)


def main() -> None:
    """Be one rank: run the program that the command line names."""
    threading.Thread(target=_end_with, args=(int(os.environ["LAUNCHER"]),), daemon=True).start()
    sys.argv = sys.argv[1:]
    sys.path[0] = os.getcwd()
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
