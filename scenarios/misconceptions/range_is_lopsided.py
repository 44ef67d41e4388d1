"""60 partitions, 20 members, some with six and some with one: is it the RangeAssignor's fault?

Covers: partition.assignment.strategy, range and round robin. The misconception (preproom oc-g394) blames the
RangeAssignor for members with 5 or 6 partitions beside members with 1, on one topic of 60 partitions and 20 instances.
Its premise fails: range on one topic gives 3 to each. It deals out every topic on its own, so the remainders of several
topics fall to the same first members; that is how the same 60 partitions become lopsided.

Story: Two groups of 20 members, both with the RangeAssignor. One reads a topic of 60 partitions; the other reads six
topics that have 60 partitions together, one of 20 and five of 8.

Watch for: the group of one topic, in which all have the same; the group of six topics, in which eight members are first
in every topic.

Predict: How many partitions has the busiest and the idlest member of each group? What does
`--set partition.assignment.strategy=roundrobin` change, and what would 8 topics of 20 partitions do?
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

KNOBS = {"members": Knob(20, "members of each group", 1, 200)}
ONE = {"clicks": 60}
SEVERAL = {"orders": 20, "refunds": 8, "returns": 8, "reviews": 8, "signups": 8, "visits": 8}
GROUPS = {"one-topic": ONE, "several-topics": SEVERAL}


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    diaries = {group: [Diary() for _ in range(settings["members"])] for group in GROUPS}
    members = [
        AppSpec(
            f"{group}-{number:02}",
            reader(group, tuple(GROUPS[group]), 1, diary, partition_assignment_strategy="range"),
            group,
        )
        for group, own in diaries.items()
        for number, diary in enumerate(own, start=1)
    ]
    topics = ONE | SEVERAL
    return Plan(
        duration=10 * SECOND,
        cluster=ONE_BROKER,
        topics=tuple(Topic(name, partitions, 1) for name, partitions in topics.items()),
        apps=(AppSpec("source", source("clicks", Constant(10), 5 * SECOND), "source", finite=True), *members),
        groups=tuple(GroupSpec(group, tuple(read)) for group, read in GROUPS.items()),
        stages=(("source", "clicks"), *((topic, group) for group, read in GROUPS.items() for topic in read)),
        wrap_up=lambda complete: results(diaries) if complete else {},
    )


def results(diaries: Mapping[str, list[Diary]]) -> Mapping[str, object]:
    """How many partitions each member has in the end, most first."""
    owned = {group: sorted((diary.owned for diary in own), reverse=True) for group, own in diaries.items()}
    one, several = owned["one-topic"], owned["several-topics"]
    return {
        "owned": owned,
        "finding": f"{sum(one)} partitions of one topic: {spread(one)} for each member; "
        f"{sum(several)} of six topics: {spread(several)}",
        "sentences": [
            f"Of one topic with {sum(one)} partitions each member has {spread(one)}.",
            f"Of six topics with {sum(several)} partitions together each member has {spread(several)}.",
        ],
    }


def spread(owned: list[int]) -> str:
    """The fewest and the most partitions of a member, in words."""
    return f"{owned[0]}" if owned[0] == owned[-1] else f"{owned[-1]} to {owned[0]}"


def claims(run: Run) -> Mapping[str, bool]:
    """One topic is dealt out evenly; several are not."""
    one, several = run.results["owned"]["one-topic"], run.results["owned"]["several-topics"]
    first = sum(count == several[0] for count in several)
    return {
        "both groups share equally many partitions": sum(one) == sum(several),
        "range deals one topic out evenly": one[0] - one[-1] <= 1,
        "range gives the remainders of several topics to the same members": several[0] == len(SEVERAL),
        "those members are as many as a small topic has partitions": first == min(SEVERAL.values()),
        "all others have one partition": several[first:] == [1] * (len(several) - first),
    }


def cured(run: Run) -> Mapping[str, bool]:
    """Round robin deals out all topics together."""
    owned = run.results["owned"].values()
    return {"round robin deals out evenly, be it one topic or six": all(own[0] - own[-1] <= 1 for own in owned)}


scenario = Scenario(
    name="range-is-lopsided",
    summary="Range deals one topic out evenly; only the remainders of several topics meet at the same members.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"partition.assignment.strategy": "roundrobin"},
    cured=cured,
)
