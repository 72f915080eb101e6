"""What else is tried on the cluster of 08.1, to be recorded with it: exercise 8.1 in other words, and wrong."""

import subprocess
from pathlib import Path

SPACE = "flights-training"
OCTOBER = (Path(__file__).parent / "solved" / "october.yaml").read_text(encoding="utf-8")
INNER = "metadata: {labels: {run: october, team: forecast}}"
WHOLE = 'command: ["python3", "-m", "flightdelay", "2013-10", "--sample=20000", "--store", "store"]'


def changed(text: str, *pairs: tuple[str, str]) -> str:
    """Return a text with some of its pieces replaced, each of which is there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


BOTH = changed(
    OCTOBER,
    (
        f"{{name: october, namespace: {SPACE}}}",
        f"{{name: october, namespace: {SPACE}, labels: {{run: october, team: forecast}}}}",
    ),
)
RIGHT = {
    "labels on the Job as well": BOTH,
    "its own command": changed(OCTOBER, (OCTOBER.splitlines()[-1].strip(), WHOLE)),
}
# They run, and do something else.
WRONG = {
    "three more": changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 3")),
    "labels on the Job alone": changed(BOTH, (INNER, "metadata: {labels: {run: october}}")),
    "the same Pod again": changed(OCTOBER, ("Never", "OnFailure")),
}
# Those that no cluster takes, or that make no Pod.
REFUSED = {
    "always": changed(OCTOBER, ("Never", "Always")),
    "no restartPolicy": changed(OCTOBER, ("      restartPolicy: Never\n", "")),
    "a number in quotes": changed(OCTOBER, ("backoffLimit: 2", 'backoffLimit: "2"')),
    "a number among words": changed(OCTOBER, ('"20000"', "20000")),
    "suspended": changed(OCTOBER, ("backoffLimit: 2", "backoffLimit: 2\n  suspend: true")),
}


def kubectl(*arguments: str, stdin: str | None = None) -> None:
    """Run kubectl; what it answers is of interest to a reader of the recording."""
    subprocess.run(["kubectl", *arguments], input=stdin, text=True, check=False)


def main() -> None:
    """Make each of them, and wait until it has come to its end."""
    kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    kubectl("create", "namespace", SPACE)
    for name, text in {**RIGHT, **WRONG, **REFUSED}.items():
        print(name, flush=True)
        kubectl("apply", "-f", "-", stdin=text)
        if name not in REFUSED:
            kubectl("wait", "-n", SPACE, "--for=condition=complete", "job/october", "--timeout=600s")
        kubectl("delete", "job", "october", "-n", SPACE, "--ignore-not-found")
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
