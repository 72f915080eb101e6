"""The list of flights that are probably late, as a step (exercise 7.4, solved)."""

from kfp.dsl import Dataset, Input, Model, Output

from chapter_07.built import component


@component
def list_flights(
    features: Input[Dataset], challenger: Input[Model], month: str, threshold: float, flights: Output[Dataset]
) -> None:
    """List the month's flights whose probability is at least the threshold, as CSV."""
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.evaluate import month_rows, predict
    from flightdelay.store import load_model

    table = month_rows(pd.read_parquet(features.path), month)
    table["probability"] = predict(load_model(Path(challenger.path).read_bytes()), table)
    columns = ["carrier", "flight", "time_hour", "probability"]
    table.loc[table["probability"] >= threshold, columns].to_csv(flights.path, index=False)
