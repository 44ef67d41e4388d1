"""Devices as FIFO servers by arithmetic: `finish = max(now, busy_until) + cost`, no event of their own.

Times are nanoseconds, sizes bytes. The figures of `Hardware` are estimates for a small server of
today; calibration against published measurements is a later step and will name its sources.

Fidelity: approximate — the processor shares nothing between request handlers and other threads; disk reads queue
    behind pages still to be written
"""

from dataclasses import dataclass
from heapq import heapreplace

from sim.machine.clock import MICROSECOND, MILLISECOND, SECOND

__all__ = ["Cpu", "Disk", "Hardware", "Nic"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a broker's machine can do; every figure is an estimate.

    A broker's process registers `broker_start` after it was started, and has started all else `broker_ready` later; one
    that is killed keeps its connections for `process_clearing`, while its memory is given back; one
    that goes on after it was stopped needs `backlog_cost` for each message and timer that has waited.
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


class Cpu:
    """`servers` equal servers before one queue (M/M/c's c), such as the request handlers of a broker."""

    __slots__ = ("_busy_until", "busy")

    def __init__(self, servers: int) -> None:
        self._busy_until = [0] * servers
        self.busy = 0

    def work(self, now: int, cost: int) -> int:
        """When a job that comes now is done."""
        finish = max(now, self._busy_until[0]) + cost
        heapreplace(self._busy_until, finish)
        self.busy += cost
        return finish


class Nic:
    """A full-duplex network card: one queue out, one queue in."""

    __slots__ = ("_in_until", "_ns_per_byte", "_out_until", "received_bytes", "sent_bytes")

    def __init__(self, bytes_per_s: float = 1.25e9) -> None:
        self._ns_per_byte = SECOND / bytes_per_s
        self._out_until = self._in_until = 0
        self.sent_bytes = self.received_bytes = 0

    def send(self, now: int, size_bytes: int) -> int:
        """When the last byte has left."""
        self.sent_bytes += size_bytes
        self._out_until = max(now, self._out_until) + int(size_bytes * self._ns_per_byte)
        return self._out_until

    def receive(self, last_byte: int, size_bytes: int) -> int:
        """When the last byte is in, if it reaches this card at `last_byte` at the earliest."""
        self.received_bytes += size_bytes
        self._in_until = max(last_byte, self._in_until + int(size_bytes * self._ns_per_byte))
        return self._in_until


class Disk:
    """A disk behind a page cache: writes return at once until too many pages are dirty.

    Written pages drain at the disk's bandwidth; a reader at the tail is served from memory, one that
    lags behind by more than the page cache waits for the disk.
    """

    __slots__ = ("_drained_until", "_hardware", "_ns_per_byte", "read_bytes", "written_bytes")

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self._ns_per_byte = SECOND / hardware.disk_bytes_per_s
        self._drained_until = 0
        self.read_bytes = self.written_bytes = 0

    def write(self, now: int, size_bytes: int) -> int:
        """When an append returns: now, or when the dirty pages are below the limit again."""
        self.written_bytes += size_bytes
        self._drained_until = max(now, self._drained_until) + int(size_bytes * self._ns_per_byte)
        limit = int(self._hardware.dirty_limit_bytes * self._ns_per_byte)
        return max(now, self._drained_until - limit)

    def read(self, now: int, size_bytes: int, bytes_behind: int) -> int:
        """When a read is done whose data lies this far behind the end of what was written."""
        if bytes_behind <= self._hardware.page_cache_bytes:
            return now
        self.read_bytes += size_bytes
        cost = self._hardware.disk_seek + int(size_bytes * self._ns_per_byte)
        self._drained_until = max(now, self._drained_until) + cost
        return self._drained_until
