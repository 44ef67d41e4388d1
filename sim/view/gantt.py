"""Bars in rows over time: how a row is named, how a state is filled so that it is told apart in grey, too."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from sim.view import colours

__all__ = ["Bar", "Filling", "draw_bars", "draw_rows", "member_filling", "room_for"]


CHARACTER_IN, LEAST_LEFT_IN, MOST_LEFT_IN = 0.078, 0.95, 3.4


class Filling(NamedTuple):
    """How a bar is filled; the hatch is drawn in `edge`."""

    face: str
    hatch: str
    edge: str

    def key(self, label: str) -> Patch:
        """An entry of a legend."""
        return Patch(facecolor=self.face, hatch=self.hatch, edgecolor=self.edge, linewidth=0.6, label=label)


class Bar(NamedTuple):
    """A state that a row is in from one time to another (seconds), and what is written into it if there is room.

    It takes the row from `low` to `high`, shares of its height.
    """

    row: int
    begin_s: float
    end_s: float
    filling: Filling
    text: str = ""
    low: float = 0.09
    high: float = 0.91


MEMBERS = (
    Filling(colours.BLUE, "", "white"),
    Filling("#F2C66B", "////", "#6B4A00"),
    Filling(colours.GREEN, "....", "#CFEFE5"),
    Filling("#F3E3EC", "xxxx", "#A1527B"),
    Filling(colours.VERMILLION, "\\\\\\\\", "#FFE3D1"),
    Filling("#CFE8F7", "||||", "#2A7AA8"),
    Filling("#4D4D4D", "----", "#BBBBBB"),
    Filling("#FBF7B0", "++++", "#7A7000"),
)


def room_for(labels: Sequence[str]) -> float:
    """How wide a left margin the names of rows need, in inches."""
    return min(MOST_LEFT_IN, max(LEAST_LEFT_IN, 0.25 + CHARACTER_IN * max(map(len, labels), default=0)))


def member_filling(index: int) -> Filling:
    """The bars of the n-th member; after eight they repeat."""
    return MEMBERS[index % len(MEMBERS)]


def draw_rows(axes: Axes, labels: Sequence[str], groups: Iterable[int] = ()) -> None:
    """Name the rows, the first on top; a line stands above each row that begins a group."""
    axes.set_ylim(max(1, len(labels)), 0)
    axes.set_yticks([row + 0.5 for row in range(len(labels))], labels)
    axes.tick_params(axis="y", labelsize=8.5 if len(labels) <= 30 else 7, length=0)
    axes.grid(visible=False)
    for row in groups:
        axes.axhline(row, color=colours.GREY, linewidth=0.7, zorder=1)


def draw_bars(axes: Axes, bars: Iterable[Bar], inches_per_s: float) -> None:
    """Draw bars, each a rectangle whose label tells what it is; text only where it fits."""
    for bar in bars:
        rectangle = Rectangle((bar.begin_s, bar.row + bar.low), bar.end_s - bar.begin_s, bar.high - bar.low)
        rectangle.set(facecolor=bar.filling.face, hatch=bar.filling.hatch, edgecolor=bar.filling.edge, linewidth=0.4)
        rectangle.set(label=f"_{bar.text}", zorder=2)
        axes.add_patch(rectangle)
        if bar.text and 0.085 * len(bar.text) < (bar.end_s - bar.begin_s) * inches_per_s:
            middle = (bar.begin_s + bar.end_s) / 2, bar.row + (bar.low + bar.high) / 2
            text = axes.text(*middle, bar.text, fontsize=8, ha="center", va="center_baseline", clip_on=True, zorder=6)
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
