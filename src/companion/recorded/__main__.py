"""``python -m companion.recorded FILE``: print a recording so that a person can review it."""

import sys
from pathlib import Path

from companion.errors import SentenceError
from companion.recorded.recording import Recording, Step, read, written


def main(arguments: list[str]) -> int:
    """Print what a recording holds, step by step."""
    if len(arguments) != 1:
        print("usage: python -m companion.recorded chapters/…/recordings/….cluster.json.xz", file=sys.stderr)
        return 2
    try:
        recording = read(Path(arguments[0]))
    except SentenceError as error:
        print(error, file=sys.stderr)
        return 1
    show(recording)
    return 0


def show(recording: Recording) -> None:
    """Print a recording."""
    print(f"{recording.made} · begun {written(recording.start)}")
    print(f"{len(recording.base)} objects at the beginning · {len(recording.logs)} logs")
    for number, session in enumerate(recording.sessions, 1):
        print(f"\n# session {number}")
        for step in session:
            _show_step(step)


def _show_step(step: Step) -> None:
    said = f" · refused: {step.refused.get('message', '')[:100]}" if step.refused else ""
    print(
        f"\n{step.verb} {step.key.resource} {step.key.namespace}/{step.key.name}{said}{' (plain)' * step.plain}"
    )
    for frame in step.frames:
        print(f"  +{frame.at:.1f} s")
        for entry in frame.put:
            print(f"    {entry.key.resource} {' '.join(str(cell) for cell in entry.cells[:6])[:140]}")
        for key in frame.gone:
            print(f"    gone: {key.resource} {key.name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
