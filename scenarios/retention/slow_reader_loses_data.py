"""A reader that is slower than retention: the log's start overtakes it, and what was below is gone, unread.

Covers: retention.ms, segments, log start offset, lag in seconds, OFFSET_OUT_OF_RANGE, auto.offset.reset.

Story: Sensors report to a topic. An archive reads it and needs longer for each record than the next one takes to come,
so that it falls further behind with each second. The broker does not wait for it: a segment that is older than
retention.ms is deleted. When the record that the archive wants next is gone, it is sent to the earliest one left.
All times are short here: retention is 15 s instead of seven days, segments are rolled after 3 s.

Watch for: lag in seconds, which climbs to retention.ms and stays there: the log's start pushes the reader on; lag in
records, which looks no worse than before; producers and brokers that report no error at all.

Predict: When is the first record lost? Which share in the long run? Does `--set auto.offset.reset=latest` lose more or
less? What mends it: `--set retention.ms=3600000`, or `--set work_ms=4`?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.storage import SegmentsDeleted
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:200", "how reports come, per second: poisson:200, constant:200, bursts:…, daily:…"),
    "duration": Knob("60s", "how long reports come"),
    "work_ms": Knob(10.0, "milliseconds of the archive's work for each report", 0.1, 1000),
}
READINGS = TopicPartition("readings", 0)


@dataclass(slots=True)
class Notes:
    """What was sent, the offsets that were read, and the gaps: when, and how many records were jumped over."""

    sent: int = 0
    read: int = 0
    next_offset: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


def sensors(workload: Workload, duration: int, notes: Notes) -> Behaviour:
    """Report at each arrival."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        for time in workload.arrivals(app.machine.streams.columns("readings"), duration):
            due = yield from app.arrive(time)
            yield from producer.send("readings", b"21.5 degrees", sent_at=due)
            notes.sent += 1
        yield from producer.close()

    return run


def archive(work_ms: float, notes: Notes) -> Behaviour:
    """Reads from the earliest offset on, with work for each record."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("archive", ["readings"], auto_offset_reset="earliest", max_poll_records=100)
        while True:
            records = yield from consumer.poll()
            for record in records:
                if record.offset > notes.next_offset:
                    notes.gaps.append((app.now, record.offset - notes.next_offset))
                notes.next_offset = record.offset + 1
            notes.read += len(records)
            yield app.busy(ms=work_ms * len(records))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    reports = sensors(parse_workload(settings["arrivals"]), duration, notes)
    return Plan(
        duration=duration,
        cluster=ClusterSpec(brokers=1, racks=1, broker_config={"log.retention.check.interval.ms": 1000}),
        topics=(Topic("readings", 1, 1, {"retention.ms": 15_000, "segment.ms": 3_000}),),
        apps=(
            AppSpec("sensors", reports, "sensors", finite=True),
            AppSpec("archive", archive(settings["work_ms"], notes), "archive"),
        ),
        groups=(GroupSpec("archive", ("readings",)),),
        stages=(("sensors", "readings"), ("readings", "archive")),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


def results(notes: Notes) -> Mapping[str, object]:
    """What was never read, and when the first of it was missed."""
    skipped = sum(count for _, count in notes.gaps)
    unread = notes.sent - notes.read
    first_s = round(notes.gaps[0][0] / SECOND, 1) if notes.gaps else None
    when = "" if first_s is None else f"; the first gap after {first_s:g} s"
    return {
        "sent": notes.sent,
        "read": notes.read,
        "unread": unread,
        "skipped": skipped,
        "gaps": len(notes.gaps),
        "first_gap_s": first_s,
        "finding": f"{notes.sent:,} reports sent, {unread:,} never read{when}",
        "sentences": [f"The archive has read {notes.read:,} of {notes.sent:,} reports and jumped over {skipped:,}."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """The log's start has overtaken the reader, and nobody was told."""
    found = run.results
    deleted = [fact for _, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    return {
        "records are deleted before they are read": bool(deleted) and found["skipped"] > 0,
        "more than a tenth of the records is lost to the reader": 10 * found["unread"] > found["sent"],
        "not one of them was lost on its way to the log": not run.verdict.lost,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Retention that is longer than the lag, and the slow reader reads everything, later."""
    return {
        "nothing is jumped over": run.results["skipped"] == 0,
        "every record is read": run.results["unread"] == 0 and run.verdict.ok,
    }


scenario = Scenario(
    name="slow-reader-loses-data",
    summary="A consumer slower than retention: the log start overtakes its position, and records are gone unread.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"retention.ms": 3_600_000},
    cured=cured,
)
