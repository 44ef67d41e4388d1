"""The log of one replica: segments of batches, read, appended and cut by offset.

Left out: retention, compaction, deletion of records, transactions; flushing and recovery after an unclean stop.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from sim.rules.batch import RecordBatch
from sim.rules.errors import ErrorCode, OffsetOutOfRangeError, RecordBatchTooLargeError
from sim.rules.leader_epochs import LeaderEpochCache
from sim.rules.producer_state import ProducerStates
from sim.rules.segments import INDEX_INTERVAL_BYTES, SEGMENT_INDEX_BYTES, Segment, should_roll

__all__ = ["AppendResult", "Log", "Read", "RecordTooLargeError"]


class RecordTooLargeError(RecordBatchTooLargeError):
    """A batch larger than max.message.bytes; a producer may split it and try again."""

    code = ErrorCode.MESSAGE_TOO_LARGE


class AppendResult(NamedTuple):
    """The batch as the log holds it, and whether it was there already."""

    batch: RecordBatch
    duplicate: bool


class Read(NamedTuple):
    """Whole batches, and the bytes sent: a last batch cut by the limit counts with the part that fits."""

    batches: list[RecordBatch]
    size_bytes: int


class Log:
    """The batches of one replica of one partition, from the log start offset to the log end offset.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java, LocalLog.java
    Fidelity: approximate — a follower appends batch by batch, so its segments roll where the leader's would
    """

    __slots__ = (
        "index_interval_bytes",
        "leader_epochs",
        "log_end_offset",
        "log_start_offset",
        "max_message_bytes",
        "producers",
        "segment_bytes",
        "segment_index_bytes",
        "segment_jitter_ms",
        "segment_ms",
        "segments",
        "size_bytes",
    )

    def __init__(
        self,
        segment_bytes: int = 1_073_741_824,
        segment_ms: int = 604_800_000,
        segment_jitter_ms: int = 0,
        max_message_bytes: int = 1_048_588,
        segment_index_bytes: int = SEGMENT_INDEX_BYTES,
        index_interval_bytes: int = INDEX_INTERVAL_BYTES,
    ) -> None:
        self.segment_bytes = segment_bytes
        self.segment_ms = segment_ms
        self.segment_jitter_ms = segment_jitter_ms
        self.max_message_bytes = max_message_bytes
        self.segment_index_bytes = segment_index_bytes
        self.index_interval_bytes = index_interval_bytes
        self.leader_epochs = LeaderEpochCache()
        self.producers = ProducerStates()
        self.segments = [Segment(0, index_interval_bytes)]
        self.size_bytes = 0
        self.log_start_offset = 0
        self.log_end_offset = 0

    def append_as_leader(self, batch: RecordBatch, leader_epoch: int) -> AppendResult:
        """Give a producer's batch its offsets and epoch and append it; a retry returns the batch as it was placed.

        Raises RecordTooLargeError, RecordBatchTooLargeError, OutOfOrderSequenceError, InvalidProducerEpochError.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java append
        Fidelity: exact
        """
        if batch.size_bytes > self.max_message_bytes:
            raise RecordTooLargeError(
                f"batch of {batch.size_bytes} bytes, max.message.bytes is {self.max_message_bytes}"
            )
        placed = batch.placed(self.log_end_offset, leader_epoch)
        segment = self._segment_for(placed)
        duplicate_base_offset = self.producers.check(placed)
        if duplicate_base_offset is not None:
            return AppendResult(batch.placed(duplicate_base_offset, leader_epoch), True)
        self._append(segment, placed)
        return AppendResult(placed, False)

    def append_as_follower(self, batch: RecordBatch) -> None:
        """Append a batch fetched from the leader as it is; offsets may be missing before it (compaction).

        Raises ValueError when the batch begins below the log end, RecordBatchTooLargeError.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java appendAsFollower
        Fidelity: approximate — Kafka decides about a new segment once for all batches of a fetch
        """
        if batch.base_offset < self.log_end_offset:
            raise ValueError(f"batch at offset {batch.base_offset} is below the log end offset {self.log_end_offset}")
        self._append(self._segment_for(batch), batch)

    def _segment_for(self, batch: RecordBatch) -> Segment:
        """The segment that takes a batch, rolled when due; as in Kafka this happens before the producer is checked."""
        self.leader_epochs.assign(batch.leader_epoch, batch.base_offset)
        if batch.size_bytes > self.segment_bytes:
            raise RecordBatchTooLargeError(f"batch of {batch.size_bytes} bytes, segment.bytes is {self.segment_bytes}")
        segment = self.segments[-1]
        if should_roll(
            segment, batch, self.segment_bytes, self.segment_ms, self.segment_jitter_ms, self.segment_index_bytes
        ):
            if not segment.batches and segment.base_offset == batch.base_offset:
                self.segments.pop()
            segment = Segment(batch.base_offset, self.index_interval_bytes)
            self.segments.append(segment)
        return segment

    def _append(self, segment: Segment, batch: RecordBatch) -> None:
        segment.append(batch)
        self.size_bytes += batch.size_bytes
        self.log_end_offset = batch.last_offset + 1
        self.producers.update(batch)

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
        if first == len(segment.batches):
            return Read([], 0)
        available_bytes = segment.position_of(segment.index_of(upper_bound_offset)) - segment.positions[first]
        if min_one_message:
            max_bytes = max(max_bytes, segment.batches[first].size_bytes)
        size_bytes = max(0, min(max_bytes, available_bytes))
        return Read(segment.batches_within(first, size_bytes), size_bytes)

    def truncate_to(self, offset: int) -> list[RecordBatch]:
        """Cut the log so that it ends at `offset`; return the batches that went, oldest first.

        A batch that contains the offset goes as a whole. At or beyond the log end only an epoch without records goes.
        Raises ValueError for a negative offset.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java truncateTo
        Fidelity: exact
        """
        if offset < 0:
            raise ValueError(f"cannot truncate to the negative offset {offset}")
        if offset >= self.log_end_offset:
            self.leader_epochs.truncate_from_end(self.log_end_offset)
            return []
        if offset < self.segments[0].base_offset:
            return self.truncate_fully_and_start_at(offset)
        removed = list(self.batches(offset))
        last = self._segment_index(offset)
        self.segments[last:] = [self.segments[last].truncated_to(offset)]
        self.size_bytes -= sum(batch.size_bytes for batch in removed)
        self.log_end_offset = offset
        self.log_start_offset = min(offset, self.log_start_offset)
        self.leader_epochs.truncate_from_end(offset)
        self.producers.rebuild(self.batches())
        return removed

    def truncate_fully_and_start_at(self, offset: int) -> list[RecordBatch]:
        """Empty the log and let it begin at `offset`; return the batches that went, oldest first.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java truncateFullyAndStartAt
        Fidelity: exact
        """
        removed = [batch for segment in self.segments for batch in segment.batches]
        self.segments = [Segment(offset, self.index_interval_bytes)]
        self.size_bytes = 0
        self.log_start_offset = offset
        self.log_end_offset = offset
        self.leader_epochs.clear()
        self.producers.rebuild(())
        return removed

    def batches(self, from_offset: int = 0, to_offset: int | None = None) -> Iterator[RecordBatch]:
        """The batches that end at or after `from_offset` and begin before `to_offset`."""
        for segment in self.segments[self._segment_index(from_offset) :]:
            for batch in segment.batches[segment.index_of(from_offset) :]:
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
        size_bytes += self.segments[last].position_of(self.segments[last].index_of(to_offset))
        return max(0, size_bytes)

    def _locate(self, offset: int) -> tuple[Segment, int]:
        """The segment and the index in it of the first batch that ends at or after an offset."""
        number = self._segment_index(offset)
        segment = self.segments[number]
        index = segment.index_of(offset)
        while index == len(segment.batches) and number + 1 < len(self.segments):
            number += 1
            segment, index = self.segments[number], 0
        return segment, index

    def _segment_index(self, offset: int) -> int:
        """Number of the last segment that begins at or before an offset; the first when none does."""
        segments = self.segments
        if offset >= segments[-1].base_offset:
            return len(segments) - 1
        return max(0, bisect_right(segments, offset, key=lambda segment: segment.base_offset) - 1)
