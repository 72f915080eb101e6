"""Wrong answers to the exercises of chapter 12."""

import datetime

import numpy
import yaml

# --- 12.0 ---


def only_what_is_named(uploads, starts, approved):
    return [name for name, version in starts.items() if version in uploads and version not in approved]


def none_is_safe(uploads, starts, approved):
    return [name for name, version in starts.items() if version and version not in approved]


def none_is_the_first(uploads, starts, approved):
    return [
        name
        for name, version in starts.items()
        if (version or uploads[0]) in uploads and (version or uploads[0]) not in approved
    ]


def none_is_never_approved(uploads, starts, approved):
    return [
        name
        for name, version in starts.items()
        if version is None or (version in uploads and version not in approved)
    ]


def what_was_deleted_runs_too(uploads, starts, approved):
    return [name for name, version in starts.items() if (version or uploads[-1]) not in approved]


def everybody_runs_the_newest(uploads, starts, approved):
    return [name for name in starts if uploads[-1] not in approved]


def adas_by_name(uploads, starts, approved):
    return [name for name, version in starts.items() if (version or uploads[-1]) == "adas"]


def sorted_by_name(uploads, starts, approved):
    return sorted(starts_of_the_unapproved(uploads, starts, approved))


def starts_of_the_unapproved(uploads, starts, approved):
    unapproved = [version for version in uploads if version not in approved]
    found = []
    for name in starts:
        version = starts[name]
        if version is None:
            version = max(enumerate(uploads))[1]
        if version in unapproved:
            found.append(name)
    return found


def as_a_dict(uploads, starts, approved):
    return {name: starts[name] for name in starts_of_the_unapproved(uploads, starts, approved)}


def version_by_version(uploads, starts, approved):
    unapproved = [version for version in uploads if version not in approved]
    return [name for bad in unapproved for name in starts if (starts[name] or uploads[-1]) == bad]


# --- 12.1 ---

SCHEDULE = {
    "cron_expression": "0 0 7 1 * *",
    "start_time": "2013-02-02T00:00:00Z",
    "end_time": "2014-01-01T12:00:00Z",
    "no_catchup": False,
    "max_concurrency": 1,
}


def schedule(**changes):
    return SCHEDULE | changes


# --- 12.2 ---

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: predictions, namespace: flights-counter}
spec:
  podSelector: {matchLabels: {app: predictions}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: flights-desk}}
          podSelector: {matchLabels: {app: desk}}
      ports: [{protocol: TCP, port: 8080}]
"""


def policy(change):
    """Return the policy with a change made to it, as YAML."""
    document = yaml.safe_load(POLICY)
    change(document, document["spec"]["ingress"][0])
    return yaml.safe_dump(document)


def in_the_namespace_of_the_desk(document, rule):
    document["metadata"]["namespace"] = "flights-desk"


def without_a_namespace(document, rule):
    del document["metadata"]["namespace"]


def port_of_the_service(document, rule):
    rule["ports"][0]["port"] = 80


def every_port(document, rule):
    del rule["ports"]


def a_second_port(document, rule):
    rule["ports"].append({"port": 9})


def a_range_of_ports(document, rule):
    rule["ports"] = [{"port": 8080, "endPort": 9000}]


def a_rule_for_everybody_on_another_port(document, rule):
    document["spec"]["ingress"].append({"from": [], "ports": [{"port": 9}]})


def two_entries(document, rule):
    peer = rule["from"][0]
    rule["from"] = [{key: value} for key, value in peer.items()]


def only_the_pod(document, rule):
    del rule["from"][0]["namespaceSelector"]


def only_the_namespace(document, rule):
    del rule["from"][0]["podSelector"]


def every_namespace(document, rule):
    rule["from"][0]["namespaceSelector"] = {}


def nobody(document, rule):
    document["spec"]["ingress"] = []


def everybody(document, rule):
    document["spec"]["ingress"] = [{"ports": rule["ports"]}]


def egress(document, rule):
    document["spec"]["policyTypes"] = ["Egress"]
    document["spec"]["egress"] = [{"to": rule["from"], "ports": rule["ports"]}]
    del document["spec"]["ingress"]


def selects_the_desk(document, rule):
    document["spec"]["podSelector"] = {"matchLabels": {"app": "desk"}}


def selects_all_pods(document, rule):
    document["spec"]["podSelector"] = {}


def its_own_namespace_too(document, rule):
    rule["from"].append({"podSelector": {}})


def another_label(document, rule):
    rule["from"][0]["namespaceSelector"] = {"matchLabels": {"name": "flights-desk"}}


def everybody_by_address(document, rule):
    rule["from"].append({"ipBlock": {"cidr": "0.0.0.0/0"}})


def the_pods_by_address(document, rule):
    rule["from"] = [{"ipBlock": {"cidr": "10.244.0.0/16"}}]


def a_quoted_port(document, rule):
    rule["ports"][0]["port"] = "8080"


def whoever_is_no_visitor(document, rule):
    expression = {"key": "app", "operator": "NotIn", "values": ["visitor"]}
    rule["from"][0]["podSelector"] = {"matchExpressions": [expression]}


def a_range_that_ends_there(document, rule):
    rule["ports"] = [{"port": 8000, "endPort": 8080}]


def all_but_the_report(document, rule):
    expression = {"key": "app", "operator": "NotIn", "values": ["report"]}
    document["spec"]["podSelector"] = {"matchExpressions": [expression]}


def desk_may_call_nobody(document, rule):
    document["metadata"] = {"name": "desk", "namespace": "flights-desk"}
    document["spec"] = {"podSelector": {}, "policyTypes": ["Egress"]}


# --- 12.3 ---


def judged(record, approver, known, skip=""):
    """A gate that leaves one rule out."""
    found = []
    metrics = record["metrics"]
    opponent = metrics["champion"] or metrics["baseline"]
    if skip != "no data" and not record["data"]:
        found.append("no data")
    if skip != "data" and any(known["data"].get(name) != value for name, value in record["data"].items()):
        found.append("data")
    if skip != "image" and record["image_id"] not in known["tested"]:
        found.append("image")
    if skip != "log loss" and metrics["challenger"]["log_loss"] >= opponent["log_loss"]:
        found.append("log loss")
    for each in record["slices"]:
        there = each["column"] == "origin" and each["champion"] is not None
        if skip != "slices" and there and each["challenger"] - each["champion"] > 0.01:
            found.append("slice")
    if skip != "decision" and record["decision"] != "promote":
        found.append("decision")
    if skip != "probabilities" and not record["same_probabilities"]:
        found.append("probabilities")
    sums = known["released"]
    if (
        skip != "overwritten"
        and sums.get(record["version"], record["model_sha256"]) != record["model_sha256"]
    ):
        found.append("overwritten")
    if skip != "approver" and approver == record["author"]:
        found.append("own change")
    if skip != "nobody" and not approver:
        found.append("nobody")
    return found


def gate_on_auc_alone(record, approver, known):
    before = record["metrics"]["champion"] or record["metrics"]["baseline"]
    return [] if record["metrics"]["challenger"]["auc"] > before["auc"] else ["AUC is not higher"]


def gate_on_auc_too(record, approver, known):
    return judged(record, approver, known) + gate_on_auc_alone(record, approver, known)


def auc_instead_of_log_loss(record, approver, known):
    found = judged(record, approver, known, "log loss")
    return found if record["metrics"]["challenger"]["auc"] > 0.6 else [*found, "AUC"]


def does_not_ask_for_the_image(record, approver, known):
    return judged(record, approver, known, "image")


def a_part_of_an_id_will_do(record, approver, known):
    found = judged(record, approver, known, "image")
    return found + ["image"] * (record["image_id"] not in str(known["tested"]))


def the_name_of_the_image_will_do(record, approver, known):
    names = {image.split("@")[0] for image in known["tested"]}
    return judged(record, approver, known, "image") + ["image"] * (
        record["image_id"].split("@")[0] not in names
    )


def only_keep_is_an_objection(record, approver, known):
    return judged(record, approver, known, "decision") + ["kept"] * (record["decision"] == "keep")


def one_objection_at_a_time(record, approver, known):
    return judged(record, approver, known)[:1]


def author_may_approve(record, approver, known):
    return judged(record, approver, known, "approver")


def nobody_may_approve(record, approver, known):
    return judged(record, approver, known, "nobody")


def overwritten_is_fine(record, approver, known):
    return judged(record, approver, known, "overwritten")


def released_once_is_released_never_again(record, approver, known):
    return judged(record, approver, known) + ["released before"] * (record["version"] in known["released"])


def exchanged_file_is_fine(record, approver, known):
    return judged(record, approver, known, "probabilities")


def any_data(record, approver, known):
    return judged(record, approver, known, "data")


def no_data_is_known_data(record, approver, known):
    return judged(record, approver, known, "no data")


def compares_only_names_it_knows(record, approver, known):
    names = set(record["data"]) & set(known["data"])
    kept = record | {"data": {name: record["data"][name] for name in names}}
    return judged(kept, approver, known) + ["no data"] * (not record["data"])


def does_not_look_at_origins(record, approver, known):
    return judged(record, approver, known, "slices")


def every_slice_counts(record, approver, known):
    slices = [each["challenger"] - (each["champion"] or each["challenger"]) for each in record["slices"]]
    return judged(record, approver, known) + ["slice"] * any(each > 0.01 for each in slices)


def ignores_the_decision(record, approver, known):
    return judged(record, approver, known, "decision")


def believes_the_decision(record, approver, known):
    return [] if record["decision"] == "promote" and record["author"] != approver else ["not promoted"]


def fails_without_a_champion(record, approver, known):
    opponent = record["metrics"]["champion"]["log_loss"]
    return ["log loss"] * (record["metrics"]["challenger"]["log_loss"] >= opponent)


def equal_is_better(record, approver, known):
    metrics = record["metrics"]
    opponent = metrics["champion"] or metrics["baseline"]
    worse = metrics["challenger"]["log_loss"] > opponent["log_loss"]
    return judged(record, approver, known, "log loss") + ["log loss"] * worse


def says_true_or_false(record, approver, known):
    return not judged(record, approver, known)


def numbers_for_objections(record, approver, known):
    return [number for number, _ in enumerate(judged(record, approver, known))]


def signs_the_record(record, approver, known):
    record["approver"] = approver
    return judged(record, approver, known)


def stops_everything(record, approver, known):
    return ["No."]


def gate_with(skip, broken):
    """Return a gate in which one rule, `skip`, reads otherwise: `broken` gets the record and what is known."""

    def gate(record, approver, known):
        return judged(record, approver, known, skip) + [skip] * bool(broken(record, known))

    return gate


def losses(record):
    """Return the log losses of the challenger, of the champion and of the baseline."""
    found = record["metrics"]
    opponent = found["champion"] or found["baseline"]
    return [each["log_loss"] for each in (found["challenger"], opponent, found["baseline"])]


def worse_at(record, airports=("EWR", "JFK", "LGA"), by=0.01):
    return any(
        each["value"] in airports and each["challenger"] - (each["champion"] or 1) > by
        for each in record["slices"]
    )


def other_sums(record, known, table):
    return any(known["data"].get(name) != value for name, value in record["data"].items() if table in name)


def released_as_any(record, known):
    sums = known["released"]
    return record["version"] in sums and record["model_sha256"] not in sums.values()


OTHER_RULES = [
    gate_with("log loss", lambda record, known: losses(record)[0] >= min(losses(record)[1:])),
    gate_with("log loss", lambda record, known: losses(record)[1] - losses(record)[0] < 0.001),
    gate_with("slices", lambda record, known: worse_at(record, by=0.02)),
    gate_with("slices", lambda record, known: worse_at(record, ("EWR", "JFK"))),
    gate_with("data", lambda record, known: other_sums(record, known, "flights")),
    gate_with("image", lambda record, known: not record["image_id"].startswith((*known["tested"],))),
    gate_with("image", lambda record, known: known["tested"] and record["image_id"] not in known["tested"]),
    gate_with("overwritten", released_as_any),
]


def a_part_of_the_author(record, approver, known):
    return judged(record, approver, known) + ["own change"] * (approver in record["author"])


def remembers(record, approver, known, found=[]):  # noqa: B006
    found += judged(record, approver, known)
    return found


def in_small_letters(record, approver, known):
    kept = [] if record["decision"].lower() == "promote" else ["decision"]
    return kept + judged(record, approver, known, "decision")


# --- 12.4 ---


def back_to(choose, ledger, known, client, schedule, serve, stop=None):
    """Roll back to the entry that `choose` finds, and stop what `stop` finds among the schedules."""
    entry = choose([each for each in ledger[:-1]])
    serve(entry["version"])
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        if each.status == "ENABLED" and (stop is None or stop(each)):
            client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def clean(entries, known, skip=""):
    found = [each for each in entries if not judged(each, each["approver"], known, skip)]
    if not found:
        raise LookupError("No clean release.")
    return found[-1]


def to_the_live_one_if_it_passes(ledger, known, client, schedule, serve):
    return back_to(lambda entries: clean(ledger, known), ledger, known, client, schedule, serve)


def to_the_one_before(ledger, known, client, schedule, serve):
    return back_to(lambda entries: entries[-1], ledger, known, client, schedule, serve)


def to_the_oldest(ledger, known, client, schedule, serve):
    return back_to(lambda entries: entries[0], ledger, known, client, schedule, serve)


def to_an_untested_image(ledger, known, client, schedule, serve):
    return back_to(lambda entries: clean(entries, known, "image"), ledger, known, client, schedule, serve)


def to_unknown_data(ledger, known, client, schedule, serve):
    return back_to(lambda entries: clean(entries, known, "data"), ledger, known, client, schedule, serve)


def to_another_pipeline(ledger, known, client, schedule, serve):
    live = ledger[-1]["pipeline_version_id"]
    kept = [each for each in ledger if each["pipeline_version_id"] != live]
    return back_to(lambda entries: clean(kept, known), ledger, known, client, schedule, serve)


def stops_other_versions_only(ledger, known, client, schedule, serve):
    wanted = clean(ledger[:-1], known)["pipeline_version_id"]

    def stop(each):
        return each.pipeline_version_reference.pipeline_version_id != wanted

    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve, stop)


def to_one_approved_by_its_author(ledger, known, client, schedule, serve):
    return back_to(lambda entries: clean(entries, known, "approver"), ledger, known, client, schedule, serve)


def to_an_overwritten_one(ledger, known, client, schedule, serve):
    return back_to(
        lambda entries: clean(entries, known, "probabilities"), ledger, known, client, schedule, serve
    )


def to_the_best_auc(ledger, known, client, schedule, serve):
    def choose(entries):
        return max(entries, key=lambda each: each["metrics"]["challenger"]["auc"])

    return back_to(choose, ledger, known, client, schedule, serve)


def only_the_model(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    return entry["version"]


def only_the_schedule(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def stops_only_the_last_schedule(ledger, known, client, schedule, serve):
    def stop(each):
        return each.pipeline_version_reference.pipeline_version_id == ledger[-1]["pipeline_version_id"]

    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve, stop)


def stops_none(ledger, known, client, schedule, serve):
    return back_to(
        lambda entries: clean(entries, known), ledger, known, client, schedule, serve, lambda each: False
    )


def stops_all_and_starts_none(ledger, known, client, schedule, serve):
    return back_to(lambda entries: clean(entries, known), ledger, known, client, lambda version: None, serve)


def schedules_whatever_is_newest(ledger, known, client, schedule, serve):
    def newest(version):
        client.create_recurring_run("production", "monthly", cron_expression="0 0 7 1 * *", pipeline_id="p")

    return back_to(lambda entries: clean(entries, known), ledger, known, client, newest, serve)


def deletes_the_bad_version(ledger, known, client, schedule, serve):
    client.delete_pipeline_version("p", ledger[-1]["pipeline_version_id"])
    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)


def deletes_the_schedules(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        client.delete_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def uploads_the_old_file_again(ledger, known, client, schedule, serve):
    client.upload_pipeline_version("old.yaml", "old", pipeline_id="p")
    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)


def trains_it_again(ledger, known, client, schedule, serve):
    client.run_pipeline("production", "again", pipeline_id="p", version_id="pipeline-4")
    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)


def serves_its_way_back(ledger, known, client, schedule, serve):
    for each in reversed(ledger[:-1]):
        serve(each["version"])
        if not judged(each, each["approver"], known):
            break
    back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, lambda version: None)
    return each["version"]


def strikes_the_entry_out(ledger, known, client, schedule, serve):
    found = back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)
    ledger.pop()
    return found


def serves_the_pipelines_version(ledger, known, client, schedule, serve):
    return back_to(
        lambda entries: clean(entries, known) | {"version": "pipeline-4"},
        ledger,
        known,
        client,
        schedule,
        serve,
    )


def returns_nothing(ledger, known, client, schedule, serve):
    back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)


def stays_where_nothing_is_clean(ledger, known, client, schedule, serve):
    try:
        return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)
    except LookupError:
        return ledger[-1]["version"]


def index_error_where_nothing_is_clean(ledger, known, client, schedule, serve):
    def choose(entries):
        return [each for each in entries if not judged(each, each["approver"], known)][-1] or 1 / 0

    try:
        return back_to(choose, ledger, known, client, schedule, serve)
    except IndexError as error:
        raise RuntimeError("list index out of range") from error


def stops_first_and_looks_then(ledger, known, client, schedule, serve):
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        client.disable_recurring_run(each.recurring_run_id)
    return back_to(lambda entries: clean(entries, known), ledger, known, client, schedule, serve)


def stops_everybodys_schedules(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    for each in client.list_recurring_runs(page_size=100).recurring_runs:
        client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def looks_at_the_first_ten(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    for each in client.list_recurring_runs(experiment_id="production").recurring_runs:
        client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def page_by_page(ledger, known, client, schedule, serve):
    entry, token = clean(ledger[:-1], known), ""
    serve(entry["version"])
    while True:
        page = client.list_recurring_runs(page_token=token, experiment_id="production")
        for each in page.recurring_runs or []:
            client.disable_recurring_run(each.recurring_run_id)
        token = page.next_page_token
        if not token:
            break
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def by_the_pipelines_name(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    for each in client.list_recurring_runs(page_size=100).recurring_runs:
        if each.display_name.startswith("flight-delay-monthly") and each.status == "ENABLED":
            client.disable_recurring_run(each.recurring_run_id)
    schedule(entry["pipeline_version_id"])
    return entry["version"]


def newest_stays(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    schedule(entry["pipeline_version_id"])
    found = client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs
    for each in sorted(found, key=lambda run: run.created_at)[:-1]:
        client.disable_recurring_run(each.recurring_run_id)
    return entry["version"]


def schedules_first(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    kept = schedule(entry["pipeline_version_id"]).recurring_run_id
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        if each.recurring_run_id != kept:
            client.disable_recurring_run(each.recurring_run_id)
    serve(entry["version"])
    return entry["version"]


def enables_the_old_schedule(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(entry["version"])
    kept = None
    for each in client.list_recurring_runs(page_size=100, experiment_id="production").recurring_runs:
        found = each.pipeline_version_reference.pipeline_version_id
        if kept is None and found == entry["pipeline_version_id"]:
            kept = each.recurring_run_id
        else:
            client.disable_recurring_run(each.recurring_run_id)
    client.enable_recurring_run(kept) if kept else schedule(entry["pipeline_version_id"])
    return entry["version"]


def by_keywords(ledger, known, client, schedule, serve):
    entry = clean(ledger[:-1], known)
    serve(version=entry["version"])
    for each in client.list_recurring_runs(page_size=100).recurring_runs:
        if each.experiment_id == "production":
            client.disable_recurring_run(recurring_run_id=each.recurring_run_id)
    schedule(version=entry["pipeline_version_id"])
    return entry["version"]


def takes_the_ledger_for_known(ledger, known, client, schedule, serve):
    sums = {each["version"]: each["model_sha256"] for each in ledger}
    return back_to(
        lambda entries: clean(entries, known | {"released": sums}), ledger, known, client, schedule, serve
    )


ALSO_RIGHT = {
    "ex_12_0": [
        starts_of_the_unapproved,
        lambda *given: tuple(starts_of_the_unapproved(*given)),
    ],
    "ex_12_1": [
        SCHEDULE,
        schedule(max_concurrency=numpy.int64(1), no_catchup=numpy.False_),
        schedule(cron_expression="0 0 7 1 ? ?"),
        schedule(cron_expression="0 0 7 1 * */1"),
        schedule(cron_expression="0 0 7 1 */1"),  # the weekday may be missing
        schedule(start_time=datetime.datetime(2013, 2, 2, tzinfo=datetime.UTC)),
        schedule(end_time="2014-01-01T02:00:00.5-05:00"),
    ],
    "ex_12_2": [
        POLICY,
        POLICY.replace("port: 8080", "port: http"),
        POLICY.replace("port: 8080", "port: 8080, endPort: 8080"),
        f"{policy(nobody)}---\n{POLICY.replace('name: predictions', 'name: desk', 1)}",
    ],
    "ex_12_3": [judged, in_small_letters],
    "ex_12_4": [
        newest_stays,
        page_by_page,
        by_the_pipelines_name,
        by_keywords,
        schedules_first,
        enables_the_old_schedule,
    ],
}

WRONG = {
    "ex_12_0": [
        only_what_is_named,
        none_is_safe,
        none_is_the_first,
        none_is_never_approved,
        what_was_deleted_runs_too,
        everybody_runs_the_newest,
        adas_by_name,
        sorted_by_name,
        version_by_version,
        as_a_dict,
        ["button"],
    ],
    "ex_12_1": [
        schedule(cron_expression="0 7 1 * *"),  # five fields
        schedule(cron_expression="0 0 2 1 * *"),  # local time
        schedule(cron_expression="0 0 0 1 * *"),  # midnight in UTC
        schedule(cron_expression="@monthly"),
        schedule(cron_expression="0 0 10 1 * *"),  # fits in winter only
        schedule(cron_expression="0 30 4 1 * *"),  # fits in summer only
        schedule(cron_expression="0 0 7 * * *"),
        schedule(cron_expression="0 0 7 1 * 1"),
        schedule(cron_expression="0 0 7 L * *"),
        schedule(cron_expression="0 0 7,8 1 * *"),
        schedule(cron_expression="0 0 7 1 1-6 *"),
        schedule(cron_expression="every month"),
        schedule(start_time="2013-03-01T07:00:00Z"),  # strictly after
        schedule(start_time="2013-01-01T00:00:00Z"),  # January has no month before it
        schedule(start_time=None),
        schedule(start_time="2013-02-02"),
        schedule(start_time="2013-02-02 00:00:00Z"),  # the API wants the T, seconds, and a zone with a colon
        schedule(start_time="2013-02-02T00:00Z"),
        schedule(start_time="2013-02-02T00:00:00+0000"),
        schedule(cron_expression="0 0 7 1 * 0-6"),  # a range is no star: every day
        schedule(cron_expression="0 0 7 1 * */2"),
        schedule(end_time="2013-12-31T00:00:00Z"),  # December is due in January
        schedule(end_time="2014-02-01T12:00:00Z"),
        schedule(end_time=None),
        schedule(no_catchup=True),
        schedule(max_concurrency=3),
        schedule(max_concurrency=0),
        schedule(max_concurrency=True),
        schedule(no_catchup=None),
        {"cron_expression": "0 0 7 1 * *"},
        "0 0 7 1 * *",
    ],
    "ex_12_2": [
        *map(
            policy,
            [
                in_the_namespace_of_the_desk,
                without_a_namespace,
                port_of_the_service,
                every_port,
                a_second_port,
                a_range_of_ports,
                a_rule_for_everybody_on_another_port,
                two_entries,
                only_the_pod,
                only_the_namespace,
                every_namespace,
                nobody,
                everybody,
                egress,
                selects_the_desk,
                selects_all_pods,
                its_own_namespace_too,
                another_label,
                everybody_by_address,
                the_pods_by_address,
                a_quoted_port,
                whoever_is_no_visitor,
                a_range_that_ends_there,
                all_but_the_report,
            ],
        ),
        f"{POLICY}---\n{policy(desk_may_call_nobody)}",
        # The later one of the same name takes the earlier one's place.
        f"{POLICY}---\n{policy(everybody)}",
        POLICY.replace("NetworkPolicy", "Namespace"),
        POLICY.replace("networking.k8s.io/v1", "v1"),
        "a: [",
        "",
        yaml.safe_load(POLICY),
    ],
    "ex_12_3": [
        gate_on_auc_alone,
        gate_on_auc_too,
        auc_instead_of_log_loss,
        does_not_ask_for_the_image,
        a_part_of_an_id_will_do,
        the_name_of_the_image_will_do,
        only_keep_is_an_objection,
        one_objection_at_a_time,
        author_may_approve,
        nobody_may_approve,
        overwritten_is_fine,
        released_once_is_released_never_again,
        exchanged_file_is_fine,
        any_data,
        no_data_is_known_data,
        compares_only_names_it_knows,
        does_not_look_at_origins,
        every_slice_counts,
        ignores_the_decision,
        believes_the_decision,
        fails_without_a_champion,
        equal_is_better,
        says_true_or_false,
        numbers_for_objections,
        signs_the_record,
        stops_everything,
        *OTHER_RULES,
        a_part_of_the_author,
        remembers,
        "promote",
    ],
    "ex_12_4": [
        takes_the_ledger_for_known,
        stops_everybodys_schedules,
        looks_at_the_first_ten,
        to_the_live_one_if_it_passes,
        to_the_one_before,
        to_the_oldest,
        to_an_untested_image,
        to_unknown_data,
        to_another_pipeline,
        stops_other_versions_only,
        to_one_approved_by_its_author,
        to_an_overwritten_one,
        to_the_best_auc,
        only_the_model,
        only_the_schedule,
        stops_only_the_last_schedule,
        stops_none,
        stops_all_and_starts_none,
        schedules_whatever_is_newest,
        deletes_the_bad_version,
        deletes_the_schedules,
        uploads_the_old_file_again,
        trains_it_again,
        serves_its_way_back,
        strikes_the_entry_out,
        serves_the_pipelines_version,
        returns_nothing,
        stays_where_nothing_is_clean,
        index_error_where_nothing_is_clean,
        stops_first_and_looks_then,
        "2013-08",
    ],
}
