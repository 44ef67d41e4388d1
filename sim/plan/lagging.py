"""A group is away for a while and catches up: how long that takes, and what it does to others.

The flight has a short outage. What depends on the length of it, the page cache, is as much smaller, so that a reader
that would find its records on the disk after ten minutes finds them there after a few seconds.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy

from sim.capacity.probe import prepare
from sim.machine.clock import MILLISECOND, SECOND
from sim.plan.candidates import Candidate
from sim.plan.devices import DeviceLoads, Shares
from sim.plan.formulas import drain_s
from sim.plan.slices import Slice
from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered
from sim.run import no_garbage_collection
from sim.world.flight import Flight

__all__ = ["Outage", "drain_capacity", "fly_outage"]

PAUSE_AT_S, PAUSE_S, MOST_S = 2, 4, 40
AWAY = "group-0"


@dataclass(frozen=True, slots=True)
class Outage:
    """What one flight has shown: how many times the outage the catching up took, in the flight and by the formula.

    `times` is None if the group had not caught up when the flight ended. `read_from_disk` is the share of the
    brokers' disk that reading took, latencies are those of producers before the outage and while the group caught up.
    """

    times: float | None
    times_by_formula: float
    shares: Shares
    read_from_disk: float
    publish_p99_before_ms: float
    publish_p99_ms: float


def drain_capacity(candidate: Candidate) -> float:
    """Bytes per second that a group can read when it catches up: its busiest consumers, the card, or the disk.

    What is older than the page cache comes from the disk, whose bandwidth writing has first.
    """
    asked, offer = candidate.requirement, candidate.offer
    load = candidate.traffic
    own = asked.planned_write / candidate.brokers if asked.groups else 0.0
    card = offer.nic_bytes_per_s - load.nic_out + own
    disk = offer.disk_bytes_per_s - load.disk if asked.outage > candidate.cached_s else card
    consumers = candidate.partitions / ceil(candidate.partitions / candidate.consumers) * asked.consumer_rate
    return min(consumers, candidate.brokers * min(card, disk))


def fly_outage(slice_: Slice, seed: int) -> Outage:
    """Fly a slice in which the first group pauses, until it has caught up."""
    candidate = slice_.candidate
    asked = candidate.requirement
    load = slice_.load()
    hardware = replace(load.hardware, page_cache_bytes=int(load.hardware.page_cache_bytes * PAUSE_S / asked.outage))
    most = ceil(slice_.partitions / load.groups[0]) / ceil(candidate.partitions / candidate.consumers)
    rate = asked.consumer_rate / load.value_size * most
    pause = replace(load, hardware=hardware, consumer_rate=rate, until=MOST_S * SECOND)
    pause = replace(pause, pause_at=PAUSE_AT_S * SECOND, pause=PAUSE_S * SECOND, pausing=1)
    flight = Flight(slice_.plan(pause), seed)
    devices, lag = DeviceLoads(flight), Lag(flight)
    flight.clock.call_at(0, prepare, flight, pause)
    resumed_s = PAUSE_AT_S + PAUSE_S
    with no_garbage_collection():
        for now in flight.fly(pause.until):
            devices.sample()
            if now > resumed_s * SECOND and lag.drained_at is not None:
                break
    drained_s = MOST_S if lag.drained_at is None else lag.drained_at / SECOND
    read = sum(disk.read_bytes for broker in flight.cluster.brokers.values() for disk in broker.log_directories.disks)
    able = candidate.offer.disk_bytes_per_s * slice_.brokers * max(drained_s - resumed_s, 1e-9)
    return Outage(
        times=None if lag.drained_at is None else (drained_s - resumed_s) / PAUSE_S,
        times_by_formula=drain_s(asked.planned_write, PAUSE_S, drain_capacity(candidate)) / PAUSE_S,
        shares=devices.of(resumed_s, max(drained_s, resumed_s + 1)),
        read_from_disk=read / able,
        publish_p99_before_ms=lag.publish_p99_ms(1, PAUSE_AT_S),
        publish_p99_ms=lag.publish_p99_ms(resumed_s, max(drained_s, resumed_s + 1)),
    )


class Lag:
    """Records that the group has not read, and when it has caught up after its pause."""

    def __init__(self, flight: Flight) -> None:
        self._lag = self._usual = 0
        self._latencies: list[tuple[int, float]] = []
        self.drained_at: int | None = None
        flight.machine.facts.listen(RecordsAcknowledged, self._sent)
        flight.machine.facts.listen(RecordsDelivered, self._read)

    def publish_p99_ms(self, begin_s: float, end_s: float) -> float:
        """99th percentile of the first record of each batch that was acknowledged between two times."""
        found = [latency for time, latency in self._latencies if begin_s * SECOND <= time < end_s * SECOND]
        return float(numpy.percentile(found, 99)) if found else 0.0

    def _sent(self, time: int, fact: RecordsAcknowledged) -> None:
        self._lag += fact.columns.count
        self._latencies.append((time, (time - fact.columns.sent_at[0]) / MILLISECOND))
        if SECOND < time < PAUSE_AT_S * SECOND:
            self._usual = max(self._usual, self._lag)

    def _read(self, time: int, fact: RecordsDelivered) -> None:
        if fact.group_id == AWAY:
            self._lag -= fact.next_offset - fact.first_offset
            if time > (PAUSE_AT_S + PAUSE_S) * SECOND and self._lag <= self._usual and self.drained_at is None:
                self.drained_at = time
