"""Log segments, and when the active one is closed and the next one begins.

Left out: records without a timestamp, whose segment Kafka rolls by the age of its file.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from sim.rules.storage.batch import RecordBatch

__all__ = ["INDEX_INTERVAL_BYTES", "SEGMENT_INDEX_BYTES", "Segment", "should_roll"]

INDEX_INTERVAL_BYTES = 4_096
SEGMENT_INDEX_BYTES = 10_485_760
_LARGEST_RELATIVE_OFFSET = 2_147_483_647
_OFFSET_INDEX_ENTRY_BYTES = 8
_TIME_INDEX_ENTRY_BYTES = 12


@dataclass(slots=True, eq=False)
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
    largest_timestamp_offset: int = -1
    last_modified_ms: int = -1
    bytes_since_index_entry: int = 0
    time_index: list[tuple[int, int]] = field(default_factory=list)
    index_positions: list[int] = field(default_factory=list)
    index_offsets: list[int] = field(default_factory=list)

    def append(self, batch: RecordBatch) -> None:
        """Add a batch behind the last one."""
        timestamp_ms = batch.columns.max_timestamp_ms
        size_bytes = batch.size_bytes
        if self.first_timestamp_ms is None:
            self.first_timestamp_ms = timestamp_ms
        if timestamp_ms > self.largest_timestamp_ms:
            self.largest_timestamp_ms = timestamp_ms
            self.largest_timestamp_offset = batch.last_offset
        if self.bytes_since_index_entry > self.index_interval_bytes:
            self._index(batch)
        self.batches.append(batch)
        self.base_offsets.append(batch.base_offset)
        self.positions.append(self.size_bytes)
        self.size_bytes += size_bytes
        self.bytes_since_index_entry += size_bytes

    def _index(self, batch: RecordBatch) -> None:
        """Write the index entries of the batch that is being appended."""
        self.index_positions.append(self.size_bytes)
        self.index_offsets.append(batch.last_offset)
        self._index_time()
        self.bytes_since_index_entry = 0

    def _index_time(self) -> None:
        indexed_ms = self.time_index[-1][0] if self.time_index else -1
        if self.largest_timestamp_ms > indexed_ms:
            self.time_index.append((self.largest_timestamp_ms, self.largest_timestamp_offset))

    def become_inactive(self) -> None:
        """The next segment begins: the largest timestamp goes into the index.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java onBecomeInactiveSegment
        Fidelity: exact
        """
        self._index_time()

    @property
    def offset_index_bytes(self) -> int:
        """Size of the offset index's entries."""
        return len(self.index_offsets) * _OFFSET_INDEX_ENTRY_BYTES

    @property
    def time_index_bytes(self) -> int:
        """Size of the time index's entries."""
        return len(self.time_index) * _TIME_INDEX_ENTRY_BYTES

    @property
    def retention_timestamp_ms(self) -> int:
        """The time that retention and compaction lag count from: the largest record timestamp.

        A segment that compaction has left without records keeps the time of those that it had.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java largestTimestamp
        Fidelity: approximate — the time of the file's last change is taken to be that of its newest record
        """
        return self.largest_timestamp_ms if self.largest_timestamp_ms >= 0 else self.last_modified_ms

    def index_of(self, offset: int) -> int:
        """Index of the first batch that ends at or after an offset; the number of batches when none does."""
        index = bisect_right(self.base_offsets, offset) - 1
        if index < 0:
            return 0
        return index if self.batches[index].last_offset >= offset else index + 1

    def fetch_upper_bound_offset(self, end_position: int) -> int | None:
        """The offset in the first index entry at or behind a position, None behind the last entry.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/OffsetIndex.java fetchUpperBoundOffset
        Fidelity: exact
        """
        index = bisect_left(self.index_positions, end_position)
        return self.index_offsets[index] if index < len(self.index_offsets) else None

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

    def truncate_to(self, offset: int) -> list[RecordBatch]:
        """Remove the batches that end at or after an offset, a batch that contains it as a whole; return them."""
        first = self.index_of(offset)
        removed = self.batches[first:]
        if removed:
            self.size_bytes = self.positions[first]
            del self.batches[first:], self.base_offsets[first:], self.positions[first:]
        self._truncate_indexes(offset)
        self.bytes_since_index_entry = 0
        if not self.batches:
            self.first_timestamp_ms = None
        if self.largest_timestamp_offset >= offset:
            self._find_largest_timestamp()
        return removed

    def _truncate_indexes(self, offset: int) -> None:
        kept = bisect_left(self.index_offsets, offset)
        del self.index_offsets[kept:], self.index_positions[kept:]
        del self.time_index[bisect_left(self.time_index, offset, key=lambda entry: entry[1]) :]

    def _find_largest_timestamp(self) -> None:
        """As Kafka, look only at the batches behind the last entry of the time index."""
        self.largest_timestamp_ms, offset = self.time_index[-1] if self.time_index else (-1, self.base_offset)
        self.largest_timestamp_offset = offset
        for batch in self.batches[self.index_of(offset) :]:
            if batch.columns.max_timestamp_ms > self.largest_timestamp_ms:
                self.largest_timestamp_ms = batch.columns.max_timestamp_ms
                self.largest_timestamp_offset = batch.last_offset


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
        len(segment.index_offsets) >= segment_index_bytes // _OFFSET_INDEX_ENTRY_BYTES
        or len(segment.time_index) >= segment_index_bytes // _TIME_INDEX_ENTRY_BYTES - 1
        or batch.last_offset - segment.base_offset > _LARGEST_RELATIVE_OFFSET
    )
