"""The mean delay of each month of the year, by pandas and by Ray Data with two numbers of partitions.

``python -m chapter_14.group_by`` says how long each took, for `chapter_14.measure`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from flightdelay.data import load
from flightdelay.months import MONTHS


def _took(what: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    what()
    return round(time.perf_counter() - begun, 2)


def main() -> None:
    """Compute it three times, and print the seconds of each as JSON; Ray's start is not counted."""
    from chapter_14 import ray_here

    year = load("flights", MONTHS, ["month", "arr_delay"])
    ray_here.start()
    import ray

    flights = ray.data.from_pandas(year)
    flights.map_batches(
        lambda block: block, batch_format="pandas"
    ).count()  # the workers have imported pandas

    def by_ray(partitions: int) -> Callable[[], Any]:
        return lambda: flights.groupby("month", num_partitions=partitions).mean("arr_delay").to_pandas()

    unless_said = ray.data.DataContext.get_current().default_hash_shuffle_parallelism
    rows = [
        {"by": "Ray Data", "partitions": number, "seconds": _took(by_ray(number))}
        for number in (unless_said, 2)
    ]
    rows.append({"by": "pandas", "seconds": _took(lambda: year.groupby("month")["arr_delay"].mean())})
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
