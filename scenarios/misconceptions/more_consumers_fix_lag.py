"""The lag grows, so the autoscaler starts more consumers: does the lag shrink?

Covers: partitions as the limit of parallel work, idle members. The misconception: "scale the consumers to fix the lag"
(oc-g385: 8 to 30 pods on 8 partitions). A partition has one reader in a group; members beyond the number of partitions
have nothing to do.

Story: Fifty jobs a second come to 8 partitions, and each takes a worker 200 ms, so that 8 workers manage forty. The lag
grows. After half a minute 22 more workers join the group.

Watch for: the members without a partition; the rate of work, which is the same with 30 workers as with 8; the lag,
which goes on growing.

Predict: How many of 30 workers are idle? How fast does the lag grow before and after? What would it take
(`--set partitions=30`), and what would that do to the order of keys?
"""

from collections.abc import Mapping
from typing import Any

from scenarios.misconceptions.parts import ONE_BROKER, Diary, reader, source
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "partitions": Knob(8, "partitions of the topic jobs", 1, 1000),
    "workers": Knob(8, "workers that are there from the beginning", 1, 100),
    "more": Knob(22, "workers that the autoscaler starts", 0, 100),
    "work_ms": Knob(200, "work for each job, in milliseconds", 1, 10_000),
}
RATE, JOIN_S, END_S = 50, 30, 60
BEFORE, AFTER = (10, 28), (40, 58)


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    diaries = [Diary() for _ in range(settings["workers"] + settings["more"])]
    apps = [
        AppSpec(
            f"worker-{number:02}",
            reader(
                "workers",
                ["jobs"],
                settings["work_ms"],
                diary,
                joins_at=0 if number <= settings["workers"] else JOIN_S * SECOND,
                max_poll_records=5,
            ),
            "workers",
        )
        for number, diary in enumerate(diaries, start=1)
    ]
    spread: dict[str, Any] = {"batch_size": 100, "partitioner_adaptive_partitioning_enable": False}
    jobs = source("jobs", Constant(RATE), END_S * SECOND, **spread)
    return Plan(
        duration=END_S * SECOND,
        drain=1 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("jobs", settings["partitions"], 1),),
        apps=(AppSpec("source", jobs, "source", finite=True), *apps),
        groups=(GroupSpec("workers", ("jobs",)),),
        stages=(("source", "jobs"), ("jobs", "workers")),
        wrap_up=lambda complete: results(diaries) if complete else {},
    )


def rate(diaries: list[Diary], between_s: tuple[int, int]) -> float:
    """Jobs that all workers have taken, a second, between two times."""
    since, until = (second * SECOND for second in between_s)
    taken = sum(count for diary in diaries for time, count in diary.read if since <= time < until)
    return taken * SECOND / (until - since)


def results(diaries: list[Diary]) -> Mapping[str, object]:
    """Rates before and after, and how many workers have nothing to do in the end."""
    before, after = rate(diaries, BEFORE), rate(diaries, AFTER)
    idle = sum(diary.owned == 0 for diary in diaries)
    return {
        "jobs_per_s": {"before": before, "after": after},
        "workers": len(diaries),
        "idle": idle,
        "finding": f"{before:.0f} jobs/s before and {after:.0f} with {len(diaries)} workers; {idle} of them are idle",
        "sentences": [
            f"The workers took {before:.0f} jobs a second before the others joined, and {after:.0f} after it.",
            f"Of {len(diaries)} workers {idle} had no partition.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """More workers than partitions take no more jobs."""
    rates, knobs = run.results["jobs_per_s"], run.settings.values
    return {
        "every member beyond the number of partitions is idle": run.results["idle"]
        == run.results["workers"] - knobs["partitions"],
        "the group works no faster than before": abs(rates["after"] - rates["before"]) < 0.1 * rates["before"],
        "the lag goes on growing": lag(run, END_S) > lag(run, JOIN_S + 10) > lag(run, JOIN_S) > 0,
    }


def lag(run: Run, at_s: int) -> float:
    """The group's lag in records at a time."""
    times, values = run.metrics.series("records-lag", group="workers")
    return values[times.index(float(at_s))]


def cured(run: Run) -> Mapping[str, bool]:
    """As many partitions as workers."""
    rates = run.results["jobs_per_s"]
    return {
        "nobody is idle": run.results["idle"] == 0,
        "the group works faster than jobs come": rates["after"] > RATE > rates["before"],
        "the lag shrinks": lag(run, END_S) < lag(run, JOIN_S),
    }


scenario = Scenario(
    name="more-consumers-fix-lag",
    summary="30 consumers on 8 partitions read no faster than 8: partitions limit a group, not members.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"partitions": 30},
    cured=cured,
)
