"""Run the pipeline in plain Python: ``python -m flightdelay --help``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flightdelay.data import DATA
from flightdelay.errors import FlightDelayError
from flightdelay.pipelines.in_plain_python import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run one month and print what was found.

    Returns
    -------
    int
        0, or 1 after one sentence on what is wrong, or 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flightdelay",
        description="Run the flight-delay pipeline in plain Python for one month.",
    )
    parser.add_argument("month", help="the month to judge on, 2013-02 to 2013-12")
    parser.add_argument("--window", type=int, help="how many months before it to learn from (default: all)")
    parser.add_argument("--sample", type=int, help="learn from at most this many flights (default: all)")
    parser.add_argument(
        "--store", type=Path, default=Path("work/store"), help="model store (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="data folder (default: the repository's)")
    given = parser.parse_args(arguments)
    try:
        result = run(given.month, given.window, given.sample, store=given.store, data=given.data)
    except FlightDelayError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Stopped. The champion is unchanged unless a decision was printed; run the month again.",
            file=sys.stderr,
        )
        return 130
    evaluation, decision = result.evaluation, result.decision
    for name in ("challenger", "baseline"):
        metrics = evaluation[name]
        print(
            f"{name:10}  AUC {metrics['auc']:.3f}  log loss {metrics['log_loss']:.3f}  "
            f"cost per 1000 flights {metrics['cost_per_1000_flights']:.0f}"
        )
    print(f"decision    {decision['decision']}: {'; '.join(decision['reasons'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
