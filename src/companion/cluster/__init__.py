"""A Kubernetes cluster on this machine, and Kubeflow Pipelines on it: the commands ``make cluster-…``.

What a reader may want to look at or change lies in ``cluster-setup/``; what the commands make lies in
``build/cluster/``. They never touch another cluster: every command to Kubernetes goes through
`companion.cluster.shell`, which knows one kubeconfig, ``build/cluster/kubeconfig``, and refuses it when it
leads elsewhere.
"""

from companion.cluster.shell import ClusterError, require

__all__ = ["ClusterError", "require"]
