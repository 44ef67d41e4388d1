"""Requests and responses of Kafka's protocol, as far as the simulator speaks it.

Field names are those of the message schemas; sizes on the wire are the schemas' fixed parts plus what
they carry, with topic names of `NAME_SIZE_BYTES` on average.

Source: clients/src/main/resources/common/message/*.json
Fidelity: approximate — request and response sizes are counted per partition and per member, not encoded
"""

from collections.abc import Sequence
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
    "InitProducerIdRequest",
    "InitProducerIdResponse",
    "ListOffsetsRequest",
    "ListOffsetsResponse",
    "MetadataRequest",
    "MetadataResponse",
    "ProduceData",
    "ProduceRequest",
    "ProduceResponse",
]

NAME_SIZE_BYTES = 24
HEADER_SIZE_BYTES = 32
PARTITION_SIZE_BYTES = 40


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
