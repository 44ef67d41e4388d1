"""What a partition remembers of its idempotent and transactional producers, and which of their batches it refuses.

Left out: the metric of late transactions.
"""

from sim.rules.errors import InvalidProducerEpochError, InvalidTxnStateError, OutOfOrderSequenceError
from sim.rules.producer.producer_state_entry import AppendOrigin, ProducerStateEntry, RetainedBatch, VerificationState
from sim.rules.storage.batch import NO_PRODUCER_ID, RecordBatch
from sim.rules.transactions.transactions import CompletedTransaction, OpenTransactions, end_transaction_marker

__all__ = ["PRODUCER_ID_EXPIRATION_MS", "ProducerStates"]

PRODUCER_ID_EXPIRATION_MS = 86_400_000


class ProducerStates:
    """The producers that a partition knows, by producer id, with their transactions and the snapshots of both.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
    Fidelity: exact
    """

    __slots__ = (
        "entries",
        "last_snapshot_offset",
        "snapshots",
        "transactions",
        "verification_enabled",
        "verifications",
    )

    def __init__(self, verification_enabled: bool = False) -> None:
        self.entries: dict[int, ProducerStateEntry] = {}
        self.transactions = OpenTransactions()
        self.verifications: dict[int, VerificationState] = {}
        self.verification_enabled = verification_enabled
        self.snapshots: dict[int, dict[int, ProducerStateEntry]] = {}
        self.last_snapshot_offset = 0

    def check(
        self,
        batch: RecordBatch,
        origin: AppendOrigin = AppendOrigin.CLIENT,
        transaction_version: int = 0,
        verification: VerificationState | None = None,
    ) -> int | None:
        """The base offset under which a retried batch is already in the log, None when it is new and in order.

        An unknown producer may begin with any sequence number, a new epoch must begin with 0.
        Raises InvalidProducerEpochError for an older epoch, OutOfOrderSequenceError for a gap or a batch that is older
        than the last five, InvalidTxnStateError for a write outside of a transaction that its coordinator knows or a
        plain write inside of one, TransactionCoordinatorFencedError for a marker of a former coordinator.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java
            analyzeAndValidateProducerState; ProducerAppendInfo.java appendDataBatch
        Fidelity: exact
        """
        if batch.producer_id == NO_PRODUCER_ID:
            return None
        entry = self.entries.get(batch.producer_id)
        client = origin is AppendOrigin.CLIENT
        if entry is not None and client and not self.verifications and entry.continues_with(batch):
            return None
        if batch.is_control:
            marker = end_transaction_marker(batch)
            if entry is not None and marker is not None:
                entry.check_marker(batch, marker, transaction_version)
            return None
        if entry is not None:
            duplicate = entry.duplicate_of(batch) if client and not entry.expects(batch) else None
            if duplicate is not None:
                return duplicate.base_offset
            entry.check_epoch(batch)
        if batch.is_transactional and self.verification_enabled:
            self._check_verified(batch, verification)
        if client:
            self._check_sequence(batch, entry)
        if entry is not None and entry.current_txn_first_offset is not None and not batch.is_transactional:
            raise InvalidTxnStateError(f"producer {batch.producer_id} wrote a plain batch into its open transaction")
        return None

    def _check_verified(self, batch: RecordBatch, verification: VerificationState | None) -> None:
        """Only the batch for which the coordinator was asked may begin a transaction here."""
        if self.has_ongoing_transaction(batch.producer_id, batch.producer_epoch):
            return
        if verification is None or self.verifications.get(batch.producer_id) is not verification:
            raise InvalidTxnStateError(f"the coordinator knows of no transaction of producer {batch.producer_id} here")

    def _check_sequence(self, batch: RecordBatch, entry: ProducerStateEntry | None) -> None:
        """Refuse a gap, and what overtakes a lower sequence number whose verification has failed.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java checkSequence
        Fidelity: exact
        """
        sequence = batch.base_sequence
        state = self.verifications.get(batch.producer_id) if self.verifications else None
        if state is not None:
            fresh = state.supports_epoch_bump and (entry is None or not entry.batches)
            if (fresh and sequence != 0) or sequence > state.lowest_sequence:
                raise OutOfOrderSequenceError(f"producer {batch.producer_id} must begin before sequence {sequence}")
        if entry is None:
            return
        in_epoch = batch.producer_epoch == entry.producer_epoch
        if not (entry.expects(batch) if in_epoch else sequence == 0):
            raise OutOfOrderSequenceError(
                f"producer {batch.producer_id} wrote sequence {sequence} in epoch {batch.producer_epoch}, "
                f"the last one was {entry.last_sequence} in epoch {entry.producer_epoch}"
            )

    def update(self, batch: RecordBatch) -> CompletedTransaction | None:
        """Remember a batch that the log has taken; the transaction that it completes, to be given to `complete`.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateEntry.java addBatch, update;
            UnifiedLog.java updateProducers
        Fidelity: exact
        """
        producer_id = batch.producer_id
        if producer_id == NO_PRODUCER_ID:
            return None
        if batch.is_control:
            return self._end_transaction(batch)
        entry = self.entries.get(producer_id)
        if entry is None:
            entry = self.entries[producer_id] = ProducerStateEntry(batch.producer_epoch)
        elif entry.producer_epoch != batch.producer_epoch:
            entry.move_to_epoch(batch.producer_epoch)
        offset = batch.base_offset
        entry.batches.append(RetainedBatch(batch.base_sequence, batch.last_sequence, offset, batch.last_offset))
        entry.last_timestamp_ms = batch.max_timestamp_ms
        if batch.is_transactional:
            self.verifications.pop(producer_id, None)
            if entry.current_txn_first_offset is None:
                entry.current_txn_first_offset = offset
                self.transactions.ongoing[offset] = producer_id
        return None

    def _end_transaction(self, batch: RecordBatch) -> CompletedTransaction | None:
        """A marker takes its epochs into the state; one without a transaction completes nothing."""
        marker, producer_id = end_transaction_marker(batch), batch.producer_id
        if marker is None:
            return None
        entry = self.entries.get(producer_id)
        if entry is None:
            entry = self.entries[producer_id] = ProducerStateEntry(batch.producer_epoch)
        first_offset = entry.current_txn_first_offset
        entry.move_to_epoch(batch.producer_epoch)
        entry.coordinator_epoch = marker.coordinator_epoch
        entry.current_txn_first_offset = None
        entry.last_timestamp_ms = batch.columns.timestamps_ms[0]
        verification = self.verifications.get(producer_id)
        if verification is not None and not verification.is_next_transaction(batch.producer_epoch):
            del self.verifications[producer_id]
        if first_offset is None:
            return None
        return CompletedTransaction(producer_id, first_offset, batch.base_offset, not marker.committed)

    def has_ongoing_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        """Whether the producer has written here in a transaction of this epoch that no marker has ended.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java hasOngoingTransaction
        Fidelity: exact
        """
        entry = self.entries.get(producer_id)
        return (
            entry is not None and entry.current_txn_first_offset is not None and entry.producer_epoch == producer_epoch
        )

    def start_verification(
        self, producer_id: int, producer_epoch: int, sequence: int, supports_epoch_bump: bool, now_ms: int
    ) -> VerificationState | None:
        """Begin to ask the coordinator about a transaction; None when it is known to be ongoing.

        Raises InvalidProducerEpochError.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java
            maybeStartTransactionVerification
        Fidelity: exact
        """
        entry = self.entries.get(producer_id)
        if entry is not None and producer_epoch < entry.producer_epoch:
            raise InvalidProducerEpochError(
                f"producer {producer_id} has epoch {producer_epoch}, the current one is {entry.producer_epoch}"
            )
        if self.has_ongoing_transaction(producer_id, producer_epoch):
            return None
        state = self.verifications.get(producer_id)
        if state is None:
            state = VerificationState(now_ms, sequence, producer_epoch, supports_epoch_bump)
            self.verifications[producer_id] = state
        state.lower(sequence, producer_epoch)
        return state

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        """Forget the producers, and the verifications, that are `expiration_ms` old or older.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
            removeExpiredProducers
        Fidelity: exact
        """
        for producer_id in [key for key, entry in self.entries.items() if entry.has_expired(now_ms, expiration_ms)]:
            del self.entries[producer_id]
        for producer_id, state in list(self.verifications.items()):
            if now_ms - state.timestamp_ms >= expiration_ms:
                del self.verifications[producer_id]

    def take_snapshot(self, offset: int) -> None:
        """Keep the state as it is at an offset, when no newer snapshot exists.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java takeSnapshot
        Fidelity: exact
        """
        if offset > self.last_snapshot_offset:
            self.snapshots[offset] = {key: entry.snapshot() for key, entry in self.entries.items()}
            self.last_snapshot_offset = offset

    def delete_snapshot(self, offset: int) -> None:
        """Forget a snapshot; it goes with the segment that begins where it was taken."""
        self.snapshots.pop(offset, None)

    def truncate_and_reload(
        self, log_start_offset: int, log_end_offset: int, now_ms: int | None = None, expiration_ms: int = 0
    ) -> int:
        """Forget everything and load the newest snapshot within the log; returns the offset it was taken at.

        Without a snapshot the log start is returned. Producers that have expired by `now_ms` are left out.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java truncateAndReload
        Fidelity: exact
        """
        for offset in list(self.snapshots):
            if not log_start_offset < offset <= log_end_offset:
                del self.snapshots[offset]
        self.entries.clear()
        self.transactions.clear()
        self.last_snapshot_offset = max(self.snapshots, default=log_start_offset)
        for producer_id, entry in self.snapshots.get(self.last_snapshot_offset, {}).items():
            if now_ms is None or not entry.has_expired(now_ms, expiration_ms):
                self.entries[producer_id] = entry.snapshot()
        begun = ((entry.current_txn_first_offset, key) for key, entry in self.entries.items())
        self.transactions.ongoing.update(sorted((first, key) for first, key in begun if first is not None))
        return self.last_snapshot_offset

    def replay(self, batch: RecordBatch) -> None:
        """Learn a batch of the log again."""
        completed = self.update(batch)
        if completed is not None:
            self.transactions.complete(completed)

    def on_log_start_offset_incremented(self, log_start_offset: int) -> None:
        """The log begins later: transactions that ended before are no longer unstable.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
            onLogStartOffsetIncremented
        Fidelity: exact
        """
        self.transactions.on_high_watermark_updated(log_start_offset)
        self.last_snapshot_offset = max(self.snapshots, default=log_start_offset)

    def clear(self, offset: int) -> None:
        """Forget everything, snapshots too; the log begins anew at an offset.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
            truncateFullyAndStartAt
        Fidelity: exact
        """
        self.entries.clear()
        self.transactions.clear()
        self.snapshots.clear()
        self.last_snapshot_offset = offset
