"""The checks of chapter 00."""

from collections.abc import Iterable, Mapping

from companion.check.verdict import NOT_ANSWERED, Verdict, exercise, right, wrong

COLUMNS = {"seconds", "auc", "log_loss", "decision", "digest"}
CHOICES = {"notebook", "script", "managed", "own"}
# For each case: what is wrong with a choice.
HINTS = {
    "analysis": {"else": "it is done once, so nothing has to run again by itself."},
    "report": {
        "notebook": "it comes back every month; who would run the notebook then, and remember how?",
        "else": "one model, one machine, and a day's delay annoys nobody: what would a platform be for?",
    },
    "shop": {
        "notebook": "it runs every night while nobody is there to press a key.",
        "script": (
            "three models, and calls at nine that depend on them: what does a script do when a step fails at two, and "
            "who sees it?"
        ),
        "own": "nobody there has run a server: who mends the cluster when it is down at night?",
    },
    "bank": {
        "managed": "by law the data stays in the bank's own data centre.",
        "else": "60 models a month for many people, and a team that runs Kubernetes anyway: use what is there.",
    },
}
CASES = {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "own"}


@exercise
def ex_0_1(answer: list[str]) -> Verdict:
    """The columns that no tool may change."""
    if isinstance(answer, str) or not (
        isinstance(answer, Iterable) and all(isinstance(name, str) for name in answer)
    ):
        return wrong('A list of column names is asked for, such as ["auc", "seconds"].')
    unknown = sorted(set(answer) - COLUMNS)
    if unknown:
        return wrong(f"The table has no column {unknown[0]!r}; its columns are named in the question.")
    if "seconds" in answer:
        return wrong("Each tool starts, stores and waits in its own way: think again about seconds.")
    missing = sorted(COLUMNS - {"seconds"} - set(answer))
    if missing:
        return wrong(f"The same code on the same data: what could make {missing[0]} differ?")
    return right("A tool may change how long it takes, never what comes out.")


@exercise
def ex_0_2(answer: str) -> Verdict:
    """What one digest in four rows proves."""
    hints = {
        "a": "A wrong model gives the same wrong probabilities in every tool.",
        "c": "The digest is made of probabilities; time and money are not in it.",
        "d": "The digest is about this month's flights; next month's have not happened.",
    }
    letter = str(answer).strip().lower()
    if letter == "b":
        return right("It is about the tools. Whether the model is any good is what chapter 01 is about.")
    return wrong(hints.get(letter, 'One letter is asked for: "a", "b", "c" or "d".'))


@exercise
def ex_0_3(answer: Mapping[str, str]) -> Verdict:
    """Four cases, four choices."""
    if not isinstance(answer, Mapping) or set(answer) != set(CASES):
        return wrong(f"A dict with exactly these cases is asked for: {', '.join(CASES)}.")
    if all(choice is None for choice in answer.values()):
        return NOT_ANSWERED
    for case, choice in answer.items():
        if choice is None:
            return wrong(f"{case} has no choice yet.")
        if choice not in CHOICES:
            return wrong(f"{case}: {choice!r} is no choice; there are {', '.join(sorted(CHOICES))}.")
    if len(set(answer.values())) == 1:
        return wrong("One tool for everything is a habit, not a decision: read what each case has and lacks.")
    for case, choice in CASES.items():
        hints = HINTS[case]
        if answer[case] != choice:
            return wrong(f"{case}: {hints.get(answer[case]) or hints['else']}")
    return right("The least that does the job, by what the case has: data, people, number of models.")
