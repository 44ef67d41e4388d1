"""Arrival processes: when records are made. What all have in common, and those with a steady rate.

Times are simulated nanoseconds from the start of the run. Draws are made in chunks, so a process may last for
days; a longer run begins with the same arrivals as a shorter one.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError

__all__ = [
    "Constant",
    "Poisson",
    "Rates",
    "Replay",
    "Times",
    "Workload",
    "candidates",
    "check_rates",
    "figure",
    "nanoseconds",
]

Times = NDArray[numpy.int64]
Rates = NDArray[numpy.float64]
CHUNK = 4096


class Workload(ABC):
    """An arrival process; `str()` of one is the text that `parse_workload` reads."""

    __slots__ = ()

    def arrivals(self, rng: numpy.random.Generator, duration_ns: int) -> Iterator[int]:
        """Times from 0 to below the duration, never falling; several may share a nanosecond."""
        for times in self._chunks(rng, duration_ns):
            yield from times[: numpy.searchsorted(times, duration_ns)].tolist()

    @abstractmethod
    def mean_rate(self) -> float:
        """Arrivals per second in the long run."""

    @abstractmethod
    def _chunks(self, rng: numpy.random.Generator, duration_ns: int, /) -> Iterator[Times]:
        """Columns of times, in order, that reach at least to the duration if the process does."""


@dataclass(frozen=True, slots=True)
class Constant(Workload):
    """One arrival every `1 / rate_per_s` seconds, the first at once. Raises ConfigError for a bad rate."""

    rate_per_s: float

    def __post_init__(self) -> None:
        check_rates(rate_per_s=self.rate_per_s)

    def __str__(self) -> str:
        return f"constant:{figure(self.rate_per_s)}"

    def mean_rate(self) -> float:
        """Arrivals per second."""
        return self.rate_per_s

    def _chunks(self, _: numpy.random.Generator, duration_ns: int, /) -> Iterator[Times]:
        count = math.ceil(duration_ns * self.rate_per_s / SECOND)
        for first in range(0, count, CHUNK):
            numbers = numpy.arange(first, min(first + CHUNK, count))
            yield numpy.rint(numbers * min(SECOND / self.rate_per_s, duration_ns)).astype(numpy.int64)


@dataclass(frozen=True, slots=True)
class Poisson(Workload):
    """Independent arrivals at a steady mean rate. Raises ConfigError for a bad rate."""

    rate_per_s: float

    def __post_init__(self) -> None:
        check_rates(rate_per_s=self.rate_per_s)

    def __str__(self) -> str:
        return f"poisson:{figure(self.rate_per_s)}"

    def mean_rate(self) -> float:
        """Arrivals per second."""
        return self.rate_per_s

    def _chunks(self, rng: numpy.random.Generator, duration_ns: int, /) -> Iterator[Times]:
        for times, _ in candidates(rng, self.rate_per_s, duration_ns):
            yield times


@dataclass(frozen=True, slots=True)
class Replay(Workload):
    """Arrivals at given times in nanoseconds. Raises ConfigError unless they are integers, >= 0, never falling."""

    times: tuple[int, ...]

    def __post_init__(self) -> None:
        times = numpy.asarray(self.times)
        if times.size and not numpy.issubdtype(times.dtype, numpy.integer):
            raise ConfigError(f"Replay: times are whole nanoseconds, not {times.dtype} values")
        if times.size and (times[0] < 0 or (numpy.diff(times) < 0).any()):
            raise ConfigError("Replay: times must begin at 0 or later and never fall")

    def __str__(self) -> str:
        return "replay:" + ",".join(f"{time}ns" for time in self.times)

    def mean_rate(self) -> float:
        """Arrivals per second between the first and the last, 0 when no time passes between them."""
        span = self.times[-1] - self.times[0] if self.times else 0
        return (len(self.times) - 1) * SECOND / span if span else 0.0

    def _chunks(self, _: numpy.random.Generator, __: int, /) -> Iterator[Times]:
        yield numpy.asarray(self.times, dtype=numpy.int64)


def candidates(rng: numpy.random.Generator, rate_per_s: float, duration_ns: int) -> Iterator[tuple[Times, Rates]]:
    """Poisson arrivals, each with a height drawn evenly from 0 to the rate.

    Keeping those whose height is below another, lower rate leaves arrivals at that rate, also when it changes in
    time. Source: Lewis and Shedler, Simulation of nonhomogeneous Poisson processes by thinning, 1979
    """
    start = 0
    while rate_per_s > 0:
        elapsed = numpy.cumsum(rng.standard_exponential(CHUNK))
        heights = rng.random(CHUNK) * rate_per_s
        inside = int(numpy.searchsorted(elapsed, (duration_ns - start) * rate_per_s / SECOND))
        times = start + (elapsed[:inside] * (SECOND / rate_per_s)).astype(numpy.int64)
        yield times, heights[:inside]
        if inside < CHUNK:
            return
        start = int(times[-1])


def check_rates(**rates: float) -> None:
    """Refuse negative and infinite rates. Raises ConfigError, one line that names the rate."""
    for name, rate in rates.items():
        if not (math.isfinite(rate) and rate >= 0):
            raise ConfigError(f"{name} must be 0 or more and finite, not {rate}")


def nanoseconds(name: str, duration: str) -> int:
    """A duration of this name. Raises ConfigError, one line."""
    try:
        return parse_duration(duration)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def figure(value: float) -> str:
    """A number as short as it can be read back exactly."""
    return repr(float(value)).removesuffix(".0")
