"""Chapter 12 is rehearsed: all of its cells that need no cluster run, and answer what the text says."""

import datetime
import os
import re
import runpy
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml
from kfp_server import KubeflowServer
from nbclient import NotebookClient

from authoring import build
from chapter_12.check import due_times
from companion import check
from companion.environment import repository

ROOT = repository()
[SITTING] = [each for each in build.sittings(ROOT) if each.key == "12-1"]
LESSON = SITTING.lesson
# What only a cluster can answer. An exercise needs none, though it may speak of a client.
CLUSTER = re.compile(r"kubectl|\bclient\.|kfp\.Client|require\(\)|^(promote|carry|serve)\(", re.MULTILINE)


def local_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (not CLUSTER.search(cell.source) or "def answer(" in cell.source)
    ]


@pytest.mark.parametrize("variant", list(build.FOLDERS))
def test_the_cells_that_need_no_cluster(variant: str) -> None:
    notebook = build.notebooks_of(LESSON)[variant]
    cells = local_cells(notebook)
    assert len(cells) > 25
    rehearsal = nbformat.v4.new_notebook(cells=cells, metadata=build.METADATA)
    with build.kernel_environment(SITTING.recording(variant), "replay") as environment:
        NotebookClient(
            rehearsal,
            km=build.kernel_manager(),
            timeout=600,
            resources={"metadata": {"path": str(ROOT / build.FOLDERS[variant])}},
        ).execute(cleanup_kc=True, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    said = "\n".join(
        output.get("text", "")
        for cell in rehearsal.cells
        for output in cell.outputs
        if output.output_type == "stream"
    )
    print(said)
    mark = {"learner": "…", "solution": "✅"}[variant]
    assert [line[0] for line in said.splitlines() if re.search(r"Exercise 12\.\d:", line)] == [mark] * 4


# The cells that talk to Kubeflow's API, by a phrase of each, in order.
CALLS = [
    "PIPELINE =",
    "from kfp import compiler",
    "def monthly_with(",
    "def compiled(",
    "def train_balanced(",
    "client.upload_pipeline(",
    "def schedule(",
    "def gate(",
    "client.run_pipeline(",
    "client.disable_recurring_run(monthly.recurring_run_id)",
    "target = next(",
    "left = [",
    "client.delete_pipeline(pipeline_id)",
]
BEFORE = """
import kfp
from pathlib import Path
state, client = Path(STATE), kfp.Client(host=URL)
import companion
sums, tested, options, serve, carry, my_bet = {}, set(), "", print, print, None
tidy_up = print
record = {"version": "2013-09-a"}
hers = {"version": "2013-09-b"}
ledger = []
"""


def without_commands(source: str) -> str:
    """Return a cell without its lines for the shell, and without what reads their answers."""
    lines = [line for line in source.splitlines() if not re.match(r"\s*(\w+ = )?!", line)]
    return "\n".join(line for line in lines if "said" not in line)


def test_the_calls_of_kubeflow_are_ones_that_its_api_knows(tmp_path: Path) -> None:
    notebook = build.notebooks_of(LESSON)["solution"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    found = [[source for source in code if phrase in source] for phrase in CALLS]
    assert all(found), [phrase for phrase, cells in zip(CALLS, found, strict=True) if not cells]
    cells = [without_commands(sources[-1]) for sources in found]
    # In the ledger: the good version, released properly; then hers, as the lesson's own cell writes it down.
    at = CALLS.index("def gate(")
    cells[at] = (
        'ledger.append({"version": "2013-09-a", "approver": "linus", "pipeline_version_id": good})\n'
        "gate = lambda record, approver, known: [] if approver == 'linus' else ['no']"
    )
    prelude = BEFORE.replace("STATE", repr(str(tmp_path)))
    with KubeflowServer() as server:
        script = tmp_path / "rehearsal.py"
        script.write_text("\n\n".join([prelude.replace("URL", repr(server.url)), *cells[:-1]]))
        names = runpy.run_path(str(script))
        assert server.wrong == []
        enabled = [each for each in server.state.recurring.values() if each["status"] == "ENABLED"]
        assert len(enabled) == 1
        reference = enabled[0]["pipeline_version_reference"]
        assert reference["pipeline_version_id"] == names["good"]
        assert enabled[0]["service_account"] == "flight-delay"
        assert len(server.state.recurring) == 3  # nothing was deleted
        assert len(server.state.versions) == 3
        # And the clean-up leaves nothing.
        found = f"pipeline_id = {names['pipeline_id']!r}"
        parts = [prelude.replace("URL", repr(server.url)), cells[0], found, cells[-1]]
        script.write_text("\n\n".join(parts))
        runpy.run_path(str(script))
        assert server.wrong == []
        assert not server.state.recurring
        assert not server.state.pipelines


def test_the_compiled_pipeline_gets_its_month_from_the_schedule(tmp_path: Path) -> None:
    notebook = build.notebooks_of(LESSON)["solution"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    cells = [next(source for source in code if phrase in source) for phrase in CALLS[:3]]
    script, path = tmp_path / "drawing.py", tmp_path / "monthly.yaml"
    compiles = f"compiler.Compiler().compile(monthly_with(steps.train), {str(path)!r})"
    script.write_text("\n\n".join([*cells, compiles]))
    runpy.run_path(str(script))
    pipeline, platform = yaml.safe_load_all(path.read_text())
    tasks = pipeline["root"]["dag"]["tasks"]
    scheduled = tasks["month-of"]["inputs"]["parameters"]["scheduled"]
    assert scheduled == {"runtimeValue": {"constant": "{{$.pipeline_job_schedule_time_utc}}"}}
    for name in ("ingest", "validate", "train", "evaluate"):
        month = tasks[name]["inputs"]["parameters"]["month"]["taskOutputParameter"]
        assert month["producerTask"] == "month-of"
    assert tasks["decide"]["cachingOptions"] in ({}, {"enableCache": False})
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-decide"]["pvcMount"][0]["mountPath"] == "/store"
    assert executors["exec-ingest"]["secretAsEnv"][0]["keyToEnv"][0]["envVar"] == "WAREHOUSE_PASSWORD"


# What robfig/cron 1.2.0, the library of Kubeflow's backend, gives for these expressions after 2 February 2013:
# printed by a program of ten lines in Go.
BY_ROBFIG = {
    "0 0 6 1 * *": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 6 1 * *": ["2013-02-02T01:06", "2013-02-03T01:06", "2013-02-04T01:06"],
    "0 30 5 1 * *": ["2013-03-01T05:30", "2013-04-01T05:30", "2013-05-01T05:30"],
    "@monthly": ["2013-03-01T00:00", "2013-04-01T00:00", "2013-05-01T00:00"],
    "0 0 6 1 * ?": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 0 6 1 1-12 *": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 0 6 1 JAN-DEC *": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 0 6 1 * 1": ["2013-02-04T06:00", "2013-02-11T06:00", "2013-02-18T06:00"],
}
REFUSED_BY_ROBFIG = ["0 0 6 L * *", "6 1 * *", "TZ=America/New_York 0 0 2 1 * *"]


@pytest.mark.parametrize("cron", BY_ROBFIG)
def test_the_check_reads_cron_as_the_backend_does(cron: str) -> None:
    start = datetime.datetime(2013, 2, 2, tzinfo=datetime.UTC)
    found = due_times(cron, start, None, no_catchup=False)
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in found[:3]] == BY_ROBFIG[cron]


@pytest.mark.parametrize("cron", REFUSED_BY_ROBFIG)
def test_the_check_refuses_what_the_backend_refuses(cron: str) -> None:
    with pytest.raises(ValueError, match=r"fields|knows neither"):
        due_times(cron, None, None, no_catchup=False)


RIGHT_SCHEDULES = [
    {"cron_expression": "0 30 5 1 * ?", "end_time": "2014-01-31T00:00:00+00:00"},
    {"cron_expression": "0 59 8 1 * *", "start_time": "2013-02-28T23:00:00-05:00"},
    {"cron_expression": "0 15 6 1 JAN-DEC *", "end_time": "2014-01-01T06:15:00Z"},
    {"cron_expression": "0 0 7 1 */1 *", "start_time": "2013-03-01T06:59:59Z"},
]


@pytest.mark.parametrize("changes", RIGHT_SCHEDULES)
def test_other_right_schedules_pass(changes: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    wrong = runpy.run_path(str(LESSON.with_name("wrong_answers.py")))
    check.ex_12_1(wrong["SCHEDULE"] | changes)
    assert capsys.readouterr().out.startswith("✅")


RIGHT_POLICIES = [
    # matchExpressions; the port by its name; no policyTypes, since ingress is the default
    """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: flights-counter}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [predictions]}]}
  ingress:
    - from:
        - podSelector: {matchLabels: {app: desk}}
          namespaceSelector:
            matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [flights-desk]}]
      ports: [{port: http}]
""",
    # nobody first, then the desk: two policies add up
    """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: flights-counter}
spec: {podSelector: {matchLabels: {app: predictions}}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: desk, namespace: flights-counter}
spec:
  podSelector: {matchLabels: {app: predictions}}
  policyTypes: [Ingress, Egress]
  egress: [{}]
  ingress:
    - ports: [{port: 8080, protocol: TCP}]
      from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: flights-desk}}
          podSelector: {matchLabels: {app: desk}}
""",
]


@pytest.mark.parametrize("policy", RIGHT_POLICIES)
def test_other_right_policies_pass(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    check.ex_12_2(policy)
    assert capsys.readouterr().out.startswith("✅")


def test_other_right_ways_back_pass(capsys: pytest.CaptureFixture[str]) -> None:
    judged = runpy.run_path(str(LESSON.with_name("wrong_answers.py")))["judged"]

    def enables_the_old_schedule_again(ledger, known, client, schedule, serve):  # type: ignore[no-untyped-def]
        clean = [each for each in ledger[:-1] if not judged(each, each["approver"], known)]
        if not clean:
            raise LookupError("No clean release.")
        found = client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs
        for each in found:
            client.disable_recurring_run(each.recurring_run_id)
        for each in found:
            if each.pipeline_version_reference.pipeline_version_id == clean[-1]["pipeline_version_id"]:
                client.enable_recurring_run(each.recurring_run_id)
        serve(clean[-1]["version"])
        return clean[-1]["version"]

    def lets_next_raise(ledger, known, client, schedule, serve):  # type: ignore[no-untyped-def]
        try:
            back = next(each for each in ledger[-2::-1] if not judged(each, each["approver"], known))
        except StopIteration:
            raise LookupError("No clean release.") from None
        for each in client.list_recurring_runs(page_size=50, experiment_id="production").recurring_runs:
            if each.status != "DISABLED":
                client.disable_recurring_run(recurring_run_id=each.recurring_run_id)
        schedule(back["pipeline_version_id"])
        serve(back["version"])
        return back["version"]

    def index_error_is_a_lookup_error(ledger, known, client, schedule, serve):  # type: ignore[no-untyped-def]
        back = [each for each in ledger[:-1] if not judged(each, each["approver"], known)][-1]
        serve(back["version"])
        for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
            client.disable_recurring_run(each.recurring_run_id)
        schedule(back["pipeline_version_id"])
        ledger.append(back)
        return back["version"]

    for answer in (enables_the_old_schedule_again, lets_next_raise, index_error_is_a_lookup_error):
        check.ex_12_4(answer)
        assert capsys.readouterr().out.startswith("✅"), answer.__name__
