"""A few curves of one quantity against another: points of runs, joined, each line with its name."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from sim.view import colours
from sim.view.colours import group_stroke
from sim.view.picture import Picture

__all__ = ["draw"]

WIDTH_IN, HEIGHT_IN = 8.0, 4.4
MARKERS = "os^Dv"
MOST_TICKS, MOST_MARKED, TITLE_CHARACTERS = 10, 40, 78
WIDE = 50
"""The x axis is logarithmic where its largest value is so many times its smallest."""

Lines = Mapping[str, list[tuple[float, float]]]


def draw(lines: Lines, title: str, x: str, y: str, path: Path | None = None) -> Picture:
    """Draw lines of points (x, y), and write them to `path` as PNG if one is given; `x` and `y` name the axes."""
    picture = Picture(WIDTH_IN, HEIGHT_IN)
    head = fill(title, TITLE_CHARACTERS)
    top = 0.9 - 0.055 * (head.count("\n") + 1)
    axes = picture.add_axes((0.11, 0.13, 0.86, top - 0.13))
    for index, (name, points) in enumerate(lines.items()):
        stroke = group_stroke(index)
        marker = MARKERS[index % len(MARKERS)] if len(points) <= MOST_MARKED else ""
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        (line,) = axes.plot(xs, ys, marker=marker, label=name, clip_on=False)
        line.set_markersize(5 + 2 * (len(lines) - 1 - index))
        line.set(color=stroke.colour, linestyle=stroke.style, linewidth=stroke.width)
    _scale(axes, lines)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=colours.PALE)
    axes.spines[["top", "right"]].set_visible(False)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
    picture.write(0.2, 0.12, head, fontsize=12, weight="bold", va="top", linespacing=1.25)
    if path is not None:
        picture.save(path)
    return picture


def _scale(axes: Axes, lines: Lines) -> None:
    """Logarithmic x where they lie far apart, a tick at each when they are few; y from zero, counts whole."""
    xs = sorted({x for points in lines.values() for x, _ in points})
    ys = [y for points in lines.values() for _, y in points]
    if _is_wide(xs):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    if len(xs) <= MOST_TICKS and (_is_wide(xs) or _are_spread(xs)):
        axes.set_xticks(xs)
    if min(ys, default=0) >= 0:
        axes.set_ylim(0, 1.06 * max(ys, default=0) or 1)
    if all(float(y).is_integer() for y in ys):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _is_wide(values: Iterable[float]) -> bool:
    known = list(values)
    return bool(known) and min(known) > 0 and max(known) >= WIDE * min(known)


def _are_spread(xs: list[float]) -> bool:
    """Whether a tick at each has room for its number."""
    gaps = [later - earlier for earlier, later in pairwise(xs)]
    return not gaps or min(gaps) > 0.06 * (xs[-1] - xs[0])
