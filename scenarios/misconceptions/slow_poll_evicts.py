"""500 records of 120 ms take 60 s, the session time-out is 30 s: does the group put the consumer out?

Covers: heartbeats in the background, session.timeout.ms, max.poll.interval.ms, max.poll.records. The misconception,
from an interview page (0hiring.com): "500 records x 120 ms = 60 s > session.timeout 30 s, so the consumer dies". Since
KIP-62 a thread of its own sends the heartbeats, whatever the application does; only max.poll.interval.ms, 300 s by
default, limits the time between two polls.

Story: Two groups read the same 1,500 records, 500 a poll and 120 ms of work for each, with a session of 30 s. They
differ in one setting: the patient one has the default of max.poll.interval.ms, the other has 50 s.

Watch for: the patient consumer, which is silent for a minute and stays; the other one, which comes back from its work
to find its partitions lost, reads the same records again, and gets nowhere.

Predict: Which of the two is put out? How many records does the other one read a second time? What does
`--set max.poll.records=100` change, and for whom?
"""

from collections.abc import Mapping

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
    "work_ms": Knob(120, "work for each record, in milliseconds", 1, 10_000),
    "impatience_ms": Knob(50_000, "max.poll.interval.ms of the impatient group", 1000, 1_000_000),
}
GROUPS = ("patient", "impatient")


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    diaries = {name: Diary() for name in GROUPS}
    limits = {"patient": {}, "impatient": {"max_poll_interval_ms": settings["impatience_ms"]}}
    readers = [
        reader(name, ["jobs"], settings["work_ms"], diaries[name], session_timeout_ms=30_000, **limits[name])
        for name in GROUPS
    ]
    return Plan(
        duration=200 * SECOND,
        drain=60 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("jobs", 1, 1),),
        apps=(
            AppSpec("source", source("jobs", Constant(750), 2 * SECOND), "source", finite=True),
            *(AppSpec(name, behaviour, name) for name, behaviour in zip(GROUPS, readers, strict=True)),
        ),
        groups=tuple(GroupSpec(name, ("jobs",)) for name in GROUPS),
        stages=(("source", "jobs"), *(("jobs", name) for name in GROUPS)),
        wrap_up=lambda complete: results(diaries, settings["work_ms"]) if complete else {},
    )


def results(diaries: Mapping[str, Diary], work_ms: int) -> Mapping[str, object]:
    """Evictions, and the longest time between two polls."""
    lost = {name: diary.evictions for name, diary in diaries.items()}
    most = max((count for diary in diaries.values() for _, count in diary.read), default=0)
    busiest_s = most * work_ms / 1000
    return {
        "evictions": lost,
        "longest_work_s": busiest_s,
        "finding": f"{busiest_s:g} s between polls: {lost['patient']} evictions with the default; "
        f"{lost['impatient']} with a shorter max.poll.interval.ms",
        "sentences": [
            f"Between two polls lay up to {busiest_s:g} s, and the session time-out was 30 s.",
            f"The patient consumer was put out {lost['patient']} times, the impatient one {lost['impatient']} times.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Silence past the session costs nothing; silence past the poll interval costs the membership."""
    lost, again = run.results["evictions"], run.verdict.redelivered
    return {
        "between two polls lay more than the session time-out": run.results["longest_work_s"] > 30,
        "nobody was put out for being longer at work than the session": lost["patient"] == again["patient"] == 0,
        "who was longer at work than max.poll.interval.ms was put out, again and again": lost["impatient"] > 1,
        "whoever was put out read the same records again": again["impatient"] > 0,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Fewer records a poll: both stay in."""
    return {
        "with fewer records a poll nobody was put out": sum(run.results["evictions"].values()) == 0,
        "each record was read once by each group": run.verdict.ok and sum(run.verdict.redelivered.values()) == 0,
    }


scenario = Scenario(
    name="slow-poll-evicts",
    summary="A minute between two polls, a session of 30 s: only max.poll.interval.ms puts a consumer out.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 100},
    cured=cured,
)
