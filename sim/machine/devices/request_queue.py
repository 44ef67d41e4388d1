"""The queue before a broker's request handlers."""

from collections import deque

__all__ = ["RequestQueue"]


class RequestQueue:
    """At most `limit` requests wait for a request handler (queued.max.requests); for more there is no room yet.

    Jobs are begun in the order in which they enter.
    """

    __slots__ = ("_begins", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begins: deque[int] = deque()

    def has_room_at(self, now: int) -> int:
        """When one more finds room: now, or when a request that waits now is begun."""
        begins = self._begins
        while begins and begins[0] <= now:
            begins.popleft()
        return now if len(begins) < self._limit else begins[-self._limit]

    def enter(self, begin: int) -> None:
        """One more waits until a handler begins with it."""
        self._begins.append(begin)
