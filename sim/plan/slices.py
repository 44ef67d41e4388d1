"""A slice of a cluster: a few brokers with all that belongs to them, as a load that can be flown in seconds.

Every broker of a slice carries what it would carry in the whole cluster; a cluster that is small enough is flown whole.
What a slice leaves out: a broker of a large cluster follows more leaders, in smaller fetches. Of a fast slice records,
batches and producers are coarser: fewer and larger, the same bytes.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from sim.capacity.load import TOPIC, Load, plan_for
from sim.machine.clock import MILLISECOND, SECOND
from sim.plan.candidates import Candidate
from sim.world.plan import Plan
from sim.world.topics import Topic

__all__ = ["LOST", "Slice", "losing", "returning", "slice_of"]

MOST_BROKERS = 4
TICK = MILLISECOND
WARM_UP_S, MEASURED_S = 1, 2
FINE, FINE_FOR_LONG = 120e6, 40e6
"""Bytes per second above which records and batches are coarser, and that of long flights."""

LARGEST_RECORD, LARGEST_BATCH = 100_000, 1_000_000
LOST = 1
"""The broker that a slice loses."""


@dataclass(frozen=True, slots=True)
class Slice:
    """So many brokers of a candidate's, `growth` times the planned peak, and how many groups read.

    `leaders` are the partitions led by the broker that is to be lost, and by each of the others; by default all lead
    what they would in the whole cluster. Above `fine` bytes per second it is coarser.
    """

    candidate: Candidate
    brokers: int
    groups: int
    growth: float = 1.0
    leaders: tuple[int, int] | None = None
    fine: float = FINE

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.brokers == self.candidate.brokers

    @property
    def share(self) -> float:
        """What is led in it, as a share of the whole cluster."""
        led: float = self.brokers
        if self.leaders is not None:
            led = self.brokers - 1 + self.leaders[0] / self.leaders[1]
        return led / self.candidate.brokers

    @property
    def write(self) -> float:
        """Bytes per second that producers send."""
        return self.candidate.requirement.planned_write * self.share * self.growth

    @property
    def coarseness(self) -> int:
        """How many records are flown as one, and producers."""
        most = max(1, LARGEST_RECORD // self.candidate.requirement.record)
        return min(most, ceil(self.write / self.fine))

    @property
    def records_per_s(self) -> float:
        """What producers send."""
        return self.write / (self.candidate.requirement.record * self.coarseness)

    @property
    def partitions(self) -> int:
        """How many of them there are."""
        if self.leaders is not None:
            return self.leaders[0] + self.leaders[1] * (self.brokers - 1)
        return self.candidate.partitions * self.brokers // self.candidate.brokers

    def growing(self, factor: float) -> "Slice":
        """The same brokers with so many times the load, from so many times the producers."""
        return replace(self, growth=self.growth * factor)

    def load(self) -> Load:
        """Steady load on it."""
        candidate, asked = self.candidate, self.candidate.requirement
        machines, settings, coarse = candidate.offer.machines(), candidate.producing, self.coarseness
        members = max(1, min(self.partitions, round(candidate.consumers * self.share)))
        if self.leaders is None:
            members = ceil(self.partitions / candidate.partitions_each)
        return Load(
            machines.hardware,
            machines.client_hardware,
            brokers=self.brokers,
            partitions=self.partitions,
            replication_factor=asked.replication,
            value_size=asked.record * coarse,
            producers=max(1, round(settings.producers * self.share * self.growth / coarse)),
            groups=(members,) * self.groups,
            rate=self.records_per_s,
            disks=machines.disks,
            topic_config={"min.insync.replicas": asked.min_insync},
            producer_config={
                **settings.config(),
                "batch.size": max(settings.batch_size_bytes, min(LARGEST_BATCH, settings.batch_size_bytes * coarse)),
                "buffer.memory": settings.buffer_memory_bytes * coarse,
            },
            begin=WARM_UP_S * SECOND,
            until=(WARM_UP_S + MEASURED_S) * SECOND,
            tick=TICK,
            on_schedule=True,
            first_everywhere=True,
        )

    def plan(self, load: Load) -> Plan:
        """The plan of such a load, with the partitions placed as this slice wants them, a rack for each broker lost."""
        plan, asked = plan_for(load), self.candidate.requirement
        racks = asked.racks if asked.survive == "rack" and self.brokers >= asked.racks else 1
        plan = replace(plan, cluster=replace(plan.cluster, racks=racks))
        if self.leaders is None:
            return plan
        placed = tuple(self._placed(number) for number in range(self.partitions))
        topic = Topic(TOPIC, self.partitions, asked.replication, load.topic_config, placed)
        return replace(plan, topics=(topic,))

    def _placed(self, number: int) -> tuple[int, ...]:
        """Replicas of a partition: the lost broker leads the first ones, and follows `replication - 1` times as many.

        The rest of the replicas are on the others in turn.
        """
        led, factor = (self.leaders or (0, 0))[0], self.candidate.requirement.replication
        others = [broker for broker in range(1, self.brokers + 1) if broker != LOST]
        turned = [others[(number + step) % len(others)] for step in range(factor)]
        if number < led:
            return (LOST, *turned[1:])
        return (turned[0], LOST, *turned[2:])[:factor] if number < led * factor else tuple(turned)


def slice_of(candidate: Candidate) -> Slice:
    """A slice at the planned peak; a rack is one broker of three where a rack is to be lost."""
    asked = candidate.requirement
    most = asked.racks if asked.survive == "rack" else max(MOST_BROKERS, asked.replication + 1)
    return Slice(candidate, min(candidate.brokers, max(most, asked.replication)), asked.groups)


def losing(candidate: Candidate) -> Slice:
    """A slice in which each broker that is left takes over as much from a lost one as in the whole cluster.

    The lost one leads as many fewer partitions: the share of one that falls to those that are left in the slice.
    """
    found = replace(slice_of(candidate), fine=FINE_FOR_LONG)
    left = found.brokers - 1
    share = Fraction(max(1, candidate.lost) * left, candidate.brokers - max(1, candidate.lost))
    if share >= 1 or candidate.requirement.replication > left:
        return found
    near = share.limit_denominator(32)
    leaders = (near.numerator, near.denominator) if near else (1, 32)
    return replace(found, leaders=leaders)


def returning(candidate: Candidate) -> Slice:
    """A slice in which leaders have as much to do for a broker that catches up as in the whole cluster.

    They are fewer, so that each sends it more; as many groups do not read that their cards carry the same.
    """
    found = replace(slice_of(candidate), fine=FINE_FOR_LONG)
    lost = max(1, candidate.lost)
    own = candidate.requirement.planned_write / candidate.brokers
    spare = min(
        candidate.offer.nic_bytes_per_s - candidate.traffic.nic_in,
        candidate.offer.disk_bytes_per_s - candidate.traffic.disk,
    )
    more = max(0.0, spare * (1 / (found.brokers - 1) - lost / (candidate.brokers - lost)))
    return replace(found, groups=max(0, found.groups - round(more / own)))
