"""What ZenML's records say of a run, as the notebooks of this chapter show it.

`report` is the function that sitting 1 writes; `draw` draws what sitting 3 has read.
"""

from collections.abc import Iterable

import matplotlib.pyplot as plt
from zenml.client import Client
from zenml.models import PipelineRunResponse

WORDS = {"completed": "ran", "cached": "cached", "failed": "FAILED"}
# Where the six steps of the book stand in the picture.
PLACES = {
    "ingest": (0, 0),
    "validate": (1, 0),
    "featurize": (2, 0),
    "train": (3, 0.6),
    "evaluate": (4, 0.6),
    "decide": (5, 0),
}


def report(run: PipelineRunResponse) -> None:
    """Say of each step whether it ran or was taken from the cache."""
    run = Client().get_pipeline_run(run.id)
    for name, each in run.steps.items():
        print(f"{name:12} {WORDS[each.status.value]}")


def draw(arrows: Iterable[tuple[str, str, str]]) -> None:
    """Show the six steps and the arrows between them, each with its maker, its artifact and its taker."""
    _, axes = plt.subplots(figsize=(9, 2.4))
    line = {"arrowstyle": "->", "shrinkA": 26, "shrinkB": 26}
    for maker, _, taker in arrows:
        axes.annotate("", PLACES[taker], PLACES[maker], arrowprops=line)
    box = {"boxstyle": "round,pad=0.5", "fc": "#dfe8f5"}
    for name, (x, y) in PLACES.items():
        axes.text(x, y, name, ha="center", va="center", bbox=box)
    axes.set(xlim=(-0.6, 5.6), ylim=(-0.5, 1.1))
    axes.set_axis_off()
    axes.set_title("The run of September, as ZenML recorded it")
    plt.show()
