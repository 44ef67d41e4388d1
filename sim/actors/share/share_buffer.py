"""Records that a share consumer was given and has not handed out yet.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ShareCompletedFetch.java
Fidelity: exact
Left out: records that cannot be read.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sim.rules.protocol.share_group import ShareFetchData
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.records import Header
from sim.rules.topics import TopicPartition

__all__ = ["CompletedShareFetch", "ShareRecord", "ShareSlice", "share_records_of"]


class ShareRecord(NamedTuple):
    """One record as a share consumer's poll() returns it; `delivery_count` is 1 the first time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    delivery_count: int

    @property
    def timestamp(self) -> int:
        """`timestamp_ms` under the name that Kafka's clients have for it."""
        return self.timestamp_ms


class ShareSlice(NamedTuple):
    """Part of one batch: the records from `first_offset` up to, without, `next_offset`, all delivered as often."""

    partition: TopicPartition
    batch: RecordBatch
    first_offset: int
    next_offset: int
    delivery_count: int


class CompletedShareFetch:
    """One partition's records of one fetch; `gaps` are offsets that were given, but have no record to hand out."""

    __slots__ = ("gaps", "node_id", "partition", "slices")

    def __init__(self, node_id: int, partition: TopicPartition, data: ShareFetchData) -> None:
        self.node_id = node_id
        self.partition = partition
        self.slices: deque[ShareSlice] = deque()
        self.gaps: list[int] = []
        for first, last, count in data.acquired:
            at = first
            for batch in data.batches:
                end = min(batch.last_offset, last) + 1
                if not batch.is_control and batch.base_offset < last + 1 and end > at:
                    begin = max(at, batch.base_offset)
                    self.gaps.extend(range(at, begin))
                    self._add(ShareSlice(partition, batch, begin, end, count))
                    at = end
            self.gaps.extend(range(at, last + 1))

    def _add(self, piece: ShareSlice) -> None:
        """Of a batch that was compacted some offsets may have no record."""
        self.slices.append(piece)
        if piece.batch.columns.offset_deltas is not None:
            there = {record.offset for record in piece.batch.records(piece.first_offset)}
            self.gaps.extend(o for o in range(piece.first_offset, piece.next_offset) if o not in there)


def share_records_of(slices: Iterable[ShareSlice]) -> list[ShareRecord]:
    """The records of parts of batches, in order; keys and values are None where only sizes exist."""
    records = []
    for partition, batch, first_offset, next_offset, count in slices:
        for found in batch.records(first_offset):
            if found.offset >= next_offset:
                break
            offset, timestamp_ms, key, value, headers, _ = found
            records.append(ShareRecord(*partition, offset, timestamp_ms, key, value, headers, count))
    return records
