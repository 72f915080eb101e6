from airflow.sdk import dag, task


@task
def evaluate(params=None):
    from model_steps import evaluate

    return evaluate(params["month"])


@task
def slice_report(evaluation):
    from model_steps import slice_report

    return slice_report(evaluation)


@task
def decide(evaluation, report):
    from model_steps import decide

    return decide(evaluation, report)


@dag(schedule=None, params={"month": "2013-09"})
def monthly():
    evaluation = evaluate()
    decide(evaluation, slice_report(evaluation))


monthly()
