"""Words of the recordings that several parts know."""

__all__ = ["BACK", "OBSERVATIONS", "STARTS"]

OBSERVATIONS = ("exited", "isr_full_seen", "state", "end")
"""What the driver saw, written among what it did."""

STARTS = ("restart", "restart_leader", "restart_follower")
"""Actions that start a process."""

BACK = (*STARTS, "sigcont", "heal", "link_up")
"""Actions that bring a broker back."""
