from airflow.sdk import dag, task


@task
def evaluate(params=None):
    from model_steps import evaluate

    return evaluate(params["month"])


@task
def decide(evaluation):
    from model_steps import decide

    return decide(evaluation)


@dag(schedule=None, params={"month": "2013-09"})
def monthly():
    evaluation = evaluate()
    decide(evaluation)


monthly()
