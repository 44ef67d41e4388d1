"""What several of these experiments share: a source of numbered records, a reader that works, a small cluster."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import RebalanceListener
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.keys import Keys, NoKeys, keyed
from sim.world.workload import Workload

__all__ = ["ONE_BROKER", "Diary", "Steps", "reader", "source"]

Steps = Generator[Event, Any, Any]
ONE_BROKER = ClusterSpec(brokers=1, racks=1)


@dataclass(slots=True)
class Diary(RebalanceListener):
    """What one member of a group was given, what it has lost, and when it has read how much, in nanoseconds."""

    assigned: list[int] = field(default_factory=list)
    lost: int = 0
    read: list[tuple[int, int]] = field(default_factory=list)

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Given: how many."""
        self.assigned.append(len(partitions))

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:  # noqa: ARG002
        """The group has put it out: its partitions belong to others by now."""
        self.lost += 1


def source(topic: str, workload: Workload, duration: int, keys: Keys | None = None, **config: object) -> Behaviour:
    """Sends records with the numbers 0, 1, 2 and so on when they come, without keys unless some are given."""

    def run(app: App) -> Steps:
        producer = app.producer(**config)
        times = workload.arrivals(app.machine.streams.columns(f"{app.name}-times"), duration)
        chance = app.machine.streams.columns(f"{app.name}-keys")
        for number, (time, key) in enumerate(keyed(times, keys or NoKeys(), chance)):
            due = yield from app.arrive(time)
            yield from producer.send(topic, b"%d" % number, app.key(key), sent_at=due)
        yield from producer.close()

    return run


def reader(group_id: str, topics: Sequence[str], work_ms: float, diary: Diary, **config: object) -> Behaviour:
    """Reads, and works so long for each record before it polls again."""

    def run(app: App) -> Steps:
        consumer = app.consumer(group_id, auto_offset_reset="earliest", **config)
        consumer.subscribe(topics, diary)
        while True:
            records = yield from consumer.poll()
            diary.read.append((app.now, len(records)))
            if records:
                yield app.busy(ms=work_ms * len(records))

    return run
