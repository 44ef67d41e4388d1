"""How far each group is behind: in records, in seconds, and on which partition most."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from matplotlib.figure import Figure

from sim.view import panels
from sim.view.curves import Curves
from sim.view.episodes import episodes, fault_spans
from sim.view.timeline import sentence, timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw consumer lag in records and in seconds, and write it to `path` as PNG if one is given."""
    curves, plan = Curves(run.metrics.samples), run.flight.plan
    frame = timeline(run, title(run, curves), (1.2, 1.2), 6.2, keys=panels.legend_lines(plan, topics=False))
    panels.lag_records(frame.panels[0], plan, curves, episodes(frame.spans))
    panels.lag_seconds(frame.panels[1], plan, curves, episodes(frame.spans))
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def title(run: "Run", curves: Curves) -> str:
    """Of each group the highest lag since the first fault and what is left at the end; the furthest behind first."""
    faults = fault_spans(run.facts, run.simulated_s)
    told = curves.times > min((span.begin_s for span in faults), default=-1.0)
    said: list[tuple[float, str]] = []
    for group in run.flight.plan.groups:
        records = curves.last_known("records-lag", group=group.group_id)
        if not told.any():
            continue
        seconds = curves.highest("records-lag-seconds", group=group.group_id)
        peak, end = int(numpy.where(told, records, -1.0).argmax()), float(records[-1])
        oldest = float(numpy.nanmax(seconds[told], initial=0.0))
        left = "caught up" if end == 0 else f"{end:,.0f} left at the end"
        clause = f"{group.group_id} up to {records[peak]:,.0f} records behind at {curves.times[peak]:.0f} s"
        said.append((float(records[peak]), f"{clause}, the oldest {oldest:.1f} s old, {left}"))
    if not said:
        return "nobody reads: no group, no lag"
    return sentence([clause for _, clause in sorted(said, key=lambda pair: -pair[0])])
