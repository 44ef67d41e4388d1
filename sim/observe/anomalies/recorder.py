"""Collects the history during a flight: only what clients announce of themselves, never a log or a broker."""

from sim.machine.facts import Facts
from sim.observe.anomalies.history import History
from sim.observe.anomalies.retelling import Retelling

__all__ = ["Recorder"]


class Recorder:
    """Keeps the facts of clients as they come; what they mean together is worked out after the flight."""

    def __init__(self, facts: Facts) -> None:
        self._heard: list[tuple[int, object]] = []
        for kind in Retelling().tell:
            facts.listen(kind, self._on)

    def _on(self, time: int, fact: object) -> None:
        self._heard.append((time, fact))

    def history(self) -> History:
        """The history so far; what has no outcome yet is INFO."""
        return Retelling().of(self._heard)
