"""Run the code of a solved notebook against the stand-in for Kubeflow: ``python lesson_on_stand_in.py NAME``.

All cells run in order, in one process with IPython, as in a notebook. `kfp.Client` talks to `KubeflowServer`, and
``kubectl`` is a script that asks the same server for its Pods. What ends with an error ends this program. The last
line printed is JSON: what the API does not know (``wrong``), the calls, and what the checks said.

Nothing runs on the stand-in. So that the cells find in logs and in the store what they look for, `Kubectl` answers
from a run of the pipeline in plain Python.
"""

import http.server
import json
import os
import re
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp_server import KubeflowServer, Task

Json = dict[str, Any]


def find(value: Any, path: str) -> list[Any]:
    """Evaluate a path of kubectl's, such as ``.spec.containers[?(@.name=="main")].image``."""
    found = [value]
    while path:
        name = re.match(r"\.((?:[\w/-]|\\\.)+)", path)
        chosen = re.match(r'\[\?\(@\.(\w+)=="([^"]*)"\)\]', path)
        step = name or chosen or re.match(r"\[\*\]", path)
        if step is None:
            raise ValueError(f"no path of kubectl's: {path}")
        path = path[step.end() :]
        if name:
            key = name[1].replace("\\.", ".")
            found = [each[key] for each in found if isinstance(each, dict) and key in each]
        elif chosen:
            found = [item for each in found for item in each if item.get(chosen[1]) == chosen[2]]
        else:
            found = [item for each in found for item in each]
    return found


class Kubectl:
    """Answers the few commands that the lessons of Kubeflow use.

    Attributes
    ----------
    log
        What a task's Pod has logged: a function of the task.
    logs
        The logs of other Pods, by name.
    """

    def __init__(self, server: KubeflowServer) -> None:
        self.server = server
        self.log: Callable[[Task], str] = lambda task: ""
        self.logs: dict[str, str] = {}

    def answer(self, words: list[str]) -> str:
        """Return what kubectl would print.

        Raises
        ------
        ValueError
            With kubectl's sentence, where it would fail or where the stand-in does not know the command.
        """
        options = dict(re.findall(r"(?:^|\x00)(-n|-l|-o|-c)\x00([^\x00]*)", "\x00".join(words)))
        plain = [word for word in words if not word.startswith("-") and word not in options.values()]
        if plain[0] == "version":
            return json.dumps({"serverVersion": {"gitVersion": "v1.36.1"}})
        if plain[:2] == ["get", "deployments"]:
            return "NAME\nml-pipeline\nworkflow-controller\n"
        if plain[0] in ("apply", "delete", "wait", "create"):
            return f"{plain[0]}: as it would be\n"
        pods = [pod for run_id in self.server.state.runs for pod in self.server.pods(run_id)]
        if plain[0] == "logs":
            if plain[1] in self.logs:
                return self.logs[plain[1]]
            return self._log(self._named(pods, plain[1]), options.get("-c", "main"))
        if plain[0] == "get" and plain[1] in ("pod", "pods"):
            if "-l" in options:
                name, _, wanted = options["-l"].partition("=")
                pods = [pod for pod in pods if pod["metadata"]["labels"].get(name) == wanted]
            if len(plain) > 2:
                pods = [self._named(pods, plain[2])]
            return self._shown(pods, options.get("-o", ""), "--no-headers" in words, single=len(plain) > 2)
        raise ValueError(f"error: the stand-in does not know kubectl {' '.join(words)}")

    def _named(self, pods: list[Json], name: str) -> Json:
        for pod in pods:
            if pod["metadata"]["name"] == name:
                return pod
        raise ValueError(f'Error from server (NotFound): pods "{name}" not found')

    def _log(self, pod: Json, container: str) -> str:
        node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].split(".")
        if container != "main":
            raise ValueError(f"error: container {container} is not valid for pod {pod['metadata']['name']}")
        run_id = pod["metadata"]["labels"]["pipeline/runid"]
        [task] = [each for each in self.server.state.tasks[run_id] if f"{each.name}(0)" == node[2]]
        command = pod["spec"]["containers"][0]["command"]
        given = command[command.index("--executor_input") + 1]
        return f"Looking for component `{task.function}` in …\n{given}\n{self.log(task)}\n"

    def _shown(self, pods: list[Json], form: str, bare: bool, single: bool) -> str:
        if form == "json":
            return json.dumps(pods[0] if single else {"kind": "List", "items": pods})
        if form.startswith("jsonpath="):
            path = form.removeprefix("jsonpath=").strip("'{}")
            found = [value for pod in pods for value in find(pod, path)]
            return " ".join(value if isinstance(value, str) else json.dumps(value) for value in found)
        columns = [column.partition(":")[::2] for column in form.removeprefix("custom-columns=").split(",")]
        rows = [] if bare else [[title for title, _ in columns]]
        for pod in pods:
            found = [find(pod, path) for _, path in columns]
            rows.append([",".join(str(value) for value in each) or "<none>" for each in found])
        return "".join("   ".join(row) + "\n" for row in rows)

    def serve(self, folder: Path) -> None:
        """Put a ``kubectl`` into a folder that asks this object."""
        kubectl = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                words = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    status, text = 200, kubectl.answer(words)
                except ValueError as error:
                    status, text = 400, f"{error}\n"
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = folder / "kubectl"
        script.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" --kubectl {server.server_port} "$@"\n'
        )
        script.chmod(0o755)


def ask(port: str, words: list[str]) -> int:
    """Be the ``kubectl`` of `Kubectl.serve`."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}", json.dumps(words).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            print(answer.read().decode(), end="")
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode(), end="", file=sys.stderr)
        return 1


def run_cells(cells: list[str], prepare: Callable[[KubeflowServer, Kubectl], None]) -> Json:
    """Run code cells in order, and return what came of it; an error in a cell is raised."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.io import capture_output

    from companion import replay
    from companion.cluster import settings, shell

    with KubeflowServer() as server, tempfile.TemporaryDirectory() as folder:
        kubectl = Kubectl(server)
        kubectl.serve(Path(folder))
        prepare(server, kubectl)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        os.environ["COMPANION_WORK"] = f"{folder}/work"
        sys.modules["companion.workspace"].SDKS = ()  # type: ignore[attr-defined]  # the server needs kfp too
        replay.for_a_learner = lambda chapter: ""  # no recording either
        shell.check_kubeconfig = lambda: None  # there is no cluster here, and none is asked
        settings.KUBEFLOW_URL = server.url
        python = InteractiveShell.instance()
        said = []
        for cell in cells:
            with capture_output() as output:
                done = python.run_cell(cell)
            said += [line for line in output.stdout.splitlines() if "Exercise" in line]
            if error := done.error_before_exec or done.error_in_exec:
                print(output.stdout, output.stderr, sep="\n")
                raise RuntimeError(f"this cell failed:\n{cell}") from error
        return {"wrong": server.wrong, "calls": server.calls, "said": said}


def chapter_11(server: KubeflowServer, kubectl: Kubectl) -> None:
    """Let September be judged, January be refused, and the store be read."""
    from flightdelay.errors import MonthError
    from flightdelay.pipelines import in_plain_python
    from flightdelay.steps.ingest import ingest

    with tempfile.TemporaryDirectory() as store:
        in_plain_python.run("2013-09", sample=20_000, store=Path(store))
        record = Path(store, "runs", "2013-09.json").read_text()
    evaluation = json.loads(record)["evaluation"]
    kubectl.logs["store-reader"] = record
    server.outcome = lambda run_id, task: (
        "FAILED"
        if server.state.runs[run_id]["display_name"] == "january" and task == "ingest"
        else "SUCCEEDED"
    )

    def log(task: Task) -> str:
        if task.name == "show":
            found = {"auc": evaluation["challenger"]["auc"], "digest": evaluation["digest"]}
            return f"FOUND {json.dumps(found)}"
        if task.name == "ingest" and task.state == "FAILED":
            try:
                ingest(task.parameters["month"])
            except MonthError as error:
                return f"flightdelay.errors.MonthError: {error}"
        return f"{task.name} has ended"

    kubectl.log = log


PREPARED = {"11-kubeflow-on-kind": chapter_11}


def main() -> int:
    """Run the solution of a lesson, or be its kubectl."""
    if sys.argv[1] == "--kubectl":
        return ask(sys.argv[2], sys.argv[3:])
    from authoring.build import notebooks_of, sittings
    from companion.environment import repository

    [lesson] = [each.lesson for each in sittings(repository()) if each.folder.name == sys.argv[1]]
    cells = [cell.source for cell in notebooks_of(lesson)["solution"].cells if cell.cell_type == "code"]
    if len(sys.argv) > 2:  # a change to the lesson that has to fail: old=new
        old, _, new = sys.argv[2].partition("=>")
        if not any(old in cell for cell in cells):
            raise SystemExit(f"no cell has {old!r}")
        cells = [cell.replace(old, new) for cell in cells]
    print(json.dumps(run_cells(cells, PREPARED[sys.argv[1]])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
