"""From three in sync to one: when do producers notice, and what if the last one dies?

Covers: incident card adhdecode (ISR [0,1,2] -> [0], factor 3 on 5 brokers), replica.lag.time.max.ms,
min.insync.replicas, NOT_ENOUGH_REPLICAS, eligible leader replicas, an offline partition.

Story: A topic with one partition has three replicas on five brokers, acks=all, and min.insync.replicas as Kafka has it:
1. The disks of both followers stall, while their processes still send heartbeats. Replication stops, the leader (broker
1 here, 0 in the card) takes them out of the ISR, and later it is killed.

Watch for: the silence before the ISR shrinks, in which acks=all waits for replicas that do not come; the apparent
recovery, when all replicas in sync are one; the death of the leader, after which nobody may lead.

Predict: When does the ISR shrink: replica.lag.time.max.ms (30 s) after the stall, or later? With
`--set min.insync.replicas=2`, when do producers see NOT_ENOUGH_REPLICAS first, and who leads after the leader's death?
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App
from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchRetried, IsrChanged, LeaderElected
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, DiskStalled
from sim.world.keys import NoKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

ORDERS = TopicPartition("orders", 0)
LEADER, FOLLOWERS = 1, (2, 3)
KNOBS = {
    "arrivals": Knob("poisson:40", "how orders come, per second: poisson:40, constant:40, bursts:…, daily:…"),
    "duration": Knob("150s", "how long orders come"),
    "stall_at": Knob("10s", "when the followers' disks stall"),
    "stall": Knob("80s", "for how long"),
    "kill_at": Knob("85s", "when the leader is killed"),
    "back_after": Knob("40s", "how long until its process is started again"),
}


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    sent, duration = Sent(), parse_duration(settings["duration"])
    shop = source("orders", parse_workload(settings["arrivals"]), NoKeys(), duration, sent, acks="all")
    return Plan(
        duration=duration,
        cluster=ClusterSpec(brokers=5, racks=5),
        topics=(Topic("orders", 1, 3, replicas=((LEADER, *FOLLOWERS),)),),
        apps=(AppSpec("shop", shop, "shop", finite=True), AppSpec("packing", packing, "packing")),
        groups=(GroupSpec("packing", ("orders",)),),
        faults=(
            *(DiskStalled(broker=broker, at=settings["stall_at"], lasts=settings["stall"]) for broker in FOLLOWERS),
            BrokerCrash(broker=LEADER, at=settings["kill_at"], lasts=settings["back_after"]),
        ),
        stages=(("shop", "orders"), ("orders", "packing")),
        wrap_up=lambda complete: results(sent) if complete else {},
    )


def packing(app: App) -> Generator[Event, Any, None]:
    """Reads the orders."""
    consumer = app.consumer("packing", ["orders"], auto_offset_reset="earliest")
    while True:
        yield from consumer.poll()


def results(sent: Sent) -> Mapping[str, object]:
    """The times without any acknowledgement that are longer than a second."""
    silences = sent.silences()
    told = "; ".join(f"none for {length_s:.1f} s from {since_s:.1f} s on" for length_s, since_s in silences)
    return {
        "finding": f"Acknowledgements: {told}",
        "acknowledged": len(sent.acknowledged),
        "given_up": len(sent.given_up),
        "silences_s": silences,
        "sentences": [f"Acknowledgements: {told}."],
    }


def shrunk_s(run: "Run") -> float:
    """When the ISR became the leader alone."""
    changes = [(time, fact) for time, fact in run.facts if isinstance(fact, IsrChanged) and fact.partition == ORDERS]
    return next(time / SECOND for time, fact in changes if fact.isr == (LEADER,))


def acknowledged_between(run: "Run", since_s: float, until_s: float) -> list[float]:
    """The seconds, of those that lie within, in which anything was acknowledged."""
    times, _ = run.metrics.series("produce-latency-ms", quantile="p50")
    return [time_s for time_s in times if since_s + 2 <= time_s <= until_s]


def leaders(run: "Run") -> list[tuple[float, int]]:
    """Who leads the partition after the first leader, each with the time in seconds; -1 is nobody."""
    elected = ((time, fact) for time, fact in run.facts if isinstance(fact, LeaderElected))
    return [(time / SECOND, fact.leader) for time, fact in elected if fact.partition == ORDERS and time]


def shrinks_in_time(run: "Run") -> bool:
    """Looked at every half replica.lag.time.max.ms, a replica is out after once to one and a half times that."""
    limit_s = run.flight.cluster.config.replica_lag_time_max_ms / 1000
    after_s = shrunk_s(run) - parse_duration(run.settings["stall_at"]) / SECOND
    return limit_s <= after_s <= 1.5 * limit_s + 1


def claims(run: "Run") -> Mapping[str, bool]:
    """One in sync is all in sync: acknowledged, and then offline."""
    stall_s = parse_duration(run.settings["stall_at"]) / SECOND
    kill_s, back_s = (parse_duration(run.settings[knob]) / SECOND for knob in ("kill_at", "back_after"))
    shrunk, elected = shrunk_s(run), leaders(run)
    return {
        "the ISR shrinks once to one and a half times replica.lag.time.max.ms after the stall": shrinks_in_time(run),
        "nothing is acknowledged before that: acks=all waits for all in sync": not acknowledged_between(
            run, stall_s, shrunk - 1
        ),
        "then one replica alone acknowledges all, until it dies": len(acknowledged_between(run, shrunk, kill_s))
        > 0.9 * (kill_s - shrunk - 2),
        "after its death nobody leads until it is back, though both followers are well again": [
            leader for _, leader in elected
        ]
        == [-1, LEADER]
        and elected[1][0] > kill_s + back_s,
        "nothing is lost, as its disk has come back": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With two that must be in sync the producers wait, and a follower takes over without loss."""
    kill_s, back_s = (parse_duration(run.settings[knob]) / SECOND for knob in ("kill_at", "back_after"))
    retried = [(time / SECOND, fact.error) for time, fact in run.facts if isinstance(fact, BatchRetried)]
    refused = [time_s for time_s, error in retried if error is ErrorCode.NOT_ENOUGH_REPLICAS]
    shrunk, elected = shrunk_s(run), leaders(run)
    return {
        "nothing is acknowledged while only one is in sync": not acknowledged_between(run, shrunk, kill_s),
        "NOT_ENOUGH_REPLICAS comes after the ISR has shrunk, once older requests have timed out": bool(refused)
        and shrunk < refused[0] < shrunk + 30 + 5,
        "a follower leads while the old leader is still away": elected[0][1] in FOLLOWERS
        and elected[0][0] < kill_s + back_s,
        "the partition is never offline and nothing is lost": all(leader >= 0 for _, leader in elected)
        and run.verdict.ok,
    }


scenario = Scenario(
    name="shrunken-isr",
    summary="Two followers stall, the ISR shrinks to its leader, the leader dies: who leads, and what is acknowledged?",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"min.insync.replicas": 2},
    cured=cured,
)
