"""Lines for anything that is numbered (brokers, kinds of requests): colour, style and marker together."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sim.view import colours
from sim.view.curves import Curve

__all__ = ["draw_numbered", "numbered_key"]

STYLES: tuple[tuple[str, Any, str], ...] = (
    (colours.BLUE, "-", ""),
    (colours.ORANGE, (0, (5, 1.5)), ""),
    (colours.GREEN, (0, (1.2, 1.2)), ""),
    (colours.PURPLE, "-", "o"),
    (colours.VERMILLION, (0, (6, 1.5, 1.2, 1.5)), ""),
    (colours.SKY, "-", "^"),
    (colours.BLACK, (0, (3, 3)), ""),
    (colours.GREY, "-", "x"),
)
MARKS = 24
"""About so many markers stand on a line."""


def draw_numbered(axes: Axes, number: int, times: Curve, values: Curve) -> None:
    """Draw the n-th line; after eight they repeat."""
    axes.add_line(_line(number, times.tolist(), values.tolist()))
    axes.relim()
    axes.autoscale_view(scalex=False)


def numbered_key(number: int, label: str) -> Line2D:
    """Its entry of a legend."""
    line = _line(number, [], [])
    line.set(label=label, markevery=1)
    return line


def _line(number: int, x: Sequence[float], y: Sequence[float]) -> Line2D:
    colour, style, marker = STYLES[number % len(STYLES)]
    every = max(1, len(x) // MARKS)
    line = Line2D(x, y, color=colour, linestyle=style, marker=marker, markersize=4, markevery=every, linewidth=1.5)
    line.set_label(f"_{number}")
    return line
