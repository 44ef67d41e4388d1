"""One idempotent or transactional producer as a partition remembers it."""

from collections import deque
from enum import Enum
from typing import NamedTuple

from sim.rules.errors import InvalidProducerEpochError, TransactionCoordinatorFencedError
from sim.rules.storage.batch import RecordBatch, increment_sequence
from sim.rules.transactions.transactions import EndTransactionMarker

__all__ = [
    "BATCHES_TO_RETAIN",
    "AppendOrigin",
    "ProducerStateEntry",
    "RetainedBatch",
    "VerificationState",
]

BATCHES_TO_RETAIN = 5
EPOCH_BUMP_VERSION = 2


class AppendOrigin(Enum):
    """Who writes: a client is checked in full, a coordinator has no sequence numbers, a leader's copy is believed.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/AppendOrigin.java
    Fidelity: exact
    """

    REPLICATION = "replication"
    COORDINATOR = "coordinator"
    CLIENT = "client"


class RetainedBatch(NamedTuple):
    """One of the last batches of a producer, kept to recognise a retry."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int


class VerificationState:
    """A producer's transaction that the coordinator is being asked about; the object itself is the guard (KIP-890).

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/VerificationStateEntry.java
    Fidelity: exact
    """

    __slots__ = ("lowest_sequence", "producer_epoch", "supports_epoch_bump", "timestamp_ms")

    def __init__(self, timestamp_ms: int, sequence: int, producer_epoch: int, supports_epoch_bump: bool) -> None:
        self.timestamp_ms = timestamp_ms
        self.lowest_sequence = sequence
        self.producer_epoch = producer_epoch
        self.supports_epoch_bump = supports_epoch_bump

    def lower(self, sequence: int, producer_epoch: int) -> None:
        """Another batch waits for the verification: remember the lowest sequence number of the newest epoch."""
        if producer_epoch > self.producer_epoch:
            self.producer_epoch, self.lowest_sequence = producer_epoch, sequence
        elif producer_epoch == self.producer_epoch:
            self.lowest_sequence = min(self.lowest_sequence, sequence)

    def is_next_transaction(self, marker_epoch: int) -> bool:
        """Whether a marker is that of the transaction before, so that the verification goes on.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java updateProducers
        Fidelity: exact
        """
        return self.supports_epoch_bump and marker_epoch == self.producer_epoch


class ProducerStateEntry:
    """One producer id in one partition: epochs, last batches, time of the newest, first offset of its transaction."""

    __slots__ = ("batches", "coordinator_epoch", "current_txn_first_offset", "last_timestamp_ms", "producer_epoch")

    def __init__(self, producer_epoch: int) -> None:
        self.producer_epoch = producer_epoch
        self.batches: deque[RetainedBatch] = deque(maxlen=BATCHES_TO_RETAIN)
        self.coordinator_epoch = -1
        self.last_timestamp_ms = -1
        self.current_txn_first_offset: int | None = None

    @property
    def last_sequence(self) -> int:
        """The last sequence number in the current epoch, -1 when none is known."""
        return self.batches[-1].last_sequence if self.batches else -1

    @property
    def last_data_offset(self) -> int:
        """The offset of the producer's last record that is known, -1 when none is."""
        return self.batches[-1].last_offset if self.batches else -1

    def expects(self, batch: RecordBatch) -> bool:
        """Whether a batch of the current epoch continues the sequence; an epoch begins with 0.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java inSequence
        Fidelity: exact
        """
        return batch.base_sequence == increment_sequence(self.last_sequence, 1)

    def continues_with(self, batch: RecordBatch) -> bool:
        """Whether a batch is simply the next one of the epoch, in the transaction that is open or in none as before."""
        return (
            batch.producer_epoch == self.producer_epoch
            and batch.is_transactional == (self.current_txn_first_offset is not None)
            and self.expects(batch)
        )

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

    def check_epoch(self, batch: RecordBatch) -> None:
        """Refuse data of an older epoch: InvalidProducerEpochError.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java checkProducerEpoch
        Fidelity: exact
        """
        if batch.producer_epoch < self.producer_epoch:
            raise self._stale(batch)

    def check_marker(self, batch: RecordBatch, marker: EndTransactionMarker, transaction_version: int) -> None:
        """Refuse a late marker, or one of a former coordinator.

        From transaction version 2 on the coordinator raises the epoch with every marker, so that one of the current
        epoch can only be the retry of a marker that has ended the transaction already.
        Raises InvalidProducerEpochError, TransactionCoordinatorFencedError.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java
            appendEndTxnMarker, checkProducerEpoch, checkCoordinatorEpoch
        Fidelity: exact
        """
        bumps = transaction_version >= EPOCH_BUMP_VERSION
        reuses_epoch = batch.producer_epoch == self.producer_epoch and self.current_txn_first_offset is not None
        if batch.producer_epoch < self.producer_epoch or (bumps and reuses_epoch):
            raise self._stale(batch)
        if marker.coordinator_epoch < self.coordinator_epoch:
            raise TransactionCoordinatorFencedError(
                f"marker of coordinator epoch {marker.coordinator_epoch}, the current one is {self.coordinator_epoch}"
            )

    def _stale(self, batch: RecordBatch) -> InvalidProducerEpochError:
        return InvalidProducerEpochError(
            f"producer {batch.producer_id} wrote with epoch {batch.producer_epoch}, "
            f"the current one is {self.producer_epoch}"
        )

    def move_to_epoch(self, producer_epoch: int) -> None:
        """Take over an epoch; a changed one forgets the batches of the one before.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateEntry.java
            maybeUpdateProducerEpoch
        Fidelity: exact
        """
        if self.producer_epoch != producer_epoch:
            self.producer_epoch = producer_epoch
            self.batches.clear()

    def has_expired(self, now_ms: int, expiration_ms: int) -> bool:
        """Whether a producer without an open transaction has been silent for `expiration_ms`.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java isProducerExpired
        Fidelity: exact
        """
        return self.current_txn_first_offset is None and now_ms - self.last_timestamp_ms >= expiration_ms

    def snapshot(self) -> "ProducerStateEntry":
        """What a snapshot file keeps: of the batches only the last.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java writeSnapshot
        Fidelity: exact
        """
        kept = ProducerStateEntry(self.producer_epoch)
        if self.batches:
            kept.batches.append(self.batches[-1])
        kept.coordinator_epoch = self.coordinator_epoch
        kept.last_timestamp_ms = self.last_timestamp_ms
        kept.current_txn_first_offset = self.current_txn_first_offset
        return kept
