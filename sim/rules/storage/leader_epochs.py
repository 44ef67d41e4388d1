"""Which leader epoch begins at which offset of a log."""

from bisect import bisect_left, bisect_right

__all__ = ["UNDEFINED_EPOCH", "UNDEFINED_OFFSET", "LeaderEpochCache"]

UNDEFINED_EPOCH = -1
UNDEFINED_OFFSET = -1


class LeaderEpochCache:
    """The leader epochs of one log with their start offsets; both only rise.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/epoch/LeaderEpochFileCache.java
    Fidelity: exact
    Left out: the checkpoint file; the cache is as durable as the log it belongs to.
    """

    __slots__ = ("_epochs", "_start_offsets")

    def __init__(self) -> None:
        self._epochs: list[int] = []
        self._start_offsets: list[int] = []

    @property
    def entries(self) -> list[tuple[int, int]]:
        """All (epoch, start offset), oldest first."""
        return list(zip(self._epochs, self._start_offsets, strict=True))

    @property
    def latest_epoch(self) -> int | None:
        """The newest epoch, None when there is none."""
        return self._epochs[-1] if self._epochs else None

    def assign(self, epoch: int, start_offset: int) -> None:
        """Let `epoch` begin at `start_offset`; entries that no longer lie below it in both ways disappear.

        The same epoch at a later offset changes nothing. Raises ValueError for a negative epoch or offset.
        """
        if self._epochs and epoch == self._epochs[-1] and start_offset >= self._start_offsets[-1]:
            return
        if epoch < 0 or start_offset < 0:
            raise ValueError(f"leader epoch {epoch} at offset {start_offset}: both must be 0 or more")
        while self._epochs and (self._epochs[-1] >= epoch or self._start_offsets[-1] >= start_offset):
            self._epochs.pop()
            self._start_offsets.pop()
        self._epochs.append(epoch)
        self._start_offsets.append(start_offset)

    def previous_epoch(self, epoch: int) -> int | None:
        """The largest known epoch below `epoch`, None when there is none."""
        index = bisect_left(self._epochs, epoch)
        return self._epochs[index - 1] if index else None

    def end_offset_for(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """The largest known epoch not above `epoch`, and the offset where it ends; (-1, -1) when that is unknown.

        The latest epoch ends at the log end. An epoch below the first known one is answered as itself, ending where
        the first known one begins.
        """
        if epoch == UNDEFINED_EPOCH:
            return UNDEFINED_EPOCH, UNDEFINED_OFFSET
        if epoch == self.latest_epoch:
            return epoch, log_end_offset
        higher = bisect_right(self._epochs, epoch)
        if higher == len(self._epochs):
            return UNDEFINED_EPOCH, UNDEFINED_OFFSET
        return self._epochs[higher - 1] if higher else epoch, self._start_offsets[higher]

    def epoch_for_offset(self, offset: int) -> int | None:
        """The epoch in which an offset was or will be written, None below the first known start offset."""
        index = bisect_right(self._start_offsets, offset)
        return self._epochs[index - 1] if index else None

    def truncate_from_end(self, offset: int) -> None:
        """Forget the epochs that begin at or after `offset`; a negative offset changes nothing."""
        if offset < 0:
            return
        keep = bisect_left(self._start_offsets, offset)
        del self._epochs[keep:]
        del self._start_offsets[keep:]

    def truncate_from_start(self, offset: int) -> None:
        """Forget the epochs that ended at or before `offset`; the one that contains it now begins there."""
        containing = bisect_right(self._start_offsets, offset) - 1
        if containing < 0:
            return
        del self._epochs[:containing]
        del self._start_offsets[:containing]
        self._start_offsets[0] = offset

    def clear(self) -> None:
        """Forget everything."""
        self._epochs.clear()
        self._start_offsets.clear()
