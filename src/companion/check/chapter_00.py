"""The checks of chapter 00."""

from collections.abc import Mapping

from companion.check._verdict import Verdict, exercise, right, wrong

COLUMNS = {"seconds", "auc", "log_loss", "decision", "digest"}
CASES = {"analysis": "notebook", "report": "script", "shop": "managed", "bank": "own"}


@exercise
def ex_0_1(answer: list[str]) -> Verdict:
    """The columns that no tool may change."""
    if isinstance(answer, str) or not all(isinstance(name, str) for name in answer):
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
    if len(set(answer.values())) == 1:
        return wrong("One tool for everything is a habit, not a decision: read what each case has and lacks.")
    hints = {
        "analysis": "What is done once needs no orchestrator: nothing has to run again by itself.",
        "report": "It has to run again, but who would notice an hour's or a day's delay?",
        "shop": "Who would get up at night when the cluster is down? The cloud has a platform that others look after.",
        "bank": "The data may not leave, there are many models, and the people who run the platform are there.",
    }
    for case, choice in CASES.items():
        if answer[case] != choice:
            return wrong(f"{case}: {hints[case]}")
    return right("The least that does the job, by what the case has: data, people, number of models.")
