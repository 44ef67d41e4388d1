"""The picture of a run: throughput, lag, latency and replication over time, with the faults shaded."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from sim.machine.clock import format_duration
from sim.view import colours, panels
from sim.view.curves import Curves
from sim.view.episodes import episodes, fault_spans, reactions
from sim.view.finding import finding
from sim.view.marks import TimeScale, label_faults, mark_reactions, shade_faults
from sim.view.picture import Picture

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

WIDTH_IN, HEIGHT_IN = 11.0, 8.0
LEFT_IN, RIGHT_IN, BOTTOM_IN, GAP_IN = 0.95, 0.2, 0.5, 0.24
PANEL_IN = WIDTH_IN - LEFT_IN - RIGHT_IN
PANEL_HEIGHTS = (1.25, 1.25, 0.95, 1.1, 0.35, 0.5)
COSTS_CHARACTERS = 106
TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw a run, and write it to `path` as PNG if one is given."""
    picture = Picture(WIDTH_IN, HEIGHT_IN)
    curves, plan, end_s = Curves(run.metrics.samples), run.flight.plan, max(run.simulated_s, 0.1)
    spans = fault_spans(run.facts, end_s)
    scale = TimeScale(LEFT_IN, WIDTH_IN - RIGHT_IN, end_s)
    down_in = label_faults(picture, spans, scale, _head(picture, run))
    *stack, strip = _stack(picture, down_in + GAP_IN, end_s)
    panels.throughput(stack[0], plan, curves)
    panels.lag_records(stack[1], plan, curves, episodes(spans))
    panels.lag_seconds(stack[2], plan, curves, episodes(spans))
    panels.latency(stack[3], plan, curves)
    panels.replication(stack[4], plan, curves)
    for axes, name in ((stack[4], "partitions"), (strip, "reactions")):
        axes.set_ylabel(name, fontsize=9.5, rotation=0, ha="right", va="center")
        axes.yaxis.set_label_coords(-0.2 / PANEL_IN, 0.5)
    shade_faults((*stack, strip), spans)
    mark_reactions(picture, stack, strip, reactions(run.facts), scale)
    if path is not None:
        picture.save(path)
    return picture


def _head(picture: Picture, run: "Run") -> float:
    """The finding, a subtitle and the legend; returns how far down they reach, in inches."""
    fate, *costs = finding(run).split("; ")
    picture.write(LEFT_IN, 0.13, fate, fontsize=17, weight="bold", va="top")
    down_in = 0.47
    for line in _lines(costs):
        picture.write(LEFT_IN, down_in, line, fontsize=11.2, weight="bold", va="top")
        down_in += 0.23
    partial = ", stopped early" if run.partial else ""
    simulated = format_duration(round(run.simulated_s * 1e9))
    subtitle = f"{run.scenario.name}, seed {run.settings.seed}, {simulated} simulated{partial}"
    picture.write(LEFT_IN, down_in, subtitle, fontsize=9.5, color=colours.GREY, va="top")
    return _legend(picture, run, down_in + 0.25)


def _lines(clauses: Sequence[str]) -> list[str]:
    """As many clauses to a line as fit; one that is too long for a line is broken."""
    lines: list[str] = []
    for clause in clauses:
        if lines and len(lines[-1]) + 2 + len(clause) <= COSTS_CHARACTERS:
            lines[-1] += f"; {clause}"
        else:
            lines += wrap(clause, COSTS_CHARACTERS)
    return lines


def _legend(picture: Picture, run: "Run", down_in: float) -> float:
    """One legend for all panels, in as many columns as fit."""
    lines = panels.legend_lines(run.flight.plan)
    for columns in range(max(1, len(lines)), 0, -1):
        legend = picture.legend(
            handles=lines,
            ncols=columns,
            loc="upper left",
            fontsize=9.5,
            frameon=False,
            handlelength=3.2,
            bbox_to_anchor=(LEFT_IN / WIDTH_IN, 1 - down_in / HEIGHT_IN),
            borderaxespad=0,
            borderpad=0,
        )
        if picture.width_of(legend) <= PANEL_IN or columns == 1:
            break
        legend.remove()
    return down_in + picture.height_of(legend) + 0.08


def _stack(picture: Picture, down_in: float, end_s: float) -> list[Axes]:
    """Panels above each other, the last one for words only."""
    scale = (HEIGHT_IN - BOTTOM_IN - down_in - GAP_IN * (len(PANEL_HEIGHTS) - 1)) / sum(PANEL_HEIGHTS)
    stack: list[Axes] = []
    for height in PANEL_HEIGHTS:
        down_in += scale * height
        low, high = 1 - down_in / HEIGHT_IN, scale * height / HEIGHT_IN
        box = (LEFT_IN / WIDTH_IN, low, PANEL_IN / WIDTH_IN, high)
        axes = picture.add_axes(box, sharex=stack[0] if stack else None)
        axes.tick_params(labelsize=9, labelbottom=len(stack) + 1 == len(PANEL_HEIGHTS))
        axes.grid(axis="y", color=colours.PALE, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.yaxis.set_label_coords(-0.6 / PANEL_IN, 0.5)
        stack.append(axes)
        down_in += GAP_IN
    _time_axis(stack[-1], end_s)
    return stack


def _time_axis(axes: Axes, end_s: float) -> None:
    unit, unit_s = ("s", 1) if end_s <= 600 else ("min", 60) if end_s <= 3 * 3600 else ("h", 3600)
    step = next((step for step in TICK_STEPS if end_s / step <= 10), TICK_STEPS[-1])
    axes.set_xlim(0, end_s)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit_s:g}"))
    axes.set_xlabel(f"simulated time from the start ({unit})", fontsize=10)
    axes.set_yticks([])
