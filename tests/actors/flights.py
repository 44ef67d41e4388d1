"""A small cluster in flight for the stories of the broker side, examined after every simulated second."""

import itertools
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from simpy import Event

from sim.actors.broker.broker import Broker
from sim.actors.broker.partition import Partition
from sim.actors.broker.quota_managers import ClientQuotas
from sim.actors.broker.socket_server import Server, ServerRequest
from sim.actors.client.app import App
from sim.actors.client.network_client import NetworkClient
from sim.actors.consumer.consumer_records import CommitFailedError
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.machine.devices import Hardware
from sim.machine.machine import Machine
from sim.rules.facts.journal import JOURNAL, RecordsAcknowledged
from sim.rules.facts.storage import UnflushedLost
from sim.rules.protocol.messages import Message
from sim.rules.topics import TopicPartition
from sim.world.cluster import Cluster, ClusterSpec
from sim.world.topics import Topic

P = TopicPartition("payments", 0)
SMALL: Mapping[str, object] = {"offsets.topic.num.partitions": 3}


def seconds(time: int) -> float:
    """Simulated nanoseconds as seconds."""
    return time / SECOND


class Source:
    """An application that sends numbered records at an even pace, and what became of each."""

    def __init__(self, every_ms: float, until_s: float, first: int = 0, **config: object) -> None:
        self.every_ms, self.until_s, self.first, self.config = every_ms, until_s, first, config
        self.deliveries: list[Delivery] = []
        self.acknowledged_at: dict[int, int] = {}

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(**self.config)
        while app.now < self.until_s * SECOND:
            number = self.first + len(self.deliveries)
            note = self._note(app, number)
            delivery = yield from producer.send(P.topic, value=str(number).encode(), partition=0, on_delivery=note)
            self.deliveries.append(delivery)
            yield app.busy(ms=self.every_ms)
        yield from producer.close()

    def _note(self, app: App, number: int) -> Callable[[Delivery], None]:
        def note(delivery: Delivery) -> None:
            if delivery.batch.error is None:
                self.acknowledged_at[number] = app.now

        return note

    @property
    def acknowledged(self) -> set[int]:
        """Numbers of the records that were acknowledged."""
        return set(self.acknowledged_at)

    @property
    def failed(self) -> int:
        """How many records the producer has given up."""
        return sum(delivery.batch.error is not None for delivery in self.deliveries)

    def gaps(self) -> list[tuple[float, float]]:
        """Times without an acknowledgement of more than half a second: beginning and length in seconds."""
        times = sorted(self.acknowledged_at.values())
        return [(seconds(a), seconds(b - a)) for a, b in itertools.pairwise(times) if b - a > SECOND // 2]


class Sink:
    """An application that reads everything in a group and commits after each poll."""

    def __init__(self, group_id: str = "sink", **config: object) -> None:
        self.group_id, self.config = group_id, config
        self.got: list[tuple[int, int]] = []

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer(self.group_id, [P.topic], auto_offset_reset="earliest", **self.config)
        while True:
            records = yield from consumer.poll(200)
            self.got += [(app.now, int(record.value or b"")) for record in records]
            try:
                yield from consumer.commit()
            except CommitFailedError:
                continue

    @property
    def numbers(self) -> list[int]:
        """The numbers read, in order."""
        return [number for _, number in self.got]

    def longest_silence(self, from_s: float, to_s: float) -> float:
        """The longest time in seconds without a record, between two times."""
        inside = [seconds(time) for time, _ in self.got if from_s <= seconds(time) <= to_s]
        times = [from_s, *inside, to_s]
        return max(b - a for a, b in itertools.pairwise(times))


class Probe:
    """A bare client: single requests to brokers, with the answers and the times at which they came."""

    def __init__(self, story: "Story", name: str = "probe") -> None:
        self._story = story
        self.app = story.cluster.app(name, _idle, {})
        self.app.start()
        servers: dict[int, Server] = {**story.cluster.brokers, **story.cluster.controllers}
        self.network = NetworkClient(self.app, servers.__getitem__)

    def ask(self, node_id: int, *bodies: Message, wait_s: float = 1.0) -> list[Message]:
        """Send requests one after the other on one connection and return the answers that come within a time."""
        answers: list[Message] = []

        def send(success: bool) -> None:
            for body in bodies if success else ():
                self.network.send(node_id, body, answers.append)

        self.network.connect(node_id, send)
        self._story.fly(self._story.now_s + wait_s)
        return answers


def _idle(app: App) -> Generator[Event, Any, Any]:
    while True:
        yield app.busy(ms=1000)


class Story:
    """A cluster with one partition, of as many replicas as brokers if not told; facts are kept with their times."""

    def __init__(
        self,
        seed: int = 1,
        apps: Mapping[str, Callable[[App], Generator[Event, Any, Any]]] | None = None,
        topic_config: Mapping[str, object] | None = None,
        brokers: int = 3,
        broker_config: Mapping[str, object] | None = None,
        more_topics: Iterable[Topic] = (),
        client_quotas: ClientQuotas | None = None,
        replication_factor: int | None = None,
        group_configs: Mapping[str, Mapping[str, object]] | None = None,
        log_dirs: int = 1,
        hardware: Hardware | None = None,
        topics_before: Iterable[Topic] = (),
        controllers: int = 1,
    ) -> None:
        self.machine = Machine(seed)
        spec = ClusterSpec(brokers, 3, {**SMALL, **(broker_config or {})}, client_quotas=client_quotas or {})
        spec = replace(spec, group_configs=group_configs or {}, log_dirs=log_dirs, hardware=hardware or Hardware())
        spec = replace(spec, controllers=controllers)
        topic = Topic(P.topic, 1, replication_factor or brokers, {"min.insync.replicas": 2, **(topic_config or {})})
        self.cluster = Cluster(self.machine, spec, [*topics_before, topic, *more_topics])
        self.facts: list[tuple[int, Any]] = []
        for kind in (*JOURNAL, RecordsAcknowledged):
            self.machine.facts.listen(kind, lambda time, fact: self.facts.append((time, fact)))
        self._leaders: dict[tuple[TopicPartition, int, int], int] = {}
        self.cluster.start()
        self.first_leader = self.cluster.controller.image.leader(P)
        self.followers = [broker for broker in self.cluster.brokers if broker != self.first_leader]
        for name, behaviour in (apps or {}).items():
            self.cluster.app(name, behaviour, {}).start()

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start."""
        return seconds(int(self.machine.clock.now))

    def broker(self, broker_id: int) -> Broker:
        """A broker by its id."""
        return self.cluster.brokers[broker_id]

    def at(self, time_s: float, function: Callable[[], object]) -> None:
        """Do something at a time."""
        self.machine.clock.call_at(round(time_s * SECOND), function)

    def fly(self, until_s: float) -> None:
        """Let time pass and examine the cluster after every second."""
        end, clock = round(until_s * SECOND), self.machine.clock
        while clock.now < end:
            clock.run(until=min(int(clock.now) + SECOND, end))
            self.examine()

    def examine(self) -> None:
        """Log start <= HW <= LEO; the ISR holds everything below the leader's HW; an epoch has one leader.

        A broker that has lost power may stand in the ISR with a log that was cut, until the controller hears of it.
        """
        cut = {fact.broker_id for fact in self.these(UnflushedLost)}
        cut -= {number for number, broker in self.cluster.brokers.items() if broker.life.alive and broker.listening}
        for name, registration in self.cluster.controller.image.partitions.items():
            for broker_id in registration.replicas:
                if self.broker(broker_id).life.alive and name in self.broker(broker_id).replicas.partitions:
                    self._examine_replica(self.broker(broker_id).replicas.partitions[name])
            leader = self.cluster.leader(name)
            if leader is not None and leader.registration.leader_epoch == registration.leader_epoch:
                watermark = leader.high_watermark.value
                held = {
                    member: self.broker(member).storage[name].log_end_offset
                    for member in registration.isr
                    if member not in cut
                }
                assert min(held.values(), default=watermark) >= watermark, (
                    f"{name} at {self.now_s}: HW {watermark}, ISR holds {held}"
                )

    def _examine_replica(self, partition: Partition) -> None:
        log, watermark = partition.log, partition.high_watermark.value
        where = f"{partition.name} on {partition.broker_id} at {self.now_s}"
        assert log.log_start_offset <= watermark <= log.log_end_offset, f"{where}: HW {watermark}"
        if partition.is_leader:
            epoch = partition.registration.leader_epoch
            topic_id = self.broker(partition.broker_id).topic_ids.get(partition.name, 0)
            known = self._leaders.setdefault((partition.name, topic_id, epoch), partition.broker_id)
            assert known == partition.broker_id, f"{where}: leads epoch {epoch}, as {known} does"

    def overhear(self, server: Server, kind: type[Message], times: list[int]) -> None:
        """Note when a server is handed requests of a kind."""
        handle = server.handle

        def heard(request: ServerRequest) -> None:
            if isinstance(request.body, kind):
                times.append(int(self.machine.clock.now))
            handle(request)

        server.handle = heard  # type: ignore[method-assign]

    def when(self, kind: type, after_s: float = 0.0, **attributes: object) -> list[float]:
        """The times in seconds of the facts of a kind that have these attributes."""
        return [
            seconds(time)
            for time, fact in self.facts
            if type(fact) is kind and seconds(time) >= after_s
            if all(getattr(fact, name) == value for name, value in attributes.items())
        ]

    def these(self, kind: type) -> list[Any]:
        """The facts of a kind."""
        return [fact for _, fact in self.facts if type(fact) is kind]

    def isr(self, name: TopicPartition = P) -> set[int]:
        """The in-sync replicas, as the controller has them."""
        return set(self.cluster.controller.image.partitions[name].isr)

    def numbers(self, broker_id: int, name: TopicPartition = P) -> list[int]:
        """The numbers of the records in one replica's log."""
        return [
            int(r.value or b"") for batch in self.broker(broker_id).storage[name].batches() for r in batch.records()
        ]

    def numbers_of_batches(self, broker_id: int, name: TopicPartition = P) -> list[int]:
        """The base offsets of the batches in one replica's log."""
        return [batch.base_offset for batch in self.broker(broker_id).storage[name].batches()]

    def acknowledged_numbers_in_order(self, broker_id: int, source: Source) -> bool:
        """Whether a replica's log has every acknowledged record, once and in the order of sending."""
        written = self.numbers(broker_id)
        return source.acknowledged <= set(written) and written == sorted(set(written))

    def logs_agree(self, names: Iterable[TopicPartition] | None = None) -> bool:
        """Whether all replicas of each partition hold the same batches under the same offsets and epochs."""
        images = self.cluster.controller.image.partitions
        return all(
            len({self._content(broker_id, name) for broker_id in images[name].replicas}) == 1
            for name in (images if names is None else names)
        )

    def _content(self, broker_id: int, name: TopicPartition) -> tuple[tuple[int, int, tuple[bytes | None, ...]], ...]:
        batches = self.broker(broker_id).storage[name].batches()
        return tuple((b.base_offset, b.leader_epoch, tuple(r.value for r in b.records())) for b in batches)
