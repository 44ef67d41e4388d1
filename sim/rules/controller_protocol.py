"""Requests and responses between brokers and the controller.

Source: clients/src/main/resources/common/message/*.json
Fidelity: approximate — sizes are counted per partition, not encoded; a controller sends each partition as it is now,
    where Kafka's metadata log holds what changed
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.rules.alter_partition import ProposedIsr
from sim.rules.errors import ErrorCode
from sim.rules.metadata import MetadataImage, PartitionChange
from sim.rules.protocol import HEADER_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "AllocateProducerIdsRequest",
    "AllocateProducerIdsResponse",
    "AlterPartitionRequest",
    "AlterPartitionResponse",
    "AlteredPartition",
    "BrokerHeartbeatRequest",
    "BrokerHeartbeatResponse",
    "BrokerRegistrationRequest",
    "BrokerRegistrationResponse",
    "FetchMetadataRequest",
    "FetchMetadataResponse",
]

METADATA_RECORD_SIZE_BYTES = 100


@dataclass(slots=True)
class BrokerRegistrationRequest(Message):
    """A broker that has started makes itself known; an incarnation is one life of its process."""

    broker_id: int
    incarnation: int
    rack: str
    clean_shutdown: bool


@dataclass(slots=True)
class BrokerRegistrationResponse(Message):
    """The broker's epoch: the offset of its registration record."""

    error: ErrorCode
    broker_epoch: int = -1


@dataclass(slots=True)
class BrokerHeartbeatRequest(Message):
    """A broker is alive, has applied the metadata log up to an offset, and wants to take part or not."""

    broker_id: int
    broker_epoch: int
    metadata_offset: int
    wants_fence: bool = False


@dataclass(slots=True)
class BrokerHeartbeatResponse(Message):
    """Whether the broker knows its own registration, and whether the controller holds it fenced."""

    error: ErrorCode
    is_caught_up: bool = False
    is_fenced: bool = True


@dataclass(slots=True)
class AlterPartitionRequest(Message):
    """A broker proposes new ISRs for partitions that it leads."""

    broker_id: int
    broker_epoch: int
    partitions: Mapping[TopicPartition, ProposedIsr]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class AlteredPartition:
    """A partition as the controller now has it, or why it refused the proposal."""

    error: ErrorCode
    isr: tuple[int, ...] = ()
    leader_epoch: int = -1
    partition_epoch: int = -1


@dataclass(slots=True)
class AlterPartitionResponse(Message):
    """What became of each proposal; an error of the whole request leaves all of them open."""

    error: ErrorCode
    partitions: Mapping[TopicPartition, AlteredPartition] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class AllocateProducerIdsRequest(Message):
    """A broker asks the controller for a block of producer ids."""

    broker_id: int
    broker_epoch: int


@dataclass(slots=True)
class AllocateProducerIdsResponse(Message):
    """The first id of a block and its length."""

    error: ErrorCode
    first_id: int = -1
    length: int = 0


@dataclass(slots=True)
class FetchMetadataRequest(Message):
    """A broker, an observer of the metadata quorum, fetches the metadata log from an offset."""

    broker_id: int
    fetch_offset: int


@dataclass(slots=True)
class FetchMetadataResponse(Message):
    """The committed changes since that offset and the image that they lead to.

    Brokers at the same offset share one image object, which is never changed.
    """

    image: MetadataImage
    changes: list[PartitionChange]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + METADATA_RECORD_SIZE_BYTES * len(self.changes)
