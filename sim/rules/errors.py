"""Kafka's error codes, and the exceptions that a rule raises in their name."""

from enum import Enum

__all__ = [
    "ConfigError",
    "CoordinatorLoadInProgressError",
    "ErrorCode",
    "IllegalStateError",
    "InvalidProducerEpochError",
    "InvalidReplicationFactorError",
    "InvalidTxnStateError",
    "KafkaError",
    "OffsetOutOfRangeError",
    "OutOfOrderSequenceError",
    "PolicyViolationError",
    "RecordBatchTooLargeError",
    "TransactionCoordinatorFencedError",
]


class ErrorCode(Enum):
    """An error code of the protocol: its Kafka name and whether a client may retry.

    Source: clients/src/main/java/org/apache/kafka/common/protocol/Errors.java
    Fidelity: approximate — the codes that the simulator speaks, not all of them
    """

    UNKNOWN_SERVER_ERROR = (-1, False)
    NONE = (0, False)
    OFFSET_OUT_OF_RANGE = (1, False)
    UNKNOWN_TOPIC_OR_PARTITION = (3, True)
    LEADER_NOT_AVAILABLE = (5, True)
    NOT_LEADER_OR_FOLLOWER = (6, True)
    REQUEST_TIMED_OUT = (7, True)
    MESSAGE_TOO_LARGE = (10, False)
    OFFSET_METADATA_TOO_LARGE = (12, False)
    NETWORK_EXCEPTION = (13, True)
    COORDINATOR_LOAD_IN_PROGRESS = (14, True)
    COORDINATOR_NOT_AVAILABLE = (15, True)
    NOT_COORDINATOR = (16, True)
    INVALID_TOPIC_EXCEPTION = (17, False)
    RECORD_LIST_TOO_LARGE = (18, False)
    NOT_ENOUGH_REPLICAS = (19, True)
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = (20, True)
    ILLEGAL_GENERATION = (22, False)
    INCONSISTENT_GROUP_PROTOCOL = (23, False)
    UNKNOWN_MEMBER_ID = (25, False)
    INVALID_SESSION_TIMEOUT = (26, False)
    REBALANCE_IN_PROGRESS = (27, False)
    UNSUPPORTED_VERSION = (35, False)
    TOPIC_ALREADY_EXISTS = (36, False)
    INVALID_PARTITIONS = (37, False)
    INVALID_REPLICATION_FACTOR = (38, False)
    INVALID_REPLICA_ASSIGNMENT = (39, False)
    INVALID_CONFIG = (40, False)
    NOT_CONTROLLER = (41, True)
    INVALID_REQUEST = (42, False)
    POLICY_VIOLATION = (44, False)
    OUT_OF_ORDER_SEQUENCE_NUMBER = (45, False)
    INVALID_PRODUCER_EPOCH = (47, False)
    INVALID_TXN_STATE = (48, False)
    INVALID_PRODUCER_ID_MAPPING = (49, False)
    INVALID_TRANSACTION_TIMEOUT = (50, False)
    CONCURRENT_TRANSACTIONS = (51, True)
    TRANSACTION_COORDINATOR_FENCED = (52, False)
    OPERATION_NOT_ATTEMPTED = (55, False)
    KAFKA_STORAGE_ERROR = (56, True)
    UNKNOWN_PRODUCER_ID = (59, False)
    NON_EMPTY_GROUP = (68, False)
    GROUP_ID_NOT_FOUND = (69, False)
    FETCH_SESSION_ID_NOT_FOUND = (70, True)
    INVALID_FETCH_SESSION_EPOCH = (71, True)
    TOPIC_DELETION_DISABLED = (73, False)
    FENCED_LEADER_EPOCH = (74, True)
    UNKNOWN_LEADER_EPOCH = (75, True)
    STALE_BROKER_EPOCH = (77, False)
    OFFSET_NOT_AVAILABLE = (78, True)
    MEMBER_ID_REQUIRED = (79, False)
    PREFERRED_LEADER_NOT_AVAILABLE = (80, True)
    GROUP_MAX_SIZE_REACHED = (81, False)
    FENCED_INSTANCE_ID = (82, False)
    ELIGIBLE_LEADERS_NOT_AVAILABLE = (83, True)
    ELECTION_NOT_NEEDED = (84, True)
    NO_REASSIGNMENT_IN_PROGRESS = (85, False)
    GROUP_SUBSCRIBED_TO_TOPIC = (86, False)
    INVALID_RECORD = (87, False)
    UNSTABLE_OFFSET_COMMIT = (88, True)
    PRODUCER_FENCED = (90, False)
    INVALID_UPDATE_VERSION = (95, False)
    UNKNOWN_TOPIC_ID = (100, True)
    DUPLICATE_BROKER_REGISTRATION = (101, False)
    INELIGIBLE_REPLICA = (107, False)
    NEW_LEADER_ELECTED = (108, False)
    FENCED_MEMBER_EPOCH = (110, False)
    UNRELEASED_INSTANCE_ID = (111, False)
    UNSUPPORTED_ASSIGNOR = (112, False)
    STALE_MEMBER_EPOCH = (113, False)
    TRANSACTION_ABORTABLE = (120, False)
    INVALID_RECORD_STATE = (121, False)
    SHARE_SESSION_NOT_FOUND = (122, True)
    INVALID_SHARE_SESSION_EPOCH = (123, True)
    INVALID_REGULAR_EXPRESSION = (128, False)
    SHARE_SESSION_LIMIT_REACHED = (133, True)

    def __init__(self, code: int, retriable: bool) -> None:
        self.code = code
        self.retriable = retriable


class KafkaError(Exception):
    """Base of the errors that Kafka itself would raise; `code` is its protocol name."""

    code = ErrorCode.NONE


class OffsetOutOfRangeError(KafkaError):
    """A read below the log start or beyond the log end."""

    code = ErrorCode.OFFSET_OUT_OF_RANGE


class CoordinatorLoadInProgressError(KafkaError):
    """A coordinator that has no producer id to give just now."""

    code = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


class OutOfOrderSequenceError(KafkaError):
    """An idempotent batch that leaves a gap, or is older than the last five."""

    code = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


class InvalidProducerEpochError(KafkaError):
    """A batch of a producer epoch below the current one."""

    code = ErrorCode.INVALID_PRODUCER_EPOCH


class InvalidTxnStateError(KafkaError):
    """A write that does not fit the state of its producer's transaction."""

    code = ErrorCode.INVALID_TXN_STATE


class TransactionCoordinatorFencedError(KafkaError):
    """A marker of a transaction coordinator that a newer one has replaced."""

    code = ErrorCode.TRANSACTION_COORDINATOR_FENCED


class RecordBatchTooLargeError(KafkaError):
    """A batch larger than a whole segment, or than max.message.bytes."""

    code = ErrorCode.RECORD_LIST_TOO_LARGE


class InvalidReplicationFactorError(KafkaError):
    """More replicas asked for than there are usable brokers."""

    code = ErrorCode.INVALID_REPLICATION_FACTOR


class PolicyViolationError(KafkaError):
    """A request that the topic's configuration forbids."""

    code = ErrorCode.POLICY_VIOLATION


class ConfigError(ValueError):
    """A configuration key or value that Kafka (ConfigException), or the simulator, refuses; one line for people."""


class IllegalStateError(ValueError):
    """A client's method called when it must not be: a mistake of the application, in one line for people.

    Kafka's IllegalStateException, and InvalidGroupIdException.
    """
