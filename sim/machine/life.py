"""One life of an actor: what was booked for it waits while it hangs and is void once it is dead."""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Life"]


class Spawned(Protocol):
    """Something that a life has spawned and that ends with it."""

    def end(self) -> None:
        """Take no further step."""


class Life:
    """One life of an actor, from start to stop; whatever was booked for it waits while it is paused.

    It is paused as long as something `holds` it, and still while it is `resuming`, which is while it works off what
    has waited.
    """

    __slots__ = ("alive", "backlog", "endings", "holds", "paused", "processes", "resuming")

    def __init__(self) -> None:
        self.alive = True
        self.paused = False
        self.resuming = False
        self.holds: dict[str, None] = {}
        self.backlog: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.processes: dict[Spawned, None] = {}
        self.endings: dict[Any, Callable[[], None]] = {}

    def run(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call the function if this life still runs, later if it is paused, never if it is over."""
        if self.paused:
            self.backlog.append((function, arguments))
        elif self.alive:
            function(*arguments)
