"""A load to fly: what producers send and consumers read, and on which machines."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simpy import Event

from sim.actors.broker.quota_managers import ClientQuotas
from sim.actors.client.app import App, Behaviour
from sim.actors.producer.producer import Producer
from sim.machine.clock import MICROSECOND, SECOND
from sim.machine.devices import ClientHardware, Hardware
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

__all__ = ["TOPIC", "Load", "plan_for"]

TOPIC = "load"
TICK = 200 * MICROSECOND
CHUNK = 50
MOST = 500
LEAD = 500 * 1_000_000
"""How long a producer with a first record of its own waits after it."""


Send = Callable[[list[int]], Generator[Event, Any, None]]


@dataclass(frozen=True, slots=True)
class Load:
    """Steady load. `rate` is records per second of all producers together; None for as much as goes.

    Each of the `groups` reads everything with so many consumers. `backlog` is how many records lie in the log before a
    consumer begins. With `ping` one application sends a record and reads it before it sends the next one. Records go to
    the partitions in turn if `round_robin`, as before Kafka 2.4, otherwise where the producer likes; one that
    `sticks_to_batches` likes another partition for each batch, as before Kafka 3.3. A consumer may fetch while records
    of the same broker are buffered, as before Kafka 4.0; after each poll it `commits` its offsets (`sync`: and waits,
    or `async`).
    A producer that is `on_schedule` sends what it could not send in time as soon as it can, and latency counts from the
    schedule. With `first_alone` it sends one record half a second before the others, with `first_everywhere` one to
    each partition, as one has done that runs for long: only then it prefers partitions by load. `consumer_rate` is how
    many records per second a consumer's application can take; from `pause_at` it takes none for `pause`, if it is in
    one of the first `pausing` groups.
    Times are nanoseconds; `until` is the end of the run, `begin` that of the warm-up, `stop` that of sending. Records
    that are due within one `tick` are sent together, at its end.
    """

    hardware: Hardware
    client_hardware: ClientHardware
    brokers: int
    partitions: int
    replication_factor: int
    value_size: int
    producers: int = 1
    groups: tuple[int, ...] = ()
    rate: float | None = None
    backlog: int = 0
    ping: bool = False
    round_robin: bool = False
    sticks_to_batches: bool = False
    fetches_beside_buffered: bool = False
    commits: str = ""
    wakes_fetches_early: bool = False
    wakes_readers_at_append: bool = False
    disks: int = 1
    cache_is_full: bool = False
    broker_config: Mapping[str, object] = field(default_factory=dict)
    topic_config: Mapping[str, object] = field(default_factory=dict)
    producer_config: Mapping[str, object] = field(default_factory=dict)
    consumer_config: Mapping[str, Any] = field(default_factory=dict)
    begin: int = 1 * SECOND
    until: int = 3 * SECOND
    stop: int = 1 << 62
    tick: int = TICK
    first_alone: bool = False
    first_everywhere: bool = False
    on_schedule: bool = False
    quotas: ClientQuotas = field(default_factory=dict)
    consumer_rate: float | None = None
    pause_at: int = 0
    pause: int = 0
    pausing: int = 1 << 30


def plan_for(load: Load) -> Plan:
    """The load as a plan: each producer and consumer on a host of its own, all in one rack."""
    apps: list[AppSpec] = []
    if load.ping:
        apps.append(AppSpec("ping", _pinging(load)))
    else:
        for number in range(load.producers):
            apps.append(AppSpec(f"producer-{number}", _producing(load)))
    for group, size in enumerate(load.groups):
        for number in range(size):
            share = range(number, load.partitions, size)
            reads = replace(load, pause=load.pause if group < load.pausing else 0)
            apps.append(AppSpec(f"consumer-{group}-{number}", _consuming(reads, f"group-{group}", share)))
    return Plan(
        duration=load.until,
        cluster=ClusterSpec(
            brokers=load.brokers,
            racks=1,
            broker_config=load.broker_config,
            hardware=load.hardware,
            client_hardware=load.client_hardware,
            log_dirs=load.disks,
            client_quotas=load.quotas,
            wakes_fetches_early=load.wakes_fetches_early,
            wakes_readers_at_append=load.wakes_readers_at_append,
        ),
        topics=(Topic(TOPIC, load.partitions, load.replication_factor, load.topic_config),),
        apps=tuple(apps),
    )


def _producing(load: Load) -> Behaviour:
    return _saturated(load) if load.rate is None else _paced(load, load.rate / load.producers)


def _saturated(load: Load) -> Behaviour:
    """Always has the next record: buffer.memory and max.block.ms bound what it sends."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**load.producer_config)
        send = _sending(load, producer)
        yield from _lead_in(load, app, producer, send)
        while app.now < min(load.stop, load.until):
            yield from send([app.now] * CHUNK)

    return run


def _lead_in(load: Load, app: App, producer: Producer, send: Send) -> Generator[Event, Any, None]:
    for number in range(load.partitions if load.first_everywhere else 0):
        yield from producer.send_many(TOPIC, load.value_size, [app.now], number)
    if load.first_alone:
        yield from send([app.now])
        yield app.until(app.now + LEAD)


def _sending(load: Load, producer: Producer) -> Send:
    """How records leave: to the partition that the producer chooses, or in turn."""
    sent = 0
    if load.sticks_to_batches:
        producer.stick_to_batches()

    def anywhere(times: list[int]) -> Generator[Event, Any, None]:
        return producer.send_many(TOPIC, load.value_size, times)

    def in_turn(times: list[int]) -> Generator[Event, Any, None]:
        nonlocal sent
        first, sent = sent, sent + len(times)
        for number in range(first, min(sent, first + load.partitions)):
            share = times[number - first :: load.partitions]
            yield from producer.send_many(TOPIC, load.value_size, share, number % load.partitions)

    return in_turn if load.round_robin else anywhere


def _paced(load: Load, rate: float) -> Behaviour:
    """Sends evenly. One that was held up makes up for it if it keeps a schedule, and otherwise does not hurry."""
    gap = max(round(SECOND / rate), 1)
    tick = max(load.tick, gap)

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**load.producer_config)
        send = _sending(load, producer)
        yield from _lead_in(load, app, producer, send)
        due = app.now + app.random.randrange(tick)
        wake = due
        while due < min(load.stop, load.until):
            yield app.until(wake)
            times = range(due, app.now + 1, gap)[:MOST]
            due += len(times) * gap
            if load.on_schedule:
                yield from send(list(times))
            else:
                yield from send([app.now] * len(times))
                due = max(due, app.now - tick)
            wake = max(due, wake + tick)

    return run


def _consuming(load: Load, group_id: str, share: range) -> Behaviour:
    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(load.begin // 2 if load.backlog else 0)
        consumer = app.consumer(group_id, auto_offset_reset="earliest", **load.consumer_config)
        consumer.assign([TopicPartition(TOPIC, number) for number in share])
        if load.fetches_beside_buffered:
            consumer.fetch_beside_buffered()
        while True:
            slices = yield from consumer.poll_slices()
            if load.pause_at <= app.now < load.pause_at + load.pause:
                yield app.until(load.pause_at + load.pause)
            offsets = {piece.partition: piece.next_offset for piece in slices if load.commits}
            if load.commits == "sync" and offsets:
                yield from consumer.commit(offsets)
            elif offsets:
                consumer.commit_async(offsets)
            if load.consumer_rate is not None:
                count = sum(piece.next_offset - piece.first_offset for piece in slices)
                yield app.busy(ms=1000 * count / load.consumer_rate)

    return run


def _pinging(load: Load) -> Behaviour:
    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**load.producer_config)
        consumer = app.consumer("ping", auto_offset_reset="earliest", **load.consumer_config)
        consumer.assign([TopicPartition(TOPIC, number) for number in range(load.partitions)])
        while app.now < load.until:
            yield from producer.send_many(TOPIC, load.value_size, [app.now])
            while not (yield from consumer.poll_slices()):
                pass

    return run
