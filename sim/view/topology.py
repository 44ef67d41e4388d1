"""A plan as a picture: the workflow from left to right, and below it the brokers in their racks."""

from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING

import networkx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from sim.view import colours
from sim.view.picture import Picture
from sim.view.workflow import placed, workflow
from sim.world.plan import Plan

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

BOX_IN, BOX_HEIGHT_IN = 1.75, 0.9
COLUMN_IN, ROW_IN, MARGIN_IN = 2.25, 1.2, 0.3
HEAD_IN, CLUSTER_IN, FAULT_LINE_IN = 0.75, 1.35, 0.24
LEAST_WIDTH_IN = 8.5
MOST_BROKERS, MOST_RACKS = 12, 6
FILL = {"applications": "#D6E8F5", "topic": "#FCEBC5", "store": "#D5EFE5"}
EDGE = {"applications": colours.BLUE, "topic": "#8A5F00", "store": "#00684C"}
ROUNDING_IN = {"applications": 0.08, "topic": 0.44, "store": 0.2}

Places = dict[str, tuple[float, float]]


def draw(plan_or_run: "Plan | Run", path: Path | None = None) -> Figure:
    """Draw workflow and cluster, and write the picture to `path` as PNG if one is given.

    Blue boxes are applications, amber pipes topics, green drums stores; what a fault breaks has a dashed red outline.
    """
    plan = plan_or_run if isinstance(plan_or_run, Plan) else plan_or_run.flight.plan
    graph = workflow(plan)
    below_in = MARGIN_IN + FAULT_LINE_IN * len(plan.faults) + CLUSTER_IN
    places, width_in, height_in = _middles(graph, below_in)
    picture = Picture(width_in, height_in)
    axes = picture.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width_in), ylim=(0, height_in))
    axes.set_axis_off()
    broken = {fault.subject for fault in plan.faults}
    title = "Workflow" if isinstance(plan_or_run, Plan) else f"Workflow of {plan_or_run.scenario.name}"
    _head(axes, title, _size(plan), width_in, height_in)
    _flow(axes, graph, places, broken)
    _cluster(axes, plan, broken, width_in, below_in)
    for number, fault in enumerate(reversed(plan.faults)):
        y = MARGIN_IN + FAULT_LINE_IN * number
        axes.text(MARGIN_IN, y, f"fault: {fault}", fontsize=9.5, color=colours.FAULT_TEXT, va="center")
    if path is not None:
        picture.save(path)
    return picture


def _size(plan: Plan) -> str:
    """`3 applications, 12 partitions, 3 brokers`."""
    counts = (
        (len(plan.apps), "application"),
        (sum(topic.partitions for topic in plan.topics), "partition"),
        (plan.cluster.brokers, "broker"),
    )
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)


def _middles(graph: networkx.DiGraph, below_in: float) -> tuple[Places, float, float]:
    """The middle of each node in inches from the lower left corner, and the width and height of the whole picture."""
    units = placed(graph)
    columns, rows = [x for x, _ in units.values()] or [0.0], [y for _, y in units.values()] or [0.0]
    flow_width_in = (max(columns) - min(columns)) * COLUMN_IN + BOX_IN
    width_in = max(LEAST_WIDTH_IN, flow_width_in + 2 * MARGIN_IN)
    height_in = below_in + (max(rows) - min(rows)) * ROW_IN + BOX_HEIGHT_IN + HEAD_IN
    left_in, low_in = (width_in - flow_width_in + BOX_IN) / 2, below_in + BOX_HEIGHT_IN / 2
    places = {
        name: (left_in + (x - min(columns)) * COLUMN_IN, low_in + (y - min(rows)) * ROW_IN)
        for name, (x, y) in units.items()
    }
    return places, width_in, height_in


def _head(axes: Axes, title: str, size: str, width_in: float, height_in: float) -> None:
    y = height_in - 0.25
    axes.text(MARGIN_IN, y, title, fontsize=14, weight="bold", va="center")
    axes.text(MARGIN_IN, y - 0.25, size, fontsize=10, color=colours.GREY, va="center")
    for x_in, kind in ((3.2, "applications"), (1.8, "topic"), (0.95, "store")):
        axes.text(width_in - x_in, y, f"■ {kind}", fontsize=10, color=EDGE[kind], va="center")


def _flow(axes: Axes, graph: networkx.DiGraph, places: Places, broken: Set[str]) -> None:
    for source, target in graph.edges:
        _arrow(axes, places[source], places[target])
    for name, (x, y) in places.items():
        node = graph.nodes[name]
        kind, lines = node["kind"], node["lines"]
        _box(axes, (x, y), (BOX_IN, BOX_HEIGHT_IN), kind, not broken.isdisjoint({name, *node["members"]}))
        if kind == "topic":
            _cap(axes, (x + BOX_IN / 2 - 0.12, y), (0.2, BOX_HEIGHT_IN), kind)
        if kind == "store":
            _cap(axes, (x, y + BOX_HEIGHT_IN / 2 - 0.1), (BOX_IN, 0.2), kind)
        axes.text(
            x,
            y + 0.14 * len(lines) / 2,
            name,
            fontsize=min(11, 170 / len(name)),
            weight="bold",
            ha="center",
            va="center",
        )
        axes.text(x, y - 0.1, "\n".join(lines), fontsize=8.5, color=colours.GREY, ha="center", va="center")


def _arrow(axes: Axes, source: tuple[float, float], target: tuple[float, float]) -> None:
    """From the right edge of one node to the left edge of the next; nodes of one column are joined top to bottom."""
    if source[0] == target[0]:
        across, up = 0.0, BOX_HEIGHT_IN / 2 if target[1] > source[1] else -BOX_HEIGHT_IN / 2
    else:
        across, up = BOX_IN / 2, 0.0
    begin, end = (source[0] + across, source[1] + up), (target[0] - across, target[1] - up)
    axes.add_patch(
        FancyArrowPatch(begin, end, arrowstyle="-|>", mutation_scale=15, color=colours.GREY, linewidth=1.6, shrinkA=0)
    )


def _box(
    axes: Axes, middle: tuple[float, float], size: tuple[float, float], kind: str, is_broken: bool = False
) -> None:
    corner = (middle[0] - size[0] / 2, middle[1] - size[1] / 2)
    box = FancyBboxPatch(corner, *size, boxstyle=f"round,pad=0,rounding_size={ROUNDING_IN[kind]}")
    edge, style, width = (colours.FAULT, "--", 2.4) if is_broken else (EDGE[kind], "-", 1.3)
    box.set(facecolor=FILL[kind], edgecolor=edge, linestyle=style, linewidth=width)
    axes.add_patch(box)


def _cap(axes: Axes, middle: tuple[float, float], size: tuple[float, float], kind: str) -> None:
    """The open end of a pipe, or the lid of a drum."""
    axes.add_patch(Ellipse(middle, *size, facecolor="white", alpha=0.7, edgecolor=EDGE[kind], linewidth=1.0))


def _cluster(axes: Axes, plan: Plan, broken: Set[str], width_in: float, top_in: float) -> None:
    """Racks as frames, brokers in them; of a large cluster only the numbers."""
    brokers, racks = plan.cluster.brokers, min(plan.cluster.racks, plan.cluster.brokers)
    middle_y = top_in - 0.8
    if brokers > MOST_BROKERS or racks > MOST_RACKS:
        text = f"the cluster: {brokers} brokers in {racks} racks"
        axes.text(width_in / 2, middle_y, text, fontsize=11, ha="center", va="center")
        return
    rack_in = (width_in - 2 * MARGIN_IN) / racks
    for rack in range(racks):
        centre = MARGIN_IN + rack_in * (rack + 0.5)
        frame = FancyBboxPatch(
            (centre - rack_in / 2 + 0.06, middle_y - 0.4),
            rack_in - 0.12,
            0.92,
            boxstyle="round,pad=0,rounding_size=0.08",
        )
        frame.set(facecolor="#F4F4F4", edgecolor="#BBBBBB")
        axes.add_patch(frame)
        axes.text(centre, middle_y + 0.39, f"rack {rack + 1}", fontsize=9, color=colours.GREY, ha="center", va="center")
        members = [f"broker {number + 1}" for number in range(rack, brokers, racks)]
        slot_in = (rack_in - 0.2) / len(members)
        for slot, name in enumerate(members):
            x = centre + (slot - (len(members) - 1) / 2) * slot_in
            _box(axes, (x, middle_y - 0.08), (min(1.3, slot_in - 0.1), 0.5), "applications", name in broken)
            axes.text(x, middle_y - 0.08, name, fontsize=10 if slot_in > 0.9 else 7, ha="center", va="center")
