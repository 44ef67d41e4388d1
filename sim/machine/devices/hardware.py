"""What a broker's machine can do.

The figures are estimates for a small server of today; calibration against published measurements is a later step and
will name its sources.
"""

from dataclasses import dataclass

from sim.machine.clock import MICROSECOND, MILLISECOND, SECOND

__all__ = ["Hardware"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a broker's machine can do; every figure is an estimate, each log directory has a disk of its own.

    A broker's process registers `broker_start` after it was started, and has started all else `broker_ready` later; one
    that is killed keeps its connections for `process_clearing`, while its memory is given back; one that goes on after
    it was stopped needs `backlog_cost` for each message and timer that has waited.
    """

    request_cost: int = 25 * MICROSECOND
    batch_cost: int = 4 * MICROSECOND
    byte_cost: float = 0.4
    nic_bytes_per_s: float = 1.25e9
    disk_bytes_per_s: float = 4.0e8
    disk_seek: int = 100 * MICROSECOND
    page_cache_bytes: int = 4 << 30
    dirty_limit_bytes: int = 800 << 20
    broker_start: int = 3 * SECOND
    broker_ready: int = 0
    process_clearing: int = 15 * MILLISECOND
    backlog_cost: int = 60 * MICROSECOND

    def cost(self, batch_count: int, size_bytes: int) -> int:
        """Processor time for one request, in nanoseconds."""
        return self.request_cost + batch_count * self.batch_cost + int(size_bytes * self.byte_cost)
