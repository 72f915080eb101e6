"""The labs of chapter 10: ``lab = Labs(state)``, then ``lab.start(3)``, ``lab.check(3, evidence)``, ``lab.reset(3)``.

Each lab has a namespace of its own on the book's cluster, live or recorded, ``flights-lab-3``, with something that
works but for one fault. Its manifest is written into the notebook's folder, where it can be mended as in a
repository.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from chapter_10.labs.faults import IMAGE, LABS, NEW, OLD, SHARE, Finding, judge_evidence
from chapter_10.labs.look import Look, Quiet
from chapter_10.labs.paper import Paper
from companion.check.verdict import Verdict, right, wrong
from companion.cluster.shell import ClusterError, at_recorded_cluster
from companion.recorded.serve import unknown

# Seconds until a fault has shown itself, on a machine that is busy with other things.
PATIENCE = 300
# So many times a check looks again (a second apart) where something has not happened yet.
AGAIN = 4
# A recorded cluster's time goes on by looking: so many looks until all has happened.
LOOKS = 80
STATE = "pipelines-for-humans/lab"


class LabError(ClusterError):
    """A lab cannot be started, checked or reset; the text is one clear sentence."""


class Labs:
    """The labs, for one notebook.

    Parameters
    ----------
    folder
        Where the manifests are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shell = Quiet()

    def start(self, number: int) -> None:
        """Prepare a lab's namespace, seed its fault, wait until it shows, and say what people complain of.

        Raises
        ------
        LabError
            If there is no such lab, or if the cluster lacks the book's image.
        ClusterError
            If there is no cluster, or it refuses.
        """
        lab, namespace = LABS[known(number)], f"flights-lab-{number}"
        manifest = self.folder / f"lab-{number}.yaml"
        state = self._state(namespace)
        if state == "started":
            if not manifest.exists():  # the notebook was started anew
                manifest.write_text(lab.seeded(namespace), encoding="utf-8")
            print(
                f"Lab {number} is started already and stays as you left it; lab.reset({number}) removes it."
            )
            return
        if state:
            print(f"An earlier start of lab {number} did not come to its end; it is removed and begun anew.")
            self._delete(namespace)
            self._wait_until_gone(namespace)
        self._need_image()
        if number == 8:
            self._need_builds()
        made = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "annotations": {STATE: "starting"}},
        }
        self._shell.do_kubectl("apply", "-f", "-", stdin=json.dumps(made))
        manifest.write_text(lab.seeded(namespace), encoding="utf-8")
        self._shell.do_kubectl("apply", "-f", str(manifest))
        if "predictions.yaml" in lab.manifests:
            Look(number).ask_service("/champion")  # a recorder asks the same again whenever something changes
        shown = self.wait_until_shown(number)
        self._shell.do_kubectl("annotate", "--overwrite", "namespace", namespace, f"{STATE}=started")
        print(f'Lab {number} · namespace {namespace}\n"{lab.complaint}"')
        if number < 10:
            print(f"Its manifest: {manifest}")
        if not shown:
            print(f"The fault has not shown itself in {PATIENCE} s; give a busy machine some more time.")

    def wait_until_shown(self, number: int) -> bool:
        """Wait until a lab's fault shows itself; say whether it does."""
        question, answer = LABS[known(number)].shows
        return self._wait(f"{question} -n flights-lab-{number}", answer)

    def check(self, number: int, evidence: str | None = None) -> None:
        """Say in one line whether a lab is mended, and whether the evidence holds the cause.

        Raises
        ------
        LabError
            If there is no such lab, or if it was not started.
        ClusterError
            If there is no cluster.
        """
        verdict = judge(number, evidence)
        print(" ".join(f"{verdict.mark} Lab {number}: {verdict.text}".split()))

    def reset(self, *numbers: int) -> None:
        """Remove labs, with their namespaces and what was given to their accounts in the whole cluster.

        Raises
        ------
        LabError
            If there is no such lab.
        ClusterError
            If there is no cluster.
        """
        started = [number for number in numbers if self._state(f"flights-lab-{known(number)}")]
        for number in started:
            self._delete(f"flights-lab-{number}")
        for number in numbers:
            if number not in started:
                print(f"Lab {number} is not started: there is nothing to remove.")
                continue
            self._wait_until_gone(f"flights-lab-{number}")
            print(f"Lab {number} is removed, with its namespace flights-lab-{number}.")

    def _state(self, namespace: str) -> str:
        """Return ``starting`` or ``started``; empty if there is no such namespace."""
        found = self._shell.ask_kubectl("get", "namespace", namespace, "--ignore-not-found", "-o", "json")
        if not found:
            return ""
        state = json.loads(found)["metadata"].get("annotations", {}).get(STATE)
        if not state:
            raise LabError(f"There is a namespace {namespace} that no lab has made; it is left alone.")
        return str(state)

    def _delete(self, namespace: str) -> None:
        # What a learner gave to the lab's accounts beyond its namespace would stay behind.
        given = self._shell.ask_kubectl(
            "get",
            "clusterrolebindings",
            "-o",
            'jsonpath={range .items[*]}{.metadata.name} {.subjects[*].namespace} {.subjects[*].name}{"\\n"}{end}',
        )
        for binding, *subjects in (re.split(r"[\s:]+", line) for line in given.splitlines() if line):
            if namespace in subjects:
                self._shell.do_kubectl("delete", "clusterrolebinding", binding)
        self._shell.do_kubectl("delete", "namespace", namespace, "--wait=false")

    def _wait_until_gone(self, namespace: str) -> None:
        if not self._wait(f"get namespace {namespace} --ignore-not-found -o name", r"\A\s*\Z"):
            raise LabError(
                f"The namespace {namespace} is still being removed: wait a minute, then try again."
            )

    def _wait(self, question: str, answer: str, patience: int = PATIENCE) -> bool:
        """Ask kubectl until it answers so; say whether it did."""
        start, looks = time.monotonic(), 1
        while not re.search(answer, self._shell.try_kubectl(*shlex.split(question))):
            if time.monotonic() - start > patience or (recorded() and looks >= LOOKS):
                return False
            looks += 1
            time.sleep(0 if recorded() else 2)
        return True

    def _images(self) -> list[set[str]]:
        """Return by what names the nodes know each of their images."""
        nodes = json.loads(self._shell.ask_kubectl("get", "nodes", "-o", "json"))["items"]
        images = [image for node in nodes for image in node["status"].get("images") or []]
        return [{name.removeprefix("docker.io/") for name in image.get("names") or []} for image in images]

    def _need_builds(self) -> None:
        """See to it that the nodes know lab 8's first build by both its names, and the second by its own alone."""
        names = [each & {SHARE, OLD, NEW} for each in self._images()]
        if [each for each in names if SHARE in each] == [{SHARE, OLD}] and {NEW} in names:
            return
        if recorded():
            raise LabError("This recording lacks lab 8's images: git pull, or git checkout -- chapters.")
        _build(OLD, late_after=0)
        self._shell.do_kind("load", "docker-image", SHARE, OLD)
        _build(
            NEW, late_after=15
        )  # the version's name moves on, and only the build's own is loaded: the fault
        self._shell.do_kind("load", "docker-image", NEW)

    def _need_image(self) -> None:
        # A node tells what images it has only now and then.
        question = "get nodes -o jsonpath={.items[*].status.images[*].names[*]}"
        if not self._wait(question, rf"(^|[\s/]){re.escape(IMAGE)}($|\s)", patience=45):
            raise LabError(
                f"The cluster does not have the image {IMAGE}: cluster-setup/README.md says how it gets there "
                "(make image, then make cluster-load)."
            )


def known(number: int) -> int:
    """Return the number of a lab.

    Raises
    ------
    LabError
        If there is none of that number.
    """
    if type(number) is not int or number not in LABS:
        raise LabError(f"There is no lab {number!r}; the labs are 1 to {max(LABS)}.")
    return number


def judge(number: int, evidence: str | None = None) -> Verdict:
    """Judge a lab: the evidence, then the cluster.

    Raises
    ------
    LabError
        If there is no such lab, or if it was not started.
    ClusterError
        If there is no cluster.
    """
    lab = LABS[known(number)]
    if evidence is not None:
        text = "\n".join(evidence) if isinstance(evidence, list | tuple) else evidence
        if not isinstance(text, str):
            return wrong("The evidence is a text: the line of an output that tells the cause.")
        complaint = judge_evidence(lab, text)
        if complaint:
            return wrong(f"The evidence: {complaint}")
    finding = look(number)
    wishes = unknown(f"flights-lab-{number}") if at_recorded_cluster() else []
    for _ in range(0 if wishes else AGAIN):
        if not (finding.state == "broken" and " yet" in finding.text):
            break
        time.sleep(0 if recorded() else 1)
        finding = look(number)
    on_paper = bool(wishes) and finding.state != "mended"
    if on_paper:
        finding = Paper(number, wishes).finding()
    match finding.state:
        case "broken":
            return wrong(f"{'The evidence is right. ' if evidence else ''}Not mended: {finding.text}")
        case "hidden":
            return wrong(f"That hides the symptom. {finding.text}")
    if evidence is None:
        return wrong(f"Mended: {finding.text}. Now the evidence: which line told you the cause?")
    if on_paper:
        return right("Your evidence names the cause, and what you wrote mends it. "
                     "(This cluster is recorded and cannot show the end.)")  # fmt: skip
    return right(f"{finding.text}, and your evidence names the cause.")


def look(number: int) -> Finding:
    """Look at the cluster alone.

    Raises
    ------
    LabError
        If there is no such lab, or if it was not started.
    ClusterError
        If there is no cluster.
    """
    lab, seen = LABS[known(number)], Look(number)
    if not list(seen.all("ConfigMap")):  # every namespace has one, so this one is not there
        raise LabError(f"Lab {number} is not started: lab.start({number})")
    return lab.judge(seen)


def recorded() -> bool:
    """Say whether the cluster's time goes on by looking, and by nothing else."""
    return at_recorded_cluster() and os.environ.get("COMPANION_CLUSTER") != "record"


def _build(name: str, late_after: int) -> None:
    """Build lab 8's image on this machine, with its rule for "late", and give it its own name and the version's."""
    if not shutil.which("docker"):
        raise LabError("Lab 8 builds an image and needs docker: make doctor says what is missing.")
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            ["docker", "build", "--quiet", "--tag", SHARE, "--tag", name, "-f", "-", empty],
            input=f"FROM {IMAGE}\nENV LATE_AFTER={late_after}\n",
            capture_output=True,
            text=True,
            env=os.environ | {"DOCKER_BUILDKIT": "0"},
        )
    if done.returncode:
        raise LabError(
            f"docker could not build {SHARE} on {IMAGE}: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
        )
