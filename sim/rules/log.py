"""The log of one replica: what a leader and a follower may append to it, and how it is cut after an election.

Left out: transactions; flushing and recovery after an unclean stop.
"""

from typing import NamedTuple

from sim.rules.batch import RecordBatch
from sim.rules.errors import ErrorCode, RecordBatchTooLargeError
from sim.rules.leader_epochs import LeaderEpochCache
from sim.rules.local_log import LocalLog
from sim.rules.producer_state import ProducerStates
from sim.rules.segments import INDEX_INTERVAL_BYTES, SEGMENT_INDEX_BYTES, Segment

__all__ = ["AppendResult", "Log", "RecordTooLargeError"]


class RecordTooLargeError(RecordBatchTooLargeError):
    """A batch larger than max.message.bytes; a producer may split it and try again."""

    code = ErrorCode.MESSAGE_TOO_LARGE


class AppendResult(NamedTuple):
    """The batch as the log holds it, and whether it was there already."""

    batch: RecordBatch
    duplicate: bool


class Log(LocalLog):
    """The batches of one replica of one partition, from the log start offset to the log end offset.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java
    Fidelity: approximate — a follower appends batch by batch, so its segments roll where the leader's would
    """

    __slots__ = ("leader_epochs", "max_message_bytes", "producers")

    def __init__(
        self,
        segment_bytes: int = 1_073_741_824,
        segment_ms: int = 604_800_000,
        segment_jitter_ms: int = 0,
        max_message_bytes: int = 1_048_588,
        segment_index_bytes: int = SEGMENT_INDEX_BYTES,
        index_interval_bytes: int = INDEX_INTERVAL_BYTES,
    ) -> None:
        super().__init__(segment_bytes, segment_ms, segment_jitter_ms, segment_index_bytes, index_interval_bytes)
        self.max_message_bytes = max_message_bytes
        self.leader_epochs = LeaderEpochCache()
        self.producers = ProducerStates()

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
        return self.segment_for(batch)

    def _append(self, segment: Segment, batch: RecordBatch) -> None:
        self.append_to(segment, batch)
        self.producers.update(batch)

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
        removed = self.cut(offset)
        self.log_start_offset = min(offset, self.log_start_offset)
        self.leader_epochs.truncate_from_end(offset)
        self.producers.rebuild(self.batches())
        return removed

    def truncate_fully_and_start_at(self, offset: int) -> list[RecordBatch]:
        """Empty the log and let it begin at `offset`; return the batches that went, oldest first.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java truncateFullyAndStartAt
        Fidelity: exact
        """
        removed = self.clear(offset)
        self.leader_epochs.clear()
        self.producers.rebuild(())
        return removed
