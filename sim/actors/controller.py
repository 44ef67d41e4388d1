"""The active KRaft controller: who is alive, who leads, and the metadata log that tells everybody.

Source: metadata/src/main/java/org/apache/kafka/controller/QuorumController.java
Left out: a quorum of several controllers, snapshots, topic deletion and reassignment.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sim.actors.metadata_log import MetadataLog
from sim.actors.socket_server import Server, ServerRequest
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import BrokerConfig, TopicConfig
from sim.rules.election import Election, PartitionRegistration, change_partition
from sim.rules.errors import ErrorCode
from sim.rules.facts import BrokerFenced, BrokerRegistered, BrokerUnfenced, IsrChanged, LeaderElected
from sim.rules.high_watermark import effective_min_insync_replicas
from sim.rules.metadata import BrokerRegistration, MetadataImage, PartitionChange
from sim.rules.placement import UsableBroker, place_replicas
from sim.rules.protocol import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    FetchMetadataRequest,
    Message,
)
from sim.rules.topics import TopicPartition

__all__ = ["Controller"]

NOBODY = -1
PRODUCER_ID_BLOCK_SIZE = 1000


class Controller(Server):
    """The only controller of the cluster; it keeps its state through the run."""

    def __init__(
        self,
        machine: Machine,
        node_id: int,
        host: Host,
        config: BrokerConfig,
        topic_config: Callable[[str], TopicConfig],
    ) -> None:
        super().__init__(machine, f"controller-{node_id}", host)
        self.node_id = node_id
        self._config = config
        self._topic_config = topic_config
        self._session = config.broker_session_timeout_ms * MILLISECOND
        self._contacts: dict[int, int] = {}
        self._next_producer_id = 0
        self.metadata = MetadataLog(self, config.controller_quorum_append_linger_ms * MILLISECOND)

    @property
    def image(self) -> MetadataImage:
        """Everything written, committed or not yet."""
        return self.metadata.image

    def bootstrap(self, racks: Mapping[int, str], topics: Mapping[str, tuple[int, int]]) -> None:
        """Begin with registered, unfenced brokers and existing topics (partition count, replication factor each).

        Raises InvalidReplicationFactorError when there are fewer brokers than replicas.
        """
        brokers = [BrokerRegistration(broker, 0, 1, rack, fenced=False) for broker, rack in racks.items()]
        records: list[BrokerRegistration | PartitionChange] = list(brokers)
        usable = [UsableBroker(broker.broker_id, broker.rack, False) for broker in brokers]
        for topic, (partition_count, replication_factor) in topics.items():
            placed = place_replicas(usable, partition_count, replication_factor, self.random.randrange)
            for number, replicas in enumerate(placed):
                registration = PartitionRegistration(tuple(replicas), tuple(replicas), replicas[0])
                records.append(PartitionChange(TopicPartition(topic, number), registration))
        self.metadata.begin_with(records)
        self._contacts = dict.fromkeys(racks, self.now)

    def on_start(self) -> None:
        """The tasks that Kafka schedules."""
        self.every(self._session // 8, self._fence_stale_brokers)
        self.every(self._config.leader_imbalance_check_interval_seconds * SECOND, self._elect_preferred)

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request."""
        body = request.body
        if isinstance(body, FetchMetadataRequest):
            self.metadata.fetch(request, body.fetch_offset)
        elif isinstance(body, BrokerHeartbeatRequest):
            self._heartbeat(request, body)
        elif isinstance(body, AlterPartitionRequest):
            self._alter_partition(request, body)
        elif isinstance(body, BrokerRegistrationRequest):
            self._register(request, body)
        elif isinstance(body, AllocateProducerIdsRequest):
            self._allocate_producer_ids(request)
        else:
            super().handle(request)

    def _write(
        self,
        records: Iterable[BrokerRegistration | PartitionChange],
        request: ServerRequest | None = None,
        answer: Message | None = None,
    ) -> None:
        """Append to the metadata log; the answer goes out when the records are committed."""
        written = list(records)
        before = self.image.partitions
        for record in written:
            if isinstance(record, PartitionChange):
                self._announce(record, before.get(record.partition))
        self.metadata.append(written)
        if request is not None and answer is not None:
            self.metadata.when_committed(lambda: request.reply(answer))

    def _announce(self, change: PartitionChange, before: PartitionRegistration | None) -> None:
        after = change.registration
        if before is None or before.leader_epoch != after.leader_epoch:
            recovering = after.leader_recovery_state == "RECOVERING"
            self.announce(LeaderElected(change.partition, after.leader, after.leader_epoch, recovering))
        if before is None or before.isr != after.isr or before.elr != after.elr:
            self.announce(IsrChanged(change.partition, after.isr, after.elr))

    def _register(self, request: ServerRequest, body: BrokerRegistrationRequest) -> None:
        existing = self.image.brokers.get(body.broker_id)
        contact = self._contacts.get(body.broker_id)
        returns = existing is not None and existing.incarnation != body.incarnation
        if returns and contact is not None and self.now - contact < self._session:
            request.reply(BrokerRegistrationResponse(ErrorCode.DUPLICATE_BROKER_REGISTRATION))
            return
        self._contacts.pop(body.broker_id, None)
        changes: list[BrokerRegistration | PartitionChange] = []
        if returns and not body.clean_shutdown:
            changes += self._changes(unclean=body.broker_id)
        epoch = self.image.offset + len(changes) + 1
        changes.append(BrokerRegistration(body.broker_id, epoch, body.incarnation, body.rack, fenced=True))
        self._write(changes, request, BrokerRegistrationResponse(ErrorCode.NONE, epoch))
        self.announce(BrokerRegistered(body.broker_id, epoch))

    def _heartbeat(self, request: ServerRequest, body: BrokerHeartbeatRequest) -> None:
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(BrokerHeartbeatResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        self._contacts[body.broker_id] = self.now
        if broker.fenced and body.metadata_offset >= broker.broker_epoch:
            records: list[BrokerRegistration | PartitionChange] = [replace(broker, fenced=False)]
            self._write([*records, *self._changes(added=body.broker_id)])
            self.announce(BrokerUnfenced(body.broker_id))
        request.reply(BrokerHeartbeatResponse(ErrorCode.NONE, self.image.brokers[body.broker_id].fenced))

    def _fence_stale_brokers(self) -> None:
        for broker_id, broker in self.image.brokers.items():
            contact = self._contacts.get(broker_id)
            if not broker.fenced and contact is not None and self.now - contact >= self._session:
                changes = self._changes(removed=broker_id)
                self._write([*changes, replace(broker, fenced=True)])
                self.announce(BrokerFenced(broker_id))

    def _changes(self, removed: int = NOBODY, added: int = NOBODY, unclean: int = NOBODY) -> list[PartitionChange]:
        """What follows for the partitions when a broker goes, comes, or comes back after an unclean stop.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        """

        def alive(broker: int) -> bool:
            return broker not in (removed, unclean) and (broker == added or self.image.alive(broker))

        changes = []
        for name, partition in self.image.partitions.items():
            returns = added != NOBODY and partition.leader == NOBODY
            if returns or removed in partition.isr or unclean in (*partition.isr, *partition.elr):
                isr = tuple(broker for broker in partition.isr if broker not in (removed, unclean))
                changed = self._change(name, partition, alive, isr, unclean=unclean)
                if changed is not None:
                    changes.append(PartitionChange(name, changed))
        return changes

    def _change(
        self,
        name: TopicPartition,
        partition: PartitionRegistration,
        alive: Callable[[int], bool],
        isr: tuple[int, ...] | None,
        election: Election = "online",
        unclean: int = NOBODY,
    ) -> PartitionRegistration | None:
        config = self._topic_config(name.topic)
        if election == "online" and config.unclean_leader_election_enable:
            election = "unclean"
        return change_partition(
            partition,
            alive=alive,
            target_isr=isr,
            election=election,
            min_insync_replicas=effective_min_insync_replicas(config.min_insync_replicas, len(partition.replicas)),
            unclean_shutdown_replicas=() if unclean == NOBODY else (unclean,),
        )

    def _alter_partition(self, request: ServerRequest, body: AlterPartitionRequest) -> None:
        partition = self.image.partitions[body.partition]
        error = self._refusal(partition, body)
        if error is not None:
            request.reply(AlterPartitionResponse(error))
            return
        changed = self._change(body.partition, partition, self.image.alive, body.new_isr)
        if changed is None:
            request.reply(AlterPartitionResponse(ErrorCode.NONE, partition.isr, partition.partition_epoch))
            return
        answer = AlterPartitionResponse(ErrorCode.NONE, changed.isr, changed.partition_epoch)
        self._write([PartitionChange(body.partition, changed)], request, answer)

    def _refusal(self, partition: PartitionRegistration, body: AlterPartitionRequest) -> ErrorCode | None:
        """Why the controller refuses a proposal of a leader.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        """
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            return ErrorCode.STALE_BROKER_EPOCH
        if body.leader_epoch != partition.leader_epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if body.broker_id != partition.leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        if body.partition_epoch != partition.partition_epoch:
            return ErrorCode.INVALID_UPDATE_VERSION
        if not all(self.image.alive(member) for member in body.new_isr):
            return ErrorCode.INELIGIBLE_REPLICA
        return None

    def _elect_preferred(self) -> None:
        """Give partitions back to their first replica, as leader.imbalance.check.interval.seconds demands."""
        changes = []
        for name, partition in self.image.partitions.items():
            if partition.leader != partition.replicas[0]:
                changed = self._change(name, partition, self.image.alive, None, "preferred")
                if changed is not None:
                    changes.append(PartitionChange(name, changed))
        if changes:
            self._write(changes)

    def _allocate_producer_ids(self, request: ServerRequest) -> None:
        first_id = self._next_producer_id
        self._next_producer_id += PRODUCER_ID_BLOCK_SIZE
        answer = AllocateProducerIdsResponse(ErrorCode.NONE, first_id, PRODUCER_ID_BLOCK_SIZE)
        self._write([], request, answer)
