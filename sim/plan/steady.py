"""Steady state at the planned peak, flown on a slice: rates, latencies, and how busy each device was."""

from dataclasses import dataclass, replace

from sim.capacity.load import Load
from sim.capacity.probe import Outcome, prepare
from sim.machine.clock import SECOND
from sim.plan.devices import DeviceLoads, Shares
from sim.plan.slices import Slice
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered
from sim.run import no_garbage_collection
from sim.world.flight import Flight

__all__ = ["Steady", "fly_steady", "watched"]


@dataclass(frozen=True, slots=True)
class Steady:
    """What one flight at a steady load has shown; rates are shares of what was offered, latencies milliseconds."""

    sent: float
    read: float
    publish_p50_ms: float
    publish_p99_ms: float
    end_to_end_p99_ms: float
    shares: Shares

    @property
    def busiest(self) -> str:
        """The device that was used most."""
        return max(self.shares, key=lambda device: self.shares[device])

    @property
    def keeps_up(self) -> bool:
        """Whether all that was offered was acknowledged, and read by every group, to two per cent."""
        return self.sent >= 0.98 and self.read >= 0.98


def fly_steady(slice_: Slice, seed: int, cache_is_full: bool = False) -> Steady:
    """Fly a slice. Raises ConfigError where a client dies of its settings."""
    load = replace(slice_.load(), cache_is_full=cache_is_full)
    outcome, devices = watched(load, Flight(slice_.plan(load), seed))
    publish, end_to_end = outcome.publish_ms(), outcome.end_to_end_ms()
    groups = max(1, len(load.groups))
    return Steady(
        sent=outcome.produced_per_s / slice_.records_per_s,
        read=outcome.consumed_per_s / groups / slice_.records_per_s if load.groups else 1.0,
        publish_p50_ms=publish.get("p50", 0.0),
        publish_p99_ms=publish.get("p99", 0.0),
        end_to_end_p99_ms=end_to_end.get("p99", 0.0),
        shares=devices.of(load.begin / SECOND, load.until / SECOND),
    )


def watched(load: Load, flight: Flight) -> tuple[Outcome, DeviceLoads]:
    """Fly to the end of a load with an eye on records and devices."""
    outcome, devices = Outcome(load), DeviceLoads(flight)
    flight.machine.facts.listen(RecordsAcknowledged, outcome.note_acknowledged)
    flight.machine.facts.listen(RecordsDelivered, outcome.note_delivered)
    flight.clock.call_at(0, prepare, flight, load)
    with no_garbage_collection():
        for _ in flight.fly(load.until):
            devices.sample()
    for app in flight.cluster.apps.values():
        if app.failure is not None:
            raise ConfigError(f"{app.name}: {app.failure}")
    return outcome, devices
