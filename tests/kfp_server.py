"""A stand-in for the API of Kubeflow Pipelines that refuses what the real one does not know.

It answers `kfp.Client` on a free port of this machine, remembers what was made (experiments, pipelines,
versions, runs, recurring runs), and checks **every** request against the description of the API that comes with
the installed kfp: the package kfp-server-api is generated from Kubeflow's OpenAPI description, and its source
still holds all of it (paths, methods, parameters with their types, the fields and enumerations of every body).
A request that the description does not know is answered 400 with a sentence, is kept in `wrong`, and
fails the test. So are the server's own answers, that the stand-in may not invent a field.

Nothing runs here: a run is finished at once, as its `outcome` says, or stays RUNNING. What it shows of tasks and
Pods follows the source of the backend, release 2.17.0.

::

    with KubeflowServer() as server:
        client = kfp.Client(host=server.url)
"""

import ast
import datetime
import email.parser
import email.policy
import hashlib
import inspect
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import kfp_server_api
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

Json = dict[str, Any]

# 64-bit integers are texts in the API's JSON, and are taken as numbers too.
INT64 = {
    "max_concurrency",
    "interval_second",
    "execution_id",
    "pipeline_context_id",
    "pipeline_run_context_id",
}
# The backend takes five fields too, and reads the first as the seconds: "0 6 1 * *" is 1:06 every day. Nobody
# means that, so it is refused here.
CRON_FIELDS = 6
MAX_CONCURRENCY = 10
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


# --- what the API knows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """A method on a path, with all that it takes."""

    name: str
    method: str
    path: str
    response: str
    query: dict[str, str]
    required: frozenset[str]
    body: str | None
    file: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        text = re.sub(r"\{([\w.]+)\}", lambda name: f"(?P<{name[1].replace('.', '_')}>[^/:]+)", self.path)
        return re.compile(text)


@cache
def operations() -> list[Operation]:
    """Read all operations off the source of the installed kfp-server-api."""
    found = []
    for name, service in vars(kfp_server_api.api).items():
        if not name.endswith("_service_api"):
            continue
        for function in ast.walk(ast.parse(inspect.getsource(service))):
            if isinstance(function, ast.FunctionDef) and function.name.endswith("_with_http_info"):
                found.append(_operation(function))
    return found


def _operation(function: ast.FunctionDef) -> Operation:
    text = ast.get_docstring(function) or ""
    types = dict(re.findall(r":type (\w+): (.+)", text))
    required = frozenset(re.findall(r":param (\w+):[^:]*\(required\)", text))
    query: dict[str, str] = {}
    body, file = None, False
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "query_params.append":
            sent, value = node.args[0].elts  # type: ignore[attr-defined]
            query[sent.value] = types[value.slice.value]
        if isinstance(node, ast.Assign):
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if target == "body_params" and value != "None":
                body = types[node.value.slice.value]  # type: ignore[attr-defined]
            file = file or target.startswith("local_var_files[")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.api_client.call_api":
            path, method = (each.value for each in node.args[:2])  # type: ignore[attr-defined]
            [response] = [each.value.value for each in node.keywords if each.arg == "response_type"]  # type: ignore[attr-defined]
    name = function.name.removesuffix("_with_http_info")
    return Operation(name, method, path, response, query, required, body, file)


class Refused(Exception):
    """What is wrong with a request; the text is one sentence."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def check_value(value: Any, kind: str, where: str) -> None:
    """Compare a value of a body or a query with its type in the API's description.

    Raises
    ------
    Refused
        With the name of the field, what came and what is wanted.
    """
    if value is None:
        return
    if listed := re.fullmatch(r"list\[(.+)\]", kind):
        _want(isinstance(value, list), where, "a list", value)
        for number, each in enumerate(value):
            check_value(each, listed[1], f"{where}[{number}]")
    elif mapped := re.fullmatch(r"dict\(str, (.+)\)", kind):
        _want(isinstance(value, dict), where, "an object", value)
        for name, each in value.items():
            check_value(each, mapped[1], f"{where}.{name}")
    elif kind == "str":
        number = where.rsplit(".", 1)[-1] in INT64 and isinstance(value, int) and not isinstance(value, bool)
        _want(isinstance(value, str) or number, where, "a text", value)
    elif kind == "datetime":
        _want(
            isinstance(value, str) and TIME.fullmatch(value) is not None,
            where,
            "a time as in RFC 3339",
            value,
        )
    elif kind in ("int", "float", "bool"):
        wanted = {"int": int, "float": (int, float), "bool": bool}[kind]
        right = isinstance(value, wanted) and (kind == "bool" or not isinstance(value, bool))  # type: ignore[arg-type]
        _want(
            right, where, {"int": "a whole number", "float": "a number", "bool": "true or false"}[kind], value
        )
    elif kind != "object":
        model = getattr(kfp_server_api, kind)
        if hasattr(model, "allowable_values"):
            wanted = " or ".join(model.allowable_values)
            _want(value in model.allowable_values, where, f"one of {wanted}", value)
            return
        _want(isinstance(value, dict), where, f"an object ({kind})", value)
        names = {sent: model.openapi_types[name] for name, sent in model.attribute_map.items()}
        for name, each in value.items():
            if name not in names:
                raise Refused(
                    f"{kind} has no field {name!r} (at {where}); it has {', '.join(sorted(names))}."
                )
            check_value(each, names[name], f"{where}.{name}")


def _want(right: bool, where: str, wanted: str, value: Any) -> None:
    if not right:
        raise Refused(f"{where} must be {wanted}, and is {value!r}.")


def check_query(operation: Operation, query: Json) -> None:
    """Compare the parameters behind the ``?`` with those of the operation."""
    for name, text in query.items():
        if name not in operation.query:
            known = ", ".join(sorted(operation.query)) or "none"
            raise Refused(f"{operation.name} has no parameter {name!r}; it has {known}.")
        kind = operation.query[name]
        if kind in ("int", "bool"):
            try:
                check_value(json.loads(text), kind, name)
            except ValueError:
                raise Refused(f"{name} must be a JSON {kind}, and is {text!r}.") from None
    if query.get("filter"):
        check_filter(query["filter"])
    for name in operation.required & operation.query.keys() - query.keys():
        raise Refused(f"{operation.name} needs the parameter {name!r}.")


def check_filter(text: str) -> list[Json]:
    """Return the predicates of a filter; kfp writes their names in camelCase and operations as numbers."""
    try:
        parsed = json.loads(text)
    except ValueError:
        raise Refused(f"filter must be JSON, and is {text!r}.") from None
    operations = kfp_server_api.V2beta1PredicateOperation.allowable_values
    for predicate in parsed.get("predicates") or []:
        for name in list(predicate):
            snake = re.sub(r"(?<!^)([A-Z])", lambda match: "_" + match[1].lower(), name)
            predicate[snake] = predicate.pop(name)
        if isinstance(predicate.get("operation"), int) and 0 <= predicate["operation"] < len(operations):
            predicate["operation"] = operations[predicate["operation"]]
    check_value(parsed, "V2beta1Filter", "filter")
    return parsed.get("predicates") or []  # type: ignore[no-any-return]


def check_pipeline(spec: Any) -> Json:
    """Parse a compiled pipeline as the backend does, and return its first document."""
    spec = spec or {}
    pipeline, platform = spec, {}
    if "pipeline_spec" in spec:
        pipeline, platform = spec["pipeline_spec"], spec.get("platform_spec") or {}
    try:
        json_format.ParseDict(pipeline, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        raise Refused(f"pipeline_spec is no compiled pipeline: {error}") from None
    name = pipeline.get("pipelineInfo", {}).get("name", "")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,127})", name):
        raise Refused(f"The pipeline's name {name!r} must be lower case letters, digits and '-'.")
    return dict(pipeline)


def check_parameters(spec: Json, given: Json) -> None:
    """Compare the arguments of a run with the inputs that the pipeline declares."""
    wanted = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    for name, each in wanted.items():
        if name not in given:
            if not each.get("isOptional") and "defaultValue" not in each:
                raise Refused(
                    f"parameter {name} is not optional, yet has neither default value nor user provided value"
                )
            continue
        kinds = {
            "STRING": (str,),
            "NUMBER_INTEGER": (int, float),
            "NUMBER_DOUBLE": (int, float),
            "BOOLEAN": (bool,),
            "LIST": (list,),
            "STRUCT": (dict,),
        }[each["parameterType"]]
        value = given[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise Refused(f"input parameter {name} requires type {each['parameterType']}, and is {value!r}")
    if extra := sorted(given.keys() - wanted.keys()):
        raise Refused(f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")


# --- what has been made ---------------------------------------------------------------------------------------


@dataclass
class State:
    """All that the server remembers. The dicts are by id, and hold what the API answers."""

    experiments: dict[str, Json] = field(default_factory=dict)
    pipelines: dict[str, Json] = field(default_factory=dict)
    versions: dict[str, Json] = field(default_factory=dict)
    runs: dict[str, Json] = field(default_factory=dict)
    recurring: dict[str, Json] = field(default_factory=dict)
    tasks: dict[str, list["Task"]] = field(default_factory=dict)  # by run
    cache: dict[str, "Task"] = field(default_factory=dict)  # by key


@dataclass
class Task:
    """A task of a run, as far as one can see it from outside.

    Attributes
    ----------
    name, run_id
        Which.
    state
        SUCCEEDED, FAILED, RUNNING, or SKIPPED where nothing ran since a task before it failed.
    cached
        Whether an earlier run's outputs were taken: then it has a driver, and no Pod of its own.
    tries
        How often it was started. A failure of the program is not tried again, whatever its `set_retry` says: the
        release's retries have the policy OnError (seen on a cluster). A test may set it.
    """

    name: str
    run_id: str
    key: str
    container: Json
    platform: Json
    parameters: Json
    inputs: dict[str, str]
    outputs: dict[str, str]
    function: str
    state: str = "SUCCEEDED"
    cached: bool = False
    tries: int = 1


def _new(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class KubeflowServer:
    """The server, as a context manager.

    Attributes
    ----------
    url
        What `kfp.Client(host=…)` wants.
    state
        What was made.
    wrong
        The sentences of all requests that the API does not know.
    calls
        The names of the operations that were asked for, such as ``run_service_create_run``, in order.
    outcome
        What becomes of a run's task: a function of its run's id and its name, that gives SUCCEEDED, FAILED or
        RUNNING. All succeed unless a test sets it.
    contents
        The bytes of artifacts, by task and output, such as ``{("evaluate", "evaluation"): b"{}"}``.
    """

    def __init__(self, port: int = 0) -> None:
        self.state = State()
        self.wrong: list[str] = []
        self.calls: list[str] = []
        self.outcome: Callable[[str, str], str] = lambda run_id, task: "SUCCEEDED"
        self.contents: dict[tuple[str, str], bytes] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    # --- an answer --------------------------------------------------------------------------------------------

    def answer(self, method: str, url: str, content_type: str, content: bytes) -> tuple[int, bytes]:
        """Answer a request: the status, and the bytes."""
        path, query = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        if method == "GET" and path == "/artifacts/get":
            return self._object(query)
        try:
            operation, named = self._operation(method, path)
            check_query(operation, query)
            body = self._body(operation, content_type, content)
            self.calls.append(operation.name)
            act = getattr(self, f"_{operation.name}", None)
            if act is None:
                raise Refused(
                    f"The stand-in does not do {operation.name}: add it to tests/kfp_server.py.", 501
                )
            answer = act(**named, query=query, body=body) or {}
        except Refused as error:
            if error.status == 400:
                self.wrong.append(f"{method} {path}: {error}")
            text = {"error": str(error), "code": {404: 5, 409: 6}.get(error.status, 3), "message": str(error)}
            return error.status, json.dumps(text).encode()
        check_value(answer, operation.response, "answer")
        return 200, json.dumps(answer).encode()

    def _operation(self, method: str, path: str) -> tuple[Operation, Json]:
        there = []
        # Of two that fit, such as pipelines/upload and pipelines/{id}, the more definite one.
        for operation in sorted(operations(), key=lambda each: each.path.count("{")):
            match = operation.pattern.fullmatch(path)
            if match and operation.method == method:
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
            there += [operation.method] if match else []
        if there:
            raise Refused(f"{path} knows {', '.join(sorted(set(there)))}, not {method}.")
        raise Refused(f"The API has no path {path}.")

    def _body(self, operation: Operation, content_type: str, content: bytes) -> Any:
        kind = content_type.split(";")[0]
        if operation.file:
            if kind != "multipart/form-data":
                raise Refused(
                    f"{operation.name} wants a file as multipart/form-data, not {kind or 'nothing'}."
                )
            return _uploaded(content_type, content)
        if operation.body is None:
            if content.strip() not in (b"", b"{}", b"null"):
                raise Refused(f"{operation.name} takes no body.")
            return None
        if kind != "application/json":
            raise Refused(f"{operation.name} wants a body of application/json, not {kind or 'nothing'}.")
        try:
            body = json.loads(content)
        except ValueError:
            raise Refused(f"The body of {operation.name} is no JSON.") from None
        check_value(body, operation.body, operation.body)
        return body or {}

    def _object(self, query: Json) -> tuple[int, bytes]:
        """Answer as Kubeflow's web server does for ``/artifacts/get?source=…&bucket=…&key=…``."""
        missing = {"source", "bucket", "key"} - query.keys()
        if missing or query["source"] not in ("minio", "s3"):
            self.wrong.append(f"GET /artifacts/get: lacks {sorted(missing) or 'a known source'}")
            return 400, b"source, bucket and key are needed"
        uri = f"{query['source']}://{query['bucket']}/{query['key']}"
        for tasks in self.state.tasks.values():
            for task in tasks:
                for output, known in task.outputs.items():
                    if known == uri and (task.name, output) in self.contents:
                        return 200, self.contents[task.name, output]
        return 500, b"Failed to get object in bucket: The specified key does not exist."

    # --- health, experiments ----------------------------------------------------------------------------------

    def _healthz_service_get_healthz(self, **_: Any) -> Json:
        return {"multi_user": False}

    def _experiment_service_create_experiment(self, body: Json, **_: Any) -> Json:
        if not body.get("display_name"):
            raise Refused("An experiment needs a display_name.")
        if any(each["display_name"] == body["display_name"] for each in self.state.experiments.values()):
            raise Refused(f"The experiment {body['display_name']} exists already.", 409)
        made = _new(experiment_id=str(uuid.uuid4()), created_at=_now(), storage_state="AVAILABLE") | body
        made["namespace"] = ""  # one user
        self.state.experiments[made["experiment_id"]] = made
        return made

    def _experiment_service_get_experiment(self, experiment_id: str, **_: Any) -> Json:
        return _found(self.state.experiments, experiment_id, "experiment")

    def _experiment_service_list_experiments(self, query: Json, **_: Any) -> Json:
        return _page("experiments", self.state.experiments, query)

    def _experiment_service_delete_experiment(self, experiment_id: str, **_: Any) -> None:
        _found(self.state.experiments, experiment_id, "experiment")
        del self.state.experiments[experiment_id]

    def _experiment_service_archive_experiment(self, experiment_id: str, **_: Any) -> None:
        _found(self.state.experiments, experiment_id, "experiment")["storage_state"] = "ARCHIVED"
        for run in self.state.runs.values():
            if run["experiment_id"] == experiment_id:
                run["storage_state"] = "ARCHIVED"

    def _experiment_service_unarchive_experiment(self, experiment_id: str, **_: Any) -> None:
        _found(self.state.experiments, experiment_id, "experiment")["storage_state"] = "AVAILABLE"

    # --- pipelines and versions -------------------------------------------------------------------------------

    def _upload_pipeline(self, query: Json, body: tuple[str, bytes], **_: Any) -> Json:
        filename, content = body
        spec = _documents(content)
        name = query.get("name") or query.get("display_name") or filename
        if any(each["name"] == name for each in self.state.pipelines.values()):
            raise Refused(f"Failed to create a pipeline: {name} already exists.", 409)
        pipeline = _new(
            pipeline_id=str(uuid.uuid4()),
            name=name,
            display_name=query.get("display_name") or name,
            description=query.get("description"),
            created_at=_now(),
        )
        self.state.pipelines[pipeline["pipeline_id"]] = pipeline
        self._version(pipeline["pipeline_id"], name, query, spec)
        return pipeline

    def _upload_pipeline_version(self, query: Json, body: tuple[str, bytes], **_: Any) -> Json:
        filename, content = body
        if not query.get("pipelineid"):
            raise Refused("upload_pipeline_version needs the parameter 'pipelineid'.")
        _found(self.state.pipelines, query["pipelineid"], "pipeline")
        name = query.get("name") or query.get("display_name") or filename
        return self._version(query["pipelineid"], name, query, _documents(content))

    def _version(self, pipeline_id: str, name: str, query: Json, spec: Json) -> Json:
        if any(
            (each["pipeline_id"], each["name"]) == (pipeline_id, name)
            for each in self.state.versions.values()
        ):
            raise Refused(f"Failed to create a pipeline version: {name} already exists.", 409)
        version = _new(
            pipeline_id=pipeline_id,
            pipeline_version_id=str(uuid.uuid4()),
            name=name,
            display_name=query.get("display_name") or name,
            description=query.get("description"),
            created_at=_now(),
            pipeline_spec=spec,
            tags=json.loads(query["tags"]) if query.get("tags") else None,
        )
        self.state.versions[version["pipeline_version_id"]] = version
        return version

    def _pipeline_service_get_pipeline(self, pipeline_id: str, **_: Any) -> Json:
        return _found(self.state.pipelines, pipeline_id, "pipeline")

    def _pipeline_service_list_pipelines(self, query: Json, **_: Any) -> Json:
        return _page("pipelines", self.state.pipelines, query)

    def _pipeline_service_delete_pipeline(self, pipeline_id: str, query: Json, **_: Any) -> None:
        _found(self.state.pipelines, pipeline_id, "pipeline")
        of_it = [key for key, each in self.state.versions.items() if each["pipeline_id"] == pipeline_id]
        if of_it and query.get("cascade") not in ("true", "True"):
            raise Refused(
                f"Failed to delete pipeline with id {pipeline_id} as it has existing pipeline versions"
            )
        for key in of_it:
            del self.state.versions[key]
        del self.state.pipelines[pipeline_id]

    def _pipeline_service_get_pipeline_version(
        self, pipeline_id: str, pipeline_version_id: str, **_: Any
    ) -> Json:
        version = _found(self.state.versions, pipeline_version_id, "pipeline version")
        if version["pipeline_id"] != pipeline_id:
            raise Refused(f"Pipeline {pipeline_id} has no version {pipeline_version_id}.", 404)
        return version

    def _pipeline_service_list_pipeline_versions(self, pipeline_id: str, query: Json, **_: Any) -> Json:
        _found(self.state.pipelines, pipeline_id, "pipeline")
        of_it = {key: each for key, each in self.state.versions.items() if each["pipeline_id"] == pipeline_id}
        return _page("pipeline_versions", of_it, query)

    def _pipeline_service_delete_pipeline_version(
        self, pipeline_id: str, pipeline_version_id: str, **_: Any
    ) -> None:
        self._pipeline_service_get_pipeline_version(pipeline_id, pipeline_version_id)
        del self.state.versions[pipeline_version_id]

    # --- runs -------------------------------------------------------------------------------------------------

    def _spec_of(self, body: Json) -> tuple[Json, Json]:
        """Return the two documents of the pipeline that a run or a recurring run is to run."""
        reference, spec = body.get("pipeline_version_reference"), body.get("pipeline_spec")
        if bool(reference) == bool(spec):
            raise Refused("A run needs a pipeline_spec or a pipeline_version_reference, and not both.")
        if reference:
            wanted = reference.get("pipeline_version_id")
            if not wanted:
                of_it = [
                    each
                    for each in self.state.versions.values()
                    if each["pipeline_id"] == reference.get("pipeline_id")
                ]
                if not of_it:
                    raise Refused(f"No pipeline {reference.get('pipeline_id')} was found.", 404)
                wanted = of_it[-1]["pipeline_version_id"]
            spec = _found(self.state.versions, wanted, "pipeline version")["pipeline_spec"]
        pipeline = check_pipeline(spec)
        check_parameters(pipeline, (body.get("runtime_config") or {}).get("parameters") or {})
        return pipeline, dict(spec.get("platform_spec") or {}) if "pipeline_spec" in spec else {}

    def _experiment_of(self, body: Json) -> str:
        if not body.get("experiment_id"):
            for each in self.state.experiments.values():
                if each["display_name"] == "Default":
                    return str(each["experiment_id"])
            made = self._experiment_service_create_experiment(body={"display_name": "Default"})
            return str(made["experiment_id"])
        return str(_found(self.state.experiments, body["experiment_id"], "experiment")["experiment_id"])

    def _run_service_create_run(self, body: Json, **_: Any) -> Json:
        if not body.get("display_name"):
            raise Refused("The run name is empty. Please specify a valid name")
        pipeline, platform = self._spec_of(body)
        run = body | _new(
            run_id=str(uuid.uuid4()),
            experiment_id=self._experiment_of(body),
            created_at=_now(),
            scheduled_at=_now(),
            state="PENDING",
            storage_state="AVAILABLE",
        )
        run.setdefault("service_account", "pipeline-runner")
        self.state.runs[run["run_id"]] = run
        self.state.tasks[run["run_id"]] = self._start(run, pipeline, platform)
        return run

    def _start(self, run: Json, pipeline: Json, platform: Json) -> list[Task]:
        """Work through the pipeline's tasks in order, with a cache and with outcomes."""
        given = (run.get("runtime_config") or {}).get("parameters") or {}
        inputs = pipeline["root"].get("inputDefinitions", {}).get("parameters", {})
        values = {name: each.get("defaultValue") for name, each in inputs.items()} | given
        executors = pipeline["deploymentSpec"]["executors"]
        settings = platform.get("platforms", {}).get("kubernetes", {})
        settings = settings.get("deploymentSpec", {}).get("executors", {})
        done: dict[str, Task] = {}
        for name, drawn in _in_order(pipeline):
            component = pipeline["components"][drawn["componentRef"]["name"]]
            label = component["executorLabel"]
            container = executors[label].get("container", {})
            parameters = {
                taken: _parameter(source, values)
                for taken, source in drawn.get("inputs", {}).get("parameters", {}).items()
            }
            before = {
                taken: (
                    source["taskOutputArtifact"]["producerTask"],
                    source["taskOutputArtifact"]["outputArtifactKey"],
                )
                for taken, source in drawn.get("inputs", {}).get("artifacts", {}).items()
                if "taskOutputArtifact" in source
            }
            taken = {
                key: done[task].outputs[output] for key, (task, output) in before.items() if task in done
            }
            key = json.dumps(
                [container.get("image"), container.get("command"), container.get("args"), parameters, taken]
            )
            folder = (
                f"minio://mlpipeline/v2/artifacts/{pipeline['pipelineInfo']['name']}/{run['run_id']}/{name}"
            )
            folder += f"/{uuid.uuid4()}"
            outputs = {
                output: f"{folder}/{output}"
                for output in component.get("outputDefinitions", {}).get("artifacts", {})
            }
            importer = executors[label].get("importer")
            if importer:  # what comes in from elsewhere keeps its address
                outputs = {"artifact": str(parameters.get("uri", importer["artifactUri"].get("constant")))}
            task = Task(
                name=name,
                run_id=run["run_id"],
                key=hashlib.sha256(key.encode()).hexdigest(),
                container=container,
                platform=settings.get(label, {}),
                parameters=parameters,
                inputs=taken,
                outputs=outputs,
                function=(container.get("args") or [""])[-1],
            )
            waits = [done[each] for each in drawn.get("dependentTasks", []) if each in done]
            if any(each.state in ("FAILED", "SKIPPED") for each in waits):
                task.state = "SKIPPED"
            elif any(each.state == "RUNNING" for each in waits):
                task.state = "PENDING"
            elif drawn.get("cachingOptions", {}).get("enableCache") and task.key in self.state.cache:
                task.cached, task.outputs = True, self.state.cache[task.key].outputs
            else:
                task.state = self.outcome(run["run_id"], name)
                if task.state == "SUCCEEDED":
                    self.state.cache[task.key] = task
            done[name] = task
        return list(done.values())

    def _run_service_get_run(self, run_id: str, **_: Any) -> Json:
        run = _found(self.state.runs, run_id, "run")
        tasks = self.state.tasks[run_id]
        states = {task.state for task in tasks}
        if run["state"] in ("PENDING", "RUNNING"):
            run["state"] = next((each for each in ("RUNNING", "FAILED") if each in states), "SUCCEEDED")
            if run["state"] != "RUNNING":
                run["finished_at"] = _now()
            if run["state"] == "FAILED":
                run["error"] = {"code": 2, "message": "child 'root' failed"}
        run["run_details"] = {"task_details": list(self._details(run_id))}
        return run

    def _details(self, run_id: str) -> Iterator[Json]:
        """Yield what the backend makes of Argo's nodes: of each its short name and state, and no artifacts."""
        nodes = [("root", self.state.runs[run_id]["state"]), ("root-driver", "SUCCEEDED")]
        for task in self.state.tasks[run_id]:
            if task.state not in ("SKIPPED", "PENDING"):
                nodes += [(f"{task.name}-driver", "SUCCEEDED"), (task.name, task.state)]
                nodes += [("executor", "SKIPPED" if task.cached else task.state)]
        for number, (name, state) in enumerate(nodes):
            times = dict.fromkeys(("create_time", "start_time", "end_time"), _now())
            task_id = str(uuid.uuid5(uuid.UUID(run_id), f"{name} {number}"))
            yield {"run_id": run_id, "task_id": task_id, "display_name": name, "state": state} | times

    def _run_service_list_runs(self, query: Json, **_: Any) -> Json:
        runs = self.state.runs
        if query.get("experiment_id"):
            runs = {key: run for key, run in runs.items() if run["experiment_id"] == query["experiment_id"]}
        for run_id in runs:
            self._run_service_get_run(run_id)
        return _page("runs", runs, query)

    def _run_service_terminate_run(self, run_id: str, **_: Any) -> None:
        run = _found(self.state.runs, run_id, "run")
        self._run_service_get_run(run_id)
        if run["state"] in ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"):
            raise Refused(f"Failed to terminate run {run_id}: it has ended already.")
        run["state"] = "CANCELED"

    def _run_service_retry_run(self, run_id: str, **_: Any) -> None:
        run = _found(self.state.runs, run_id, "run")
        if run["state"] not in ("FAILED", "CANCELED"):
            raise Refused(f"Failed to retry run {run_id}: only a run that failed can be retried.")
        for task in self.state.tasks[run_id]:
            if task.state in ("FAILED", "SKIPPED"):
                task.state = self.outcome(run_id, task.name)
        run["state"] = "PENDING"

    def _run_service_delete_run(self, run_id: str, **_: Any) -> None:
        _found(self.state.runs, run_id, "run")
        del self.state.runs[run_id], self.state.tasks[run_id]

    def _run_service_archive_run(self, run_id: str, **_: Any) -> None:
        _found(self.state.runs, run_id, "run")["storage_state"] = "ARCHIVED"

    def _run_service_unarchive_run(self, run_id: str, **_: Any) -> None:
        _found(self.state.runs, run_id, "run")["storage_state"] = "AVAILABLE"

    # --- recurring runs ---------------------------------------------------------------------------------------

    def _recurring_run_service_create_recurring_run(self, body: Json, **_: Any) -> Json:
        self._spec_of(body)
        concurrency = int(body.get("max_concurrency", 1))
        if not 1 <= concurrency <= MAX_CONCURRENCY:
            raise Refused(f"max_concurrency must be from 1 to {MAX_CONCURRENCY}, and is {concurrency}.")
        trigger = body.get("trigger") or {}
        if len(trigger) != 1:
            raise Refused("A recurring run needs a cron_schedule or a periodic_schedule, and not both.")
        cron = trigger.get("cron_schedule", {}).get("cron")
        if cron is not None and len(cron.split()) != CRON_FIELDS and not cron.startswith("@"):
            raise Refused(f"cron needs {CRON_FIELDS} fields, seconds first, and is {cron!r}.")
        made = body | _new(
            recurring_run_id=str(uuid.uuid4()),
            experiment_id=self._experiment_of(body),
            created_at=_now(),
            updated_at=_now(),
            max_concurrency=str(concurrency),
            status="DISABLED" if body.get("mode") == "DISABLE" else "ENABLED",
        )
        for schedule in made["trigger"].values():
            if isinstance(schedule.get("interval_second"), int):
                schedule["interval_second"] = str(schedule["interval_second"])
        self.state.recurring[made["recurring_run_id"]] = made
        return made

    def _recurring_run_service_get_recurring_run(self, recurring_run_id: str, **_: Any) -> Json:
        return _found(self.state.recurring, recurring_run_id, "recurring run")

    def _recurring_run_service_list_recurring_runs(self, query: Json, **_: Any) -> Json:
        found = self.state.recurring
        if query.get("experiment_id"):
            found = {
                key: each for key, each in found.items() if each["experiment_id"] == query["experiment_id"]
            }
        return _page("recurringRuns", found, query)

    def _recurring_run_service_delete_recurring_run(self, recurring_run_id: str, **_: Any) -> None:
        _found(self.state.recurring, recurring_run_id, "recurring run")
        del self.state.recurring[recurring_run_id]

    def _recurring_run_service_enable_recurring_run(self, recurring_run_id: str, **_: Any) -> None:
        found = _found(self.state.recurring, recurring_run_id, "recurring run")
        found["mode"], found["status"] = "ENABLE", "ENABLED"

    def _recurring_run_service_disable_recurring_run(self, recurring_run_id: str, **_: Any) -> None:
        found = _found(self.state.recurring, recurring_run_id, "recurring run")
        found["mode"], found["status"] = "DISABLE", "DISABLED"

    # --- what kubectl would show ------------------------------------------------------------------------------

    def pods(self, run_id: str) -> list[Json]:
        """Return the Pods of a run as Kubernetes lists them, in the words of the backend's Argo templates."""
        run = self.state.runs[run_id]
        pipeline, _ = self._spec_of(run)
        workflow = f"{pipeline['pipelineInfo']['name']}-{run_id[:5]}"
        pods = [_pod(workflow, run_id, "root-driver", "system-dag-driver", "driver", "Succeeded")]
        for task in self.state.tasks[run_id]:
            if task.state in ("SKIPPED", "PENDING"):
                continue
            if not task.container:
                node = f"root.{task.name}"
                pods.append(_pod(workflow, run_id, node, "system-importer", "launcher", "Succeeded"))
                continue
            pods.append(
                _pod(
                    workflow,
                    run_id,
                    f"root.{task.name}-driver",
                    "system-container-driver",
                    "driver",
                    "Succeeded",
                )
            )
            if task.cached:
                continue
            for attempt in range(task.tries):
                node = f"root.{task.name}.executor"
                phase = {"RUNNING": "Running", "FAILED": "Failed"}.get(task.state, "Succeeded")
                pods.append(
                    _pod(workflow, run_id, node, "system-container-impl", "launcher", phase, task, attempt)
                )
        return pods


def _pod(
    workflow: str,
    run_id: str,
    node: str,
    template: str,
    role: str,
    phase: str,
    task: Task | None = None,
    attempt: int = 0,
) -> Json:
    # Kubeflow's Argo may repeat every node after an error of the cluster's, so each part has the number of its try.
    node = (
        "".join(f"{part}(0)." for part in (workflow, *node.split("."))).removesuffix("(0).") + f"({attempt})"
    )
    name = f"{workflow}-{template}-{hashlib.sha256(node.encode()).hexdigest()[:10]}"
    main: Json = {
        "name": "main",
        "image": "ghcr.io/kubeflow/kfp-driver:2.17.0",
        "command": ["driver"],
        "args": [],
    }
    status: Json = {"name": "main", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    volumes: list[Json] = []
    if task:
        executor_input = {
            "inputs": {
                "parameterValues": task.parameters,
                "artifacts": {key: {"artifacts": [{"uri": uri}]} for key, uri in task.inputs.items()},
            },
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [{"name": key, "uri": uri}]} for key, uri in task.outputs.items()
                },
                "outputFile": "/tmp/kfp_outputs/output_metadata.json",
            },
        }
        main = {
            "name": "main",
            "image": task.container["image"],
            "command": [
                "/var/run/argo/argoexec",
                "emissary",
                "--",
                "/kfp-launcher/launch",
                *("--pipeline_name", workflow.rsplit("-", 1)[0], "--run_id", run_id),
                *("--executor_input", json.dumps(executor_input), "--", *task.container["command"]),
            ],
            "args": task.container["args"],
            "resources": _kubernetes_resources(task.container),
        }
        for mount in task.platform.get("pvcMount", []):
            claim = mount.get("constant") or mount["pvcNameParameter"]["runtimeValue"]["constant"]
            volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim}})
            main["volumeMounts"] = [{"name": claim, "mountPath": mount["mountPath"]}]
        status["image"] = main["image"]
        status["imageID"] = "sha256:" + hashlib.sha256(main["image"].encode()).hexdigest()
        if phase == "Failed":
            status["state"] = {"terminated": {"exitCode": 1, "reason": "Error"}}
        if phase == "Running":
            status["state"] = {"running": {"startedAt": _now()}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "kubeflow",
            "labels": {
                "pipeline/runid": run_id,
                "pipelines.kubeflow.org/v2_component": "true",
                "workflows.argoproj.io/workflow": workflow,
            },
            "annotations": {
                "workflows.argoproj.io/node-name": node,
                "pipelines.kubeflow.org/runtime-role": role,
            },
        },
        "spec": {"containers": [main], "volumes": volumes, "nodeName": "pipelines-control-plane"},
        "status": {"phase": phase, "containerStatuses": [status]},
    }


def _kubernetes_resources(container: Json) -> Json:
    known = container.get("resources", {})
    made: Json = {"requests": {}, "limits": {}}
    for kind in ("Memory", "Cpu"):
        for side in ("Request", "Limit"):
            if f"resource{kind}{side}" in known:
                made[f"{side.lower()}s"][kind.lower()] = known[f"resource{kind}{side}"]
    return made


# --- small things ---------------------------------------------------------------------------------------------


def _in_order(pipeline: Json) -> Iterator[tuple[str, Json]]:
    """Yield the tasks that are containers, each behind those it waits for; groups are opened."""
    pending = dict(_opened(pipeline, pipeline["root"]))
    while pending:
        free = [
            name for name, drawn in pending.items() if not set(drawn.get("dependentTasks", [])) & set(pending)
        ]
        for name in free:
            yield name, pending.pop(name)


def _opened(pipeline: Json, component: Json) -> Iterator[tuple[str, Json]]:
    for name, drawn in component["dag"]["tasks"].items():
        inner = pipeline["components"][drawn["componentRef"]["name"]]
        if "dag" in inner:
            yield from _opened(pipeline, inner)
        else:
            yield name, drawn


def _parameter(source: Json, values: Json) -> Any:
    if "componentInputParameter" in source:
        return values.get(source["componentInputParameter"])
    if "runtimeValue" in source:
        return source["runtimeValue"].get("constant")
    return json.dumps(source)  # the output of another task


def _found(among: dict[str, Json], key: str, what: str) -> Json:
    if key not in among:
        raise Refused(f"The {what} {key} was not found.", 404)
    return among[key]


def _page(name: str, among: dict[str, Json], query: Json) -> Json:
    """Answer a list: filtered, sorted, a page of it."""
    found = list(among.values())
    for predicate in check_filter(query["filter"]) if query.get("filter") else []:
        key, wanted = predicate["key"], predicate.get("string_value")
        key = {"name": "display_name"}.get(key, key)
        if predicate["operation"] == "EQUALS":
            found = [each for each in found if each.get(key) == wanted]
        elif predicate["operation"] == "NOT_EQUALS":
            found = [each for each in found if each.get(key) != wanted]
        elif predicate["operation"] == "IS_SUBSTRING":
            found = [each for each in found if str(wanted) in str(each.get(key))]
        else:
            raise Refused(f"The stand-in knows no {predicate['operation']}.")
    if query.get("sort_by", "").endswith(" desc"):
        found.reverse()
    start, size = int(query.get("page_token") or 0), int(query.get("page_size") or 0) or 10
    answer: Json = {"total_size": len(found)}
    if found[start : start + size]:
        answer[name] = found[start : start + size]
    if found[start + size :]:
        answer["next_page_token"] = str(start + size)
    return answer


def _uploaded(content_type: str, content: bytes) -> tuple[str, bytes]:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "uploadfile":
            return part.get_filename() or "", part.get_payload(decode=True)  # type: ignore[return-value]
    raise Refused("The upload has no part named uploadfile.")


def _documents(content: bytes) -> Json:
    """Read an uploaded YAML file of one or two documents, and check it."""
    try:
        documents = list(yaml.safe_load_all(content))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise Refused("The uploaded file is no YAML.") from None
    if not documents or not isinstance(documents[0], dict):
        raise Refused("The uploaded file holds no pipeline.")
    spec = (
        documents[0]
        if len(documents) == 1
        else {"pipeline_spec": documents[0], "platform_spec": documents[1]}
    )
    check_pipeline(spec)
    return spec


def _handler_of(kubeflow: KubeflowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type") or ""
            status, text = kubeflow.answer(self.command, self.path, kind, content)
            with suppress(BrokenPipeError):  # the client has gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler
