"""A broker: a process with replicas on its disk, which answers clients, followers and group members.

Source: core/src/main/scala/kafka/server/BrokerServer.scala, KafkaApis.scala
Fidelity: approximate — the requests of `_handlers` only; no quotas, authorization or TLS
"""

from collections.abc import Callable

from sim.actors.broker_lifecycle import BrokerLifecycle
from sim.actors.fetch_handler import FetchHandler
from sim.actors.group_coordinator import GroupCoordinator
from sim.actors.isr_manager import IsrManager
from sim.actors.network_client import Directory, NetworkClient
from sim.actors.partition import Partition
from sim.actors.produce_handler import ProduceHandler
from sim.actors.producer_ids import ProducerIds
from sim.actors.replica_manager import ReplicaManager
from sim.actors.socket_server import Server, ServerRequest
from sim.machine.devices import Cpu, Disk, Hardware
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import BrokerConfig, TopicConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts import BrokerStarted, BrokerStopped
from sim.rules.group_protocol import (
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
)
from sim.rules.log import Log
from sim.rules.metadata import MetadataImage, PartitionChange
from sim.rules.protocol import (
    FetchRequest,
    InitProducerIdRequest,
    ListOffsetsRequest,
    ListOffsetsResponse,
    Message,
    MetadataRequest,
    MetadataResponse,
    ProduceRequest,
)
from sim.rules.topics import TopicPartition

__all__ = ["Broker"]

TopicConfigs = Callable[[str], TopicConfig]


class Broker(Server):
    """One broker; `storage` and `checkpoints` are its disk and outlive the process, the rest is made at start."""

    def __init__(
        self,
        machine: Machine,
        node_id: int,
        host: Host,
        config: BrokerConfig,
        hardware: Hardware,
        topic_config: TopicConfigs,
        directory: Directory,
        controller_id: int,
    ) -> None:
        super().__init__(machine, f"broker-{node_id}", host)
        self.node_id = node_id
        self.config = config
        self.hardware = hardware
        self.topic_config = topic_config
        self.directory = directory
        self.controller_id = controller_id
        self.cpu = Cpu(config.num_io_threads)
        self.disk = Disk(hardware)
        self.storage: dict[TopicPartition, Log] = {}
        self.checkpoints: dict[TopicPartition, int] = {}
        self.incarnation = 0
        self.epoch = -1
        self.image = MetadataImage()
        self.replicas = ReplicaManager(self)
        self._handlers: dict[type[Message], Callable[[ServerRequest], None]] = {}

    def on_start(self) -> None:
        """The process begins: everything but the disk is new."""
        self.incarnation += 1
        self.epoch = -1
        self.image = MetadataImage()
        self.listening = False
        self.replicas = ReplicaManager(self)
        self.replica_client = NetworkClient(self, self.directory, self.config.request_timeout_ms, 0, 0)
        self.fetches = FetchHandler(self)
        self.produces = ProduceHandler(self)
        self.isr = IsrManager(self)
        self.groups = GroupCoordinator(self)
        self.producer_ids = ProducerIds(self)
        self.lifecycle = BrokerLifecycle(self)
        self._handlers = {
            ProduceRequest: self.produces.handle,
            FetchRequest: self.fetches.handle,
            MetadataRequest: self._metadata,
            ListOffsetsRequest: self._list_offsets,
            InitProducerIdRequest: self.producer_ids.handle,
            FindCoordinatorRequest: self.groups.find_coordinator,
            JoinGroupRequest: self.groups.join,
            SyncGroupRequest: self.groups.sync,
            HeartbeatRequest: self.groups.heartbeat,
            LeaveGroupRequest: self.groups.leave,
            OffsetCommitRequest: self.groups.commit,
            OffsetFetchRequest: self.groups.fetch_offsets,
        }
        self.replicas.begin()
        self.announce(BrokerStarted(self.node_id))
        if self.incarnation > 1:
            self.lifecycle.join(self.hardware.broker_start)

    def join_running_cluster(self, image: MetadataImage) -> None:
        """Begin the first life registered, unfenced and up to date, as a cluster that has long been running."""
        self.start()
        self.listening = True
        self.epoch = image.brokers[self.node_id].broker_epoch
        self.image = image
        changes = [PartitionChange(name, registration) for name, registration in image.partitions.items()]
        self.replicas.apply(changes)
        self.lifecycle.go_on()

    def stop(self) -> None:
        """Killed: the disk keeps the logs, and the high watermarks as they were written last."""
        if self.life.alive:
            super().stop()
            self.announce(BrokerStopped(self.node_id))

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request."""
        self._handlers[type(request.body)](request)
        self.fetches.complete_actions()

    def reply(self, request: ServerRequest, body: Message) -> None:
        """Answer a small request, at the price of one request handler's work."""
        request.reply(body, self.cpu.work(self.now, self.hardware.request_cost))

    def alive_epoch(self, broker_id: int) -> int | None:
        """The epoch of a broker that is registered and not fenced, as far as this broker's metadata tells."""
        broker = self.image.brokers.get(broker_id)
        return None if broker is None or broker.fenced else broker.broker_epoch

    def became_leader(self, partition: Partition) -> None:
        """This broker leads a partition from now on; a part of `__consumer_offsets` brings its groups."""
        self.groups.elected(partition)

    def resigned(self, partition: Partition) -> None:
        """This broker led a partition and does so no longer."""
        self.groups.resigned(partition)

    def read_from_disk(self, partition: Partition, from_offset: int, size_bytes: int) -> int:
        """When a read is done: now, unless it lies too far back for the page cache."""
        behind = partition.log.size_bytes_between(from_offset, partition.log.log_end_offset)
        return self.disk.read(self.now, size_bytes, behind)

    def _metadata(self, request: ServerRequest) -> None:
        self.reply(request, MetadataResponse(self.image))

    def _list_offsets(self, request: ServerRequest) -> None:
        body = request.body
        assert isinstance(body, ListOffsetsRequest)
        answer = ListOffsetsResponse({})
        for name in body.partitions:
            partition = self.replicas.find(name)
            found = partition if isinstance(partition, ErrorCode) else partition.offset_of(body.earliest)
            if isinstance(found, ErrorCode):
                answer.errors[name] = found
            else:
                answer.offsets[name] = found
        self.reply(request, answer)
