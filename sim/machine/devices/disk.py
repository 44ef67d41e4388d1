"""Disks behind a page cache, and what befalls them.

Fidelity: approximate — disk reads queue behind pages still to be written; what was under way when a stall begins still
    completes
"""

from sim.machine.clock import SECOND
from sim.machine.devices.hardware import Hardware

__all__ = ["FOREVER", "Disk", "DiskError"]

FOREVER = 1 << 62
"""A time that no run reaches."""


class DiskError(Exception):
    """A disk has refused to write or to read (ENOSPC, EIO)."""


class Disk:
    """A disk behind a page cache: writes return at once until too many pages are dirty.

    Written pages drain at the disk's bandwidth; a reader at the tail is served from memory, one that
    lags behind by more than the page cache waits for the disk. A disk with burst credits (as AWS' EBS) is faster until
    they are used up. A `full` disk refuses writes, a `failed` one reads, too.
    """

    __slots__ = (
        "_credit_at",
        "_credit_bytes",
        "_drained_until",
        "_hardware",
        "_ns_per_byte",
        "_slowness",
        "_stalled_until",
        "failed",
        "full",
        "read_bytes",
        "written_bytes",
    )

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self._ns_per_byte = SECOND / hardware.disk_bytes_per_s
        self._slowness = 1.0
        self._drained_until = self._stalled_until = 0
        self._credit_bytes = float(hardware.disk_credit_bytes)
        self._credit_at = 0
        self.full = self.failed = False
        self.read_bytes = self.written_bytes = 0

    def write(self, now: int, size_bytes: int) -> int:
        """When an append returns: now, or when the dirty pages are below the limit again. Raises DiskError."""
        if self.refuses_writes:
            raise DiskError
        self.written_bytes += size_bytes
        self._drained_until = max(now, self._drained_until) + self._transfer(now, size_bytes)
        limit = int(self._hardware.dirty_limit_bytes * self._ns_per_byte)
        return max(now, self._drained_until - limit, self._stalled_until)

    def flush(self, now: int) -> int:
        """When all that was written is on the platter (fsync), one access later than the pages. Raises DiskError.

        The access keeps the disk from others; `flush_latency` passes besides.
        """
        if self.failed:
            raise DiskError
        self._drained_until = max(now, self._drained_until) + self._seek
        return self._drained_until + int(self._hardware.flush_latency * self._slowness)

    def read(self, now: int, size_bytes: int, bytes_behind: int) -> int:
        """When a read is done whose data lies this far behind the end of what was written. Raises DiskError."""
        if bytes_behind <= self._hardware.page_cache_bytes:
            return now
        if self.failed:
            raise DiskError
        self.read_bytes += size_bytes
        self._drained_until = max(now, self._drained_until) + self._seek + self._transfer(now, size_bytes)
        return self._drained_until

    def fill_cache(self, now: int) -> None:
        """Let as many pages be dirty as may be: the state in which a load that is too much for the disk ends."""
        self._drained_until = now + int(self._hardware.dirty_limit_bytes * self._ns_per_byte)

    @property
    def refuses_writes(self) -> bool:
        """Whether it is full or has failed."""
        return self.full or self.failed

    def is_stalled(self, now: int) -> bool:
        """Whether nothing completes just now."""
        return now < self._stalled_until

    def slow_down(self, now: int, factor: float) -> None:
        """From now on every access takes `factor` times as long as the hardware allows, what waits included."""
        waiting = max(0, self._drained_until - max(now, self._stalled_until))
        self._drained_until += int(waiting * factor / self._slowness) - waiting
        self._slowness = factor
        self._ns_per_byte = SECOND / self._hardware.disk_bytes_per_s * factor

    def stall(self, now: int, until: int) -> None:
        """Nothing completes before a time; what waits, or comes meanwhile, follows then, in order."""
        self._drained_until = max(now, self._drained_until) + until - now
        self._stalled_until = until

    def _transfer(self, now: int, size_bytes: int) -> int:
        """The time for so many bytes, faster as long as there are burst credits."""
        burst = self._hardware.disk_burst_bytes_per_s
        if not burst:
            return int(size_bytes * self._ns_per_byte)
        base, start = self._hardware.disk_bytes_per_s, max(now, self._drained_until)
        grown = self._credit_bytes + (start - self._credit_at) * base / SECOND
        credit = min(self._hardware.disk_credit_bytes, grown)
        fast_bytes = min(float(size_bytes), credit / (1 - base / burst))
        slow_bytes = size_bytes - fast_bytes
        taken = int(fast_bytes * self._ns_per_byte * base / burst + slow_bytes * self._ns_per_byte)
        self._credit_bytes, self._credit_at = max(0.0, credit - fast_bytes * (1 - base / burst)), start + taken
        return taken

    @property
    def _seek(self) -> int:
        return int(self._hardware.disk_seek * self._slowness)
