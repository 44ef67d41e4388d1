"""A broker is lost at the peak: when others lead and what that costs; and it comes back: how long it catches up.

In a slice of three brokers in three racks a broker is a rack.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy

from sim.machine.clock import MILLISECOND, SECOND
from sim.observe.witness import Witness
from sim.plan.candidates import SPACE_USED, Candidate
from sim.plan.devices import DeviceLoads, Shares
from sim.plan.formulas import catch_up_s, drain_s
from sim.plan.slices import LOST, Slice
from sim.rules.facts.journal import BrokerFenced, LeaderElected, RecordsAcknowledged
from sim.run import no_garbage_collection
from sim.world.faults import BrokerCrash
from sim.world.faults.broker import when_in_sync
from sim.world.flight import Flight

__all__ = ["Failover", "Return", "copying_s", "fly_failover", "fly_return", "return_s"]

CRASH_S = 2
CALM_S, PATIENCE_S = 3, 60
"""A flight ends when acknowledgements have been as quick as required for so long, or after so long at the latest."""

BACK_S, MOST_S = 14, 90


@dataclass(frozen=True, slots=True)
class Failover:
    """What the loss of a broker has cost in one flight: seconds, milliseconds, shares, and records that are gone.

    `outage_s` is from the crash until the last partition has a leader, `recovered_s` until acknowledgements are as
    quick as required again, None if they were not in this flight; by the formula it would be `formula_s`. `worst_ms` is
    the longest of all. In the last seconds `sent` of what was offered was acknowledged, with `publish_p99_ms`.
    """

    detected_s: float
    outage_s: float
    recovered_s: float | None
    formula_s: float
    worst_ms: float
    sent: float
    publish_p99_ms: float
    shares_before: Shares
    shares: Shares
    lost: int


@dataclass(frozen=True, slots=True)
class Return:
    """A broker that has missed `missed_s` of records is in sync `catch_up_s` after its start, or None.

    By the formula it would be after `formula_s`. Shares are those of the busiest broker meanwhile.
    """

    missed_s: float
    catch_up_s: float | None
    formula_s: float
    shares: Shares


class Seen:
    """Times of what happens in a flight, in nanoseconds, and every acknowledgement's records with their latency."""

    def __init__(self, flight: Flight) -> None:
        self.fenced = self.elected = 0
        self._acknowledged: list[tuple[int, numpy.ndarray[Any, Any]]] = []
        facts = flight.machine.facts
        facts.listen(BrokerFenced, self._fenced)
        facts.listen(LeaderElected, self._elected)
        facts.listen(RecordsAcknowledged, self._note)

    def latencies_ms(self, begin_s: float, end_s: float) -> "numpy.ndarray[Any, Any]":
        """Of all records that were acknowledged between two times."""
        begin, end = begin_s * SECOND, end_s * SECOND
        found = [latencies for time, latencies in self._acknowledged if begin <= time < end]
        return numpy.concatenate(found) / MILLISECOND if found else numpy.zeros(0)

    def _fenced(self, time: int, fact: BrokerFenced) -> None:
        if fact.broker_id == LOST:
            self.fenced = time

    def _elected(self, time: int, _: LeaderElected) -> None:
        self.elected = time

    def _note(self, time: int, fact: RecordsAcknowledged) -> None:
        self._acknowledged.append((time, time - numpy.asarray(fact.columns.sent_at, dtype=numpy.int64)))


def fly_failover(slice_: Slice, seed: int) -> Failover:
    """Fly a slice that loses a broker for good."""
    asked = slice_.candidate.requirement
    load = replace(slice_.load(), until=PATIENCE_S * SECOND)
    crash = BrokerCrash(broker=LOST, at=f"{CRASH_S}s")
    flight = Flight(replace(slice_.plan(load), faults=(crash,)), seed)
    seen, devices, witness = Seen(flight), DeviceLoads(flight), Witness(flight)
    calm_s = end_s = 0
    with no_garbage_collection():
        for now in flight.fly(load.until):
            devices.sample()
            end_s = now // SECOND
            calm_s = calm_s + 1 if _is_calm(seen, end_s, asked.p99) else 0
            if calm_s == CALM_S:
                break
    latencies = seen.latencies_ms(end_s - CALM_S, end_s)
    outage_s = seen.elected / SECOND - CRASH_S
    return Failover(
        detected_s=seen.fenced / SECOND - CRASH_S,
        outage_s=outage_s,
        recovered_s=_calm_since_s(seen, end_s - calm_s, asked.p99) - CRASH_S if calm_s else None,
        formula_s=outage_s + backlog_s(slice_.candidate, outage_s),
        worst_ms=float(seen.latencies_ms(0, end_s).max(initial=0.0)),
        sent=len(latencies) / (slice_.records_per_s * CALM_S),
        publish_p99_ms=float(numpy.percentile(latencies, 99)) if len(latencies) else float("inf"),
        shares_before=devices.of(1, CRASH_S),
        shares=devices.of(outage_s + CRASH_S, end_s),
        lost=len(witness.verdict().lost),
    )


def backlog_s(candidate: Candidate, outage_s: float) -> float:
    """How long producers send what has waited: what the planned peak leaves of the busiest device is there for it.

    Everything waits: with acks=all a request for a partition that has a replica on what is lost is not answered before
    that is out of the ISR, and a broker answers the requests of a connection in order.
    """
    return drain_s(1, outage_s, 1 / max(candidate.shares_after_loss.values()))


def _is_calm(seen: Seen, end_s: float, limit_s: float) -> bool:
    """Whether there are leaders, and the second that is over had a 99th percentile that is allowed."""
    latencies = seen.latencies_ms(end_s - 1, end_s)
    return bool(seen.elected and len(latencies) and numpy.percentile(latencies, 99) <= limit_s * 1000)


def _calm_since_s(seen: Seen, begin_s: int, limit_s: float) -> float:
    """When the calm began that was there from a whole second on: to a tenth, each of which begins a calm second."""
    tenths = 10 * begin_s
    while tenths > 10 * CRASH_S and _is_calm(seen, (tenths - 1) / 10 + 1, limit_s):
        tenths -= 1
    return tenths / 10


def fly_return(slice_: Slice, seed: int) -> Return:
    """Fly a slice whose lost broker is started again, until all replicas are in sync.

    Its page cache is full of what is still to be written, as it is after minutes of catching up: its disk counts.
    """
    load = replace(slice_.load(), until=MOST_S * SECOND)
    crash = BrokerCrash(broker=LOST, at=f"{CRASH_S}s", lasts=f"{BACK_S - CRASH_S}s")
    flight = Flight(replace(slice_.plan(load), faults=(crash,)), seed)
    devices = DeviceLoads(flight)
    in_sync: list[int] = []
    missed: list[int] = []

    def back() -> None:
        missed.append(_missed_bytes(flight))
        for disk in flight.cluster.brokers[LOST].log_directories.disks:
            disk.fill_cache(flight.now)
        when_in_sync(flight, lambda: in_sync.append(flight.now))

    flight.clock.call_at(BACK_S * SECOND + load.hardware.broker_start, back)
    with no_garbage_collection():
        for _ in flight.fly(load.until):
            devices.sample()
            if in_sync:
                break
    started_s = BACK_S + load.hardware.broker_start / SECOND
    end_s = in_sync[0] / SECOND if in_sync else MOST_S
    candidate = slice_.candidate
    missed_s = missed[0] / candidate.traffic.disk
    return Return(
        missed_s=missed_s,
        catch_up_s=end_s - started_s if in_sync else None,
        formula_s=return_s(candidate, missed_s),
        shares=devices.of(started_s, end_s + 1),
    )


def return_s(candidate: Candidate, missed_s: float) -> float:
    """How long a broker fetches what it has missed, by the formula: its disk or card, which has less to spare."""
    return catch_up_s(max(candidate.shares["disk"], candidate.shares["network in"]), missed_s)


def copying_s(candidate: Candidate, back: Return) -> float | None:
    """How long a new broker copies what the others hold, as fast as one that came back; None if that was not seen."""
    if back.catch_up_s is None:
        return None
    stored = candidate.space_bytes * SPACE_USED
    return stored / candidate.traffic.disk * back.catch_up_s / back.missed_s


def _missed_bytes(flight: Flight) -> int:
    """What the lost broker's replicas lack."""
    own = flight.cluster.brokers[LOST].storage
    names = [name for name in flight.cluster.partitions() if name in own]
    return sum(flight.cluster.log(name).size_bytes - own[name].size_bytes for name in names)
