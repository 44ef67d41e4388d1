"""Processors.

Fidelity: approximate — the processor shares nothing between request handlers and other threads
"""

from heapq import heapreplace

__all__ = ["Cpu"]


class Cpu:
    """`servers` equal servers before one queue (M/M/c's c), such as the request handlers of a broker.

    Everything costs `slowness` times as much: more than 1 while others take their share of the machine.
    """

    __slots__ = ("_busy_until", "busy", "slowness")

    def __init__(self, servers: int) -> None:
        self._busy_until = [0] * servers
        self.busy = 0
        self.slowness = 1.0

    @property
    def free_at(self) -> int:
        """When a server is free: a time that is over while one is idle."""
        return self._busy_until[0]

    def work(self, now: int, cost: int) -> int:
        """When a job that comes now is done."""
        if self.slowness != 1.0:
            cost = int(cost * self.slowness)
        idle = self._busy_until[0]
        finish = (now if now > idle else idle) + cost
        heapreplace(self._busy_until, finish)
        self.busy += cost
        return finish

    def hold(self, until: int) -> None:
        """A server that has just done its job waits for something else until then, and serves nobody."""
        heapreplace(self._busy_until, max(until, self._busy_until[0]))
