"""The book's gate: what a model has to pass before it answers anybody (exercise 12.3)."""

from typing import Any


def gate(record: dict[str, Any], approver: str, known: dict[str, Any]) -> list[str]:
    """Return what speaks against releasing a model: pairs of a rule's sentence and whether it is broken."""
    now, before = record["metrics"]["challenger"], record["metrics"]["champion"]
    opponent = before or record["metrics"]["baseline"]
    origins = [each for each in record["slices"] if each["column"] == "origin" and before]
    same_file = known["released"].get(record["version"], record["model_sha256"]) == record["model_sha256"]
    data = record["data"]
    rules = [
        ("its data is not known", not data or any(known["data"].get(each) != data[each] for each in data)),
        ("its image was not tested", record["image_id"] not in known["tested"]),
        ("its log loss is not lower than the opponent's", now["log_loss"] >= opponent["log_loss"]),
        ("worse at an origin", any(each["challenger"] - each["champion"] > 0.01 for each in origins)),
        ("the pipeline's rule keeps the champion", record["decision"] != "promote"),
        ("the file is not the one that was judged", not (record["same_probabilities"] and same_file)),
        ("nobody but the author approves", not approver or approver == record["author"]),
    ]
    return [sentence for sentence, broken in rules if broken]
