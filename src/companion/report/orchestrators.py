"""The first table: one month in every orchestrator."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from companion.report.words import listing

Row = dict[str, Any]

TOOLS = {
    "plain": "plain Python",
    "zenml": "ZenML",
    "airflow": "Airflow",
    "kubeflow": "Kubeflow (local)",
    "kind": "Kubeflow (kind)",
}
COLUMNS = ["Orchestrator", "Same as plain", "Seconds", "More than plain", "AUC", "Log loss", "Decision"]
VERDICTS = {
    "yes": "the same probability as plain Python for every flight, to six decimals: the orchestrator changed "
    "nothing in the model, so that it is equally right or equally wrong.",
    "to 0.001": "metrics that are plain Python's to 0.001, and probabilities that are not the same to six "
    "decimals: it ran in an image, with another system under it.",
    "NO": "other probabilities than plain Python, although the code is the same: that must not happen.",
}


def sameness(row: Row, plain: Row) -> str:
    """Say whether a run gave plain Python's result: ``yes``, ``to 0.001`` or ``NO``.

    On a cluster it ran in an image, with another system under it: there, metrics have to agree to 0.001.
    """
    if row["digest"] == plain["digest"]:
        return "yes"
    near = all(abs(row[name] - plain[name]) <= 1e-3 for name in ("auc", "log_loss"))
    return "to 0.001" if row["orchestrator"] == "kind" and near else "NO"


def section(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table, why a tool did not run, which ones gave plain Python's result, and what they cost."""
    plain, *others = (row | {"name": TOOLS.get(row["orchestrator"], row["orchestrator"])} for row in rows)
    ran = [row for row in others if row["status"] == "ran"]
    verdicts: dict[str, list[str]] = {word: [] for word in VERDICTS}
    for row in ran:
        verdicts[sameness(row, plain)].append(row["name"])
    ran.sort(key=lambda row: float(row["overhead_seconds"]))
    return {
        "table": pd.DataFrame([_cells(row, plain) for row in [plain, *others]], columns=COLUMNS).set_index(
            COLUMNS[0]
        ),
        # Backticks mark a command; every other part is one.
        "missing": [(row["name"], row["reason"].split("`")) for row in others if row["reason"]],
        "verdicts": [
            f"{listing(names, 'gives', 'give')} {VERDICTS[word]}" for word, names in verdicts.items() if names
        ],
        "overhead": [f"{row['overhead_seconds']:+.1f} s with {row['name']}" for row in ran],
        "plain_seconds": f"{plain['seconds']:.1f}",
    }


def _cells(row: Row, plain: Row) -> list[str]:
    if row["status"] != "ran":
        return [row["name"], "not run", *["–"] * 5]
    compared = ["–", f"{row['seconds']:.1f}", "–"]
    if row is not plain:
        compared = [sameness(row, plain), f"{row['seconds']:.1f}", f"{row['overhead_seconds']:+.1f}"]
    return [row["name"], *compared, f"{row['auc']:.3f}", f"{row['log_loss']:.3f}", row["decision"]]
