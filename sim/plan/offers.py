"""Machines to choose from: the profiles that can be hired, with the disk space of one broker.

Bandwidths are sustained ones: burst credits are used up when a peak lasts, so that they are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.machine.devices import Hardware
from sim.machine.hardware import Figure, Machines, nearest
from sim.machine.machine_file import PLANNING, machines_of, read_machine
from sim.machine.profiles import PROFILES
from sim.plan.units import read_size
from sim.rules.errors import ConfigError

__all__ = ["OFFERS", "Offer", "offer_named"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A machine for a broker: `space_bytes` is the most that its disks hold, `network_disk` whether it is paid apart.

    `partitions` is how many replicas are recommended at most for a broker of this size. One that is `described` has
    figures of its own, any other those of the profile of its name.
    """

    name: str
    space_bytes: Figure
    partitions: Figure
    network_disk: bool = False
    described: Machines | None = None

    def machines(self) -> Machines:
        """The figures, without burst credits."""
        found = self.described or PROFILES[self.name].machines()
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
    """The machine of this name, or of the file whose path ends in .toml. Raises ConfigError, one line."""
    if name.endswith(".toml"):
        return _offer_of_file(name, f"{where}: {name}")
    if name not in OFFERS:
        files = "" if "did you mean" in (near := nearest(name, OFFERS)) else ", or a file such as machine.toml"
        raise ConfigError(f"{where}: {name!r} names no machine that can be planned with{near}{files}")
    return OFFERS[name]


def _offer_of_file(name: str, where: str) -> Offer:
    """A machine that is described, such as `kafkasim calibrate --out machine.toml` writes it."""
    table = read_machine(Path(name), where)
    space, replicas, network_disk = (table.pop(key, None) for key in PLANNING)
    machines, known = machines_of(table, where), OFFERS.get(table["profile"])
    return Offer(
        name,
        Figure(_space(space, where), "given", name) if space is not None else _known(known, "space", where),
        Figure(_replicas(replicas, where), "given", name) if replicas is not None else _known(known, "replicas", where),
        _network_disk(network_disk, known, where),
        machines,
    )


def _known(profile: Offer | None, key: str, where: str) -> Figure:
    if profile is None:
        like = 'space = "2TB"' if key == "space" else "replicas = 2000"
        raise ConfigError(f"{where}: its profile does not tell what a broker holds; write it like {like}")
    return profile.space_bytes if key == "space" else profile.partitions


def _space(value: Any, where: str) -> float:
    return read_size(value if isinstance(value, str) else repr(value), f"{where}: space")


def _replicas(value: Any, where: str) -> float:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{where}: replicas = {value!r}; it must be a whole number above 0")
    return value


def _network_disk(value: Any, profile: Offer | None, where: str) -> bool:
    if value is None:
        return profile is not None and profile.network_disk
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: network_disk = {value!r}; it must be true or false")
    return value
