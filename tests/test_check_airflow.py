"""A learner's DAG file that does not end, or ends more than itself, is told so; a slow machine is not blamed on it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import psutil
import pytest

from authoring import build
from chapter_04.check import AROUND
from companion.check import dags
from companion.check.verdict import NoVerdict, Verdict, exercise
from companion.environment import repository

DAG = """
import os, pathlib, subprocess, time
from airflow.sdk import dag, task

@task
def work(params=None):
    subprocess.Popen(["sleep", "900"])
    pathlib.Path(params["mark"]).write_text(str(os.getpid()))
    {body}

@dag(params={{"mark": "", "folder": ""}})
def one():
    work()

one()
"""


def try_out(body: str, mark: Path) -> dict[str, object]:
    return dags.try_out(DAG.format(body=body), [{"conf": {"mark": str(mark)}}])


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 300
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_file_that_waits_without_end_does_not_come_to_an_end(tmp_path: Path) -> None:
    found = try_out("while True: time.sleep(1)", tmp_path / "mark")
    assert found == {"error": "it does not come to an end: it sleeps again and again"}
    found = try_out("time.sleep(3600)", tmp_path / "mark")  # no wait is sat through
    assert [run["state"] for run in found["runs"]] == ["success"]  # type: ignore[attr-defined]


def test_a_file_that_ends_the_process_is_told_so_and_the_next_one_runs(tmp_path: Path) -> None:
    assert try_out("os._exit(3)", tmp_path / "mark") == {"error": "it ends the process that runs it"}
    assert try_out("pass", tmp_path / "mark")["error"] == ""


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(dags.TOO_LATE, "took longer than 10 minutes"), (signal.SIGKILL, "was killed")],
)
def test_where_the_machine_may_be_the_reason_there_is_no_verdict(
    number: int, sentence: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    def end() -> None:
        wait_for(lambda: mark.exists() and mark.read_text())
        os.kill(int(mark.read_text()), number)

    thread = Thread(target=end)
    thread.start()
    with pytest.raises(NoVerdict, match=f"^no verdict: .*{sentence}"):
        try_out("while True: pass", mark)
    thread.join()


def test_no_verdict_is_no_wrong_answer(capsys: pytest.CaptureFixture[str]) -> None:
    @exercise
    def ex_9_9(answer: object) -> Verdict:
        raise NoVerdict("no verdict: it took long.")

    ex_9_9(1)
    assert capsys.readouterr().out == "… Exercise 9.9: no verdict: it took long.\n"


def test_it_goes_with_a_kernel_that_is_killed_and_takes_all_along(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = "import sys; from companion.check.dags import try_out\ntry_out(*eval(sys.stdin.read()))"
    caller = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True)
    assert caller.stdin is not None
    caller.stdin.write(repr((DAG.format(body="while True: pass"), [{"conf": {"mark": str(mark)}}])))
    caller.stdin.close()
    wait_for(lambda: mark.exists() and mark.read_text())
    processes = psutil.Process(caller.pid).children(recursive=True)
    assert len(processes) >= 2
    caller.kill()
    caller.wait()
    wait_for(lambda: all(is_gone(process.pid) for process in processes))


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """Where the tests were started in the background, the shell has told them to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_an_interrupted_check_leaves_no_answer_for_the_next(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def interrupt() -> None:
        wait_for(lambda: mark.exists() and mark.read_text())
        os.kill(os.getpid(), signal.SIGINT)

    thread = Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        try_out("while True: pass", mark)
    thread.join()
    assert is_gone(int(mark.read_text()))
    assert try_out("pass", mark)["error"] == ""


def test_the_file_around_the_tasks_is_the_one_that_the_exercise_shows() -> None:
    lessons = (repository() / "chapters" / "04-airflow").glob("[1-4]-*.py")
    cells = [cell for lesson in lessons for cell in build.notebooks_of(lesson)["learner"].cells]
    shown = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for before, behind in AROUND.values():
        assert before in shown
        assert behind in shown
