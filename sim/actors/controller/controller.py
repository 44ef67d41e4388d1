"""A KRaft controller: while it is the active one, it decides who is alive and who leads, and writes it down for all.

Source: metadata/src/main/java/org/apache/kafka/controller/QuorumController.java
Fidelity: approximate — a quorum of one keeps the next producer id beside its log, not in it
Left out: snapshots, activation records.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sim.actors.broker.internal_topics import InternalTopics
from sim.actors.broker.socket_server import Server, ServerRequest
from sim.actors.client.network_client import Directory
from sim.actors.controller.cluster_control import ClusterControl
from sim.actors.controller.directory_control import DirectoryControl
from sim.actors.controller.metadata_log import MetadataLog
from sim.actors.controller.raft_client import RaftClient
from sim.actors.controller.reassignments import Reassignments
from sim.actors.controller.replication_control import ReplicationControl
from sim.actors.controller.topic_control import TopicControl
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import BrokerConfig, TopicConfig
from sim.rules.controller.broker_sessions import fence_check_interval
from sim.rules.controller.election import RECOVERING, PartitionRegistration
from sim.rules.controller.internal_topics import CreateInternalTopicRequest
from sim.rules.controller.metadata import (
    BrokerRegistration,
    ConfigRecord,
    MetadataImage,
    MetadataRecord,
    PartitionChange,
    ProducerIdsRecord,
    ReplicaDirectory,
)
from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.controller.topic_configs import TopicConfigs, canonical_config
from sim.rules.controller.topic_creation import new_partition
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import IsrChanged, LeaderElected
from sim.rules.facts.replication import ReplicasChanged
from sim.rules.protocol.controller import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
    AlterPartitionReassignmentsRequest,
    AlterPartitionRequest,
    AssignReplicasToDirsRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    ElectLeadersRequest,
    FetchMetadataRequest,
    ListPartitionReassignmentsRequest,
)
from sim.rules.protocol.messages import ErrorResponse, Message
from sim.rules.protocol.raft import (
    BeginQuorumEpochRequest,
    EndQuorumEpochRequest,
    FetchQuorumRequest,
    VoteRequest,
)
from sim.rules.protocol.topic import (
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    IncrementalAlterConfigsRequest,
)
from sim.rules.storage.log_directories import spread_replicas
from sim.rules.topics import TopicPartition

__all__ = ["Controller"]

PRODUCER_ID_BLOCK_SIZE = 1000
IMMEDIATELY = 10 * MILLISECOND


class Controller(Server):
    """One of the `voters` of the metadata quorum; its metadata log outlives the process.

    It answers brokers only while it is `active`: it leads, and has committed a record of its epoch.
    """

    def __init__(
        self,
        machine: Machine,
        node_id: int,
        host: Host,
        config: BrokerConfig,
        voters: Sequence[int],
        directory: Directory,
    ) -> None:
        super().__init__(machine, f"controller-{node_id}", host)
        self.node_id = node_id
        self._config = config
        self._activation = 0
        self._is_activated = False
        self._session = config.broker_session_timeout_ms * MILLISECOND
        self._next_producer_id = 0
        self.raft = RaftClient(self, node_id, voters, config, directory)
        self._topic_configs = TopicConfigs(config)
        self._replication = ReplicationControl(self, self.topic_config)
        self._reassignments = Reassignments(self, self._replication)
        directories = DirectoryControl(self, self._replication)
        self._cluster = ClusterControl(self, self._replication, directories, self._session)
        topics = TopicControl(self, config)
        self._quorum_handlers: dict[type[Message], Callable[[ServerRequest, Any], None]] = {
            FetchMetadataRequest: self.raft.observe,
            FetchQuorumRequest: self.raft.fetch,
            VoteRequest: self.raft.vote,
            BeginQuorumEpochRequest: self.raft.begin_quorum_epoch,
            EndQuorumEpochRequest: self.raft.end_quorum_epoch,
        }
        self._handlers: dict[type[Message], Callable[[ServerRequest, Any], None]] = {
            BrokerHeartbeatRequest: self._cluster.heartbeat,
            BrokerRegistrationRequest: self._cluster.register,
            AssignReplicasToDirsRequest: directories.assign,
            AlterPartitionRequest: self._replication.alter_partitions,
            ElectLeadersRequest: self._replication.elect_leaders,
            AlterPartitionReassignmentsRequest: self._reassignments.alter,
            ListPartitionReassignmentsRequest: self._reassignments.list_ongoing,
            AllocateProducerIdsRequest: self._allocate_producer_ids,
            CreateInternalTopicRequest: InternalTopics(self, config).create,
            CreateTopicsRequest: topics.create,
            DeleteTopicsRequest: topics.delete,
            CreatePartitionsRequest: topics.create_partitions,
            IncrementalAlterConfigsRequest: topics.alter_configs,
        }

    @property
    def metadata(self) -> MetadataLog:
        """The metadata log."""
        return self.raft.log

    @property
    def image(self) -> MetadataImage:
        """Everything written, committed or not yet."""
        return self.metadata.image

    @property
    def active(self) -> bool:
        """Whether it is the active controller, as far as it knows."""
        return self._is_activated and self.life.alive

    def topic_config(self, topic: str) -> TopicConfig:
        """A topic's configuration as written, broker defaults applied."""
        return self._topic_configs.of(self.image, topic)

    def bootstrap(
        self,
        racks: Mapping[int, str],
        topics: Mapping[str, tuple[int, int]],
        configs: Mapping[str, Mapping[str, object]],
        assigned: Mapping[str, Sequence[PartitionRegistration]],
        log_dirs: int = 1,
    ) -> None:
        """Begin with registered, unfenced brokers and existing topics (partition count, replication factor each).

        `configs` are the topics' own, `assigned` the partitions of those that are not to be placed, `log_dirs` says
        how many log directories each broker has. Raises InvalidReplicationFactorError when there are fewer brokers
        than replicas.
        """
        brokers = [BrokerRegistration(broker, 0, 1, rack, fenced=False) for broker, rack in racks.items()]
        changes: list[PartitionChange] = []
        usable = [UsableBroker(broker.broker_id, broker.rack, False) for broker in brokers]
        for topic, (partition_count, replication_factor) in topics.items():
            if topic in assigned:
                names = (TopicPartition(topic, number) for number in range(partition_count))
                changes += map(PartitionChange, names, assigned[topic])
                continue
            placed = place_replicas(usable, partition_count, replication_factor, self.random.randrange)
            for number, replicas in enumerate(placed):
                changes.append(
                    PartitionChange(TopicPartition(topic, number), new_partition(replicas, racks.__contains__))
                )
        records: list[MetadataRecord] = [*brokers, *changes]
        if log_dirs > 1:
            places = spread_replicas([(change.partition, change.registration.replicas) for change in changes], log_dirs)
            records += [ReplicaDirectory(*replica, directory) for replica, directory in places.items()]
        for topic, config in configs.items():
            records += [ConfigRecord(topic, key, value) for key, value in canonical_config(config).items()]
        self.metadata.begin_with(records)
        self._cluster.activate()

    def on_start(self) -> None:
        """The process begins, with what the disk has."""
        self._is_activated = False
        self.raft.begin()

    def activate(self) -> None:
        """It is the active controller now: every session begins anew, and so do the tasks that Kafka schedules."""
        self._is_activated = True
        self._activation += 1
        self._cluster.activate()
        config = self._config
        self._repeat(fence_check_interval(self._session), self._cluster.fence_one_stale_broker)
        if config.auto_leader_rebalance_enable:
            interval = config.leader_imbalance_check_interval_seconds * SECOND
            self._repeat(interval, self._replication.elect_preferred)
        self._repeat(config.unclean_leader_election_interval_ms * MILLISECOND, self._replication.elect_unclean)

    def deactivate(self, refusal: Message) -> None:
        """It leads no longer: who waits for a commit looks elsewhere, whoever fetches the log gets the `refusal`.

        Source: metadata/src/main/java/org/apache/kafka/controller/QuorumController.java renounce
        Fidelity: exact
        """
        self._is_activated = False
        self.metadata.lose(refusal)

    def _repeat(self, interval: int, task: Callable[[], bool]) -> None:
        """Run a task from time to time while active, and again at once while it says that there may be more to do.

        Source: metadata/src/main/java/org/apache/kafka/controller/PeriodicTaskControlManager.java
        Fidelity: exact
        """

        activation = self._activation

        def run() -> None:
            if self._is_activated and self._activation == activation:
                self.after(IMMEDIATELY if task() else interval, run)

        self.after(interval, run)

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request; what only the active controller may do is refused by another."""
        kind = type(request.body)
        if kind in self._quorum_handlers:
            self._quorum_handlers[kind](request, request.body)
        elif kind not in self._handlers:
            super().handle(request)
        elif self._is_activated:
            self._handlers[kind](request, request.body)
        else:
            request.reply(ErrorResponse(ErrorCode.NOT_CONTROLLER))

    def write(self, records: Sequence[MetadataRecord]) -> None:
        """Append to the metadata log and tell what it means."""
        before = self.image.partitions
        for record in records:
            if isinstance(record, PartitionChange):
                self._announce(record, before.get(record.partition))
        if records:
            self.metadata.append(records)

    def reply(self, request: ServerRequest, answer: Message) -> None:
        """Answer when everything written so far is committed, as Kafka does even after a mere read."""
        self.metadata.when_settled(
            lambda: request.reply(answer), lambda: request.reply(ErrorResponse(ErrorCode.NOT_CONTROLLER))
        )

    def _announce(self, change: PartitionChange, before: PartitionRegistration | None) -> None:
        after = change.registration
        if before is None or before.leader_epoch != after.leader_epoch:
            recovering = after.leader_recovery_state == RECOVERING
            self.announce(LeaderElected(change.partition, after.leader, after.leader_epoch, recovering))
        if before is None or before.isr != after.isr or before.elr != after.elr:
            self.announce(IsrChanged(change.partition, after.isr, after.elr))
        if before is not None and before.assignment != after.assignment:
            self.announce(ReplicasChanged(change.partition, *after.assignment))

    def _allocate_producer_ids(self, request: ServerRequest, body: AllocateProducerIdsRequest) -> None:
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(AllocateProducerIdsResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        is_alone = not self.raft.others
        first_id = self._next_producer_id if is_alone else self.image.next_producer_id
        self._next_producer_id = first_id + PRODUCER_ID_BLOCK_SIZE
        self.metadata.append([] if is_alone else [ProducerIdsRecord(self._next_producer_id)])
        self.reply(request, AllocateProducerIdsResponse(ErrorCode.NONE, first_id, PRODUCER_ID_BLOCK_SIZE))
