"""A memo on the three cases of exercise 13.4: one of many."""

MEMO = {
    "solo": {
        "tool": "plain",
        "needs": ["only Python"],
        "why": "She needs a run that somebody else can start; a script that can be run again and a timer do that.",
        "figures": [(4, "minutes a run takes", "case"), (2, "months that came late last year", "case")],
        "owner": ("the data scientist", "her deputy from controlling"),
        "first_users": (1, "the deputy, who runs a month alone"),
        "stop": {
            "measure": "months delivered after the 3rd, since January",
            "limit": 1,
            "out_of": 6,
            "by": "2027-06-30",
            "then": "she moves the steps to a managed schedule",
        },
        "alternative": {
            "tool": "managed",
            "why_not": "an account, rights and an image for 4 minutes a month",
        },
    },
    "bank": {
        "tool": "airflow",
        "needs": ["waits for other jobs", "backfill"],
        "why": "The nightly loads run there already, so models can wait for them, and a backfill is known to the team.",
        "figures": [
            (3, "hours a training takes", "case"),
            (5, "people who operate Airflow today", "case"),
            (0.5, "hours to move one model, guessed from the six steps", "estimate"),
        ],
        "owner": ("the on-call engineer of the Airflow team", "the head of that team"),
        "first_users": (2, "the modellers of card fraud"),
        "stop": {
            "measure": "hours of the Airflow team per model and month",
            "limit": 4,
            "out_of": None,
            "by": "2027-03-31",
            "then": "no further models move; Kubeflow is tried with the same six steps",
        },
        "alternative": {
            "tool": "kubeflow",
            "why_not": "it would be a second system to operate, and nobody has asked for an image per step yet",
        },
    },
    "startup": {
        "tool": "managed",
        "needs": ["operated for you", "schedule"],
        "why": "All data is in the account and nobody can be called at night, so somebody else has to operate it.",
        "figures": [(20, "minutes a training takes", "case"), (2, "people for machine learning", "case")],
        "owner": ("the senior of the two machine learning engineers", "the other one"),
        "first_users": (2, "the support desk, which gets the calls"),
        "stop": {
            "measure": "the platform's bill as a percentage of the account's",
            "limit": 20,
            "out_of": 100,
            "by": "2027-03-31",
            "then": "the steps go back to one machine with a timer",
        },
        "alternative": {
            "tool": "zenml",
            "why_not": "it keeps the records, but a schedule needs a machine of our own",
        },
    },
}
