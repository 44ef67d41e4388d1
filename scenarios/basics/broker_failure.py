"""A broker is killed: how long do acknowledgements stop, for whom, and is anything lost?

Covers: replication, ISR, acks=all and min.insync.replicas, fencing, leader election, catching up, lag.

Story: A shop sends orders to a topic with three replicas on three brokers, keyed by customer, acks=all. A packing
service reads them. The broker that leads partition 0 is killed (`kill -9`) and started again half a minute later.

Watch for: the seven to ten seconds in which the controller still believes in the dead broker; the ISR, which
shrinks for all partitions at the same moment; the orders that wait meanwhile and come all at once; the broker that
returns, catches up and joins the ISRs again, but does not lead.

Predict: Partitions 1 and 2 have living leaders. Do their orders get acknowledged while the broker is missing?
How long does the packing service get nothing? What do `--set acks=1` and `--set min.insync.replicas=3` change?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import format_duration, parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import Fault
from sim.world.keys import ZipfKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["PreferredLeaderCrash", "scenario"]

KNOBS = {
    "arrivals": Knob("poisson:60", "how orders come, per second: poisson:60, constant:60, bursts:…, daily:…"),
    "duration": Knob("70s", "how long orders come"),
    "customers": Knob(200, "how many keys there are; few of them order often", 1, 1_000_000),
    "partitions": Knob(3, "partitions of the topic orders", 1, 1000),
    "crash_at": Knob("20s", "when the leader of partition 0 is killed"),
    "back_after": Knob("30s", "how long until its process is started again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferredLeaderCrash(Fault):
    """The broker that is the first replica of a partition is killed: its leader, unless the leader has moved."""

    partition: TopicPartition

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"the preferred leader of {self.partition}"

    def begin(self, flight: "Flight") -> None:
        """Kill it."""
        flight.cluster.brokers[self._broker(flight)].stop()

    def end(self, flight: "Flight") -> None:
        """Start its process again."""
        flight.cluster.brokers[self._broker(flight)].start()

    def _broker(self, flight: "Flight") -> int:
        return flight.cluster.controller.image.partitions[self.partition].replicas[0]


@dataclass(slots=True)
class Notes:
    """What shop and packing service write down: nanoseconds, by partition where it matters."""

    sent: list[int] = field(default_factory=list)
    acknowledged: dict[int, list[int]] = field(default_factory=dict)
    read: dict[int, list[int]] = field(default_factory=dict)
    given_up: int = 0


def shop(workload: Workload, customers: int, duration: int, notes: Notes) -> Behaviour:
    """Sends each order when it comes and notes when it is acknowledged."""

    def run(app: App) -> Generator[Event, Any, None]:
        def told(delivery: Delivery) -> None:
            if delivery.batch.error is not None:
                notes.given_up += 1
            else:
                notes.acknowledged.setdefault(delivery.batch.partition.partition, []).append(app.now)

        producer = app.producer(acks="all")
        times = workload.arrivals(app.machine.streams.columns("orders"), duration)
        keys = ZipfKeys(customers, exponent=1.0)
        for time, customer in keyed(times, keys, app.machine.streams.columns("customers")):
            due = yield from app.arrive(time)
            notes.sent.append(due)
            yield from producer.send("orders", b"two of everything", app.key(customer), on_delivery=told, sent_at=due)
        yield from producer.close()

    return run


def packing(notes: Notes) -> Behaviour:
    """Reads orders, notes when it got them, and commits once a second."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("packing", ["orders"], auto_offset_reset="earliest", auto_commit_interval_ms=1000)
        while True:
            for record in (yield from consumer.poll()):
                notes.read.setdefault(record.partition, []).append(app.now)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    source = shop(parse_workload(settings["arrivals"]), settings["customers"], duration, notes)
    fault = PreferredLeaderCrash(
        partition=TopicPartition("orders", 0), at=settings["crash_at"], lasts=settings["back_after"]
    )
    return Plan(
        duration=duration,
        topics=(Topic("orders", settings["partitions"], 3, {"min.insync.replicas": 2}),),
        apps=(AppSpec("shop", source, "shop", finite=True), AppSpec("packing", packing(notes), "packing")),
        groups=(GroupSpec("packing", ("orders",)),),
        faults=(fault,),
        stages=(("shop", "orders"), ("orders", "packing")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """The longest silences, and what had piled up in them."""
    acknowledgements = sorted(time for times in notes.acknowledged.values() for time in times)
    silence, since = longest_gap(acknowledgements)
    waiting, at = most_waiting(notes.sent, acknowledgements)
    sentences = []
    if acknowledgements:
        sentences = [
            f"The longest time without any acknowledgement was {format_duration(silence)}, "
            f"from {format_duration(since)} on.",
            f"At most {waiting:,} orders waited for their acknowledgement, at {format_duration(at)}.",
        ]
    return {
        "orders": len(notes.sent),
        "given_up": notes.given_up,
        "longest_acknowledgement_gap_s": _gaps(notes.acknowledged),
        "longest_delivery_gap_s": _gaps(notes.read),
        "longest_silence_s": silence / 1e9,
        "silence_from_s": since / 1e9,
        "most_orders_waiting": waiting,
        "sentences": sentences,
    }


def _gaps(times: Mapping[int, list[int]]) -> dict[str, float]:
    return {f"orders-{number}": longest_gap(times[number])[0] / 1e9 for number in sorted(times)}


def longest_gap(times: list[int]) -> tuple[int, int]:
    """The longest time between two neighbours and the earlier of them; zeros when there are no two."""
    return max(((later - earlier, earlier) for earlier, later in pairwise(times)), default=(0, 0))


def most_waiting(sent: list[int], acknowledged: list[int]) -> tuple[int, int]:
    """The largest number of orders sent and not yet acknowledged, and when; both lists are in order."""
    peak, done = (0, 0), 0
    for count, time in enumerate(sent, start=1):
        while done < len(acknowledged) and acknowledged[done] <= time:
            done += 1
        peak = max(peak, (count - done, time))
    return peak


scenario = Scenario(
    name="broker-failure",
    summary="The leader of a partition is killed and returns: fencing, election, ISR, and orders that wait.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
)
