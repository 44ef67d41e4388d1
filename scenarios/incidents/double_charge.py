"""A pause of the garbage collector, and customers are charged twice: from which length on?

Covers: incident card oc-g115 (3 rebalances in 30 minutes, processing near max.poll.interval, 1.8 charges for an order,
GC pauses), max.poll.interval.ms, session.timeout.ms, eviction, refused commits.

Story: Billing takes a batch of orders, charges one after the other, and commits when all are charged, which takes 280
seconds of the 300 that max.poll.interval.ms allows. Three times in half an hour the collector of garbage stops all
pods at once. Four groups bill the same orders, and differ in nothing but the length of these pauses. All times are
scaled to a tenth: 28 of 30 seconds, sessions of 4.5 instead of 45, heartbeats of 0.3 instead of 3.

Watch for: the margin, two seconds (20 unscaled). A shorter pause costs nothing. A longer one makes the group wait in
vain: the partitions go, the pod ends its batch, its commit is refused, and somebody charges the whole batch again. Far
longer pauses do no more harm. Those above the session's time-out end the membership for another reason and alike.

Predict: The ratio of charges to orders for pauses of 1, 3 and 6 seconds: does it grow with the pause? What does half
the batch (`--set max.poll.records=7`) do to it? And a longer session alone (`--set session.timeout.ms=9000`)?
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.incidents.members import Work, member, source
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.journal import MemberRemoved
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run
    from sim.world.flight import Flight

__all__ = ["scenario"]

TOPIC, PODS, STARTS = "orders", (1, 2), 5 * SECOND
GROUPS = ("no-pauses", "short-pauses", "long-pauses", "very-long-pauses")
KNOBS = {
    "arrivals": Knob("constant:0.3", "how orders come, per second: constant:0.3, poisson:0.3, bursts:…, daily:…"),
    "duration": Knob("150s", "how long orders come"),
    "backlog": Knob(60, "orders that wait at the start", 0, 10_000),
    "charge_ms": Knob(2000, "milliseconds of work for each order", 1, 60_000),
    "short": Knob("1s", "the pauses of the second group"),
    "long": Knob("3s", "the pauses of the third group"),
    "very_long": Knob("6s", "the pauses of the fourth group"),
}
SCALED = {"group.min.session.timeout.ms": 600, "group.initial.rebalance.delay.ms": 300}
PAUSES_AT = ("20s", "75s", "130s")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPauses(Fault):
    """All pods of a group stop to collect garbage: heartbeats and all."""

    group: str

    @property
    def subject(self) -> str:
        """What breaks."""
        return self.group

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "stops to collect garbage"

    def begin(self, flight: "Flight") -> None:
        """Stop them."""
        for number in PODS:
            flight.cluster.apps[f"{self.group}-{number}"].pause()

    def end(self, flight: "Flight") -> None:
        """Let them go on."""
        for number in PODS:
            flight.cluster.apps[f"{self.group}-{number}"].resume()


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    works, duration = {group: Work() for group in GROUPS}, parse_duration(settings["duration"])
    charge_ms = settings["charge_ms"]
    load = source([TOPIC], parse_workload(settings["arrivals"]), UniformKeys(500), duration, settings["backlog"])
    pods = {
        group: member(
            group,
            [TOPIC],
            lambda _, records: charge_ms * len(records),
            work,
            STARTS,
            slice_ms=100,
            max_poll_records=14,
            max_poll_interval_ms=30_000,
            session_timeout_ms=4500,
            heartbeat_interval_ms=300,
        )
        for group, work in works.items()
    }
    lengths = dict(zip(GROUPS[1:], (settings["short"], settings["long"], settings["very_long"]), strict=True))
    return Plan(
        duration=duration,
        cluster=ClusterSpec(broker_config=SCALED),
        drain=150 * SECOND,
        topics=(Topic(TOPIC, 2, 3),),
        apps=(
            AppSpec("shop", load, "shop", finite=True),
            *(AppSpec(f"{group}-{number}", pod, group) for group, pod in pods.items() for number in PODS),
        ),
        groups=tuple(GroupSpec(group, (TOPIC,)) for group in GROUPS),
        faults=tuple(
            GroupPauses(group=group, at=at, lasts=length) for group, length in lengths.items() for at in PAUSES_AT
        ),
        stages=(("shop", TOPIC), *((TOPIC, group) for group in GROUPS)),
        wrap_up=lambda complete: results(works) if complete else {},
    )


def results(works: Mapping[str, Work]) -> Mapping[str, object]:
    """How many charges each group has made for an order."""
    ratios = {group: len(work.done) / work.different if work.different else 0.0 for group, work in works.items()}
    told = "; ".join(f"{group} {ratio:.2f}" for group, ratio in ratios.items())
    return {
        "finding": f"Charges for an order: {told}",
        "charges_per_order": ratios,
        "charged_again": {group: work.again for group, work in works.items()},
        "commits_refused": {group: len(work.refused) for group, work in works.items()},
        "sentences": [f"Charges for an order: {told}."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """A step, not a slope."""
    none, short, long, very_long = (run.results["charges_per_order"][group] for group in GROUPS)
    refused, pauses = run.results["commits_refused"], len(PAUSES_AT)
    return {
        "without pauses, and with pauses within the margin, nobody is charged twice": none == short == 1,
        "with pauses above the margin there are 1.6 to 2 charges for an order": 1.6 <= long <= 2,
        "pauses of twice that length charge hardly more: a step, not a slope": very_long < 1.15 * long,
        "above the margin members leave by themselves, above the session's time-out it runs out": {
            *reasons(run, GROUPS[2])
        }
        == {"left"}
        and {*reasons(run, GROUPS[3])} == {"session timed out"},
        "each pause above the margin has commits refused, of one pod or of both": all(
            pauses <= refused[group] <= pauses * len(PODS) for group in GROUPS[2:]
        ),
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """A batch of half the length leaves room for a pause, a longer session hides it."""
    return {
        "nobody leaves and nobody is removed": not any(reasons(run, group) for group in GROUPS),
        "no commit is refused": not any(run.results["commits_refused"].values()),
        "each order is charged once, whatever the pauses": {*run.results["charges_per_order"].values()} == {1},
        "all orders are charged": run.verdict.ok,
    }


def reasons(run: "Run", group: str) -> list[str]:
    """Why members are no longer in the group."""
    return [fact.reason for _, fact in run.facts if isinstance(fact, MemberRemoved) and fact.group_id == group]


scenario = Scenario(
    name="double-charge",
    summary="Batches as long as the poll interval almost allows: a pause above the margin charges all of them again.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 7, "session.timeout.ms": 9000},
    cured=cured,
)
