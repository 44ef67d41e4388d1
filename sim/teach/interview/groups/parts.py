"""What the experiments on groups share: a source, members that work, a small cluster, and what facts tell of it."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import groupby
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.run import Run
from sim.scenario import Scenario
from sim.view.tenures import ownerless, tenures
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload

__all__ = [
    "SMALL",
    "Steps",
    "experiment",
    "flown",
    "member",
    "ownerless_s",
    "rebalances",
    "removed_at",
    "source",
]

Steps = Generator[Event, Any, Any]
SMALL = ClusterSpec(brokers=1, racks=1, broker_config={"offsets.topic.num.partitions": 1})


def source(topic: str, load: Workload, seconds: float, partitions: int, backlog: int = 0) -> Behaviour:
    """Sends records to the partitions in turn: so many at once at the start, then one for each arrival of the load."""

    def run(app: App) -> Steps:
        producer = app.producer()
        arrivals = load.arrivals(app.machine.streams.columns(f"{app.name} arrivals"), round(seconds * SECOND))
        for number, time in enumerate([*[0] * backlog, *arrivals]):
            due = yield from app.arrive(time)
            yield from producer.send(topic, b"x" * 100, partition=number % partitions, sent_at=due)
        yield from producer.close()

    return run


def member(
    group_id: str,
    topic: str,
    work_ms: float,
    joins_at_s: float = 0.0,
    leaves_at_s: float | None = None,
    away_s: float = 0.0,
    varies: bool = False,
    done: list[tuple[int, int]] | None = None,
    **config: object,
) -> Behaviour:
    """Joins its group, and works on each record that a poll returns; `done` gets when (ns) and of which partition.

    Each record takes `work_ms`, or that on average, drawn from an exponential distribution, if it `varies`. A member
    that leaves closes its consumer, and makes another one after a while.
    """
    settings: dict[str, Any] = {"auto_offset_reset": "earliest", **config}

    def run(app: App) -> Steps:
        chance = app.machine.streams.columns(f"{app.name} work")
        yield app.until(round(joins_at_s * SECOND))
        for until_s in (math.inf if leaves_at_s is None else leaves_at_s, math.inf):
            consumer = app.consumer(group_id, [topic], **settings)
            while app.now < until_s * SECOND:
                for record in (yield from consumer.poll(500)):
                    yield app.busy(ms=chance.exponential(work_ms) if varies else work_ms)
                    if done is not None:
                        done.append((app.now, record.partition))
            yield from consumer.close()
            yield app.sleep(round(away_s * SECOND))

    return run


def flown(
    seconds: float,
    topics: Mapping[str, int],
    apps: Mapping[str, Behaviour],
    groups: Mapping[str, str],
    faults: Sequence[Fault] = (),
    results: Callable[[], Mapping[str, object]] | None = None,
    drain_s: float = 60.0,
) -> Plan:
    """A plan on one broker: topics with their partitions, groups with their topics, and what they note as results.

    An application belongs to the stage before the first dot of its name; one that begins with `to-` ends by itself.
    """
    specs = [AppSpec(name, run, name.split(".")[0], finite=name.startswith("to-")) for name, run in apps.items()]
    feeds = dict.fromkeys((spec.stage, spec.stage.removeprefix("to-")) for spec in specs if spec.finite)
    return Plan(
        duration=round(seconds * SECOND),
        drain=round(drain_s * SECOND),
        cluster=SMALL,
        topics=tuple(Topic(name, partitions, 1) for name, partitions in topics.items()),
        apps=tuple(specs),
        groups=tuple(GroupSpec(group, (topic,)) for group, topic in groups.items()),
        faults=tuple(faults),
        stages=(*(pair for pair in feeds if pair[1] in topics), *((topic, group) for group, topic in groups.items())),
        wrap_up=(lambda complete: results() if complete else {}) if results is not None else None,
    )


def experiment(name: str, summary: str, make: Callable[[Settings], Plan], **knobs: Knob) -> Scenario:
    """A flight of a question that no scenario of the library shows."""
    return Scenario(name, summary, summary, make, knobs, level="intermediate")


def rebalances(run: Run, group_id: str, begin_s: float = 0.0) -> int:
    """How often a classic group has begun a rebalance from a second on."""
    facts = (fact for time, fact in run.facts if time >= begin_s * SECOND and isinstance(fact, GroupChanged))
    return sum(fact.group_id == group_id and fact.state == "PreparingRebalance" for fact in facts)


def removed_at(run: Run, begin_s: float = 0.0) -> list[tuple[float, str]]:
    """When members were removed from groups from a second on, in seconds, and why."""
    found = ((time / SECOND, fact) for time, fact in run.facts if isinstance(fact, MemberRemoved))
    return [(time_s, fact.reason) for time_s, fact in found if time_s >= begin_s]


def ownerless_s(run: Run, group_id: str, begin_s: float, end_s: float) -> list[float]:
    """For each partition of a group that was without an owner between two times, how many seconds of it."""
    found: list[float] = []
    of_group = (tenure for tenure in tenures(run) if tenure.group_id == group_id)
    for _, rows in groupby(of_group, key=lambda tenure: tenure.partition):
        gaps = ownerless(list(rows), run.simulated_s)
        lasted = sum(max(0.0, min(end, end_s) - max(begin, begin_s)) for begin, end in gaps)
        found += [lasted] if lasted > 0 else []
    return found
