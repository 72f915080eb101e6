"""Compare what a reader bet with what came out."""

from typing import Any

from companion import progress


def compare_bet(bet: Any, result: Any) -> None:
    """Print what was bet and what it is, in one line; for a dict, in a line for each key.

    Parameters
    ----------
    bet
        What the reader wrote: ``None``, or an ``...`` left standing, is no bet. Capital letters and spaces
        around a text do not count, nor whether several answers stand in a list or in a tuple.
    result
        What it is. For a dict, a bet is a dict with the same keys.
    """
    if isinstance(result, dict):
        bets = bet if isinstance(bet, dict) else {}
        for key, value in result.items():
            print(f"{key}: {_sentence(bets.get(key), value)}")
    else:
        print(_sentence(bet, result))


def _sentence(bet: Any, result: Any) -> str:
    if bet is None or bet is ...:
        progress.bet(None)
        return f"you placed no bet; it is {result!r}."
    won = _plain(bet) == _plain(result)
    progress.bet(bool(won))
    if won:
        return f"you bet {bet!r}, and so it is."
    return f"you bet {bet!r}; it is {result!r}."


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().casefold()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
