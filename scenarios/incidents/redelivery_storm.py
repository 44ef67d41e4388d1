"""A batch takes longer than the group allows between two polls: why does the group work hard and get nowhere?

Covers: incident card oc-g176 (fraud scoring, 16 partitions, 8 instances, process() 45 s, max.poll.interval 30 s, commit
after the batch), max.poll.interval.ms, eviction, refused commits, redelivery.

Story: Eight instances score payments. After a deployment a backlog waits for them, so each poll returns a full batch of
100 payments, and a batch takes 45 seconds. The group waits 30 seconds for the next poll; then each instance leaves it,
goes on scoring, and is refused when it commits. It joins again and is given the same payments.

Watch for: the commits, of which there are none; the rebalances, which never end; the scores, of which nearly all are
second and third ones; the processors, which are as busy as on the best of days. The trouble feeds itself: had there
been no backlog, batches would be small, and the group would never leave that happy state.

Predict: Does a restart help? Do twice as many instances? What is the largest max.poll.records that gets through, with
450 milliseconds a payment? Try `--set max.poll.records=66` and `=67`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scenarios.incidents.members import Work, commits, evictions, member, peak_lag, rebalances, source
from sim.machine.clock import SECOND, parse_duration
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

GROUP, TOPIC = "fraud-scoring", "payments"
KNOBS = {
    "arrivals": Knob("poisson:8", "how payments come, per second: poisson:8, constant:8, bursts:…, daily:…"),
    "duration": Knob("150s", "how long payments come"),
    "backlog": Knob(2400, "payments that wait at the start", 0, 100_000),
    "partitions": Knob(16, "partitions of the topic payments", 1, 1000),
    "instances": Knob(8, "members of the group", 1, 100),
    "score_ms": Knob(450, "milliseconds of work for each payment", 0, 60_000),
    "starts_at": Knob("5s", "when the instances start"),
}


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    work, duration, score_ms = Work(), parse_duration(settings["duration"]), settings["score_ms"]
    load = source([TOPIC], parse_workload(settings["arrivals"]), UniformKeys(5000), duration, settings["backlog"])
    scoring = member(
        GROUP,
        [TOPIC],
        lambda _, records: score_ms * len(records),
        work,
        parse_duration(settings["starts_at"]),
        max_poll_records=100,
        max_poll_interval_ms=30_000,
    )
    return Plan(
        duration=duration,
        drain=120 * SECOND,
        topics=(Topic(TOPIC, settings["partitions"], 3),),
        apps=(
            AppSpec("gateway", load, "gateway", finite=True),
            *(AppSpec(f"scorer-{number}", scoring, GROUP) for number in range(1, settings["instances"] + 1)),
        ),
        groups=(GroupSpec(GROUP, (TOPIC,)),),
        stages=(("gateway", TOPIC), (TOPIC, GROUP)),
        wrap_up=lambda complete: results(work) if complete else {},
    )


def results(work: Work) -> Mapping[str, object]:
    """How much was scored, how much of it for the first time, and how many commits were refused."""
    told = f"{len(work.done):,} scores for {work.different:,} payments; {len(work.refused)} commits refused"
    return {
        "finding": told,
        "scores": len(work.done),
        "payments_scored": work.different,
        "scored_again": work.again,
        "commits_refused": len(work.refused),
        "sentences": [f"{told}."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """No progress, endless rebalances, the same scores again."""
    found, instances = run.results, run.settings["instances"]
    settled, end = parse_duration(run.settings["starts_at"]) + 20 * SECOND, round(run.simulated_s * SECOND)
    times, lags = run.metrics.series("records-lag", group=GROUP)
    return {
        "the group commits nothing once its batches are full": commits(run, GROUP, settled, end) == 0,
        "every instance has left the group more than once": evictions(run, GROUP) >= 2 * instances,
        "the group rebalances again and again": rebalances(run, GROUP, settled) >= 4,
        "payments are scored twice on average and more": found["scores"] > 2 * found["payments_scored"],
        "the lag is highest at the end": lags[-1] >= 0.99 * max(lags) and times[-1] > 0,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Batches that fit into the interval are committed, and the backlog goes."""
    return {
        "no commit is refused": run.results["commits_refused"] == 0,
        "no payment is scored twice": run.results["scored_again"] == 0,
        "nobody leaves the group": evictions(run, GROUP) == 0,
        "the backlog is gone in the end": run.verdict.ok and peak_lag(run, GROUP, run.simulated_s) == 0,
    }


scenario = Scenario(
    name="redelivery-storm",
    summary="Batches of 45 seconds, a poll interval of 30: a busy group that commits nothing and rebalances for ever.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 50},
    cured=cured,
)
