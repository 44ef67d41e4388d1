"""Whether a simulated figure lies where the measured one lay."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sim.timelines.figures import Quantity

__all__ = ["Case", "compared", "inside"]

WIDENED_BY = 0.05
"""The measured range is widened by this share of the measured median, and for times by the slack of their side."""

SLACK_MS = {"server": 50.0, "client": 250.0, "count": 0.0}

Range = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """A quantity with the least, the median and the greatest value of each side; None where no run has one."""

    quantity: Quantity
    measured: Range | None
    simulated: Range | None
    inside: bool


def compared(quantity: Quantity) -> Case:
    """Measured range beside simulated range."""
    return Case(quantity, _range(quantity.measured), _range(quantity.simulated), inside(quantity))


def inside(quantity: Quantity) -> bool:
    """Whether the simulated median lies in the measured range, widened; nothing lies inside of nothing.

    A count that was always zero must be zero here, and one that never was must not be: its simulated median, too.
    """
    measured, simulated = quantity.measured, quantity.simulated
    if not measured or not simulated:
        return False
    if quantity.side == "count":
        if not any(measured):
            return median(simulated) == 0
        if all(measured):
            return median(simulated) != 0
    slack = WIDENED_BY * abs(median(measured)) + SLACK_MS[quantity.side]
    return min(measured) - slack <= median(simulated) <= max(measured) + slack


def _range(values: Sequence[float]) -> Range | None:
    return (min(values), median(values), max(values)) if values else None
