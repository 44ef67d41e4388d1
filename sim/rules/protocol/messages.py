"""Requests and responses of Kafka's protocol, as far as the simulator speaks it.

Field names are those of the message schemas; sizes on the wire are the schemas' fixed parts plus what
they carry, with topic names of `NAME_SIZE_BYTES` on average.

Source: clients/src/main/resources/common/message/*.json
Fidelity: approximate — request and response sizes are counted per partition and per member, not encoded
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.rules.controller.metadata import MetadataImage
from sim.rules.errors import ErrorCode
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.offset_lookup import FoundOffset
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactions import AbortedTransaction

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
ABORTED_TRANSACTION_SIZE_BYTES = 16


@dataclass(slots=True)
class Message:
    """Anything that crosses the network; one of no special size takes a header and a name.

    `throttle_time_ms`, in responses: the broker reads no further request for so long, as a quota is used up.
    """

    throttle_time_ms: int = field(default=0, kw_only=True)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES


@dataclass(slots=True)
class ErrorResponse(Message):
    """An answer that carries nothing but an error code."""

    error: ErrorCode


@dataclass(slots=True)
class ProduceRequest(Message):
    """Batches for partitions that one broker leads; `acks` is -1, 0 or 1.

    With a transactional id the leader adds the partitions to the producer's transaction (KIP-890).
    """

    acks: int
    timeout_ms: int
    batches: list[tuple[TopicPartition, RecordBatch]]
    transactional_id: str | None = None

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
    """From where one partition is wanted; `last_fetched_epoch` lets the leader see divergence (KIP-595).

    `log_start_offset` is that of a follower's own log.
    """

    fetch_offset: int
    max_bytes: int
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1
    log_start_offset: int = -1


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
    rack_id: str = ""
    read_committed: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * (len(self.partitions) + len(self.forgotten))


@dataclass(slots=True)
class FetchData:
    """One partition's part of a fetch response; `log_end_offset` goes with OFFSET_OUT_OF_RANGE only.

    `aborted` goes with read_committed: the aborted transactions that overlap with the batches.
    """

    error: ErrorCode
    high_watermark: int = -1
    log_start_offset: int = -1
    batches: list[RecordBatch] = field(default_factory=list)
    size_bytes: int = 0
    diverging_epoch: tuple[int, int] | None = None
    leader_id: int = -1
    leader_epoch: int = -1
    log_end_offset: int = -1
    preferred_read_replica: int = -1
    aborted: list[AbortedTransaction] | None = None


@dataclass(slots=True)
class FetchResponse(Message):
    """Data and news of the session's partitions; those without any are left out."""

    error: ErrorCode
    session_id: int
    partitions: dict[TopicPartition, FetchData] = field(default_factory=dict)

    def volume(self) -> tuple[int, int]:
        """Bytes and number of the batches in it."""
        size_bytes = batch_count = 0
        for data in self.partitions.values():
            size_bytes += data.size_bytes
            batch_count += len(data.batches)
        return size_bytes, batch_count

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        size = HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)
        for data in self.partitions.values():
            size += data.size_bytes
            if data.aborted:
                size += ABORTED_TRANSACTION_SIZE_BYTES * len(data.aborted)
        return size


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
    """An offset of each partition is asked for: by time, or -1 the latest, -2 the first, -3 that of the latest time."""

    partitions: Mapping[TopicPartition, int]
    read_committed: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class ListOffsetsResponse(Message):
    """Offsets found, offset -1 where no record is that late, and the partitions that this broker cannot answer for."""

    offsets: dict[TopicPartition, FoundOffset]
    errors: dict[TopicPartition, ErrorCode] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * (len(self.offsets) + len(self.errors))


@dataclass(slots=True)
class InitProducerIdRequest(Message):
    """An idempotent producer asks for its id, or a transactional one for an id and an epoch that fence others."""

    transactional_id: str | None = None
    transaction_timeout_ms: int = 60_000


@dataclass(slots=True)
class InitProducerIdResponse(Message):
    """A producer id and the epoch in which it is used."""

    error: ErrorCode
    producer_id: int = -1
    producer_epoch: int = 0
