"""Three replicas, two brokers down: producers and consumers tolerate N-1, do they not?

Covers: replication factor, acks=all, min.insync.replicas. The misconception (techgry): "with RF=N producers and
consumers tolerate N-1 brokers down". Consumers nearly do: one replica is enough to read what is below its high
watermark. A producer with acks=all needs min.insync.replicas of them; with 3 replicas and a minimum of 2 its writes
stop when the second is gone.

Story: A meter sends readings with acks=all to a topic of three replicas, min.insync.replicas=2. One broker is killed,
then a second. After that somebody who has read nothing yet reads the topic from its beginning.

Watch for: the first death, after which readings wait some seconds and are all acknowledged; the second, after which
none is; the late reader, who gets what was acknowledged from the broker that is left, all but the very last: below the
minimum the high watermark stands still (KIP-966), and the new leader had not heard yet how far it was.

Predict: How many readings are acknowledged in the end, and how many does the late reader get? How many replicas does
the topic need to outlive two brokers (`--set replicas=4`)?
"""

from collections.abc import Mapping
from typing import Any

from scenarios.misconceptions.parts import Ledger, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {"replicas": Knob(3, "replicas of the topic, and brokers", 3, 20)}
IN_FLIGHT = 5
FIRST_S, SECOND_S, LATE_S, END_S = 10, 30, 50, 60
PHASES = {"all brokers": (0, FIRST_S), "one down": (FIRST_S, SECOND_S), "two down": (SECOND_S, END_S)}


def late(got: list[int]) -> Behaviour:
    """Begins to read when two brokers are down."""

    def run(app: App) -> Steps:
        yield app.until(LATE_S * SECOND)
        consumer = app.consumer("late", ["readings"], auto_offset_reset="earliest")
        while True:
            got.append(len((yield from consumer.poll())))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    ledger, got, replicas = Ledger(), list[int](), settings["replicas"]
    limits: dict[str, Any] = {"acks": "all", "delivery_timeout_ms": 20_000, "request_timeout_ms": 10_000}
    readings = source("readings", Constant(20), END_S * SECOND, ledger=ledger, **limits)
    return Plan(
        duration=END_S * SECOND,
        drain=25 * SECOND,
        cluster=ClusterSpec(brokers=replicas),
        topics=(Topic("readings", 1, replicas, {"min.insync.replicas": 2}, replicas=(tuple(range(1, replicas + 1)),)),),
        apps=(AppSpec("meter", readings, "meter", finite=True), AppSpec("late", late(got), "late")),
        groups=(GroupSpec("late", ("readings",)),),
        faults=(BrokerCrash(broker=1, at=f"{FIRST_S}s"), BrokerCrash(broker=2, at=f"{SECOND_S}s")),
        stages=(("meter", "readings"), ("readings", "late")),
        wrap_up=lambda complete: results(ledger, sum(got)) if complete else {},
    )


def results(ledger: Ledger, read_late: int) -> Mapping[str, object]:
    """Of the readings sent while so many brokers were down, the share that was acknowledged."""
    shares = {name: ledger.share(since * SECOND, until * SECOND) for name, (since, until) in PHASES.items()}
    told = {name: f"{share:.0%}" for name, share in shares.items()}
    return {
        "acknowledged_share": shares,
        "acknowledged": len(ledger.acknowledged),
        "read_late": read_late,
        "finding": f"readings acknowledged: {told['one down']} with one broker down; {told['two down']} with two",
        "sentences": [
            f"Of the readings {told['all brokers']} were acknowledged before the first death, {told['one down']} with "
            f"one broker down and {told['two down']} with two.",
            f"The late reader got {read_late:,} of {len(ledger.acknowledged):,} acknowledged readings.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Reading outlives two of three brokers, writing only one."""
    shares = run.results["acknowledged_share"]
    return {
        "with one broker down every reading was acknowledged": shares["one down"] == shares["all brokers"] == 1,
        "with two down none was": shares["two down"] == 0,
        "the late reader got all that was acknowledged but the last": 0 <= unread(run) <= IN_FLIGHT,
        "nothing acknowledged was lost": not run.verdict.lost,
    }


def unread(run: Run) -> int:
    """How many acknowledged readings the late reader has not got."""
    missing: int = run.results["acknowledged"] - run.results["read_late"]
    return missing


def cured(run: Run) -> Mapping[str, bool]:
    """Four replicas less two are the minimum still."""
    return {
        "with a fourth replica every reading was acknowledged": set(run.results["acknowledged_share"].values()) == {1},
        "the late reader got all of them, and none was lost": run.verdict.ok and unread(run) == 0,
    }


scenario = Scenario(
    name="n-minus-one-writes",
    summary="Two of three brokers down: who reads goes on, who writes with acks=all and a minimum of 2 does not.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"replicas": 4},
    cured=cured,
)
