"""What every kernel of `.venv` has before its first cell, however it was started.

`companion.bootstrap` puts ``ipython_kernel_config.py`` into ``.venv/etc/ipython``, which IPython reads for
JupyterLab, VS Code and tests alike; that loads this extension. So a notebook that is restarted in the middle
reaches no other cluster and writes into no other tool's folder, and a cell that needs the ones above says so.
"""

import re
import sys
from types import TracebackType

from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from companion.environment import enter, work_folder
from companion.workspace import folder_of_this_kernel

# Seconds that a cell waits at its end until what it printed is sent; ten are ipykernel's own, and where the machine
# stands still for as long, a line comes too late to belong to its cell.
PATIENCE = 300
# What a cell meets when a cell above it has not run, and what it may run in vain.
ABSENT = (NameError, ModuleNotFoundError, FileNotFoundError)
NEEDS_MORE = re.compile(r"^!.*(kubectl|\{\w+\})", re.MULTILINE)
NEW_KERNEL = (
    "This kernel is new and knows nothing of the cells above: choose Run > Run All Above Selected Cell, then run "
    "this cell."
)
CELL_ABOVE = "If a cell above makes it, run that one first, then this one."


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Set the environment of the tools, and explain what a new kernel does not know."""
    enter(work_folder() / "state" / "no-notebook")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "flush_timeout"):
            stream.flush_timeout = PATIENCE
    shell.set_custom_exc(ABSENT, explain)

    def after(result: ExecutionResult) -> None:
        failed = shell.user_ns.get("_exit_code", 0)  # what the last command with ! before it came to
        cell = str(result.info.raw_cell) if result.info else ""
        if failed and folder_of_this_kernel() is None and NEEDS_MORE.search(cell):
            print(NEW_KERNEL)

    shell.events.register("post_run_cell", after)


def explain(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    """Show the error with what to do about it: alone where the notebook's first cell has not run."""
    if folder_of_this_kernel() is None:
        shell._showtraceback(kind, error, [f"{kind.__name__}: {error}. {NEW_KERNEL}"])
    else:
        error.add_note(CELL_ABOVE)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
