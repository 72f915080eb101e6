"""What else is tried on the cluster of 15.3, to be recorded with it: the exercises in other words, and wrong."""

import subprocess
import tempfile
from pathlib import Path

SPACE = "flights-workers"
HERE = Path(__file__).parent
THREE, APART, KEPT = (
    (HERE / "solved" / f"{name}.yaml").read_text(encoding="utf-8") for name in ("three", "apart", "kept")
)
GIVEN_APART = (HERE / "manifests" / "apart.yaml").read_text(encoding="utf-8")
READY = "--for=jsonpath={.status.jobsStatus[0].ready}=1"


def changed(text: str, *pairs: tuple[str, str]) -> str:
    """Return a text with some of its pieces replaced, each of which is there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


RESOURCES = "    resourcesPerNode:\n      requests: {cpu: 50m, memory: 300Mi}\n"
THREE_WORKERS = {
    "three": THREE,
    "without requests": changed(THREE, (RESOURCES, "")),
    "with limits": changed(THREE, (RESOURCES, f"{RESOURCES}      limits: {{memory: 1Gi}}\n")),
}
NONE = changed(THREE, ("    numNodes: 3\n", ""))
REFUSED = {
    "a reserved variable": changed(
        THREE, ("numNodes: 3\n", 'numNodes: 2\n    env:\n      - {name: DMLC_NUM_WORKER, value: "3"}\n')
    ),
    "in the wrong place": changed(
        THREE, ("    numNodes: 3\n", ""), ("  trainer:", "  numNodes: 3\n  trainer:")
    ),
    "the word of a Job": changed(THREE, ("numNodes: 3", "parallelism: 3")),
    "no such runtime": changed(THREE, ("name: by-hand, kind: TrainingRuntime", "name: by-hand")),
}
TERM = """\
                              - topologyKey: kubernetes.io/hostname
                                labelSelector:
                                  matchLabels: {jobset.sigs.k8s.io/jobset-name: apart}
"""
PREFERRED = """\
                              - weight: 1
                                podAffinityTerm:
                                  topologyKey: kubernetes.io/hostname
                                  labelSelector:
                                    matchLabels: {jobset.sigs.k8s.io/jobset-name: apart}
"""
TOGETHER = {
    "no rule": APART,
    "preferred": changed(
        GIVEN_APART,
        ("requiredDuringScheduling", "preferredDuringScheduling"),
        (TERM, PREFERRED),
    ),
    "an empty rule": GIVEN_APART[: GIVEN_APART.index("                        affinity:")]
    + "                        affinity: {}\n",
}
STORED = {
    "kept": KEPT,
    "a folder of its own": changed(KEPT, ("value: /store", "value: /store/kept")),
    "by name": changed(
        KEPT,
        ('      - {name: PAUSE, value: "0.4"}\n      - {name: STORE, value: /store}\n',
         '      - {name: STORE, value: "/store"}\n      - {name: PAUSE, value: "0.4"}\n'),
    ),
}  # fmt: skip
WRONG = {
    "three processes in a Pod": changed(THREE, ("numNodes: 3", "numNodes: 2\n    numProcPerNode: 3")),
    "one worker": changed(GIVEN_APART, ("numNodes: 2", "numNodes: 1")),
    "smaller": changed(GIVEN_APART, ("cpu: 50m, memory: 300Mi", "cpu: 10m, memory: 200Mi")),
    "tolerant": changed(
        GIVEN_APART,
        ("                        affinity:\n",
         "                        tolerations: [{operator: Exists}]\n                        affinity:\n"),
    ),
    "scratch": changed(KEPT, ("value: /store", "value: /scratch")),
    "own disk": changed(KEPT, ("value: /store", "value: /tmp")),
    "another word": changed(KEPT, ("name: STORE", "name: CHECKPOINT")),
    "without the runtime": changed(KEPT, ("with-a-store", "by-hand")),
}  # fmt: skip


def kubectl(*arguments: str, stdin: str | None = None) -> None:
    """Run kubectl; what it answers is of interest to a reader of the recording."""
    subprocess.run(["kubectl", *arguments], input=stdin, text=True, check=False)


def apply(text: str) -> None:
    """Apply a manifest."""
    kubectl("apply", "-f", "-", stdin=text)


def wait(name: str, condition: str, seconds: int = 600) -> None:
    """Wait for something that a TrainJob says of itself."""
    kubectl("wait", "-n", SPACE, condition, f"trainjob/{name}", f"--timeout={seconds}s")


def delete(*what: str) -> None:
    """Delete something in the namespace."""
    kubectl("delete", *what, "-n", SPACE, "--ignore-not-found")


def function() -> str:
    """Return the reader's function, as the lesson's cell writes it."""
    lesson = (HERE / "3-on-the-cluster.py").read_text(encoding="utf-8")
    cell = lesson.partition('# %%writefile "{state}/train.py"\n')[2].partition("\n\n# %%")[0]
    return "".join(f"{line.removeprefix('#').removeprefix(' ')}\n" for line in cell.splitlines())


def begin(folder: Path) -> None:
    """Make the namespace as it is when the exercises begin."""
    delete("trainjobs", "--all")
    kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    kubectl("create", "namespace", SPACE)
    (folder / "train.py").write_text(function(), encoding="utf-8")
    files = [f"--from-file={HERE / name}.py" for name in ("logistic", "matrix", "meeting", "pod")]
    kubectl("create", "configmap", "chapter", "-n", SPACE, *files)
    kubectl("create", "configmap", "mine", "-n", SPACE, f"--from-file={folder / 'train.py'}")
    kubectl("apply", "-f", f"{HERE}/manifests/runtime.yaml")


def lose_rank_1(name: str) -> None:
    """Take rank 1 away in the middle."""
    wait(name, READY)
    rank = "batch.kubernetes.io/job-completion-index=1"
    kubectl("delete", "pod", "-n", SPACE, "-l", f"job-name={name}-node-0,{rank}")


def try_to_keep(text: str, seconds: int) -> None:
    """Let `kept` run on a new claim, and lose a worker."""
    delete("trainjob", "kept")
    delete("persistentvolumeclaim", "store")
    kubectl("apply", "-f", f"{HERE}/manifests/store.yaml", "-f", "-", stdin=text)
    if "name: by-hand" not in text:
        lose_rank_1("kept")
    wait("kept", "--for=condition=complete", seconds)
    kubectl("get", "pods", "-n", SPACE, "-l", "job-name=kept-node-0")


def main() -> None:
    """Make each of them, and wait until it has come to its end, or until it is seen that it has none."""
    with tempfile.TemporaryDirectory() as folder:
        begin(Path(folder))
    # What the solutions do was recorded with the notebook.
    for text in [*list(THREE_WORKERS.values())[1:], WRONG["three processes in a Pod"], NONE]:
        apply(text)
        wait("three", "--for=condition=complete")
        delete("trainjob", "three")
    for text in REFUSED.values():
        apply(text)
    for name in ("smaller", "tolerant"):
        apply(WRONG[name])
        wait("apart", "--for=condition=complete", 20)
        delete("trainjob", "apart")
    for text in [*list(TOGETHER.values())[1:], WRONG["one worker"]]:
        apply(text)
        wait("apart", "--for=condition=complete")
        delete("trainjob", "apart")
    kubectl("apply", "-f", f"{HERE}/manifests/runtime-with-a-store.yaml")
    for text in [*list(STORED.values())[1:2], WRONG["own disk"]]:
        try_to_keep(text, 600)
    for name in ("scratch", "without the runtime"):
        try_to_keep(WRONG[name], 90)
    delete("trainjob", "kept")
    kubectl("delete", "namespace", SPACE)


if __name__ == "__main__":
    main()
