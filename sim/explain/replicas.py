"""Why replicas were missing from the ISR: their broker was gone, or it lived and could not keep up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sim.explain.chain import Chain, Link, Remedy
from sim.explain.leadership import departures
from sim.explain.looking import active_faults, topic_config
from sim.rules.facts.journal import BrokerUnfenced, IsrChanged
from sim.rules.topics import TopicPartition
from sim.world import faults
from sim.world.faults import Fault
from sim.world.faults.disk import DiskFault
from sim.world.faults.network import NetworkFault

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["under_replicated"]

KINDS: tuple[tuple[type[Fault], str], ...] = (
    (faults.NetworkPartition, "follower-cut-off"),
    (NetworkFault, "network-slow"),
    (DiskFault, "disk-slow"),
    (faults.CpuContention, "cpu-slow"),
    (faults.BrokerHang, "broker-hung"),
    (faults.StopTheWorldPause, "broker-hung"),
)


class Absence(NamedTuple):
    """From when to when (seconds) a broker's replica of a partition was not in sync."""

    partition: TopicPartition
    broker_id: int
    begin_s: float
    end_s: float


def under_replicated(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the broker that was missed the longest, or that was missed at a time."""
    found = [each for each in _absences(run) if at_s is None or each.begin_s <= at_s <= each.end_s]
    if not found:
        what = "Every replica was in sync all the time"
        return Chain("under-replicated", "none", (Link(0.0, what, "IsrChanged"),))
    worst = max(found, key=lambda each: each.end_s - each.begin_s)
    count = len({each.partition for each in found if each.broker_id == worst.broker_id})
    replicas = f"{count} replica{'s' * (count > 1)}"
    what = f"{replicas} of broker {worst.broker_id} were not in sync for up to {worst.end_s - worst.begin_s:.1f} s"
    cause, link, remedy = _reason(run, worst)
    first = Link(worst.begin_s, f"{what}, from {worst.begin_s:.1f} s on", "IsrChanged, UnderReplicatedPartitions")
    weight_s = worst.end_s - worst.begin_s
    return Chain("under-replicated", cause, (first, link), remedy, _longest_s, weight_s=weight_s)


def _longest_s(run: "Run") -> float:
    return max((each.end_s - each.begin_s for each in _absences(run)), default=0.0)


def _absences(run: "Run") -> Iterator[Absence]:
    for name, known in run.flight.cluster.controller.image.partitions.items():
        missing: dict[int, float] = {}
        for time, fact in run.facts:
            if isinstance(fact, IsrChanged) and fact.partition == name:
                for broker_id in known.replicas:
                    if broker_id not in fact.isr:
                        missing.setdefault(broker_id, time / 1e9)
                    elif broker_id in missing:
                        yield Absence(name, broker_id, missing.pop(broker_id), time / 1e9)
        for broker_id, begin_s in missing.items():
            yield Absence(name, broker_id, begin_s, run.simulated_s)


def _reason(run: "Run", absence: Absence) -> tuple[str, Link, Remedy | None]:
    """What was the matter with the broker when its replica left the ISR."""
    config, broker = run.flight.cluster.config, f"broker {absence.broker_id}"
    begin_s, lag_ms = absence.begin_s, config.replica_lag_time_max_ms
    waited_s = max(1.5 * lag_ms, config.broker_session_timeout_ms) / 1e3
    throttled = _throttled(run, absence)
    if throttled is not None and absence.end_s - _back_s(run, absence) > (absence.end_s - begin_s) / 2:
        return throttled
    for gone_s, broker_id, cause in departures(run):
        if broker_id == absence.broker_id and begin_s - waited_s <= gone_s <= begin_s + 1:
            told = {"broker-hung": "hung", "broker-cut-off": "was cut off"}.get(cause, "stopped")
            return cause, Link(gone_s, f"{broker} {told} at {gone_s:.1f} s", "BrokerStopped, BrokerFenced"), None
    slow = Remedy("broker.replica.lag.time.max.ms", lag_ms, 4 * lag_ms)
    for fault in active_faults(run, begin_s - waited_s, begin_s):
        cause = next((slug for kind, slug in KINDS if isinstance(fault, kind)), "")
        if cause and _strikes(run, fault, absence.broker_id):
            remedy = None if cause == "follower-cut-off" else slow
            return cause, Link(fault.begins / 1e9, str(fault), "FaultBegan"), remedy
    what = f"{broker} lived and did not catch up within replica.lag.time.max.ms of {lag_ms}"
    return "follower-slow", Link(begin_s, what, "IsrChanged"), slow


def _back_s(run: "Run", absence: Absence) -> float:
    """When the broker was there again, or all the time."""
    times = [
        time / 1e9
        for time, fact in run.facts
        if isinstance(fact, BrokerUnfenced) and fact.broker_id == absence.broker_id
    ]
    return max((time_s for time_s in times if time_s <= absence.end_s), default=absence.begin_s)


def _strikes(run: "Run", fault: Fault, broker_id: int) -> bool:
    if isinstance(fault, NetworkFault):
        return any(f"broker-{broker_id}" in side for side in fault.sides(run.flight))
    return getattr(fault, "broker", None) == broker_id


def _throttled(run: "Run", absence: Absence) -> tuple[str, Link, Remedy | None] | None:
    """A replica that moves, or comes back, and that a throttle makes slow to catch up."""
    config, topic = run.flight.cluster.config, topic_config(run, absence.partition.topic, absence.begin_s)
    for side in ("leader", "follower"):
        rate = getattr(config, f"{side}_replication_throttled_rate")
        if rate < 2**63 - 1 and getattr(topic, f"{side}_replication_throttled_replicas"):
            key = f"broker.{side}.replication.throttled.rate"
            what = f"a throttle of {rate:,} bytes/s held back what broker {absence.broker_id} had to copy"
            link = Link(absence.begin_s, what, f"{side}.replication.throttled.rate")
            return "replication-throttled", link, Remedy(key, rate, 10 * rate)
    return None
