"""What a consumer hands to the application: records, calls of a rebalance listener, and errors.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerRecord.java, ConsumerRebalanceListener.java
"""

from collections.abc import Sequence
from typing import NamedTuple

from sim.actors.fetcher import Slice
from sim.rules.records import Header
from sim.rules.topics import TopicPartition

__all__ = ["CommitFailedError", "ConsumerRecord", "NoOffsetForPartitionError", "RebalanceListener", "records_of"]


class CommitFailedError(Exception):
    """The group has gone on without this member: its partitions belong to others, its work will be done again."""


class NoOffsetForPartitionError(Exception):
    """No committed offset, and auto.offset.reset is none."""


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
    """Told of partitions that come and go; subclasses fill what they need."""

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are about to be given up."""

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are owned from now on."""


def records_of(piece: Slice) -> list[ConsumerRecord]:
    """The records of a part of a batch."""
    columns, batch = piece.batch.columns, piece.batch
    first, last = piece.first_offset - batch.base_offset, piece.next_offset - batch.base_offset
    keys, values, headers = columns.keys, columns.values, columns.headers
    return [
        ConsumerRecord(
            *piece.partition,
            batch.base_offset + index,
            columns.timestamps_ms[index],
            keys[index] if keys is not None else None,
            values[index] if values is not None else None,
            headers[index] if headers is not None else (),
        )
        for index in range(first, last)
    ]
