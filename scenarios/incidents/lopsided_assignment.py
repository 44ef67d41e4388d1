"""Some instances own six partitions, others one: is the range assignor to blame, as they say?

Covers: incident card oc-g394 (60 partitions, 20 instances, some with 5 to 6 partitions and others with 1), range and
round-robin assignment, a premise that does not hold.

Story: Twenty instances read one topic with 60 partitions. It is said that some of them own five or six partitions and
others one, and that the range assignor does it. Two groups of 20 put it to the test, both with range: `one-topic` reads
one topic of 60 partitions; `six-topics` reads as many partitions, in one topic of 20 and five of eight.

Watch for: how many partitions each member owns. Range divides each topic by itself and gives what remains to the first
members: 60 partitions leave nothing, but eight for 20 members are all remainder, five times over.

Predict: In which group does anybody own six? How much more work than the last member has the first? What does
`--set partition.assignment.strategy=roundrobin` make of both groups?
"""

from collections import Counter
from collections.abc import Generator, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.journal import PartitionsAssigned
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

TOPICS = {
    "one-topic": {"orders": 60},
    "six-topics": {"clicks": 20, "views": 8, "carts": 8, "returns": 8, "reviews": 8, "visits": 8},
}
KNOBS = {
    "arrivals": Knob("constant:120", "how records come to each group's topics, per second: constant:120, poisson:120"),
    "duration": Knob("15s", "how long records come"),
    "instances": Knob(20, "members of each group", 1, 200),
}
Shares = dict[str, dict[str, int]]


def source(group: str, load: Workload, duration: int) -> Behaviour:
    """Sends to all partitions of a group's topics in turn, so that each gets the same."""
    partitions = [TopicPartition(name, number) for name, size in TOPICS[group].items() for number in range(size)]

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", linger_ms=500)
        times = load.arrivals(app.machine.streams.columns(f"arrivals of {group}"), duration)
        for time, (topic, number) in zip(times, cycle(partitions), strict=False):
            due = yield from app.arrive(time)
            yield from producer.send(topic, b"x" * 100, partition=number, sent_at=due)
        yield from producer.close()

    return run


def instance(group: str, read: Shares) -> Behaviour:
    """Reads what it is given and counts it."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(
            group,
            TOPICS[group],
            auto_offset_reset="earliest",
            auto_commit_interval_ms=1000,
            partition_assignment_strategy="range",
        )
        while True:
            records = yield from consumer.poll()
            read[group][app.name] = read[group].get(app.name, 0) + len(records)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    duration, load = parse_duration(settings["duration"]), parse_workload(settings["arrivals"])
    read: Shares = {group: {} for group in TOPICS}
    members = range(1, settings["instances"] + 1)
    return Plan(
        duration=duration,
        drain=10 * SECOND,
        topics=tuple(Topic(name, size, 3) for topics in TOPICS.values() for name, size in topics.items()),
        apps=(
            *(AppSpec(f"source-{group}", source(group, load, duration), "sources", finite=True) for group in TOPICS),
            *(AppSpec(f"{group}-{number}", instance(group, read), group) for group in TOPICS for number in members),
        ),
        groups=tuple(GroupSpec(group, tuple(topics)) for group, topics in TOPICS.items()),
        stages=(
            *(("sources", name) for topics in TOPICS.values() for name in topics),
            *((name, group) for group, topics in TOPICS.items() for name in topics),
        ),
        wrap_up=lambda complete: results(read) if complete else {},
    )


def results(read: Shares) -> Mapping[str, object]:
    """How many records the busiest and the idlest member of each group have read."""
    busiest = {group: max(counts.values(), default=0) for group, counts in read.items()}
    idlest = {group: min(counts.values(), default=0) for group, counts in read.items()}
    told = "{}: {:,} records read by the busiest, {:,} by the idlest"
    parts = [told.format(group, busiest[group], idlest[group]) for group in read]
    return {
        "finding": "; ".join(parts),
        "busiest": busiest,
        "idlest": idlest,
        "sentences": [f"In the group {part}." for part in parts],
    }


def owned(run: "Run", group: str) -> Counter[int]:
    """How many members own how many partitions in the end."""
    latest = {
        fact.client_id: len(fact.partitions)
        for _, fact in run.facts
        if isinstance(fact, PartitionsAssigned) and fact.group_id == group
    }
    return Counter(latest.values())


def claims(run: "Run") -> Mapping[str, bool]:
    """The premise fails for one topic, and several small topics do what it says."""
    one, six = owned(run, "one-topic"), owned(run, "six-topics")
    most, least = run.results["busiest"]["six-topics"], run.results["idlest"]["six-topics"]
    return {
        "range gives each of the 20 members 3 of the 60 partitions of one topic: the premise fails": one == {3: 20},
        "with six topics range gives 6 partitions to 8 members and 1 to the other 12": six == {6: 8, 1: 12},
        "the busiest member of the group with six topics reads four times as much as the idlest, and more": most
        > 4 * least,
        "nothing is lost in either group": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Round robin counts partitions of all topics together."""
    told = "round robin gives each member of the group {} 3 partitions"
    return {told.format(group): owned(run, group) == {3: 20} for group in TOPICS}


scenario = Scenario(
    name="lopsided-assignment",
    summary="Six partitions for some, one for others: not what range does to one topic, but what it does to six.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"partition.assignment.strategy": "roundrobin"},
    cured=cured,
)
