"""One replicated partition and what can happen to its brokers: what is acknowledged, and what of that is lost."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, BrokerHang, Fault, NetworkPartition, PowerFailure
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["OUTAGES", "Outcome", "outage"]

PAYMENTS, BEGINS_S, SECOND_S, END_S, BACK_S = "payments", 5, 20, 40, 65
LIMITS = {"delivery_timeout_ms": 20_000, "request_timeout_ms": 10_000}
KNOBS = {
    "outage": Knob("leader dies", "what happens: one of OUTAGES"),
    "rate": Knob(20, "payments a second", 1, 10_000),
    "replicas": Knob(3, "replicas of the partition, and brokers", 1, 9),
    "cut_s": Knob(15, "how long the leader is cut off, where it is; seconds", 1, 30),
}


def _crash(broker: int, at_s: int) -> Fault:
    return BrokerCrash(broker=broker, at=f"{at_s}s", lasts=f"{BACK_S - at_s}s")


def _outages(replicas: int, cut_s: int) -> Mapping[str, tuple[Fault, ...]]:
    """Broker 1 leads; what befalls a broker that is not there befalls nobody."""
    followers = range(2, replicas + 1)
    others = tuple(f"broker-{broker}" for broker in followers)
    side, other = ("broker-1",), ("controllers", *others)
    cut = NetworkPartition(side=side, other=other, at=f"{BEGINS_S}s", lasts=f"{cut_s}s")
    power = PowerFailure(brokers=(1,), at="25s", lasts="5s")
    hang = {"at": f"{BEGINS_S}s", "lasts": "25s"}
    return {
        "nothing": (),
        "leader dies": (_crash(1, BEGINS_S),),
        "two die": tuple(_crash(broker, at) for broker, at in ((1, BEGINS_S), (2, SECOND_S)) if broker <= replicas),
        "leader cut off": (cut,),
        "last one loses power": (*(BrokerHang(broker=broker, **hang) for broker in followers), power),
    }


OUTAGES = tuple(_outages(1, 1))
"""The names of what can happen."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: payments that were due, acknowledged, and acknowledged and yet gone; and the run."""

    due: int
    acknowledged: int
    lost: int
    run: Run

    @property
    def share(self) -> float:
        """The share acknowledged: what a customer calls availability."""
        return self.acknowledged / self.due


def outage(name: str, config: Mapping[str, object] | None = None, seed: int = 0, **knobs: object) -> Outcome:
    """Fly one of OUTAGES with these settings of Kafka's, such as `acks` and `min.insync.replicas`. Raises ConfigError.

    The knobs are `rate`, `replicas` and `cut_s`.
    """
    if name not in OUTAGES:
        raise ConfigError(f"there is no outage {name!r}; there are {', '.join(OUTAGES)}")
    counts = {"due": 0, "acknowledged": 0}
    scenario = Scenario("outages", "A replicated partition and an outage.", "", partial(_plan, counts), KNOBS)
    run = scenario.run(seed, {**(config or {}), **knobs, "outage": name})
    if failure := run.flight.cluster.apps["shop"].failure:
        raise ConfigError(f"the producer has ended with an error: {failure}")
    return Outcome(counts["due"], counts["acknowledged"], len(run.verdict.lost), run)


def _plan(counts: dict[str, int], settings: Settings) -> Plan:
    replicas = settings["replicas"]
    placed = (tuple(range(1, replicas + 1)),)
    return Plan(
        duration=END_S * SECOND,
        drain=60 * SECOND,
        cluster=ClusterSpec(brokers=replicas, racks=1, group_topics=False),
        topics=(Topic(PAYMENTS, 1, replicas, replicas=placed),),
        apps=(AppSpec("shop", _shop(settings["rate"], counts), "shop", finite=True),),
        faults=_outages(replicas, settings["cut_s"])[settings["outage"]],
        converge=True,
        stages=(("shop", PAYMENTS),),
    )


def _shop(rate: int, counts: dict[str, int]) -> Behaviour:
    def told(delivery: Delivery) -> None:
        counts["acknowledged"] += delivery.batch.error is None

    def run(app: App) -> Generator[Any, Any, None]:
        producer = app.producer(**LIMITS)
        for time in Constant(rate).arrivals(app.machine.streams.columns("payments"), END_S * SECOND):
            due = yield from app.arrive(time)
            counts["due"] += 1
            yield from producer.send(PAYMENTS, b"paid", on_delivery=told, sent_at=due)
        yield from producer.close()

    return run
