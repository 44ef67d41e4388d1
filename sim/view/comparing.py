"""The picture of two runs: throughput, lag and latency over one time axis, the second one over the first."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.view import colours
from sim.view.curves import Curve, Curves
from sim.view.episodes import fault_spans
from sim.view.marks import shade_faults
from sim.view.picture import Picture

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

WIDTH_IN, HEIGHT_IN = 11.0, 7.0
STYLES = ({"color": colours.ORANGE, "linestyle": "--"}, {"color": colours.BLUE, "linestyle": "-"})


def draw(runs: tuple["Run", "Run"], labels: tuple[str, str], title: str, fork_s: float | None, path: Path) -> Figure:
    """Draw two runs, and write it to `path` as PNG; `fork_s` is where the second left the first."""
    picture = Picture(WIDTH_IN, HEIGHT_IN)
    picture.suptitle(fill(title, 95), x=0.02, ha="left", fontsize=11.5, weight="bold")
    panels = picture.subplots(3, 1, sharex=True)
    picture.subplots_adjust(left=0.085, right=0.98, top=0.86, bottom=0.08, hspace=0.14)
    names = ("records written\nper second", "lag of the group\nfurthest behind (s)", "longest wait for\nan answer (s)")
    for run, label, style in zip(runs, labels, STYLES, strict=True):
        curves = Curves(run.metrics.samples)
        for panel, curve in zip(panels, _curves(curves), strict=True):
            panel.plot(curves.times, curve, label=label, linewidth=1.6, **style)
    for panel, name in zip(panels, names, strict=True):
        _finish(panel, name, fork_s)
    _shade(panels, runs if fork_s is None else runs[:1])
    panels[0].legend(loc="lower right", frameon=False, ncols=2, fontsize=9, bbox_to_anchor=(1, 1))
    panels[-1].set_xlabel("seconds from the start")
    picture.save(path)
    return picture


def _shade(panels: Sequence[Axes], runs: Sequence["Run"]) -> None:
    """The faults of the runs, each once, with their names in the panel below."""
    found = {(span.label, span.begin_s): span for run in runs for span in fault_spans(run.facts, run.simulated_s)}
    shade_faults(panels, list(found.values()))
    for row, span in enumerate(found.values()):
        panels[-1].text(
            span.begin_s,
            0.97 - 0.1 * (row % 3),
            f" {span.label[:40]}",
            transform=panels[-1].get_xaxis_transform(),
            va="top",
            fontsize=8,
            color=colours.FAULT_TEXT,
        )


def _curves(curves: Curves) -> tuple[Curve, Curve, Curve]:
    """One of each panel."""
    wait_s = curves.highest("produce-latency-ms", quantile="max") / 1e3
    behind_s = curves.highest("records-lag-seconds")
    return curves.total("MessagesInPerSec"), numpy.nan_to_num(behind_s), wait_s


def _finish(panel: Axes, name: str, fork_s: float | None) -> None:
    panel.set_ylabel(name, fontsize=9)
    panel.set_ylim(bottom=0)
    panel.margins(x=0)
    panel.grid(color=colours.PALE)
    panel.spines[["top", "right"]].set_visible(False)
    if fork_s is not None:
        panel.axvline(fork_s, color=colours.GREY, linewidth=1)
        panel.text(fork_s, 1, " fork", transform=panel.get_xaxis_transform(), va="top", fontsize=8)
