"""``make test-lab``: JupyterLab as ``make lab`` starts it, used in a real browser as a reader uses it.

By three doors: plainly; below a path behind a proxy, as JupyterHub has it; and under another address by TLS, as GitHub
Codespaces shows it. As whom, the one says who types the command. It runs in ``.venv-site``, so that ``make test``
leaves it out (its name does not begin with ``test_``). What it writes stands in a folder of its own, but for copies of
two notebooks in ``work/``, whose links lead nowhere from anywhere else.
"""

import contextlib
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
# Seconds for anything: what is tried is that it works, and the machine may have much else to do.
PATIENCE = 600
expect.set_options(timeout=PATIENCE * 1000)
NAME, DOMAIN = "odd-fish-1", "app.github.dev"  # of the Codespace
START, JOB = "00-1-start-here", "08-1-one-training"
TRIED = f".tried-{os.getpid()}"  # what the copies are called


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Proxy(socketserver.BaseRequestHandler):
    """Pass one request on, and everything that follows on its connection; WebSockets are no more than that."""

    server: "ProxyServer"

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._handle()

    def _handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := self.request.recv(65536)):
                return
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        if b"upgrade: websocket" not in head.lower():
            head = re.sub(rb"(?im)^connection: .*\r$", b"Connection: close\r", head + b"\r")[:-1]
        if self.server.host:
            head = re.sub(rb"(?im)^host: .*\r$", b"Host: " + self.server.host + b"\r", head + b"\r")[:-1]
        with socket.create_connection(("127.0.0.1", self.server.target)) as lab:
            lab.sendall(head + b"\r\n\r\n" + rest)
            threading.Thread(target=pour, args=(self.request, lab), daemon=True).start()
            pour(lab, self.request)


def pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while more := source.recv(65536):
            target.sendall(more)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class ProxyServer(socketserver.ThreadingTCPServer):
    """A door before the lab; `host` is what it tells the lab in place of what the browser said."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target: int, host: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.target, self.host = target, host
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class OwnCluster(BaseHTTPRequestHandler):
    """The cluster that the reader's own kubeconfig leads to: nobody may ask it anything."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Lab:
    """A lab that runs, and how the browser gets to it."""

    url: str
    origin: str
    work: Path
    output: Path
    arguments: list[str] = field(default_factory=list)


@contextlib.contextmanager
def made_lab(folder: Path, options: list[str], extra: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """Type ``make lab`` as somebody who has a home, a cluster and a kubeconfig of their own; give the lab's address."""
    home, output = folder / "home", folder / "lab.txt"
    (home / ".kube").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), OwnCluster) as own:
        threading.Thread(target=own.serve_forever, daemon=True).start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "own", "cluster": {"server": f"http://127.0.0.1:{own.server_port}"}}],
            "contexts": [{"name": "own", "context": {"cluster": "own", "user": ""}}],
            "current-context": "own",
        }
        (home / ".kube" / "config").write_text(json.dumps(config), encoding="utf-8")
        mine = {"HOME": str(home), "COMPANION_WORK": str(folder / "work"), **extra}
        environ = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        command = ["make", "lab", f"LAB=--no-browser {' '.join(options)}"]
        with output.open("wb") as file:
            make = subprocess.Popen(
                command, cwd=ROOT, env=environ | mine, stdout=file, stderr=file, start_new_session=True
            )
        try:
            yield address_in(output, make), output
        finally:
            own.shutdown()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(make.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                make.wait(60)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(make.pid, signal.SIGKILL)


def address_in(output: Path, make: subprocess.Popen[bytes]) -> str:
    """Wait until the lab says where it is."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        text = output.read_text(encoding="utf-8")
        if found := re.findall(r"http://127\.0\.0\.1:\d+/\S+\?token=\w+", text):
            return str(found[-1])
        assert make.poll() is None, text
        time.sleep(0.3)
    raise AssertionError(output.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["plain", "hub", "codespace"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    options, extra = [f"--port={port}", "--ServerApp.port_retries=0"], {}
    if request.param == "hub":
        options.append("--ServerApp.base_url=/user/x/")
    if request.param == "codespace":
        extra = {"CODESPACE_NAME": NAME, "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": DOMAIN}
    with contextlib.ExitStack() as stack:
        url, output = stack.enter_context(made_lab(folder, options, extra))
        origin, arguments = f"http://127.0.0.1:{port}", []
        if request.param == "hub":
            door = serve(stack, ProxyServer(port))
            origin = f"http://127.0.0.1:{door}"
            assert "/user/x/lab" in url
        if request.param == "codespace":
            door = serve(stack, ProxyServer(port, f"localhost:{port}".encode(), tls_of(folder)))
            origin = f"https://{NAME}-{port}.{DOMAIN}"
            arguments = [f"--host-resolver-rules=MAP *.{DOMAIN}:443 127.0.0.1:{door}"]
        url = url.replace(f"http://127.0.0.1:{port}", origin)
        yield Lab(url, origin, folder / "work", output, arguments)
    for copy in (ROOT / "work").glob(f"*{TRIED}-*.ipynb"):
        copy.unlink()
    assert OwnCluster.asked == []


def serve(stack: contextlib.ExitStack, server: ProxyServer) -> int:
    stack.enter_context(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return int(server.server_address[1])


def tls_of(folder: Path) -> ssl.SSLContext:
    """Return a certificate that nobody has signed: what is tried is the address, and not who vouches for it."""
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", *files],
        cwd=folder,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.fixture(scope="module")
def chromium(lab: Lab) -> Iterator[Browser]:
    # Root has no sandbox in Chromium.
    arguments = lab.arguments + ["--no-sandbox"] * (os.geteuid() == 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser_tab(lab: Lab, chromium: Browser) -> Iterator[tuple[Page, list[str]]]:
    """Open the lab at the address that ``make lab`` prints."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, ignore_https_errors=True)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    amiss: list[str] = []
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on("response", lambda got: amiss.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    ours = (lab.origin, "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(ours) else amiss.append(sent.url))
    page.goto(lab.url)
    expect(page.locator(".jp-DirListing-item", has_text=START).first).to_be_visible()
    yield page, amiss
    context.close()


@pytest.fixture
def page(lab: Lab, browser_tab: tuple[Page, list[str]], request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give the lab's page; after the test nothing may be amiss in it, and nothing asked of the outside."""
    page, amiss = browser_tab
    yield page
    if shown := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(shown, f"{request.node.name}.png"))
    found, amiss[:] = amiss[:], []
    assert found == []


@dataclass
class Sitting:
    """A notebook that is open in front of the reader."""

    page: Page
    path: Path
    panel: Locator

    def cell(self, text: str) -> Locator:
        """Return the code cell whose source has this text, scrolled to."""
        cell = self.panel.locator(".jp-CodeCell").filter(
            has=self.page.locator(".jp-InputArea-editor .cm-content", has_text=text)
        )
        cell.first.scroll_into_view_if_needed()
        return cell.first

    def write(self, cell: Locator, text: str) -> Locator:
        """Replace what stands in a cell, and return it as it is found now."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        return self.cell(text)

    def run(self, cell: Locator) -> Locator:
        """Run a cell by Control+Enter, wait for its new number, and return where its output is."""
        prompt = cell.locator(".jp-InputPrompt").first
        before = prompt.inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before)
        expect(cell.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]:"))
        return cell.locator(".jp-OutputArea-output").first

    def choose(self, menu: str, item: str) -> None:
        self.page.get_by_role("menubar").get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(f"^{item}")).first.click()

    def ready(self) -> None:
        """Wait for the kernel; run before it is there, a notebook would ask which one to take."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")

    def saved(self) -> list[dict[str, Any]]:
        """Save, and return the cells as they stand in the file."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("ControlOrMeta+s")
        end = time.monotonic() + PATIENCE
        while self.path.stat().st_mtime_ns == before and time.monotonic() < end:
            self.page.wait_for_timeout(200)
        return list(json.loads(self.path.read_text(encoding="utf-8"))["cells"])


def sitting(page: Page, name: str) -> Sitting:
    """Open a notebook by a double click: a copy of one's own, without outputs, as `make lab` makes them."""
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    path = ROOT / "work" / f"{name}{TRIED}-{time.time_ns()}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    page.get_by_role("button", name="Refresh the file browser").click()
    page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
    expect(page.locator(".lm-TabBar-tab.lm-mod-current", has_text=path.name)).to_be_visible()
    opened = Sitting(page, path, page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)"))
    opened.ready()
    return opened


def texts(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def test_a_sitting_runs_from_the_first_cell_to_the_last_and_takes_a_bet(page: Page) -> None:
    it = sitting(page, JOB)
    it.choose("Run", "Run All Cells")
    last = it.panel.locator(".jp-CodeCell").last
    expect(last.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]:"))
    it.ready()
    cells = [cell for cell in it.saved() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert [each for cell in cells for each in cell["outputs"] if each["output_type"] == "error"] == []
    said = "".join(texts(cell) for cell in cells)
    assert "same as plain: True" in said
    assert said.count("you placed no bet") == 2

    it.run(it.write(it.cell("my_bet = None  # a whole number"), "my_bet = 1"))
    pods = it.cell("companion.compare_bet(my_bet, len(pods))")
    expect(it.run(pods)).to_contain_text("you bet 1; it is 0.")  # the last cell has removed them


def test_a_terminal_asks_the_cluster_of_the_book_and_no_other(page: Page, lab: Lab) -> None:
    it = sitting(page, JOB)
    it.run(it.cell("import companion"))
    it.choose("File", "New")
    page.locator(".lm-Menu-item", has_text=re.compile("^Terminal")).last.click()
    expect(page.locator(".jp-Terminal .xterm-screen").last).to_be_visible()
    said = lab.work / f"said-{time.time_ns()}.txt"
    asked = "command -v kubectl; kubectl config current-context; kubectl get nodes; echo end"
    page.locator(".jp-Terminal").last.click()
    page.keyboard.type(f"({asked}) > '{said}' 2>&1\n")
    end = time.monotonic() + PATIENCE
    while not (said.exists() and said.read_text().endswith("end\n")) and time.monotonic() < end:
        page.wait_for_timeout(500)
    kubectl, context, *table = said.read_text().splitlines()
    assert kubectl == str(ROOT / ".venv" / "bin" / "kubectl")
    assert context == "recorded-pipelines"
    assert re.match(r"pipelines-control-plane +Ready ", table[1]), table
    assert OwnCluster.asked == []


def test_an_exercise_is_judged_and_a_new_kernel_says_what_to_run_first(page: Page) -> None:
    it = sitting(page, START)
    for text in ("import companion", "import pandas as pd"):
        it.run(it.cell(text))
    answer, check = it.cell("answer = None"), it.cell("check.ex_0_1(answer)")
    it.run(answer)
    expect(it.run(check)).not_to_contain_text("right")
    answer = it.write(answer, 'answer = ["seconds", "auc"]')
    it.run(answer)
    expect(it.run(check)).to_contain_text("❌ Exercise 0.1")
    it.run(it.write(answer, 'answer = ["auc", "log_loss", "decision", "digest"]'))
    expect(it.run(check)).to_contain_text("✅ Exercise 0.1: right.")

    it.choose("Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    it.ready()
    middle = it.cell("plain.decision[")
    expect(it.run(middle)).to_contain_text("This kernel is new and knows nothing of the cells above")
    middle.locator(".cm-content").click()
    it.choose("Run", "Run All Above Selected Cell")
    it.ready()
    expect(it.run(middle)).to_contain_text("promote")


def test_a_page_and_a_solution_open_from_inside_and_stay_as_they_are(page: Page) -> None:
    solution = ROOT / "solutions" / f"{START}.ipynb"
    before = solution.read_bytes()
    it = sitting(page, START)
    link = it.panel.locator('a[href*="chapters/00-start-here/README.md"]').first
    link.scroll_into_view_if_needed()
    link.click()
    read = page.locator(".jp-MarkdownViewer:visible")
    expect(read.locator("h1")).to_contain_text("00 · Start here")
    picture = read.locator("img").first
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0
    read.get_by_role("link", name="solved", exact=True).click()
    expect(it.panel.locator(".jp-OutputArea").first).to_contain_text("scikit-learn")
    it.ready()
    page.keyboard.press("ControlOrMeta+s")
    said = page.locator(".jp-Dialog")
    expect(said).to_contain_text("read-only")
    said.get_by_role("button").last.click()
    assert solution.read_bytes() == before
