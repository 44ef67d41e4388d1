"""An offset that only rises and can be waited for: acks=all and the long poll are one line each."""

from collections.abc import Callable
from heapq import heappop, heappush

__all__ = ["Watermark"]


class Watermark:
    """A rising offset; each waiter is called once, in the order of the offsets waited for."""

    __slots__ = ("_count", "_waiters", "value")

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self._waiters: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def when(self, offset: int, callback: Callable[[], None]) -> None:
        """Call back as soon as the value is at least `offset`; at once if it is already."""
        if self.value >= offset:
            callback()
        else:
            self._count += 1
            heappush(self._waiters, (offset, self._count, callback))

    def advance(self, value: int) -> None:
        """Raise the value and call those who waited for it; a lower value changes nothing."""
        if value <= self.value:
            return
        self.value = value
        waiters = self._waiters
        while waiters and waiters[0][0] <= value:
            heappop(waiters)[2]()

    def abandon(self) -> list[Callable[[], None]]:
        """Forget every waiter and return their callbacks, lowest offset first."""
        waiting = [callback for _, _, callback in sorted(self._waiters, key=lambda waiter: waiter[:2])]
        self._waiters.clear()
        return waiting
