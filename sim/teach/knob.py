"""A knob to turn: a slider over flights that are done, and beside it a static picture of them all."""

from collections.abc import Callable, Sequence
from typing import Any

from sim.rules.errors import ConfigError

__all__ = ["knob"]


def knob(name: str, values: Sequence[Any], draw: Callable[[Any, Any], None], title: str) -> Any:
    """Show small multiples, one for each value, and a slider that shows one of them large.

    `draw(axes, value)` draws the picture of one value on matplotlib axes, from flights that are done, so that the
    slider answers at once. The small multiples share their scales and are what an exported page shows. Returns the
    slider above its picture, or the static figure where the extra for notebooks is not installed. Raises ConfigError,
    one line, without values.
    """
    from sim.view.multiples import draw_multiples, draw_one

    if not values:
        raise ConfigError(f"a knob {name!r} without values; give at least one")
    figure = draw_multiples(name, values, draw, title)
    try:
        import ipywidgets
        from IPython import display
    except ImportError:
        return figure
    show: Callable[[Any], None] = display.display
    show(figure)
    slider = ipywidgets.SelectionSlider(options=[(str(value), value) for value in values], description=name)
    picture = ipywidgets.Image(value=draw_one(name, values[0], draw)._repr_png_(), format="png")

    def turn(change: Any) -> None:
        picture.value = draw_one(name, change["new"], draw)._repr_png_()

    slider.observe(turn, names="value")
    return ipywidgets.VBox([slider, picture])
