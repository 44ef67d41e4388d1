"""From a requirement and a machine to clusters: how many brokers each resource asks for, and all that goes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from sim.plan.formulas import Traffic, aws_limit, cached_s, partitions_for, stored_bytes, traffic
from sim.plan.offers import Offer
from sim.plan.producing import Producing, producing
from sim.plan.requirement import Requirement
from sim.rules.config import BrokerConfig
from sim.rules.errors import ConfigError

__all__ = ["SPACE_USED", "Candidate", "brokers_needed", "candidate", "handler_share", "law_brokers", "smallest"]

SPACE_USED = 0.8
"""Disks are planned to be so full at most (Cruise Control's disk.capacity.threshold)."""

LEADERS_EACH = 10
"""Partitions that a broker leads at least: of one, a broker that takes it over has twice as much to do."""


@dataclass(frozen=True)
class Candidate:
    """A cluster: so many brokers of a machine, for a requirement."""

    requirement: Requirement
    machine: str
    brokers: int

    @property
    def offer(self) -> Offer:
        """The machine."""
        return self.requirement.offer(self.machine)

    @property
    def lost(self) -> int:
        """Brokers that are gone at the worst that must be survived."""
        return lost(self.requirement, self.brokers)

    @property
    def partitions(self) -> int:
        """max(t/p, t/c), and ten for each broker to lead, so that those of a lost one spread evenly.

        A multiple of the brokers' disks, so that each has as many; a consumer keeps its headroom.
        """
        asked = self.requirement
        taken = asked.consumer_rate * (1 - asked.headroom)
        disks = self.brokers * self.offer.machines().disks
        least = partitions_for(asked.planned_write, asked.partition_rate, taken)
        return disks * ceil(max(least, LEADERS_EACH * self.brokers) / disks - 1e-9)

    @property
    def partitions_each(self) -> int:
        """How many partitions one consumer can read within its headroom."""
        asked = self.requirement
        return int(asked.consumer_rate * (1 - asked.headroom) * self.partitions / asked.planned_write + 1e-9)

    @property
    def consumers(self) -> int:
        """Members of each group, so that the one with the most partitions keeps the headroom."""
        return ceil(self.partitions / self.partitions_each)

    @property
    def producing(self) -> Producing:
        """The producers' settings."""
        return producing(self.requirement)

    @property
    def traffic(self) -> Traffic:
        """What a broker's devices carry at the planned peak."""
        return traffic(*self._load, self.brokers)

    @property
    def traffic_after_loss(self) -> Traffic:
        """What they carry when the worst that must be survived has happened."""
        return traffic(*self._load, self.brokers, self.lost)

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """By the formulas, how much of each device is used at the planned peak."""
        return self._shares(self.traffic, self.brokers)

    @cached_property
    def shares_after_loss(self) -> Mapping[str, float]:
        """The same after the loss, of the broker that then leads most."""
        left = self.brokers - self.lost
        each = self.partitions // self.brokers
        most = each + ceil(each * self.lost / left)
        uneven = most * left / self.partitions
        return {name: share * uneven for name, share in self._shares(self.traffic_after_loss, left).items()}

    @property
    def space_bytes(self) -> float:
        """Disk space of one broker, so that it is no fuller than planned."""
        asked = self.requirement
        segment = BrokerConfig().log_segment_bytes
        written = asked.planned_write * asked.average
        whole = stored_bytes(written, asked.retention, asked.replication, self.partitions, segment)
        return whole / self.brokers / SPACE_USED

    @property
    def cached_s(self) -> float:
        """How long what is written stays in the page cache of its broker."""
        asked = self.requirement
        return cached_s(self.offer.hardware.page_cache_bytes, asked.planned_write, asked.replication, self.brokers)

    @property
    def aws_limit(self) -> float:
        """The most by AWS's law, in bytes per second."""
        asked, offer = self.requirement, self.offer
        disk = offer.disk_bytes_per_s
        return aws_limit(disk, disk, offer.nic_bytes_per_s, self.brokers, asked.replication, asked.groups)

    @property
    def _load(self) -> tuple[float, int, int]:
        asked = self.requirement
        return asked.planned_write, asked.replication, asked.groups

    def _shares(self, load: Traffic, brokers: int) -> Mapping[str, float]:
        offer = self.offer
        return {
            "disk": load.disk / offer.disk_bytes_per_s,
            "network in": load.nic_in / offer.nic_bytes_per_s,
            "network out": load.nic_out / offer.nic_bytes_per_s,
            "request handlers": handler_share(self.requirement, offer, brokers),
        }


def candidate(requirement: Requirement, machine: str, brokers: int) -> Candidate:
    """A cluster of about so many brokers: at least one for each replica, as many in each rack if a rack may be lost."""
    least = max(brokers, requirement.replication + (requirement.survive == "broker"))
    step = requirement.racks if requirement.survive == "rack" else 1
    return Candidate(requirement, machine, step * ceil(least / step))


def lost(requirement: Requirement, brokers: int) -> int:
    """Brokers of a rack, one broker, or none."""
    return {"none": 0, "broker": 1, "rack": ceil(brokers / requirement.racks)}[requirement.survive]


def handler_share(requirement: Requirement, offer: Offer, brokers: int) -> float:
    """Work of the request handlers: each batch is one produce request, then one fetch by each follower and group."""
    hardware, settings = offer.hardware, producing(requirement)
    batches = settings.batches_per_s / brokers
    requests = batches * (requirement.replication + requirement.groups)
    moved = requirement.planned_write / brokers * (requirement.replication + requirement.groups)
    spent_ns = requests * (hardware.request_cost + hardware.batch_cost) + moved * hardware.byte_cost
    return spent_ns / 1e9 / BrokerConfig().num_io_threads


def brokers_needed(requirement: Requirement, machine: str) -> Mapping[str, int]:
    """How many brokers each resource asks for, by its name."""
    offer = requirement.offer(machine)
    one = candidate(requirement, machine, 1)
    free = 1 - requirement.headroom
    whole = Candidate(requirement, machine, 1)
    needed = {name: ceil(share / free - 1e-9) for name, share in whole.shares.items()}
    needed["disk space"] = ceil(one.space_bytes * one.brokers / offer.space_bytes.value)
    needed["replicas"] = ceil(one.partitions * requirement.replication / offer.partitions.value)
    needed["failure"] = _enough_after_loss(requirement, machine)
    needed["replication"] = candidate(requirement, machine, 1).brokers
    return needed


def law_brokers(requirement: Requirement, machine: str) -> int:
    """How many AWS's law asks for, with the headroom."""
    whole = Candidate(requirement, machine, 1)
    return max(1, ceil(requirement.planned_write / (1 - requirement.headroom) / whole.aws_limit - 1e-9))


def smallest(requirement: Requirement, machine: str) -> tuple[Candidate, str]:
    """The smallest cluster by the formulas, and the resource that binds. Raises ConfigError where it is too large."""
    needed = brokers_needed(requirement, machine)
    binding = max(needed, key=lambda name: needed[name])
    found = candidate(requirement, machine, needed[binding])
    while found.space_bytes > found.offer.space_bytes.value and found.brokers <= requirement.brokers_at_most:
        found, binding = candidate(requirement, machine, found.brokers + 1), "disk space"
    most = requirement.brokers_at_most
    if found.brokers > most:
        nearest = requirement.write * most / found.brokers
        raise ConfigError(
            f"{machine}: {found.brokers:,} brokers would be needed, more than the {most:,} of --brokers-at-most; "
            f"{binding} binds; {most:,} brokers do for --write {nearest / 1e6:.3g}MB/s"
        )
    return found, binding


def _enough_after_loss(requirement: Requirement, machine: str) -> int:
    """Brokers so that those that are left carry the whole peak; what the loss costs, headroom may pay."""
    count = candidate(requirement, machine, 1).brokers
    while max(candidate(requirement, machine, count).shares_after_loss.values()) > 1:
        count += 1
    return count
