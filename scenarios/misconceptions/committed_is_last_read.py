"""Ten records are read, the last has offset 9: which offset is committed?

Covers: committed offset, position, lag. The misconception: "the committed offset is that of the last record processed".
It is the offset of the NEXT record to read. Who commits the last one's offset reads that record again after every
restart, and never has a lag of 0.

Story: Two accountants read the same entries, each in a group of its own. One commits its position, the other the offset
of the last entry it has booked in each partition. Both are closed and started again, three times, when all is read.

Watch for: the second accountant, which after each restart books the last entry of each partition once more; its lag,
which stays at one record a partition although nothing is left to do.

Predict: With three partitions and three restarts, how many entries are booked twice? What does `--set added=1` do, and
what would `--set added=2` lose?
"""

from collections.abc import Mapping

from scenarios.misconceptions.parts import ONE_BROKER, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import RoundRobinKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "added": Knob(0, "what the believer adds to the offset of the last record before it commits it", 0, 10),
    "restarts": Knob(3, "how often both are closed and started again", 0, 100),
}
GROUPS = ("position", "last-read")
PARTITIONS = 3
Booked = dict[str, list[TopicPartition]]


def accountant(name: str, added: int | None, restarts: int, booked: Booked) -> Behaviour:
    """Books entries until none come for a while, closes, and begins again; `added` None commits positions."""

    def run(app: App) -> Steps:
        yield app.until(8 * SECOND)
        for _ in range(restarts + 1):
            consumer = app.consumer(name, ["entries"], auto_offset_reset="earliest", enable_auto_commit=False)
            while entries := (yield from consumer.poll(5000)):
                booked[name] += [TopicPartition(entry.topic, entry.partition) for entry in entries]
                last = {TopicPartition(entry.topic, entry.partition): entry.offset for entry in entries}
                offsets = {partition: offset + (added or 0) for partition, offset in last.items()}
                yield from consumer.commit(None if added is None else offsets)
            yield from consumer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    booked: Booked = {name: [] for name in GROUPS}
    entries = source("entries", Constant(100), 5 * SECOND, RoundRobinKeys(50))
    restarts = settings["restarts"]
    behaviours = {
        "position": accountant("position", None, restarts, booked),
        "last-read": accountant("last-read", settings["added"], restarts, booked),
    }
    return Plan(
        duration=20 * SECOND,
        drain=60 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("entries", PARTITIONS, 1),),
        apps=(
            AppSpec("source", entries, "source", finite=True),
            *(AppSpec(name, behaviour, name) for name, behaviour in behaviours.items()),
        ),
        groups=tuple(GroupSpec(name, ("entries",)) for name in GROUPS),
        stages=(("source", "entries"), *(("entries", name) for name in GROUPS)),
        wrap_up=lambda complete: results(booked) if complete else {},
    )


def results(booked: Booked) -> Mapping[str, object]:
    """How many entries each has booked."""
    counts = {name: len(entries) for name, entries in booked.items()}
    twice = counts["last-read"] - counts["position"]
    return {
        "booked": counts,
        "booked_again": twice,
        "finding": f"who commits the next offset books {counts['position']} entries; "
        f"who commits the last one's books {twice} of them again",
        "sentences": [f"The believer has booked {counts['last-read']} entries where there were {counts['position']}."],
    }


def left(run: Run, group: str) -> int:
    """The lag in records when the run ends."""
    return round(run.metrics.series("records-lag", group=group)[1][-1])


def claims(run: Run) -> Mapping[str, bool]:
    """One entry too many for each partition and restart, and a lag that never ends."""
    again, knobs = run.verdict.redelivered, run.settings.values
    offsets = run.flight.cluster.committed_offsets("position") or {}
    return {
        "the committed offset is that of the next record": sum(offsets.values()) == run.verdict.acknowledged,
        "who commits it reads nothing twice and has no lag": again["position"] == left(run, "position") == 0,
        "who commits the last one's reads it again in every partition after every restart": again["last-read"]
        == PARTITIONS * knobs["restarts"],
        "and has a lag of one record a partition for ever": left(run, "last-read") == PARTITIONS,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Offset plus one: nothing is read twice, and no lag is left."""
    return {
        "with one added nothing is read twice or missed": run.verdict.ok and not any(run.verdict.redelivered.values()),
        "no lag is left": left(run, "last-read") == 0,
    }


scenario = Scenario(
    name="committed-is-last-read",
    summary="The committed offset is that of the next record: who commits the last one's reads it again.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"added": 1},
    cured=cured,
)
