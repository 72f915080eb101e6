"""Kubeflow's API in a notebook that is recorded or replayed: a server on this machine that `kfp.Client` talks to.

`companion.replay` does the same for commands, and says what the variables of the environment mean. While a
notebook is recorded, the server passes each request on to the cluster and writes the answer down, in the same
file. Replayed, it answers from there, without a cluster.

What identifies an answer: the cell, the method, the path with its query, and the body. Of a question that a cell
asks again and again (a poll) only the last answer is kept, so that a replay does not wait. A question without an
answer is a miss, as with a command.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from companion.cluster import settings
from companion.portable import without_paths
from companion.ports import open_here
from companion.stand_in import miss, write_request

# Seconds to wait for a Kubeflow that does not answer while it is recorded.
PATIENCE = 120


def address() -> str:
    """Return where `kfp.Client` finds Kubeflow: on the cluster, or at the recording's server."""
    return _serve() if "COMPANION_COMMANDS" in os.environ else settings.KUBEFLOW_URL


@functools.cache
def _serve() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def question(method: str, path: str, content_type: str, content: bytes) -> dict[str, str]:
    """Return what identifies a request, the same on any machine and in any run."""
    boundary = re.search(r"boundary=([\w-]+)", content_type)
    if boundary:
        content = content.replace(boundary[1].encode(), b"")
    with contextlib.suppress(ValueError):  # no JSON
        content = json.dumps(json.loads(content), sort_keys=True).encode()
    with contextlib.suppress(UnicodeDecodeError):
        content = without_paths(content.decode(), os.environ["COMPANION_WORK"]).encode()
    return {
        # Not which run of the cell it is: a poll's last answer is all that is kept.
        "cell": os.environ.get("COMPANION_CELL", "").rpartition("-")[0],
        "method": method,
        "path": path,
        "body": hashlib.sha256(content).hexdigest() if content else "",
    }


class _Handler(BaseHTTPRequestHandler):
    def respond(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type") or ""
        asked = question(self.command, self.path, kind, content)
        if os.environ["COMPANION_COMMANDS"] == "record":
            answered = self._pass_on(content)
            write_request(Path(os.environ["COMPANION_RECORDING"]), asked, answered)
        else:
            answered = self._recorded(asked)
        text = answered["text"].encode()
        with contextlib.suppress(BrokenPipeError):
            self.send_response(answered["status"])
            self.send_header("Content-Type", answered["type"])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    do_GET = do_POST = do_DELETE = respond

    def _pass_on(self, content: bytes) -> dict[str, Any]:
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        request = urllib.request.Request(
            settings.KUBEFLOW_URL + self.path, content or None, headers, method=self.command
        )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                response: Any = open_here(request, PATIENCE)
            except urllib.error.HTTPError as error:
                response = error
            except OSError as error:  # it may be starting again
                if time.monotonic() < end:
                    time.sleep(2)
                    continue
                return {"status": 502, "type": "text/plain", "text": f"Kubeflow does not answer: {error}"}
            with response:
                kind = response.headers.get("Content-Type") or "application/json"
                text = response.read().decode(errors="replace")
                return {"status": response.status, "type": kind, "text": text}

    def _recorded(self, asked: dict[str, str]) -> dict[str, Any]:
        path = Path(os.environ["COMPANION_RECORDING"])
        known = json.loads(path.read_bytes()).get("requests", []) if path.exists() else []
        for each in known:
            if all(each[key] == value for key, value in asked.items()):
                return dict(each["answer"])
        return {"status": 404, "type": "text/plain", "text": miss(f"{self.command} {self.path}")}

    def log_message(self, *_: object) -> None:
        pass
