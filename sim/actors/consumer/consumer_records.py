"""What a consumer hands to the application: records, calls of a rebalance listener, and errors.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerRecord.java, ConsumerRebalanceListener.java
Fidelity: exact
Left out: a record's leader epoch, timestamp type and delivery count.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

from sim.actors.client.client_errors import CommitFailedError, NoOffsetForPartitionError
from sim.actors.consumer.fetch_buffer import Slice
from sim.actors.consumer.rebalance_listener import RebalanceListener
from sim.rules.storage.records import Header

__all__ = ["CommitFailedError", "ConsumerRecord", "NoOffsetForPartitionError", "RebalanceListener", "records_of"]


class ConsumerRecord(NamedTuple):
    """One record as poll() returns it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]

    @property
    def timestamp(self) -> int:
        """`timestamp_ms` under the name that Kafka's clients have for it."""
        return self.timestamp_ms


def records_of(slices: Iterable[Slice]) -> list[ConsumerRecord]:
    """The records of parts of batches, in order; keys and values are None where only sizes exist."""
    records: list[ConsumerRecord] = []
    for partition, batch, first_offset, next_offset in slices:
        columns = batch.columns
        first, end, deltas = batch.index_at(first_offset), batch.index_at(next_offset), columns.offset_deltas
        records.extend(
            map(
                ConsumerRecord._make,
                zip(
                    repeat(partition.topic, end - first),
                    repeat(partition.partition),
                    range(first_offset, next_offset)
                    if deltas is None
                    else [batch.base_offset + delta for delta in deltas[first:end]],
                    columns.timestamps_ms[first:end],
                    repeat(None) if columns.keys is None else columns.keys[first:end],
                    repeat(None) if columns.values is None else columns.values[first:end],
                    repeat(()) if columns.headers is None else columns.headers[first:end],
                    strict=False,
                ),
            )
        )
    return records
