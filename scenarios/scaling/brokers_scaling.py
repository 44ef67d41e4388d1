"""More brokers, more throughput: each brings its network card, and replicas take their share of it.

Covers: scaling out, leaders spread over brokers, the network as the limit, the price of a replica.

Story: Four clusters in one: a topic that lives on one broker, one on two, one on four, all with one replica; and one on
four brokers with three replicas of each partition. A producer fills each topic as fast as it can, every topic on
brokers of its own.
Network cards are slow here, 4 MB/s, so that a heap of a few megabytes is enough.

Watch for: throughput in proportion to the brokers, since partitions are spread evenly and each leader's card is the
limit; with three replicas every byte comes in once at each of three brokers and goes out twice from the leader: three
times the traffic, and no more cards.

Predict: What part of the throughput is left with three replicas? Would more partitions on the same brokers help
(`--set partitions=24`)? Would faster disks?
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.machine.devices import Hardware
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "records": Knob(16_000, "records for each broker", 100, 1_000_000),
    "partitions": Knob(12, "partitions of each topic", 4, 1000),
    "record_bytes": Knob(1000, "size of a record", 1, 100_000),
}


class Shape(NamedTuple):
    """A topic on brokers of its own."""

    name: str
    first_broker: int
    brokers: int
    replicas: int

    def topic(self, partitions: int) -> Topic:
        """Leaders in turn, followers on the brokers that come next."""
        placed = tuple(
            tuple(self.first_broker + (number + copy) % self.brokers for copy in range(self.replicas))
            for number in range(partitions)
        )
        return Topic(self.name, partitions, self.replicas, {}, placed)


SHAPES = (Shape("on-1", 1, 1, 1), Shape("on-2", 2, 2, 1), Shape("on-4", 4, 4, 1), Shape("on-4-three-replicas", 8, 4, 3))
Ends = dict[str, tuple[int, int]]


def filler(shape: Shape, partitions: int, records: int, size_bytes: int, ends: Ends) -> Behaviour:
    """Has equally many records for each partition and sends them in turn."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", buffer_memory=1 << 30, linger_ms=5)
        yield from producer.partitions_for(shape.name)
        begun, count = app.now, records * shape.brokers // partitions
        for partition in range(partitions):
            yield from producer.send_many(shape.name, size_bytes, [begun] * count, partition=partition)
        yield from producer.flush()
        ends[shape.name] = begun, app.now
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    ends: Ends = {}
    partitions, records, size_bytes = settings["partitions"], settings["records"], settings["record_bytes"]
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=11, hardware=Hardware(nic_bytes_per_s=4e6), group_topics=False),
        topics=tuple(shape.topic(partitions) for shape in SHAPES),
        apps=tuple(
            AppSpec(f"filler-{shape.name}", filler(shape, partitions, records, size_bytes, ends), "fillers", True)
            for shape in SHAPES
        ),
        stages=tuple(("fillers", shape.name) for shape in SHAPES),
        wrap_up=lambda complete: results(ends, records * size_bytes) if complete else {},
    )


def results(ends: Ends, broker_bytes: int) -> Mapping[str, object]:
    """Bytes of records per second, by topic."""
    rates = {
        shape.name: round(broker_bytes * shape.brokers * SECOND / (ends[shape.name][1] - ends[shape.name][0]))
        for shape in SHAPES
        if shape.name in ends
    }
    told = ", ".join(f"{name}: {rate / 1e6:.1f} MB/s" for name, rate in rates.items())
    return {"bytes_per_s": rates, "finding": told, "sentences": [f"Throughput by brokers: {told}."]}


def claims(run: "Run") -> Mapping[str, bool]:
    """In proportion to the brokers, and less with replicas."""
    rates = run.results["bytes_per_s"]
    one, four, replicated = rates["on-1"], rates["on-4"], rates["on-4-three-replicas"]
    return {
        "two brokers take twice as much as one, within fifteen percent": abs(rates["on-2"] / one - 2) < 0.3,
        "four brokers take four times as much, within fifteen percent": abs(four / one - 4) < 0.6,
        "one broker takes what its card takes, within fifteen percent": 0.85 < one / 4e6 <= 1,
        f"with three replicas {replicated / four:.2f} of it is left, less than a half": replicated < four / 2,
    }


scenario = Scenario(
    name="brokers-scaling",
    summary="Throughput against brokers: in proportion while their network cards are the limit, less with replicas.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
