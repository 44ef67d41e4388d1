"""Machines to choose from: the profiles that can be hired, with the disk space of one broker.

Bandwidths are sustained ones: burst credits are used up when a peak lasts, so that they are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sim.machine.devices import Hardware
from sim.machine.hardware import Figure, Machines, nearest
from sim.machine.profiles import PROFILES
from sim.rules.errors import ConfigError

__all__ = ["OFFERS", "Offer", "offer_named"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A machine for a broker: `space_bytes` is the most that its disks hold, `network_disk` whether it is paid apart.

    `partitions` is how many replicas are recommended at most for a broker of this size.
    """

    name: str
    space_bytes: Figure
    partitions: Figure
    network_disk: bool = False

    def machines(self) -> Machines:
        """The figures of the profile, without burst credits."""
        found = PROFILES[self.name].machines()
        return found._replace(hardware=replace(found.hardware, disk_burst_bytes_per_s=0.0, disk_credit_bytes=0))

    @property
    def hardware(self) -> Hardware:
        """The broker's machine."""
        return self.machines().hardware

    @property
    def disk_bytes_per_s(self) -> float:
        """What all its disks take together."""
        machines = self.machines()
        return machines.hardware.disk_bytes_per_s * machines.disks

    @property
    def nic_bytes_per_s(self) -> float:
        """What of its card is left for messages, in each direction."""
        hardware = self.hardware
        return hardware.nic_bytes_per_s / hardware.wire_overhead


OFFERS: Mapping[str, Offer] = {
    offer.name: offer
    for offer in (
        Offer(
            "m5.large",
            Figure(16 * 2**40, "remembered", "AWS: a gp3 volume has at most 16 TiB"),
            Figure(1000, "published", "AWS MSK: recommended for m5.large, replicas counted"),
            network_disk=True,
        ),
        Offer(
            "i3.4xlarge",
            Figure(2 * 1.9e12, "remembered", "AWS: 2 x 1.9 TB NVMe"),
            Figure(4000, "published", "AWS MSK: recommended from 4xlarge on, replicas counted"),
        ),
        Offer(
            "i3en.2xlarge",
            Figure(2 * 2.5e12, "remembered", "AWS: 2 x 2.5 TB NVMe"),
            Figure(2000, "published", "AWS MSK: recommended for 2xlarge, replicas counted"),
        ),
    )
}


def offer_named(name: str, where: str) -> Offer:
    """The machine of this name. Raises ConfigError with the nearest name."""
    if name not in OFFERS:
        raise ConfigError(f"{where}: {name!r} names no machine that can be planned with{nearest(name, OFFERS)}")
    return OFFERS[name]
