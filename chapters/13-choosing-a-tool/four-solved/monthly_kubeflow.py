from kfp import dsl

component = dsl.component(base_image="pipelines-for-humans/python:0.1.0", install_kfp_package=False)


@component
def evaluate(month: str) -> dict:
    from model_steps import evaluate

    return evaluate(month)


@component
def slice_report(evaluation: dict) -> dict:
    from model_steps import slice_report

    return slice_report(evaluation)


@component
def decide(evaluation: dict, report: dict) -> dict:
    from model_steps import decide

    return decide(evaluation, report)


@dsl.pipeline(name="monthly")
def monthly(month: str) -> None:
    evaluation = evaluate(month=month)
    report = slice_report(evaluation=evaluation.output)
    decide(evaluation=evaluation.output, report=report.output)
