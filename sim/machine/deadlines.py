"""Many equal time-outs for the price of one timer."""

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.machine.actor import Actor

__all__ = ["Deadline", "Deadlines"]


class Deadline:
    """A booked time-out; `cancel()` it when what it guards has happened."""

    __slots__ = ("arguments", "function", "time")

    def __init__(self, time: int, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.time = time
        self.function: Callable[..., object] | None = function
        self.arguments = arguments

    def cancel(self) -> None:
        """Never call the function; harmless after it was called."""
        self.function = None
        self.arguments = ()


class Deadlines:
    """Time-outs of one length, first in first out; only the oldest that still counts holds an event."""

    __slots__ = ("_actor", "_armed", "_length", "_waiting")

    def __init__(self, actor: Actor, length: int) -> None:
        self._actor = actor
        self._length = length
        self._waiting: deque[Deadline] = deque()
        self._armed = False

    def book(self, function: Callable[..., object], *arguments: Any) -> Deadline:
        """Call the function one length from now unless it is cancelled before."""
        deadline = Deadline(self._actor.clock._now + self._length, function, arguments)
        waiting = self._waiting
        while waiting and waiting[0].function is None:
            waiting.popleft()
        waiting.append(deadline)
        if not self._armed:
            self._arm()
        return deadline

    def _arm(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0].function is None:
            waiting.popleft()
        self._armed = bool(waiting)
        if waiting:
            self._actor.at(waiting[0].time, self._ring)

    def _ring(self) -> None:
        now, waiting = self._actor.clock._now, self._waiting
        while waiting and waiting[0].time <= now:
            deadline = waiting.popleft()
            if deadline.function is not None:
                deadline.function(*deadline.arguments)
        self._arm()
