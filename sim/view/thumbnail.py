"""A small picture of a run for a page of many: throughput above, lag below, faults shaded."""

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from sim.view import colours, panels
from sim.view.curves import Curves
from sim.view.episodes import fault_spans
from sim.view.marks import shade_faults
from sim.view.picture import Picture

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 3.2, 1.9, 80
LEFT_IN, GAP_IN, NAME_IN = 0.08, 0.06, 0.2


def draw(run: "Run", path: Path | None = None) -> Picture:
    """Draw the two panels without scales, and write them to `path` as PNG if one is given."""
    picture = Picture(WIDTH_IN, HEIGHT_IN, DOTS_PER_IN)
    curves, plan = Curves(run.metrics.samples), run.flight.plan
    upper, lower = _panel(picture, 0, "records per second"), _panel(picture, 1, "records of lag")
    panels.throughput(upper, plan, curves)
    panels.lag_records(lower, plan, curves, [])
    shade_faults((upper, lower), fault_spans(run.facts, run.simulated_s))
    for axes in (upper, lower):
        axes.set(xlim=(0, max(run.simulated_s, 0.1)), xticks=[], yticks=[], ylabel="")
        axes.set_title("", loc="left")
        for text in axes.texts:
            text.set_visible(False)
    if path is not None:
        picture.save(path)
    return picture


def _panel(picture: Picture, row: int, name: str) -> Axes:
    height_in = HEIGHT_IN / 2
    bottom_in = HEIGHT_IN - (row + 1) * height_in + GAP_IN
    box = (LEFT_IN, bottom_in, WIDTH_IN - 2 * LEFT_IN, height_in - NAME_IN - GAP_IN)
    width, height = picture.get_figwidth(), picture.get_figheight()
    axes = picture.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
    axes.spines[["top", "right"]].set_visible(False)
    picture.write(LEFT_IN, row * height_in + 0.04, name, fontsize=7.5, color=colours.GREY, va="top")
    return axes
