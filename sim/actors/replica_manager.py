"""The replicas of one broker: which it leads, which it follows, as the metadata log says.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala applyDelta
Fidelity: approximate — one log directory, one fetcher per leader
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.actors.partition import Partition
from sim.actors.replica_fetcher import ReplicaFetcher
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.log import Log
from sim.rules.metadata import PartitionChange
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["ReplicaManager"]


class ReplicaManager:
    """Partitions by name, and one fetcher per broker that leads some of them."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.partitions: dict[TopicPartition, Partition] = {}
        self._fetchers: dict[int, ReplicaFetcher] = {}

    def begin(self) -> None:
        """The process has started: high watermarks go to disk from time to time."""
        interval_ms = self._broker.config.replica_high_watermark_checkpoint_interval_ms
        self._broker.every(interval_ms * MILLISECOND, self._checkpoint)

    def find(self, name: TopicPartition) -> Partition | ErrorCode:
        """A replica of this broker; one of others is NOT_LEADER_OR_FOLLOWER, for whoever asks should know."""
        partition = self.partitions.get(name)
        if partition is not None:
            return partition
        known = name in self._broker.image.partitions
        return ErrorCode.NOT_LEADER_OR_FOLLOWER if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    def apply(self, changes: Iterable[PartitionChange]) -> None:
        """Become leader or follower as the changes say."""
        for change in changes:
            if self._broker.node_id in change.registration.replicas:
                self._apply(change)

    def _apply(self, change: PartitionChange) -> None:
        registration = change.registration
        partition = self.partitions.get(change.partition) or self._create(change.partition)
        before = partition.registration
        if registration.partition_epoch < before.partition_epoch:
            return
        was_leader = partition.is_leader
        new_epoch = registration.leader_epoch > before.leader_epoch
        if new_epoch:
            self._stop_fetching(partition)
        if registration.leader == self._broker.node_id:
            partition.lead(registration, self._broker.now_ms)
            if not was_leader:
                self._broker.became_leader(partition)
            return
        waiting = partition.follow(registration)
        if was_leader:
            self._broker.resigned(partition)
        for callback in waiting:
            callback()
        if new_epoch:
            self._broker.fetches.leadership_changed(partition)
            if registration.leader >= 0:
                self._fetcher(registration.leader).add(partition)

    def _create(self, name: TopicPartition) -> Partition:
        broker = self._broker
        config = broker.topic_config(name.topic)
        if name not in broker.storage:
            broker.storage[name] = Log(config.segment_bytes, config.segment_ms, 0, config.max_message_bytes)
        partition = Partition(
            name,
            broker.node_id,
            broker.storage[name],
            config,
            broker.config.replica_lag_time_max_ms,
            broker.alive_epoch,
            broker.checkpoints.get(name, 0),
        )
        self.partitions[name] = partition
        return partition

    def _checkpoint(self) -> None:
        for name, partition in self.partitions.items():
            self._broker.checkpoints[name] = partition.high_watermark.value

    def _fetcher(self, leader_id: int) -> ReplicaFetcher:
        if leader_id not in self._fetchers:
            self._fetchers[leader_id] = ReplicaFetcher(self._broker, leader_id)
        return self._fetchers[leader_id]

    def _stop_fetching(self, partition: Partition) -> None:
        leader_id = partition.registration.leader
        if leader_id in self._fetchers:
            self._fetchers[leader_id].remove(partition)
