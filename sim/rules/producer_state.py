"""What a partition remembers of its idempotent producers, and which of their batches it refuses.

Left out: transactions (markers, verification, the first offset of an open transaction); snapshots on disk.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from sim.rules.batch import NO_PRODUCER_ID, RecordBatch, increment_sequence
from sim.rules.errors import InvalidProducerEpochError, OutOfOrderSequenceError

__all__ = ["BATCHES_TO_RETAIN", "ProducerStateEntry", "ProducerStates", "RetainedBatch"]

BATCHES_TO_RETAIN = 5


class RetainedBatch(NamedTuple):
    """One of the last batches of a producer, kept to recognise a retry."""

    first_sequence: int
    last_sequence: int
    base_offset: int


class ProducerStateEntry:
    """The epoch of one producer id in one partition, its last batches and the time of the newest."""

    __slots__ = ("batches", "last_timestamp_ms", "producer_epoch")

    def __init__(self, producer_epoch: int) -> None:
        self.producer_epoch = producer_epoch
        self.batches: deque[RetainedBatch] = deque(maxlen=BATCHES_TO_RETAIN)
        self.last_timestamp_ms = -1

    @property
    def last_sequence(self) -> int:
        """The last sequence number in the current epoch, -1 when none is known."""
        return self.batches[-1].last_sequence if self.batches else -1

    def duplicate_of(self, batch: RecordBatch) -> RetainedBatch | None:
        """The retained batch with exactly the same epoch and sequence range, None when there is none.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateEntry.java findDuplicateBatch
        Fidelity: exact
        """
        if batch.producer_epoch != self.producer_epoch:
            return None
        first, last = batch.base_sequence, batch.last_sequence
        for retained in self.batches:
            if retained.first_sequence == first and retained.last_sequence == last:
                return retained
        return None


class ProducerStates:
    """The producers that a partition knows, by producer id.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
    Fidelity: approximate — after a truncation the state is rebuilt from the whole log instead of the newest snapshot
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[int, ProducerStateEntry] = {}

    def check(self, batch: RecordBatch) -> int | None:
        """The base offset under which a retried batch is already in the log, None when it is new and in order.

        An unknown producer may begin with any sequence number, a new epoch must begin with 0.
        Raises InvalidProducerEpochError for an older epoch, OutOfOrderSequenceError for a gap or a batch that is older
        than the last five.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java checkSequence
        Fidelity: exact
        """
        entry = self.entries.get(batch.producer_id)
        if entry is None:
            return None
        epoch, sequence = batch.producer_epoch, batch.base_sequence
        last_sequence = entry.last_sequence if epoch == entry.producer_epoch else -1
        expected = increment_sequence(last_sequence, 1)
        if sequence == expected and epoch >= entry.producer_epoch:
            return None
        duplicate = entry.duplicate_of(batch)
        if duplicate is not None:
            return duplicate.base_offset
        if epoch < entry.producer_epoch:
            raise InvalidProducerEpochError(
                f"producer {batch.producer_id} wrote with epoch {epoch}, the current one is {entry.producer_epoch}"
            )
        raise OutOfOrderSequenceError(
            f"producer {batch.producer_id} wrote sequence {sequence} in epoch {epoch}, expected {expected}"
        )

    def update(self, batch: RecordBatch) -> None:
        """Remember a batch that the log has taken; a changed epoch forgets the batches of the one before.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateEntry.java addBatch
        Fidelity: exact
        """
        if batch.producer_id == NO_PRODUCER_ID:
            return
        entry = self.entries.get(batch.producer_id)
        if entry is None:
            entry = self.entries[batch.producer_id] = ProducerStateEntry(batch.producer_epoch)
        elif entry.producer_epoch != batch.producer_epoch:
            entry.producer_epoch = batch.producer_epoch
            entry.batches.clear()
        entry.batches.append(RetainedBatch(batch.base_sequence, batch.last_sequence, batch.base_offset))
        entry.last_timestamp_ms = batch.max_timestamp_ms

    def rebuild(self, batches: Iterable[RecordBatch]) -> None:
        """Forget everything and learn it again from the batches of a log, oldest first."""
        self.entries.clear()
        for batch in batches:
            self.update(batch)

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        """Forget the producers whose newest batch is `expiration_ms` old or older.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java isProducerExpired
        Fidelity: exact
        """
        self.entries = {
            producer_id: entry
            for producer_id, entry in self.entries.items()
            if now_ms - entry.last_timestamp_ms < expiration_ms
        }
