from typing import Annotated, Any

from model_steps import decide, evaluate
from zenml import pipeline, step


@step
def evaluate_step(month: str) -> Annotated[dict[str, Any], "evaluation"]:
    return evaluate(month)


@step
def decide_step(evaluation: dict[str, Any]) -> Annotated[dict[str, Any], "decision"]:
    return decide(evaluation)


@pipeline
def monthly(month: str) -> None:
    evaluation = evaluate_step(month)
    decide_step(evaluation)
