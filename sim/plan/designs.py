"""Which configurations are flown: all of a grid, or points that fill a space of ranges evenly.

Sources: M. D. McKay, R. J. Beckman and W. J. Conover, Technometrics 21(2), 1979 (Latin hypercube); I. M. Sobol', USSR
Computational Mathematics and Mathematical Physics 7(4), 1967; both as scipy.stats.qmc has them, scrambled.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from sim.machine.streams import Streams
from sim.plan.factors import Configuration, Factor
from sim.rules.errors import ConfigError

__all__ = ["DESIGNS", "POINTS", "configurations_of", "drawn", "unique"]

DESIGNS = ("grid", "lhs", "sobol")
POINTS = 16
MOST_CONFIGURATIONS = 10_000


def configurations_of(
    factors: Sequence[Factor], design: str, points: int | None = None, seed: int = 0
) -> list[Configuration]:
    """The configurations of a design, none twice; `points` are drawn (16 if not said), which a grid has no use for.

    Raises ConfigError, one line.
    """
    if design not in DESIGNS:
        raise ConfigError(f"--design {design}: there are {', '.join(DESIGNS)}")
    if design == "grid":
        if points is not None:
            raise ConfigError("--points concerns a design that draws; a grid flies every combination, or --design lhs")
        levels = [factor.levels() for factor in factors]
        if prod(map(len, levels)) > MOST_CONFIGURATIONS:
            raise ConfigError(
                f"the grid has {prod(map(len, levels)):,} configurations, {MOST_CONFIGURATIONS:,} at most; "
                f"draw some of them with --design lhs --points {POINTS}"
            )
        names = [factor.name for factor in factors]
        return [dict(zip(names, values, strict=True)) for values in product(*levels)]
    for factor in factors:
        factor.check_order(design)
    return unique(drawn(factors, _shares(len(factors), design, POINTS if points is None else points, seed)))


def drawn(factors: Sequence[Factor], shares: Iterable[Iterable[float]]) -> list[Configuration]:
    """The configuration of each point of the unit cube."""
    return [
        {factor.name: factor.at(float(share)) for factor, share in zip(factors, point, strict=True)} for point in shares
    ]


def unique(configurations: Iterable[Configuration]) -> list[Configuration]:
    """Each once, in order: whole numbers may meet."""
    found: dict[tuple[object, ...], Mapping[str, Any]] = {}
    for configuration in configurations:
        found.setdefault(tuple(configuration.values()), configuration)
    return list(found.values())


def _shares(dimensions: int, design: str, points: int, seed: int) -> Any:
    if not 2 <= points <= MOST_CONFIGURATIONS:
        raise ConfigError(f"--points {points}: between 2 and {MOST_CONFIGURATIONS:,}")
    from scipy.stats import qmc

    chance = Streams(seed).columns("design")
    if design == "lhs":
        return qmc.LatinHypercube(dimensions, seed=chance).random(points)
    if points & (points - 1):
        nearest = 1 << (points.bit_length() - 1)
        raise ConfigError(f"--points {points}: sobol fills space evenly at powers of two: {nearest} or {2 * nearest}")
    return qmc.Sobol(dimensions, seed=chance).random(points)
