"""The metrics of a run as arrays over one grid of times, ready to be drawn."""

from collections.abc import Iterable, Iterator

import numpy
from numpy.typing import NDArray

from sim.observe.metrics import Sample

__all__ = ["Curve", "Curves"]

Curve = NDArray[numpy.float64]
Labels = tuple[tuple[str, str], ...]

CLOCK = "UnderReplicatedPartitions"
"""A gauge that every sampling reads: its times are the grid."""


class Curves:
    """All regularly sampled metrics; `times` are seconds from the start."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._series: dict[str, dict[Labels, dict[float, float]]] = {}
        for sample in samples:
            self._series.setdefault(sample.metric, {}).setdefault(sample.labels, {})[sample.time_s] = sample.value
        self.times: Curve = numpy.array(list(self._series.get(CLOCK, {}).get((), {})), dtype=numpy.float64)

    def total(self, metric: str, **labels: str) -> Curve:
        """The sum over all series with these labels; what was not sampled counts as 0."""
        return sum((self._on_grid(points, 0.0) for points in self._matching(metric, labels)), self._flat(0.0))

    def last_known(self, metric: str, **labels: str) -> Curve:
        """The sum over all series with these labels; a series that pauses keeps its last value."""
        total = self._flat(0.0)
        for points in self._matching(metric, labels):
            value, held = 0.0, []
            for time in self.times.tolist():
                value = points.get(time, value)
                held.append(value)
            total = total + numpy.array(held)
        return total

    def highest(self, metric: str, **labels: str) -> Curve:
        """The maximum over all series with these labels; NaN where none was sampled."""
        highest = self._flat(numpy.nan)
        for points in self._matching(metric, labels):
            highest = numpy.fmax(highest, self._on_grid(points, numpy.nan))
        return highest

    def _matching(self, metric: str, labels: dict[str, str]) -> Iterator[dict[float, float]]:
        wanted = set(labels.items())
        for found, points in self._series.get(metric, {}).items():
            if wanted <= set(found):
                yield points

    def _on_grid(self, points: dict[float, float], missing: float) -> Curve:
        return numpy.array([points.get(time, missing) for time in self.times.tolist()], dtype=numpy.float64)

    def _flat(self, value: float) -> Curve:
        return numpy.full(len(self.times), value)
