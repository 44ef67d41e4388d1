"""Who owned which partition of a group from when to when, as the consumers themselves had it; read from the facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.rules.facts.journal import AppStopped, PartitionsAssigned
from sim.rules.topics import TopicPartition
from sim.view.replicas import Interval, joined

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Tenure", "owned_twice", "ownerless", "tenures"]


@dataclass(frozen=True, slots=True)
class Tenure:
    """A member owned a partition of a group from one time to another, in seconds."""

    group_id: str
    partition: TopicPartition
    client_id: str
    begin_s: float
    end_s: float


def tenures(run: "Run") -> list[Tenure]:
    """All by group, partition and time; one ends when the consumer gives the partition up, or its process dies."""
    apps = {consumer.client_id: app.name for app in run.flight.cluster.apps.values() for consumer in app.consumers}
    owned: dict[tuple[str, str], dict[TopicPartition, float]] = {}
    found: list[Tenure] = []

    def own(group_id: str, client_id: str, partitions: Iterable[TopicPartition], time_s: float) -> None:
        before = owned.setdefault((group_id, client_id), {})
        wanted = dict.fromkeys(partitions, time_s)
        for name in [name for name in before if name not in wanted]:
            found.append(Tenure(group_id, name, client_id, before.pop(name), time_s))
        owned[group_id, client_id] = {**wanted, **before}

    for time, fact in run.facts:
        if isinstance(fact, PartitionsAssigned):
            own(fact.group_id, fact.client_id, fact.partitions, time / 1e9)
        elif isinstance(fact, AppStopped):
            for group_id, client_id in list(owned):
                if apps.get(client_id, client_id.partition("-consumer-")[0]) == fact.app:
                    own(group_id, client_id, (), time / 1e9)
    for group_id, client_id in list(owned):
        own(group_id, client_id, (), run.simulated_s)
    return sorted(found, key=lambda tenure: (tenure.group_id, tenure.partition, tenure.begin_s, tenure.client_id))


def ownerless(of_partition: Iterable[Tenure], end_s: float) -> list[Interval]:
    """When a partition had no owner, from its first on."""
    owned = joined((tenure.begin_s, tenure.end_s) for tenure in of_partition)
    edges = [*owned, (end_s, end_s)]
    gaps = [(before[1], after[0]) for before, after in pairwise(edges)]
    return [gap for gap in gaps if gap[1] > gap[0]]


def owned_twice(of_partition: Iterable[Tenure]) -> list[Interval]:
    """When two members at once believed that they own a partition."""
    edges = sorted(edge for t in of_partition for edge in ((t.begin_s, 1), (t.end_s, -1)))
    found: list[Interval] = []
    owners, since = 0, 0.0
    for time_s, step in edges:
        if owners >= 2 and time_s > since:
            found.append((since, time_s))
        owners, since = owners + step, time_s
    return joined(found)
