"""What a transaction coordinator answers, and which moves of a transactional id it writes to its log.

Every function decides about one transactional id, whose metadata is None when the coordinator does not know it. Its
answer is a move, to be written and then completed, or an error; `ErrorCode.NONE` says that nothing is left to do.

Left out: loading from the log, two-phase commit (KIP-939).
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from sim.rules.errors import ErrorCode
from sim.rules.groups.coordinator import java_string_hash
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_metadata import (
    NO_PRODUCER_EPOCH,
    TransactionMetadata,
    TransactionState,
    TransitMetadata,
    is_epoch_exhausted,
    supports_epoch_bump,
)

__all__ = [
    "ProducerIdAndEpoch",
    "add_partitions",
    "init_producer_id",
    "is_valid_timeout",
    "partition_for_transactional_id",
    "produce_error",
    "verify_partitions",
]

_PREPARED = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


class ProducerIdAndEpoch(NamedTuple):
    """Who a producer takes itself for."""

    producer_id: int
    producer_epoch: int


def partition_for_transactional_id(transactional_id: str, partition_count: int) -> int:
    """The partition of `__transaction_state` whose leader coordinates a transactional id.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala partitionFor
    Fidelity: exact
    """
    hashed = java_string_hash(transactional_id)
    return (0 if hashed == -(1 << 31) else abs(hashed)) % partition_count


def is_valid_timeout(timeout_ms: int, max_timeout_ms: int) -> bool:
    """Whether a producer may ask for this transaction.timeout.ms; else INVALID_TRANSACTION_TIMEOUT.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala validateTransactionTimeoutMs
    Fidelity: exact
    """
    return 0 < timeout_ms <= max_timeout_ms


def init_producer_id(
    metadata: TransactionMetadata,
    timeout_ms: int,
    now_ms: int,
    new_producer_id: Callable[[], int],
    expected: ProducerIdAndEpoch | None = None,
) -> TransitMetadata | ErrorCode:
    """A producer initialises, or asks for a new epoch after an error (`expected`).

    The answer PREPARE_EPOCH_FENCE stands for an open transaction: it must be aborted with the epoch in the answer, not
    as a client would (`end_transaction`), and the producer is told CONCURRENT_TRANSACTIONS so that it comes back.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala prepareInitProducerIdTransit
    Fidelity: exact
    """
    current = metadata.current
    if metadata.pending_state is not None:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    if expected is not None and not _is_valid_producer(current, expected):
        return ErrorCode.PRODUCER_FENCED
    if current.state in _PREPARED:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    if current.state is TransactionState.ONGOING:
        return metadata.prepare_fence_producer_epoch()
    expected_epoch = None if expected is None else expected.producer_epoch
    if is_epoch_exhausted(current.producer_epoch) and expected_epoch in (None, current.producer_epoch):
        return metadata.prepare_producer_id_rotation(new_producer_id(), timeout_ms, now_ms, expected is not None)
    return metadata.prepare_increment_producer_epoch(timeout_ms, expected_epoch, now_ms)


def _is_valid_producer(current: TransitMetadata, expected: ProducerIdAndEpoch) -> bool:
    """New metadata, the same producer id, or the id before this one if it has run out of epochs."""
    exhausted = is_epoch_exhausted(expected.producer_epoch)
    return (
        current.producer_epoch == NO_PRODUCER_EPOCH
        or expected.producer_id == current.producer_id
        or (expected.producer_id == current.previous_producer_id and exhausted)
    )


def add_partitions(
    metadata: TransactionMetadata | None,
    producer: ProducerIdAndEpoch,
    partitions: Collection[TopicPartition],
    now_ms: int,
    transaction_version: int,
) -> TransitMetadata | ErrorCode:
    """Partitions join a producer's transaction; the first ones begin it.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala
        handleAddPartitionsToTransaction
    Fidelity: exact
    """
    if metadata is None:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if metadata.pending_state is not None:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    error = _refusal(metadata, producer)
    if error is not None:
        return error
    if metadata.state is TransactionState.ONGOING and all(name in metadata.current.partitions for name in partitions):
        return ErrorCode.NONE
    return metadata.prepare_add_partitions(partitions, now_ms, transaction_version)


def verify_partitions(
    metadata: TransactionMetadata | None, producer: ProducerIdAndEpoch, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, ErrorCode]:
    """Whether partitions belong to a producer's transaction, as a leader asks for producers that add them themselves.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala
        handleVerifyPartitionsInTransaction
    Fidelity: exact
    """
    error = ErrorCode.INVALID_PRODUCER_ID_MAPPING if metadata is None else _refusal(metadata, producer)
    if error is not None or metadata is None:
        return dict.fromkeys(partitions, error or ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    added = metadata.current.partitions
    return {name: ErrorCode.NONE if name in added else ErrorCode.TRANSACTION_ABORTABLE for name in partitions}


def _refusal(metadata: TransactionMetadata, producer: ProducerIdAndEpoch) -> ErrorCode | None:
    current = metadata.current
    if current.producer_id != producer.producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if current.producer_epoch != producer.producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    return ErrorCode.CONCURRENT_TRANSACTIONS if current.state in _PREPARED else None


def produce_error(error: ErrorCode, transaction_version: int) -> ErrorCode:
    """What a produce response says when the coordinator has refused the partition.

    Source: server/src/main/java/org/apache/kafka/server/transaction/AddPartitionsToTxnManager.java;
        core/src/main/scala/kafka/server/ReplicaManager.scala handleProduceAppend
    Fidelity: exact
    """
    if error is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    unanswered = (
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    )
    concurrent = error is ErrorCode.CONCURRENT_TRANSACTIONS and not supports_epoch_bump(transaction_version)
    return ErrorCode.NOT_ENOUGH_REPLICAS if error in unanswered or concurrent else error
