"""The autoscaler adds 22 pods to a group of eight, and the lag does not care: why?

Covers: incident card oc-g385 (8 partitions, 8 to 30 pods, volume times three, lag 1.2 million), partitions as the limit
of parallel work, idle members, lag, misconception "scale consumers to fix lag".

Story: Eight pods read a topic with eight partitions, one partition each. The volume grows to three times what it was,
more than eight pods can do. The lag grows, the autoscaler sees it and starts 22 pods more. Rates are scaled down: a pod
works 12.5 records a second, 50 come each second and then 150.

Watch for: throughput before and after the new pods; who owns a partition afterwards; the pause of the rebalance, which
is all that the 22 pods have brought.

Predict: How many records a second do 30 pods work? What would nine pods have done? And 30 pods on as many partitions
(`--set partitions=30`), or on 16?
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scenarios.incidents.members import Work, lag_at, member, peak_lag, source
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.journal import PartitionsAssigned
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

GROUP, TOPIC = "enrichment", "events"
SETTLES = 8 * SECOND
KNOBS = {
    "arrivals": Knob("bursts:50,150,60s,45s", "how records come, per second: bursts:…, poisson:150, constant:150"),
    "duration": Knob("60s", "how long records come"),
    "partitions": Knob(8, "partitions of the topic", 1, 1000),
    "pods": Knob(8, "members from the start", 1, 100),
    "pods_after": Knob(30, "members after the autoscaler has acted", 1, 200),
    "scale_at": Knob("32s", "when the autoscaler acts"),
    "work_ms": Knob(80, "milliseconds of work for each record", 1, 60_000),
}


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    work, duration, work_ms = Work(), parse_duration(settings["duration"]), settings["work_ms"]
    scale_at, first = parse_duration(settings["scale_at"]), settings["pods"]
    load = source([TOPIC], parse_workload(settings["arrivals"]), UniformKeys(20_000), duration)
    pods = [
        member(
            GROUP,
            [TOPIC],
            lambda _, records: work_ms * len(records),
            work,
            0 if number <= first else scale_at,
            max_poll_records=20,
        )
        for number in range(1, max(first, settings["pods_after"]) + 1)
    ]
    return Plan(
        duration=duration,
        drain=40 * SECOND,
        topics=(Topic(TOPIC, settings["partitions"], 3),),
        apps=(
            AppSpec("source", load, "source", finite=True),
            *(AppSpec(f"pod-{number}", pod, GROUP) for number, pod in enumerate(pods, start=1)),
        ),
        groups=(GroupSpec(GROUP, (TOPIC,)),),
        stages=(("source", TOPIC), (TOPIC, GROUP)),
        wrap_up=lambda complete: results(work, scale_at, duration) if complete else {},
    )


def results(work: Work, scale_at: int, duration: int) -> Mapping[str, object]:
    """Records worked on each second, before the new pods and after the rebalance that they cause."""
    before = rate(work, scale_at - SETTLES, scale_at)
    after = rate(work, scale_at + SETTLES, duration)
    told = f"{before:.0f} records/s before the new pods, {after:.0f} after"
    return {"finding": told, "before_per_s": before, "after_per_s": after, "sentences": [f"{told}."]}


def rate(work: Work, begin: int, end: int) -> float:
    """Records worked on each second between two times (ns), 0 if no time is between them."""
    return sum(begin <= time < end for time, *_ in work.done) * SECOND / (end - begin) if end > begin else 0.0


def idle(run: "Run") -> int:
    """How many members own no partition in the end."""
    owned = {fact.client_id: fact.partitions for _, fact in run.facts if isinstance(fact, PartitionsAssigned)}
    members: int = max(run.settings["pods"], run.settings["pods_after"])
    return members - sum(bool(partitions) for partitions in owned.values())


def growth(run: "Run") -> float:
    """How much larger the lag is at the end of the load than when the autoscaler acted."""
    begin, end = (lag_at(run, GROUP, parse_duration(run.settings[knob])) for knob in ("scale_at", "duration"))
    return end - begin


def claims(run: "Run") -> Mapping[str, bool]:
    """No partition, no work."""
    before, after = run.results["before_per_s"], run.results["after_per_s"]
    most = run.settings["partitions"] * 1000 / run.settings["work_ms"]
    return {
        "22 of the 30 pods own no partition": idle(run) == 22,
        "throughput is the same as before, to a twentieth": abs(after - before) < 0.05 * before,
        "it is what one pod for each partition can do, to a tenth": 0.9 * most < after <= most * 1.01,
        "the lag grows on after the pods were added": growth(run) > 0,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """As many partitions as pods let all of them work."""
    return {
        "no pod is idle": idle(run) == 0,
        "throughput is a third higher than before, and more": run.results["after_per_s"]
        > 4 / 3 * run.results["before_per_s"],
        "the lag falls once the pods are there": growth(run) < 0,
        "the group has caught up in the end": run.verdict.ok and peak_lag(run, GROUP, run.simulated_s) == 0,
    }


scenario = Scenario(
    name="idle-pods",
    summary="Eight partitions and 30 pods: 22 of them have nothing to do, and the lag grows on.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"partitions": 30},
    cured=cured,
)
