"""Requests to transaction coordinators, and from them to the leaders of the partitions in a transaction.

Source: clients/src/main/resources/common/message/EndTxnRequest.json and its siblings
Fidelity: approximate — request and response sizes are counted per partition, not encoded
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "AddPartitionsToTxnRequest",
    "AddPartitionsToTxnResponse",
    "EndTxnRequest",
    "EndTxnResponse",
    "TxnMarkerEntry",
    "TxnOffsetCommitRequest",
    "TxnOffsetCommitResponse",
    "WriteTxnMarkersRequest",
    "WriteTxnMarkersResponse",
]


@dataclass(slots=True)
class TxnMarkerEntry:
    """The end of one transaction, for the partitions of it that the receiver leads.

    Source: clients/src/main/resources/common/message/WriteTxnMarkersRequest.json
    Fidelity: exact
    """

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    commit: bool
    partitions: Sequence[TopicPartition]
    transaction_version: int = 2


@dataclass(slots=True)
class WriteTxnMarkersRequest(Message):
    """A coordinator has decided transactions: write their markers."""

    markers: Sequence[TxnMarkerEntry]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + sum(PARTITION_SIZE_BYTES * (1 + len(marker.partitions)) for marker in self.markers)


@dataclass(slots=True)
class WriteTxnMarkersResponse(Message):
    """What became of the marker in each partition, by producer id."""

    errors: dict[int, dict[TopicPartition, ErrorCode]] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + sum(PARTITION_SIZE_BYTES * (1 + len(errors)) for errors in self.errors.values())


@dataclass(slots=True)
class AddPartitionsToTxnRequest(Message):
    """A leader adds partitions to the transaction of a producer that writes to them."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    partitions: Sequence[TopicPartition]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * (1 + len(self.partitions))


@dataclass(slots=True)
class AddPartitionsToTxnResponse(Message):
    """Whether the partitions belong to the transaction; they share one fate."""

    error: ErrorCode


@dataclass(slots=True)
class EndTxnRequest(Message):
    """A producer commits or aborts."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    committed: bool


@dataclass(slots=True)
class EndTxnResponse(Message):
    """The transaction is decided; id and epoch are those of the producer's next one."""

    error: ErrorCode
    producer_id: int = -1
    producer_epoch: int = -1


@dataclass(slots=True)
class TxnOffsetCommitRequest(Message):
    """Offsets of a group to store when the producer's transaction commits."""

    transactional_id: str
    group_id: str
    producer_id: int
    producer_epoch: int
    generation_id: int
    member_id: str
    group_instance_id: str | None
    offsets: dict[TopicPartition, int]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * (1 + len(self.offsets))


@dataclass(slots=True)
class TxnOffsetCommitResponse(Message):
    """Whether the offsets are written; all partitions share one fate."""

    error: ErrorCode
