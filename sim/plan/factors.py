"""What an experiment varies: a knob or Kafka key, and the values or the range that it takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isclose
from typing import Any

from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["Configuration", "Factor", "Value", "check", "factor_of", "named", "read_vary"]

Value = int | float | str | bool
Configuration = Mapping[str, Value]
"""A value for each factor, by its name."""

MOST_VALUES = 10_000
NUMBER = r"(-?\d+(?:\.\d+)?)\s*([A-Za-zµ%]*)"
RANGE = re.compile(rf"{NUMBER}\.\.{NUMBER}")
QUANTITY = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class Factor:
    """A setting that is varied: over a list of `values`, or from `low` to `high`, both counted, in a `unit`.

    A range is of whole numbers when both of its ends are, as in `1..12` and `5s..60s`; `0.1..0.9` is not.
    """

    name: str
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    is_whole: bool = True

    def levels(self) -> tuple[Value, ...]:
        """All values, for a grid. Raises ConfigError for a range that has no next value."""
        if self.values:
            return self.values
        if not self.is_whole:
            raise ConfigError(
                f"--vary {self.name}={self._range()}: a grid needs single values; "
                f"name them with commas, or draw from the range with --design lhs"
            )
        if self._count() > MOST_VALUES:
            raise ConfigError(f"--vary {self.name}={self._range()}: {self._count():,} values; {MOST_VALUES:,} at most")
        return tuple(self._written(self.low + step) for step in range(self._count()))

    def at(self, share: float) -> Value:
        """The value at a share, 0 to 1, of the way through the range or the list."""
        if self.values or self.is_whole:
            step = min(int(share * self._count()), self._count() - 1)
            return self.values[step] if self.values else self._written(self.low + step)
        return self._written(self.low + share * (self.high - self.low))

    @property
    def is_even(self) -> bool:
        """Whether one step from a value to the next is as far as any other, so that steps can be added up."""
        numbers = [QUANTITY.fullmatch(str(value)) for value in self.values]
        known = [(float(found[1]), found[2]) for found in numbers if found is not None]
        if len(self.values) <= 2:
            return True
        if len(known) < len(numbers) or len({unit for _, unit in known}) > 1:
            return False
        steps = [after - before for (before, _), (after, _) in pairwise(known)]
        return all(isclose(step, steps[0]) for step in steps)

    def nearest(self, share: float) -> float:
        """How far along the way, 0 to 1, the value nearest to a share of it lies; the middle one of three at 0.5.

        Of a list with uneven steps only the ends count.
        """
        if not self.is_even:
            return float(round(share))
        last = self._count() - 1
        return share if not (self.values or self.is_whole) else round(share * last) / max(last, 1)

    def check_order(self, design: str) -> None:
        """Refuse words where values are drawn from a range; of two it is no matter which is first."""
        if len(self.values) > 2 and not all(_is_quantity(value) for value in self.values):
            raise ConfigError(
                f"--vary {self.name}: {self.values[0]}, {self.values[1]} and so on have no order that {design} could "
                f"draw from; name numbers, or two values, or use --design grid"
            )

    def _count(self) -> int:
        return len(self.values) or int(self.high - self.low) + 1

    def _written(self, number: float) -> Value:
        if not self.unit:
            return int(number) if self.is_whole else float(f"{number:.6g}")
        return f"{number:.6f}".rstrip("0").rstrip(".") + self.unit

    def _range(self) -> str:
        return f"{self.low:g}{self.unit}..{self.high:g}{self.unit}"


def read_vary(texts: Sequence[str]) -> dict[str, str]:
    """Values by setting, as the command line has them: `consumers=1..12`. Raises ConfigError, one line."""
    found: dict[str, str] = {}
    for text in texts:
        name, separator, values = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise ConfigError(f"--vary {text}: write it as key=values, such as consumers=1..12 or linger.ms=0,5,20")
        if name in found:
            raise ConfigError(f"--vary {name}: is given more than once; write all its values in one")
        found[name] = values
    return found


def factor_of(name: str, values: object) -> Factor:
    """A factor of a text such as `1..12` or `0,5,20` (or with semicolons), a list of values, or a Python range.

    Raises ConfigError, one line.
    """
    if isinstance(values, str):
        found = RANGE.fullmatch(values.strip())
        if found is not None:
            return _range_of(name, values, found.groups())
        parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
        if not all(parts) or any(".." in part for part in parts):
            raise ConfigError(f"--vary {name}={values}: write a range such as 1..12, or values such as 0,5,20")
        return _list_of(name, [_value(part) for part in parts])
    if isinstance(values, Sequence) and all(isinstance(value, Value) for value in values):
        return _list_of(name, list(values))
    raise ConfigError(f"--vary {name}: {values!r} is no range and no list of values, such as 1..12 or 0,5,20")


def check(scenario: Scenario, factors: Sequence[Factor], fixed: Mapping[str, object]) -> None:
    """Refuse settings that a scenario has not, or that are set twice. Raises ConfigError, one line."""
    if not factors:
        raise ConfigError("nothing is varied; name a setting and its values, such as --vary linger.ms=0,5,20")
    seen: dict[tuple[str, str], str] = {}
    for name, value in (*((factor.name, factor.at(0)) for factor in factors), *fixed.items()):
        settings = scenario.settings({name: value})
        overridden = [(kind, key) for kind, values in settings.overrides.items() for key in values]
        place = overridden[0] if overridden else ("knob", _plain(name))
        if place in seen:
            again = f"as {seen[place]} and as {name}" if seen[place] != name else "more than once"
            raise ConfigError(f"{name} is set {again}; vary it or set it, and only once")
        seen[place] = name


def named(configuration: Configuration) -> str:
    """A configuration in words: `consumers=3, linger.ms=5`."""
    return ", ".join(f"{name}={value}" for name, value in configuration.items())


def _range_of(name: str, text: str, ends: tuple[Any, ...]) -> Factor:
    low, low_unit, high, high_unit = ends
    unit = high_unit
    if low_unit not in ("", unit):
        raise ConfigError(f"--vary {name}={text}: write both ends in one unit, such as 500ms..5000ms")
    if float(low) > float(high):
        raise ConfigError(f"--vary {name}={text}: is an empty range; write {high}{high_unit}..{low}{unit}")
    return Factor(name, (), float(low), float(high), unit, "." not in low and "." not in high)


def _list_of(name: str, values: list[Value]) -> Factor:
    if not values:
        raise ConfigError(f"--vary {name}: no values; name some, such as 0,5,20")
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        raise ConfigError(f"--vary {name}: {twice[0]} is there more than once")
    return Factor(name, tuple(values))


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _is_quantity(value: Value) -> bool:
    return not isinstance(value, str) or QUANTITY.fullmatch(value) is not None


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")
