"""Latencies of any number in bounded memory: logarithmic buckets, one percent wide."""

import math
from collections.abc import Sequence
from functools import cache, cached_property

import numpy
from numpy.typing import NDArray

__all__ = ["Histogram", "Runs", "Window", "quantiles"]

GROWTH = 1.01
BUCKETS = 4096
SPARSE = 500
Column = NDArray[numpy.int64]
QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


def bucket_of(nanoseconds: NDArray[numpy.generic]) -> Column:
    """The bucket of each latency; what is shorter than a nanosecond is in the first."""
    column = numpy.maximum(nanoseconds.astype(numpy.float64), 1.0)
    return numpy.ceil(numpy.log(column) / math.log(GROWTH)).astype(numpy.int64)


@cache
def edges() -> Column:
    """The longest latency of each bucket, in whole nanoseconds."""
    near = numpy.floor(GROWTH ** numpy.arange(BUCKETS, dtype=numpy.float64)).astype(numpy.int64)
    near -= bucket_of(near) > numpy.arange(BUCKETS)
    return near + (bucket_of(near + 1) <= numpy.arange(BUCKETS))


class Runs:
    """Latencies in evenly spaced runs, each with its lowest, its step and its count: counted, not written out."""

    def __init__(self, lowest: Column, step: Column, count: Column) -> None:
        self._lowest, self._step, self._count = lowest, step, count
        self._length = int(count.sum())
        self.lowest, self.highest = int(lowest.min()), int((lowest + step * (count - 1)).max())

    def __len__(self) -> int:
        return self._length

    @cached_property
    def first_bucket(self) -> int:
        """The bucket of the lowest."""
        return int(edges().searchsorted(self.lowest))

    @cached_property
    def running(self) -> Column:
        """How many are in no bucket (0), in that of the lowest, in that and the next, and so on until all are."""
        running: Column = numpy.add.reduce(self._reached, axis=1)
        return running

    @cached_property
    def _reached(self) -> Column:
        """The same of each run; the quotient of whole numbers is exact as a float, up to 104 days."""
        ends = edges()[self.first_bucket : int(edges().searchsorted(self.highest)) + 1]
        steps = numpy.zeros((len(ends) + 1, len(self._count)))
        numpy.floor((ends[:, None] - self._lowest) / self._step + 1, out=steps[1:])
        numpy.minimum(numpy.maximum(steps, 0, out=steps), self._count, out=steps)
        reached: Column = steps.astype(numpy.int64)
        return reached

    def smallest(self, place: int) -> int:
        """The latency at a place in their order, from 0: only those of its bucket are written out."""
        bucket = int(self.running.searchsorted(place, "right"))
        place -= int(self.running[bucket - 1])
        inside = self._written_out(self._reached[bucket - 1], self._reached[bucket])
        inside.partition(place)
        return int(inside[place])

    def column(self) -> Column:
        """All of them in nanoseconds, in no order."""
        return self._written_out(numpy.zeros_like(self._count), self._count)

    def _written_out(self, first: Column, end: Column) -> Column:
        """Of each run the latencies from a place on, as far as another."""
        sizes = end - first
        begins = sizes.cumsum() - sizes - first
        place = numpy.arange(int(sizes.sum())) - begins.repeat(sizes)
        found: Column = self._lowest.repeat(sizes) + self._step.repeat(sizes) * place
        return found


def quantiles(nanoseconds: Sequence[int] | Column | Runs) -> dict[str, float]:
    """p50, p95, p99 and max of a window of latencies, in milliseconds; empty for an empty window."""
    if not len(nanoseconds):
        return {}
    last = len(nanoseconds) - 1
    places = {name: min(last, math.ceil(share * (last + 1)) - 1) for name, share in QUANTILES}
    if isinstance(nanoseconds, Runs):
        found = {name: nanoseconds.smallest(place) / 1e6 for name, place in places.items()}
        return {**found, "max": nanoseconds.highest / 1e6}
    ordered = numpy.partition(numpy.asarray(nanoseconds, dtype=numpy.float64), sorted({*places.values(), last})) / 1e6
    return {**{name: float(ordered[place]) for name, place in places.items()}, "max": float(ordered[last])}


class Window:
    """Latencies of one window, noted batch by batch: when it was over, and when its records were sent."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, int, int]] = []
        self._columns: list[Column] = []

    def add(self, time: int, sent_at: Sequence[int]) -> None:
        """Note the records of a batch, in nanoseconds; evenly spaced ones, as a range, cost no more than one."""
        if not isinstance(sent_at, range):
            self._columns.append(time - numpy.asarray(sent_at, dtype=numpy.int64))
        elif sent_at:
            self._runs.append((time - sent_at[-1], sent_at.step, len(sent_at)))

    def latencies(self) -> Column | Runs:
        """All of them in nanoseconds, in no order; long runs as such."""
        columns = self._columns
        if self._runs:
            runs = Runs(*numpy.array(self._runs, dtype=numpy.int64).T)
            if not columns and len(runs) >= SPARSE * len(self._runs):
                return runs
            columns = [*columns, runs.column()]
        return numpy.concatenate(columns) if columns else numpy.zeros(0, dtype=numpy.int64)

    def clear(self) -> None:
        """Begin anew."""
        self._runs.clear()
        self._columns.clear()


class Histogram:
    """Counts per bucket; a quantile is right to one percent."""

    def __init__(self) -> None:
        self._counts = numpy.zeros(BUCKETS, dtype=numpy.int64)
        self._largest = 1

    def add(self, nanoseconds: Sequence[int] | Column | Runs) -> None:
        """Count latencies."""
        if isinstance(nanoseconds, Runs):
            counts = numpy.diff(nanoseconds.running)
            first = nanoseconds.first_bucket
            self._counts[first : first + len(counts)] += counts
            self._largest = max(self._largest, nanoseconds.highest)
        elif len(nanoseconds):
            column = numpy.asarray(nanoseconds, dtype=numpy.int64)
            self._counts += numpy.bincount(bucket_of(column), minlength=BUCKETS)
            self._largest = max(self._largest, int(column.max()))

    @property
    def count(self) -> int:
        """How many latencies were counted."""
        return int(self._counts.sum())

    def summary(self) -> dict[str, float]:
        """p50, p95, p99 and max in milliseconds; empty when nothing was counted."""
        total = self.count
        if not total:
            return {}
        running = numpy.cumsum(self._counts)
        found = {}
        for name, share in QUANTILES:
            bucket = int(numpy.searchsorted(running, math.ceil(share * total)))
            found[name] = round(min(GROWTH**bucket, self._largest) / 1e6, 3)
        return {**found, "max": round(self._largest / 1e6, 3)}
