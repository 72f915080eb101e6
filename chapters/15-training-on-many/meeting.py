"""An all-reduce over the network: rank 0 adds up what all bring, and gives each of them the sum.

Where rank 0 is, and who one is, stands in the environment: an operator has put it there.
"""

import os
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

# So long (seconds) a rank waits for the others to come.
PATIENCE = 600
OFTEN = 0.5
# Other programs that knock at the port are turned away.
KEY = b"flights"

AllReduce = Callable[[Any], Any]


def meet(rank: int, world_size: int) -> AllReduce:
    """Find the other ranks, and return the function by which all of them sum.

    Raises
    ------
    TimeoutError
        If rank 0 is not there in time.
    """
    if world_size == 1:
        return lambda mine: mine
    port = int(os.environ["DMLC_TRACKER_PORT"])
    if rank == 0:
        with Listener(("", port), family="AF_INET", authkey=KEY) as door:
            others = dict(_welcomed(door) for _ in range(world_size - 1))
        return lambda mine: _sum(mine, others)
    zero = _find((os.environ["DMLC_TRACKER_URI"], port))
    zero.send(rank)
    return lambda mine: _brought(mine, zero)


def _welcomed(door: Listener) -> tuple[int, Connection]:
    one = door.accept()
    return one.recv(), one


def _find(zero: tuple[str, int]) -> Connection:
    """Knock at rank 0's door until it opens: no rank knows which of them starts first."""
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        try:
            return Client(zero, family="AF_INET", authkey=KEY)
        except OSError:  # no such name yet, or nobody at the port
            time.sleep(OFTEN)
    raise TimeoutError(f"rank 0 was not at {zero[0]} within {PATIENCE} seconds")


def _sum(mine: Any, others: dict[int, Connection]) -> Any:
    total = mine
    for rank in sorted(others):
        try:
            total = total + others[rank].recv()
        except (EOFError, OSError):
            raise ConnectionError(f"rank {rank} is gone") from None
    for rank, one in others.items():
        try:
            one.send(total)
        except OSError:
            raise ConnectionError(f"rank {rank} is gone") from None
    return total


def _brought(mine: Any, zero: Connection) -> Any:
    try:
        zero.send(mine)
        return zero.recv()
    except (EOFError, OSError):
        raise ConnectionError("rank 0 is gone") from None
