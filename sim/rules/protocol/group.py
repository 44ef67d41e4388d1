"""Requests and responses of consumer groups in Kafka's protocol, as far as the simulator speaks it.

Source: clients/src/main/resources/common/message/JoinGroupRequest.json and its siblings
Fidelity: approximate — request and response sizes are counted per partition and per member, not encoded
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, NAME_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "Assignment",
    "FindCoordinatorRequest",
    "FindCoordinatorResponse",
    "HeartbeatRequest",
    "JoinGroupRequest",
    "JoinGroupResponse",
    "LeaveGroupRequest",
    "OffsetAndMetadata",
    "OffsetCommitRequest",
    "OffsetCommitResponse",
    "OffsetFetchRequest",
    "OffsetFetchResponse",
    "SyncGroupRequest",
    "SyncGroupResponse",
]

Assignment = tuple[TopicPartition, ...]


class OffsetAndMetadata(NamedTuple):
    """An offset to commit, the next one to read, with a note for whoever reads it."""

    offset: int
    metadata: str = ""


@dataclass(slots=True)
class FindCoordinatorRequest(Message):
    """Which broker coordinates this group, or the transactions of this transactional id?"""

    group_id: str
    transactional: bool = False


@dataclass(slots=True)
class FindCoordinatorResponse(Message):
    """The coordinator's broker id, or COORDINATOR_NOT_AVAILABLE."""

    error: ErrorCode
    node_id: int = -1


@dataclass(slots=True)
class JoinGroupRequest(Message):
    """A member asks to join; an empty `member_id` is answered MEMBER_ID_REQUIRED first (KIP-394)."""

    group_id: str
    member_id: str
    client_id: str
    group_instance_id: str | None
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocols: tuple[tuple[str, Subscription], ...]


@dataclass(slots=True)
class JoinGroupResponse(Message):
    """The generation that begins; only the leader learns who the members are and what they subscribe to.

    `skip_assignment` tells a static leader that has come back that its group has an assignment.
    """

    error: ErrorCode
    generation_id: int = -1
    protocol_name: str = ""
    leader: str = ""
    member_id: str = ""
    members: Mapping[str, Subscription] = field(default_factory=dict)
    skip_assignment: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * (3 + 2 * len(self.members))


@dataclass(slots=True)
class SyncGroupRequest(Message):
    """The leader hands in the assignment; everybody else asks for its share."""

    group_id: str
    generation_id: int
    member_id: str
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    group_instance_id: str | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        listed = sum(len(assignment) for assignment in self.assignments.values())
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * (2 + listed)


@dataclass(slots=True)
class SyncGroupResponse(Message):
    """The partitions of one member."""

    error: ErrorCode
    assignment: Assignment = ()


@dataclass(slots=True)
class HeartbeatRequest(Message):
    """A member of a classic group is alive."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None


@dataclass(slots=True)
class LeaveGroupRequest(Message):
    """A member of a classic group goes; a static one may be named by its group.instance.id alone."""

    group_id: str
    member_id: str
    group_instance_id: str | None = None


@dataclass(slots=True)
class OffsetCommitRequest(Message):
    """Offsets to store: the next one to read, per partition."""

    group_id: str
    generation_id: int
    member_id: str
    offsets: dict[TopicPartition, int]
    group_instance_id: str | None = None
    metadata: Mapping[TopicPartition, str] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.offsets)


@dataclass(slots=True)
class OffsetCommitResponse(Message):
    """Whether the offsets are stored; all partitions of one commit share one fate here."""

    error: ErrorCode


@dataclass(slots=True)
class OffsetFetchRequest(Message):
    """The committed offsets of a group are asked for; stable ones are those that no open transaction may change."""

    group_id: str
    partitions: Sequence[TopicPartition] | None
    require_stable: bool = False


@dataclass(slots=True)
class OffsetFetchResponse(Message):
    """Committed offsets, and what was noted with them; a partition without one is left out."""

    error: ErrorCode
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    metadata: dict[TopicPartition, str] = field(default_factory=dict)
