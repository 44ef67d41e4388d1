"""Log segments, and when the active one is closed and the next one begins.

Left out: records without a timestamp, whose segment Kafka rolls by the age of its file.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.parts import PART_COUNT, PackedParts, Part

__all__ = ["INDEX_INTERVAL_BYTES", "SEGMENT_INDEX_BYTES", "Segment", "should_roll"]

INDEX_INTERVAL_BYTES = 4_096
SEGMENT_INDEX_BYTES = 10_485_760
_LARGEST_RELATIVE_OFFSET = 2_147_483_647
_OFFSET_INDEX_ENTRY_BYTES = 8
_TIME_INDEX_ENTRY_BYTES = 12


@dataclass(slots=True, eq=False)
class Segment:
    """A run of batches of one log, with the entries of Kafka's two index files.

    One that `packs` keeps only its newest batches as they are; a batch that is read of the older ones equals the one
    that was appended, but is not the same object.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java append, truncateTo
    Fidelity: exact
    """

    base_offset: int
    index_interval_bytes: int = INDEX_INTERVAL_BYTES
    packs: bool = False
    older: PackedParts = field(default_factory=PackedParts)
    newest: Part = field(default_factory=Part)
    size_bytes: int = 0
    first_timestamp_ms: int | None = None
    largest_timestamp_ms: int = -1
    largest_timestamp_offset: int = -1
    last_modified_ms: int = -1
    bytes_since_index_entry: int = 0

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
        newest = self.newest
        newest.batches.append(batch)
        newest.base_offsets.append(batch.base_offset)
        newest.positions.append(self.size_bytes)
        self.size_bytes += size_bytes
        self.bytes_since_index_entry += size_bytes
        if self.packs and len(newest.batches) == 2 * PART_COUNT:
            self.older.add(newest.take(PART_COUNT))

    def _index(self, batch: RecordBatch) -> None:
        """Write the index entries of the batch that is being appended."""
        self.newest.index_positions.append(self.size_bytes)
        self.newest.index_offsets.append(batch.last_offset)
        self._index_time()
        self.bytes_since_index_entry = 0

    def _index_time(self) -> None:
        time_index = self.newest.time_index
        indexed_ms = time_index[-1][0] if time_index else -1
        if self.largest_timestamp_ms > indexed_ms:
            time_index.append((self.largest_timestamp_ms, self.largest_timestamp_offset))

    def become_inactive(self) -> None:
        """The next segment begins: the largest timestamp goes into the index.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java onBecomeInactiveSegment
        Fidelity: exact
        """
        self._index_time()
        while self.packs and self.newest.batches:
            self.older.add(self.newest.take(min(PART_COUNT, len(self.newest.batches))))

    @property
    def offset_index_bytes(self) -> int:
        """Size of the offset index's entries."""
        return self.offset_entry_count * _OFFSET_INDEX_ENTRY_BYTES

    @property
    def time_index_bytes(self) -> int:
        """Size of the time index's entries."""
        return self.time_entry_count * _TIME_INDEX_ENTRY_BYTES

    @property
    def offset_entry_count(self) -> int:
        """How many entries the offset index has."""
        return self.older.offset_entry_count + len(self.newest.index_offsets)

    @property
    def time_entry_count(self) -> int:
        """How many entries the time index has."""
        return self.older.time_entry_count + len(self.newest.time_index)

    @property
    def retention_timestamp_ms(self) -> int:
        """The time that retention and compaction lag count from: the largest record timestamp.

        A segment that compaction has left without records keeps the time of those that it had.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegment.java largestTimestamp
        Fidelity: approximate — the time of the file's last change is taken to be that of its newest record
        """
        return self.largest_timestamp_ms if self.largest_timestamp_ms >= 0 else self.last_modified_ms

    @property
    def count(self) -> int:
        """How many batches it has."""
        return self.older.count + len(self.newest.batches)

    @property
    def batches(self) -> list[RecordBatch]:
        """All batches."""
        return list(self.batches_from(0)) if self.older.count else self.newest.batches

    def batches_from(self, index: int) -> Iterator[RecordBatch]:
        """The batches from one on."""
        while index < self.older.count:
            number, first = divmod(index, PART_COUNT)
            yield from self.older[number].batches[first:]
            index = (number + 1) * PART_COUNT
        yield from self.newest.batches[max(0, index - self.older.count) :]

    def index_of(self, offset: int) -> int:
        """Index of the first batch that ends at or after an offset; the number of batches when none does."""
        older = self.older
        if older.count and not self._is_new(offset):
            number = max(0, bisect_right(older.base_offsets, offset) - 1)
            return number * PART_COUNT + older[number].index_of(offset)
        return older.count + self.newest.index_of(offset)

    def _is_new(self, offset: int) -> bool:
        return bool(self.newest.batches) and offset >= self.newest.base_offsets[0]

    def fetch_upper_bound_offset(self, end_position: int) -> int | None:
        """The offset in the first index entry at or behind a position, None behind the last entry.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/OffsetIndex.java fetchUpperBoundOffset
        Fidelity: exact
        """
        older = self.older
        for number in range(max(0, bisect_right(older.positions, end_position) - 1), len(older)):
            found = older[number].upper_bound_offset(end_position)
            if found is not None:
                return found
        return self.newest.upper_bound_offset(end_position)

    def batch_at(self, index: int) -> RecordBatch:
        """One batch. Raises IndexError behind the last."""
        part, index = self._part_of(index)
        return part.batches[index]

    def position_of(self, index: int) -> int:
        """First byte of a batch; behind the last batch the size of the segment."""
        index -= self.older.count
        if index < 0:
            part, index = self._part_of(index + self.older.count)
            return part.positions[index]
        positions = self.newest.positions
        return positions[index] if index < len(positions) else self.size_bytes

    def _part_of(self, index: int) -> tuple[Part, int]:
        """The part that has a batch, and its index there."""
        if index >= self.older.count:
            return self.newest, index - self.older.count
        number, index = divmod(index, PART_COUNT)
        return self.older[number], index

    def batches_within(self, index: int, size_bytes: int) -> list[RecordBatch]:
        """The batches that lie whole in the `size_bytes` bytes from the batch `index` on."""
        end_position = self.position_of(index) + size_bytes
        found: list[RecordBatch] = []
        while True:
            part, first = self._part_of(index)
            index += len(part.batches) - first
            if end_position < self.position_of(index):
                # The batch that begins last at or before the end position is cut by it, or begins exactly there.
                return found + part.batches[first : bisect_right(part.positions, end_position, first) - 1]
            found += part.batches[first:]
            if part is self.newest:
                return found

    def truncate_to(self, offset: int) -> list[RecordBatch]:
        """Remove the batches that end at or after an offset, a batch that contains it as a whole; return them."""
        self._unpack()
        newest = self.newest
        first = newest.index_of(offset)
        removed = newest.batches[first:]
        if removed:
            self.size_bytes = newest.positions[first]
            del newest.batches[first:], newest.base_offsets[first:], newest.positions[first:]
        kept = bisect_left(newest.index_offsets, offset)
        del newest.index_offsets[kept:], newest.index_positions[kept:]
        del newest.time_index[bisect_left(newest.time_index, offset, key=lambda entry: entry[1]) :]
        self.bytes_since_index_entry = 0
        if not newest.batches:
            self.first_timestamp_ms = None
        if self.largest_timestamp_offset >= offset:
            self._find_largest_timestamp()
        return removed

    def _unpack(self) -> None:
        """Keep all batches as they are again."""
        older, self.older = self.older, PackedParts()
        for number in reversed(range(len(older))):
            self.newest.put_before(older[number])

    def _find_largest_timestamp(self) -> None:
        """As Kafka, look only at the batches behind the last entry of the time index."""
        newest = self.newest
        self.largest_timestamp_ms, offset = newest.time_index[-1] if newest.time_index else (-1, self.base_offset)
        self.largest_timestamp_offset = offset
        for batch in newest.batches[newest.index_of(offset) :]:
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
        segment.offset_entry_count >= segment_index_bytes // _OFFSET_INDEX_ENTRY_BYTES
        or segment.time_entry_count >= segment_index_bytes // _TIME_INDEX_ENTRY_BYTES - 1
        or batch.last_offset - segment.base_offset > _LARGEST_RELATIVE_OFFSET
    )
