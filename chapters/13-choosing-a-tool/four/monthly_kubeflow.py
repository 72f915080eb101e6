from kfp import dsl

component = dsl.component(base_image="pipelines-for-humans/python:0.1.0", install_kfp_package=False)


@component
def evaluate(month: str) -> dict:
    from model_steps import evaluate

    return evaluate(month)


@component
def decide(evaluation: dict) -> dict:
    from model_steps import decide

    return decide(evaluation)


@dsl.pipeline(name="monthly")
def monthly(month: str) -> None:
    evaluation = evaluate(month=month)
    decide(evaluation=evaluation.output)
