"""The picture of a run: throughput, lag, latency and replication over time, with the faults shaded."""

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from sim.view import panels
from sim.view.curves import Curves
from sim.view.episodes import episodes
from sim.view.finding import finding
from sim.view.timeline import timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

PANEL_HEIGHTS = (1.25, 1.25, 0.95, 1.1, 0.35)


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw a run, and write it to `path` as PNG if one is given."""
    curves, plan = Curves(run.metrics.samples), run.flight.plan
    frame = timeline(run, finding(run), PANEL_HEIGHTS, keys=panels.legend_lines(plan))
    stack, faults = frame.panels, episodes(frame.spans)
    panels.throughput(stack[0], plan, curves)
    panels.lag_records(stack[1], plan, curves, faults)
    panels.lag_seconds(stack[2], plan, curves, faults)
    panels.latency(stack[3], plan, curves)
    panels.replication(stack[4], plan, curves)
    stack[4].set_ylabel("partitions", fontsize=9.5, rotation=0, ha="right", va="center")
    stack[4].yaxis.set_label_coords(*frame.strip.yaxis.get_label().get_position())
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture
