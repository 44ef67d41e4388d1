"""Log segments, and when the active one is closed and the next one begins.

Left out: records without a timestamp, whose segment Kafka rolls by the age of its file.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from sim.rules.batch import RecordBatch

__all__ = ["INDEX_INTERVAL_BYTES", "SEGMENT_INDEX_BYTES", "Segment", "should_roll"]

INDEX_INTERVAL_BYTES = 4_096
SEGMENT_INDEX_BYTES = 10_485_760
_LARGEST_RELATIVE_OFFSET = 2_147_483_647
_OFFSET_INDEX_ENTRY_BYTES = 8
_TIME_INDEX_ENTRY_BYTES = 12


@dataclass(slots=True)
class Segment:
    """A run of batches of one log; `positions` are their first bytes, the index counts are those of Kafka's files.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java append, truncateTo
    Fidelity: exact
    """

    base_offset: int
    index_interval_bytes: int = INDEX_INTERVAL_BYTES
    batches: list[RecordBatch] = field(default_factory=list)
    base_offsets: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    size_bytes: int = 0
    first_timestamp_ms: int | None = None
    largest_timestamp_ms: int = -1
    offset_index_entries: int = 0
    time_index_entries: int = 0
    last_indexed_timestamp_ms: int = -1
    bytes_since_index_entry: int = 0

    def append(self, batch: RecordBatch) -> None:
        """Add a batch behind the last one."""
        timestamp_ms = batch.columns.max_timestamp_ms
        size_bytes = batch.size_bytes
        if self.first_timestamp_ms is None:
            self.first_timestamp_ms = timestamp_ms
        if timestamp_ms > self.largest_timestamp_ms:
            self.largest_timestamp_ms = timestamp_ms
        if self.bytes_since_index_entry > self.index_interval_bytes:
            self._index()
        self.batches.append(batch)
        self.base_offsets.append(batch.base_offset)
        self.positions.append(self.size_bytes)
        self.size_bytes += size_bytes
        self.bytes_since_index_entry += size_bytes

    def _index(self) -> None:
        """Write the index entries of the batch that is being appended."""
        self.offset_index_entries += 1
        if self.largest_timestamp_ms > self.last_indexed_timestamp_ms:
            self.time_index_entries += 1
            self.last_indexed_timestamp_ms = self.largest_timestamp_ms
        self.bytes_since_index_entry = 0

    def index_of(self, offset: int) -> int:
        """Index of the first batch that ends at or after an offset; the number of batches when none does."""
        index = bisect_right(self.base_offsets, offset) - 1
        if index < 0:
            return 0
        return index if self.batches[index].last_offset >= offset else index + 1

    def position_of(self, index: int) -> int:
        """First byte of a batch; behind the last batch the size of the segment."""
        return self.positions[index] if index < len(self.positions) else self.size_bytes

    def batches_within(self, index: int, size_bytes: int) -> list[RecordBatch]:
        """The batches that lie whole in the `size_bytes` bytes from the batch `index` on."""
        end_position = self.position_of(index) + size_bytes
        if end_position >= self.size_bytes:
            return self.batches[index:]
        # The batch that begins last at or before the end position is cut by it, or begins exactly there.
        return self.batches[index : bisect_right(self.positions, end_position, index) - 1]

    def truncated_to(self, offset: int) -> "Segment":
        """The segment without the batches that end at or after an offset; a batch that contains it goes as a whole."""
        kept = Segment(self.base_offset, self.index_interval_bytes)
        for batch in self.batches[: self.index_of(offset)]:
            kept.append(batch)
        kept.bytes_since_index_entry = 0
        return kept


def should_roll(
    segment: Segment,
    batch: RecordBatch,
    segment_bytes: int,
    segment_ms: int,
    segment_jitter_ms: int = 0,
    segment_index_bytes: int = SEGMENT_INDEX_BYTES,
) -> bool:
    """Whether a batch must go to a new segment: no room, too late, an index full, or an offset too far.

    Time is record time: the largest timestamp of the batch less that of the segment's first batch. `segment_jitter_ms`
    is the jitter already drawn.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java shouldRoll
    Fidelity: exact
    """
    if segment.size_bytes > segment_bytes - batch.size_bytes:
        return True
    first_timestamp_ms = segment.first_timestamp_ms
    if first_timestamp_ms is not None:
        waited_ms = batch.columns.max_timestamp_ms - first_timestamp_ms
        if waited_ms > segment_ms - segment_jitter_ms:
            return True
    return (
        segment.offset_index_entries >= segment_index_bytes // _OFFSET_INDEX_ENTRY_BYTES
        or segment.time_index_entries >= segment_index_bytes // _TIME_INDEX_ENTRY_BYTES - 1
        or batch.last_offset - segment.base_offset > _LARGEST_RELATIVE_OFFSET
    )
