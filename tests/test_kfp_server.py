"""The stand-in for Kubeflow's API refuses every call that the API does not know, and takes all that it does."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import pytest
from kfp import compiler, dsl
from kfp_server import KubeflowServer, operations

from flightdelay.pipelines import with_kubeflow

GIVEN = {"month": "2013-09"}


@pytest.fixture
def server() -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        yield running


@pytest.fixture
def client(server: KubeflowServer) -> kfp.Client:
    with pytest.warns(FutureWarning):
        return kfp.Client(host=server.url)


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(with_kubeflow.flight_delay, str(path))
    return str(path)


def ask(url: str, method: str = "GET", body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_all_of_the_api_was_read() -> None:
    known = {operation.name: operation for operation in operations()}
    services = [each for name, each in vars(kfp_server_api).items() if name.endswith("ServiceApi")]
    methods = {
        name.removesuffix("_with_http_info")
        for service in services
        for name in vars(service)
        if name.endswith("_with_http_info")
    }
    assert set(known) == methods
    create = known["run_service_create_run"]
    assert (create.method, create.path, create.body) == ("POST", "/apis/v2beta1/runs", "V2beta1Run")
    assert known["experiment_service_list_experiments"].query["page_size"] == "int"
    assert known["upload_pipeline"].file
    for operation in operations():
        assert operation.pattern.fullmatch(operation.path.replace("{", "").replace("}", ""))


WRONG = {
    "path": ("GET", "/apis/v2beta1/run", None, "no path"),
    "old version": ("GET", "/apis/v1beta1/runs", None, "no path"),
    "method": ("PUT", "/apis/v2beta1/runs", {}, "knows GET, POST, not PUT"),
    "parameter": ("GET", "/apis/v2beta1/runs?pagesize=3", None, "no parameter 'pagesize'"),
    "type of a parameter": ("GET", "/apis/v2beta1/runs?page_size=three", None, "page_size must be"),
    "filter": ("GET", "/apis/v2beta1/runs?filter=name%3Dx", None, "filter must be JSON"),
    "enumeration in a filter": (
        "GET",
        "/apis/v2beta1/runs?filter=%7B%22predicates%22%3A%5B%7B%22operation%22%3A%22IS%22%7D%5D%7D",
        None,
        "must be one of",
    ),
    "field": ("POST", "/apis/v2beta1/runs", {"name": "x"}, "V2beta1Run has no field 'name'"),
    "field further in": (
        "POST",
        "/apis/v2beta1/runs",
        {"runtime_config": {"params": {}}},
        "V2beta1RuntimeConfig has no field 'params'",
    ),
    "type of a field": ("POST", "/apis/v2beta1/experiments", {"display_name": 5}, "must be a text"),
    "enumeration": (
        "POST",
        "/apis/v2beta1/recurringruns",
        {"mode": "ON"},
        "must be one of MODE_UNSPECIFIED or ENABLE or DISABLE",
    ),
    "time": (
        "POST",
        "/apis/v2beta1/recurringruns",
        {"trigger": {"cron_schedule": {"start_time": "2013-09-01"}}},
        "RFC 3339",
    ),
    "a body where none is taken": ("GET", "/apis/v2beta1/healthz", {"a": 1}, "takes no body"),
    "kind of body": ("POST", "/apis/v2beta1/pipelines/upload", {}, "multipart/form-data"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_answered_400_with_a_sentence(case: str, server: KubeflowServer) -> None:
    method, path, body, text = WRONG[case]
    status, answer = ask(server.url + path, method, body)
    assert status == 400
    assert text in answer["message"]
    assert len(server.wrong) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "parameter month is not optional"),
        ({"month": 9}, "input parameter month requires type STRING"),
        ({"month": "2013-09", "sample": "20000"}, "input parameter sample requires type NUMBER_INTEGER"),
        ({"month": "2013-09", "airport": "EWR"}, "not required by pipeline: airport"),
    ],
)
def test_the_arguments_of_a_run(
    arguments: dict[str, Any], text: str, package: str, client: kfp.Client, server: KubeflowServer
) -> None:
    with pytest.raises(kfp_server_api.ApiException, match="400"):
        client.create_run_from_pipeline_package(package, arguments=arguments)
    assert text in server.wrong[0]


def test_what_is_no_pipeline_is_refused(tmp_path: Path, client: kfp.Client, server: KubeflowServer) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text("pipelineInfo: {name: x}\nstages: {}\n")
    with pytest.raises(kfp_server_api.ApiException, match="400"):
        client.upload_pipeline(str(path), "x")
    assert "no compiled pipeline" in server.wrong[0]


def test_runs_tasks_pods_and_the_cache(package: str, client: kfp.Client, server: KubeflowServer) -> None:
    first = client.create_run_from_pipeline_package(package, arguments=GIVEN, experiment_name="months")
    finished = client.wait_for_run_completion(first.run_id, 30)
    assert finished.state == "SUCCEEDED"
    names = [task.display_name for task in finished.run_details.task_details]
    assert {"root", "ingest", "ingest-driver", "decide", "executor"} <= set(names)
    second = client.create_run_from_pipeline_package(package, arguments=GIVEN, experiment_name="months")
    cached = [task.name for task in server.state.tasks[second.run_id] if task.cached]
    assert "train" in cached
    steps = [
        pod
        for pod in server.pods(second.run_id)
        if pod["spec"]["containers"][0]["image"] == with_kubeflow.IMAGE
    ]
    assert len(steps) == 6 - len(cached)
    assert {pod["metadata"]["labels"]["pipeline/runid"] for pod in steps} <= {second.run_id}
    other = client.create_run_from_pipeline_package(
        package, arguments={"month": "2013-10"}, enable_caching=False
    )
    assert not any(task.cached for task in server.state.tasks[other.run_id])
    [experiment] = client.list_experiments(filter=filtered("months")).experiments
    assert client.list_runs(experiment_id=experiment.experiment_id).total_size == 2
    assert server.wrong == []


def filtered(name: str) -> str:
    return json.dumps({"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]})


def test_a_step_that_fails_and_one_that_runs_on(
    package: str, client: kfp.Client, server: KubeflowServer
) -> None:
    server.outcome = lambda run_id, task: "FAILED" if task == "train" else "SUCCEEDED"
    failed = client.create_run_from_pipeline_package(package, arguments=GIVEN)
    assert client.wait_for_run_completion(failed.run_id, 30).state == "FAILED"
    assert [task.state for task in server.state.tasks[failed.run_id]][-3:] == ["FAILED", "SKIPPED", "SKIPPED"]
    server.outcome = lambda run_id, task: "RUNNING" if task == "train" else "SUCCEEDED"
    running = client.create_run_from_pipeline_package(package, arguments=GIVEN)
    with pytest.raises(TimeoutError):
        client.wait_for_run_completion(running.run_id, 0.1, sleep_duration=0.2)
    client.terminate_run(running.run_id)
    assert client.get_run(running.run_id).state == "CANCELED"
    assert server.wrong == []
    with pytest.raises(kfp_server_api.ApiException, match="400"):
        client.terminate_run(failed.run_id)


def test_versions_and_recurring_runs(package: str, client: kfp.Client, server: KubeflowServer) -> None:
    pipeline = client.upload_pipeline(package, "flight-delay", "the book's")
    version = client.upload_pipeline_version(package, "0.2.0", pipeline_id=pipeline.pipeline_id)
    with pytest.raises(kfp_server_api.ApiException, match="409"):
        client.upload_pipeline_version(package, "0.2.0", pipeline_id=pipeline.pipeline_id)
    assert client.get_pipeline_id("flight-delay") == pipeline.pipeline_id
    assert client.list_pipeline_versions(pipeline.pipeline_id).total_size == 2
    experiment = client.create_experiment("monthly")
    of = {"pipeline_id": pipeline.pipeline_id, "version_id": version.pipeline_version_id}
    monthly = client.create_recurring_run(
        experiment.experiment_id,
        "monthly",
        cron_expression="0 0 6 2 * *",
        max_concurrency=2,
        no_catchup=True,
        params=GIVEN,
        service_account="monthly",
        **of,
    )
    assert client.get_recurring_run(monthly.recurring_run_id).status == "ENABLED"
    client.disable_recurring_run(monthly.recurring_run_id)
    assert client.get_recurring_run(monthly.recurring_run_id).status == "DISABLED"
    listed = client.list_recurring_runs(experiment_id=experiment.experiment_id)
    assert [each.display_name for each in listed.recurring_runs] == ["monthly"]
    assert server.wrong == []
    for wrong in (
        {"cron_expression": "0 6 2 * *"},
        {"cron_expression": "0 0 6 2 * *", "max_concurrency": 11},
    ):
        with pytest.raises(kfp_server_api.ApiException, match="400"):
            client.create_recurring_run(experiment.experiment_id, "wrong", params=GIVEN, **of, **wrong)
    client.delete_recurring_run(monthly.recurring_run_id)
    with pytest.raises(kfp_server_api.ApiException, match="404"):
        client.get_recurring_run(monthly.recurring_run_id)


def test_groups_are_opened(client: kfp.Client, server: KubeflowServer) -> None:
    @dsl.component(base_image="x:1", install_kfp_package=False)
    def step(airport: str) -> None: ...

    @dsl.pipeline(name="airports")
    def airports() -> None:
        with dsl.ParallelFor(["EWR", "JFK"], parallelism=1) as airport:
            step(airport=airport)

    run = client.create_run_from_pipeline_func(airports)
    assert client.wait_for_run_completion(run.run_id, 30).state == "SUCCEEDED"
    assert [task.name for task in server.state.tasks[run.run_id]] == ["step"]
