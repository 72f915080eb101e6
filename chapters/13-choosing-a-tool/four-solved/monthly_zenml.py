from typing import Annotated, Any

from model_steps import decide, evaluate, slice_report
from zenml import pipeline, step


@step
def evaluate_step(month: str) -> Annotated[dict[str, Any], "evaluation"]:
    return evaluate(month)


@step
def report_step(evaluation: dict[str, Any]) -> Annotated[dict[str, Any], "report"]:
    return slice_report(evaluation)


@step
def decide_step(evaluation: dict[str, Any], report: dict[str, Any]) -> Annotated[dict[str, Any], "decision"]:
    return decide(evaluation, report)


@pipeline
def monthly(month: str) -> None:
    evaluation = evaluate_step(month)
    decide_step(evaluation, report_step(evaluation))
