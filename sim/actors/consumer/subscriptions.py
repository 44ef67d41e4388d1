"""A consumer's partitions: what it subscribes to, what it owns, where it reads, what is paused.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/SubscriptionState.java
Fidelity: exact
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from sim.actors.consumer.rebalance_listener import RebalanceListener
from sim.rules.errors import IllegalStateError
from sim.rules.topics import TopicPartition

__all__ = ["Ownership", "PreferredReplica", "Subscriptions"]


class PreferredReplica(NamedTuple):
    """From whom a leader said to read instead (KIP-392), in which leader epoch, and until when that counts."""

    broker_id: int
    leader_epoch: int
    until: int


class Ownership:
    """One owned partition; `position` is the next offset to hand out, None until it is known.

    `position_epoch` is the leader epoch of the last record handed out, -1 when none was; `validated_epoch` the newest
    leader epoch whose log is known to contain the position. Without a position, `reset` tells what has to decide
    ("earliest", "latest", ... as auto.offset.reset has it); None leaves it to the group. `blocked_until`: a failed
    request is not repeated before, unless `blocked_epoch` is not the partition's leader epoch any more. A partition
    `on_hold` is about to be revoked, or the listener has not heard of it yet: neither fetched nor handed out.
    """

    __slots__ = (
        "blocked_epoch",
        "blocked_until",
        "buffered",
        "high_watermark",
        "on_hold",
        "paused",
        "position",
        "position_epoch",
        "preferred",
        "reset",
        "validated_epoch",
    )

    def __init__(self) -> None:
        self.position: int | None = None
        self.position_epoch = self.validated_epoch = -1
        self.paused = self.buffered = self.on_hold = False
        self.reset: str | None = None
        self.high_watermark = -1
        self.blocked_until = 0
        self.blocked_epoch = -1
        self.preferred: PreferredReplica | None = None

    def seek(self, offset: int) -> None:
        """Read on from here; the log is not asked whether it is the one read before."""
        self.position = offset
        self.position_epoch = -1
        self.reset = None
        self.blocked_until = 0

    def needs(self, reset: str) -> None:
        """Forget the position: a policy decides on the next one."""
        self.position = None
        self.reset = reset

    def block(self, until: int, leader_epoch: int) -> None:
        """Leave the partition alone for a while, or until it has another leader epoch."""
        self.blocked_until, self.blocked_epoch = until, leader_epoch

    def is_blocked(self, now: int, leader_epoch: int) -> bool:
        """Whether a failed request is not to be repeated yet."""
        return now < self.blocked_until and leader_epoch == self.blocked_epoch


class Subscriptions:
    """What is subscribed to and which partitions are owned, in a fixed order.

    `topics` were named, or match the `pattern`; `managed` tells that a group hands partitions out, not assign().
    `version` counts changes of the owned partitions.
    """

    def __init__(self) -> None:
        self.topics: tuple[str, ...] = ()
        self.pattern: re.Pattern[str] | None = None
        self.managed = False
        self.listener = RebalanceListener()
        self.owned: dict[TopicPartition, Ownership] = {}
        self.version = 0

    def subscribe(self, topics: Iterable[str], pattern: re.Pattern[str] | None) -> None:
        """Let the group hand out partitions of these topics; what was assigned by hand is given up.

        Raises IllegalStateError when partitions were assigned by hand.
        """
        if self.owned and not self.managed:
            raise IllegalStateError("Subscription to topics, partitions and pattern are mutually exclusive")
        self.topics = tuple(sorted(set(topics))) if pattern is None else ()
        self.pattern, self.managed = pattern, True

    def unsubscribe(self) -> None:
        """Want nothing more."""
        self.topics, self.pattern, self.managed = (), None, False
        self.assign(())

    def match(self, names: Iterable[str], *, exclude_internal: bool = True) -> None:
        """Subscribe to the topics, of those that exist, that match the pattern."""
        if self.pattern is not None:
            wanted = (name for name in names if not (exclude_internal and name.startswith("__")))
            self.topics = tuple(sorted(filter(self.pattern.fullmatch, wanted)))

    def accepts(self, partitions: Iterable[TopicPartition]) -> bool:
        """Whether an assignment still fits what is subscribed to."""
        fits = self.topics.__contains__ if self.pattern is None else self.pattern.fullmatch
        return all(fits(partition.topic) for partition in partitions)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Own exactly these; kept ones keep their position, and stay paused."""
        self.owned = {name: self.owned.get(name) or Ownership() for name in sorted(partitions)}
        self.version += 1

    def hold(self, partitions: Iterable[TopicPartition], *, on_hold: bool = True) -> None:
        """Neither fetch nor hand out these partitions, or do so again."""
        for name in partitions:
            if name in self.owned:
                self.owned[name].on_hold = on_hold

    def without_position(self) -> list[tuple[TopicPartition, Ownership]]:
        """Owned partitions whose position is not known."""
        return [(name, ownership) for name, ownership in self.owned.items() if ownership.position is None]

    def positions(self) -> dict[TopicPartition, int]:
        """The known positions, which is what a commit without arguments commits."""
        return {name: own.position for name, own in self.owned.items() if own.position is not None}
