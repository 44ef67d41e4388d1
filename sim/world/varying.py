"""Arrival processes whose rate changes in time: inhomogeneous Poisson processes by thinning."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy

from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError
from sim.world.arrivals import Rates, Times, Workload, candidates, check_rates, figure, nanoseconds

__all__ = ["Bursts", "DailyCurve"]

LARGEST_PEAK_TO_MEAN = 50.0


@dataclass(frozen=True, slots=True)
class DailyCurve(Workload):
    """Poisson arrivals whose rate follows the time of day: highest at `peak_at`, lowest half a period away.

    The curve is that of the von Mises distribution, the normal distribution of a circle, so the peak may be any
    multiple of the mean from 1 to 50 and the trough never falls below 0. The run begins at time 0 of the first period.
    Raises ConfigError for bad rates and durations.
    """

    mean_rate_per_s: float
    peak_to_mean: float
    peak_at: str = "14h"
    period: str = "24h"

    def __post_init__(self) -> None:
        check_rates(mean_rate_per_s=self.mean_rate_per_s)
        if not 1 <= self.peak_to_mean <= LARGEST_PEAK_TO_MEAN:
            raise ConfigError(
                f"DailyCurve: peak_to_mean must lie between 1 and {LARGEST_PEAK_TO_MEAN:g}, not {self.peak_to_mean}"
            )
        nanoseconds("peak_at", self.peak_at)
        if nanoseconds("period", self.period) == 0:
            raise ConfigError("DailyCurve: period must be longer than 0s")

    def __str__(self) -> str:
        return f"daily:{figure(self.mean_rate_per_s)},{figure(self.peak_to_mean)},{self.peak_at},{self.period}"

    def mean_rate(self) -> float:
        """Arrivals per second over whole periods."""
        return self.mean_rate_per_s

    def rate_at(self, times: Times) -> Rates:
        """Arrivals per second at each of these times."""
        angle = (times - parse_duration(self.peak_at)) * (2 * math.pi / parse_duration(self.period))
        rates: Rates = self._peak * numpy.exp(_concentration(self.peak_to_mean) * (numpy.cos(angle) - 1))
        return rates

    @property
    def _peak(self) -> float:
        return self.mean_rate_per_s * self.peak_to_mean

    def _chunks(self, rng: numpy.random.Generator, duration_ns: int, /) -> Iterator[Times]:
        for times, heights in candidates(rng, self._peak, duration_ns):
            yield times[heights < self.rate_at(times)]


@dataclass(frozen=True, slots=True)
class Bursts(Workload):
    """Poisson arrivals at a base rate, but at the burst rate for the last `lasts` of every `every`.

    So a run begins calmly. Raises ConfigError for bad rates and durations.
    """

    base_rate_per_s: float
    burst_rate_per_s: float
    every: str
    lasts: str

    def __post_init__(self) -> None:
        check_rates(base_rate_per_s=self.base_rate_per_s, burst_rate_per_s=self.burst_rate_per_s)
        if not 0 < nanoseconds("lasts", self.lasts) <= nanoseconds("every", self.every):
            raise ConfigError(f"Bursts: a burst lasts more than 0s and at most {self.every}, not {self.lasts}")

    def __str__(self) -> str:
        rates = f"{figure(self.base_rate_per_s)},{figure(self.burst_rate_per_s)}"
        return f"bursts:{rates},{self.every},{self.lasts}"

    def mean_rate(self) -> float:
        """Arrivals per second over whole cycles of calm and burst."""
        share = parse_duration(self.lasts) / parse_duration(self.every)
        return self.base_rate_per_s + (self.burst_rate_per_s - self.base_rate_per_s) * share

    def rate_at(self, times: Times) -> Rates:
        """Arrivals per second at each of these times."""
        every = parse_duration(self.every)
        bursting = times % every >= every - parse_duration(self.lasts)
        return numpy.where(bursting, self.burst_rate_per_s, self.base_rate_per_s)

    def _chunks(self, rng: numpy.random.Generator, duration_ns: int, /) -> Iterator[Times]:
        for times, heights in candidates(rng, max(self.base_rate_per_s, self.burst_rate_per_s), duration_ns):
            yield times[heights < self.rate_at(times)]


@lru_cache(maxsize=64)
def _concentration(peak_to_mean: float) -> float:
    """The von Mises parameter k for which exp(k) is this many times the mean of exp(k cos x), by bisection."""
    low, high = 0.0, 512.0
    for _ in range(60):
        middle = (low + high) / 2
        if math.exp(middle) / float(numpy.i0(middle)) < peak_to_mean:
            low = middle
        else:
            high = middle
    return low
