"""Internal topics made on demand: a broker asks, the controller places and writes.

Source: core/src/main/scala/kafka/server/AutoTopicCreationManager.scala,
    metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java createTopic
Fidelity: approximate — no more replicas than brokers that are alive
"""

from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import FORWARDING_RETRY_TIMEOUT_MS, controller_channel
from sim.actors.broker.socket_server import ServerRequest
from sim.rules.config import BrokerConfig
from sim.rules.controller.internal_topics import (
    CreateInternalTopicRequest,
    CreateInternalTopicResponse,
    internal_topics,
)
from sim.rules.controller.metadata import ConfigRecord, MetadataRecord, PartitionChange, TopicRecord
from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.controller.topic_creation import new_partition
from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.actors.controller.controller import Controller

__all__ = ["InternalTopicCreation", "InternalTopics"]


class InternalTopics:
    """The controller's side."""

    def __init__(self, controller: "Controller", config: BrokerConfig) -> None:
        self._controller = controller
        self._topics = internal_topics(config)

    def create(self, request: ServerRequest, body: CreateInternalTopicRequest) -> None:
        """Create a topic unless it exists; answered when that is committed."""
        image = self._controller.image
        if body.name not in image.partition_counts:
            topic = self._topics[body.name]
            known = sorted(image.brokers.values(), key=lambda broker: broker.broker_id)
            usable = [UsableBroker(broker.broker_id, broker.rack, broker.fenced) for broker in known]
            active = [broker.broker_id for broker in known if broker.is_active]
            factor = min(topic.replication_factor, len(usable))
            if not active:
                self._controller.reply(request, CreateInternalTopicResponse(ErrorCode.INVALID_REPLICATION_FACTOR))
                return
            placed = place_replicas(usable, topic.partition_count, factor, self._controller.random.randrange)
            changes: list[MetadataRecord] = [TopicRecord(topic.name)]
            changes += [ConfigRecord(topic.name, key, value) for key, value in topic.config.items()]
            for number, replicas in enumerate(placed):
                registration = new_partition(replicas, active.__contains__)
                if registration.isr:
                    changes.append(PartitionChange(TopicPartition(topic.name, number), registration))
            self._controller.write(changes)
        self._controller.reply(request, CreateInternalTopicResponse(ErrorCode.NONE))


class InternalTopicCreation:
    """A broker's side: one request at a time for each topic."""

    def __init__(self, broker: "Broker") -> None:
        timeout_ms = broker.config.request_timeout_ms
        self._channel = controller_channel(broker, timeout_ms, FORWARDING_RETRY_TIMEOUT_MS, 1000)
        self._asked: dict[str, None] = {}

    def want(self, name: str) -> None:
        """Ask for a topic, unless that is being done; metadata will tell of it."""
        if name not in self._asked:
            self._asked[name] = None
            request = CreateInternalTopicRequest(name)
            self._channel.request(request, lambda _: self._asked.pop(name))
