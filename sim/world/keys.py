"""Which key each record carries: choices drawn in columns, as values that print and compare."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from math import isfinite

import numpy
from numpy.typing import NDArray

from sim.rules.errors import ConfigError

__all__ = ["Keys", "NoKeys", "RoundRobinKeys", "SingleKey", "UniformKeys", "ZipfKeys", "keyed", "parse_keys"]

CHUNK = 1024


class Keys(ABC):
    """A choice of keys; numbered keys are `b"key-0"`, `b"key-1"` and so on.

    `str()` of one is the text that `parse_keys` reads.
    """

    __slots__ = ()

    @abstractmethod
    def draw(self, rng: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:
        """The keys of the next `size` records; `first` counts the records that came before them."""


@dataclass(frozen=True, slots=True)
class UniformKeys(Keys):
    """Each of `count` keys is as likely as any other. Raises ConfigError for a count below 1."""

    count: int

    def __post_init__(self) -> None:
        _check_count(self.count)

    def __str__(self) -> str:
        return f"uniform:{self.count}"

    def draw(self, rng: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:  # noqa: ARG002
        """Independent draws."""
        return _names(rng.integers(self.count, size=size))


@dataclass(frozen=True, slots=True)
class ZipfKeys(Keys):
    """Key number k, counted from 1, is drawn in proportion to `k ** -exponent`: a few hot keys and a long tail.

    Raises ConfigError for a count below 1 or a negative or infinite exponent.
    """

    count: int
    exponent: float

    def __post_init__(self) -> None:
        _check_count(self.count)
        if not (isfinite(self.exponent) and self.exponent >= 0):
            raise ConfigError(f"exponent must be 0 or more and finite, not {self.exponent}")

    def __str__(self) -> str:
        return f"zipf:{self.count},{self.exponent!r}"

    def draw(self, rng: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:  # noqa: ARG002
        """Independent draws, by inversion of the cumulative shares."""
        return _names(numpy.searchsorted(_cumulative_shares(self.count, self.exponent), rng.random(size), "right"))


@dataclass(frozen=True, slots=True)
class SingleKey(Keys):
    """The same key for all records, so all go to one partition."""

    key: bytes

    def __str__(self) -> str:
        return f"single:{self.key.decode()}"

    def draw(self, _: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:  # noqa: ARG002
        """The key, again and again."""
        return [self.key] * size


@dataclass(frozen=True, slots=True)
class RoundRobinKeys(Keys):
    """`count` keys in turn. Raises ConfigError for a count below 1."""

    count: int

    def __post_init__(self) -> None:
        _check_count(self.count)

    def __str__(self) -> str:
        return f"round-robin:{self.count}"

    def draw(self, _: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:
        """The keys from where the turn has come to."""
        return _names(numpy.arange(first, first + size) % self.count)


@dataclass(frozen=True, slots=True)
class NoKeys(Keys):
    """Null keys: the producer chooses the partitions."""

    def __str__(self) -> str:
        return "none"

    def draw(self, _: numpy.random.Generator, size: int, /, first: int = 0) -> list[bytes | None]:  # noqa: ARG002
        """Nothing but null keys."""
        return [None] * size


FORMS: Mapping[str, tuple[str, Callable[[str], Keys]]] = {
    "uniform": ("uniform:100", lambda rest: UniformKeys(int(rest))),
    "zipf": ("zipf:100,1.0", lambda rest: _zipf(*rest.split(","))),
    "single": ("single:card-7", lambda rest: SingleKey(rest.encode())),
    "round-robin": ("round-robin:100", lambda rest: RoundRobinKeys(int(rest))),
    "none": ("none", lambda rest: NoKeys(*rest)),
}


def parse_keys(text: str) -> Keys:
    """The choice of keys that a text stands for. Raises ConfigError, in one line that names the forms there are."""
    kind, _, rest = text.strip().partition(":")
    if kind not in FORMS:
        *most, last = (example for example, _ in FORMS.values())
        raise ConfigError(f"keys {text!r}: write them like {', '.join(most)} or {last}")
    example, make = FORMS[kind]
    try:
        return make(rest.strip())
    except ConfigError as error:
        raise ConfigError(f"keys {text!r}: {error}") from error
    except (ValueError, TypeError):
        raise ConfigError(f"keys {text!r}: write them like {example}") from None


def _zipf(count: str, exponent: str = "1.0") -> Keys:
    return ZipfKeys(int(count), float(exponent))


def keyed(times: Iterable[int], keys: Keys, rng: numpy.random.Generator) -> Iterator[tuple[int, bytes | None]]:
    """Each arrival with its key, lazily; give the keys a random stream of their own."""
    arrivals, first = iter(times), 0
    while chunk := list(islice(arrivals, CHUNK)):
        yield from zip(chunk, keys.draw(rng, len(chunk), first=first), strict=True)
        first += len(chunk)


def _names(numbers: NDArray[numpy.int64]) -> list[bytes | None]:
    return [b"key-%d" % number for number in numbers.tolist()]


def _check_count(count: int) -> None:
    if count < 1:
        raise ConfigError(f"count of keys must be at least 1, not {count}")


@lru_cache(maxsize=16)
def _cumulative_shares(count: int, exponent: float) -> NDArray[numpy.float64]:
    """The share of all draws that fall on the first keys, up to each; the last is exactly 1."""
    running = numpy.cumsum(numpy.arange(1, count + 1, dtype=numpy.float64) ** -exponent)
    shares: NDArray[numpy.float64] = running / running[-1]
    return shares
