"""What goes from a log, and when: by age and by size."""

from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.config import TopicConfig
from sim.rules.facts.storage import SegmentsDeleted
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import source
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

Points = list[tuple[float, float]]


def _unread(runs: Runs) -> Proof:
    run = runs["slow"]
    found, config = run.results, run.flight.plan.topics[0].config
    missed, days = found["missed"], TopicConfig().retention_ms / 86_400_000
    return Proof(
        missed > 0 and len(run.verdict.undelivered) == missed and runs["longer"].results["missed"] == 0,
        missed,
        "records",
        f"{missed:,} of {found['read']['fast']:,} events were deleted before the slow group had read them; with more "
        f"retention {runs['longer'].results['missed']} were.",
        {
            "missed": missed,
            "fast": found["read"]["fast"],
            "slow": found["read"]["slow"],
            "retention_s": int(str(config["retention.ms"])) / 1000,
            "days": days,
            "longer": runs["longer"].results["missed"],
        },
    )


def _nothing_waits(runs: Runs) -> tuple[bool, str]:
    run = runs["slow"]
    deleted, missed = (
        sum(fact.segments for _, fact in run.facts if isinstance(fact, SegmentsDeleted)),
        run.results["missed"],
    )
    return deleted > 0 < missed == len(run.verdict.undelivered), (
        f"Retention deleted {deleted} segments, with {missed:,} events that the slow group had not read."
    )


def _no_error(runs: Runs) -> tuple[bool, str]:
    run = runs["slow"]
    failures = sum(app.failure is not None for app in run.flight.cluster.apps.values())
    return failures == 0 < run.results["missed"], (
        f"{run.results['missed']:,} events were missed, and {failures} applications failed: auto.offset.reset puts the "
        "position at the log's start without a word."
    )


RETENTION_BYTES, RECORD_BYTES, RATE, LOAD_S, CHECK_MS = 8 << 20, 20_000, 20, 60, 1000
MIB = 1 << 20
LOGS_0 = TopicPartition("logs", 0)


def _make_logs(settings: Settings) -> Plan:
    config = {"retention.bytes": RETENTION_BYTES, "segment.bytes": settings["segment_bytes"]}
    checks = {"log.retention.check.interval.ms": CHECK_MS, "log.initial.task.delay.ms": CHECK_MS}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, broker_config=checks, group_topics=False),
        topics=(Topic("logs", 1, 1, config),),
        apps=(AppSpec("host", source("logs", Constant(RATE), LOAD_S, size_bytes=RECORD_BYTES), "host", finite=True),),
        stages=(("host", "logs"),),
    )


LOGS = Scenario(
    name="retention-by-size",
    summary="A steady load on a topic with retention.bytes, and segments of one size or another.",
    story="",
    make=_make_logs,
    knobs={"segment_bytes": Knob(4 * MIB, "segment.bytes of the topic", MIB, 1 << 30)},
)


def _sizes(run: Run) -> Points:
    """The size of the log in MiB whenever a batch came or segments went, over seconds."""
    deletions = [(time, fact) for time, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    batches = [*(batch for _, fact in deletions for batch in fact.removed), *run.flight.cluster.log(LOGS_0).batches(0)]
    came = [(batch.columns.timestamps_ms[-1] * MILLISECOND, batch.size_bytes) for batch in batches]
    size, points = 0, list[tuple[float, float]]()
    for time, change in sorted([*came, *((time, -fact.size_bytes) for time, fact in deletions)]):
        size += change
        points.append((time / SECOND, size / MIB))
    return points


def _overshoot(runs: Runs) -> Proof:
    run = runs["segments of 4 MiB"]
    segment, retention, between = run.settings["segment_bytes"] / MIB, RETENTION_BYTES / MIB, _between_checks()
    peak, small_peak = (max(size for _, size in _sizes(each)) for each in runs.values())
    disk = run.flight.cluster.brokers[1].logs.bytes_on_disk() / MIB
    return Proof(
        0.5 * segment < peak - retention <= segment + between and small_peak < peak < disk,
        round((peak - retention) / segment, 2),
        "segments",
        f"With retention.bytes of {retention:g} MiB the log has held up to {peak:.1f} MiB, with segments of a quarter "
        f"of the size {small_peak:.1f} MiB; with deleted files there are {disk:.1f} MiB on the disk.",
        {
            "retention": retention,
            "segment": segment,
            "peak": peak,
            "small": runs["segments of 1 MiB"].settings["segment_bytes"] / MIB,
            "small_peak": small_peak,
            "between": between,
            "disk": disk,
            "delay_s": TopicConfig().file_delete_delay_ms / 1000,
            "default_gib": TopicConfig().segment_bytes / 2**30,
            "default_days": TopicConfig().segment_ms / 86_400_000,
        },
    )


def _between_checks() -> float:
    """What comes between two checks, in MiB."""
    return RATE * RECORD_BYTES * CHECK_MS / 1000 / MIB


def _not_by_record(runs: Runs) -> tuple[bool, str]:
    run = runs["segments of 4 MiB"]
    found = [fact for _, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    records = sum(batch.count for fact in found for batch in fact.removed)
    gone = sum(fact.segments for fact in found)
    return records > 10 * gone > 0, (
        f"{records:,} records went in {len(found)} deletions, by whole segments of {records / gone:.0f} records."
    )


def _disk_is_more(runs: Runs) -> tuple[bool, str]:
    disk = runs["segments of 4 MiB"].flight.cluster.brokers[1].logs.bytes_on_disk()
    return disk > 1.5 * RETENTION_BYTES, (
        f"{disk / RETENTION_BYTES:.1f} times retention.bytes were on the disk of one replica: an open segment, and "
        "files that wait for file.delete.delay.ms."
    )


QUESTIONS = (
    Question(
        number=11,
        topic="log",
        level="junior",
        asks="What happens to records that a slow consumer has not read when retention is over?",
        predict="50 events a second for 90 s, retention of 20 s, and a consumer that does 25 a second. How many events "
        "does it never get?",
        flights={
            "slow": Experiment("unread-is-kept"),
            "longer": Experiment("unread-is-kept", {"retention.ms": 604_800_000}),
        },
        prove=_unread,
        answer="""
            They are deleted. Retention looks at the age and the size of segments, and knows no consumers: committed
            offsets protect nothing. The default is {days:g} days, not for ever. When the log start offset has overtaken
            a consumer, its next fetch is out of range, and auto.offset.reset decides: earliest goes on at the new
            start, latest jumps to the end, none raises an error. In the run retention was {retention_s:g} s; the fast
            group read {fast:,} events, the slow one {slow:,}: {missed:,} were gone before it came to them, and nobody
            saw an error. With more retention than lag it missed {longer}. So alert on lag in seconds against
            retention.ms, and long before it is reached.
        """,
        follow_up="How do you save a group that is about to lose records?",
        follow_up_answer="""
            Raise retention.ms of the topic at once, it is a dynamic configuration and the disk decides how far; then
            make the group faster. In the run the longer retention lost {longer} records in place of {missed:,}.
        """,
        wrong=(
            WrongAnswer("Kafka keeps a record until every group has consumed it.", _nothing_waits),
            WrongAnswer("The consumer would notice: it gets an exception.", _no_error),
        ),
        picture=Picture("slow", "lag", title=lambda runs: str(runs["slow"].results["finding"])),
    ),
    Question(
        number=12,
        topic="log",
        level="senior",
        asks="retention.bytes is set. How much disk does a partition really take?",
        predict="retention.bytes is 8 MiB and segment.bytes 4 MiB. By how many segments does the log exceed "
        "retention.bytes at most?",
        flights={
            "segments of 4 MiB": Experiment(LOGS),
            "segments of 1 MiB": Experiment(LOGS, {"segment_bytes": MIB}),
        },
        prove=_overshoot,
        answer="""
            More than retention.bytes. A log is a row of segments, and retention deletes whole ones, the oldest first,
            and only when retention.bytes are left without it. So the log exceeds it by up to a segment, and by what
            comes between two checks. In the run retention.bytes was {retention:g} MiB and a segment {segment:g} MiB;
            the log held up to {peak:.1f} MiB, of which up to {between:.1f} MiB came between two checks. With segments
            of {small:g} MiB it was {small_peak:.1f} MiB. Deleted files stay for file.delete.delay.ms besides,
            {delay_s:g} s by default, so there were {disk:.1f} MiB on the disk. Then the indexes, and all that times
            replicas. By default a segment is rolled at {default_gib:g} GiB or after {default_days:g} days, and a
            trickle of records keeps what is old in it far longer than retention.ms.
        """,
        follow_up="A topic has retention.ms of one hour, and records of last week are still there. Why?",
        follow_up_answer="""
            A segment goes as a whole, when its youngest record is old enough. A trickle of records keeps the open one
            young: it is not rolled before it has {default_gib:g} GiB or is {default_days:g} days old. Lower segment.ms.
            And look for a record with a timestamp in the future: it holds its whole segment.
        """,
        wrong=(
            WrongAnswer("Each record is deleted when it is too old, or one too many.", _not_by_record),
            WrongAnswer("Plan retention.bytes for each replica, that is the limit.", _disk_is_more),
        ),
        picture=Picture(
            x="seconds",
            y="size of the log, MiB",
            curves=lambda runs: {name: _sizes(run) for name, run in runs.items()},
            title=lambda runs: _overshoot(runs).says.split(";")[0],
        ),
    ),
)
