"""Kubeflow Pipelines on a recorded cluster: a real `kfp.Client` talks to it, and it never pretends."""

import http.client
import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kfp warns when it is imported
    import kfp
    from kfp import compiler, dsl
    from kfp_server_api.exceptions import ApiException

from authoring.pipelines import Pipelines
from authoring.record import session
from companion.cluster.kubeflow import _say_what_is_not_recorded
from companion.recorded import kubeflow
from companion.recorded.definitions import Definitions
from companion.recorded.kubeflow import begun, entry_of
from companion.recorded.objects import Object
from companion.recorded.recording import Entry, Frame, Key, Recording, Step, written
from companion.recorded.server import Server
from companion.recorded.state import EXPERIMENTS, RECURRING_RUNS, RUNS
from companion.recorded.world import World

START = 1_780_000_000.0
PROXY = "/api/v1/namespaces/kubeflow/services/ml-pipeline:8888/proxy"


@dsl.component(base_image="image:1", install_kfp_package=False)
def hello(name: str) -> str:
    print("hello", name)
    return name


@dsl.pipeline(name="greeting")
def greeting(name: str) -> None:
    hello(name=name)


@dsl.pipeline(name="greeting")
def without_cache(name: str) -> None:
    hello(name=name).set_caching_options(False)


def compiled(pipeline: Any, folder: Path) -> Path:
    compiler.Compiler().compile(pipeline, str(folder / "pipeline.yaml"))
    return folder / "pipeline.yaml"


def run(name: str, state: str, **fields: Any) -> Entry:
    told = {"run_id": name, "display_name": "recorded", "experiment_id": "e-recorded", "state": state}
    return entry_of(RUNS, {**told, "created_at": written(START), **fields})


def pod(name: str, of: str, workflow: str) -> Entry:
    labels = {"pipeline/runid": of, "workflows.argoproj.io/workflow": workflow}
    thing = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kubeflow", "uid": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "image:1"}]},
        "status": {"phase": "Succeeded"},
    }
    return Entry(Key("pods", "kubeflow", name), thing, [name, "0/2", "Completed", 0, "1s"])


def step(name: str, request: Object, start: float, cached: bool) -> Step:
    """Return a run that succeeds; from the cache it has a driver only."""
    key, workflow = Key(RUNS, "kubeflow", name), f"greeting-{name[:5]}"
    pods = ["driver"] if cached else ["driver", "impl"]
    frames = [Frame(0.5, [run(name, "PENDING")]), Frame(2.0, [run(name, "RUNNING")])]
    frames += [
        Frame(3.0 + number, [pod(f"{workflow}-{each}", name, workflow)]) for number, each in enumerate(pods)
    ]
    frames.append(Frame(9.0, [run(name, "SUCCEEDED")]))
    return Step("create", key, begun(RUNS, request, {}), start, frames=frames)


def asked(file: Path, name: str) -> Object:
    return {
        "display_name": "recorded",
        "experiment_id": "e-recorded",
        "pipeline_spec": yaml.safe_load(file.read_text()),
        "runtime_config": {"parameters": {"name": name}},
    }


@pytest.fixture
def world(tmp_path: Path) -> World:
    file = compiled(greeting, tmp_path)
    service = {"kind": "Service", "metadata": {"name": "ml-pipeline", "namespace": "kubeflow"}}
    default = {"experiment_id": "e-0", "display_name": "Default", "created_at": written(START)}
    base = [
        Entry(Key("namespaces", "", "kubeflow"), {"kind": "Namespace", "metadata": {"name": "kubeflow"}}),
        Entry(Key("services", "kubeflow", "ml-pipeline"), service),
        entry_of(EXPERIMENTS, default),
    ]
    schedule: Object = {
        **asked(file, "Ada"),
        "trigger": {"cron_schedule": {"cron": "0 0 6 1 * *"}},
        "max_concurrency": 1,
        "no_catchup": True,
        "mode": "ENABLE",
    }
    told = {**schedule, "recurring_run_id": "s-1", "status": "ENABLED", "created_at": written(START)}
    again = step("r-2", asked(file, "Ada"), START + 60, cached=True)
    again.frames[1].put.append(entry_of(RECURRING_RUNS, told))
    steps = [
        step("r-1", asked(file, "Ada"), START + 10, cached=False),
        Step(
            "create",
            Key(RECURRING_RUNS, "kubeflow", "s-1"),
            begun(RECURRING_RUNS, schedule, {}),
            START + 30,
            frames=[
                Frame(0.5, [entry_of(RECURRING_RUNS, told)]),
                Frame(5.0, [run("r-3", "PENDING", recurring_run_id="s-1")]),
            ],
        ),
        again,
    ]
    return World(Recording({"date": "2026-11-28"}, START, base, [steps]))


@pytest.fixture
def client(world: World) -> Iterator[kfp.Client]:
    server = Server(world, Definitions.read()).start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield kfp.Client(host=server.address + PROXY, ui_host="http://localhost:8081")
    server.shutdown()


def pods_of(world: World, name: str) -> list[str]:
    return [each.key.name for each in world.of("pods", "kubeflow") if name in json.dumps(each.object)]


def start(client: kfp.Client, name: str = "Ada", pipeline: Any = greeting, **options: Any) -> Any:
    return client.create_run_from_pipeline_func(
        pipeline, arguments={"name": name}, run_name="mine", experiment_name="own", **options
    )


def test_a_run_goes_on_while_somebody_waits_and_then_the_cache_knows_it(
    client: kfp.Client, world: World
) -> None:
    first = start(client)
    assert (first.run_info.state, first.run_info.display_name) == ("PENDING", "mine")
    finished = client.wait_for_run_completion(first.run_id, timeout=60, sleep_duration=0)
    assert (finished.state, finished.display_name) == ("SUCCEEDED", "mine")
    assert finished.experiment_id == client.get_experiment(experiment_name="own").experiment_id
    assert finished.pipeline_spec["pipelineInfo"] == {"name": "greeting"}
    assert pods_of(world, first.run_id) == ["greeting-r-1-driver", "greeting-r-1-impl"]
    second = start(client)
    client.wait_for_run_completion(second.run_id, timeout=60, sleep_duration=0)
    assert pods_of(world, second.run_id) == ["greeting-r-2-driver"]
    # Once more: the same again, under names that are not there yet.
    third = start(client)
    client.wait_for_run_completion(third.run_id, timeout=60, sleep_duration=0)
    assert third.run_id not in (first.run_id, second.run_id)
    assert len(pods_of(world, third.run_id)) == 1
    assert len(client.list_runs(experiment_id=finished.experiment_id, page_size=100).runs) == 3


def test_a_run_that_asks_no_cache_can_be_started_again_and_does_all_again(
    client: kfp.Client, world: World, tmp_path: Path
) -> None:
    """Recorded once it is known for good; one that asks the cache would take its results from the first."""
    once = step("r-9", asked(compiled(without_cache, tmp_path), "Ada"), START + 90, cached=False)
    world.recording.sessions.append([once])
    own = World(world.recording)
    server = Server(own, Definitions.read()).start()
    there = kfp.Client(host=server.address + PROXY, ui_host="http://localhost:8081")
    begun_here = [start(there, pipeline=without_cache).run_id for _ in range(3)]
    for each in begun_here:
        assert there.wait_for_run_completion(each, timeout=60, sleep_duration=0).state == "SUCCEEDED"
        assert len(pods_of(own, each)) == 2
    assert begun_here[0] == "r-9"
    assert len(set(begun_here)) == 3
    server.shutdown()


def test_a_deleted_run_takes_its_pods_and_its_results_in_the_cache_away(
    client: kfp.Client, world: World
) -> None:
    first = start(client)
    client.wait_for_run_completion(first.run_id, timeout=60, sleep_duration=0)
    client.delete_run(first.run_id)
    assert pods_of(world, first.run_id) == []
    with pytest.raises(ApiException, match="Run r-1 not found"):
        client.get_run(first.run_id)
    again = start(client)
    client.wait_for_run_completion(again.run_id, timeout=60, sleep_duration=0)
    assert len(pods_of(world, again.run_id)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "Bob"}, "parameters.name Ada, and yours is Bob"),
        ({"pipeline": without_cache}, "this is another one (a changed function, caching, retries)"),
        ({"enable_caching": False}, "this is another one (a changed function, caching, retries)"),
        ({"service_account": "somebody"}, "account pipeline-runner, and yours is somebody"),
    ],
)
def test_a_run_that_nobody_recorded_is_refused_in_a_sentence(
    client: kfp.Client, world: World, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ApiException) as refused:
        start(client, **options)
    assert "This cluster is a recording" in str(refused.value)
    assert said in json.loads(refused.value.body)["message"]
    [(verb, thing)] = world.unknown.values()
    assert verb == "create"
    assert thing is not None
    assert thing["spec"]["pipeline"] == "greeting"


def test_versions_are_kept_and_a_name_is_taken_once(client: kfp.Client, tmp_path: Path, world: World) -> None:
    file = compiled(greeting, tmp_path)
    assert client.get_pipeline_id("greeting") is None
    pipeline = client.upload_pipeline(str(file), "greeting").pipeline_id
    version = client.upload_pipeline_version(str(file), "v2", pipeline_id=pipeline).pipeline_version_id
    assert client.get_pipeline_id("greeting") == pipeline
    for again in (
        lambda: client.upload_pipeline(str(file), "greeting"),
        lambda: client.upload_pipeline_version(str(file), "v2", pipeline_id=pipeline),
    ):
        with pytest.raises(ApiException) as refused:
            again()
        assert refused.value.status == 409
    listed = client.list_pipeline_versions(pipeline, page_size=1)
    assert [each.display_name for each in listed.pipeline_versions] == ["greeting"]
    rest = client.list_pipeline_versions(pipeline, page_size=1, page_token=listed.next_page_token)
    assert [each.display_name for each in rest.pipeline_versions] == ["v2"]
    assert client.get_pipeline_version(pipeline, version).pipeline_spec["pipelineInfo"]["name"] == "greeting"
    experiment = client.create_experiment("own").experiment_id
    # A run by version is the same run as one by file.
    begun_here = client.run_pipeline(
        experiment, "mine", pipeline_id=pipeline, version_id=version, params={"name": "Ada"}
    )
    assert begun_here.run_id == "r-1"
    with pytest.raises(ApiException, match="existing pipeline versions"):
        client.delete_pipeline(pipeline)
    for each in client.list_pipeline_versions(pipeline, page_size=10).pipeline_versions:
        client.delete_pipeline_version(pipeline, each.pipeline_version_id)
    client.delete_pipeline(pipeline)
    assert client.get_pipeline_id("greeting") is None
    with pytest.raises(ApiException):
        client.run_pipeline(
            experiment, "mine", pipeline_id=pipeline, version_id=version, params={"name": "Ada"}
        )


def test_a_schedule_starts_what_it_was_seen_to_start(
    client: kfp.Client, tmp_path: Path, world: World
) -> None:
    client.wait_for_run_completion(start(client).run_id, timeout=60, sleep_duration=0)
    experiment = client.create_experiment("own").experiment_id
    file = str(compiled(greeting, tmp_path))
    given: dict[str, Any] = {"pipeline_package_path": file, "params": {"name": "Ada"}, "no_catchup": True}
    with pytest.raises(ApiException, match="This cluster is a recording"):
        client.create_recurring_run(experiment, "monthly", cron_expression="0 0 7 1 * *", **given)
    monthly = client.create_recurring_run(experiment, "monthly", cron_expression="0 0 6 1 * *", **given)
    assert (monthly.display_name, monthly.status) == ("monthly", "ENABLED")
    while world.tick("kubeflow"):
        pass
    assert [each.recurring_run_id for each in client.list_runs(page_size=10).runs].count("s-1") == 1
    client.disable_recurring_run(monthly.recurring_run_id)
    start(client)  # of which the recording says that the schedule was enabled then
    while world.tick("kubeflow"):
        pass
    assert client.get_recurring_run(monthly.recurring_run_id).status == "DISABLED"
    client.delete_recurring_run(monthly.recurring_run_id)
    assert client.list_recurring_runs(page_size=10).recurring_runs is None


def test_a_restarted_kernel_finds_its_runs(client: kfp.Client, world: World) -> None:
    first = start(client)
    client.wait_for_run_completion(first.run_id, timeout=60, sleep_duration=0)
    anew = World(world.recording)
    anew.again(json.loads(json.dumps(world.history)), world.clock)
    there = anew.get(Key(RUNS, "kubeflow", first.run_id))
    assert there is not None
    assert there.object["metadata"]["annotations"]["display_name"] == "mine"
    assert there.object["status"]["state"] == "SUCCEEDED"


def test_a_notebook_shows_the_sentence_alone(
    client: kfp.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(ApiException, "_render_traceback_", raising=False)
    _say_what_is_not_recorded()
    shell = InteractiveShell(colors="nocolor")
    shell.user_ns |= {"start": start, "client": client}
    shell.run_cell("start(client, name='Bob')")
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].startswith(
        "NotRecorded: This cluster is a recording (2026-11-28): of mine it knows"
    )
    assert "Traceback" not in shown
    shell.run_cell("client.get_run('nobody')")
    shown = capsys.readouterr().out
    assert "Traceback" in shown
    assert "Run nobody not found" in shown
    monkeypatch.delattr(ApiException, "_render_traceback_")


def test_nonsense_is_refused(client: kfp.Client, tmp_path: Path) -> None:
    for text in ("a: [", "nothing", ""):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises((ApiException, TypeError, ValueError)):
            client.upload_pipeline(str(tmp_path / "bad.yaml"), "bad")
    with pytest.raises(ApiException, match="Experiment nobody not found"):
        client.list_runs(experiment_id="nobody")
    with pytest.raises(ApiException, match="recorded cluster"):
        client.terminate_run("r-1")


class Upstream:
    """Answers as Kubeflow's API would."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def open(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        asked = f"{method} {path.partition('/v2beta1/')[2]}"
        self.asked.append(asked)

        class Answer(io.BytesIO):
            status = 200

        return Answer(json.dumps(self.answers.get(asked, {})).encode())  # type: ignore[return-value]


def test_what_a_recorder_keeps_of_kubeflow(tmp_path: Path) -> None:
    told = {"display_name": "a", "state": "SUCCEEDED", "pipeline_spec": {"a": 1}}
    answers = {
        "GET runs?page_size=200": {"runs": [{"run_id": "r-1"}, {"run_id": "of-others"}]},
        "GET runs/r-1": {"run_id": "r-1", **told},
        "GET healthz": {"tag_name": "2.17.0"},
    }
    upstream = Upstream(answers)
    recorder = Pipelines(upstream)  # type: ignore[arg-type]
    assert recorder.version() == "2.17.0"
    assert list(recorder.going_on()) == []
    request = asked(compiled(greeting, tmp_path), "Ada")
    content, path = json.dumps(request).encode(), [*kubeflow.PREFIX, "runs"]
    [made] = recorder.steps("POST", path, content, 200, b'{"run_id": "r-1"}', START)
    assert (made.verb, made.key.name, made.thing) == ("create", "r-1", begun(RUNS, request, {}))
    assert list(recorder.steps("POST", path, content, 500, b"{}", START)) == []
    [entry] = recorder.going_on()
    assert "pipeline_spec" not in entry.object["status"]
    assert list(recorder.going_on()) == [entry]
    assert upstream.asked.count("GET runs/r-1") == 1  # it has ended
    [gone] = recorder.steps("DELETE", [*path, "r-1"], b"", 200, b"{}", START)
    assert gone.verb == "delete"
    assert list(recorder.steps("DELETE", [*path, "of-others"], b"", 200, b"{}", START)) == []


def test_a_schedule_that_somebody_disables_is_not_disabled_by_itself_later(tmp_path: Path) -> None:
    recorder = Pipelines(Upstream({}))  # type: ignore[arg-type]
    request = asked(compiled(greeting, tmp_path), "Ada") | {
        "trigger": {"cron_schedule": {"cron": "@monthly"}}
    }
    path = [*kubeflow.PREFIX, "recurringruns"]
    content = json.dumps(request).encode()
    [made] = recorder.steps("POST", path, content, 200, b'{"recurring_run_id": "s-1"}', START)
    [ended] = recorder.steps("POST", [*path, "s-1:disable"], b"", 200, b"{}", START + 60)
    assert list(recorder.steps("POST", [*path, "of-others:disable"], b"", 200, b"{}", START)) == []

    def told(status: str) -> Entry:
        return entry_of(RECURRING_RUNS, {"recurring_run_id": "s-1", "status": status})

    deltas = [(START + 1, told("ENABLED"), made.key), (START + 61, told("DISABLED"), made.key)]
    first, second = session([], [made, ended], deltas, {})
    assert [each.at for each in first.frames] == [1.0]
    assert second.plain


def test_the_claims_and_secrets_of_a_pipeline_are_found() -> None:
    named = {"runtimeValue": {"constant": "store"}}
    executors = {
        "exec-a": {"pvcMount": [{"constant": "store", "pvcNameParameter": named, "mountPath": "/store"}]},
        "exec-b": {"secretAsEnv": [{"secretName": "warehouse", "secretNameParameter": {}}]},
    }
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    body = {"pipeline_spec": {"pipeline_spec": {"pipelineInfo": {"name": "x"}}, "platform_spec": platform}}
    spec = begun(RUNS, body, {})["spec"]
    assert (spec["claims"], spec["secrets"]) == (["store"], ["warehouse"])
