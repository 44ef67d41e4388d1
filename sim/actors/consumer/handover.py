"""Partitions change hands inside poll(): the listener is told, then the consumer owns something else.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerRebalanceListenerInvoker.java,
    ConsumerCoordinator.java onJoinPrepare, onJoinComplete
Fidelity: exact
"""

from collections.abc import Callable, Collection, Generator, Iterable
from typing import Any

from simpy import Event

from sim.actors.consumer.subscriptions import Subscriptions
from sim.machine.actor import Actor
from sim.rules.facts.client import PartitionsTaken
from sim.rules.facts.journal import PartitionsAssigned
from sim.rules.topics import TopicPartition

__all__ = ["Handover", "Steps"]

Steps = Generator[Event, Any, Exception | None]
Partitions = tuple[TopicPartition, ...]


class Handover:
    """What a consumer does with its partitions in a rebalance. `generation` (or member epoch) is told to observers.

    Each step returns the listener's error, or None: ownership changes nevertheless, and the member raises the first
    error from poll() when all is done.
    """

    def __init__(self, owner: Actor, group_id: str, client_id: str, subscriptions: Subscriptions) -> None:
        self._owner = owner
        self._group_id = group_id
        self._client_id = client_id
        self._subscriptions = subscriptions

    def assign(self, partitions: Iterable[TopicPartition], generation: int) -> Steps:
        """Own exactly these from now on, then tell of those that were not owned before, be it none."""
        before = self._subscriptions.owned
        self._own(partitions, generation)
        added = tuple(name for name in self._subscriptions.owned if name not in before)
        return (yield from _tell(self._subscriptions.listener.on_partitions_assigned, added))

    def revoke(self, partitions: Collection[TopicPartition], generation: int) -> Steps:
        """Tell of what is about to be given up, while it is still owned, then give it up."""
        error = yield from _tell(self._subscriptions.listener.on_partitions_revoked, tuple(sorted(partitions)))
        self._drop(partitions, generation)
        return error

    def lose(self, partitions: Collection[TopicPartition], generation: int) -> Steps:
        """Tell of what may belong to others already, then do without it."""
        error = yield from _tell(self._subscriptions.listener.on_partitions_lost, tuple(sorted(partitions)))
        self._drop(partitions, generation)
        return error

    def _drop(self, partitions: Collection[TopicPartition], generation: int) -> None:
        gone = set(partitions)
        self._own((name for name in self._subscriptions.owned if name not in gone), generation)

    def _own(self, partitions: Iterable[TopicPartition], generation: int) -> None:
        before = tuple(self._subscriptions.owned)
        self._subscriptions.assign(partitions)
        after = tuple(self._subscriptions.owned)
        if before or after:
            self._owner.announce(PartitionsAssigned(self._group_id, self._client_id, generation, after))
            self._owner.announce(PartitionsTaken(self._owner.name, self._client_id, after, True))


def _tell(tell: Callable[[Partitions], Generator[Event, Any, Any] | None], partitions: Partitions) -> Steps:
    """Call a method of the listener and run what it returns, if it is a generator; returns its error."""
    try:
        steps = tell(partitions)
        if steps is not None:
            yield from steps
    except Exception as error:
        return error
    return None
