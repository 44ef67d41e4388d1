"""Requests and responses between brokers and the controller.

Source: clients/src/main/resources/common/message/*.json
Fidelity: approximate — sizes are counted per partition, not encoded; a controller sends each partition as it is now,
    where Kafka's metadata log holds what changed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sim.rules.controller.metadata import MetadataImage, PartitionChange, RemoveTopicRecord
from sim.rules.controller.reassignment import Assignment
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.replication.alter_partition import ProposedIsr
from sim.rules.topics import TopicPartition

__all__ = [
    "AllocateProducerIdsRequest",
    "AllocateProducerIdsResponse",
    "AlterPartitionReassignmentsRequest",
    "AlterPartitionReassignmentsResponse",
    "AlterPartitionRequest",
    "AlterPartitionResponse",
    "AlteredPartition",
    "AssignReplicasToDirsRequest",
    "AssignReplicasToDirsResponse",
    "BrokerHeartbeatRequest",
    "BrokerHeartbeatResponse",
    "BrokerRegistrationRequest",
    "BrokerRegistrationResponse",
    "ElectLeadersRequest",
    "ElectLeadersResponse",
    "FetchMetadataRequest",
    "FetchMetadataResponse",
    "ListPartitionReassignmentsRequest",
    "ListPartitionReassignmentsResponse",
]

METADATA_RECORD_SIZE_BYTES = 100


@dataclass(slots=True)
class BrokerRegistrationRequest(Message):
    """A broker that has started makes itself known; an incarnation is one life of its process.

    `previous_broker_epoch` is that of its last life if that life ended in a clean shutdown, else -1. Kafka lists the
    log directories that are online, by ids; here it is those that are not, by number.
    """

    broker_id: int
    incarnation: int
    rack: str
    previous_broker_epoch: int = -1
    offline_directories: tuple[int, ...] = ()


@dataclass(slots=True)
class BrokerRegistrationResponse(Message):
    """The broker's epoch: the offset of its registration record."""

    error: ErrorCode
    broker_epoch: int = -1


@dataclass(slots=True)
class BrokerHeartbeatRequest(Message):
    """A broker is alive, has applied the metadata log up to an offset, and wants to take part, or not, or to exit."""

    broker_id: int
    broker_epoch: int
    metadata_offset: int
    wants_fence: bool = False
    wants_shut_down: bool = False
    offline_directories: tuple[int, ...] = ()


@dataclass(slots=True)
class BrokerHeartbeatResponse(Message):
    """Whether the broker knows its own registration, whether the controller holds it fenced, whether it may exit."""

    error: ErrorCode
    is_caught_up: bool = False
    is_fenced: bool = True
    should_shut_down: bool = False


@dataclass(slots=True)
class AssignReplicasToDirsRequest(Message):
    """A broker tells in which of its log directories replicas lie."""

    broker_id: int
    broker_epoch: int
    directories: Mapping[TopicPartition, int]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.directories)


@dataclass(slots=True)
class AssignReplicasToDirsResponse(Message):
    """Whether the controller has taken note."""

    error: ErrorCode


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
class ElectLeadersRequest(Message):
    """Somebody wants leaders elected, the preferred ones or in default of a leader any; None for all partitions."""

    election: Literal["preferred", "unclean"]
    partitions: Sequence[TopicPartition] | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions or ())


@dataclass(slots=True)
class ElectLeadersResponse(Message):
    """What became of each partition; asked for all, those that needed no election are not named."""

    partitions: Mapping[TopicPartition, ErrorCode]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class AlterPartitionReassignmentsRequest(Message):
    """Move partitions to other replicas, the preferred leader first; None cancels the move that is under way."""

    partitions: Mapping[TopicPartition, tuple[int, ...] | None]
    allow_replication_factor_change: bool = True

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class AlterPartitionReassignmentsResponse(Message):
    """What became of each order; a move that is accepted goes on in the background."""

    partitions: Mapping[TopicPartition, ErrorCode]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)


@dataclass(slots=True)
class ListPartitionReassignmentsRequest(Message):
    """Which partitions are on the move? None asks for all."""

    partitions: Sequence[TopicPartition] | None = None


@dataclass(slots=True)
class ListPartitionReassignmentsResponse(Message):
    """The partitions on the move, with their replicas and which of them come and go."""

    partitions: Mapping[TopicPartition, Assignment]

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
    """A broker, an observer of the metadata quorum, fetches the metadata log from an offset, in an epoch it knows."""

    broker_id: int
    fetch_offset: int
    epoch: int = 1


@dataclass(slots=True)
class FetchMetadataResponse(Message):
    """The committed changes since that offset and the image that they lead to.

    Brokers at the same offset share one image object, which is never changed.
    """

    image: MetadataImage
    changes: list[PartitionChange | RemoveTopicRecord]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + METADATA_RECORD_SIZE_BYTES * len(self.changes)
