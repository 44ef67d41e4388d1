"""Latencies of any number in bounded memory: logarithmic buckets, one percent wide."""

import math
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

__all__ = ["Histogram", "Window", "quantiles"]

GROWTH = 1.01
Column = NDArray[numpy.int64]
QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


def quantiles(nanoseconds: Sequence[int] | Column) -> dict[str, float]:
    """p50, p95, p99 and max of a window of latencies, in milliseconds; empty for an empty window."""
    if not len(nanoseconds):
        return {}
    last = len(nanoseconds) - 1
    places = {name: min(last, math.ceil(share * (last + 1)) - 1) for name, share in QUANTILES}
    ordered = numpy.partition(numpy.asarray(nanoseconds, dtype=numpy.float64), sorted({*places.values(), last})) / 1e6
    return {**{name: float(ordered[place]) for name, place in places.items()}, "max": float(ordered[last])}


class Window:
    """Latencies of one window, noted batch by batch: when it was over, and when its records were sent."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, int]] = []
        self._columns: list[Column] = []

    def add(self, time: int, sent_at: Sequence[int]) -> None:
        """Note the records of a batch, in nanoseconds; evenly spaced ones, as a range, cost no more than one."""
        if isinstance(sent_at, range):
            self._spans.append((time - sent_at.start, sent_at.step, len(sent_at)))
        else:
            self._columns.append(time - numpy.asarray(sent_at, dtype=numpy.int64))

    def column(self) -> Column:
        """All latencies in nanoseconds, in no order."""
        columns = self._columns
        if self._spans:
            latest, step, count = numpy.array(self._spans, dtype=numpy.int64).T
            place = numpy.arange(count.sum()) - numpy.repeat(numpy.cumsum(count) - count, count)
            columns = [*columns, numpy.repeat(latest, count) - numpy.repeat(step, count) * place]
        return numpy.concatenate(columns) if columns else numpy.zeros(0, dtype=numpy.int64)

    def clear(self) -> None:
        """Begin anew."""
        self._spans.clear()
        self._columns.clear()


class Histogram:
    """Counts per bucket; a quantile is right to one percent."""

    def __init__(self) -> None:
        self._counts = numpy.zeros(4096, dtype=numpy.int64)
        self._largest = 0

    def add(self, nanoseconds: Sequence[int] | Column) -> None:
        """Count a column of latencies."""
        if len(nanoseconds):
            column = numpy.maximum(numpy.asarray(nanoseconds, dtype=numpy.float64), 1.0)
            buckets = numpy.ceil(numpy.log(column) / math.log(GROWTH)).astype(numpy.int64)
            self._counts += numpy.bincount(buckets, minlength=len(self._counts))
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
