"""A compacted topic is a table: the latest value of every key is kept, whatever else goes.

Covers: log compaction, the active segment, dirty ratio, tombstones, delete.retention.ms, rebuilding a table.

Story: Customers move, and each move is a record with the customer as its key and the new address as its value. The
topic is compacted. Half way some customers leave for good: a record with a null value (a tombstone) deletes each. When
all is quiet a newcomer reads the topic from its first offset and builds the table of addresses.
Times are short here: segments are rolled after 5 s instead of seven days, tombstones kept for 10 s instead of a day.

Watch for: a log that grows by segments and shrinks at each round of the cleaner, which wakes every 15 s and never
touches the active segment; offsets with gaps; tombstones that stay for delete.retention.ms and are gone then.

Predict: How many of the records does the newcomer still read? Can a customer be missing? What does a cleaner that waits
for more dirt change (`--set min.cleanable.dirty.ratio=0.9`)? And `--set cleanup.policy=delete`?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.storage import LogCleaned
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:100", "how moves come, per second: poisson:100, constant:100, bursts:…, daily:…"),
    "duration": Knob("120s", "how long customers move"),
    "customers": Knob(200, "how many keys there are", 2, 100_000),
    "leavers": Knob(20, "how many customers leave half way", 0, 100_000),
}
ADDRESSES = TopicPartition("addresses", 0)
QUIET = 45 * SECOND


@dataclass(slots=True)
class Notes:
    """The truth, what the newcomer has made of the topic, and how many records and tombstones it took."""

    written: int = 0
    truth: dict[bytes, bytes] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)
    table: dict[bytes, bytes] = field(default_factory=dict)
    read: int = 0
    tombstones: int = 0


def registry(workload: Workload, customers: int, leavers: int, duration: int, notes: Notes) -> Behaviour:
    """Writes each move down; half way the first customers leave and do not move again."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        times = workload.arrivals(app.machine.streams.columns("moves"), duration)
        for time, key in keyed(times, UniformKeys(customers), app.machine.streams.columns("customers")):
            due = yield from app.arrive(time)
            if due >= duration // 2 and not notes.gone:
                notes.gone.update(b"key-%d" % number for number in range(leavers))
                for number in range(leavers):
                    notes.truth.pop(b"key-%d" % number, None)
                    notes.written += 1
                    yield from producer.send("addresses", None, b"key-%d" % number)
            if key is None or key in notes.gone:
                continue
            notes.truth[key] = b"street %d" % notes.written
            notes.written += 1
            yield from producer.send("addresses", notes.truth[key], key, sent_at=due)
        yield from producer.close()

    return run


def newcomer(begins: int, notes: Notes) -> Behaviour:
    """Reads the topic once, from its first offset to its end."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(begins)
        consumer = app.consumer()
        consumer.assign([ADDRESSES])
        consumer.seek_to_beginning()
        end = (yield from consumer.end_offsets([ADDRESSES]))[ADDRESSES]
        while (consumer.position(ADDRESSES) or 0) < end:
            for record in (yield from consumer.poll()):
                notes.read += 1
                notes.tombstones += record.value is None
                key = record.key or b""
                if record.value is None:
                    notes.table.pop(key, None)
                else:
                    notes.table[key] = record.value
        yield from consumer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    leavers = min(settings["leavers"], settings["customers"] - 1)
    moves = registry(parse_workload(settings["arrivals"]), settings["customers"], leavers, duration, notes)
    config = {"cleanup.policy": "compact", "segment.ms": 5_000, "delete.retention.ms": 10_000}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("addresses", 1, 1, config),),
        apps=(
            AppSpec("registry", moves, "registry", finite=True),
            AppSpec("newcomer", newcomer(duration + QUIET, notes), "newcomer", finite=True),
        ),
        stages=(("registry", "addresses"), ("addresses", "newcomer")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """How much was written, how much is still there to read, and whether the table is right."""
    right = sum(notes.table.get(key) == value for key, value in notes.truth.items())
    return {
        "written": notes.written,
        "read": notes.read,
        "customers": len(notes.truth),
        "customers_right": right,
        "deleted_still_there": len(notes.gone & notes.table.keys()),
        "tombstones_read": notes.tombstones,
        "finding": f"{notes.written:,} records written, {notes.read:,} left to read; "
        f"{right:,} of {len(notes.truth):,} addresses right",
        "sentences": [
            f"The newcomer read {notes.read:,} of {notes.written:,} records and has the latest address of {right:,} of "
            f"{len(notes.truth):,} customers.",
            f"Of {len(notes.gone):,} customers that were deleted {len(notes.gone & notes.table.keys()):,} are still "
            f"in its table; it has seen {notes.tombstones:,} tombstones.",
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """A table: complete, without the deleted, and a fraction of what was written."""
    found = run.results
    rounds = [fact for _, fact in run.facts if isinstance(fact, LogCleaned)]
    return {
        "the latest value of every key is kept": found["customers_right"] == found["customers"] > 0,
        "no deleted key comes back": found["deleted_still_there"] == 0,
        "the tombstones themselves are gone in the end": found["tombstones_read"] == 0,
        "a newcomer reads less than a fifth of what was written": 5 * found["read"] < found["written"],
        "each round of the cleaner makes the log smaller": len(rounds) > 1
        and all(fact.after_bytes < fact.before_bytes for fact in rounds),
    }


scenario = Scenario(
    name="compaction-as-a-table",
    summary="A compacted topic keeps the latest value of every key; tombstones delete, and the log stays small.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
