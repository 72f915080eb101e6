"""The store: whole or not at all, whatever comes in between; and no code from a model file."""

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from flightdelay import files
from flightdelay.errors import StoreError
from flightdelay.pipelines.in_plain_python import run
from flightdelay.steps.evaluate import digest, month_rows, predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.store import Store, dump_model, load_model


def tree(folder: Path) -> dict[str, bytes]:
    """The files of a store that mean something; a model's bytes differ from dump to dump."""
    return {
        str(path.relative_to(folder)): b""
        if path.suffix == ".skops" or path.name == "card.json"
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def finished(small_data_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("finished") / "store"
    for month in ("2013-02", "2013-03"):
        run(month, store=store, data=small_data_source)
    return store


def test_a_saved_model_predicts_the_same(finished: Path, small_data_source: Path) -> None:
    store = Store(finished)
    version = store.run("2013-03")["decision"]["version"]
    flights = month_rows(featurize(ingest("2013-03", data=small_data_source)), "2013-03")
    assert digest(predict(store.load(version), flights)) == store.run("2013-03")["evaluation"]["digest"]


def test_running_a_month_again_changes_nothing(finished: Path, small_data_source: Path) -> None:
    before = tree(finished)
    for month in ("2013-03", "2013-02", "2013-03"):
        run(month, store=finished, data=small_data_source)
    assert tree(finished) == before


def test_the_champion_before_a_month_ignores_later_decisions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for month, champion in (("2013-02", None), ("2013-03", "a"), ("2013-05", "b")):
        store.record({"month": month}, {"champion_after": champion})
    assert store.champion() == "b"
    assert store.champion(before="2013-05") == "a"
    assert store.champion(before="2013-03") is None


@pytest.mark.parametrize("damage", ["model.skops", "card.json"])
def test_a_damaged_model_is_named_and_mended_by_running_again(
    damage: str, small_data_source: Path, tmp_path: Path
) -> None:
    run("2013-02", store=tmp_path, data=small_data_source)
    [version] = [path.name for path in (tmp_path / "models").iterdir()]
    (tmp_path / "models" / version / damage).write_bytes(b"not what it was")
    with pytest.raises(StoreError, match="damaged: run 2013-02 again"):
        Store(tmp_path).load(version)
    run("2013-02", store=tmp_path, data=small_data_source)
    assert isinstance(Store(tmp_path).load(version), Pipeline)


def test_a_damaged_or_missing_decision_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="no decision for 2013-02: run that month first"):
        store.run("2013-02")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "2013-02.json").write_text("{")
    with pytest.raises(StoreError, match="damaged: delete the file and run 2013-02 again"):
        store.champion()


class OwnModel(LogisticRegression):
    """A model of the learner's own: fine, once it is named."""


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch /tmp/pipelines-for-humans-was-here",))


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", pickle.dumps(Evil()), dump_model(LogisticRegression())[:100]],
    ids=["empty", "nonsense", "pickle", "truncated"],
)
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        load_model(content)
    assert not Path("/tmp/pipelines-for-humans-was-here").exists()


def test_a_model_that_could_not_be_loaded_again_is_never_promoted(
    small_data_source: Path, tmp_path: Path
) -> None:
    columns = ColumnTransformer([("distance", "passthrough", ["distance"])])
    own = Pipeline([("columns", columns), ("own", OwnModel())])
    with pytest.raises(StoreError, match="name in `trusted`"):
        run("2013-02", store=tmp_path, data=small_data_source, estimator=own)
    assert Store(tmp_path).months() == []
    trusted = [f"{OwnModel.__module__}.OwnModel"]
    result = run("2013-02", store=tmp_path, data=small_data_source, estimator=own, trusted=trusted)
    assert Store(tmp_path, trusted).load(result.decision["version"])


def test_a_type_that_nobody_named_is_not_loaded() -> None:
    content = dump_model(Pipeline([("own", OwnModel())]))
    with pytest.raises(StoreError, match="not trusted"):
        load_model(content)
    assert load_model(content, trusted=[f"{OwnModel.__module__}.OwnModel"]).steps[0][0] == "own"


@pytest.fixture
def february(small_data_source: Path, tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """A store with February in it; called, it tells what stands there now."""
    run("2013-02", store=tmp_path / "store", data=small_data_source)
    return lambda: tree(tmp_path / "store")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_stop_in_the_middle_of_a_write_leaves_no_half_file(
    stop: type[BaseException], at: int, february, small_data_source: Path, tmp_path: Path, monkeypatch
) -> None:
    before, writes = february(), 0

    def interrupted(descriptor: int) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            raise stop

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(stop):
        run("2013-03", store=tmp_path / "store", data=small_data_source)
    left = february()
    assert not [name for name in left if name.endswith(".part")]
    assert {name: content for name, content in left.items() if name in before} == before
    assert Store(tmp_path / "store").months() == ["2013-02"]
    assert (
        Store(tmp_path / "store").champion()
        == Store(tmp_path / "store").run("2013-02")["decision"]["champion_after"]
    )


def test_a_full_disk_is_said_in_one_sentence(february, small_data_source: Path, tmp_path: Path) -> None:
    """The system itself refuses to write more than 50 kB per file, as a full disk would."""
    before = february()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))  # noqa: E731
    command = [sys.executable, "-m", "flightdelay", "2013-03", "--store", str(tmp_path / "store")]
    finished = subprocess.run(
        [*command, "--data", str(small_data_source)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert "Cannot use the model store" in finished.stderr
    assert "free some space" in finished.stderr
    assert february() == before


def test_a_folder_that_may_not_be_written_is_said_in_one_sentence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may write anywhere, nobody may not
        try:
            refused = pytest.raises(
                StoreError, match=r"Permission denied.*choose a folder that you may write to"
            )
            with refused, Store(Path(folder) / "store").locked():
                pass
        finally:
            os.seteuid(user)


def test_two_runs_at_once_do_not_harm_each_other(
    finished: Path, small_data_source: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from flightdelay.pipelines.in_plain_python import run\n"
        "for month in ('2013-02', '2013-03', '2013-03'): run(month, store=Path(sys.argv[1]), data=Path(sys.argv[2]))"
    )
    store = tmp_path / "store"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(store), str(small_data_source)]) for _ in range(2)
    ]
    assert [process.wait(timeout=600) for process in running] == [0, 0]
    assert tree(store) == tree(finished)


# A process whose n-th change of the store is the last thing it does. Python reports each open, rename, …
# before it happens; the process kills itself there, so that nothing can be cleaned up.
KILLED = """
import os, signal, sys
from pathlib import Path
from flightdelay.pipelines.in_plain_python import run
store, data, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for at in range(last):
    child = os.fork()
    if child == 0:
        changes = 0
        def hook(event, arguments):
            global changes
            if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
                return
            if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
                if str(arguments[0]).startswith(str(store)):
                    if changes == at:
                        os.kill(os.getpid(), signal.SIGKILL)
                    changes += 1
        sys.addaudithook(hook)
        run("2013-02", store=store / str(at), data=data)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print("killed" if os.WIFSIGNALED(status) else "finished", flush=True)
"""


def test_killed_at_every_write_and_run_again_gives_the_same_state(
    small_data_source: Path, tmp_path: Path
) -> None:
    expected = tmp_path / "expected"
    run("2013-02", store=expected, data=small_data_source)
    arguments = [str(tmp_path / "stores"), str(small_data_source), "20"]
    told = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=True
    )
    outcomes = told.stdout.split()
    kills = outcomes.count("killed")
    assert kills >= 10, "fewer changes of the store than it takes to write three files"
    assert outcomes[kills:] == ["finished"] * (20 - kills), "the last kills have to come after the last write"
    for at in range(kills):
        store = tmp_path / "stores" / str(at)
        seen = Store(store).months()
        assert seen in ([], ["2013-02"])
        assert Store(store).champion() is None or seen
        run("2013-02", store=store, data=small_data_source)
        assert tree(store) == tree(expected), f"killed at change {at}"


def test_killed_in_the_middle_of_the_bytes(small_data_source: Path, tmp_path: Path) -> None:
    """The system kills the process when a file grows beyond 50 kB: half a model is on the disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    code = (
        "import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "from flightdelay.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    store = tmp_path / "store"
    arguments = ["2013-02", "--store", str(store), "--data", str(small_data_source)]
    killed = subprocess.run([sys.executable, "-c", code, *arguments], preexec_fn=limit, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert [path.stat().st_size for path in store.rglob("*.part")] == [50_000]
    run("2013-02", store=store, data=small_data_source)
    run("2013-02", store=tmp_path / "expected", data=small_data_source)
    assert tree(store) == tree(tmp_path / "expected")


def test_the_store_can_be_read_as_json(finished: Path) -> None:
    run = json.loads((finished / "runs" / "2013-03.json").read_text())
    assert run["decision"]["decision"] in ("promote", "keep")
