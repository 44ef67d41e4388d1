"""What a sample says of its mean: warm-up, batch means, Student's t, paired differences.

Sources: K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6),
1997 (MSER), and White, Cobb and Spratt, Winter Simulation Conference 2000 (MSER-5, on means of five); A. M. Law,
"Simulation Modeling and Analysis", 5th edition (Law & Kelton), sections 9.5.2, 9.5.3 and 10.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, inf, isfinite, log10, sqrt

import numpy
from numpy.typing import NDArray

__all__ = ["Interval", "batch_means", "interval", "paired", "steady_mean", "warm_up"]

OF_FIVE, SHORT = 5, 50
"""Values in a batch of MSER-5, and how many values make a series long enough for it."""

WORTHWHILE = 0.5
"""The share of the squared standard error of the whole series that a cut has to come below."""

NEGLIGIBLE = 1e-6
"""Half widths of less than this share of the mean are told as none."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and how far from it the true one may lie, in the unit of the values; `count` values were averaged.

    Of a single value nothing is known about its spread: its half width is infinite.
    """

    mean: float
    half_width: float
    count: int

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half_width

    @property
    def precision(self) -> float:
        """The half width as a share of the mean's size; 0 when both are 0, infinite for a mean of 0."""
        if not self.half_width:
            return 0.0
        return self.half_width / abs(self.mean) if self.mean else inf

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if not isfinite(self.half_width) or self.half_width <= abs(self.mean) * NEGLIGIBLE:
            return f"{self.mean:,.6g}" + (" ± 0" if isfinite(self.half_width) else "")
        digits = 1 - floor(log10(self.half_width))
        rounded = (f"{round(value, digits):,.{max(0, digits)}f}" for value in (self.mean, self.half_width))
        return " ± ".join(rounded)


def interval(values: Iterable[float], confidence: float = 0.95) -> Interval:
    """The mean of independent values with its Student-t interval, n - 1 degrees of freedom (Law & Kelton 9.5.2).

    Raises ValueError for no values, values that are no numbers, or a confidence outside 0 to 1.
    """
    sample = _sample(values)
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence:g}: must lie between 0 and 1, such as 0.95")
    mean = float(sample.mean())
    if len(sample) == 1:
        return Interval(mean, inf, 1)
    from scipy.stats import t

    spread = float(sample.std(ddof=1))
    quantile = float(t.ppf((1 + confidence) / 2, len(sample) - 1))
    return Interval(mean, quantile * spread / sqrt(len(sample)), len(sample))


def warm_up(series: Iterable[float]) -> int:
    """The index of the first value to keep, by MSER-5.

    The front is cut off where the squared standard error of the rest is least, in steps of five values, whose means
    are looked at; at most half of them, as few values at the end say little. A series of less than fifty values is
    looked at value by value, as in MSER's first form.

    Unlike there nothing is cut unless the error falls below half of that of the whole series: in a steady series
    chance makes some cut look a little better, mostly one that leaves low values, and the mean would lean.
    """
    sample = _sample(series)
    step = OF_FIVE if len(sample) >= SHORT else 1
    count = len(sample) // step
    means = sample[: count * step].reshape(count, step).mean(axis=1)
    rest = [means[cut:] for cut in range(count // 2 + 1)]
    errors = [float(((part - part.mean()) ** 2).sum()) / len(part) ** 2 for part in rest]
    return step * errors.index(min(errors)) if min(errors) < WORTHWHILE * errors[0] else 0


def steady_mean(series: Iterable[float]) -> float:
    """The mean of a series without its warm-up."""
    sample = _sample(series)
    return float(sample[warm_up(sample) :].mean())


def batch_means(series: Iterable[float], batches: int = 20, confidence: float = 0.95) -> Interval:
    """The mean of one long run, whose values depend on their neighbours, with its interval (Law & Kelton 9.5.3).

    The series is cut into batches of equal length whose means are nearly independent; what does not fill the last
    batch is left out at the front, where the warm-up was. Remove the warm-up first. `count` is that of the batches.
    Raises ValueError for less than two batches, or less than two values for each.
    """
    sample = _sample(series)
    length = len(sample) // batches if batches >= 2 else 0
    if length < 2:
        raise ValueError(f"{len(sample):,} values in {batches:,} batches: take two batches or more of two values each")
    return interval(sample[-length * batches :].reshape(batches, length).mean(axis=1), confidence)


def paired(a: Iterable[float], b: Iterable[float], confidence: float = 0.95) -> Interval:
    """How much more `a` is than `b`: the interval of the differences pair by pair (Law & Kelton 10.2.1).

    Under common random numbers, where the r-th values of both come from the same seed, what chance does to both
    cancels, and the interval is narrower than those of the means. Raises ValueError unless both are equally long.
    """
    one, other = _sample(a), _sample(b)
    if len(one) != len(other):
        raise ValueError(f"{len(one):,} values cannot be paired with {len(other):,}: one of each seed is needed")
    return interval(one - other, confidence)


def _sample(values: Iterable[float]) -> NDArray[numpy.float64]:
    sample = numpy.fromiter(values, dtype=numpy.float64)
    if not len(sample):
        raise ValueError("no values: a mean needs at least one")
    if not numpy.isfinite(sample).all():
        raise ValueError("some values are no finite numbers; leave them out first")
    return sample
