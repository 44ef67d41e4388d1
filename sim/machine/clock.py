"""Simulated time: a SimPy environment that counts whole nanoseconds.

Integers add up exactly (ten ticks of 0.1 are not 1.0), so every time and delay inside the
simulator is an `int` of nanoseconds; Kafka's own `..._ms` values are converted at the edge.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

from simpy import Environment
from simpy.events import NORMAL

__all__ = [
    "CALL",
    "MICROSECOND",
    "MILLISECOND",
    "MINUTE",
    "SECOND",
    "Clock",
    "format_duration",
    "milliseconds",
    "parse_duration",
]

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND

_UNITS = {
    "ns": 1,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "min": MINUTE,
    "h": 60 * MINUTE,
    "d": 24 * 60 * MINUTE,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|min|m|h|d)\s*")


def milliseconds(value: float) -> int:
    """A Kafka `..._ms` value as simulated nanoseconds."""
    return round(value * MILLISECOND)


def parse_duration(text: str | int) -> int:
    """Nanoseconds of a duration for people: `"5m"`, `"20ms"`, `"1m30s"`; an `int` is nanoseconds already.

    Raises ValueError, in one line, for anything else.
    """
    if isinstance(text, int):
        return text
    parts, end = [], 0
    for part in _PART.finditer(text.strip()):
        if part.start() != end:
            break
        parts.append(round(Fraction(part[1]) * _UNITS[part[2]]))
        end = part.end()
    if not parts or end != len(text.strip()):
        raise ValueError(f"{text!r} is not a duration; write it like 20ms, 45s, 5m or 1h30m")
    return sum(parts)


def format_duration(nanoseconds: int) -> str:
    """A duration as people read it: `41.2 s`, `4 min 05 s`, `3.1 ms`."""
    if nanoseconds < 0:
        return f"-{format_duration(-nanoseconds)}"
    if nanoseconds >= MINUTE:
        minutes, rest = divmod(round(nanoseconds / SECOND), 60)
        return f"{minutes} min {rest:02d} s"
    for name, unit in (("s", SECOND), ("ms", MILLISECOND), ("µs", MICROSECOND)):
        figure = f"{nanoseconds / unit:.3g}"
        if float(figure) >= 1:
            return f"{figure} {name}"
    return f"{nanoseconds} ns"


CALL = 5
"""Parts of an entry of the queue that is a call: time, priority, number, function, arguments."""


class Clock(Environment):
    """SimPy's environment with integer nanoseconds and calls of plain functions."""

    _now: int

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    @property
    def now_ms(self) -> int:
        """Milliseconds since the start of the run, as Kafka's own clock would tell them."""
        return self._now // MILLISECOND

    def events_booked(self) -> int:
        """How many events have been booked so far; asking takes a number, too."""
        return next(self._eid)

    def run(self, until: Any = None) -> Any:
        """Run up to a later time; to anything else than whole nanoseconds as SimPy does."""
        if type(until) is not int:
            return super().run(until)
        queue: list[Any] = self._queue
        simpy_step = super().step
        while queue:
            entry = queue[0]
            if entry[0] >= until:
                break
            if len(entry) == CALL:
                heappop(queue)
                self._now = entry[0]
                entry[3](*entry[4])
            else:
                simpy_step()
        self._now = until
        return None

    def step(self) -> None:
        """Take the next event. Raises EmptySchedule when there is none."""
        queue: list[Any] = self._queue
        if queue and len(queue[0]) == CALL:
            self._now, _, _, function, arguments = heappop(queue)
            function(*arguments)
        else:
            super().step()

    def run_watched(self, until: int, watch: Callable[[], None]) -> None:
        """Run up to a later time as `run` does, and call `watch` after each event."""
        queue, step = self._queue, self.step
        while queue and queue[0][0] < until:
            step()
            watch()
        self._now = until

    def call_at(self, time: int, function: Callable[..., object], *arguments: Any) -> None:
        """Call `function` at a simulated time, in the order of booking among equal times: the cheapest event."""
        now = self._now
        call = (time if time > now else now, NORMAL, next(self._eid), function, arguments)
        heappush(self._queue, call)  # type: ignore[misc]
