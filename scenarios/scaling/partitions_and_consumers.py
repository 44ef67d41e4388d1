"""More consumers, more throughput, up to one for each partition: the next one has nothing to do.

Covers: partition as the unit of parallelism, consumer group, range assignment, idle members, time to catch up.

Story: An archive of equal records lies in a topic with six partitions. Groups of one, two, three, four, six and eight
members begin to read it at the same time, each group for itself. Every member needs the same time for each record.

Watch for: the rate of a group, which grows with its members and stops at the number of partitions; two of eight members
that own nothing; the time until all is read, which grows in steps: with four members two of them have two partitions
and the others wait, so four are done no earlier than three.

Predict: How much faster are four members than three, while all have work, and until the last record? What would a
seventh partition change for the group of six (`--set partitions=7`)?
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "partitions": Knob(6, "partitions of the archive", 1, 100),
    "records": Knob(1000, "records in each partition", 100, 1_000_000),
    "work_ms": Knob(2.0, "milliseconds of work for each record", 0.01, 1000),
}
SIZES = (1, 2, 3, 4, 6, 8)
Polls = dict[int, list[list[tuple[int, int]]]]


def filler(partitions: int, records: int) -> Behaviour:
    """Writes the archive, partition by partition."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        for partition in range(partitions):
            yield from producer.send_many("archive", 100, [app.now] * records, partition=partition)
        yield from producer.close()

    return run


def member(size: int, work_ms: float, polls: list[tuple[int, int]]) -> Behaviour:
    """One of the members of the group of this size; notes when it had how many records done."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.busy(ms=1000)
        consumer = app.consumer(f"group-of-{size}", ["archive"], auto_offset_reset="earliest", max_poll_records=50)
        while True:
            slices = yield from consumer.poll_slices()
            count = sum(piece.next_offset - piece.first_offset for piece in slices)
            if count:
                polls.append((app.now, 0))
                yield app.busy(ms=work_ms * count)
                polls.append((app.now, count))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    polls: Polls = {size: [[] for _ in range(size)] for size in SIZES}
    partitions, records, work_ms = settings["partitions"], settings["records"], settings["work_ms"]
    return Plan(
        duration=None,
        drain=max(120 * SECOND, round(2 * partitions * records * work_ms * 1e6)),
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("archive", partitions, 1),),
        apps=(
            AppSpec("filler", filler(partitions, records), "filler", finite=True),
            *(
                AppSpec(f"reader-{number + 1}-of-{size}", member(size, work_ms, own), f"group-of-{size}")
                for size, members in polls.items()
                for number, own in enumerate(members)
            ),
        ),
        groups=tuple(GroupSpec(f"group-of-{size}", ("archive",)) for size in SIZES),
        stages=(("filler", "archive"), *(("archive", f"group-of-{size}") for size in SIZES)),
        wrap_up=lambda complete: results(polls, partitions) if complete else {},
    )


def results(polls: Polls, partitions: int) -> Mapping[str, object]:
    """The curve: for each size of the group its rate while all its working members have work, and when all is read."""
    curve = [{"members": size, **measured([own for own in members if own])} for size, members in polls.items()]
    best = max(point["records_per_s"] for point in curve)
    knee = min(point["members"] for point in curve if point["records_per_s"] > 0.98 * best)
    return {
        "curve": curve,
        "knee": knee,
        "finding": f"{partitions} partitions: the knee is at {knee} consumers, {best:,.0f} records/s",
        "sentences": [
            f"{point['members']} members, {point['working']} with work: {point['records_per_s']:,.0f} records/s; "
            f"all read after {point['all_read_s']:.1f} s."
            for point in curve
        ],
    }


def measured(members: list[list[tuple[int, int]]]) -> dict[str, Any]:
    """The members that had work: their common rate from when all have begun to when the first has none left."""
    if not members:
        return {"working": 0, "records_per_s": 0.0, "all_read_s": 0.0}
    begun, first_done = max(own[0][0] for own in members), min(own[-1][0] for own in members)
    count = sum(done for own in members for time, done in own if begun < time <= first_done)
    span_s = (max(own[-1][0] for own in members) - min(own[0][0] for own in members)) / SECOND
    rate = count * SECOND / max(1, first_done - begun)
    return {"working": len(members), "records_per_s": round(rate, 1), "all_read_s": round(span_s, 2)}


def claims(run: "Run") -> Mapping[str, bool]:
    """Linear up to the number of partitions, flat beyond it, and steps in the time to catch up."""
    partitions = run.settings["partitions"]
    curve = {point["members"]: point for point in run.results["curve"]}
    one = curve[1]["records_per_s"]
    return {
        f"the knee is at exactly {partitions} consumers": run.results["knee"] == partitions,
        "up to there each consumer adds the rate of one, within five percent": all(
            abs(point["records_per_s"] / (members * one) - 1) < 0.05
            for members, point in curve.items()
            if members <= partitions
        ),
        "members beyond the number of partitions have no work": all(
            point["working"] == min(members, partitions) for members, point in curve.items()
        ),
        "four members are done no earlier than three, as two of them have two partitions": abs(
            curve[4]["all_read_s"] / curve[3]["all_read_s"] - 1
        )
        < 0.05,
    }


scenario = Scenario(
    name="partitions-and-consumers",
    summary="Throughput of a group against its members on six partitions: linear, and flat from the sixth on.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
