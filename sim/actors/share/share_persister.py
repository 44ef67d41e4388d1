"""A broker's way to the share coordinators, which keep what it knows of its share partitions.

Source: server-common/src/main/java/org/apache/kafka/server/share/persister/PersisterStateManager.java
Fidelity: approximate — the coordinator is looked up in the broker's own metadata; writes to one coordinator are not
    put together
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.actors.broker.internal_topics import InternalTopicCreation
from sim.actors.client.coordinator_client import LOST_COORDINATOR
from sim.actors.client.network_client import NetworkClient
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.consumer_group import Partitions
from sim.rules.protocol.messages import Message
from sim.rules.share.share_group_state import (
    SHARE_GROUP_STATE_TOPIC,
    ReadShareGroupStateRequest,
    ShareGroupStateResponse,
    SharePartitionKey,
    SharePartitionState,
    WriteShareGroupStateRequest,
    partition_for_share_key,
)
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["SharePersister"]

BACKOFF_MS = 1000
BACKOFF_MAX_MS = 30_000
JITTER = 0.2
MAX_ATTEMPTS = 5
RETRIED = (*LOST_COORDINATOR, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)

States = Sequence[tuple[SharePartitionKey, SharePartitionState]]
Answered = Callable[[ErrorCode, SharePartitionState | None], None]


class SharePersister:
    """Writes and reads states of share partitions, again if the coordinator is not to be found."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._network = NetworkClient(broker, broker.directory, broker.config.request_timeout_ms)
        self._topics = InternalTopicCreation(broker)

    def initialize(self, group_id: str, partitions: Partitions, then: Callable[[ErrorCode], None]) -> None:
        """Let these partitions have a state; `then` is told the first error, or NONE."""
        states = [(SharePartitionKey(group_id, name), SharePartitionState()) for name in sorted(partitions)]
        self._when_topic_exists(0, lambda error: self._initialize(states, error, then))

    def _initialize(self, states: States, error: ErrorCode, then: Callable[[ErrorCode], None]) -> None:
        if error is not ErrorCode.NONE:
            then(error)
            return
        by_coordinator: dict[TopicPartition, list[tuple[SharePartitionKey, SharePartitionState]]] = {}
        for key, state in states:
            by_coordinator.setdefault(self._home(key), []).append((key, state))
        left, failure = len(by_coordinator), ErrorCode.NONE

        def written(error: ErrorCode, _: SharePartitionState | None) -> None:
            nonlocal left, failure
            left -= 1
            failure = error if failure is ErrorCode.NONE else failure
            if not left:
                then(failure)

        for together in by_coordinator.values():
            self._ask(together[0][0], WriteShareGroupStateRequest(tuple(together)), written)

    def write(self, key: SharePartitionKey, state: SharePartitionState, then: Callable[[ErrorCode], None]) -> None:
        """Keep a state; `then` is called when that is committed, or will not be."""
        self._ask(key, WriteShareGroupStateRequest(((key, state),)), lambda error, _: then(error))

    def read(self, key: SharePartitionKey, leader_epoch: int, then: Answered) -> None:
        """Find the state that was kept last."""
        self._ask(key, ReadShareGroupStateRequest(key, leader_epoch), then)

    def _home(self, key: SharePartitionKey) -> TopicPartition:
        count = self._broker.image.partition_counts.get(SHARE_GROUP_STATE_TOPIC, 1)
        return TopicPartition(SHARE_GROUP_STATE_TOPIC, partition_for_share_key(key, count))

    def _ask(self, key: SharePartitionKey, body: Message, then: Answered, attempts: int = 0) -> None:
        """Ask the coordinator of a partition's state, a few times if need be."""

        def answered(response: Message) -> None:
            error = getattr(response, "error", ErrorCode.UNKNOWN_SERVER_ERROR)
            if error in RETRIED and attempts + 1 < MAX_ATTEMPTS:
                self._broker.after(self._backoff(attempts), self._ask, key, body, then, attempts + 1)
            else:
                then(error, response.state if isinstance(response, ShareGroupStateResponse) else None)

        leader = self._broker.image.leader(self._home(key))
        if leader < 0:
            answered(ShareGroupStateResponse(ErrorCode.COORDINATOR_NOT_AVAILABLE))
        else:
            self._network.request(leader, body, answered)

    def _when_topic_exists(self, attempts: int, then: Callable[[ErrorCode], None]) -> None:
        if SHARE_GROUP_STATE_TOPIC in self._broker.image.partition_counts:
            then(ErrorCode.NONE)
        elif attempts == MAX_ATTEMPTS:
            then(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        else:
            self._topics.want(SHARE_GROUP_STATE_TOPIC)
            self._broker.after(self._backoff(attempts), self._when_topic_exists, attempts + 1, then)

    def _backoff(self, attempts: int) -> int:
        jitter = self._broker.random.uniform(-JITTER, JITTER)
        return retry_backoff_ms(attempts, BACKOFF_MS, BACKOFF_MAX_MS, jitter) * MILLISECOND
