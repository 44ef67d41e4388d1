"""A consumer's partitions: what it owns, where it reads, what is paused.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/SubscriptionState.java
Fidelity: exact
"""

from collections.abc import Iterable

from sim.rules.topics import TopicPartition

__all__ = ["Ownership", "Subscriptions"]


class Ownership:
    """One owned partition; `position` is the next offset to hand out, None until it is known.

    `position_epoch` is the leader epoch of the last record handed out, -1 when none was; `validated_epoch` the newest
    leader epoch whose log is known to contain the position. Without a position, `needs_reset` tells that
    auto.offset.reset has to decide, not the group. `blocked_until`: a failed request is not repeated before, unless
    `blocked_epoch` is not the partition's leader epoch any more.
    """

    __slots__ = (
        "blocked_epoch",
        "blocked_until",
        "buffered",
        "high_watermark",
        "needs_reset",
        "paused",
        "position",
        "position_epoch",
        "validated_epoch",
    )

    def __init__(self) -> None:
        self.position: int | None = None
        self.position_epoch = self.validated_epoch = -1
        self.needs_reset = self.paused = self.buffered = False
        self.high_watermark = -1
        self.blocked_until = 0
        self.blocked_epoch = -1

    def seek(self, offset: int) -> None:
        """Read on from here; the log is not asked whether it is the one read before."""
        self.position = offset
        self.position_epoch = -1
        self.needs_reset = False
        self.blocked_until = 0

    def block(self, until: int, leader_epoch: int) -> None:
        """Leave the partition alone for a while, or until it has another leader epoch."""
        self.blocked_until, self.blocked_epoch = until, leader_epoch

    def is_blocked(self, now: int, leader_epoch: int) -> bool:
        """Whether a failed request is not to be repeated yet."""
        return now < self.blocked_until and leader_epoch == self.blocked_epoch


class Subscriptions:
    """Topics subscribed to and partitions owned, in a fixed order.

    `version` counts changes of the owned partitions; while `revoking` none of them is fetched or handed out.
    """

    def __init__(self) -> None:
        self.topics: tuple[str, ...] = ()
        self.owned: dict[TopicPartition, Ownership] = {}
        self.version = 0
        self.revoking = False

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Own exactly these; kept ones keep their position."""
        self.owned = {name: self.owned.get(name) or Ownership() for name in sorted(partitions)}
        self.version += 1
        self.revoking = False

    def without_position(self) -> list[tuple[TopicPartition, Ownership]]:
        """Owned partitions whose position is not known."""
        return [(name, ownership) for name, ownership in self.owned.items() if ownership.position is None]

    def positions(self) -> dict[TopicPartition, int]:
        """The known positions, which is what a commit without arguments commits."""
        return {name: own.position for name, own in self.owned.items() if own.position is not None}
