"""A consumer's partitions: what it owns, where it reads, what is paused.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/SubscriptionState.java
"""

from collections.abc import Iterable

from sim.rules.topics import TopicPartition

__all__ = ["Ownership", "Subscriptions"]


class Ownership:
    """One owned partition; `position` is the next offset to hand out, None until it is known."""

    __slots__ = ("blocked_until", "high_watermark", "paused", "position")

    def __init__(self) -> None:
        self.position: int | None = None
        self.paused = False
        self.high_watermark = -1
        self.blocked_until = 0


class Subscriptions:
    """Topics subscribed to and partitions owned, in a fixed order."""

    def __init__(self) -> None:
        self.topics: tuple[str, ...] = ()
        self.owned: dict[TopicPartition, Ownership] = {}

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Own exactly these; kept ones keep their position."""
        self.owned = {name: self.owned.get(name) or Ownership() for name in sorted(partitions)}

    def missing_positions(self) -> list[TopicPartition]:
        """Owned partitions whose position is not known yet."""
        return [name for name, ownership in self.owned.items() if ownership.position is None]

    def positions(self) -> dict[TopicPartition, int]:
        """The known positions, which is what a commit without arguments commits."""
        return {name: own.position for name, own in self.owned.items() if own.position is not None}
