"""A real API server, asked as a kubeconfig tells."""

import base64
import contextlib
import http.client
import ssl
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]


class Upstream:
    """A real API server, as a kubeconfig tells how to reach it."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.place = urlsplit(cluster["server"])
        self._context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        self._kept = threading.local()
        with tempfile.NamedTemporaryFile() as both:
            both.write(base64.b64decode(user["client-certificate-data"]))
            both.write(base64.b64decode(user["client-key-data"]))
            both.flush()
            self._context.load_cert_chain(both.name)

    def open(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """Send a request, and return the answer as it begins."""
        connection = http.client.HTTPSConnection(self.place.netloc, context=self._context, timeout=900)
        connection.request(method, path, content or None, headers)
        return connection.getresponse()

    def get(self, path: str, accept: str = "application/json") -> tuple[int, str]:
        """Return the code and the text of an answer; the connection stays for the next question."""
        kept = getattr(self._kept, "connection", None)
        if kept is not None:
            with contextlib.suppress(http.client.HTTPException, OSError):  # the server may have closed it
                return self._ask(kept, path, accept)
            kept.close()
        self._kept.connection = http.client.HTTPSConnection(
            self.place.netloc, context=self._context, timeout=60
        )
        return self._ask(self._kept.connection, path, accept)

    @staticmethod
    def _ask(connection: http.client.HTTPSConnection, path: str, accept: str) -> tuple[int, str]:
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
