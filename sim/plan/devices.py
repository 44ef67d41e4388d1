"""How busy every broker's devices were, second by second, each as a share of what they can do."""

from typing import NamedTuple

from sim.machine.devices import Cpu
from sim.world.flight import Flight

__all__ = ["DEVICES", "DeviceLoads", "Shares"]

DEVICES = ("disk", "network in", "network out", "request handlers")

Shares = dict[str, float]
"""By device, the share of it that was used; above 1 work waits."""


class Counters(NamedTuple):
    """What a broker's devices have done so far: bytes, and nanoseconds of its present process."""

    disk: int
    nic_in: int
    nic_out: int
    handlers: int
    cpu: Cpu


class DeviceLoads:
    """Call `sample` once per simulated second; `of` then tells the means over a part of the flight."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._brokers = flight.cluster.brokers
        self._before = {broker: self._read(broker) for broker in self._brokers}
        self._sampled_at = 0
        self._rows: list[tuple[float, int, Shares]] = []

    def sample(self) -> None:
        """Note what has been done since the last time."""
        seconds = (self._flight.now - self._sampled_at) / 1e9
        if seconds <= 0:
            return
        self._sampled_at = self._flight.now
        for broker in self._brokers:
            before, now = self._before[broker], self._read(broker)
            self._before[broker] = now
            self._rows.append((self._flight.now / 1e9, broker, self._shares(before, now, seconds)))

    def of(self, begin_s: float, end_s: float, broker: int | None = None) -> Shares:
        """For each device the mean of the seconds from `begin_s` to `end_s`, of the broker that uses it most.

        Of one broker if it is named; empty where nothing was sampled.
        """
        rows = [row for row in self._rows if begin_s < row[0] <= end_s and broker in (None, row[1])]
        seconds = len({time for time, _, _ in rows})
        if not seconds:
            return {}
        brokers = sorted({number for _, number, _ in rows})
        return {
            device: max(sum(row[2][device] for row in rows if row[1] == number) / seconds for number in brokers)
            for device in DEVICES
        }

    def _read(self, broker_id: int) -> Counters:
        broker = self._brokers[broker_id]
        disks, nic = broker.log_directories.disks, broker.host.nic
        moved = sum(disk.written_bytes + disk.read_bytes for disk in disks)
        return Counters(moved, nic.received_bytes, nic.sent_bytes, broker.cpu.busy, broker.cpu)

    def _shares(self, before: Counters, now: Counters, seconds: float) -> Shares:
        spec, config = self._flight.cluster.spec, self._flight.cluster.config
        hardware = spec.hardware
        card = hardware.nic_bytes_per_s / hardware.wire_overhead * seconds
        busy = now.handlers - (before.handlers if before.cpu is now.cpu else 0)
        values = (
            (now.disk - before.disk) / (hardware.disk_bytes_per_s * spec.log_dirs * seconds),
            (now.nic_in - before.nic_in) / card,
            (now.nic_out - before.nic_out) / card,
            busy / 1e9 / (hardware.cores or config.num_io_threads) / seconds,
        )
        return dict(zip(DEVICES, values, strict=True))
