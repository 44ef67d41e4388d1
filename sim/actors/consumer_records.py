"""What a consumer hands to the application: records, calls of a rebalance listener, and errors.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerRecord.java, ConsumerRebalanceListener.java
Fidelity: exact
Left out: a record's leader epoch, timestamp type and delivery count.
"""

from collections.abc import Generator, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from simpy import Event

from sim.actors.client_errors import CommitFailedError, NoOffsetForPartitionError
from sim.actors.fetcher import Slice
from sim.rules.records import Header
from sim.rules.topics import TopicPartition

__all__ = ["CommitFailedError", "ConsumerRecord", "NoOffsetForPartitionError", "RebalanceListener", "records_of"]

Steps = Generator[Event, Any, Any]


class ConsumerRecord(NamedTuple):
    """One record as poll() returns it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


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
        """These partitions are owned from now on."""


def records_of(slices: Iterable[Slice]) -> list[ConsumerRecord]:
    """The records of parts of batches, in order; keys and values are None where only sizes exist."""
    records: list[ConsumerRecord] = []
    for partition, batch, first_offset, next_offset in slices:
        columns = batch.columns
        first, end = first_offset - batch.base_offset, next_offset - batch.base_offset
        records.extend(
            map(
                ConsumerRecord._make,
                zip(
                    repeat(partition.topic, end - first),
                    repeat(partition.partition),
                    range(first_offset, next_offset),
                    columns.timestamps_ms[first:end],
                    repeat(None) if columns.keys is None else columns.keys[first:end],
                    repeat(None) if columns.values is None else columns.values[first:end],
                    repeat(()) if columns.headers is None else columns.headers[first:end],
                    strict=False,
                ),
            )
        )
    return records
