"""What else is tried on the cluster of 15.4, to be recorded with it: exercise 15.11 in other words, and wrong.

Each policy is applied where a reader stands at the exercise, while both workers wait. A wrong one is mended.
"""

import tempfile
from pathlib import Path

from chapter_08.tries_1 import changed, kubectl
from chapter_15 import tries_3

SPACE = "flights-fenced"
HERE = Path(__file__).parent
GIVEN = (HERE / "manifests" / "house-rule.yaml").read_text(encoding="utf-8")
MENDED = (HERE / "solved" / "mended.yaml").read_text(encoding="utf-8")
SET = "{matchLabels: {jobset.sigs.k8s.io/jobset-name: fenced}}"
HOUSE = "    - ports: [{protocol: TCP, port: 8080}]\n"
BESIDE = changed(MENDED, (HOUSE, ""), ("house-rule", "workers"), ("podSelector: {}", f"podSelector: {SET}"))
RIGHT = {
    "by the Job's label": changed(MENDED, (SET, "{matchLabels: {job-name: fenced-node-0}}")),
    "a policy beside it": BESIDE,
}
WRONG = {"every Pod of the namespace": changed(MENDED, (SET, "{}"))}


def begin(folder: Path) -> None:
    """Make the namespace as it is when the exercise begins, but for the TrainJob."""
    kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    kubectl("create", "namespace", SPACE)
    kubectl("apply", "-f", "-", stdin=GIVEN)
    (folder / "train.py").write_text(tries_3.function(), encoding="utf-8")
    files = [f"--from-file={HERE / name}.py" for name in ("logistic", "matrix", "meeting", "pod")]
    kubectl("create", "configmap", "chapter", "-n", SPACE, *files)
    kubectl("create", "configmap", "mine", "-n", SPACE, f"--from-file={folder / 'train.py'}")
    runtime = (HERE / "manifests" / "runtime.yaml").read_text(encoding="utf-8")
    kubectl("apply", "-f", "-", stdin=changed(runtime, ("flights-workers", SPACE)))


def wait(seconds: int) -> None:
    """Wait for the end of the training, which may not come."""
    kubectl("wait", "-n", SPACE, "--for=condition=complete", "trainjob/fenced", f"--timeout={seconds}s")


def main() -> None:
    """Apply each of them while the workers wait, and see whether they meet."""
    with tempfile.TemporaryDirectory() as folder:
        begin(Path(folder))
    for name, text in {**RIGHT, **WRONG}.items():
        print(name, flush=True)
        kubectl("delete", "networkpolicy", "--all", "-n", SPACE)
        kubectl("apply", "-f", "-", stdin=GIVEN)
        kubectl("apply", "-f", f"{HERE}/manifests/fenced.yaml")
        wait(15)
        kubectl("apply", "-f", "-", stdin=text)
        wait(180)
        if name in WRONG:  # mended, as a reader does
            kubectl("apply", "-f", "-", stdin=MENDED)
        kubectl("delete", "trainjob", "fenced", "-n", SPACE)
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
