"""Logs of many hosts in one topic: what retention.bytes promises, and what the disks really hold.

Covers: log aggregation, retention.bytes per partition, segments, the retention check, file.delete.delay.ms, compaction.

Story: Two dozen hosts write their log lines to a topic that may keep 4 MiB in each partition, and every second their
status to a compacted topic with the host as its key. The operator has bought disks for partitions times replicas times
retention.bytes, plus a little.
Sizes are small here: segments of 1 MiB, the least that Kafka allows, lines in blocks of 10 kB, a check every 5 s.

Watch for: a partition that is larger than retention.bytes: a segment goes as a whole, and only if what stays is no less
than the limit; so there is up to one segment more, and what comes between two checks. And then the disks, which hold
more still: a deleted file stays for file.delete.delay.ms, a minute by default.

Predict: How much larger than nominal is the log, how much the disk? Which of `--set segment.bytes=2097152` and
`--set file.delete.delay.ms=1000` matters more? How many records does it take to know the status of every host?
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
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "hosts": Knob(24, "how many hosts write", 1, 1000),
    "duration": Knob("60s", "how long they write"),
    "blocks": Knob(4.0, "blocks of log lines, per host and second", 0.01, 1000),
}
PARTITIONS, RETENTION_BYTES, BLOCK_BYTES, CHECK_MS = 3, 4 << 20, 10_000, 5_000
STATUS = TopicPartition("host-status", 0)


@dataclass(slots=True)
class Notes:
    """The latest status that each host has written, and what a reader finds; how many it has to read."""

    written: int = 0
    truth: dict[bytes, bytes] = field(default_factory=dict)
    table: dict[bytes, bytes] = field(default_factory=dict)
    read: int = 0


def host(blocks: float, duration: int, notes: Notes) -> Behaviour:
    """Writes a block of lines at even intervals, and its status once a second."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", linger_ms=100, batch_size=65_536)
        name, due, status_due = app.name.encode(), 0, 0
        while (due := due + round(SECOND / blocks)) < duration:
            yield app.until(due)
            yield from producer.send_many("logs", BLOCK_BYTES, [due])
            if due >= status_due:
                status_due += SECOND
                notes.written += 1
                notes.truth[name] = b"healthy at %d" % due
                yield from producer.send("host-status", notes.truth[name], name)
        yield from producer.close()

    return run


def console(begins: int, notes: Notes) -> Behaviour:
    """Reads the status of all hosts when the cleaner has been there."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(begins)
        consumer = app.consumer()
        consumer.assign([STATUS])
        consumer.seek_to_beginning()
        end = (yield from consumer.end_offsets([STATUS]))[STATUS]
        while (consumer.position(STATUS) or 0) < end:
            for record in (yield from consumer.poll()):
                notes.table[record.key or b""] = record.value or b""
                notes.read += 1

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    checks = {"log.retention.check.interval.ms": CHECK_MS, "log.initial.task.delay.ms": CHECK_MS}
    logs = {"retention.bytes": RETENTION_BYTES, "segment.bytes": 1 << 20}
    status = {"cleanup.policy": "compact", "segment.ms": 5_000}
    writer = host(settings["blocks"], duration, notes)
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=3, broker_config=checks),
        topics=(Topic("logs", PARTITIONS, 3, logs), Topic("host-status", 1, 3, status)),
        apps=(
            *(AppSpec(f"host-{number + 1}", writer, "hosts", finite=True) for number in range(settings["hosts"])),
            AppSpec("console", console(duration, notes), "console", finite=True),
        ),
        stages=(("hosts", "logs"), ("hosts", "host-status"), ("host-status", "console")),
        wrap_up=lambda complete: results(notes, settings, duration) if complete else {},
    )


def results(notes: Notes, settings: Settings, duration: int) -> Mapping[str, object]:
    """The sizes that follow from the settings, and the table of hosts."""
    rate = settings["hosts"] * settings["blocks"] * BLOCK_BYTES / PARTITIONS
    right = sum(notes.table.get(name) == status for name, status in notes.truth.items())
    return {
        "written_bytes": round(rate * PARTITIONS * duration / SECOND),
        "between_checks_bytes": round(rate * CHECK_MS / 1000),
        "status_written": notes.written,
        "status_read": notes.read,
        "hosts": len(notes.truth),
        "hosts_right": right,
        "finding": f"the status of {right} of {len(notes.truth)} hosts is right after "
        f"{notes.read:,} of {notes.written:,} records",
        "sentences": [f"The console read {notes.read:,} of {notes.written:,} statuses and knows {right} hosts."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """Sizes of the logs at the end, on every broker, and of all their files."""
    config, found = run.flight.plan.topics[0].config, run.results
    retention_bytes, segment_bytes = int(str(config["retention.bytes"])), int(str(config["segment.bytes"]))
    brokers = run.flight.cluster.brokers.values()
    names = [TopicPartition("logs", number) for number in range(PARTITIONS)]
    sizes = [broker.storage[name].size_bytes for broker in brokers for name in names]
    nominal_bytes = PARTITIONS * retention_bytes
    disks = [broker.logs.bytes_on_disk() / nominal_bytes for broker in brokers]
    bound_bytes = retention_bytes + segment_bytes + found["between_checks_bytes"]
    return {
        "old segments were deleted on every broker": len(
            {fact.broker_id for _, fact in run.facts if isinstance(fact, SegmentsDeleted)}
        )
        == len(disks),
        "a partition is at most one segment, and what comes between two checks, above retention.bytes": max(sizes)
        <= bound_bytes,
        "retention keeps at least retention.bytes": min(sizes) >= retention_bytes,
        f"the disks hold {min(disks):.2f} times the nominal size or more, as deleted files stay": min(disks)
        > bound_bytes / retention_bytes,
        "the status of every host is right, from fewer records than were written": found["hosts_right"]
        == found["hosts"]
        and found["status_read"] < found["status_written"],
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Deleted files that go soon."""
    brokers = run.flight.cluster.brokers.values()
    nominal_bytes = PARTITIONS * RETENTION_BYTES
    bound_bytes = nominal_bytes + PARTITIONS * ((1 << 20) + run.results["between_checks_bytes"])
    worst = max(broker.logs.bytes_on_disk() for broker in brokers)
    return {
        f"files that go after a second keep the disks at {worst / nominal_bytes:.2f} times the nominal size": worst
        <= 1.1 * bound_bytes
    }


scenario = Scenario(
    name="log-aggregation",
    summary="Logs of many hosts: retention by size against the size of the disks, and a compacted status by host.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"file.delete.delay.ms": 1000},
    cured=cured,
)
