from model_steps import decide, evaluate, slice_report


def monthly(month):
    evaluation = evaluate(month)
    return decide(evaluation, slice_report(evaluation))
