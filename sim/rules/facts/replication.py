"""What is announced of brokers that shut down and of replicas that move."""

from dataclasses import dataclass

from sim.rules.topics import TopicPartition

__all__ = ["REPLICATION_JOURNAL", "BrokerShuttingDown", "ReplicaChanged", "ReplicaDeleted", "ReplicasChanged"]


@dataclass(frozen=True, slots=True)
class BrokerShuttingDown:
    """The controller has taken a broker's leaderships away, as it asked to shut down."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class ReplicasChanged:
    """A partition is reassigned, or has arrived: its replicas, and those of them that come and go."""

    partition: TopicPartition
    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReplicaDeleted:
    """A broker has deleted a partition that it is no longer to have.

    `last_leader` tells that the topic is deleted, and that this was the replica that counted.
    """

    broker_id: int
    partition: TopicPartition
    log_end_offset: int
    last_leader: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ReplicaChanged:
    """A broker's replica may have another log end, log start, high watermark or registration; no part of the journal.

    Each life of a replica has one such fact, which is announced again and again.
    """

    broker_id: int
    partition: TopicPartition


REPLICATION_JOURNAL: tuple[type, ...] = (BrokerShuttingDown, ReplicasChanged, ReplicaDeleted)
