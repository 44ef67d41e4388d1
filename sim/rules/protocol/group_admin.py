"""Requests about groups that administrators send to coordinators.

Source: clients/src/main/resources/common/message/ListGroupsRequest.json and its siblings
Fidelity: approximate — one group per request, sizes are counted, not encoded
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, NAME_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "DeleteGroupRequest",
    "DeleteGroupResponse",
    "DescribeGroupRequest",
    "DescribeGroupResponse",
    "GroupListing",
    "GroupMember",
    "ListGroupsRequest",
    "ListGroupsResponse",
    "OffsetDeleteRequest",
    "OffsetDeleteResponse",
]


@dataclass(frozen=True, slots=True)
class GroupListing:
    """A group in a list; `group_type` is classic, consumer or share, `protocol_type` empty when it only has offsets."""

    group_id: str
    protocol_type: str
    state: str
    group_type: str


@dataclass(slots=True)
class ListGroupsRequest(Message):
    """Which groups does this broker coordinate? No states and no types ask for all."""

    states_filter: Sequence[str] = ()
    types_filter: Sequence[str] = ()


@dataclass(slots=True)
class ListGroupsResponse(Message):
    """The groups of one broker."""

    error: ErrorCode
    groups: Sequence[GroupListing] = ()

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + 3 * NAME_SIZE_BYTES * len(self.groups)


@dataclass(slots=True)
class DescribeGroupRequest(Message):
    """What is the state of this classic group?"""

    group_id: str


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group; a classic one's partitions are told while its group is stable."""

    member_id: str
    client_id: str
    group_instance_id: str | None
    assignment: tuple[TopicPartition, ...]
    member_epoch: int = -1


@dataclass(slots=True)
class DescribeGroupResponse(Message):
    """A classic group as its coordinator has it, or GROUP_ID_NOT_FOUND."""

    error: ErrorCode
    group_state: str = ""
    protocol_type: str = ""
    protocol_name: str = ""
    members: Sequence[GroupMember] = ()

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        listed = sum(len(member.assignment) for member in self.members)
        return HEADER_SIZE_BYTES + 3 * NAME_SIZE_BYTES * len(self.members) + PARTITION_SIZE_BYTES * listed


@dataclass(slots=True)
class DeleteGroupRequest(Message):
    """Delete a group without members, and its offsets."""

    group_id: str


@dataclass(slots=True)
class DeleteGroupResponse(Message):
    """Whether the group is gone."""

    error: ErrorCode


@dataclass(slots=True)
class OffsetDeleteRequest(Message):
    """Forget a group's offsets of partitions that none of its members subscribes to."""

    group_id: str
    partitions: Sequence[TopicPartition]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class OffsetDeleteResponse(Message):
    """What became of each partition; an error of the whole request leaves all of them as they were."""

    error: ErrorCode
    partitions: dict[TopicPartition, ErrorCode] = field(default_factory=dict)
