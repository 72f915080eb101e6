"""Spark on this machine alone, for one notebook: a driver and its executors, started and ended.

What a killed kernel left is ended at the next start, and no other's.
"""

import atexit
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import psutil

from chapter_14 import left_behind
from companion import spark as packages
from companion.environment import work_folder
from companion.ports import free_port, open_here
from companion.spark import SparkError

# Spark's own way to play a cluster on one machine: two executors, processes with a core and so many megabytes each.
TWO_EXECUTORS = "local-cluster[2,1,640]"
DRIVER_MB, EXECUTOR_MB = 800, 640
NEEDED_MB = 2_500  # with the Python processes
START_SECONDS = 600  # at most
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # as Spark calls it; else everybody on this machine could use it
UP = "Spark Connect server started"

_running: dict[str, Any] = {}  # of this process: "server", "folder", "session", "page"


def records() -> Path:
    """Return the folder in which each Spark of the book is noted."""
    return work_folder() / "state" / "spark"


def _remove(record: Path) -> None:
    """End what is left of one Spark, and forget it."""
    kept = json.loads(record.read_text(encoding="utf-8"))
    if left_behind.runs(kept["server"], kept["server_started"]):
        server = psutil.Process(kept["server"])
        for process in (*server.children(recursive=True), server):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        until = time.monotonic() + 30
        while left_behind.runs(kept["server"], kept["server_started"]) and time.monotonic() < until:
            time.sleep(0.05)
    shutil.rmtree(kept["folder"], ignore_errors=True)
    record.unlink(missing_ok=True)


def end_left_behind() -> int:
    """End each Spark that a kernel of this book has left behind, and no other; return how many there were."""
    return left_behind.end(records(), _remove)


def borrow() -> None:
    """Let this process import `pyspark`: what the book has comes from `.venv`, the rest from Spark's folder."""
    if not packages.is_there():
        raise SparkError("Spark is not here: make spark, or the first cell of notebook 14-3.")
    if str(packages.folder()) not in sys.path:
        sys.path.append(str(packages.folder()))
    # Spark 4.3 has not been told yet that it works with pandas 3; the chapter compares what it gives.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a Spark that keeps all it writes in a folder, and all it says on this machine."""
    home = folder / "home"
    if not home.exists():  # Spark as it is, but its executors' logs go into this folder
        home.mkdir()
        for each in (packages.folder() / "pyspark").iterdir():
            (home / each.name).symlink_to(each)
    return {
        **os.environ,
        "SPARK_HOME": str(home),
        "JAVA_HOME": str(packages.java_home()),
        "PYSPARK_PYTHON": sys.executable,  # the workers': this one, which has the book's packages
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }


def _settings(master: str, driver_mb: int, port: int, page: int) -> dict[str, str]:
    return {
        "spark.master": master,
        "spark.driver.memory": f"{driver_mb}m",
        "spark.executor.memory": f"{EXECUTOR_MB}m",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.port": str(page),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # Parquet as pandas writes it, in place of a form that is older than Parquet's own times.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",
        "spark.driver.maxResultSize": "48m",  # see the section on what kills a driver
        "spark.network.timeout": f"{START_SECONDS}s",  # on a busy laptop a heartbeat may be late
        "spark.executor.heartbeatInterval": "20s",
    }


def start(master: str = TWO_EXECUTORS, driver_mb: int = DRIVER_MB) -> Any:
    """Start Spark for this process, on loopback, and return a session; where one runs already, return that.

    Raises
    ------
    SparkError
        If there is too little memory, or if it does not start.
    """
    if _running and _running["server"].poll() is None:
        return _running["session"]
    end()
    borrow()
    if end_left_behind():
        print("A Spark that an earlier kernel had left running was ended.")
    free = psutil.virtual_memory().available // 10**6
    if free < NEEDED_MB:
        raise SparkError(
            f"Spark needs {NEEDED_MB / 1000:g} GB of free memory here, and {free / 1000:.1f} are free: close other "
            "programs and notebooks, then run this cell again."
        )
    folder = Path(tempfile.mkdtemp(prefix="flights-spark-")).resolve()
    # Not the two that Spark itself prefers: two programs that start at once would both take these.
    port, page = free_port(), free_port()
    settings = _settings(master, driver_mb, port, page)
    command = [str(packages.folder() / "pyspark" / "bin" / "spark-submit"), "--class", SERVER]
    command += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    os.environ[TOKEN] = secrets.token_hex(16)
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "spark-internal"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,  # interrupting a cell is no order to Spark
        )
    _running.update(server=server, folder=folder, page=f"http://127.0.0.1:{page}")
    began = psutil.Process(server.pid).create_time()
    left_behind.note(records(), folder, server=server.pid, server_started=began)
    atexit.register(end)
    try:
        _wait(server, folder / "server.log")
        from pyspark.sql import SparkSession

        # Not the address in numbers: only to this name does it send the token without a certificate.
        _running["session"] = SparkSession.builder.remote(f"sc://localhost:{port}").create()
        until = time.monotonic() + START_SECONDS
        while master == TWO_EXECUTORS and len(tells("executors")) < 3 and time.monotonic() < until:
            time.sleep(0.2)  # the driver, which counts as one, and its two
    except BaseException:  # Ctrl-C too: nothing stays
        end()
        raise
    return _running["session"]


def _wait(server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while UP not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if server.poll() is not None:
            lines = said.splitlines() or ["it says nothing"]
            reasons = [line for line in lines if line.startswith("Exception in thread")] or lines[-1:]
            raise SparkError(f"Spark did not start: {reasons[0].strip()[:300]}")
        if time.monotonic() > until:
            raise SparkError(
                "Spark did not start: close what keeps the machine busy, and run this cell again."
            )
        time.sleep(0.2)


def end() -> None:
    """End the Spark of this process, and remove its folder."""
    session = _running.pop("session", None)
    if session is not None and _running["server"].poll() is None:
        session.stop()
    record = records() / f"{os.getpid()}.json"
    if record.exists():
        _remove(record)
    if "server" in _running:
        _running["server"].wait(30)
    _running.clear()
    atexit.unregister(end)


def processes() -> dict[str, list[psutil.Process]]:
    """Return the processes of this Spark: its driver, its executors, and the Python processes of these."""
    driver = psutil.Process(_running["server"].pid)
    found: dict[str, list[psutil.Process]] = {"driver": [driver], "executors": [], "workers": []}
    for each in driver.children(recursive=True):
        try:
            words = each.cmdline()
        except psutil.Error:  # it has just ended
            continue
        if any("CoarseGrainedExecutorBackend" in word for word in words):
            found["executors"].append(each)
        elif "pyspark.daemon" in words:
            found["workers"].append(each)
    return found


def tells(what: str) -> Any:
    """Return what Spark's own page knows, as JSON: ``stages``, ``executors`` …, in Spark's words."""
    base = f"{_running['page']}/api/v1/applications"
    with open_here(base, 60) as answer:
        name = json.load(answer)[0]["id"]
    with open_here(f"{base}/{name}/{what}", 60) as answer:
        return json.load(answer)


def tasks_of(job: Any) -> list[int]:
    """Run something with Spark, and return how many tasks each of its stages had, in their order."""
    before = {each["stageId"] for each in tells("stages")}
    job()
    done = {each["stageId"]: each["numTasks"] for each in tells("stages") if each["status"] == "COMPLETE"}
    return [done[stage] for stage in sorted(done.keys() - before)]


def kill_one(notes: Path, patience: float = 300) -> None:
    """Wait until a worker's process id stands in ``notes/notes``, kill its executor, and make ``notes/killed``."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        said = (notes / "notes").read_text().split() if (notes / "notes").exists() else []
        if said:
            executors = {each.pid: each for each in processes()["executors"]}
            above = [each.pid for each in psutil.Process(int(said[0])).parents()]
            executors[next(pid for pid in above if pid in executors)].kill()
            break
        time.sleep(0.1)
    (notes / "killed").touch()
