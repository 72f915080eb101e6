"""A step whose outputs a person looks at: numbers, a table and a text (the fourth notebook)."""

from kfp.dsl import ClassificationMetrics, Dataset, Input, Markdown, Metrics, Model, Output

from chapter_07.built import component


@component
def judge(
    features: Input[Dataset],
    challenger: Input[Model],
    month: str,
    numbers: Output[Metrics],
    table: Output[ClassificationMetrics],
    card: Output[Markdown],
) -> None:
    """Measure a model on its month, and say what it thought of flight UA 1037."""
    from pathlib import Path

    import pandas as pd
    from sklearn.metrics import confusion_matrix

    from flightdelay.steps.evaluate import OFFER_FROM, measure, month_rows, predict
    from flightdelay.store import load_model

    flights = month_rows(pd.read_parquet(features.path), month)
    flights["p"] = predict(load_model(Path(challenger.path).read_bytes()), flights)
    for name, value in measure(flights["late"], flights["p"].to_numpy()).items():
        numbers.log_metric(name, round(value, 3))
    counted = confusion_matrix(flights["late"], flights["p"] >= OFFER_FROM)
    table.log_confusion_matrix(["on time", "late"], counted.tolist())
    ours = flights[(flights["carrier"] == "UA") & (flights["flight"] == 1037)]
    [p] = ours.loc[ours["time_hour"] == "2013-09-12 23:00Z", "p"]
    Path(card.path).write_text(f"UA 1037, 12 September: **{p:.0%}** to be late")
