"""What else is tried on the cluster of 08.2, to be recorded with it: exercise 8.3 with other sizes, and wrong.

`MENDS` are Jobs december, each with the name by which wrong_answers.py knows it.
"""

import time
from pathlib import Path

from chapter_08.tries_1 import changed, kubectl

SPACE = "flights-sizes"
SOLVED = Path(__file__).parent / "solved"
DECEMBER = (SOLVED / "december.yaml").read_text(encoding="utf-8")
MEASURED = (SOLVED / "measured.yaml").read_text(encoding="utf-8")
LIMIT = "            limits: {memory: 900Mi}\n"
MEASURES = {
    "1Gi": changed(MEASURED, ("2Gi", "1Gi")),
    "4Gi": changed(MEASURED, ("2Gi", "4Gi")),
    "no limit": changed(MEASURED, ("            limits: {memory: 2Gi}\n", "")),
}


def sized(request: str, limit: str) -> str:
    """Return the Job december with these amounts of memory."""
    return changed(DECEMBER, ("640Mi", request), ("900Mi", limit))


SIZES = (("600Mi", "720Mi"), ("600Mi", "750Mi"), ("600Mi", "800Mi"), ("600Mi", "900Mi"), ("600Mi", "1Gi"),
         ("640Mi", "800Mi"), ("640Mi", "1Gi"))  # fmt: skip
RIGHT = {f"{request}, {limit}": sized(request, limit) for request, limit in SIZES}
WRONG = {
    "no limit": changed(DECEMBER, (LIMIT, "")),
    "no request": changed(DECEMBER, ("            requests: {memory: 640Mi}\n", "")),
    "the request left as it was": sized("300Mi", "900Mi"),
    "no headroom": sized("600Mi", "600Mi"),
    "much more": sized("640Mi", "2Gi"),
    "killed again": sized("400Mi", "450Mi"),
    "the sample again": changed(sized("300Mi", "400Mi"), ('"2013-12"', '"2013-12", "--sample", "20000"')),
    "64Gi": sized("64Gi", "64Gi"),
    "more than its limit": sized("1Gi", "900Mi"),
}
MENDS = {**RIGHT, **WRONG}


def main() -> None:
    """Make each of them, and wait until it has come to its end."""
    kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    kubectl("create", "namespace", SPACE)
    for job, texts in (("measured", MEASURES), ("december", MENDS)):
        for name, text in texts.items():
            print(job, name, flush=True)
            kubectl("apply", "-f", "-", stdin=text)
            if name == "64Gi":
                waits = ("--for=condition=PodScheduled=false", "pod", "-l", "run=december")
                kubectl("wait", "-n", SPACE, *waits, "--timeout=60s")
                time.sleep(2)  # the Event that says why comes a moment later
            elif name != "more than its limit":
                end = "failed" if name == "killed again" else "complete"
                kubectl("wait", "-n", SPACE, f"--for=condition={end}", f"job/{job}", "--timeout=300s")
            kubectl("logs", "-n", SPACE, "-l", f"run={job}")
            kubectl("delete", "job", job, "-n", SPACE, "--ignore-not-found")
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
