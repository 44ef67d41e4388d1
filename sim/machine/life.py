"""One life of an actor: what was booked for it waits while it hangs and is void once it is dead."""

from collections.abc import Callable
from typing import Any

from simpy import Process

__all__ = ["Life"]


class Life:
    """One life of an actor, from start to stop; whatever was booked for it waits while it is paused."""

    __slots__ = ("alive", "backlog", "endings", "paused", "processes")

    def __init__(self) -> None:
        self.alive = True
        self.paused = False
        self.backlog: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.processes: list[Process] = []
        self.endings: dict[Any, Callable[[], None]] = {}

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call the function if this life still runs, later if it is paused, never if it is over."""
        if self.paused:
            self.backlog.append((function, arguments))
        elif self.alive:
            function(*arguments)
