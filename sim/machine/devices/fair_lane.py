"""One direction of a network card that serves all its connections at once.

Source: the fluid model of fair queueing (Demers, Keshav and Shenker 1989; Parekh and Gallager 1993), which TCP flows of
    one bottleneck come close to
Fidelity: approximate — equal shares at each card by itself; TCP's shares differ with round-trip times and losses
"""

from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil

from sim.machine.clock import SECOND, Clock

__all__ = ["FairLane"]

A_LITTLE = 1e-3
"""Bytes that count as none, for the virtual time is a floating-point number."""


class FairLane:
    """Each connection that has something to carry gets an equal share; its own messages follow each other.

    Kept in virtual time: the bytes that each busy connection has been served since the beginning.
    """

    __slots__ = ("_booking", "_clock", "_flows", "_ns_per_byte", "_number", "_served", "_since", "_waiting")

    def __init__(self, clock: Clock, bytes_per_s: float) -> None:
        self._clock = clock
        self._ns_per_byte = SECOND / bytes_per_s
        self._served = 0.0
        self._since = 0
        self._flows: dict[object, tuple[float, int]] = {}
        self._waiting: list[tuple[float, int, object, Callable[[], object]]] = []
        self._number = self._booking = 0

    def carry(self, flow: object, size_bytes: int, then: Callable[[], object]) -> None:
        """Call back when a message of a connection is through that begins now, or behind the others of its own."""
        self._advance()
        last, count = self._flows.get(flow, (0.0, 0))
        finish = max(last, self._served) + size_bytes
        self._flows[flow] = finish, count + 1
        self._number += 1
        heappush(self._waiting, (finish, self._number, flow, then))
        self._book()

    def _advance(self) -> None:
        now = self._clock._now
        if self._flows:
            self._served += (now - self._since) / (self._ns_per_byte * len(self._flows))
        self._since = now

    def _book(self) -> None:
        """Ring when the next message is through, as far as is known now; an older booking is void."""
        self._booking += 1
        left_bytes = max(0.0, self._waiting[0][0] - self._served)
        due = self._since + ceil(left_bytes * self._ns_per_byte * len(self._flows))
        self._clock.call_at(due, self._ring, self._booking)

    def _ring(self, booking: int) -> None:
        if booking != self._booking:
            return
        self._advance()
        waiting = self._waiting
        through = []
        while waiting and waiting[0][0] <= self._served + A_LITTLE:
            _, _, flow, then = heappop(waiting)
            last, count = self._flows[flow]
            if count == 1:
                del self._flows[flow]
            else:
                self._flows[flow] = last, count - 1
            through.append(then)
        if waiting:
            self._book()
        for then in through:
            then()
