"""What makes the book work: it builds the notebooks, checks the answers and keeps each notebook to itself.

Importing this package is cheap; it pulls in no orchestrator and no pandas.
"""

from companion.bets import compare_bet
from companion.environment import tool_environment
from companion.workspace import copy_manifests, workspace

__all__ = ["compare_bet", "copy_manifests", "tool_environment", "workspace"]
