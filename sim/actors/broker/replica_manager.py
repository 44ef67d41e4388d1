"""The replicas of one broker: which it leads, which it follows, as the metadata log says.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala applyDelta
Fidelity: exact
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count, repeat
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.broker.replica_fetcher import ReplicaFetcher
from sim.machine.clock import MILLISECOND
from sim.rules.config import TopicConfig
from sim.rules.controller.election import NO_LEADER, PartitionRegistration
from sim.rules.controller.metadata import PartitionChange, RemoveTopicRecord
from sim.rules.errors import ErrorCode
from sim.rules.facts.replication import ReplicaChanged, ReplicaDeleted
from sim.rules.replication.fetchers import fetcher_id
from sim.rules.storage.log import Log
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ReplicaManager"]


class ReplicaManager:
    """Partitions by name, and one fetcher per broker that leads some of them."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.partitions: dict[TopicPartition, Partition] = {}
        self._offline: dict[TopicPartition, Partition | None] = {}
        self._fetchers: dict[tuple[int, int], ReplicaFetcher] = {}
        self._in_controlled_shutdown = False

    def begin(self) -> None:
        """The process has started: high watermarks go to disk from time to time."""
        interval_ms = self._broker.config.replica_high_watermark_checkpoint_interval_ms
        self._broker.every(interval_ms * MILLISECOND, self.checkpoint)

    def begin_controlled_shutdown(self) -> None:
        """From now on this broker follows only where it is in sync."""
        self._in_controlled_shutdown = True

    def find(self, name: TopicPartition) -> Partition | ErrorCode:
        """A replica of this broker, or that its disk has failed; one of others is NOT_LEADER_OR_FOLLOWER."""
        partition = self.partitions.get(name)
        if partition is not None:
            return partition
        if name in self._offline:
            return ErrorCode.KAFKA_STORAGE_ERROR
        known = name in self._broker.image.partitions
        return ErrorCode.NOT_LEADER_OR_FOLLOWER if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    def writable(self, name: TopicPartition) -> Partition | ErrorCode:
        """A replica of this broker to append to; a disk that refuses is found out, and with it the directory."""
        partition = self.find(name)
        if isinstance(partition, ErrorCode) or self._broker.log_storage.is_writable(name):
            return partition
        return ErrorCode.KAFKA_STORAGE_ERROR

    def take_offline(self) -> list[TopicPartition]:
        """Stop serving the replicas whose log directory is offline; those who wait for them wait for their time-out.

        Source: core/src/main/scala/kafka/server/ReplicaManager.scala handleLogDirFailure, markPartitionOffline
        Fidelity: exact
        """
        names = [name for name in self.partitions if self._broker.log_directories.is_offline(name)]
        for name in names:
            partition = self._offline[name] = self.partitions.pop(name)
            self._stop_fetching(partition)
            partition.proposal = None
            for session in (*partition.replicators, *partition.consumers):
                session.outside.pop(name, None)
                session.news[name] = None
        return names

    def apply(self, changes: Iterable[PartitionChange | RemoveTopicRecord]) -> None:
        """Become leader or follower as the changes say; a replica that is none any more goes, with its log."""
        for change in changes:
            if isinstance(change, RemoveTopicRecord):
                self._delete_topic(change.topic)
            elif self._broker.node_id in change.registration.replicas:
                self._apply(change)
            elif change.partition in self.partitions:
                self._delete(change.partition, change.registration)

    def must_resign(self, change: PartitionChange | RemoveTopicRecord) -> bool:
        """Whether this broker, which leads a partition still, is to do so no longer."""
        if isinstance(change, RemoveTopicRecord):
            return False
        partition, registration = self.partitions.get(change.partition), change.registration
        return partition is not None and partition.is_leader and registration.leader != self._broker.node_id

    def reconfigure(self) -> None:
        """Topics have got other configurations, which hold at once for every replica.

        Source: core/src/main/scala/kafka/server/ConfigHandler.scala TopicConfigHandler,
            storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java updateConfig
        Fidelity: exact
        """
        for name, partition in self.partitions.items():
            config = self._broker.topic_config(name.topic)
            if config is not partition.config:
                partition.config = config
                self._broker.log_storage.configured(partition)
                partition.log.configure(
                    config.segment_bytes,
                    config.segment_ms,
                    config.max_message_bytes,
                    config.segment_index_bytes,
                    config.index_interval_bytes,
                )

    def _delete_topic(self, topic: str) -> None:
        for name in [name for name in self._offline if name.topic == topic]:
            del self._offline[name]
        for name in [name for name in self.partitions if name.topic == topic]:
            self._delete(name, replace(self.partitions[name].registration, leader=NO_LEADER), with_topic=True)

    def delete_strays(self) -> None:
        """After a start: delete the logs of partitions that have moved elsewhere meanwhile.

        Source: core/src/main/scala/kafka/log/LogManager.scala isStrayReplica
        Fidelity: exact
        """
        for name in list(self._broker.storage):
            registration = self._broker.image.partitions.get(name)
            if registration is None or self._broker.node_id not in registration.replicas:
                self._delete_log(name)

    def _apply(self, change: PartitionChange) -> None:
        registration = change.registration
        if self._is_offline(change.partition):
            self._resign_offline(change)
            return
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
        self._broker.deletes.look()
        if new_epoch:
            self._broker.fetches.leadership_changed(partition)
        if self._in_controlled_shutdown and self._broker.node_id not in registration.isr:
            self._stop_fetching(partition)
        elif new_epoch and registration.leader >= 0:
            self._fetcher(partition).add(partition)

    def _is_offline(self, name: TopicPartition) -> bool:
        """Whether a replica lies, or should lie, in a directory that is offline.

        Source: core/src/main/scala/kafka/server/ReplicaManager.scala getOrCreatePartition
        Fidelity: exact
        """
        broker = self._broker
        if name in self.partitions:
            return False
        if broker.log_directories.is_offline(name, broker.image.directory(name, broker.node_id)):
            self._offline.setdefault(name, None)
        return name in self._offline

    def _resign_offline(self, change: PartitionChange) -> None:
        """A replica that is offline changes nothing but who leads: its coordinators hear of that."""
        partition = self._offline[change.partition]
        if partition is not None and partition.is_leader and change.registration.leader != self._broker.node_id:
            partition.registration = change.registration
            self._broker.resigned(partition)

    def _delete(self, name: TopicPartition, registration: PartitionRegistration, with_topic: bool = False) -> None:
        """This broker is a replica no longer; whoever waits here for the partition is told to look elsewhere.

        Source: core/src/main/scala/kafka/server/ReplicaManager.scala stopPartitions
        Fidelity: exact
        """
        partition = self.partitions.pop(name)
        self._stop_fetching(partition)
        was_leader = partition.is_leader
        waiting = partition.follow(registration)
        if was_leader:
            self._broker.resigned(partition)
        for callback in waiting:
            callback()
        self._broker.fetches.leadership_changed(partition)
        for session in partition.replicators:
            session.outside.pop(partition.name, None)
        self._delete_log(partition.name, last_leader=was_leader and with_topic)
        self._broker.logs.keep_files(partition.log.size_bytes, partition.config.file_delete_delay_ms)
        self._broker.deletes.look()

    def _delete_log(self, name: TopicPartition, last_leader: bool = False) -> None:
        log = self._broker.storage.pop(name)
        self._broker.log_directories.places.pop(name, None)
        self._broker.topic_ids.pop(name, None)
        self._broker.checkpoints.pop(name, None)
        self._broker.announce(ReplicaDeleted(self._broker.node_id, name, log.log_end_offset, last_leader))
        self._broker.cleaner_checkpoints.pop(name, None)

    def _create(self, name: TopicPartition) -> Partition:
        broker = self._broker
        config = broker.topic_config(name.topic)
        topic_id = broker.image.topic_ids.get(name.topic, 0)
        if name in broker.storage and broker.topic_ids.get(name, 0) != topic_id:
            self._delete_log(name)
        wanted = broker.image.directory(name, broker.node_id)
        broker.assignments.placed(name, broker.log_directories.place(name, wanted))
        if name not in broker.storage:
            broker.storage[name] = self._new_log(name, config)
            broker.topic_ids[name] = topic_id
        else:
            broker.storage[name].reopen(broker.now_ms, broker.config.producer_id_expiration_ms)
            broker.storage[name].producers.verifications.clear()
        partition = Partition(
            name,
            broker.node_id,
            broker.storage[name],
            config,
            broker.config.replica_lag_time_max_ms,
            broker.alive_epoch,
            broker.checkpoints.get(name, 0),
            self._announcer(name),
        )
        partition.log.write_back.last_flush_ms = broker.now_ms
        self.partitions[name] = partition
        broker.log_storage.configured(partition)
        broker.fetches.partition_created(partition)
        return partition

    def _announcer(self, name: TopicPartition) -> Callable[[], None]:
        broker, fact = self._broker, ReplicaChanged(self._broker.node_id, name)

        def changed() -> None:
            if broker.machine.facts.wanted(ReplicaChanged):
                broker.announce(fact)

        return changed

    def _new_log(self, name: TopicPartition, config: TopicConfig) -> Log:
        limits = config.max_message_bytes, config.segment_index_bytes, config.index_interval_bytes
        jitters = self._jitters(name, config)
        log = Log(config.segment_bytes, config.segment_ms, jitters, *limits, packs=self._broker.packs_logs)
        log.producers.verification_enabled = self._broker.config.transaction_partition_verification_enable
        return log

    def _jitters(self, name: TopicPartition, config: TopicConfig) -> Iterator[int]:
        """How much earlier than segment.ms each segment is rolled, so that not all logs roll at once."""
        if not config.segment_jitter_ms:
            return repeat(0)
        chance = self._broker.machine.streams[f"segment-jitter/{self._broker.node_id}/{name}"]
        limit_ms = min(config.segment_jitter_ms, config.segment_ms)
        return (chance.randrange(limit_ms) for _ in count())

    def log_start_raised(self, partition: Partition) -> None:
        """A replica's log begins later: as leader tell the followers, as follower the leader."""
        partition.log_start_raised()
        fetcher = self._fetchers.get(self._fetcher_key(partition))
        if fetcher is not None:
            fetcher.log_start_raised(partition)
        self._broker.deletes.look()

    def checkpoint(self) -> None:
        """Write the high watermarks to disk."""
        self._broker.log_storage.probe()
        for name, partition in self.partitions.items():
            self._broker.checkpoints[name] = partition.high_watermark.value

    def _fetcher_key(self, partition: Partition) -> tuple[int, int]:
        return partition.registration.leader, fetcher_id(partition.name, self._broker.config.num_replica_fetchers)

    def _fetcher(self, partition: Partition) -> ReplicaFetcher:
        key = self._fetcher_key(partition)
        fetcher = self._fetchers[key] = self._fetchers.get(key) or ReplicaFetcher(self._broker, key[0])
        return fetcher

    def _stop_fetching(self, partition: Partition) -> None:
        fetcher = self._fetchers.get(self._fetcher_key(partition))
        if fetcher is not None:
            fetcher.remove(partition)
