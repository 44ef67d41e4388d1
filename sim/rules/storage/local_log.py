"""The segments of one replica's log: batches placed, found, read and cut by offset.

Left out: recovery after an unclean stop.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from sim.rules.errors import OffsetOutOfRangeError
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.segments import INDEX_INTERVAL_BYTES, SEGMENT_INDEX_BYTES, Segment, should_roll
from sim.rules.storage.write_back import WriteBack

__all__ = ["LocalLog", "Read"]


class Read(NamedTuple):
    """Whole batches, and the bytes sent: a last batch cut by the limit counts with the part that fits."""

    batches: list[RecordBatch]
    size_bytes: int


class LocalLog:
    """Segments in order of their base offsets, the last of them active; a leader's rules are those of `Log`.

    `segment_jitters_ms` are random choices, one for each segment: how much earlier than `segment_ms` it is rolled. One
    that `packs` needs little memory for old batches.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java
    Fidelity: exact
    """

    __slots__ = (
        "_jitters_ms",
        "index_interval_bytes",
        "log_end_offset",
        "log_start_offset",
        "packs",
        "segment_bytes",
        "segment_index_bytes",
        "segment_jitter_ms",
        "segment_ms",
        "segments",
        "size_bytes",
        "write_back",
    )

    def __init__(
        self,
        segment_bytes: int = 1_073_741_824,
        segment_ms: int = 604_800_000,
        segment_jitters_ms: Iterator[int] | None = None,
        segment_index_bytes: int = SEGMENT_INDEX_BYTES,
        index_interval_bytes: int = INDEX_INTERVAL_BYTES,
        packs: bool = False,
    ) -> None:
        self.segment_bytes = segment_bytes
        self.segment_ms = segment_ms
        self._jitters_ms = segment_jitters_ms or repeat(0)
        self.segment_jitter_ms = next(self._jitters_ms)
        self.segment_index_bytes = segment_index_bytes
        self.index_interval_bytes = index_interval_bytes
        self.packs = packs
        self.segments = [Segment(0, index_interval_bytes, packs)]
        self.write_back = WriteBack()
        self.size_bytes = 0
        self.log_start_offset = 0
        self.log_end_offset = 0

    def segment_for(self, batch: RecordBatch) -> Segment:
        """The segment that takes a batch: the active one, or the next one when it is time to roll."""
        segment = self.segments[-1]
        if should_roll(
            segment, batch, self.segment_bytes, self.segment_ms, self.segment_jitter_ms, self.segment_index_bytes
        ):
            segment = self.roll(batch.base_offset)
        return segment

    def roll(self, base_offset: int) -> Segment:
        """Begin a new active segment; an empty one with the same base offset is replaced. The others are flushed.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java roll, UnifiedLog.java roll
        Fidelity: approximate — the flush, a task in the background, is done at once
        """
        active = self.segments[-1]
        if not active.count and active.base_offset == base_offset:
            self.segments.pop()
        active.become_inactive()
        self.write_back.flushed(base_offset)
        self.segment_jitter_ms = next(self._jitters_ms)
        self.segments.append(Segment(base_offset, self.index_interval_bytes, self.packs))
        return self.segments[-1]

    def append_to(self, segment: Segment, batch: RecordBatch) -> None:
        """Put a batch at the end of the active segment, which is the end of the log."""
        segment.append(batch)
        self.size_bytes += batch.size_bytes
        self.log_end_offset = batch.last_offset + 1

    def cut(self, offset: int) -> list[RecordBatch]:
        """Remove the batches that end at or after an offset below the log end; return them, oldest first."""
        last = self._segment_index(offset)
        gone = self.segments[last + 1 :]
        del self.segments[last + 1 :]
        removed = self.segments[last].truncate_to(offset)
        removed += [batch for segment in gone for batch in segment.batches]
        self.size_bytes -= sum(batch.size_bytes for batch in removed)
        self.log_end_offset = offset
        self.write_back.cut(offset)
        return removed

    def remove_oldest(self, count: int) -> None:
        """Remove the first segments; the log start offset must be above them already."""
        self.size_bytes -= sum(segment.size_bytes for segment in self.segments[:count])
        del self.segments[:count]

    def replace(self, old: Sequence[Segment], new: Segment) -> None:
        """Put one segment in the place of several that follow each other.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java replaceSegments
        Fidelity: exact
        """
        first = self._segment_index(old[0].base_offset)
        self.segments[first : first + len(old)] = [new]
        self.size_bytes += new.size_bytes - sum(segment.size_bytes for segment in old)

    def segments_between(self, from_offset: int, to_offset: int) -> list[Segment]:
        """The segments from the one that contains an offset up to, without, the first that begins at or after another.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogSegments.java values
        Fidelity: exact
        """
        if from_offset >= to_offset:
            return []
        first = self._segment_index(from_offset)
        return self.segments[first : bisect_left(self.segments, to_offset, key=lambda segment: segment.base_offset)]

    def clear(self, offset: int) -> list[RecordBatch]:
        """Remove everything and begin anew at an offset; return the batches that went, oldest first."""
        removed = [batch for segment in self.segments for batch in segment.batches]
        self.segments = [Segment(offset, self.index_interval_bytes, self.packs)]
        self.size_bytes = 0
        self.log_start_offset = offset
        self.log_end_offset = offset
        self.write_back.restart(offset)
        return removed

    @property
    def unflushed_messages(self) -> int:
        """Offsets that the broker itself has not flushed.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java unflushedMessages
        Fidelity: exact
        """
        return self.log_end_offset - self.write_back.recovery_point

    def flush_if_due(self, flush_messages: int, now_ms: int) -> None:
        """Note a flush once so many messages are unflushed; the time that it takes is counted with the append.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java append
        Fidelity: exact
        """
        if self.unflushed_messages >= flush_messages:
            self.write_back.flushed(self.log_end_offset, now_ms)

    def read(self, start_offset: int, max_bytes: int, upper_bound_offset: int, min_one_message: bool = True) -> Read:
        """Batches of one segment from the one that contains `start_offset`, all ending below the upper bound.

        At most `max_bytes`; with `min_one_message` the first batch comes whole even when it is larger.
        Raises OffsetOutOfRangeError below the log start or above the log end.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java read, LogSegment.java read
        Fidelity: exact
        """
        if not self.log_start_offset <= start_offset <= self.log_end_offset:
            raise OffsetOutOfRangeError(
                f"offset {start_offset} is outside of {self.log_start_offset} to {self.log_end_offset}"
            )
        segment, first = self._locate(start_offset)
        if first == segment.count:
            return Read([], 0)
        available_bytes = self._end_position(segment, upper_bound_offset) - segment.position_of(first)
        if min_one_message:
            max_bytes = max(max_bytes, segment.batch_at(first).size_bytes)
        size_bytes = max(0, min(max_bytes, available_bytes))
        return Read(segment.batches_within(first, size_bytes), size_bytes)

    def batches(self, from_offset: int = 0, to_offset: int | None = None) -> Iterator[RecordBatch]:
        """The batches that end at or after `from_offset` and begin before `to_offset`."""
        for segment in self.segments[self._segment_index(from_offset) :]:
            for batch in segment.batches_from(segment.index_of(from_offset)):
                if to_offset is not None and batch.base_offset >= to_offset:
                    return
                yield batch

    def size_bytes_between(self, from_offset: int, to_offset: int) -> int:
        """Bytes of the batches from the one that contains `from_offset` to the last that ends below `to_offset`."""
        if from_offset >= to_offset:
            return 0
        first, last = self._segment_index(from_offset), self._segment_index(to_offset)
        size_bytes = -self.segments[first].position_of(self.segments[first].index_of(from_offset))
        size_bytes += sum(segment.size_bytes for segment in self.segments[first:last])
        return max(0, size_bytes + self._end_position(self.segments[last], to_offset))

    def _end_position(self, segment: Segment, offset: int) -> int:
        """First byte in a segment of the batch that contains an offset."""
        if offset >= self.log_end_offset:
            return segment.size_bytes
        return segment.position_of(segment.index_of(offset))

    def _locate(self, offset: int) -> tuple[Segment, int]:
        """The segment and the index in it of the first batch that ends at or after an offset."""
        number = self._segment_index(offset)
        segment = self.segments[number]
        index = segment.index_of(offset)
        while index == segment.count and number + 1 < len(self.segments):
            number += 1
            segment, index = self.segments[number], 0
        return segment, index

    def _segment_index(self, offset: int) -> int:
        """Number of the last segment that begins at or before an offset; the first when none does."""
        segments = self.segments
        if offset >= segments[-1].base_offset:
            return len(segments) - 1
        return max(0, bisect_right(segments, offset, key=lambda segment: segment.base_offset) - 1)
