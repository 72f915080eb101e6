"""Chapter 12: what its pipeline compiles to, how its check reads cron, and other right answers."""

import datetime
import runpy
from pathlib import Path

import pytest
import yaml

from chapter_12.check import due_times
from companion import check
from companion.chapters import chapters
from companion.environment import repository

ROOT = repository()
CHAPTER = next(each.folder for each in chapters(ROOT) if each.number == "12")


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
