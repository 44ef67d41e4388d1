"""Small multiples: the same picture for several values of one thing, on common scales."""

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["draw_multiples", "draw_one"]

Draw = Callable[[Any, Any], None]


def draw_multiples(name: str, values: Sequence[Any], draw: Draw, title: str) -> Any:
    """Side by side, each under its value; returns the matplotlib figure, which no window shows by itself."""
    from sim.view.picture import Picture

    columns = min(len(values), 4)
    rows = -(-len(values) // columns)
    figure = Picture(3.2 * columns + 0.6, 2.5 * rows + 0.5)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(values):
            axes.set_axis_off()
            continue
        draw(axes, values[place])
        axes.set_title(f"{name} = {values[place]}", fontsize=10)
        axes.label_outer()
    figure.suptitle(title, fontsize=12)
    return figure


def draw_one(name: str, value: Any, draw: Draw) -> Any:
    """The picture of one value, large; returns the matplotlib figure."""
    from sim.view.picture import Picture

    figure = Picture(8, 3.5)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    draw(axes, value)
    axes.set_title(f"{name} = {value}")
    return figure
