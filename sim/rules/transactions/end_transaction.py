"""How a transaction coordinator ends a transaction: commits, aborts, fences and time-outs."""

from collections.abc import Callable
from dataclasses import replace

from sim.rules.errors import ErrorCode
from sim.rules.storage.batch import NO_PRODUCER_ID
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch
from sim.rules.transactions.transaction_metadata import (
    LARGEST_PRODUCER_EPOCH,
    NO_PRODUCER_EPOCH,
    TransactionMetadata,
    TransactionState,
    TransitMetadata,
    is_epoch_exhausted,
    supports_epoch_bump,
)

__all__ = [
    "TRANSACTIONAL_ID_EXPIRATION_MS",
    "end_transaction",
    "has_expired",
    "has_timed_out",
    "prepare_markers",
]

TRANSACTIONAL_ID_EXPIRATION_MS = 604_800_000
_COMPLETED = (TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT)
_EXPIRABLE = (TransactionState.EMPTY, *_COMPLETED)


def end_transaction(
    metadata: TransactionMetadata | None,
    producer: ProducerIdAndEpoch,
    commit: bool,
    now_ms: int,
    transaction_version: int,
    new_producer_id: Callable[[], int],
    from_client: bool = True,
) -> TransitMetadata | ErrorCode:
    """Commit or abort; NONE answers a retry of what is done already, with the metadata's producer id and epoch.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala endTransaction,
        endTransactionWithTV1
    Fidelity: exact
    """
    if metadata is None:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if not supports_epoch_bump(transaction_version):
        return _end_without_bump(metadata, producer, commit, now_ms, from_client)
    current = metadata.current
    fencing = metadata.pending_state is TransactionState.PREPARE_EPOCH_FENCE
    if metadata.pending_state is not None and not fencing:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    retry_of_overflow = not fencing and _is_retry_of_overflow(current, producer)
    if current.producer_id != producer.producer_id and not retry_of_overflow:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    is_retry = retry_of_overflow or (not fencing and current.producer_epoch == producer.producer_epoch + 1)
    if not _is_valid_epoch(current, producer.producer_epoch, is_retry, fencing, from_client):
        return ErrorCode.PRODUCER_FENCED
    answer = _answer(current.state, commit, is_retry)
    if answer is not None:
        return answer
    next_id = new_producer_id() if not fencing and is_epoch_exhausted(current.producer_epoch) else NO_PRODUCER_ID
    if fencing and not commit:
        metadata.pending_state = None
    empty = current.state is not TransactionState.ONGOING
    return metadata.prepare_abort_or_commit(commit, transaction_version, next_id, now_ms, empty)


def _is_retry_of_overflow(current: TransitMetadata, producer: ProducerIdAndEpoch) -> bool:
    """Whether the producer has not heard of the id that it got when its epochs ran out."""
    return (
        current.previous_producer_id == producer.producer_id
        and producer.producer_epoch == LARGEST_PRODUCER_EPOCH - 1
        and current.producer_epoch == 0
    )


def _is_valid_epoch(current: TransitMetadata, epoch: int, is_retry: bool, fencing: bool, from_client: bool) -> bool:
    """Each end raises the epoch, so that a retry comes with the epoch before."""
    if fencing:
        return epoch >= current.producer_epoch and (not from_client or epoch == current.producer_epoch)
    if current.state in _COMPLETED:
        return is_retry or epoch == current.producer_epoch
    if current.state in (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT):
        return current.producer_epoch == epoch + 1
    return epoch == current.producer_epoch


def _answer(state: TransactionState, commit: bool, is_retry: bool) -> ErrorCode | None:
    """What an end meets in a state, None when it is to be written; an abort of nothing is, a commit of nothing not.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala endTransaction
    Fidelity: exact
    """
    same = state in (
        (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)
        if commit
        else (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
    )
    if state is TransactionState.ONGOING:
        return None
    if state in _COMPLETED and is_retry:
        return ErrorCode.NONE if same else ErrorCode.INVALID_TXN_STATE
    if state in _EXPIRABLE:
        return ErrorCode.INVALID_TXN_STATE if commit else None
    return ErrorCode.CONCURRENT_TRANSACTIONS if same else ErrorCode.INVALID_TXN_STATE


def _end_without_bump(
    metadata: TransactionMetadata, producer: ProducerIdAndEpoch, commit: bool, now_ms: int, from_client: bool
) -> TransitMetadata | ErrorCode:
    """The same before transaction version 2: epochs stay, and an end without a transaction is an error."""
    current, epoch = metadata.current, producer.producer_epoch
    if current.producer_id != producer.producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if (from_client and epoch != current.producer_epoch) or epoch < current.producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    fencing = metadata.pending_state is TransactionState.PREPARE_EPOCH_FENCE
    if metadata.pending_state is not None and not fencing:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    if current.state is TransactionState.EMPTY:
        return ErrorCode.INVALID_TXN_STATE
    if current.state is not TransactionState.ONGOING:
        return _answer(current.state, commit, is_retry=True) or ErrorCode.NONE
    if fencing and not commit:
        metadata.pending_state = None
        metadata.current = replace(current, producer_epoch=epoch, last_producer_epoch=NO_PRODUCER_EPOCH)
    return metadata.prepare_abort_or_commit(commit, 0, NO_PRODUCER_ID, now_ms, no_partition_added=False)


def prepare_markers(
    metadata: TransactionMetadata, producer: ProducerIdAndEpoch, commit: bool, now_ms: int, transaction_version: int
) -> TransitMetadata | ErrorCode:
    """The log has the decision: the move to make once the markers are written; the producer is answered at once.

    Markers carry the metadata's producer id and epoch. The answer's id and epoch are the producer's from now on.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala sendTxnMarkersCallback
    Fidelity: exact
    """
    current = metadata.current
    if current.producer_id != producer.producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    allowed = (producer.producer_epoch, producer.producer_epoch + 1)
    if current.producer_epoch not in allowed[: 1 + supports_epoch_bump(transaction_version)]:
        return ErrorCode.PRODUCER_FENCED
    if metadata.pending_state is not None:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    prepared = TransactionState.PREPARE_COMMIT if commit else TransactionState.PREPARE_ABORT
    if current.state is not prepared:
        return ErrorCode.INVALID_TXN_STATE
    return metadata.prepare_complete(now_ms)


def has_timed_out(metadata: TransactionMetadata, now_ms: int) -> bool:
    """Whether an open transaction is older than its transaction.timeout.ms; the sweep then fences and aborts it.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala timedOutTransactions
    Fidelity: exact
    """
    current = metadata.current
    return (
        metadata.pending_state is None
        and current.state is TransactionState.ONGOING
        and current.start_ms + current.timeout_ms < now_ms
    )


def has_expired(
    metadata: TransactionMetadata, now_ms: int, expiration_ms: int = TRANSACTIONAL_ID_EXPIRATION_MS
) -> bool:
    """Whether a transactional id has been idle for transactional.id.expiration.ms and is to be forgotten.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala shouldExpire
    Fidelity: exact
    """
    current = metadata.current
    return (
        metadata.pending_state is None
        and current.state in _EXPIRABLE
        and current.last_update_ms <= now_ms - expiration_ms
    )
