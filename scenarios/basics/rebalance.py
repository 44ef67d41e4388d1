"""Who reads what: a consumer joins a group, another is killed, and partitions change hands.

Covers: consumer group, generation, eager rebalance, session time-out, committed offsets, delivery at least once.

Story: Parcels are scanned and sent to a topic with six partitions. Two sorters share it. A third one joins; later
one of them is killed (`kill -9`: it says goodbye to nobody) and does not return.

Watch for: the first wait, three seconds for more members and three more because one came; the join, at which
every sorter gives up all its partitions, also those that it gets back (eager); after the kill, the partitions of
the dead sorter, which belong to nobody who lives until its session of 45 seconds has run out; then the parcels
that are read a second time, because they were read but not committed.

Predict: How long does a join stop the reading, and how long a crash? Which of the two does a shorter
`--set session.timeout.ms=10000` help? What would a clean close have cost?
"""

from bisect import bisect_right
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import RebalanceListener
from sim.machine.clock import SECOND, format_duration, parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:50", "how parcels come, per second: poisson:50, constant:50, bursts:…, daily:…"),
    "duration": Knob("90s", "how long parcels come"),
    "partitions": Knob(6, "partitions of the topic parcels", 1, 1000),
    "join_at": Knob("17s", "when the third sorter joins"),
    "crash_at": Knob("32s", "when the second sorter is killed"),
}
VICTIM = "sorter-2"
NEVER = 1 << 62


@dataclass(slots=True)
class Notes:
    """What the sorters write down: owners of each partition with their times (None: nobody), what each has read.

    `latest` is the time of the latest poll, so that a fault after a run that was cut short is not counted.
    """

    owners: dict[TopicPartition, list[tuple[int, str | None]]] = field(default_factory=dict)
    read: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    latest: int = 0

    def note(self, time: int, partitions: Sequence[TopicPartition], owner: str | None) -> None:
        """Partitions have changed hands."""
        for partition in partitions:
            self.owners.setdefault(partition, [(0, None)]).append((time, owner))

    def bury(self, time: int, member: str) -> None:
        """A member has died: what it owned belongs to nobody who lives."""
        for history in self.owners.values():
            since = bisect_right(history, time, key=lambda change: change[0])
            if history[since - 1][1] == member:
                history.insert(since, (time, None))

    def gaps(self) -> list[tuple[int, int | None, TopicPartition]]:
        """From when to when (None: to the end) which partition had no owner."""
        found: list[tuple[int, int | None, TopicPartition]] = []
        for partition, history in sorted(self.owners.items()):
            ends = [*(time for time, _ in history[1:]), None]
            for (since, owner), until in zip(history, ends, strict=True):
                if owner is None and since != until:
                    found.append((since, until, partition))
        return found


class Scribe(RebalanceListener):
    """Notes what one sorter is given and gives up."""

    def __init__(self, app: App, notes: Notes) -> None:
        self._app = app
        self._notes = notes

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Given up."""
        self._notes.note(self._app.now, partitions, None)

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Given."""
        self._notes.note(self._app.now, partitions, self._app.name)


def scanner(workload: Workload, duration: int) -> Behaviour:
    """Sends each parcel when it is scanned."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        times = workload.arrivals(app.machine.streams.columns("parcels"), duration)
        for time, key in keyed(times, UniformKeys(1000), app.machine.streams.columns("addresses")):
            due = yield from app.arrive(time)
            yield from producer.send("parcels", b"a parcel", app.key(key), sent_at=due)
        yield from producer.close()

    return run


def sorter(joins_at: int, notes: Notes) -> Behaviour:
    """Joins the group at its time and sorts what it gets, a few milliseconds for each poll."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(joins_at)
        consumer = app.consumer("sorters", auto_offset_reset="earliest")
        consumer.subscribe(["parcels"], Scribe(app, notes))
        while True:
            records = yield from consumer.poll()
            notes.read.setdefault(app.name, []).extend((record.partition, record.offset) for record in records)
            notes.latest = app.now
            yield app.busy(ms=5)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration, join_at = Notes(), parse_duration(settings["duration"]), parse_duration(settings["join_at"])
    scans = scanner(parse_workload(settings["arrivals"]), duration)
    crash = AppCrash(app=VICTIM, at=settings["crash_at"])
    return Plan(
        duration=duration,
        topics=(Topic("parcels", settings["partitions"], 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("scanner", scans, "scanner", finite=True),
            AppSpec("sorter-1", sorter(0, notes), "sorters"),
            AppSpec("sorter-2", sorter(0, notes), "sorters"),
            AppSpec("sorter-3", sorter(join_at, notes), "sorters"),
        ),
        groups=(GroupSpec("sorters", ("parcels",)),),
        faults=(crash,),
        stages=(("scanner", "parcels"), ("parcels", "sorters")),
        wrap_up=lambda complete: results(notes, join_at, crash.begins if settings.faults else None) if complete else {},
    )


def results(notes: Notes, join_at: int, crash_at: int | None) -> Mapping[str, object]:
    """How long each partition was without an owner, after each of the three occasions, and who has sorted what."""
    occasions = [("start", 0), ("join", join_at)]
    if crash_at is not None and crash_at <= notes.latest:
        notes.bury(crash_at, VICTIM)
        occasions.append(("crash", crash_at))
    occasions.sort(key=lambda occasion: occasion[1])
    ends = [time for _, time in occasions[1:]] + [NEVER]
    found = {name: aftermath(notes, time, end) for (name, time), end in zip(occasions, ends, strict=True)}
    everything = [place for places in notes.read.values() for place in places]
    return {
        **found,
        "sorted": {name: len(set(places)) for name, places in sorted(notes.read.items())},
        "sorted_twice": len(everything) - len(set(everything)),
        "sentences": [tell(name, after) for name, after in found.items() if after["without_owner_s"]],
    }


def aftermath(notes: Notes, time: int, end: int) -> dict[str, Any]:
    """Partitions that lost their owner from an occasion to the next: for how long, and when the last had one again."""
    gaps = [(since, until, str(name)) for since, until, name in notes.gaps() if time <= since < end]
    lasted: dict[str, float] = {}
    for since, until, name in gaps:
        if until is not None:
            lasted[name] = lasted.get(name, 0.0) + (until - since) / SECOND
    ends = [until for _, until, _ in gaps if until is not None]
    return {
        "at_s": time / SECOND,
        "without_owner_s": lasted,
        "all_owned_again_after_s": (max(ends) - time) / SECOND if ends else None,
        "never_owned_again": [name for _, until, name in gaps if until is None],
    }


def tell(name: str, after: Mapping[str, Any]) -> str:
    """One occasion in a sentence."""
    lasted = [round(seconds * SECOND) for seconds in after["without_owner_s"].values()]
    return (
        f"After the {name} {len(lasted)} partitions were without an owner: "
        f"at least {format_duration(min(lasted))}, at most {format_duration(max(lasted))}."
    )


scenario = Scenario(
    name="rebalance",
    summary="A consumer joins a group, another is killed: who owns the partitions, and when nobody does.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
)
