"""Who led each partition, which replicas were in sync, and which brokers ran; read from the facts of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.rules.facts.journal import (
    BrokerStarted,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
    TopicCreated,
)
from sim.rules.facts.replication import ReplicasChanged
from sim.rules.facts.topic import PartitionsCreated
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Interval", "Reign", "brokers_away", "brokers_down", "intersection_s", "joined", "reigns"]

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reign:
    """What the controller says of a partition from one time to another, in seconds; leader -1 is none."""

    begin_s: float
    end_s: float
    leader: int
    isr: tuple[int, ...]
    replicas: tuple[int, ...]


def reigns(run: "Run", partition: TopicPartition) -> list[Reign]:
    """The states of a partition, one after the other, from its first to the end of the run."""
    facts = [(time / 1e9, fact) for time, fact in run.facts if getattr(fact, "partition", None) == partition]
    changes = [pair for pair in facts if isinstance(pair[1], (LeaderElected, IsrChanged, ReplicasChanged))]
    leader, isr, replicas = _first(run, partition, [fact for _, fact in changes])
    found: list[tuple[float, int, tuple[int, ...], tuple[int, ...]]] = [
        (_born_s(run, partition), leader, isr, replicas)
    ]
    for time_s, fact in changes:
        if isinstance(fact, LeaderElected):
            leader = fact.leader
        elif isinstance(fact, IsrChanged):
            isr = fact.isr
        else:
            replicas = fact.replicas
        if found[-1][0] == time_s:
            found.pop()
        found.append((time_s, leader, isr, replicas))
    ends = [*(later[0] for later in found[1:]), run.simulated_s]
    return [Reign(state[0], end, *state[1:]) for state, end in zip(found, ends, strict=True) if end > state[0]]


def _born_s(run: "Run", name: TopicPartition) -> float:
    """When a partition came into being: with its topic, or when that got more partitions."""
    born_s, count = 0.0, 0
    for time, fact in run.facts:
        if isinstance(fact, (TopicCreated, PartitionsCreated)) and fact.topic == name.topic:
            if not count or count <= name.partition < fact.partition_count:
                born_s = time / 1e9
            count = fact.partition_count
    return born_s


def _first(run: "Run", name: TopicPartition, changes: Sequence[object]) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Leader, ISR and replicas at the start: a cluster begins whole, each partition with a replica of its choice."""
    registration = run.flight.cluster.controller.image.partitions.get(name)
    moved = [fact for fact in changes if isinstance(fact, ReplicasChanged)]
    replicas = () if registration is None else registration.replicas
    if moved:
        replicas = tuple(broker for broker in moved[0].replicas if broker not in moved[0].adding)
    topic = run.flight.cluster.topics.get(name.topic)
    leader = replicas[0] if replicas else -1
    if topic is not None and topic.leaders:
        leader = topic.leaders[name.partition]
    return leader, replicas, replicas


def brokers_down(run: "Run") -> dict[int, list[Interval]]:
    """When each broker's process was not there."""
    return _between(run, BrokerStarted)


def brokers_away(run: "Run") -> dict[int, list[Interval]]:
    """When each broker served nobody: from the end of its process until the controller lets it serve again."""
    return _between(run, BrokerUnfenced)


def _between(run: "Run", back: type[BrokerStarted | BrokerUnfenced]) -> dict[int, list[Interval]]:
    """From the end of each broker's process to the next fact of a kind that it is back, or to the end of the run."""
    found: dict[int, list[Interval]] = {broker: [] for broker in run.flight.cluster.brokers}
    since: dict[int, float] = {}
    for time, fact in run.facts:
        if isinstance(fact, BrokerStopped):
            since.setdefault(fact.broker_id, time / 1e9)
        elif isinstance(fact, back) and fact.broker_id in since:
            found[fact.broker_id].append((since.pop(fact.broker_id), time / 1e9))
    for broker, begin in since.items():
        found[broker].append((begin, run.simulated_s))
    return found


def intersection_s(one: Interval, others: Iterable[Interval]) -> list[Interval]:
    """The parts of an interval that lie in others, which do not overlap each other."""
    parts = [(max(one[0], begin), min(one[1], end)) for begin, end in others]
    return [part for part in parts if part[1] > part[0]]


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals with those that touch made one."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found
