"""500 records of at most 600 ms make 300 s, just the poll interval: is that why the lag swings up and down?

Covers: incident card oc-g376 (24 partitions, 12 instances, max.poll.records 500, p99 of 600 ms a record,
max.poll.interval 300 s, lag in a saw-tooth, cured by max.poll.records=100), quantiles of sums, eviction, redelivery.

Story: Two groups of twelve instances read the same 24 partitions. In both a record takes 200 ms in the median and 620
ms, a hair more than on the card, at the 99th percentile. In `apart` each record is slow or not by itself. In `together`
a database behind all instances is slow now and then, and then every record is. Batches and time-outs are scaled to a
tenth: 50 records a poll instead of 500, a poll interval of 30 s instead of 300, sessions of 4.5 s instead of 45.

Watch for: the arithmetic of the card, the batch times the 99th percentile. It is right only for records that are slow
together: then no full batch is done in time, members leave, commits are refused, and the lag rises as if nobody worked;
when the database is well again, the lag falls. Of records that are slow one by one, a batch takes its size times the
mean, and never comes near the limit.

Predict: How long does a batch of 50 take in the group `apart`? In which of the groups is anything worked on twice?
What does `--set max.poll.records=10` do for the lag, though each record takes as long as before?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy

from scenarios.incidents.members import Cost, Work, evictions, lag_at, member, source
from sim.actors.client.app import App
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

TOPIC, GROUPS, BATCH, LIMIT_MS = "events", ("apart", "together"), 50, 30_000
SCALED = {"group.min.session.timeout.ms": 600, "group.initial.rebalance.delay.ms": 300}
KNOBS = {
    "arrivals": Knob("poisson:20", "how records come, per second: poisson:20, constant:20, bursts:…, daily:…"),
    "duration": Knob("180s", "how long records come"),
    "backlog": Knob(3000, "records that wait at the start", 0, 1_000_000),
    "instances": Knob(12, "members of each group", 1, 100),
    "usual_ms": Knob(200.0, "milliseconds that a record takes as a rule", 0.001, 60_000),
    "slow_ms": Knob(620.0, "milliseconds that a slow record takes", 0.001, 60_000),
    "slow_every": Knob("90s", "how often the database is slow", 0.001),
    "slow_lasts": Knob("60s", "how long the database is slow then; it begins well"),
    "slow_share": Knob(0.05, "share of the slow records where each is slow by itself", 0, 1),
}


@dataclass(slots=True)
class Taken:
    """How long each record of a group has taken, and each batch, in milliseconds."""

    records_ms: list[float] = field(default_factory=list)
    batches_ms: list[float] = field(default_factory=list)

    def batch(self, records_ms: Sequence[float]) -> float:
        """Note a batch; returns how long it takes."""
        total_ms = float(sum(records_ms))
        self.records_ms.extend(records_ms)
        self.batches_ms.append(total_ms)
        return total_ms

    def p99_ms(self) -> float:
        """The 99th percentile of a record."""
        return float(numpy.quantile(self.records_ms, 0.99)) if self.records_ms else 0.0


def apart(settings: Settings, taken: Taken) -> Cost:
    """Each record is slow by itself."""

    def cost(app: App, records: list[ConsumerRecord]) -> float:
        slow = app.machine.streams.columns(f"slow records of {app.name}").random(len(records)) < settings["slow_share"]
        return taken.batch(numpy.where(slow, settings["slow_ms"], settings["usual_ms"]).tolist())

    return cost


def together(settings: Settings, taken: Taken) -> Cost:
    """All records are slow while the database is."""
    every_ms, lasts_ms = (parse_duration(settings[knob]) / MILLISECOND for knob in ("slow_every", "slow_lasts"))

    def cost(app: App, records: list[ConsumerRecord]) -> float:
        records_ms: list[float] = []
        now_ms = app.now / MILLISECOND
        for _ in records:
            slow = now_ms % every_ms >= every_ms - lasts_ms
            records_ms.append(settings["slow_ms"] if slow else settings["usual_ms"])
            now_ms += records_ms[-1]
        return taken.batch(records_ms)

    return cost


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    duration, works, taken = parse_duration(settings["duration"]), (Work(), Work()), (Taken(), Taken())
    load = source([TOPIC], parse_workload(settings["arrivals"]), UniformKeys(20_000), duration, settings["backlog"])
    costs = (apart(settings, taken[0]), together(settings, taken[1]))
    instances = {
        group: member(
            group,
            [TOPIC],
            cost,
            work,
            max_poll_records=BATCH,
            max_poll_interval_ms=LIMIT_MS,
            session_timeout_ms=4500,
            heartbeat_interval_ms=1000,
        )
        for group, cost, work in zip(GROUPS, costs, works, strict=True)
    }
    numbers = range(1, settings["instances"] + 1)
    return Plan(
        duration=duration,
        drain=30 * SECOND,
        cluster=ClusterSpec(broker_config=SCALED),
        topics=(Topic(TOPIC, 24, 3),),
        apps=(
            AppSpec("source", load, "source", finite=True),
            *(AppSpec(f"{group}-{number}", instances[group], group) for group in GROUPS for number in numbers),
        ),
        groups=tuple(GroupSpec(group, (TOPIC,)) for group in GROUPS),
        stages=(("source", TOPIC), *((TOPIC, group) for group in GROUPS)),
        wrap_up=lambda complete: results(works, taken) if complete else {},
    )


def results(works: Sequence[Work], taken: Sequence[Taken]) -> Mapping[str, object]:
    """For each group how long records and batches take, what was refused and what was worked on twice."""
    found = {
        group: {
            "p99_ms": of_group.p99_ms(),
            "mean_ms": float(numpy.mean(of_group.records_ms or [0.0])),
            "longest_batch_s": max(of_group.batches_ms, default=0.0) / 1000,
            "commits_refused": len(work.refused),
            "worked_on_again": work.again,
        }
        for group, work, of_group in zip(GROUPS, works, taken, strict=True)
    }
    told = "p99 {p99_ms:.0f} ms, longest batch {longest_batch_s:.1f} s, {commits_refused} commits refused"
    parts = [f"{group}: {told.format(**figures)}" for group, figures in found.items()]
    return {**found, "finding": "; ".join(parts), "sentences": [f"In the group {part}." for part in parts]}


def slow_phase(run: "Run") -> tuple[int, int]:
    """When the first slow phase begins and ends (ns)."""
    every, lasts = parse_duration(run.settings["slow_every"]), parse_duration(run.settings["slow_lasts"])
    return every - lasts, every


def rise_per_s(run: "Run", group: str) -> float:
    """How fast the lag grows in the first slow phase, once the batches that began before it are done or given up."""
    begin, end = slow_phase(run)
    begin = min(begin + LIMIT_MS * MILLISECOND, end - SECOND)
    return (lag_at(run, group, end) - lag_at(run, group, begin)) * SECOND / (end - begin)


def claims(run: "Run") -> Mapping[str, bool]:
    """The product of the card holds for what is slow together, and only for that."""
    one, other, slow_ms = run.results["apart"], run.results["together"], run.settings["slow_ms"]
    (_, end), rate = slow_phase(run), parse_workload(run.settings["arrivals"]).mean_rate()
    high, high_again = (lag_at(run, "together", time) for time in (end, 2 * end))
    low = min(lag_at(run, "together", time) for time in range(end, 2 * end, SECOND))
    return {
        "both groups have the same 99th percentile, and the batch times it is above the poll interval": one["p99_ms"]
        == other["p99_ms"]
        == slow_ms
        > LIMIT_MS / BATCH,
        "slow one by one: no batch takes more than half the interval, nobody leaves": 0
        < one["longest_batch_s"]
        < LIMIT_MS / 2000
        and evictions(run, "apart") == one["worked_on_again"] == 0,
        "slow together: full batches are above the interval, members leave, work is done twice": other[
            "longest_batch_s"
        ]
        > LIMIT_MS / 1000
        and evictions(run, "together") > 0
        and other["worked_on_again"] > 0,
        "meanwhile the lag grows at half the pace of arrivals and more": rise_per_s(run, "together") > 0.5 * rate,
        "the lag is a saw-tooth: it falls in the good phase by a quarter and more, and rises again": low < 0.75 * high
        and high_again > 1.1 * low,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Batches of a fifth end in time, however slow their records are."""
    rate = parse_workload(run.settings["arrivals"]).mean_rate()
    return {
        "nobody leaves either group": evictions(run, "apart") == evictions(run, "together") == 0,
        "nothing is worked on twice": not any(run.results[group]["worked_on_again"] for group in GROUPS),
        "records are as slow as before": run.results["together"]["p99_ms"] == run.settings["slow_ms"],
        "in the slow phase the lag grows by a quarter of what comes at most": rise_per_s(run, "together") < rate / 4,
        "both groups have caught up in the end": run.verdict.ok,
    }


scenario = Scenario(
    name="oscillating-lag",
    summary="A batch times its p99 is the poll interval: a saw-tooth of lag, if they are slow together.",
    story=__doc__ or "",
    level="advanced",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 10},
    cured=cured,
)
