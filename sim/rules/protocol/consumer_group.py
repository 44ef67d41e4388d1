"""Requests and responses of consumer groups with the consumer protocol (KIP-848).

Source: clients/src/main/resources/common/message/ConsumerGroupHeartbeatRequest.json and its siblings
Fidelity: approximate — topics have names instead of ids, sizes are counted per partition, not encoded
"""

from dataclasses import dataclass

from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, NAME_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "JOIN_GROUP_MEMBER_EPOCH",
    "LEAVE_GROUP_MEMBER_EPOCH",
    "LEAVE_GROUP_STATIC_MEMBER_EPOCH",
    "ConsumerGroupDescribeRequest",
    "ConsumerGroupDescribeResponse",
    "ConsumerGroupHeartbeatRequest",
    "ConsumerGroupHeartbeatResponse",
    "DescribedMember",
    "Partitions",
    "heartbeat_refusal",
]

JOIN_GROUP_MEMBER_EPOCH = 0
LEAVE_GROUP_MEMBER_EPOCH = -1
LEAVE_GROUP_STATIC_MEMBER_EPOCH = -2

PARTITION_INDEX_SIZE_BYTES = 4

Partitions = frozenset[TopicPartition]


@dataclass(slots=True)
class ConsumerGroupHeartbeatRequest(Message):
    """A member is alive, and what has changed since its last heartbeat; None or -1 stand for no change.

    `member_epoch` 0 joins, -1 leaves, -2 leaves for a while as a static member. `topic_partitions` are those owned.
    """

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str = ""
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    subscribed_topic_names: tuple[str, ...] | None = None
    subscribed_topic_regex: str | None = None
    server_assignor: str | None = None
    topic_partitions: Partitions | None = None

    @property
    def is_full(self) -> bool:
        """Whether it says everything, as after an error, so that the answer has to do so as well.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
            consumerGroupHeartbeat
        Fidelity: exact
        """
        subscribes = self.subscribed_topic_names is not None or self.subscribed_topic_regex is not None
        return self.rebalance_timeout_ms != -1 and subscribes and self.topic_partitions is not None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        names = 2 + len(self.subscribed_topic_names or ())
        owned = len(self.topic_partitions or ())
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * names + PARTITION_INDEX_SIZE_BYTES * owned


@dataclass(slots=True)
class ConsumerGroupHeartbeatResponse(Message):
    """The member's epoch, and its assignment if that has changed (or everything was asked for)."""

    error: ErrorCode
    member_id: str = ""
    member_epoch: int = 0
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES + PARTITION_INDEX_SIZE_BYTES * len(self.assignment or ())


@dataclass(slots=True)
class ConsumerGroupDescribeRequest(Message):
    """What is the state of this group?"""

    group_id: str


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """One member: what it has, and what it should have."""

    member_id: str
    member_epoch: int
    client_id: str
    instance_id: str | None
    subscribed_topic_names: tuple[str, ...]
    subscribed_topic_regex: str
    assignment: tuple[TopicPartition, ...]
    target_assignment: tuple[TopicPartition, ...]


@dataclass(slots=True)
class ConsumerGroupDescribeResponse(Message):
    """A group as its coordinator has it, or GROUP_ID_NOT_FOUND."""

    error: ErrorCode
    group_state: str = ""
    group_epoch: int = 0
    assignment_epoch: int = 0
    assignor_name: str = ""
    members: tuple[DescribedMember, ...] = ()

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        listed = sum(len(member.assignment) + len(member.target_assignment) for member in self.members)
        return HEADER_SIZE_BYTES + 4 * NAME_SIZE_BYTES * len(self.members) + PARTITION_INDEX_SIZE_BYTES * listed


def heartbeat_refusal(request: ConsumerGroupHeartbeatRequest, assignors: tuple[str, ...]) -> ErrorCode | None:
    """Why a heartbeat is refused before anybody looks for its group, or None.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
        throwIfConsumerGroupHeartbeatRequestIsInvalid
    Fidelity: exact
    """
    empty = "" in (request.member_id, request.group_id, request.instance_id, request.rack_id)
    if empty or request.member_epoch < LEAVE_GROUP_STATIC_MEMBER_EPOCH:
        return ErrorCode.INVALID_REQUEST
    if request.member_epoch == JOIN_GROUP_MEMBER_EPOCH and (not request.is_full or request.topic_partitions):
        return ErrorCode.INVALID_REQUEST
    if request.member_epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH and request.instance_id is None:
        return ErrorCode.INVALID_REQUEST
    if request.server_assignor is not None and request.server_assignor not in assignors:
        return ErrorCode.UNSUPPORTED_ASSIGNOR
    return None
