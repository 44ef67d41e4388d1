"""What a transaction coordinator writes to `__transaction_state`."""

import json

from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_metadata import TransactionMetadata, TransactionState, TransitMetadata

__all__ = [
    "TRANSACTION_STATE_TOPIC",
    "decode_transaction",
    "encode_transaction",
    "transaction_log_error",
]

TRANSACTION_STATE_TOPIC = "__transaction_state"


def encode_transaction(transactional_id: str, transit: TransitMetadata) -> tuple[bytes, bytes]:
    """Key and value of the record that says what a transactional id has come to.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionLog.java
    Fidelity: approximate — JSON instead of Kafka's binary form, so sizes differ by some bytes
    """
    numbers: dict[str, list[int]] = {}
    for topic, number in transit.partitions:
        numbers.setdefault(topic, []).append(number)
    value = [
        transit.state.value,
        transit.producer_id,
        transit.previous_producer_id,
        transit.next_producer_id,
        transit.producer_epoch,
        transit.last_producer_epoch,
        transit.timeout_ms,
        numbers,
        transit.start_ms,
        transit.last_update_ms,
        transit.transaction_version,
    ]
    return json.dumps(transactional_id).encode(), json.dumps(value, separators=(",", ":")).encode()


def decode_transaction(key: bytes, value: bytes) -> TransactionMetadata:
    """The state of a transactional id that these bytes came from.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionLog.java
        readTxnRecordValue
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    state, producer_id, previous_id, next_id, epoch, last_epoch, timeout_ms, numbers, *rest = json.loads(value)
    partitions = tuple(TopicPartition(topic, number) for topic, listed in numbers.items() for number in listed)
    start_ms, last_update_ms, version = rest
    metadata = TransactionMetadata(json.loads(key), producer_id, timeout_ms, last_update_ms)
    metadata.current = TransitMetadata(
        TransactionState(state),
        producer_id,
        previous_id,
        next_id,
        epoch,
        last_epoch,
        timeout_ms,
        partitions,
        start_ms,
        last_update_ms,
        version,
    )
    return metadata


_UNAVAILABLE = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.REQUEST_TIMED_OUT,
)


def transaction_log_error(error: ErrorCode) -> ErrorCode:
    """What a failed write to `__transaction_state` means to whoever asked for it.

    Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala appendTransactionToLog
    Fidelity: exact
    """
    if error in _UNAVAILABLE:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if error in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR):
        return ErrorCode.NOT_COORDINATOR
    too_large = error in (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE)
    return ErrorCode.UNKNOWN_SERVER_ERROR if too_large else error
