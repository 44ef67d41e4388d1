"""The cluster's metadata: what the KRaft metadata log says at one of its offsets.

An image is a value: applying records makes a new one, so brokers and clients that have seen the same
offset share the same object.

Source: metadata/src/main/java/org/apache/kafka/image/MetadataImage.java
Fidelity: approximate — topics, partitions and brokers only; features, quotas, ACLs and client metadata are left out
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sim.rules.batching import retry_backoff_ms as exponential_backoff_ms
from sim.rules.election import PartitionRegistration
from sim.rules.topics import TopicPartition

__all__ = ["BrokerRegistration", "MetadataImage", "PartitionChange", "refresh_backoff_ms"]


@dataclass(frozen=True, slots=True)
class BrokerRegistration:
    """One broker as the controller knows it."""

    broker_id: int
    broker_epoch: int
    incarnation: int
    rack: str
    fenced: bool = True


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A PartitionRecord or PartitionChangeRecord: the partition as it is from now on."""

    partition: TopicPartition
    registration: PartitionRegistration


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """Brokers, partitions and partition counts at an offset of the metadata log."""

    offset: int = 0
    brokers: Mapping[int, BrokerRegistration] = field(default_factory=dict)
    partitions: Mapping[TopicPartition, PartitionRegistration] = field(default_factory=dict)
    partition_counts: Mapping[str, int] = field(default_factory=dict)

    def applied(self, offset: int, records: Iterable[BrokerRegistration | PartitionChange]) -> "MetadataImage":
        """The image after these records, at their last offset."""
        brokers, partitions = dict(self.brokers), dict(self.partitions)
        counts = dict(self.partition_counts)
        for record in records:
            if isinstance(record, BrokerRegistration):
                brokers[record.broker_id] = record
                continue
            topic, partition = record.partition
            partitions[record.partition] = record.registration
            counts[topic] = max(counts.get(topic, 0), partition + 1)
        return replace(self, offset=offset, brokers=brokers, partitions=partitions, partition_counts=counts)

    def alive(self, broker_id: int) -> bool:
        """Whether a broker is registered and not fenced."""
        broker = self.brokers.get(broker_id)
        return broker is not None and not broker.fenced

    def leader(self, partition: TopicPartition) -> int:
        """The leader's broker id; -1 for a partition without one, or unknown."""
        registration = self.partitions.get(partition)
        return -1 if registration is None else registration.leader

    def topic_partitions(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic in order; none for an unknown topic."""
        return [TopicPartition(topic, number) for number in range(self.partition_counts.get(topic, 0))]


def refresh_backoff_ms(
    failures: int, equivalent_responses: int, retry_backoff_ms: int, retry_backoff_max_ms: int, jitter: float = 0.0
) -> int:
    """How long after the last response, or failure, a client may ask for metadata again.

    `failures` in a row and `equivalent_responses`, which brought no newer leader epoch, each double the wait;
    `jitter` is drawn uniformly from -0.2 to 0.2.

    Source: clients/src/main/java/org/apache/kafka/clients/Metadata.java timeToAllowUpdate
    Fidelity: exact
    """
    doublings = max(failures, equivalent_responses, 1) - 1
    return exponential_backoff_ms(doublings, retry_backoff_ms, retry_backoff_max_ms, jitter)
