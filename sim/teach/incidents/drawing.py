"""Graphs of metrics up to now: nothing but lines, no faults, no finding."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.teach.incidents.charts import most_telling
from sim.teach.incidents.gauges import GAUGES
from sim.teach.incidents.readings import Lines
from sim.view.picture import Picture
from sim.view.strokes import draw_numbered, numbered_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

WIDTH_IN, PANEL_IN, HEAD_IN = 11.0, 2.5, 0.75


def draw(graphs: Mapping[str, Lines], now_s: float, title: str) -> Picture:
    """One panel for each metric, two in a row if there are several; times are seconds from the start."""
    columns = 1 if len(graphs) == 1 else 2
    rows = -(-len(graphs) // columns)
    panel_in = 3.6 if columns == 1 else PANEL_IN
    picture = Picture(WIDTH_IN, HEAD_IN + rows * panel_in)
    axes = picture.subplots(rows, columns, squeeze=False)
    height_in = picture.get_figheight()
    picture.subplots_adjust(
        left=0.07, right=0.98, top=1 - (HEAD_IN + 0.1) / height_in, bottom=0.5 / height_in, hspace=0.55, wspace=0.14
    )
    picture.write(0.3, 0.12, f"{title}: what is known at {now_s:.0f} s", fontsize=14, weight="bold", va="top")
    for panel, (name, lines) in zip(axes.flat, graphs.items(), strict=False):
        _panel(panel, name, lines, now_s)
    return picture


def _panel(axes: "Axes", name: str, lines: Lines, now_s: float) -> None:
    gauge, shown = GAUGES[name], most_telling(lines)
    left_out = len(lines) - len(shown)
    more = f"; {left_out} lower lines left out" if left_out else ""
    axes.set_title(f"{name} ({gauge.unit})\n{gauge.told}{more}", loc="left", fontsize=9)
    for number, points in enumerate(shown.values()):
        times, values = (numpy.array(column, dtype=numpy.float64) for column in zip(*points, strict=True))
        draw_numbered(axes, number, times, values)
    axes.set_xlim(0, now_s)
    top = 1.08 if list(shown) == ["all"] else 1.4
    axes.set_ylim(0, max(1.0, top * max((value for points in shown.values() for _, value in points), default=1.0)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("simulated time (s)", fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E8E8E8", linewidth=0.8)
    if not shown:
        axes.text(0.5, 0.5, "nothing so far", transform=axes.transAxes, ha="center", va="center")
    elif list(shown) != ["all"]:
        keys = [numbered_key(number, label) for number, label in enumerate(shown)]
        axes.legend(handles=keys, fontsize=7.5, loc="upper left", frameon=True, framealpha=0.8, edgecolor="none")
