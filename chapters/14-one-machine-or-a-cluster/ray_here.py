"""Ray on this machine alone, for one notebook: started, ended, and ended too where a killed kernel left it running."""

import atexit
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from chapter_14 import left_behind
from companion.environment import work_folder
from companion.errors import SentenceError

CPUS = 2
START_SECONDS = 600  # at most
STORE_BYTES = 300_000_000
# Ray makes sockets below its folder, whose paths may not be longer than some hundred characters: macOS's own
# temporary folder is too long already.
PLACE = Path("/tmp")
# Read when Ray is imported, and by each of its processes.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on loopback; on a Mac that is Ray's own choice
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # its new way with GPUs; else it warns
    "RAY_TRAIN_V2_ENABLED": "1",  # else Tune warns of what is to come
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # else it tells of a task's error in some later cell
    # On a busy laptop its processes need more than the minute that Ray gives them.
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(START_SECONDS),
    "RAY_worker_register_timeout_seconds": str(START_SECONDS),
    "RAY_gcs_server_port_wait_time_s": str(START_SECONDS),
}


class RayDoesNotStart(SentenceError):
    """Ray cannot be started here."""


def records() -> Path:
    """Return the folder in which each Ray of the book is noted."""
    return work_folder() / "state" / "ray"


def processes_in(folder: Path) -> list[psutil.Process]:
    """Find the processes of the Ray that has this folder: they are Ray's, and name it or hold a file in it open.

    A reader's editor or `tail` on a log in there is none of them.
    """
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if not any("/ray/" in word or word.startswith("ray::") for word in words):
                continue
            named = any(f"{folder}/" in word or word == str(folder) for word in words)
            if named or any(Path(file.path).is_relative_to(folder) for file in process.open_files()):
                found.append(process)
        except (psutil.Error, OSError):  # another user's, or it has just ended
            continue
    return [process for process in found if process.pid != os.getpid()]


def _remove(record: Path) -> None:
    """End what is left of one Ray, and forget it."""
    folder = Path(json.loads(record.read_text(encoding="utf-8"))["folder"])
    for process in processes_in(folder):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    shutil.rmtree(folder, ignore_errors=True)
    record.unlink(missing_ok=True)


def end_left_behind() -> int:
    """End each Ray that a kernel of this book has left behind, and no other; return how many there were."""
    return left_behind.end(records(), _remove)


def settings() -> None:
    """Set what has to be set before `ray` is imported anywhere in this process."""
    os.environ.update(SETTINGS)
    logging.getLogger("ray.widgets").setLevel(logging.ERROR)  # it would like ipywidgets,
    warnings.filterwarnings("ignore", message="IProgress not found")  # and tqdm too


def start() -> None:
    """Start Ray for this process, with two CPUs, on loopback; where it runs already, nothing is done.

    Raises
    ------
    RayDoesNotStart
        If it does not start.
    """
    settings()
    import ray

    if ray.is_initialized():
        return
    if end_left_behind():
        print("A Ray that an earlier kernel had left running was ended.")
    folder = Path(tempfile.mkdtemp(prefix="flights-ray-", dir=PLACE)).resolve()
    left_behind.note(records(), folder)
    atexit.register(end)
    try:
        with _patience():
            ray.init(
                address="local",
                num_cpus=CPUS,
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                _temp_dir=str(folder),
            )
    except Exception as error:  # whatever: Ray has no error of its own for it
        end()
        raise RayDoesNotStart(
            f"Ray did not start ({error}): close what keeps the machine busy, and run this cell again."
        ) from error


@contextmanager
def _patience() -> Iterator[None]:
    """Ask longer whether Ray's own process is there: half a minute is written into its code, too little if busy."""
    from ray._private import services

    at_once, until = services.get_node, time.monotonic() + START_SECONDS

    def asked_again(*given: Any) -> Any:
        while True:
            try:
                return at_once(*given)
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    with mock.patch.object(services, "get_node", asked_again):
        yield


def end() -> None:
    """End the Ray of this process, and remove its folder."""
    import ray

    ray.shutdown()
    record = records() / f"{os.getpid()}.json"
    if record.exists():
        _remove(record)
    atexit.unregister(end)
