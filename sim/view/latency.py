"""How long a record takes until it is acknowledged, and until an application has it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from matplotlib.figure import Figure

from sim.view import panels
from sim.view.curves import Curve, Curves
from sim.view.timeline import sentence, timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw the median, the 95th percentile and the maximum of each second; write it to `path` as PNG if given."""
    curves, plan = Curves(run.metrics.samples), run.flight.plan
    frame = timeline(run, title(run, curves), (1.0, 1.0, 1.0), 7.4, keys=panels.legend_lines(plan))
    for axes, quantile in zip(frame.panels, ("p50", "p95", "max"), strict=True):
        panels.latency(axes, plan, curves, quantile)
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def title(run: "Run", curves: Curves) -> str:
    """Of topics the usual and the longest wait for an acknowledgement, of groups that for a poll; the longest first."""
    told: list[tuple[float, str]] = []
    for topic in run.flight.plan.topics:
        told += _told(curves, f"{topic.name} acknowledged", "produce-latency-ms", topic=topic.name)
    for group in run.flight.plan.groups:
        told += _told(curves, f"{group.group_id} got records", "end-to-end-latency-ms", group=group.group_id)
    said = [clause for _, clause in sorted(told, key=lambda pair: -pair[0])]
    return sentence(said) if said else "No record was acknowledged, none was delivered"


def _told(curves: Curves, what: str, metric: str, **labels: str) -> list[tuple[float, str]]:
    medians, longest = (curves.highest(metric, quantile=quantile, **labels) for quantile in ("p50", "max"))
    known: Curve = medians[~numpy.isnan(medians)]
    if not len(known):
        return []
    worst = int(numpy.nanargmax(longest))
    usual, most = milliseconds(float(numpy.median(known))), milliseconds(float(longest[worst]))
    return [(float(longest[worst]), f"{what} after {usual} usually, at worst {most}, at {curves.times[worst]:.0f} s")]


def milliseconds(value: float) -> str:
    """Three digits are enough: `0.93 ms`, `105 ms`, `8.65 s`."""
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:,.3g} s" if value < 1e6 else f"{value / 1000:,.0f} s"
