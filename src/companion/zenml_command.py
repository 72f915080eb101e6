"""ZenML's own command line on the runs of chapter 03: ``python -m companion.zenml_command pipeline runs list``.

Called by itself, ``zenml`` would look into the user's ``~/.config`` and report to its makers.
"""

import subprocess
import sys
from pathlib import Path

from companion.bootstrap import ROOT
from companion.environment import environment_in
from companion.errors import SentenceError
from companion.zenml_dashboard import newest_state


def main(arguments: list[str]) -> int:
    """Run ``zenml`` with the arguments, where the newest runs are; return its exit code."""
    try:
        state = newest_state(ROOT)
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1
    zenml = Path(sys.executable).with_name("zenml")
    return subprocess.run([str(zenml), *arguments], env=environment_in(state), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
