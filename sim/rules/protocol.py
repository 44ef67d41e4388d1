"""Requests and responses of Kafka's protocol, as far as the simulator speaks it.

Field names are those of the message schemas; sizes on the wire are the schemas' fixed parts plus what
they carry, with topic names of `NAME_SIZE_BYTES` on average.

Source: clients/src/main/resources/common/message/*.json
Fidelity: approximate — request and response sizes are counted per partition and per member, not encoded
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.rules.batch import RecordBatch
from sim.rules.errors import ErrorCode
from sim.rules.metadata import MetadataImage
from sim.rules.topics import TopicPartition

__all__ = [
    "ErrorResponse",
    "FetchData",
    "FetchPartition",
    "FetchRequest",
    "FetchResponse",
    "FindCoordinatorRequest",
    "FindCoordinatorResponse",
    "HeartbeatRequest",
    "InitProducerIdRequest",
    "InitProducerIdResponse",
    "JoinGroupRequest",
    "JoinGroupResponse",
    "LeaveGroupRequest",
    "ListOffsetsRequest",
    "ListOffsetsResponse",
    "MetadataRequest",
    "MetadataResponse",
    "OffsetCommitRequest",
    "OffsetCommitResponse",
    "OffsetFetchRequest",
    "OffsetFetchResponse",
    "ProduceData",
    "ProduceRequest",
    "ProduceResponse",
    "SyncGroupRequest",
    "SyncGroupResponse",
]

NAME_SIZE_BYTES = 24
HEADER_SIZE_BYTES = 32
PARTITION_SIZE_BYTES = 40

Assignment = tuple[TopicPartition, ...]


@dataclass(slots=True)
class Message:
    """Anything that crosses the network; one of no special size takes a header and a name."""

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES


@dataclass(slots=True)
class ErrorResponse(Message):
    """An answer that carries nothing but an error code."""

    error: ErrorCode


@dataclass(slots=True)
class ProduceRequest(Message):
    """Batches for partitions that one broker leads; `acks` is -1, 0 or 1."""

    acks: int
    timeout_ms: int
    batches: list[tuple[TopicPartition, RecordBatch]]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + sum(PARTITION_SIZE_BYTES + batch.size_bytes for _, batch in self.batches)


@dataclass(slots=True)
class ProduceData:
    """What became of one batch; the current leader is told with NOT_LEADER_OR_FOLLOWER (KIP-951)."""

    error: ErrorCode
    base_offset: int = -1
    leader_id: int = -1
    leader_epoch: int = -1


@dataclass(slots=True)
class ProduceResponse(Message):
    """What became of each partition's batch."""

    partitions: dict[TopicPartition, ProduceData]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class FetchPartition:
    """From where one partition is wanted; `last_fetched_epoch` lets the leader see divergence (KIP-595)."""

    fetch_offset: int
    max_bytes: int
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1


@dataclass(slots=True)
class FetchRequest(Message):
    """A fetch of an incremental session (KIP-227): only what changed since the last one is listed.

    `replica_id` is -1 for consumers; `session_epoch` 0 opens a session.
    """

    replica_id: int
    session_id: int
    session_epoch: int
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    partitions: dict[TopicPartition, FetchPartition]
    forgotten: Sequence[TopicPartition] = ()
    replica_epoch: int = -1

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * (len(self.partitions) + len(self.forgotten))


@dataclass(slots=True)
class FetchData:
    """One partition's part of a fetch response; `log_end_offset` goes with OFFSET_OUT_OF_RANGE only."""

    error: ErrorCode
    high_watermark: int = -1
    log_start_offset: int = -1
    batches: list[RecordBatch] = field(default_factory=list)
    size_bytes: int = 0
    diverging_epoch: tuple[int, int] | None = None
    leader_id: int = -1
    leader_epoch: int = -1
    log_end_offset: int = -1


@dataclass(slots=True)
class FetchResponse(Message):
    """Data and news of the session's partitions; those without any are left out."""

    error: ErrorCode
    session_id: int
    partitions: dict[TopicPartition, FetchData] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + sum(PARTITION_SIZE_BYTES + data.size_bytes for data in self.partitions.values())


@dataclass(slots=True)
class MetadataRequest(Message):
    """A client asks for brokers, topics and leaders."""


@dataclass(slots=True)
class MetadataResponse(Message):
    """The broker's view of the cluster."""

    image: MetadataImage

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.image.partitions)


@dataclass(slots=True)
class FindCoordinatorRequest(Message):
    """Which broker coordinates this group?"""

    group_id: str


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
    protocols: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(slots=True)
class JoinGroupResponse(Message):
    """The generation that begins; only the leader learns who the members are and what they subscribe to."""

    error: ErrorCode
    generation_id: int = -1
    protocol_name: str = ""
    leader: str = ""
    member_id: str = ""
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_instance_ids: Mapping[str, str] = field(default_factory=dict)

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


@dataclass(slots=True)
class LeaveGroupRequest(Message):
    """A member of a classic group goes."""

    group_id: str
    member_id: str


@dataclass(slots=True)
class OffsetCommitRequest(Message):
    """Offsets to store: the next one to read, per partition."""

    group_id: str
    generation_id: int
    member_id: str
    offsets: dict[TopicPartition, int]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.offsets)


@dataclass(slots=True)
class OffsetCommitResponse(Message):
    """Whether the offsets are stored; all partitions of one commit share one fate here."""

    error: ErrorCode


@dataclass(slots=True)
class OffsetFetchRequest(Message):
    """The committed offsets of a group are asked for."""

    group_id: str
    partitions: Sequence[TopicPartition]


@dataclass(slots=True)
class OffsetFetchResponse(Message):
    """Committed offsets; a partition without one is left out."""

    error: ErrorCode
    offsets: dict[TopicPartition, int] = field(default_factory=dict)


@dataclass(slots=True)
class ListOffsetsRequest(Message):
    """The first (`earliest`) or next (`latest`) offset of partitions."""

    partitions: Sequence[TopicPartition]
    earliest: bool


@dataclass(slots=True)
class ListOffsetsResponse(Message):
    """Offsets found, and the partitions that this broker does not lead."""

    offsets: dict[TopicPartition, int]
    errors: dict[TopicPartition, ErrorCode] = field(default_factory=dict)


@dataclass(slots=True)
class InitProducerIdRequest(Message):
    """An idempotent producer asks for its id."""


@dataclass(slots=True)
class InitProducerIdResponse(Message):
    """A producer id of its own, epoch 0."""

    error: ErrorCode
    producer_id: int = -1
