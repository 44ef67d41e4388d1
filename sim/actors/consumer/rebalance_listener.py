"""What an application is told of partitions that come and go.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerRebalanceListener.java
Fidelity: exact
"""

from collections.abc import Generator, Sequence
from typing import Any

from simpy import Event

from sim.rules.topics import TopicPartition

__all__ = ["RebalanceListener"]

Steps = Generator[Event, Any, Any]


class RebalanceListener:
    """Told, inside poll() and close(), of partitions that come and go; subclasses fill what they need.

    A method may be a generator, for instance to `yield from consumer.commit()`.
    """

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> Steps | None:
        """These partitions are about to be given up."""

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> Steps | None:
        """These partitions may belong to others already; as in Kafka the same as revoked unless filled."""
        return self.on_partitions_revoked(partitions)

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> Steps | None:
        """These partitions are owned from now on, besides those owned before."""
