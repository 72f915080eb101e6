"""No cell of any notebook reaches a cluster of the reader's own, alone in a new kernel or in the wrong order.

A server that counts what it is asked is the current context of ``~/.kube/config`` and of ``KUBECONFIG``.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest

from authoring.build import sittings
from companion.chapters import Sitting
from companion.environment import kubeconfig_of

ROOT = Path(__file__).parents[1]
# What might ask a cluster. All other cells are run by make test-again.
ASKS = ("kubectl", "Client(", "kubernetes", "companion.cluster", "require(", "lab.", "curl")

# Loads what every kernel of the book loads. Each cell then runs in a process of its own, as after a restart; at last
# all run in one process, the last one first. A cell that takes long asks nothing any more.
RUN = """
import json, os, signal, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors='nocolor')
shell.extension_manager.load_extension('companion.kernel')
cells = json.load(open(sys.argv[1]))
seconds = int(sys.argv[2])

def alone(some):
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        signal.alarm(seconds * len(some))
        for cell in some:
            shell.run_cell(cell)
        os._exit(0)
    os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass

for cell in cells:
    alone([cell])
alone(cells[::-1])
"""


def code_of(sitting: Sitting) -> list[str]:
    notebook = nbformat.read(ROOT / "solutions" / f"{sitting.notebook}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def params() -> Iterator[object]:
    for sitting in sittings(ROOT):
        asking = [cell for cell in code_of(sitting) if any(word in cell for word in ASKS)]
        code = code_of(sitting) if "TEST_AGAIN" in os.environ else asking
        if code:
            yield pytest.param(code, id=f"{sitting.notebook}, {len(code)} cells")


class Foreign:
    """A cluster that is none of the book's, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                asked.append(f"{self.command} {self.path}")
                content = json.dumps(
                    {"kind": "Status", "status": "Success", "major": "1", "minor": "36"}
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self, folder: Path) -> dict[str, str]:
        config = folder / ".kube" / "config"
        config.parent.mkdir(parents=True)
        config.write_text(kubeconfig_of(f"http://127.0.0.1:{self.server.server_port}"))
        return {
            **os.environ,
            "HOME": str(folder),
            "KUBECONFIG": str(config),
            "COMPANION_WORK": str(folder / "work"),
        }


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    cluster = Foreign()
    yield cluster
    cluster.server.shutdown()


@pytest.mark.parametrize("code", list(params()))
def test_no_cell_reaches_another_cluster(code: list[str], foreign: Foreign, tmp_path: Path) -> None:
    cells = tmp_path / "cells.json"
    cells.write_text(json.dumps(code))
    subprocess.run(
        [sys.executable, "-c", RUN, cells, "8"],
        env=foreign.environment(tmp_path),
        cwd=ROOT / "solutions",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    assert not foreign.asked


def test_the_foreign_cluster_would_have_been_reached(foreign: Foreign, tmp_path: Path) -> None:
    """Without what the kernel sets, kubectl asks it: the test above can fail."""
    subprocess.run(
        [Path(sys.prefix) / "bin" / "kubectl", "delete", "namespace", "training"],
        env=foreign.environment(tmp_path),
        capture_output=True,
    )
    assert foreign.asked
