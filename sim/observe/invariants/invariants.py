"""All invariants of a flight, looked at after every event."""

from collections.abc import Iterable

from sim.observe.invariants.checker import Checker
from sim.observe.invariants.committed_prefix import CommittedPrefix
from sim.observe.invariants.high_watermark import MonotoneHighWatermark
from sim.observe.invariants.isr_holds_watermark import IsrHoldsWatermark
from sim.observe.invariants.leaders import LeaderInSync, OneLeaderPerEpoch
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.monotone_commits import MonotoneCommits
from sim.observe.invariants.offsets_in_order import OffsetsInOrder
from sim.observe.invariants.one_owner import OneOwner
from sim.observe.invariants.sighting import ReplicaWatch
from sim.observe.invariants.violation import InvariantViolation
from sim.world.flight import Flight

__all__ = ["Invariants"]

MOST_VIOLATIONS = 20


class Invariants:
    """Watches a flight from before its first event; the first violation of each kind on each subject is kept."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.checked_events = 0
        self._found: dict[tuple[str, str], InvariantViolation] = {}
        self._replicas = ReplicaWatch(flight)
        self._own = flight.plan.invariants
        losses = Losses()
        for kind in losses.kinds:
            flight.machine.facts.listen(kind, losses.heard)
        commits, prefix = MonotoneCommits(losses), CommittedPrefix(losses)
        self._shown: tuple[Checker, ...] = (
            MonotoneHighWatermark(),
            OneLeaderPerEpoch(),
            LeaderInSync(),
            OffsetsInOrder(),
            IsrHoldsWatermark(flight.cluster.brokers, losses),
            prefix,
            commits,
        )
        for checker in (prefix, commits, OneOwner(flight.cluster.apps, losses)):
            self._listen(checker)
        flight.watch(self._look)

    @property
    def violations(self) -> tuple[InvariantViolation, ...]:
        """What was found, in the order of time."""
        return tuple(self._found.values())

    def finish(self) -> None:
        """The flight is over: ask the scenario's own invariants for the last time."""
        self._ask(True)

    def sentences(self) -> list[str]:
        """The violations for people."""
        if not self._found:
            return [f"Invariants: none was violated in {self.checked_events:,} events."]
        return [f"Invariant violated, {found.name}: {found.sentence}." for found in self.violations]

    def as_json(self) -> dict[str, object]:
        """How many events were looked at, and every violation."""
        return {"checked_events": self.checked_events, "violations": [found.as_json() for found in self.violations]}

    def _listen(self, checker: Checker) -> None:
        for kind in checker.kinds:
            self._flight.machine.facts.listen(kind, lambda time, fact: self._note(checker.heard(time, fact)))

    def _look(self) -> None:
        """An event is over: look at the replicas that may have changed in it."""
        self.checked_events += 1
        if self._replicas.changed:
            now = self._flight.now
            for before, seen in self._replicas.changes():
                for checker in self._shown:
                    violations = checker.seen(now, before, seen)
                    if violations:
                        self._note(violations)
        if self._own:
            self._ask(False)

    def _ask(self, is_over: bool) -> None:
        for name, ask in self._own.items():
            words = ask(self._flight, is_over)
            if words is not None:
                self._note((InvariantViolation.at(self._flight.now, name, "", words),))

    def _note(self, violations: Iterable[InvariantViolation]) -> None:
        for found in violations:
            if len(self._found) < MOST_VIOLATIONS:
                self._found.setdefault((found.name, found.subject), found)
