"""Kafka's error codes, and the exceptions that a rule raises in their name."""

from enum import Enum

__all__ = [
    "ConfigError",
    "ErrorCode",
    "InvalidProducerEpochError",
    "InvalidReplicationFactorError",
    "KafkaError",
    "OffsetOutOfRangeError",
    "OutOfOrderSequenceError",
    "RecordBatchTooLargeError",
]


class ErrorCode(Enum):
    """An error code of the protocol: its Kafka name and whether a client may retry.

    Source: clients/src/main/java/org/apache/kafka/common/protocol/Errors.java
    Fidelity: approximate — the codes that the simulator speaks, not all of them
    """

    NONE = (0, False)
    OFFSET_OUT_OF_RANGE = (1, False)
    UNKNOWN_TOPIC_OR_PARTITION = (3, True)
    LEADER_NOT_AVAILABLE = (5, True)
    NOT_LEADER_OR_FOLLOWER = (6, True)
    REQUEST_TIMED_OUT = (7, True)
    MESSAGE_TOO_LARGE = (10, False)
    NETWORK_EXCEPTION = (13, True)
    COORDINATOR_LOAD_IN_PROGRESS = (14, True)
    COORDINATOR_NOT_AVAILABLE = (15, True)
    NOT_COORDINATOR = (16, True)
    RECORD_LIST_TOO_LARGE = (18, False)
    NOT_ENOUGH_REPLICAS = (19, True)
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = (20, True)
    ILLEGAL_GENERATION = (22, False)
    INCONSISTENT_GROUP_PROTOCOL = (23, False)
    UNKNOWN_MEMBER_ID = (25, False)
    INVALID_SESSION_TIMEOUT = (26, False)
    REBALANCE_IN_PROGRESS = (27, False)
    INVALID_REPLICATION_FACTOR = (38, False)
    NOT_CONTROLLER = (41, True)
    INVALID_REQUEST = (42, False)
    OUT_OF_ORDER_SEQUENCE_NUMBER = (45, False)
    INVALID_PRODUCER_EPOCH = (47, False)
    OPERATION_NOT_ATTEMPTED = (55, False)
    UNKNOWN_PRODUCER_ID = (59, False)
    FETCH_SESSION_ID_NOT_FOUND = (70, True)
    INVALID_FETCH_SESSION_EPOCH = (71, True)
    FENCED_LEADER_EPOCH = (74, True)
    UNKNOWN_LEADER_EPOCH = (75, True)
    STALE_BROKER_EPOCH = (77, False)
    OFFSET_NOT_AVAILABLE = (78, True)
    MEMBER_ID_REQUIRED = (79, False)
    GROUP_MAX_SIZE_REACHED = (81, False)
    FENCED_INSTANCE_ID = (82, False)
    INVALID_UPDATE_VERSION = (95, False)
    DUPLICATE_BROKER_REGISTRATION = (101, False)
    INELIGIBLE_REPLICA = (107, False)

    def __init__(self, code: int, retriable: bool) -> None:
        self.code = code
        self.retriable = retriable


class KafkaError(Exception):
    """Base of the errors that Kafka itself would raise; `code` is its protocol name."""

    code = ErrorCode.NONE


class OffsetOutOfRangeError(KafkaError):
    """A read below the log start or beyond the log end."""

    code = ErrorCode.OFFSET_OUT_OF_RANGE


class OutOfOrderSequenceError(KafkaError):
    """An idempotent batch that leaves a gap, or is older than the last five."""

    code = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


class InvalidProducerEpochError(KafkaError):
    """A batch of a producer epoch below the current one."""

    code = ErrorCode.INVALID_PRODUCER_EPOCH


class RecordBatchTooLargeError(KafkaError):
    """A batch larger than a whole segment, or than max.message.bytes."""

    code = ErrorCode.RECORD_LIST_TOO_LARGE


class InvalidReplicationFactorError(KafkaError):
    """More replicas asked for than there are usable brokers."""

    code = ErrorCode.INVALID_REPLICATION_FACTOR


class ConfigError(ValueError):
    """A configuration key or value that Kafka, or the simulator, refuses; one line for people."""
