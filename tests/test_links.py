"""Which links are asked, and what an answer means; the network itself is the weekly run's."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from authoring import links

TEXT = """
See [the page](https://docs.test.org/a_(b)/c.html#part), <https://a.test.org/x>, `https://b.test.org/y`.
In a sentence: https://c.test.org/z. (Or https://d.test.org/q?r=1&s=2).
| https://e.test.org | "https://f.test.org/g" | *https://g.test.org/h* |
http://localhost:8081, http://127.0.0.1:8085/x, http://predictions/champion, https://kubernetes.default/api,
http://x.svc/, https://company.invalid/, https://me:word@i.test.org/, https://zenml.example.com,
https://archives.test.org/{repository}/tar.gz, https://h.test.org/…
"""


def test_the_links_to_the_outside_are_found_whole() -> None:
    assert list(links.links(TEXT)) == [
        "https://docs.test.org/a_(b)/c.html",
        "https://a.test.org/x",
        "https://b.test.org/y",
        "https://c.test.org/z",
        "https://d.test.org/q?r=1&s=2",
        "https://e.test.org",
        "https://f.test.org/g",
        "https://g.test.org/h",
    ]


def test_each_link_knows_its_files(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("https://a.test.org/x and https://a.test.org/x")
    (tmp_path / "docs" / "page.md").write_text("https://a.test.org/x")
    (tmp_path / "docs" / "picture.svg").write_text("https://b.test.org")
    assert links.places(tmp_path) == {"https://a.test.org/x": ["README.md", "docs/page.md"]}


def test_the_repository_has_links_to_ask() -> None:
    assert len(links.places(links.ROOT)) > 5


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_only_a_page_that_is_gone_is_dead(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {f"{server}/{code}": ["README.md"] for code in (200, 403, 503)}
    monkeypatch.setattr(links, "places", lambda root: pages)
    assert links.main() == 0
    said = capsys.readouterr().out
    assert f"?      {server}/403" in said
    assert f"{server}/200" not in said
    pages[f"{server}/404"] = ["docs/page.md"]
    assert links.main() == 1
    assert f"DEAD   {server}/404: 404 Not Found\n       in docs/page.md" in capsys.readouterr().out
