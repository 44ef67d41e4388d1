"""What every invariant is made of: it hears facts, it is shown replicas that change, it returns violations."""

from collections.abc import Sequence

from sim.observe.invariants.sighting import Sighting
from sim.observe.invariants.violation import InvariantViolation

__all__ = ["Checker", "Violations"]

Violations = Sequence[InvariantViolation]


class Checker:
    """One invariant; `kinds` are the facts that it wants to hear."""

    name = ""
    kinds: tuple[type, ...] = ()

    def heard(self, time: int, fact: object) -> Violations:  # noqa: ARG002
        """A fact is announced, in the midst of an event."""
        return ()

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:  # noqa: ARG002
        """A replica has changed in the event that is over; nothing was seen of it `before` in its first one."""
        return ()

    def violation(self, time: int, subject: object, words: str) -> InvariantViolation:
        """This invariant is violated."""
        return InvariantViolation.at(time, self.name, subject, words)
