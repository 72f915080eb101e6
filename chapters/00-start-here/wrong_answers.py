"""Plausible wrong answers to the exercises of chapter 00."""

from types import MappingProxyType

import numpy as np

WRONG = {
    "ex_0_1": [
        ["seconds", "auc", "log_loss", "decision", "digest"],
        ["digest"],
        ["auc", "log_loss"],
        ["auc", "log_loss", "decision", "digest", "overhead"],
        "digest",
        [],
        3,
    ],
    "ex_0_2": ["a", "c", "d", "e", 2],
    "ex_0_3": [
        dict.fromkeys(("analysis", "report", "shop", "bank"), "own"),
        {"analysis": "managed", "report": "script", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "report": "own", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "own", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "managed"},
        {"analysis": "notebook", "report": "notebook", "shop": "managed", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "script", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "notebook", "bank": "own"},
        {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "script"},
        {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "kubernetes"},
        {"analysis": "notebook", "report": None, "shop": None, "bank": None},
        {"analysis": "notebook", "shop": "managed"},
        "own",
    ],
}

ALSO_RIGHT = {
    "ex_0_1": [
        ("digest", "decision", "log_loss", "auc"),
        {"auc", "log_loss", "decision", "digest"},
        np.array(["auc", "log_loss", "decision", "digest"]),
    ],
    "ex_0_2": ["B", " b ", np.str_("b")],
    "ex_0_3": [
        {"bank": "own", "shop": "managed", "report": "script", "analysis": "notebook"},
        MappingProxyType({"analysis": "notebook", "report": "script", "shop": "managed", "bank": "own"}),
        dict(
            zip(("analysis", "report", "shop", "bank"), ("notebook", "script", "managed", "own"), strict=True)
        ),
    ],
}
