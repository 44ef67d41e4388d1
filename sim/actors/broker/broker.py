"""A broker: a process with replicas on its disk, which answers clients, followers and group members.

Source: core/src/main/scala/kafka/server/BrokerServer.scala, KafkaApis.scala
Fidelity: approximate — the requests of `_handlers` only; no authorization, and of TLS only its price
"""

from collections.abc import Callable, Mapping, Sequence

from sim.actors.broker.admin_handlers import admin_handlers
from sim.actors.broker.broker_lifecycle import BrokerLifecycle
from sim.actors.broker.delete_records_handler import DeleteRecordsHandler
from sim.actors.broker.directory_assignments import DirectoryAssignments
from sim.actors.broker.fetch_handler import FetchHandler
from sim.actors.broker.host_storage import HostStorage
from sim.actors.broker.isr_manager import IsrManager
from sim.actors.broker.log_directories import LogDirectories
from sim.actors.broker.log_manager import LogManager
from sim.actors.broker.log_storage import LogStorage
from sim.actors.broker.metadata_fetcher import MetadataFetcher
from sim.actors.broker.partition import Partition
from sim.actors.broker.produce_handler import ProduceHandler
from sim.actors.broker.producer_ids import ProducerIds
from sim.actors.broker.quota_managers import ClientQuotas, QuotaManagers
from sim.actors.broker.replica_manager import ReplicaManager
from sim.actors.broker.replication_throttles import ReplicationThrottles
from sim.actors.broker.request_channel import RequestChannel
from sim.actors.broker.socket_server import Server, ServerRequest
from sim.actors.broker.transaction_markers import TransactionMarkers
from sim.actors.broker.transaction_verification import TransactionVerification
from sim.actors.client.network_client import Directory
from sim.actors.coordinators.group_coordinator import GroupCoordinator
from sim.actors.coordinators.transaction_coordinator import TransactionCoordinator
from sim.actors.share.share_coordinator import ShareCoordinator
from sim.actors.share.share_partitions import SharePartitions
from sim.machine.devices import Cpu, Hardware
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import BrokerConfig, GroupConfig, TopicConfig
from sim.rules.controller.metadata import MetadataImage, PartitionChange
from sim.rules.controller.topic_configs import TopicConfigs
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BrokerStarted, BrokerStopped
from sim.rules.protocol.admin import DeleteRecordsRequest
from sim.rules.protocol.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest
from sim.rules.protocol.group import (
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
)
from sim.rules.protocol.messages import (
    FetchRequest,
    InitProducerIdRequest,
    ListOffsetsRequest,
    ListOffsetsResponse,
    Message,
    MetadataRequest,
    MetadataResponse,
    ProduceRequest,
)
from sim.rules.protocol.share_group import ShareAcknowledgeRequest, ShareFetchRequest, ShareGroupHeartbeatRequest
from sim.rules.protocol.transaction import (
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
)
from sim.rules.share.share_group_config import ShareGroupSettings, share_group_settings
from sim.rules.share.share_group_state import ReadShareGroupStateRequest, WriteShareGroupStateRequest
from sim.rules.storage.log import Log
from sim.rules.storage.offset_lookup import FoundOffset
from sim.rules.topics import TopicPartition

__all__ = ["Broker"]


class Broker(Server):
    """One broker; `storage`, `topic_ids` and `checkpoints` are its disk and outlive the process, the rest does not."""

    def __init__(
        self,
        machine: Machine,
        node_id: int,
        host: Host,
        config: BrokerConfig,
        hardware: Hardware,
        directory: Directory,
        controller_ids: Sequence[int],
        client_quotas: ClientQuotas | None = None,
        group_configs: Mapping[str, GroupConfig] | None = None,
        log_dirs: int = 1,
    ) -> None:
        super().__init__(machine, f"broker-{node_id}", host)
        self.node_id = node_id
        self.config = config
        self.hardware = hardware
        self._topic_configs = TopicConfigs(config)
        self.directory = directory
        self.controller_ids = controller_ids
        self.client_quotas = client_quotas or {}
        self._group_configs = group_configs or {}
        self._share_settings: dict[str, ShareGroupSettings] = {}
        self.cpu = host.cores or Cpu(config.num_io_threads)
        self.log_directories = LogDirectories(log_dirs, hardware)
        self._host_storage = HostStorage(self)
        self.storage: dict[TopicPartition, Log] = {}
        self.topic_ids: dict[TopicPartition, int] = {}
        self.checkpoints: dict[TopicPartition, int] = {}
        self.cleaner_checkpoints: dict[TopicPartition, int] = {}
        self._clean_shutdown_epoch = -1
        self.incarnation = 0
        self.wakes_fetches_early = self.wakes_readers_at_append = self.packs_logs = False
        self.epoch = -1
        self.image = MetadataImage()
        self.replicas = ReplicaManager(self)
        self._handlers: dict[type[Message], Callable[[ServerRequest], None]] = {}

    def on_start(self) -> None:
        """The process begins: everything but the disk is new."""
        self.incarnation += 1
        self.clearing, self.backlog_cost = self.hardware.process_clearing, self.hardware.backlog_cost
        self.heap = self.hardware.heap(self.machine.streams[f"{self.name}/garbage"])
        self.epoch = -1
        self.image = MetadataImage()
        self.listening = False
        self.channel = RequestChannel(self)
        self.replicas = ReplicaManager(self)
        self.metadata = MetadataFetcher(self)
        self.quotas = QuotaManagers(self.client_quotas, self.config)
        self.throttles = ReplicationThrottles(self)
        self.log_storage = LogStorage(self)
        self.assignments = DirectoryAssignments(self)
        self.fetches = FetchHandler(self)
        self.produces = ProduceHandler(self)
        self.deletes = DeleteRecordsHandler(self)
        self.logs = LogManager(self)
        self.isr = IsrManager(self)
        self.groups = GroupCoordinator(self)
        self.share_coordinator = ShareCoordinator(self)
        self.share_partitions = SharePartitions(self)
        self.producer_ids = ProducerIds(self)
        self.transactions = TransactionCoordinator(self)
        self.verification = TransactionVerification(self)
        self.lifecycle = BrokerLifecycle(self, self._clean_shutdown_epoch)
        self._clean_shutdown_epoch = -1
        self._handlers = self._dispatch()
        self._host_storage.switch_on()
        self.log_storage.begin()
        self.replicas.begin()
        self.logs.begin()
        self.announce(BrokerStarted(self.node_id))
        if self.incarnation > 1:
            self.lifecycle.join(self.hardware.broker_start, self.hardware.broker_ready)

    def _dispatch(self) -> dict[type[Message], Callable[[ServerRequest], None]]:
        """Who answers which kind of request."""
        return {
            ProduceRequest: self.produces.handle,
            FetchRequest: self.fetches.handle,
            MetadataRequest: self._metadata,
            ListOffsetsRequest: self._list_offsets,
            DeleteRecordsRequest: self.deletes.handle,
            InitProducerIdRequest: self.transactions.init_producer_id,
            AddPartitionsToTxnRequest: self.transactions.add_partitions,
            EndTxnRequest: self.transactions.end,
            WriteTxnMarkersRequest: TransactionMarkers(self).handle,
            FindCoordinatorRequest: self.groups.find_coordinator,
            JoinGroupRequest: self.groups.join,
            SyncGroupRequest: self.groups.sync,
            HeartbeatRequest: self.groups.heartbeat,
            ConsumerGroupHeartbeatRequest: self.groups.consumer_heartbeat,
            ConsumerGroupDescribeRequest: self.groups.describe,
            ShareGroupHeartbeatRequest: self.groups.share_heartbeat,
            ShareFetchRequest: self.share_partitions.fetch,
            ShareAcknowledgeRequest: self.share_partitions.acknowledge,
            ReadShareGroupStateRequest: self.share_coordinator.read,
            WriteShareGroupStateRequest: self.share_coordinator.write,
            LeaveGroupRequest: self.groups.leave,
            **admin_handlers(self),
            OffsetCommitRequest: self.groups.commit,
            TxnOffsetCommitRequest: self.groups.transactional_commit,
            OffsetFetchRequest: self.groups.fetch_offsets,
        }

    def join_running_cluster(self, image: MetadataImage) -> None:
        """Begin the first life registered, unfenced and up to date, as a cluster that has long been running."""
        self.start()
        self.listening = True
        self.epoch = image.brokers[self.node_id].broker_epoch
        self.image = image
        changes = [PartitionChange(name, registration) for name, registration in image.partitions.items()]
        self.replicas.apply(changes)
        self.lifecycle.go_on()

    def shut_down(self) -> None:
        """Asked to stop (`kill`), it hands leaderships over first, and exits when the controller allows it.

        A process that hangs does so when it goes on; one that is dead takes no notice.

        Source: core/src/main/scala/kafka/server/BrokerServer.scala shutdown
        Fidelity: approximate — once allowed to, the process exits in no time
        """
        self.after(0, self._begin_shut_down)

    def _begin_shut_down(self) -> None:
        if not self.config.controlled_shutdown_enable:
            self.exit()
        else:
            self.replicas.begin_controlled_shutdown()
            self.lifecycle.begin_controlled_shutdown()

    def exit(self) -> None:
        """End cleanly: high watermarks and the mark of a clean shutdown, this life's epoch, are on the disk."""
        self.replicas.checkpoint()
        for name, log in self.storage.items():
            if not self.log_directories.is_offline(name):
                log.close()
        self._clean_shutdown_epoch = -1 if self.log_directories.offline else self.epoch
        self.clearing = 0
        self.stop()

    def stop(self) -> None:
        """Killed: the disk keeps the logs, and the high watermarks as they were written last."""
        if self.life.alive:
            super().stop()
            self.announce(BrokerStopped(self.node_id))

    def lose_power(self) -> None:
        """The machine stops: with the process goes what was written but neither flushed nor written back."""
        self.stop()
        self._host_storage.lose_power()

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request, when it has come through to the request handlers."""
        self.channel.take(request, self._dispatch_request)

    def _dispatch_request(self, request: ServerRequest) -> None:
        self._handlers[type(request.body)](request)
        self.fetches.complete_actions()

    def leaves(self, time: int, size_bytes: int) -> int:
        """When a network thread has sent an answer that is ready at a time."""
        return self.channel.leaves(time, size_bytes)

    def reply(self, request: ServerRequest, body: Message) -> None:
        """Answer a small request, at the price of one request handler's work."""
        self.quotas.answered(request, body, self.hardware.request_cost, self.now_ms)
        request.reply(body, self.cpu.work(self.now, self.hardware.request_cost))

    def topic_config(self, topic: str) -> TopicConfig:
        """A topic's configuration as this broker knows it, broker defaults applied."""
        return self._topic_configs.of(self.image, topic)

    def alive_epoch(self, broker_id: int) -> int | None:
        """The epoch of a broker that may be in sync (neither fenced nor shutting down), as far as is known here."""
        broker = self.image.brokers.get(broker_id)
        return broker.broker_epoch if broker is not None and broker.is_active else None

    def became_leader(self, partition: Partition) -> None:
        """This broker leads a partition from now on; a part of `__consumer_offsets` brings its groups."""
        self.groups.elected(partition)
        self.share_coordinator.elected(partition)
        self.transactions.elected(partition)

    def resigned(self, partition: Partition) -> None:
        """This broker led a partition and does so no longer."""
        self.groups.resigned(partition)
        self.share_coordinator.resigned(partition)
        self.transactions.resigned(partition)
        self.share_partitions.resigned(partition)

    def share_settings(self, group_id: str) -> ShareGroupSettings:
        """What holds for a share group here."""
        if group_id not in self._share_settings:
            config = self._group_configs.get(group_id, GroupConfig())
            self._share_settings[group_id] = share_group_settings(self.config, config)
        return self._share_settings[group_id]

    def _metadata(self, request: ServerRequest) -> None:
        self.reply(request, MetadataResponse(self.image))

    def _list_offsets(self, request: ServerRequest) -> None:
        body = request.body
        assert isinstance(body, ListOffsetsRequest)
        answer = ListOffsetsResponse({})
        for name, timestamp_ms in body.partitions.items():
            partition = self.replicas.find(name)
            found: FoundOffset | ErrorCode
            if isinstance(partition, ErrorCode):
                found = partition
            else:
                found = partition.offset_for(timestamp_ms, read_committed=body.read_committed)
            if isinstance(found, ErrorCode):
                answer.errors[name] = found
            else:
                answer.offsets[name] = found
        self.reply(request, answer)
