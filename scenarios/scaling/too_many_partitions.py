"""How long a failover takes, against how many partitions the dead broker has led.

Covers: broker session, fencing, leader election, the controller's metadata log, metadata refresh of clients, KRaft.

Story: A dozen partitions are led by broker 1, ten times as many by broker 2, a hundred times as many by broker 3. Each
of the three is killed in turn, and for each a client writes to the last of its partitions all the time. It is said that
a failover takes longer with each partition. So it was with ZooKeeper, where the controller wrote to each partition's
node; with KRaft all changes are records of one log.

Watch for: broker.session.timeout.ms, nine seconds until the controller believes that a broker is dead, whatever it has
led; the elections, which all come at one moment; the client's outage, which ends with its next metadata.

Predict: How much of the outage is detection? What does `--set broker.session.timeout.ms=3000` gain, and
what a hundredth of the partitions?
"""

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy
from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import BrokerFenced, LeaderElected
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "partitions": Knob(
        6, "partitions that broker 1 leads; brokers 2 and 3 lead ten and a hundred times as many", 1, 100
    )
}
SPARE, CRASH_EVERY_S, FIRST_CRASH_S = 4, 15, 3
Acknowledged = dict[int, list[int]]


def crash_at(broker: int) -> int:
    """When a broker is killed, in seconds."""
    return FIRST_CRASH_S + CRASH_EVERY_S * (broker - 1)


def writer(broker: int, partition: int, acknowledged: Acknowledged) -> Behaviour:
    """Writes a record every 50 ms from shortly before its broker dies until shortly after somebody else leads."""

    def run(app: App) -> Generator[Event, Any, None]:
        def told(delivery: Delivery) -> None:
            if delivery.batch.error is None:
                acknowledged.setdefault(broker, []).append(app.now)

        yield app.until((crash_at(broker) - 2) * SECOND)
        producer = app.producer(acks="all")
        while app.now < (crash_at(broker) + CRASH_EVERY_S - 1) * SECOND:
            yield from producer.send(f"led-by-{broker}", b"tick", partition=partition, on_delivery=told)
            yield app.busy(ms=50)
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    acknowledged: Acknowledged = {}
    sizes = {broker: settings["partitions"] * 10 ** (broker - 1) for broker in (1, 2, 3)}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=SPARE, group_topics=False),
        topics=tuple(
            Topic(f"led-by-{broker}", size, 2, {}, ((broker, SPARE),) * size) for broker, size in sizes.items()
        ),
        apps=tuple(
            AppSpec(f"writer-{broker}", writer(broker, size - 1, acknowledged), "writers", finite=True)
            for broker, size in sizes.items()
        ),
        faults=tuple(BrokerCrash(broker=broker, at=f"{crash_at(broker)}s") for broker in sizes),
        stages=tuple(("writers", f"led-by-{broker}") for broker in sizes),
        wrap_up=lambda complete: results(sizes, acknowledged) if complete else {},
    )


def results(sizes: Mapping[int, int], acknowledged: Acknowledged) -> Mapping[str, object]:
    """The outage of each client, and by how much it grows with each partition."""
    outages = {
        broker: max((later - earlier for earlier, later in pairwise(times)), default=0) / SECOND
        for broker, times in sorted(acknowledged.items())
    }
    curve = [{"partitions": sizes[broker], "outage_s": round(outage, 3)} for broker, outage in outages.items()]
    slope = numpy.polyfit([point["partitions"] for point in curve], [point["outage_s"] for point in curve], 1)[0]
    told = ", ".join(f"{point['outage_s']:.1f} s with {point['partitions']:,}" for point in curve)
    return {
        "curve": curve,
        "slope_ms_per_partition": round(1000 * float(slope), 3),
        "finding": f"outage at failover: {told} partitions",
        "sentences": [f"Writing stood still for {told} partitions: {1000 * slope:+.2f} ms for each partition."],
    }


def elections(run: "Run") -> dict[int, list[int]]:
    """For each broker that was fenced how long after it each of its partitions had another leader, in nanoseconds."""
    fenced = {fact.broker_id: time for time, fact in run.facts if isinstance(fact, BrokerFenced)}
    found: dict[int, list[int]] = {broker: [] for broker in (1, 2, 3)}
    for time, fact in run.facts:
        if isinstance(fact, LeaderElected) and fact.leader == SPARE:
            broker = int(fact.partition.topic.rpartition("-")[2])
            found[broker].append(time - fenced[broker])
    return found


def claims(run: "Run") -> Mapping[str, bool]:
    """Detection is nearly all of it, and the number of partitions next to nothing."""
    outages = [point["outage_s"] for point in run.results["curve"]]
    found = elections(run)
    slope_ms, slowest = run.results["slope_ms_per_partition"], max(max(times, default=0) for times in found.values())
    session_s = run.flight.cluster.config.broker_session_timeout_ms / 1000
    return {
        "every partition has got another leader": [len(times) for times in found.values()]
        == [topic.partitions for topic in run.flight.plan.topics],
        "each outage is the broker's session, within three seconds": all(
            abs(outage - session_s) < 3 for outage in outages
        ),
        f"once a broker is fenced all its partitions have leaders within {slowest / MILLISECOND:.0f} ms": slowest
        < SECOND,
        f"a partition more adds less than 5 ms ({slope_ms:+.2f} ms)": slope_ms < 5,
    }


scenario = Scenario(
    name="too-many-partitions",
    summary="Failover against the number of partitions: the broker's session is nearly all of it with KRaft.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
