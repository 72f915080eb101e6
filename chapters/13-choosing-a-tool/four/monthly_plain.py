from model_steps import decide, evaluate


def monthly(month):
    evaluation = evaluate(month)
    return decide(evaluation)
