"""Small flights under the eyes of all invariants."""

from collections.abc import Iterable

from sim.machine.clock import SECOND
from sim.observe.invariants import Invariants
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic
from tests.actors.flights import P, Sink, Source


def plan(
    *faults: Fault,
    apps: Iterable[AppSpec] | None = None,
    partitions: int = 2,
    topic_config: dict[str, object] | None = None,
    broker_config: dict[str, object] | None = None,
) -> Plan:
    """Three brokers, a topic of three replicas, a source with acks=all and a reader that commits after each poll."""
    usual = AppSpec("source", Source(20, 60, acks="all")), AppSpec("sink", Sink())
    return Plan(
        duration=60 * SECOND,
        cluster=ClusterSpec(3, 3, {"offsets.topic.num.partitions": 3, **(broker_config or {})}),
        topics=(Topic(P.topic, partitions, 3, {"min.insync.replicas": 2, **(topic_config or {})}),),
        apps=tuple(usual if apps is None else apps),
        faults=faults,
    )


def fly(wanted: Plan, seconds: int, seed: int = 1) -> Invariants:
    """The invariants of a plan's first seconds."""
    flight = Flight(wanted, seed)
    invariants = Invariants(flight)
    for _ in flight.fly(seconds * SECOND):
        pass
    return invariants


def names(invariants: Invariants) -> set[str]:
    """Which invariants were violated."""
    return {violation.name for violation in invariants.violations}
