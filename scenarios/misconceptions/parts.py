"""What several of these experiments share: a source of numbered records, a reader that works, a small cluster."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import RebalanceListener
from sim.actors.producer.delivery import Delivery
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.keys import Keys, NoKeys, keyed
from sim.world.workload import Workload

__all__ = ["ONE_BROKER", "Diary", "Ledger", "Steps", "reader", "source"]

Steps = Generator[Event, Any, Any]
ONE_BROKER = ClusterSpec(brokers=1, racks=1)


@dataclass(slots=True)
class Diary(RebalanceListener):
    """How often one member was given partitions and has lost them, how many it owns, and when it read how much.

    Times are nanoseconds.
    """

    joins: int = 0
    evictions: int = 0
    owned: int = 0
    read: list[tuple[int, int]] = field(default_factory=list)

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Given, besides those owned before."""
        self.joins += 1
        self.owned += len(partitions)

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Given up."""
        self.owned -= len(partitions)

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """The group has put it out: its partitions belong to others by now."""
        self.evictions += 1
        self.owned -= len(partitions)


@dataclass(slots=True)
class Ledger:
    """When each record of a source was due, and when it was acknowledged, by number; nanoseconds."""

    due: list[int] = field(default_factory=list)
    acknowledged: dict[int, int] = field(default_factory=dict)

    def share(self, since: int, until: int) -> float:
        """The share of the records due in that time that was acknowledged; of none it is 0."""
        numbers = [number for number, due in enumerate(self.due) if since <= due < until]
        return sum(number in self.acknowledged for number in numbers) / max(1, len(numbers))


def source(
    topic: str,
    workload: Workload,
    duration: int,
    keys: Keys | None = None,
    ledger: Ledger | None = None,
    **config: Any,
) -> Behaviour:
    """Sends records with the numbers 0, 1, 2 and so on when they come, without keys unless some are given."""
    book = Ledger() if ledger is None else ledger

    def run(app: App) -> Steps:
        def told(number: int, delivery: Delivery) -> None:
            if delivery.batch.error is None:
                book.acknowledged[number] = app.now

        producer = app.producer(**config)
        times = workload.arrivals(app.machine.streams.columns(f"{app.name}-times"), duration)
        chance = app.machine.streams.columns(f"{app.name}-keys")
        for number, (time, planned) in enumerate(keyed(times, keys or NoKeys(), chance)):
            due = yield from app.arrive(time)
            book.due.append(due)
            key, on_delivery = app.key(planned), partial(told, number)
            yield from producer.send(topic, b"%d" % number, key, on_delivery=on_delivery, sent_at=due)
        yield from producer.close()

    return run


def reader(
    group_id: str, topics: Sequence[str], work_ms: float, diary: Diary, joins_at: int = 0, **config: Any
) -> Behaviour:
    """Joins at its time (nanoseconds), reads, and works so long for each record before it polls again."""

    def run(app: App) -> Steps:
        yield app.until(joins_at)
        consumer = app.consumer(group_id, auto_offset_reset="earliest", **config)
        consumer.subscribe(topics, diary)
        while True:
            records = yield from consumer.poll()
            diary.read.append((app.now, len(records)))
            if records:
                yield app.busy(ms=work_ms * len(records))

    return run
