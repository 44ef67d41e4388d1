"""Three replicas tolerate two failures: what is it that they tolerate?

Covers: replication factor, min.insync.replicas, what availability costs in copies. The misconception (a field guide):
"RF=3 tolerates 2 broker failures". It depends on min.insync.replicas: with acks=all writes tolerate the replicas less
the minimum, so none, one or two failures. Who tolerates two writes to one machine only.

Story: Three topics with three replicas each differ in min.insync.replicas: 1, 2 and 3. A writer sends to each with
acks=all. One broker is killed, then a second.

Watch for: the topic that stops at the first death, and the one that stops at the second; the one that does not stop,
and how many machines have what it acknowledged last.

Predict: Which writers are stopped by which death? Which of the three would you choose for payments? Does
`--set acks=1` make a difference?
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from scenarios.misconceptions.parts import Ledger, source
from sim.machine.clock import SECOND
from sim.rules.facts.journal import IsrChanged
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {"rate": Knob(10, "records that each writer sends, a second", 1, 10_000)}
REPLICAS = 3
TOPICS = {f"minimum-{minimum}": minimum for minimum in range(1, REPLICAS + 1)}
DEATHS_S, END_S = (10, 30), 50


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    ledgers = {name: Ledger() for name in TOPICS}
    limits: dict[str, Any] = {"acks": "all", "delivery_timeout_ms": 20_000, "request_timeout_ms": 10_000}
    writers = {
        name: source(name, Constant(settings["rate"]), END_S * SECOND, ledger=ledger, **limits)
        for name, ledger in ledgers.items()
    }
    return Plan(
        duration=END_S * SECOND,
        drain=25 * SECOND,
        cluster=ClusterSpec(brokers=REPLICAS, group_topics=False),
        topics=tuple(
            Topic(name, 1, REPLICAS, {"min.insync.replicas": minimum}, replicas=((1, 2, 3),))
            for name, minimum in TOPICS.items()
        ),
        apps=tuple(AppSpec(f"to-{name}", writer, f"to-{name}", finite=True) for name, writer in writers.items()),
        faults=tuple(BrokerCrash(broker=broker, at=f"{at}s") for broker, at in enumerate(DEATHS_S, start=1)),
        stages=tuple((f"to-{name}", name) for name in TOPICS),
        wrap_up=lambda complete: results(ledgers) if complete else {},
    )


def results(ledgers: Mapping[str, Ledger]) -> Mapping[str, object]:
    """The share acknowledged while no broker, one and two were down, by topic, and how many deaths it outlived."""
    edges = [0, *DEATHS_S, END_S]
    shares = {
        name: [ledger.share(since * SECOND, until * SECOND) for since, until in pairwise(edges)]
        for name, ledger in ledgers.items()
    }
    outlived = {name: sum(share == 1 for share in row[1:]) for name, row in shares.items()}
    return {
        "acknowledged_share": shares,
        "failures_outlived": outlived,
        "finding": "; ".join(f"min.insync.replicas={TOPICS[name]} outlives {n}" for name, n in outlived.items()),
        "sentences": [
            f"With min.insync.replicas={TOPICS[name]} writes outlived {deaths} of {len(DEATHS_S)} deaths."
            for name, deaths in outlived.items()
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Failures tolerated are replicas less the minimum."""
    outlived, shares = run.results["failures_outlived"], run.results["acknowledged_share"]
    last = {fact.partition.topic: fact.isr for _, fact in run.facts if isinstance(fact, IsrChanged)}
    return {
        "writes outlive as many deaths as there are replicas beyond the minimum": outlived
        == {name: REPLICAS - minimum for name, minimum in TOPICS.items()},
        "the writers that are stopped get nothing acknowledged": shares["minimum-2"][2] == shares["minimum-3"][1] == 0,
        "what outlives two deaths is written to one machine": len(last["minimum-1"]) == 1,
        "nothing acknowledged was lost by two deaths": not run.verdict.lost,
    }


scenario = Scenario(
    name="two-failures-tolerated",
    summary="Three replicas outlive none, one or two failures: the replicas less min.insync.replicas.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
