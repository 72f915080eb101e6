"""A real API server, asked as a kubeconfig tells."""

import base64
import http.client
import ssl
import tempfile
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
        """Return the code and the text of an answer."""
        with self.open("GET", path, b"", {"Accept": accept}) as response:
            return response.status, response.read().decode(errors="replace")
