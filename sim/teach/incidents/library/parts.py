"""What incidents are made of: who is who, drawn from the seed, and a small cluster with its clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sim.machine.devices import Hardware
from sim.world.arrivals import Poisson
from sim.world.faults import Fault
from sim.world.keys import UniformKeys
from sim.world.plan import Plan
from sim.world.script.script import ClusterPart, ConsumerPart, ProducerPart, Script
from sim.world.topics import Topic

__all__ = ["Cast", "cast", "on_hardware", "reader", "source", "story", "topic"]

THEMES = (
    ("orders", "checkout", "billing", "audit"),
    ("payments", "gateway", "fraud", "ledger"),
    ("readings", "meters", "alerts", "archive"),
    ("parcels", "depot", "tracking", "routing"),
    ("clicks", "web", "sessions", "ads"),
    ("bookings", "frontdesk", "invoices", "forecast"),
)
CLUSTER: Mapping[str, object] = {
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "group.initial.rebalance.delay.ms": 0,
}
LOAD = "1h"
"""Records come for longer than any run lasts, also those that a burst brings forward."""
FRESH = {"metadata.max.age.ms": 5000}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is who: names, when it begins (seconds), and three brokers in drawn order."""

    rng: Random
    topic: str
    source: str
    group: str
    other: str
    at_s: int
    brokers: tuple[int, ...]

    @property
    def at(self) -> str:
        """When it begins, as faults have it."""
        return f"{self.at_s}s"

    @property
    def broker(self) -> int:
        """The one it happens to."""
        return self.brokers[0]

    def within(self, low: float, high: float) -> float:
        """A number that is drawn."""
        return round(self.rng.uniform(low, high), 1)


def cast(rng: Random) -> Cast:
    """Names and numbers of one variant."""
    names = rng.choice(THEMES)
    return Cast(rng, *names, at_s=rng.randint(20, 32), brokers=tuple(rng.sample((1, 2, 3), 3)))


def topic(who: Cast, partitions: int = 6, factor: int = 1, replicas: Any = (), **config: object) -> Topic:
    """The topic, with two replicas wanted in sync if it has three."""
    wanted = {"min.insync.replicas": 2} if factor == 3 else {}
    given = {key.replace("_", "."): value for key, value in config.items()}
    return Topic(who.topic, partitions, factor, {**wanted, **given}, replicas=replicas)


def source(who: Cast, rate: float, record_bytes: int = 100, **config: object) -> ProducerPart:
    """The application that sends."""
    given = {key.replace("_", "."): value for key, value in config.items()}
    return ProducerPart(
        name=who.source,
        topics=(who.topic,),
        arrivals=Poisson(rate),
        keys=UniformKeys(500),
        record_bytes=record_bytes,
        config={"linger.ms": 100, **FRESH, **given},
    )


def reader(who: Cast, members: int, handler_ms: float, group: str = "", **config: object) -> ConsumerPart:
    """The group that reads."""
    given = {key.replace("_", "."): value for key, value in config.items()}
    return ConsumerPart(
        group=group or who.group,
        topics=(who.topic,),
        members=members,
        handler_ms=handler_ms,
        commit="sync-after",
        config={"max.poll.records": 50, "session.timeout.ms": 10_000, **FRESH, **given},
    )


def story(
    wanted: Topic,
    *parts: ProducerPart | ConsumerPart | Fault,
    brokers: int = 3,
    config: Mapping[str, object] | None = None,
) -> Script:
    """A cluster, a topic, clients and faults."""
    return Script(
        duration=LOAD,
        cluster=ClusterPart(brokers=brokers, config={**CLUSTER, **(config or {})}),
        topics=(wanted,),
        producers=tuple(part for part in parts if isinstance(part, ProducerPart)),
        consumers=tuple(part for part in parts if isinstance(part, ConsumerPart)),
        faults=tuple(part for part in parts if isinstance(part, Fault)),
    )


def on_hardware(**figures: Any) -> Callable[[Plan], Plan]:
    """Brokers with other hardware, so that little load is much for them."""
    return lambda plan: replace(plan, cluster=replace(plan.cluster, hardware=Hardware(**figures)))
