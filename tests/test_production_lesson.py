"""Chapter 12 is rehearsed: its cells ask of Kubeflow's API what that knows, and its checks know other right ways."""

import datetime
import re
import runpy
from pathlib import Path

import pytest
import yaml
from kfp_server import KubeflowServer

from authoring import build
from chapter_12.check import due_times
from companion import check
from companion.environment import repository

ROOT = repository()
SITTINGS = {each.key: each for each in build.sittings(ROOT) if each.key.startswith("12-")}
CHAPTER = SITTINGS["12-1"].folder
# The cells that talk to Kubeflow's API, by a phrase of each, in order.
CALLS = {
    "12-1": ["def compiled(", "again_name =", "def train_balanced(", "adas_file, adas_name =", "upload_pipeline(",
             "list_pipeline_versions(", "tidy_up(client)\n!"],
    "12-2": ["client.create_recurring_run(", "tidy_up(client)\n!"],
    "12-4": ["def schedule(", "def promote(", "promote(record,", "carry(adas_record", "target = next(", "names = {good",
             "tidy_up(client)\n!"],
}  # fmt: skip
BEFORE = """
import kfp
from pathlib import Path
state, client = Path(STATE), kfp.Client(host=URL)
import companion
from chapter_12.monthly import EXPERIMENT, PIPELINE, monthly_with, tidy_up, upload
known, tested, door, serve, carry, my_bet = {}, set(), "", print, print, None
record, adas_record = {"version": "2013-09-a", "model_sha256": "a", "month": "2013-09", "author": "grace"}, {}
adas_record |= record | {"version": "2013-09-b", "author": "ada"}
gate = lambda record, approver, known: [] if approver == "linus" else ["no"]
experiment_id = client.create_experiment(EXPERIMENT).experiment_id
"""
UPLOADED = "pipeline_id, good, bad = upload(client, state)\n"


def code_of(sitting: str) -> list[str]:
    """Return the code cells of a sitting's solved notebook."""
    notebook = build.notebooks_of(SITTINGS[sitting].lesson)["solution"]
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def cells(sitting: str) -> list[str]:
    """Return the cells that talk to Kubeflow."""
    code = code_of(sitting)
    found = [[source for source in code if phrase in source] for phrase in CALLS[sitting]]
    assert all(found), [phrase for phrase, each in zip(CALLS[sitting], found, strict=True) if not each]
    return [without_commands(sources[-1]) for sources in found]


def without_commands(source: str) -> str:
    """Return a cell without its lines for the shell."""
    return "\n".join(line for line in source.splitlines() if not re.match(r"\s*(\w+ = )?!", line))


def rehearse(server: KubeflowServer, folder: Path, *parts: str) -> dict[str, object]:
    """Run cells against Kubeflow's API as it describes itself, and return their names."""
    script = folder / "rehearsal.py"
    prelude = BEFORE.replace("STATE", repr(str(folder))).replace("URL", repr(server.url))
    script.write_text("\n\n".join([prelude, *parts]))
    names = runpy.run_path(str(script))
    assert server.wrong == []
    return names


def test_a_version_is_uploaded_and_its_name_is_taken(tmp_path: Path) -> None:
    *calls, last = cells("12-1")
    with KubeflowServer() as server:
        names = rehearse(server, tmp_path, *calls)
        assert names["became"] == "refused"
        assert len(server.state.versions) == 3
        rehearse(server, tmp_path, last)  # the clean-up leaves nothing
        assert not server.state.pipelines


def test_what_the_notebook_draws_is_what_the_other_sittings_use(tmp_path: Path) -> None:
    *calls, _ = cells("12-1")
    with KubeflowServer() as server:
        names = rehearse(server, tmp_path, *calls)
        rehearse(server, tmp_path, "tidy_up(client)", UPLOADED)
        uploaded = {each["display_name"] for each in server.state.versions.values()}
        assert {names["good_name"], names["adas_name"]} < uploaded


def test_the_schedule_names_its_version_and_its_account(tmp_path: Path) -> None:
    *calls, last = cells("12-2")
    with KubeflowServer() as server:
        names = rehearse(server, tmp_path, UPLOADED, *calls)
        [recurring] = server.state.recurring.values()
        assert recurring["pipeline_version_reference"]["pipeline_version_id"] == names["good"]
        assert recurring["service_account"] == "flight-delay"
        rehearse(server, tmp_path, last)
        assert not server.state.recurring


def test_the_way_back_leaves_one_schedule_and_deletes_nothing(tmp_path: Path) -> None:
    *calls, last = cells("12-4")
    with KubeflowServer() as server:
        names = rehearse(server, tmp_path, UPLOADED, *calls, *calls[2:3])
        enabled = [each for each in server.state.recurring.values() if each["status"] == "ENABLED"]
        assert [each["pipeline_version_reference"]["pipeline_version_id"] for each in enabled] == [
            names["good"]
        ]
        assert len(server.state.recurring) == 3  # nothing was deleted
        assert len(server.state.versions) == 3
        assert len(names["ledger"]) == 2  # promoted twice, written down once
        rehearse(server, tmp_path, last)
        assert not server.state.recurring
        assert not server.state.pipelines


def test_the_compiled_pipeline_gets_its_month_from_the_schedule(tmp_path: Path) -> None:
    path = tmp_path / "monthly.yaml"
    script = tmp_path / "drawing.py"
    script.write_text(
        "from kfp import compiler\nfrom chapter_12 import monthly\n"
        f"compiler.Compiler().compile(monthly.monthly_with(monthly.steps.train), {str(path)!r})"
    )
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
    "0 0 6 1 ? *": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 0 6 1 * */1": ["2013-03-01T06:00", "2013-04-01T06:00", "2013-05-01T06:00"],
    "0 0 6 1 * */2": ["2013-06-01T06:00", "2013-08-01T06:00", "2013-09-01T06:00"],
    "0 0 6 1 * 0-6": ["2013-02-02T06:00", "2013-02-03T06:00", "2013-02-04T06:00"],
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
    wrong = runpy.run_path(str(CHAPTER / "wrong_answers.py"))
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
    judged = runpy.run_path(str(CHAPTER / "wrong_answers.py"))["judged"]

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
                break  # one of them
        else:
            schedule(clean[-1]["pipeline_version_id"])
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
