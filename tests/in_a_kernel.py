"""Cells as a kernel of the book runs them."""

import os
import subprocess
import sys
from pathlib import Path


def ran(code: str, work: Path, **environment: str) -> str:
    """Run cells, parted by ``# %%``, and return all that is shown; `environment` comes on top of this process's."""
    start = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance(colors='nocolor')\n"
        "shell.extension_manager.load_extension('companion.kernel')\n"
    )
    cells = "".join(f"shell.run_cell({cell!r})\n" for cell in code.split("# %%\n"))
    # Who runs the tests out of a notebook is no reader of it.
    clean = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    return subprocess.run(
        [sys.executable, "-c", start + cells],
        env={**clean, "COMPANION_WORK": str(work), "IPYTHONDIR": str(work / "ipython"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout
