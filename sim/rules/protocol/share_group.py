"""Requests and responses of share groups (KIP-932): members and their coordinator, members and partition leaders.

Source: clients/src/main/resources/common/message/ShareGroupHeartbeatRequest.json, ShareFetchRequest.json,
    ShareAcknowledgeRequest.json and their responses
Fidelity: approximate — topics have names instead of ids, sizes are counted per partition, not encoded
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.rules.errors import ErrorCode
from sim.rules.protocol.consumer_group import (
    JOIN_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_MEMBER_EPOCH,
    ConsumerGroupHeartbeatResponse,
)
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, NAME_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.share.share_acknowledgement import Acknowledgement, AcknowledgeType
from sim.rules.share.share_acquisition import AcquiredRecords
from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition

__all__ = [
    "FINAL_EPOCH",
    "INITIAL_EPOCH",
    "AcknowledgeErrors",
    "Acknowledgements",
    "ShareAcknowledgeRequest",
    "ShareAcknowledgeResponse",
    "ShareFetchData",
    "ShareFetchLimits",
    "ShareFetchRequest",
    "ShareFetchResponse",
    "ShareGroupHeartbeatRequest",
    "ShareGroupHeartbeatResponse",
    "acknowledgements_refusal",
    "next_session_epoch",
    "share_heartbeat_refusal",
]

INITIAL_EPOCH = 0
FINAL_EPOCH = -1
_LARGEST_EPOCH = 0x7FFFFFFF
_ACKNOWLEDGEMENT_SIZE_BYTES = 20
_ACQUIRED_SIZE_BYTES = 18

Acknowledgements = Mapping[TopicPartition, Sequence[Acknowledgement]]
AcknowledgeErrors = dict[TopicPartition, ErrorCode]


@dataclass(slots=True)
class ShareGroupHeartbeatRequest(Message):
    """A member is alive; None stands for no change. `member_epoch` 0 joins, -1 leaves."""

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str = ""
    rack_id: str | None = None
    subscribed_topic_names: tuple[str, ...] | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * (2 + len(self.subscribed_topic_names or ()))


@dataclass(slots=True)
class ShareGroupHeartbeatResponse(ConsumerGroupHeartbeatResponse):
    """The member's epoch, and its assignment if that has changed; a partition may be that of several members."""


@dataclass(frozen=True, slots=True)
class ShareFetchLimits:
    """What a share fetch asks for at most; `max_records` is soft, `batch_size` the size of the pieces in records."""

    max_wait_ms: int = 500
    min_bytes: int = 1
    max_bytes: int = 52_428_800
    max_records: int = 500
    batch_size: int = 500


@dataclass(slots=True)
class ShareFetchRequest(Message):
    """A fetch of a share session, with acknowledgements of what was fetched before.

    `session_epoch` 0 opens a session, -1 ends it; only partitions `added` since and `forgotten` ones are listed. One
    that renews locks (`is_renewal`) fetches nothing.
    """

    group_id: str
    member_id: str
    session_epoch: int
    limits: ShareFetchLimits
    added: tuple[TopicPartition, ...] = ()
    forgotten: tuple[TopicPartition, ...] = ()
    acknowledgements: Acknowledgements = field(default_factory=dict)
    is_renewal: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        listed = PARTITION_SIZE_BYTES * (len(self.added) + len(self.forgotten))
        return HEADER_SIZE_BYTES + listed + _size_bytes(self.acknowledgements)


class ShareFetchData(NamedTuple):
    """One partition's part of the answer: record batches, and which of their offsets the member has been given."""

    error: ErrorCode
    batches: Sequence[RecordBatch] = ()
    acquired: Sequence[AcquiredRecords] = ()
    leader_id: int = -1
    leader_epoch: int = -1

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        records = sum(batch.size_bytes for batch in self.batches)
        return PARTITION_SIZE_BYTES + records + _ACQUIRED_SIZE_BYTES * len(self.acquired)


@dataclass(slots=True)
class ShareFetchResponse(Message):
    """Records of the session's partitions, and what became of the acknowledgements."""

    error: ErrorCode
    partitions: dict[TopicPartition, ShareFetchData] = field(default_factory=dict)
    acknowledge_errors: AcknowledgeErrors = field(default_factory=dict)
    acquisition_lock_timeout_ms: int = 0

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        size = HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.acknowledge_errors.keys() - self.partitions.keys())
        return size + sum(data.size_bytes() for data in self.partitions.values())


@dataclass(slots=True)
class ShareAcknowledgeRequest(Message):
    """What a member says of records that it was given; session epoch -1 gives back the rest and ends the session."""

    group_id: str
    member_id: str
    session_epoch: int
    acknowledgements: Acknowledgements = field(default_factory=dict)
    is_renewal: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + _size_bytes(self.acknowledgements)


@dataclass(slots=True)
class ShareAcknowledgeResponse(Message):
    """What became of each partition's acknowledgements; NONE where they count."""

    error: ErrorCode
    acknowledge_errors: AcknowledgeErrors = field(default_factory=dict)
    acquisition_lock_timeout_ms: int = 0

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.acknowledge_errors)


def share_heartbeat_refusal(request: ShareGroupHeartbeatRequest) -> ErrorCode | None:
    """Why a heartbeat is refused before anybody looks for its group, or None.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
        throwIfShareGroupHeartbeatRequestIsInvalid
    Fidelity: exact
    """
    empty = "" in (request.member_id, request.group_id, request.rack_id)
    silent = request.member_epoch == JOIN_GROUP_MEMBER_EPOCH and not request.subscribed_topic_names
    return ErrorCode.INVALID_REQUEST if empty or silent or request.member_epoch < LEAVE_GROUP_MEMBER_EPOCH else None


def acknowledgements_refusal(
    acknowledgements: Sequence[Acknowledgement], *, is_renewal: bool = False
) -> ErrorCode | None:
    """Why what is said of one partition is refused before anybody looks at its records, or None.

    Source: core/src/main/scala/kafka/server/KafkaApis.scala validateAcknowledgementBatches
    Fidelity: exact
    """
    before = -1
    for said in acknowledgements:
        unexpected = AcknowledgeType.RENEW in said.types and not is_renewal
        if said.first_offset > said.last_offset or said.first_offset < before or unexpected:
            return ErrorCode.INVALID_REQUEST
        before = said.last_offset
    return None


def next_session_epoch(epoch: int) -> int:
    """The epoch of the request after this one; after 2147483647 comes 1.

    Source: clients/src/main/java/org/apache/kafka/common/requests/ShareRequestMetadata.java nextEpoch
    Fidelity: exact
    """
    if epoch < 0:
        return FINAL_EPOCH
    return 1 if epoch == _LARGEST_EPOCH else epoch + 1


def _size_bytes(acknowledgements: Acknowledgements) -> int:
    size = PARTITION_SIZE_BYTES * len(acknowledgements)
    for said in acknowledgements.values():
        size += sum(_ACKNOWLEDGEMENT_SIZE_BYTES + len(piece.types) for piece in said)
    return size
