"""Each partition has one consumer in a group: is that what puts its records in order?

Covers: the log of a partition, retries with several requests in flight, idempotence, work handed on to others. The
misconception (smartbrains): "ordering is guaranteed because each partition is assigned to a single consumer". Order
comes from the log that one leader appends to. A producer without idempotence can write out of order when it retries,
a reader that hands records on can finish out of order, and a reader without any assignment reads in order.

Story: Two producers, 50 ms away from the brokers, number their records; one is idempotent, as by default, one is not.
One consumer owns both partitions all the time. The broker that leads them is shut down and started again.

Watch for: the requests in flight when the leader goes: each is refused and sent again; what the one consumer reads of
the careless producer; the order in which a pool of four workers finishes what was read in order.

Predict: Whose records are read out of order? Does it matter that one consumer owns the partition? What does
`--set max.in.flight.requests.per.connection=1` change, and what does it not?
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.misconceptions.parts import Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import PartitionsAssigned
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerShutdown, LatencySpike
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "rate": Knob(40, "records that each producer sends, a second", 1, 1000),
    "workers": Knob(4, "workers of the pool that the consumer hands records to", 1, 100),
}
PRODUCERS: Mapping[str, dict[str, Any]] = {"careful": {}, "careless": {"enable_idempotence": False}}
END_S = 20


@dataclass(slots=True)
class Notes:
    """Numbers as they were read by the group, by topic, and by the loner; as the pool finished them, with the time."""

    read: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in PRODUCERS})
    alone: list[int] = field(default_factory=list)
    finished: list[tuple[int, int]] = field(default_factory=list)


def consumer(workers: int, notes: Notes) -> Behaviour:
    """Reads both topics, and hands the careful producer's records on to a pool with work of 5 to 95 ms."""

    def run(app: App) -> Steps:
        consumer = app.consumer("only", list(PRODUCERS), auto_offset_reset="earliest")
        free_at = [0] * workers
        while True:
            for record in (yield from consumer.poll()):
                number = int(record.value or b"")
                notes.read[record.topic].append(number)
                if record.topic == "careful":
                    worker = free_at.index(min(free_at))
                    work = round((5 + 90 * app.random.random()) * MILLISECOND)
                    free_at[worker] = max(app.now, free_at[worker]) + work
                    notes.finished.append((free_at[worker], number))

    return run


def loner(notes: Notes) -> Behaviour:
    """Reads the careful producer's partition in no group."""

    def run(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign([TopicPartition("careful", 0)])
        while True:
            notes.alone += [int(record.value or b"") for record in (yield from consumer.poll())]

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, far = Notes(), LatencySpike(side=tuple(PRODUCERS), at="0s", lasts=f"{END_S}s", latency="50ms")
    sources = {
        name: source(name, Constant(settings["rate"]), END_S * SECOND, **config) for name, config in PRODUCERS.items()
    }
    return Plan(
        duration=END_S * SECOND,
        cluster=ClusterSpec(broker_config={"offsets.topic.num.partitions": 1}),
        topics=tuple(Topic(name, 1, 3, {"min.insync.replicas": 2}, replicas=((1, 2, 3),)) for name in PRODUCERS),
        apps=(
            *(AppSpec(name, behaviour, f"from-{name}", finite=True) for name, behaviour in sources.items()),
            AppSpec("consumer", consumer(settings["workers"], notes), "consumer"),
            AppSpec("loner", loner(notes), "loner"),
        ),
        groups=(GroupSpec("only", tuple(PRODUCERS)),),
        faults=(far, BrokerShutdown(broker=1, at="8s", lasts="5s")),
        stages=(
            *((f"from-{name}", name) for name in PRODUCERS),
            *((name, "consumer") for name in PRODUCERS),
            ("careful", "loner"),
        ),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def steps_back(numbers: list[int]) -> int:
    """How many numbers come after a larger one."""
    count, highest = 0, -1
    for number in numbers:
        count += number < highest
        highest = max(highest, number)
    return count


def results(notes: Notes) -> Mapping[str, object]:
    """Records behind a later one: as read by the only consumer, as read by the loner, as finished by the pool."""
    late = {name: steps_back(numbers) for name, numbers in notes.read.items()}
    pool = steps_back([number for _, number in sorted(notes.finished)])
    return {
        "read": {name: len(numbers) for name, numbers in notes.read.items()},
        "out_of_order": {**late, "loner": steps_back(notes.alone), "pool": pool},
        "finding": f"one consumer reads {late['careful']} records of the idempotent producer out of order; "
        f"{late['careless']} of the other",
        "sentences": [
            f"The only consumer read {late['careful']} records of the idempotent producer behind a later one, "
            f"and {late['careless']} of the other's.",
            f"Of those it read in order its pool finished {pool} behind a later one.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """The log has the order, and not the assignment."""
    late = run.results["out_of_order"]
    owned = [fact for _, fact in run.facts if isinstance(fact, PartitionsAssigned) and fact.partitions]
    return {
        "one consumer owned both partitions all the time": len(owned) == 1 and len(owned[0].partitions) == 2,
        "it read the idempotent producer's records in order": late["careful"] == 0,
        "it read the other producer's records out of order, as they are in the log": late["careless"] > 0,
        "who is in no group reads in order, too": late["loner"] == 0,
        "what was read in order was finished out of order by a pool": late["pool"] > 0,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Idempotence mends the log, and one worker what comes after it."""
    late = run.results["out_of_order"]
    return {
        "all was read in order": late["careful"] == late["careless"] == late["loner"] == 0,
        "one worker finished all in order": late["pool"] == 0,
    }


scenario = Scenario(
    name="assignment-orders",
    summary="One consumer owns a partition and reads out of order what a retry has put there: the log has the order.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    level="intermediate",
    claims=claims,
    cure={"enable.idempotence": True, "workers": 1},
    cured=cured,
)
