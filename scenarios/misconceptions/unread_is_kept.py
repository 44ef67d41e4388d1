"""A consumer is slow, and its records wait in Kafka until it comes: do they?

Covers: retention.ms, log start offset, auto.offset.reset. The misconception: "unconsumed messages are kept"
(grokdevops, which takes the default retention for infinite, too). Retention knows no consumers: a record goes when its
segment is old enough, read or not. The default is 168 hours.

Story: Events come twice as fast as one of two readers works. Retention is 20 s and segments are rolled every 5 s, so
that a minute shows what a week does to a reader that lags a week behind.

Watch for: the lag of the slow reader, which grows to what the retention leaves and not beyond; its next fetch, which
asks for an offset that is gone, and starts over at the earliest one there is; the fast reader, which misses nothing.

Predict: When does the slow reader lose its first record? Which share does it lose from then on? Does anybody get an
error? What does `--set retention.ms=604800000` change?
"""

from collections.abc import Mapping

from scenarios.misconceptions.parts import Diary, reader, source
from sim.machine.clock import SECOND
from sim.rules.config import TopicConfig
from sim.rules.facts.journal import PositionReset
from sim.rules.facts.storage import SegmentsDeleted
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "slow_ms": Knob(40, "the slow reader's work for each event, in milliseconds", 1, 10_000),
    "fast_ms": Knob(4, "the fast reader's work for each event, in milliseconds", 1, 10_000),
}
GROUPS = ("slow", "fast")
RATE, END_S = 50, 90


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    diaries = {name: Diary() for name in GROUPS}
    readers = {
        name: reader(name, ["events"], settings[f"{name}_ms"], diaries[name], max_poll_records=25, fetch_max_bytes=2000)
        for name in GROUPS
    }
    return Plan(
        duration=END_S * SECOND,
        cluster=ClusterSpec(brokers=1, racks=1, broker_config={"log.retention.check.interval.ms": 1000}),
        topics=(Topic("events", 1, 1, {"retention.ms": 20_000, "segment.ms": 5000}),),
        apps=(
            AppSpec("source", source("events", Constant(RATE), END_S * SECOND, linger_ms=500), "source", finite=True),
            *(AppSpec(name, behaviour, name) for name, behaviour in readers.items()),
        ),
        groups=tuple(GroupSpec(name, ("events",)) for name in GROUPS),
        stages=(("source", "events"), *(("events", name) for name in GROUPS)),
        wrap_up=lambda complete: results(diaries) if complete else {},
    )


def results(diaries: Mapping[str, Diary]) -> Mapping[str, object]:
    """How many events each has read."""
    read = {name: sum(count for _, count in diary.read) for name, diary in diaries.items()}
    missed = read["fast"] - read["slow"]
    return {
        "read": read,
        "missed": missed,
        "finding": f"the slow reader missed {missed:,} of {read['fast']:,} events that the fast one read",
        "sentences": [f"The slow reader got {read['slow']:,} events where the fast one got {read['fast']:,}."],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Retention waits for nobody."""
    deleted = [time for time, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    resets = [
        time for time, fact in run.facts if isinstance(fact, PositionReset) and fact.group_id == "slow" and fact.offset
    ]
    missed = run.results["missed"]
    return {
        "events that nobody had read in the slow group were deleted": len(run.verdict.undelivered) == missed > 0,
        "its position was reset past what was gone, without an error": bool(deleted) and min(deleted) < min(resets),
        "no application has died of it": not any(app.failure for app in run.flight.cluster.apps.values()),
        "the fast reader got every event": run.results["read"]["fast"] == run.verdict.acknowledged,
        "by default a record is kept for 168 hours, and not for ever": TopicConfig().retention_ms == 168 * 3_600_000,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """With a retention beyond the lag the slow reader gets there."""
    return {"both readers got every event": run.verdict.ok and run.results["missed"] == 0}


scenario = Scenario(
    name="unread-is-kept",
    summary="Retention deletes what is old, read or not: a reader that lags further behind loses records.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"retention.ms": 604_800_000},
    cured=cured,
)
