"""Lag in seconds as kafka-lag-exporter estimates it: when was the log as long as the group has come?

Source: github.com/seglo/kafka-lag-exporter, LookupTable.scala MemoryTable
"""

from collections import deque
from itertools import pairwise
from math import inf, nan
from typing import NamedTuple

__all__ = ["SIZE", "LookupTable", "Point"]

SIZE = 60
"""Points that the exporter keeps by default (lookup-table.memory.size)."""


class Point(NamedTuple):
    """The end of a log at a time (milliseconds)."""

    offset: int
    time_ms: int


class LookupTable:
    """The last ends of one partition's log, from poll to poll."""

    def __init__(self, size: int = SIZE) -> None:
        self.points: deque[Point] = deque(maxlen=size)

    def add(self, point: Point) -> None:
        """Keep a point; what is not later, or below the last one, is dropped, and a flat stretch keeps two."""
        points = self.points
        if points and (points[-1].time_ms >= point.time_ms or points[-1].offset > point.offset):
            return
        if len(points) > 1 and points[-1].offset == points[-2].offset == point.offset:
            points.pop()
        points.append(point)

    def time_lag_s(self, offset: int, now_ms: int) -> float:
        """How many seconds ago the log ended at the group's committed offset; not a number with fewer than two points.

        Between two points it is interpolated, outside extrapolated through the first and the last of all; where those
        are of one offset, it is infinite.
        """
        points = self.points
        if points and points[-1].offset == offset:
            return 0.0
        if len(points) < 2:
            return nan
        newest_first = list(points)[::-1]
        for right, left in pairwise(newest_first):
            if left.offset <= offset <= right.offset:
                return (now_ms - _crossing_ms(offset, left, right)) / 1000
        return (now_ms - _crossing_ms(offset, points[0], points[-1])) / 1000


def _crossing_ms(offset: int, left: Point, right: Point) -> float:
    """Where the line through two points is at an offset."""
    rise = right.offset - left.offset
    if rise == 0:
        return inf if offset > right.offset else -inf if offset < right.offset else nan
    return right.time_ms - (right.offset - offset) * (right.time_ms - left.time_ms) / rise
