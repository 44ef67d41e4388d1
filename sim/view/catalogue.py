"""The views of a run by name; each is a module with `draw(run, path=None, ...) -> Figure`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["RECORDED", "VIEWS", "draw_view", "known_view"]

VIEWS = {
    "overview": "throughput_lag",
    "throughput": "throughput",
    "lag": "lag",
    "latency": "latency",
    "isr": "isr",
    "ownership": "ownership",
    "staircase": "staircase",
    "requests": "requests",
    "resources": "resources",
    "topology": "topology",
    "sequence": "sequence",
}
"""What can be drawn, and the module that draws it."""

RECORDED = frozenset({"staircase", "requests", "resources", "sequence"})
"""Views of what only a recorder keeps; a run without one is flown once more for them."""

OPTIONS = {"staircase": {"partition"}, "sequence": {"at_s"}}


def known_view(name: str) -> str:
    """The name, if there is such a view. Raises ConfigError with the nearest name, one line."""
    if name not in VIEWS:
        raise ConfigError(f"unknown view {name!r}{nearest(name, VIEWS)}")
    return name


def draw_view(run: "Run", name: str, path: str | Path | None = None, **options: Any) -> Any:
    """Draw one view of a run, with those of the options that concern it; returns the matplotlib figure.

    `at_s` is a time in seconds for `sequence`, `partition` a name such as `orders-0` for `staircase`; None lets the
    view choose. Raises ConfigError, one line, for an unknown view, time or partition.
    """
    if isinstance(path, str) and path in VIEWS:
        raise ConfigError(f"plot({path!r}): the first argument is the file to write; write plot(what={path!r})")
    path = None if path is None else Path(path)
    draw: Callable[..., Any] = import_module(f"sim.view.{VIEWS[known_view(name)]}").draw
    return draw(run, path, **{key: value for key, value in options.items() if key in OPTIONS.get(name, ())})
