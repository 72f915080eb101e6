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
        dict.fromkeys(("analysis", "report", "shop", "bank"), "own"),
        {"analysis": "managed", "report": "script", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "report": "own", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "own", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "managed"},
        {"analysis": "notebook", "shop": "managed"},
        "own",
    ],
}
