"""A cluster: hosts in racks, brokers, a controller, topics; built before the first event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sim.actors.broker.broker import Broker
from sim.actors.broker.partition import Partition
from sim.actors.broker.quota_managers import ClientQuotas
from sim.actors.broker.socket_server import Server
from sim.actors.client.app import App, Behaviour
from sim.actors.controller.controller import Controller
from sim.machine.devices import ClientHardware, Cpu, Hardware, Nic
from sim.machine.machine import Machine
from sim.machine.network import Host, Link
from sim.rules.config import BrokerConfig, GroupConfig, topic_config_from
from sim.rules.controller.election import PartitionRegistration
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import TopicCreated
from sim.rules.groups.coordinator import OFFSETS_TOPIC
from sim.rules.storage.log import Log
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic, check_placement

__all__ = ["CONTROLLER_ID", "Cluster", "ClusterSpec"]

CONTROLLER_ID = 100
QUORUM_SIZES = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """How many brokers in how many racks, on what hardware, with what configuration; 1, 3 or 5 controllers.

    `client_quotas` are Kafka's (producer_byte_rate, consumer_byte_rate, request_percentage), per second and broker, by
    client id; `<default>` is any other client. `group_configs` are those of single groups (`share.auto.offset.reset`
    and so on), by group id. `log_dirs` is how many log directories each broker has (JBOD), on as many disks; Kafka's
    log.dirs lists their paths. Without `group_topics` there is no `__consumer_offsets`, as nobody has used a group yet.
    With `wakes_fetches_early` a fetch that waits is answered after the append to each partition, as from Kafka 0.8.2 to
    2.6, and not after that to all of a request (KAFKA-8334). With `wakes_readers_at_append` a consumer's is, too, with
    nothing new committed, and not when it is, as up to Kafka 0.8.1. `packs_logs` saves memory where nobody compares
    what is read with what was sent, as a verdict does.
    """

    brokers: int = 3
    racks: int = 3
    broker_config: Mapping[str, object] = field(default_factory=dict)
    hardware: Hardware = field(default_factory=Hardware)
    client_hardware: ClientHardware = field(default_factory=ClientHardware)
    client_quotas: ClientQuotas = field(default_factory=dict)
    group_configs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    log_dirs: int = 1
    wakes_fetches_early: bool = False
    wakes_readers_at_append: bool = False
    packs_logs: bool = False
    group_topics: bool = True
    controllers: int = 1

    @property
    def controller_ids(self) -> range:
        """Node ids of the controllers: from 100 on, or from the first hundred that no broker reaches."""
        first = CONTROLLER_ID * (self.brokers // CONTROLLER_ID + 1)
        return range(first, first + self.controllers)


class Cluster:
    """Brokers 1 to n, controllers of higher numbers, and the applications that use them."""

    def __init__(self, machine: Machine, spec: ClusterSpec, topics: Iterable[Topic]) -> None:
        self.machine = machine
        self.spec = spec
        self.config = BrokerConfig.of(spec.broker_config)
        self.topics = {topic.name: topic for topic in topics}
        self._check(spec)
        offsets_factor = min(self.config.offsets_topic_replication_factor, spec.brokers)
        offsets_config = {"cleanup.policy": "compact", "segment.bytes": self.config.offsets_topic_segment_bytes}
        internal = Topic(OFFSETS_TOPIC, self.config.offsets_topic_num_partitions, offsets_factor, offsets_config)
        self._all_topics = {**self.topics, **({OFFSETS_TOPIC: internal} if spec.group_topics else {})}
        self.apps: dict[str, App] = {}
        self._servers: dict[int, Server] = {}
        self._cores = Cpu(spec.hardware.cores) if spec.hardware.cores else None
        machine.network.socket_buffer_bytes = spec.hardware.socket_buffer_bytes
        self.controllers: dict[int, Controller] = {}
        voters = spec.controller_ids
        for number, node_id in enumerate(voters):
            host = self._host("controller" if len(voters) == 1 else f"controller-{node_id}", number)
            controller = Controller(machine, node_id, host, self.config, voters, self._servers.__getitem__)
            self.controllers[node_id] = self._servers[node_id] = controller
        self.brokers: dict[int, Broker] = {}
        group_configs = {group: GroupConfig.of(config) for group, config in spec.group_configs.items()}
        for broker_id in range(1, spec.brokers + 1):
            host = self._host(f"broker-{broker_id}", broker_id - 1, spec.hardware.nic_bytes_per_s)
            broker = Broker(
                machine,
                broker_id,
                host,
                self.config,
                spec.hardware,
                self._servers.__getitem__,
                voters,
                spec.client_quotas,
                group_configs,
                spec.log_dirs,
            )
            broker.wakes_fetches_early = spec.wakes_fetches_early
            broker.wakes_readers_at_append = spec.wakes_readers_at_append
            broker.packs_logs = spec.packs_logs
            self.brokers[broker_id] = self._servers[broker_id] = broker

    @property
    def controller(self) -> Controller:
        """The active controller; between two of them the one with the longest committed log. For observers."""
        if len(self.controllers) == 1:
            return next(iter(self.controllers.values()))
        active = [controller for controller in self.controllers.values() if controller.active]
        if len(active) == 1:
            return active[0]
        return max(
            self.controllers.values(),
            key=lambda controller: (
                controller.active,
                controller.raft.state.epoch if controller.active else 0,
                controller.metadata.committed.offset,
            ),
        )

    def start(self) -> None:
        """Create topics, start the controllers and the brokers, all registered and in sync."""
        racks = {broker_id: broker.host.rack for broker_id, broker in self.brokers.items()}
        wanted = {name: (topic.partitions, topic.replication_factor) for name, topic in self._all_topics.items()}
        configs = {name: topic.config for name, topic in self._all_topics.items()}
        placed = {name: _assigned(topic) for name, topic in self._all_topics.items() if topic.replicas}
        first, *others = self.controllers.values()
        first.start()
        first.bootstrap(racks, wanted, configs, placed, self.spec.log_dirs)
        for other in others:
            other.metadata.begin_as(first.metadata)
            other.start()
        for topic in self.topics.values():
            self.controller.announce(TopicCreated(topic.name, topic.partitions, topic.replication_factor))
        for broker in self.brokers.values():
            broker.join_running_cluster(self.controller.image)

    def app(
        self, name: str, behaviour: Behaviour, overrides: Mapping[str, Mapping[str, object]], rack: int | None = None
    ) -> App:
        """Put an application on a host of its own; racks are given out in turn."""
        hardware = replace(self.spec.client_hardware, ssl=self.spec.hardware.ssl)
        host = self._host(name, len(self.apps) if rack is None else rack, hardware.nic_bytes_per_s)
        directory, bootstrap = self._servers.__getitem__, tuple(self.brokers)
        app = App(self.machine, name, host, behaviour, directory, bootstrap, overrides, hardware)
        self.apps[name] = app
        return app

    def hosts(self) -> dict[str, str]:
        """The name of each host, and what runs there: a broker, a controller or a client."""
        kinds = (("broker", self.brokers), ("controller", self.controllers), ("client", self.apps))
        return {server.host.name: kind for kind, servers in kinds for server in servers.values()}

    def leader(self, name: TopicPartition) -> Partition | None:
        """The replica that the controller calls leader, if its broker runs; for observers."""
        broker = self.brokers.get(self.controller.image.leader(name))
        if broker is None or not broker.life.alive:
            return None
        return broker.replicas.partitions.get(name)

    def log(self, name: TopicPartition) -> Log:
        """The true log: the leader's, from its disk if its process is gone; without a leader the longest in sync."""
        registration = self.controller.image.partitions[name]
        leader = self.brokers.get(registration.leader)
        if leader is not None:
            return leader.storage.get(name) or Log()
        members = registration.isr or registration.elr or registration.last_known_elr or registration.replicas
        logs = [self.brokers[broker].storage.get(name) or Log() for broker in members]
        return max(logs, key=lambda log: log.log_end_offset)

    def partitions(self) -> list[TopicPartition]:
        """All partitions of the topics that exist now, the scenario's first, without the brokers' own topics."""
        image = self.controller.image
        names = [*self.topics, *(name for name in image.partition_counts if name not in self.topics)]
        return [name for topic in names if not topic.startswith("__") for name in image.topic_partitions(topic)]

    def committed_offsets(self, group_id: str) -> dict[TopicPartition, int] | None:
        """A group's committed offsets, from whichever broker coordinates it now; None while nobody does.

        Of a share group the offsets below which it is done with everything.
        """
        for broker in self.brokers.values():
            if broker.life.alive:
                offsets = broker.groups.committed_offsets(group_id)
                if offsets is not None:
                    return offsets or self._share_start_offsets(group_id)
        return None

    def _share_start_offsets(self, group_id: str) -> dict[TopicPartition, int]:
        alive = [broker for broker in self.brokers.values() if broker.life.alive]
        found: dict[TopicPartition, int] = {}
        for broker in alive:
            found |= broker.share_coordinator.start_offsets(group_id)
        for broker in alive:
            found |= broker.share_partitions.start_offsets(group_id)
        return found

    def _host(self, name: str, rack: int, nic_bytes_per_s: float = 1.25e9) -> Host:
        hardware, machine = self.spec.hardware, self.machine
        nic = Nic(nic_bytes_per_s / hardware.wire_overhead, machine.clock if hardware.nic_fair else None)
        link = Link(hardware.link_latency, hardware.link_jitter)
        return machine.network.add_host(name, f"rack-{rack % self.spec.racks + 1}", nic, link, self._cores)

    def _check(self, spec: ClusterSpec) -> None:
        """Refuse what cannot work, in one line each. Raises ConfigError."""
        if spec.log_dirs < 1:
            raise ConfigError(f"a broker needs at least 1 log directory, not {spec.log_dirs}")
        if spec.brokers < 1 or spec.racks < 1:
            raise ConfigError(f"a cluster needs at least 1 broker and 1 rack, not {spec.brokers} and {spec.racks}")
        if spec.controllers not in QUORUM_SIZES:
            raise ConfigError(f"a cluster has 1, 3 or 5 controllers, not {spec.controllers}")
        for topic in self.topics.values():
            if topic.partitions < 1:
                raise ConfigError(f"topic {topic.name}: partitions must be at least 1, not {topic.partitions}")
            if not 1 <= topic.replication_factor <= spec.brokers:
                raise ConfigError(
                    f"topic {topic.name}: replication factor {topic.replication_factor} is not between 1 and "
                    f"the number of brokers, {spec.brokers}"
                )
            check_placement(topic, spec.brokers)
            minimum = topic_config_from(self.config, topic.config).min_insync_replicas
            if minimum > topic.replication_factor:
                raise ConfigError(
                    f"topic {topic.name}: min.insync.replicas {minimum} is more than its "
                    f"replication factor {topic.replication_factor}"
                )


def _assigned(topic: Topic) -> list[PartitionRegistration]:
    """The partitions of a topic whose replicas are given."""
    leaders = topic.leaders or [replicas[0] for replicas in topic.replicas]
    return [
        PartitionRegistration(tuple(replicas), tuple(replicas), leader)
        for replicas, leader in zip(topic.replicas, leaders, strict=True)
    ]
