"""max.poll.interval.ms is shorter than session.timeout.ms: does the group rebalance all the time?

Covers: what each of the two limits watches. The misconception, from a quiz (leyaa.ai): "max.poll.interval.ms below
session.timeout.ms causes frequent rebalances". Which of the two is longer does not matter: they watch different things,
the application's polls and the process's heartbeats. Rebalances come from work that takes longer than
max.poll.interval.ms.

Story: Four consumers, each the only one of its group, read the same records, ten a poll. Two have the interval below
the session (20 s and 45 s), two above it (20 s and 10 s). In both pairs one works 1 s and the other 2.5 s for each
record.

Watch for: the two that work fast, which join once, whichever limit is longer; the two that work slowly, which leave and
join again and again, whichever limit is longer.

Predict: Which of the four rebalance? Which of the three settings would you change for them? What does
`--set max.poll.records=5` do?
"""

from collections.abc import Mapping
from itertools import product

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
    "interval_ms": Knob(20_000, "max.poll.interval.ms of all four", 1000, 1_000_000),
    "fast_ms": Knob(1000, "the fast one's work for each record, in milliseconds", 1, 100_000),
    "slow_ms": Knob(2500, "the slow one's work for each record, in milliseconds", 1, 100_000),
}
SESSIONS_MS = {"below": 45_000, "above": 10_000}
GROUPS = tuple(f"{where}-{pace}" for where, pace in product(SESSIONS_MS, ("fast", "slow")))


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    diaries = {name: Diary() for name in GROUPS}

    def member(name: str) -> AppSpec:
        where, _, pace = name.partition("-")
        limits = {
            "session_timeout_ms": SESSIONS_MS[where],
            "max_poll_interval_ms": settings["interval_ms"],
            "max_poll_records": 10,
        }
        return AppSpec(name, reader(name, ["jobs"], settings[f"{pace}_ms"], diaries[name], **limits), name)

    return Plan(
        duration=240 * SECOND,
        drain=1 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("jobs", 1, 1),),
        apps=(
            AppSpec("source", source("jobs", Constant(40), 2 * SECOND), "source", finite=True),
            *(member(name) for name in GROUPS),
        ),
        groups=tuple(GroupSpec(name, ("jobs",)) for name in GROUPS),
        stages=(("source", "jobs"), *(("jobs", name) for name in GROUPS)),
        wrap_up=lambda complete: results(diaries) if complete else {},
    )


def results(diaries: Mapping[str, Diary]) -> Mapping[str, object]:
    """How often each has joined and been put out."""
    joins = {name: diary.joins for name, diary in diaries.items()}
    told = {where: f"{joins[f'{where}-fast']} and {joins[f'{where}-slow']}" for where in SESSIONS_MS}
    return {
        "joins": joins,
        "evictions": {name: diary.evictions for name, diary in diaries.items()},
        "finding": f"joins of fast and slow: {told['below']} with the interval below the session; "
        f"{told['above']} above it",
        "sentences": [
            f"With the interval {where} the session the fast and the slow one joined {joined} times."
            for where, joined in told.items()
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """The pace decides, and not which limit is longer."""
    joins, evictions = run.results["joins"], run.results["evictions"]
    return {
        "an interval below the session makes nobody rebalance": joins["below-fast"] == joins["above-fast"] == 1,
        "work that takes longer than the interval does": min(joins["below-slow"], joins["above-slow"]) > 2,
        "and equally often, be the session longer or shorter": joins["below-slow"] == joins["above-slow"],
        "only the slow ones were put out": {name for name, times in evictions.items() if times}
        == {name for name in GROUPS if name.endswith("slow")},
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Fewer records a poll: nobody works longer than the interval."""
    return {
        "with fewer records a poll all four joined once": set(run.results["joins"].values()) == {1},
        "nobody was put out": not any(run.results["evictions"].values()),
    }


scenario = Scenario(
    name="poll-below-session",
    summary="max.poll.interval.ms below session.timeout.ms: not that makes a group rebalance, but slow work.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 5},
    cured=cured,
)
