"""What of a log is on the platter: flushed by Kafka, or written back by the operating system meanwhile."""

__all__ = ["DIRTY_EXPIRE_MS", "DIRTY_WRITEBACK_MS", "WriteBack"]

DIRTY_WRITEBACK_MS = 5_000
"""How often Linux looks for old dirty pages: vm.dirty_writeback_centisecs, by default 500."""

DIRTY_EXPIRE_MS = 30_000
"""How old they are to be: vm.dirty_expire_centisecs, by default 3000."""


class WriteBack:
    """How far one log is flushed and written back, in offsets; what lies behind is lost with the power.

    `recovery_point` is Kafka's: everything below it was flushed (fsync) by the broker itself.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java recoveryPoint, markFlushed;
        for the operating system Linux, Documentation/admin-guide/sysctl/vm.rst dirty_expire_centisecs
    Fidelity: approximate — a file goes to the disk as a whole when its oldest dirty page has expired, as in Linux, its
        age counted from the first look that finds it dirty; many dirty pages (vm.dirty_background_ratio) hasten nothing
    """

    __slots__ = ("_dirty_since_ms", "_written_back", "last_flush_ms", "recovery_point")

    def __init__(self) -> None:
        self.recovery_point = 0
        self.last_flush_ms = 0
        self._written_back = 0
        self._dirty_since_ms: int | None = None

    @property
    def durable_offset(self) -> int:
        """Everything below survives a loss of power."""
        return max(self.recovery_point, self._written_back)

    def flushed(self, end_offset: int, now_ms: int | None = None) -> None:
        """The broker has flushed the log up to an offset."""
        self.recovery_point = max(self.recovery_point, end_offset)
        if now_ms is not None:
            self.last_flush_ms = now_ms

    def look(self, log_end_offset: int, now_ms: int) -> None:
        """The operating system looks for pages that have been dirty for too long, and writes the file back."""
        if self.durable_offset >= log_end_offset:
            self._dirty_since_ms = None
        elif self._dirty_since_ms is None:
            self._dirty_since_ms = now_ms
        elif now_ms - self._dirty_since_ms >= DIRTY_EXPIRE_MS:
            self._written_back = log_end_offset
            self._dirty_since_ms = None

    def cut(self, offset: int) -> None:
        """The log ends at an offset now."""
        self.recovery_point = min(self.recovery_point, offset)
        self._written_back = min(self._written_back, offset)

    def restart(self, offset: int) -> None:
        """The log is empty and begins at an offset."""
        self.recovery_point = self._written_back = offset
