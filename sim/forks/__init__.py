"""Two runs side by side, and a run that leaves another one's way at a time."""

from sim.forks.comparing import Comparison, compare
from sim.forks.forking import fork

__all__ = ["Comparison", "compare", "fork"]
