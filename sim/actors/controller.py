"""The active KRaft controller: who is alive, who leads, and the metadata log that tells everybody.

Source: metadata/src/main/java/org/apache/kafka/controller/QuorumController.java
Fidelity: approximate — a quorum of one, whose log needs no other voter
Left out: a quorum of several controllers, snapshots, topic deletion and reassignment, controlled shutdown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sim.actors.metadata_log import MetadataLog, MetadataRecord
from sim.actors.socket_server import Server, ServerRequest
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.alter_partition import ProposedIsr, alter_partition_refusal
from sim.rules.broker_sessions import (
    fence_check_interval,
    has_valid_session,
    is_fenced_after_heartbeat,
    registration_refusal,
)
from sim.rules.config import BrokerConfig, TopicConfig
from sim.rules.controller_protocol import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
    AlteredPartition,
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    FetchMetadataRequest,
)
from sim.rules.election import RECOVERED, RECOVERING, Election, PartitionRegistration, change_partition
from sim.rules.errors import ErrorCode
from sim.rules.facts import BrokerFenced, BrokerRegistered, BrokerUnfenced, IsrChanged, LeaderElected
from sim.rules.high_watermark import effective_min_insync_replicas
from sim.rules.metadata import BrokerRegistration, MetadataImage, PartitionChange
from sim.rules.placement import UsableBroker, place_replicas
from sim.rules.protocol import Message
from sim.rules.topics import TopicPartition

__all__ = ["Controller"]

NOBODY = -1
PRODUCER_ID_BLOCK_SIZE = 1000
NEXT_STALE_BROKER = 10 * MILLISECOND


class Controller(Server):
    """The only controller of the cluster; its metadata log outlives the process."""

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
        records: list[MetadataRecord] = list(brokers)
        usable = [UsableBroker(broker.broker_id, broker.rack, False) for broker in brokers]
        for topic, (partition_count, replication_factor) in topics.items():
            placed = place_replicas(usable, partition_count, replication_factor, self.random.randrange)
            for number, replicas in enumerate(placed):
                registration = PartitionRegistration(tuple(replicas), tuple(replicas), replicas[0])
                records.append(PartitionChange(TopicPartition(topic, number), registration))
        self.metadata.begin_with(records)
        self._contacts = dict.fromkeys(racks, self.now)

    def on_start(self) -> None:
        """The metadata log is there, every session begins anew, and so do the tasks that Kafka schedules."""
        self.metadata.recover()
        self._contacts = {broker.broker_id: self.now for broker in self.image.brokers.values() if not broker.fenced}
        self.after(fence_check_interval(self._session), self._fence_stale_broker)
        if self._config.auto_leader_rebalance_enable:
            self.every(self._config.leader_imbalance_check_interval_seconds * SECOND, self._elect_preferred)
        self.every(self._config.unclean_leader_election_interval_ms * MILLISECOND, self._elect_unclean)

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request."""
        body = request.body
        if isinstance(body, FetchMetadataRequest):
            self.metadata.fetch(request, body.fetch_offset)
        elif isinstance(body, BrokerHeartbeatRequest):
            self._heartbeat(request, body)
        elif isinstance(body, AlterPartitionRequest):
            self._alter_partitions(request, body)
        elif isinstance(body, BrokerRegistrationRequest):
            self._register(request, body)
        elif isinstance(body, AllocateProducerIdsRequest):
            self._allocate_producer_ids(request, body)
        else:
            super().handle(request)

    def _write(self, records: Sequence[MetadataRecord]) -> None:
        """Append to the metadata log and tell what it means."""
        before = self.image.partitions
        for record in records:
            if isinstance(record, PartitionChange):
                self._announce(record, before.get(record.partition))
        if records:
            self.metadata.append(records)

    def _reply(self, request: ServerRequest, answer: Message) -> None:
        """Answer when everything written so far is committed, as Kafka does even after a mere read."""
        self.metadata.when_settled(lambda: request.reply(answer))

    def _announce(self, change: PartitionChange, before: PartitionRegistration | None) -> None:
        after = change.registration
        if before is None or before.leader_epoch != after.leader_epoch:
            recovering = after.leader_recovery_state == RECOVERING
            self.announce(LeaderElected(change.partition, after.leader, after.leader_epoch, recovering))
        if before is None or before.isr != after.isr or before.elr != after.elr:
            self.announce(IsrChanged(change.partition, after.isr, after.elr))

    def _register(self, request: ServerRequest, body: BrokerRegistrationRequest) -> None:
        existing = self.image.brokers.get(body.broker_id)
        valid = has_valid_session(self._contacts.get(body.broker_id), self.now, self._session)
        refusal = registration_refusal(existing, body.incarnation, valid)
        if refusal is not None:
            request.reply(BrokerRegistrationResponse(refusal))
            return
        if existing is not None and existing.incarnation == body.incarnation:
            self._reply(request, BrokerRegistrationResponse(ErrorCode.NONE, existing.broker_epoch))
            return
        self._contacts.pop(body.broker_id, None)
        changes: list[MetadataRecord] = []
        if not body.clean_shutdown:
            changes += self._changes(unclean=body.broker_id)
        epoch = self.image.offset + len(changes) + 1
        changes.append(BrokerRegistration(body.broker_id, epoch, body.incarnation, body.rack, fenced=True))
        self._write(changes)
        self.announce(BrokerRegistered(body.broker_id, epoch))
        self._reply(request, BrokerRegistrationResponse(ErrorCode.NONE, epoch))

    def _heartbeat(self, request: ServerRequest, body: BrokerHeartbeatRequest) -> None:
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(BrokerHeartbeatResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        self._contacts[body.broker_id] = self.now
        registration_offset = broker.broker_epoch
        fenced = is_fenced_after_heartbeat(broker.fenced, body.wants_fence, body.metadata_offset, registration_offset)
        if broker.fenced and not fenced:
            self._write([replace(broker, fenced=False), *self._changes(added=body.broker_id)])
            self.announce(BrokerUnfenced(body.broker_id))
        elif fenced and not broker.fenced:
            self._fence(broker)
        caught_up = body.metadata_offset >= registration_offset
        self._reply(request, BrokerHeartbeatResponse(ErrorCode.NONE, caught_up, fenced))

    def _fence_stale_broker(self) -> None:
        """Fence one broker that has not been heard of for too long; the next one follows at once."""
        stale = [
            broker_id
            for broker_id, contact in self._contacts.items()
            if not has_valid_session(contact, self.now, self._session)
        ]
        if not stale:
            self.after(fence_check_interval(self._session), self._fence_stale_broker)
            return
        self._contacts.pop(stale[0])
        self._fence(self.image.brokers[stale[0]])
        self.after(NEXT_STALE_BROKER, self._fence_stale_broker)

    def _fence(self, broker: BrokerRegistration) -> None:
        self._write([*self._changes(removed=broker.broker_id), replace(broker, fenced=True)])
        self.announce(BrokerFenced(broker.broker_id))

    def _changes(self, removed: int = NOBODY, added: int = NOBODY, unclean: int = NOBODY) -> list[PartitionChange]:
        """What follows for the partitions when a broker goes, comes, or comes back after an unclean stop.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        """

        def alive(broker: int) -> bool:
            return broker not in (removed, unclean) and (broker == added or self.image.alive(broker))

        def changed(name: TopicPartition, partition: PartitionRegistration) -> PartitionRegistration | None:
            isr = tuple(broker for broker in partition.isr if broker not in (removed, unclean))
            return self._change(name, partition, alive, isr, unclean=unclean)

        return self._changed(
            changed,
            lambda partition: (
                (added != NOBODY and partition.leader == NOBODY)
                or removed in partition.isr
                or unclean in partition.isr
                or unclean in partition.elr
            ),
        )

    def _changed(
        self,
        change: Callable[[TopicPartition, PartitionRegistration], PartitionRegistration | None],
        concerned: Callable[[PartitionRegistration], bool],
    ) -> list[PartitionChange]:
        found = [(name, partition) for name, partition in self.image.partitions.items() if concerned(partition)]
        changes = [(name, change(name, partition)) for name, partition in found]
        return [PartitionChange(name, registration) for name, registration in changes if registration is not None]

    def _change(
        self,
        name: TopicPartition,
        partition: PartitionRegistration,
        alive: Callable[[int], bool],
        isr: Iterable[int] | None,
        election: Election = "online",
        unclean: int = NOBODY,
        recovery: str | None = None,
    ) -> PartitionRegistration | None:
        config = self._topic_config(name.topic)
        if election == "online" and config.unclean_leader_election_enable:
            election = "unclean"
        return change_partition(
            partition,
            alive=alive,
            target_isr=None if isr is None else tuple(isr),
            election=election,
            min_insync_replicas=effective_min_insync_replicas(config.min_insync_replicas, len(partition.replicas)),
            unclean_shutdown_replicas=() if unclean == NOBODY else (unclean,),
            leader_recovery_state=recovery,
        )

    def _alter_partitions(self, request: ServerRequest, body: AlterPartitionRequest) -> None:
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(AlterPartitionResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        altered: dict[TopicPartition, AlteredPartition] = {}
        changes: list[PartitionChange] = []
        for name, proposal in body.partitions.items():
            altered[name] = self._alter(name, body.broker_id, proposal, changes)
        self._write(changes)
        self._reply(request, AlterPartitionResponse(ErrorCode.NONE, altered))

    def _alter(
        self, name: TopicPartition, broker_id: int, proposal: ProposedIsr, changes: list[PartitionChange]
    ) -> AlteredPartition:
        """Decide about one proposal; a leader that proposes has recovered from an unclean election."""
        partition = self.image.partitions.get(name)
        refusal = alter_partition_refusal(partition, broker_id, proposal, self.image.brokers)
        if partition is None or refusal is not None:
            return AlteredPartition(refusal or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        changed = self._change(name, partition, self.image.alive, proposal.isr, recovery=RECOVERED)
        if changed is not None:
            changes.append(PartitionChange(name, changed))
            partition = changed
        return AlteredPartition(ErrorCode.NONE, partition.isr, partition.leader_epoch, partition.partition_epoch)

    def _elect_preferred(self) -> None:
        """Give partitions back to their first replica, as leader.imbalance.check.interval.seconds demands."""

        def changed(name: TopicPartition, partition: PartitionRegistration) -> PartitionRegistration | None:
            return self._change(name, partition, self.image.alive, None, "preferred")

        self._write(self._changed(changed, lambda partition: partition.leader != partition.replicas[0]))

    def _elect_unclean(self) -> None:
        """Give a leader to partitions without one whose topic allows an unclean election."""

        def changed(name: TopicPartition, partition: PartitionRegistration) -> PartitionRegistration | None:
            enabled = self._topic_config(name.topic).unclean_leader_election_enable
            return self._change(name, partition, self.image.alive, None, "unclean") if enabled else None

        self._write(self._changed(changed, lambda partition: partition.leader == NOBODY))

    def _allocate_producer_ids(self, request: ServerRequest, body: AllocateProducerIdsRequest) -> None:
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(AllocateProducerIdsResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        first_id = self._next_producer_id
        self._next_producer_id += PRODUCER_ID_BLOCK_SIZE
        self.metadata.append([])
        self._reply(request, AllocateProducerIdsResponse(ErrorCode.NONE, first_id, PRODUCER_ID_BLOCK_SIZE))
