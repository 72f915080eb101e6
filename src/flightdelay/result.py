"""What a run of the pipeline gives back, whichever tool ran it."""

from dataclasses import dataclass
from pathlib import Path

from flightdelay.steps.decide import Decision
from flightdelay.steps.evaluate import Evaluation
from flightdelay.store import Store


@dataclass(frozen=True)
class RunResult:
    """The evaluation and the decision of one month, as the store keeps them."""

    evaluation: Evaluation
    decision: Decision

    @classmethod
    def of(cls, month: str, store: Path) -> "RunResult":
        """Read the result of a month back from the store (raises StoreError where there is none)."""
        run = Store(store).run(month)
        return cls(run["evaluation"], run["decision"])

    @property
    def digest(self) -> str:
        """SHA-256 of the challenger's probabilities."""
        return self.evaluation["digest"]
