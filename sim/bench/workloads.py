"""The named workloads of `kafkasim bench`, each a plan that differs from the reference in one respect."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

__all__ = ["WORKLOADS", "Workload"]

LARGEST_TOPIC = 100
LEAST_IN_SYNC = {"min.insync.replicas": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """So many records per second of one size from all producers together, replicated three times and read once.

    Producers are idempotent with acks=all and Kafka's default batching; they hand over every `tick_ms` what is due.
    More than a hundred partitions are spread over topics of a hundred, each with a group and its share of the clients.
    Nothing is measured in the first `warm_up_s` simulated seconds, in which the groups form.
    """

    meaning: str
    rate: int = 1_000_000
    record_size_bytes: int = 100
    seconds: float = 10.0
    warm_up_s: int = 8
    brokers: int = 3
    partitions: int = 12
    producers: int = 3
    consumers: int = 3
    tick_ms: int = 5
    rebalance_delay_ms: int = 3_000

    def plan(self, until: int) -> Plan:
        """The plan of a flight that ends at a simulated time."""
        topics = [f"bench-{number}" for number in range(max(1, self.partitions // LARGEST_TOPIC))]
        gap = max(1, round(SECOND * self.producers / self.rate))
        size_bytes, tick = self.record_size_bytes, self.tick_ms * MILLISECOND
        sources = (
            AppSpec(f"source-{number}", source(topic, until, gap, size_bytes, tick))
            for number, topic in spread(topics, self.producers)
        )
        sinks = (AppSpec(f"sink-{number}", sink(topic)) for number, topic in spread(topics, self.consumers))
        each = self.partitions // len(topics)
        return Plan(
            duration=until,
            cluster=ClusterSpec(
                brokers=self.brokers,
                packs_logs=True,
                broker_config={"group.initial.rebalance.delay.ms": self.rebalance_delay_ms},
            ),
            topics=tuple(Topic(topic, each, min(3, self.brokers), LEAST_IN_SYNC) for topic in topics),
            apps=(*sources, *sinks),
            groups=tuple(GroupSpec(topic, (topic,)) for topic in topics),
        )


def spread(topics: list[str], count: int) -> Iterator[tuple[int, str]]:
    """Numbered clients, each with its topic, in turn."""
    return ((number, topics[number % len(topics)]) for number in range(count))


def source(topic: str, until: int, gap: int, size_bytes: int, tick: int) -> Behaviour:
    """Sends evenly spaced records without key or content; those of a tick are handed over at its end."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        due = 0
        while app.now < until:
            yield app.until(app.now + tick)
            if due <= app.now:
                yield from producer.send_many(topic, size_bytes, range(due, app.now + 1, gap))
                due += ((app.now - due) // gap + 1) * gap

    return run


def sink(topic: str) -> Behaviour:
    """Reads and drops, in the group of its topic."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(topic, [topic], auto_offset_reset="earliest")
        while True:
            yield from consumer.poll_slices()

    return run


WORKLOADS: Mapping[str, Workload] = {
    "reference": Workload(meaning="a million records of 100 bytes per second, twelve partitions on three brokers"),
    "short": Workload(meaning="one second of the reference, for a quick look", seconds=1.0),
    "large-records": Workload(
        meaning="the same bytes and requests as the reference in a tenth of the records",
        rate=100_000,
        record_size_bytes=1_000,
        seconds=3.0,
    ),
    "slow": Workload(meaning="a tenth of the reference's records per second", rate=100_000, seconds=3.0),
    "many-partitions": Workload(meaning="the reference over 120 partitions", partitions=120, seconds=3.0),
    "many-brokers": Workload(
        meaning="the reference on 12 brokers with 48 partitions", brokers=12, partitions=48, seconds=3.0
    ),
    "large-cluster": Workload(
        meaning="a hundred brokers, 10,000 partitions, a thousand clients",
        rate=50_000,
        seconds=3.0,
        brokers=100,
        partitions=10_000,
        producers=500,
        consumers=500,
        tick_ms=1_000,
    ),
}
