"""A slice of a cluster: a few brokers with all that belongs to them, as a load that can be flown in seconds.

Every broker of a slice carries what it would carry in the whole cluster; a cluster that is small enough is flown whole.
What a slice leaves out: a broker of a large cluster follows more leaders, in smaller fetches.
"""

from dataclasses import dataclass, replace
from math import ceil

from sim.capacity.load import Load
from sim.machine.clock import MILLISECOND, SECOND
from sim.plan.candidates import Candidate
from sim.plan.formulas import traffic

__all__ = ["Slice", "slice_of"]

MOST_BROKERS = 4
TICK = MILLISECOND
WARM_UP_S, MEASURED_S = 1, 2


@dataclass(frozen=True, slots=True)
class Slice:
    """So many brokers of a candidate's, and the bytes per second that producers send to them."""

    candidate: Candidate
    brokers: int
    write: float

    @property
    def share(self) -> float:
        """The brokers, as a share of the candidate's."""
        return self.brokers / self.candidate.brokers

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.brokers == self.candidate.brokers

    @property
    def records_per_s(self) -> float:
        """What producers send."""
        return self.write / self.candidate.requirement.record

    def load(self) -> Load:
        """Steady load on it."""
        candidate, asked = self.candidate, self.candidate.requirement
        machines, settings = candidate.offer.machines(), candidate.producing
        return Load(
            machines.hardware,
            machines.client_hardware,
            brokers=self.brokers,
            partitions=max(self.brokers, ceil(candidate.partitions * self.share - 1e-9)),
            replication_factor=asked.replication,
            value_size=asked.record,
            producers=max(1, round(settings.producers * self.share)),
            groups=(max(1, round(candidate.consumers * self.share)),) * asked.groups,
            rate=self.records_per_s,
            disks=machines.disks,
            topic_config={"min.insync.replicas": asked.min_insync},
            producer_config=settings.config(),
            begin=WARM_UP_S * SECOND,
            until=(WARM_UP_S + MEASURED_S) * SECOND,
            tick=TICK,
            on_schedule=True,
        )

    def growing(self, factor: float) -> "Slice":
        """The same brokers with so many times the load."""
        return replace(self, write=self.write * factor)


def slice_of(candidate: Candidate, after_loss: bool = False) -> Slice:
    """A slice at the planned peak, for a flight in which it loses a broker if `after_loss`.

    Then the busiest device of those that are left carries what it would carry in the whole cluster. A rack of a slice
    is one broker of three.
    """
    asked = candidate.requirement
    of_racks = asked.survive == "rack" and after_loss
    brokers = asked.racks if of_racks else max(MOST_BROKERS, asked.replication + 1)
    brokers = min(candidate.brokers, max(brokers, asked.replication))
    write = asked.planned_write * brokers / candidate.brokers
    if after_loss and brokers < candidate.brokers and candidate.lost:
        whole = candidate.shares_after_loss
        device = max(("disk", "network in", "network out"), key=lambda name: whole[name])
        number = ("disk", "network in", "network out").index(device)
        part = traffic(write, asked.replication, asked.groups, brokers, 1)
        write *= candidate.traffic_after_loss[number] / part[number]
    return Slice(candidate, brokers, write)
