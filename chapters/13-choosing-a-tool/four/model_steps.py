"""The model's code. It knows no tool."""


def evaluate(month):
    from flightdelay.steps import evaluate, featurize, ingest, train, validate

    raw = validate.validate(ingest.ingest(month, 2, 4_000), month, 2)
    features = featurize.featurize(raw)
    return dict(evaluate.evaluate(features, train.train(features, month), month))


def slice_report(evaluation):
    """Name the airport at which the model has the highest log loss."""
    airports = [each for each in evaluation["slices"] if each["column"] == "origin"]
    worst = max(airports, key=lambda each: each["log_loss"])
    return {"airport": worst["value"], "log_loss": worst["log_loss"], "flights": worst["flights"]}


def decide(evaluation, report=None):
    """Do not promote what nobody looked at, nor what is much worse at one airport."""
    if report is None:
        return {"decision": "keep", "because": "nobody looked at the airports"}
    gap = report["log_loss"] - evaluation["challenger"]["log_loss"]
    decision = "promote" if gap <= 0.05 else "keep"
    return {"decision": decision, "because": f"{report['airport']} is {gap:.2f} worse than the month"}
