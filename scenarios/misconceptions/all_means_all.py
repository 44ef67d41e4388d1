"""acks=all: is the record on all replicas when it is acknowledged?

Covers: acks=all, in-sync replicas, min.insync.replicas, unflushed writes. The misconception: "acks=all means all
replicas". It means all IN-SYNC replicas; when the leader is the only one left in the ISR, its page cache is all there
is. min.insync.replicas=2 is what refuses such a write; the default is 1.

Story: A shop sends orders with acks=all to a topic of three replicas with the default min.insync.replicas. Both
followers hang; the leader goes on alone. Then its machine loses power, and comes back when the followers do. In the end
an auditor reads all orders.

Watch for: the ISR, which shrinks to one; the orders that are acknowledged meanwhile; the log of the leader after the
power failure, which the followers must follow.

Predict: How many acknowledged orders are missing? What happens to the orders with `--set min.insync.replicas=2`, and
who leads after the power failure then?
"""

from collections.abc import Mapping

from scenarios.misconceptions.parts import Ledger, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.facts.journal import IsrChanged
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerHang, PowerFailure
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {"rate": Knob(20, "orders a second", 1, 10_000)}
ORDERS = TopicPartition("orders", 0)
LEADER, FOLLOWERS = 1, (2, 3)
HANG_S, POWER_S, BACK_S, END_S = 10, 30, 35, 60


def auditor(found: set[int]) -> Behaviour:
    """Reads all there is when all is over, without a group."""

    def run(app: App) -> Steps:
        yield app.until((END_S + 5) * SECOND)
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign([ORDERS])
        while orders := (yield from consumer.poll(5000)):
            found.update(int(order.value or b"") for order in orders)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    ledger, found, hang = Ledger(), set[int](), {"at": f"{HANG_S}s", "lasts": f"{BACK_S - HANG_S}s"}
    orders = source("orders", Constant(settings["rate"]), END_S * SECOND, ledger=ledger, acks="all")
    return Plan(
        duration=END_S * SECOND,
        drain=60 * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 1, 3, {"min.insync.replicas": 1}, replicas=((LEADER, *FOLLOWERS),)),),
        apps=(
            AppSpec("shop", orders, "shop", finite=True),
            AppSpec("auditor", auditor(found), "auditor", finite=True),
        ),
        faults=(
            *(BrokerHang(broker=broker, **hang) for broker in FOLLOWERS),
            PowerFailure(brokers=(LEADER,), at=f"{POWER_S}s", lasts=f"{BACK_S - POWER_S}s"),
        ),
        stages=(("shop", "orders"), ("orders", "auditor")),
        wrap_up=lambda complete: results(ledger, found) if complete else {},
    )


def results(ledger: Ledger, found: set[int]) -> Mapping[str, object]:
    """Orders that were acknowledged and are missing."""
    missing = [number for number in ledger.acknowledged if number not in found]
    alone = sum((HANG_S + 10) * SECOND < time < POWER_S * SECOND for time in ledger.acknowledged.values())
    return {
        "acknowledged": len(ledger.acknowledged),
        "acknowledged_alone": alone,
        "missing": len(missing),
        "finding": f"{len(missing):,} of {len(ledger.acknowledged):,} orders acknowledged with acks=all are missing",
        "sentences": [
            f"The leader acknowledged {alone:,} orders after it had been alone in the ISR for some time.",
            f"Of {len(ledger.acknowledged):,} acknowledged orders the auditor missed {len(missing):,}.",
        ],
    }


def isrs(run: Run) -> list[tuple[int, ...]]:
    """What the ISR of the orders was, change by change."""
    return [fact.isr for _, fact in run.facts if isinstance(fact, IsrChanged) and fact.partition == ORDERS]


def claims(run: Run) -> Mapping[str, bool]:
    """The leader alone acknowledges, and loses."""
    return {
        "the ISR shrank to the leader alone": (LEADER,) in isrs(run),
        "the leader alone acknowledged orders with acks=all": run.results["acknowledged_alone"] > 0,
        "a power failure of that one machine lost acknowledged orders": run.results["missing"] > 0,
        "the auditor missed those that the verdict calls lost": run.results["missing"] == len(run.verdict.lost),
    }


def cured(run: Run) -> Mapping[str, bool]:
    """No write without a second replica."""
    return {
        "the ISR shrank to the leader alone": (LEADER,) in isrs(run),
        "the leader alone acknowledged nothing": run.results["acknowledged_alone"] == 0,
        "no acknowledged order is missing": run.verdict.ok and run.results["missing"] == 0,
    }


scenario = Scenario(
    name="all-means-all",
    summary="acks=all waits for the in-sync replicas: when that is the leader alone, one machine loses records.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    level="intermediate",
    claims=claims,
    cure={"min.insync.replicas": 2},
    cured=cured,
)
