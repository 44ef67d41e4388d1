"""What the incidents of consumer groups share: a source, a member that commits after its batch, figures of a run."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import CommitFailedError, ConsumerRecord
from sim.machine.clock import SECOND
from sim.rules.facts.journal import GroupChanged, MemberRemoved, OffsetsCommitted
from sim.world.keys import Keys, keyed
from sim.world.workload import Workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Cost", "Work", "commits", "evictions", "lag_at", "member", "peak_lag", "rebalances", "source"]

Cost = Callable[[App, list[ConsumerRecord]], float]


@dataclass(slots=True)
class Work:
    """What the members of one group write down.

    `done` has time (ns), topic, partition and offset of each record that was worked on, `refused` the times (ns) at
    which a commit was refused.
    """

    done: list[tuple[int, str, int, int]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    @property
    def different(self) -> int:
        """How many different records were worked on."""
        return len({(topic, partition, offset) for _, topic, partition, offset in self.done})

    @property
    def again(self) -> int:
        """How many times a record was worked on that had been already."""
        return len(self.done) - self.different


def source(topics: Iterable[str], load: Workload, keys: Keys, duration: int, backlog: int = 0) -> Behaviour:
    """Sends records to the topics in turn: so many at once at the start, then one for each arrival of the load."""
    names = tuple(topics)

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", linger_ms=100)
        times = [*[0] * backlog, *load.arrivals(app.machine.streams.columns("arrivals"), duration)]
        chosen = keyed(times, keys, app.machine.streams.columns("keys"))
        for number, (time, key) in enumerate(chosen):
            due = yield from app.arrive(time)
            yield from producer.send(names[number % len(names)], b"x" * 100, app.key(key), sent_at=due)
        yield from producer.close()

    return run


def member(
    group_id: str,
    topics: Iterable[str],
    cost: Cost,
    work: Work,
    joins_at: int = 0,
    slice_ms: float = inf,
    **config: object,
) -> Behaviour:
    """Works on all that a poll has returned, for `cost` milliseconds, and commits it afterwards.

    A hang of the process prolongs the work by the time that is left of it, counted from the end of a slice.
    """

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(joins_at)
        settings: dict[str, Any] = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **config}
        consumer = app.consumer(group_id, **settings)
        consumer.subscribe(topics)
        while True:
            if records := (yield from consumer.poll()):
                begun = app.now
                left_ms = cost(app, records)
                while left_ms > 0:
                    yield app.busy(ms=min(left_ms, slice_ms))
                    left_ms -= slice_ms
                for number, record in enumerate(records, start=1):
                    time = begun + (app.now - begun) * number // len(records)
                    work.done.append((time, record.topic, record.partition, record.offset))
                try:
                    yield from consumer.commit()
                except CommitFailedError:
                    work.refused.append(app.now)

    return run


def rebalances(run: "Run", group_id: str, begin: int = 0) -> int:
    """How often the group has begun a rebalance from a time (ns) on."""
    facts = (fact for time, fact in run.facts if time >= begin and isinstance(fact, GroupChanged))
    return sum(fact.group_id == group_id and fact.state == "PreparingRebalance" for fact in facts)


def evictions(run: "Run", group_id: str) -> int:
    """How often a member has left the group or was removed from it."""
    return sum(isinstance(fact, MemberRemoved) and fact.group_id == group_id for _, fact in run.facts)


def commits(run: "Run", group_id: str, begin: int, end: int) -> int:
    """How many commits with progress the group has made between two times (ns)."""
    found = (fact for time, fact in run.facts if begin <= time < end and isinstance(fact, OffsetsCommitted))
    return sum(fact.group_id == group_id for fact in found)


def peak_lag(run: "Run", group_id: str, begin_s: float = 0.0, **labels: str) -> float:
    """The largest lag in records, of all partitions together unless labels choose some, from a second on."""
    times, lags = run.metrics.series("records-lag", group=group_id, **labels)
    return max((lag for time, lag in zip(times, lags, strict=True) if time >= begin_s), default=0.0)


def lag_at(run: "Run", group_id: str, at: int, **labels: str) -> float:
    """The lag in records at a time (ns), of all partitions together unless labels choose some."""
    times, lags = run.metrics.series("records-lag", group=group_id, **labels)
    return next((lag for time, lag in zip(reversed(times), reversed(lags), strict=True) if time * SECOND <= at), 0.0)
