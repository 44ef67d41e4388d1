"""A producer's buffer memory: who finds none waits in line.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/BufferPool.java
Fidelity: exact
"""

from collections import deque

from simpy import Event

__all__ = ["BufferPool"]


class BufferPool:
    """`free_bytes` of buffer.memory; what is given back goes to the first in line until that one has enough."""

    __slots__ = ("_waiting", "closed", "free_bytes")

    def __init__(self, size_bytes: int) -> None:
        self.free_bytes = size_bytes
        self.closed = False
        self._waiting: deque[tuple[int, Event]] = deque()

    @property
    def exhausted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def take(self, size_bytes: int) -> bool:
        """Take memory now, if there is enough and nobody waits for it."""
        if self._waiting or size_bytes > self.free_bytes:
            return False
        self.free_bytes -= size_bytes
        return True

    def wait(self, size_bytes: int, event: Event) -> None:
        """Stand in line; the event succeeds with True once the memory is taken."""
        self._waiting.append((size_bytes, event))

    def give_up(self, event: Event) -> None:
        """Leave the line, if still in it: the event succeeds with False."""
        if not event.triggered:
            self._waiting = deque(waiting for waiting in self._waiting if waiting[1] is not event)
            event.succeed(False)
            self._serve()

    def close(self) -> None:
        """Nobody gets memory any more; who waits is told so."""
        self.closed = True
        waiting, self._waiting = self._waiting, deque()
        for _, event in waiting:
            event.succeed(False)

    def give(self, size_bytes: int) -> None:
        """Give memory back."""
        self.free_bytes += size_bytes
        if self._waiting:
            self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free_bytes:
            size_bytes, event = self._waiting.popleft()
            self.free_bytes -= size_bytes
            event.succeed(True)
