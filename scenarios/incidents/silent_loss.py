"""Payments that were captured and are nowhere: what do acks=1 and impatience cost when a leader changes in the peak?

Covers: incident card oc-g384 (acks=1, linger 20 ms, low retries, short delivery.timeout.ms, a leader change in the
peak, 0.05 % of the records missing), acks, idempotence, min.insync.replicas, truncation, errors that nobody reads.

Story: A gateway sends payment-captured with acks=1 and linger.ms=20, one retry, and a delivery time-out of two
seconds. The peak slows replication to tens of milliseconds. In the peak a broker is shut down in good order, hands its
leaderships over, and comes back. (Rates are a hundredth of a real gateway's.)

Watch for: records that the old leader had acknowledged and no follower had fetched; they are cut off when it follows
the new one. No client sees an error. The producer's buffer is nearly empty all the time.

Predict: Is an orderly shutdown harmless with acks=1? If the broker is killed instead (`--set kill=true`), the producer
gives records up besides, and tells nobody but its callback: as few as 0.05 %? Which of the two losses does acks=all
prevent, and which a patient producer?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import parse_duration
from sim.rules.facts.journal import LogTruncated
from sim.scenario import Scenario
from sim.world.faults import BrokerCrash, BrokerShutdown, LatencySpike, TrafficBurst
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

TOPIC = "payment-captured"
KNOBS = {
    "arrivals": Knob("poisson:200", "how payments come, per second: poisson:200, constant:200, bursts:…, daily:…"),
    "duration": Knob("60s", "how long payments come"),
    "replication": Knob("20ms", "how much later messages between brokers come in the peak"),
    "kill": Knob(False, "whether the broker is killed instead of shut down"),
}
HASTY = {"acks": "1", "linger_ms": 20, "retries": 1, "delivery_timeout_ms": 2000, "request_timeout_ms": 1000}


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    sent, notes, duration = Sent(), Notes(), parse_duration(settings["duration"])
    gateway = source(TOPIC, parse_workload(settings["arrivals"]), UniformKeys(5000), duration, sent, **HASTY)
    kind = BrokerCrash if settings["kill"] else BrokerShutdown
    return Plan(
        duration=duration,
        topics=(Topic(TOPIC, 6, 3),),
        apps=(AppSpec("gateway", gateway, "gateway", finite=True), AppSpec("ledger", ledger(notes), "ledger")),
        groups=(GroupSpec("ledger", (TOPIC,)),),
        faults=(
            TrafficBurst(app="gateway", at="10s", lasts="10s", factor=2),
            LatencySpike(
                side=("broker-1",),
                other=("broker-2", "broker-3"),
                latency=settings["replication"],
                at="10s",
                lasts="10s",
            ),
            kind(broker=1, at="15s", lasts="10s"),
        ),
        stages=(("gateway", TOPIC), (TOPIC, "ledger")),
        wrap_up=lambda complete: results(sent, notes) if complete else {},
    )


@dataclass(slots=True)
class Notes:
    """How many payments the ledger has read; one consumer that never restarts reads none twice."""

    read: int = 0


def ledger(notes: Notes) -> Behaviour:
    """Reads what was captured, and counts."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("ledger", [TOPIC], auto_offset_reset="earliest")
        while True:
            notes.read += len((yield from consumer.poll()))

    return run


def results(sent: Sent, notes: Notes) -> Mapping[str, object]:
    """How many payments the gateway believes in and the ledger has not, and how many were given up besides."""
    believed = len(sent.acknowledged)
    missing = believed - notes.read
    told = f"{missing} of {believed:,} acknowledged payments are missing; {len(sent.given_up)} more were given up"
    return {
        "finding": told,
        "sent": len(sent.sent),
        "acknowledged": believed,
        "missing": missing,
        "given_up": len(sent.given_up),
        "missing_share": missing / believed if believed else 0.0,
        "least_free_bytes": sent.least_free_bytes,
        "sentences": [told + "."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """Some payments in ten thousand vanish, and the producer has seen no error."""
    cut_off = sum(fact.from_offset - fact.to_offset for _, fact in run.facts if isinstance(fact, LogTruncated))
    return {
        "acknowledged payments are missing: of the order of the card's 0.05 %, from a fifth to five times that": 0.0001
        < run.results["missing_share"]
        < 0.0025,
        "each of them was cut off the old leader's log when it followed the new one": 0
        < run.results["missing"]
        == len(run.verdict.lost)
        <= cut_off,
        "none was given up: patience and retries alone would not have saved one": run.results["given_up"] == 0,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With acks=all, two in sync, idempotence and patience nothing is missing."""
    return {
        "no acknowledged payment is missing": run.results["missing"] == 0,
        "none was given up": run.results["given_up"] == 0,
        "none is lost, doubled or out of order": run.verdict.ok,
    }


scenario = Scenario(
    name="silent-loss",
    summary="A leader changes in the peak: with acks=1 some acknowledged payments vanish without a word.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={
        "acks": "all",
        "topic.min.insync.replicas": 2,
        "enable.idempotence": "true",
        "retries": 2_147_483_647,
        "producer.request.timeout.ms": 30_000,
        "delivery.timeout.ms": 120_000,
    },
    cured=cured,
)
