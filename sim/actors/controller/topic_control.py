"""The part of the controller that creates, changes and deletes topics.

Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java createTopics, deleteTopics,
    createPartitions; ConfigurationControlManager.java incrementalAlterConfigs
Fidelity: approximate — configurations of topics only; no limit of partitions per request
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.rules.config import BrokerConfig
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import ConfigRecord, MetadataRecord, PartitionChange, RemoveTopicRecord, TopicRecord
from sim.rules.controller.topic_configs import AlterConfigOp, altered_config, canonical_config
from sim.rules.controller.topic_creation import (
    TopicRefusedError,
    added_partitions,
    new_topic_partitions,
    require_new_topic_name,
)
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.facts.journal import TopicCreated
from sim.rules.facts.topic import PartitionsCreated, TopicConfigChanged, TopicDeleted
from sim.rules.protocol.topic import (
    AlterConfigsResponse,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    IncrementalAlterConfigsRequest,
    NewPartitions,
    NewTopic,
    TopicError,
    TopicErrors,
)
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller

__all__ = ["TopicControl"]

MIN_INSYNC_REPLICAS = "min.insync.replicas"


class TopicControl:
    """Takes orders for topics, each topic on its own, and writes what is accepted; answered when that is committed."""

    def __init__(self, controller: "Controller", config: BrokerConfig) -> None:
        self._controller = controller
        self._config = config

    def create(self, request: ServerRequest, body: CreateTopicsRequest) -> None:
        """CreateTopics."""
        names = [topic.name for topic in body.topics]
        twice = {name for name in names if names.count(name) > 1}
        answers: TopicErrors = {}
        for topic in body.topics:
            if topic.name in twice:
                answers[topic.name] = TopicError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
            else:
                answers[topic.name] = self._attempt(self._create, topic, body.validate_only)
        self._controller.reply(request, CreateTopicsResponse(answers))

    def delete(self, request: ServerRequest, body: DeleteTopicsRequest) -> None:
        """DeleteTopics."""
        answers = {name: self._attempt(self._delete, name) for name in body.topics}
        self._controller.reply(request, DeleteTopicsResponse(answers))

    def create_partitions(self, request: ServerRequest, body: CreatePartitionsRequest) -> None:
        """CreatePartitions."""
        answers = {
            name: self._attempt(self._add, name, wanted, body.validate_only) for name, wanted in body.topics.items()
        }
        self._controller.reply(request, CreatePartitionsResponse(answers))

    def alter_configs(self, request: ServerRequest, body: IncrementalAlterConfigsRequest) -> None:
        """IncrementalAlterConfigs."""
        answers = {name: self._attempt(self._alter, name, ops, body.validate_only) for name, ops in body.topics.items()}
        self._controller.reply(request, AlterConfigsResponse(answers))

    def _attempt(self, action: Callable[..., None], *details: object) -> TopicError:
        try:
            action(*details)
        except KafkaError as refused:
            return TopicError(refused.code, str(refused))
        return TopicError(ErrorCode.NONE)

    def _create(self, topic: NewTopic, validate_only: bool) -> None:
        image = self._controller.image
        require_new_topic_name(topic.name, image.partition_counts)
        ops = [AlterConfigOp(key, value) for key, value in canonical_config(topic.config).items()]
        configs = altered_config(self._config, topic.name, {}, ops)
        partitions = new_topic_partitions(topic, self._config, image.brokers, self._controller.random.randrange)
        if not validate_only:
            self._controller.announce(TopicCreated(topic.name, len(partitions), len(partitions[0].replicas)))
            self._controller.write([TopicRecord(topic.name), *configs, *_partition_records(topic.name, 0, partitions)])

    def _delete(self, name: str) -> None:
        if not self._config.delete_topic_enable:
            raise TopicRefusedError(ErrorCode.TOPIC_DELETION_DISABLED, "Topic deletion is disabled.")
        self._need(name)
        self._controller.announce(TopicDeleted(name))
        self._controller.write([RemoveTopicRecord(name)])

    def _add(self, name: str, wanted: NewPartitions, validate_only: bool) -> None:
        self._need(name)
        image = self._controller.image
        present = [image.partitions[partition] for partition in image.topic_partitions(name)]
        added = added_partitions(name, wanted, present, image.brokers, self._controller.random.randrange)
        if not validate_only:
            self._controller.announce(PartitionsCreated(name, wanted.total_count))
            self._controller.write(_partition_records(name, len(present), added))

    def _alter(self, name: str, ops: Sequence[AlterConfigOp], validate_only: bool) -> None:
        image = self._controller.image
        records = altered_config(self._config, name, image.topic_configs.get(name, {}), ops)
        self._need(name)
        if not validate_only:
            for record in records:
                self._controller.announce(TopicConfigChanged(name, record.key, str(record.value)))
            self._controller.write([*records, *self._without_elr(name, records)])

    def _without_elr(self, name: str, records: Iterable[ConfigRecord]) -> list[MetadataRecord]:
        """A new min.insync.replicas takes every eligible leader replica's eligibility away.

        Source: metadata/src/main/java/org/apache/kafka/controller/ConfigurationControlManager.java
            createClearElrRecordsAsNeeded, ReplicationControlManager.java replay ClearElrRecord
        """
        if all(record.key != MIN_INSYNC_REPLICAS for record in records):
            return []
        image = self._controller.image
        known = [(partition, image.partitions[partition]) for partition in image.topic_partitions(name)]
        return [
            PartitionChange(partition, replace(registration, elr=(), last_known_elr=()))
            for partition, registration in known
            if registration.elr or registration.last_known_elr
        ]

    def _need(self, name: str) -> None:
        if name not in self._controller.image.partition_counts:
            words = f"This server does not host topic '{name}'."
            raise TopicRefusedError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, words)


def _partition_records(topic: str, first: int, partitions: Sequence[PartitionRegistration]) -> list[MetadataRecord]:
    return [PartitionChange(TopicPartition(topic, number), found) for number, found in enumerate(partitions, first)]
