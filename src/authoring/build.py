"""Build the notebooks: each lesson ``chapters/NN-name/N-….py`` gives a notebook to solve and the same one solved.

::

    python -m authoring.build                   build and execute all chapters, and write the README's map
    python -m authoring.build 01-the-model      only this one; or one sitting of it, 01-2
    python -m authoring.build --check           compare with what is committed, executing nothing
    python -m authoring.build --record 11-name  run on a real cluster and record its commands; default:
                                                all that need one ([run] in their chapter.toml)

``notebooks/NN-N-name.ipynb`` is the learner's and ``solutions/NN-N-name.ipynb`` the solved one. Both are executed
and written with their outputs, or neither is: a cell that fails leaves the old ones in place.

How a lesson is written is in docs/writing.md.
"""

import argparse
import ast
import contextlib
import copy
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import psutil  # type: ignore[import-untyped]
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from authoring.readme import with_map
from companion import replay
from companion.chapters import ChapterError, Sitting, chapters
from companion.environment import kubeconfig_of, recorded_kubeconfig, repository
from companion.errors import SentenceError
from companion.extra_venv import is_made
from companion.portable import without_paths
from companion.recorded.recording import write
from companion.recorded.world import RECORDING
from flightdelay.files import locked, write_atomically

# The two notebooks of a lesson and the folders they are written to.
FOLDERS = {"learner": "notebooks", "solution": "solutions"}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "answer = None  # your turn"
STUB_OF_A_BODY = "return None  # your turn: write the body"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Seconds. A backfill of a year takes minutes, and half an hour where forty processes share two cores; what waits
# inside a cell ends much earlier and says why.
CELL_TIMEOUT = 3600

EXERCISE = re.compile(r"^#{2,3} Exercise (\d+)\.(\d+)\b", re.MULTILINE)
SOLUTION = re.compile(rf"^([ \t]*){BEGIN}[ \t]*\n(.*?)^[ \t]*{END}[ \t]*$", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"(?:BEGIN|END) SOLUTION")
UNKNOWN = re.compile(rf"{RECORDING} \(.*")
IPYTHON_LINE = re.compile(r"^([ \t]*)# ((?:\w+ = )?(?:![ \t]*[\w.~/$]|%{1,2}[a-z]).*)$", re.MULTILINE)


class BuildError(Exception):
    """A lesson cannot become a notebook; the text is one clear sentence."""


def sittings(root: Path) -> list[Sitting]:
    """Return all sittings of the book in their order."""
    return [sitting for chapter in chapters(root) for sitting in chapter.sittings]


def on_a_cluster(root: Path) -> dict[str, str]:
    """Return the notebooks that need a cluster or an engine, with their status."""
    return {
        sitting.notebook: chapter.run["status"]
        for chapter in chapters(root)
        for sitting in chapter.sittings
        if chapter.run
    }


def not_yet_run(root: Path) -> set[str]:
    """Return the names of the notebooks that no cluster has run yet."""
    return {name for name, status in on_a_cluster(root).items() if status == "not yet run"}


def lacks(sitting: Sitting, root: Path) -> str:
    """Say in a sentence which packages beside `.venv` are not there that a sitting runs with; empty if none.

    The tests leave such a sitting out, as they install nothing so large.
    """
    if not sitting.beside or is_made(root, sitting.beside):
        return ""
    return f"{sitting.notebook} runs where .venv-{sitting.beside} is: make {sitting.beside}"


def notebooks_of(lesson: Path) -> dict[str, NotebookNode]:
    """Return the lesson's two notebooks, ``learner`` and ``solution``, without outputs.

    Raises
    ------
    BuildError
        If the file is not valid Python, has no H1, or an exercise lacks its solution or its check.
    """
    exercises(lesson)
    built = {}
    for variant in FOLDERS:
        notebook = nbformat.v4.new_notebook(metadata=METADATA)
        seen: Counter[str] = Counter()
        for cell in _cells(lesson):
            # From the lesson's text, so that an id changes with its own cell only, and both variants agree.
            name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
            seen[name] += 1
            cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
            if cell.cell_type == "code":
                cell.source = _variant(cell.source, variant)
            notebook.cells.append(cell)
        nbformat.validate(notebook)
        built[variant] = notebook
    return built


def exercises(lesson: Path) -> list[str]:
    """Return the names of the lesson's checks, such as ``ex_1_2``, in order.

    Raises
    ------
    BuildError
        As `notebooks_of`.
    """
    cells = _cells(lesson)
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        raise BuildError(
            f"{_short(lesson)} has no title: its first cell must be markdown and begin with '# '."
        )
    found: list[str] = []
    awaited = ""  # what the next code cell has to be: "solution", "check" or nothing special
    for number, cell in enumerate(cells, start=1):
        where = f"{_short(lesson)}, cell {number}"
        markers = len(MARKER.findall(cell.source))
        if cell.cell_type != "code":
            headings = EXERCISE.findall(cell.source)
            if markers or len(headings) > 1:
                raise BuildError(f"{where}: a markdown cell holds no solution and at most one exercise.")
            if headings:
                _finished(lesson, found, awaited)
                chapter, count = map(int, headings[0])
                if chapter != int(lesson.parent.name[:2]) or f"ex_{chapter}_{count}" in found:
                    raise BuildError(f"{where}: an exercise needs this chapter's number and one of its own.")
                found.append(f"ex_{chapter}_{count}")
                awaited = "solution"
        elif cell.source.endswith(";"):
            raise BuildError(
                f"{where} ends with ';', which nbval ignores: call plt.show(), or assign the value."
            )
        elif awaited == "solution":
            if markers != 2 or not SOLUTION.search(cell.source):
                raise BuildError(f"{where}: {found[-1]} needs its solution here, from '{BEGIN}' to '{END}'.")
            for variant in FOLDERS:
                if not _assigns_answer(_python(_variant(cell.source, variant), where)):
                    raise BuildError(f"{where}: {found[-1]} must assign 'answer', solved and unsolved.")
            awaited = "check"
        elif awaited == "check":
            if not re.search(rf"^check\.{found[-1]}\(answer\)\s*\Z", cell.source, re.MULTILINE):
                raise BuildError(f"{where}: {found[-1]} needs its check here: check.{found[-1]}(answer)")
            awaited = ""
        elif markers:
            raise BuildError(f"{where}: a solution outside an exercise needs a heading '## Exercise N.M'.")
        elif "answer" in _names(_python(cell.source, where), ast.Load):
            raise BuildError(f"{where} uses 'answer', which a learner may not have; only its check may.")
    _finished(lesson, found, awaited)
    return found


def _finished(lesson: Path, found: list[str], awaited: str) -> None:
    if awaited:
        raise BuildError(f"{_short(lesson)}: {found[-1]} has no {awaited}.")


def _short(lesson: Path) -> str:
    return "/".join(lesson.parts[-3:])


def _cells(lesson: Path) -> list[NotebookNode]:
    """Read the lesson's cells, with the lines meant for IPython as IPython wants them."""
    try:
        text = lesson.read_text(encoding="utf-8")
        ast.parse(text, lesson.name)
    except SyntaxError as error:
        raise BuildError(f"{_short(lesson)}, line {error.lineno}: {error.msg}; mend the Python.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{_short(lesson)} cannot be read: {error}.") from error
    # jupytext's own rule for magics would turn comments such as "# cat and dog" or "# why?" into commands.
    percent = {"extension": ".py", "format_name": "percent", "comment_magics": False}
    cells: list[NotebookNode] = jupytext.reads(text, fmt=percent).cells
    for cell in cells:
        if cell.cell_type == "code":
            first, *rest = cell.source.split("\n")
            if first.startswith("# %%") and rest and all(line.startswith("#") for line in rest):
                cell.source = "\n".join(re.sub(r"^# ?", "", line) for line in (first, *rest))
            elif not first.startswith("%%"):  # such as language="sh": jupytext has uncommented it
                cell.source = IPYTHON_LINE.sub(r"\1\2", cell.source)
    return cells


def _variant(source: str, variant: str) -> str:
    """Return a code cell's source with its solution kept, or replaced by the stub."""
    if variant == "learner":
        return SOLUTION.sub(lambda block: block[1] + (STUB_OF_A_BODY if block[1] else STUB), source)
    return SOLUTION.sub(lambda block: block[2].rstrip("\n"), source)


def _python(source: str, where: str) -> ast.Module:
    """Parse a code cell; the Python below a cell magic (``%%capture``) counts, any other text does not."""
    if source.startswith("%%"):
        magic, _, source = source.partition("\n")
        if magic.split()[0] not in ("%%capture", "%%time"):
            source = ""
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError as error:
        raise BuildError(f"{where}, line {error.lineno} of the cell: {error.msg}.") from error


def _assigns_answer(module: ast.Module) -> bool:
    return any(
        node.name == "answer"
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        else isinstance(node, ast.Assign | ast.AnnAssign) and "answer" in _names(node, ast.Store)
        for node in module.body
    )


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, context)}


def differences(root: Path) -> list[str]:
    """Say, one sentence per notebook, where ``lesson.py`` and the committed notebooks disagree.

    Cells, ids, metadata and sources count; outputs and execution counts do not.

    Raises
    ------
    BuildError
        As `notebooks_of`.
    """
    found = []
    names = {sitting.notebook for sitting in sittings(root)}
    for folder in FOLDERS.values():
        for path in sorted((root / folder).glob("*.ipynb")):
            if path.stem not in names:
                found.append(f"{folder}/{path.name} has no lesson in chapters/; remove it.")
    for sitting in sittings(root):
        for variant, notebook in notebooks_of(sitting.lesson).items():
            path = root / FOLDERS[variant] / f"{sitting.notebook}.ipynb"
            difference = _difference(notebook, path) if path.exists() else "is missing"
            if difference:
                again = f"python -m authoring.build {sitting.key}"
                found.append(f"{FOLDERS[variant]}/{path.name} {difference}; build it again: {again}")
    return found


def _difference(notebook: NotebookNode, path: Path) -> str:
    try:
        committed = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        for cell in committed.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    except (nbformat.reader.NotJSONError, AttributeError):
        return "is not a notebook"
    for number, (new, old) in enumerate(zip(notebook.cells, committed.cells, strict=False), start=1):
        if new != old:
            return f"differs from its lesson in cell {number}"
    if len(notebook.cells) != len(committed.cells):
        return f"has {len(committed.cells)} cells and its lesson {len(notebook.cells)}"
    return "" if notebook == committed else "differs from its lesson in the notebook's metadata"


@contextlib.contextmanager
def kernel_environment(recording: Path, commands: str, cluster: str = "") -> Iterator[dict[str, str]]:
    """Give the environment in which the build and the tests run a notebook, with a work folder of its own.

    At the end the folder is removed, and what the notebook has started and not ended is killed.

    Parameters
    ----------
    recording
        Where the answers to the notebook's commands lie (`Sitting.recording`), if it has any.
    commands
        ``replay`` or ``record`` (`companion.replay`).
    cluster
        Where the cluster answers that is being recorded (`authoring.record`).
    """
    with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as work:
        environment = {
            "COMPANION_WORK": work,
            "COMPANION_COMMANDS": commands,
            # A cluster that runs on this machine is asked only where somebody says so.
            **({"COMPANION_CLUSTER": "recorded"} if commands == "replay" else {}),
            "COMPANION_RECORDING": str(Path(work) / recording.name if commands == "record" else recording),
            # Before the kernel starts: with rich tracebacks a failing cell goes unnoticed.
            "ZENML_ENABLE_RICH_TRACEBACK": "false",
            # What would make outputs depend on the machine or its user.
            "IPYTHONDIR": f"{work}/ipython",
            "COLUMNS": "100",
            # Notebooks run side by side; threads that wait for each other by spinning take minutes.
            "OMP_NUM_THREADS": "1",
            "TZ": "UTC",
        }
        if cluster:
            del environment["COMPANION_COMMANDS"]
            kubeconfig = recorded_kubeconfig(Path(work))
            kubeconfig.parent.mkdir()
            kubeconfig.write_text(kubeconfig_of(cluster), encoding="utf-8")
            environment |= {"COMPANION_CLUSTER": "record", "KUBECONFIG": str(kubeconfig)}
        try:
            yield environment
        finally:
            _end_processes_in(work)


def _end_processes_in(work: str) -> None:
    """End what a notebook has left behind: the processes that have its work folder in their environment."""
    until = time.monotonic() + 30
    while (left := list(_processes_in(work))) and time.monotonic() < until:  # they may start others meanwhile
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1)


def _processes_in(work: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get("COMPANION_WORK") == work and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (OSError, psutil.Error):  # gone meanwhile, or somebody else's
            continue


def kernel_manager() -> AsyncKernelManager:
    """Return what starts a kernel of this environment: "python3" in the user's home may belong to another one."""
    return AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )


def execute(
    notebook: NotebookNode, root: Path, sitting: Sitting, variant: str, commands: str, cluster: str = ""
) -> None:
    """Run all cells and store their outputs, without what only this machine has.

    Raises
    ------
    BuildError
        If a cell fails, or runs a command that was not recorded.
    """
    folder = root / FOLDERS[variant]
    folder.mkdir(exist_ok=True)
    running = 0

    def started(cell: NotebookNode, cell_index: int) -> None:
        nonlocal running
        running = cell_index

    with kernel_environment(sitting.recording(variant), commands, cluster) as environment:
        client = NotebookClient(
            notebook,
            km=kernel_manager(),
            timeout=CELL_TIMEOUT,
            iopub_timeout=60,
            raise_on_iopub_timeout=True,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=started,
        )
        try:
            # The kernel's own log is of no interest; what cells write to stderr is in their outputs.
            client.execute(cleanup_kc=True, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
        except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            if isinstance(error, CellExecutionError):
                reason = " ".join(f"{error.ename}: {error.evalue}".split())
            first_line = notebook.cells[running].source.splitlines()[0]
            raise BuildError(
                f'{_short(sitting.lesson)} ({variant}), cell {running + 1}, "{first_line}": {reason}'
            ) from error
        except AssertionError as error:
            if client.km is None:  # so nbclient ends after Ctrl-C, having stopped the kernel
                raise KeyboardInterrupt from error
            raise
        work = environment["COMPANION_WORK"]
        missed = replay.misses(work)
        if missed:
            raise BuildError(missed[0])
        notebook.metadata = nbformat.from_dict(METADATA)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = nbformat.from_dict(_without_paths(cell.outputs, work))
        recording = Path(environment["COMPANION_RECORDING"])
        if commands == "record" and not cluster and recording.exists():
            sitting.recording(variant).parent.mkdir(exist_ok=True)
            write_atomically(sitting.recording(variant), recording.read_bytes())


def _without_paths(part: Any, work: str) -> Any:
    """Return outputs, or any part of them, without this machine's paths."""
    if isinstance(part, str):
        return without_paths(part, work)
    if isinstance(part, list):
        return [_without_paths(item, work) for item in part]
    if isinstance(part, dict):
        return {
            key: value if key.startswith("image/") else _without_paths(value, work)
            for key, value in part.items()
        }
    return part


def record_cluster(
    sitting: Sitting, root: Path, built: dict[str, NotebookNode], solved_only: bool = False
) -> None:
    """Run both notebooks of a sitting, and what else is tried there, on the real cluster, and record it.

    With `solved_only` the unsolved one is left out: where its exercises are the last to change the cluster, it does
    nothing that the solved one does not do.

    Raises
    ------
    BuildError
        If a cell or a try fails.
    ClusterError
        If there is no cluster.
    """
    from authoring.record import recorder_of  # with the cluster's settings, which no other notebook needs

    with recorder_of(sitting.namespaces) as recorder:
        for variant in ("solution",) if solved_only else ("solution", "learner"):
            notebook = copy.deepcopy(built[variant])
            execute(notebook, root, sitting, variant, "record", recorder.address)
            print(f"{sitting.notebook}: {variant} ran on the cluster", flush=True)
        if sitting.tries.exists():
            with kernel_environment(sitting.recording("solution"), "record", recorder.address) as environment:
                done = subprocess.run([sys.executable, sitting.tries], env={**os.environ, **environment})
            if done.returncode:
                raise BuildError(f"{_short(sitting.tries)} ended with exit code {done.returncode}.")
        write(recorder.stop(), sitting.cluster)


def _unknown(notebook: NotebookNode) -> str:
    """Return what the recorded cluster says of a change that it does not know; empty if it knew them all."""
    texts = (output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    found = (UNKNOWN.search(text) for text in texts)
    return next((line[0] for line in found if line), "")


def build(sitting: Sitting, root: Path, commands: str = "replay", solved_only: bool = False) -> None:
    """Build, execute and write the two notebooks of a lesson.

    Raises
    ------
    BuildError
        If the lesson cannot be built or a cell fails; the notebooks on disk are then as they were.
    """
    name = sitting.notebook
    built = notebooks_of(sitting.lesson)
    if commands == "record" and sitting.namespaces:
        record_cluster(sitting, root, built, solved_only)
        commands = "replay"  # the outputs are those of the recorded cluster, which every reader has
    if commands == "record" or name not in not_yet_run(root):
        for variant, notebook in built.items():
            start = time.monotonic()
            execute(notebook, root, sitting, variant, commands)
            if _unknown(notebook):
                raise BuildError(f"{name} ({variant}) does what was not recorded: {_unknown(notebook)}")
            print(f"{name}: {variant} ran in {time.monotonic() - start:.0f} s", flush=True)
    for variant, notebook in built.items():
        path = root / FOLDERS[variant] / f"{name}.ipynb"
        try:
            write_atomically(path, nbformat.writes(notebook).encode() + b"\n")
        except OSError as error:
            raise BuildError(f"Cannot write {path}: {error.strerror}.") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m authoring.build", description="Build the notebooks.")
    parser.add_argument(
        "names", nargs="*", help="chapters or sittings, such as 01-the-model or 01-2; default: all"
    )
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    parser.add_argument("--record", action="store_true", help="run the commands for real and record them")
    parser.add_argument(
        "--solved-only",
        action="store_true",
        help="with --record: run only the solved notebook on the cluster",
    )
    options = parser.parse_args(arguments)
    try:
        root = repository()
        known = sittings(root)
        recorded = on_a_cluster(root)
        wanted = [
            sitting
            for sitting in known
            if {sitting.key, sitting.notebook, sitting.folder.name} & set(options.names)
            or (not options.names and (sitting.notebook in recorded or not options.record))
        ]
        named = {name for each in known for name in (each.key, each.notebook, each.folder.name)}
        unknown = sorted(set(options.names) - named)
        if unknown:
            there = ", ".join(dict.fromkeys(sitting.folder.name for sitting in known))
            raise BuildError(f"There is no chapter or sitting {unknown[0]!r}; the chapters are: {there}.")
        if options.check:
            found = differences(root)
            print("\n".join(found) or f"{len(known)} lessons agree with their notebooks.")
            return 1 if found else 0
        for sitting in wanted:
            with locked(root / "build" / "chapters" / sitting.notebook):  # two builds of one take turns
                build(sitting, root, "record" if options.record else "replay", options.solved_only)
        readme = root / "README.md"
        write_atomically(readme, with_map(readme.read_text(encoding="utf-8"), chapters(root)).encode())
    except (BuildError, ChapterError, SentenceError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build: stopped; the notebooks at work are unchanged.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
