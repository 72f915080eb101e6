"""Plausible wrong answers to the exercises of chapter 00."""

WRONG = {
    "ex_0_1": [
        ["seconds", "auc", "log_loss", "decision", "digest"],
        ["digest"],
        ["auc", "log_loss"],
        ["auc", "log_loss", "decision", "digest", "overhead"],
        "digest",
        [],
    ],
    "ex_0_2": ["a", "c", "d", "e", 2],
    "ex_0_3": [
        {"analysis": "own", "shop": "own", "bank": "own"},
        {"analysis": "managed", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "shop": "own", "bank": "own"},
        {"analysis": "notebook", "shop": "managed", "bank": "managed"},
        {"analysis": "notebook", "shop": "managed"},
        "own",
    ],
}
