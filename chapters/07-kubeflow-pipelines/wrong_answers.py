"""Plausible wrong answers to the exercises of chapter 07."""

import re
from typing import NamedTuple

from kfp import dsl, kubernetes
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from chapter_07.flight_list import list_flights
from flightdelay.pipelines import with_kubeflow as book

component = dsl.component(base_image=book.IMAGE, install_kfp_package=False)
DATA_OF_IMAGE = "/app/data"

# --- 7.1: find a step in the IR ---


def _container(ir, task):
    label = ir["components"][ir["root"]["dag"]["tasks"][task]["componentRef"]["name"]]["executorLabel"]
    return ir["deploymentSpec"]["executors"][label]["container"]


def _artifacts(ir, task):
    taken = ir["root"]["dag"]["tasks"][task].get("inputs", {}).get("artifacts", {})
    return {name: source["taskOutputArtifact"]["producerTask"] for name, source in taken.items()}


def _right(ir, task):
    container = _container(ir, task)
    return {
        "image": container["image"],
        "function": container["args"][-1],
        "artifacts": _artifacts(ir, task),
        "memory": container.get("resources", {}).get("resourceMemoryLimit"),
    }


def guesses_the_executor(ir, task):
    container = ir["deploymentSpec"]["executors"][f"exec-{task}"]["container"]
    return {**_right(ir, task), "image": container["image"], "function": container["args"][-1]}


def guesses_the_component(ir, task):
    label = ir["components"][f"comp-{task}"]["executorLabel"]
    return {**_right(ir, task), "image": ir["deploymentSpec"]["executors"][label]["container"]["image"]}


def takes_the_tasks_name_for_the_function(ir, task):
    return {**_right(ir, task), "function": task}


def takes_the_display_name_for_the_function(ir, task):
    return {**_right(ir, task), "function": ir["root"]["dag"]["tasks"][task]["taskInfo"]["name"]}


def takes_the_option_for_the_function(ir, task):
    return {**_right(ir, task), "function": _container(ir, task)["args"][2]}


def takes_any_image(ir, task):
    return {**_right(ir, task), "image": book.IMAGE}


def expects_resources(ir, task):
    return {**_right(ir, task), "memory": _container(ir, task)["resources"]["resourceMemoryLimit"]}


def takes_the_request(ir, task):
    memory = _container(ir, task).get("resources", {}).get("resourceMemoryRequest")
    return {**_right(ir, task), "memory": memory}


def takes_the_number(ir, task):
    return {**_right(ir, task), "memory": _container(ir, task).get("resources", {}).get("memoryLimit")}


def expects_inputs(ir, task):
    taken = ir["root"]["dag"]["tasks"][task]["inputs"]["artifacts"]
    made = {name: source["taskOutputArtifact"]["producerTask"] for name, source in taken.items()}
    return {**_right(ir, task), "artifacts": made}


def expects_some_input(ir, task):
    taken = ir["root"]["dag"]["tasks"][task]["inputs"].get("artifacts", {})
    made = {name: source["taskOutputArtifact"]["producerTask"] for name, source in taken.items()}
    return {**_right(ir, task), "artifacts": made}


def takes_the_last_def(ir, task):
    return {**_right(ir, task), "function": re.findall(r"def (\w+)", _container(ir, task)["command"][-1])[-1]}


def remembers_artifacts(ir, task, found={}):  # noqa: B006
    found.update(_artifacts(ir, task))
    return {**_right(ir, task), "artifacts": found}


def takes_what_it_waits_for(ir, task):
    return {**_right(ir, task), "artifacts": ir["root"]["dag"]["tasks"][task].get("dependentTasks", [])}


def takes_the_sources_as_they_stand(ir, task):
    taken = ir["root"]["dag"]["tasks"][task].get("inputs", {}).get("artifacts", {})
    return {**_right(ir, task), "artifacts": taken}


def takes_parameters_too(ir, task):
    inputs = ir["root"]["dag"]["tasks"][task].get("inputs", {})
    return {**_right(ir, task), "artifacts": {**_artifacts(ir, task), **inputs.get("parameters", {})}}


def takes_the_names_of_outputs(ir, task):
    taken = ir["root"]["dag"]["tasks"][task].get("inputs", {}).get("artifacts", {})
    made = {name: source["taskOutputArtifact"]["outputArtifactKey"] for name, source in taken.items()}
    return {**_right(ir, task), "artifacts": made}


def keys_by_output(ir, task):
    taken = ir["root"]["dag"]["tasks"][task].get("inputs", {}).get("artifacts", {})
    made = [source["taskOutputArtifact"] for source in taken.values()]
    return {
        **_right(ir, task),
        "artifacts": {each["outputArtifactKey"]: each["producerTask"] for each in made},
    }


def looks_in_the_components(ir, task):
    return {**_right(ir, task), "image": ir["components"][task]}


def forgets_a_key(ir, task):
    return {"image": _right(ir, task)["image"]}


def returns_nothing(ir, task):
    _right(ir, task)


def changes_the_file(ir, task):
    _container(ir, task).setdefault("resources", {})
    return _right(ir, task)


# --- 7.2: a branch and a loop in the graph ---


@component
def late_share(month: str, airport: str) -> float:
    late = {"2013-09": {"EWR": 0.124, "LGA": 0.137, "JFK": 0.136}, "2013-10": {"EWR": 0.189, "LGA": 0.177}}
    return late[month][airport]


@component
def highest(shares: list) -> float:
    return max(shares)


@component
def lowest(shares: list) -> float:
    return min(shares)


@component
def last(shares: list) -> float:
    return shares[-1]


@component
def mean(shares: list) -> float:
    return sum(shares) / len(shares)


@component
def warn(share: float) -> str:
    return f"WARN: {share:.1%} late"


@component
def calm(share: float) -> str:
    return f"calm: {share:.1%} late"


@component
def needs_numpy(shares: list) -> float:
    return float(numpy.max(shares))  # noqa: F821


def _shares(month, airports):
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    return dsl.Collected(share.output)


def _branches(top, limit):
    with dsl.If(top.output > limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)


def pythons_if(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    if top.output > limit:
        return warn(share=top.output).output
    return calm(share=top.output).output


def pythons_for(month: str, airports: list, limit: float) -> str:
    shares = [late_share(month=month, airport=airport).output for airport in airports]
    return _branches(highest(shares=shares), limit)


def pythons_max(month: str, airports: list, limit: float) -> str:
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    top = max(share.output)
    return warn(share=top).output


def airports_known_beforehand(month: str, airports: list, limit: float) -> str:
    return _branches(highest(shares=_shares(month, ["EWR", "JFK", "LGA"])), limit)


def drawn_for_each_airport(month: str, airports: list, limit: float) -> str:
    shares = [late_share(month=month, airport=airport).output for airport in ("EWR", "LGA")]
    return _branches(highest(shares=shares), limit)


def not_collected(month: str, airports: list, limit: float) -> str:
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    return _branches(highest(shares=share.output), limit)


def a_list_of_one(month: str, airports: list, limit: float) -> str:
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    return _branches(highest(shares=[share.output]), limit)


def returns_from_a_branch(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output > limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calm(share=top.output)
    return warned.output


def one_of_one(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output > limit):
        warned = warn(share=top.output)
    return dsl.OneOf(warned.output)


def no_return(month: str, airports: list, limit: float):
    _branches(highest(shares=_shares(month, airports)), limit)


def the_wrong_way_round(month: str, airports: list, limit: float) -> str:
    return _branches(highest(shares=_shares(month, airports)), limit=0.0)


def smaller(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output < limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)


def at_the_limit_too(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output >= limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)


def calm_first(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output <= limit):
        calmed = calm(share=top.output)
    with dsl.Else():
        warned = warn(share=top.output)
    return dsl.OneOf(calmed.output, warned.output)


def three_ways(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output > limit):
        warned = warn(share=top.output)
    with dsl.Elif(top.output == limit):
        just = calm(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, just.output, calmed.output)


def the_lowest(month: str, airports: list, limit: float) -> str:
    return _branches(lowest(shares=_shares(month, airports)), limit)


def the_last(month: str, airports: list, limit: float) -> str:
    return _branches(last(shares=_shares(month, airports)), limit)


def judges_by_the_mean(month: str, airports: list, limit: float) -> str:
    with dsl.ParallelFor(airports) as airport:
        share = late_share(month=month, airport=airport)
    top = highest(shares=dsl.Collected(share.output))
    with dsl.If(mean(shares=dsl.Collected(share.output)).output > limit):
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)


def always_september(month: str, airports: list, limit: float) -> str:
    return _branches(highest(shares=_shares("2013-09", airports)), limit)


def calms_in_any_case(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    calm(share=top.output)
    return _branches(top, limit)


def warns_twice(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    with dsl.If(top.output > limit):
        warn(share=limit)
        warned = warn(share=top.output)
    with dsl.Else():
        calmed = calm(share=top.output)
    return dsl.OneOf(warned.output, calmed.output)


def counts_twice(month: str, airports: list, limit: float) -> str:
    _shares(month, airports)
    return _branches(highest(shares=_shares(month, airports)), limit)


def compiles_and_does_not_run(month: str, airports: list, limit: float) -> str:
    return _branches(needs_numpy(shares=_shares(month, airports)), limit)


def calls_by_position(month: str, airports: list, limit: float) -> str:
    return _branches(highest(_shares(month, airports)), limit)


def task_for_output(month: str, airports: list, limit: float) -> str:
    top = highest(shares=_shares(month, airports))
    return warn(share=top).output


def draws_nothing(month: str, airports: list, limit: float) -> str:
    return "WARN"


# --- 7.3: settings ---


def settings(
    ingest,
    train,
    decide,
    *,
    retries=3,
    duration="30s",
    factor=2,
    longest=None,
    request="512Mi",
    limit="2Gi",
    secret="weather",
    pairs=(("token", "WEATHER_TOKEN"),),
):
    ingest.set_retry(retries, backoff_duration=duration, backoff_factor=factor, backoff_max_duration=longest)
    kubernetes.use_secret_as_env(ingest, secret_name=secret, secret_key_to_env=dict(pairs))
    train.set_memory_request(request).set_memory_limit(limit)
    decide.set_caching_options(False)


def _but(**changed):
    def answer(ingest, train, decide):
        settings(ingest, train, decide, **changed)

    return answer


def no_cache_at_all(ingest, train, decide):
    settings(ingest, train, decide)
    for task in (ingest, train):
        task.set_caching_options(False)


def keeps_the_cache(ingest, train, decide):
    settings(ingest, train, decide)
    decide.set_caching_options(True)


def retries_everything(ingest, train, decide):
    settings(ingest, train, decide)
    train.set_retry(3, backoff_duration="30s", backoff_factor=2)


def retries_at_once(ingest, train, decide):
    settings(ingest, train, decide)
    ingest.set_retry(3)


def retries_nothing(ingest, train, decide):
    train.set_memory_request("512Mi").set_memory_limit("2Gi")


def puts_the_token_into_the_file(ingest, train, decide):
    settings(ingest, train, decide)
    ingest.set_env_variable("WEATHER_TOKEN", "s3cret")


def gives_everyone_the_secret(ingest, train, decide):
    settings(ingest, train, decide)
    kubernetes.use_secret_as_env(train, "weather", {"token": "WEATHER_TOKEN"})


def gives_it_twice(ingest, train, decide):
    settings(ingest, train, decide)
    kubernetes.use_secret_as_env(ingest, "other", {"token": "WEATHER_TOKEN"})


def mounts_the_secret(ingest, train, decide):
    ingest.set_retry(3, backoff_duration="30s", backoff_factor=2)
    train.set_memory_request("512Mi").set_memory_limit("2Gi")
    kubernetes.use_secret_as_volume(ingest, secret_name="weather", mount_path="/secret")


def limits_only(ingest, train, decide):
    ingest.set_retry(3, backoff_duration="30s", backoff_factor=2)
    train.set_memory_limit("2Gi")


def memory_for_the_wrong_one(ingest, train, decide):
    ingest.set_retry(3, backoff_duration="30s", backoff_factor=2)
    ingest.set_memory_request("512Mi").set_memory_limit("2Gi")


def memory_for_all(ingest, train, decide):
    settings(ingest, train, decide)
    decide.set_memory_limit("2Gi")


def in_airflows_words(ingest, train, decide):
    ingest.retries = 3
    ingest.set_retries(3)


def in_words(ingest, train, decide):
    train.set_memory_limit("2 gigabytes")


# --- 7.4 and 7.5: a step of one's own, and where it stands ---


def pipeline(
    step, *, condition=lambda decision: decision.output == "promote", given=None, cached=False, written=()
):
    """Draw the book's pipeline with `step` in it, under a condition; `written` names values that stand fixed."""

    @dsl.pipeline(name="with-list")
    def with_list(month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0):
        raw = book.ingest(
            month=month,
            window=0 if "window of ingest" in written else window,
            sample=0 if "sample" in written else sample,
            data=DATA_OF_IMAGE if "data" in written else data,
        )
        valid = book.validate(
            raw=raw.output, month=month, window=0 if "window of validate" in written else window
        )
        features = book.featurize(valid=valid.output).output
        challenger = book.train(features=features, month=month).output
        evaluation = book.evaluate(features=features, challenger=challenger, month=month)
        decision = book.decide(
            features=features, challenger=challenger, evaluation=evaluation.output, store=store
        ).set_caching_options(cached)
        inputs = {"features": features, "challenger": challenger, "month": month, "threshold": threshold}
        if given:
            inputs = given({**inputs, "store": store, "valid": valid.output, "decision": decision.output})
        asked = condition(decision)
        if asked is None:
            step(**inputs)
        else:
            with dsl.If(asked):
                step(**inputs)

    return with_list


IN_TWO_PARTS = "inputs.parameter_values['pipelinechannel--six-decision'] == 'promote'"
CONDITION = "inputs.parameter_values['pipelinechannel--decide-Output'] == 'promote'"


def answered(drawn, executor=None, condition=CONDITION):
    """Return an answer whose executor is the right one, if none is given: that of the step which is not the book's."""
    if executor is None:
        labels = drawn.pipeline_spec.deployment_spec["executors"].keys()
        steps = ("ingest", "validate", "featurize", "train", "evaluate", "decide")
        executor = next((label for label in labels if label.removeprefix("exec-") not in steps), "none")
    return {"pipeline": drawn, "executor": executor, "condition": condition}


@component
def takes_paths(features: str, challenger: str, month: str, threshold: float, flights: Output[Dataset]):
    pass


@component
def decides_by_itself(
    features: Input[Dataset],
    challenger: Input[Model],
    month: str,
    threshold: float,
    decision: str,
    flights: Output[Dataset],
) -> None:
    if decision == "promote":
        pass


@component
def reads_the_store(
    features: Input[Dataset], month: str, threshold: float, store: str, flights: Output[Dataset]
):
    pass


@component
def takes_anything(
    features: Input[Artifact],
    challenger: Input[Artifact],
    month: str,
    threshold: float,
    flights: Output[Dataset],
):
    pass


@component
def declares_nothing(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float
) -> None:
    from pathlib import Path

    Path("flights.csv").write_text("carrier,flight,time_hour,probability\n")


@component
def returns_a_path(features: Input[Dataset], challenger: Input[Model], month: str, threshold: float) -> str:
    return "flights.csv"


@component
def writes_under_a_name_of_its_own(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    Path("flights.csv").write_text("carrier,flight,time_hour,probability\n")


@component
def leaves_a_copy(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    Path("copy.csv").write_text("carrier,flight,time_hour,probability\n")
    Path(flights.path).write_text("carrier,flight,time_hour,probability\n")


@component
def calls_the_notebook(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    probably_late(features.path, challenger.path, month, threshold).to_csv(flights.path)  # noqa: F821


@component
def forgets_an_import(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    pd.read_parquet(features.path).to_csv(flights.path, index=False)  # noqa: F821


@component
def finds_by_accident(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    Path(flights.path).write_bytes(Path("artifacts/features").read_bytes())


@component
def keeps_the_index(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.store import load_model

    table = month_rows(pd.read_parquet(features.path), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    table[table["probability"] >= threshold].to_csv(flights.path)


@component
def lists_every_month(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import predict
    from flightdelay.store import load_model

    table = pd.read_parquet(features.path)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[table["probability"] >= threshold, columns].to_csv(flights.path, index=False)


@component
def more_than_the_threshold(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.store import load_model

    table = month_rows(pd.read_parquet(features.path), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[table["probability"] > threshold, columns].to_csv(flights.path, index=False)


@component
def makes_the_features_anew(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.steps.featurize import featurize
    from flightdelay.steps.ingest import ingest
    from flightdelay.store import load_model

    table = month_rows(featurize(ingest(month)), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[table["probability"] >= threshold, columns].to_csv(flights.path, index=False)


@component
def writes_parquet(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    from pathlib import Path

    Path(flights.path).write_bytes(Path(features.path).read_bytes())


@component
def takes_the_features_twice(
    features: Input[Dataset],
    challenger: Input[Dataset],
    month: str,
    threshold: float,
    flights: Output[Dataset],
) -> None:
    pass


@component
def without_a_threshold(
    features: Input[Dataset], challenger: Input[Model], month: str, flights: Output[Dataset]
) -> None:
    pass


@component
def in_other_words(
    threshold: float,
    model: Input[Model],
    rows: Input[Dataset],
    listed: Output[Dataset],
    month: str,
    decimals: int = 12,
) -> None:
    import pathlib

    import pandas

    from flightdelay.steps import evaluate
    from flightdelay.store import load_model

    table = evaluate.month_rows(pandas.read_parquet(rows.path), month)
    said = evaluate.predict(load_model(pathlib.Path(model.path).read_bytes()), table)
    table = table.assign(probability=said.round(decimals))[said >= threshold]
    text = table[["time_hour", "flight", "carrier", "probability"]].to_csv(index=False)
    pathlib.Path(listed.path).write_text(text)


def _for_other_words(inputs):
    return {
        "rows": inputs["features"],
        "model": inputs["challenger"],
        "month": inputs["month"],
        "threshold": inputs["threshold"],
    }


class Paths(NamedTuple):
    one: str
    other: str


installs = dsl.component(base_image=book.IMAGE)(list_flights.python_func)
elsewhere = dsl.component(base_image="python:3.11", install_kfp_package=False)(list_flights.python_func)

RIGHT = pipeline(list_flights)


@dsl.pipeline(name="without-inputs")
def without_inputs(month: str, store: str, data: str, threshold: float):
    RIGHT(month=month, store=store, data=data, threshold=threshold)


@dsl.pipeline(name="nested")
def nested(month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0):
    RIGHT(month=month, store=store, data=data, threshold=threshold, window=window, sample=sample)


class Made(NamedTuple):
    features: Dataset
    challenger: Model
    decision: str


@dsl.pipeline(name="six")
def six(month: str, store: str, data: str, window: int, sample: int) -> Made:
    raw = book.ingest(month=month, window=window, sample=sample, data=data)
    valid = book.validate(raw=raw.output, month=month, window=window)
    features = book.featurize(valid=valid.output).output
    challenger = book.train(features=features, month=month).output
    evaluation = book.evaluate(features=features, challenger=challenger, month=month).output
    decision = book.decide(features=features, challenger=challenger, evaluation=evaluation, store=store)
    return Made(features, challenger, decision.set_caching_options(False).output)


@dsl.pipeline(name="listed")
def listed(features: Input[Dataset], challenger: Input[Model], month: str, threshold: float):
    list_flights(features=features, challenger=challenger, month=month, threshold=threshold)


@dsl.pipeline(name="in-two-parts")
def in_two_parts(month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0):
    made = six(month=month, store=store, data=data, window=window, sample=sample).outputs
    with dsl.If(made["decision"] == "promote"):
        listed(features=made["features"], challenger=made["challenger"], month=month, threshold=threshold)


@dsl.pipeline(name="under-two-conditions")
def under_two_conditions(
    month: str, store: str, data: str, threshold: float, window: int = 0, sample: int = 0
):
    made = six(month=month, store=store, data=data, window=window, sample=sample).outputs
    with dsl.If(threshold > 0.1), dsl.If(made["decision"] == "promote"):
        listed(features=made["features"], challenger=made["challenger"], month=month, threshold=threshold)


def _if_of_python(decision):
    return None if decision.output == "promote" else (decision.output == "keep")


def _only(*names):
    return lambda inputs: {name: inputs[name] for name in names}


WRONG = {
    "ex_7_1": [
        guesses_the_executor,
        guesses_the_component,
        takes_the_tasks_name_for_the_function,
        takes_the_display_name_for_the_function,
        takes_the_option_for_the_function,
        takes_any_image,
        expects_resources,
        takes_the_request,
        takes_the_number,
        expects_inputs,
        expects_some_input,
        takes_the_last_def,
        remembers_artifacts,
        takes_what_it_waits_for,
        takes_the_sources_as_they_stand,
        takes_parameters_too,
        takes_the_names_of_outputs,
        keys_by_output,
        looks_in_the_components,
        forgets_a_key,
        returns_nothing,
        changes_the_file,
        {"image": book.IMAGE},
    ],
    "ex_7_2": [
        pythons_if,
        pythons_for,
        pythons_max,
        airports_known_beforehand,
        drawn_for_each_airport,
        not_collected,
        a_list_of_one,
        returns_from_a_branch,
        one_of_one,
        no_return,
        the_wrong_way_round,
        smaller,
        at_the_limit_too,
        the_lowest,
        the_last,
        judges_by_the_mean,
        always_september,
        calms_in_any_case,
        warns_twice,
        counts_twice,
        compiles_and_does_not_run,
        calls_by_position,
        task_for_output,
        draws_nothing,
        "WARN: 13.7% late",
    ],
    "ex_7_3": [
        retries_nothing,
        retries_at_once,
        retries_everything,
        _but(retries=2),
        _but(factor=1),
        _but(longest="30s"),
        _but(limit="2100Mi"),
        _but(duration="30m"),
        _but(request="2Gi", limit="512Mi"),
        _but(request="512M", limit="2G"),
        _but(limit="4Gi"),
        _but(request="1Gi"),
        _but(secret="token"),
        _but(pairs=(("WEATHER_TOKEN", "token"),)),
        _but(pairs=(("token", "TOKEN"),)),
        limits_only,
        memory_for_the_wrong_one,
        memory_for_all,
        mounts_the_secret,
        puts_the_token_into_the_file,
        gives_everyone_the_secret,
        gives_it_twice,
        no_cache_at_all,
        keeps_the_cache,
        in_airflows_words,
        in_words,
        "retries=3",
    ],
    "ex_7_4": [
        takes_paths,
        reads_the_store,
        decides_by_itself,
        takes_anything,
        takes_the_features_twice,
        without_a_threshold,
        declares_nothing,
        returns_a_path,
        writes_under_a_name_of_its_own,
        leaves_a_copy,
        calls_the_notebook,
        forgets_an_import,
        finds_by_accident,
        keeps_the_index,
        lists_every_month,
        writes_parquet,
        more_than_the_threshold,
        makes_the_features_anew,
        installs,
        elsewhere,
        list_flights.python_func,
        RIGHT,
        "exec-list-flights",
    ],
    "ex_7_5": [
        answered(pipeline(list_flights, condition=_if_of_python)),
        answered(pipeline(list_flights, condition=lambda decision: None)),
        answered(pipeline(list_flights, condition=lambda decision: decision.output != "promote")),
        answered(pipeline(list_flights, condition=lambda decision: decision.output == "keep")),
        answered(
            pipeline(
                takes_paths,
                given=lambda inputs: {
                    **_only("month", "threshold")(inputs),
                    "features": "features.parquet",
                    "challenger": "model.skops",
                },
            )
        ),
        answered(pipeline(reads_the_store, given=_only("features", "month", "threshold", "store"))),
        answered(
            pipeline(
                decides_by_itself,
                condition=lambda decision: None,
                given=_only("features", "challenger", "month", "threshold", "decision"),
            )
        ),
        answered(pipeline(takes_anything)),
        answered(pipeline(declares_nothing)),
        answered(pipeline(returns_a_path)),
        answered(pipeline(writes_under_a_name_of_its_own)),
        answered(pipeline(leaves_a_copy)),
        answered(pipeline(calls_the_notebook)),
        answered(pipeline(forgets_an_import)),
        answered(pipeline(finds_by_accident)),
        answered(pipeline(keeps_the_index)),
        answered(pipeline(lists_every_month)),
        answered(pipeline(writes_parquet)),
        answered(pipeline(more_than_the_threshold)),
        answered(pipeline(makes_the_features_anew)),
        answered(under_two_conditions, executor="exec-list-flights"),
        answered(
            pipeline(
                list_flights,
                given=lambda inputs: {
                    **_only("features", "challenger", "month")(inputs),
                    "threshold": 0.2,
                },
            )
        ),
        answered(
            pipeline(
                list_flights,
                given=lambda inputs: {
                    **_only("challenger", "month", "threshold")(inputs),
                    "features": inputs["valid"],
                },
            )
        ),
        answered(pipeline(list_flights, cached=True)),
        answered(pipeline(list_flights, written=["sample"])),
        answered(pipeline(list_flights, written=["window of validate"])),
        answered(pipeline(list_flights, written=["window of ingest"])),
        answered(pipeline(list_flights, written=["data"])),
        answered(without_inputs),
        answered(pipeline(installs)),
        answered(pipeline(elsewhere)),
        answered(book.flight_delay),
        answered(RIGHT, executor="list-flights"),
        answered(RIGHT, executor="comp-list-flights"),
        answered(RIGHT, condition="decision == 'promote'"),
        answered(RIGHT, condition="condition-1"),
        answered("flight-delay-with-list.yaml", executor="exec-list-flights"),
        {"pipeline": RIGHT},
        RIGHT,
    ],
}


def in_other_units(ingest, train, decide):
    ingest.set_retry(3, backoff_duration="30s", backoff_factor=2.0, backoff_max_duration="10m")
    kubernetes.use_secret_as_env(ingest, "weather", {"token": "WEATHER_TOKEN"})
    train.set_memory_limit("2048Mi").set_memory_request("524288Ki")
    decide.set_caching_options(enable_caching=False)


def in_bytes(ingest, train, decide):
    settings(ingest, train, decide, request=str(512 * 2**20), limit=str(2 * 2**30))


def by_option(ir, task):
    drawn = ir["root"]["dag"]["tasks"][task]
    container = _container(ir, task)
    options = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    artifacts = {}
    for name, source in drawn.get("inputs", {}).get("artifacts", {}).items():
        artifacts[name] = source["taskOutputArtifact"]["producerTask"]
    return dict(
        memory=container.get("resources", {}).get("resourceMemoryLimit"),
        artifacts=artifacts,
        function=options["--function_to_execute"],
        image=container["image"],
    )


ALSO_RIGHT = {
    "ex_7_1": [_right, by_option, lambda ir, task: {**by_option(ir, task)}],
    "ex_7_2": [calm_first, three_ways],
    "ex_7_3": [in_other_units, in_bytes, _but(limit="2048Mi")],
    "ex_7_4": [list_flights, in_other_words],
    "ex_7_5": [
        answered(RIGHT),
        answered(pipeline(in_other_words, given=_for_other_words)),
        answered(RIGHT, condition=f" {CONDITION} "),
        answered(nested),
        answered(in_two_parts, "exec-list-flights", IN_TWO_PARTS),
    ],
}
