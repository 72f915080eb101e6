"""What makes the book work: it builds the notebooks, checks the answers and keeps each notebook to itself.

Importing this package is cheap; it pulls in no orchestrator and no pandas.
"""

from companion.bets import compare_bet
from companion.workspace import tool_environment, workspace

__all__ = ["compare_bet", "tool_environment", "workspace"]
