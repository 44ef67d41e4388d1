"""The log of one replica: what a leader and a follower may append to it, and how it is cut after an election.

Left out: recovery after an unclean stop.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sim.rules.errors import ErrorCode, RecordBatchTooLargeError
from sim.rules.producer.producer_state import PRODUCER_ID_EXPIRATION_MS, ProducerStates
from sim.rules.producer.producer_state_entry import AppendOrigin, VerificationState
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.leader_epochs import LeaderEpochCache
from sim.rules.storage.local_log import LocalLog, Read
from sim.rules.storage.segments import INDEX_INTERVAL_BYTES, SEGMENT_INDEX_BYTES, Segment
from sim.rules.transactions.transactions import AbortedTransaction, AbortedTransactionIndex

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

    __slots__ = ("aborted", "leader_epochs", "max_message_bytes", "producers")

    def __init__(
        self,
        segment_bytes: int = 1_073_741_824,
        segment_ms: int = 604_800_000,
        segment_jitters_ms: Iterator[int] | None = None,
        max_message_bytes: int = 1_048_588,
        segment_index_bytes: int = SEGMENT_INDEX_BYTES,
        index_interval_bytes: int = INDEX_INTERVAL_BYTES,
        packs: bool = False,
    ) -> None:
        super().__init__(
            segment_bytes, segment_ms, segment_jitters_ms, segment_index_bytes, index_interval_bytes, packs
        )
        self.max_message_bytes = max_message_bytes
        self.leader_epochs = LeaderEpochCache()
        self.producers = ProducerStates()
        self.aborted = AbortedTransactionIndex()

    def configure(
        self,
        segment_bytes: int,
        segment_ms: int,
        max_message_bytes: int,
        segment_index_bytes: int,
        index_interval_bytes: int,
    ) -> None:
        """Go on under another configuration; what is written stays as it is.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java updateConfig
        Fidelity: approximate — segment.jitter.ms stays
        """
        self.segment_bytes, self.segment_ms = segment_bytes, segment_ms
        self.max_message_bytes = max_message_bytes
        self.segment_index_bytes, self.index_interval_bytes = segment_index_bytes, index_interval_bytes

    def append_as_leader(
        self,
        batch: RecordBatch,
        leader_epoch: int,
        origin: AppendOrigin = AppendOrigin.CLIENT,
        transaction_version: int = 0,
        verification: VerificationState | None = None,
    ) -> AppendResult:
        """Give a batch its offsets and epoch and append it; a retry returns the batch as it was placed.

        Raises RecordTooLargeError, RecordBatchTooLargeError and what `ProducerStates.check` raises.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java append
        Fidelity: exact
        """
        if batch.size_bytes > self.max_message_bytes:
            raise RecordTooLargeError(
                f"batch of {batch.size_bytes} bytes, max.message.bytes is {self.max_message_bytes}"
            )
        placed = batch.placed(self.log_end_offset, leader_epoch)
        segment = self._segment_for(placed)
        duplicate_base_offset = self.producers.check(placed, origin, transaction_version, verification)
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
        completed = self.producers.update(batch)
        if completed is not None:
            transactions = self.producers.transactions
            if completed.is_aborted:
                last_stable_offset = transactions.last_stable_offset(completed)
                self.aborted.append(AbortedTransaction(*completed[:3], last_stable_offset))
            transactions.complete(completed)

    def roll(self, base_offset: int) -> Segment:
        """Begin a new active segment, with a snapshot of the producers.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java roll
        Fidelity: exact
        """
        segment = super().roll(base_offset)
        self.producers.take_snapshot(base_offset)
        return segment

    @property
    def first_unstable_offset(self) -> int | None:
        """The first offset of a transaction that is undecided, or decided above the high watermark; None without one.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java
            maybeIncrementFirstUnstableOffset
        Fidelity: exact
        """
        first = self.producers.transactions.first_unstable_offset()
        return None if first is None else max(first, self.log_start_offset)

    def last_stable_offset(self, high_watermark: int) -> int:
        """The offset below which every transaction is decided and replicated; what read_committed readers may see.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java lastStableOffset
        Fidelity: exact
        """
        transactions = self.producers.transactions
        if not transactions.ongoing and not transactions.unreplicated:
            return high_watermark
        first = self.first_unstable_offset
        return high_watermark if first is None else min(first, high_watermark)

    def end_for_consumers(self, high_watermark: int, read_committed: bool) -> int:
        """The offset below which a consumer may read: what is replicated, or what is decided, too.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java read
        Fidelity: exact
        """
        return self.last_stable_offset(high_watermark) if read_committed else high_watermark

    def on_high_watermark_updated(self, high_watermark: int) -> None:
        """Let the transactions whose marker lies below the high watermark become stable."""
        self.producers.transactions.on_high_watermark_updated(high_watermark)

    def aborted_transactions(self, start_offset: int, read: Read) -> list[AbortedTransaction]:
        """The aborted transactions that a read_committed reader must know of to filter what it has read.

        Kafka looks up the end of the read in the sparse offset index, so later ones may come along.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java addAbortedTransactions
        Fidelity: exact
        """
        if not read.batches or not self.aborted.entries:
            return []
        segment, first = self._locate(start_offset)
        upper_bound_offset = segment.fetch_upper_bound_offset(segment.position_of(first) + read.size_bytes)
        if upper_bound_offset is None:
            upper_bound_offset = self._next_base_offset(segment)
        return self.aborted.collect(start_offset, upper_bound_offset)

    def _next_base_offset(self, segment: Segment) -> int:
        """Where the segment after this one begins; the log end after the last."""
        number = self._segment_index(segment.base_offset) + 1
        return self.segments[number].base_offset if number < len(self.segments) else self.log_end_offset

    def truncate_to(
        self, offset: int, now_ms: int | None = None, expiration_ms: int = PRODUCER_ID_EXPIRATION_MS
    ) -> list[RecordBatch]:
        """Cut the log so that it ends at `offset`; return the batches that went, oldest first.

        A batch that contains the offset goes as a whole. At or beyond the log end only an epoch without records goes.
        Of the producers only those come back that have not expired by `now_ms`.
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
        bases = [segment.base_offset for segment in self.segments]
        removed = self.cut(offset)
        for base_offset in bases[len(self.segments) :]:
            self.producers.delete_snapshot(base_offset)
        self.log_start_offset = min(offset, self.log_start_offset)
        self.leader_epochs.truncate_from_end(offset)
        self.aborted.truncate_to(offset)
        plain = not self.producers.entries and not self.producers.transactions.unreplicated
        self._rebuild_producers(offset, now_ms, expiration_ms, not plain)
        return removed

    def close(self) -> None:
        """The process ends in peace: the log is flushed, and what is known of producers, of each its last batch."""
        self.write_back.flushed(self.log_end_offset)
        self.producers.take_snapshot(self.log_end_offset)

    def lose_power(self, now_ms: int, expiration_ms: int = PRODUCER_ID_EXPIRATION_MS) -> list[RecordBatch]:
        """Cut what was neither flushed nor written back; return the batches that went, oldest first.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogLoader.java recoverLog
        Fidelity: approximate — a log ends with a whole batch at the durable offset, where a torn file may end anywhere
            behind the recovery point and is cut at the first batch whose checksum fails
        """
        return self.truncate_to(self.write_back.durable_offset, now_ms, expiration_ms)

    def reopen(self, now_ms: int | None = None, expiration_ms: int = PRODUCER_ID_EXPIRATION_MS) -> None:
        """A new process finds the log on disk; what it knows of producers comes from snapshots and batches.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogLoader.java load
        Fidelity: approximate — everything that was appended is on disk, whatever ended the process but a loss of power
        """
        self.producers.verifications.clear()
        self._rebuild_producers(self.log_end_offset, now_ms, expiration_ms, replay=True)

    def _rebuild_producers(self, offset: int, now_ms: int | None, expiration_ms: int, replay: bool) -> None:
        """Load the newest snapshot and replay the log from there to its end, with new snapshots on the way.

        After a truncation a log whose producers were all plain is not replayed.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java rebuildProducerState
        Fidelity: exact
        """
        producers = self.producers
        end = producers.truncate_and_reload(self.log_start_offset, offset, now_ms, expiration_ms)
        if end < offset and replay:
            newest = [segment.base_offset for segment in self.segments[-2:]]
            for segment in self.segments[self._segment_index(end) :]:
                end = max(segment.base_offset, end, self.log_start_offset)
                if segment.base_offset in newest:
                    producers.take_snapshot(end)
                for batch in segment.batches_from(segment.index_of(end)):
                    producers.replay(batch)
        producers.take_snapshot(offset)

    def truncate_fully_and_start_at(self, offset: int) -> list[RecordBatch]:
        """Empty the log and let it begin at `offset`; return the batches that went, oldest first.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java truncateFullyAndStartAt
        Fidelity: exact
        """
        removed = self.clear(offset)
        self.leader_epochs.clear()
        self.producers.clear(offset)
        self.aborted.truncate_to(0)
        return removed
