"""A broker: a process with replicas on its disk, which answers clients, followers and group members.

Source: core/src/main/scala/kafka/server/BrokerServer.scala, KafkaApis.scala
"""

from collections.abc import Callable
from typing import Any

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
from sim.rules.log import Log
from sim.rules.metadata import MetadataImage, PartitionChange
from sim.rules.protocol import (
    FetchRequest,
    FindCoordinatorRequest,
    HeartbeatRequest,
    InitProducerIdRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    ListOffsetsRequest,
    ListOffsetsResponse,
    Message,
    MetadataRequest,
    MetadataResponse,
    OffsetCommitRequest,
    OffsetFetchRequest,
    ProduceRequest,
    SyncGroupRequest,
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
        self.replicas = ReplicaManager(self)
        self.replica_client = NetworkClient(self, self.directory, self.config.replica_socket_timeout_ms)
        self.controller_client = NetworkClient(self, self.directory, self.config.request_timeout_ms)
        self.metadata_client = NetworkClient(self, self.directory, self.config.request_timeout_ms)
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
        self.announce(BrokerStarted(self.node_id))
        if self.incarnation > 1:
            self.lifecycle.join(self.hardware.broker_start)

    def join_running_cluster(self, image: MetadataImage) -> None:
        """Begin the first life registered, unfenced and up to date, as a cluster that has long been running."""
        self.start()
        self.epoch = image.brokers[self.node_id].broker_epoch
        self.image = image
        changes = [PartitionChange(name, registration) for name, registration in image.partitions.items()]
        self.replicas.apply(changes)
        self.lifecycle.go_on()

    def stop(self) -> None:
        """Killed: the disk keeps the logs and the last high watermarks."""
        if self.life.alive:
            for name, partition in self.replicas.partitions.items():
                self.checkpoints[name] = partition.high_watermark.value
            super().stop()
            self.announce(BrokerStopped(self.node_id))

    def handle(self, request: ServerRequest) -> None:
        """Dispatch by kind of request."""
        self._handlers[type(request.body)](request)

    def reply(self, request: ServerRequest, body: Message) -> None:
        """Answer a small request, at the price of one request handler's work."""
        request.reply(body, self.cpu.work(self.now, self.hardware.request_cost))

    def ask_controller(self, body: Message, callback: Callable[[Any], None]) -> None:
        """Send a request to the active controller."""
        self.controller_client.request(self.controller_id, body, callback)

    def is_eligible(self, broker_id: int) -> bool:
        """Whether a broker may be in an ISR, as far as this broker's metadata tells."""
        return self.image.alive(broker_id)

    def became_leader(self, partition: Partition) -> None:
        """This broker leads a partition from now on; a part of `__consumer_offsets` brings its groups."""
        self.groups.elected(partition)

    def resigned(self, partition: Partition) -> None:
        """This broker led a partition and does so no longer."""
        self.groups.resigned(partition)

    def read_from_disk(self, partition: Partition, from_offset: int, size_bytes: int) -> None:
        """Charge a read that the page cache cannot serve."""
        behind = partition.log.size_bytes_between(from_offset, partition.log.log_end_offset)
        self.disk.read(self.now, size_bytes, behind)

    def _metadata(self, request: ServerRequest) -> None:
        self.reply(request, MetadataResponse(self.image))

    def _list_offsets(self, request: ServerRequest) -> None:
        body = request.body
        assert isinstance(body, ListOffsetsRequest)
        answer = ListOffsetsResponse({})
        for name in body.partitions:
            partition = self.replicas.partitions.get(name)
            if partition is None or not partition.is_leader:
                answer.errors[name] = ErrorCode.NOT_LEADER_OR_FOLLOWER
            elif body.earliest:
                answer.offsets[name] = partition.log.log_start_offset
            else:
                answer.offsets[name] = partition.high_watermark.value
        self.reply(request, answer)
