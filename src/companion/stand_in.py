"""Stand in for a command of a notebook: ``python -m companion.stand_in docker ps`` (`companion.replay`).

What identifies an answer, besides notebook and variant (they are the file's name):

- the cell: a hash of its source and how often this source was run before, so that a changed cell
  invalidates its recordings (a learner's bet does not); run more often than when it was recorded, its last run
  repeats;
- the command with its arguments;
- standard input, read only when it is asked for by ``-f -``;
- the content of every file or folder passed with ``-f``;
- the occurrence: the first time the same cell has asked the same, the second, and so on. Asked more often than
  when it was recorded (a poll), the last answer repeats.

A question without an answer is a miss: it is said on standard error, it ends with exit code 127, and it goes
to the file ``misses.log`` that makes the test run fail even where a cell hides it.

A command is passed through when it has ended, so one that never ends (``docker logs --follow``) cannot be
recorded.
"""

import contextlib
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from companion.portable import without_paths
from companion.replay import COMMANDS, state_folder
from flightdelay.files import locked, write_atomically


def main(command: str, arguments: list[str]) -> int:
    """Stand in for `command`: record or replay it, and return its exit code."""
    state = state_folder(os.environ["COMPANION_WORK"])
    recording = Path(os.environ["COMPANION_RECORDING"])
    files = _files(arguments)
    stdin = sys.stdin.buffer.read() if "-" in files else None
    question: dict[str, Any] = {
        # Not known in the notebook's first cell, which only makes the workspace.
        "cell": os.environ.get("COMPANION_CELL", ""),
        "command": [command, *map(_portable, arguments)],
        "stdin": None if stdin is None else _digest(stdin),
        "files": {_portable(name): _digest_path(Path(name)) for name in files if Path(name).exists()},
    }
    question["occurrence"] = _occurrence(state, question)
    if os.environ["COMPANION_COMMANDS"] == "record":
        answer = _run(command, arguments, stdin)
        portable = {stream: _portable(answer[stream]) for stream in ("stdout", "stderr")}
        _write_down(recording, question | answer | portable)
    else:
        answer = _recorded(recording, question)
        if not answer:
            answer = {"stdout": "", "stderr": f"{miss(' '.join(question['command']))}\n", "exit_code": 127}
    sys.stdout.write(answer["stdout"])
    sys.stdout.flush()
    sys.stderr.write(answer["stderr"])
    return int(answer["exit_code"])


def miss(asked: str) -> str:
    """Note down that there is no recording for what was asked, and return the sentence."""
    state = state_folder(os.environ["COMPANION_WORK"])
    if os.environ["COMPANION_COMMANDS"] == "lab":
        says = (
            "There is no recorded answer to this line, since its cell, or a file that it reads, is new or was "
            "changed. With an engine it would run; make doctor says what is missing."
        )
    else:
        says = (
            f'No recording answers "{asked}" in {Path(os.environ["COMPANION_RECORDING"]).stem}: the command, its '
            "input or its cell is new or changed; record the notebook again, for real."
        )
    state.mkdir(parents=True, exist_ok=True)
    with locked(state), (state / "misses.log").open("a", encoding="utf-8") as log:
        log.write(f"{says}\n")
    return says


def _files(arguments: list[str]) -> list[str]:
    """Return what is passed with ``-f`` or ``-d @``; where ``-f`` means "follow", there is no file of that name."""
    files = []
    for position, argument in enumerate(arguments):
        if argument in ("-f", "--filename"):
            files += arguments[position + 1 : position + 2]
        elif argument.startswith("--filename="):
            files.append(argument.removeprefix("--filename="))
        elif argument == "-f-":
            files.append("-")
    return files


def _portable(text: str) -> str:
    return without_paths(text, os.environ["COMPANION_WORK"])


def _digest(content: bytes) -> str:
    """Return the sum of `content` as it is on any machine: a manifest may name the work folder."""
    with contextlib.suppress(UnicodeDecodeError):  # not a text
        content = _portable(content.decode()).encode()
    return hashlib.sha256(content).hexdigest()


def _digest_path(path: Path) -> str:
    if path.is_file():
        return _digest(path.read_bytes())
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    return _digest("\n".join(f"{file.relative_to(path)} {_digest_path(file)}" for file in files).encode())


def _occurrence(state: Path, question: dict[str, Any]) -> int:
    """Count this question, across processes and also when two ask at once."""
    asked = json.dumps(question, sort_keys=True)
    counts = state / "counts.json"
    with locked(state):
        count: dict[str, int] = json.loads(counts.read_bytes()) if counts.exists() else {}
        count[asked] = count.get(asked, 0) + 1
        write_atomically(counts, json.dumps(count).encode())
    return count[asked]


def _run(command: str, arguments: list[str], stdin: bytes | None) -> dict[str, Any]:
    """Run the real command, which is the next one on ``PATH``."""
    path = os.environ["PATH"].removeprefix(
        f"{state_folder(os.environ['COMPANION_WORK']) / 'bin'}{os.pathsep}"
    )
    real = shutil.which(command, path=path)
    if real is None:
        return {"stdout": "", "stderr": f"{command}: command not found\n", "exit_code": 127}
    environment = {**os.environ, "PATH": path}
    done = subprocess.run([real, *arguments], input=stdin, capture_output=True, env=environment)
    return {
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
        "exit_code": done.returncode,
    }


def _write_down(path: Path, answered: dict[str, Any]) -> None:
    command = answered["command"][0]
    with locked(state_folder(os.environ["COMPANION_WORK"])):
        recording: dict[str, Any] = {"versions": {}, "commands": []}
        if path.exists():
            recording = json.loads(path.read_bytes())
        recording["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        if command not in recording["versions"]:
            says = _run(command, COMMANDS[command], None)["stdout"]
            recording["versions"][command] = says.splitlines()[0] if says else None
        recording["commands"].append(answered)
        recording["commands"].sort(key=lambda known: (known["cell"], known["command"], known["occurrence"]))
        text = json.dumps(recording, indent=1, sort_keys=True, ensure_ascii=False)
        write_atomically(path, f"{text}\n".encode())


def _recorded(path: Path, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of this occurrence, or the last one where less was asked; empty if there is none."""
    known = json.loads(path.read_bytes())["commands"] if path.exists() else []
    cell, run = _cell(question)
    same = [
        answer
        for answer in known
        if all(answer[key] == question[key] for key in ("command", "stdin", "files"))
        and _cell(answer)[0] == cell
        and _cell(answer)[1] <= run
        and answer["occurrence"] <= question["occurrence"]
    ]
    return max(same, key=lambda answer: (_cell(answer)[1], answer["occurrence"]), default={})


def _cell(question: dict[str, Any]) -> tuple[str, int]:
    """Return the cell's hash and which run of it this is."""
    cell, _, run = question["cell"].rpartition("-")
    return cell, int(run or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
