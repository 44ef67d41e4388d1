"""The cluster's metadata: what the KRaft metadata log says at one of its offsets.

An image is a value: applying records makes a new one, so brokers and clients that have seen the same
offset share the same object.

Source: metadata/src/main/java/org/apache/kafka/image/MetadataImage.java
Fidelity: approximate — topics, partitions, topic configurations and brokers; features, quotas, ACLs and client
    metadata are left out
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sim.rules.controller.election import PartitionRegistration
from sim.rules.producer.batching import retry_backoff_ms as exponential_backoff_ms
from sim.rules.topics import TopicPartition

__all__ = [
    "BrokerRegistration",
    "ConfigRecord",
    "LeaderChange",
    "MetadataImage",
    "MetadataRecord",
    "PartitionChange",
    "ProducerIdsRecord",
    "RemoveTopicRecord",
    "ReplicaDirectory",
    "TopicRecord",
    "refresh_backoff_ms",
]


@dataclass(frozen=True, slots=True)
class BrokerRegistration:
    """One broker as the controller knows it."""

    broker_id: int
    broker_epoch: int
    incarnation: int
    rack: str
    fenced: bool = True
    in_controlled_shutdown: bool = False
    offline_directories: tuple[int, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it may lead and be in sync: neither fenced nor about to shut down."""
        return not self.fenced and not self.in_controlled_shutdown


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A PartitionRecord or PartitionChangeRecord: the partition as it is from now on."""

    partition: TopicPartition
    registration: PartitionRegistration


@dataclass(frozen=True, slots=True)
class ReplicaDirectory:
    """In which of its broker's log directories a replica lies, where the broker has several."""

    partition: TopicPartition
    broker_id: int
    directory: int


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A topic exists from now on; its offset in the log serves as its id, so that two of the same name differ."""

    topic: str


@dataclass(frozen=True, slots=True)
class RemoveTopicRecord:
    """A topic exists no longer, with its partitions and its configuration."""

    topic: str


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """A topic's own value of a key in Kafka's writing; None takes the topic's own value away."""

    topic: str
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class ProducerIdsRecord:
    """All producer ids below this one are given out."""

    next_producer_id: int


@dataclass(frozen=True, slots=True)
class LeaderChange:
    """The first record of a leader in its epoch: what commits it commits all before it."""

    leader_id: int


MetadataRecord = (
    BrokerRegistration
    | PartitionChange
    | ReplicaDirectory
    | TopicRecord
    | RemoveTopicRecord
    | ConfigRecord
    | ProducerIdsRecord
    | LeaderChange
)


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """Brokers, partitions, topics and their own configurations at an offset of the metadata log.

    `topic_ids` and `topic_configs` are the same objects as before when no record has changed them; topics that were
    there from the start have no id.
    """

    offset: int = 0
    brokers: Mapping[int, BrokerRegistration] = field(default_factory=dict)
    partitions: Mapping[TopicPartition, PartitionRegistration] = field(default_factory=dict)
    partition_counts: Mapping[str, int] = field(default_factory=dict)
    topic_ids: Mapping[str, int] = field(default_factory=dict)
    topic_configs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    directories: Mapping[tuple[TopicPartition, int], int] = field(default_factory=dict)
    next_producer_id: int = 0

    def applied(self, offset: int, records: Sequence[MetadataRecord]) -> "MetadataImage":
        """The image after these records, at their last offset."""
        draft = _Draft(self)
        for position, record in enumerate(records, offset - len(records) + 1):
            draft.apply(position, record)
        return replace(
            self,
            offset=offset,
            brokers=draft.brokers,
            partitions=draft.partitions,
            partition_counts=draft.partition_counts,
            topic_ids=draft.topic_ids,
            topic_configs=draft.topic_configs,
            directories=draft.directories,
            next_producer_id=draft.next_producer_id,
        )

    def alive(self, broker_id: int) -> bool:
        """Whether a broker is registered and not fenced."""
        broker = self.brokers.get(broker_id)
        return broker is not None and not broker.fenced

    def is_active(self, broker_id: int) -> bool:
        """Whether a broker is registered, not fenced and not about to shut down."""
        broker = self.brokers.get(broker_id)
        return broker is not None and broker.is_active

    def directory(self, partition: TopicPartition, broker_id: int) -> int | None:
        """In which of its log directories a broker has a replica; None when that is not known, or it has but one."""
        return self.directories.get((partition, broker_id))

    def may_lead(self, partition: TopicPartition, broker_id: int) -> bool:
        """Whether a broker is active and the directory of its replica online.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java LeaderAcceptor
        Fidelity: exact
        """
        return self.is_active(broker_id) and self.has_online(partition, broker_id)

    def has_online(self, partition: TopicPartition, broker_id: int) -> bool:
        """Whether a broker's replica does not lie in a log directory that is offline."""
        broker = self.brokers.get(broker_id)
        return broker is None or self.directory(partition, broker_id) not in broker.offline_directories

    def leader(self, partition: TopicPartition) -> int:
        """The leader's broker id; -1 for a partition without one, or unknown."""
        registration = self.partitions.get(partition)
        return -1 if registration is None else registration.leader

    def topic_partitions(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic in order; none for an unknown topic."""
        return [TopicPartition(topic, number) for number in range(self.partition_counts.get(topic, 0))]


class _Draft:
    """The parts of the next image."""

    __slots__ = (
        "brokers",
        "directories",
        "next_producer_id",
        "partition_counts",
        "partitions",
        "topic_configs",
        "topic_ids",
    )

    def __init__(self, image: MetadataImage) -> None:
        self.brokers, self.partitions = dict(image.brokers), dict(image.partitions)
        self.partition_counts = dict(image.partition_counts)
        self.topic_ids, self.topic_configs = image.topic_ids, image.topic_configs
        self.directories = image.directories
        self.next_producer_id = image.next_producer_id

    def apply(self, position: int, record: MetadataRecord) -> None:
        if isinstance(record, PartitionChange):
            topic, partition = record.partition
            self.partitions[record.partition] = record.registration
            self.partition_counts[topic] = max(self.partition_counts.get(topic, 0), partition + 1)
        elif isinstance(record, BrokerRegistration):
            self.brokers[record.broker_id] = record
        elif isinstance(record, ReplicaDirectory):
            self.directories = {**self.directories, (record.partition, record.broker_id): record.directory}
        elif isinstance(record, TopicRecord):
            self.topic_ids = {**self.topic_ids, record.topic: position}
        elif isinstance(record, ConfigRecord):
            self._configure(record)
        elif isinstance(record, RemoveTopicRecord):
            self._remove(record.topic)
        elif isinstance(record, ProducerIdsRecord):
            self.next_producer_id = record.next_producer_id

    def _configure(self, record: ConfigRecord) -> None:
        known = {key: value for key, value in self.topic_configs.get(record.topic, {}).items() if key != record.key}
        if record.value is not None:
            known[record.key] = record.value
        self.topic_configs = {**self.topic_configs, record.topic: known}

    def _remove(self, topic: str) -> None:
        for number in range(self.partition_counts.pop(topic, 0)):
            self.partitions.pop(TopicPartition(topic, number), None)
        self.topic_ids = {name: known for name, known in self.topic_ids.items() if name != topic}
        self.directories = {key: known for key, known in self.directories.items() if key[0].topic != topic}
        self.topic_configs = {name: known for name, known in self.topic_configs.items() if name != topic}


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
