"""Losses that the configuration allows, and that are on record: what they touch is measured from them on.

An unclean election loses whatever the new leader does not have, as the choice of the last known leader does after all
eligible ones have shut down uncleanly (KIP-966): the controller marks both as recovering. A loss of power takes from a
log what was not flushed, so that even a member of the ISR may come back with less than was committed.
"""

from sim.rules.facts.journal import LeaderElected
from sim.rules.facts.storage import UnflushedLost
from sim.rules.facts.topic import TopicDeleted
from sim.rules.topics import TopicPartition

__all__ = ["Losses"]

NEVER = -1


class Losses:
    """Keeps the record."""

    kinds = (LeaderElected, UnflushedLost, TopicDeleted)

    def __init__(self) -> None:
        self._unclean: dict[TopicPartition, int] = {}
        self._unflushed: dict[tuple[int, TopicPartition], tuple[int, int]] = {}
        self._power_cuts: dict[tuple[int, TopicPartition], int] = {}

    def heard(self, _: int, fact: LeaderElected | UnflushedLost | TopicDeleted) -> None:
        """Note a loss; a topic that is deleted takes its record along."""
        if isinstance(fact, LeaderElected):
            if fact.recovering:
                self._unclean[fact.partition] = fact.leader_epoch
        elif isinstance(fact, UnflushedLost):
            key = fact.broker_id, fact.partition
            self._power_cuts[key] = self._power_cuts.get(key, 0) + 1
            first, end = self._unflushed.get(key, (fact.to_offset, fact.from_offset))
            self._unflushed[key] = min(first, fact.to_offset), max(end, fact.from_offset)
        else:
            self._unclean = {name: epoch for name, epoch in self._unclean.items() if name.topic != fact.topic}

    def unclean_epoch(self, name: TopicPartition) -> int:
        """The leader epoch of the last election that may have lost records, -1 without one."""
        return self._unclean.get(name, NEVER)

    def power_cuts(self, broker_id: int, name: TopicPartition) -> int:
        """How often a broker has lost records of a partition with its power."""
        return self._power_cuts.get((broker_id, name), 0)

    def has_touched(self, topic: str) -> bool:
        """Whether anything of a topic may have been lost."""
        names = [*self._unclean, *(name for _, name in self._unflushed)]
        return any(name.topic == topic for name in names)

    def has_lost(self, broker_id: int, name: TopicPartition, offset: int) -> bool:
        """Whether a broker has lost its copy of an offset with its power, and may not have got it back."""
        first, end = self._unflushed.get((broker_id, name), (0, 0))
        return first <= offset < end
