"""What an administrator may ask and order of topics and of the cluster.

Source: clients/src/main/java/org/apache/kafka/clients/admin/KafkaAdminClient.java
Fidelity: approximate — any broker is asked, where Kafka's client sends orders to the one that is called controller
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim.actors.admin.admin_calls import AdminCalls, Asking, require_success, require_topics
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.controller.topic_configs import AlterConfigOp, ConfigEntry
from sim.rules.errors import ErrorCode
from sim.rules.protocol.admin import INTERNAL_TOPICS
from sim.rules.protocol.topic import (
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    NewPartitions,
    NewTopic,
)

__all__ = ["AdminTopics", "ClusterDescription", "TopicDescription"]

Changes = Mapping[str, object] | Sequence[AlterConfigOp]


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic and its partitions in order: leader, replicas, in-sync and eligible replicas."""

    name: str
    partitions: tuple[PartitionRegistration, ...]
    is_internal: bool = False


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    """The brokers that take part."""

    nodes: tuple[BrokerRegistration, ...]


class AdminTopics(AdminCalls):
    """Orders are answered when the controller has committed them; other brokers learn of them a little later."""

    def create_topics(self, new_topics: Iterable[NewTopic], validate_only: bool = False) -> Asking[None]:
        """Create topics. Raises AdminError (TOPIC_ALREADY_EXISTS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG…)."""
        response = yield from self._ask_any(CreateTopicsRequest(tuple(new_topics), validate_only))
        require_topics(response.topics)

    def delete_topics(self, topics: Iterable[str]) -> Asking[None]:
        """Delete topics. Raises AdminError (UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED)."""
        response = yield from self._ask_any(DeleteTopicsRequest(tuple(topics)))
        require_topics(response.topics)

    def create_partitions(
        self, topic_partitions: Mapping[str, NewPartitions | int], validate_only: bool = False
    ) -> Asking[None]:
        """Give topics more partitions, to a total count each. Raises AdminError (INVALID_PARTITIONS…)."""
        wanted = {
            topic: NewPartitions(count) if isinstance(count, int) else count
            for topic, count in topic_partitions.items()
        }
        response = yield from self._ask_any(CreatePartitionsRequest(wanted, validate_only))
        require_topics(response.topics)

    def list_topics(self, list_internal: bool = False) -> Asking[list[str]]:
        """The names of all topics, in order; internal ones on demand."""
        image = yield from self._image()
        return sorted(name for name in image.partition_counts if list_internal or not _is_internal(name))

    def describe_topics(self, topics: Iterable[str] | None = None) -> Asking[dict[str, TopicDescription]]:
        """The partitions of topics, None for all but internal ones. Raises AdminError for an unknown topic."""
        image = yield from self._image()
        names = [name for name in image.partition_counts if not _is_internal(name)] if topics is None else list(topics)
        known = image.partition_counts
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        require_success({name: ErrorCode.NONE if name in known else unknown for name in names})
        return {
            name: TopicDescription(
                name,
                tuple(image.partitions[partition] for partition in image.topic_partitions(name)),
                _is_internal(name),
            )
            for name in names
        }

    def describe_cluster(self) -> Asking[ClusterDescription]:
        """The brokers that are not fenced."""
        image = yield from self._image()
        alive = [image.brokers[broker] for broker in sorted(image.brokers) if image.alive(broker)]
        return ClusterDescription(tuple(alive))

    def describe_configs(
        self, topics: Iterable[str], keys: Sequence[str] | None = None
    ) -> Asking[dict[str, dict[str, ConfigEntry]]]:
        """The configurations that hold, by topic and key. Raises AdminError for an unknown topic."""
        wanted = None if keys is None else tuple(key.replace("_", ".") for key in keys)
        response = yield from self._ask_any(DescribeConfigsRequest(dict.fromkeys(topics, wanted)))
        found = response.topics
        require_success({name: ErrorCode.NONE if isinstance(got, list) else got for name, got in found.items()})
        return {name: {entry.name: entry for entry in entries} for name, entries in found.items()}

    def incremental_alter_configs(self, changes: Mapping[str, Changes], validate_only: bool = False) -> Asking[None]:
        """Change topics' own configurations: values by key, or operations. Raises AdminError (INVALID_CONFIG…)."""
        ops = {topic: _operations(change) for topic, change in changes.items()}
        response = yield from self._ask_any(IncrementalAlterConfigsRequest(ops, validate_only))
        require_topics(response.topics)


def _is_internal(topic: str) -> bool:
    return topic in INTERNAL_TOPICS


def _operations(changes: Changes) -> tuple[AlterConfigOp, ...]:
    if isinstance(changes, Mapping):
        return tuple(AlterConfigOp(key, value) for key, value in changes.items())
    return tuple(changes)
