"""What must hold at every moment of a flight, whatever breaks, looked at after every event."""

from sim.observe.invariants.invariants import Invariants
from sim.observe.invariants.violation import InvariantViolation

__all__ = ["InvariantViolation", "Invariants"]
