"""What the notebooks of this chapter share: begin with nothing, find the Pods of a run, read what a step said."""

import json
import re
from typing import Any

from companion.cluster.shell import Shell

# A folder of runs, the same one in all notebooks.
EXPERIMENT = "flight-delay"


def clean_up(client: Any) -> None:
    """Delete the runs of the experiment; their Pods go, and the cache forgets them."""
    for experiment in client.list_experiments(page_size=100).experiments or []:
        if experiment.display_name == EXPERIMENT:
            runs = client.list_runs(experiment_id=experiment.experiment_id, page_size=100).runs
            for run in runs or []:
                client.delete_run(run.run_id)


def pods_of(run_id: str) -> list[dict[str, Any]]:
    """Return the Pods of a run, a row each, in the order of the graph's nodes."""
    label = f"pipeline/runid={run_id}"
    text = Shell().ask_kubectl("get", "pods", "-n", "kubeflow", "-l", label, "-o", "json")
    rows = [row_of(pod) for pod in json.loads(text)["items"]]
    return sorted(rows, key=lambda row: (row["node"], row["try"]))


def row_of(pod: dict[str, Any]) -> dict[str, Any]:
    """Return five things of a Pod: its name, which node of the graph it is, which try, its phase, its exit code."""
    # Such as flight-delay-x7k2p(0).root(0).train(0).executor(0): the run's name, the way to the step, the try.
    name = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
    exits = [
        container["state"]["terminated"]["exitCode"]
        for container in pod["status"].get("containerStatuses", [])
        if container["name"] == "main" and "terminated" in container["state"]
    ]
    return {
        "pod": pod["metadata"]["name"],
        "node": re.sub(r"\(\d+\)", "", name).partition(".")[2],
        "try": int(re.findall(r"\((\d+)\)", name)[-1]),
        "phase": pod["status"]["phase"],
        "exit": exits[0] if exits else None,  # None: it has not ended, or never began
    }


def log_of(pod_name: str) -> list[str]:
    """Return the log of a step, line by line."""
    return Shell().ask_kubectl("logs", "-n", "kubeflow", pod_name, "-c", "main").splitlines()
