"""The board on which actors announce what no message shows; observers read it, actors never do."""

from collections.abc import Callable
from typing import Any

__all__ = ["Facts"]

Listener = Callable[[int, Any], None]


class Facts:
    """Facts by type; one that nobody listens to costs a dictionary look-up."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Listener]] = {}

    def listen(self, kind: type, listener: Listener) -> None:
        """Call `listener(time_ns, fact)` for each later fact of exactly this type."""
        self._listeners.setdefault(kind, []).append(listener)

    def ignore(self, kind: type, listener: Listener) -> None:
        """Call this listener no more."""
        left = [known for known in self._listeners.pop(kind, ()) if known is not listener]
        if left:
            self._listeners[kind] = left

    def wanted(self, kind: type) -> bool:
        """Whether anybody listens, for a hot path that would not even build the fact."""
        return kind in self._listeners

    def announce(self, time: int, fact: object) -> None:
        """Hand a fact to its listeners, in the order in which they came."""
        for listener in self._listeners.get(type(fact), ()):
            listener(time, fact)
